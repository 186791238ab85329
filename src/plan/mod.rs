//! The plan: the ordered changes from a file's schema to the target schema, as a value.
//!
//! The screen, `plan --sql`, `--json` and the execution all read this value. It is derived from two
//! schemas and the lineage between them; it knows no connection and changes nothing.

mod action;
mod copy;
mod data;
mod derive;
mod expected_objects;
mod fill;
mod losses;
mod phase;
mod reason;
mod row_source;
mod rules;
mod schema_change;
mod script;
mod script_checks;
mod soundness;
mod statistics;
mod statistics_moves;
mod strategy;
mod summary;
mod touched;
mod undo;

pub use action::{Action, PlannedStep};
pub use copy::CopyQuery;
pub use data::{ChangeKind, DataChange};
pub use derive::{Facts, derive};
pub use losses::{Counted, Loss, LossKind, find_losses};
pub use phase::{plan_and_define, plan_phase};
pub use reason::RebuildReason;
pub use row_source::FileFacts;
pub use rules::{LostRule, Rule, RuleChanges};
pub use schema_change::{
    FillReason, Rebuild, RenamedIndex, SchemaChange, TableDrop, VirtualChange,
};
pub use script::{ScriptFacts, script};
pub use script_checks::ExpectedState;
pub use soundness::{broken_objects, origin_of, refuse_missing_parents};
pub use statistics::{IndexMove, Parked, StatisticsMove};
pub use strategy::{CopyStrategy, Fallback, RowSource};
pub use summary::{PhaseSummary, RenameNote, summarize};
pub use touched::{TouchedObject, touched_objects};
pub use undo::{
    PastSchemas, advance, groups, plan_undo, refuse_irreversible, schema_before, schema_left,
    snapshots,
};

use std::sync::Arc;

use crate::database::Touched;
use crate::error::{Error, MissingExtension};
use crate::history::Definition;
use crate::phase::{Check, PhaseId, PhaseSource};
use crate::schema::{ObjectKind, Schema};
use crate::shadow::{Lineage, TableEffect};
use crate::text::named;

named! {
    /// Whether phases are applied or undone.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Direction: code {
        Up = "up",
        Down = "down",
    }
}

/// One part of a phase: a change of the schema, or statements that change rows.
#[derive(Debug, Clone)]
pub enum Stage {
    /// A change of the schema; each table is rebuilt at most once in it.
    SchemaChange(Box<SchemaChange>),
    /// Statements that change rows.
    Data(Box<DataStage>),
}

/// How the lines of the statements of a data step are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineCount {
    /// The statements are a text of their own.
    OfStep,
    /// The statements stand in the phase file as they are.
    OfFile,
}

impl DataStage {
    /// Returns the line of the phase file at which a statement failed, or that of the step.
    pub fn line_of(&self, error: &Error) -> usize {
        match (&error.facts().statement, self.lines) {
            (Some((line, _)), LineCount::OfFile) => self.line + line - 1,
            (Some(_), LineCount::OfStep) | (None, _) => self.line,
        }
    }

    /// Says what is wrong with a statement and where: by the line of the file, if the statements stand in it.
    pub fn describe(&self, error: &Error) -> String {
        match (&error.facts().statement, self.lines) {
            (Some((_, why)), LineCount::OfFile) => {
                format!("line {}: {why}", self.line_of(error))
            }
            (Some((line, why)), LineCount::OfStep) => {
                format!("{}: {why}", place_in_step(self.file.as_deref(), self.line, *line))
            }
            (None, _) => {
                let place = self.file.clone().unwrap_or_else(|| format!("line {}", self.line));
                format!("{place}: {error}")
            }
        }
    }
}

/// Names a line of the SQL of a data step that is a text of its own; the step stands in a line of the phase file.
fn place_in_step(file: Option<&str>, step: usize, line: usize) -> String {
    match file {
        Some(file) => format!("{file}, statement at line {line}"),
        None => format!("sql step in line {step}, statement at line {line}"),
    }
}

/// Statements of a phase that change rows.
#[derive(Debug, Clone)]
pub struct DataStage {
    pub sql: String,
    /// The file they came from, if any.
    pub file: Option<String>,
    /// The line of the step in the phase file.
    pub line: usize,
    pub lines: LineCount,
    pub touched: Touched,
    /// What they do to tables, in order.
    pub effects: Vec<TableEffect>,
    /// Where the tables after them come from.
    pub lineage: Lineage,
    /// The schema after them, if they change it.
    pub after: Option<Schema>,
    /// What they do to the schema.
    pub changes: Vec<DataChange>,
    /// The full-text tables whose indexes are filled afterwards, if they do not fit.
    pub fills: Vec<(String, FillReason)>,
}

