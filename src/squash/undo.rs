//! Undoing a squash, and carrying on one that was interrupted.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;

use super::archive::{Archived, Progress, archives, discard, finish, progress, restore};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    pub archived: Archived,
    /// How far it was carried out before.
    pub before: Progress,
}

/// Finds the newest squash that an undo takes back: with this id, if one is given.
///
/// # Errors
/// [`ErrorKind::UnknownTarget`] if there is none; those of the file system.
pub fn undoable(
    files: &dyn Files,
    folder: &Path,
    id: Option<&str>,
) -> Result<(Archived, Progress)> {
    let mut all = archives(files, folder)?;
    all.reverse();
    for archived in all {
        let state = progress(files, folder, &archived)?;
        let is_meant = id.is_none_or(|it| it == archived.record.id);
        if is_meant && state != Progress::Elsewhere {
            return Ok((archived, state));
        }
    }
    let what = match id {
        Some(id) => format!("no squash {id} is in the archive of {}", folder.display()),
        None => format!("the archive of {} holds no squash to undo", folder.display()),
    };
    Err(Error::new(ErrorKind::UnknownTarget, what))
}

/// Undoes the newest squash: the folder holds what it held before, byte for byte.
///
/// # Errors
/// As [`undoable`]; [`ErrorKind::Chain`] naming a file that was changed since, or phases that name the squash.
pub fn undo(files: &dyn Files, folder: &Path, id: Option<&str>) -> Result<Undone> {
    let (archived, before) = undoable(files, folder, id)?;
    restore(files, folder, &archived)?;
    Ok(Undone { archived, before })
}

/// Carries on squashes that were interrupted, and removes archives of which only copies are left. Returns those that
/// were finished.
pub fn finish_interrupted(files: &dyn Files, folder: &Path) -> Result<Vec<Archived>> {
    let mut finished = Vec::new();
    for archived in archives(files, folder)? {
        match progress(files, folder, &archived)? {
            Progress::Interrupted => {
                finish(files, folder, &archived)?;
                finished.push(archived);
            }
            Progress::Undone => discard(files, folder, &archived)?,
            Progress::Done | Progress::Elsewhere => {}
        }
    }
    Ok(finished)
}
