//! Whether the file can be written, and whether another program is writing.

use rusqlite::MAIN_DB;

use crate::database::{Database, WriteTransaction};
use crate::error::{Error, ErrorKind, Result};

/// Takes the write lock, tries a write, and gives both back. Nothing is changed.
///
/// `BEGIN IMMEDIATE` alone succeeds in a read-only folder and on a file of a future write version.
///
/// # Errors
/// [`ErrorKind::ReadOnly`], [`ErrorKind::Busy`]. The database is lost with the error; it was only
/// looked at.
pub fn probe_writing(database: Database) -> Result<Database> {
    let path = database.path().to_path_buf();
    if database.connection().is_readonly(MAIN_DB)? {
        let what = format!("{} cannot be written", path.display());
        return Err(Error::new(ErrorKind::ReadOnly, what).in_database(&path));
    }
    let probe = WriteTransaction::begin(database).and_then(WriteTransaction::rollback);
    probe.map_err(|error| error.in_database(&path))
}
