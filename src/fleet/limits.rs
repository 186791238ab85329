//! How many workers, and after which failures to stop.

use std::num::NonZeroUsize;

/// How many workers, and after which failures to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub jobs: NonZeroUsize,
    /// The number of files that come first; a failure among them stops the run.
    pub canary: usize,
    /// The number of failures that do not stop the run; `None` for any number.
    pub max_failures: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { jobs: NonZeroUsize::MIN, canary: 0, max_failures: None }
    }
}

/// Why a run ended before its last file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// One of the first files failed.
    Canary,
    /// More files failed than are allowed to.
    Failures,
    /// A stop was asked for.
    Interrupted,
}

impl Stop {
    /// Returns the stable text code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Failures => "failures",
            Self::Interrupted => "interrupted",
        }
    }
}
