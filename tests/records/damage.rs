//! Bytes that are no database any more, and everything that reads them: an answer, never a panic.

use std::path::Path;

use phaseshift::btree::{Cursor, Fields, Stop};
use rusqlite::Connection;
use support::bytes::{BytePages, exercise};

use crate::scene::{Chance, Format, integrity, root};

/// Small files of all formats.
fn files() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let small = Format::all().into_iter().filter(|it| it.page_size <= 1_024).enumerate();
    let make = |(number, format): (usize, Format)| {
        let path = folder.path().join(format!("{number}.db"));
        drop(format.make(&path, 25, &mut Chance::new(6_000 + number as u64)));
        std::fs::read(path).unwrap()
    };
    small.map(make).collect()
}

/// Changes some bytes: anywhere, or where the structure is.
fn mutate(bytes: &mut Vec<u8>, page_size: usize, chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let page = chance.below(bytes.len() / page_size) * page_size;
        let place = match chance.below(5) {
            0 => page + chance.below(14),
            1 => page + 8 + chance.below(40),
            2 if page == 0 => 100 + chance.below(12),
            3 => 16 + chance.below(84),
            _ => chance.below(bytes.len()),
        };
        let value = match chance.below(4) {
            0 => 0,
            1 => 0xff,
            2 => bytes[place] ^ (1 << chance.below(8)),
            _ => chance.number().to_le_bytes()[0],
        };
        bytes[place] = value;
    }
    match chance.below(12) {
        0 => bytes.truncate(chance.below(bytes.len())),
        1 => {
            let (from, to) =
                (chance.below(bytes.len() / page_size), chance.below(bytes.len() / page_size));
            bytes.copy_within(from * page_size..(from + 1) * page_size, to * page_size);
        }
        _ => {}
    }
}

#[test]
fn no_bytes_make_the_reader_panic_or_run_for_ever() {
    let files = files();
    let mut chance = Chance::new(7);
    let (mut read, mut rounds) = (0, 0);
    for round in 0..6_000 {
        let original = &files[round % files.len()];
        let page_size = usize::from(u16::from_be_bytes([original[16], original[17]]));
        let mut bytes = original.clone();
        mutate(&mut bytes, page_size, &mut chance);
        read += exercise(&bytes);
        rounds += 1;
    }
    assert_eq!(rounds, 6_000);
    assert!(
        read > 1_000_000,
        "only {read} entries and fields were read: the files are refused too early"
    );
    for length in 0..200 {
        exercise(&vec![0xff; length]);
        exercise(&files[0][..length]);
    }
}

/// Walks a tree to its end.
fn walk(bytes: &[u8], root: u32) -> Result<u64, String> {
    let words = |stop: Stop| match stop {
        Stop::Malformed(found) => found.to_string(),
        Stop::Failed(error) => panic!("{error}"),
    };
    let mut pages = BytePages::new(bytes).map_err(words)?;
    let mut cursor = Cursor::new(&mut pages, root).map_err(words)?;
    let (mut entries, mut record, mut fields) = (0, Vec::new(), Fields::default());
    while cursor.advance().map_err(words)? {
        entries += 1;
        cursor.begin(usize::MAX, &mut record).map_err(words)?;
        if fields.read_first(&record, usize::MAX).is_none() || fields.end() != record.len() {
            return Err("no record".to_owned());
        }
    }
    Ok(entries)
}

/// A file with a table of two levels and with overflow pages; the places that the tests edit.
#[derive(Clone)]
struct Tree {
    bytes: Vec<u8>,
    root: u32,
    /// The first children of the root.
    children: [u32; 2],
    /// The root of a table without rowids.
    other: u32,
}

const PAGE: usize = 1_024;

impl Tree {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.db");
        let connection = Connection::open(&path).unwrap();
        let sql =
            "PRAGMA page_size=1024; CREATE TABLE t(a); CREATE TABLE o(a PRIMARY KEY) WITHOUT ROWID;
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 60)
            INSERT INTO t SELECT zeroblob(100) FROM n; INSERT INTO t VALUES (zeroblob(5000))";
        connection.execute_batch(sql).unwrap();
        let first = root(&connection, "t");
        let bytes = std::fs::read(&path).unwrap();
        let other = root(&connection, "o");
        let mut tree = Self { bytes, root: first, children: [0; 2], other };
        for number in 0..2 {
            let start = tree.start(first);
            let pointer = u16::from_be_bytes([
                tree.bytes[start + 12 + 2 * number],
                tree.bytes[start + 13 + 2 * number],
            ]);
            let at = start + usize::from(pointer);
            let child: [u8; 4] = tree.bytes[at..at + 4].try_into().unwrap();
            tree.children[number] = u32::from_be_bytes(child);
        }
        tree
    }

    fn start(&self, page: u32) -> usize {
        (page as usize - 1) * PAGE
    }

    /// Edits bytes from the start of a page.
    fn set(&mut self, page: u32, at: usize, values: &[u8]) {
        let start = self.start(page) + at;
        self.bytes[start..start + values.len()].copy_from_slice(values);
    }

    /// What SQLite says.
    fn sqlite(&self) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.db");
        std::fs::write(&path, &self.bytes).unwrap();
        integrity(&Connection::open(&path).unwrap())
    }
}

