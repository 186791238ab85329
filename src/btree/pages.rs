//! Pages by their numbers, and why reading them stops.

use crate::error::Error;
use crate::files::DATABASE_HEADER;

pub trait Pages {
    /// Returns the sizes that hold for all pages.
    fn geometry(&self) -> Geometry;

    /// Replaces the content of a buffer by a page.
    ///
    /// # Errors
    /// [`Stop::Malformed`] if there is no such page; [`Stop::Failed`] if it cannot be read.
    fn read(&mut self, number: u32, into: &mut Vec<u8>) -> Read<()>;

    /// Returns whether every page that is read was checked in full elsewhere, so that it is enough to follow what
    /// it says.
    fn are_checked(&self) -> bool {
        false
    }
}

/// Pages that another check reads in full.
#[derive(Debug)]
pub struct Checked<'p, P>(pub &'p mut P);

impl<P: Pages> Pages for Checked<'_, P> {
    fn geometry(&self) -> Geometry {
        self.0.geometry()
    }

    fn read(&mut self, number: u32, into: &mut Vec<u8>) -> Read<()> {
        self.0.read(number, into)
    }

    fn are_checked(&self) -> bool {
        true
    }
}

/// The sizes of a database, from its header (<https://sqlite.org/fileformat2.html#the_database_header>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// The size of a page in bytes: a power of two from 512 to 65536.
    pub page_size: usize,
    /// The bytes of a page that b-trees use: the size without the reserved bytes at the end.
    pub usable: usize,
    pub pages: u32,
}

/// The page of this offset holds locks and no content
/// (<https://sqlite.org/fileformat2.html#the_lock_byte_page>).
const LOCK_BYTE: usize = 0x4000_0000;

impl Geometry {
    /// Reads the sizes from the first page.
    ///
    /// # Errors
    /// [`Stop::Malformed`] if it is not the header of a database.
    pub fn read(header: &[u8], pages: u32) -> Read<Self> {
        let wrong = |what| Stop::Malformed(Malformed { page: 1, what });
        if !header.starts_with(DATABASE_HEADER) {
            return Err(wrong("no header of a database"));
        }
        let page_size = match number(header, 16, 2) {
            Some(1) => 65_536,
            Some(size) => size,
            None => return Err(wrong("the header is cut off")),
        };
        if !page_size.is_power_of_two() || !(512..=65_536).contains(&page_size) {
            return Err(wrong("impossible page size"));
        }
        let reserved = number(header, 20, 1).unwrap_or(0);
        let usable = page_size.saturating_sub(reserved);
        if usable < 480 {
            return Err(wrong("too many reserved bytes"));
        }
        Ok(Self { page_size, usable, pages })
    }

    /// Returns whether a tree can have a page of this number.
    pub fn holds(&self, page: u32) -> bool {
        (1..=self.pages).contains(&page) && page as usize != LOCK_BYTE / self.page_size + 1
    }
}

/// Reads a big-endian number of up to four bytes.
pub(super) fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    Some(field.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// What is wrong with the bytes of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    pub page: u32,
    /// What is wrong, in words.
    pub what: &'static str,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "page {}: {}", self.page, self.what)
    }
}

#[derive(Debug)]
pub enum Stop {
    /// The bytes are not what the file format says.
    #[cfg_attr(
        not(feature = "testing"),
        allow(dead_code, reason = "shown by tests and while debugging")
    )]
    Malformed(Malformed),
    /// A page could not be read, or a stop was requested.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub type Read<T> = Result<T, Stop>;
