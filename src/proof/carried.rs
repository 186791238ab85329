//! Whether planner statistics and AUTOINCREMENT counters followed the renames.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::lineage::Provenance;
use crate::error::Result;
use crate::history::VersionTables;
use crate::name::{fold, quote, same};
use crate::plan::{Plan, Stage};
use crate::rows::{count_rows, show};
use crate::schema::Schema;
use crate::shadow::TableEffect;
use crate::sql::is_autoincrement;

type Row = Vec<Value>;

/// What became of the statistics or the counters.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) problems: Vec<String>,
    /// Rows, or counters, found as they must be.
    pub(super) kept: usize,
    /// Tables that lost their counter with AUTOINCREMENT, or whose statistics were collected.
    pub(super) others: Vec<String>,
    /// Counters that data steps changed: by recreating a table, or by writing to `sqlite_sequence`.
    pub(super) changed: Vec<String>,
}

/// Compares the statistics tables with what the moves of the plan make of the backup's; `None` if a data step of
/// the plan may have changed them. Tables that the plan analyzes must have statistics if they have rows.
pub(super) fn statistics_follow(
    backup: (&Connection, &Schema),
    now: (&Connection, &Schema),
    plan: &Plan,
) -> Result<Option<Carried>> {
    if plan.phases.iter().flat_map(|phase| &phase.stages).any(touches_statistics) {
        return Ok(None);
    }
    let mut carried = Carried { others: analyzed(plan), ..Carried::default() };
    let fresh = |row: &Row| {
        text_of(row, 0).is_some_and(|table| carried.others.iter().any(|it| same(it, table)))
    };
    for table in statistics_tables(backup.1) {
        let mut expected = read_rows(backup.0, &table)?;
        for schema_change in plan.schema_changes() {
            let moves = &schema_change.statistics;
            expected.retain(|row| !goes(row, moves));
            for row in &mut expected {
                follow(row, moves);
            }
        }
        let mut found = read_rows(now.0, &table)?;
        expected.retain(|row| !fresh(row));
        found.retain(|row| !fresh(row));
        let key = |row: &Row| format!("{row:?}");
        expected.sort_by_key(key);
        found.sort_by_key(key);
        if expected == found {
            carried.kept += found.len();
        } else {
            carried.problems.push(format!("{table}: statistics differ from those before"));
        }
    }
    let mut collected = BTreeSet::new();
    if now.1.internal.iter().any(|it| same(&it.name, "sqlite_stat1")) {
        let rows = read_rows(now.0, "sqlite_stat1")?;
        collected.extend(rows.iter().filter_map(|row| text_of(row, 0)).map(fold));
    }
    for table in &carried.others {
        if !collected.contains(&fold(table)) && count_rows(now.0, table)? > 0 {
            carried.problems.push(format!("{table}: no statistics were collected"));
        }
    }
    Ok(Some(carried))
}

/// The tables that the plan analyzes, by their names at its end.
fn analyzed(plan: &Plan) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for phase in &plan.phases {
        for stage in &phase.stages {
            let Stage::SchemaChange(schema_change) = stage else { continue };
            names = names
                .into_iter()
                .filter_map(|name| {
                    let moved =
                        schema_change.statistics.renamed.iter().find(|(it, _)| same(it, &name));
                    moved.map_or(Some(name), |(_, to)| to.clone())
                })
                .collect();
        }
        names.extend(phase.analyzed.iter().cloned());
    }
    names.sort();
    names.dedup();
    names
}

fn touches_statistics(stage: &Stage) -> bool {
    match stage {
        Stage::Data(data) => {
            data.touched.schema
                || data.touched.tables.keys().any(|it| it.starts_with("sqlite_stat"))
        }
        Stage::SchemaChange(_) => false,
    }
}

fn statistics_tables(schema: &Schema) -> Vec<String> {
    schema
        .internal
        .iter()
        .filter(|it| it.kind.is_table() && fold(&it.name).starts_with("sqlite_stat"))
        .map(|it| it.name.clone())
        .collect()
}

