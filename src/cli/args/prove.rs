//! Arguments of `prove`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `prove`.
#[derive(Debug, Clone, Args)]
pub struct ProveArgs {
    /// The command of another tool, for `sh -c`; it finds the clone in $PHASESHIFT_DATABASE and $DATABASE_URL, or in
    /// the place of {}
    #[arg(long, value_name = "COMMAND")]
    pub run: String,
    /// The renames, drops and changes that are intended (TOML)
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Write the clone into the database if nothing was lost
    #[arg(long)]
    pub publish: bool,
    /// Leave the clone where it is, to look at it
    #[arg(long)]
    pub keep: bool,
    /// Stop the command after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// The folder for the clone, instead of that for temporary files
    #[arg(long, value_name = "FOLDER")]
    pub scratch: Option<PathBuf>,
    /// Let other programs write to the database while the command runs
    #[arg(long)]
    pub unlocked: bool,
}
