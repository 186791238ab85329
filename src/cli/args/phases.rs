//! Arguments of commands about phase files, and of those that need no project.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::AnswerArgs;
use super::run::DryRun;

/// Arguments of `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Also report for each phase whether undoing it is possible, and what that loses; with a database, by trying it on a
    /// private copy
    #[arg(long)]
    pub roundtrip: bool,
    /// The folder for the copy, instead of the folder for temporary files; needs about five times the size of the
    /// database
    #[arg(long, value_name = "FOLDER", requires = "roundtrip")]
    pub scratch: Option<PathBuf>,
    /// Also run the tests of the phases ([[test]]), in memory
    #[arg(long)]
    pub test: bool,
    /// Also fail if phases are pending in the database
    #[arg(long)]
    pub pending: bool,
}

/// Arguments of `lint`.
#[derive(Debug, Clone, Args)]
pub struct LintArgs {
    /// The phases [default: the pending ones, or all without a database]
    #[arg(value_name = "PHASE")]
    pub named: Vec<String>,
    /// Allow only additions, which programs for the old schema can ignore
    #[arg(long)]
    pub additive: bool,
    /// How the findings are printed: text, json (as with --json), sarif (SARIF 2.1.0, for code scanning) or github
    /// (annotations of GitHub Actions)
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub format: LintFormat,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LintFormat {
    /// Lines for a person
    #[default]
    Text,
    /// The JSON document of --json
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions, which annotate the lines
    Github,
}

/// Arguments of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The folder to write to
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Begin with the schema of an existing database: write it as schema.sql and as the first phase, and record that
    /// phase in the database, after a backup. With --database instead, the file is only named in the settings
    #[arg(long, value_name = "DATABASE")]
    pub from: Option<String>,
}

/// Arguments of `revision`.
#[derive(Debug, Clone, Args)]
pub struct RevisionArgs {
    /// What the phase does; goes into the version table
    #[arg(short, long, value_name = "TEXT")]
    pub message: String,
    /// Draft the steps that lead from the schema of the phases to the desired one
    #[arg(long)]
    pub autogenerate: bool,
    /// The answers to what a draft asks.
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// The parent of the new phase [default: the head]; `base` for no parent
    #[arg(long, value_name = "ID")]
    pub head: Option<String>,
    /// Allow --head to name a phase that has a successor: the chain forks there
    #[arg(long)]
    pub splice: bool,
    /// A branch label
    #[arg(long = "label", visible_alias = "branch-label", value_name = "LABEL")]
    pub labels: Vec<String>,
    /// A phase that must be applied before, without being a parent
    #[arg(long, value_name = "ID")]
    pub depends_on: Vec<String>,
    /// The id, instead of a generated one
    #[arg(long = "id", visible_alias = "rev-id", value_name = "ID")]
    pub id: Option<String>,
}

/// Arguments of `merge`.
#[derive(Debug, Clone, Args)]
pub struct MergeArgs {
    /// The phases to join [default: all heads]
    #[arg(value_name = "PHASE")]
    pub joined: Vec<String>,
    /// What the phase does
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// The id, instead of a generated one
    #[arg(long = "id", visible_alias = "rev-id", value_name = "ID")]
    pub id: Option<String>,
}

/// Arguments of `squash`.
#[derive(Debug, Clone, Args)]
pub struct SquashArgs {
    /// The phases, both ends included [default: the whole chain]
    #[arg(value_name = "FIRST:LAST", conflicts_with = "undo")]
    pub range: Option<String>,
    /// What the phase does; goes into the version table
    #[arg(
        short,
        long,
        value_name = "TEXT",
        required_unless_present = "undo",
        conflicts_with = "undo"
    )]
    pub message: Option<String>,
    /// The id, instead of one derived from the message; with --undo, the squash to undo instead of the newest one
    #[arg(long = "id", visible_alias = "rev-id", value_name = "ID")]
    pub id: Option<String>,
    /// Undo the newest squash: put the archived phase files back
    #[arg(long)]
    pub undo: bool,
    /// The folder in which new databases are made and compared, instead of the folder for temporary files
    #[arg(long, value_name = "FOLDER", conflicts_with = "undo")]
    pub scratch: Option<PathBuf>,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Arguments of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// The folder to write to; the files of an earlier demo are replaced
    #[arg(default_value = "demo")]
    pub folder: PathBuf,
}

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `json-schema`.
#[derive(Debug, Clone, Args)]
pub struct JsonSchemaArgs {
    /// What the schema is for: phase (phase files in TOML), settings (phaseshift.toml) or output (what --json prints)
    #[arg(value_enum, hide_possible_values = true)]
    pub document: Document,
}

/// What a JSON Schema is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// Phase files in TOML
    Phase,
    /// The settings file phaseshift.toml
    Settings,
    /// What commands print with --json
    Output,
}

/// Arguments of `man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Write phaseshift.1 and a page for each command to this folder; pages that exist are replaced
    pub folder: Option<PathBuf>,
}
