//! Two trees in lockstep: the same entries, byte for byte.

use super::cursor::Cursor;
use super::pages::{Pages, Read};
use super::set::PageSet;
use crate::error::Result;

/// How many entries pass between two calls of the progress function.
pub(super) const STRIDE: u64 = 4_096;

/// What a comparison of two trees found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trees {
    /// Every entry is the same: rowid, length and bytes.
    Equal {
        entries: u64,
        /// The pages that the right tree uses.
        pages: PageSet,
    },
    /// They differ, or cannot be compared byte by byte.
    Different,
}

/// Compares the entries of two trees, which both are tables or both are indexes, in order. Nothing but
/// one page of each level is held in memory.
///
/// If they are equal, the pages of both were also checked in full. The progress function gets the
/// number of entries passed and may stop the comparison by failing.
///
/// # Errors
/// [`Stop::Malformed`](super::Stop::Malformed) if one of the trees is not what the file format says;
/// [`Stop::Failed`](super::Stop::Failed) if a page cannot be read, or by the progress function.
pub fn compare_trees<L: Pages, R: Pages>(
    (left, left_root): (&mut L, u32),
    (right, right_root): (&mut R, u32),
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Read<Trees> {
    if left.geometry().usable != right.geometry().usable {
        return Ok(Trees::Different);
    }
    let (mut one, mut two) = (Cursor::new(left, left_root)?, Cursor::new(right, right_root)?);
    if one.is_table() != two.is_table() {
        return Ok(Trees::Different);
    }
    let mut entries = 0;
    loop {
        match (one.advance()?, two.advance()?) {
            (false, false) => break,
            (true, true) if same_entry(&mut one, &mut two)? => {}
            _ => return Ok(Trees::Different),
        }
        entries += 1;
        if entries % STRIDE == 0 {
            progress(entries)?;
        }
    }
    progress(entries)?;
    Ok(Trees::Equal { entries, pages: two.into_visited() })
}

fn same_entry<L: Pages, R: Pages>(one: &mut Cursor<'_, L>, two: &mut Cursor<'_, R>) -> Read<bool> {
    if one.rowid() != two.rowid() || one.length() != two.length() || one.local() != two.local() {
        return Ok(false);
    }
    while one.has_more() {
        // Both pages hold equally many bytes of the record.
        if one.more()? != two.more()? {
            return Ok(false);
        }
    }
    Ok(true)
}
