//! Comparing a finished copy with its source byte by byte: pages of the source as SQLite reads them in
//! its transaction, against the bytes of the copy as the system reads them.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use rusqlite::{Connection, Rows, Statement};

use super::verify::Digest;
use crate::btree::OpenFile;
use crate::database::OpenOptions;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::event::{Interrupt, reached};

/// The pages of a database as SQLite sees them (<https://sqlite.org/dbpage.html>).
const ALL_PAGES: &str = "SELECT data FROM main.sqlite_dbpage ORDER BY pgno";

/// How much of the copy is read at once; a multiple of every page size.
const CHUNK: usize = 512 * 1_024;

/// The page of this offset is never used (<https://sqlite.org/fileformat2.html#the_lock_byte_page>).
const LOCK_BYTE: u64 = 0x4000_0000;

/// Fields of the file's header that SQLite writes again in a copy
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
const WRITTEN_ANEW: [Range<usize>; 4] = [
    // Whether the file is in WAL mode: a backup is not.
    18..20,
    // The change counter, and the number of pages, which only counts if the counter fits.
    24..32,
    // The schema cookie: programs that have the file open read the schema again.
    40..44,
    // The counter for which the number of pages counts, and the version of the SQLite that wrote.
    92..100,
];

/// What a comparison of all pages found.
#[derive(Debug)]
pub(crate) enum Pages {
    /// Every byte is the same, but for what SQLite writes again; the digest of the copy.
    Equal(Digest),
    /// They differ: in words.
    Differ(String),
    /// The pages cannot be read: the file is in WAL mode, and this SQLite has no `sqlite_dbpage`.
    Unknown,
}

