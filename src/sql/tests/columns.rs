//! Adding and dropping columns, compared with SQLite's own ALTER TABLE.

use crate::sql::edit::{add_column, drop_column};

use super::judge;

const TABLES: [&str; 14] = [
    "CREATE TABLE t(a INT, b TEXT, c BLOB)",
    "CREATE TABLE t (\n  a INT,\n  b TEXT NOT NULL DEFAULT 'a,)b',\n  c\n)",
    "CREATE TABLE t(a INT,b TEXT,c BLOB,CHECK(a>0))",
    "CREATE TABLE t(a INT, b TEXT, c DECIMAL(10,2), CONSTRAINT x CHECK (a <> ','), CHECK (a) UNIQUE (a))",
    "CREATE TABLE t(a INT, b TEXT CHECK (b <> ')'), c BLOB\n  , CHECK (a > 0))",
    "CREATE TABLE t(a INT PRIMARY KEY, b TEXT, c BLOB) WITHOUT ROWID, STRICT",
    "CREATE TABLE t(\"a b\" INT, \"b\" TEXT, [c ,] BLOB)",
    "CREATE TABLE t(a,b,c)",
    "CREATE TABLE t( a , b , c )",
    "CREATE TABLE t(a INT, b DEFAULT (1 + (2)), c AS (a) VIRTUAL)",
    "CREATE TABLE t(größe, b DEFAULT 'ü', c, CHECK (größe <> 'é'))",
    "CREATE TABLE t(a INT /* first */, b TEXT /* second */, c BLOB /* third */)",
    "CREATE TABLE t(a REFERENCES p(x) ON DELETE CASCADE NOT DEFERRABLE INITIALLY DEFERRED, b, c)",
    "CREATE TABLE t(a INT, b TEXT, c BLOB\n  -- the end\n)",
];

#[test]
fn an_appended_column_gives_the_text_of_sqlite() {
    for definition in [
        "n",
        "n INT",
        "\"n n\" TEXT NOT NULL DEFAULT 'x'",
        "n /* c */ INT CHECK (n > 0) /* d */  ;",
        "n REFERENCES t(a)",
    ] {
        for sql in TABLES {
            if sql.ends_with("STRICT") && definition.trim() != "n INT" {
                continue;
            }
            let expected =
                judge::stored_after(sql, &format!("ALTER TABLE t ADD COLUMN {definition}"));
            assert_eq!(add_column(sql, definition, None).unwrap(), expected);
        }
    }
}

#[test]
fn a_column_behind_the_last_one_is_an_appended_column() {
    let sql = "CREATE TABLE t(a, B, CHECK (a))";
    assert_eq!(add_column(sql, "n", Some("b")), add_column(sql, "n", None));
}

#[test]
fn line_comments_never_swallow_an_appended_column() {
    let sql = "CREATE TABLE t(\n  a INT, -- first\n  b TEXT -- second, last\n)";
    let edited = add_column(sql, "n INT -- mine", None).unwrap();
    assert_eq!(edited, "CREATE TABLE t(\n  a INT, -- first\n  b TEXT -- second, last\n, n INT)");
    assert_eq!(judge::column_names(&edited), ["a", "b", "n"]);
    assert_eq!(edited, judge::stored_after(sql, "ALTER TABLE t ADD COLUMN n INT"));

    let sql = "CREATE TABLE t(\n  a INT, -- first\n  CHECK (a) -- second\n)";
    let edited = add_column(sql, "n INT", None).unwrap();
    assert_eq!(edited, "CREATE TABLE t(\n  a INT, n INT, -- first\n  CHECK (a) -- second\n)");
    assert_eq!(judge::column_names(&edited), ["a", "n"]);
    assert_eq!(edited, judge::stored_after(sql, "ALTER TABLE t ADD COLUMN n INT"));
}

#[test]
fn a_column_behind_a_named_one_takes_its_own_line() {
    let cases = [
        ("CREATE TABLE t(a INT, b TEXT)", "CREATE TABLE t(a INT, n INT, b TEXT)"),
        ("CREATE TABLE t(a,b)", "CREATE TABLE t(a, n INT,b)"),
        ("CREATE TABLE t(a/*x*/,/*y*/b)", "CREATE TABLE t(a/*x*/, n INT,/*y*/b)"),
        (
            "CREATE TABLE t(\n  a INT, -- first\n  -- about b\n  b TEXT\n)",
            "CREATE TABLE t(\n  a INT, -- first\n  n INT,\n  -- about b\n  b TEXT\n)",
        ),
        (
            "CREATE TABLE t(\r\n\ta INT,\r\n\tb TEXT\r\n)",
            "CREATE TABLE t(\r\n\ta INT,\r\n\tn INT,\r\n\tb TEXT\r\n)",
        ),
        ("CREATE TABLE t(a\n  ,b)", "CREATE TABLE t(a\n  , n INT,b)"),
        ("CREATE TABLE t(a, -- x\n/* y */ b)", "CREATE TABLE t(a, n INT, -- x\n/* y */ b)"),
    ];
    for (sql, expected) in cases {
        let edited = add_column(sql, "n INT", Some("A")).unwrap();
        assert_eq!(edited, expected);
        assert_eq!(judge::column_names(&edited), ["a", "n", "b"]);
    }
}

