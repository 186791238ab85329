//! A database in memory in which statements are tried, with limits on their time and memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;

use super::open::{Database, OpenOptions, STEPS};
use crate::error::{Error, Result};

/// How much time and memory statements may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The time, from now on.
    pub time: Duration,
    /// The size of the database in bytes.
    pub bytes: u64,
}

/// A database in memory that stops its statements at its limits.
#[derive(Debug)]
pub struct Sandbox {
    database: Database,
    limits: Limits,
    late: Arc<AtomicBool>,
}

impl Sandbox {
    /// Makes an empty one; messages name the file that it stands for.
    pub fn new(path: &Path, options: &OpenOptions, limits: Limits) -> Result<Self> {
        let mut database = Database::in_memory(path, options)?;
        let (late, interrupt) = (Arc::new(AtomicBool::new(false)), options.interrupt.clone());
        let (end, found) = (Instant::now() + limits.time, Arc::clone(&late));
        let handler = move || {
            let over = Instant::now() >= end;
            found.fetch_or(over, Ordering::SeqCst);
            over || interrupt.requested()
        };
        database.connection_mut().progress_handler(i32::from(STEPS), Some(handler))?;
        Ok(Self { database, limits, late })
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Returns the database for calls that must own it.
    pub fn database_mut(&mut self) -> &mut Database {
        &mut self.database
    }

    /// Sets the limit of the size, which SQLite counts in pages: only a database that has pages knows their size
    /// (<https://sqlite.org/pragma.html#pragma_max_page_count>).
    pub fn limit_size(&self) -> Result<()> {
        let connection = self.database.connection();
        let size: u32 = connection.query_row("PRAGMA main.page_size", [], |row| row.get(0))?;
        let pages = self.limits.bytes / u64::from(size.max(1));
        let sql = format!("PRAGMA main.max_page_count={pages}");
        Ok(connection.query_row(&sql, [], |_| Ok(()))?)
    }

    /// Returns whether an error says that a limit of this database, or of the machine, was reached.
    pub fn gave_up(&self, error: &Error) -> bool {
        self.late.load(Ordering::SeqCst) || is_about_space(error)
    }
}

/// Returns whether memory or space ran out anywhere in the causes of an error.
fn is_about_space(error: &Error) -> bool {
    error.sqlite_causes().any(|cause| {
        matches!(
            cause.sqlite_error_code(),
            Some(ErrorCode::OutOfMemory | ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Interrupt;
    use crate::files::RealFiles;

    fn sandbox(time: Duration, bytes: u64) -> Sandbox {
        let interrupt = Interrupt::default();
        let options = OpenOptions { files: Arc::new(RealFiles), wait: time, interrupt };
        let sandbox = Sandbox::new(Path::new("x.db"), &options, Limits { time, bytes }).unwrap();
        sandbox.database().connection().execute_batch("CREATE TABLE t(a)").unwrap();
        sandbox.limit_size().unwrap();
        sandbox
    }

    const ENDLESS: &str = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n)
        INSERT INTO t SELECT zeroblob(1000) FROM n";

    #[test]
    fn a_statement_without_end_stops_at_either_limit() {
        let second = Duration::from_secs(1);
        let by_size = sandbox(second * 600, 1_000_000);
        let error = by_size.database().connection().execute_batch(ENDLESS).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
        assert!(by_size.gave_up(&Error::from(error)));
        let by_time = sandbox(second / 10, 1 << 40);
        let error = by_time.database().connection().execute_batch(ENDLESS).unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::OperationInterrupted));
        assert!(by_time.gave_up(&Error::from(error)));
    }

    #[test]
    fn any_other_error_is_none_of_the_limits() {
        let sandbox = sandbox(Duration::from_secs(600), 1 << 30);
        let error = sandbox.database().connection().execute_batch("SELECT * FROM u").unwrap_err();
        assert!(!sandbox.gave_up(&Error::from(error)));
    }
}
