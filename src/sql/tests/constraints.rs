//! Adding and dropping constraints.

use crate::sql::edit::{ConstraintRef, add_constraint, drop_constraint};

use super::judge;

fn by_name(sql: &str, name: &str) -> String {
    drop_constraint(sql, &ConstraintRef::Name(name)).unwrap()
}

fn by_sql(sql: &str, text: &str) -> String {
    drop_constraint(sql, &ConstraintRef::Sql(text)).unwrap()
}

#[test]
fn a_check_is_added_as_sqlite_adds_it() {
    for sql in [
        "CREATE TABLE t(a INT)",
        "CREATE TABLE t(a INT, b TEXT DEFAULT ')', UNIQUE (a)) STRICT",
        "CREATE TABLE t(\n  a INT, -- first\n  b INT -- second\n)",
        "CREATE TABLE t(a INT, CHECK (a > 0) UNIQUE (a) )",
    ] {
        for constraint in ["CHECK (a <> 5)", "CONSTRAINT [n n] CHECK (a <> ')' /* c */) -- d"] {
            let edited = add_constraint(sql, constraint).unwrap();
            assert_eq!(judge::column_names(&edited), judge::column_names(sql));
            let expected = judge::stored_after(sql, &format!("ALTER TABLE t ADD {constraint}"));
            assert_eq!(edited, expected);
        }
    }
}

#[test]
fn every_kind_of_table_constraint_can_be_added() {
    let sql = "CREATE TABLE t(a INT, b INT -- last\n)";
    let unique = add_constraint(sql, "UNIQUE (a, b) ON CONFLICT IGNORE;").unwrap();
    assert_eq!(judge::indexes(&unique), ["u a,b"]);
    let key = add_constraint(&unique, "CONSTRAINT k PRIMARY KEY (b)").unwrap();
    assert_eq!(judge::indexes(&key), ["pk b", "u a,b"]);
    let foreign =
        add_constraint(&key, "FOREIGN KEY (a) REFERENCES p(x) ON DELETE CASCADE").unwrap();
    assert_eq!(judge::foreign_keys(&foreign), ["a p CASCADE"]);
}

