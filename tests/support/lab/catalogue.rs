//! A small catalogue and its phases, for the simulated disk and for the real one.

use rusqlite::Connection;

/// The phase that makes what the catalogue is, for a file on which it is recorded already.
pub const FIRST: &str = r#"
version = 1
description = "the first catalogue"
parents = []
[[up]]
op = "sql"
sql = "SELECT 1"
"#;

/// The steps that every second phase begins with.
macro_rules! renames {
    () => {
        r#"
[[up]]
op = "rename_table"
from = "sessions"
to = "imaging_sessions"
[[up]]
op = "rename_column"
table = "imaging_sessions"
from = "telescope"
to = "scope"
"#
    };
}

/// A phase that renames, rebuilds, adds and computes.
pub const SECOND: &str = concat!(
    "version = 2\ndescription = \"imaging sessions\"",
    renames!(),
    r#"
[[up]]
op = "add_column"
table = "imaging_sessions"
column = "note_length INTEGER"
value = "length(note)"
[[up]]
op = "add_constraint"
table = "files"
sql = "CONSTRAINT has_size CHECK (bytes >= 0)"
[[up]]
op = "sql"
sql = "INSERT INTO audit VALUES ('phase two')"
"#
);

/// A phase in which only names change, so that both tables stay where they are.
pub const NAMES_ONLY: &str = concat!(
    "version = 2\ndescription = \"other names\"\nstrategy = \"auto\"",
    renames!(),
    r#"
[[up]]
op = "rename_column"
table = "files"
from = "bytes"
to = "size"
"#
);

const SCHEMA: &str = "
CREATE TABLE schema_version(version INTEGER PRIMARY KEY, applied_at TEXT, description TEXT);
INSERT INTO schema_version VALUES (1, '2024-01-01', 'the first catalogue');
CREATE TABLE sessions(id INTEGER PRIMARY KEY AUTOINCREMENT, session_date TEXT NOT NULL,
    telescope TEXT, note TEXT, score REAL);
CREATE TABLE files(id INTEGER PRIMARY KEY,
    session_id INTEGER REFERENCES sessions(id) ON DELETE CASCADE, path TEXT UNIQUE, bytes);
CREATE TABLE filters(name TEXT PRIMARY KEY, width REAL) WITHOUT ROWID;
CREATE TABLE audit(what TEXT);
CREATE INDEX by_date ON sessions(session_date);
CREATE INDEX by_session ON files(session_id) WHERE session_id IS NOT NULL;
CREATE TRIGGER session_changed AFTER UPDATE ON sessions
    BEGIN INSERT INTO audit VALUES ('session ' || new.id); END;
CREATE VIEW file_counts AS SELECT s.id, count(f.id) AS files
    FROM sessions s LEFT JOIN files f ON f.session_id = s.id GROUP BY s.id;
INSERT INTO filters VALUES ('Ha', 3.5), ('OIII', 4.5), ('SII', 4.0);
";

/// What a program wrote last, and left in the WAL.
pub const LATE: &str = "
    UPDATE sessions SET note = 'only in the WAL ' || id WHERE id % 2 = 0;
    INSERT INTO audit VALUES ('late')";

/// What a program had begun to write.
pub const HALF: &str = "UPDATE sessions SET note = note || note; DELETE FROM files";

/// Pages of the lab are small, so that there are many.
pub const PAGE_SIZE: u32 = 1_024;

/// Leaves pages that hold nothing, and holes among rowids that no column names.
pub const FREE_PAGES: &str = "
    CREATE TABLE ballast(x); INSERT INTO ballast SELECT zeroblob(900) FROM files;
    INSERT INTO audit VALUES ('one'), ('two'), ('three'); DELETE FROM audit WHERE what = 'two';
    INSERT INTO audit(rowid, what) VALUES (-7, 'seven below'); DROP TABLE ballast";

/// Makes the catalogue with so many sessions and twice as many files, in pages of so many bytes.
pub fn fill(
    connection: &Connection,
    (mode, page_size): (&str, u32),
    sessions: u32,
) -> rusqlite::Result<()> {
    let settings = format!(
        "PRAGMA page_size={page_size}; PRAGMA journal_mode={mode}; PRAGMA foreign_keys=OFF;
         PRAGMA application_id=77; PRAGMA user_version=3; {SCHEMA}"
    );
    connection.execute_batch(&settings)?;
    let files = sessions * 2;
    let rows = format!(
        "BEGIN;
         WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < {sessions})
         INSERT INTO sessions SELECT i * 3, '2024-01-' || (i % 28 + 1), 'scope ' || (i % 5),
             hex(zeroblob(20 + i % 90)), i * 0.37 FROM k;
         WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < {files})
         INSERT INTO files SELECT i, (i % {sessions} + 1) * 3, '/data/' || i || '.fits',
             CASE i % 4 WHEN 0 THEN i * 1000 WHEN 1 THEN i * 0.5 WHEN 2 THEN '12' ELSE NULL END
             FROM k;
         COMMIT"
    );
    connection.execute_batch(&rows)
}
