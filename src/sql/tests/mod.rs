//! Tests of reading and editing, with SQLite itself as the judge.

mod create_table;
mod judge;
mod token;
