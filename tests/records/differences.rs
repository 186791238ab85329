//! Every kind of difference between a table and its copy, found by both judges: by records and by values.

use std::path::Path;

use phaseshift::records::{Records, RowsKnown};
use phaseshift::rows::{RowDelta, Side, compare};
use phaseshift::schema::{self, RowKey, Table};
use rusqlite::Connection;

use crate::scene::{Chance, Format, integrity};

/// The verdicts of the judges about the table `t` of two databases: whether it is the same, by records and by
/// SQLite's values. By fields of records only tables with rowids are judged; the verdict must be the same.
fn verdicts(before: &Connection, now: &Connection) -> (bool, bool) {
    let (one, two) = (schema::read(before).unwrap(), schema::read(now).unwrap());
    let (one, two) = (one.shape("t").unwrap(), two.shape("t").unwrap());
    let pairs: Vec<(String, String)> =
        one.columns.iter().map(|it| (it.name.clone(), it.name.clone())).collect();
    let mut records = Records::open(before, now).unwrap().unwrap();
    let same = records.same_table((one, two), &pairs, &mut |_| Ok(())).unwrap();
    let mut fields = Records::open(before, now).unwrap().unwrap();
    let rows = (pairs.as_slice(), "CREATE TABLE t(x)");
    let by_fields = fields.same_values((one, two), rows, &mut |_| Ok(())).unwrap();
    if one.key == RowKey::Rowid("rowid".to_owned()) || by_fields.is_some() {
        assert_eq!(by_fields.is_some(), same.is_some());
    }
    let columns: Vec<String> = pairs.into_iter().map(|(from, _)| from).collect();
    let side = |connection, table: &Table| Side {
        connection,
        table: "t",
        key: Box::leak(Box::new(table.key.clone())),
        columns: columns.clone(),
    };
    let by_value = compare(&side(before, one), &side(now, two), RowDelta::None, &mut |_| Ok(()));
    // SQLite may also call the file damaged.
    (same.is_some(), by_value.is_ok_and(|found| found.holds()))
}

fn copied(path: &Path, name: &str) -> Connection {
    let copy = path.with_file_name(name);
    std::fs::copy(path, &copy).unwrap();
    Connection::open(copy).unwrap()
}

/// One row that every kind of difference can be planted in: the key `k` is 1000.
const ROW: &str = "INSERT INTO t(a, b, c, d, k) VALUES (NULL, 'b', 1, zeroblob(200000), 1000);
                   INSERT INTO t(a, b, c, d, k) VALUES (0.0, 'bb', 'text ', x'00ff', 1001)";

/// Differences by SQL. Those with a condition on the rowid are for tables that have one.
const PLANTED: [(&str, &str); 16] = [
    ("a byte of a text", "UPDATE t SET b = 'B' WHERE k = 1000"),
    ("a space at the end", "UPDATE t SET c = 'text' WHERE k = 1001"),
    ("a zero byte at the end", "UPDATE t SET c = c || char(0) WHERE k = 1001"),
    ("a byte of a blob", "UPDATE t SET d = x'00fe' WHERE k = 1001"),
    (
        "the last byte of the last overflow page",
        "UPDATE t SET d = zeroblob(199999) || x'01' WHERE k = 1000",
    ),
    (
        "a byte in the middle of an overflow chain",
        "UPDATE t SET d = zeroblob(99999) || x'01' || zeroblob(100000) WHERE k = 1000",
    ),
    ("one byte less", "UPDATE t SET d = zeroblob(199999) WHERE k = 1000"),
    ("an integer", "UPDATE t SET c = 2 WHERE k = 1000"),
    ("a real for an integer", "UPDATE t SET c = 1.0 WHERE k = 1000"),
    ("the sign of zero", "UPDATE t SET a = -0.0 WHERE k = 1001"),
    ("a blob for a text", "UPDATE t SET c = CAST(c AS BLOB) WHERE k = 1001"),
    ("an empty text for NULL", "UPDATE t SET a = '' WHERE k = 1000"),
    ("a value moved to another column", "UPDATE t SET a = c, c = a WHERE k = 1000"),
    ("a row less", "DELETE FROM t WHERE k = 1000"),
    ("a row more", "INSERT INTO t(b, k) VALUES ('new', 5000)"),
    ("values of two rows exchanged", "UPDATE t SET c = iif(k = 1000, 'text ', 1) WHERE k >= 1000"),
];

