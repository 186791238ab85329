//! What the program guarantees to data and schemas, one module per kind of fault. Judged by the `sqlite3` program,
//! by Python's sqlite3 and by plain SQL, never by the program itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests look at files from outside the engine")]

mod adoption;
mod after_proof;
mod authorizer;
mod autogenerate;
mod backups;
mod check_lines;
mod compare;
mod constraints;
mod docs;
mod downgrade;
mod expressions;
mod file_cycles;
mod first_contact;
mod first_minutes;
mod fleet;
mod foreign;
mod foreign_guide;
mod foreign_key_actions;
mod forty;
mod history_downgrade;
mod hostile_headers;
mod inventory;
mod json_schemas;
mod layers;
mod library;
mod min_sqlite;
mod missing_collation;
mod named_causes;
mod next_lines;
mod outside;
mod pages;
mod phase_tests;
mod prove;
mod reader;
mod records;
mod references;
mod reflink;
mod reports;
mod said_of_losses;
mod scripts;
mod sql_form;
mod sql_steps;
mod squash;
mod virtual_tables;
mod wal;
