//! Arguments of commands that change a database.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::fleet::FleetRunArgs;
use crate::cli::location::looks_like_database;

/// The flag of commands that can show what they would do.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DryRun {
    /// Show what would be done, and stop
    #[arg(short = 'n', long = "dry-run")]
    pub dry_run: bool,
}

/// The database and the target of a command; each is optional.
#[derive(Debug, Clone, Default, Args)]
pub struct Place {
    /// The database, and the phase to go to: an id or its beginning, version:N, head, heads, +N, label@head; for a
    /// downgrade, base or -N [default: head; with --down: -1, one phase back]
    #[arg(value_names = ["DATABASE", "TARGET"], num_args = 0..=2, allow_negative_numbers = true)]
    words: Vec<String>,
}

impl Place {
    /// Returns the database, if one is named.
    pub fn database(&self) -> Option<&str> {
        match self.words.as_slice() {
            [database, _] => Some(database),
            [only] if looks_like_database(only) => Some(only),
            _ => None,
        }
    }

    /// Returns the target, if one is named.
    pub fn target(&self) -> Option<&str> {
        let last = self.words.get(usize::from(self.database().is_some()));
        last.map(String::as_str)
    }
}

/// The database of a command that takes nothing else.
#[derive(Debug, Clone, Default, Args)]
pub struct Subject {
    /// The database, instead of --database
    #[arg(value_name = "DATABASE")]
    pub subject: Option<String>,
}

/// A goal, and the dry run.
#[derive(Debug, Clone, Args)]
pub struct Goal {
    /// The database and the target.
    #[command(flatten)]
    pub place: Place,
    /// One transaction for each phase instead of one for the whole run
    #[arg(long)]
    pub per_phase: bool,
    /// Keep a table in place if only names change, instead of rebuilding it
    #[arg(long)]
    pub in_place: bool,
    /// Run even if a column that becomes generated loses its values. Drops that a phase declares need no flag: they always run
    #[arg(long)]
    pub accept_loss: bool,
    /// Also write a report of the run to this file, as one HTML page; an existing one is replaced
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Arguments of `migrate`.
#[derive(Debug, Clone, Args)]
pub struct MigrateArgs {
    /// The goal.
    #[command(flatten)]
    pub goal: Goal,
    /// Many files.
    #[command(flatten)]
    pub many: FleetRunArgs,
}

/// Arguments of `upgrade`.
#[derive(Debug, Clone, Args)]
pub struct UpgradeArgs {
    /// The goal.
    #[command(flatten)]
    pub goal: Goal,
    /// Create the database if the file is missing
    #[arg(long, conflicts_with = "all")]
    pub create: bool,
    /// Print a script for the sqlite3 program instead; TARGET may then be a range such as base:phase3
    #[arg(long, conflicts_with_all = ["create", "all"])]
    pub sql: bool,
    /// Many files.
    #[command(flatten)]
    pub many: FleetRunArgs,
}

/// Arguments of `downgrade`.
#[derive(Debug, Clone, Args)]
pub struct DowngradeArgs {
    /// The goal.
    #[command(flatten)]
    pub goal: Goal,
    /// Print a script for the sqlite3 program instead; TARGET may then be a range such as phase3:phase1
    #[arg(long)]
    pub sql: bool,
}

/// Arguments of `extract-undo`.
#[derive(Debug, Clone, Args)]
pub struct ExtractUndoArgs {
    /// The phase to go back to: an id or its beginning, version:N, base, -N [default: -1]
    #[arg(allow_negative_numbers = true)]
    pub target: Option<String>,
    /// Print the script even if rows or values would be lost
    #[arg(long)]
    pub accept_loss: bool,
}

/// A goal only.
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// The database and the target.
    #[command(flatten)]
    pub place: Place,
}

/// Arguments of `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// The database and the target.
    #[command(flatten)]
    pub place: Place,
    /// Print a script for the sqlite3 program instead
    #[arg(long)]
    pub sql: bool,
    /// Plan the downgrade
    #[arg(long)]
    pub down: bool,
    /// With --sql: print the script even if data is lost: rows or values where a phase is undone, values where a column
    /// becomes generated
    #[arg(long, requires = "sql")]
    pub accept_loss: bool,
    /// Keep a table in place if only names change
    #[arg(long)]
    pub in_place: bool,
    /// How the plan is written: text, json (as with --json), markdown (with a diagram, for a pull request) or mermaid (a
    /// flowchart of the schema before and after). With --sql, markdown and mermaid, TARGET may be A:B, which needs no
    /// database
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, conflicts_with = "sql")]
    pub format: PlanFormat,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PlanFormat {
    /// Lines for a person
    #[default]
    Text,
    /// The JSON document of --json
    Json,
    /// Markdown with a diagram, for a pull request
    Markdown,
    /// A Mermaid flowchart of the schema before and after
    Mermaid,
}

/// Arguments of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The database and the target; TARGET may be A:B, and needs no database then
    #[command(flatten)]
    pub place: Place,
    /// Report on a downgrade
    #[arg(long)]
    pub down: bool,
    /// Report on a finished run from its records: the last run, or the last that applied or undid TARGET
    #[arg(long, conflicts_with = "down")]
    pub done: bool,
    /// Write the page to this file, instead of stdout; an existing one is replaced
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `stamp`.
#[derive(Debug, Clone, Args)]
pub struct StampArgs {
    /// An id or its beginning, version:N, head, heads, base
    #[arg(required_unless_present = "accept")]
    pub targets: Vec<String>,
    /// Accept that an applied phase was edited: compare the schema, as when a phase is stamped, then record the phase as its file
    /// is now
    #[arg(long, value_name = "ID", conflicts_with_all = ["targets", "purge"])]
    pub accept: Option<String>,
    /// Record the phases even if tables, views, triggers or columns are missing or a primary key differs. Other differences
    /// never stop a stamp; they are reported
    #[arg(long)]
    pub force: bool,
    /// Forget every recorded phase first, then record the phases even if the schema differs; tables and rows stay
    #[arg(long)]
    pub purge: bool,
    /// The default: compare with the schema before recording.
    #[arg(long, hide = true, conflicts_with_all = ["force", "purge"])]
    pub verify: bool,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}
