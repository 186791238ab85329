//! What was wrong before: violations that a file already has are neither dropped nor blockers.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::database::{MissingExtension, with_progress};
use crate::error::{Error, Result};
use crate::event::Stage;
use crate::name::{fold, literal};
use crate::rows::{count_rows, index_finding};
use crate::schema::Schema;

/// What was wrong in a database before it was changed, as far as the backup cannot tell later: asking
/// a virtual table about its index may write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The findings about the indexes of virtual tables, by folded name.
    pub indexes: BTreeMap<String, Option<String>>,
}

/// How much SQLite checks of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Pages, rows, and whether each index fits the rows
    /// (<https://sqlite.org/pragma.html#pragma_integrity_check>).
    Full,
    /// Pages and rows (<https://sqlite.org/pragma.html#pragma_quick_check>).
    Quick,
}

/// Returns what a check of SQLite says about one table, its indexes included; nothing if it is fine.
///
/// # Errors
/// Whatever SQLite reports, except a missing collation or function, which is listed.
pub fn integrity_findings(
    connection: &Connection,
    table: &str,
    check: Check,
) -> Result<Vec<String>> {
    let pragma = match check {
        Check::Full => "integrity_check",
        Check::Quick => "quick_check",
    };
    let sql = format!("PRAGMA main.{pragma}({})", literal(table));
    // Only for the bar: what cannot be counted is checked all the same.
    let rows = count_rows(connection, table).unwrap_or(0);
    with_progress(connection, (Stage::Check, table), (&sql, rows), || {
        collect_findings(connection, &sql)
    })
}

fn collect_findings(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let unchecked = |part: MissingExtension| format!("not checkable without {part}");
    let mut findings = Vec::new();
    let mut statement = match connection.prepare(sql) {
        Ok(statement) => statement,
        Err(error) => match MissingExtension::in_error(&error) {
            Some(part) => return Ok(vec![unchecked(part)]),
            None => return Err(Error::from(error)),
        },
    };
    let mut rows = statement.query([])?;
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                let line = String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default())
                    .into_owned();
                if line != "ok" {
                    findings.push(line);
                }
            }
            Ok(None) => return Ok(findings),
            Err(error) => match MissingExtension::in_error(&error) {
                Some(part) => {
                    findings.push(unchecked(part));
                    return Ok(findings);
                }
                None => return Err(Error::from(error)),
            },
        }
    }
}

impl Baseline {
    /// Takes the baseline of a database that is about to be changed.
    ///
    /// # Errors
    /// Whatever keeps SQLite from answering.
    pub fn take(connection: &Connection, schema: &Schema) -> Result<Self> {
        let mut indexes = BTreeMap::new();
        for table in schema.virtual_tables() {
            indexes.insert(fold(&table.name), index_finding(connection, &table)?);
        }
        Ok(Self { indexes })
    }

    /// Returns the virtual tables, folded, whose indexes fit their content.
    pub fn fitting(&self) -> impl Iterator<Item = String> {
        self.indexes.iter().filter(|(_, finding)| finding.is_none()).map(|(table, _)| table.clone())
    }
}
