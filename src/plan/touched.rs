//! Every object that a phase touches, by name, and why: what a person reads before saying yes.

use super::{DataStage, FillReason, PhasePlan, RebuildReason, SchemaChange, Stage, VirtualChange};
use crate::name::{is_internal, same};
use crate::schema::{Object, ObjectKind};
use crate::shadow::TableEffect;
use crate::sql::edit::virtual_table_arguments;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TouchedObject {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: &'static str,
    /// The name after the phase, or the last one it had.
    pub name: String,
    /// The name before, where it is another one.
    pub before: Option<String>,
    /// What happens to it, in a few words.
    pub change: &'static str,
    /// Why, in a few words; empty if there are reasons.
    pub why: String,
    #[serde(skip)]
    pub reasons: Vec<RebuildReason>,
}

/// Lists the objects that a phase touches, in the order in which it does.
pub fn touched_objects(phase: &PhasePlan) -> Vec<TouchedObject> {
    let mut objects = Vec::new();
    for stage in &phase.stages {
        match stage {
            Stage::Data(data) => {
                let why = match &data.file {
                    Some(file) => format!("the statements of {file}"),
                    None => format!("the statements of line {}", data.line),
                };
                data_step(data, &why, &mut objects);
            }
            Stage::SchemaChange(schema_change) => {
                tables(schema_change, &mut objects);
                virtual_tables(schema_change, &mut objects);
                dependents(schema_change, &mut objects);
            }
        }
    }
    objects
}

/// What statements do to the schema, and the other tables whose rows they change.
fn data_step(data: &DataStage, why: &str, objects: &mut Vec<TouchedObject>) {
    objects.extend(data.changes.iter().map(|it| TouchedObject {
        before: it.before.clone().filter(|before| *before != it.name),
        ..plain(it.kind.word(), &it.name, it.change.word(), why)
    }));
    for effect in &data.effects {
        let TableEffect::Rows { table, what, .. } = effect else { continue };
        let changes = what.inserts || what.deletes || !what.updates.is_empty();
        let known = objects.iter().any(|it| same(&it.name, table) && it.why == why);
        let there = is_internal(table) || data.lineage.table(table).is_some();
        if changes && there && !known {
            objects.push(plain("table", table, "rows change", why));
        }
    }
}

fn plain(kind: &'static str, name: &str, change: &'static str, why: &str) -> TouchedObject {
    TouchedObject {
        kind,
        name: name.to_owned(),
        before: None,
        change,
        why: why.to_owned(),
        reasons: Vec::new(),
    }
}

fn tables(schema_change: &SchemaChange, objects: &mut Vec<TouchedObject>) {
    for rebuild in &schema_change.rebuilds {
        let renamed = rebuild.from != rebuild.to;
        objects.push(TouchedObject {
            kind: "table",
            name: rebuild.to.clone(),
            before: renamed.then(|| rebuild.from.clone()),
            change: if rebuild.in_place() { "changed in place" } else { "rebuilt" },
            why: String::new(),
            reasons: rebuild.reasons.clone(),
        });
    }
    let created = schema_change.created.iter();
    objects.extend(created.map(|it| plain("table", &it.name, "created", "the phase creates it")));
    let dropped = schema_change.dropped.iter();
    objects.extend(dropped.map(|it| plain("table", &it.table, "dropped", "the phase drops it")));
}

fn virtual_tables(schema_change: &SchemaChange, objects: &mut Vec<TouchedObject>) {
    objects.extend(schema_change.virtuals.iter().map(|change| match change {
        VirtualChange::Create { sql } => {
            let name = virtual_table_arguments(sql).map(|it| it.name.text).unwrap_or_default();
            plain("table", &name, "created", "the phase creates it")
        }
        VirtualChange::Drop { table } => plain("table", table, "dropped", "the phase drops it"),
        VirtualChange::Rename { from, to, .. } => TouchedObject {
            before: Some(from.clone()),
            ..plain("table", to, "renamed", "the phase renames it")
        },
        VirtualChange::Fill { table, reason } => match reason {
            FillReason::Created => plain("table", table, "filled", "its index is new"),
            FillReason::ContentChanged => plain(
                "table",
                table,
                "filled if its index does not fit",
                "the rows that it reads change",
            ),
        },
        VirtualChange::Recreate { from, to, .. } => TouchedObject {
            before: (from != to).then(|| from.clone()),
            ..plain("table", to, "recreated and filled", "the table that it reads is renamed")
        },
    }));
}

/// Indexes, views and triggers.
fn dependents(schema_change: &SchemaChange, objects: &mut Vec<TouchedObject>) {
    let twin = |list: &[Object], object: &Object| -> Option<Object> {
        list.iter().find(|it| it.kind == object.kind && same(&it.name, &object.name)).cloned()
    };
    for object in &schema_change.removed {
        if twin(&schema_change.restored, object).is_none() {
            let why = "the phase drops or renames it, or drops its table";
            objects.push(plain(object.kind.word(), &object.name, "dropped", why));
        }
    }
    for object in &schema_change.restored {
        let hangs = object.kind != ObjectKind::View
            && schema_change.rebuilds.iter().any(|it| same(&it.to, &object.table));
        let known = schema_change.lineage.table(&object.table).is_some();
        let (change, why) = match twin(&schema_change.removed, object) {
            Some(old) if old.sql != object.sql => {
                ("rewritten", "it names what the phase changes".to_owned())
            }
            Some(_) if hangs => ("recreated", format!("{} is rebuilt", object.table)),
            Some(_) => ("recreated", "what it reads is changed".to_owned()),
            None if hangs && known && object.kind != ObjectKind::View => {
                ("recreated", format!("{} is rebuilt", object.table))
            }
            None => ("created", "the phase adds, replaces or renames it".to_owned()),
        };
        objects.push(plain(object.kind.word(), &object.name, change, &why));
    }
}
