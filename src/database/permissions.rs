//! Why a file that is there cannot be read: the permissions of the file, or of a folder on the way to it.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Remedy, Result, file_error};
use crate::files::{Files, Stat};

/// Looks at a path that is to be opened.
///
/// # Errors
/// [`ErrorKind::Unreadable`] if a folder on the way is closed; [`ErrorKind::Io`].
pub(crate) fn file_stat(path: &Path, files: &dyn Files) -> Result<Option<Stat>> {
    files.stat(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => behind_closed_folder(path, files, error),
        _ => file_error("look at", path, error),
    })
}

/// Reports an error of reading a file.
pub(crate) fn read_error(path: &Path, files: &dyn Files, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => unreadable(path, path, files, error),
        _ => file_error("read", path, error),
    }
}

/// Explains an error of opening a file that was looked at before: as it is, unless this user may not read the file.
pub(super) fn explain_unopened(error: Error, path: &Path, files: &dyn Files) -> Error {
    let denied = files.may_read(path).err();
    match denied.filter(|it| it.kind() == io::ErrorKind::PermissionDenied) {
        Some(denied) => unreadable(path, path, files, denied),
        None => error,
    }
}

/// Tells of a file beside the database that this user may not read, if there is one: without its journal or its WAL
/// a database cannot be read either.
pub(super) fn closed_beside(path: &Path, files: &dyn Files) -> Option<Error> {
    ["-journal", "-wal", "-shm"].into_iter().map(|suffix| beside(path, suffix)).find_map(|beside| {
        files.stat(&beside).ok().flatten()?;
        let denied = files.may_read(&beside).err()?;
        (denied.kind() == io::ErrorKind::PermissionDenied)
            .then(|| unreadable(path, &beside, files, denied))
    })
}

/// The nearest folder that can be looked at is the one that does not let anybody through.
fn behind_closed_folder(path: &Path, files: &dyn Files, denied: io::Error) -> Error {
    let mut folders = path.ancestors().skip(1);
    let closed = folders.find(|folder| matches!(files.stat(folder), Ok(Some(_))));
    unreadable(path, closed.unwrap_or(path), files, denied)
}

fn unreadable(path: &Path, closed: &Path, files: &dyn Files, denied: io::Error) -> Error {
    let name = closed.display();
    let what = if path.starts_with(closed) && closed != path {
        format!("{} cannot be reached: you have no permission to enter {name}", path.display())
    } else {
        format!("you have no permission to read {name}")
    };
    let error = Error::new(ErrorKind::Unreadable, what).caused_by(denied);
    let error = error.in_database(path).about(&name.to_string());
    let Some(stat) = files.stat(closed).ok().flatten() else { return error };
    let own = stat.owner == rustix::process::geteuid().as_raw();
    let whose = if own { "you".to_owned() } else { format!("user {}", stat.owner) };
    let error =
        error.problems([format!("{name} belongs to {whose} and has the mode {:04o}", stat.mode)]);
    if own { error.with_remedy(Remedy::ChangeMode) } else { error }
}

/// Returns the path with a suffix appended to its name: `file.db` and `-wal` give `file.db-wal`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
