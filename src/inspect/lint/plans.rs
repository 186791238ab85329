//! What only the plan of a phase shows: what data steps do to the schema, foreign keys without an index, and names that
//! capture others.

use super::Finding;
use super::rows::{RowState, data_stage};
use crate::error::{Error, ErrorKind, Result};
use crate::name::same;
use crate::phase::{BROKEN, Operation, Phase};
use crate::plan::{ChangeKind, DataChange, DataStage, PhasePlan, Stage, broken_objects, origin_of};
use crate::schema::{ObjectKind, Schema};
use crate::shadow::Shadow;

/// Finds what the plan of a phase shows; `schema` is what all phases make.
pub(super) fn of_plan(phase: &Phase, plan: &PhasePlan, schema: &Schema) -> Result<Vec<Finding>> {
    let mut found = of_data_steps(phase, plan);
    found.extend(of_foreign_keys(phase, plan, schema)?);
    found.extend(of_broken(phase, plan)?);
    let restated = plan.restated.iter().map(|(kind, name)| {
        let what = format!(
            "{} {name} would read a new column: its stored text is rewritten to name the tables",
            kind.word()
        );
        Finding::new(phase, "captured-name", naming_line(phase), what)
    });
    found.extend(restated);
    Ok(found)
}

/// Names what a phase leaves broken that was not broken before it; without `allow` it is refused.
fn of_broken(phase: &Phase, plan: &PhasePlan) -> Result<Vec<Finding>> {
    if !phase.allows_broken() {
        return Ok(Vec::new());
    }
    let known = broken_objects(&plan.before)?;
    let fresh = broken_objects(&plan.after)?.into_iter().filter(|it| !known.contains(it));
    let line = phase.up.first().map_or(1, |step| step.line);
    Ok(fresh.map(|what| Finding::new(phase, BROKEN, line, what)).collect())
}

/// A phase that was refused because views or triggers would read other columns.
pub(super) fn of_captured_name(phase: &Phase, error: &Error) -> Option<Finding> {
    let is_this = error.facts().phase.as_deref() == Some(phase.id.as_str());
    (is_this && error.kind() == ErrorKind::Reference)
        .then(|| Finding::new(phase, "captured-name", naming_line(phase), error.to_string()))
}

/// The line of the first step that brings a name.
fn naming_line(phase: &Phase) -> usize {
    let names = phase.up.iter().find(|step| {
        matches!(
            step.operation,
            Operation::AddColumn { .. }
                | Operation::RenameColumn { .. }
                | Operation::RenameTable { .. }
                | Operation::Rebuild { .. }
        )
    });
    names.or(phase.up.first()).map_or(1, |step| step.line)
}

/// Names what the data steps do to the schema, the step that would prove more, and the unique indexes that they create
/// on tables that can have rows.
fn of_data_steps(phase: &Phase, plan: &PhasePlan) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut rows = RowState::default();
    for step in &phase.up {
        if let Some(data) = data_stage(plan, step.line) {
            for change in &data.changes {
                let message = format!("a data step {}{}", change.deed(), native_step(change));
                let table = change
                    .kind
                    .is_table()
                    .then(|| change.before.clone().unwrap_or_else(|| change.name.clone()));
                found.push(
                    Finding::new(phase, data_code(change), data.line, message)
                        .about(table.as_deref()),
                );
                found.extend(unique_index(phase, data, change, &rows));
            }
        }
        rows.pass(step, Some(plan));
    }
    found
}

fn unique_index(
    phase: &Phase,
    data: &DataStage,
    change: &DataChange,
    rows: &RowState,
) -> Option<Finding> {
    let table = change.table.as_deref()?;
    let made = data.after.as_ref()?.find(ObjectKind::Index, &change.name)?;
    let is_new = data.changes.iter().any(|it| {
        it.kind == ObjectKind::Table && it.change == ChangeKind::Created && same(&it.name, table)
    });
    let corrects = data.touched.tables.get(&crate::name::fold(table));
    let is_corrected = corrects.is_some_and(|how| how.deletes || how.replaces);
    let meets = change.change == ChangeKind::Created
        && made.sql.as_deref().is_some_and(super::is_unique_index)
        && !is_new
        && !is_corrected
        && rows.has_old_rows(table);
    let what = format!("old rows may break the unique index {}", change.name);
    meets.then(|| Finding::new(phase, "unique", data.line, what).about(Some(table)))
}

