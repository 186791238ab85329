//! Everything that reads bytes, on any bytes: what a fuzzer calls.

use super::compare::compare_trees;
use super::cursor::Cursor;
use super::index::{IndexShape, Rows, indexes_project};
use super::order::Collation;
use super::pages::{Pages, Read};
use super::record::Fields;
use super::record_buffer::{KeyPart, Place};
use super::source::BytePages;

/// More pages than this are not begun with.
const ROOTS: u32 = 64;

/// Walks every tree that begins anywhere in some bytes, reads every record of it, compares it with itself
/// and takes it for a table and for an index. Returns the number of entries passed. Never panics.
pub fn exercise(bytes: &[u8]) -> u64 {
    let Ok(mut pages) = BytePages::new(bytes) else { return 0 };
    let count = pages.geometry().pages.min(ROOTS);
    (1..=count).map(|root| tree(&mut pages, root).unwrap_or(0)).sum()
}

fn tree(pages: &mut BytePages<'_>, root: u32) -> Read<u64> {
    let (mut record, mut fields) = (Vec::new(), Fields::default());
    let mut entries = 0;
    let mut cursor = Cursor::new(pages, root)?;
    let is_table = cursor.is_table();
    while cursor.advance()? {
        entries += 1;
        cursor.begin(usize::MAX, &mut record)?;
        if fields.read(&record).is_some() {
            entries += (0..fields.count())
                .filter(|number| fields.value(&record, *number).is_some())
                .count() as u64;
        }
    }
    let mut other = *pages;
    compare_trees((pages, root), (&mut other, root), &mut |_| Ok(()))?;
    let part = |place, descending, collation| KeyPart { place, descending, collation };
    let shape = IndexShape {
        root,
        parts: vec![
            part(Place::Field(0), false, Collation::NoCase),
            part(Place::Stored(1), true, Collation::RTrim),
            part(Place::Rowid, false, Collation::Binary),
        ],
        unique: Some(1),
    };
    let key = if is_table { Vec::new() } else { shape.parts[..1].to_vec() };
    for index in [root, root + 1] {
        let shapes = [IndexShape { root: index, ..shape.clone() }];
        indexes_project(pages, &Rows { root, key: key.clone() }, &shapes, &mut |_| Ok(()))?;
    }
    Ok(entries)
}
