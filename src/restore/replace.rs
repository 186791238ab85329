//! Putting a copy of the backup in the place of a file that SQLite cannot open, or of none.
//!
//! The broken file and what lies beside it are moved aside together, never deleted, and the folder
//! is synced before the copy gets the name: a stale WAL beside a new file would bring old rows
//! back. Other programs do not notice such a replacement, so nobody may have the file open.

use std::path::{Path, PathBuf};

use super::judge::compare;
use super::plan::Restore;
use super::run::{Outcome, RestoreMethod};
use crate::backup::{BackupLabel, Names, Part, digest, folder_of, look, remove_leftovers, stem_of};
use crate::database::{Access, Database, beside, holders};
use crate::error::{DatabaseState, Error, ErrorKind, Result, file_error};
use crate::event::Observer;
use crate::files::{Files, Stat};

/// What belongs together: the file and what SQLite puts beside it.
const SUFFIXES: [&str; 4] = ["", "-journal", "-wal", "-shm"];

/// How many names are tried before something else must be wrong.
const NAMES: u32 = 10_000;

pub(super) fn run(restore: &Restore, observer: &mut dyn Observer) -> Result<Outcome> {
    let (path, files) = (&restore.plan.database, restore.options.files.as_ref());
    let present = look(files, path)?;
    refuse(path, present, files)?;
    // A copy that a killed run left is not wanted any more; if it stays, it is listed.
    drop(remove_leftovers(files, folder_of(path), &stem_of(path)));
    let mut part = copy(restore, present, files)?;
    refuse(path, present, files)?;
    let moved = move_aside(path, files)?;
    if let Err(error) = put(&mut part, path, files) {
        return Err(error.leaving(move_back(&moved, files)));
    }
    let mut outcome = Outcome {
        safety_backup: None,
        moved_aside: moved.into_iter().map(|(_, aside)| aside).collect(),
        tables: Vec::new(),
        method: if present.is_some() { RestoreMethod::Replace } else { RestoreMethod::Create },
        follow_up: Vec::new(),
    };
    // The name is given; what fails now is not the restore.
    let folder = folder_of(path);
    if let Err(error) = files.sync_folder(folder) {
        outcome
            .follow_up
            .push(format!("the folder {} could not be synced: {error}", folder.display()));
    }
    let backup = Database::open(&restore.backup.path, Access::Look, &restore.options);
    let compared = backup.and_then(|backup| {
        let live = Database::open(path, Access::Look, &restore.options)?;
        compare(&backup, &live, observer)
    });
    match compared {
        Ok(Ok(tables)) => outcome.tables = tables,
        Ok(Err(differences)) => {
            return Err(Error::new(ErrorKind::Restore, "the new file differs from the backup")
                .leaving(DatabaseState::Unknown)
                .problems(differences));
        }
        Err(error) => {
            outcome.follow_up.push(format!("the new file could not be compared: {error}"))
        }
    }
    Ok(outcome)
}

/// Refuses if somebody would go on with the old file, or if the file has another name that would
/// keep the old content.
fn refuse(path: &Path, present: Option<Stat>, files: &dyn Files) -> Result<()> {
    let open = holders(path, files);
    if !open.is_empty() {
        return Err(Error::new(ErrorKind::Busy, "another program holds the broken file")
            .problems(open.iter().map(ToString::to_string))
            .in_database(path));
    }
    match present {
        Some(stat) if stat.links > 1 => {
            let what = format!("{} has {} names (hard links)", path.display(), stat.links);
            Err(Error::new(ErrorKind::Restore, what).about("names").in_database(path))
        }
        Some(_) | None => Ok(()),
    }
}

/// Copies the backup beside the database and makes the copy durable.
fn copy<'f>(restore: &'f Restore, present: Option<Stat>, files: &'f dyn Files) -> Result<Part<'f>> {
    let (path, backup) = (&restore.plan.database, &restore.backup.path);
    let part = begin(backup, path, files)?;
    let found = digest(part.path(), &restore.options, &mut |_| {})?;
    if found.text != restore.plan.verification.digest {
        let what = format!("the copy of {} differs from it", backup.display());
        return Err(Error::new(ErrorKind::Restore, what));
    }
    let like = match present {
        Some(present) => Some(present),
        None => look(files, backup)?,
    };
    if let Some(like) = like {
        part.settle(&like)?;
    }
    Ok(part)
}

/// Copies the backup to the first part name that is free. A killed run may have had our process
/// id, which is always 1 in a container, and have left its copy there.
fn begin<'f>(backup: &Path, path: &Path, files: &'f dyn Files) -> Result<Part<'f>> {
    let names = Names::new(folder_of(path), path, &BackupLabel::BeforeRestore, files.now())?;
    for number in 1..NAMES {
        if let Some(part) = Part::copy(files, backup, &names.candidate(number))? {
            return Ok(part);
        }
    }
    let what = format!("no name is free for a copy beside {}", path.display());
    Err(Error::new(ErrorKind::Restore, what))
}

/// Moves the file and everything beside it to names that belong together; returns from and to.
fn move_aside(path: &Path, files: &dyn Files) -> Result<Vec<(PathBuf, PathBuf)>> {
    let target = free_name(path, files)?;
    let mut moved = Vec::new();
    for suffix in SUFFIXES {
        let (from, to) = (beside(path, suffix), beside(&target, suffix));
        if look(files, &from)?.is_none() {
            continue;
        }
        if let Err(error) = files.rename_new(&from, &to) {
            let state = move_back(&moved, files);
            return Err(file_error("move aside", &from, error).leaving(state));
        }
        moved.push((from, to));
    }
    Ok(moved)
}

fn free_name(path: &Path, files: &dyn Files) -> Result<PathBuf> {
    let names = Names::new(folder_of(path), path, &BackupLabel::BeforeRestore, files.now())?;
    for number in 1..NAMES {
        let name = names.candidate(number);
        let mut taken = false;
        for suffix in SUFFIXES {
            taken |= look(files, &beside(&name, suffix))?.is_some();
        }
        if !taken {
            return Ok(name);
        }
    }
    let what = format!("no name is free to move {} aside", path.display());
    Err(Error::new(ErrorKind::Restore, what))
}

/// Undoes the moves, the last one first, and says what that leaves.
fn move_back(moved: &[(PathBuf, PathBuf)], files: &dyn Files) -> DatabaseState {
    let mut all = true;
    for (from, to) in moved.iter().rev() {
        all &= files.rename_new(to, from).is_ok();
    }
    if all { DatabaseState::Unchanged } else { DatabaseState::Unknown }
}

/// Makes the moves durable, then gives the copy the name.
fn put(part: &mut Part<'_>, path: &Path, files: &dyn Files) -> Result<()> {
    let folder = folder_of(path);
    files.sync_folder(folder).map_err(|error| file_error("sync", folder, error))?;
    part.publish(path).map_err(|error| file_error("rename the copy to", path, error))
}
