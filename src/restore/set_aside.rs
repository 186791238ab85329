//! Keeping a broken file under another name while it stays in its place.

use std::path::{Path, PathBuf};

use crate::backup::{BackupLabel, Names, PartFile, folder_of, stat_of, stem_of};
use crate::database::beside;
use crate::error::{DatabaseState, Error, ErrorKind, Result, file_error};
use crate::files::{Files, Stat};

/// What SQLite puts beside a file.
const SIDECARS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A broken file that is kept under a second name, and what lay beside it, which was moved there.
pub(super) struct SetAside<'f> {
    files: &'f dyn Files,
    name: PathBuf,
    kept: SetAsideFile,
    moved: Vec<(PathBuf, PathBuf)>,
}

/// How the file came to its second name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SetAsideFile {
    Nothing,
    Now,
    /// By a run that was killed before it came to its end.
    Before,
}

impl<'f> SetAside<'f> {
    /// Gives the file a second name and moves to it what lies beside the file; nothing is lost at any moment.
    ///
    /// # Errors
    /// [`ErrorKind::Restore`] if no name is free; [`ErrorKind::Io`], [`ErrorKind::NoSpace`]. The error's state says
    /// whether everything is in its place again.
    pub(super) fn of(path: &Path, present: Option<Stat>, files: &'f dyn Files) -> Result<Self> {
        let before = present.map(|stat| kept_before(path, stat, files)).transpose()?.flatten();
        let (name, kept) = match (before, present) {
            (Some(name), _) => (name, SetAsideFile::Before),
            (None, Some(stat)) => (keep(path, stat, files)?, SetAsideFile::Now),
            (None, None) => (free_name(path, files, |_| Ok(true))?, SetAsideFile::Nothing),
        };
        let mut aside = Self { files, name, kept, moved: Vec::new() };
        for suffix in SIDECARS {
            let (from, to) = (beside(path, suffix), beside(&aside.name, suffix));
            let moved = match stat_of(files, &from) {
                Ok(None) => continue,
                Ok(Some(_)) => files
                    .rename_new(&from, &to)
                    .map_err(|error| file_error("move aside", &from, error)),
                Err(error) => Err(error),
            };
            if let Err(error) = moved {
                return Err(error.leaving(aside.undo()));
            }
            aside.moved.push((from, to));
        }
        Ok(aside)
    }

    /// Moves everything back, the last one first, and says what that leaves.
    pub(super) fn undo(&mut self) -> DatabaseState {
        let mut all = true;
        while let Some((from, to)) = self.moved.pop() {
            all &= self.files.rename_new(&to, &from).is_ok();
        }
        if self.kept == SetAsideFile::Now {
            // The file is still in its place: a second name that stays does no harm.
            drop(self.files.remove(&self.name));
        }
        if all { DatabaseState::Unchanged } else { DatabaseState::Unknown }
    }

    /// Returns the names under which everything is kept.
    pub(super) fn into_paths(self) -> Vec<PathBuf> {
        let file = (self.kept != SetAsideFile::Nothing).then_some(self.name);
        file.into_iter().chain(self.moved.into_iter().map(|(_, to)| to)).collect()
    }

    /// Returns whether all further names of a file are from runs of ours that were killed.
    pub(super) fn has_names_of(path: &Path, stat: Stat, files: &dyn Files) -> Result<bool> {
        Ok(names_of(path, stat, files)?.len() as u64 + 1 == stat.links)
    }
}

/// Gives a file a second name: another link to it, or where the file system has no links a copy.
fn keep(path: &Path, stat: Stat, files: &dyn Files) -> Result<PathBuf> {
    let name = free_name(path, files, |_| Ok(true))?;
    if files.link(path, &name).is_ok() {
        return Ok(name);
    }
    let mut copy = None;
    let name = free_name(path, files, |name| {
        // The copy of the backup has the first of these names for its part already.
        copy = PartFile::copy(files, path, name)?;
        Ok(copy.is_some())
    })?;
    if let Some(mut copy) = copy {
        copy.sync_with_access_of(&stat)?;
        copy.publish(&name).map_err(|error| file_error("move aside", path, error))?;
    }
    Ok(name)
}

/// Returns the name under which a run that was killed kept this very file, if all that lies beside it can go there.
fn kept_before(path: &Path, stat: Stat, files: &dyn Files) -> Result<Option<PathBuf>> {
    for name in names_of(path, stat, files)? {
        let mut free = name.extension().is_some_and(|end| end != "part");
        for suffix in SIDECARS {
            let both = stat_of(files, &beside(path, suffix))?.is_some()
                && stat_of(files, &beside(&name, suffix))?.is_some();
            free &= !both;
        }
        if free {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Lists the further names of a file that are from runs of ours.
fn names_of(path: &Path, stat: Stat, files: &dyn Files) -> Result<Vec<PathBuf>> {
    if stat.links < 2 {
        return Ok(Vec::new());
    }
    let folder = folder_of(path);
    let ours = format!("{}_before_restore_", stem_of(path));
    let all = files.entries(folder)?;
    let mut found = Vec::new();
    for other in all {
        let name = other.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(&ours) {
            continue;
        }
        let place =
            files.stat_link(&other).map_err(|error| file_error("look at", &other, error))?;
        if place.is_some_and(|it| (it.device, it.inode) == (stat.device, stat.inode)) {
            found.push(other);
        }
    }
    Ok(found)
}

/// Returns the first name for the file under which nothing lies yet, nor anything beside it, and which is taken.
fn free_name(
    path: &Path,
    files: &dyn Files,
    mut take: impl FnMut(&Path) -> Result<bool>,
) -> Result<PathBuf> {
    let names = Names::new(folder_of(path), path, &BackupLabel::BeforeRestore, files.now())?;
    let free = names.first(|name| {
        let mut taken = stat_of(files, &name)?.is_some();
        for suffix in SIDECARS {
            taken |= stat_of(files, &beside(&name, suffix))?.is_some();
        }
        Ok((!taken && take(&name)?).then_some(name))
    })?;
    free.ok_or_else(|| {
        let what = format!("no name is free to move {} aside", path.display());
        Error::new(ErrorKind::Restore, what)
    })
}
