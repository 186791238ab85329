//! Removing old backups, and never the last one that is known to be whole or that undoes an applied phase.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, TimeDelta};

use super::entry::BackupEntry;
use super::manifest::{BackupKind, Manifest};
use super::name::manifest_of;
use super::part::folder_of;
use super::verify::digest;
use crate::database::OpenOptions;
use crate::error::Result;
use crate::files::Files;

/// Which backups stay by number and age. A backup stays if either rule keeps it; without a rule, all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The number of the newest backups of each kind that stay.
    pub keep: Option<usize>,
    /// The number of days for which a backup stays.
    pub keep_days: Option<u32>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: Some(10), keep_days: Some(7) }
    }
}

impl Retention {
    fn keeps(
        self,
        place: usize,
        entry: &BackupEntry,
        now: DateTime<FixedOffset>,
    ) -> Option<KeptBecause> {
        let Self { keep, keep_days } = self;
        if keep.is_none() && keep_days.is_none() {
            return Some(KeptBecause::NoRule);
        }
        if let Some(keep) = keep.filter(|keep| place < *keep) {
            return Some(KeptBecause::Newest { keep });
        }
        let days = keep_days?;
        let created = entry.manifest.as_ref().and_then(Manifest::created);
        // A time that cannot be read or lies ahead is no reason to delete.
        let young = created.is_none_or(|created| now - created <= TimeDelta::days(i64::from(days)));
        young.then_some(KeptBecause::Young { days })
    }
}

/// An applied phase, and the backup from before the run that applied it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedPhase {
    pub phase: String,
    /// The backup that the history of the database names.
    pub backup: Option<PathBuf>,
}

impl AppliedPhase {
    /// Returns the backup from before the last run that applied the phase. `entries` are the backups of the
    /// database, newest first.
    pub fn find<'e>(&self, entries: &'e [BackupEntry]) -> Option<&'e BackupEntry> {
        // The folder may have been moved since.
        let name = self.backup.as_deref().and_then(Path::file_name);
        let recorded = entries.iter().find(|it| name.is_some() && it.path.file_name() == name);
        recorded.filter(|it| it.manifest.is_some()).or_else(|| {
            entries.iter().find(|it| {
                let phase = it.manifest.as_ref().and_then(|it| it.phase.as_deref());
                it.is_verified()
                    && it.kind() == Some(BackupKind::BeforePhase)
                    && phase == Some(&*self.phase)
            })
        })
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Rules<'r> {
    /// By number and age.
    pub retention: Retention,
    /// The phases that are applied: the backup from before each of them stays.
    pub applied: &'r [AppliedPhase],
    /// A backup that was compared with the database just now: it is whole.
    pub whole: Option<&'r Path>,
}

/// Whether backups are removed or only named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneMode {
    /// Nothing is removed.
    DryRun,
    /// Backups and their manifests are removed.
    Remove,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptBecause {
    /// It is from before the run that applied this phase, which still is applied.
    BeforeApplied(String),
    /// A person gave it a name.
    Named,
    /// It is one of the newest of its kind.
    Newest {
        /// How many of each kind stay.
        keep: usize,
    },
    /// It is not old enough.
    Young {
        /// For how many days backups stay.
        days: u32,
    },
    /// It is the newest that is whole.
    LastWhole,
    /// It is not verified: what it is worth has to be judged by a person.
    NotVerified,
    /// No whole backup was found.
    NoneWhole,
    /// There is no rule by which any would be removed.
    NoRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBackup {
    pub entry: BackupEntry,
    pub because: KeptBecause,
}

/// What pruning did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// The backups that no rule keeps, newest first.
    pub removed: Vec<BackupEntry>,
    /// The backups that stay, newest first.
    pub kept: Vec<KeptBackup>,
    /// Newer ones whose bytes no longer are what was verified.
    pub damaged: Vec<BackupEntry>,
}

impl Pruned {
    /// Returns how many bytes the removed backups take.
    pub fn bytes_freed(&self) -> u64 {
        self.removed.iter().map(|entry| entry.bytes).sum()
    }
}

