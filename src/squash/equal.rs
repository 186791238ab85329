//! Whether two new files hold the same: the schema by the one comparison, and the rows of every table.

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::compare::{Verdict, Wording, compare_schemas};
use crate::error::Result;
use crate::migrate::FreshFile;
use crate::name::quote;
use crate::rows::{RowDelta, Side, compare, count_rows, index_finding};
use crate::schema::{ColumnOrder, ObjectKind, RowKey, Schema, Table, VirtualTable};

use super::seeds::documents;
use super::unsteady::Unsteady;

/// Which texts count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// Only those that are the same byte for byte.
    Identical,
    /// Those with the same meaning, too.
    SameMeaning,
}

/// Lists in what a new file differs from the expected one, one line each.
pub fn apart(
    expected: &FreshFile<'_>,
    found: &FreshFile<'_>,
    texts: Texts,
    unsteady: Option<&Unsteady<'_>>,
) -> Result<Vec<String>> {
    let comparison = compare_schemas(&expected.schema, &found.schema, ColumnOrder::Same);
    let counts = |verdict: &Verdict| match verdict {
        Verdict::Identical => false,
        Verdict::SameMeaning => texts == Texts::Identical,
        Verdict::Missing | Verdict::Unexpected | Verdict::Differs(_) => true,
    };
    let odd = comparison.objects.iter().filter(|it| counts(&it.verdict));
    let mut lines: Vec<String> = odd.flat_map(|it| it.lines(Wording::Unexpected)).collect();
    for object in &expected.schema.objects {
        let shapes = (expected.schema.shape(&object.name), found.schema.shape(&object.name));
        let (Some(left), Some(right)) = shapes else { continue };
        match object.kind {
            ObjectKind::Table => {
                lines.extend(rows_apart(expected, found, (left, right), unsteady)?)
            }
            ObjectKind::VirtualTable => {
                let text = object.sql.as_deref().and_then(VirtualTable::read);
                let Some(index) = text else { continue };
                lines.extend(modules_apart(expected, found, &index)?);
            }
            ObjectKind::ShadowTable
            | ObjectKind::Index
            | ObjectKind::View
            | ObjectKind::Trigger => {}
        }
    }
    lines.extend(counters_apart(expected, found)?);
    Ok(lines)
}

/// Compares the rows of a table in the columns that both sides have.
fn rows_apart(
    expected: &FreshFile<'_>,
    found: &FreshFile<'_>,
    (left, right): (&Table, &Table),
    unsteady: Option<&Unsteady<'_>>,
) -> Result<Vec<String>> {
    let shared = left.writable().filter(|it| right.column(&it.name).is_some());
    let columns: Vec<String> = shared.map(|it| it.name.clone()).collect();
    let columns = match unsteady {
        Some(unsteady) => {
            let rows = count_rows(expected.database.connection(), &left.name)?;
            unsteady.steady((left, rows), columns)
        }
        None => Some(columns),
    };
    let Some(columns) = columns else { return counts_apart(expected, found, &left.name) };
    let one = side(expected.database.connection(), left, &columns);
    let two = side(found.database.connection(), right, &columns);
    let rows = compare(&one, &two, RowDelta::None, &mut |_| Ok(()))?;
    let mut lines = Vec::new();
    for (count, what) in
        [(rows.lost, "missing"), (rows.gained, "unexpected"), (rows.changed, "different")]
    {
        if count == 0 {
            continue;
        }
        let noun = if count == 1 { "row is" } else { "rows are" };
        lines.push(format!("table {}: {count} {noun} {what}", left.name));
    }
    if !lines.is_empty() {
        lines.extend(rows.differences.iter().map(|it| format!("table {it}")));
    }
    Ok(lines)
}

/// Compares how many rows a table has.
fn counts_apart(
    expected: &FreshFile<'_>,
    found: &FreshFile<'_>,
    table: &str,
) -> Result<Vec<String>> {
    let count = |file: &FreshFile<'_>| count_rows(file.database.connection(), table);
    let (left, right) = (count(expected)?, count(found)?);
    let line = || format!("table {table}: it has {right} rows instead of {left}");
    Ok(if left == right { Vec::new() } else { vec![line()] })
}

