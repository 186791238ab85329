//! A migration step by step, and what it did.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::event::Observer;
use crate::migrate::{self, Hooks, Migration, script_for_state};
use crate::phase::Target;

/// What is asked for: apply or undo, and up to where. The default applies every phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request(pub(super) migrate::Request);

impl Default for Request {
    fn default() -> Self {
        Self(migrate::Request::up(Target::Heads).without_notices())
    }
}

impl Request {
    /// Asks for the phases up to a target: an id, `head`, `+2`, `version:3`.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`](crate::ErrorKind::Arguments) if the text is no target.
    pub fn up(target: &str) -> Result<Self> {
        Ok(Self(migrate::Request::up(Target::parse(target)?)))
    }

    /// Asks to undo the phases after a target: an id, `base`, `-1`. An undo that loses anything is refused.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`](crate::ErrorKind::Arguments) if the text is no target.
    pub fn down(target: &str) -> Result<Self> {
        Ok(Self(migrate::Request::down(Target::parse(target)?)))
    }

    /// Allows an undo to lose rows and values that only newer phases can hold.
    #[must_use]
    pub fn accepting_loss(self) -> Self {
        Self(self.0.accepting_loss())
    }

    /// Asks for one transaction for each phase: a failure leaves the phases before it applied.
    #[must_use]
    pub fn per_phase(self) -> Self {
        Self(self.0.per_phase())
    }
}

/// What [`Database::migrate`](super::Database::migrate) found to do.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Nothing: every phase that was asked for is applied, or undone.
    AlreadyCurrent,
    /// Phases ran, and were proven and committed.
    Migrated(Report),
}

/// What a migration did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The version before; `None` if no phase was recorded.
    pub from: Option<i64>,
    /// The version after.
    pub to: Option<i64>,
    /// The ids of the phases that ran, in order.
    pub phases: Vec<String>,
    /// How many rows were found equal to the backup.
    pub rows_proven: u64,
    /// The backup from before the run.
    pub backup: PathBuf,
    /// The time from the lock to the commit, in seconds.
    pub seconds: f64,
    /// Something that failed after the commit, in words; the migration itself is done.
    pub follow_up: Option<String>,
}

impl Report {
    pub(super) fn of(report: migrate::Report) -> Self {
        Self {
            from: report.from,
            to: report.to,
            phases: report.phases.into_iter().map(|(id, _)| id).collect(),
            rows_proven: report.proof.rows,
            backup: report.backup,
            seconds: report.seconds,
            follow_up: report.follow_up,
        }
    }
}

/// A migration that was planned and checked. Nothing is written.
#[derive(Debug)]
pub struct Prepared(pub(super) Migration<migrate::Prepared>);

impl Prepared {
    /// Returns the ids of the phases that would run, in order.
    pub fn phases(&self) -> Vec<String> {
        self.0.phases().iter().map(ToString::to_string).collect()
    }

    /// Returns what the person who decides should know, one sentence each.
    pub fn notices(&self) -> Vec<String> {
        self.0.plan().phases.iter().flat_map(|it| it.notices.iter().cloned()).collect()
    }

    /// Returns how many bytes the backup and the run need at most.
    pub fn space(&self) -> u64 {
        self.0.space().sum()
    }

    /// Returns the run as a script for the `sqlite3` program. It refuses a file in any other state.
    ///
    /// # Errors
    /// [`ErrorKind::MissingExtension`](crate::ErrorKind::MissingExtension) naming a table that it cannot rebuild.
    pub fn script(&self) -> Result<String> {
        script_for_state(&self.0)
    }

    /// Makes the backup and compares it with the database page by page.
    ///
    /// # Errors
    /// [`ErrorKind::Backup`](crate::ErrorKind::Backup) if it cannot be made or differs;
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy); [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
    pub fn secure(self, observer: &mut dyn Observer) -> Result<Secured> {
        self.0.secure(observer).map(Secured)
    }
}

/// A migration with a verified backup. The database is as before.
#[derive(Debug)]
pub struct Secured(Migration<migrate::Secured>);

impl Secured {
    /// Returns the path of the backup.
    pub fn backup(&self) -> &Path {
        self.0.backup().path()
    }

    /// Carries the migration out: everything is committed after the proof, or the file holds what it held.
    ///
    /// # Errors
    /// [`ErrorKind::FileChanged`](crate::ErrorKind::FileChanged) if another program changed the schema since
    /// [`prepare`](super::Database::prepare); [`ErrorKind::Rebuild`](crate::ErrorKind::Rebuild),
    /// [`ErrorKind::Proof`](crate::ErrorKind::Proof) and others.
    pub fn run(self, observer: &mut dyn Observer) -> Result<Report> {
        self.0.run(observer, &mut Hooks::default()).map(Report::of)
    }
}