#[test]
fn a_definition_must_be_exactly_one_new_column() {
    let sql = "CREATE TABLE t(a INT, b TEXT)";
    for wrong in [
        "",
        "-- n",
        "n INT, m INT",
        "n INT) STRICT; --",
        "n INT DEFAULT (1",
        "n INT, CHECK (1)",
        "CHECK (n",
        "n INT; DROP TABLE t",
        "n 'open",
        "A TEXT",
        "\"b\"",
        "n\0",
    ] {
        assert!(add_column(sql, wrong, None).is_err(), "{wrong:?}");
    }
    let unclosed = add_column(sql, "n INT /* open", None).unwrap();
    assert_eq!(unclosed, "CREATE TABLE t(a INT, b TEXT, n INT)");
    let error = add_column(sql, "n INT DEFAULT", None).unwrap_err();
    assert_eq!(error.to_string(), "expected a default value, found the end at line 1, column 14");
    let error = add_column(sql, "n INT", Some("z")).unwrap_err();
    assert_eq!(error.what, "table `t` has no column `z`");
}

#[test]
fn a_dropped_column_gives_the_text_of_sqlite() {
    let mut compared = 0;
    for sql in TABLES {
        let names = judge::column_names(sql);
        for name in &names {
            let alter = format!("ALTER TABLE t DROP COLUMN {}", crate::name::quote(name));
            if judge::accepted(sql).execute_batch(&alter).is_err() {
                continue;
            }
            let edited = drop_column(sql, name).unwrap();
            if !sql.contains("--") && !sql.contains("/*") {
                assert_eq!(edited, judge::stored_after(sql, &alter));
                compared += 1;
            }
            let left: Vec<&String> = names.iter().filter(|other| *other != name).collect();
            assert_eq!(judge::column_names(&edited).iter().collect::<Vec<_>>(), left, "{edited}");
        }
    }
    assert!(compared > 20, "SQLite dropped only {compared} columns");
}

#[test]
fn comments_of_other_columns_survive_a_drop() {
    let sql = "CREATE TABLE t(\n  -- about a\n  a INT, -- first\n  -- about b\n  b TEXT, -- second\n  -- about c\n  c BLOB -- third\n  -- the end\n)";
    assert_eq!(
        drop_column(sql, "a").unwrap(),
        "CREATE TABLE t(\n  -- about a\n  -- about b\n  b TEXT, -- second\n  -- about c\n  c BLOB -- third\n  -- the end\n)"
    );
    assert_eq!(
        drop_column(sql, "b").unwrap(),
        "CREATE TABLE t(\n  -- about a\n  a INT, -- first\n  -- about b\n  -- about c\n  c BLOB -- third\n  -- the end\n)"
    );
    assert_eq!(
        drop_column(sql, "c").unwrap(),
        "CREATE TABLE t(\n  -- about a\n  a INT, -- first\n  -- about b\n  b TEXT -- second\n  -- about c\n  \n  -- the end\n)"
    );
    for name in ["a", "b", "c"] {
        assert_eq!(judge::columns(&drop_column(sql, name).unwrap()).len(), 2);
    }
}

#[test]
fn a_drop_in_the_middle_of_a_line_leaves_whole_lines() {
    let sql = "CREATE TABLE t(a INT, b TEXT, -- both\n  -- about c\n  c BLOB)";
    let edited = drop_column(sql, "b").unwrap();
    assert_eq!(edited, "CREATE TABLE t(a INT,\n  -- about c\n  c BLOB)");
    let sql = "CREATE TABLE t(a INT -- x\n, b TEXT -- y\n)";
    assert_eq!(drop_column(sql, "b").unwrap(), "CREATE TABLE t(a INT -- x\n )");
}

#[test]
fn the_only_column_and_unknown_columns_cannot_be_dropped() {
    let error = drop_column("CREATE TABLE t(a INT, CHECK (a))", "a").unwrap_err();
    assert_eq!(error.what, "the only column of a table cannot be dropped");
    assert!(drop_column("CREATE TABLE t(a, b)", "c").is_err());
}

#[test]
fn two_thousand_columns_can_be_edited() {
    let columns: Vec<String> = (0..1999).map(|number| format!("c{number} INT")).collect();
    let sql = format!("CREATE TABLE t({})", columns.join(",\n  "));
    let added = add_column(&sql, "n TEXT", Some("c1000")).unwrap();
    assert_eq!(judge::column_names(&added)[1001], "n");
    assert_eq!(drop_column(&added, "n").unwrap(), sql);
}
