//! Reading CREATE TABLE texts.

use crate::sql::{Constraint, ConstraintKind, CreateTable, TableOptionKind};

use super::judge;

fn read(sql: &str) -> CreateTable {
    CreateTable::read(sql).unwrap_or_else(|error| panic!("{sql:?}: {error}"))
}

/// Reads a text that SQLite accepts, and checks the names and types against SQLite.
fn read_valid(sql: &str) -> CreateTable {
    let table = read(sql);
    let judged = judge::columns(sql);
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.text.as_str()).collect();
    let judged_names: Vec<&str> = judged.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, judged_names, "{sql:?}");
    for (column, judged) in table.columns.iter().zip(&judged) {
        let typed = column.type_range.is_some();
        assert_eq!(typed, !judged.type_name.is_empty(), "{}", column.name.text);
        let refuses = column.constraint(ConstraintKind::NotNull).is_some();
        assert!(!refuses || judged.not_null, "{}", column.name.text);
        let generated = column.constraint(ConstraintKind::Generated).is_some();
        assert_eq!(generated, judged.hidden != 0, "{}", column.name.text);
    }
    table
}

fn kinds(constraints: &[Constraint]) -> Vec<ConstraintKind> {
    constraints.iter().map(|constraint| constraint.kind).collect()
}

#[test]
fn types_are_any_number_of_words() {
    let sql = "CREATE TABLE t(a, b INT, c VARCHAR ( 10 , -2 ), d \"double precision\", \
        e unsigned big int, f [my type](5), g 'text', h BLOB DEFAULT 1, i action, j generated)";
    let table = read_valid(sql);
    let types: Vec<Option<&str>> = table
        .columns
        .iter()
        .map(|column| column.type_range.clone().map(|range| &sql[range]))
        .collect();
    assert_eq!(
        types,
        [
            None,
            Some("INT"),
            Some("VARCHAR ( 10 , -2 )"),
            Some("\"double precision\""),
            Some("unsigned big int"),
            Some("[my type](5)"),
            Some("'text'"),
            Some("BLOB"),
            Some("action"),
            Some("generated"),
        ]
    );
}

#[test]
fn names_may_be_anything() {
    let sql = "CREATE TABLE \"my ; \"\"table\"\"\n\" (key, 'text name' INT, [odd ) name], `back``tick` TEXT, \
        \"semi;colon\nline\" INT, größe, \"\" INT, \"check\" INT, if, replace, temp, a$ INT)";
    let table = read_valid(sql);
    assert_eq!(table.name.text, "my ; \"table\"\n");
    assert_eq!(table.columns.len(), 12);
}

#[test]
fn every_column_constraint_is_found_with_its_whole_text() {
    use ConstraintKind::*;
    let sql = "CREATE TABLE t(
        a INTEGER CONSTRAINT pk PRIMARY KEY DESC ON CONFLICT ABORT AUTOINCREMENT,
        b TEXT CONSTRAINT [n n] NOT NULL ON CONFLICT IGNORE CONSTRAINT u UNIQUE ON CONFLICT REPLACE,
        c NULL CHECK (c <> ')' and (c) <> ',') CONSTRAINT d DEFAULT -1 COLLATE nocase,
        d REFERENCES p(x) ON DELETE SET NULL ON UPDATE NO ACTION MATCH full NOT DEFERRABLE INITIALLY DEFERRED NOT NULL,
        e INT GENERATED ALWAYS AS (a * (1 + 2)) STORED,
        f AS ('it''s )') VIRTUAL NOT NULL,
        g REFERENCES p ON DELETE CASCADE DEFERRABLE CONSTRAINT lonely,
        h REFERENCES p NOT NULL DEFERRABLE INITIALLY IMMEDIATE
    )";
    let sql = sql.replace(" DESC ON CONFLICT", " ASC ON CONFLICT");
    let table = read_valid(&sql);
    let expected: [&[(ConstraintKind, &str)]; 8] = [
        &[(PrimaryKey, "CONSTRAINT pk PRIMARY KEY ASC ON CONFLICT ABORT AUTOINCREMENT")],
        &[
            (NotNull, "CONSTRAINT [n n] NOT NULL ON CONFLICT IGNORE"),
            (Unique, "CONSTRAINT u UNIQUE ON CONFLICT REPLACE"),
        ],
        &[
            (Null, "NULL"),
            (Check, "CHECK (c <> ')' and (c) <> ',')"),
            (Default, "CONSTRAINT d DEFAULT -1"),
            (Collate, "COLLATE nocase"),
        ],
        &[
            (
                References,
                "REFERENCES p(x) ON DELETE SET NULL ON UPDATE NO ACTION MATCH full \
                 NOT DEFERRABLE INITIALLY DEFERRED",
            ),
            (NotNull, "NOT NULL"),
        ],
        &[(Generated, "GENERATED ALWAYS AS (a * (1 + 2)) STORED")],
        &[(Generated, "AS ('it''s )') VIRTUAL"), (NotNull, "NOT NULL")],
        &[
            (References, "REFERENCES p ON DELETE CASCADE DEFERRABLE"),
            (NameOnly, "CONSTRAINT lonely"),
        ],
        &[
            (References, "REFERENCES p"),
            (NotNull, "NOT NULL"),
            (Deferrable, "DEFERRABLE INITIALLY IMMEDIATE"),
        ],
    ];
    for (column, expected) in table.columns.iter().zip(expected) {
        let found: Vec<(ConstraintKind, &str)> = column
            .constraints
            .iter()
            .map(|constraint| (constraint.kind, &sql[constraint.range.clone()]))
            .collect();
        assert_eq!(found, expected, "{}", column.name.text);
    }
    let name = table.columns[1].constraints[0].name.clone().unwrap();
    assert_eq!(name.text, "n n");
}

