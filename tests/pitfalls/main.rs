//! The seventy-seven ways in which rebuilding a SQLite table has hurt people: in each test the naive
//! way fails, and ours holds, or refuses before it writes and names the object.
//!
//! Judges are judge.py, Python's sqlite3 and the `sqlite3` program, never the engine's own code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests look at files from outside the engine")]

mod backups;
mod definitions;
mod foreign_keys;
mod names;
mod phases;
mod quotes;
mod rows;
mod runs;
mod small_disk;
mod views_triggers;

/// Rebuilds a table as a tool does that reflects the schema through pragmas.
#[track_caller]
fn reflecting_rebuild(database: &std::path::Path, table: &str) {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pitfalls/reflecting.py");
    let mut command = support::python3();
    let output = command.arg(program).arg(database).arg(table).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
