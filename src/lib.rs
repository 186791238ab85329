//! Migrates SQLite files in declared phases and proves every row against a verified backup before it commits.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod assertion;
pub mod backup;
pub mod database;
pub mod error;
pub mod event;
pub mod files;
pub mod history;
pub mod inspect;
pub mod migrate;
pub mod name;
pub mod phase;
pub mod plan;
pub mod preflight;
pub mod proof;
pub mod rebuild;
pub mod restore;
pub mod rows;
pub mod sample;
pub mod schema;
pub mod shadow;
pub mod sql;

pub use error::{DatabaseState, Error, ErrorKind, Result};
