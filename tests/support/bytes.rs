//! A database as bytes, read by the engine's own reader of the file format.

use phaseshift::btree::{
    Collation, Cursor, Fields, Geometry, IndexShape, KeyPart, Malformed, Pages, Read, Rows, Stop,
    ValueSource, compare_trees, indexes_project,
};

/// The pages of a file's bytes, which tests damage.
#[derive(Debug, Clone, Copy)]
pub struct BytePages<'b> {
    bytes: &'b [u8],
    geometry: Geometry,
}

impl<'b> BytePages<'b> {
    /// Takes the bytes of a database file that no journal or WAL completes.
    ///
    /// # Errors
    /// [`Stop::Malformed`] if they do not begin with the header of a database.
    pub fn new(bytes: &'b [u8]) -> Read<Self> {
        let geometry = Geometry::read(bytes, 0)?;
        let pages = u32::try_from(bytes.len() / geometry.page_size).unwrap_or(u32::MAX);
        Ok(Self { bytes, geometry: Geometry { pages, ..geometry } })
    }
}

impl Pages for BytePages<'_> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, number: u32, into: &mut Vec<u8>) -> Read<()> {
        let size = self.geometry.page_size;
        let start = (number as usize).checked_sub(1).and_then(|before| before.checked_mul(size));
        let page = start.and_then(|start| self.bytes.get(start..start.checked_add(size)?));
        let Some(page) = page else {
            let what = "there is no such page";
            return Err(Stop::Malformed(Malformed { page: number, what }));
        };
        into.clear();
        into.extend_from_slice(page);
        Ok(())
    }
}

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
        if fields.read_first(&record, usize::MAX).is_some() {
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
            part(ValueSource::Field(0), false, Collation::NoCase),
            part(ValueSource::Stored(1), true, Collation::RTrim),
            part(ValueSource::Rowid, false, Collation::Binary),
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
