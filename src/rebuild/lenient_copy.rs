//! Copying rows that broke a rule already before: they are neither dropped nor a reason to stop.
//!
//! New rules were tried on the old rows before the backup, and the proof compares what breaks rules now
//! with what broke them before. During the copy itself, rules that are not new must not stand in the way.

use rusqlite::Connection;

use super::schema_table::set_text;
use crate::error::{Error, ErrorKind, Result};
use crate::name::quote;
use crate::plan::Rebuild;
use crate::sql::edit::{self, ColumnChange};

/// Runs a copy with CHECK constraints ignored and, where old rows hold NULL in spite of NOT NULL, with
/// that rule left out of the new table until the rows are in.
pub(super) fn lenient<T>(
    connection: &Connection,
    rebuild: &Rebuild,
    source: &str,
    copy: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let optional = nulls_in_spite(connection, rebuild, source)?;
    connection.execute_batch("PRAGMA ignore_check_constraints=ON")?;
    let copied = if optional.is_empty() {
        copy()
    } else {
        without_not_null(connection, rebuild, &optional, copy)
    };
    let reset = connection.execute_batch("PRAGMA ignore_check_constraints=OFF");
    let copied = copied?;
    reset?;
    Ok(copied)
}

/// The columns that hold NULL although they were and will be NOT NULL.
fn nulls_in_spite(connection: &Connection, rebuild: &Rebuild, source: &str) -> Result<Vec<String>> {
    if rebuild.required.is_empty() {
        return Ok(Vec::new());
    }
    // SQLite takes NOT NULL at its word and would answer IS NULL without looking.
    let tests: Vec<String> = rebuild
        .required
        .iter()
        .map(|(from, _)| format!("max(typeof({}) = 'null')", quote(from)))
        .collect();
    let sql = format!("SELECT {} FROM {source} NOT INDEXED", tests.join(", "));
    let found = connection.query_row(&sql, [], |row| {
        let mut found = Vec::new();
        for (index, (_, to)) in rebuild.required.iter().enumerate() {
            if row.get::<_, Option<bool>>(index)? == Some(true) {
                found.push(to.clone());
            }
        }
        Ok(found)
    })?;
    Ok(found)
}

fn without_not_null<T>(
    connection: &Connection,
    rebuild: &Rebuild,
    columns: &[String],
    copy: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let optional = ColumnChange { not_null: Some(false), ..ColumnChange::default() };
    let mut text = rebuild.sql.clone();
    for column in columns {
        text = edit::alter_column(&text, column, &optional).map_err(|error| {
            Error::new(ErrorKind::Rebuild, error.to_string()).about(&rebuild.to)
        })?;
    }
    set_text(connection, &rebuild.to, &text)?;
    let copied = copy()?;
    set_text(connection, &rebuild.to, &rebuild.sql)?;
    Ok(copied)
}
