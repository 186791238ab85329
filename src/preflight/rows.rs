//! Old rows against new rules: every table that gets rules it did not have is tried out first.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::constraint_risk::{Change, Risk, compiles, values_are_there};
use super::keys::new_keys;
use super::orphans::{orphaned_children, orphans};
use super::trial_copy::{Misfit, TrialCopy, try_rows};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::event;
use crate::name::{fold, in_main, same};
use crate::plan::{CopyQuery, DataStage, Direction, PhasePlan, Plan, Rebuild, SchemaChange, Stage};
use crate::rows::{Values, conversions, count_rows};
use crate::schema::{Object, ObjectKind, Schema, read};
use crate::shadow::{Lineage, TableEffect};
use crate::sql::significant_tokens;

/// Finds rows that break a rule of the schema to come: NOT NULL, CHECK, UNIQUE, types, foreign keys,
/// or that a changed type would convert without the phase saying how.
///
/// A table is looked at as long as no earlier stage of the plan has touched it; what comes later is
/// judged inside the transaction.
///
/// # Errors
/// [`ErrorKind::Rows`] with counts and sample keys; whatever SQLite reports.
pub fn check_rows(connection: &Connection, plan: &Plan) -> Result<()> {
    let mut touched = BTreeSet::new();
    let filled = filled(plan);
    for phase in &plan.phases {
        let mut before: &Schema = &phase.before;
        for stage in &phase.stages {
            match stage {
                Stage::SchemaChange(schema_change) => {
                    let problems =
                        stage_problems(connection, before, schema_change, (&touched, &filled))?;
                    refuse(phase, problems)?;
                    touched.extend(
                        schema_change.rebuilds.iter().flat_map(|it| [fold(&it.from), fold(&it.to)]),
                    );
                    touched.extend(schema_change.created.iter().map(|it| fold(&it.name)));
                    before = &schema_change.after;
                }
                Stage::Data(data) => {
                    touched.extend(data.touched.tables.keys().cloned());
                    touched.extend(renamed_or_new(data));
                    if let Some(after) = &data.after {
                        before = after;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Finds rows of the tables that a phase rebuilt, as they are inside its transaction, that break a rule of their table:
/// SQLite's own check names no row.
///
/// # Errors
/// As [`check_rows`].
pub fn check_rebuilt_rows(connection: &Connection, phase: &PhasePlan) -> Result<()> {
    let schema = read(connection)?;
    let mut problems = Vec::new();
    let rebuilds = phase.stages.iter().flat_map(|stage| match stage {
        Stage::SchemaChange(change) => change.rebuilds.as_slice(),
        Stage::Data(_) => &[],
    });
    for rebuild in rebuilds {
        let (Some(shape), Some(lineage)) =
            (schema.shape(&rebuild.to), Lineage::identity(&schema).table(&rebuild.to).cloned())
        else {
            continue;
        };
        let sql = text_of(&schema, &rebuild.to);
        let copy = CopyQuery::derive(&lineage, shape, shape);
        let trial = TrialCopy {
            from: &rebuild.to,
            sql: &sql,
            copy: &copy,
            old: shape,
            new: shape,
            indexes: Vec::new(),
        };
        problems.extend(misfits(&rebuild.to, try_rows(connection, &trial)?));
    }
    refuse(phase, problems)
}

/// Finds rows that an index refuses that a phase was to make, as they are inside its transaction.
///
/// # Errors
/// As [`check_rows`].
pub fn check_new_index(connection: &Connection, phase: &PhasePlan, index: &str) -> Result<()> {
    let made = phase.stages.iter().flat_map(|stage| match stage {
        Stage::SchemaChange(change) => change.restored.as_slice(),
        Stage::Data(_) => &[],
    });
    let is_it = |it: &&Object| it.kind == ObjectKind::Index && same(&it.name, index);
    let Some(object) = made.into_iter().find(is_it) else { return Ok(()) };
    let schema = read(connection)?;
    let table = &object.table;
    let lineage = Lineage::identity(&schema).table(table).cloned();
    let (Some(shape), Some(lineage)) = (schema.shape(table), lineage) else { return Ok(()) };
    let sql = text_of(&schema, table);
    let copy = CopyQuery::derive(&lineage, shape, shape);
    let trial = TrialCopy {
        from: table,
        sql: &sql,
        copy: &copy,
        old: shape,
        new: shape,
        indexes: vec![object],
    };
    let problems = match try_rows(connection, &trial) {
        Ok(found) => misfits(table, found).collect(),
        // An expression of the index fails on a row.
        Err(error) if error.kind() == ErrorKind::Rows => {
            broken(Some(table), [error.to_string()]).collect()
        }
        Err(error) => return Err(error),
    };
    refuse(phase, problems)
}

/// The tables, folded, that are not in the file under this name and with these columns before a data step.
fn renamed_or_new(data: &DataStage) -> BTreeSet<String> {
    let names = data.effects.iter().flat_map(|effect| match effect {
        TableEffect::Rows { table, .. } => vec![fold(table)],
        TableEffect::Create(table) | TableEffect::Drop(table) => vec![fold(table)],
        TableEffect::Rename { from, to } => vec![fold(from), fold(to)],
        TableEffect::RenameColumn { table, .. }
        | TableEffect::AddColumn { table, .. }
        | TableEffect::DropColumn { table, .. } => vec![fold(table)],
        TableEffect::Copy(copy) => vec![fold(&copy.to)],
    });
    names.collect()
}

/// The tables, folded, that a data step of the plan writes to.
fn filled(plan: &Plan) -> BTreeSet<String> {
    let stages = plan.phases.iter().flat_map(|phase| &phase.stages);
    let data = stages.filter_map(|stage| match stage {
        Stage::Data(data) => Some(data.touched.tables.keys().cloned()),
        Stage::SchemaChange(_) => None,
    });
    data.flatten().collect()
}

fn refuse(phase: &PhasePlan, problems: Vec<Problem>) -> Result<()> {
    let Some(first) = problems.first() else { return Ok(()) };
    let down = phase.direction == Direction::Down;
    let fails = if down { "cannot be undone" } else { "cannot start" };
    let what = format!("{} {fails}: {}", phase.id, first.what);
    let mut error = Error::new(ErrorKind::Rows, what).in_phase(phase.id.as_str());
    if let Some(place) = &first.place {
        error = error.about(place);
    }
    error = match first.fault {
        _ if down => error.with_remedy(Remedy::WriteDowngrade),
        Fault::Rule => error,
        Fault::Conversion => error.with_remedy(Remedy::GiveExpression),
        Fault::Unfilled => error.with_remedy(Remedy::FillColumn),
    };
    Err(error.problems(problems.into_iter().map(|it| it.what)))
}

struct Problem {
    what: String,
    /// The table after the phase, or its column as `table.column`.
    place: Option<String>,
    fault: Fault,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A rule of the new schema refuses rows.
    Rule,
    /// A new type would convert values.
    Conversion,
    /// A new column needs values.
    Unfilled,
}

/// Rows of a table that do not fit what becomes of it.
fn misfits(table: &str, found: Vec<Misfit>) -> impl Iterator<Item = Problem> {
    found.into_iter().map(move |it| match it.unfilled {
        Some(column) => Problem {
            what: it.what,
            place: Some(format!("{table}.{column}")),
            fault: Fault::Unfilled,
        },
        None => Problem { what: it.what, place: Some(table.to_owned()), fault: Fault::Rule },
    })
}

/// Rules that rows of a table break.
fn broken(
    table: Option<&str>,
    found: impl IntoIterator<Item = String>,
) -> impl Iterator<Item = Problem> {
    let place = table.map(ToOwned::to_owned);
    found.into_iter().map(move |what| Problem { what, place: place.clone(), fault: Fault::Rule })
}

fn stage_problems(
    connection: &Connection,
    before: &Schema,
    schema_change: &SchemaChange,
    (touched, filled): (&BTreeSet<String>, &BTreeSet<String>),
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for rebuild in schema_change.rebuilds.iter().filter(|it| !touched.contains(&fold(&it.from))) {
        let shapes = before.shape(&rebuild.from).zip(schema_change.after.shape(&rebuild.to));
        let lineage = schema_change.lineage.table(&rebuild.to);
        let (Some((old, new)), Some(lineage)) = (shapes, lineage) else { continue };
        let old_text = text_of(before, &rebuild.from);
        let change = Change { rebuild, lineage, old: (old, &old_text), new };
        if rebuild.copy.asks_any(touched) {
            // What it reads is not in the file yet.
            continue;
        }
        problems.extend(rebuild_problems(connection, before, schema_change, change)?);
        let orphans = orphans(connection, before, schema_change, rebuild, (touched, filled))?;
        problems.extend(broken(Some(&rebuild.to), orphans));
    }
    if touched.is_empty() {
        problems.extend(broken(None, orphaned_children(connection, before, schema_change)?));
    }
    problems.extend(untouched_tables(connection, before, schema_change, touched)?);
    Ok(problems)
}

/// Tries the rows of a table out if they could break a rule.
fn rebuild_problems(
    connection: &Connection,
    before: &Schema,
    schema_change: &SchemaChange,
    change: Change<'_>,
) -> Result<Vec<Problem>> {
    let rebuild = change.rebuild;
    let same_text = |old: &Object, new: &Object| change.same_index(old, new);
    let (known, mut indexes) = split_unique(before, schema_change, &rebuild.to, &same_text);
    let stricter = match change.risk(&known) {
        Risk::None => !compiles(connection, rebuild)?,
        Risk::Values(asked) => !values_are_there(connection, rebuild, &asked)?,
        Risk::Rules => true,
    };
    if stricter {
        // Other values, or other ways to compare them, may collide in indexes of old.
        indexes.extend(known);
    }
    let mut problems = Vec::new();
    if stricter || !indexes.is_empty() {
        let (old, new) = (change.old.0, change.new);
        let (from, sql, copy) = (rebuild.from.as_str(), rebuild.sql.as_str(), &rebuild.copy);
        let trial = TrialCopy { from, sql, copy, old, new, indexes };
        problems.extend(misfits(&rebuild.to, try_rows(connection, &trial)?));
    }
    if rebuild.rewrites() {
        problems.extend(broken(Some(&rebuild.to), new_keys(connection, &change)?));
        problems.extend(converted(connection, rebuild)?);
    }
    Ok(problems)
}

/// Values that a new type would store in another way.
fn converted(connection: &Connection, rebuild: &Rebuild) -> Result<Vec<Problem>> {
    if rebuild.typed.is_empty() {
        return Ok(Vec::new());
    }
    let values = Values {
        source: &in_main(&rebuild.from),
        rows: count_rows(connection, &rebuild.from)?,
        stage: event::Stage::Preflight,
        shape: &rebuild.shape,
    };
    let found = conversions(connection, values, &rebuild.typed)?;
    let problem = |(name, it): (String, String)| {
        let place = format!("{}.{name}", rebuild.to);
        Problem { what: format!("{place}: {it}"), place: Some(place), fault: Fault::Conversion }
    };
    Ok(found.into_iter().map(problem).collect())
}

/// Unique indexes on tables that are not rebuilt.
fn untouched_tables(
    connection: &Connection,
    before: &Schema,
    schema_change: &SchemaChange,
    touched: &BTreeSet<String>,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for table in before.of_kind(ObjectKind::Table) {
        let rebuilt = schema_change.rebuilds.iter().any(|it| same(&it.from, &table.name));
        let (_, indexes) = split_unique(before, schema_change, &table.name, &|_, _| true);
        let (Some(shape), Some(sql)) = (before.shape(&table.name), &table.sql) else { continue };
        if rebuilt || indexes.is_empty() || touched.contains(&fold(&table.name)) {
            continue;
        }
        let lineage = schema_change.lineage.table(&table.name);
        // A table that takes the name of a dropped one has rows of its own.
        let Some(lineage) = lineage.filter(|it| same(&it.from, &table.name)) else { continue };
        let copy = CopyQuery::derive(lineage, shape, shape);
        let trial =
            TrialCopy { from: &table.name, sql, copy: &copy, old: shape, new: shape, indexes };
        problems.extend(misfits(&table.name, try_rows(connection, &trial)?));
    }
    Ok(problems)
}

fn text_of(schema: &Schema, table: &str) -> String {
    schema.find_table(table).and_then(|it| it.sql.clone()).unwrap_or_default()
}

/// The unique indexes of a table that are made again: those that it had before, under any name, and those that
/// it had not.
fn split_unique<'r>(
    before: &Schema,
    schema_change: &'r SchemaChange,
    table: &str,
    same_text: &dyn Fn(&Object, &Object) -> bool,
) -> (Vec<&'r Object>, Vec<&'r Object>) {
    let existed = |index: &&Object| {
        before.of_kind(ObjectKind::Index).any(|old| {
            same(&schema_change.lineage.index_after(&old.name), &index.name)
                && schema_change
                    .lineage
                    .table(&index.table)
                    .is_some_and(|lineage| same(&lineage.from, &old.table))
                && is_unique(old)
                && same_text(old, index)
        })
    };
    let on_it = |it: &&Object| it.kind == ObjectKind::Index && same(&it.table, table);
    schema_change.restored.iter().filter(on_it).filter(|it| is_unique(it)).partition(existed)
}

pub(super) fn is_unique(index: &Object) -> bool {
    let text = index.sql.as_deref().unwrap_or_default();
    significant_tokens(text).nth(1).is_some_and(|token| token.is_word(text, "UNIQUE"))
}
