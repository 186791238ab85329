//! Filling a rebuilt table, by whole records or value by value.
//!
//! `INSERT INTO new SELECT * FROM old` copies the records of every index of the new table from one of the old table
//! that holds the same (`xferOptimization` in SQLite's `insert.c`): nothing is decoded and nothing is sorted.

use rusqlite::Connection;

use super::lenient_copy::lenient;
use super::statement::run;
use crate::database::{with_progress, with_strict_names};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Stage as ProgressStage;
use crate::name::quote;
use crate::plan::{Fallback, Rebuild};
use crate::rows::{Values, conversions};
use crate::shadow::{CopyMethod, Transfer, transfer_out_of};

/// The rows that a rebuilt table takes.
pub(super) struct OldRows {
    /// The table, as SQL text.
    pub(super) source: String,
    pub(super) count: u64,
}

/// Fills a table. Returns how many rows SQLite says it wrote.
pub(super) fn fill(connection: &Connection, rebuild: &Rebuild, old: &OldRows) -> Result<u64> {
    refuse_conversions(connection, rebuild, old)?;
    let copy = |statement: &str| {
        let about = (ProgressStage::Copy, rebuild.to.as_str());
        let named = with_strict_names(connection, || {
            with_progress(connection, about, (statement, old.count), || run(connection, statement))
        });
        named.map_err(|error| error.about(&rebuild.from))?;
        Ok(connection.changes())
    };
    if copies_records(connection, rebuild, old)? {
        let (to, from) = (quote(&rebuild.to), &old.source);
        return copy(&format!("INSERT INTO main.{to} SELECT * FROM {from}"));
    }
    let statement = rebuild.copy.row_sql(&old.source, &rebuild.to);
    lenient(connection, rebuild, &old.source, || copy(&statement))
}

/// Whether SQLite will copy whole records now, as it said it would.
fn copies_records(connection: &Connection, rebuild: &Rebuild, old: &OldRows) -> Result<bool> {
    if rebuild.rewrites() {
        return Ok(false);
    }
    if transfer_out_of(connection, &rebuild.to, &old.source)? == Transfer::KeepsRowids {
        return Ok(true);
    }
    match rebuild.fallback() {
        Fallback::Rewrite => Ok(false),
        Fallback::Refuse => {
            let what = format!("the rowids of {} cannot be kept", rebuild.from);
            Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from))
        }
    }
}

/// What could be looked at before the transaction was looked at there; values that a data step of this
/// run wrote are met here for the first time.
fn refuse_conversions(connection: &Connection, rebuild: &Rebuild, old: &OldRows) -> Result<()> {
    let (source, stage) = (old.source.as_str(), ProgressStage::Copy);
    let values = Values { source, rows: old.count, stage, shape: &rebuild.shape };
    let found = conversions(connection, values, &rebuild.typed)?;
    if let Some((column, found)) = found.first() {
        let what = format!("{}.{column}: {found}", rebuild.to);
        return Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from));
    }
    let Some(alias) = &rebuild.given_alias else { return Ok(()) };
    let rows = rebuild.copy.select(source);
    let sql = format!("SELECT count(*) FROM ({rows}) WHERE {} IS NULL", quote(alias));
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    if count > 0 {
        let rows = crate::text::rows(count);
        let what = format!("{}.{alias} would be NULL in {rows} and get new keys", rebuild.to);
        return Err(Error::new(ErrorKind::Rebuild, what).about(&rebuild.from));
    }
    Ok(())
}

/// Runs a copy with an empty index on both tables, if the method asks for it: SQLite then keeps the rowids in a transfer
/// of records.
pub(super) fn with_guards<T>(
    connection: &Connection,
    rebuild: &Rebuild,
    copy: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let guarded = rebuild.method() == Some(CopyMethod::RecordsWithGuard);
    let Some((to, from)) = rebuild.copy.first_stored_column().filter(|_| guarded) else {
        return copy();
    };
    let guards = [("guard", &rebuild.scratch, from), ("guarded", &rebuild.to, to)];
    let name = |end: &str| quote(&format!("{}_{end}", rebuild.scratch));
    for (end, table, column) in guards {
        let (name, table, column) = (name(end), quote(table), quote(column));
        run(connection, &format!("CREATE INDEX main.{name} ON {table}({column}) WHERE 0"))?;
    }
    let copied = copy()?;
    for (end, ..) in guards {
        run(connection, &format!("DROP INDEX main.{}", name(end)))?;
    }
    Ok(copied)
}
