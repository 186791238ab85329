//! The order of the steps: what goes away first, then tables, and last what hangs on them.

use crate::error::Result;
use crate::name::quote;
use crate::phase::Operation;
use crate::schema::{
    Content, Object, ObjectKind, Schema, VirtualTable, same_meaning, same_virtual_meaning,
};

use super::tables::Change;
use super::{Draft, DraftStep};

/// Derives the steps from one schema to another.
pub(super) fn steps(have: &Schema, want: &Schema) -> Result<Draft> {
    let mut draft = Draft::default();
    for kind in [ObjectKind::Trigger, ObjectKind::View, ObjectKind::Index] {
        drop_gone(have, want, kind, &mut draft);
    }
    drop_tables(have, want, &mut draft);
    for object in of_tables(want).filter(|it| find(have, it).is_none()) {
        create(object, &mut draft);
    }
    for object in of_tables(want) {
        let Some(old) = find(have, object).filter(|it| !alike(it, object)) else { continue };
        if object.kind == ObjectKind::VirtualTable {
            continue;
        }
        let (Some(new), Some(text)) = (&object.sql, &old.sql) else { continue };
        let changed = Change { have, table: &old.name, old: text, new }.steps()?;
        draft.steps.extend(changed.steps);
        draft.drops.extend(changed.drops);
    }
    for kind in [ObjectKind::View, ObjectKind::Index, ObjectKind::Trigger] {
        for object in want.of_kind(kind) {
            match find(have, object) {
                Some(old) if alike(old, object) => {}
                Some(_) => replace(object, &mut draft),
                None => create(object, &mut draft),
            }
        }
    }
    fill_new(have, want, &mut draft);
    Ok(draft)
}

/// Fills the indexes of new full-text tables over other tables; a table with rows of its own is for a person to fill.
fn fill_new(have: &Schema, want: &Schema, draft: &mut Draft) {
    let is_new = |it: &VirtualTable| {
        let object = want.find(ObjectKind::VirtualTable, &it.name);
        object.is_some_and(|object| find(have, object).is_none())
    };
    for table in want.virtual_tables().filter(is_new) {
        let name = quote(&table.name);
        if let Content::External(content) = &table.content {
            let sql = format!("INSERT INTO {name}({name}) VALUES('rebuild')");
            let notes =
                vec![format!("fills the index of {} with the rows of {content}", table.name)];
            let operation = Operation::Sql { sql, file: None };
            draft.steps.push(DraftStep { operation, notes });
        } else if have.find(ObjectKind::VirtualTable, &table.name).is_some() {
            let name = &table.name;
            let note = format!(
                "{name} is recreated without its rows: add an sql step at the end that fills it, INSERT INTO {name} SELECT ..."
            );
            let creates = |it: &&mut DraftStep| {
                matches!(&it.operation, Operation::CreateTable { sql, .. }
                if VirtualTable::read(sql).is_some_and(|it| it.name == *name))
            };
            if let Some(step) = draft.steps.iter_mut().find(creates) {
                step.notes.push(note);
            }
        }
    }
}

fn of_tables(schema: &Schema) -> impl Iterator<Item = &Object> {
    let is_table = |it: &&Object| matches!(it.kind, ObjectKind::Table | ObjectKind::VirtualTable);
    schema.objects.iter().filter(is_table)
}

/// The same object in another schema. A virtual table of another text is another one: its module
/// makes it anew.
fn find<'s>(schema: &'s Schema, object: &Object) -> Option<&'s Object> {
    let found = schema.find(object.kind, &object.name)?;
    let other = object.kind == ObjectKind::VirtualTable && !alike(found, object);
    (!other).then_some(found)
}

fn alike(left: &Object, right: &Object) -> bool {
    let (Some(left_text), Some(right_text)) = (&left.sql, &right.sql) else { return true };
    match left.kind {
        ObjectKind::VirtualTable => same_virtual_meaning(left_text, right_text),
        _ => same_meaning(left_text, right_text),
    }
}

