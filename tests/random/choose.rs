//! Chooses the changes of a phase.

use super::chance::Chance;
use super::changes::{Alteration, Change, Progress};
use super::choose_table::{data, rebuild};
use super::expressions::{default, value};
use super::model::{Clause, Column, Id, Rule, Schema, Table, Template, text};
use super::names::Names;
use super::objects::{self, columns, ordinary};
use super::tables;

/// Chooses a few changes and applies them.
pub fn changes(chance: &mut Chance, progress: &mut Progress) -> Vec<Change> {
    let wanted = chance.between(1, 5);
    let renames_only = chance.percent(25);
    let mut chosen = Vec::new();
    for _ in 0..30 {
        if chosen.len() == wanted {
            break;
        }
        let Some(change) = one(chance, progress, renames_only) else { continue };
        if progress.apply(&change).is_some() {
            chosen.push(change);
        }
    }
    chosen
}

fn one(chance: &mut Chance, progress: &mut Progress, renames_only: bool) -> Option<Change> {
    let mut names = Names::with(progress.now.names().into_iter().chain(progress.before.names()));
    let bound = if renames_only { 26 } else { 100 };
    match chance.below(bound) {
        0..12 => rename_tables(chance, &progress.now, &mut names),
        12..26 => rename_columns(chance, &progress.now),
        26..35 => add_column(chance, &mut progress.now),
        35..42 => drop_column(chance, &progress.now),
        42..51 => alter_column(chance, progress),
        51..56 => add_constraint(chance, &mut progress.now),
        56..61 => drop_constraint(chance, &progress.now),
        61..71 => index(chance, &mut progress.now, &mut names),
        71..77 => view(chance, &mut progress.now, &mut names),
        77..83 => trigger(chance, &mut progress.now, &mut names),
        83..88 => create_or_drop_table(chance, &mut progress.now, &mut names),
        88..94 => rebuild(chance, progress),
        _ => data(chance, progress),
    }
}

/// Names for things that change theirs: new ones, each other's, or another case.
fn new_names(
    chance: &mut Chance,
    things: &[(Id, String)],
    fresh: &mut dyn FnMut(&mut Chance) -> String,
) -> Option<Vec<(Id, String)>> {
    let mut order = things.to_vec();
    chance.shuffle(&mut order);
    let (id, name) = order.first()?.clone();
    Some(match chance.below(10) {
        // A swap or a longer cycle.
        0..=1 if order.len() > 1 => {
            order.truncate(chance.between(2, 3));
            let ids = order.iter().map(|it| it.0);
            let rotated = order.iter().cycle().skip(1).map(|it| it.1.clone());
            ids.zip(rotated).collect()
        }
        // A chain: the first takes the name that the second gives up.
        2 if order.len() > 1 => {
            let (other, freed) = order[1].clone();
            vec![(id, freed), (other, fresh(chance))]
        }
        3 if name.chars().any(|it| it.is_ascii_alphabetic()) => vec![(id, other_case(&name))],
        4 if order.len() > 1 => {
            let other = order[1].0;
            vec![(id, fresh(chance)), (other, fresh(chance))]
        }
        _ => vec![(id, fresh(chance))],
    })
}

fn other_case(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    if upper == name { name.to_ascii_lowercase() } else { upper }
}

fn rename_tables(chance: &mut Chance, schema: &Schema, names: &mut Names) -> Option<Change> {
    let virtual_too = chance.percent(40);
    let things: Vec<(Id, String)> = schema
        .tables
        .iter()
        .filter(|it| virtual_too || it.module.is_none())
        .map(|it| (it.id, it.name.clone()))
        .collect();
    let renames = new_names(chance, &things, &mut |chance| names.other(chance))?;
    Some(Change::RenameTables(renames))
}

fn rename_columns(chance: &mut Chance, schema: &Schema) -> Option<Change> {
    let table = chance.some(&ordinary(schema))?;
    let shape = schema.table(table)?;
    let things: Vec<(Id, String)> =
        shape.columns.iter().map(|it| (it.id, it.name.clone())).collect();
    let mut names = Names::with(things.iter().map(|it| it.1.clone()));
    let renames = new_names(chance, &things, &mut |chance| names.other(chance))?;
    Some(Change::RenameColumns(table, renames))
}

