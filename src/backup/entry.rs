//! What is in a folder of backups: backups in their order, and what killed runs left there.

use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::name::{is_backup_name, manifest_of, part_owner};
use super::part::look;
use crate::error::{Result, file_error};
use crate::files::{FileKind, Files};

/// Why the copy of a damaged file does not count as verified.
pub(super) const NOT_COMPARED: &str = "it was not compared with its source, which was damaged";

/// Why a backup whose check found damage does not count as verified.
const DAMAGED: &str = "its check found damage, most likely that of its source";

/// A file in the folder of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupEntry {
    /// The backup.
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
        match look(files, path)? {
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

    /// Tells whether the backup was compared with its source when it was made, has its manifest,
    /// and still has its size.
    pub fn is_verified(&self) -> bool {
        self.manifest.is_some() && self.problem.is_none()
    }

    /// Returns the place among the backups of its database, if the manifest tells.
    pub fn sequence(&self) -> Option<u64> {
        self.manifest.as_ref().map(|manifest| manifest.sequence)
    }
}

/// Lists the backups of the databases with this name, newest first.
///
/// The order is that of the manifests, never of names or clocks. Backups that are not verified
/// come after the others. A missing folder holds nothing.
///
/// # Errors
/// [`crate::ErrorKind::Io`] if the folder or a manifest cannot be read.
pub fn list(files: &dyn Files, folder: &Path, stem: &str) -> Result<Vec<BackupEntry>> {
    let mut entries = Vec::new();
    for path in paths(files, folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !is_backup_name(name, stem) {
            continue;
        }
        let Some(stat) = look(files, &path)? else { continue };
        if stat.kind != FileKind::File {
            continue;
        }
        let entry = read(files, path.clone(), stat.bytes)?;
        let other = entry.manifest.as_ref().is_some_and(|manifest| manifest.stem != stem);
        if !other {
            entries.push(entry);
        }
    }
    entries.sort_by(|one, two| {
        let place = |entry: &BackupEntry| (entry.is_verified(), entry.sequence());
        place(two).cmp(&place(one)).then_with(|| two.path.cmp(&one.path))
    });
    Ok(entries)
}

/// Returns the number for the next backup: one more than the highest in the folder.
pub(super) fn next_sequence(files: &dyn Files, folder: &Path, stem: &str) -> Result<u64> {
    let highest = list(files, folder, stem)?.iter().filter_map(BackupEntry::sequence).max();
    Ok(highest.unwrap_or(0).saturating_add(1))
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
        Err(error) if is_no_text(&error) => (None, Some(format!("its manifest: {error}"))),
        Err(error) => return Err(file_error("read", &beside, error)),
    };
    Ok(BackupEntry { path, bytes, manifest, problem })
}

/// Returns whether a file was not read because of what it is: a FIFO, a device, a folder, or too large.
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
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The process that wrote it.
    pub process: u32,
    /// Whether a process of that number runs.
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
        let Some(process) = part_owner(name) else { continue };
        // A restore writes its part beside the database.
        let ours = |target: &str| {
            is_backup_name(target, stem) || Path::new(target).file_stem() == Some(stem.as_ref())
        };
        if !target_of(name).is_some_and(ours) {
            continue;
        }
        let Some(stat) = look(files, &path)? else { continue };
        let alive = process == std::process::id() || is_alive(files, process)?;
        found.push(Leftover { path, bytes: stat.bytes, process, alive });
    }
    Ok(found)
}

/// Returns the name of the backup that a part file was to become or to describe.
fn target_of(name: &str) -> Option<&str> {
    let (start, _) = name.split_once(".part")?;
    let (target, _) = start.rsplit_once('.')?;
    Some(target.strip_suffix(".json").unwrap_or(target))
}

fn is_alive(files: &dyn Files, process: u32) -> Result<bool> {
    let place = PathBuf::from(format!("/proc/{process}"));
    Ok(look(files, &place)?.is_some())
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
        match files.remove(&leftover.path) {
            Ok(()) => removed.push(leftover.path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_error("remove", &leftover.path, error)),
        }
    }
    Ok(removed)
}

fn paths(files: &dyn Files, folder: &Path) -> Result<Vec<PathBuf>> {
    if look(files, folder)?.is_none() {
        return Ok(Vec::new());
    }
    files.list(folder).map_err(|error| file_error("list", folder, error))
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
