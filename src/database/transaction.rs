//! The one write transaction of a run: begun with the lock, ended by commit or rollback.

use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;

use super::open::Database;
use super::settings::require;
use crate::error::{DatabaseState, Error, ErrorKind, Result};

impl Database {
    /// Frees the unchanged pages in SQLite's cache, so that they are read from the file again: a program that
    /// writes into the file without SQLite moves no counter by which SQLite notices a change
    /// (<https://sqlite.org/pragma.html#pragma_shrink_memory>).
    pub fn forget_cached_pages(&self) -> Result<()> {
        Ok(self.connection().execute_batch("PRAGMA shrink_memory")?)
    }
}

/// How long a commit waits for readers at least.
const AT_LEAST: Duration = Duration::from_secs(5);

/// A write transaction that rolls back unless it is committed: dropping the connection rolls back.
///
/// Foreign keys are off in it, asserted before it begins: inside a transaction the pragma does
/// nothing (<https://sqlite.org/pragma.html#pragma_foreign_keys>).
#[derive(Debug)]
pub struct WriteTransaction {
    database: Database,
}

impl WriteTransaction {
    /// Takes the write lock.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if another program holds it longer than the wait;
    /// [`ErrorKind::ReadOnly`] if the file cannot be written.
    pub fn begin(database: Database) -> Result<Self> {
        require(database.connection(), "foreign_keys", 0)?;
        // What is read under the lock comes from the file as it is now.
        database.forget_cached_pages()?;
        database.connection().execute_batch("BEGIN IMMEDIATE")?;
        let transaction = Self { database };
        // BEGIN IMMEDIATE succeeds in a read-only folder and on a file of a future write
        // version; only a write tells. Writing the number it has already changes nothing.
        transaction.probe()?;
        Ok(transaction)
    }

    fn probe(&self) -> Result<()> {
        let connection = self.database.connection();
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        connection.execute_batch(&format!("PRAGMA user_version={version}"))?;
        Ok(())
    }

    /// Gives the database back with the transaction open; [`WriteTransaction::resume`] takes it up
    /// again. Dropping the database rolls back.
    pub fn into_database(self) -> Database {
        self.database
    }

    /// Takes up a transaction that [`WriteTransaction::begin`] began.
    pub fn resume(database: Database) -> Self {
        Self { database }
    }

    /// Returns the database under the transaction.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Commits, trying again for as long as readers keep the file busy, up to the wait.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] and [`ErrorKind::FileChanged`] (rolled back), or [`ErrorKind::Commit`], whose state is
    /// unknown if only another look at the file can tell.
    pub fn commit(self) -> Result<Database> {
        // SQLite looks only before the first write whether the file still has its name.
        if self.database.has_moved()? {
            return Err(moved(ErrorKind::FileChanged).leaving(DatabaseState::RolledBack));
        }
        let (begun, wait) = (Instant::now(), self.database.options().wait.max(AT_LEAST));
        loop {
            let interrupted = self.database.options().interrupt.check();
            interrupted.map_err(|error| error.leaving(DatabaseState::RolledBack))?;
            match self.database.connection().execute_batch("COMMIT") {
                Ok(()) => break,
                Err(error) if is_busy(&error) && begun.elapsed() < wait => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) if is_busy(&error) => {
                    return Err(Error::from(error).leaving(DatabaseState::RolledBack));
                }
                Err(error) => return Err(self.after_failed_commit(error)),
            }
        }
        if self.database.has_moved().is_ok_and(|moved| moved) {
            return Err(moved(ErrorKind::Commit).leaving(DatabaseState::Unknown));
        }
        let connection = self.database.connection();
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
            .map_err(|error| Error::from(error).leaving(DatabaseState::Done))?;
        Ok(self.database)
    }

    /// Says what a failed COMMIT left behind. Without an open transaction SQLite has ended it;
    /// whether it counts is known only from another look at the file.
    fn after_failed_commit(&self, error: rusqlite::Error) -> Error {
        let still_open = !self.database.connection().is_autocommit();
        if still_open && is_interrupt(&error) {
            // The request came before the first step of COMMIT.
            return Error::from(error).leaving(DatabaseState::RolledBack);
        }
        let state = if still_open { DatabaseState::RolledBack } else { DatabaseState::Unknown };
        Error::new(ErrorKind::Commit, "the commit failed").leaving(state).caused_by(error)
    }

    /// Rolls back and gives the database back.
    ///
    /// # Errors
    /// Whatever SQLite reports; the transaction is then rolled back when the file is next opened.
    pub fn rollback(self) -> Result<Database> {
        for _ in 0..ROLLBACKS {
            if self.database.connection().is_autocommit() {
                break;
            }
            match self.database.connection().execute_batch("ROLLBACK") {
                // The request to stop may hit the very statement that obeys it.
                Err(error) if is_interrupt(&error) => {}
                other => other?,
            }
        }
        Ok(self.database)
    }
}

fn moved(kind: ErrorKind) -> Error {
    Error::new(kind, "another file, or none, has the name of the database now")
}

/// How often ROLLBACK is tried while it is interrupted; without it the end of the connection rolls back.
const ROLLBACKS: u32 = 10;

fn is_interrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
