//! Tests of reading and editing, with SQLite itself as the judge.

mod alter;
mod columns;
mod constraints;
mod create_table;
mod judge;
mod objects;
mod properties;
mod token;
