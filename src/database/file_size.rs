//! How much room a file takes.

use super::open::Database;
use crate::error::{Error, Result, file_error};

/// The room that a database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct FileSize {
    /// The bytes of the file, without what lies beside it.
    pub bytes: u64,
    /// The size of a page in bytes.
    pub page_size: u64,
    /// The pages, used and free.
    pub pages: u64,
    /// The pages that hold nothing (<https://sqlite.org/fileformat2.html#the_freelist>).
    pub free_pages: u64,
}

impl FileSize {
    /// Reads how much room an open database takes, as its connection sees it.
    ///
    /// # Errors
    /// Whatever SQLite reports; [`crate::ErrorKind::Io`].
    pub fn of(database: &Database) -> Result<Self> {
        let count = |pragma: &str| {
            let sql = format!("PRAGMA main.{pragma}");
            let found = database.connection().query_row(&sql, [], |row| row.get::<_, i64>(0))?;
            Ok::<_, Error>(u64::try_from(found).unwrap_or(0))
        };
        let path = database.path();
        let stat = database.options().files.stat(path);
        let stat = stat.map_err(|error| file_error("look at", path, error))?;
        let pages = count("page_count")?;
        Ok(Self {
            bytes: stat.map_or(0, |stat| stat.bytes),
            page_size: count("page_size")?,
            pages,
            // The header of a damaged file may say anything.
            free_pages: count("freelist_count")?.min(pages),
        })
    }

    /// The room that the file takes once all pages of an open transaction are in it.
    #[must_use]
    pub const fn when_written(self) -> Self {
        Self { bytes: self.pages * self.page_size, ..self }
    }

    /// The bytes of all pages.
    pub const fn all_bytes(&self) -> u64 {
        self.pages * self.page_size
    }

    /// The bytes of the pages that hold nothing.
    pub const fn free_bytes(&self) -> u64 {
        self.free_pages * self.page_size
    }
}
