//! Backups and restores, judged from outside by the `sqlite3` program.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod backup;
mod restore;
mod restore_matrix;
