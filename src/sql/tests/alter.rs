//! Changing single pieces of a column.

use crate::sql::edit::{ColumnChange, DefaultChange, alter_column};

use super::judge;

fn to_type(type_name: &str) -> ColumnChange {
    ColumnChange { type_name: Some(type_name.to_owned()), ..ColumnChange::default() }
}

fn to_not_null(not_null: bool) -> ColumnChange {
    ColumnChange { not_null: Some(not_null), ..ColumnChange::default() }
}

fn to_default(value: &str) -> ColumnChange {
    let default = Some(DefaultChange::Set(value.to_owned()));
    ColumnChange { default, ..ColumnChange::default() }
}

fn without_default() -> ColumnChange {
    ColumnChange { default: Some(DefaultChange::Remove), ..ColumnChange::default() }
}

fn to_collation(collation: &str) -> ColumnChange {
    ColumnChange { collate: Some(collation.to_owned()), ..ColumnChange::default() }
}

/// Checks the edited body, that SQLite accepts it, and that the other column is as before.
fn check(before: &str, change: &ColumnChange, after: &str) -> judge::Column {
    let sql = format!("CREATE TABLE t({before}, z TEXT NOT NULL DEFAULT 'z,)')");
    let edited = alter_column(&sql, "A", change).unwrap();
    assert_eq!(edited, format!("CREATE TABLE t({after}, z TEXT NOT NULL DEFAULT 'z,)')"));
    let columns = judge::columns(&edited);
    assert_eq!(columns[1], judge::columns(&sql)[1]);
    assert_eq!(columns.len(), 2);
    columns[0].clone()
}