/// The plan of one phase in one direction.
#[derive(Debug, Clone)]
pub struct PhasePlan {
    pub id: PhaseId,
    pub version: i64,
    pub description: String,
    pub headline: String,
    pub parents: Vec<PhaseId>,
    pub checksum: String,
    pub direction: Direction,
    /// What is done, in order.
    pub stages: Vec<Stage>,
    /// The tables whose statistics are collected at the end.
    pub analyzed: Vec<String>,
    /// The statements that create the version tables that are missing.
    pub version_tables: Vec<String>,
    /// The checks before the backup.
    pub require: Vec<Check>,
    /// The checks inside the transaction.
    pub verify: Vec<Check>,
    pub before: Arc<Schema>,
    /// The schema that must be reached.
    pub after: Arc<Schema>,
    /// What the person should know.
    pub notices: Vec<String>,
    /// What the schema uses and this program lacks.
    pub missing: Vec<MissingExtension>,
    /// What is lost; empty until it was looked for.
    pub losses: Vec<Loss>,
    /// Tables that are dropped, or come back, without any rows.
    pub empty: Vec<String>,
    /// Phases that get a row of their own before this one is undone, because its row stood for them.
    pub implied: Vec<Implied>,
    /// The phases that it stands for and that the file records: their records go with it.
    pub replaced: Vec<Implied>,
    /// The views and triggers that are rewritten, because a new name would have captured a name in them.
    pub restated: Vec<(ObjectKind, String)>,
    /// Where the steps come from.
    pub source: PhaseSource,
    /// Whether it may leave views, triggers and foreign keys that cannot be used.
    pub allows_broken: bool,
    /// The phase as the history keeps it, when it is applied.
    pub definition: Option<Definition>,
}

/// A phase that counts as applied because the row of a later one stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implied {
    pub id: PhaseId,
    pub version: i64,
    pub description: String,
    pub parents: Vec<PhaseId>,
    pub checksum: String,
}

/// The plan of a whole run.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The phases, in the order in which they run.
    pub phases: Vec<PhasePlan>,
}

impl Plan {
    /// Returns the ids of the phases whose steps come from the history of the file.
    pub fn undone_from_history(&self) -> Vec<String> {
        let from_history = self.phases.iter().filter(|it| it.source == PhaseSource::History);
        from_history.map(|it| it.id.to_string()).collect()
    }

    /// Returns whether a phase of the run may leave views, triggers and foreign keys that cannot be used. What the other
    /// phases break was refused on the shadow.
    pub fn allows_broken(&self) -> bool {
        self.phases.iter().any(|it| it.allows_broken)
    }

    /// Returns the schema that the run must reach.
    pub fn target(&self) -> Option<&Schema> {
        self.phases.last().map(|phase| phase.after.as_ref())
    }

    /// Returns the tables that are rebuilt anywhere in the run, by their names after that stage.
    pub fn rebuilds(&self) -> impl Iterator<Item = &Rebuild> {
        self.schema_changes().flat_map(|schema_change| &schema_change.rebuilds)
    }

    /// Returns the stages of all phases, in order.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.phases.iter().flat_map(|phase| &phase.stages)
    }

    /// Returns the changes of the schema, in order.
    pub fn schema_changes(&self) -> impl Iterator<Item = &SchemaChange> {
        self.stages().filter_map(|stage| match stage {
            Stage::SchemaChange(schema_change) => Some(schema_change.as_ref()),
            Stage::Data(_) => None,
        })
    }

    /// Returns the numbered steps of the run, as the screen shows them.
    pub fn steps(&self) -> Vec<PlannedStep> {
        self.phases.iter().flat_map(PhasePlan::steps).collect()
    }
}

impl PhasePlan {
    /// Returns the tables that the phase rebuilds, stage after stage.
    pub fn rebuilds(&self) -> impl Iterator<Item = &Rebuild> {
        self.stages.iter().flat_map(|stage| match stage {
            Stage::SchemaChange(schema_change) => schema_change.rebuilds.as_slice(),
            Stage::Data(_) => &[],
        })
    }

    /// Returns the numbered steps of the phase, the recording of the version last.
    pub fn steps(&self) -> Vec<PlannedStep> {
        let mut steps = Vec::new();
        for stage in &self.stages {
            match stage {
                Stage::SchemaChange(schema_change) => steps.extend(schema_change.steps()),
                Stage::Data(data) => steps.push(action::data_step(data)),
            }
        }
        steps.extend(action::analyze_step(&self.analyzed));
        steps.push(action::record_step(self));
        steps
    }
}
