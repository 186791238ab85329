//! Carrying a restore out: which way, in which order, and what is reported.

use super::outcome::{RestoreMethod, RestoreOutcome};
use std::path::PathBuf;

use super::plan::Restore;
use super::{content, replace};
use crate::backup::{digest, stat_of};
use crate::database::{Access, Database, beside};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Observer, TableRows};

/// What a restore did. It is done: a step that failed afterwards is named in `follow_up`.
#[derive(Debug, Clone)]
pub struct RestoreReport {
    pub database: PathBuf,
    /// The copy of the state that was replaced; `None` if there was nothing that SQLite could open.
    pub safety_backup: Option<PathBuf>,
    /// The files that were moved aside.
    pub moved_aside: Vec<PathBuf>,
    /// The rows of every table, compared with the backup.
    pub tables: Vec<TableRows>,
    /// How the backup came into the file.
    pub method: RestoreMethod,
    /// What could not be done after the restore, in words.
    pub follow_up: Option<String>,
}

impl RestoreReport {
    /// Returns the number of rows in all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|entry| entry.rows).sum()
    }
}

impl Restore {
    /// Carries the restore out.
    ///
    /// The present state is kept as a backup (or moved aside, if SQLite cannot open it) before
    /// anything is written, with no gap in which another program's rows could be lost. The file then
    /// holds the old content or the new one, whatever happens.
    ///
    /// # Errors
    /// The error's [`state`](Error::state) says what is in the file. [`ErrorKind::Restore`];
    /// [`ErrorKind::Backup`] if the present state could not be kept; [`ErrorKind::BackupDamaged`]
    /// if the backup changed since it was verified; [`ErrorKind::Busy`] with those who hold the
    /// file; [`ErrorKind::Interrupted`].
    pub fn run(self, observer: &mut dyn Observer) -> Result<RestoreReport> {
        run(&self, observer)
    }
}

fn run(restore: &Restore, observer: &mut dyn Observer) -> Result<RestoreReport> {
    let outcome = choose(restore, observer).map_err(|error| of_restore(error, restore))?;
    let database = restore.plan.database.clone();
    restore.options.files.promised(&format!("restore {}", database.display()));
    Ok(RestoreReport {
        database,
        safety_backup: outcome.safety_backup,
        moved_aside: outcome.moved_aside,
        tables: outcome.tables,
        method: outcome.method,
        follow_up: (!outcome.follow_up.is_empty()).then(|| outcome.follow_up.join("; ")),
    })
}

fn choose(restore: &Restore, observer: &mut dyn Observer) -> Result<RestoreOutcome> {
    restore.refuse_changed_backup()?;
    match through_sqlite(restore, observer) {
        Err(error) if is_no_database(&error) => {}
        other => return other,
    }
    // SQLite calls a file damaged, too, when a read failed that would succeed the next time: a
    // sound file that other programs have open must not be moved aside for that.
    digest(&restore.plan.database, &restore.options, &mut |_| {})?;
    match through_sqlite(restore, observer) {
        Err(error) if is_no_database(&error) => replace::run(restore, observer),
        other => other,
    }
}

fn through_sqlite(restore: &Restore, observer: &mut dyn Observer) -> Result<RestoreOutcome> {
    let (path, options) = (&restore.plan.database, &restore.options);
    let files = options.files.as_ref();
    let opened = match stat_of(files, path)?.map(|stat| stat.bytes) {
        None => return replace::run(restore, observer),
        Some(0) => {
            // SQLite would delete what lies beside an empty file.
            for suffix in ["-journal", "-wal"] {
                if stat_of(files, &beside(path, suffix))?.is_some() {
                    return replace::run(restore, observer);
                }
            }
            Database::open(path, Access::Create, options)
        }
        Some(_) => Database::open(path, Access::Write, options),
    };
    opened.and_then(|live| content::run(restore, live, observer))
}

/// Returns whether SQLite could not make anything of the live file. Nothing was written then.
fn is_no_database(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotADatabase | ErrorKind::Damaged)
}

/// Reports failures of the machine as a failed restore; a busy file, an interrupt, a failed backup
/// of the present state and the like keep their kind.
fn of_restore(error: Error, restore: &Restore) -> Error {
    const WHAT: &str = "the backup could not be restored";
    let by_place = matches!(
        error.kind(),
        ErrorKind::NoSpace | ErrorKind::ReadOnly | ErrorKind::Damaged | ErrorKind::NotADatabase
    );
    let error = if by_place {
        let (state, kept) = (error.state(), error.facts().backup.clone());
        let wrapped = Error::new(ErrorKind::Restore, WHAT).leaving(state).caused_by(error);
        match kept {
            Some(kept) => wrapped.with_backup(&kept),
            None => wrapped,
        }
    } else {
        error.during(ErrorKind::Restore, WHAT)
    };
    error.in_database(&restore.plan.database)
}