const WITH_ROWIDS: [(&str, &str); 3] = [
    (
        "rowids exchanged",
        "UPDATE t SET rowid = 9000000000 WHERE k = 1000;
         UPDATE t SET rowid = (SELECT max(rowid) FROM main.t) + 1 WHERE k = 1001",
    ),
    ("another rowid", "UPDATE t SET rowid = -9000000000 WHERE k = 1000"),
    ("every rowid", "UPDATE t SET rowid = rowid + 9000000000000"),
];

#[test]
fn both_judges_find_every_difference() {
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in Format::all().into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let before = format.make(&path, 40, &mut Chance::new(3_000 + number as u64));
        before.execute_batch("DROP INDEX t_a; DROP INDEX t_b; DROP INDEX t_c").unwrap();
        before.execute_batch(ROW).unwrap();
        assert_eq!(verdicts(&before, &copied(&path, "copy.db")), (true, true), "{format:?}");
        let more: &[(&str, &str)] = if format.without_rowid { &[] } else { &WITH_ROWIDS };
        for (name, planted) in PLANTED.iter().chain(more) {
            let now = copied(&path, "now.db");
            now.execute_batch(planted).unwrap();
            assert_eq!(verdicts(&before, &now), (false, false), "{name}, {format:?}");
        }
    }
}

#[test]
fn a_file_laid_out_anew_holds_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in Format::all().into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let before = format.make(&path, 150, &mut Chance::new(4_000 + number as u64));
        let anew = folder.path().join(format!("{number}_anew.db"));
        before.execute("VACUUM INTO ?1", [anew.to_str().unwrap()]).unwrap();
        let now = Connection::open(&anew).unwrap();
        assert_eq!(verdicts(&before, &now), (true, true), "{format:?}");
        assert!(indexes_match(&before, &now), "{format:?}");
        // SQLite fills the pages of one index otherwise; the entries are the same.
        now.execute_batch("REINDEX").unwrap();
        assert!(indexes_match(&before, &now), "{format:?}");
    }
}

fn indexes_match(before: &Connection, now: &Connection) -> bool {
    let (one, two) = (schema::read(before).unwrap(), schema::read(now).unwrap());
    let tables = (one.shape("t").unwrap(), two.shape("t").unwrap());
    let pairs: Vec<(String, String)> =
        tables.0.columns.iter().map(|it| (it.name.clone(), it.name.clone())).collect();
    let mut records = Records::open(before, now).unwrap().unwrap();
    records.same_table(tables, &pairs, &mut |_| Ok(())).unwrap().unwrap();
    records.same_indexes(tables, RowsKnown::Records, &mut |_| Ok(())).unwrap().all
}

#[test]
fn an_index_that_lacks_or_has_something_does_not_match_the_backup() {
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in Format::all().into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let before = format.make(&path, 40, &mut Chance::new(5_000 + number as u64));
        before.execute_batch(ROW).unwrap();
        for (name, planted) in [
            ("missing", "DELETE FROM t WHERE k = 1000"),
            ("another value", "UPDATE t SET a = 'a' WHERE k = 1000"),
            (
                "one for another",
                "UPDATE t SET a = 'a' WHERE k = 1000; UPDATE t SET a = NULL WHERE k = 1001",
            ),
        ] {
            let now = copied(&path, "now.db");
            // The rows are put right again while SQLite does not know of the index.
            now.execute_batch(planted).unwrap();
            crate::scene::behind_the_back_of(
                &now,
                "t_a",
                &format!("ATTACH '{}' AS old; DELETE FROM t WHERE k >= 1000", path.display()),
            );
            let columns =
                if format.without_rowid { "a, b, c, d, k" } else { "rowid, a, b, c, d, k" };
            crate::scene::behind_the_back_of(
                &now,
                "t_a",
                &format!("INSERT INTO t({columns}) SELECT {columns} FROM old.t WHERE k >= 1000"),
            );
            assert_ne!(integrity(&now), ["ok"], "{name}, {format:?}");
            assert_eq!(verdicts(&before, &now), (true, true), "{name}, {format:?}");
            assert!(!indexes_match(&before, &now), "{name}, {format:?}");
        }
    }
}

