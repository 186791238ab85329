//! Writing a backup into a file that SQLite opens: one transaction, under a lock that is held from
//! before the present state is kept.
//!
//! In the rollback modes one connection keeps the exclusive lock throughout
//! (<https://sqlite.org/pragma.html#pragma_locking_mode>). In WAL mode readers go on: the lock is
//! the write lock of the copy itself, and the present state is read beside it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::MAIN_DB;
use rusqlite::config::DbConfig;

use super::judge::{Found, compare, look_again};
use super::plan::Restore;
use super::run::{Outcome, RestoreMethod};
use crate::backup::{
    BackupLabel, BackupRequest, PageCopy, copy_pages, create, keep_damaged, patiently,
};
use crate::database::{Access, Database};
use crate::error::{DatabaseState, Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage, TableRows};

pub(super) fn run(
    restore: &Restore,
    live: Database,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    // Before the present state is kept: SQLite opens what may not be written, to read it.
    if live.connection().is_readonly(MAIN_DB)? {
        let what = format!("{} cannot be written", restore.plan.database.display());
        return Err(Error::new(ErrorKind::ReadOnly, what));
    }
    let backup = Database::open(&restore.backup.path, Access::Look, &restore.options)?;
    let before = journal_mode(&live)?;
    // Pages bring the backup's journal mode along, unless the live file is in WAL mode.
    let mut mode_moves = before != "wal" && journal_mode(&backup)? == "wal";
    // Our own loop waits, so that it can tell for whom.
    live.connection().busy_timeout(Duration::ZERO)?;
    let mut writing = Writing { restore, backup, kept: None, follow_up: Vec::new() };
    let written = if before != "wal" {
        writing.under_exclusive_lock(live, observer)
    } else if page_size(&live)? == page_size(&writing.backup)? {
        writing.under_write_lock(live, observer)
    } else {
        // A WAL database cannot change its page size (https://sqlite.org/c3ref/backup_finish.html).
        leave_wal(&live, restore, observer)?;
        mode_moves = true;
        writing.under_exclusive_lock(live, observer)
    };
    // Whatever happened, the file keeps the journal mode it had, if that is possible.
    let mode_kept = if mode_moves { set_journal_mode(restore, &before) } else { Ok(()) };
    let tables = written.map_err(|error| match &writing.kept {
        Some(kept) => error.with_backup(kept),
        None => error,
    })?;
    writing.note(mode_kept, "the journal mode could not be set back");
    Ok(Outcome {
        safety_backup: writing.kept,
        moved_aside: Vec::new(),
        tables,
        method: RestoreMethod::Write,
        follow_up: writing.follow_up,
    })
}

struct Writing<'a> {
    restore: &'a Restore,
    backup: Database,
    kept: Option<PathBuf>,
    follow_up: Vec<String>,
}

