//! A read transaction, so that all pages are of one state.

use rusqlite::Connection;

use crate::error::Result;

/// A read transaction that ends when dropped, if none was open; otherwise it stays the caller's. SQLite does not
/// look for locks and journals for each statement in it (<https://sqlite.org/lang_transaction.html>).
#[derive(Debug)]
pub struct ReadTransaction<'c>(Option<&'c Connection>);

impl<'c> ReadTransaction<'c> {
    /// Begins one with a read: BEGIN alone takes no lock.
    pub fn begin(connection: &'c Connection) -> Result<Self> {
        let begun = if connection.is_autocommit() {
            connection.execute_batch("BEGIN")?;
            Self(Some(connection))
        } else {
            Self(None)
        };
        connection.query_row("PRAGMA main.page_count", [], |_| Ok(()))?;
        Ok(begun)
    }
}

impl Drop for ReadTransaction<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            // Nothing was written: whether it ends now or with the connection makes no difference.
            drop(connection.execute_batch("COMMIT"));
        }
    }
}