#[test]
fn operands_are_the_pieces_that_matter() {
    let sql = "CREATE TABLE t(a DEFAULT (1+2) COLLATE [nocase] CHECK ((a)>0) REFERENCES \"p\"(x), \
        b DEFAULT'a'')', c DEFAULT + .5, d DEFAULT \"q\", e DEFAULT x'00', f DEFAULT current_date, \
        g AS (a), UNIQUE (a, b), FOREIGN KEY (a) REFERENCES [q q](y), PRIMARY KEY (c))";
    let table = read_valid(sql);
    let columns = table.columns.iter().flat_map(|column| &column.constraints);
    let operands: Vec<&str> = columns
        .chain(&table.constraints)
        .map(|constraint| &sql[constraint.operand.clone().unwrap()])
        .collect();
    assert_eq!(
        operands,
        [
            "(1+2)",
            "[nocase]",
            "((a)>0)",
            "\"p\"",
            "'a'')'",
            "+ .5",
            "\"q\"",
            "x'00'",
            "current_date",
            "(a)",
            "(a, b)",
            "[q q]",
            "(c)",
        ]
    );
}

#[test]
fn table_constraints_may_stand_without_commas() {
    use ConstraintKind::*;
    let sql = "CREATE TABLE t(a INT, b INT, CONSTRAINT p PRIMARY KEY (a DESC) ON CONFLICT IGNORE \
        UNIQUE (b)CHECK(a<>b) ON CONFLICT FAIL, CONSTRAINT lonely CONSTRAINT f FOREIGN KEY (a, b) \
        REFERENCES q ON DELETE SET DEFAULT NOT DEFERRABLE INITIALLY DEFERRED CHECK (1))";
    let table = read_valid(sql);
    assert_eq!(kinds(&table.constraints), [PrimaryKey, Unique, Check, NameOnly, ForeignKey, Check]);
    let texts: Vec<&str> =
        table.constraints.iter().map(|constraint| &sql[constraint.range.clone()]).collect();
    assert_eq!(texts[0], "CONSTRAINT p PRIMARY KEY (a DESC) ON CONFLICT IGNORE");
    assert_eq!(texts[2], "CHECK(a<>b) ON CONFLICT FAIL");
    assert!(texts[4].starts_with("CONSTRAINT f") && texts[4].ends_with("INITIALLY DEFERRED"));
}