#[test]
fn damage_is_named_with_its_page() {
    let whole = Tree::make();
    assert_eq!(walk(&whole.bytes, whole.root), Ok(61));
    let (root, [first, second]) = (whole.root, whole.children);
    let mut cases: Vec<(&str, Tree, u32)> = Vec::new();
    let mut case = |what, page, edit: &dyn Fn(&mut Tree)| {
        let mut tree = whole.clone();
        edit(&mut tree);
        cases.push((what, tree, page));
    };
    case("it is no page of a b-tree", first, &|it| it.set(first, 0, &[7]));
    case("tables and indexes are mixed", whole.other, &|it| {
        it.set(root, 8, &whole.other.to_be_bytes());
    });
    case("it points to page 0", root, &|it| it.set(root, 8, &[0; 4]));
    case("a tree points to it, and there is no such page", 0x7777, &|it| {
        it.set(root, 8, &[0, 0, 0x77, 0x77])
    });
    case("it is used twice", first, &|it| it.set(root, 8, &first.to_be_bytes()));
    case("it is used twice", root, &|it| it.set(root, 8, &root.to_be_bytes()));
    case("the content begins at an impossible place", first, &|it| it.set(first, 5, &[0, 9]));
    case("a cell lies outside the content", first, &|it| it.set(first, 8, &[0, 1]));
    case("two cells use the same bytes", first, &|it| {
        let start = it.start(first) + 8;
        it.bytes.copy_within(start..start + 2, start + 2);
    });
    case("its free bytes are not counted right", second, &|it| it.set(second, 7, &[3]));
    case("a free block lies outside the content", second, &|it| it.set(second, 1, &[0, 3]));
    case("its rowids are not in order", first, &|it| {
        let start = it.start(first) + 8;
        it.bytes[start..start + 4].rotate_left(2);
    });
    case("its rowids are not in order", root, &|it| {
        // The key behind the first child is smaller than the last row of it.
        let at = usize::from(u16::from_be_bytes([
            it.bytes[it.start(root) + 12],
            it.bytes[it.start(root) + 13],
        ]));
        it.set(root, at + 4, &[1]);
    });
    for (what, tree, page) in cases {
        assert_eq!(walk(&tree.bytes, tree.root), Err(format!("page {page}: {what}")));
        assert_ne!(tree.sqlite(), ["ok"], "{what}");
    }
}

#[test]
fn an_overflow_chain_of_the_wrong_length_is_named() {
    let whole = Tree::make();
    let count = u32::try_from(whole.bytes.len() / PAGE).unwrap();
    let chained: Vec<u32> = (1..=count)
        .filter(|page| {
            let start = whole.start(*page);
            let next = u32::from_be_bytes(whole.bytes[start..start + 4].try_into().unwrap());
            next == page + 1
        })
        .collect();
    assert!(chained.len() >= 2, "{chained:?}");
    for next in [0_u32, whole.root, 99_999] {
        let mut tree = whole.clone();
        tree.set(chained[0], 0, &next.to_be_bytes());
        walk(&tree.bytes, tree.root).unwrap_err();
        assert_ne!(tree.sqlite(), ["ok"]);
    }
    let mut tree = whole;
    let last = chained[chained.len() - 1] + 1;
    tree.set(last, 0, &chained[0].to_be_bytes());
    let found = walk(&tree.bytes, tree.root);
    assert_eq!(found, Err(format!("page {last}: an overflow chain has the wrong length")));
}

#[test]
fn whatever_sqlite_finds_in_the_pages_of_a_table_is_found_here() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.db");
    let whole = Tree::make();
    let mut chance = Chance::new(8);
    let (mut damaged, mut missed) = (0, Vec::new());
    for round in 0..2_000 {
        let mut tree = whole.clone();
        let pages: Vec<u32> = [whole.root, whole.children[0], whole.children[1]].to_vec();
        let page = pages[chance.below(3)];
        let at = if chance.below(2) == 0 { chance.below(40) } else { chance.below(PAGE) };
        tree.set(page, at, &[chance.number().to_le_bytes()[0]]);
        let sqlite = quick(&tree, &path);
        if sqlite != ["ok"] {
            damaged += 1;
            if walk(&tree.bytes, tree.root).is_ok() {
                missed.push((round, page, at, sqlite));
            }
        }
    }
    assert!(damaged > 500, "{damaged}");
    assert_eq!(missed, Vec::new());
}

/// What SQLite says of the pages of the table.
fn quick(tree: &Tree, path: &Path) -> Vec<String> {
    std::fs::write(path, &tree.bytes).unwrap();
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("PRAGMA quick_check(t)").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(|row| row.unwrap_or_else(|error| error.to_string())).collect()
}
