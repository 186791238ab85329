//! Flags that answer what the difference of two schemas leaves open, and those of `apply`.

use std::path::PathBuf;

use clap::Args;

use super::DryRun;

/// Renames, drops, and values for existing rows.
#[derive(Debug, Clone, Default, Args)]
pub struct AnswerArgs {
    /// A rename: of a table as old=new, of a column as table.old=table.new; quote odd names as in SQL
    #[arg(long = "rename", value_name = "OLD=NEW")]
    pub renames: Vec<String>,
    /// This table, view, index, trigger or table.column is dropped, not renamed
    #[arg(long = "drop", value_name = "NAME")]
    pub drops: Vec<String>,
    /// Drop everything that the desired schema lacks; likely renames still need an answer
    #[arg(long)]
    pub allow_drop: bool,
    /// The value of a new or changed column in existing rows: an SQL expression over the old row
    #[arg(long = "value", value_name = "TABLE.COLUMN=SQL")]
    pub values: Vec<String>,
}

impl AnswerArgs {
    /// Returns whether no flag is given.
    pub fn is_empty(&self) -> bool {
        self.renames.is_empty()
            && self.drops.is_empty()
            && self.values.is_empty()
            && !self.allow_drop
    }
}

/// Arguments of `apply`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub struct ApplyArgs {
    /// The schema: a file of CREATE statements or a folder of them [default: schema.sql]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The answers to what the difference leaves open.
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Create the database if the file is missing
    #[arg(long)]
    pub create: bool,
    /// Change nothing; exit with 3 if something would change
    #[arg(long, conflicts_with_all = ["sql", "create"])]
    pub check: bool,
    /// Print a script for the sqlite3 program instead
    #[arg(long, conflicts_with = "create")]
    pub sql: bool,
    /// Run even if a column that becomes generated loses its values
    #[arg(long)]
    pub accept_loss: bool,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}