fn column_names(table: &Table) -> Names {
    Names::with(table.columns.iter().map(|it| it.name.clone()))
}

/// Makes a column that can be added to a table.
pub fn new_column(chance: &mut Chance, schema: &mut Schema, table: Id) -> Option<Column> {
    let shape = schema.table(table)?.clone();
    let mut column = tables::column(schema, chance, &mut column_names(&shape), shape.strict);
    (column.lead, column.trail) = (" ".to_owned(), String::new());
    if chance.percent(80) {
        column.clauses.retain(|it| it.rule != Rule::Unique);
    }
    if chance.percent(90) && !column.has(Rule::Default) {
        column.clauses.retain(|it| it.rule != Rule::NotNull);
    }
    if chance.percent(12) {
        column.clauses.retain(|it| it.rule == Rule::Collate);
        let others: Vec<Id> = plain_columns(&shape);
        if !others.is_empty() {
            if shape.strict {
                "ANY".clone_into(&mut column.type_name);
            }
            column.clauses.push(tables::generated(schema, chance, &others));
        }
    }
    Some(column)
}

fn plain_columns(table: &Table) -> Vec<Id> {
    table.columns.iter().filter(|it| !it.has(Rule::Generated)).map(|it| it.id).collect()
}

fn add_column(chance: &mut Chance, schema: &mut Schema) -> Option<Change> {
    let table = chance.some(&ordinary(schema))?;
    let column = new_column(chance, schema, table)?;
    let after = if chance.percent(35) { chance.some(&columns(schema, table)) } else { None };
    let computes = !column.has(Rule::Generated) && chance.percent(35);
    let value = if computes { computed(chance, schema.table(table)?) } else { None };
    Some(Change::AddColumn { table, column, after, value })
}

/// An expression for the rows of a table that no data step changes.
pub fn computed(chance: &mut Chance, table: &Table) -> Option<Template> {
    if table.dirty {
        return None;
    }
    let columns = plain_columns(table);
    if columns.is_empty() || chance.percent(15) {
        return Some(text(chance.word(&["'fixed'", "42", "NULL", "x'0102'"])));
    }
    Some(value(chance, &columns))
}

fn drop_column(chance: &mut Chance, schema: &Schema) -> Option<Change> {
    let table = chance.some(&ordinary(schema))?;
    let all = columns(schema, table);
    let free: Vec<Id> = all.iter().copied().filter(|it| !schema.uses_column(*it)).collect();
    let choice = if chance.percent(90) { chance.some(&free) } else { chance.some(&all) };
    Some(Change::DropColumn(choice?))
}

fn alter_column(chance: &mut Chance, progress: &Progress) -> Option<Change> {
    let table = chance.some(&ordinary(&progress.now))?;
    let shape = progress.now.table(table)?;
    let column = chance.some(&shape.columns)?;
    let mut alteration = Alteration::default();
    if chance.percent(35) {
        alteration.type_name =
            Some(tables::type_for(chance, shape.strict).to_owned()).filter(|it| !it.is_empty());
    }
    if chance.percent(30) {
        alteration.not_null = Some(chance.percent(40));
    }
    if chance.percent(30) {
        let new = chance.percent(70).then(|| default(chance, &column.type_name));
        alteration.default = Some(new);
    }
    if chance.percent(25) {
        alteration.collate = Some(chance.word(&["NOCASE", "RTRIM", "BINARY"]).to_owned());
    }
    let nothing = alteration.type_name.is_none()
        && alteration.not_null.is_none()
        && alteration.default.is_none()
        && alteration.collate.is_none();
    if nothing || (chance.percent(20) && !column.has(Rule::Generated)) {
        alteration.value = Some(computed(chance, shape)?);
    }
    Some(Change::AlterColumn(column.id, alteration))
}

