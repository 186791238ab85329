//! The inverse of each step: what undoes it, given the schema before and after it.

use crate::error::{Error, ErrorKind, Result};
use crate::history::{UndoRecord, VersionTables};
use crate::name::same;
use crate::phase::{
    ColumnChange, ConstraintChoice, DefaultChange, LeftOut, Operation, Phase, PhaseSource, Step,
};
use crate::schema::{Object, ObjectKind, Schema, Table, same_meaning};
use crate::shadow::{creation, removal};
use crate::sql::edit::is_index_command;
use crate::sql::{ConstraintKind, CreateTable, object_head};

/// What is known when one group of steps is undone.
pub(super) struct Inverse<'a> {
    pub(super) phase: &'a Phase,
    /// The schema before the group, as the chain makes it.
    pub(super) before: Option<&'a Schema>,
    /// The schema after the group, as the chain makes it.
    pub(super) after: Option<&'a Schema>,
    /// The schema of the file's shadow now.
    pub(super) now: &'a Schema,
    /// What the phase changed in this file, if that is kept.
    pub(super) recorded: Option<&'a UndoRecord>,
    pub(super) tables: &'a VersionTables,
}

/// Refuses a phase with a step that nothing derived can undo.
///
/// # Errors
/// [`ErrorKind::Irreversible`] naming the step.
pub fn refuse_irreversible(phase: &Phase) -> Result<()> {
    for step in &phase.up {
        let why = match &step.operation {
            Operation::Sql { sql, .. } if is_index_command(sql) => continue,
            Operation::Sql { .. } => "statements have no inverse",
            Operation::AlterColumn { change: ColumnChange { value: Some(_), .. }, .. } => {
                "the old values are not kept"
            }
            Operation::RenameTable { .. }
            | Operation::RenameColumn { .. }
            | Operation::Create { .. }
            | Operation::Drop { .. }
            | Operation::AddColumn { .. }
            | Operation::DropColumn { .. }
            | Operation::AlterColumn { .. }
            | Operation::AddConstraint { .. }
            | Operation::DropConstraint { .. }
            | Operation::RenameIndex { .. }
            | Operation::ReplaceView { .. }
            | Operation::ReplaceTrigger { .. }
            | Operation::Rebuild { .. } => continue,
        };
        return Err(irreversible(phase, step, why));
    }
    Ok(())
}

fn irreversible(phase: &Phase, step: &Step, why: &str) -> Error {
    let op = step.operation.op();
    let refused = |place: &str| {
        let what = format!(
            "{} cannot be undone: no downgrade can be derived from {op}{place} ({why})",
            phase.id
        );
        Error::new(ErrorKind::Irreversible, what).in_phase(phase.id.as_str())
    };
    match phase.annotations.source {
        // Nothing can be written into the history of the file.
        PhaseSource::History => refused(""),
        PhaseSource::Folder => {
            refused(&format!(" in line {}", step.line)).at(&phase.file, step.line)
        }
    }
}

