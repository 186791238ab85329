//! Securing: the backup before anything is written.

use crate::backup::{BackupLabel, BackupRequest, Checked, VerifiedBackup, create_or_reuse};
use crate::compare::not_identical;
use crate::database::{Access, Database, WriteTransaction};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::plan::{Direction, Plan};

use super::file_state::FileState;
use super::project::Project;
use super::state::{LockState, Migration, Prepared, Secured, data_version};

/// What names the backup before every record is removed, in the place of a phase.
pub(super) const STAMP_BASE: &str = "stamp_base";

impl Migration<Prepared> {
    /// Makes the backup without a lock, so that a person can be asked afterwards. Whether anything
    /// changed meanwhile is found out under the lock.
    ///
    /// # Errors
    /// [`ErrorKind::Backup`]; [`ErrorKind::Busy`]; [`ErrorKind::Interrupted`].
    pub fn secure(self, observer: &mut dyn Observer) -> Result<Migration<Secured>> {
        let backup = back_up(
            &self.project,
            &self.known,
            occasion(&self.plan),
            Checked::BackgroundCheck,
            observer,
        )?;
        let lock = LockState::Watched(self.state.data_version);
        let Self { project, known, plan, transactions, state } = self;
        let state = Secured { database: state.database, lock, backup };
        Ok(Migration { project, known, plan, transactions, state })
    }
}

/// Returns what the backup of a run is made for: the phase that it begins with.
pub(super) fn occasion(plan: &Plan) -> BackupLabel {
    match plan.phases.first().map(|phase| (phase.id.to_string(), phase.direction)) {
        Some((id, Direction::Up)) => BackupLabel::Before(id),
        Some((id, Direction::Down)) => BackupLabel::BeforeUndo(id),
        None => BackupLabel::Before("migration".to_owned()),
    }
}

pub(super) fn back_up(
    project: &Project,
    known: &FileState,
    label: BackupLabel,
    checked: Checked,
    observer: &mut dyn Observer,
) -> Result<VerifiedBackup> {
    let source = Database::open(&project.database, Access::ReadOnly, &project.options)?;
    let phase = match &label {
        BackupLabel::BeforeStamp(id) if id == STAMP_BASE => None,
        BackupLabel::Before(id) | BackupLabel::BeforeUndo(id) | BackupLabel::BeforeStamp(id) => {
            Some(id.clone())
        }
        BackupLabel::Named(_)
        | BackupLabel::Manual
        | BackupLabel::BeforeOptimize
        | BackupLabel::BeforeRestore => None,
    };
    let request =
        BackupRequest { folder: &project.backups, label, phase, version: known.recorded.version() };
    create_or_reuse(&source, &request, checked, observer)
}

/// Under the lock, after a person was asked: the file must hold what was looked at.
///
/// If only rows changed, a new backup is made under the lock. If the schema or the recorded phases
/// changed, the plan no longer fits.
pub(super) fn relock(
    migration: Migration<Secured>,
    observer: &mut dyn Observer,
) -> Result<Migration<Secured>> {
    let LockState::Watched(seen) = migration.state.lock else { return Ok(migration) };
    let Migration { project, known, plan, transactions, mut state } = migration;
    // The check went on while the person was reading.
    let checked = state.backup.await_check_if_done();
    checked.map_err(|error| VerifiedBackup::attribute_damage(error, &state.database))?;
    let transaction = WriteTransaction::begin(state.database)?;
    let database = transaction.into_database();
    let changed = |what: &str| {
        Err(Error::new(ErrorKind::FileChanged, what)
            .in_database(&project.database)
            .with_backup(state.backup.path()))
    };
    if database.has_moved()? {
        return changed("the file was replaced by another one while you were asked");
    }
    if data_version(&database)? == seen {
        let state = Secured { database, lock: LockState::Locked, backup: state.backup };
        return Ok(Migration { project, known, plan, transactions, state });
    }
    let now = project.know(&database)?;
    if !not_identical(&known.schema, &now.schema).is_empty() {
        return changed("another program changed the schema while you were asked");
    }
    if now.applied != known.applied {
        return changed("another program applied or undid phases while you were asked");
    }
    if let Some(first) = plan.phases.first() {
        crate::preflight::check_requirements(&database, first)?;
    }
    let text = "the file changed while you were asked; it is backed up again".to_owned();
    observer.event(&Event::Notice { text });
    let label = occasion(&plan);
    let backup = back_up(&project, &now, label, Checked::BesideUnderLock, observer)?;
    let state = Secured { database, lock: LockState::Locked, backup };
    Ok(Migration { project, known: now, plan, transactions, state })
}
