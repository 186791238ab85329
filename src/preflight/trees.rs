//! How many pages the trees of a file have, without reading most of them.
//!
//! All leaves of a tree are equally deep (<https://sqlite.org/fileformat2.html#b_tree_pages>), so that the pages
//! above them tell how many there are.

use std::collections::BTreeMap;

use crate::btree::{DbPages, Malformed, Pages, Read, Stop};
use crate::database::{Database, FileSize};
use crate::error::Result;
use crate::name::fold;
use crate::schema::Schema;

/// The deepest tree that is believed; one of that depth cannot exist.
const DEPTH: u32 = 20;

/// The kinds of pages with others below: of an index, of a table.
const INTERIOR: [u8; 2] = [2, 5];

/// The pages of a file, tree by tree.
#[derive(Debug, Clone, Default)]
pub(super) struct TreePages {
    /// The least number, by the folded name of a table or index.
    known: BTreeMap<String, u64>,
    /// Pages in use that no tree is known to have: long values go on in them.
    pub(super) beside: u64,
}

impl TreePages {
    /// Counts the pages of every table and index. What cannot be read counts as not known.
    pub(super) fn count(database: &Database, schema: &Schema) -> Result<Self> {
        let size = FileSize::of(database)?;
        let mut found = Self { known: BTreeMap::new(), beside: size.pages - size.free_pages };
        let Some(mut pages) = DbPages::open(database.connection())? else { return Ok(found) };
        for object in schema.objects.iter().chain(&schema.internal) {
            let Some(root) = u32::try_from(object.root).ok().filter(|it| *it > 0) else { continue };
            match count(&mut pages, root, DEPTH, &mut size.pages.clone()) {
                Ok(count) => {
                    found.beside = found.beside.saturating_sub(count);
                    found.known.insert(fold(&object.name), count);
                }
                Err(Stop::Malformed(_)) => {}
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The pages of a table or index, long values left out.
    pub(super) fn of(&self, name: &str) -> u64 {
        self.known.get(&fold(name)).copied().unwrap_or(0)
    }

    pub(super) fn all(&self) -> u64 {
        self.known.values().sum::<u64>() + self.beside
    }
}

/// Counts the pages of a tree. A damaged one may lead in circles, at each level as often as a page has cells: it has
/// no more pages than are left of those of the file.
fn count<P: Pages>(pages: &mut P, root: u32, depth: u32, left: &mut u64) -> Read<u64> {
    let mut page = Vec::new();
    pages.read(root, &mut page)?;
    let start = if root == 1 { 100 } else { 0 };
    let below = children(page.get(start..).unwrap_or_default(), &page);
    let what = "its tree has more pages than the file";
    let malformed = || Stop::Malformed(Malformed { page: root, what });
    *left = left.checked_sub(1).ok_or_else(malformed)?;
    let Some(first) = below.first().filter(|_| depth > 0) else { return Ok(1) };
    let mut next = Vec::new();
    pages.read(*first, &mut next)?;
    if !next.first().is_some_and(|kind| INTERIOR.contains(kind)) {
        return Ok(1 + below.len() as u64);
    }
    below.iter().try_fold(1, |sum, child| Ok(sum + count(pages, *child, depth - 1, left)?))
}

/// The pages below one; none if it is a leaf.
fn children(header: &[u8], page: &[u8]) -> Vec<u32> {
    if !header.first().is_some_and(|kind| INTERIOR.contains(kind)) {
        return Vec::new();
    }
    let two = |bytes: &[u8], at: usize| {
        let field = bytes.get(at..at + 2)?;
        Some(usize::from(field[0]) << 8 | usize::from(field[1]))
    };
    let number = |bytes: &[u8], at: usize| {
        let field = bytes.get(at..at + 4)?;
        Some(field.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    };
    let cells = two(header, 3).unwrap_or(0);
    let cell = |index: usize| number(page, two(header, 12 + 2 * index)?);
    (0..cells).filter_map(cell).chain(number(header, 8)).collect()
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;
    use crate::btree::Geometry;

    /// A file in which every page is the same: all its cells lead back to the second page.
    #[derive(Debug)]
    struct Circle;

    impl Pages for Circle {
        fn geometry(&self) -> Geometry {
            Geometry { page_size: 512, usable: 512, pages: 3 }
        }

        fn read(&mut self, _: u32, into: &mut Vec<u8>) -> Read<()> {
            *into = vec![0; 512];
            (into[0], into[4]) = (5, 100);
            for cell in 0..100 {
                into[12 + 2 * cell..14 + 2 * cell].copy_from_slice(&[1, 244]);
            }
            into[11] = 2;
            into[503] = 2;
            Ok(())
        }
    }

    /// A hundred cells at twenty levels were followed to the end of time.
    #[test]
    fn a_tree_that_leads_in_circles_is_malformed() {
        assert!(matches!(count(&mut Circle, 2, DEPTH, &mut 3), Err(Stop::Malformed(_))));
    }

    #[test]
    fn the_pages_of_trees_are_those_that_sqlite_counts() {
        for size in [512, 1_024, 4_096] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            let connection = Connection::open_with_flags(&path, flags).unwrap();
            connection
                .execute_batch(&format!(
                    "PRAGMA page_size={size}; CREATE TABLE t(a INTEGER PRIMARY KEY, b);
                     CREATE INDEX i ON t(b); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;
                     CREATE TABLE empty(x);
                     WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 5000)
                     INSERT INTO t SELECT v, hex(v * 7919 % 5000) FROM n;
                     INSERT INTO w SELECT b, a FROM t;"
                ))
                .unwrap();
            let mut pages = DbPages::open(&connection).unwrap().unwrap();
            for name in ["t", "i", "w", "empty", "sqlite_schema"] {
                let ask = |sql: &str| connection.query_row(sql, [name], |row| row.get(0)).unwrap();
                let root: i64 =
                    ask("SELECT max(rootpage) FROM (SELECT rootpage FROM sqlite_schema \
                                     WHERE name = ?1 UNION SELECT 1)");
                let expected: i64 =
                    ask("SELECT count(*) FROM dbstat WHERE name = ?1 AND pagetype <> 'overflow'");
                let root = u32::try_from(root).unwrap();
                let found = count(&mut pages, root, DEPTH, &mut expected.cast_unsigned());
                assert_eq!(found.map_err(|_| ()), Ok(expected.cast_unsigned()), "{name}, {size}");
            }
        }
    }
}
