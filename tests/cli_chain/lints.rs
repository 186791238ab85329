//! `lint`: one example of each danger is flagged, with the rows of the file; additions pass.

use super::support::{Project, sqlite3};
use super::{fixture, graph, write};

const BASE: &str = "
[[up]]
op = 'create_table'
sql = 'CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c INT)'
[[up]]
op = 'create_index'
sql = 'CREATE INDEX by_b ON t(b)'
";

/// A step, and the code of what is dangerous about it; nothing if it is harmless.
const STEPS: [(&str, Option<&str>); 19] = [
    ("op='drop_table'\ntable='t'", Some("drop-table")),
    ("op='drop_column'\ntable='t'\ncolumn='c'", Some("drop-column")),
    ("op='alter_column'\ntable='t'\ncolumn='c'\ntype='TEXT'", Some("type-change")),
    ("op='alter_column'\ntable='t'\ncolumn='c'\ntype='TEXT'\nvalue='CAST(c AS TEXT)'", None),
    ("op='alter_column'\ntable='t'\ncolumn='b'\nnot_null=true", Some("not-null")),
    ("op='alter_column'\ntable='t'\ncolumn='b'\nnot_null=true\nvalue=\"coalesce(b,'')\"", None),
    ("op='add_column'\ntable='t'\ncolumn='d TEXT NOT NULL'", Some("not-null")),
    ("op='add_column'\ntable='t'\ncolumn='d TEXT NOT NULL'\nvalue='b'", None),
    ("op='add_column'\ntable='t'\ncolumn=\"d TEXT NOT NULL DEFAULT ''\"", None),
    ("op='add_column'\ntable='t'\ncolumn='d TEXT'", None),
    ("op='add_constraint'\ntable='t'\nsql='UNIQUE (b)'", Some("unique")),
    ("op='add_constraint'\ntable='t'\nsql='CONSTRAINT x CHECK (c > 0)'", Some("check")),
    ("op='create_index'\nsql='CREATE UNIQUE INDEX u ON t(c)'", Some("unique")),
    ("op='create_index'\nsql='CREATE INDEX again ON t (b)'", Some("duplicate-index")),
    ("op='create_index'\nsql='CREATE INDEX by_c ON t(c)'", None),
    ("op='rebuild'\ntable='t'\nsql='CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)'", Some("rebuild")),
    ("op='sql'\nsql='UPDATE t SET c = 1'", Some("no-way-back")),
    ("op='create_view'\nsql='CREATE VIEW v AS SELECT 1'", None),
    ("op='create_table'\nsql='CREATE TABLE u(x NOT NULL)'", None),
];

fn project(step: &str) -> Project {
    let project = graph(&[]);
    write(&project, "a", &[], BASE);
    write(&project, "b", &["a"], &format!("[[up]]\n{step}\n"));
    project
}

fn codes(project: &Project, arguments: &[&str]) -> Vec<String> {
    let output = project.run_here(&[arguments, &["--json"]].concat());
    let findings = output.json()["findings"].as_array().unwrap().clone();
    assert_eq!(output.code, if findings.is_empty() { 0 } else { 3 });
    findings.iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_example_of_each_danger_is_flagged() {
    for (step, code) in STEPS {
        let expected: Vec<&str> = code.into_iter().collect();
        assert_eq!(codes(&project(step), &["lint"]), expected, "{step}");
    }
}

#[test]
fn only_additions_are_additive() {
    for (step, code) in STEPS {
        let changes = step.starts_with("op='alter_column'");
        let passes = codes(&project(step), &["lint", "--additive"]).is_empty();
        assert_eq!(passes, code.is_none() && !changes, "{step}");
    }
    let rename = project("op='rename_column'\ntable='t'\nfrom='b'\nto='bb'");
    assert_eq!(codes(&rename, &["lint"]), [""; 0]);
    assert_eq!(codes(&rename, &["lint", "--additive"]), ["not-additive"]);
}

#[test]
fn rows_of_the_file_are_counted_and_only_pending_phases_are_looked_at() {
    let project = project("op='drop_column'\ntable='t'\ncolumn='c'");
    project.run(&["upgrade", "a", "--create"]).expect_code(0);
    sqlite3(&project.database(), "INSERT INTO t VALUES (1, 'x', 2), (2, 'y', 3)");
    let before = project.snapshot();
    let output = project.run(&["lint"]).expect_code(3);
    let says = "✗ b (phases/b.toml:2) drop-column: drops column t.c with its values (2 rows)\n\
                1 phase looked at, 1 finding\n";
    assert_eq!(output.stdout, says);
    assert_eq!(project.snapshot(), before);
    let json = project.run(&["lint", "--json"]).expect_code(3).json();
    assert_eq!(json["findings"][0]["rows"], 2);
    project.run(&["lint", "a"]).expect_code(0);
    project.run(&["upgrade", "b"]).expect_code(0);
    let none = project.run(&["lint"]).expect_code(0);
    assert_eq!(none.stdout, "✓ 0 phases looked at, nothing dangerous\n");
}

#[test]
fn descriptions_that_say_too_much_and_phases_without_a_way_back() {
    let project = graph(&[]);
    let long = "x".repeat(61);
    let text = format!("description = '{long}'\nirreversible = 'it is sent'\n");
    write(&project, "a", &[], &text);
    assert_eq!(codes(&project, &["lint"]), ["description", "irreversible"]);
}

#[test]
fn the_duplicate_index_of_charts_is_found() {
    let charts = fixture("charts/phases");
    let output = charts.run_here(&["lint", "61837bbf83a1"]).expect_code(3);
    let says = "index ix_search_indices_index_name is a duplicate of idx_search_indices_index_name";
    assert!(output.stdout.contains(says), "{}", output.stdout);
}

#[test]
fn dependents_are_found_in_the_file_and_in_the_phases() {
    let project = graph(&[]);
    let views = "[[up]]\nop='create_view'\nsql='CREATE VIEW v AS SELECT b FROM t'\n\
                 [[up]]\nop='create_view'\nsql='CREATE VIEW w AS SELECT b FROM v'\n";
    write(&project, "a", &[], &format!("{BASE}{views}"));
    let expected = "Tables:\n  t: needed by v, w\nViews, layer 1:\n  v: needed by w\n\
                    Views, layer 2:\n  w\n";
    assert_eq!(project.run_here(&["deps"]).expect_code(0).stdout, expected);
    project.run(&["upgrade", "--create"]).expect_code(0);
    sqlite3(&project.database(), "CREATE TABLE child(x REFERENCES t(a))");
    let before = project.snapshot();
    let one = "table t\n  views: v, w\n  triggers: none\n  indexes: by_b\n  referenced by: child\n";
    assert_eq!(project.run(&["deps", "T"]).expect_code(0).stdout, one);
    let json = project.run(&["deps", "v", "--json"]).expect_code(0).json();
    assert_eq!(json["objects"][0]["views"], serde_json::json!(["w"]));
    let unknown = project.run(&["deps", "tt"]).expect_code(4);
    assert!(unknown.stderr.contains("no table or view is called tt"), "{}", unknown.stderr);
    assert_eq!(project.snapshot(), before);
}
