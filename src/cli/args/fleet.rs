//! Arguments of commands that work on many files.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Which files, and how many at a time.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Many files")]
pub struct FleetArgs {
    /// Work on every database of a folder, a quoted pattern, or the paths in @LIST (@- reads them from stdin)
    #[arg(long, value_name = "DIR|GLOB|@LIST")]
    pub all: Option<String>,
    /// The number of files processed at a time [default: the number of cores]
    #[arg(long, value_name = "N", requires = "all")]
    pub jobs: Option<NonZeroUsize>,
    /// Work on the first N files first, and stop if one of them fails
    #[arg(long, value_name = "N", requires = "all")]
    pub canary: Option<usize>,
    /// Stop when more than N files have failed [default: do not stop]
    #[arg(long, value_name = "N", requires = "all", conflicts_with = "fail_fast")]
    pub max_failures: Option<usize>,
    /// Stop at the first failure
    #[arg(long, requires = "all")]
    pub fail_fast: bool,
    /// Work on part I of N only, by a hash of the relative path; auto takes both from
    /// the variables of Slurm, Kubernetes, AWS Batch and others
    #[arg(long, value_name = "I/N|auto|auto/N", requires = "all")]
    pub shard: Option<String>,
}

/// What a run that changes many files leaves behind.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Many files")]
pub struct FleetRunArgs {
    /// Which files.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// When the run stops because of failures, downgrade the files that it migrated; newer rows stay. Without
    /// --max-failures, the first failure stops the run
    #[arg(long, requires = "all")]
    pub undo_on_failure: bool,
    /// Write what is done to FILE, one JSON document per line. After a kill, the same command continues the run;
    /// --undo-on-failure then covers the files that the killed run migrated, too
    #[arg(long, value_name = "FILE", requires = "all")]
    pub journal: Option<PathBuf>,
}

/// Arguments of `fleet`.
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub struct FleetCommandArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: FleetAction,
}

/// What to do with the results of runs over many files.
#[derive(Debug, Clone, Subcommand)]
pub enum FleetAction {
    /// Merge the JSON lines of several runs into one summary with a digest; list missing and duplicate files
    Report(FleetReportArgs),
}

/// Arguments of `fleet report`.
#[derive(Debug, Clone, Args)]
pub struct FleetReportArgs {
    /// The output of runs with --json, one file for each run
    #[arg(required = true, value_name = "FILE")]
    pub results: Vec<PathBuf>,
    /// The files that the runs should have covered, selected as for the runs
    #[arg(long, value_name = "DIR|GLOB|@LIST")]
    pub all: Option<String>,
}
