//! A migration in one go, under one lock.

use crate::backup::Checked;
use crate::database::WriteTransaction;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Observer;

use super::prepare::{ATTEMPTS, FilePlan, Planned, Preparation};
use super::project::Project;
use super::request::Request;
use super::run::{Hooks, Report};
use super::secure::{back_up, occasion};
use super::state::{LockState, Migration, Prepared, Secured, data_version};
use super::up_to_date::UpToDate;

/// How a migration ended.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one value per run")]
pub enum Migrated {
    /// It was run and committed.
    Done(Report),
    /// There was nothing to do, or another program has done it.
    UpToDate(Box<UpToDate>),
}

impl Migrated {
    /// Returns the report of the run, if there was one.
    pub fn report(self) -> Option<Report> {
        match self {
            Self::Done(report) => Some(report),
            Self::UpToDate(_) => None,
        }
    }
}

/// What one attempt to lock the file came to.
#[allow(clippy::large_enum_variant, reason = "one value per attempt")]
enum Attempt {
    Secured(Migration<Secured>),
    /// The file is another one, or changed.
    PrepareAgain(Preparation),
}

/// Migrates without asking: prepare, lock, back up under the lock, carry out, prove, commit.
///
/// If another program changes the file between the preparation and the lock, it is prepared again under
/// the lock; if that program has done the same migration, there is nothing left to do.
pub fn migrate_now(
    project: &Project,
    request: &Request,
    prepared: Preparation,
    observer: &mut dyn Observer,
) -> Result<Migrated> {
    let mut prepared = prepared;
    for _ in 0..ATTEMPTS {
        match prepared {
            Preparation::UpToDate(found) => return Ok(Migrated::UpToDate(found)),
            Preparation::Ready(migration) => match migration.lock_and_secure(request, observer)? {
                Attempt::Secured(secured) => {
                    return secured.run(observer, &mut Hooks::default()).map(Migrated::Done);
                }
                Attempt::PrepareAgain(again) => prepared = again,
            },
        }
    }
    let what = "the file is replaced by another program again and again";
    Err(Error::new(ErrorKind::Busy, what).in_database(&project.database))
}

impl Migration<Prepared> {
    /// Takes the write lock first and makes the backup under it: nothing can slip in between. If
    /// the file changed since the preparation, it is prepared again under the lock, so that a busy writer
    /// cannot keep the run from beginning.
    fn lock_and_secure(self, request: &Request, observer: &mut dyn Observer) -> Result<Attempt> {
        let Self { project, known, plan, transactions, state } = self;
        let prepare_again = || Migration::prepare(&project, request).map(Attempt::PrepareAgain);
        let database = match WriteTransaction::begin(state.database) {
            Ok(transaction) => transaction.into_database(),
            Err(error) if error.kind() == ErrorKind::FileChanged => return prepare_again(),
            Err(error) => return Err(error),
        };
        if database.has_moved()? {
            drop(database);
            return prepare_again();
        }
        let Planned { project, known, plan, .. } = if data_version(&database)? == state.data_version
        {
            Planned { project, known, plan, need: state.need }
        } else {
            match Self::prepare_through(&project, request, &database)? {
                FilePlan::UpToDate(found) => {
                    return Ok(Attempt::PrepareAgain(Preparation::UpToDate(found)));
                }
                FilePlan::Plan(planned) => *planned,
            }
        };
        let label = occasion(&plan);
        let backup = back_up(&project, &known, label, Checked::BesideUnderLock, observer)?;
        let state = Secured { database, lock: LockState::Locked, backup };
        Ok(Attempt::Secured(Migration { project, known, plan, transactions, state }))
    }
}
