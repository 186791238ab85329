//! Using a backup again that holds exactly what the database holds, so that a program that fails at every start does
//! not fill the disk.
//!
//! Equal is what was compared now, byte for byte, never what a name, a time or a manifest says.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::background_check::{self, BackgroundCheck};
use super::check_queue::CheckQueue;
use super::create::{Checked, create_checked, of_backup};
use super::entry::{BackupEntry, list};
use super::job::{BackupRequest, Job};
use super::manifest::{BackupKind, Manifest};
use super::name::BackupLabel;
use super::pages::{Pages, compare_pages};
use super::part::{folder_of, has_sidecar, stat_of};
use super::verified::{VerifiedBackup, of_copy};
use crate::btree::ReadTransaction;
use crate::database::{Access, Database};
use crate::error::{ErrorKind, Result};
use crate::event::{Event, Observer, Stage, TableRows};
use crate::rows::count_rows;
use crate::schema;

/// As [`create_checked`], unless the newest backup that may stand for the one asked for already holds every byte that
/// the database holds: then that one is used again.
pub fn create_or_reuse(
    source: &Database,
    request: &BackupRequest<'_>,
    checked: Checked,
    observer: &mut dyn Observer,
) -> Result<VerifiedBackup> {
    match reuse(source, request, checked, observer) {
        Ok(Some(backup)) => Ok(backup),
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            Err(of_backup(error, source.path()))
        }
        // What keeps a backup from being used again is no reason not to make one.
        Ok(None) | Err(_) => create_checked(source, request, checked, observer),
    }
}

fn reuse(
    source: &Database,
    request: &BackupRequest<'_>,
    checked: Checked,
    observer: &mut dyn Observer,
) -> Result<Option<VerifiedBackup>> {
    let job = Job::new(source, request)?;
    let Some(entry) = job.candidate()? else { return Ok(None) };
    let Some(manifest) = entry.manifest.filter(|_| job.may_stand(&entry.path)) else {
        return Ok(None);
    };
    let started = Instant::now();
    let path = entry.path;
    let tables = {
        let _snapshot = ReadTransaction::begin(source.connection())?;
        if !job.holds_the_same(&path, &manifest, observer)? {
            return Ok(None);
        }
        job.read_again(&path, checked)?
    };
    if tables != manifest.table_rows() {
        return Ok(None);
    }
    job.remove_leftovers();
    // The run that made it may have been killed before its name was durable.
    let folder = folder_of(&path);
    job.files.make_durable(folder)?;
    job.files.promised(&format!("backup {}", path.display()));
    let reader = Database::open(&path, Access::ReadOnly, source.options())?;
    observer.event(&Event::BackupReused { path: path.clone(), bytes: manifest.bytes });
    observer.event(&Event::BackupVerified { path: path.clone(), tables: tables.clone() });
    let pieces = Arc::new(CheckQueue::default());
    // Its check may not have come to its end then.
    let start = || {
        BackgroundCheck::start(
            &path,
            source.options(),
            background_check::check_in_pieces(false, &pieces),
        )
    };
    let beside = (checked != Checked::First).then(start);
    let seconds = (0.0, started.elapsed().as_secs_f64());
    Ok(Some(VerifiedBackup {
        path,
        manifest,
        tables,
        reader,
        seconds,
        beside,
        pieces,
        again: None,
    }))
}

impl Job<'_> {
    /// Returns the newest of the verified backups from which `restore --latest` would choose, or that are of the same
    /// kind: an older one would be behind those that it should come before.
    fn candidate(&self) -> Result<Option<BackupEntry>> {
        let asked = self.request.label.kind();
        let entries = list(self.files, self.request.folder, self.source.path())?;
        let rivals = |kind: BackupKind| match asked.is_restored_by_latest() {
            true => kind.is_restored_by_latest(),
            false => kind == asked,
        };
        let mut verified = entries.into_iter().filter(BackupEntry::is_verified);
        let newest = verified.find(|entry| entry.kind().is_some_and(rivals));
        Ok(newest.filter(|entry| self.serves(entry)))
    }

    /// Returns whether a backup would be found where the one asked for is looked for.
    fn serves(&self, entry: &BackupEntry) -> bool {
        match &self.request.label {
            // By the history, which names the backup of each phase.
            BackupLabel::Before(_) | BackupLabel::BeforeUndo(_) | BackupLabel::BeforeStamp(_) => {
                true
            }
            // By the name that a person chose, and one with a name is kept longer.
            BackupLabel::Named(_) | BackupLabel::Manual => {
                entry.kind() == Some(self.request.label.kind())
                    && self.names.match_label(&entry.path)
            }
            BackupLabel::BeforeRestore | BackupLabel::BeforeOptimize => true,
        }
    }

    /// Returns whether a file is one of its own, in this folder, that others may not read or write unless they may
    /// read or write the database.
    fn may_stand(&self, path: &Path) -> bool {
        let is_here = || {
            let folder = self.files.canonical(self.request.folder).ok()?;
            let real = self.files.canonical(path).ok()?;
            Some(real == folder.join(path.file_name()?))
        };
        let stats = stat_of(self.files, path).ok().flatten();
        let stats = stats.zip(stat_of(self.files, self.source.path()).ok().flatten());
        stats.is_some_and(|(backup, source)| {
            let is_itself = (backup.device, backup.inode) == (source.device, source.inode);
            let others = (source.mode & 0o007) << 3;
            let allowed = match backup.group == source.group {
                true => source.mode,
                false => source.mode & (0o707 | others),
            };
            !is_itself && backup.links <= 1 && backup.mode & 0o777 & !allowed == 0
        }) && is_here() == Some(true)
            && has_sidecar(self.files, path).is_ok_and(|beside| !beside)
    }

    /// Compares every byte with the database; what the file holds must still be what was verified, too.
    fn holds_the_same(
        &self,
        path: &Path,
        manifest: &Manifest,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        let connection = self.source.connection();
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        if u64::try_from(bytes).ok() != Some(manifest.bytes) {
            return Ok(false);
        }
        let total = manifest.bytes;
        let mut progress = |done: u64| {
            let (stage, subject) = (Stage::VerifyBackup, path.display().to_string());
            observer.event(&Event::Progress { stage, subject, done, total });
        };
        let found = compare_pages(connection, path, self.source.options(), &mut progress)?;
        Ok(matches!(found, Pages::Equal(it) if it.text == manifest.digest && it.bytes == total))
    }

    /// Opens a copy whose bytes were compared, checks what does not have to wait, and counts its rows.
    pub(super) fn read_again(&self, path: &Path, checked: Checked) -> Result<Vec<TableRows>> {
        let copy =
            Database::open(path, Access::ReadOnly, self.source.options()).map_err(of_copy)?;
        if checked == Checked::First {
            self.check_integrity(&copy)?;
        }
        let mut tables = Vec::new();
        for object in schema::read_objects(copy.connection()).map_err(of_copy)?.stored_tables() {
            let rows = count_rows(copy.connection(), &object.name).map_err(of_copy)?;
            tables.push(TableRows { table: object.name.clone(), rows });
        }
        self.compare_properties(&copy)?;
        copy.close()?;
        Ok(tables)
    }
}
