//! The rows of a table as a sum that does not depend on their order or their keys.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::compare::STRIDE;
use super::cursor::{TextForm, select_list};
use crate::btree::Sum;
use crate::database::stub_collations;
use crate::error::Result;
use crate::name::quote;

/// Sums up the rows of a table: storage classes and bytes of these columns.
///
/// The progress function gets the number of rows passed and may stop the sum by failing.
pub fn sum_rows(
    connection: &Connection,
    table: &str,
    columns: &[String],
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Sum> {
    let form = TextForm::of(connection)?;
    let _lent = stub_collations(connection, table)?;
    let list = select_list(&[], columns, form);
    let sql = format!("SELECT {list} FROM main.{} NOT INDEXED", quote(table));
    let mut statement = connection.prepare(&sql)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let (mut sum, mut entry) = (Sum::default(), Vec::new());
    while let Some(row) = rows.next()? {
        entry.clear();
        for index in 0..width {
            push(row.get_ref(index)?, &mut entry);
        }
        sum.add(&entry);
        if sum.count % STRIDE == 0 {
            progress(sum.count)?;
        }
    }
    progress(sum.count)?;
    Ok(sum)
}

/// Adds a value so that no two lists of values have the same bytes.
pub(super) fn push(value: ValueRef<'_>, entry: &mut Vec<u8>) {
    let (class, bytes) = match value {
        ValueRef::Null => (0, Vec::new()),
        ValueRef::Integer(number) => (1, number.to_le_bytes().to_vec()),
        ValueRef::Real(number) => (2, number.to_bits().to_le_bytes().to_vec()),
        ValueRef::Text(bytes) => (3, bytes.to_vec()),
        ValueRef::Blob(bytes) => (4, bytes.to_vec()),
    };
    entry.push(class);
    entry.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    entry.extend_from_slice(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &str) -> Sum {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("CREATE TABLE t(a, b); {rows}")).unwrap();
        let columns = ["a".to_owned(), "b".to_owned()];
        sum_rows(&connection, "t", &columns, &mut |_| Ok(())).unwrap()
    }

    #[test]
    fn the_order_of_rows_does_not_count_and_every_value_does() {
        let one = sum("INSERT INTO t VALUES (1, 'x'), (2, NULL)");
        assert_eq!(one, sum("INSERT INTO t VALUES (2, NULL), (1, 'x')"));
        for other in [
            "INSERT INTO t VALUES (1, 'x'), (2, '')",
            "INSERT INTO t VALUES ('1', 'x'), (2, NULL)",
            "INSERT INTO t VALUES (1.0, 'x'), (2, NULL)",
            "INSERT INTO t VALUES (1, x'78'), (2, NULL)",
            "INSERT INTO t VALUES (1, 'x'), (2, NULL), (2, NULL)",
            "INSERT INTO t VALUES (1, NULL), (2, 'x')",
        ] {
            assert_ne!(one, sum(other), "{other}");
        }
    }
}
