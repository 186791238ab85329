//! What our reader reads is what SQLite reads.

use phaseshift::btree::{
    Cursor, DbPages, Fields, OpenFile, Pages, ReadTransaction, Trees, Value, compare_trees,
};
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use crate::scene::{Chance, Format, root};
use support::bytes::BytePages;
use support::crafted::{Tally, judge};

/// Reads all entries of a tree: the rowid and the fields.
fn entries(pages: &mut impl Pages, root: u32) -> Vec<(i64, Vec<Sql>)> {
    let mut cursor = Cursor::new(pages, root).unwrap();
    let (mut all, mut record, mut fields) = (Vec::new(), Vec::new(), Fields::default());
    while cursor.advance().unwrap() {
        cursor.begin(usize::MAX, &mut record).unwrap();
        assert_eq!(record.len(), cursor.length());
        fields.read_first(&record, usize::MAX).unwrap();
        let values = (0..fields.count()).map(|it| match fields.value(&record, it).unwrap() {
            Value::Null => Sql::Null,
            Value::Integer(number) => Sql::Integer(number),
            Value::Real(number) => Sql::Real(number),
            // Its bytes, as it is stored.
            Value::Text(bytes) => Sql::Text(hex(bytes)),
            Value::Blob(bytes) => Sql::Blob(bytes.to_vec()),
        });
        all.push((cursor.rowid(), values.collect()));
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The same by SQL.
fn rows(
    connection: &Connection,
    rowid: &str,
    columns: &[&str],
    order: &str,
) -> Vec<(i64, Vec<Sql>)> {
    let list: Vec<String> = columns
        .iter()
        .map(|it| {
            format!("CASE typeof({it}) WHEN 'text' THEN hex(CAST({it} AS BLOB)) ELSE {it} END")
        })
        .collect();
    let sql = format!("SELECT {rowid}, {} FROM t NOT INDEXED {order}", list.join(", "));
    let mut statement = connection.prepare(&sql).unwrap();
    let found = statement.query_map([], |row| {
        let values = (1..=columns.len()).map(|it| row.get(it));
        Ok((row.get(0)?, values.collect::<rusqlite::Result<_>>()?))
    });
    found.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn every_row_and_entry_is_read_as_sqlite_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in Format::all().into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let mut chance = Chance::new(number as u64);
        let connection = format.make(&path, 150, &mut chance);
        let bytes = std::fs::read(&path).unwrap();
        let mut pages = BytePages::new(&bytes).unwrap();
        assert_eq!(pages.geometry().usable, (format.page_size - format.reserved) as usize);
        let table = entries(&mut pages, root(&connection, "t"));
        assert!(table.len() > 100, "{format:?}: {}", table.len());
        let expected = if format.without_rowid {
            rows(&connection, "0", &["b", "k", "a", "c", "d"], "ORDER BY b DESC, k")
        } else {
            rows(&connection, "rowid", &["a", "b", "c", "d", "k"], "ORDER BY rowid")
        };
        assert_eq!(table, expected, "{format:?}");
        if !format.without_rowid {
            let index = entries(&mut pages, root(&connection, "t_b"));
            let expected =
                rows(&connection, "0", &["b", "a", "rowid"], "ORDER BY b DESC, a, rowid");
            assert_eq!(index, expected, "{format:?}");
        }
    }
}

#[test]
fn pages_of_an_open_transaction_are_read_through_sqlite_and_equal_those_of_the_file_after_it() {
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in Format::all().into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let mut chance = Chance::new(1_000 + number as u64);
        let connection = format.make(&path, 60, &mut chance);
        let before = std::fs::read(&path).unwrap();
        connection
            .execute_batch("BEGIN; UPDATE t SET d = zeroblob(5000) WHERE k % 3 = 0; DELETE FROM t WHERE k % 4 = 0")
            .unwrap();
        let root = root(&connection, "t");
        let uncommitted = entries(&mut DbPages::open(&connection).unwrap().unwrap(), root);
        let compared = |bytes: &[u8]| {
            let mut file = BytePages::new(bytes).unwrap();
            let mut open = DbPages::open(&connection).unwrap().unwrap();
            compare_trees((&mut file, root), (&mut open, root), &mut |_| Ok(())).unwrap()
        };
        assert_eq!(compared(&before), Trees::Different, "{format:?}");
        connection.execute_batch("COMMIT").unwrap();
        let after = std::fs::read(&path).unwrap();
        assert_eq!(entries(&mut BytePages::new(&after).unwrap(), root), uncommitted, "{format:?}");
        assert!(matches!(compared(&after), Trees::Equal { .. }), "{format:?}");
    }
}

#[test]
fn a_comparison_can_be_stopped() {
    let connection = Connection::open_in_memory().unwrap();
    let sql = "CREATE TABLE t(a); WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20000)
               INSERT INTO t SELECT x FROM n";
    connection.execute_batch(sql).unwrap();
    let mut one = DbPages::open(&connection).unwrap().unwrap();
    let mut two = DbPages::open(&connection).unwrap().unwrap();
    let root = root(&connection, "t");
    let mut calls = 0;
    let mut stop = |passed| {
        calls += 1;
        assert!(passed > 0);
        if calls == 2 {
            return Err(phaseshift::Error::new(phaseshift::ErrorKind::Interrupted, "stop"));
        }
        Ok(())
    };
    let stopped = compare_trees((&mut one, root), (&mut two, root), &mut stop);
    assert!(matches!(stopped, Err(phaseshift::btree::Stop::Failed(_))), "{stopped:?}");
    assert_eq!(calls, 2);
}