impl Writing<'_> {
    fn path(&self) -> &Path {
        &self.restore.plan.database
    }

    /// In the rollback modes: nobody reads or writes until the result is compared.
    fn under_exclusive_lock(
        &mut self,
        mut live: Database,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        let options = self.restore.options.clone();
        patiently(self.path(), &options, observer, &mut || {
            // In this order: a failed attempt must not keep a lock that stops the other program.
            let sql = "BEGIN EXCLUSIVE; PRAGMA main.locking_mode=EXCLUSIVE; COMMIT";
            Ok(live.connection().execute_batch(sql)?)
        })?;
        if live.access() != Access::Create {
            if let Err(error) = probe(&live) {
                drop(release(live));
                return Err(error);
            }
            self.kept = Some(keep(self.restore, &live, observer)?);
        }
        let job = PageCopy { stage: Stage::Restore, subject: self.path(), options: &options };
        let copied = copy_pages(
            self.backup.connection(),
            live.connection_mut(),
            job,
            &mut |_| Ok(()),
            observer,
        );
        if let Err(error) = copied {
            // A journal of no use may stay: SQLite ignores it.
            drop(release(live));
            return self.after_failed_copy(error, observer);
        }
        let compared = self.compare(&live, observer);
        self.note(release(live), "the lock could not be released");
        match compared {
            Ok(compared) => compared.map_err(differs),
            Err(error) => self.after_failed_compare(error, observer),
        }
    }

    /// In WAL mode: readers keep their state, writers wait until the copy is committed.
    fn under_write_lock(
        &mut self,
        mut live: Database,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        let options = self.restore.options.clone();
        let (restore, path) = (self.restore, self.restore.plan.database.as_path());
        let job = PageCopy { stage: Stage::Restore, subject: path, options: &options };
        let kept = &mut self.kept;
        let mut keep_present = |observer: &mut dyn Observer| {
            let beside = Database::open(path, Access::Look, &options)?;
            *kept = Some(keep(restore, &beside, observer)?);
            Ok(())
        };
        let known = data_version(&live)?;
        let backup = self.backup.connection();
        let copied = copy_pages(backup, live.connection_mut(), job, &mut keep_present, observer);
        if let Err(error) = copied {
            drop(live);
            return self.after_failed_copy(error, observer);
        }
        // The copy is committed: whatever fails from here on is no failed restore.
        let compared = hold_still(&live).and_then(|()| self.compare(&live, observer));
        let now = data_version(&live);
        drop(live.connection().execute_batch("COMMIT"));
        let checkpoint =
            live.connection().query_row("PRAGMA main.wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.note(checkpoint.map_err(Error::from), "the WAL could not be emptied");
        drop(live);
        let compared = match compared {
            Ok(compared) => compared,
            Err(error) => return self.after_failed_compare(error, observer),
        };
        match compared {
            Ok(tables) => Ok(tables),
            Err(_) if now.is_ok_and(|now| now != known) => {
                self.follow_up.push("another program wrote after the restore".to_owned());
                Ok(self.restore.plan.verification.tables.clone())
            }
            Err(differences) => Err(differs(differences)),
        }
    }

    /// Compares what is in the file, not what is in memory.
    fn compare(
        &self,
        live: &Database,
        observer: &mut dyn Observer,
    ) -> Result<std::result::Result<Vec<TableRows>, Vec<String>>> {
        let compared = live
            .connection()
            .execute_batch("PRAGMA shrink_memory")
            .map_err(Error::from)
            .and_then(|()| compare(&self.backup, live, observer));
        compared.map_err(|error| {
            if error.kind() == ErrorKind::Interrupted {
                // The write is committed; only the comparison was stopped.
                return error.leaving(DatabaseState::Done);
            }
            let what = "the restored database could not be compared with the backup";
            Error::new(ErrorKind::Restore, what).leaving(DatabaseState::Unknown).caused_by(error)
        })
    }

    /// An error may be reported although the change is in the file; only another look tells.
    fn after_failed_copy(
        &mut self,
        error: Error,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        if error.kind() == ErrorKind::Busy || self.kept.is_none() {
            return Err(error);
        }
        if error.kind() == ErrorKind::Interrupted {
            return Err(error.leaving(DatabaseState::RolledBack));
        }
        let paths = (self.restore.backup.path.as_path(), self.kept.as_deref());
        match look_again(self.path(), paths, &self.restore.options, observer) {
            Found::Restored(tables) => {
                self.follow_up.push(format!("an error after the write: {}", full(&error)));
                Ok(tables)
            }
            Found::Other(state) => {
                let what = "the backup could not be written";
                Err(Error::new(ErrorKind::Restore, what).leaving(state).caused_by(error))
            }
        }
    }

    /// The write was committed; an error that passes must not make it look undone.
    fn after_failed_compare(
        &mut self,
        error: Error,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        if error.kind() == ErrorKind::Interrupted {
            return Err(error);
        }
        let paths = (self.restore.backup.path.as_path(), self.kept.as_deref());
        match look_again(self.path(), paths, &self.restore.options, observer) {
            Found::Restored(tables) => {
                self.follow_up.push(format!("the first comparison failed: {}", full(&error)));
                Ok(tables)
            }
            Found::Other(state) => Err(error.leaving(state)),
        }
    }

    fn note(&mut self, outcome: Result<()>, what: &str) {
        if let Err(error) = outcome {
            self.follow_up.push(format!("{what}: {}", full(&error)));
        }
    }
}