#[test]
fn comments_and_space_may_stand_anywhere() {
    let sql = "CREATE/**/TABLE--x\n\"t\"/*(*/(--)\n/*,*/a/*NOT NULL*/INT--,b INT\n,/*)*/b\tNOT/**/NULL\
        /* DEFAULT 1 */,CHECK--(\n(/*)*/a>')')/*,c*/)/* STRICT */WITHOUT/**/ROWID--";
    let sql = sql.replace("CHECK--", "PRIMARY KEY(a)CHECK--");
    let table = read_valid(&sql);
    assert_eq!(table.columns.len(), 2);
    assert_eq!(kinds(&table.columns[0].constraints), []);
    assert_eq!(kinds(&table.columns[1].constraints), [ConstraintKind::NotNull]);
    assert_eq!(table.options.len(), 1);
    assert!(sql[table.body.clone()].starts_with("(--)") && sql[table.body].ends_with(",c*/)"));
}

#[test]
fn options_are_found_in_any_order() {
    use TableOptionKind::{Strict, WithoutRowid};
    let cases: [(&str, &[TableOptionKind]); 5] = [
        ("", &[]),
        (";", &[]),
        ("strict", &[Strict]),
        ("without rowid /*a*/ , STRICT ;", &[WithoutRowid, Strict]),
        ("STRICT,WITHOUT ROWID", &[Strict, WithoutRowid]),
    ];
    for (options, expected) in cases {
        let table = read_valid(&format!("CREATE TABLE t(a INT PRIMARY KEY){options}"));
        let found: Vec<TableOptionKind> = table.options.iter().map(|option| option.kind).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn all_heads_are_read() {
    for head in [
        "CREATE TABLE t",
        "create temp table if not exists t",
        "CREATE TEMPORARY TABLE t",
        "CREATE TABLE main.t",
        "CREATE TABLE IF NOT EXISTS \"main\" . [t]",
    ] {
        let table = read(&format!("{head}(a)"));
        assert_eq!(table.name.text, "t", "{head}");
        judge::accepted(&format!("{head}(a)"));
    }
    assert_eq!(read_valid("CREATE TABLE 'if'(a)").name.text, "if");
    assert_eq!(read_valid("CREATE TABLE 'name'(a)").name.text, "name");
}

#[test]
fn a_table_made_from_a_query_is_stored_as_a_list() {
    let connection =
        judge::accepted("CREATE TABLE t AS SELECT 1 AS \"a,b\", 'x' AS c, CAST(1 AS TEXT) AS [d)]");
    let names: Vec<String> = read(&judge::stored(&connection))
        .columns
        .into_iter()
        .map(|column| column.name.text)
        .collect();
    assert_eq!(names, ["a,b", "c", "d)"]);
}

#[test]
fn two_thousand_columns_are_read() {
    let columns: Vec<String> =
        (0..2000).map(|number| format!("c{number} DECIMAL(10,2) NOT NULL DEFAULT (1+2)")).collect();
    let sql = format!("CREATE TABLE t({})", columns.join(", "));
    assert_eq!(read_valid(&sql).columns.len(), 2000);
}

#[test]
fn errors_say_what_and_where() {
    let cases = [
        ("", "expected CREATE, found the end at line 1, column 1"),
        ("CREATE VIEW v AS SELECT 1", "not a CREATE TABLE statement at line 1, column 13"),
        ("CREATE TABLE t AS SELECT 1", "expected (, found `AS` at line 1, column 16"),
        ("CREATE TABLE t(\n  ä INT,\n)", "expected a name, found `)` at line 3, column 1"),
        (
            "CREATE TABLE t(ä CHECK (1)",
            "expected a column constraint, `,` or `)`, found the end at line 1, column 27",
        ),
        ("CREATE TABLE t(a CHECK (1", "parenthesis is never closed at line 1, column 24"),
        ("CREATE TABLE t(a, 'b", "unrecognized text `'b` at line 1, column 19"),
        ("CREATE TABLE t(a) b", "expected WITHOUT ROWID or STRICT, found `b` at line 1, column 19"),
        ("CREATE TABLE t(a); x", "expected the end, found `x` at line 1, column 20"),
        ("CREATE TABLE t(a NOT 5)", "expected NULL, found `5` at line 1, column 22"),
        (
            "CREATE TABLE t(a, CHECK (1), b)",
            "expected a table constraint, found `b` at line 1, column 30",
        ),
    ];
    for (sql, message) in cases {
        assert_eq!(CreateTable::read(sql).unwrap_err().to_string(), message);
    }
}