/// Removes the backups that no rule keeps, and says which.
///
/// `entries` is what [`list`](super::list()) returned. Only verified backups are removed, never files
/// of unknown origin, one that a person named, the one from before an applied phase, or the newest one whose bytes
/// still are what its manifest says: they are read to find it, so no connection of this process may have a backup
/// open.
///
/// # Errors
/// [`crate::ErrorKind::Io`] or [`crate::ErrorKind::ReadOnly`] if a file cannot be read or removed;
/// what was removed before that stays removed.
pub fn prune(
    entries: &[BackupEntry],
    rules: &Rules<'_>,
    options: &OpenOptions,
    mode: PruneMode,
) -> Result<Pruned> {
    let mut reasons = rules.reasons(entries, options.files.now());
    let mut damaged = Vec::new();
    if reasons.iter().any(Option::is_none) {
        let whole = newest_whole(entries, rules, options, &mut damaged)?;
        for (entry, reason) in entries.iter().zip(&mut reasons).filter(|(_, it)| it.is_none()) {
            match whole {
                None => *reason = Some(KeptBecause::NoneWhole),
                Some(whole) if whole.path == entry.path => *reason = Some(KeptBecause::LastWhole),
                Some(_) => {}
            }
        }
    }
    let mut pruned = Pruned { damaged, ..Pruned::default() };
    for (entry, reason) in entries.iter().zip(reasons) {
        match reason {
            Some(because) => pruned.kept.push(KeptBackup { entry: entry.clone(), because }),
            None => {
                if mode == PruneMode::Remove {
                    remove(options.files.as_ref(), entry)?;
                }
                pruned.removed.push(entry.clone());
            }
        }
    }
    Ok(pruned)
}

impl Rules<'_> {
    /// Returns for each backup why it stays, or `None`.
    fn reasons(
        &self,
        entries: &[BackupEntry],
        now: DateTime<FixedOffset>,
    ) -> Vec<Option<KeptBecause>> {
        let mut before: BTreeMap<&Path, &str> = BTreeMap::new();
        for way in self.applied {
            if let Some(entry) = way.find(entries) {
                before.entry(&entry.path).or_insert(&way.phase);
            }
        }
        let mut counts: BTreeMap<Option<BackupKind>, usize> = BTreeMap::new();
        let mut reason = |entry: &BackupEntry| {
            if !entry.is_verified() {
                return Some(KeptBecause::NotVerified);
            }
            let count = counts.entry(entry.kind()).or_default();
            let place = *count;
            *count += 1;
            if let Some(phase) = before.get(entry.path.as_path()) {
                return Some(KeptBecause::BeforeApplied((*phase).to_owned()));
            }
            if entry.kind() == Some(BackupKind::Named) {
                return Some(KeptBecause::Named);
            }
            self.retention.keeps(place, entry, now)
        };
        entries.iter().map(&mut reason).collect()
    }
}

/// Finds the newest backup whose bytes are those that were verified; those that no longer are on the way are added to
/// `damaged`.
fn newest_whole<'e>(
    entries: &'e [BackupEntry],
    rules: &Rules<'_>,
    options: &OpenOptions,
    damaged: &mut Vec<BackupEntry>,
) -> Result<Option<&'e BackupEntry>> {
    if let Some(known) = entries.iter().find(|entry| rules.whole == Some(&*entry.path)) {
        return Ok(Some(known));
    }
    for entry in entries.iter().filter(|entry| entry.is_verified()) {
        let found = digest(&entry.path, options, &mut |_| {})?;
        if entry.manifest.as_ref().is_some_and(|manifest| manifest.digest == found.text) {
            return Ok(Some(entry));
        }
        damaged.push(entry.clone());
    }
    Ok(None)
}

/// Removes the backup first: a manifest without a backup promises nothing.
fn remove(files: &dyn Files, entry: &BackupEntry) -> Result<()> {
    for path in [&entry.path, &manifest_of(&entry.path)] {
        // Another run may remove the same backups.
        files.remove_if_there(path)?;
    }
    files.make_durable(folder_of(&entry.path))
}
