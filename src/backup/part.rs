//! Files on their way to a name: created exclusively, removed again unless they get there.

use std::path::{Path, PathBuf};

use super::name::part_of;
use super::writer::{Claim, this_writer};
use crate::database::{beside, file_stat};
use crate::error::{Result, file_error};
use crate::files::{Files, Stat};

/// What SQLite may put beside a file.
const SIDECARS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A file under a temporary name of this process. Dropping it removes it, whatever happens then.
#[derive(Debug)]
pub(crate) struct PartFile<'f> {
    files: &'f dyn Files,
    path: PathBuf,
    kept: bool,
    /// Keeps other threads from taking it for a leftover.
    _claim: Claim,
}

impl<'f> PartFile<'f> {
    /// Creates the part of a file with these bytes, readable by the owner only; `None` if the
    /// name is taken.
    pub(crate) fn create(
        files: &'f dyn Files,
        target: &Path,
        bytes: &[u8],
    ) -> Result<Option<Self>> {
        let path = part_of(target, this_writer(files));
        let claim = Claim::of(&path);
        // What an earlier process of the same number left beside it would be rolled back into it.
        for sidecar in SIDECARS {
            if stat_of(files, &beside(&path, sidecar))?.is_some() {
                return Ok(None);
            }
        }
        let created = files.create(&path, bytes, 0o600);
        Self::claim(files, (path, claim), created, "create")
    }

    /// Copies a file, which no connection may have open, to the part of another.
    pub(crate) fn copy(files: &'f dyn Files, from: &Path, target: &Path) -> Result<Option<Self>> {
        let path = part_of(target, this_writer(files));
        let claim = Claim::of(&path);
        let copied = files.copy(from, &path);
        Self::claim(files, (path, claim), copied, "write")
    }

    fn claim(
        files: &'f dyn Files,
        (path, claim): (PathBuf, Claim),
        outcome: std::io::Result<()>,
        action: &str,
    ) -> Result<Option<Self>> {
        match outcome {
            Ok(()) => Ok(Some(Self { files, path, kept: false, _claim: claim })),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => {
                // It may have been created before the failure.
                drop(Self { files, path: path.clone(), kept: false, _claim: claim });
                Err(file_error(action, &path, error))
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the content durable.
    pub(crate) fn sync(&self) -> Result<()> {
        self.files.sync_file(&self.path).map_err(|error| file_error("sync", &self.path, error))
    }

    /// Makes the content durable and the permissions those of another file, never wider.
    pub(crate) fn sync_with_access_of(&self, like: &Stat) -> Result<()> {
        let failed = |action| move |error| file_error(action, &self.path, error);
        // A file that its owner may only read cannot be synced any more, hence the order.
        self.sync()?;
        // As long as the group may be another one, it gets no more than other users.
        let mode = like.mode & (0o707 | ((like.mode & 0o007) << 3));
        let narrow = Stat { mode, ..*like };
        self.files.set_access(&self.path, &narrow).map_err(failed("set the permissions of"))?;
        let now = stat_of(self.files, &self.path)?;
        if mode != like.mode && now.is_some_and(|now| now.group == like.group) {
            self.files.set_access(&self.path, like).map_err(failed("set the permissions of"))?;
        }
        Ok(())
    }

    /// Gives the file its name in one step; fails if the name is taken, and then stays a part.
    pub(crate) fn publish(&mut self, target: &Path) -> std::io::Result<()> {
        self.files.rename_new(&self.path, target)?;
        self.kept = true;
        Ok(())
    }

    /// Gives the file the name of another one, which it replaces in one step.
    pub(crate) fn replace(&mut self, target: &Path) -> std::io::Result<()> {
        self.files.rename_over(&self.path, target)?;
        self.kept = true;
        Ok(())
    }

    /// Returns the first sidecar that lies beside the file with content.
    pub(crate) fn sidecar(&self) -> Result<Option<PathBuf>> {
        sidecar_with_content(self.files, &self.path)
    }
}

impl Drop for PartFile<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // Nothing may hide the error that led here; what stays is listed as a leftover.
        for sidecar in SIDECARS {
            drop(self.files.remove(&beside(&self.path, sidecar)));
        }
        drop(self.files.remove(&self.path));
    }
}

/// Returns whether SQLite would find a journal or WAL beside a file of this name.
pub(super) fn has_sidecar(files: &dyn Files, path: &Path) -> Result<bool> {
    for sidecar in SIDECARS {
        if stat_of(files, &beside(path, sidecar))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the first journal or WAL that lies beside a database file with content.
pub(super) fn sidecar_with_content(files: &dyn Files, path: &Path) -> Result<Option<PathBuf>> {
    for sidecar in ["-journal", "-wal"] {
        let beside = beside(path, sidecar);
        if stat_of(files, &beside)?.is_some_and(|stat| stat.bytes > 0) {
            return Ok(Some(beside));
        }
    }
    Ok(None)
}

/// Looks at a path.
pub(crate) fn stat_of(files: &dyn Files, path: &Path) -> Result<Option<Stat>> {
    file_stat(path, files)
}

/// Creates a folder and makes its name durable, and those of its parents that were created too.
///
/// The folder grants no more access than the file for which it is made: a user who may write into a folder may
/// replace what lies in it.
pub(crate) fn ensure_folder(files: &dyn Files, folder: &Path, like: Option<Stat>) -> Result<()> {
    let mut created = Vec::new();
    let mut next = Some(folder);
    while let Some(path) = next.filter(|path| !path.as_os_str().is_empty()) {
        if stat_of(files, path)?.is_some() {
            break;
        }
        created.push(path);
        next = path.parent();
    }
    if created.is_empty() {
        return Ok(());
    }
    let mode = like.map_or(0o700, |stat| folder_mode(stat.mode));
    files.create_folder_for(folder, mode).map_err(|error| file_error("create", folder, error))?;
    for path in created {
        if let Some(like) = like {
            narrow(files, path, &like)?;
        }
        let parent = folder_of(path);
        files.make_durable(parent)?;
    }
    Ok(())
}

/// The permissions of a folder for copies of a file: who may read the file may look into it, and only its owner and
/// its group may change it.
const fn folder_mode(file: u32) -> u32 {
    let readable = file & 0o444;
    0o700 | readable | readable >> 2 | file & 0o020
}

/// Gives a folder that root created to the owner of the file, and takes from its group what is meant for another.
fn narrow(files: &dyn Files, folder: &Path, like: &Stat) -> Result<()> {
    let Some(now) = stat_of(files, folder)? else { return Ok(()) };
    // root has given it to the group of the file, too.
    let same = now.group == like.group || now.owner == 0;
    let mode = if same { now.mode } else { now.mode & (0o707 | (now.mode & 0o007) << 3) };
    if mode == now.mode && now.owner == like.owner {
        return Ok(());
    }
    let access = Stat { mode, ..*like };
    files
        .set_access(folder, &access)
        .map_err(|error| file_error("set the permissions of", folder, error))
}

/// Returns the folder that holds a path; `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
