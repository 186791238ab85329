//! Arguments of commands that answer questions.

use std::path::PathBuf;

use clap::Args;

use super::Subject;

/// Arguments of `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// End with 3 if phases are pending or the schema drifted
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `current`.
#[derive(Debug, Clone, Args)]
pub struct CurrentArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// End with 3 unless the file has this version or phase, or is at the head
    #[arg(long, value_name = "VERSION|ID|head")]
    pub require: Option<String>,
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// Also check that the file has this version or phase, or is at the head
    #[arg(long, value_name = "VERSION|ID|head")]
    pub expect: Option<String>,
    /// Also compare every row with a backup
    #[arg(long, value_name = "BACKUP")]
    pub against: Option<PathBuf>,
    /// Do not read every index
    #[arg(long)]
    pub quick: bool,
}

/// Arguments of `history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// Only the phases from A to B, both included; either may be left out
    #[arg(short, long, value_name = "A:B")]
    pub range: Option<String>,
    /// Mark the current phases
    #[arg(short = 'i', long)]
    pub indicate_current: bool,
    /// At most so many phases
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
    /// What is compared: database, applied, schema, a target as head or an id, or a file of SQL
    #[arg(long, value_name = "PLACE")]
    pub from: Option<String>,
    /// What is right: the applied phases, unless another place is named
    #[arg(long, value_name = "PLACE")]
    pub to: Option<String>,
}

/// Arguments of `deps`.
#[derive(Debug, Clone, Args)]
pub struct DepsArgs {
    /// A table or view; all of them if left out
    pub name: Option<String>,
}
