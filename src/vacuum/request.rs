//! What is asked for, and what is reported.

use std::path::{Path, PathBuf};

use crate::database::FileSize;
use crate::event::TableRows;

/// What becomes of the planner's statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statistics {
    /// They stay as they are.
    #[default]
    Keep,
    /// SQLite collects them again (<https://sqlite.org/lang_analyze.html>).
    Analyze,
}

/// Which file is to give its free pages back.
#[derive(Debug, Clone, Copy)]
pub struct VacuumRequest<'a> {
    pub database: &'a Path,
    /// The folder for the backup, and for the compact file until it is written back.
    pub folder: &'a Path,
    pub version_table: &'a str,
    /// What becomes of the planner's statistics.
    pub statistics: Statistics,
}

#[derive(Debug, Clone)]
pub struct VacuumReport {
    pub database: PathBuf,
    pub before: FileSize,
    pub after: FileSize,
    /// The backup; `None` if there was nothing to do.
    pub backup: Option<PathBuf>,
    /// Whether the statistics were collected again.
    pub analyzed: bool,
    /// The rows of every table, compared with the backup.
    pub tables: Vec<TableRows>,
    /// What could not be done afterwards, in words.
    pub follow_up: Option<String>,
}

impl VacuumReport {
    pub fn changed(&self) -> bool {
        self.backup.is_some()
    }

    /// Returns the number of rows in all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|it| it.rows).sum()
    }
}
