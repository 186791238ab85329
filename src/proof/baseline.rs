//! What was wrong before: violations that a file already has are neither dropped nor blockers.

use std::collections::BTreeMap;

use rusqlite::{Connection, ErrorCode};

use crate::database::{told, words};
use crate::error::{Error, Result, is_interrupted_reading};
use crate::event::Stage;
use crate::name::{fold, literal, quote};
use crate::rows::count_rows;
use crate::schema::{Module, Schema, VirtualTable};

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

/// Asks a virtual table whether its index fits its content; `None` if it does
/// (<https://sqlite.org/fts5.html#the_integrity_check_command>,
/// <https://sqlite.org/fts3.html#integcheck>, <https://sqlite.org/rtree.html#integrity_checks_using_the_rtreecheck_sql_function>).
///
/// # Errors
/// Whatever keeps it from answering: an interrupt, a disk that fails, a want of memory.
pub fn index_finding(connection: &Connection, index: &VirtualTable) -> Result<Option<String>> {
    let name = quote(&index.name);
    let asked = match index.module {
        Module::Fts5 => connection.execute_batch(&format!(
            "INSERT INTO main.{name}({name}, rank) VALUES('integrity-check', 1)"
        )),
        Module::Fts34 => connection
            .execute_batch(&format!("INSERT INTO main.{name}({name}) VALUES('integrity-check')")),
        Module::RTree => return rtree_finding(connection, &index.name),
        Module::Other => return Ok(None),
    };
    match asked {
        Ok(()) => Ok(None),
        Err(error) if is_an_answer(&error) => Ok(Some(words(&error))),
        Err(error) => Err(error.into()),
    }
}

fn rtree_finding(connection: &Connection, table: &str) -> Result<Option<String>> {
    let sql = "SELECT rtreecheck('main', ?1)";
    match connection.query_row(sql, [table], |row| row.get::<_, String>(0)) {
        Ok(answer) => Ok((answer != "ok").then_some(answer)),
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
        let index = VirtualTable::read("CREATE VIRTUAL TABLE f USING fts5(x)").unwrap();
        assert_eq!(index_finding(&connection, &index).unwrap(), None);
        connection.progress_handler(1, Some(|| true)).unwrap();
        let stopped = index_finding(&connection, &index).unwrap_err();
        assert_eq!(stopped.kind(), ErrorKind::Interrupted);
        connection.progress_handler(1, None::<fn() -> bool>).unwrap();
        connection.execute_batch("DELETE FROM f_data WHERE id > 10").unwrap();
        let found = index_finding(&connection, &index).unwrap();
        assert!(found.is_some_and(|it| it.contains("corruption")));
    }
}
