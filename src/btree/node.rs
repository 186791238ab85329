//! One page of a b-tree, taken apart and checked (<https://sqlite.org/fileformat2.html#b_tree_pages>).

use super::pages::{Malformed, Pages, Read, Stop, number};
use super::record::varint;

/// What a page of a b-tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// Whether it belongs to a table with rowids; else to an index or a table without.
    pub(super) table: bool,
    pub(super) leaf: bool,
}

impl Kind {
    const fn of(flag: usize) -> Option<Self> {
        Some(match flag {
            2 => Self { table: false, leaf: false },
            5 => Self { table: true, leaf: false },
            10 => Self { table: false, leaf: true },
            13 => Self { table: true, leaf: true },
            _ => return None,
        })
    }
}

/// One cell. Places are within the page.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    /// The page with what comes before the cell; 0 on a leaf.
    pub(super) child: u32,
    /// The rowid, in a table with rowids.
    pub(super) rowid: i64,
    /// The length of the payload, with what is on overflow pages.
    pub(super) length: u32,
    pub(super) start: u32,
    /// How much of it is on this page.
    pub(super) local: u32,
    /// The first overflow page; 0 if there is none.
    pub(super) overflow: u32,
    end: u32,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
    pub(super) cells: Vec<Cell>,
    /// The page with what comes behind the last cell; 0 on a leaf.
    pub(super) last_child: u32,
    /// The first byte of each cell and free block and the one behind its last, in one number that orders
    /// them.
    extents: Vec<u64>,
    usable: usize,
    /// How much of a payload may stay on the page, and how much does at least.
    most: usize,
    least: usize,
}

/// The places of things on a page, from its header.
#[derive(Debug, Clone, Copy)]
struct Layout {
    cells: usize,
    pointers: usize,
    first_free: usize,
    content: usize,
    fragments: usize,
}

impl Node {
    pub(super) fn empty() -> Self {
        Self {
            number: 0,
            kind: Kind { table: true, leaf: true },
            data: Vec::new(),
            cells: Vec::new(),
            last_child: 0,
            extents: Vec::new(),
            usable: 0,
            most: 0,
            least: 0,
        }
    }

    /// Reads a page into this buffer and checks all of it: every byte of the content area belongs to one
    /// cell, one free block or a counted fragment, as SQLite's own check has it (`checkTreePage`). Pages that
    /// were checked elsewhere are only taken apart.
    pub(super) fn load(&mut self, pages: &mut impl Pages, page: u32) -> Read<()> {
        self.number = page;
        self.usable = pages.geometry().usable;
        pages.read(page, &mut self.data)?;
        self.data.truncate(self.usable);
        let layout = self.layout()?;
        self.cells.clear();
        self.extents.clear();
        for index in 0..layout.cells {
            let start = self.place(layout.pointers + 2 * index)?;
            let cell = self.cell(start)?;
            if start < layout.content {
                return Err(self.wrong("a cell lies outside the content"));
            }
            self.cells.push(cell);
            self.extents.push((start as u64) << 32 | u64::from(cell.end));
        }
        if pages.are_checked() {
            return Ok(());
        }
        self.free_blocks(layout)?;
        self.coverage(layout)
    }

    fn wrong(&self, what: &'static str) -> Stop {
        Stop::Malformed(Malformed { page: self.number, what })
    }

    fn field(&self, at: usize, width: usize) -> Read<usize> {
        number(&self.data, at, width).ok_or_else(|| self.wrong("it is cut off"))
    }

    /// Reads a place within the page, two bytes.
    fn place(&self, at: usize) -> Read<usize> {
        match self.data.get(at..at + 2) {
            Some([high, low]) => Ok(usize::from(*high) << 8 | usize::from(*low)),
            _ => Err(self.wrong("it is cut off")),
        }
    }

    fn page_number(&self, at: usize) -> Read<u32> {
        match self.data.get(at..at + 4) {
            Some([0, 0, 0, 0]) => Err(self.wrong("it points to page 0")),
            Some([one, two, three, four]) => Ok(u32::from_be_bytes([*one, *two, *three, *four])),
            _ => Err(self.wrong("it is cut off")),
        }
    }

    fn layout(&mut self) -> Read<Layout> {
        let start = if self.number == 1 { 100 } else { 0 };
        let kind = Kind::of(self.field(start, 1)?);
        self.kind = kind.ok_or_else(|| self.wrong("it is no page of a b-tree"))?;
        let header = if self.kind.leaf { 8 } else { 12 };
        self.last_child = if self.kind.leaf { 0 } else { self.page_number(start + 8)? };
        let layout = Layout {
            cells: self.field(start + 3, 2)?,
            pointers: start + header,
            first_free: self.field(start + 1, 2)?,
            content: match self.field(start + 5, 2)? {
                0 => 65_536,
                place => place,
            },
            fragments: self.field(start + 7, 1)?,
        };
        let share = |part: usize| (self.usable - 12) * part / 255 - 23;
        self.least = share(32);
        self.most = if self.kind.table { self.usable - 35 } else { share(64) };
        if layout.pointers + 2 * layout.cells > layout.content || layout.content > self.usable {
            return Err(self.wrong("the content begins at an impossible place"));
        }
        Ok(layout)
    }