/// Keeps the present state as a backup. A file that SQLite opens but cannot read in full is kept
/// page by page.
fn keep(restore: &Restore, live: &Database, observer: &mut dyn Observer) -> Result<PathBuf> {
    let request = BackupRequest {
        folder: &restore.folder,
        label: BackupLabel::BeforeRestore,
        phase: None,
        version: restore.plan.version_now,
    };
    let mut kept = create(live, &request, observer);
    if kept.as_ref().is_err_and(|error| error.kind() == ErrorKind::Damaged) {
        // A read that fails once looks like damage.
        kept = create(live, &request, observer);
    }
    match kept {
        Ok(kept) => Ok(kept.path().to_path_buf()),
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Unsupported) => {
            let text = format!("the present file is kept without comparing its rows: {error}");
            observer.event(&Event::Notice { text });
            Ok(keep_damaged(live, &request, observer)?.path)
        }
        Err(error) => Err(error),
    }
}

/// Begins to read one state of the file, which may be written back from the WAL at the end.
fn hold_still(live: &Database) -> Result<()> {
    live.connection().set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(live.connection().execute_batch("BEGIN")?)
}

/// Tries a write that changes nothing, before the present state is kept: in a read-only folder all goes
/// well up to the first write.
fn probe(live: &Database) -> Result<()> {
    let connection = live.connection();
    let version: i64 = connection.query_row("PRAGMA main.user_version", [], |row| row.get(0))?;
    let sql = format!("BEGIN; PRAGMA main.user_version={version}; ROLLBACK");
    let probed = connection.execute_batch(&sql);
    if probed.is_err() && !connection.is_autocommit() {
        // Nothing may hide the error that led here; the end of the connection rolls back, too.
        drop(connection.execute_batch("ROLLBACK"));
    }
    Ok(probed?)
}

/// Ends the exclusive lock and removes the journal that it leaves behind.
fn release(live: Database) -> Result<()> {
    live.connection().execute_batch(
        "PRAGMA main.locking_mode=NORMAL; PRAGMA main.journal_mode=PERSIST;
         PRAGMA main.journal_mode=DELETE; SELECT count(*) FROM main.sqlite_schema",
    )?;
    live.close()
}

fn leave_wal(live: &Database, restore: &Restore, observer: &mut dyn Observer) -> Result<()> {
    patiently(&restore.plan.database, &restore.options, observer, &mut || {
        let sql = "PRAGMA main.journal_mode=DELETE";
        let mode: String = live.connection().query_row(sql, [], |row| row.get(0))?;
        if mode.eq_ignore_ascii_case("delete") {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Busy, "another program holds the database"))
    })
}

/// Gives the file the journal mode it had, if it has another one now.
fn set_journal_mode(restore: &Restore, wanted: &str) -> Result<()> {
    let live = Database::open(&restore.plan.database, Access::Write, &restore.options)?;
    let wal = |mode: &str| mode.eq_ignore_ascii_case("wal");
    if wal(&journal_mode(&live)?) != wal(wanted) {
        let target = if wal(wanted) { "WAL" } else { "DELETE" };
        let sql = format!("PRAGMA main.journal_mode={target}");
        let mode: String = live.connection().query_row(&sql, [], |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case(target) {
            return Err(Error::new(ErrorKind::Busy, format!("it stayed {mode}")));
        }
    }
    live.close()
}

fn journal_mode(database: &Database) -> Result<String> {
    let mode: String =
        database.connection().query_row("PRAGMA main.journal_mode", [], |row| row.get(0))?;
    Ok(mode.to_ascii_lowercase())
}

fn page_size(database: &Database) -> Result<i64> {
    Ok(database.connection().query_row("PRAGMA main.page_size", [], |row| row.get(0))?)
}

/// Counts the commits of others, as this connection has seen them.
fn data_version(database: &Database) -> Result<i64> {
    Ok(database.connection().query_row("PRAGMA main.data_version", [], |row| row.get(0))?)
}

fn differs(differences: Vec<String>) -> Error {
    Error::new(ErrorKind::Restore, "the restored database differs from the backup")
        .leaving(DatabaseState::Unknown)
        .problems(differences)
}

/// Says an error with its causes, in one line.
fn full(error: &Error) -> String {
    let mut parts = vec![error.to_string()];
    parts.extend(error.causes());
    parts.join(": ")
}
