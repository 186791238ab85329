//! What SQLite does with the records of one table that all go into another.
//!
//! `INSERT INTO new SELECT * FROM old` copies records without looking into them if both tables line
//! up (`xferOptimization` in SQLite's `insert.c`). SQLite itself is asked, by EXPLAIN, on two empty tables.

use rusqlite::Connection;

use crate::database::{run_one, with_stubs};
use crate::error::{MissingExtension, Result};
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
pub fn transfer(connection: &Connection, to: &str, from: &str) -> Result<Transfer> {
    transfer_out_of(connection, to, &in_main(from))
}

/// As [`transfer`], out of a table anywhere, given as SQL text.
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

/// Creates an object with stubs for what is missing, which are noted, and returns whether it could be done.
pub(super) fn create(
    connection: &Connection,
    text: Option<String>,
    missing: &mut Vec<MissingExtension>,
) -> bool {
    text.is_some_and(|text| with_stubs(connection, missing, |it| run_one(it, &text)).is_ok())
}

/// Creates the old and the new table without rows, under the names [`SOURCE`] and [`TARGET`], and returns whether that
/// could be done.
pub(super) fn create_both(
    connection: &Connection,
    [(_, old, _), (_, new, _)]: [Side<'_>; 2],
    missing: &mut Vec<MissingExtension>,
) -> bool {
    [(old, SOURCE), (new, TARGET)].into_iter().all(|(object, name)| {
        let text = edit::rename_object(object.sql.as_deref().unwrap_or_default(), name).ok();
        create(connection, text, missing)
    })
}
