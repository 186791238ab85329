//! How many workers, and after which failures to stop.

use crate::text::named;
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

named! {
    /// Why a run ended before its last file.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Stop: code {
        /// One of the first files failed.
        Canary = "canary",
        /// More files failed than are allowed to.
        Failures = "failures",
        /// A stop was asked for.
        Interrupted = "interrupted",
    }
}
