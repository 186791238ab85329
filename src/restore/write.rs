//! Writing the pages of a file into a database that SQLite opens: one transaction, under a lock that is
//! held from before the present state is kept.
//!
//! In the rollback modes one connection keeps the exclusive lock throughout
//! (<https://sqlite.org/pragma.html#pragma_locking_mode>). In WAL mode readers go on: the lock is
//! the write lock of the copy itself, and the present state is read beside it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::MAIN_DB;
use rusqlite::config::DbConfig;

use super::verify::AfterFailure;
use crate::backup::{PageCopy, copy_pages, patiently};
use crate::database::{Access, CheckpointRule, Database, OpenOptions};
use crate::error::{DatabaseState, Error, ErrorKind, Result};
use crate::event::{Observer, Stage, TableRows};

/// What is written into a database file, and how the file is judged afterwards.
pub(crate) trait Content {
    /// Called once, under the lock, before anything is written, with a connection that reads the
    /// present state. Returns the backup of that state, if there is a state to lose.
    fn secure(
        &mut self,
        present: &Database,
        observer: &mut dyn Observer,
    ) -> Result<Option<PathBuf>>;

    /// Compares what is in the file with what was to be written; differences are in words.
    fn compare(
        &mut self,
        live: &Database,
        observer: &mut dyn Observer,
    ) -> Result<std::result::Result<Vec<TableRows>, Vec<String>>>;

    /// Finds out what the file holds after an error. Opening it rolls back what was not committed.
    fn look_again(&mut self, kept: Option<&Path>, observer: &mut dyn Observer) -> AfterFailure;

    /// The rows of what is written.
    fn tables(&self) -> Vec<TableRows>;

    /// How failures are called.
    fn words(&self) -> &'static Words;
}

/// How failures of a write are called.
#[derive(Debug)]
pub(crate) struct Words {
    /// The kind of a write that failed.
    pub(crate) kind: ErrorKind,
    /// What is written could not be.
    pub(crate) not_written: &'static str,
    /// What was written could not be compared.
    pub(crate) not_compared: &'static str,
    /// What was written is in the file, and the comparison was interrupted.
    pub(crate) interrupted: &'static str,
    /// What was written is not what is in the file.
    pub(crate) differs: &'static str,
    /// What to say of another program's write right after.
    pub(crate) written_since: &'static str,
}

#[derive(Debug)]
pub(crate) struct Written {
    /// The backup of the state before.
    pub(crate) kept: Option<PathBuf>,
    /// The rows of every table, as compared.
    pub(crate) tables: Vec<TableRows>,
    /// What failed afterwards, in words.
    pub(crate) follow_up: Vec<String>,
}

/// Writes every page of a file into the database that is open, in one transaction.
///
/// # Errors
/// The error's state says what is in the file.
pub(crate) fn write(
    live: Database,
    source: &Path,
    content: &mut dyn Content,
    observer: &mut dyn Observer,
) -> Result<Written> {
    let (path, options) = (live.path().to_path_buf(), live.options().clone());
    // Before the present state is kept: SQLite opens what may not be written, to read it.
    if live.connection().is_readonly(MAIN_DB)? {
        let what = format!("{} cannot be written", path.display());
        return Err(Error::new(ErrorKind::ReadOnly, what));
    }
    let source = Database::open(source, Access::ReadOnly, &options)?;
    let before = journal_mode(&live)?;
    // Pages bring the source's journal mode along, unless the live file is in WAL mode.
    let mut mode_moves = before != "wal" && journal_mode(&source)? == "wal";
    // Our own loop waits, so that it can tell for whom.
    live.connection().busy_timeout(Duration::ZERO)?;
    let place = LiveFile { path: &path, options: &options };
    let mut writing = Writing { place, content, kept: None, follow_up: Vec::new() };
    let written = if before != "wal" {
        writing.under_exclusive_lock(live, source, observer)
    } else if page_size(&live)? == page_size(&source)? {
        writing.under_write_lock(live, source, observer)
    } else {
        // A WAL database cannot change its page size (https://sqlite.org/c3ref/backup_finish.html).
        leave_wal(&live, place, observer)?;
        mode_moves = true;
        writing.under_exclusive_lock(live, source, observer)
    };
    // Whatever happened, the file keeps the journal mode it had, if that is possible.
    let mode_kept = if mode_moves { set_journal_mode(place, &before) } else { Ok(()) };
    let tables = written.map_err(|error| match &writing.kept {
        Some(kept) => error.with_backup(kept),
        None => error,
    })?;
    writing.note(mode_kept, "the journal mode could not be set back");
    Ok(Written { kept: writing.kept, tables, follow_up: writing.follow_up })
}

/// The database that is written, and how it is opened.
#[derive(Debug, Clone, Copy)]
struct LiveFile<'a> {
    path: &'a Path,
    options: &'a OpenOptions,
}

struct Writing<'a> {
    place: LiveFile<'a>,
    content: &'a mut dyn Content,
    kept: Option<PathBuf>,
    follow_up: Vec<String>,
}