#[test]
fn an_added_piece_must_be_exactly_one_constraint() {
    for wrong in [
        "",
        "c INT",
        "CHECK (1), c INT",
        "CHECK (1) CHECK (2)",
        "CHECK (1), CHECK (2)",
        "CHECK (1)) STRICT --",
        "CONSTRAINT lonely",
        "NOT NULL",
        "CHECK (1",
        "UNIQUE",
    ] {
        assert!(add_constraint("CREATE TABLE t(a INT)", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_table_constraint_is_dropped_by_name() {
    let sql = "CREATE TABLE t(a INT, CONSTRAINT \"One\" CHECK (a > ')'), CONSTRAINT two UNIQUE (a), CHECK (a < 9))";
    assert_eq!(
        by_name(sql, "one"),
        "CREATE TABLE t(a INT, CONSTRAINT two UNIQUE (a), CHECK (a < 9))"
    );
    assert_eq!(
        by_name(sql, "TWO"),
        "CREATE TABLE t(a INT, CONSTRAINT \"One\" CHECK (a > ')'), CHECK (a < 9))"
    );
    assert_eq!(
        by_sql(sql, "check(A<9)"),
        "CREATE TABLE t(a INT, CONSTRAINT \"One\" CHECK (a > ')'), CONSTRAINT two UNIQUE (a))"
    );
    judge::accepted(&by_name(sql, "one"));
}

#[test]
fn constraints_without_commas_are_dropped_one_by_one() {
    let sql = "CREATE TABLE t(a INT, CONSTRAINT x CHECK(a>0)CONSTRAINT y UNIQUE(a)ON CONFLICT FAIL CONSTRAINT z CHECK(a<9))";
    let cases = [
        (
            "x",
            "CREATE TABLE t(a INT,CONSTRAINT y UNIQUE(a)ON CONFLICT FAIL CONSTRAINT z CHECK(a<9))",
        ),
        ("y", "CREATE TABLE t(a INT, CONSTRAINT x CHECK(a>0) CONSTRAINT z CHECK(a<9))"),
        (
            "z",
            "CREATE TABLE t(a INT, CONSTRAINT x CHECK(a>0)CONSTRAINT y UNIQUE(a)ON CONFLICT FAIL)",
        ),
    ];
    for (name, expected) in cases {
        let edited = by_name(sql, name);
        assert_eq!(edited, expected);
        assert_eq!(judge::column_names(&edited), ["a"]);
    }
}

#[test]
fn comments_around_a_dropped_table_constraint_survive() {
    let sql = "CREATE TABLE t(\n  a INT, -- about a\n  CONSTRAINT x CHECK (a > 0), -- about x\n  CHECK (a < 9)\n)";
    let edited = by_name(sql, "x");
    judge::accepted(&edited);
    assert_eq!(edited, "CREATE TABLE t(\n  a INT -- about a\n  , -- about x\n  CHECK (a < 9)\n)");
    let edited = by_sql(sql, "CHECK (a < 9)");
    judge::accepted(&edited);
    assert_eq!(
        edited,
        "CREATE TABLE t(\n  a INT, -- about a\n  CONSTRAINT x CHECK (a > 0) -- about x\n)"
    );
}

#[test]
fn a_column_constraint_is_dropped_by_name() {
    let sql = "CREATE TABLE t(a INT CONSTRAINT n NOT NULL ON CONFLICT IGNORE CONSTRAINT u UNIQUE CONSTRAINT c CHECK (a > 0) CONSTRAINT d DEFAULT 5 CONSTRAINT r REFERENCES p(x) NOT DEFERRABLE INITIALLY DEFERRED, b)";
    let cases = [
        ("n", " CONSTRAINT n NOT NULL ON CONFLICT IGNORE"),
        ("u", " CONSTRAINT u UNIQUE"),
        ("c", " CONSTRAINT c CHECK (a > 0)"),
        ("d", " CONSTRAINT d DEFAULT 5"),
        ("r", " CONSTRAINT r REFERENCES p(x) NOT DEFERRABLE INITIALLY DEFERRED"),
    ];
    for (name, gone) in cases {
        let edited = by_name(sql, name);
        assert_eq!(edited, sql.replace(gone, ""));
        judge::accepted(&edited);
    }
}

#[test]
fn dropping_by_name_gives_the_text_of_sqlite_where_simple() {
    for (sql, name) in [
        ("CREATE TABLE t(a INT, CONSTRAINT c CHECK (a > 0))", "c"),
        ("CREATE TABLE t(a INT CONSTRAINT c CHECK (a > 0), b)", "c"),
        ("CREATE TABLE t(a INT CONSTRAINT c CHECK (a > 0) NOT NULL, b)", "c"),
        ("CREATE TABLE t(a INT CONSTRAINT c NOT NULL)", "c"),
    ] {
        let expected = judge::stored_after(sql, &format!("ALTER TABLE t DROP CONSTRAINT {name}"));
        assert_eq!(by_name(sql, name), expected);
    }
}

#[test]
fn a_text_matches_whatever_its_spacing_case_and_quotes() {
    let sql = "CREATE TABLE t(a INT, [b c] TEXT, CONSTRAINT q CHECK ( a /* x */ > 0x0A ), FOREIGN KEY (a) REFERENCES \"P\"(x) ON DELETE CASCADE)";
    assert_eq!(
        by_sql(sql, "check(\"A\">0X0a) -- it"),
        "CREATE TABLE t(a INT, [b c] TEXT, FOREIGN KEY (a) REFERENCES \"P\"(x) ON DELETE CASCADE)"
    );
    assert_eq!(by_sql(sql, "CONSTRAINT Q CHECK (a > 0x0a)"), by_sql(sql, "CHECK (a > 0x0a)"));
    assert_eq!(
        by_sql(sql, "foreign key (\"a\") references p([X]) on delete cascade;"),
        "CREATE TABLE t(a INT, [b c] TEXT, CONSTRAINT q CHECK ( a /* x */ > 0x0A ))"
    );
    for other in [
        "CONSTRAINT z CHECK (a > 0x0a)",
        "CHECK (a > '0x0a')",
        "CHECK (a > 0x0b)",
        "FOREIGN KEY (a) REFERENCES p(x)",
    ] {
        assert!(drop_constraint(sql, &ConstraintRef::Sql(other)).is_err(), "{other}");
    }
}

#[test]
fn literal_text_keeps_its_case_in_a_comparison() {
    let sql = "CREATE TABLE t(a TEXT, CHECK (a <> 'X'), CHECK (a <> 'x'))";
    assert_eq!(by_sql(sql, "CHECK (a <> 'x')"), "CREATE TABLE t(a TEXT, CHECK (a <> 'X'))");
}

#[test]
fn a_table_constraint_text_also_means_a_column_constraint() {
    let cases = [
        ("a INT UNIQUE NOT NULL", "UNIQUE (a)", "a INT NOT NULL"),
        ("a INT UNIQUE ON CONFLICT REPLACE", "UNIQUE (\"A\") ON CONFLICT replace", "a INT"),
        (
            "a INT REFERENCES p(x) ON DELETE CASCADE",
            "FOREIGN KEY (a) REFERENCES p(x) ON DELETE CASCADE",
            "a INT",
        ),
        ("a INT CHECK (a > 0) DEFAULT 1", "CHECK (a > 0)", "a INT DEFAULT 1"),
        (
            "a INT PRIMARY KEY DESC ON CONFLICT FAIL",
            "PRIMARY KEY (a DESC) ON CONFLICT FAIL",
            "a INT",
        ),
        ("a INTEGER PRIMARY KEY AUTOINCREMENT", "PRIMARY KEY (a AUTOINCREMENT)", "a INTEGER"),
        ("a INTEGER PRIMARY KEY", "primary key(a)", "a INTEGER"),
        ("a INT NOT NULL", "NOT NULL", "a INT"),
        ("a INT REFERENCES p", "REFERENCES p", "a INT"),
        ("a INT REFERENCES p NOT NULL DEFERRABLE", "REFERENCES p", "a INT NOT NULL"),
        ("a INT CHECK (a)UNIQUE DEFAULT 1", "UNIQUE(a)", "a INT CHECK (a) DEFAULT 1"),
    ];
    for (column, wanted, left) in cases {
        let sql = format!("CREATE TABLE t({column}, b TEXT)");
        let edited = by_sql(&sql, wanted);
        assert_eq!(edited, format!("CREATE TABLE t({left}, b TEXT)"));
        judge::accepted(&edited);
    }
}

#[test]
fn none_or_several_matches_list_the_candidates() {
    let sql =
        "CREATE TABLE t(a INT UNIQUE, b INT NOT NULL, c INT NOT NULL, UNIQUE (a), CHECK (a > 0))";
    let error = drop_constraint(sql, &ConstraintRef::Name("x")).unwrap_err();
    assert_eq!(
        error.what,
        "no constraint matches, there are: `UNIQUE` of column `a`; `NOT NULL` of column `b`; \
         `NOT NULL` of column `c`; `UNIQUE (a)`; `CHECK (a > 0)`"
    );
    let error = drop_constraint(sql, &ConstraintRef::Sql("UNIQUE (a)")).unwrap_err();
    assert_eq!(error.what, "several constraints match: `UNIQUE` of column `a`; `UNIQUE (a)`");
    let error = drop_constraint(sql, &ConstraintRef::Sql("NOT NULL")).unwrap_err();
    assert!(error.what.starts_with("several constraints match"));
    let error = drop_constraint("CREATE TABLE t(a)", &ConstraintRef::Name("x")).unwrap_err();
    assert_eq!(error.what, "no constraint matches, there are: none");
    assert!(drop_constraint(sql, &ConstraintRef::Sql(" ")).is_err());
}
