//! What was wrong before: violations that a file already has are neither dropped nor blockers.

use std::collections::BTreeMap;

use rusqlite::{Connection, ErrorCode};

use crate::database::{told, words};
use crate::error::{Error, Result, is_interrupted_reading};
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
///
/// # Errors
/// Whatever keeps it from answering: an interrupt, a disk that fails, a want of memory.
pub fn full_text_finding(connection: &Connection, index: &FullText) -> Result<Option<String>> {
    let name = quote(&index.table);
    let sql = if index.module == "fts5" {
        format!("INSERT INTO main.{name}({name}, rank) VALUES('integrity-check', 1)")
    } else {
        format!("INSERT INTO main.{name}({name}) VALUES('integrity-check')")
    };
    match connection.execute_batch(&sql) {
        Ok(()) => Ok(None),
        Err(error) if is_an_answer(&error) => Ok(Some(words(&error))),
        Err(error) => Err(error.into()),
    }
}

/// Tells an answer of the module from whatever kept it from answering. The question is a statement that writes:
/// SQLite may have rolled the transaction back (<https://sqlite.org/lang_transaction.html>).
fn is_an_answer(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    let says = matches!(
        code,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::Unknown | ErrorCode::ConstraintViolation)
    );
    says && !is_interrupted_reading(error)
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
    ///
    /// # Errors
    /// Whatever keeps SQLite from answering.
    pub fn take(connection: &Connection, schema: &Schema) -> Result<Self> {
        let mut full_text = BTreeMap::new();
        for index in full_text_tables(schema) {
            full_text.insert(fold(&index.table), full_text_finding(connection, &index)?);
        }
        Ok(Self { full_text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// The naive way takes whatever stops the question for its answer: "interrupted" was wrong with the index.
    #[test]
    fn what_stops_the_question_is_no_finding() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('one')")
            .unwrap();
        let index = FullText { table: "f".to_owned(), module: "fts5".to_owned() };
        assert_eq!(full_text_finding(&connection, &index).unwrap(), None);
        connection.progress_handler(1, Some(|| true)).unwrap();
        let stopped = full_text_finding(&connection, &index).unwrap_err();
        assert_eq!(stopped.kind(), ErrorKind::Interrupted);
        connection.progress_handler(1, None::<fn() -> bool>).unwrap();
        connection.execute_batch("DELETE FROM f_data WHERE id > 10").unwrap();
        let found = full_text_finding(&connection, &index).unwrap();
        assert!(found.is_some_and(|it| it.contains("corruption")));
    }
}
