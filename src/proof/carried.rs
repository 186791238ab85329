//! Whether planner statistics and AUTOINCREMENT counters followed the renames.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::lineage::Provenance;
use crate::error::Result;
use crate::name::{fold, quote, same};
use crate::plan::{Plan, Stage};
use crate::rows::show;
use crate::schema::Schema;
use crate::shadow::TableEffect;

type Row = Vec<Value>;

/// Compares the statistics tables with what the moves of the plan make of the backup's.
pub(super) fn statistics_follow(
    backup: (&Connection, &Schema),
    now: (&Connection, &Schema),
    plan: &Plan,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if plan.phases.iter().flat_map(|phase| &phase.stages).any(touches_statistics) {
        return Ok(problems);
    }
    for table in statistics_tables(backup.1) {
        let mut expected = read_rows(backup.0, &table)?;
        for reshape in plan.reshapes() {
            let moves = &reshape.statistics;
            expected.retain(|row| !goes(row, moves));
            for row in &mut expected {
                follow(row, moves);
            }
        }
        let mut found = read_rows(now.0, &table)?;
        let key = |row: &Row| format!("{row:?}");
        expected.sort_by_key(key);
        found.sort_by_key(key);
        if expected != found {
            problems.push(format!("{table}: statistics differ from those before"));
        }
    }
    Ok(problems)
}

fn touches_statistics(stage: &Stage) -> bool {
    match stage {
        Stage::Data(data) => {
            data.touched.schema
                || data.touched.tables.keys().any(|it| it.starts_with("sqlite_stat"))
        }
        Stage::Reshape(_) => false,
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

/// What became of the AUTOINCREMENT counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Counters that differ and should not.
    pub(super) problems: Vec<String>,
    /// Counters that data steps changed, by making a table anew or by writing to `sqlite_sequence`.
    pub(super) changed: Vec<String>,
    /// How many are as in the backup, or have grown with new rows.
    pub(super) kept: usize,
}

/// Compares the AUTOINCREMENT counters with the backup's, through the renames.
pub(super) fn sequences_follow(
    backup: (&Connection, &Schema),
    now: (&Connection, &Schema),
    (provenance, plan): (&Provenance, &Plan),
) -> Result<Counters> {
    let mut found = Counters::default();
    let has = |schema: &Schema| schema.internal.iter().any(|it| same(&it.name, "sqlite_sequence"));
    if !has(backup.1) {
        return Ok(found);
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
        let kept =
            old == new || (table.allowance.gains() && !new.is_empty() && at_least(&new, &old));
        let still_counts =
            now.1.find_table(name).and_then(|it| it.sql.as_deref()).is_some_and(|sql| {
                crate::sql::significant_tokens(sql).any(|token| token.is_word(sql, "AUTOINCREMENT"))
            });
        if old.is_empty() || (!still_counts && !table.remade) {
            continue;
        }
        let change = format!("{name} {} to {}", listed(&old), listed(&new));
        match (kept, table.remade || written) {
            (true, _) => found.kept += 1,
            (false, true) => found.changed.push(change),
            (false, false) => {
                found.problems.push(format!("the AUTOINCREMENT counter of {change}"));
            }
        }
    }
    Ok(found)
}

fn writes_counters(stage: &Stage) -> bool {
    match stage {
        Stage::Data(data) => data.effects.iter().any(|effect| {
            matches!(effect, TableEffect::Rows { table, .. } if table == "sqlite_sequence")
        }),
        Stage::Reshape(_) => false,
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
