//! Schemas: SQLite's stored text and reported shapes, and reading them from a file.

mod compare;
mod model;
mod read;

pub use compare::{Entry, same_objects};
pub use model::{Column, ColumnStorage, ForeignKey, Object, ObjectKind, RowKey, Schema, Table};
pub use read::read;
