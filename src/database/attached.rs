//! A second database behind the connection, which only statements of ours see.
//!
//! SQLite detaches nothing before the transaction ends that read it
//! (<https://sqlite.org/lang_detach.html>), and a name that `main` lacks is looked up in every attached
//! database. The authorizer keeps all other statements from noticing.

use super::authorizer::ATTACHED;
use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::limits::Limit;

use super::open::Database;
use crate::error::{Result, file_error};
use crate::name::fold;

impl Database {
    /// Attaches a database that is to be read. Nothing sees it but [`Database::with_attached`]. Returns
    /// whether it was attached: a path that is no text cannot be, nor a file whose header names no encoding that
    /// there is, although SQLite reads it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Sqlite`], [`crate::ErrorKind::Io`].
    pub fn attach(&self, path: &Path) -> Result<bool> {
        let files = self.options().files.as_ref();
        // A whole path is never taken for a URI.
        let path = files.canonical(path).map_err(|error| file_error("look at", path, error))?;
        let Some(path) = path.to_str() else { return Ok(false) };
        let connection = self.connection();
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
        let attached = connection.execute(&format!("ATTACH ?1 AS {ATTACHED}"), [path]);
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        match attached {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
                return Ok(false);
            }
            attached => attached?,
        };
        self.hide_attached_names()?;
        Ok(true)
    }

    /// Runs statements that may read the attached database.
    pub fn with_attached<T>(&self, action: impl FnOnce() -> Result<T>) -> Result<T> {
        self.authorizer().open_attached(true);
        let done = action();
        self.authorizer().open_attached(false);
        done
    }

    /// Hides what the attached database has and `main` has not, as it is now. To be called before SQL
    /// that is not ours runs; without an attached database it does nothing.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Sqlite`].
    pub fn hide_attached_names(&self) -> Result<()> {
        let attached: bool = self.connection().query_row(
            "SELECT count(*) FROM pragma_database_list WHERE name = ?1",
            [ATTACHED],
            |row| row.get(0),
        )?;
        if !attached {
            return Ok(());
        }
        let names = self.with_attached(|| {
            let mut statement = self.connection().prepare(&format!(
                "SELECT name FROM {ATTACHED}.sqlite_schema \
                 WHERE lower(name) NOT IN (SELECT lower(name) FROM main.sqlite_schema)"
            ))?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            Ok(names.map(|name| name.map(|it| fold(&it))).collect::<rusqlite::Result<_>>()?)
        });
        self.authorizer().hide(names?);
        Ok(())
    }
}
