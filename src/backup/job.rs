//! What a backup is to be, and the names that it may get.

use std::path::Path;

use chrono::{DateTime, FixedOffset};

use super::name::{BackupLabel, Names, manifest_of};
use super::part::{has_sidecar, stat_of};
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;

/// What a backup is to be called and what its manifest says.
#[derive(Debug, Clone)]
pub struct BackupRequest<'a> {
    /// The folder for the backup; it is created if it is missing.
    pub folder: &'a Path,
    pub label: BackupLabel,
    /// The phase that is about to run.
    pub phase: Option<String>,
    /// The version the database has now.
    pub version: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) source: &'a Database,
    pub(super) request: &'a BackupRequest<'a>,
    pub(super) files: &'a dyn Files,
    pub(super) names: Names,
    pub(super) now: DateTime<FixedOffset>,
}

impl<'a> Job<'a> {
    pub(super) fn new(source: &'a Database, request: &'a BackupRequest<'a>) -> Result<Self> {
        let files = source.options().files.as_ref();
        let now = files.now();
        let names = Names::new(request.folder, source.path(), &request.label, now)?;
        Ok(Self { source, request, files, names, now })
    }

    /// Returns whether a backup of this name, its manifest, or a journal that SQLite would take for that of the
    /// backup is there.
    pub(super) fn is_taken(&self, path: &Path) -> Result<bool> {
        Ok(stat_of(self.files, path)?.is_some()
            || stat_of(self.files, &manifest_of(path))?.is_some()
            || has_sidecar(self.files, path)?)
    }

    pub(super) fn no_name(&self) -> Error {
        let folder = self.request.folder.display();
        Error::new(ErrorKind::Backup, format!("no name for the backup is free in {folder}"))
    }
}