    fn cell(&self, start: usize) -> Read<Cell> {
        let mut cell = Cell::default();
        let mut at = start;
        if !self.kind.leaf {
            cell.child = self.page_number(at)?;
            at += 4;
        }
        if self.kind.table && !self.kind.leaf {
            let (key, width) = self.varint(at)?;
            cell.rowid = key.cast_signed();
            return self.sized(cell, start, at + width);
        }
        let (length, width) = self.payload_length(at)?;
        at += width;
        if self.kind.table {
            let (rowid, width) = self.varint(at)?;
            cell.rowid = rowid.cast_signed();
            at += width;
        }
        let local = self.local(length as usize);
        (cell.length, cell.start, cell.local) = (length, narrow(at), narrow(local));
        // SQLite reads the length of the header even of an empty record, from the byte behind it (`OP_Column` in
        // vdbe.c): where that is 0, all its values are NULL, else the record is corrupt.
        let begins = self.data.get(at).is_some_and(|first| match length {
            0 => *first == 0 && self.kind.table && at < self.usable,
            // So does it where the length is cut off: the bytes behind belong to no record, and change with a copy.
            _ if *first >= 0x80 => {
                self.data.get(at..at + local).is_some_and(|it| varint(it).is_some())
            }
            _ => *first >= 2,
        });
        if !begins {
            return Err(self.wrong("a record begins with an impossible header"));
        }
        at += local;
        if cell.local < length {
            cell.overflow = self.page_number(at)?;
            at += 4;
        }
        self.sized(cell, start, at)
    }

    fn sized(&self, mut cell: Cell, start: usize, end: usize) -> Read<Cell> {
        // No cell is shorter than a free block.
        let end = end.max(start + 4);
        if end > self.usable {
            return Err(self.wrong("a cell runs off the page"));
        }
        cell.end = narrow(end);
        Ok(cell)
    }

    /// Reads the length of a payload as `btreeParseCellPtr` does: of the ninth byte only seven bits count.
    fn payload_length(&self, at: usize) -> Read<(u32, usize)> {
        let bytes = self.data.get(at..).unwrap_or_default();
        let Some((number, width)) = varint(bytes) else { return Err(self.wrong("it is cut off")) };
        let number = if width < 9 {
            number
        } else {
            bytes.iter().take(9).fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f))
        };
        match u32::try_from(number) {
            Ok(length @ ..=0x7fff_ffff) => Ok((length, width)),
            Ok(_) | Err(_) => Err(self.wrong("a record is impossibly long")),
        }
    }

    fn varint(&self, at: usize) -> Read<(u64, usize)> {
        let bytes = self.data.get(at..).unwrap_or_default();
        varint(bytes).ok_or_else(|| self.wrong("it is cut off"))
    }

    /// How much of a payload stays on the page
    /// (<https://sqlite.org/fileformat2.html#cell_payload_overflow_pages>).
    fn local(&self, length: usize) -> usize {
        if length <= self.most {
            return length;
        }
        let kept = self.least + (length - self.least) % (self.usable - 4);
        if kept <= self.most { kept } else { self.least }
    }

    fn free_blocks(&mut self, layout: Layout) -> Read<()> {
        let mut start = layout.first_free;
        while start != 0 {
            if start < layout.content {
                return Err(self.wrong("a free block lies outside the content"));
            }
            let (next, size) = (self.field(start, 2)?, self.field(start + 2, 2)?);
            if size < 4 || start + size > self.usable || (next != 0 && next <= start + size + 3) {
                return Err(self.wrong("the free blocks are not in order"));
            }
            self.extents.push((start as u64) << 32 | (start + size) as u64);
            start = next;
        }
        Ok(())
    }

    fn coverage(&mut self, layout: Layout) -> Read<()> {
        self.extents.sort_unstable();
        let (mut end, mut fragments) = (layout.content as u64, 0);
        for extent in &self.extents {
            let (first, behind) = (extent >> 32, extent & 0xffff_ffff);
            let Some(gap) = first.checked_sub(end) else {
                return Err(self.wrong("two cells use the same bytes"));
            };
            fragments += gap;
            end = behind;
        }
        fragments += self.usable as u64 - end;
        if fragments != layout.fragments as u64 {
            return Err(self.wrong("its free bytes are not counted right"));
        }
        Ok(())
    }
}

/// A place within a page, which has at most 65,536 bytes.
#[expect(clippy::cast_possible_truncation, reason = "see above")]
const fn narrow(place: usize) -> u32 {
    place as u32
}
