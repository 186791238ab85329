//! The front door: what a program that depends on the crate calls.
//!
//! A [`Project`] holds phases and settings, a [`Database`] is one file that they are applied to. Both are thin: every
//! method is one call of `migrate`, `inspect`, `restore` or `backup`, with plain values for results.

mod backups;
mod database;
mod migration;
mod project;
mod status;

pub use backups::{Backup, Restored};
pub use database::Database;
pub use migration::{Outcome, Prepared, Report, Request, Secured};
pub use project::Project;
pub use status::{Check, Status};
