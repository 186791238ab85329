//! Counting the rows of a table.

use rusqlite::Connection;

use crate::database::stub_collations;
use crate::error::{Result, lacks_collation};
use crate::name::quote;

pub fn count_rows(connection: &Connection, table: &str) -> Result<u64> {
    count_rows_where(connection, table, "")
}

/// Counts the rows of a table of which a condition (`WHERE ...`, or nothing) holds.
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
