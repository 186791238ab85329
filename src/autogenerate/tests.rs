use super::*;

fn schema(sql: &str) -> Schema {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    crate::schema::read(&connection).unwrap()
}

fn ops(have: &str, want: &str) -> Vec<&'static str> {
    draft(&schema(have), &schema(want)).unwrap().steps.iter().map(|it| it.operation.op()).collect()
}

const BASE: &str = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t(b);
    CREATE VIEW v AS SELECT b FROM t;";

#[test]
fn nothing_differs_and_nothing_is_drafted() {
    assert!(ops(BASE, BASE).is_empty());
    assert!(ops(BASE, &BASE.replace("TABLE t", "TABLE \"t\"").replace("TEXT", "text")).is_empty());
}

#[test]
fn columns_come_and_go_one_by_one() {
    let want = BASE.replace("b TEXT", "x, b TEXT, c NOT NULL DEFAULT 1, d");
    assert_eq!(ops(BASE, &want), ["add_column", "add_column", "add_column"]);
    let gone = "CREATE TABLE t(a INTEGER PRIMARY KEY)";
    assert_eq!(ops("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", gone), ["drop_column"]);
}

#[test]
fn other_changes_take_the_whole_definition() {
    for want in ["b TEXT NOT NULL", "b INTEGER", "b TEXT, CHECK (b > 'a')", "b TEXT UNIQUE"] {
        assert_eq!(ops(BASE, &BASE.replace("b TEXT", want)), ["rebuild"], "{want}");
    }
    let first = BASE.replace("a INTEGER", "z, a INTEGER");
    assert_eq!(ops(BASE, &first), ["rebuild"]);
    let both = "CREATE TABLE t(a INTEGER PRIMARY KEY, c INT NOT NULL)";
    let have = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT)";
    assert_eq!(ops(have, both), ["drop_column", "rebuild"]);
}

#[test]
fn what_hangs_on_tables_is_replaced() {
    let want = BASE.replace("ON t(b)", "ON t(b DESC)").replace("SELECT b", "SELECT a, b");
    assert_eq!(ops(BASE, &want), ["replace_view", "drop_index", "create_index"]);
}

#[test]
fn a_table_goes_with_its_indexes_and_may_have_been_renamed() {
    let have = "CREATE TABLE old(a, b); CREATE INDEX i ON old(a); CREATE TABLE z(x)";
    let want = "CREATE TABLE new(a, b); CREATE TABLE z(x)";
    let draft = draft(&schema(have), &schema(want)).unwrap();
    assert_eq!(draft.drops, ["table old (renamed to new?)"]);
    let text = phase_text(&draft);
    assert!(text.contains("op = \"rename_table\", from = \"old\", to = \"new\""), "{text}");
    let one =
        super::draft(&schema("CREATE TABLE t(a, b INT)"), &schema("CREATE TABLE t(a, c INT)"));
    assert_eq!(one.unwrap().drops, ["column t.b (renamed to c?)"]);
}

#[test]
fn a_draft_is_the_text_of_a_phase() {
    let want = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, \"c d\" TEXT DEFAULT 'it''s');
        CREATE TRIGGER g AFTER INSERT ON t BEGIN
          SELECT 1; -- '''
        END;";
    let have = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)";
    let draft = draft(&schema(have), &schema(want)).unwrap();
    let text = format!("parents = []\n{}", phase_text(&draft));
    let path = std::path::Path::new("phases/x.toml");
    let file = crate::phase::PhaseFile::parse(&crate::files::RealFiles, path, &text).unwrap();
    let steps: Vec<_> = file.phase.up.into_iter().map(|step| step.operation).collect();
    assert_eq!(steps, draft.steps.into_iter().map(|it| it.operation).collect::<Vec<_>>());
}
