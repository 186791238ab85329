//! What is in a folder of backups: backups in their order, and what killed runs left there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::manifest::{BackupKind, MAX_SEQUENCE, Manifest};
use super::name::{is_backup_name, manifest_of, part_writer, stamp_of, stem_of};
use super::part::{folder_of, stat_of};
use super::writer;
use crate::error::{Result, file_error};
use crate::files::{FileKind, Files, Stat};

/// Why the copy of a damaged file does not count as verified.
pub(super) const NOT_COMPARED: &str = "it was not compared with its source, which was damaged";

/// Why a backup whose check found damage does not count as verified.
const DAMAGED: &str = "its check found damage, most likely that of its source";

/// A file in the folder of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupEntry {
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What the file beside it says; `None` if that is missing or broken.
    pub manifest: Option<Manifest>,
    /// Why the backup does not count as verified, in words.
    pub problem: Option<String>,
}

impl BackupEntry {
    /// Looks at one file as a backup, wherever it lies. Only names and sizes are looked at; what it
    /// holds is [`verify`](super::verify())'s business.
    ///
    /// # Errors
    /// [`crate::ErrorKind::DatabaseMissing`] if there is no such file; [`crate::ErrorKind::Io`].
    pub fn at(files: &dyn Files, path: &Path) -> Result<Self> {
        use crate::error::{Error, ErrorKind};
        match stat_of(files, path)? {
            Some(stat) if stat.kind == FileKind::File => {
                read(files, path.to_path_buf(), stat.bytes)
            }
            Some(_) => {
                let what = format!("{} is not a file", path.display());
                Err(Error::new(ErrorKind::NotAFile, what).about("backup"))
            }
            None => {
                let what = format!("the backup {} does not exist", path.display());
                Err(Error::new(ErrorKind::DatabaseMissing, what).about("backup"))
            }
        }
    }

    /// Returns whether the backup was compared with its source when it was made, has its manifest,
    /// and still has its size.
    pub fn is_verified(&self) -> bool {
        self.manifest.is_some() && self.problem.is_none()
    }

    /// Returns why its manifest itself says that it is not verified; the file may be what the manifest describes.
    pub fn doubt(&self) -> Option<&str> {
        let manifest = self.manifest.as_ref()?;
        self.problem.as_deref().filter(|_| !manifest.verified || manifest.damaged)
    }

    /// Returns what it was made for, if the manifest tells.
    pub fn kind(&self) -> Option<BackupKind> {
        self.manifest.as_ref().map(Manifest::kind)
    }

    /// Returns the database that it was made of, if the manifest tells and it is another one than this. Names
    /// count for nothing: a database is the file at a path without symbolic links.
    pub fn made_of_other(&self, files: &dyn Files, database: &Path) -> Option<&Path> {
        let source = self.manifest.as_ref()?.source.as_path();
        (source != real_path(files, database)).then_some(source)
    }

    /// Returns the place among the backups of its database, if the manifest tells.
    pub fn sequence(&self) -> Option<u64> {
        self.manifest.as_ref().map(|manifest| manifest.sequence)
    }
}

/// Resolves the symbolic links of a path to a database, which may be missing.
pub(super) fn real_path(files: &dyn Files, database: &Path) -> PathBuf {
    if let Ok(path) = files.canonical(database) {
        return path;
    }
    let folder =
        files.canonical(folder_of(database)).unwrap_or_else(|_| folder_of(database).into());
    folder.join(database.file_name().unwrap_or_default())
}

/// Lists the backups of a database, newest first.
///
/// A backup belongs to the database whose path, without symbolic links, its manifest names. Files without a readable
/// manifest are listed last, if their names are those of backups of this database; they are not verified.
///
/// The order is that of the manifests, never of names. Backups that are not verified come after the others. A missing
/// folder holds nothing.
///
/// # Errors
/// [`crate::ErrorKind::Io`] if the folder or a manifest cannot be read.
pub fn list(files: &dyn Files, folder: &Path, database: &Path) -> Result<Vec<BackupEntry>> {
    list_of(files, folder, &real_path(files, database))
}