fn text_of(row: &Row, index: usize) -> Option<&str> {
    match row.get(index) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn goes(row: &Row, moves: &crate::plan::StatisticsMove) -> bool {
    let table =
        moves.renamed.iter().any(|(from, to)| to.is_none() && text_of(row, 0) == Some(from));
    let index = moves.indexes.iter().any(|it| {
        it.to.is_none() && text_of(row, 0) == Some(&it.table) && text_of(row, 1) == Some(&it.from)
    });
    table || index
}

fn follow(row: &mut Row, moves: &crate::plan::StatisticsMove) {
    let index = moves
        .indexes
        .iter()
        .find(|it| text_of(row, 0) == Some(&it.table) && text_of(row, 1) == Some(&it.from));
    if let Some(to) = index.and_then(|it| it.to.clone()) {
        row[1] = Value::Text(to);
    }
    let table = moves.renamed.iter().find(|(from, _)| text_of(row, 0) == Some(from));
    if let Some((_, Some(to))) = table {
        row[0] = Value::Text(to.clone());
    }
}

/// Compares the AUTOINCREMENT counters with the backup's, through the renames.
pub(super) fn sequences_follow(
    backup: (&Connection, &Schema),
    now: (&Connection, &Schema),
    (provenance, plan, versions): (&Provenance, &Plan, &VersionTables),
) -> Result<Carried> {
    let mut carried = Carried::default();
    let has = |schema: &Schema| schema.internal.iter().any(|it| same(&it.name, "sqlite_sequence"));
    if !has(backup.1) {
        return Ok(carried);
    }
    let written = plan.phases.iter().flat_map(|phase| &phase.stages).any(writes_counters);
    let before = read_rows(backup.0, "sqlite_sequence")?;
    let after = if has(now.1) { read_rows(now.0, "sqlite_sequence")? } else { Vec::new() };
    for (name, table) in &provenance.tables {
        let counters = |rows: &[Row], name: &str| -> Vec<Value> {
            rows.iter()
                .filter(|row| text_of(row, 0).is_some_and(|it| same(it, name)))
                .filter_map(|row| row.get(1).cloned())
                .collect()
        };
        let (old, new) = (counters(&before, &table.from), counters(&after, name));
        if old.is_empty() {
            continue;
        }
        // The program records in the version tables.
        let gains = table.allowance.gains() || versions.contains(name);
        let kept = old == new || (gains && !new.is_empty() && at_least(&new, &old));
        let still_counts =
            now.1.find_table(name).and_then(|it| it.sql.as_deref()).is_some_and(is_autoincrement);
        let change = format!("{name} {} to {}", listed(&old), listed(&new));
        if kept {
            carried.kept += 1;
        } else if table.remade || written {
            carried.changed.push(change);
        } else if still_counts {
            carried.problems.push(format!("the counter of {change}"));
        } else {
            carried.others.push(name.clone());
        }
    }
    Ok(carried)
}

fn writes_counters(stage: &Stage) -> bool {
    match stage {
        Stage::Data(data) => data.effects.iter().any(|effect| {
            matches!(effect, TableEffect::Rows { table, .. } if table == "sqlite_sequence")
        }),
        Stage::SchemaChange(_) => false,
    }
}

fn listed(counters: &[Value]) -> String {
    let words: Vec<String> = counters
        .iter()
        .map(|counter| match counter {
            Value::Integer(number) => number.to_string(),
            other => show(other.into()),
        })
        .collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn at_least(new: &[Value], old: &[Value]) -> bool {
    match (new.first(), old.first()) {
        (Some(Value::Integer(new)), Some(Value::Integer(old))) => new >= old,
        (Some(_), None) => true,
        _ => false,
    }
}

fn read_rows(connection: &Connection, table: &str) -> Result<Vec<Row>> {
    let mut statement = connection.prepare(&format!("SELECT * FROM main.{}", quote(table)))?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(width);
        for index in 0..width {
            // Text that is not UTF-8 is compared by its bytes.
            let value = row.get_ref(index)?;
            values.push(match value {
                rusqlite::types::ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
                    .map_or_else(|_| Value::Blob(bytes.to_vec()), Value::Text),
                other => Value::try_from(other).unwrap_or(Value::Null),
            });
        }
        all.push(values);
    }
    Ok(all)
}
