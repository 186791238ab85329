//! How much work a statement will be, told by SQLite's own plan of it.

use std::collections::BTreeMap;

use rusqlite::Connection;

/// Estimates the steps of SQLite's virtual machine that a statement will take: for each loop over a table,
/// its length times the rows, as `EXPLAIN` shows them (<https://sqlite.org/opcode.html>). The function tells
/// the rows of the table or index with a root page, or of what has none of its own.
///
/// An estimate for a progress bar: a loop inside a loop counts once, a branch is shorter. What does not
/// compile is expected to take no step.
///
/// # Errors
/// Whatever ends the explanation of a statement that compiles. It must end the work as well: to SQLite, the
/// explanation of a statement that writes is itself one that writes, and an interrupt in it has rolled the
/// transaction back (<https://sqlite.org/c3ref/stmt_readonly.html>, <https://sqlite.org/c3ref/interrupt.html>).
pub fn effort(
    connection: &Connection,
    sql: &str,
    rows: &dyn Fn(Option<i64>) -> u64,
) -> rusqlite::Result<u64> {
    let Ok(mut statement) = connection.prepare(&format!("EXPLAIN {sql}")) else { return Ok(0) };
    let mut listed = statement.query([])?;
    let mut roots = BTreeMap::new();
    let mut loops: Vec<Loop> = Vec::new();
    let (mut whole, mut transfers): (bool, Vec<i64>) = (false, Vec::new());
    while let Some(row) = listed.next()? {
        let (address, opcode): (i64, String) = (row.get(0)?, row.get(1)?);
        let (cursor, second): (i64, i64) = (row.get(2)?, row.get(3)?);
        let (start, end) = (second, address);
        match opcode.as_str() {
            "OpenRead" | "OpenWrite" => {
                roots.insert(cursor, second);
            }
            "Next" | "Prev" | "SorterNext" | "VNext" if second <= address => {
                loops.push(Loop { start, end, passes: rows(roots.get(&cursor).copied()) });
            }
            "RowCell" | "RowData" => {
                whole |= opcode == "RowCell";
                transfers.push(address);
            }
            // The rows that a coroutine hands over; each program also goes to its first step once.
            "Goto" if second > 1 && second < address => {
                loops.push(Loop { start, end, passes: rows(None) });
            }
            _ => {}
        }
    }
    if whole {
        // Whole records are copied; what else stands there is for a table that is not empty.
        loops.retain(|it| transfers.iter().any(|at| (it.start..=it.end).contains(at)));
    }
    let outer = loops.iter().filter(|it| !loops.iter().any(|other| other.holds(it)));
    Ok(outer.map(Loop::steps).fold(0, u64::saturating_add))
}

/// Steps from one address to another, and how often they are taken.
struct Loop {
    start: i64,
    end: i64,
    passes: u64,
}

impl Loop {
    fn holds(&self, other: &Self) -> bool {
        self.start <= other.start && self.end > other.end
    }

    fn steps(&self) -> u64 {
        u64::try_from(self.end - self.start + 1).unwrap_or(1).saturating_mul(self.passes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The steps that a statement takes, counted by SQLite.
    fn taken(connection: &mut Connection, sql: &str) -> u64 {
        let steps = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&steps);
        let handler = move || {
            count.fetch_add(100, Ordering::Relaxed);
            false
        };
        connection.progress_handler(100, Some(handler)).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.raw_query();
        while rows.next().unwrap().is_some() {}
        steps.load(Ordering::Relaxed)
    }

    #[test]
    fn the_estimate_is_near_what_sqlite_takes() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE p(id INTEGER PRIMARY KEY);
                 CREATE TABLE t(a INTEGER PRIMARY KEY, b, c REFERENCES p(id)); CREATE INDEX i ON t(b);
                 CREATE UNIQUE INDEX u ON t(b, a);
                 CREATE TABLE same(a INTEGER PRIMARY KEY, b, c REFERENCES p(id));
                 CREATE INDEX j ON same(b); CREATE UNIQUE INDEX v ON same(b, a); CREATE TABLE other(d, a INTEGER PRIMARY KEY, b);
                 WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 100)
                 INSERT INTO p SELECT v FROM n",
            )
            .unwrap();
        connection
            .execute_batch(
                "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 20000)
                 INSERT INTO t SELECT v, v % 77, v % 100 + 1 FROM n",
            )
            .unwrap();
        connection.execute_batch("PRAGMA foreign_keys=OFF").unwrap();
        for sql in [
            "INSERT INTO same SELECT * FROM t",
            "INSERT INTO other(d, a, b) SELECT b + 1, a, b FROM t",
            "CREATE INDEX k ON t(c, b)",
            "PRAGMA foreign_key_check('t')",
            "PRAGMA quick_check('t')",
            "PRAGMA integrity_check('t')",
        ] {
            let (expected, found) =
                (effort(&connection, sql, &|_| 20_000).unwrap(), taken(&mut connection, sql));
            let ratio = expected as f64 / found as f64;
            // A check jumps over what it would say about each column.
            let most = if sql.starts_with("PRAGMA") { 4.0 } else { 2.0 };
            assert!((0.5..most).contains(&ratio), "{sql}: {expected} for {found}");
        }
    }

    /// The naive way took the estimate for none and went on, in a transaction that was no more: the statement
    /// then met the tables of before.
    #[test]
    fn an_interrupt_of_the_explanation_ends_the_work() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE TABLE u(a);
                 BEGIN; ALTER TABLE u RENAME TO v; CREATE TABLE u(a)",
            )
            .unwrap();
        let stop = connection.get_interrupt_handle();
        let interrupting = move |_| {
            stop.interrupt();
            1
        };
        let found = effort(&connection, "INSERT INTO u SELECT a FROM t WHERE a > 0", &interrupting);
        assert!(connection.is_autocommit(), "SQLite has rolled back");
        let code = found.unwrap_err().sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::OperationInterrupted));
    }
}
