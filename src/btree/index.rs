//! Whether the entries of indexes are the projection of the rows of their table.

use super::compare::STRIDE;
use super::cursor::Cursor;
use super::hash::{HashEntry, Sum};
use super::pages::{Pages, Read, number};
use super::record::{Stored, varint};
use super::record_buffer::{KeyPart, Loaded, ValueSource};
use crate::error::Result;
use std::cmp::Ordering;

/// What the entries of an index have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexShape {
    pub root: u32,
    /// All parts of an entry, those that only make it unique included.
    pub parts: Vec<KeyPart>,
    /// How many parts no two entries may share, unless one of them is NULL.
    pub unique: Option<usize>,
}

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    pub root: u32,
    /// The key of a table without rowids: the parts that order its rows, which are the first fields.
    /// Empty for a table with rowids.
    pub key: Vec<KeyPart>,
}

/// Returns whether each index holds exactly one entry for each row, with the values of the row, in strictly
/// ascending order, and whether those that must be unique are. Rows of a table without rowids must be in
/// order, too.
///
/// Whether the rows are well formed behind the fields that indexes need is for SQLite to tell
/// (<https://sqlite.org/pragma.html#pragma_quick_check>).
///
/// The answer is no also if it could not be found out: a short record, a very long key, numbers in more bytes
/// than SQLite writes. Nothing but one
/// page of each level and one entry is held in memory. The progress function gets the number of rows and
/// entries passed and may stop by failing.
pub fn indexes_project<P: Pages>(
    pages: &mut P,
    rows: &Rows,
    indexes: &[IndexShape],
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Read<bool> {
    let mut before = 0;
    let mut further = |passed| progress(before + passed);
    let Some(expected) = rows_ask_for(pages, rows, indexes, &mut further)? else {
        return Ok(false);
    };
    for (index, expected) in indexes.iter().zip(expected) {
        before += expected.count;
        let mut further = |passed| progress(before + passed);
        if index_holds(pages, index, &mut further)? != Some(expected) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether integers 0 and 1 have types of their own, from the header of the file
/// (<https://sqlite.org/fileformat2.html#schemaformat>).
fn has_constants(pages: &mut impl Pages) -> Read<bool> {
    let mut first = Vec::new();
    pages.read(1, &mut first)?;
    Ok(number(&first, 44, 4).is_some_and(|format| format >= 4))
}

/// Returns what the rows of a table say about the entries of each index; `None` if that is not known, or if the
/// rows of a table without rowids are not in order. The progress function gets the rows passed.
pub fn rows_ask_for<P: Pages>(
    pages: &mut P,
    rows: &Rows,
    indexes: &[IndexShape],
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Read<Option<Vec<Sum>>> {
    let mut sums = vec![Sum::default(); indexes.len()];
    let constants = has_constants(pages)?;
    let mut cursor = Cursor::new(pages, rows.root)?;
    if cursor.is_table() != rows.key.is_empty() {
        return Ok(None);
    }
    let parts = indexes.iter().flat_map(|index| &index.parts).chain(&rows.key);
    let deepest = parts.filter_map(|part| part.place.field()).max();
    let (mut row, mut before) = (Loaded::default(), Loaded::default());
    let (mut entry, mut passed) = (HashEntry::default(), 0);
    while cursor.advance()? {
        if !row.load_first(&mut cursor, deepest)? {
            return Ok(None);
        }
        if !rows.key.is_empty() {
            let key = rows.key.len();
            if before.is_set && row.order(&before, &rows.key, key) != Some(Ordering::Greater) {
                return Ok(None);
            }
        }
        let rowid = Stored::integer(cursor.rowid(), constants);
        for (index, sum) in indexes.iter().zip(&mut sums) {
            let stored = |part: &KeyPart| row.stored(part.place, &rowid);
            if !index.parts.iter().all(|part| stored(part).is_some()) {
                return Ok(None);
            }
            sum.add(entry.of(index.parts.iter().filter_map(stored)));
        }
        std::mem::swap(&mut row, &mut before);
        passed += 1;
        if passed % STRIDE == 0 {
            progress(passed)?;
        }
    }
    Ok(Some(sums))
}

/// Returns what is in an index; `None` if it is not in order or not unique where it must be, or if that cannot be
/// told. The progress function gets the entries passed.
pub fn index_holds<P: Pages>(
    pages: &mut P,
    index: &IndexShape,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Read<Option<Sum>> {
    let mut sum = Sum::default();
    let mut cursor = Cursor::new(pages, index.root)?;
    if cursor.is_table() {
        return Ok(None);
    }
    let width = index.parts.len();
    // In the index the n-th part is the n-th field.
    let in_place: Vec<KeyPart> = index
        .parts
        .iter()
        .enumerate()
        .map(|(number, part)| KeyPart { place: ValueSource::Stored(number), ..*part })
        .collect();
    let (mut row, mut before) = (Loaded::default(), Loaded::default());
    while cursor.advance()? {
        // An entry ends with its last field: SQLite reads the rowid from there.
        if !row.load(&mut cursor, Some(usize::MAX - 1))?
            || row.fields.count() != width
            || row.fields.end() != cursor.length()
        {
            return Ok(None);
        }
        if before.is_set {
            let shared = index.unique.filter(|keys| !row.has_null(*keys)).unwrap_or(width);
            let order = row.order(&before, &in_place, shared);
            if order != Some(Ordering::Greater) {
                return Ok(None);
            }
        }
        let Some((_, header)) = varint(&row.record) else { return Ok(None) };
        let Some(entry) = row.record.get(header..cursor.length()) else { return Ok(None) };
        sum.add(entry);
        std::mem::swap(&mut row, &mut before);
        if sum.count % STRIDE == 0 {
            progress(sum.count)?;
        }
    }
    Ok(Some(sum))
}
