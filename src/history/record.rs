//! Recording an event in the version tables.

use rusqlite::{Connection, ErrorCode, params};

use super::tables::{HISTORY_TABLE, VersionTables};
use crate::error::{Error, ErrorKind, Result, words};
use crate::name::{literal, quote};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Applied,
    Undone,
    /// It was recorded without being run.
    Stamped,
    /// Its record was taken away without undoing it.
    Unstamped,
    /// Its new text was accepted.
    Accepted,
}

impl EventKind {
    /// Returns the stable text code, as in `phase_history.direction`.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Applied => "up",
            Self::Undone => "down",
            Self::Stamped => "stamp",
            Self::Unstamped => "unstamp",
            Self::Accepted => "accept",
        }
    }

    const fn outcome(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Undone => "undone",
            Self::Stamped => "stamped",
            Self::Unstamped => "unstamped",
            Self::Accepted => "accepted",
        }
    }
}

#[derive(Debug, Clone)]
pub struct HistoryEvent {
    pub kind: EventKind,
    pub id: String,
    pub parents: Vec<String>,
    pub version: i64,
    pub description: String,
    pub checksum: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// When it was finished, RFC 3339.
    pub finished_at: String,
    /// When it counts as applied, as SQLite's own CURRENT_TIMESTAMP is written (UTC).
    pub applied_at: String,
    /// The backup made before it.
    pub backup: Option<String>,
    /// Rows proven equal to the backup.
    pub rows_proven: u64,
    /// What it changed in the schema, as [`UndoRecord`](super::UndoRecord) writes it.
    pub undo: Option<String>,
}

/// Records an event. The tables must exist; the caller owns the transaction.
///
/// # Errors
/// [`ErrorKind::VersionTable`] if a table of this shape has rules that the record breaks.
pub fn record(connection: &Connection, tables: &VersionTables, event: &HistoryEvent) -> Result<()> {
    let name = tables.version_table();
    record_version(connection, name, event).map_err(|error| refused(name, event, error))?;
    record_event(connection, event).map_err(|error| refused(HISTORY_TABLE, event, error))
}

fn refused(table: &str, event: &HistoryEvent, error: rusqlite::Error) -> Error {
    let is_rule = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch)
    );
    if !is_rule {
        return error.into();
    }
    let what = format!("the table {table} refuses the record of {}: {}", event.id, words(&error));
    Error::new(ErrorKind::VersionTable, what).about(table).caused_by(error)
}

fn record_version(
    connection: &Connection,
    table: &str,
    event: &HistoryEvent,
) -> rusqlite::Result<()> {
    let table = quote(table);
    match event.kind {
        EventKind::Applied | EventKind::Stamped => connection.execute(
            &format!(
                "INSERT INTO main.{table}(version, applied_at, description) VALUES (?1, ?2, ?3)"
            ),
            params![event.version, event.applied_at, event.description],
        )?,
        EventKind::Undone | EventKind::Unstamped => connection
            .execute(&format!("DELETE FROM main.{table} WHERE version = ?1"), [event.version])?,
        EventKind::Accepted => 0,
    };
    Ok(())
}

fn record_event(connection: &Connection, event: &HistoryEvent) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO main.phase_history(id, parents, version, direction, checksum, started_at, \
         finished_at, backup, tool_version, rows_proven, outcome, undo) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            event.id,
            event.parents.join(" "),
            event.version,
            event.kind.direction(),
            event.checksum,
            event.started_at,
            event.finished_at,
            event.backup,
            env!("CARGO_PKG_VERSION"),
            i64::try_from(event.rows_proven).unwrap_or(i64::MAX),
            event.kind.outcome(),
            event.undo,
        ],
    )?;
    Ok(())
}

/// Returns the statements that record an event from a script; times are SQLite's.
pub fn record_script(tables: &VersionTables, event: &HistoryEvent) -> Vec<String> {
    let table = quote(tables.version_table());
    let version = event.version;
    let first = match event.kind {
        EventKind::Applied | EventKind::Stamped => format!(
            "INSERT INTO main.{table}(version, applied_at, description) VALUES ({version}, CURRENT_TIMESTAMP, {})",
            literal(&event.description)
        ),
        EventKind::Undone | EventKind::Unstamped => {
            format!("DELETE FROM main.{table} WHERE version = {version}")
        }
        EventKind::Accepted => return Vec::new(),
    };
    let second = format!(
        "INSERT INTO main.phase_history(id, parents, version, direction, checksum, started_at, finished_at, \
         tool_version, rows_proven, outcome, undo) VALUES ({}, {}, {version}, {}, {}, CURRENT_TIMESTAMP, \
         CURRENT_TIMESTAMP, {}, 0, {}, {})",
        literal(&event.id),
        literal(&event.parents.join(" ")),
        literal(event.kind.direction()),
        literal(&event.checksum),
        literal(concat!("script of ", env!("CARGO_PKG_VERSION"))),
        literal(event.kind.outcome()),
        event.undo.as_deref().map_or_else(|| "NULL".to_owned(), literal)
    );
    vec![first, second]
}
