//! Asking SQLite, with tables that hold no rows, what it would do with their records.

use rusqlite::Connection;

use crate::error::Result;
use crate::name::in_main;
use crate::schema::{Object, Schema, Table};
use crate::sql::edit;

pub(super) const SOURCE: &str = "phaseshift_source";
pub(super) const TARGET: &str = "phaseshift_target";

pub(super) type Side<'s> = (&'s Schema, &'s Object, &'s Table);

pub(super) fn moved(index: &Object, name: &str, table: &str) -> Option<String> {
    edit::retarget_index(index.sql.as_deref()?, name, table).ok()
}

/// What SQLite would do with the records of one table that all go into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// It would take them apart.
    None,
    /// It would copy them whole, rowids and all.
    KeepsRowids,
    /// It would copy them whole under new rowids.
    NumbersAnew,
}

/// Reads the program that SQLite would run to fill an empty table of `main` from another one. In a
/// transfer the loop over the source takes each record whole (RowCell or RowData), those of each index
/// too; just before it stands how the rowid is made.
///
/// # Errors
/// Whatever SQLite reports while it lists its program.
pub fn transfer(connection: &Connection, to: &str, from: &str) -> Result<Transfer> {
    transfer_out_of(connection, to, &in_main(from))
}

/// As [`transfer`], out of a table anywhere, given as SQL text.
///
/// # Errors
/// As [`transfer`].
pub fn transfer_out_of(connection: &Connection, to: &str, from: &str) -> Result<Transfer> {
    let sql = format!("EXPLAIN INSERT INTO {} SELECT * FROM {from}", in_main(to));
    // Where records cannot be copied whole, `*` may stand for more columns than can be written:
    // generated ones, too.
    let Ok(mut statement) = connection.prepare(&sql) else { return Ok(Transfer::None) };
    let mut rows = statement.query([])?;
    let mut rowid = Transfer::KeepsRowids;
    while let Some(row) = rows.next()? {
        match row.get::<_, String>(1)?.as_str() {
            "RowCell" | "RowData" => return Ok(rowid),
            "NewRowid" => rowid = Transfer::NumbersAnew,
            "Rowid" => rowid = Transfer::KeepsRowids,
            _ => {}
        }
    }
    Ok(Transfer::None)
}
