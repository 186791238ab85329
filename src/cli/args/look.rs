//! Arguments of commands that answer questions.

use std::path::PathBuf;

use clap::Args;

use super::Subject;
use super::fleet::FleetArgs;

/// Arguments of `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// Exit with 3 if phases are pending or the schema drifted
    #[arg(long)]
    pub exit_code: bool,
    /// Many files.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// Arguments of `current`.
#[derive(Debug, Clone, Args)]
pub struct CurrentArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// Exit with 3 unless the file is at this version, has this phase applied, or is at the head
    #[arg(long, value_name = "VERSION|ID|head")]
    pub require: Option<String>,
    /// Many files.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// Also check that the file is at this version, has this phase applied, or is at the head
    #[arg(long, value_name = "VERSION|ID|head")]
    pub expect: Option<String>,
    /// Also compare every row with a backup: a path, a file name, a number from `phaseshift
    /// backups`, or before:PHASE
    #[arg(long, value_name = "BACKUP", conflicts_with = "all")]
    pub against: Option<String>,
    /// Skip comparing the indexes with their tables
    #[arg(long)]
    pub quick: bool,
    /// Many files.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// Arguments of `history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// Only the phases from A to B, both included; either may be omitted. -3 is the phase three before the head, so `-3:`
    /// lists four
    #[arg(short, long, value_name = "A:B", allow_hyphen_values = true)]
    pub range: Option<String>,
    /// Mark the current phases, and show when each phase was applied
    #[arg(short = 'i', long)]
    pub indicate_current: bool,
    /// Show at most COUNT phases
    #[arg(short = 'n', long, value_name = "COUNT")]
    pub limit: Option<usize>,
}

/// Arguments of `show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// An id or its beginning, version:N, head
    pub target: String,
}

/// Arguments of `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// The schema to compare: database, applied (what the applied phases make), schema (the desired one), a target such
    /// as head or an id, a database file, or a file or folder of SQL [default: database]
    #[arg(value_name = "A")]
    pub a: Option<String>,
    /// The schema to compare it with, in the same words [default: applied]
    #[arg(value_name = "B")]
    pub b: Option<String>,
    /// Print the SQL that changes A to match B, for the sqlite3 program; it drops what B lacks
    #[arg(long)]
    pub sql: bool,
    /// The schema to compare, instead of A
    #[arg(long, value_name = "PLACE", conflicts_with = "a")]
    pub from: Option<String>,
    /// The schema to compare it with, instead of B
    #[arg(long, value_name = "PLACE", conflicts_with = "b")]
    pub to: Option<String>,
}

/// Arguments of `deps`.
#[derive(Debug, Clone, Args)]
pub struct DepsArgs {
    /// A table or view [default: all]
    pub name: Option<String>,
    /// How the answer is written: text, json (as with --json) or mermaid (a flowchart)
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    pub format: GraphFormat,
}

/// Arguments of `audit`.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// The database, instead of the one of the flags or settings
    #[arg(value_name = "FILE")]
    pub file: Option<String>,
    /// Whether `--schema` is given, which every command has.
    #[arg(skip)]
    pub schema: bool,
    /// With --schema: write the schema to this file; an existing one is replaced
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How dependencies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum GraphFormat {
    /// Lines
    Text,
    /// The JSON document, as with --json
    Json,
    /// A Mermaid flowchart
    Mermaid,
}
