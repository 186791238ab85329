//! Arguments of commands about backups, and of those that rewrite a file.

use clap::{Args, Subcommand};

use super::fleet::FleetArgs;
use super::{DryRun, Subject};

/// Arguments of `backup`.
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// A name for the backup; `backups prune` never removes a named one
    #[arg(long)]
    pub name: Option<String>,
    /// Many files.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// Arguments of `backups`.
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub struct BackupsArgs {
    /// What to do [default: list]
    #[command(subcommand)]
    pub action: Option<BackupsAction>,
}

/// What to do with the backups.
#[derive(Debug, Clone, Subcommand)]
pub enum BackupsAction {
    /// List the backups: the verified ones, then the others, each group with the newest first
    List,
    /// Verify one backup, or all
    Verify {
        /// The backup: a path, a file name in the folder of the backups, a number from `phaseshift backups`, or before:PHASE
        backup: Option<String>,
    },
    /// Remove old backups
    #[command(after_help = "Never removed:
  named backups, and backups that are not verified
  the newest intact backup
  the backup from before the run of each phase that is still applied
Backups that stamp and init make can be removed.

Without --keep and --keep-days, `[keep]` in the settings decides, or else the defaults: the 10 newest of each kind stay, and those of the last 7 days. If only one of the flags is given, only its rule applies.

Examples:
  phaseshift backups prune --dry-run
  phaseshift backups prune --keep 3 --keep-days 30")]
    Prune {
        /// Keep the COUNT newest of each kind (before applying, before undoing, before a restore, ...)
        #[arg(long, value_name = "COUNT")]
        keep: Option<usize>,
        /// Keep backups from the last DAYS days; with --keep, a backup stays if either flag keeps it
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
    /// The backup: a path, a file name in the folder of the backups, a number from `phaseshift backups`, or before:PHASE;
    /// without one, the program asks on a terminal
    #[arg(conflicts_with = "latest")]
    pub backup: Option<String>,
    /// The newest verified backup, apart from those made before a restore or `optimize`
    #[arg(long)]
    pub latest: bool,
    /// Restore a backup even if its manifest names another database or does not call it verified; a file without a manifest
    /// is restored without this flag, after a warning
    #[arg(long)]
    pub force: bool,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Arguments of `reset`.
#[derive(Debug, Clone, Args)]
pub struct ResetArgs {
    /// Show what would be dropped, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Arguments of `optimize`.
#[derive(Debug, Clone, Args)]
pub struct OptimizeArgs {
    /// The database.
    #[command(flatten)]
    pub subject: Subject,
    /// Also update the planner's statistics (ANALYZE); otherwise they stay as they are
    #[arg(long)]
    pub analyze: bool,
    /// Show what would be done, and stop.
    #[command(flatten)]
    pub dry_run: DryRun,
}
