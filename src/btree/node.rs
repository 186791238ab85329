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
    pub(super) length: usize,
    /// Where the payload begins.
    pub(super) start: usize,
    /// How much of it is on this page.
    pub(super) local: usize,
    /// The first overflow page; 0 if there is none.
    pub(super) overflow: u32,
    /// The bytes of the whole cell.
    size: usize,
}

/// A page of a b-tree.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
    pub(super) cells: Vec<Cell>,
    /// The page with what comes behind the last cell; 0 on a leaf.
    pub(super) last_child: u32,
    /// The first and last byte of each cell and free block.
    extents: Vec<(usize, usize)>,
    usable: usize,
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
        }
    }

    /// Reads a page into this buffer and checks all of it: every byte of the content area belongs to one
    /// cell, one free block or a counted fragment, as SQLite's own check has it (`checkTreePage`).
    pub(super) fn load(&mut self, pages: &mut impl Pages, page: u32) -> Read<()> {
        self.number = page;
        self.usable = pages.geometry().usable;
        pages.read(page, &mut self.data)?;
        self.data.truncate(self.usable);
        let layout = self.layout()?;
        self.cells.clear();
        self.extents.clear();
        for index in 0..layout.cells {
            let start = self.field(layout.pointers + 2 * index, 2)?;
            let cell = self.cell(start)?;
            if start < layout.content {
                return Err(self.wrong("a cell lies outside the content"));
            }
            self.cells.push(cell);
            self.extents.push((start, start + cell.size));
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

    fn page_number(&self, at: usize) -> Read<u32> {
        let found = u32::try_from(self.field(at, 4)?).ok().filter(|it| *it != 0);
        found.ok_or_else(|| self.wrong("it points to page 0"))
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
        let (first, width) = self.varint(at)?;
        at += width;
        if self.kind.table && !self.kind.leaf {
            cell.rowid = first.cast_signed();
            return self.sized(cell, start, at);
        }
        if self.kind.table {
            let (rowid, width) = self.varint(at)?;
            cell.rowid = rowid.cast_signed();
            at += width;
        }
        let length = usize::try_from(first).ok().filter(|it| *it <= 0x7fff_ffff);
        cell.length = length.ok_or_else(|| self.wrong("a record is impossibly long"))?;
        cell.start = at;
        cell.local = self.local(cell.length);
        if cell.length > 0 && self.field(at, 1)? < 2 {
            return Err(self.wrong("a record begins with an impossible header"));
        }
        at += cell.local;
        if cell.local < cell.length {
            cell.overflow = self.page_number(at)?;
            at += 4;
        }
        self.sized(cell, start, at)
    }

    fn sized(&self, mut cell: Cell, start: usize, end: usize) -> Read<Cell> {
        // No cell is shorter than a free block.
        cell.size = (end - start).max(4);
        if start + cell.size > self.usable {
            return Err(self.wrong("a cell runs off the page"));
        }
        Ok(cell)
    }

    fn varint(&self, at: usize) -> Read<(u64, usize)> {
        let bytes = self.data.get(at..).unwrap_or_default();
        varint(bytes).ok_or_else(|| self.wrong("it is cut off"))
    }

    /// How much of a payload stays on the page
    /// (<https://sqlite.org/fileformat2.html#cell_payload_overflow_pages>).
    fn local(&self, length: usize) -> usize {
        let usable = self.usable;
        let most = if self.kind.table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        if length <= most {
            return length;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let kept = least + (length - least) % (usable - 4);
        if kept <= most { kept } else { least }
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
            self.extents.push((start, start + size));
            start = next;
        }
        Ok(())
    }

    fn coverage(&mut self, layout: Layout) -> Read<()> {
        self.extents.sort_unstable();
        let (mut end, mut fragments) = (layout.content, 0);
        for (first, behind) in &self.extents {
            let Some(gap) = first.checked_sub(end) else {
                return Err(self.wrong("two cells use the same bytes"));
            };
            fragments += gap;
            end = *behind;
        }
        fragments += self.usable - end;
        if fragments != layout.fragments {
            return Err(self.wrong("its free bytes are not counted right"));
        }
        Ok(())
    }
}
