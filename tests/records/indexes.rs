//! Indexes are shown to be the projection of their rows exactly where they are.

use std::collections::BTreeSet;
use std::path::Path;

use phaseshift::records::indexes_shown;
use phaseshift::schema;
use rusqlite::Connection;

use crate::scene::{Chance, Format, behind_the_back_of, edit_schema, integrity, root};

/// Our verdict about the indexes of a table.
fn shown(connection: &Connection, table: &str) -> bool {
    let schema = schema::read(connection).unwrap();
    let shape = schema.shape(table).unwrap();
    let mut indexes = indexes_shown(connection).unwrap().unwrap();
    indexes.of(shape, &BTreeSet::new(), &mut |_| Ok(())).unwrap()
}

#[test]
fn plain_indexes_are_shown_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for (number, format) in Format::all().into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        let connection = format.make(&path, 150, &mut Chance::new(2_000 + number as u64));
        assert_eq!(integrity(&connection), ["ok"]);
        // NOCASE and RTRIM are defined on UTF-8: elsewhere SQLite checks.
        assert_eq!(shown(&connection, "t"), format.encoding == "UTF-8", "{format:?}");
        let sql =
            "CREATE TABLE u(a, b, k UNIQUE, PRIMARY KEY(k)); CREATE INDEX u_ab ON u(a, b DESC);
                   CREATE UNIQUE INDEX u_bk ON u(b, k); INSERT INTO u SELECT c, b, k FROM t";
        connection.execute_batch(sql).unwrap();
        assert!(shown(&connection, "u"), "{format:?}");
    }
}

/// A table for damage, with long texts and room for every kind of index.
const TABLE: &str = "
    CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT COLLATE NOCASE, c DEFAULT 7);
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 40)
    INSERT INTO t SELECT x, x % 10, 'name ' || char(97 + x % 26) || x, CASE x % 3 WHEN 0 THEN NULL ELSE x END FROM n;
    CREATE INDEX t_a ON t(a); CREATE INDEX t_b ON t(b, a DESC); CREATE UNIQUE INDEX t_c ON t(c);";

fn table() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(TABLE).unwrap();
    assert!(shown(&connection, "t"));
    connection
}

/// What is done while SQLite does not know of an index.
const BEHIND: [(&str, &str, &str); 9] = [
    ("an entry is missing", "t_a", "INSERT INTO t VALUES (99, 5, 'new', 99)"),
    ("an entry too many", "t_a", "DELETE FROM t WHERE id = 7"),
    ("another value", "t_a", "UPDATE t SET a = 77 WHERE id = 7"),
    ("another row", "t_a", "UPDATE t SET id = 77 WHERE id = 7"),
    ("another storage class", "t_b", "UPDATE t SET b = CAST(b AS BLOB) WHERE id = 7"),
    ("another case of one collation", "t_b", "UPDATE t SET b = upper(b) WHERE id = 7"),
    ("values of two rows exchanged", "t_c", "UPDATE t SET c = 12 - c WHERE id IN (4, 8)"),
    ("a value moved to another column", "t_b", "UPDATE t SET a = b, b = a WHERE id = 7"),
    (
        "one entry for another",
        "t_c",
        "UPDATE t SET c = NULL WHERE id = 7; UPDATE t SET c = 7 WHERE id = 9",
    ),
];

#[test]
fn entries_that_do_not_fit_the_rows_are_noticed() {
    for (name, index, statements) in BEHIND {
        let connection = table();
        behind_the_back_of(&connection, index, statements);
        assert_ne!(integrity(&connection), ["ok"], "{name}");
        assert!(!shown(&connection, "t"), "{name}");
    }
}

#[test]
fn an_index_in_another_order_than_it_says_is_noticed() {
    for (name, from, to) in [
        ("another collation", "t(b, a DESC)", "t(b COLLATE BINARY, a DESC)"),
        ("another direction", "t(b, a DESC)", "t(b, a)"),
        ("upside down", "t(a)", "t(a DESC)"),
        ("another column", "t(a)", "t(c)"),
        ("a part too many", "t(a)", "t(a, c)"),
    ] {
        let connection = table();
        connection
            .execute_batch(
                "UPDATE t SET b = upper(b) WHERE id % 2; UPDATE t SET b = 'x' WHERE id % 3 = 0",
            )
            .unwrap();
        assert!(shown(&connection, "t"), "{name}");
        edit_schema(
            &connection,
            &format!("UPDATE main.sqlite_schema SET sql = replace(sql, '{from}', '{to}')"),
        );
        assert_ne!(integrity(&connection), ["ok"], "{name}");
        assert!(!shown(&connection, "t"), "{name}");
    }
}

#[test]
fn equal_keys_are_noticed_where_they_must_be_unique_and_nulls_are_not_equal() {
    let unique = |connection: &Connection, index: &str| {
        let sql = format!(
            "UPDATE main.sqlite_schema SET sql = replace(sql, 'CREATE INDEX', 'CREATE UNIQUE INDEX') WHERE name = '{index}'"
        );
        edit_schema(connection, &sql);
    };
    let connection = table();
    unique(&connection, "t_a");
    assert!(integrity(&connection)[0].starts_with("non-unique entry"));
    assert!(!shown(&connection, "t"));
    let connection = table();
    connection.execute_batch("UPDATE t SET a = NULL").unwrap();
    unique(&connection, "t_a");
    assert_eq!(integrity(&connection), ["ok"]);
    assert!(shown(&connection, "t"));
    // Equal by the collation.
    let connection = table();
    connection.execute_batch("UPDATE t SET b = 'ONE', a = 1 WHERE id = 3; UPDATE t SET b = 'one', a = 1 WHERE id = 4").unwrap();
    unique(&connection, "t_b");
    assert!(integrity(&connection)[0].starts_with("non-unique entry"));
    assert!(!shown(&connection, "t"));
}

