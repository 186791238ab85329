//! The pages of an open database, read through SQLite.

use rusqlite::{Connection, ErrorCode, Statement};

use super::file::OpenFile;
use super::pages::{Geometry, Malformed, Pages, Read, Stop};
use super::transaction::ReadTransaction;
use crate::error::{Error, Result};

/// Pages as a connection sees them, those of its open transaction included.
///
/// Where the bytes of the file are what the connection sees, they come from the file that SQLite has open; else from
/// `sqlite_dbpage` (<https://sqlite.org/dbpage.html>), which only an SQLite built with `SQLITE_ENABLE_DBPAGE_VTAB` has.
/// Without either the caller compares through SQL. They come through SQLite and never through a file handle of our own: closing one would drop the
/// locks that SQLite holds (<https://sqlite.org/howtocorrupt.html>, section 2.2).
#[derive(Debug)]
pub struct DbPages<'c> {
    statement: Option<Statement<'c>>,
    /// Where the file's bytes are what the connection sees.
    file: Option<OpenFile<'c>>,
    ahead: Ahead,
    geometry: Geometry,
    _transaction: ReadTransaction<'c>,
}

impl<'c> DbPages<'c> {
    /// Opens the pages of `main`; `None` if the file cannot be lent and this SQLite has no `sqlite_dbpage`, or if the
    /// file holds no pages yet.
    pub fn open(connection: &'c Connection) -> Result<Option<Self>> {
        let sql = "SELECT data FROM main.sqlite_dbpage WHERE pgno = ?1";
        let statement = connection.prepare(sql).ok();
        let transaction = ReadTransaction::begin(connection)?;
        let count = connection.query_row("PRAGMA main.page_count", [], |row| row.get(0))?;
        let geometry = Geometry { page_size: 512, usable: 512, pages: count };
        let file = OpenFile::lend(connection)?;
        if statement.is_none() && file.is_none() {
            return Ok(None);
        }
        let ahead = Ahead::default();
        let mut pages = Self { statement, file, ahead, geometry, _transaction: transaction };
        match pages.read_geometry() {
            Ok(geometry) => Ok(Some(Self { geometry, ..pages })),
            Err(Stop::Malformed(_)) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Reads the sizes from the header. No transaction changes them
    /// (<https://sqlite.org/pragma.html#pragma_page_size>): they are in the file even while the rest of the first page
    /// waits in memory.
    fn read_geometry(&mut self) -> Read<Geometry> {
        let mut header = vec![0; HEADER];
        match &self.file {
            Some(file) if file.read(0, &mut header)? => {}
            Some(_) | None => self.read_through_sqlite(1, &mut header)?,
        }
        Geometry::read(&header, self.geometry.pages)
    }

    fn read_through_sqlite(&mut self, number: u32, into: &mut Vec<u8>) -> Read<()> {
        let missing = |what| Err(Stop::Malformed(Malformed { page: number, what }));
        let Some(statement) = &mut self.statement else {
            return missing("SQLite holds it in memory");
        };
        let mut rows = statement.query([number]).map_err(Error::from)?;
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return missing("there is no such page"),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                return missing("SQLite cannot read it");
            }
            Err(error) => return Err(Error::from(error).into()),
        };
        let value = row.get_ref(0).map_err(Error::from)?;
        let Ok(bytes) = value.as_blob() else { return missing("there is no such page") };
        into.clear();
        into.extend_from_slice(bytes);
        Ok(())
    }
}

/// The length of the header of the database (<https://sqlite.org/fileformat2.html#the_database_header>).
const HEADER: usize = 100;

/// How many bytes are read at once where one page follows another.
const AHEAD: usize = 64 * 1_024;

/// How far apart pages may be that still follow each other: those between belong to other trees.
const GAP: u32 = 8;

/// Pages that were read from the file ahead of their use. Nothing writes while the file is lent.
#[derive(Debug, Default)]
struct Ahead {
    first: u32,
    bytes: Vec<u8>,
    /// The page that was asked for last.
    last: u32,
}

impl Ahead {
    fn page(&self, number: u32, size: usize) -> Option<&[u8]> {
        let start = number.checked_sub(self.first)? as usize * size;
        self.bytes.get(start..start + size)
    }

    /// How many pages, with this one, are worth reading.
    fn worth(&self, number: u32, geometry: Geometry) -> usize {
        let follows = number.checked_sub(self.last).is_some_and(|step| (1..=GAP).contains(&step));
        let left = (geometry.pages - number) as usize + 1;
        if follows { left.min(AHEAD / geometry.page_size).max(1) } else { 1 }
    }
}

fn read_file<'a>(
    (file, ahead): (&OpenFile<'_>, &'a mut Ahead),
    geometry: Geometry,
    number: u32,
) -> Read<&'a [u8]> {
    let missing = |what| Err(Stop::Malformed(Malformed { page: number, what }));
    let size = geometry.page_size;
    if number == 0 || number > geometry.pages {
        return missing("there is no such page");
    }
    if ahead.page(number, size).is_none() {
        let start = u64::from(number - 1) * size as u64;
        let mut bytes = std::mem::take(&mut ahead.bytes);
        bytes.resize(ahead.worth(number, geometry) * size, 0);
        if !file.read(start, &mut bytes)? {
            // The file ends before the last of these pages, perhaps behind this one.
            bytes.truncate(size);
            if !file.read(start, &mut bytes)? {
                return missing("the file ends before it");
            }
        }
        (ahead.first, ahead.bytes) = (number, bytes);
    }
    ahead.last = number;
    match ahead.page(number, size) {
        Some(page) => Ok(page),
        None => missing("there is no such page"),
    }
}

impl Pages for DbPages<'_> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, number: u32, into: &mut Vec<u8>) -> Read<()> {
        if let Some(file) = self.file.as_ref().filter(|file| file.has(number)) {
            let page = read_file((file, &mut self.ahead), self.geometry, number)?;
            into.clear();
            into.extend_from_slice(page);
            return Ok(());
        }
        self.read_through_sqlite(number, into)
    }
}
