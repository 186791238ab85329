//! Checkpoints: moving what a commit left in the WAL into the database file.

use std::time::Duration;

use super::holders::{Holder, Holding, holders};
use super::open::Database;
use super::permissions::beside;
use crate::error::{Result, file_error};

/// When the WAL is checkpointed after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointRule {
    /// Only when SQLite does it by itself.
    Never,
    /// If the WAL is larger than this, in bytes.
    Above(u64),
}

impl Default for CheckpointRule {
    fn default() -> Self {
        Self::Above(64 << 20)
    }
}

/// What became of a WAL that was larger than the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The bytes of the WAL after the commit.
    pub before: u64,
    /// The bytes that it has now.
    pub after: u64,
    /// What kept it from being truncated, if it was not.
    pub blocked_by: Option<CheckpointBlocker>,
}

/// What keeps a WAL from being truncated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointBlocker {
    /// Litestream replicates the database and decides about checkpoints.
    Litestream,
    /// Other programs read or write; empty if the system does not name them.
    InUse(Vec<Holder>),
}

impl Database {
    /// Checkpoints a WAL that is larger than the rule allows, and truncates it unless another program needs it.
    ///
    /// It waits for no lock, and the connection no longer does so: it is to be closed next. Pages are moved without
    /// the write lock (`PASSIVE`). Only the truncation takes that lock; SQLite refuses it while another connection
    /// reads from the WAL (<https://sqlite.org/c3ref/wal_checkpoint_v2.html>).
    ///
    /// # Errors
    /// Whatever SQLite reports; [`crate::ErrorKind::Io`] if the WAL cannot be looked at.
    pub fn checkpoint(&self, rule: CheckpointRule) -> Result<Option<Checkpoint>> {
        let CheckpointRule::Above(limit) = rule else { return Ok(None) };
        let before = self.wal_bytes()?;
        if before <= limit {
            return Ok(None);
        }
        if self.is_replicated()? {
            return Ok(Some(Checkpoint {
                before,
                after: before,
                blocked_by: Some(CheckpointBlocker::Litestream),
            }));
        }
        let connection = self.connection();
        connection.busy_timeout(Duration::ZERO)?;
        let run = |mode: &str| {
            connection.query_row(&format!("PRAGMA main.wal_checkpoint({mode})"), [], |row| {
                let (busy, frames, moved): (bool, i64, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(!busy && frames == moved)
            })
        };
        let truncated = run("PASSIVE")? && run("TRUNCATE")?;
        let blocked_by = (!truncated).then(|| CheckpointBlocker::InUse(self.users()));
        Ok(Some(Checkpoint { before, after: self.wal_bytes()?, blocked_by }))
    }

    fn wal_bytes(&self) -> Result<u64> {
        let wal = beside(self.path(), "-wal");
        let stat = self.options().files.stat(&wal);
        let stat = stat.map_err(|error| file_error("look at", &wal, error))?;
        Ok(stat.map_or(0, |stat| stat.bytes))
    }

    /// Returns whether Litestream has replicated the file. A WAL that another program truncates makes it upload the
    /// whole database again (<https://litestream.io/how-it-works/>). It gives up its read lock at times, so that its
    /// tables tell and not its locks.
    fn is_replicated(&self) -> Result<bool> {
        let sql = "SELECT count(*) FROM main.sqlite_schema \
                   WHERE type = 'table' AND name IN ('_litestream_lock', '_litestream_seq')";
        Ok(self.connection().query_row(sql, [], |row| row.get::<_, i64>(0))? > 0)
    }

    /// The programs that read or write now.
    fn users(&self) -> Vec<Holder> {
        let mut holders = holders(self.path(), self.options().files.as_ref());
        holders.retain(|holder| holder.how != Holding::Open);
        holders
    }
}
