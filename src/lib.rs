//! Migrates SQLite files in declared phases and proves every row against a verified backup before it commits.
//!
//! # The way of a migration
//!
//! Read the modules in this order and you have followed one migration from the files to the report:
//!
//! 1. [`phase`]: what a person declares. Files become [`Phase`](phase::Phase)s, phases a [`Chain`](phase::Chain).
//! 2. [`database`] and [`schema`]: the file is opened with fixed settings, its schema is read as SQLite stores it.
//! 3. [`shadow`]: SQLite itself applies the phase to an in-memory copy of the schema; the
//!    [`Lineage`](shadow::Lineage) says where every table and column comes from.
//! 4. [`plan`]: the way from one schema to the other as a value.
//! 5. [`preflight`]: what can be known to be wrong before anything is written.
//! 6. [`backup`]: a copy through SQLite, compared row by row, durable under its name.
//! 7. [`rebuild`]: the plan is carried out in one transaction.
//! 8. [`proof`]: the result is judged against the backup. Only then comes the commit.
//!
//! [`migrate`] drives these steps through types that cannot be skipped: a
//! [`Migration`](migrate::Migration) is first prepared, then secured, then run. [`restore`] goes back,
//! [`vacuum`] gives room back, [`inspect`] answers questions, [`history`] keeps the version tables.
//!
//! The engine never prints, asks, or reads the environment: it says [`event`]s and returns [`Error`]s.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use phaseshift::database::OpenOptions;
//! use phaseshift::event::{Interrupt, Silent};
//! use phaseshift::files::{Files, RealFiles};
//! use phaseshift::history::VersionTables;
//! use phaseshift::migrate::{Migration, Project, Request, migrate_now};
//! use phaseshift::phase::{Chain, Target};
//! use phaseshift::sample;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let database = folder.join("catalogue.db");
//! let options = sample::SampleOptions { files: 100, links: 10, ..Default::default() };
//! sample::write_catalogue(&database, &options)?;
//! RealFiles.create_folder(&folder.join("phases"))?;
//! for (name, text) in sample::phase_files() {
//!     RealFiles.create(&folder.join("phases").join(name), text.as_bytes(), 0o644)?;
//! }
//!
//! let open = OpenOptions {
//!     files: Arc::new(RealFiles),
//!     wait: Duration::from_secs(5),
//!     interrupt: Interrupt::default(),
//! };
//! let chain = Chain::read(&RealFiles, &folder.join("phases"))?;
//! let versions = VersionTables::named("schema_version");
//! let project = Project::new(database, None, chain, versions, open);
//!
//! let request = Request::up(Target::parse("phase3")?);
//! let look = Migration::prepare(&project, &request)?; // nothing is written
//! if let Ok(report) = migrate_now(&project, &request, look, &mut Silent)? {
//!     assert_eq!(report.to, Some(2));
//!     assert!(report.proof.rows > 100);
//! }
//! # Ok(())
//! # }
//! ```
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod assertion;
pub mod autogenerate;
pub mod backup;
pub mod btree;
pub mod compare;
pub mod database;
pub mod error;
pub mod event;
pub mod exit;
pub mod files;
pub mod fleet;
pub mod history;
pub mod import;
pub mod inspect;
pub mod migrate;
pub mod name;
pub mod phase;
pub mod plan;
pub mod preflight;
pub mod proof;
pub mod prove;
pub mod rebuild;
pub mod records;
pub mod replay;
pub mod reset;
pub mod restore;
pub mod rows;
pub mod sample;
pub mod schema;
pub mod shadow;
pub mod sql;
pub mod squash;
pub mod text;
pub mod vacuum;

pub use error::{DatabaseState, Error, ErrorKind, Remedy, Result};