/// As [`list`], for the path of a database without symbolic links.
pub(super) fn list_of(
    files: &dyn Files,
    folder: &Path,
    database: &Path,
) -> Result<Vec<BackupEntry>> {
    let stem = stem_of(database);
    let mut entries = Vec::new();
    for path in paths(files, folder)? {
        if path.extension().is_none_or(|ending| ending != "db") {
            continue;
        }
        let Some(stat) = file_at(files, &path)? else { continue };
        let named = path.file_name().and_then(|name| name.to_str());
        let named = named.is_some_and(|name| is_backup_name(name, &stem));
        let entry = read(files, path, stat.bytes)?;
        if entry.manifest.as_ref().map_or(named, |manifest| manifest.source == database) {
            entries.push(entry);
        }
    }
    entries.sort_by(|one, two| {
        // Two runs at the same time may have taken the same number.
        let made = |entry: &BackupEntry| entry.manifest.as_ref().and_then(Manifest::created);
        let place = |entry: &BackupEntry| (entry.is_verified(), entry.sequence(), made(entry));
        place(two).cmp(&place(one)).then_with(|| two.path.cmp(&one.path))
    });
    Ok(entries)
}

/// Counts the backups in a folder that were made of other databases, by the path of the database.
pub fn of_others(
    files: &dyn Files,
    folder: &Path,
    database: &Path,
) -> Result<BTreeMap<PathBuf, usize>> {
    let mut others = BTreeMap::new();
    for path in paths(files, folder)? {
        if path.extension().is_some_and(|ending| ending == "db")
            && let Some(stat) = file_at(files, &path)?
            && let Some(source) = read(files, path, stat.bytes)?.made_of_other(files, database)
        {
            *others.entry(source.to_path_buf()).or_default() += 1;
        }
    }
    Ok(others)
}

/// Returns the number for the next backup: one more than the highest among those of its database, whose path has no
/// symbolic links.
pub(super) fn next_sequence(files: &dyn Files, folder: &Path, database: &Path) -> Result<u64> {
    let highest = list_of(files, folder, database)?.iter().filter_map(BackupEntry::sequence).max();
    // At the end of the range the time decides.
    Ok(highest.unwrap_or(0).saturating_add(1).min(MAX_SEQUENCE))
}

/// Returns whether a file is a backup: its manifest lies beside it, or it is what a restore moved aside.
///
/// # Errors
/// [`crate::ErrorKind::Io`] if the manifest cannot be read.
pub fn is_backup(files: &dyn Files, path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.contains("_before_restore_") && stamp_of(&name).is_some() {
        return Ok(true);
    }
    Ok(read(files, path.to_path_buf(), 0)?.manifest.is_some())
}

/// Returns whether a file name is that of a file which a run writes, or which a killed one left.
pub fn is_half_made(name: &str) -> bool {
    part_writer(name).is_some()
}

/// Looks at a path in a folder of backups; `None` unless it leads to a file. A link that leads in a circle, or to where
/// this user may not look, must not keep others from being listed and made.
fn file_at(files: &dyn Files, path: &Path) -> Result<Option<Stat>> {
    let found = stat_of(files, path);
    let is_link = || {
        let link = files.stat_link(path).ok().flatten();
        link.is_some_and(|it| it.kind == FileKind::Other)
    };
    match found {
        Err(_) if leads_nowhere(files.stat(path).err().as_ref()) && is_link() => Ok(None),
        found => Ok(found?.filter(|stat| stat.kind == FileKind::File)),
    }
}

fn leads_nowhere(error: Option<&std::io::Error>) -> bool {
    use std::io::ErrorKind;
    error.is_some_and(|error| {
        matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotADirectory)
            || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
    })
}

