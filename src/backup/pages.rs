//! Comparing a finished copy with its source byte by byte: pages of the source as SQLite reads them in
//! its transaction, against the bytes of the copy as the system reads them.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use rusqlite::{Connection, Rows};

use super::verify::Digest;
use crate::database::OpenOptions;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::event::{Interrupt, reached};

/// How much of the copy is read at once; a multiple of every page size.
const CHUNK: usize = 512 * 1_024;

/// The page of this offset is never used (<https://sqlite.org/fileformat2.html#the_lock_byte_page>).
const LOCK_BYTE: u64 = 0x4000_0000;

/// Fields of the file's header that SQLite writes anew in a copy
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
pub(super) enum Pages {
    /// Every byte is the same, but for what SQLite writes anew; the digest of the copy.
    Equal(Digest),
    /// They differ: in words.
    Differ(String),
    /// This SQLite gives no pages out (it was built without `SQLITE_ENABLE_DBPAGE_VTAB`).
    Unknown,
}

/// Compares a copy, which no connection of this process may have open, with its source. The source's
/// connection is in a read transaction. Progress is told in bytes.
pub(super) fn compare_pages(
    source: &Connection,
    copy: &Path,
    options: &OpenOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Pages> {
    // https://sqlite.org/dbpage.html
    let Ok(mut pages) = source.prepare("SELECT data FROM main.sqlite_dbpage ORDER BY pgno") else {
        return Ok(Pages::Unknown);
    };
    let page_size: u32 = source.query_row("PRAGMA main.page_size", [], |row| row.get(0))?;
    let mut walk =
        Walk { pages: pages.query([])?, page_size: page_size as usize, number: 0, stated: 0 };
    let mut reader = options.files.reader(copy).map_err(|error| file_error("read", copy, error))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        options.interrupt.check()?;
        let count =
            fill(reader.as_mut(), &mut buffer).map_err(|error| file_error("read", copy, error))?;
        let chunk = &buffer[..count];
        hasher.update(chunk);
        if let Some(difference) = walk.compare(chunk)? {
            return Ok(Pages::Differ(difference));
        }
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

/// The digest of a database's bytes, read page by page through a connection that may stay open. It is
/// that of the file: nothing waits in a WAL, and the page that is never used holds zeros in both.
pub(super) fn digest_of_pages(connection: &Connection, interrupt: &Interrupt) -> Result<String> {
    let mut pages = connection.prepare("SELECT data FROM main.sqlite_dbpage ORDER BY pgno")?;
    let mut rows = pages.query([])?;
    let mut hasher = blake3::Hasher::new();
    // Many pages at once are hashed several times as fast as one after the other.
    let mut buffer = Vec::with_capacity(CHUNK);
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        buffer.extend_from_slice(row.get_ref(0)?.as_blob().map_err(|error| {
            Error::new(ErrorKind::Backup, "a page cannot be read").caused_by(error)
        })?);
        if buffer.len() >= CHUNK {
            interrupt.check()?;
            hasher.update(&buffer);
            bytes += buffer.len() as u64;
            reached(bytes);
            buffer.clear();
        }
    }
    hasher.update(&buffer);
    Ok(text_of(&hasher))
}

fn text_of(hasher: &blake3::Hasher) -> String {
    format!("blake3:{}", hasher.finalize().to_hex())
}

/// The pages of the source, in order, and how far they are compared.
struct Walk<'s> {
    pages: Rows<'s>,
    page_size: usize,
    number: u64,
    /// The number of pages that the copy's header states.
    stated: u64,
}

impl Walk<'_> {
    fn compare(&mut self, chunk: &[u8]) -> Result<Option<String>> {
        for copy in chunk.chunks(self.page_size) {
            self.number += 1;
            let Some(row) = self.pages.next()? else {
                return Ok(Some(format!("page {} is not in the database", self.number)));
            };
            let source = row.get_ref(0)?.as_bytes().map_err(|error| {
                Error::new(ErrorKind::Backup, "a page cannot be read").caused_by(error)
            })?;
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
        Ok(None)
    }

    fn end(&mut self) -> Result<Option<String>> {
        if self.pages.next()?.is_some() {
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
