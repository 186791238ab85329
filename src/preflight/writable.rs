//! Whether the file can be written, and whether another program is writing.

use std::path::Path;

use rusqlite::{ErrorCode, MAIN_DB};

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
    probe.map_err(|error| explain_no_journal(error, &path).in_database(&path))
}

/// SQLite says only that it cannot open a file, of which it had the database open already.
fn explain_no_journal(error: Error, path: &Path) -> Error {
    let is_of_journal =
        error.sqlite_causes().any(|it| it.sqlite_error_code() == Some(ErrorCode::CannotOpen));
    if !is_of_journal {
        return error;
    }
    let what = format!("the journal of {} cannot be created beside it", path.display());
    Error::new(ErrorKind::ReadOnly, what).caused_by(error)
}
