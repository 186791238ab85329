//! The proof of the compact file is a judge: every planted difference is found.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::compact::{make, prove};
use super::request::Statistics;
use crate::database::OpenOptions;
use crate::error::{ErrorKind, Result};
use crate::event::{Interrupt, Silent, TableRows};
use crate::files::{Files as _, RealFiles};

const MADE: &str = "
    PRAGMA user_version = 7; PRAGMA application_id = 77;
    CREATE TABLE plain(a, b); CREATE INDEX by_b ON plain(b, a DESC); CREATE UNIQUE INDEX one ON plain(a);
    INSERT INTO plain(rowid, a, b) VALUES (-5, 'x', 1), (3, 'y', 2.5), (9, x'00', NULL), (9223372036854775807, 4, 4);
    CREATE TABLE bare(x); INSERT INTO bare(rowid, x) VALUES (2, 'two'), (5, 'five');
    CREATE TABLE hidden(rowid, _rowid_, oid); INSERT INTO hidden VALUES (1, 2, 3), (4, 5, 6), (7, 8, 9);
    DELETE FROM hidden WHERE oid = 3;
    CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT);
    INSERT INTO counted(t) VALUES ('a'), ('b'); DELETE FROM counted WHERE t = 'b';
    CREATE TABLE keyed(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO keyed VALUES ('k', 1), ('l', '1');
    CREATE TABLE long(x); INSERT INTO long VALUES (zeroblob(30000)), (hex(zeroblob(9000)));
    CREATE TABLE made(a INT, b INT AS (a * 2) STORED, c INT AS (a + 1)) STRICT; INSERT INTO made(a) VALUES (1), (2);
    CREATE VIRTUAL TABLE words USING fts5(text, content='bare'); INSERT INTO words(rowid, text) VALUES (5, 'five');
    CREATE VIEW seen AS SELECT a FROM plain; CREATE TRIGGER tr AFTER INSERT ON bare BEGIN SELECT 1; END;
    ANALYZE; UPDATE sqlite_stat1 SET stat = '4711 3' WHERE idx = 'by_b';
    CREATE TABLE ballast(x); INSERT INTO ballast VALUES (zeroblob(200000)); DROP TABLE ballast;";

/// What is planted into the compact file, and what the proof says then.
const PLANTED: [(&str, &str); 15] = [
    ("UPDATE plain SET b = 2 WHERE a = 'x'", "plain"),
    ("UPDATE plain SET b = 1.0 WHERE a = 'x'", "plain"),
    ("UPDATE plain SET rowid = 4 WHERE a = 'y'", "plain"),
    ("DELETE FROM bare WHERE x = 'two'", "bare"),
    ("UPDATE bare SET rowid = 1 WHERE x = 'two'", "bare"),
    ("INSERT INTO keyed VALUES ('m', 1)", "keyed"),
    ("UPDATE long SET x = zeroblob(30001) WHERE rowid = 1", "long"),
    ("DELETE FROM hidden; INSERT INTO hidden VALUES (4, 5, 6), (7, 8, 9)", "hidden"),
    ("UPDATE sqlite_sequence SET seq = 1", "sqlite_sequence"),
    ("UPDATE sqlite_stat1 SET stat = '4 1' WHERE idx = 'by_b'", "sqlite_stat1"),
    ("DROP INDEX by_b", "index by_b is missing"),
    ("DROP INDEX by_b; CREATE INDEX by_b ON plain(b)", "index by_b: the text differs"),
    ("CREATE TABLE more(x)", "table more is new"),
    ("PRAGMA user_version = 8", "user_version: 8"),
    // A row that goes while SQLite knows of the index, and comes back while it does not.
    (
        "CREATE TEMP TABLE kept AS SELECT rowid AS place, * FROM main.sqlite_schema WHERE name = 'by_b';
         DELETE FROM plain WHERE a = 4; PRAGMA writable_schema = ON;
         DELETE FROM main.sqlite_schema WHERE name = 'by_b'; PRAGMA writable_schema = RESET;
         INSERT INTO plain(rowid, a, b) VALUES (9223372036854775807, 4, 4); PRAGMA writable_schema = ON;
         INSERT INTO main.sqlite_schema(rowid, type, name, tbl_name, rootpage, sql) SELECT * FROM kept;
         PRAGMA writable_schema = RESET",
        "by_b",
    ),
];

fn options() -> OpenOptions {
    let interrupt = Interrupt::default();
    OpenOptions { files: Arc::new(RealFiles), wait: Duration::from_secs(5), interrupt }
}

fn open(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    Connection::open_with_flags(path, flags).unwrap()
}

/// Makes a file and its compact copy, plants something into the copy, and asks for the proof.
fn proof_after(planted: &str, statistics: Statistics) -> Result<Vec<TableRows>> {
    let folder = tempfile::tempdir().unwrap();
    let (file, part) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let connection = open(&file);
    connection.execute_batch(MADE).unwrap();
    connection.close().unwrap();
    RealFiles.create(&part, b"", 0o600).unwrap();
    make(&file, &part, statistics, &options()).unwrap();
    let connection = open(&part);
    connection.execute_batch(planted).unwrap();
    connection.close().unwrap();
    prove(&file, &part, statistics, &options(), &mut Silent)
}

#[test]
fn a_compact_file_that_holds_the_same_is_proven() {
    let tables = proof_after("", Statistics::Keep).unwrap();
    let rows = |name: &str| tables.iter().find(|it| it.table == name).map(|it| it.rows);
    assert_eq!((rows("plain"), rows("hidden")), (Some(4), Some(2)));
    assert!(rows("sqlite_stat1") > Some(5));
    proof_after("", Statistics::Analyze).unwrap();
}

#[test]
fn every_planted_difference_is_found() {
    for (planted, found) in PLANTED {
        let error = proof_after(planted, Statistics::Keep).expect_err(planted);
        assert_eq!(error.kind(), ErrorKind::Proof, "{planted}");
        let problems = error.facts().problems.join("\n");
        assert!(problems.contains(found), "{planted}: {problems}");
    }
}

/// The plain VACUUM of a file is no way to make it compact: rowids that no column names are given again.
#[test]
fn vacuum_in_place_would_be_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let (file, part) = (folder.path().join("a.db"), folder.path().join("b.db"));
    for path in [&file, &part] {
        open(path).execute_batch(MADE).unwrap();
    }
    open(&part).execute_batch("VACUUM").unwrap();
    let error = prove(&file, &part, Statistics::Keep, &options(), &mut Silent).unwrap_err();
    let problems = error.facts().problems.join("\n");
    assert!(problems.contains("bare: ") && problems.contains("hidden: "), "{problems}");
}
