//! Free space: what a run needs, and whether it is there.

use std::path::Path;

use crate::database::beside;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::{FileKind, Files};

/// The space that a run needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SpaceNeed {
    /// For the backup, in its folder: the size of the database with its WAL.
    pub backup: u64,
    /// Beside the database, for the new tables and the journal: 1.1 times its size if tables are
    /// rebuilt, a tenth of it otherwise.
    pub database: u64,
}

/// Computes the space that a run needs.
///
/// Measured with every table rebuilt: 2.04 times the database in rollback mode and 2.15 times in
/// WAL mode, the backup on the same volume included. The formula adds up to 2.1.
///
/// # Errors
/// [`ErrorKind::Io`].
pub fn space_need(files: &dyn Files, database: &Path, rebuilds: bool) -> Result<SpaceNeed> {
    let mut bytes = 0;
    for path in [database.to_path_buf(), beside(database, "-wal")] {
        let stat = files.stat(&path).map_err(|error| file_error("look at", &path, error))?;
        bytes += stat.map_or(0, |stat| stat.bytes);
    }
    let tenth = bytes / 10;
    let database = if rebuilds { bytes + tenth } else { tenth };
    Ok(SpaceNeed { backup: bytes, database })
}

/// Checks that the space is there: on one volume for both, or on each of two.
///
/// # Errors
/// [`ErrorKind::NoSpace`] with the volume, the need and what is left; [`ErrorKind::NotAFile`] or
/// [`ErrorKind::ReadOnly`] if no file can be made where the backups are to lie; [`ErrorKind::Io`].
pub fn check_space(
    files: &dyn Files,
    database: &Path,
    backups: &Path,
    need: SpaceNeed,
) -> Result<()> {
    let folder = existing(files, backups);
    let home = existing(files, database);
    takes_files(files, &folder, &home)?;
    let device = |path: &Path| {
        let stat = files.stat(path).map_err(|error| file_error("look at", path, error))?;
        Ok::<_, Error>(stat.map(|stat| stat.device))
    };
    if device(&home)? == device(&folder)? {
        return enough(files, &home, need.backup + need.database);
    }
    enough(files, &folder, need.backup)?;
    enough(files, &home, need.database)
}

/// Checks that so many bytes may be written below a place.
///
/// # Errors
/// As [`check_space`].
pub fn require_space(files: &dyn Files, place: &Path, bytes: u64) -> Result<()> {
    enough(files, &existing(files, place), bytes)
}

/// Fails unless the place of the backups is a folder on a file system that can be written. Where
/// the database lies on such a one, too, that is the thing to say, and it is said elsewhere.
fn takes_files(files: &dyn Files, folder: &Path, home: &Path) -> Result<()> {
    let failed = |error| file_error("look at", folder, error);
    let about = |kind, what: &str| {
        let what = format!("the backups cannot be written: {} {what}", folder.display());
        Err(Error::new(kind, what).about("backup folder"))
    };
    if files.stat(folder).map_err(failed)?.is_some_and(|it| it.kind != FileKind::Folder) {
        return about(ErrorKind::NotAFile, "is not a folder");
    }
    let read_only = |path| files.space(path).map(|it| it.read_only).map_err(failed);
    if read_only(folder)? && !read_only(home)? {
        return about(ErrorKind::ReadOnly, "lies on a read-only file system");
    }
    Ok(())
}

/// The nearest folder above that exists.
fn existing(files: &dyn Files, path: &Path) -> std::path::PathBuf {
    path.ancestors()
        .find(|it| files.stat(it).is_ok_and(|stat| stat.is_some()))
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

fn enough(files: &dyn Files, place: &Path, need: u64) -> Result<()> {
    let space = files.space(place).map_err(|error| file_error("look at", place, error))?;
    if space.available >= need {
        return Ok(());
    }
    let what = format!(
        "not enough space beside {}: {} MiB needed, {} MiB left",
        place.display(),
        need.div_ceil(1 << 20),
        space.available >> 20
    );
    Err(Error::new(ErrorKind::NoSpace, what))
}