/// What goes with its table, or its view, needs no step of its own.
fn goes_along(object: &Object, have: &Schema, want: &Schema) -> bool {
    let owner = |kind| have.find(kind, &object.table);
    [ObjectKind::Table, ObjectKind::View]
        .into_iter()
        .filter_map(owner)
        .any(|owner| find(want, owner).is_none())
}

fn drop_gone(have: &Schema, want: &Schema, kind: ObjectKind, draft: &mut Draft) {
    for object in have.of_kind(kind).filter(|it| find(want, it).is_none()) {
        if kind != ObjectKind::View && goes_along(object, have, want) {
            continue;
        }
        let (name, if_exists) = (object.name.clone(), false);
        let operation = match kind {
            ObjectKind::Trigger => Operation::DropTrigger { trigger: name, if_exists },
            ObjectKind::View => Operation::DropView { view: name, if_exists },
            _ => Operation::DropIndex { index: name, if_exists },
        };
        draft.drops.push(format!("{} {}", kind.word(), object.name));
        draft.steps.push(DraftStep { operation, notes: Vec::new() });
    }
}

fn drop_tables(have: &Schema, want: &Schema, draft: &mut Draft) {
    for object in of_tables(have).filter(|it| find(want, it).is_none()) {
        let heir = heir(object, have, want);
        let table = object.name.clone();
        let notes = heir.map(|heir| {
            format!(
                "was it renamed? Then write instead, and leave out the new table: \
                 op = \"rename_table\", from = {table:?}, to = {heir:?}"
            )
        });
        draft.drops.push(match heir {
            Some(heir) => format!("table {table} (renamed to {heir}?)"),
            None => format!("table {table}"),
        });
        draft.steps.push(DraftStep {
            notes: notes.into_iter().collect(),
            operation: Operation::DropTable { table, if_exists: false },
        });
    }
}

/// The new table with the same columns, if there is only one.
fn heir<'w>(gone: &Object, have: &Schema, want: &'w Schema) -> Option<&'w str> {
    let names = |schema: &Schema, table: &str| -> Option<Vec<String>> {
        let shape = schema.shape(table)?;
        Some(shape.columns.iter().map(|it| crate::name::fold(&it.name)).collect())
    };
    let wanted = names(have, &gone.name)?;
    let new = of_tables(want).filter(|it| find(have, it).is_none());
    let alike: Vec<&Object> =
        new.filter(|it| names(want, &it.name).as_ref() == Some(&wanted)).collect();
    match alike.as_slice() {
        [only] => Some(&only.name),
        _ => None,
    }
}

fn create(object: &Object, draft: &mut Draft) {
    let Some(sql) = object.sql.clone() else { return };
    let if_not_exists = false;
    let operation = match object.kind {
        ObjectKind::Table | ObjectKind::VirtualTable => {
            Operation::CreateTable { sql, if_not_exists }
        }
        ObjectKind::Index => Operation::CreateIndex { sql, if_not_exists },
        ObjectKind::View => Operation::CreateView { sql, if_not_exists },
        ObjectKind::Trigger => Operation::CreateTrigger { sql, if_not_exists },
        ObjectKind::ShadowTable => return,
    };
    draft.steps.push(DraftStep { operation, notes: Vec::new() });
}

fn replace(object: &Object, draft: &mut Draft) {
    let Some(sql) = object.sql.clone() else { return };
    let mut push = |operation| draft.steps.push(DraftStep { operation, notes: Vec::new() });
    match object.kind {
        ObjectKind::View => push(Operation::ReplaceView { sql }),
        ObjectKind::Trigger => push(Operation::ReplaceTrigger { sql }),
        ObjectKind::Index => {
            push(Operation::DropIndex { index: object.name.clone(), if_exists: false });
            push(Operation::CreateIndex { sql, if_not_exists: false });
        }
        ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => {}
    }
}
