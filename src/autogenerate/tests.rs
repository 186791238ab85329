use super::*;
use crate::schema::from_sql as schema;

/// The answers that flags give: `--rename a=b`, `--drop x`, `--value t.c=1`, `allow`.
fn answers(flags: &[&str]) -> Answers {
    let mut answers = Answers::default();
    for flag in flags {
        match flag.split_once(' ') {
            Some(("rename", text)) => answers.renames.push(Rename::parse(text).unwrap()),
            Some(("mark", text)) => answers.marked.push(Rename::parse(text).unwrap()),
            Some(("drop", text)) => answers.drops.push(Answers::parse_drop(text).unwrap()),
            Some(("value", text)) => answers.values.push(Answers::parse_value(text).unwrap()),
            _ => answers.policy = DropPolicy::Allow,
        }
    }
    answers
}

fn ready(have: &str, want: &str, flags: &[&str]) -> Draft {
    match draft(&schema(have), &schema(want), &answers(flags)).unwrap() {
        Drafted::Ready(draft) => draft,
        Drafted::Open(open) => panic!("{open:?}"),
    }
}

fn open(have: &str, want: &str, flags: &[&str]) -> (Vec<String>, Vec<String>) {
    match draft(&schema(have), &schema(want), &answers(flags)).unwrap() {
        Drafted::Ready(draft) => panic!("{draft:?}"),
        Drafted::Open(open) => (
            open.questions
                .iter()
                .flat_map(|it| it.candidates.iter().map(move |old| format!("{old}={}", it.new)))
                .collect(),
            open.drops.iter().map(ToString::to_string).collect(),
        ),
    }
}

fn ops(have: &str, want: &str, flags: &[&str]) -> Vec<&'static str> {
    ready(have, want, flags).steps.iter().map(|it| it.operation.op()).collect()
}

const BASE: &str = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t(b);
    CREATE VIEW v AS SELECT b FROM t;";
const NONE: [String; 0] = [];

#[test]
fn nothing_differs_and_nothing_is_drafted() {
    assert!(ops(BASE, BASE, &[]).is_empty());
    let spelled = BASE.replace("TABLE t", "TABLE \"t\"").replace("TEXT", "text");
    assert!(ops(BASE, &spelled, &[]).is_empty());
    // What was answered before is no change, a swap least of all.
    let two = "CREATE TABLE a(x); CREATE TABLE b(x)";
    assert!(ops(two, two, &["rename a=b", "rename b=a", "drop gone"]).is_empty());
}

#[test]
fn columns_come_and_go_one_by_one() {
    let want = BASE.replace("b TEXT", "x, b TEXT, c NOT NULL DEFAULT 1, d");
    assert_eq!(ops(BASE, &want, &[]), ["add_column", "add_column", "add_column"]);
    let (have, gone) =
        ("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", "CREATE TABLE t(a INTEGER PRIMARY KEY)");
    assert_eq!(open(have, gone, &[]), (NONE.to_vec(), vec!["column t.b".to_owned()]));
    for flag in ["drop t.b", "allow"] {
        assert_eq!(ops(have, gone, &[flag]), ["drop_column"]);
    }
}

#[test]
fn other_changes_take_the_whole_definition() {
    for want in ["b TEXT NOT NULL", "b INTEGER", "b TEXT, CHECK (b > 'a')", "b TEXT UNIQUE"] {
        assert_eq!(ops(BASE, &BASE.replace("b TEXT", want), &[]), ["rebuild"], "{want}");
    }
    let first = BASE.replace("a INTEGER", "z, a INTEGER");
    assert_eq!(ops(BASE, &first, &[]), ["rebuild"]);
    let both = "CREATE TABLE t(a INTEGER PRIMARY KEY, c INT NOT NULL)";
    let have = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT)";
    assert_eq!(ops(have, both, &["drop t.b"]), ["drop_column", "rebuild"]);
    // A column that a constraint is about goes with it.
    let bound = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT, UNIQUE (b, c))";
    assert_eq!(ops(bound, "CREATE TABLE t(a INTEGER PRIMARY KEY, c INT)", &["allow"]), ["rebuild"]);
}

#[test]
fn what_hangs_on_tables_is_replaced() {
    let want = BASE.replace("ON t(b)", "ON t(b DESC)").replace("SELECT b", "SELECT a, b");
    assert_eq!(ops(BASE, &want, &[]), ["drop_index", "create_index", "replace_view"]);
    // An index that only gets another name is renamed: it holds nothing of its own.
    assert_eq!(ops(BASE, &BASE.replace("INDEX i", "INDEX j"), &[]), ["rename_index"]);
}