/// Edits the bytes of a copy, and returns what both judges and SQLite say. The file has one page for the
/// schema and one leaf for the table.
fn edited(sql: &str, edit: impl Fn(&mut [u8])) -> (bool, bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("before.db");
    let before = Connection::open(&path).unwrap();
    before.execute_batch(sql).unwrap();
    let now = folder.path().join("now.db");
    let mut bytes = std::fs::read(&path).unwrap();
    edit(&mut bytes);
    std::fs::write(&now, bytes).unwrap();
    verdicts(&before, &Connection::open(&now).unwrap())
}

type Edit = Box<dyn Fn(&mut [u8])>;

fn place(bytes: &[u8], pattern: &[u8]) -> usize {
    let places: Vec<usize> =
        (0..bytes.len()).filter(|it| bytes[*it..].starts_with(pattern)).collect();
    assert_eq!(places.len(), 1, "the pattern is there once");
    places[0]
}

#[test]
fn differences_in_the_bytes_of_a_page_are_found() {
    let sql =
        "CREATE TABLE t(a, b); INSERT INTO t VALUES ('first', 7), ('second', 'x'), ('third', NULL)";
    // Length 9, rowid 1, header of 3: text of 5, an integer of one byte.
    let first = [9, 1, 3, 23, 1, b'f'];
    let judged = |edit: &dyn Fn(&mut [u8])| edited(sql, edit);
    assert_eq!(judged(&|_| {}), (true, true));
    let mut edits: Vec<(&str, Edit)> = Vec::new();
    edits.push(("a byte", Box::new(move |it| it[place(it, b"second")] ^= 1)));
    edits.push(("text to blob", Box::new(move |it| it[place(it, &first) + 3] = 22)));
    edits.push(("a rowid", Box::new(move |it| it[place(it, &first) + 1] = 0)));
    edits.push(("an integer", Box::new(move |it| it[place(it, &first) + 10] = 8)));
    edits.push(("a smaller column", Box::new(move |it| it[place(it, &first) + 4] = 8)));
    edits.push(("a row less", Box::new(|it| it[4_096 + 4] = 2)));
    edits.push(("rows exchanged", Box::new(|it| it[4_096 + 8..4_096 + 12].rotate_left(2))));
    edits.push(("a row twice", Box::new(|it| it.copy_within(4_096 + 8..4_096 + 10, 4_096 + 10))));
    for (name, edit) in edits {
        assert_eq!(judged(&edit), (false, false), "{name}");
    }
}

#[test]
fn two_tables_on_the_same_pages_are_not_the_same_as_two_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("before.db");
    let before = Connection::open(&path).unwrap();
    before.execute_batch("CREATE TABLE t(a); CREATE TABLE u(a); INSERT INTO t VALUES (1), (2); INSERT INTO u SELECT a FROM t").unwrap();
    let judged = |now: &Connection| {
        let schema = schema::read(&before).unwrap();
        let mut records = Records::open(&before, now).unwrap().unwrap();
        let pairs = [("a".to_owned(), "a".to_owned())];
        ["t", "u"].map(|name| {
            let table = schema.shape(name).unwrap();
            records.same_table((table, table), &pairs, &mut |_| Ok(())).unwrap()
        })
    };
    let now = copied(&path, "now.db");
    assert_eq!(judged(&now), [Some(2), Some(2)]);
    let share =
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 't')";
    crate::scene::edit_schema(&now, share);
    assert_eq!(judged(&now), [Some(2), None]);
}
