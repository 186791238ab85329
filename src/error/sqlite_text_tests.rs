//! Each message is provoked in the SQLite that is linked and in the `sqlite3` program, which is another version.

use std::process::Command;

use rusqlite::{Connection, Error, ffi};

use super::*;
use crate::error::{Error as OwnError, ErrorKind};

type Reading = fn(&Error) -> Option<String>;

fn holds(yes: bool) -> Option<String> {
    yes.then(|| "yes".to_owned())
}

/// Statements that fail, with what is read from the message.
const PROVOKED: [(&str, Reading, &str); 16] = [
    ("SELECT f1(1)", missing, "the function f1()"),
    ("PRAGMA trusted_schema = ON; CREATE TABLE t(a, b AS (f2(a)))", missing, "the function f2()"),
    ("CREATE TABLE t(a COLLATE c1); CREATE INDEX i ON t(a)", missing, "the collation c1"),
    ("SELECT 'a' = 'b' COLLATE c2", |error| holds(lacks_collation(error)), "yes"),
    ("CREATE VIRTUAL TABLE v USING m1(a)", missing, "the module m1"),
    ("CREATE VIRTUAL TABLE v USING fts5(a, tokenize = 't1')", missing, "the tokenizer t1"),
    ("CREATE VIRTUAL TABLE v USING fts4(a, tokenize=t2)", missing, "the tokenizer t2"),
    (
        "CREATE TABLE p(a, b); CREATE TABLE c(x REFERENCES p(b)); PRAGMA foreign_key_check",
        |error| holds(is_foreign_key_mismatch(error) && is_about_the_key(error)),
        "yes",
    ),
    ("CREATE VIEW v AS SELECT 1 AS a; INSERT INTO v VALUES (1)", no_trigger, "yes"),
    ("CREATE TABLE t(a, b AS (a)); INSERT INTO t(b) VALUES (1)", no_trigger, "yes"),
    ("SELECT * FROM sqlite_stat1", |error| holds(lacks_own_table(error)), "yes"),
    ("CREATE TABLE sqlite_stat9(a)", |error| holds(is_reserved_name(error)), "yes"),
    (
        "CREATE TABLE t(a, b); CREATE INDEX i ON t(a) WHERE b; SELECT a FROM t INDEXED BY i",
        |error| holds(has_no_plan(error)),
        "yes",
    ),
    ("CREATE TABLE t(a); SELECT b FROM t", column, "b"),
    (
        "CREATE TABLE t(a); CREATE VIEW v AS SELECT b FROM t; ALTER TABLE t RENAME TO u",
        |error| holds(is_about_object(&words(error), "view", "v")),
        "yes",
    ),
    (
        "CREATE TABLE t(a); CREATE VIEW v AS SELECT b FROM t; ALTER TABLE t RENAME COLUMN a TO c",
        column,
        "b",
    ),
];

fn missing(error: &Error) -> Option<String> {
    MissingExtension::in_error(error).map(|it| it.to_string())
}

fn no_trigger(error: &Error) -> Option<String> {
    holds(needs_no_trigger(error))
}

fn column(error: &Error) -> Option<String> {
    missing_column(&words(error)).map(ToOwned::to_owned)
}

fn failure(text: &str) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(text.to_owned()))
}

#[test]
fn messages_of_the_linked_sqlite_are_read() {
    for (sql, read, says) in PROVOKED {
        let connection = Connection::open_in_memory().unwrap();
        let error = connection.execute_batch(sql).expect_err(sql);
        assert_eq!(read(&error).as_deref(), Some(says), "{sql}: {error}");
    }
}

#[test]
fn messages_of_the_sqlite3_program_are_read() {
    for (sql, read, says) in PROVOKED {
        let ran = Command::new("sqlite3").args(["-batch", "-bail", ":memory:", sql]).output();
        let stderr = String::from_utf8(ran.unwrap().stderr).unwrap();
        // `Error: in prepare, no such function: f1`, then the statement.
        let line = stderr.lines().next().unwrap_or_default();
        let text = ["in prepare, ", "stepping, ", "Error: "]
            .iter()
            .find_map(|mark| line.split_once(mark))
            .map_or(line, |(_, text)| text);
        let text = text.rsplit_once(" (").map_or(text, |(text, _)| text);
        assert_eq!(read(&failure(text)).as_deref(), Some(says), "{sql}: {stderr}");
    }
}

/// Where versions word it differently: 3.35 to 3.40, then 3.41 and later.
#[test]
fn messages_of_other_versions_are_read() {
    for text in [
        "error in index i after rename: no such column: a b",
        "error in index i after rename: no such column: \"a b\"",
        "error in index i after rename: no such column: \"a b\" - should this be a string literal in single-quotes?",
    ] {
        assert_eq!(missing_column(text), Some("a b"), "{text}");
        assert!(is_about_object(text, "index", "i"), "{text}");
        assert!(!is_about_object(text, "index", "in"), "{text}");
    }
    for text in
        ["no such tokenizer: t", "unknown tokenizer: t", "error in view v: no such tokenizer: t"]
    {
        assert_eq!(missing(&failure(text)).as_deref(), Some("the tokenizer t"), "{text}");
    }
    for text in ["unknown function: f()", "no such function: f"] {
        assert_eq!(missing(&failure(text)).as_deref(), Some("the function f()"), "{text}");
    }
}

#[test]
fn broken_rules_are_not_damage() {
    for finding in [
        "NULL value in t.c",
        "CHECK constraint failed in t",
        "non-INT value in t.c",
        "TEXT value in t.c",
        "NUMERIC value in t.c",
        "non-unique entry in index i",
        "malformed inverted index for FTS5 table main.f",
        "unable to validate the inverted index for FTS5 table main.f: database disk image is malformed",
    ] {
        assert!(breaks_a_rule(finding), "{finding}");
    }
    for finding in [
        "row 3 missing from index i",
        "wrong # of entries in index i",
        "*** in database main ***\nTree 2 page 2: btreeInitPage() returns error code 11",
        "row not in PRIMARY KEY order for t",
    ] {
        assert!(!breaks_a_rule(finding), "{finding}");
    }
}

#[test]
fn an_interrupt_while_sqlite_reads_the_schema_is_one() {
    let kind = |text: &str| OwnError::from(failure(text)).kind();
    for text in [
        "interrupted",
        "error in table t: interrupted",
        "error in index i after rename: interrupted",
    ] {
        assert_eq!(kind(text), ErrorKind::Interrupted, "{text}");
    }
    // Names that sound like it are none.
    for text in [
        "no such table: interrupted",
        "error in view v: no such column: interrupted",
        "error in table t after add column: duplicate column name: interrupted",
    ] {
        assert_eq!(kind(text), ErrorKind::Sqlite, "{text}");
    }
}