fn data_code(change: &DataChange) -> &'static str {
    match (change.change, change.kind.is_table()) {
        (ChangeKind::Created, _) => "sql-creates",
        (ChangeKind::Dropped, true) => "drop-table",
        (ChangeKind::Dropped | ChangeKind::DroppedWithTable, _) => "sql-drops",
        (ChangeKind::Renamed, _) => "sql-renames",
        (ChangeKind::Remade, _) => "sql-remakes",
        (ChangeKind::Altered, _) => "sql-changes",
    }
}

/// Says which step does the same under the full proof, or with a derived downgrade.
fn native_step(change: &DataChange) -> String {
    const UNDONE: &str = "can be undone without a hand-written downgrade";
    let object = match change.kind {
        ObjectKind::Index => "index",
        ObjectKind::View => "view",
        ObjectKind::Trigger => "trigger",
        ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => "table",
    };
    match (change.change, change.kind.is_table()) {
        (ChangeKind::Remade, _) => {
            "; a rebuild step proves every row and keeps indexes, triggers, rowids and counters"
                .to_owned()
        }
        (ChangeKind::Renamed, true) => "; a rename_table step proves every row".to_owned(),
        (ChangeKind::DroppedWithTable, _) => String::new(),
        (ChangeKind::Altered, true) => {
            format!("; add_column, rename_column and drop_column steps {UNDONE}")
        }
        (ChangeKind::Altered | ChangeKind::Renamed, false) if object == "index" => {
            format!("; drop_index and create_index steps {UNDONE}")
        }
        (ChangeKind::Altered | ChangeKind::Renamed, false) => {
            format!("; a replace_{object} step {UNDONE}")
        }
        (ChangeKind::Created, _) => format!("; a create_{object} step {UNDONE}"),
        (ChangeKind::Dropped, _) => format!("; a drop_{object} step {UNDONE}"),
    }
}

/// The foreign keys that have no index after the phase, had one or were not there before it, and get none later.
fn of_foreign_keys(phase: &Phase, plan: &PhasePlan, schema: &Schema) -> Result<Vec<Finding>> {
    // Most phases change nothing about keys and their indexes.
    if key_texts(&plan.after) == key_texts(&plan.before) {
        return Ok(Vec::new());
    }
    let without = |schema: &Schema| Shadow::of(schema)?.foreign_keys_without_index();
    let after = without(&plan.after)?;
    if after.is_empty() {
        return Ok(Vec::new());
    }
    let (before, last) = (without(&plan.before)?, without(schema)?);
    let stages: Vec<&Stage> = plan.stages.iter().collect();
    let count = |keys: &[(String, String)], table: &str| {
        keys.iter().filter(|(other, _)| same(other, table)).count()
    };
    let is_known = |(table, columns): &(String, String)| {
        let Some(origin) = origin_of(&stages, table) else { return false };
        let same_key =
            |(other, theirs): &(String, String)| same(other, &origin) && same(theirs, columns);
        before.iter().any(same_key) || count(&after, table) <= count(&before, &origin)
    };
    let stays = |(table, columns): &(String, String)| {
        schema.tables.is_empty()
            || last.iter().any(|(other, theirs)| same(other, table) && same(theirs, columns))
    };
    let fresh = after.iter().filter(|key| !is_known(key) && stays(key));
    Ok(fresh
        .map(|(table, columns)| {
            let what =
                format!("no index begins with the columns of the foreign key {table}({columns})");
            let line = line_about(phase, table);
            Finding::new(phase, "foreign-key-index", line, what).about(Some(table))
        })
        .collect())
}

/// The stored texts of the tables with foreign keys, and of their indexes.
fn key_texts(schema: &Schema) -> Vec<(&str, Option<&str>)> {
    let has_keys =
        |table: &str| schema.shape(table).is_some_and(|shape| !shape.foreign_keys.is_empty());
    let concerned = schema.objects.iter().filter(|it| match it.kind {
        ObjectKind::Table | ObjectKind::Index => has_keys(&it.table),
        _ => false,
    });
    concerned.map(|it| (it.name.as_str(), it.sql.as_deref())).collect()
}

/// The line of the last step about a table.
fn line_about(phase: &Phase, table: &str) -> usize {
    let about = |operation: &Operation| operation.relations().iter().any(|it| same(it, table));
    let step = phase.up.iter().rfind(|step| about(&step.operation)).or(phase.up.first());
    step.map_or(1, |step| step.line)
}
