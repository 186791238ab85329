//! One phase, as read from its file.

use std::path::{Path, PathBuf};

use super::step::{Check, PhaseTest, Step};
use crate::sql::SqliteVersion;

/// The identity of a phase: letters, digits, `_`, `.` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhaseId(String);

impl PhaseId {
    /// Makes an id, if the text is one.
    pub fn new(text: &str) -> Option<Self> {
        let valid = !text.is_empty()
            && text.len() <= 200
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        valid.then(|| Self(text.to_owned()))
    }

    /// The id of a phase whose name holds nothing that an id can.
    pub(super) fn nameless() -> Self {
        Self("_".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PhaseId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a rename does to the views that use the renamed thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ViewPolicy {
    /// A rename never changes what a view hands out.
    #[default]
    Keep,
    /// Views follow as SQLite's own RENAME makes them.
    Follow,
}

/// What happens to the planner statistics of rebuilt tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatisticsPolicy {
    /// The rows of `sqlite_stat1` and `sqlite_stat4` follow the renames.
    #[default]
    Carry,
    /// `ANALYZE` runs on the rebuilt tables.
    Analyze,
}

/// How the tables of a phase are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Every renamed or changed table is rebuilt by create-copy-swap.
    #[default]
    Rebuild,
    /// SQLite's own ALTER where it is enough, else a rebuild.
    Auto,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub enum Downgrade {
    /// Derived from the steps.
    #[default]
    Derived,
    Steps(Vec<Step>),
    /// There is none, for this reason.
    Irreversible(String),
}

/// Where a phase was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseSource {
    /// A file in the folder of the phases.
    #[default]
    Folder,
    /// The history of a database, because the folder lacks the phase.
    History,
}

/// How much is known of the steps of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepsKnown {
    /// All steps: the phase can be replayed.
    #[default]
    All,
    /// Only those that undo it: a newer release applied it.
    Downgrade,
    /// None: the history keeps only that it was applied.
    None,
}

/// The code in `allow` of a phase that may leave views, triggers and foreign keys that cannot be used.
pub const BROKEN: &str = "broken";

/// A finding of `lint` that a phase file acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    pub code: String,
    /// Why it is allowed.
    pub reason: String,
    /// The line of `allow` in the phase file, from 1.
    pub line: usize,
}

/// What a phase file says beside what the phase does. None of it is part of the checksum.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Annotations {
    /// The oldest phase whose programs may still read and write a file at this phase.
    pub compatible_with: Option<PhaseId>,
    /// The oldest phase whose programs may still read a file at this phase.
    pub readable_with: Option<PhaseId>,
    /// The versions of the ids in `replaces`, in the same order; none where they are not known.
    pub replaced_versions: Vec<i64>,
    /// Which of the ids in `replaces` were squashes themselves, each with the ids that it replaced.
    pub replaced_squashes: Vec<(PhaseId, Vec<PhaseId>)>,
    /// The folder of the phases that it stands for, below the folder of the phases.
    pub archive: Option<String>,
    /// The findings of `lint` that it acknowledges.
    pub allow: Vec<Allowed>,
    pub tests: Vec<PhaseTest>,
    /// Where the phase was read from.
    pub source: PhaseSource,
    /// How much is known of its steps.
    pub steps: StepsKnown,
    /// The file of its downgrade, if that is another one.
    pub down_file: Option<PathBuf>,
    /// Statements and annotations that its file holds and that have no effect, because the run does what they ask
    /// for: the line and the text.
    pub pointless: Vec<(usize, String)>,
}

/// One phase: a declared change of the schema that sets one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    pub id: PhaseId,
    /// The number that goes into the version table.
    pub version: i64,
    /// Whether the file says the version; else it was counted.
    pub version_declared: bool,
    /// The text that goes into the version table.
    pub description: String,
    /// The headline of the guided form.
    pub title: Option<String>,
    /// The phases it stands on; empty for a base.
    pub parents: Vec<PhaseId>,
    /// Phases that must be applied before, without being parents.
    pub depends_on: Vec<PhaseId>,
    pub labels: Vec<String>,
    /// Ids that this phase stands for.
    pub replaces: Vec<PhaseId>,
    /// What renames do to views.
    pub views: ViewPolicy,
    /// What happens to statistics.
    pub statistics: StatisticsPolicy,
    pub strategy: Strategy,
    /// The oldest release of SQLite that must read the schema this phase makes.
    pub min_sqlite: Option<SqliteVersion>,
    /// Checks before the backup.
    pub require: Vec<Check>,
    /// The steps, in order.
    pub up: Vec<Step>,
    /// Checks inside the transaction, after the steps.
    pub verify: Vec<Check>,
    pub down: Downgrade,
    /// What its file says beside that.
    pub annotations: Annotations,
    /// The file it was read from.
    pub file: PathBuf,
    /// The checksum of what it does: its steps and required checks.
    pub checksum: String,
    /// The checksum of its normalised text, as earlier versions of this program recorded it.
    pub text_checksum: String,
}

impl Phase {
    /// Returns whether it is a file of SQL, whose statements are its steps.
    pub fn is_sql(&self) -> bool {
        self.file.extension().is_some_and(|it| it.eq_ignore_ascii_case("sql"))
    }

    /// Returns whether it may leave views, triggers and foreign keys that cannot be used.
    pub fn allows_broken(&self) -> bool {
        self.annotations.allow.iter().any(|it| it.code == BROKEN)
    }

    pub fn file_of_downgrade(&self) -> &Path {
        self.annotations.down_file.as_deref().unwrap_or(&self.file)
    }

    /// Returns the headline: the title, or else the description.
    pub fn headline(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.description)
    }
}
