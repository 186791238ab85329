//! Phases: what a person declares in files, before any database is opened.

mod applied;
mod assemble;
mod bytes;
mod chain;
mod checksum;
mod fields;
mod file;
mod formats;
mod graph;
mod json_schema;
mod keys;
mod meaning;
mod nearest;
mod paths;
#[expect(clippy::module_inception, reason = "the module is named after its one type")]
mod phase;
mod problem;
mod resolve;
#[cfg(test)]
pub(crate) mod samples;
mod sql_file;
mod sql_form;
mod step;
mod table_reader;
mod text;

mod target;
mod versions;
mod warning;

pub use applied::Applied;
pub use chain::Chain;
pub use checksum::{checksum, normalised};
pub use file::PhaseFile;
pub use formats::{FolderFormat, recorded_key, sql_of};
pub use json_schema::json_schema;
pub(crate) use nearest::nearest;
pub use phase::{
    Allowed, Annotations, BROKEN, Downgrade, Phase, PhaseId, PhaseSource, StatisticsPolicy,
    StepsKnown, Strategy, ViewPolicy,
};
pub use sql_form::{SectionTexts, sql_phase_text};
pub use step::{
    Cell, Check, ColumnChange, ConstraintChoice, DefaultChange, Expected, ExpectedAnswer, LeftOut,
    Operation, PhaseTest, Step, StepObject, TestQuery,
};
pub use target::{LinePlace, Target, TargetRange};
pub use text::{operation_text, phase_text, steps_text};
pub use warning::ChainWarning;