/// Every page of a connection, as SQLite gives it out.
fn pages_of_sqlite(connection: &Connection) -> Vec<Vec<u8>> {
    let mut statement =
        connection.prepare("SELECT data FROM main.sqlite_dbpage ORDER BY pgno").unwrap();
    let pages = statement.query_map([], |row| row.get(0)).unwrap();
    pages.collect::<rusqlite::Result<_>>().unwrap()
}

/// Changes many rows with a small cache, so that pages have to be written before the end.
const CHANGED: &str = "PRAGMA cache_size=10; BEGIN; CREATE TABLE u(x);
    UPDATE t SET d = zeroblob(3000); DELETE FROM t WHERE k % 3 = 0; INSERT INTO u VALUES (1)";

#[test]
fn pages_of_an_open_transaction_are_those_that_sqlite_sees() {
    let folder = tempfile::tempdir().unwrap();
    let mut lent = 0;
    for (number, format) in Format::all().into_iter().enumerate().step_by(3) {
        for mode in ["delete", "persist", "wal", "memory"] {
            let path = folder.path().join(format!("{number}_{mode}.db"));
            let connection = format.make(&path, 150, &mut Chance::new(60 + number as u64));
            let set = format!("PRAGMA journal_mode={mode}");
            connection.query_row(&set, [], |_| Ok(())).unwrap();
            connection.execute_batch(CHANGED).unwrap();
            let mut pages = DbPages::open(&connection).unwrap().unwrap();
            let file = OpenFile::lend(&connection).unwrap();
            assert!(file.is_none() || mode == "delete" || mode == "persist", "{mode}");
            lent += usize::from(file.is_some());
            let mut page = Vec::new();
            for (expected, number) in pages_of_sqlite(&connection).iter().zip(1..) {
                pages.read(number, &mut page).unwrap();
                assert_eq!(&page, expected, "page {number}, {mode}, {format:?}");
            }
            drop(pages);
            connection.execute_batch("ROLLBACK").unwrap();
        }
    }
    assert!(lent > 0);
}

#[test]
fn a_file_is_not_lent_while_pages_wait_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("small.db")).unwrap();
    connection.execute_batch("CREATE TABLE t(x); BEGIN; INSERT INTO t VALUES (1)").unwrap();
    assert!(OpenFile::lend(&connection).unwrap().is_none());
    connection.execute_batch("COMMIT").unwrap();
    assert!(OpenFile::lend(&connection).unwrap().is_none(), "no transaction");
    let _state = ReadTransaction::begin(&connection).unwrap();
    let file = OpenFile::lend(&connection).unwrap().unwrap();
    assert!(!file.read(file.bytes(), &mut [0; 512]).unwrap(), "behind the end");
}

#[test]
fn crafted_records_are_read_and_copied_as_sqlite_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crafted.db");
    let cases = std::env::var("CRAFTED_RECORDS").ok().and_then(|it| it.parse().ok()).unwrap_or(400);
    let mut tally = Tally::default();
    // The length of the header is cut off, so that SQLite reads on behind the record.
    judge(b"\x01\x04\0\0\x04\0/\xf5]\x91\xd7\xd7\xf5u\xf5\xf5", &file, &mut tally);
    for seed in 0..cases {
        let mut chance = Chance::new(seed);
        let input: Vec<u8> = (0..600).map(|_| u8::try_from(chance.below(256)).unwrap()).collect();
        judge(&input, &file, &mut tally);
    }
    println!("{cases} cases: {tally:?}");
    // Every outcome is met, so that the comparison says something.
    assert!(
        tally.alike > cases / 4 && tally.corrupt > cases / 20 && tally.equal > cases / 20,
        "{tally:?}"
    );
}

#[test]
fn a_file_in_wal_mode_is_lent_while_nothing_waits_in_the_wal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wal.db");
    let made = Connection::open(&path).unwrap();
    made.query_row("PRAGMA journal_mode=wal", [], |_| Ok(())).unwrap();
    made.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(9000))").unwrap();
    made.close().unwrap();

    let reader = Connection::open(&path).unwrap();
    let state = ReadTransaction::begin(&reader).unwrap();
    let file = OpenFile::lend(&reader).unwrap().expect("nothing waits");
    let mut bytes = vec![0; usize::try_from(file.bytes()).unwrap()];
    assert!(file.read(0, &mut bytes).unwrap());
    assert_eq!(bytes, pages_of_sqlite(&reader).concat());

    // What is lent stays what the reader sees, whatever others append to the WAL, and no checkpoint gets through.
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("UPDATE t SET x = randomblob(9000)").unwrap();
    writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    let mut again = vec![0; bytes.len()];
    assert!(file.read(0, &mut again).unwrap());
    assert_eq!(again, bytes);
    assert!(OpenFile::lend(&reader).unwrap().is_none(), "the WAL has frames now");
    drop(state);
    let _state = ReadTransaction::begin(&reader).unwrap();
    assert!(OpenFile::lend(&reader).unwrap().is_none(), "the reader sees frames of the WAL");
}