impl Inverse<'_> {
    /// Returns the steps that undo a group, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Irreversible`] naming the step.
    pub(super) fn of(&self, group: &[Step]) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for step in group.iter().rev() {
            let operations = self.operations(step)?;
            steps.extend(
                operations.into_iter().map(|operation| Step { operation, line: step.line }),
            );
        }
        Ok(steps)
    }

    fn operations(&self, step: &Step) -> Result<Vec<Operation>> {
        match &step.operation {
            Operation::RenameTable { from, to } => {
                Ok(vec![Operation::RenameTable { from: to.clone(), to: from.clone() }])
            }
            Operation::RenameColumn { table, from, to } => {
                let (table, from, to) = (table.clone(), to.clone(), from.clone());
                Ok(vec![Operation::RenameColumn { table, from, to }])
            }
            Operation::RenameIndex { from, to } => {
                Ok(vec![Operation::RenameIndex { from: to.clone(), to: from.clone() }])
            }
            Operation::Create { kind, sql, if_not_exists } => {
                Ok(self.drop((*kind).into(), sql, *if_not_exists))
            }
            Operation::Drop { kind, name, .. } => self.create(step, (*kind).into(), name),
            Operation::ReplaceView { sql } => self.replace(step, ObjectKind::View, sql),
            Operation::ReplaceTrigger { sql } => self.replace(step, ObjectKind::Trigger, sql),
            Operation::AddColumn { table, .. }
            | Operation::DropColumn { table, .. }
            | Operation::AlterColumn { table, .. }
            | Operation::AddConstraint { table, .. }
            | Operation::DropConstraint { table, .. }
            | Operation::Rebuild { table, .. } => self.redefine(step, table),
            // The downgrade fills the indexes that it creates by itself.
            Operation::Sql { sql, .. } if is_index_command(sql) => Ok(Vec::new()),
            Operation::Sql { .. } => Err(self.unknown(step, "statements have no inverse")),
        }
    }

    fn unknown(&self, step: &Step, why: &str) -> Error {
        irreversible(self.phase, step, why)
    }

    /// What the step created goes, unless it was there before or is the program's own.
    fn drop(&self, kind: ObjectKind, sql: &str, if_not_exists: bool) -> Vec<Operation> {
        let Ok(head) = object_head(sql) else { return Vec::new() };
        let name = head.name.text;
        let find = |schema: &Schema| match kind {
            ObjectKind::Table => schema.find_table(&name).map(|it| it.kind),
            _ => schema.find(kind, &name).map(|it| it.kind),
        };
        let Some(present) = find(self.now) else { return Vec::new() };
        let was_there = match self.recorded {
            Some(record) if if_not_exists => !record.made(present, &name),
            Some(_) | None => self.before.and_then(find).is_some(),
        };
        if was_there || (kind == ObjectKind::Table && self.tables.contains(&name)) {
            return Vec::new();
        }
        vec![removal(kind, &name, true)]
    }

    /// What the step dropped comes back with all that hung on it; the rows of a table do not.
    fn create(&self, step: &Step, kind: ObjectKind, name: &str) -> Result<Vec<Operation>> {
        let Some(before) = self.before else {
            return Err(self.unknown(step, "what it dropped is not known"));
        };
        let dropped = match kind {
            ObjectKind::Table => before.find_table(name),
            _ => before.find(kind, name),
        };
        let Some(dropped) = dropped else { return Ok(Vec::new()) };
        let hangs_on = |object: &&Object| {
            let owner = matches!(kind, ObjectKind::Table | ObjectKind::View);
            let dependent = matches!(object.kind, ObjectKind::Index | ObjectKind::Trigger);
            owner && dependent && same(&object.table, &dropped.name)
        };
        Ok([dropped]
            .into_iter()
            .chain(before.objects.iter().filter(hangs_on))
            .filter(|object| self.now.find(object.kind, &object.name).is_none())
            .filter_map(|object| creation(object.kind, object.sql.as_deref()?))
            .collect())
    }

    fn replace(&self, step: &Step, kind: ObjectKind, sql: &str) -> Result<Vec<Operation>> {
        let name = object_head(sql).map(|head| head.name.text).unwrap_or_default();
        let text = self.before.and_then(|it| it.find(kind, &name)).and_then(|it| it.sql.clone());
        match text {
            None => Err(self.unknown(step, "what it replaced is not known")),
            Some(sql) if kind == ObjectKind::View => Ok(vec![Operation::ReplaceView { sql }]),
            Some(sql) => Ok(vec![Operation::ReplaceTrigger { sql }]),
        }
    }

    /// A changed definition: the old text where the table is as the chain makes it, else the
    /// inverse of the single change.
    fn redefine(&self, step: &Step, table: &str) -> Result<Vec<Operation>> {
        self.refuse_lost_values(step, table)?;
        let text = |schema: &Schema| schema.find_table(table).and_then(|it| it.sql.clone());
        let before = self.before.and_then(text);
        let after = self.after.and_then(text);
        if before.is_some() && before == after {
            return Ok(Vec::new());
        }
        let now = text(self.now).unwrap_or_default();
        match (before, after) {
            (Some(before), Some(after)) if same_meaning(&after, &now) => {
                let (table, sql) = (table.to_owned(), before);
                let left_out = LeftOut::Drop;
                Ok(vec![Operation::Rebuild { table, sql, values: Vec::new(), left_out }])
            }
            (before, _) => self.single_change(step, table, before.as_deref()).map(|it| vec![it]),
        }
    }

    /// Values that an expression wrote over others are gone.
    fn refuse_lost_values(&self, step: &Step, table: &str) -> Result<()> {
        let Operation::Rebuild { values, .. } = &step.operation else { return Ok(()) };
        let shape = self.before.and_then(|it| it.shape(table));
        let overwrites = |column: &str| shape.is_none_or(|it| it.column(column).is_some());
        match values.iter().find(|(column, _)| overwrites(column)) {
            Some(_) => Err(self.unknown(step, "the old values are not kept")),
            None => Ok(()),
        }
    }

    /// The inverse of one change on a table that is defined in other words than the chain's.
    fn single_change(&self, step: &Step, table: &str, before: Option<&str>) -> Result<Operation> {
        let needs = || self.unknown(step, "the definition before is not known");
        let name = table.to_owned();
        match &step.operation {
            Operation::AddColumn { column, .. } => {
                let column = added_column(column).ok_or_else(needs)?;
                Ok(Operation::DropColumn { table: name, column })
            }
            Operation::DropColumn { column, .. } => {
                let text = before.ok_or_else(needs)?;
                let (definition, after) =
                    column_in(text, column, self.now.shape(table)).ok_or_else(needs)?;
                Ok(Operation::AddColumn { table: name, column: definition, after, value: None })
            }
            Operation::AlterColumn { column, change, .. } => {
                let shape = self.before.and_then(|it| it.shape(table)).ok_or_else(needs)?;
                let change = changed_back(change, shape, before.unwrap_or_default(), column)
                    .ok_or_else(needs)?;
                Ok(Operation::AlterColumn { table: name, column: column.clone(), change })
            }
            Operation::AddConstraint { sql, .. } => Ok(Operation::DropConstraint {
                table: name,
                constraint: ConstraintChoice::Sql(sql.clone()),
            }),
            Operation::DropConstraint { constraint, .. } => {
                let sql = match constraint {
                    ConstraintChoice::Sql(sql) => Some(sql.clone()),
                    ConstraintChoice::Name(name) => before.and_then(|it| constraint_in(it, name)),
                };
                Ok(Operation::AddConstraint { table: name, sql: sql.ok_or_else(needs)? })
            }
            _ => Err(needs()),
        }
    }
}

