//! Whether the index of a virtual table fits its rows, as its module says.

use rusqlite::{Connection, ErrorCode};

use crate::error::words;
use crate::error::{Result, is_interrupted_reading};
use crate::name::quote;
use crate::schema::{Module, VirtualTable};

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
