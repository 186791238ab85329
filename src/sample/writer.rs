//! Writes rows into one table through a prepared statement.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, params_from_iter};

use crate::name::quote;

/// Makes one row: a list of values of any kinds that SQLite can hold.
macro_rules! row {
    ($($value:expr),* $(,)?) => { [$(rusqlite::types::Value::from($value)),*] };
}
pub(super) use row;

/// A table that rows are being added to.
pub(super) struct Writer<'connection> {
    statement: CachedStatement<'connection>,
}

impl<'connection> Writer<'connection> {
    /// Prepares the insertion of rows with these columns, written as in SQL; `rowid` is allowed among them.
    pub(super) fn new(
        connection: &'connection Connection,
        table: &str,
        columns: &str,
    ) -> rusqlite::Result<Self> {
        let places = vec!["?"; columns.split(", ").count()].join(", ");
        let sql = format!("INSERT INTO {} ({columns}) VALUES ({places})", quote(table));
        Ok(Self { statement: connection.prepare_cached(&sql)? })
    }

    /// Adds one row; the values stand in the order of the columns.
    pub(super) fn put(&mut self, values: &[Value]) -> rusqlite::Result<()> {
        self.statement.execute(params_from_iter(values))?;
        Ok(())
    }
}

/// Adds all rows to a table.
pub(super) fn write_rows(
    connection: &Connection,
    table: &str,
    columns: &str,
    rows: impl IntoIterator<Item = impl AsRef<[Value]>>,
) -> rusqlite::Result<()> {
    let mut writer = Writer::new(connection, table, columns)?;
    rows.into_iter().try_for_each(|row| writer.put(row.as_ref()))
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