fn added_column(definition: &str) -> Option<String> {
    let table = CreateTable::read(&format!("CREATE TABLE t({definition}\n)")).ok()?;
    table.columns.first().map(|column| column.name.text.clone())
}

/// The definition of a column in a table's text, and the column that it stands behind.
fn column_in(text: &str, column: &str, now: Option<&Table>) -> Option<(String, Option<String>)> {
    let table = CreateTable::read(text).ok()?;
    let place = table.column_index(column)?;
    let definition = text[table.columns[place].range.clone()].to_owned();
    let there = |name: &str| now.is_some_and(|it| it.column(name).is_some());
    let last = place + 1 == table.columns.len();
    let before = table.columns[..place].iter().rev().find(|it| there(&it.name.text));
    let after = before.filter(|_| !last).map(|it| it.name.text.clone());
    Some((definition, after))
}

fn constraint_in(text: &str, name: &str) -> Option<String> {
    let table = CreateTable::read(text).ok()?;
    table
        .constraints
        .iter()
        .find(|it| it.name.as_ref().is_some_and(|known| same(&known.text, name)))
        .map(|it| text[it.range.clone()].to_owned())
}

/// What a changed column was before, in the parts that changed.
fn changed_back(
    change: &ColumnChange,
    shape: &Table,
    text: &str,
    column: &str,
) -> Option<ColumnChange> {
    let was = shape.column(column)?;
    let default = was.default.clone().map_or(DefaultChange::Remove, DefaultChange::Set);
    let collation = || {
        let table = CreateTable::read(text).ok()?;
        let written = table.column(column)?;
        let found = written.constraints.iter().find(|it| it.kind == ConstraintKind::Collate);
        Some(found.and_then(|it| it.operand.clone()).map_or("BINARY", |it| &text[it]).to_owned())
    };
    let collate = match &change.collate {
        None => None,
        Some(_) => Some(collation()?),
    };
    Some(ColumnChange {
        type_name: change.type_name.as_ref().map(|_| was.declared.clone()),
        not_null: change.not_null.map(|_| was.not_null),
        default: change.default.as_ref().map(|_| default),
        collate,
        value: None,
    })
}