fn read(files: &dyn Files, path: PathBuf, bytes: u64) -> Result<BackupEntry> {
    let beside = manifest_of(&path);
    let (manifest, problem) = match files.read(&beside) {
        Ok(text) => match Manifest::parse(&text) {
            Ok(manifest) => {
                let problem = problem(&path, bytes, &manifest);
                (Some(manifest), problem)
            }
            Err(problem) => (None, Some(problem)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (None, Some("it has no manifest".to_owned()))
        }
        // A folder or a closed file of that name must not keep others from being listed and made.
        Err(error) if is_no_text(&error) || leads_nowhere(Some(&error)) => {
            (None, Some(format!("its manifest: {error}")))
        }
        Err(error) => return Err(file_error("read", &beside, error)),
    };
    Ok(BackupEntry { path, bytes, manifest, problem })
}

/// Returns whether a file was not read because of what it is: a FIFO, a device, a folder, closed to this user, or
/// too large.
fn is_no_text(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::FileTooLarge | ErrorKind::IsADirectory
    )
}

fn problem(path: &Path, bytes: u64, manifest: &Manifest) -> Option<String> {
    if path.file_name().is_none_or(|name| name != manifest.file.as_str()) {
        return Some(format!("its manifest belongs to {}", manifest.file));
    }
    if bytes != manifest.bytes {
        return Some(format!("it has {bytes} bytes, its manifest says {}", manifest.bytes));
    }
    if manifest.damaged {
        return Some(DAMAGED.to_owned());
    }
    (!manifest.verified).then(|| NOT_COMPARED.to_owned())
}

/// A file that a killed run left in the folder of backups, or that a running one is writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The process that wrote it.
    pub process: u32,
    /// Whether its writer may still be writing it.
    pub alive: bool,
}

/// Lists the part files of this database in a folder: that of the backups, or its own.
///
/// # Errors
/// [`crate::ErrorKind::Io`] if the folder cannot be read.
pub fn leftovers(files: &dyn Files, folder: &Path, stem: &str) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for path in paths(files, folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(writer) = part_writer(name) else { continue };
        // A restore writes its part beside the database.
        let ours = |target: &str| {
            is_backup_name(target, stem) || Path::new(target).file_stem() == Some(stem.as_ref())
        };
        let Some(target) = target_of(name).filter(|target| ours(target)) else { continue };
        let Some(stat) = file_at(files, &path)? else { continue };
        let alive = writer::is_alive(files, &path, writer, stamp_of(target))?;
        found.push(Leftover { path, bytes: stat.bytes, process: writer.process, alive });
    }
    Ok(found)
}

/// Returns the name of the backup that a part file was to become or to describe.
fn target_of(name: &str) -> Option<&str> {
    let (start, _) = name.split_once(".part")?;
    let (target, _) = start.rsplit_once('.')?;
    Some(target.strip_suffix(".json").unwrap_or(target))
}

/// Removes the part files whose process is gone, and returns their paths. Files of running
/// processes stay.
///
/// # Errors
/// [`crate::ErrorKind::Io`] if the folder cannot be read or a file cannot be removed.
pub fn remove_leftovers(files: &dyn Files, folder: &Path, stem: &str) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for leftover in leftovers(files, folder, stem)? {
        if leftover.alive {
            continue;
        }
        if files.remove_if_there(&leftover.path)? {
            removed.push(leftover.path);
        }
    }
    Ok(removed)
}

fn paths(files: &dyn Files, folder: &Path) -> Result<Vec<PathBuf>> {
    if stat_of(files, folder)?.is_none() {
        return Ok(Vec::new());
    }
    files.entries(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_files_belong_to_a_backup() {
        let target = Some("fits_x_20241027_023000.db");
        assert_eq!(target_of("fits_x_20241027_023000.db.12.part"), target);
        assert_eq!(target_of("fits_x_20241027_023000.db.json.12.part"), target);
        assert_eq!(target_of("fits_x_20241027_023000.db.12.part-journal"), target);
        assert_eq!(target_of("part"), None);
    }
}
