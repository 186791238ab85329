//! A backup that was compared with its source, and what is still found out about it while it is used.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::background_check::{self, BackgroundCheck};
use super::check::{Integrity, integrity};
use super::check_queue::CheckQueue;
use super::entry::BackupEntry;
use super::manifest::Manifest;
use super::publish::restate;
use rusqlite::ErrorCode;

use crate::btree::DbPages;
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::event::TableRows;

/// A backup that exists under its final name, is durable, and was compared with its source.
#[derive(Debug)]
pub struct VerifiedBackup {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) tables: Vec<TableRows>,
    pub(super) reader: Database,
    pub(super) seconds: (f64, f64),
    pub(super) beside: Option<BackgroundCheck<Integrity>>,
    /// What is left of the check beside for others to take.
    pub(super) pieces: Arc<CheckQueue>,
    pub(super) again: Option<BackgroundCheck<String>>,
}

impl VerifiedBackup {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the file beside the backup says.
    #[cfg(feature = "testing")]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the rows of every table, in schema order, as they were compared.
    pub fn tables(&self) -> &[TableRows] {
        &self.tables
    }

    /// Returns a connection that reads the backup and writes nothing.
    pub fn reader(&self) -> &Database {
        &self.reader
    }

    /// Returns how long the copy took, and its verification, in seconds.
    pub fn seconds(&self) -> (f64, f64) {
        self.seconds
    }

    /// Waits for the integrity check that runs beside. A backup that was promised stays, whatever is
    /// found: if it is damaged, its manifest says so from then on.
    ///
    /// SQLite reports what it cannot read at the moment as damage, too. Damage is what is found twice.
    ///
    /// # Errors
    /// [`ErrorKind::BackupDamaged`] with what was found: most likely the damage of the database, of
    /// which the backup is a copy byte for byte, see [`VerifiedBackup::attribute_damage`]; [`ErrorKind::Backup`]
    /// if it cannot be read back; [`ErrorKind::Interrupted`].
    pub fn await_check(&mut self) -> Result<()> {
        let failed = |error: Error| {
            of_copy(error).during(ErrorKind::Backup, "the backup could not be checked")
        };
        let mut helper = Helper { reader: &self.reader, pieces: &self.pieces, pages: None };
        if let Some(again) = self.again.take()
            && again.finish(&mut || helper.helps()).map_err(failed)? != self.manifest.digest
        {
            let what = "the backup changed while tables were filled from it";
            return Err(Error::new(ErrorKind::Backup, what));
        }
        let Some(beside) = self.beside.take() else { return Ok(()) };
        let options = self.reader.options();
        let found = beside.finish(&mut || helper.helps()).map_err(failed)?;
        if found.damage.is_empty() {
            return Ok(());
        }
        if background_check::check(&self.path, options, &CheckQueue::default())
            .map_err(failed)?
            .damage
            .is_empty()
        {
            let what = "the backup cannot be read back reliably";
            return Err(Error::new(ErrorKind::Backup, what).problems(found.damage));
        }
        self.manifest.damaged = true;
        // The damage is what is reported. A restore checks the backup first, whatever the manifest says.
        drop(restate(options.files.as_ref(), &self.path, &self.manifest));
        Err(Error::new(ErrorKind::BackupDamaged, "the backup is damaged").problems(found.damage))
    }

    /// Finds out whether damage that [`VerifiedBackup::await_check`] reports is that of the database, which
    /// holds again what it held: the error is then [`ErrorKind::Damaged`]. Others are returned as they are.
    pub fn attribute_damage(error: Error, source: &Database) -> Error {
        let is_corrupt =
            |it: &rusqlite::Error| it.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt);
        let unreadable = error.kind() == ErrorKind::Backup && error.sqlite_causes().any(is_corrupt);
        if error.kind() != ErrorKind::BackupDamaged && !unreadable {
            return error;
        }
        match integrity(source) {
            Ok(own) if !own.damage.is_empty() => {
                Error::new(ErrorKind::Damaged, "the database is damaged").problems(own.damage)
            }
            Err(own) if own.kind() == ErrorKind::Damaged => own,
            Ok(_) | Err(_) => error,
        }
    }

    /// Begins to read every page of the backup again. [`VerifiedBackup::await_check`] then fails unless it
    /// still holds what was compared with the database: rows that come from it cannot be proven by it.
    pub fn read_again(&mut self) {
        let job = Arc::new(background_check::digest);
        self.again = Some(BackgroundCheck::start(&self.path, self.reader.options(), job));
    }

    /// As [`VerifiedBackup::await_check`], if the check has come to its end; else it goes on.
    pub fn await_check_if_done(&mut self) -> Result<()> {
        if self.beside.as_ref().is_some_and(BackgroundCheck::is_done) {
            self.await_check()
        } else {
            Ok(())
        }
    }

    /// Closes the connection and returns the backup as an entry of the list.
    pub fn into_entry(self) -> Result<BackupEntry> {
        self.reader.close()?;
        Ok(BackupEntry {
            bytes: self.manifest.bytes,
            path: self.path,
            manifest: Some(self.manifest),
            problem: None,
        })
    }
}

/// Takes pieces of the check beside while it is waited for.
struct Helper<'b> {
    reader: &'b Database,
    pieces: &'b CheckQueue,
    pages: Option<DbPages<'b>>,
}

impl Helper<'_> {
    /// Does one piece; returns false if there is none. What fails is left to the thread that is waited for, which
    /// tells why.
    fn helps(&mut self) -> bool {
        if !self.pieces.any() {
            return false;
        }
        if self.pages.is_none() {
            self.pages = DbPages::open(self.reader.connection()).ok().flatten();
        }
        let interrupt = &self.reader.options().interrupt;
        let Some(pages) = &mut self.pages else { return false };
        self.pieces.do_one(pages, interrupt).unwrap_or(false)
    }
}

/// Reports that the copy, not the source, is at fault.
pub(super) fn of_copy(error: Error) -> Error {
    let unreadable = matches!(
        error.kind(),
        ErrorKind::Damaged
            | ErrorKind::NotADatabase
            | ErrorKind::NotAFile
            | ErrorKind::Unreadable
            | ErrorKind::DatabaseMissing
    );
    if !unreadable {
        return error;
    }
    Error::new(ErrorKind::Backup, "the backup cannot be read back").caused_by(error)
}
