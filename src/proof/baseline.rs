//! What was wrong before: violations that a file already has are neither dropped nor blockers.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::database::{told, words};
use crate::error::{Error, Result};
use crate::event::Stage;
use crate::name::{fold, literal, quote};
use crate::rows::count_rows;
use crate::schema::{ObjectKind, Schema};
use crate::sql::edit;

/// What was wrong in a database before it was changed, as far as the backup cannot tell later: asking
/// a full-text table about its index writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The findings about full-text tables, by folded name.
    pub full_text: BTreeMap<String, Option<String>>,
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
    told(connection, (Stage::Check, table), (&sql, rows), || collect_findings(connection, &sql))
}

fn collect_findings(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut findings = Vec::new();
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
            Err(error) => match crate::database::MissingPart::in_error(&error) {
                Some(part) => {
                    findings.push(format!("not checkable without {part}"));
                    return Ok(findings);
                }
                None => return Err(Error::from(error)),
            },
        }
    }
}

/// A full-text table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullText {
    /// Its name.
    pub table: String,
    /// Its module, folded: `fts3`, `fts4` or `fts5`.
    pub module: String,
}

/// Asks a full-text table whether its index fits its content; `None` if it does
/// (<https://sqlite.org/fts5.html#the_integrity_check_command>,
/// <https://sqlite.org/fts3.html#integcheck>).
pub fn full_text_finding(connection: &Connection, index: &FullText) -> Option<String> {
    let name = quote(&index.table);
    let sql = if index.module == "fts5" {
        format!("INSERT INTO main.{name}({name}, rank) VALUES('integrity-check', 1)")
    } else {
        format!("INSERT INTO main.{name}({name}) VALUES('integrity-check')")
    };
    connection.execute_batch(&sql).err().map(|error| words(&error))
}

/// Returns the full-text tables of a schema.
pub fn full_text_tables(schema: &Schema) -> Vec<FullText> {
    let module = |text: &str| Some(fold(&edit::virtual_table_arguments(text).ok()?.module.text));
    schema
        .of_kind(ObjectKind::VirtualTable)
        .filter_map(|object| {
            let module = module(object.sql.as_deref()?)?;
            let known = ["fts3", "fts4", "fts5"].contains(&module.as_str());
            known.then(|| FullText { table: object.name.clone(), module })
        })
        .collect()
}

impl Baseline {
    /// Takes the baseline of a database that is about to be changed.
    pub fn take(connection: &Connection, schema: &Schema) -> Self {
        let full_text = full_text_tables(schema)
            .into_iter()
            .map(|index| (fold(&index.table), full_text_finding(connection, &index)))
            .collect();
        Self { full_text }
    }
}