#[test]
fn what_cannot_be_told_from_the_records_is_left_to_sqlite() {
    for (name, sql) in [
        ("an expression", "CREATE TABLE u(a); CREATE INDEX i ON u(a + 1)"),
        ("a condition", "CREATE TABLE u(a); CREATE INDEX i ON u(a) WHERE a > 1"),
        ("a virtual column", "CREATE TABLE u(a, b AS (a + 1)); CREATE INDEX i ON u(b)"),
        (
            "a default that is not in the records",
            "CREATE TABLE u(a); INSERT INTO u VALUES (1); ALTER TABLE u ADD COLUMN b DEFAULT 5; CREATE INDEX i ON u(b)",
        ),
    ] {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        assert!(!shown(&connection, "u"), "{name}");
    }
    for (name, sql) in [
        ("no index", "CREATE TABLE u(a)"),
        (
            "a stored column",
            "CREATE TABLE u(v AS (1), a, b AS (a + 1) STORED, c); CREATE INDEX i ON u(c, b)",
        ),
        (
            "a short record for NULL",
            "CREATE TABLE u(a); INSERT INTO u VALUES (1); ALTER TABLE u ADD COLUMN b; CREATE INDEX i ON u(b)",
        ),
        ("the rowid", "CREATE TABLE u(a, b INTEGER PRIMARY KEY); CREATE INDEX i ON u(b DESC, a)"),
        ("reals that are stored as integers", "CREATE TABLE u(a REAL, b); CREATE INDEX i ON u(a)"),
        (
            "indexes made after the rows",
            "CREATE TABLE u(a REAL, b DOUBLE DEFAULT 1); INSERT INTO u(a) VALUES (1), (2.5); CREATE INDEX i ON u(a, b)",
        ),
        (
            "a key without rowid in another order",
            "CREATE TABLE u(a, b, c, PRIMARY KEY(c, a)) WITHOUT ROWID; CREATE INDEX i ON u(b, c); CREATE UNIQUE INDEX j ON u(b, a)",
        ),
    ] {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        let columns = connection.prepare("SELECT a FROM u").unwrap();
        drop(columns);
        connection.execute_batch("INSERT OR IGNORE INTO u(a) SELECT 1 WHERE 0").unwrap();
        if name.starts_with("reals") {
            connection
                .execute_batch(
                    "INSERT INTO u VALUES (1, 1), (2.5, 2), ('x', 3), (1e300, 4), (-0.0, 5)",
                )
                .unwrap();
        }
        if name.starts_with("a key") {
            connection
                .execute_batch(
                    "INSERT INTO u VALUES (1, 1, 2), (2, 1, 1), (0, 0, 1), ('x', NULL, x'00')",
                )
                .unwrap();
        }
        assert_eq!(integrity(&connection), ["ok"], "{name}");
        assert!(shown(&connection, "u"), "{name}");
    }
}

/// Damage to the bytes of a small file with one leaf page for the table and one for each index.
fn by_bytes(sql: &str, edit: impl Fn(&Connection, &mut [u8])) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(sql).unwrap();
    assert!(shown(&connection, "t"));
    let mut bytes = std::fs::read(&path).unwrap();
    edit(&connection, &mut bytes);
    connection.close().unwrap();
    std::fs::write(&path, bytes).unwrap();
    (folder, reopened(&path))
}

fn reopened(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

/// Exchanges the pointers to two cells of a leaf page.
fn exchange(bytes: &mut [u8], page: u32, one: usize, two: usize) {
    let start = (page as usize - 1) * 4_096 + 8;
    for byte in 0..2 {
        bytes.swap(start + 2 * one + byte, start + 2 * two + byte);
    }
}

#[test]
fn entries_and_rows_out_of_order_are_noticed() {
    let (_folder, connection) = by_bytes(TABLE, |connection, bytes| {
        exchange(bytes, root(connection, "t_a"), 3, 30);
    });
    assert_ne!(integrity(&connection), ["ok"]);
    assert!(!shown(&connection, "t"));
    let sql = "CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES (1, 2), (3, 4), (5, 6)";
    let (_folder, connection) = by_bytes(sql, |connection, bytes| {
        exchange(bytes, root(connection, "t"), 0, 1);
    });
    assert_ne!(integrity(&connection), ["ok"]);
    assert!(!shown(&connection, "t"));
}

#[test]
fn one_byte_of_a_long_key_is_noticed() {
    let sql = "CREATE TABLE t(a); CREATE INDEX i ON t(a);
               INSERT INTO t VALUES (hex(zeroblob(6000)) || 'marker' || hex(zeroblob(3000)));";
    for occurrence in 0..2 {
        let (_folder, connection) = by_bytes(sql, |_, bytes| {
            let places: Vec<usize> =
                (0..bytes.len() - 6).filter(|it| bytes[*it..].starts_with(b"marker")).collect();
            assert_eq!(places.len(), 2, "in the row and in the entry");
            bytes[places[occurrence]] ^= 1;
        });
        assert_ne!(integrity(&connection), ["ok"]);
        assert!(!shown(&connection, "t"));
    }
}
