//! The states of a migration.

use crate::backup::{VerifiedBackup, integrity};
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::phase::PhaseId;
use crate::plan::Plan;
use crate::preflight::SpaceNeed;

use super::file_state::FileState;
use super::project::Project;
use super::request::Transactions;

/// A migration in one of its states.
#[derive(Debug)]
pub struct Migration<S> {
    pub(super) project: Project,
    pub(super) known: FileState,
    pub(super) plan: Plan,
    pub(super) transactions: Transactions,
    pub(super) state: S,
}

/// Looked at and planned; nothing is written.
#[derive(Debug)]
pub struct Prepared {
    pub(super) database: Database,
    pub(super) data_version: i64,
    pub(super) need: SpaceNeed,
}

/// Backed up, and the backup proven; the database is as before.
#[derive(Debug)]
pub struct Secured {
    pub(super) database: Database,
    pub(super) lock: LockState,
    pub(super) backup: VerifiedBackup,
}

/// Whether the write lock is held since before the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockState {
    /// The write lock is held: nothing can have changed.
    Locked,
    /// Nothing is held; the file is looked at again before anything is written. The number is
    /// `PRAGMA data_version` from before the backup.
    Watched(i64),
}

impl<S> Migration<S> {
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Returns what was read from the file.
    pub fn known(&self) -> &FileState {
        &self.known
    }

    /// Returns the phases that run, in order.
    pub fn phases(&self) -> Vec<PhaseId> {
        self.plan.phases.iter().map(|phase| phase.id.clone()).collect()
    }

    /// Returns the version before and the version after.
    pub fn versions(&self) -> (Option<i64>, Option<i64>) {
        let mut applied = self.known.applied.clone();
        for phase in &self.plan.phases {
            match phase.direction {
                crate::plan::Direction::Up => applied.add(phase.id.clone()),
                crate::plan::Direction::Down => applied.remove(&phase.id),
            }
        }
        let chain = &self.project.chain;
        let after = applied.ids().filter_map(|id| chain.get(id)).map(|phase| phase.version).max();
        (self.known.recorded.version(), after)
    }
}

impl Migration<Prepared> {
    /// Reads every page, row and index of the file, which a run does when it has its backup.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] with SQLite's findings; [`ErrorKind::Interrupted`].
    pub fn check_integrity(&self) -> Result<()> {
        refuse_damage(&self.state.database)
    }

    pub fn space(&self) -> SpaceNeed {
        self.state.need
    }
}

pub(super) fn refuse_damage(database: &Database) -> Result<()> {
    let found = integrity(database)?;
    if found.damage.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Damaged, "the database is damaged").problems(found.damage))
}

impl Migration<Secured> {
    pub fn backup(&self) -> &VerifiedBackup {
        &self.state.backup
    }
}

pub(super) fn data_version(database: &Database) -> Result<i64> {
    Ok(database.connection().query_row("PRAGMA data_version", [], |row| row.get(0))?)
}
