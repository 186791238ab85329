//! Evaluating the checks that a phase carries: one query each, which may only read, under the authorizer.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use crate::database::Database;
use crate::error::words;
use crate::error::{Error, ErrorKind, Result};
use crate::phase::{Check, Expected};

/// How many rows of an unwanted result are shown.
const SHOWN: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFinding {
    pub holds: bool,
    /// What the query gave, in words.
    pub found: String,
    /// The first rows, one line each, if rows were not wanted.
    pub rows: Vec<String>,
}

impl CheckFinding {
    /// Says what the query returned, as a sentence without its end.
    pub fn returned(&self) -> String {
        format!("its query returned {}", self.found)
    }
}

/// Evaluates a check.
///
/// # Errors
/// [`ErrorKind::Step`] if the query is not a single one that only reads, if it is not allowed in a phase, or if SQLite
/// refuses it.
pub fn evaluate(database: &Database, check: &Check) -> Result<CheckFinding> {
    let authorizer = database.authorizer();
    authorizer.raise();
    let finding = ask(database.connection(), check);
    let denied = authorizer.denied();
    authorizer.lower();
    match denied {
        Some(what) => Err(refused(check, &format!("{what} is not allowed in a phase"))),
        None => finding,
    }
}

fn refused(check: &Check, what: &str) -> Error {
    Error::new(ErrorKind::Step, format!("line {}: check {}: {what}", check.line, check.name))
}

fn ask(connection: &Connection, check: &Check) -> Result<CheckFinding> {
    let failed = |error: rusqlite::Error| refused(check, &words(&error)).caused_by(error);
    let mut statement = connection.prepare(&check.sql).map_err(failed)?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(refused(check, "the statement is not a query"));
    }
    read(&mut statement, check).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::OperationInterrupted | rusqlite::ErrorCode::DatabaseBusy) => {
            error.into()
        }
        _ => failed(error),
    })
}

fn read(statement: &mut Statement<'_>, check: &Check) -> rusqlite::Result<CheckFinding> {
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let (mut count, mut shown, mut first) = (0_usize, Vec::new(), None);
    while let Some(row) = rows.next()? {
        count += 1;
        let mut cells = Vec::with_capacity(width);
        for index in 0..width {
            cells.push(show(row.get_ref(index)?));
        }
        if count == 1 {
            first = Some(matches_value(row.get_ref(0)?, &check.expect));
        }
        if shown.len() < SHOWN {
            shown.push(cells.join(" | "));
        }
    }
    let holds = match &check.expect {
        Expected::NoRows => count == 0,
        Expected::Rows => count > 0,
        Expected::Integer(_) | Expected::Real(_) | Expected::Text(_) => {
            count == 1 && first == Some(true)
        }
    };
    let found = match (count, shown.first()) {
        (0, _) => "no rows".to_owned(),
        (1, Some(only)) => only.clone(),
        (many, _) => format!("{many} rows"),
    };
    let rows = if holds { Vec::new() } else { shown };
    Ok(CheckFinding { holds, found, rows })
}

fn matches_value(value: ValueRef<'_>, expected: &Expected) -> bool {
    match (value, expected) {
        (ValueRef::Integer(found), Expected::Integer(wanted)) => found == *wanted,
        (ValueRef::Real(found), Expected::Real(wanted)) => found.to_bits() == wanted.to_bits(),
        #[expect(clippy::cast_precision_loss, reason = "an expectation written without a fraction")]
        (ValueRef::Real(found), Expected::Integer(wanted)) => found == *wanted as f64,
        #[expect(clippy::cast_precision_loss, reason = "an expectation written with a fraction")]
        (ValueRef::Integer(found), Expected::Real(wanted)) => found as f64 == *wanted,
        (ValueRef::Text(found), Expected::Text(wanted)) => found == wanted.as_bytes(),
        _ => false,
    }
}

fn show(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).chars().take(80).collect(),
        ValueRef::Blob(bytes) => format!("blob of {} bytes", bytes.len()),
    }
}
