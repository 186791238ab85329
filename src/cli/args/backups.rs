//! Arguments of commands about backups, and of those that write a file anew.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DryRun;

/// Arguments of `backup`.
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// A word in the name of the backup
    #[arg(long, default_value = "manual")]
    pub name: String,
}

/// Arguments of `backups`.
#[derive(Debug, Clone, Args)]
pub struct BackupsArgs {
    /// What to do; list if left out
    #[command(subcommand)]
    pub action: Option<BackupsAction>,
}

/// What to do with the backups.
#[derive(Debug, Clone, Subcommand)]
pub enum BackupsAction {
    /// List the backups, the newest first
    List,
    /// Verify one backup, or all
    Verify {
        /// The backup
        backup: Option<PathBuf>,
    },
    /// Remove old backups, never the newest whole one
    Prune {
        /// Keep so many of the newest
        #[arg(long, value_name = "COUNT")]
        keep: Option<usize>,
        /// Keep those of so many days
        #[arg(long, value_name = "DAYS")]
        keep_days: Option<u32>,
        /// Show what would be done, and stop.
        #[command(flatten)]
        dry_run: DryRun,
    },
}

/// Arguments of `restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// The backup; asked for if left out
    #[arg(conflicts_with = "latest")]
    pub backup: Option<PathBuf>,
    /// The newest verified backup that was made before a phase or by name
    #[arg(long)]
    pub latest: bool,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Arguments of `optimize`.
#[derive(Debug, Clone, Args)]
pub struct OptimizeArgs {
    /// Also collect the planner's statistics anew; without it they stay, whoever made them
    #[arg(long)]
    pub analyze: bool,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}