impl Writing<'_> {
    fn job(&self) -> PageCopy<'_> {
        PageCopy { stage: Stage::Restore, subject: self.place.path, options: self.place.options }
    }

    /// In the rollback modes: no program reads or writes until the result is compared.
    fn under_exclusive_lock(
        &mut self,
        mut live: Database,
        source: Database,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        patiently(self.place.path, self.place.options, observer, &mut || {
            // In this order: a failed attempt must not keep a lock that stops the other program.
            let sql = "BEGIN EXCLUSIVE; PRAGMA main.locking_mode=EXCLUSIVE; COMMIT";
            Ok(live.connection().execute_batch(sql)?)
        })?;
        if live.access() != Access::Create
            && let Err(error) = probe(&live)
        {
            drop(release(live));
            return Err(error);
        }
        self.kept = self.content.secure(&live, observer)?;
        let copied = copy_pages(
            source.connection(),
            live.connection_mut(),
            self.job(),
            &mut |_| Ok(()),
            observer,
        );
        drop(source);
        if let Err(error) = copied {
            // A journal of no use may stay: SQLite ignores it.
            drop(release(live));
            return self.after_failed_copy(error, observer);
        }
        let compared = self.compare(&live, observer);
        self.note(release(live), "the lock could not be released");
        match compared {
            Ok(compared) => compared.map_err(|found| self.differs(found)),
            Err(error) => self.after_failed_compare(error, observer),
        }
    }

    /// In WAL mode: readers keep their state, writers wait until the copy is committed.
    fn under_write_lock(
        &mut self,
        mut live: Database,
        source: Database,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        let place = self.place;
        let job = PageCopy { stage: Stage::Restore, subject: place.path, options: place.options };
        let (kept, content) = (&mut self.kept, &mut *self.content);
        let mut secure = |observer: &mut dyn Observer| {
            let beside = Database::open(place.path, Access::ReadOnly, place.options)?;
            *kept = content.secure(&beside, observer)?;
            Ok(())
        };
        let known = data_version(&live)?;
        let pages = source.connection();
        let copied = copy_pages(pages, live.connection_mut(), job, &mut secure, observer);
        drop(source);
        if let Err(error) = copied {
            drop(live);
            return self.after_failed_copy(error, observer);
        }
        // The copy is committed: whatever fails from here on is no failed write.
        let compared = hold_still(&live).and_then(|()| self.compare(&live, observer));
        let now = data_version(&live);
        drop(live.connection().execute_batch("COMMIT"));
        let checkpoint = live.checkpoint(CheckpointRule::Above(0));
        self.note(checkpoint.map(drop), "the WAL could not be emptied");
        drop(live);
        let compared = match compared {
            Ok(compared) => compared,
            Err(error) => return self.after_failed_compare(error, observer),
        };
        match compared {
            Ok(tables) => Ok(tables),
            Err(_) if now.is_ok_and(|now| now != known) => {
                self.follow_up.push(self.content.words().written_since.to_owned());
                Ok(self.content.tables())
            }
            Err(differences) => Err(self.differs(differences)),
        }
    }

    /// Compares what is in the file, not what is in memory.
    fn compare(
        &mut self,
        live: &Database,
        observer: &mut dyn Observer,
    ) -> Result<std::result::Result<Vec<TableRows>, Vec<String>>> {
        let words = self.content.words();
        if live.has_moved()? {
            let what = "another file, or none, has the name of the database now";
            return Ok(Err(vec![what.to_owned()]));
        }
        let compared = live
            .connection()
            .execute_batch("PRAGMA shrink_memory")
            .map_err(Error::from)
            .and_then(|()| self.content.compare(live, observer));
        compared.map_err(|error| {
            if error.kind() == ErrorKind::Interrupted {
                let what = words.interrupted;
                return Error::new(ErrorKind::Interrupted, what).leaving(DatabaseState::Done);
            }
            let what = words.not_compared;
            Error::new(words.kind, what).leaving(DatabaseState::Unknown).caused_by(error)
        })
    }

    /// An error may be reported although the change is in the file; only another look tells.
    fn after_failed_copy(
        &mut self,
        error: Error,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        let Some(kept) = self.kept.clone().filter(|_| error.kind() != ErrorKind::Busy) else {
            return Err(error);
        };
        if error.kind() == ErrorKind::Interrupted {
            return Err(error.leaving(DatabaseState::RolledBack));
        }
        match self.content.look_again(Some(&kept), observer) {
            AfterFailure::Restored(tables) => {
                self.follow_up.push(format!("an error after the write: {}", full(&error)));
                Ok(tables)
            }
            AfterFailure::Other(state) => {
                let words = self.content.words();
                Err(Error::new(words.kind, words.not_written).leaving(state).caused_by(error))
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
        match self.content.look_again(self.kept.as_deref(), observer) {
            AfterFailure::Restored(tables) => {
                self.follow_up.push(format!("the first comparison failed: {}", full(&error)));
                Ok(tables)
            }
            AfterFailure::Other(state) => Err(error.leaving(state)),
        }
    }

    fn differs(&self, differences: Vec<String>) -> Error {
        let words = self.content.words();
        Error::new(words.kind, words.differs).leaving(DatabaseState::Unknown).problems(differences)
    }

    fn note(&mut self, outcome: Result<()>, what: &str) {
        if let Err(error) = outcome {
            self.follow_up.push(format!("{what}: {}", full(&error)));
        }
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

fn leave_wal(live: &Database, place: LiveFile<'_>, observer: &mut dyn Observer) -> Result<()> {
    patiently(place.path, place.options, observer, &mut || {
        let sql = "PRAGMA main.journal_mode=DELETE";
        let mode: String = live.connection().query_row(sql, [], |row| row.get(0))?;
        if mode.eq_ignore_ascii_case("delete") {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Busy, "another program holds the database"))
    })
}

/// Gives the file the journal mode it had, if it has another one now.
fn set_journal_mode(place: LiveFile<'_>, wanted: &str) -> Result<()> {
    let live = Database::open(place.path, Access::Write, place.options)?;
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

/// Says an error with its causes, in one line.
fn full(error: &Error) -> String {
    let mut parts = vec![error.to_string()];
    parts.extend(error.causes());
    parts.join(": ")
}
