//! Running one statement of the plan.

use rusqlite::Connection;

use crate::database::run_one;
use crate::error::{Error, ErrorKind, Result};

/// Runs a statement. An error names it.
pub(super) fn run(connection: &Connection, statement: &str) -> Result<()> {
    run_one(connection, statement).map_err(|error| refused(error, statement))
}

pub(super) fn refused(error: rusqlite::Error, statement: &str) -> Error {
    let what = format!("SQLite refused: {}", first_line(statement));
    Error::from(error).during(ErrorKind::Rebuild, &what)
}

fn first_line(statement: &str) -> String {
    let line = statement.lines().next().unwrap_or_default();
    if line.chars().count() > 100 {
        line.chars().take(100).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}
