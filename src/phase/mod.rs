//! Phases: what a person declares in files, before any database is opened.

mod checksum;
mod file;
mod keys;
mod nearest;
#[expect(clippy::module_inception, reason = "the module is named after its one type")]
mod phase;
mod problem;
#[cfg(test)]
pub(crate) mod samples;
mod step;
mod table_reader;

pub use checksum::{checksum, normalised};
pub use file::PhaseFile;
pub use phase::{Phase, PhaseId, StatisticsPolicy, Strategy, ViewPolicy, WayBack};
pub use step::{Check, ColumnChange, ConstraintChoice, DefaultChange, Expected, Operation, Step};
