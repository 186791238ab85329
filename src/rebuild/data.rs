//! Running the statements of a phase, and counting what they do.

use rusqlite::Connection;

use super::statement::run;
use crate::database::{Database, Purpose, flush_words, run_authorized};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage as ProgressStage, track_progress};
use crate::plan::DataStage;
use crate::rows::count_rows;

/// How the number of rows of a table changed in a data step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RowsChanged {
    pub phase: String,
    pub table: String,
    pub before: u64,
    pub after: u64,
}

/// Runs the statements of a data step, behind the authorizer.
pub(super) fn run_sql(
    (database, phase): (&Database, &str),
    data: &DataStage,
    observer: &mut dyn Observer,
) -> Result<Vec<RowsChanged>> {
    let connection = database.connection();
    database.hide_attached_names()?;
    let tables: Vec<String> = data.touched.tables.keys().cloned().collect();
    let before = counts(connection, &tables)?;
    let place = data.file.clone().unwrap_or_else(|| format!("line {}", data.line));
    // The statements mean what they mean in any other program.
    run(connection, "PRAGMA legacy_alter_table=OFF")?;
    let statements = || run_authorized(connection, database.authorizer(), &data.sql, Purpose::Run);
    // How much these statements will do is not known.
    track_progress((ProgressStage::Data, &place), (0, 0), statements)
        .map_err(|error| at_step(error, data))?;
    run(connection, "PRAGMA legacy_alter_table=ON")?;
    for change in &data.changes {
        observer.event(&Event::SchemaChanged { what: change.to_string() });
    }
    flush_words(connection)?;
    let after = counts(connection, &tables)?;
    let mut changed = Vec::new();
    for (table, (before, after)) in tables.into_iter().zip(before.into_iter().zip(after)) {
        let (Some(before), Some(after)) = (before, after) else { continue };
        observer.event(&Event::RowsChanged { table: table.clone(), before, after });
        changed.push(RowsChanged { phase: phase.to_owned(), table, before, after });
    }
    Ok(changed)
}

/// Counts rows; a table that a statement creates or drops has no count on one side.
fn counts(connection: &Connection, tables: &[String]) -> Result<Vec<Option<u64>>> {
    let mut counts = Vec::new();
    for table in tables {
        let exists: bool = connection.query_row(
            "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            [table],
            |row| row.get(0),
        )?;
        let count = if exists { count(connection, table)? } else { None };
        counts.push(count);
    }
    Ok(counts)
}

/// Counts the rows of a table; some virtual tables can only be searched
/// (<https://sqlite.org/fts5.html#the_columnsize_option>).
fn count(connection: &Connection, table: &str) -> Result<Option<u64>> {
    match count_rows(connection, table) {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::Sqlite && is_virtual(connection, table)? => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn is_virtual(connection: &Connection, table: &str) -> Result<bool> {
    let sql = "SELECT count(*) FROM main.sqlite_schema \
               WHERE type = 'table' AND rootpage = 0 AND name = ?1 COLLATE NOCASE";
    Ok(connection.query_row(sql, [table], |row| row.get(0))?)
}

/// Says of a statement that failed in which step it stands.
fn at_step(error: Error, data: &DataStage) -> Error {
    if error.kind() != ErrorKind::Step {
        return error;
    }
    let line = data.line_of(&error);
    let mut failed = Error::new(ErrorKind::Rebuild, data.describe(&error)).on_step_line(line);
    let facts = error.facts();
    if let Some(object) = &facts.object {
        failed = failed.about(object);
    }
    if let Some((line, why)) = &facts.statement {
        failed = failed.in_statement(*line, why);
    }
    failed.caused_by(error)
}
