//! What each way of restoring did.

use std::path::PathBuf;

use crate::event::TableRows;

/// How the backup came into the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreMethod {
    /// SQLite wrote it into the file, in one transaction.
    Write,
    /// The file was moved aside and a copy of the backup took its name.
    Replace,
    /// There was no file; a copy of the backup took the name.
    Create,
}

/// What one of the ways did.
pub(super) struct RestoreOutcome {
    pub(super) safety_backup: Option<PathBuf>,
    pub(super) moved_aside: Vec<PathBuf>,
    pub(super) tables: Vec<TableRows>,
    pub(super) method: RestoreMethod,
    pub(super) follow_up: Vec<String>,
}
