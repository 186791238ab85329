//! `VACUUM INTO`: everything that a database holds, in a new file without free pages.

use rusqlite::limits::Limit;
use std::path::Path;

use super::open::Database;
use super::settings::Access;
use crate::error::{Error, ErrorKind, Result, file_error};

impl Database {
    /// Gives the free pages back to the file system, in place (<https://sqlite.org/lang_vacuum.html>).
    ///
    /// # Errors
    /// Whatever SQLite reports; the file holds what it held.
    pub fn vacuum(&self) -> Result<()> {
        let connection = self.connection();
        // SQLite attaches a temporary file for as long as it works.
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
        let done = connection.execute_batch("VACUUM");
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        Ok(done?)
    }

    /// Writes what the database holds into another file, which must be empty
    /// (<https://sqlite.org/lang_vacuum.html#vacuuminto>). Pages that are used are filled and laid out again;
    /// page size, encoding, auto-vacuum mode, `user_version` and `application_id` are kept. The documentation
    /// does not promise the same of rowids: a caller that needs them compares them.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if a path is no text; otherwise whatever SQLite reports, such as a
    /// collation that an index needs and this program lacks.
    pub fn compact_into(&self, target: &Path) -> Result<()> {
        let files = self.options().files.as_ref();
        // A whole path is never taken for a URI.
        let path = files.canonical(target).map_err(|error| file_error("look at", target, error))?;
        let Some(path) = path.to_str() else {
            let what = format!("{} is no text, which SQLite needs here", path.display());
            return Err(Error::new(ErrorKind::Unsupported, what));
        };
        let connection = self.connection();
        // SQLite attaches the new file for as long as it writes it. `query_only` forbids to write any file.
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
        connection.execute_batch("PRAGMA query_only=OFF")?;
        let done = connection.execute("VACUUM main INTO ?1", [path]);
        if self.access() == Access::ReadOnly {
            connection.execute_batch("PRAGMA query_only=ON")?;
        }
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        done?;
        Ok(())
    }
}
