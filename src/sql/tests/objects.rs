//! Renaming objects, views, virtual tables, mentions.

use crate::sql::edit::{
    rename_object, retarget_index, set_virtual_argument, view_columns_range, view_with_columns,
    virtual_option, virtual_table_arguments, without_view_columns,
};
use crate::sql::{ObjectKind, mentions, object_head};

use super::judge;

#[test]
fn only_the_name_token_of_an_object_changes() {
    let cases = [
        (
            "CREATE TABLE t(t INT, u TEXT DEFAULT 't') -- t",
            "CREATE TABLE \"n\"(t INT, u TEXT DEFAULT 't') -- t",
        ),
        (
            "create temporary table if not exists main . [t] (a)",
            "create temporary table if not exists main . \"n\" (a)",
        ),
        ("CREATE UNIQUE INDEX i ON i(i)", "CREATE UNIQUE INDEX \"n\" ON i(i)"),
        ("CREATE INDEX/* i */i/* i */ON t(a)", "CREATE INDEX/* i */\"n\"/* i */ON t(a)"),
        ("CREATE VIEW\"v\"AS SELECT 1 AS v", "CREATE VIEW\"n\"AS SELECT 1 AS v"),
        (
            "CREATE TEMP TRIGGER IF NOT EXISTS g AFTER INSERT ON t BEGIN SELECT 'g'; END",
            "CREATE TEMP TRIGGER IF NOT EXISTS \"n\" AFTER INSERT ON t BEGIN SELECT 'g'; END",
        ),
        (
            "CREATE VIRTUAL TABLE IF NOT EXISTS 'f' USING fts5(f)",
            "CREATE VIRTUAL TABLE IF NOT EXISTS \"n\" USING fts5(f)",
        ),
        ("CREATE TABLE main.if(a)", "CREATE TABLE main.\"n\"(a)"),
    ];
    for (sql, expected) in cases {
        assert_eq!(rename_object(sql, "n").unwrap(), expected);
    }
}

