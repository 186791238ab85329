//! Values that a careless copy changes. SQLite stores any kind of value in any column, so all of these
//! exist in real files: <https://sqlite.org/datatype3.html>.

use phaseshift::name::quote;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

/// Puts odd values into the first files, if there are any, and makes a table with odd names and values.
pub(super) fn write(connection: &Connection) -> rusqlite::Result<()> {
    for (number, (column, value)) in (0..).zip(file_values()) {
        let sql = format!("UPDATE fits_files SET {} = ?1 WHERE {FILE}", quote(column));
        connection.execute(&sql, params![value, number])?;
    }
    // Text that is not UTF-8 cannot be bound from Rust; SQLite stores it nevertheless.
    connection.execute(
        &format!(
            "UPDATE fits_files SET observer = CAST(x'5A6FEB00C328FF' AS TEXT) WHERE ?1 AND {FILE}"
        ),
        params![true, 3],
    )?;
    rename_third_session(connection)?;
    connection.execute_batch(ODD_TABLE)?;
    for (number, value) in (1..).zip(loose_values()) {
        let word = if number % 2 == 0 { "" } else { "odd" };
        let sql = r#"INSERT INTO "odd ""table""" ("order", "a b", "c'd", "ÜBER") VALUES (?1, ?2, ?3, ?4)"#;
        connection.execute(sql, params![number, word, value, number * 2])?;
    }
    Ok(())
}

/// Gives the third session an id with NUL, quotes and letters beyond ASCII, wherever it is named.
fn rename_third_session(connection: &Connection) -> rusqlite::Result<()> {
    for (table, column) in [
        ("fits_files", "session_id"),
        ("process_log", "session_name"),
        ("s3_backup_archives", "session_id"),
        ("s3_backup_session_notes", "session_id"),
        ("s3_backup_log", "session_id"),
        ("sessions", "session_id"),
    ] {
        let sql = format!(
            "UPDATE {table} SET {column} = odd
             FROM (SELECT session_id AS old, session_date || ?1 || telescope AS odd FROM sessions WHERE rowid = 3)
             WHERE {column} = old"
        );
        connection.execute(&sql, ["_Bärenhöhle \u{263E}\0'\"_"])?;
    }
    Ok(())
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Names the file of a number, from 0.
const FILE: &str = "id = (SELECT id FROM fits_files ORDER BY id LIMIT 1 OFFSET ?2)";

const ODD_TABLE: &str = r#"
CREATE TABLE "odd ""table"""( -- a comment; with a semicolon
  "order" INTEGER PRIMARY KEY, /* quoted in */ [a b] TEXT DEFAULT 'it''s',
  `c'd`, "ÜBER" NUMERIC   CHECK ("ÜBER" <> -1)
);
CREATE INDEX "odd ""index""" ON "odd ""table""" ("c'd", [a b] COLLATE NOCASE);
CREATE TABLE odd_keys (place TEXT COLLATE NOCASE, number REAL, note, PRIMARY KEY (place, number))
  WITHOUT ROWID;
INSERT INTO odd_keys VALUES ('Bern', 0.5, x'00'), ('bern', 1e300, -0.0), ('', -1, ''),
  (CAST(x'FF' AS TEXT), 9007199254740993, CAST(x'610062' AS TEXT));
"#;

/// Values that stand in a column of another kind, or at the edge of their own.
fn file_values() -> Vec<(&'static str, Value)> {
    vec![
        ("validation_notes", text("before\0after")),
        ("object", Value::Blob(vec![0x00, 0xFF, 0x41])),
        ("gain", text("unity")),
        ("site_name", text("Ñuñoa \u{1F52D} e\u{301}")),
        ("star_count", Value::Integer(9_007_199_254_740_993)),
        ("focuser_position", Value::Integer(i64::MIN)),
        ("iso_speed", Value::Integer(i64::MAX)),
        ("exposure", Value::Real(f64::INFINITY)),
        ("airmass", Value::Real(f64::NEG_INFINITY)),
        ("humidity", text("wet")),
        ("x", Value::Real(6_248.5)),
        ("y", text("4176 px")),
        ("folder", text("")),
        ("obs_date", Value::Blob(b"2024-03-17".to_vec())),
        ("binning_x", Value::Real(1e300)),
        ("validation_notes", text(&"x".repeat(100_000))),
        ("eccentricity", Value::Real(5e-324)),
        ("bad", Value::Blob(Vec::new())),
        ("dec", text("\u{FEFF}+41")),
    ]
}

/// Values for a column without a type, where SQLite converts nothing.
fn loose_values() -> Vec<Value> {
    vec![
        Value::Real(-0.0),
        Value::Real(0.0),
        Value::Integer(0),
        Value::Real(9_007_199_254_740_992.0),
        Value::Integer(9_007_199_254_740_993),
        Value::Integer(i64::MIN),
        Value::Real(f64::INFINITY),
        Value::Real(f64::NEG_INFINITY),
        Value::Real(f64::MIN_POSITIVE / 4.0),
        text("1"),
        text("\0"),
        text(""),
        Value::Blob(b"1".to_vec()),
        Value::Blob(Vec::new()),
        Value::Null,
    ]
}
