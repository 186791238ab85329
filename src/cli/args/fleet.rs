//! Arguments of commands that work on many files.

use std::num::NonZeroUsize;

use clap::Args;

/// Which files, and how many at a time.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Many files")]
pub struct FleetArgs {
    /// Work on every database of a folder, a quoted pattern, or the paths in @LIST (@- reads them from stdin)
    #[arg(long, value_name = "DIR|GLOB|@LIST")]
    pub all: Option<String>,
    /// The number of files that are worked on at a time (default: the number of cores)
    #[arg(long, value_name = "N", requires = "all")]
    pub jobs: Option<NonZeroUsize>,
    /// Work on the first N files first, and stop if one of them fails
    #[arg(long, value_name = "N", requires = "all")]
    pub canary: Option<usize>,
    /// Stop when more than N files failed; the default is not to stop
    #[arg(long, value_name = "N", requires = "all", conflicts_with = "fail_fast")]
    pub max_failures: Option<usize>,
    /// Stop at the first failure
    #[arg(long, requires = "all")]
    pub fail_fast: bool,
    /// Work on part I of N only, by a hash of the relative path; auto reads a scheduler's variables
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
}
