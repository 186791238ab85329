//! Putting a copy of the backup in the place of a file that SQLite cannot open, or of none.
//!
//! The broken file is kept under another name and what lies beside it is moved there, too, and the folder is
//! synced before the copy takes the place: a stale WAL beside a new file would bring old rows back. The place is
//! taken by one rename, so that the path names the old file or the new one at every moment. Other programs do not
//! notice such a replacement, so no other program may have the file open.

use std::path::Path;

use super::outcome::{RestoreMethod, RestoreOutcome};
use super::plan::Restore;
use super::set_aside::SetAside;
use super::verify::compare;
use crate::backup::{
    BackupLabel, Names, PartFile, digest, folder_of, remove_leftovers, stat_of, stem_of,
};
use crate::database::{Access, Database, holders};
use crate::error::{DatabaseState, Error, ErrorKind, Result, file_error};
use crate::event::Observer;
use crate::files::{Files, Stat};

pub(super) fn run(restore: &Restore, observer: &mut dyn Observer) -> Result<RestoreOutcome> {
    let (path, files) = (&restore.plan.database, restore.options.files.as_ref());
    let present = stat_of(files, path)?;
    refuse(path, present, files)?;
    // A copy that a killed run left is not wanted any more; if it stays, it is listed.
    drop(remove_leftovers(files, folder_of(path), &stem_of(path)));
    let mut part = copy(restore, present, files)?;
    refuse(path, present, files)?;
    let mut aside = SetAside::of(path, present, files)?;
    if let Err(error) = put(&mut part, path, present, files) {
        return Err(error.leaving(aside.undo()));
    }
    let mut outcome = RestoreOutcome {
        safety_backup: None,
        moved_aside: aside.into_paths(),
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
    let backup = Database::open(&restore.backup.path, Access::ReadOnly, &restore.options);
    let compared = backup.and_then(|backup| {
        let live = Database::open(path, Access::ReadOnly, &restore.options)?;
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

/// Refuses if a program would go on with the old file, or if the file has another name that would
/// keep the old content.
fn refuse(path: &Path, present: Option<Stat>, files: &dyn Files) -> Result<()> {
    let open = holders(path, files);
    if !open.is_empty() {
        return Err(Error::new(ErrorKind::Busy, "another program holds the broken file")
            .problems(open.iter().map(ToString::to_string))
            .in_database(path));
    }
    match present {
        Some(stat) if stat.links > 1 && !SetAside::has_names_of(path, stat, files)? => {
            let what = format!("{} has {} names (hard links)", path.display(), stat.links);
            Err(Error::new(ErrorKind::Restore, what).about("names").in_database(path))
        }
        Some(_) | None => Ok(()),
    }
}

/// Copies the backup beside the database and makes the copy durable.
fn copy<'f>(
    restore: &'f Restore,
    present: Option<Stat>,
    files: &'f dyn Files,
) -> Result<PartFile<'f>> {
    let (path, backup) = (&restore.plan.database, &restore.backup.path);
    let part = begin(backup, path, files)?;
    let found = digest(part.path(), &restore.options, &mut |_| {})?;
    if found.text != restore.plan.verification.digest {
        let what = format!("the copy of {} differs from it", backup.display());
        return Err(Error::new(ErrorKind::Restore, what));
    }
    let like = match present {
        Some(present) => Some(present),
        None => stat_of(files, backup)?,
    };
    if let Some(like) = like {
        part.sync_with_access_of(&like)?;
    }
    Ok(part)
}

/// Copies the backup to the first part name that is free. A killed run may have had our process
/// id, which is always 1 in a container, and have left its copy there.
fn begin<'f>(backup: &Path, path: &Path, files: &'f dyn Files) -> Result<PartFile<'f>> {
    let names = Names::new(folder_of(path), path, &BackupLabel::BeforeRestore, files.now())?;
    names.first(|name| PartFile::copy(files, backup, &name))?.ok_or_else(|| {
        let what = format!("no name is free for a copy beside {}", path.display());
        Error::new(ErrorKind::Restore, what)
    })
}

/// Makes the names durable under which the old file is kept, then lets the copy take its place.
fn put(
    part: &mut PartFile<'_>,
    path: &Path,
    present: Option<Stat>,
    files: &dyn Files,
) -> Result<()> {
    let folder = folder_of(path);
    files.make_durable(folder)?;
    let put = match present {
        Some(_) => part.replace(path),
        None => part.publish(path),
    };
    put.map_err(|error| file_error("rename the copy to", path, error))
}