fn add_constraint(chance: &mut Chance, schema: &mut Schema) -> Option<Change> {
    let table = chance.some(&ordinary(schema))?;
    let mut all = columns(schema, table);
    if chance.percent(30) {
        let old: Vec<Id> = constraints(schema, table).iter().map(|it| it.id).collect();
        tables::add_foreign_key(schema, chance, table);
        let shape = schema.table_mut(table)?;
        let place = shape.constraints.iter().position(|it| !old.contains(&it.id))?;
        return Some(Change::AddConstraint(table, shape.constraints.remove(place)));
    }
    let clause = if chance.percent(60) {
        let mut check = tables::check(schema, chance, &all);
        // No table has it already: an equal constraint is not added twice.
        check.template.pop();
        check.template.extend(text(format!(" OR {} IS NULL)", check.id)));
        check
    } else {
        chance.shuffle(&mut all);
        let all = chance.few(&all, 3);
        tables::keyed(schema, chance, Rule::Unique, &all)
    };
    Some(Change::AddConstraint(table, clause))
}

fn constraints(schema: &Schema, table: Id) -> Vec<Clause> {
    schema.table(table).map(|it| it.constraints.clone()).unwrap_or_default()
}

fn drop_constraint(chance: &mut Chance, schema: &Schema) -> Option<Change> {
    let all: Vec<Clause> = schema.tables.iter().flat_map(|it| it.constraints.clone()).collect();
    let clause = chance.some(&all)?;
    Some(Change::DropConstraint { clause: clause.id, by_name: chance.percent(60) })
}

fn index(chance: &mut Chance, schema: &mut Schema, names: &mut Names) -> Option<Change> {
    let present: Vec<Id> = schema.indexes.iter().map(|it| it.id).collect();
    Some(match chance.below(3) {
        0 => Change::CreateIndex(objects::index(schema, chance, names)?),
        1 => Change::DropIndex(chance.some(&present)?),
        _ => Change::RenameIndex(chance.some(&present)?, names.object(chance)),
    })
}

fn view(chance: &mut Chance, schema: &mut Schema, names: &mut Names) -> Option<Change> {
    let present: Vec<String> = schema.views.iter().map(|it| it.name.clone()).collect();
    Some(match chance.below(3) {
        0 => Change::CreateView(objects::view(schema, chance, names)?),
        1 => {
            let below =
                |name: &String| schema.views.iter().any(|it| it.below.as_ref() == Some(name));
            let free: Vec<String> = present.iter().filter(|it| !below(it)).cloned().collect();
            let choice = if chance.percent(90) { free } else { present };
            Change::DropView(chance.some(&choice)?)
        }
        _ => {
            let name = chance.some(&present)?;
            let mut others = schema.clone();
            others.views.retain(|it| it.name != name);
            let mut view = objects::view(&mut others, chance, names)?;
            view.name = name;
            Change::ReplaceView(view)
        }
    })
}

fn trigger(chance: &mut Chance, schema: &mut Schema, names: &mut Names) -> Option<Change> {
    let present: Vec<String> = schema.triggers.iter().map(|it| it.name.clone()).collect();
    Some(match chance.below(3) {
        0 => Change::CreateTrigger(objects::trigger(schema, chance, names)?),
        1 => Change::DropTrigger(chance.some(&present)?),
        _ => {
            let name = chance.some(&present)?;
            let mut trigger = objects::trigger(schema, chance, names)?;
            trigger.name = name;
            Change::ReplaceTrigger(trigger)
        }
    })
}

fn create_or_drop_table(
    chance: &mut Chance,
    schema: &mut Schema,
    names: &mut Names,
) -> Option<Change> {
    if chance.percent(60) {
        if chance.percent(15) {
            return Some(Change::CreateTable(objects::virtual_table(schema, chance, names)?));
        }
        return Some(Change::CreateTable(tables::table(schema, chance, names)));
    }
    let all: Vec<Id> = schema.tables.iter().map(|it| it.id).collect();
    let free: Vec<Id> = all.iter().copied().filter(|it| !schema.uses_table(*it)).collect();
    let choice = if chance.percent(90) { chance.some(&free) } else { chance.some(&all) };
    Some(Change::DropTable(choice?))
}
