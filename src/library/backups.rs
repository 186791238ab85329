//! Backups: list, make, restore.

use std::path::{Path, PathBuf};

use crate::backup::{BackupEntry, BackupLabel, Checked, Manifest, create_or_reuse, list};
use crate::database::Access;
use crate::error::Result;
use crate::event::{Observer, TableRows};
use crate::restore::{Restore, RestoreRequest, backup_request};

use super::database::Database;

/// A backup of a database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was made (RFC 3339, UTC); `None` without a readable manifest.
    pub created: Option<String>,
    /// The phase that was about to run.
    pub phase: Option<String>,
    /// The version that the database had.
    pub version: Option<i64>,
    /// Whether every row was compared with the source when it was made, and the file still has its size.
    pub verified: bool,
}

impl Backup {
    fn of(entry: BackupEntry) -> Self {
        let verified = entry.is_verified();
        let manifest = entry.manifest.as_ref();
        let created = manifest.and_then(Manifest::created).map(|it| it.to_rfc3339());
        let phase = manifest.and_then(|it| it.phase.clone());
        let version = manifest.and_then(|it| it.version);
        Self { path: entry.path, bytes: entry.bytes, created, phase, version, verified }
    }
}

/// What a restore did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Restored {
    /// The copy of the content that was replaced; `None` if SQLite could not read it.
    pub safety_backup: Option<PathBuf>,
    /// Files that were moved aside, because they were not a valid database.
    pub moved_aside: Vec<PathBuf>,
    /// The rows of every table, compared with the backup.
    pub tables: Vec<TableRows>,
    /// Something that failed after the restore, in words; the restore itself is done.
    pub follow_up: Option<String>,
}

impl Database {
    /// Lists the backups of the database, the newest first.
    ///
    /// ```
    /// # fn main() -> phaseshift::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let phases = [("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")];
    /// # let database = phaseshift::Project::embedded(&phases)?.database(folder.path().join("app.db"));
    /// # database.create()?;
    /// use phaseshift::Silent;
    ///
    /// let backup = database.back_up(&mut Silent)?;
    /// database.migrate()?;
    /// assert!(database.backups()?.iter().any(|it| it.path == backup.path));
    /// database.restore(&backup.path, &mut Silent)?;
    /// assert_eq!(database.status()?.pending, ["phase1"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the folder or a manifest cannot be read.
    pub fn backups(&self) -> Result<Vec<Backup>> {
        let engine = self.engine();
        let found = list(engine.options.files.as_ref(), &engine.backups, self.path())?;
        Ok(found.into_iter().map(Backup::of).collect())
    }

    /// Makes a backup, compares it with the database page by page, and makes it durable. A backup that holds the same is
    /// used again.
    ///
    /// # Errors
    /// [`ErrorKind::Backup`](crate::ErrorKind::Backup) if it cannot be written or differs;
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if the database is.
    pub fn back_up(&self, observer: &mut dyn Observer) -> Result<Backup> {
        let engine = self.engine();
        let source = engine.open(Access::ReadOnly)?;
        let label = BackupLabel::Manual;
        let request = backup_request(&source, &engine.versions, &engine.backups, label)?;
        let made = create_or_reuse(&source, &request, Checked::First, observer)?.into_entry()?;
        source.close()?;
        Ok(Backup::of(made))
    }

    /// Verifies a backup and restores it. The present content is kept as a backup first; the database then holds the
    /// old content or the new one, whatever happens.
    ///
    /// # Errors
    /// [`ErrorKind::BackupDamaged`](crate::ErrorKind::BackupDamaged) if the backup is not whole;
    /// [`ErrorKind::Restore`](crate::ErrorKind::Restore); [`ErrorKind::Busy`](crate::ErrorKind::Busy).
    pub fn restore(
        &self,
        backup: impl AsRef<Path>,
        observer: &mut dyn Observer,
    ) -> Result<Restored> {
        let engine = self.engine();
        let entry = BackupEntry::at(engine.options.files.as_ref(), backup.as_ref())?;
        let request = RestoreRequest {
            database: self.path(),
            backup: &entry,
            folder: &engine.backups,
            version_table: engine.versions.version_table(),
        };
        let report = Restore::prepare(&request, &engine.options, observer)?.run(observer)?;
        Ok(Restored {
            safety_backup: report.safety_backup,
            moved_aside: report.moved_aside,
            tables: report.tables,
            follow_up: report.follow_up,
        })
    }
}
