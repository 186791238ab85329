//! Phases: what a person declares in files, before any database is opened.

#[expect(clippy::module_inception, reason = "the module is named after its one type")]
mod phase;
mod step;

pub use phase::{Phase, PhaseId, StatisticsPolicy, Strategy, ViewPolicy, WayBack};
pub use step::{Check, ColumnChange, ConstraintChoice, DefaultChange, Expected, Operation, Step};