#[test]
fn a_new_name_is_quoted_whatever_it_holds() {
    for name in ["a b", "a\"b", "a;b", "select", "größe", "a\nb", "]", ""] {
        let renamed = rename_object("CREATE TABLE t(a)", name).unwrap();
        let connection = judge::accepted(&renamed);
        let found: String =
            connection.query_row("SELECT name FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(found, name);
    }
}

#[test]
fn heads_tell_the_kind_and_the_schema() {
    let head = object_head("CREATE VIRTUAL TABLE main.f USING fts5(a)").unwrap();
    assert_eq!(head.kind, ObjectKind::VirtualTable);
    assert_eq!(head.schema.unwrap().text, "main");
    assert_eq!(object_head("CREATE TRIGGER g DELETE ON t").unwrap().kind, ObjectKind::Trigger);
    assert_eq!(object_head("CREATE VIEW v AS SELECT 1").unwrap().kind, ObjectKind::View);
    for wrong in
        ["SELECT 1", "CREATE", "CREATE UNIQUE TABLE t(a)", "CREATE TABLE", "CREATE TABLE a."]
    {
        assert!(object_head(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_index_moves_to_another_table() {
    let sql = "CREATE UNIQUE INDEX \"i\" /* ON x */ ON[t](a COLLATE nocase DESC, lower(t)) WHERE a <> 't'";
    let moved = retarget_index(sql, "i 2", "t 2").unwrap();
    assert_eq!(
        moved,
        "CREATE UNIQUE INDEX \"i 2\" /* ON x */ ON\"t 2\"(a COLLATE nocase DESC, lower(t)) WHERE a <> 't'"
    );
    judge::accepted(&format!("CREATE TABLE \"t 2\"(a, t); {moved}"));
    assert!(retarget_index("CREATE TABLE t(a)", "a", "b").is_err());
    assert!(retarget_index("CREATE INDEX i ON t", "a", "b").is_err());
}

#[test]
fn a_view_gets_and_loses_its_column_list() {
    for sql in [
        "CREATE VIEW v AS SELECT 1, 2",
        "CREATE VIEW \"v\"AS SELECT 1, 2",
        "CREATE VIEW v/* (x) */ AS WITH c(x, y) AS (SELECT 1, 2) SELECT x, y FROM c",
    ] {
        assert_eq!(view_columns_range(sql).unwrap(), None);
        let listed = view_with_columns(sql, &["a \"b".to_owned(), "größe".to_owned()]).unwrap();
        let connection = judge::accepted(&listed);
        let statement = connection.prepare("SELECT * FROM v").unwrap();
        assert!(statement.column_names().eq(["a \"b", "größe"]));
        assert_eq!(without_view_columns(&listed).unwrap(), sql);
        assert_eq!(without_view_columns(sql).unwrap(), sql);
    }
}

#[test]
fn an_existing_column_list_is_found_and_not_doubled() {
    let sql = "CREATE TEMP VIEW IF NOT EXISTS v /**/ ( a , \"b)\" ) AS SELECT 1, 2";
    let range = view_columns_range(sql).unwrap().unwrap();
    assert_eq!(&sql[range], "( a , \"b)\" )");
    assert!(view_with_columns(sql, &["c".to_owned()]).is_err());
    assert_eq!(
        without_view_columns(sql).unwrap(),
        "CREATE TEMP VIEW IF NOT EXISTS v /**/  AS SELECT 1, 2"
    );
    assert!(view_with_columns("CREATE VIEW v AS SELECT 1", &[]).is_err());
    assert!(view_columns_range("CREATE TABLE v(a)").is_err());
}

#[test]
fn arguments_of_a_virtual_table_are_found_and_set() {
    let sql = "CREATE VIRTUAL TABLE f USING fts5(\n  name , -- the name\n  content='sessions',, tokenize = \"porter (x), y\", f(a,b) )";
    let table = virtual_table_arguments(sql).unwrap();
    assert_eq!((table.name.text.as_str(), table.module.text.as_str()), ("f", "fts5"));
    let texts: Vec<&str> = table.arguments.iter().map(|argument| argument.text.as_str()).collect();
    assert_eq!(texts, ["name", "content='sessions'", "tokenize = \"porter (x), y\"", "f(a,b)"]);
    for argument in &table.arguments {
        assert_eq!(&sql[argument.range.clone()], argument.text);
    }
    let edited = set_virtual_argument(sql, 1, " content='imaging_sessions' -- new").unwrap();
    assert_eq!(edited, sql.replace("='sessions'", "='imaging_sessions'"));
    for wrong in ["a, b", "a)", "(a", "", "a; b", "'open", "/* open"] {
        assert!(set_virtual_argument(sql, 1, wrong).is_err(), "{wrong}");
    }
    assert!(set_virtual_argument(sql, 4, "a").is_err());
    assert!(virtual_table_arguments("CREATE TABLE t(a)").is_err());
    assert!(virtual_table_arguments("CREATE VIRTUAL TABLE t USING m(a").is_err());
    for empty in ["CREATE VIRTUAL TABLE t USING m", "CREATE VIRTUAL TABLE t USING m ( )"] {
        assert_eq!(virtual_table_arguments(empty).unwrap().arguments, []);
    }
}

#[test]
fn an_external_content_table_follows_a_rename() {
    let sql = "CREATE VIRTUAL TABLE f USING fts5(name, content='sessions', content_rowid='id')";
    let table = virtual_table_arguments(sql).unwrap();
    let option = virtual_option(&table.arguments[1].text).unwrap();
    assert_eq!((option.key.as_str(), option.value.as_str()), ("content", "sessions"));
    let edited = set_virtual_argument(sql, 1, &option.with_value("it's new")).unwrap();
    let connection = judge::accepted("CREATE TABLE \"it's new\"(id INTEGER PRIMARY KEY, name)");
    connection.execute_batch("INSERT INTO \"it's new\" VALUES (7, 'orion')").unwrap();
    connection.execute_batch(&edited).unwrap();
    connection.execute_batch("INSERT INTO f(f) VALUES ('rebuild')").unwrap();
    let found: String = connection
        .query_row("SELECT name FROM f WHERE f MATCH 'orion'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, "orion");
}

#[test]
fn options_keep_their_key_and_quotes() {
    let cases = [
        ("content=sessions", "sessions", "content=new"),
        ("content = \"sessions\"", "sessions", "content = \"new\""),
        ("content=/**/'a''b'", "a'b", "content=/**/'new'"),
        ("content=[a b]", "a b", "content='new'"),
        ("tokenize=porter 'x'", "porter 'x'", "tokenize=new"),
        ("content=''", "", "content='new'"),
    ];
    for (argument, value, edited) in cases {
        let option = virtual_option(argument).unwrap();
        assert_eq!(option.value, value);
        assert_eq!(option.with_value("new"), edited);
    }
    assert_eq!(virtual_option("content=a").unwrap().with_value("a b"), "content='a b'");
    for other in ["name", "name UNINDEXED", "=", "a =", "a == b", ""] {
        assert!(virtual_option(other).is_none(), "{other}");
    }
}

#[test]
fn mentions_sees_names_in_any_quotes_but_not_in_comments() {
    for sql in [
        "SELECT * FROM SESSIONS",
        "\"sessions\"",
        "[sessions]",
        "`Sessions`",
        "content='sessions'",
        "main.sessions",
    ] {
        assert!(mentions(sql, &["other", "sessions"]), "{sql}");
    }
    for sql in [
        "sessions_2",
        "-- sessions",
        "/* sessions */",
        "'my sessions'",
        "\"sessions",
        "$sessions",
        "",
    ] {
        assert!(!mentions(sql, &["sessions"]), "{sql}");
    }
    assert!(mentions("SELECT \"a\"\"b\"", &["A\"B"]));
    assert!(!mentions("SELECT É", &["é"]));
}
