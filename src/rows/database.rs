//! Comparing everything that two databases store.

use super::cursor::Side;
use rusqlite::Connection;

use super::compare::{RowDelta, RowDifference, compare};
use crate::compare::compare_entries;
use crate::error::Result;
use crate::event::TableRows;
use crate::schema::Schema;

/// Compares every stored table of two databases that must hold the same: schema text, counts,
/// keys, storage classes and bytes. Returns the rows of every table, or the differences.
///
/// The progress function gets the table and the rows passed in it.
pub fn compare_databases(
    left: (&Connection, &Schema),
    right: (&Connection, &Schema),
    progress: &mut dyn FnMut(&str, u64) -> Result<()>,
) -> Result<std::result::Result<Vec<TableRows>, Vec<RowDifference>>> {
    let mut differences = Vec::new();
    let mut tables = Vec::new();
    if let Some(odd) = compare_entries(left.1.entries(), right.1.entries()).first() {
        let (table, key) = (odd.object().table.clone(), odd.object().name.clone());
        let what = "the schema entry differs".to_owned();
        return Ok(Err(vec![RowDifference { table, key, what }]));
    }
    for object in left.1.stored_tables() {
        let Some(shape) = left.1.shape(&object.name) else { continue };
        let (one, two) = (Side::whole(left.0, shape), Side::whole(right.0, shape));
        let found = compare(&one, &two, RowDelta::None, &mut |rows| progress(&object.name, rows))?;
        differences.extend(found.differences);
        tables.push(TableRows { table: object.name.clone(), rows: found.equal });
    }
    if differences.is_empty() { Ok(Ok(tables)) } else { Ok(Err(differences)) }
}
