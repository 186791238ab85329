//! Comparing everything that two databases store.

use rusqlite::Connection;

use super::compare::{Difference, RowDelta, Side, compare};
use crate::compare::compare_entries;
use crate::database::stub_collations;
use crate::error::{Result, lacks_collation};
use crate::event::TableRows;
use crate::name::quote;
use crate::schema::Schema;

/// Counts the rows of a table.
///
/// # Errors
/// Whatever SQLite reports.
pub fn count_rows(connection: &Connection, table: &str) -> Result<u64> {
    count_rows_where(connection, table, "")
}

/// Counts the rows of a table of which a condition (`WHERE ...`, or nothing) holds.
///
/// # Errors
/// Whatever SQLite reports.
pub fn count_rows_where(connection: &Connection, table: &str, condition: &str) -> Result<u64> {
    let from = format!("SELECT count(*) FROM main.{}", quote(table));
    let _lent = stub_collations(connection, table)?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let counted = match count(&format!("{from} {condition}")) {
        // SQLite counts in the smallest index, even in one whose collation is missing here.
        Err(error) if lacks_collation(&error) => count(&format!("{from} NOT INDEXED {condition}")),
        other => other,
    };
    Ok(u64::try_from(counted?).unwrap_or(0))
}

/// Compares every stored table of two databases that must hold the same: schema text, counts,
/// keys, storage classes and bytes. Returns the rows of every table, or the differences.
///
/// The progress function gets the table and the rows passed in it.
///
/// # Errors
/// Whatever SQLite or the progress function reports.
pub fn compare_databases(
    left: (&Connection, &Schema),
    right: (&Connection, &Schema),
    progress: &mut dyn FnMut(&str, u64) -> Result<()>,
) -> Result<std::result::Result<Vec<TableRows>, Vec<Difference>>> {
    let mut differences = Vec::new();
    let mut tables = Vec::new();
    if let Some(odd) = compare_entries(left.1.entries(), right.1.entries()).first() {
        let (table, key) = (odd.object().table.clone(), odd.object().name.clone());
        let what = "the schema entry differs".to_owned();
        return Ok(Err(vec![Difference { table, key, what }]));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_ordered_by_a_missing_collation_is_counted() {
        let connection = Connection::open_in_memory().unwrap();
        connection.create_collation("odd", |one: &str, two: &str| two.cmp(one)).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE c(x PRIMARY KEY COLLATE odd) WITHOUT ROWID;
                 INSERT INTO c VALUES('a'), ('b'), ('c')",
            )
            .unwrap();
        connection.remove_collation("odd").unwrap();
        assert_eq!(count_rows(&connection, "c").unwrap(), 3);
        let again = connection.prepare("SELECT * FROM c");
        assert!(again.is_err(), "the collation was only lent");
    }
}