fn side<'c>(connection: &'c Connection, table: &'c Table, columns: &[String]) -> Side<'c> {
    Side { connection, table: &table.name, key: &table.key, columns: columns.to_vec() }
}

/// Compares what a virtual table hands out, what it has indexed, and what it says of its own index.
fn modules_apart(
    expected: &FreshFile<'_>,
    found: &FreshFile<'_>,
    index: &VirtualTable,
) -> Result<Vec<String>> {
    let name = &index.name;
    let mut lines = Vec::new();
    let (left, right) = (content(expected, name)?, content(found, name)?);
    if left != right {
        lines.push(format!("virtual table {name}: the rows differ"));
    }
    let indexed = |file: &FreshFile<'_>| documents(file.database.connection(), &file.schema, index);
    let (left, right) = (indexed(expected)?, indexed(found)?);
    if left != right {
        lines.push(format!("virtual table {name}: {right} rows are indexed instead of {left}"));
    }
    let health = |file: &FreshFile<'_>| index_finding(file.database.connection(), index);
    let (left, right) = (health(expected)?, health(found)?);
    if left != right {
        let words = right.unwrap_or_else(|| "no fault, where one is expected".to_owned());
        lines.push(format!("virtual table {name}: {words}"));
    }
    Ok(lines)
}

fn content(file: &FreshFile<'_>, table: &str) -> Result<Vec<Vec<Value>>> {
    let connection = file.database.connection();
    let name = quote(table);
    let with_rowid = connection.prepare(&format!("SELECT rowid, * FROM main.{name}"));
    let mut statement = match with_rowid {
        Ok(statement) => statement,
        Err(_) => connection.prepare(&format!("SELECT * FROM main.{name}"))?,
    };
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns).map(|place| row.get::<_, Value>(place)).collect::<rusqlite::Result<Vec<_>>>()
    })?;
    let mut content = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    content.sort_by_key(|row| format!("{row:?}"));
    Ok(content)
}

/// Compares the counters of AUTOINCREMENT.
fn counters_apart(expected: &FreshFile<'_>, found: &FreshFile<'_>) -> Result<Vec<String>> {
    let (left, right) = (counters(expected)?, counters(found)?);
    let of = |list: &[(String, i64)], table: &str| {
        list.iter().find(|it| super::seeds::is_same_table(&it.0, table)).map(|it| it.1)
    };
    let mut lines = Vec::new();
    for (table, counter) in &left {
        let is = of(&right, table);
        if is != Some(*counter) {
            let is = is.map_or_else(|| "none".to_owned(), |it| it.to_string());
            lines.push(format!(
                "table {table}: the AUTOINCREMENT counter is {is} instead of {counter}"
            ));
        }
    }
    let more = right.iter().filter(|it| of(&left, &it.0).is_none());
    lines.extend(more.map(|it| format!("table {}: an AUTOINCREMENT counter is unexpected", it.0)));
    Ok(lines)
}

fn counters(file: &FreshFile<'_>) -> Result<Vec<(String, i64)>> {
    if !file.schema.tables.contains_key("sqlite_sequence") {
        return Ok(Vec::new());
    }
    let connection = file.database.connection();
    let mut statement = connection
        .prepare("SELECT name, seq FROM main.sqlite_sequence WHERE seq > 0 ORDER BY 1")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let all = rows.collect::<rusqlite::Result<Vec<(String, i64)>>>()?;
    let own = |it: &(String, i64)| {
        let shape = file.schema.shape(&it.0);
        shape.is_some_and(|table| table.key != RowKey::Module) && is_own(&file.schema, &it.0)
    };
    Ok(all.into_iter().filter(own).collect())
}

/// The version tables are no part of the schema that is compared.
fn is_own(schema: &Schema, table: &str) -> bool {
    schema.find(ObjectKind::Table, table).is_some()
}
