//! Schemas: SQLite's stored text and reported shapes, and reading them from a file.

mod affinity;
mod firing;
mod meaning;
mod model;
mod objects;
mod read;
mod virtual_table;

pub use crate::sql::ObjectKind;
pub use affinity::Affinity;
pub use firing::firing_statements;
pub use meaning::{
    ColumnOrder, meaning_of, same_meaning, same_virtual_meaning, text_form, text_form_with,
};
pub use model::{Column, ColumnStorage, ForeignKey, RowKey, Schema, Table};
pub use objects::{Object, Objects};
pub use read::{read, read_again, read_entries, read_objects, row_key, temporary_triggers};
pub use virtual_table::{Content, Module, VirtualTable};

/// The schema that statements make, for unit tests.
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
pub(crate) fn from_sql(sql: &str) -> Schema {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    read(&connection).unwrap()
}
