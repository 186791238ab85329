//! Chooses whole new definitions of tables, and data steps.

use super::chance::Chance;
use super::changes::{Change, Progress};
use super::choose::{computed, new_column};
use super::expressions::{constant, mention};
use super::model::{Column, Id, Owner, Piece, Rule, Schema, Source, Table, Template, text};
use super::names::gap;
use super::objects::ordinary;
use super::tables;

/// A new definition for a table: other spacing, and a few other changes.
pub fn rebuild(chance: &mut Chance, progress: &mut Progress) -> Option<Change> {
    let id = chance.some(&ordinary(&progress.now))?;
    let old = progress.now.table(id)?.clone();
    let mut table = old.clone();
    let mut values = Vec::new();
    for column in &mut table.columns {
        gap(chance).clone_into(&mut column.lead);
    }
    for _ in 0..chance.between(0, 3) {
        match chance.below(6) {
            0 => chance.shuffle(&mut table.columns),
            1 => remove_column(chance, progress, &mut table),
            2 => {
                let mut column = new_column(chance, &mut progress.now, id)?;
                if table.columns.iter().any(|it| it.name.eq_ignore_ascii_case(&column.name)) {
                    column.name.push_str("_new");
                }
                column.clauses.retain(|it| it.rule != Rule::Generated);
                if let (true, Some(value)) = (chance.percent(60), computed(chance, &old)) {
                    values.push((column.id, value));
                }
                let place = chance.below(table.columns.len() + 1);
                table.columns.insert(place, column);
            }
            3 => {
                let columns: Vec<Id> = table.columns.iter().map(|it| it.id).collect();
                let check = tables::check(&mut progress.now, chance, &columns);
                table.constraints.push(check);
            }
            4 => table.constraints.retain(|it| it.rule != Rule::Check),
            _ if chance.percent(30) => swap_kind(&mut table),
            _ => {}
        }
    }
    // The steps of a phase file write a text once; nothing of the old one is left in it.
    (table.edited, table.reordered) = (false, false);
    Some(Change::Rebuild { table, values })
}

fn remove_column(chance: &mut Chance, progress: &Progress, table: &mut Table) {
    let free: Vec<Id> =
        table.columns.iter().map(|it| it.id).filter(|it| !progress.now.uses_column(*it)).collect();
    if let (Some(gone), true) = (chance.some(&free), table.columns.len() > 1) {
        table.columns.retain(|it| it.id != gone);
    }
}

fn swap_kind(table: &mut Table) {
    let keyed = table.constraints.iter().any(|it| it.rule == Rule::PrimaryKey);
    if keyed {
        table.without_rowid = !table.without_rowid;
    }
}

/// A data step on a table whose rows can be followed.
pub fn data(chance: &mut Chance, progress: &mut Progress) -> Option<Change> {
    let Progress { before, now, .. } = progress;
    let fits = |id: &Id| is_followable(before, *id) && is_followable(now, *id);
    let tables: Vec<Id> = ordinary(now).into_iter().filter(fits).collect();
    let table = chance.some(&tables)?;
    let shape = now.table(table)?;
    if shape.columns.iter().any(|it| matches!(it.source, Source::Value(_))) {
        return None;
    }
    let free: Vec<&Column> = shape
        .columns
        .iter()
        .filter(|it| it.clauses.is_empty() && it.source == Source::Kept)
        .filter(|it| !shape.edited && !before.uses_column(it.id) && !now.uses_column(it.id))
        .collect();
    let column = chance.some(&free)?;
    let mut statements = Vec::new();
    for _ in 0..chance.between(1, 2) {
        statements.push(statement(chance, table, column));
    }
    Some(Change::Sql { table, statements })
}

fn is_followable(schema: &Schema, id: Id) -> bool {
    let searched = schema
        .tables
        .iter()
        .any(|it| it.module.as_ref().is_some_and(|module| module.content == Some(id)));
    let fires = schema.triggers.iter().any(|it| it.owner == Owner::Table(id));
    schema.table(id).is_some_and(|it| it.module.is_none()) && !searched && !fires
}

fn statement(chance: &mut Chance, table: Id, column: &Column) -> Template {
    let name = Piece::Table(table, super::names::Style::PLAIN);
    let value = constant(chance, &column.type_name);
    let value = if value == "NULL" { "1".to_owned() } else { value };
    let column = mention(chance, column.id);
    match chance.below(3) {
        0 => {
            let mut sql = vec![Piece::Text("UPDATE ".to_owned()), name];
            sql.extend(text(" SET "));
            sql.push(column);
            sql.extend(text(format!(" = {value}")));
            sql
        }
        1 => {
            let mut sql = vec![Piece::Text("UPDATE ".to_owned()), name];
            sql.extend(text(" /* some */ SET "));
            sql.extend([column.clone(), Piece::Text(format!(" = {value} WHERE "))]);
            sql.extend([column, Piece::Text(" IS NULL".to_owned())]);
            sql
        }
        _ => {
            let mut sql = vec![Piece::Text("DELETE FROM ".to_owned()), name];
            sql.extend(text(" WHERE "));
            sql.extend([column, Piece::Text(format!(" = {value}"))]);
            sql
        }
    }
}
