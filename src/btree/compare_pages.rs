//! Two trees on the same pages: the same bytes.

use super::compare::{STRIDE, Trees};
use super::cursor::Cursor;
use super::pages::{Geometry, Malformed, Pages, Read, Stop};
use crate::error::Result;

/// Compares two trees that have the same root, page by page: a tree that was not touched has the same bytes on the
/// same pages. If they are equal, one is as sound as the other: the left one is that of a backup, which is checked
/// in full. Otherwise as [`compare_trees`](super::compare_trees), which can tell more where this says that they
/// differ.
pub fn compare_pages<L: Pages, R: Pages>(
    left: &mut L,
    right: &mut R,
    root: u32,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Read<Trees> {
    if left.geometry().usable != right.geometry().usable {
        return Ok(Trees::Different);
    }
    let mut pair = PagePair { left, right, other: Vec::new(), differ: false };
    match walk(&mut pair, root, progress) {
        Err(Stop::Malformed(_)) if pair.differ => Ok(Trees::Different),
        walked => walked,
    }
}

fn walk<L: Pages, R: Pages>(
    pair: &mut PagePair<'_, L, R>,
    root: u32,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Read<Trees> {
    let mut cursor = Cursor::new(pair, root)?;
    let mut entries = 0;
    while cursor.advance()? {
        while cursor.has_more() {
            cursor.more()?;
        }
        entries += 1;
        if entries % STRIDE == 0 {
            progress(entries)?;
        }
    }
    progress(entries)?;
    Ok(Trees::Equal { entries, pages: cursor.into_visited() })
}

/// The pages that are the same on both sides.
struct PagePair<'p, L, R> {
    left: &'p mut L,
    right: &'p mut R,
    other: Vec<u8>,
    differ: bool,
}

impl<L: Pages, R: Pages> Pages for PagePair<'_, L, R> {
    fn geometry(&self) -> Geometry {
        let (left, right) = (self.left.geometry(), self.right.geometry());
        Geometry { pages: left.pages.min(right.pages), ..left }
    }

    fn read(&mut self, number: u32, into: &mut Vec<u8>) -> Read<()> {
        self.left.read(number, into)?;
        self.right.read(number, &mut self.other)?;
        if *into == self.other {
            return Ok(());
        }
        self.differ = true;
        Err(Stop::Malformed(Malformed { page: number, what: "the pages differ" }))
    }

    fn are_checked(&self) -> bool {
        true
    }
}