/// Compares a copy, which no connection of this process may have open, with its source. The source's
/// connection is in a read transaction. Progress is reported in bytes.
pub(crate) fn compare_pages(
    source: &Connection,
    copy: &Path,
    options: &OpenOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Pages> {
    let mut pages = source.prepare(ALL_PAGES).ok();
    let page_size: u32 = source.query_row("PRAGMA main.page_size", [], |row| row.get(0))?;
    let Some(bytes) = Source::open(source, pages.as_mut())? else { return Ok(Pages::Unknown) };
    let mut walk = Walk {
        source: bytes,
        buffer: Vec::with_capacity(CHUNK),
        page_size: page_size as usize,
        number: 0,
        stated: 0,
    };
    let failed = |error| file_error("read", copy, error);
    let mut reader = options.files.reader(copy).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = Vec::new();
    let mut bytes = 0;
    loop {
        options.interrupt.check()?;
        buffer.resize(CHUNK, 0);
        let count = fill(reader.as_mut(), &mut buffer).map_err(failed)?;
        buffer.truncate(count);
        if let Some(difference) = walk.compare(&buffer)? {
            return Ok(Pages::Differ(difference));
        }
        hasher.update(&buffer);
        bytes += count as u64;
        progress(bytes);
        if count < CHUNK {
            break;
        }
    }
    if let Some(difference) = walk.end()? {
        return Ok(Pages::Differ(difference));
    }
    Ok(Pages::Equal(Digest { text: text_of(&hasher), bytes }))
}

/// The digest of a database's bytes, read through a connection that may stay open and is in a read
/// transaction. It is that of the file: nothing waits in a WAL, and the page that is never used holds zeros
/// in both.
pub(super) fn digest_of_pages(connection: &Connection, interrupt: &Interrupt) -> Result<String> {
    let mut pages = connection.prepare(ALL_PAGES).ok();
    let Some(mut source) = Source::open(connection, pages.as_mut())? else {
        return Err(Error::new(ErrorKind::Backup, "its pages cannot be read"));
    };
    let mut hasher = blake3::Hasher::new();
    let mut buffer = Vec::with_capacity(CHUNK);
    let mut bytes = 0;
    // Many pages at once are hashed several times as fast as one after the other.
    while source.next(CHUNK, &mut buffer)? {
        interrupt.check()?;
        hasher.update(&buffer);
        bytes += buffer.len() as u64;
        reached(bytes);
    }
    Ok(text_of(&hasher))
}

fn text_of(hasher: &blake3::Hasher) -> String {
    format!("blake3:{}", hasher.finalize().to_hex())
}

/// Where the bytes of a database come from, in the order of its pages.
enum Source<'s> {
    /// From the file that SQLite has open, and how many were read.
    File(OpenFile<'s>, u64),
    /// From SQLite, page by page.
    Pages(Rows<'s>),
}

impl<'s> Source<'s> {
    /// The connection is in a read transaction; the statement is [`ALL_PAGES`], if SQLite can do it. `None` if the
    /// bytes can be had in neither way.
    fn open(
        connection: &'s Connection,
        pages: Option<&'s mut Statement<'_>>,
    ) -> Result<Option<Self>> {
        if let Some(file) = OpenFile::lend(connection)?.filter(|file| file.has(1)) {
            return Ok(Some(Self::File(file, 0)));
        }
        Ok(match pages {
            Some(pages) => Some(Self::Pages(pages.query([])?)),
            None => None,
        })
    }

    /// Replaces the content of a buffer by the bytes that follow: this number, or fewer at the end. Returns
    /// false if there are none.
    fn next(&mut self, count: usize, into: &mut Vec<u8>) -> Result<bool> {
        let unreadable = || Error::new(ErrorKind::Backup, "a page cannot be read");
        into.clear();
        match self {
            Self::File(file, done) => {
                let left = usize::try_from(file.bytes() - *done).unwrap_or(count);
                into.resize(left.min(count), 0);
                if !into.is_empty() && !file.read(*done, into)? {
                    let what = "the file ends in the middle of a page";
                    return Err(Error::new(ErrorKind::Damaged, what));
                }
                *done += into.len() as u64;
            }
            Self::Pages(rows) => {
                while into.len() < count
                    && let Some(row) = rows.next()?
                {
                    let page = row.get_ref(0)?.as_blob();
                    into.extend_from_slice(page.map_err(|error| unreadable().caused_by(error))?);
                }
            }
        }
        Ok(!into.is_empty())
    }
}

/// The pages of the source, in order, and how far they are compared.
struct Walk<'s> {
    source: Source<'s>,
    buffer: Vec<u8>,
    page_size: usize,
    number: u64,
    /// The number of pages that the copy's header states.
    stated: u64,
}

impl Walk<'_> {
    fn compare(&mut self, chunk: &[u8]) -> Result<Option<String>> {
        let mut source = std::mem::take(&mut self.buffer);
        self.source.next(chunk.len(), &mut source)?;
        let mut pages = source.chunks(self.page_size);
        for copy in chunk.chunks(self.page_size) {
            self.number += 1;
            let Some(source) = pages.next() else {
                return Ok(Some(format!("page {} is not in the database", self.number)));
            };
            let same = if self.number == 1 {
                self.stated = stated_pages(copy);
                same_first_page(source, copy)
            } else {
                source == copy || self.is_lock_page()
            };
            if !same {
                return Ok(Some(format!("page {} differs", self.number)));
            }
        }
        self.buffer = source;
        Ok(None)
    }

    fn end(&mut self) -> Result<Option<String>> {
        if self.source.next(self.page_size, &mut self.buffer)? {
            return Ok(Some(format!("only {} pages were copied", self.number)));
        }
        let states = format!("the header states {} of {} pages", self.stated, self.number);
        Ok((self.stated != self.number).then_some(states))
    }

    fn is_lock_page(&self) -> bool {
        self.number == LOCK_BYTE / self.page_size as u64 + 1
    }
}

fn stated_pages(page: &[u8]) -> u64 {
    page.get(28..32)
        .map_or(0, |bytes| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn same_first_page(source: &[u8], copy: &[u8]) -> bool {
    let anew = |place: usize| WRITTEN_ANEW.iter().any(|range| range.contains(&place));
    source.len() == copy.len()
        && source.iter().zip(copy).enumerate().all(|(place, (one, two))| one == two || anew(place))
}

/// Reads until the buffer is full or the file ends.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
