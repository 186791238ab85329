//! Migrates SQLite files in declared phases and proves every row against a verified backup before it commits.
//!
//! # At the start of a program
//!
//! ```no_run
//! const PHASES: &[(&str, &str)] =
//!     &[("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")];
//!
//! fn main() -> phaseshift::Result<()> {
//!     let project = phaseshift::Project::embedded(PHASES)?;
//!     project.database("app.db").create_if_missing()?.migrate()?;
//!     Ok(())
//! }
//! ```
//!
//! [`Database::migrate`] says what it did, or that the database is current. A database that is newer than the phases is
//! an error, which [`Error::newer`] tells from others. [`Database::prepare`] shows the plan first and gives room for a
//! question after the backup; `docs/library.md` has recipes for folders of phases, Tauri and tokio.
//!
//! # The way of a migration
//!
//! The modules, in the order in which one migration passes through them:
//!
//! 1. `phase`: what a person declares. Files become `Phase`s, phases a `Chain`.
//! 2. `database` and `schema`: the file is opened with fixed settings, its schema is read as SQLite stores it.
//! 3. `shadow`: SQLite itself applies the phase to an in-memory copy of the schema; the
//!    `Lineage` says where every table and column comes from.
//! 4. `plan`: the way from one schema to the other as a value.
//! 5. `preflight`: what can be known to be wrong before anything is written.
//! 6. `backup`: a copy through SQLite, compared page by page, durable under its name.
//! 7. `rebuild`: the plan is carried out in one transaction.
//! 8. `proof`: the result is judged against the backup. Only then comes the commit.
//!
//! `migrate` drives these steps through types that cannot be skipped: a
//! `Migration` is first prepared, then secured, then run. `restore` goes back,
//! `vacuum` gives room back, `inspect` answers questions, `history` keeps the version tables.
//!
//! The engine never prints, asks, or reads the environment: it reports events and returns [`Error`]s.
#![deny(clippy::print_stdout, clippy::print_stderr)]
// Re-exports are also for the tests, which see every module.
#![cfg_attr(not(feature = "testing"), allow(unused_imports))]
// Much of the engine serves only the program. The build with the terminal finds what nothing uses.
#![cfg_attr(not(feature = "cli"), allow(dead_code))]

// The program uses the library by its name.
extern crate self as phaseshift;

/// Declares the modules: public for the tests of this repository, which enable the feature `testing`.
#[cfg(feature = "testing")]
macro_rules! modules {
    ($($name:ident)*) => { $(#[doc(hidden)] #[allow(missing_docs)] pub mod $name;)* };
}
#[cfg(feature = "testing")]
modules! {
    assertion autogenerate backup btree compare database error event exit files fleet history import inspect library migrate name phase plan preflight proof prove rebuild records replay reset restore rows sample schema shadow sql squash text vacuum
}

#[cfg(not(feature = "testing"))]
mod assertion;
#[cfg(not(feature = "testing"))]
mod autogenerate;
#[cfg(not(feature = "testing"))]
mod backup;
#[cfg(not(feature = "testing"))]
mod btree;
#[cfg(not(feature = "testing"))]
mod compare;
#[cfg(not(feature = "testing"))]
mod database;
#[cfg(not(feature = "testing"))]
mod error;
#[cfg(not(feature = "testing"))]
mod event;
#[cfg(not(feature = "testing"))]
mod exit;
#[cfg(not(feature = "testing"))]
mod files;
#[cfg(not(feature = "testing"))]
mod fleet;
#[cfg(not(feature = "testing"))]
mod history;
#[cfg(not(feature = "testing"))]
mod import;
#[cfg(not(feature = "testing"))]
mod inspect;
#[cfg(not(feature = "testing"))]
mod library;
#[cfg(not(feature = "testing"))]
mod migrate;
#[cfg(not(feature = "testing"))]
mod name;
#[cfg(not(feature = "testing"))]
mod phase;
#[cfg(not(feature = "testing"))]
mod plan;
#[cfg(not(feature = "testing"))]
mod preflight;
#[cfg(not(feature = "testing"))]
mod proof;
#[cfg(not(feature = "testing"))]
mod prove;
#[cfg(not(feature = "testing"))]
mod rebuild;
#[cfg(not(feature = "testing"))]
mod records;
#[cfg(not(feature = "testing"))]
mod replay;
#[cfg(not(feature = "testing"))]
mod reset;
#[cfg(not(feature = "testing"))]
mod restore;
#[cfg(not(feature = "testing"))]
mod rows;
#[cfg(not(feature = "testing"))]
mod sample;
#[cfg(not(feature = "testing"))]
mod schema;
#[cfg(not(feature = "testing"))]
mod shadow;
#[cfg(not(feature = "testing"))]
mod sql;
#[cfg(not(feature = "testing"))]
mod squash;
#[cfg(not(feature = "testing"))]
mod text;
#[cfg(not(feature = "testing"))]
mod vacuum;

#[cfg(feature = "cli")]
mod cli;

pub use backup::Retention;
pub use error::{Compatibility, DatabaseState, Error, ErrorKind, Facts, Remedy, Result};
pub use event::{Event, Interrupt, Observer, Silent, Stage, TableRows};
pub use library::{
    Backup, Check, Database, Outcome, Prepared, Project, Report, Request, Restored, Secured, Status,
};

/// The code blocks of the guide, compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
mod guide {}

/// Runs the program with the arguments of the process.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub fn main() -> std::process::ExitCode {
    cli::run(std::env::args_os())
}
