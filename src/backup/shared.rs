//! Backups that share the blocks of their database (reflinks), on file systems that can.
//!
//! Such a backup takes no space until one of the two changes, and no time to write. It is compared with the database
//! like any other. What it cannot do is outlast a block of the disk that goes bad: both lose it.

use std::path::Path;

use rusqlite::Connection;

use super::part::stat_of;
use crate::btree::OpenFile;
use crate::error::Result;
use crate::files::Files;

/// The bytes of the header (<https://sqlite.org/fileformat2.html#the_database_header>).
const HEADER: usize = 100;

/// Returns whether the file of a database by itself is what its connection reads, to the last byte: no page waits in a
/// WAL, nothing follows the last page, and the header states the number of pages.
///
/// The connection is in a read transaction. It was granted after a journal that must be rolled back was, and as long as
/// it lasts nothing writes to the file: a journal that lies beside it now belongs to a program that has not begun to
/// (<https://sqlite.org/lockingv3.html>), such as the run itself, which holds the write lock.
pub(super) fn is_whole(connection: &Connection, files: &dyn Files, path: &Path) -> Result<bool> {
    let Some(file) = OpenFile::lend(connection)?.filter(|file| file.has(1)) else {
        return Ok(false);
    };
    let mut header = [0; HEADER];
    if !file.read(0, &mut header)? {
        return Ok(false);
    }
    let page_size: u32 = connection.query_row("PRAGMA main.page_size", [], |row| row.get(0))?;
    let number =
        |place: usize| header[place..place + 4].iter().fold(0, |sum, it| sum << 8 | u64::from(*it));
    // Programs of before 2010 leave the number of pages as it was, and the second counter behind the first.
    let states = number(24) == number(92) && number(28) * u64::from(page_size) == file.bytes();
    Ok(states && stat_of(files, path)?.is_some_and(|stat| stat.bytes == file.bytes()))
}
