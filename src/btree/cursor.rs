//! A walk over one b-tree in key order.

use super::node::{Cell, Node};
use super::pages::{Geometry, Malformed, Pages, Read, Stop, number};
use super::set::PageSet;

/// SQLite gives up on deeper trees (`BTCURSOR_MAX_DEPTH`).
const DEPTH: usize = 20;

/// A walk over the entries of a tree, from the first to the last. One page of each level is in memory.
///
/// What is passed is checked: pages, the order of rowids, the depth of all leaves, and that no page is
/// used twice.
#[derive(Debug)]
pub struct Cursor<'p, P> {
    pages: &'p mut P,
    geometry: Geometry,
    /// From the root down.
    path: Vec<Level>,
    /// Nodes to be used again.
    spare: Vec<Node>,
    visited: PageSet,
    leaves: Option<usize>,
    last: Option<i64>,
    cell: Cell,
    /// What of the payload is not read yet, and the overflow page that it is on.
    rest: (usize, u32),
    overflow: Vec<u8>,
    table: bool,
}

#[derive(Debug)]
struct Level {
    node: Node,
    /// On a leaf the number of cells passed; else twice that, plus one behind the child before a cell.
    step: usize,
}

impl<'p, P: Pages> Cursor<'p, P> {
    /// Begins before the first entry of the tree with this root.
    ///
    /// # Errors
    /// [`Stop::Malformed`] if the root is no page of a b-tree.
    pub fn new(pages: &'p mut P, root: u32) -> Read<Self> {
        let geometry = pages.geometry();
        let mut cursor = Self {
            pages,
            geometry,
            path: Vec::new(),
            spare: Vec::new(),
            visited: PageSet::new(geometry),
            leaves: None,
            last: None,
            cell: Cell::default(),
            rest: (0, 0),
            overflow: Vec::new(),
            table: true,
        };
        cursor.descend(root)?;
        cursor.table = cursor.path.last().is_some_and(|root| root.node.kind.table);
        Ok(cursor)
    }

    /// Returns whether the tree is a table with rowids; else it is an index or a table without.
    pub fn is_table(&self) -> bool {
        self.table
    }

    /// Returns the rowid of the entry; 0 in an index.
    pub fn rowid(&self) -> i64 {
        self.cell.rowid
    }

    /// Returns the length of the record in bytes.
    pub fn length(&self) -> usize {
        self.cell.length as usize
    }

    /// Returns the first bytes of the record: those that are not on overflow pages.
    pub fn local(&self) -> &[u8] {
        let Some(level) = self.path.last() else { return &[] };
        let start = self.cell.start as usize;
        level.node.data.get(start..start + self.cell.local as usize).unwrap_or_default()
    }

    /// Returns whether the record goes on behind the bytes that were read.
    pub fn has_more(&self) -> bool {
        self.rest.0 > 0
    }

    /// Returns the pages that were read so far.
    pub fn into_visited(self) -> PageSet {
        self.visited
    }

    /// Goes to the next entry; returns false behind the last one.
    pub fn advance(&mut self) -> Read<bool> {
        loop {
            let Some(level) = self.path.last_mut() else { return Ok(false) };
            let node = &level.node;
            let step = level.step;
            level.step += 1;
            if node.kind.leaf {
                let Some(cell) = node.cells.get(step) else {
                    self.ascend();
                    continue;
                };
                self.cell = *cell;
                self.rest = ((cell.length - cell.local) as usize, cell.overflow);
                if self.table {
                    self.ordered(self.cell.rowid, false)?;
                }
                return Ok(true);
            }
            let (place, is_cell) = (step / 2, step % 2 == 1);
            match node.cells.get(place) {
                Some(cell) if !is_cell => {
                    let child = cell.child;
                    self.descend(child)?;
                }
                Some(cell) if self.table => {
                    // The key may be that of a row on its left that is still there.
                    let key = cell.rowid;
                    self.ordered(key, true)?;
                }
                Some(cell) => {
                    self.cell = *cell;
                    self.rest = ((cell.length - cell.local) as usize, cell.overflow);
                    return Ok(true);
                }
                None if place == node.cells.len() && !is_cell => {
                    let child = node.last_child;
                    self.descend(child)?;
                }
                None => self.ascend(),
            }
        }
    }

    /// Reads the bytes of the record that follow those read before, overflow page by overflow page;
    /// nothing when there are no more.
    pub fn more(&mut self) -> Read<&[u8]> {
        let (left, page) = self.rest;
        if left == 0 {
            return Ok(&[]);
        }
        self.visited.visit(page, self.geometry)?;
        self.pages.read(page, &mut self.overflow)?;
        let here = left.min(self.geometry.usable - 4);
        let next = number(&self.overflow, 0, 4).and_then(|it| u32::try_from(it).ok());
        let wrong = |what| Err(Stop::Malformed(Malformed { page, what }));
        match next {
            None => return wrong("it is cut off"),
            Some(next) if (next == 0) != (here == left) => {
                return wrong("an overflow chain has the wrong length");
            }
            Some(next) => self.rest = (left - here, next),
        }
        match self.overflow.get(4..4 + here) {
            Some(bytes) => Ok(bytes),
            None => wrong("it is cut off"),
        }
    }

    /// Replaces the content of a buffer by the first bytes of the record: at least this number, or all.
    /// Once for each entry.
    pub fn begin(&mut self, least: usize, into: &mut Vec<u8>) -> Read<()> {
        into.clear();
        into.extend_from_slice(self.local());
        self.extend(least, into)
    }

    /// Reads on until the buffer holds at least this number of bytes of the record, or all.
    pub fn extend(&mut self, least: usize, into: &mut Vec<u8>) -> Read<()> {
        while into.len() < least {
            let more = self.more()?;
            if more.is_empty() {
                break;
            }
            into.extend_from_slice(more);
        }
        Ok(())
    }

    fn ordered(&mut self, rowid: i64, may_equal: bool) -> Read<()> {
        let fits = match self.last {
            None => true,
            Some(last) => last < rowid || (may_equal && last == rowid),
        };
        if !fits {
            return Err(self.wrong("its rowids are not in order"));
        }
        self.last = Some(rowid);
        Ok(())
    }

    fn wrong(&self, what: &'static str) -> Stop {
        let page = self.path.last().map_or(0, |level| level.node.number);
        Stop::Malformed(Malformed { page, what })
    }

    fn descend(&mut self, page: u32) -> Read<()> {
        if self.path.len() >= DEPTH {
            return Err(self.wrong("the tree is too deep"));
        }
        self.visited.visit(page, self.geometry)?;
        let mut node = self.spare.pop().unwrap_or_else(Node::empty);
        node.load(self.pages, page)?;
        let wrong = |what| Err(Stop::Malformed(Malformed { page, what }));
        if !self.path.is_empty() && node.kind.table != self.table {
            return wrong("tables and indexes are mixed");
        }
        let depth = self.path.len();
        if node.kind.leaf && *self.leaves.get_or_insert(depth) != depth {
            return wrong("its leaves are not at the same depth");
        }
        self.path.push(Level { node, step: 0 });
        Ok(())
    }

    fn ascend(&mut self) {
        self.spare.extend(self.path.pop().map(|level| level.node));
    }
}
