//! Free space: what a run needs, and whether it is there.

use std::path::Path;

use crate::database::beside;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::Files;

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
/// [`ErrorKind::NoSpace`] with the volume, the need and what is left; [`ErrorKind::Io`].
pub fn check_space(
    files: &dyn Files,
    database: &Path,
    backups: &Path,
    need: SpaceNeed,
) -> Result<()> {
    let folder = existing(files, backups);
    let home = existing(files, database);
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
