//! Letting the disk take in the journal of a large transaction while SQLite still writes it.
//!
//! Before SQLite overwrites pages that do not fit into its cache, it syncs the journal that holds the old ones
//! (<https://sqlite.org/atomiccommit.html>, section 3.7), and waits. The less is left to write, the shorter. SQLite's
//! own syncs follow anyway; but an error that the system has reported once counts, because it may not report it twice.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::open::Database;
use super::permissions::beside;
use crate::error::{Result, file_error};
use crate::files::Files;

/// Smaller files do not outgrow the cache by so much that it is worth a thread.
const LARGE: u64 = 8 << 20;

/// How much may be written before it is synced.
const PORTION: u64 = 4 << 20;

/// How often is looked at how much was written.
const PAUSE: Duration = Duration::from_millis(2);

/// Syncs what a transaction writes beside the database, until it is dropped.
#[derive(Debug)]
#[must_use = "nothing is synced any more when it is dropped"]
pub struct Writeback {
    path: PathBuf,
    stop: Option<Sender<()>>,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl Writeback {
    /// Begins, if the file is large, on a thread of its own. The journal or the WAL may be opened and closed beside
    /// SQLite: unlike the database and the shared memory, they bear no locks
    /// (<https://sqlite.org/howtocorrupt.html>, section 2.2).
    ///
    /// A file system that stands in for the real one is used by one thread at a time: nothing is done there.
    pub fn begin(database: &Database) -> Result<Self> {
        let none = Self { path: PathBuf::new(), stop: None, running: None };
        let files = &database.options().files;
        let bytes = files.stat(database.path()).ok().flatten().map_or(0, |stat| stat.bytes);
        if files.vfs().is_some() || bytes < LARGE {
            return Ok(none);
        }
        let mode: String =
            database.connection().query_row("PRAGMA main.journal_mode", [], |row| row.get(0))?;
        let suffix = if mode.eq_ignore_ascii_case("wal") { "-wal" } else { "-journal" };
        let (path, files) = (beside(database.path(), suffix), Arc::clone(files));
        let place = path.clone();
        let (stop, stopped) = channel();
        let work = move || {
            let mut synced = 0;
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                synced = sync_if_grown(files.as_ref(), &place, synced)?;
            }
            Ok(())
        };
        match Builder::new().name("writeback".to_owned()).spawn(work) {
            Ok(running) => Ok(Self { path, stop: Some(stop), running: Some(running) }),
            Err(_) => Ok(none),
        }
    }

    /// Ends it. Nothing may be committed before.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io), [`ErrorKind::NoSpace`](crate::error::ErrorKind::NoSpace): the system could not write the journal.
    pub fn finish(mut self) -> Result<()> {
        self.end().map_err(|error| file_error("sync", &self.path, error))
    }

    fn end(&mut self) -> io::Result<()> {
        drop(self.stop.take());
        let Some(running) = self.running.take() else { return Ok(()) };
        running.join().unwrap_or_else(|_| Err(io::Error::other("the thread did not end")))
    }
}

/// Returns how much is on the disk.
fn sync_if_grown(files: &dyn Files, path: &Path, synced: u64) -> io::Result<u64> {
    let Some(stat) = files.stat(path)? else { return Ok(0) };
    if stat.bytes < synced + PORTION {
        // A journal that became shorter begins again.
        return Ok(synced.min(stat.bytes));
    }
    match files.sync_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        synced => synced.map(|()| stat.bytes),
    }
}

impl Drop for Writeback {
    fn drop(&mut self) {
        // A caller that does not finish it has another error to report, and rolls back.
        drop(self.end());
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests")]
mod tests {
    use super::*;
    use crate::database::{Access, OpenOptions, WriteTransaction};
    use crate::event::Interrupt;
    use rusqlite::Connection;

    #[test]
    fn what_grows_is_synced_by_portions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.db-journal");
        let files = crate::files::RealFiles;
        assert_eq!(sync_if_grown(&files, &path, 7).unwrap(), 0, "there is none");
        let grown = |bytes: u64| {
            let file = std::fs::File::create(&path).unwrap();
            file.set_len(bytes).unwrap();
        };
        grown(PORTION - 1);
        assert_eq!(sync_if_grown(&files, &path, 0).unwrap(), 0);
        grown(PORTION);
        assert_eq!(sync_if_grown(&files, &path, 0).unwrap(), PORTION);
        grown(1);
        assert_eq!(sync_if_grown(&files, &path, PORTION).unwrap(), 1, "it began anew");
    }

    #[test]
    fn a_transaction_is_rolled_back_and_committed_as_without() {
        let files = Arc::new(crate::files::RealFiles);
        let options = OpenOptions { files, wait: Duration::ZERO, interrupt: Interrupt::default() };
        for mode in ["delete", "wal"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file.db");
            let made = Connection::open(&path).unwrap();
            made.execute_batch(&format!(
                "PRAGMA journal_mode={mode}; CREATE TABLE t(a, b);
                 WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 12000)
                 INSERT INTO t SELECT v, randomblob(1000) FROM n"
            ))
            .unwrap();
            made.close().unwrap();
            for (commits, expected) in [(false, 0), (true, 12_000)] {
                let database = Database::open(&path, Access::Write, &options).unwrap();
                let transaction = WriteTransaction::begin(database).unwrap();
                let writeback = Writeback::begin(transaction.database()).unwrap();
                assert!(writeback.running.is_some());
                let connection = transaction.database().connection();
                connection.execute_batch("UPDATE t SET a = -a, b = randomblob(1000)").unwrap();
                writeback.finish().unwrap();
                let done = if commits { transaction.commit() } else { transaction.rollback() };
                done.unwrap().close().unwrap();
                let other = Connection::open(&path).unwrap();
                let found: i64 = other
                    .query_row("SELECT count(*) FROM t WHERE a < 0", [], |row| row.get(0))
                    .unwrap();
                assert_eq!(found, expected, "{mode}");
            }
        }
    }
}
