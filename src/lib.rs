//! Migrates SQLite files in declared phases and proves every row against a verified backup before it commits.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod backup;
pub mod database;
pub mod error;
pub mod event;
pub mod files;
pub mod name;
pub mod phase;
pub mod restore;
pub mod rows;
pub mod schema;

pub use error::{DatabaseState, Error, ErrorKind, Result};