#[test]
fn a_type_is_set_replaced_or_removed() {
    let cases = [
        ("a INT", "TEXT", "a TEXT"),
        ("a", "TEXT", "a TEXT"),
        (
            "a VARCHAR(10) /* c */ NOT NULL",
            "DECIMAL( 10, 2 )",
            "a DECIMAL( 10, 2 ) /* c */ NOT NULL",
        ),
        ("\"a\"CHECK(a)", "TEXT", "\"a\" TEXT CHECK(a)"),
        ("a\"INT\"", "unsigned big int", "a unsigned big int"),
        ("a/**/NOT NULL", "TEXT", "a TEXT/**/NOT NULL"),
        ("a -- c\n", "TEXT", "a TEXT -- c\n"),
        ("a INT NOT NULL", "", "a NOT NULL"),
        ("a INT", " ", "a"),
        ("a", "", "a"),
        ("a -- c\n INT", "", "a -- c\n "),
        ("a INT GENERATED ALWAYS AS (1)", "TEXT", "a TEXT GENERATED ALWAYS AS (1)"),
        ("a GENERATED ALWAYS AS (1)", "TEXT", "a TEXT GENERATED ALWAYS AS (1)"),
        ("a AS (1)", "TEXT", "a TEXT AS (1)"),
        ("a DEFAULT 1", "\"my type\"(5)", "a \"my type\"(5) DEFAULT 1"),
    ];
    for (before, type_name, after) in cases {
        let column = check(before, &to_type(type_name), after);
        assert_eq!(column.type_name.is_empty(), type_name.trim().is_empty(), "{after}");
    }
    for wrong in
        ["INT NOT NULL", "INT, b", "INT)", "5", "NOT NULL", "INT(", "DEFAULT", "'x", "INT; x"]
    {
        assert!(alter_column("CREATE TABLE t(a)", "a", &to_type(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn not_null_is_set_once() {
    let cases = [
        ("a", "a NOT NULL"),
        ("a INT", "a INT NOT NULL"),
        ("a INT DEFAULT 1", "a INT NOT NULL DEFAULT 1"),
        ("a INT CONSTRAINT n CHECK(a)", "a INT NOT NULL CONSTRAINT n CHECK(a)"),
        (
            "a INT CONSTRAINT n NOT NULL ON CONFLICT IGNORE",
            "a INT CONSTRAINT n NOT NULL ON CONFLICT IGNORE",
        ),
        ("a INT -- c\n", "a INT NOT NULL -- c\n"),
        ("a NULL", "a NOT NULL"),
        ("a CONSTRAINT n /**/ NULL CHECK(a)", "a CONSTRAINT n /**/ NOT NULL CHECK(a)"),
        ("\"a\"UNIQUE", "\"a\" NOT NULL UNIQUE"),
        ("a REFERENCES p NOT DEFERRABLE", "a NOT NULL REFERENCES p NOT DEFERRABLE"),
        ("a AS (1)", "a NOT NULL AS (1)"),
    ];
    for (before, after) in cases {
        assert!(check(before, &to_not_null(true), after).not_null);
    }
}

#[test]
fn not_null_is_removed_with_its_name_and_conflict_clause() {
    let cases = [
        ("a INT NOT NULL", "a INT"),
        ("a INT", "a INT"),
        ("a INT CONSTRAINT n NOT NULL ON CONFLICT IGNORE DEFAULT 1", "a INT DEFAULT 1"),
        ("a INT NOT NULL CHECK (a IS NOT NULL) NOT NULL", "a INT CHECK (a IS NOT NULL)"),
        ("a INT /* x */ NOT /* y */ NULL /* z */", "a INT /* x */ /* z */"),
        ("a INT -- c\n NOT NULL", "a INT -- c\n "),
        ("a INT -- c\n NOT NULL\n", "a INT -- c\n"),
        ("a INT DEFAULT 'x'NOT NULL UNIQUE", "a INT DEFAULT 'x' UNIQUE"),
        ("a REFERENCES p NOT NULL NOT DEFERRABLE", "a REFERENCES p NOT DEFERRABLE"),
        ("a INT CHECK(a)NOT NULL COLLATE nocase", "a INT CHECK(a) COLLATE nocase"),
    ];
    for (before, after) in cases {
        assert!(!check(before, &to_not_null(false), after).not_null);
    }
}

#[test]
fn a_default_is_set_replaced_or_removed() {
    let cases = [
        ("a INT", "1", "a INT DEFAULT 1", "1"),
        ("a INT DEFAULT -1 UNIQUE", "+2", "a INT DEFAULT +2 UNIQUE", "+2"),
        ("a INT DEFAULT (1+2)", "3 * (4)", "a INT DEFAULT (3 * (4))", "3 * (4)"),
        ("a INT DEFAULT 'a'')'", "(5)", "a INT DEFAULT (5)", "5"),
        ("a DEFAULT\"x\"NOT NULL", "y", "a DEFAULT y NOT NULL", "y"),
        (
            "a INT NOT NULL CHECK (a)",
            "(1)+(2)",
            "a INT NOT NULL DEFAULT ((1)+(2)) CHECK (a)",
            "(1)+(2)",
        ),
        (
            "a CHECK (a)",
            "current_timestamp",
            "a DEFAULT current_timestamp CHECK (a)",
            "current_timestamp",
        ),
        ("a", "TRUE", "a DEFAULT TRUE", "TRUE"),
        ("a", "x'00'", "a DEFAULT x'00'", "x'00'"),
        ("a", "abs(-1) -- c", "a DEFAULT (abs(-1))", "abs(-1)"),
        ("a", "'it''s'", "a DEFAULT 'it''s'", "'it''s'"),
        ("a", "'a' || 'b'", "a DEFAULT ('a' || 'b')", "'a' || 'b'"),
        ("a", "-1.5e3", "a DEFAULT -1.5e3", "-1.5e3"),
        ("a", "- -1", "a DEFAULT (- -1)", "- -1"),
        ("a", "NULL", "a DEFAULT NULL", "NULL"),
        ("a CONSTRAINT d DEFAULT 1 DEFAULT 2", "3", "a CONSTRAINT d DEFAULT 1 DEFAULT 3", "3"),
    ];
    for (before, value, after, judged) in cases {
        let column = check(before, &to_default(value), after);
        assert_eq!(column.default.as_deref(), Some(judged), "{after}");
    }
    let cases = [
        ("a INT DEFAULT 1 NOT NULL", "a INT NOT NULL"),
        ("a CONSTRAINT d DEFAULT 'x,)' /* c */", "a /* c */"),
        ("a DEFAULT 1 DEFAULT (2)", "a"),
        ("a", "a"),
    ];
    for (before, after) in cases {
        assert_eq!(check(before, &without_default(), after).default, None);
    }
    for wrong in ["", " ", "(1", "1)", "1; 2", "'x", "1), b INT DEFAULT (2", "-- x", "1 \0"] {
        assert!(alter_column("CREATE TABLE t(a)", "a", &to_default(wrong)).is_err(), "{wrong}");
    }
    // Two parenthesised values do not pass for one.
    let edited = alter_column("CREATE TABLE t(a)", "a", &to_default("(1), b INT DEFAULT (2)"));
    assert!(!judge::is_accepted(&edited.unwrap()));
}

#[test]
fn a_collation_is_set_or_replaced() {
    let cases = [
        ("a TEXT", "NOCASE", "a TEXT COLLATE NOCASE"),
        ("a TEXT NOT NULL UNIQUE", "rtrim", "a TEXT NOT NULL COLLATE rtrim UNIQUE"),
        ("a TEXT COLLATE[binary]UNIQUE", "NOCASE", "a TEXT COLLATE NOCASE UNIQUE"),
        ("a CONSTRAINT c COLLATE nocase", "\"rtrim\"", "a CONSTRAINT c COLLATE \"rtrim\""),
    ];
    for (before, collation, after) in cases {
        check(before, &to_collation(collation), after);
    }
    let odd = alter_column("CREATE TABLE t(a)", "a", &to_collation("my order")).unwrap();
    assert_eq!(odd, "CREATE TABLE t(a COLLATE \"my order\")");
    assert!(alter_column("CREATE TABLE t(a)", "a", &to_collation(" ")).is_err());
}

#[test]
fn all_pieces_change_together() {
    let change = ColumnChange {
        type_name: Some("TEXT".to_owned()),
        not_null: Some(true),
        default: Some(DefaultChange::Set("''".to_owned())),
        collate: Some("NOCASE".to_owned()),
    };
    check("a", &change, "a TEXT NOT NULL DEFAULT '' COLLATE NOCASE");
    check("a INT DEFAULT 1", &change, "a TEXT NOT NULL COLLATE NOCASE DEFAULT ''");
    let change = ColumnChange {
        type_name: Some(String::new()),
        not_null: Some(false),
        default: Some(DefaultChange::Remove),
        collate: Some("RTRIM".to_owned()),
    };
    check("a INT NOT NULL DEFAULT 1 CHECK (a)", &change, "a COLLATE RTRIM CHECK (a)");
    check("a INT NOT NULL", &change, "a COLLATE RTRIM");
    check("a INT", &ColumnChange::default(), "a INT");
}

#[test]
fn an_unknown_column_is_named() {
    let error = alter_column("CREATE TABLE t(a)", "b", &to_not_null(true)).unwrap_err();
    assert_eq!(error.what, "table `t` has no column `b`");
}
