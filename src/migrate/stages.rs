//! How long the stages of a run take.

use std::time::Instant;

/// How long each stage of a run took, in seconds; stages that several transactions have are added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Stages {
    /// Copying the pages into the backup.
    pub backup: f64,
    /// Comparing the backup with the database and making it durable.
    pub verify: f64,
    /// Noting what was wrong before.
    pub baseline: f64,
    /// Carrying the plan out.
    pub rebuild: f64,
    /// The checks before the commit.
    pub proof: f64,
    /// The commit, and closing the file.
    pub commit: f64,
}

/// Measures one stage after the other.
#[derive(Debug)]
pub(super) struct Timer(Instant);

impl Timer {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the seconds since the last call.
    pub(super) fn next(&mut self) -> f64 {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.0, now)).as_secs_f64()
    }
}
