//! Planted differences: what is read with the help of another schema is what SQLite says of this one.

use rusqlite::Connection;

use super::{read, read_again};

const TEXTS: &str = "
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, n INTEGER DEFAULT 1, UNIQUE (a, n));
    CREATE TABLE other(x, y REFERENCES t(id));
    CREATE VIEW seen AS SELECT a, n FROM t;
    CREATE VIRTUAL TABLE words USING fts5(w, content='t');
    CREATE INDEX by_n ON t(n);
";

const DIFFERENCES: [(&str, &str); 22] = [
    ("DEFAULT 1", "DEFAULT 2"),
    ("DEFAULT 1", ""),
    ("a TEXT NOT NULL", "a TEXT"),
    ("a TEXT NOT NULL", "a TEXT NOT NULL COLLATE NOCASE"),
    ("a TEXT NOT NULL", "A TEXT NOT NULL"),
    ("n INTEGER", "n NUMERIC"),
    ("n INTEGER", "m, n INTEGER"),
    ("n INTEGER", "g AS (id + 1), n INTEGER"),
    ("n INTEGER", "g AS (id + 1) STORED, n INTEGER"),
    ("id INTEGER PRIMARY KEY", "id INT PRIMARY KEY"),
    ("id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY AUTOINCREMENT"),
    ("id INTEGER PRIMARY KEY", "rowid INTEGER PRIMARY KEY, id UNIQUE"),
    ("id INTEGER PRIMARY KEY", "rowid, oid, _rowid_, id UNIQUE"),
    ("UNIQUE (a, n))", "UNIQUE (a, n)) STRICT"),
    ("UNIQUE (a, n))", "UNIQUE (a, n)) WITHOUT ROWID"),
    ("y REFERENCES t(id)", "y"),
    ("y REFERENCES t(id)", "y REFERENCES t(id) ON DELETE CASCADE"),
    ("y REFERENCES t(id)", "y REFERENCES t"),
    ("CREATE TABLE other", "CREATE TABLE Other"),
    ("CREATE TABLE other(x, y REFERENCES t(id))", "CREATE VIEW other AS SELECT 1 AS x, 2 AS y"),
    ("SELECT a, n", "SELECT n, a"),
    ("fts5(w, content='t')", "fts5(v, w, content='t')"),
];

fn database(texts: &str) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(texts).unwrap();
    connection
}

#[test]
fn planted_differences_of_another_schema_are_not_taken_over() {
    let plain = database(TEXTS);
    let whole = read(&plain).unwrap();
    for (from, to) in DIFFERENCES {
        assert!(TEXTS.contains(from), "{from}");
        let other = database(&TEXTS.replace(from, to));
        let alone = read(&other).unwrap();
        for (connection, before, expected) in [(&other, &whole, &alone), (&plain, &alone, &whole)] {
            let found = read_again(connection, before).unwrap();
            assert_eq!(found.tables, expected.tables, "{to}");
            assert_eq!(format!("{:?}", found.objects), format!("{:?}", expected.objects), "{to}");
        }
    }
}