#[test]
fn a_table_that_goes_while_another_comes_is_asked_about() {
    let have = "CREATE TABLE old(a, b); CREATE INDEX i ON old(a); CREATE TABLE z(x)";
    let want = "CREATE TABLE new(a, b); CREATE TABLE z(x)";
    assert_eq!(open(have, want, &[]), (vec!["old=new".to_owned()], NONE.to_vec()));
    // That everything may go says nothing of what was renamed.
    assert_eq!(open(have, want, &["allow"]).0, ["old=new"]);
    assert_eq!(ops(have, want, &["drop old"]), ["drop_table", "create_table"]);
    let index = open(have, want, &["rename old=new"]);
    assert_eq!(index, (NONE.to_vec(), vec!["index i".to_owned()]));
    for flag in ["rename old=new", "mark old=new"] {
        assert_eq!(ops(have, want, &[flag, "drop i"]), ["drop_index", "rename_table"]);
    }
    // Tables that have nothing in common are not asked about twice.
    let other = "CREATE TABLE new(p, q, r); CREATE TABLE z(x)";
    assert_eq!(ops(have, other, &["allow"]), ["drop_table", "create_table"]);
}

#[test]
fn a_column_that_goes_while_another_comes_is_asked_about() {
    let (have, want) = ("CREATE TABLE t(a, b INT)", "CREATE TABLE t(a, c INT)");
    assert_eq!(open(have, want, &[]), (vec!["t.b=t.c".to_owned()], NONE.to_vec()));
    assert_eq!(ops(have, want, &["rename t.b=t.c"]), ["rename_column"]);
    assert_eq!(ops(have, want, &["drop t.b"]), ["drop_column", "add_column"]);
    assert_eq!(ops(have, "CREATE TABLE t(a, c TEXT)", &["allow"]), ["drop_column", "add_column"]);
    let moved = "CREATE TABLE u(a, c INT)";
    assert_eq!(open(have, moved, &["rename t=u"]).0, ["t.b=u.c"]);
    for column in ["t.b=u.c", "t.b=t.c", "u.b=u.c", "u.b=c"] {
        let flags = ["rename t=u", &format!("rename {column}")];
        assert_eq!(ops(have, moved, &flags), ["rename_table", "rename_column"], "{column}");
    }
}

#[test]
fn an_answer_that_fits_nothing_is_refused() {
    let (have, want) = ("CREATE TABLE t(a, b INT)", "CREATE TABLE t(a, c INT)");
    for flag in [
        "rename x=y",
        "rename t=y",
        "rename t.b=t.x",
        "rename t.x=t.y",
        "rename x.b=x.c",
        "drop t.a",
        "value t.b=1",
    ] {
        let error = draft(&schema(have), &schema(want), &answers(&[flag])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Arguments, "{flag}");
    }
}

#[test]
fn values_go_where_something_changes() {
    let (have, want) = ("CREATE TABLE t(a, b)", "CREATE TABLE t(a, b, c NOT NULL)");
    let needed = ready(have, want, &[]);
    let column = NeedsValue { table: "t".into(), column: "c".into() };
    assert_eq!(needed.needs_values, [column]);
    let given = ready(have, want, &["value t.c=old.a + 1"]);
    assert!(given.needs_values.is_empty());
    assert!(draft_text(&given).contains("value = \"old.a + 1\""));
    let tightened = "CREATE TABLE t(a, b NOT NULL)";
    let text = draft_text(&ready(have, tightened, &["value t.b=coalesce(old.b, '')"]));
    assert!(text.contains("values = { b = \"coalesce(old.b, '')\" }"), "{text}");
    assert!(ops(have, have, &["value t.b=1"]).is_empty());
}

#[test]
fn a_draft_is_the_text_of_a_phase() {
    let want = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, \"c d\" TEXT DEFAULT 'it''s');
        CREATE TRIGGER g AFTER INSERT ON t BEGIN
          SELECT 1; -- '''
        END;";
    let have = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)";
    let draft = ready(have, want, &[]);
    let text = format!("parents = []\n{}", draft_text(&draft));
    let path = std::path::Path::new("phases/x.toml");
    let file = crate::phase::PhaseFile::parse(&crate::files::RealFiles, path, &text).unwrap();
    let steps: Vec<_> = file.phase.up.into_iter().map(|step| step.operation).collect();
    assert_eq!(steps, draft.steps.into_iter().map(|it| it.operation).collect::<Vec<_>>());
}
