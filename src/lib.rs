//! Migrates SQLite files in declared phases and proves every row against a verified backup before it commits.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod name;
pub mod sample;
