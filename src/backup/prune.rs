//! Removing old backups, and never the last one that is known to be whole.

use chrono::{DateTime, FixedOffset, TimeDelta};

use super::entry::BackupEntry;
use super::name::manifest_of;
use super::part::folder_of;
use super::verify::digest;
use crate::database::OpenOptions;
use crate::error::{Result, file_error};
use crate::files::Files;

/// Which backups stay. A backup stays if any rule that is given keeps it; without a rule, all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// So many of the newest.
    pub keep: Option<usize>,
    /// Those made within so many days.
    pub keep_days: Option<u32>,
}

impl Retention {
    fn keeps(&self, place: usize, entry: &BackupEntry, now: DateTime<FixedOffset>) -> bool {
        let Self { keep, keep_days } = *self;
        if keep.is_none() && keep_days.is_none() {
            return true;
        }
        let by_count = keep.is_some_and(|keep| place < keep);
        let by_age = keep_days.is_some_and(|days| {
            let created = entry.manifest.as_ref().and_then(super::Manifest::created);
            // A time that cannot be read or lies ahead is no reason to delete.
            created.is_none_or(|created| now - created <= TimeDelta::days(i64::from(days)))
        });
        by_count || by_age
    }
}

/// Whether backups are removed or only named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneMode {
    /// Nothing is removed.
    DryRun,
    /// Backups and their manifests are removed.
    Remove,
}

/// What pruning did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// The backups that no rule keeps, newest first.
    pub removed: Vec<BackupEntry>,
    /// A backup that no rule keeps and that stays, because it is the newest that is whole.
    pub spared: Option<BackupEntry>,
    /// Newer ones whose bytes no longer are what was verified.
    pub damaged: Vec<BackupEntry>,
}

/// Removes the backups that no rule keeps, and says which.
///
/// `entries` is what [`list`](super::list) returned. Only verified backups are removed, never files
/// of unknown origin, and never the newest one whose bytes still are what its manifest says: they
/// are read to find it, so no connection of this process may have a backup open.
///
/// # Errors
/// [`crate::ErrorKind::Io`] or [`crate::ErrorKind::ReadOnly`] if a file cannot be read or removed;
/// what was removed before that stays removed.
pub fn prune(
    entries: &[BackupEntry],
    retention: Retention,
    options: &OpenOptions,
    mode: PruneMode,
) -> Result<Pruned> {
    let now = options.files.now();
    let verified: Vec<&BackupEntry> = entries.iter().filter(|it| it.is_verified()).collect();
    let mut doomed: Vec<&BackupEntry> = verified
        .iter()
        .enumerate()
        .filter(|(place, entry)| !retention.keeps(*place, entry, now))
        .map(|(_, entry)| *entry)
        .collect();
    if doomed.is_empty() {
        return Ok(Pruned::default());
    }
    let (newest_whole, damaged) = newest_whole(&verified, options)?;
    let is_newest = |entry: &BackupEntry| newest_whole.is_some_and(|it| it.path == entry.path);
    let spared = doomed.iter().find(|entry| is_newest(entry)).map(|entry| (*entry).clone());
    doomed.retain(|entry| newest_whole.is_some() && !is_newest(entry));
    if mode == PruneMode::Remove {
        for entry in &doomed {
            remove(options.files.as_ref(), entry)?;
        }
    }
    let removed = doomed.into_iter().cloned().collect();
    Ok(Pruned { removed, spared, damaged: damaged.into_iter().cloned().collect() })
}

/// Finds the newest backup whose bytes are those that were verified, and those that no longer are
/// on the way.
fn newest_whole<'e>(
    verified: &[&'e BackupEntry],
    options: &OpenOptions,
) -> Result<(Option<&'e BackupEntry>, Vec<&'e BackupEntry>)> {
    let mut damaged = Vec::new();
    for entry in verified {
        let found = digest(&entry.path, options, &mut |_| {})?;
        if entry.manifest.as_ref().is_some_and(|manifest| manifest.digest == found.text) {
            return Ok((Some(entry), damaged));
        }
        damaged.push(*entry);
    }
    Ok((None, damaged))
}

/// Removes the backup first: a manifest without a backup promises nothing.
fn remove(files: &dyn Files, entry: &BackupEntry) -> Result<()> {
    for path in [&entry.path, &manifest_of(&entry.path)] {
        files.remove(path).map_err(|error| file_error("remove", path, error))?;
    }
    let folder = folder_of(&entry.path);
    files.sync_folder(folder).map_err(|error| file_error("sync", folder, error))
}
