//! `lint`: one example of each danger is flagged, with the rows of the file; additions pass.

use super::{fixture, graph, write};
use support::{Project, sqlite3};

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
    let says = "✗ b (phases/b.toml:2) drop-column: drops column t.c with its values (t has 2 rows)
    why: its values are lost, and a downgrade brings the column back empty
    fix: keep the column until no program reads it, or copy its values in a step before
1 phase checked, 1 finding\n";
    assert_eq!(output.stdout, says);
    assert_eq!(project.snapshot(), before);
    let json = project.run(&["lint", "--json"]).expect_code(3).json();
    assert_eq!(json["findings"][0]["rows"], 2);
    project.run(&["lint", "a"]).expect_code(0);
    project.run(&["upgrade", "b"]).expect_code(0);
    let none = project.run(&["lint"]).expect_code(0);
    assert_eq!(
        none.stdout,
        "Nothing to check: no phase is pending. Name a phase to check it again.\n"
    );
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

/// Steps of one phase on `t` and its codes. What the phase itself creates, or has corrected, is no danger.
const PHASES: [(&str, &[&str]); 15] = [
    (
        "[[up]]\nop='create_table'\nsql='CREATE TABLE n(a, b)'\n[[up]]\nop='create_index'\nsql='CREATE UNIQUE INDEX u ON n(a)'\n\
         [[up]]\nop='add_constraint'\ntable='n'\nsql='CHECK (b > 0)'\n[[up]]\nop='add_column'\ntable='n'\ncolumn='c NOT NULL'\n\
         [[up]]\nop='alter_column'\ntable='n'\ncolumn='b'\nnot_null=true\n[[up]]\nop='drop_column'\ntable='n'\ncolumn='c'\n",
        &[],
    ),
    (
        "[[up]]\nop='create_table'\nsql='CREATE TABLE n(a)'\n[[up]]\nop='rename_table'\nfrom='n'\nto='m'\n\
         [[up]]\nop='create_index'\nsql='CREATE UNIQUE INDEX u ON m(a)'\n",
        &[],
    ),
    (
        "[[up]]\nop='sql'\nsql='DELETE FROM t WHERE b IS NULL OR a NOT IN (SELECT min(a) FROM t GROUP BY b)'\n\
         [[up]]\nop='create_index'\nsql='CREATE UNIQUE INDEX u ON t(b)'\n\
         [[up]]\nop='alter_column'\ntable='t'\ncolumn='b'\nnot_null=true\n\
         [[up]]\nop='add_constraint'\ntable='t'\nsql='CHECK (c > 0)'\n[[down]]\nop='drop_index'\nindex='u'\n",
        &[],
    ),
    (
        // A correction of another table corrects nothing here.
        "[[up]]\nop='create_table'\nsql='CREATE TABLE n(a)'\n[[up]]\nop='sql'\nsql='DELETE FROM n'\n\
         [[up]]\nop='create_index'\nsql='CREATE UNIQUE INDEX u ON t(b)'\n[[down]]\nop='drop_index'\nindex='u'\n",
        &["unique"],
    ),
    (
        "[[up]]\nop='sql'\nsql='CREATE UNIQUE INDEX u ON t(b)'\n[[down]]\nop='drop_index'\nindex='u'\n",
        &["sql-creates", "unique"],
    ),
    (
        "[[up]]\nop='create_table'\nsql='CREATE TABLE n(x REFERENCES t(a))'\n",
        &["foreign-key-index"],
    ),
    (
        "[[up]]\nop='create_table'\nsql='CREATE TABLE n(x REFERENCES t(a), y)'\n[[up]]\nop='create_index'\nsql='CREATE INDEX nx ON n(x, y)'\n",
        &[],
    ),
    (
        "[[up]]\nop='create_table'\nsql='CREATE TABLE n(x INTEGER PRIMARY KEY REFERENCES t(a))'\n",
        &[],
    ),
    ("[[up]]\nop='create_table'\nsql='CREATE TABLE n(y, x UNIQUE REFERENCES t(a))'\n", &[]),
    (
        "[[up]]\nop='create_table'\nsql='CREATE TABLE n(x REFERENCES t(a))'\n[[up]]\nop='create_index'\nsql='CREATE INDEX nx ON n(x) WHERE x > 5'\n",
        &["foreign-key-index"],
    ),
    ("[[up]]\nop='drop_view'\nview='seen'\n", &["drop-view"]),
    (
        "[[up]]\nop='drop_view'\nview='seen'\n[[up]]\nop='create_view'\nsql='CREATE VIEW seen AS SELECT 1 FROM t'\n",
        &[],
    ),
    ("[[up]]\nop='drop_index'\nindex='one_c'\n", &["drop-unique"]),
    ("[[up]]\nop='drop_index'\nindex='by_b'\n", &[]),
    // The view reads t.b in a subquery over other, without saying so.
    ("[[up]]\nop='add_column'\ntable='other'\ncolumn='b TEXT'\n", &["captured-name"]),
];

#[test]
fn a_rule_is_no_danger_where_no_old_row_can_break_it() {
    for (text, expected) in PHASES {
        let project = graph(&[]);
        let more = "[[up]]\nop='create_table'\nsql='CREATE TABLE other(id INTEGER PRIMARY KEY)'\n\
                    [[up]]\nop='create_view'\nsql='CREATE VIEW seen AS SELECT (SELECT max(b) FROM other) AS m FROM t'\n\
                    [[up]]\nop='create_index'\nsql='CREATE UNIQUE INDEX one_c ON t(c)'\n";
        write(&project, "a", &[], &format!("{BASE}{more}"));
        write(&project, "b", &["a"], text);
        assert_eq!(codes(&project, &["lint", "b"]), expected, "{text}");
        // With a database the answer is the same.
        project.run(&["upgrade", "a", "--create"]).expect_code(0);
        assert_eq!(codes_in(&project, &["lint"]), expected, "{text}");
    }
}

fn codes_in(project: &Project, arguments: &[&str]) -> Vec<String> {
    let output = project.run(&[arguments, &["--json"]].concat());
    let findings = output.json()["findings"].as_array().unwrap().clone();
    findings.iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_finding_is_acknowledged_with_a_reason_and_an_idle_allow_is_a_finding() {
    let drop = "[[up]]\nop='drop_table'\ntable='t'\n";
    let project = graph(&[]);
    write(&project, "a", &[], BASE);
    write(
        &project,
        "b",
        &["a"],
        &format!("allow = ['drop-table: nobody reads it: since 2.0']\n{drop}"),
    );
    let json = project.run_here(&["lint", "--json"]).expect_code(0).json();
    assert_eq!(json["findings"], serde_json::json!([]));
    assert_eq!(json["allowed"][0]["code"], "drop-table");
    assert_eq!(json["allowed"][0]["reason"], "nobody reads it: since 2.0");
    let text = project.run_here(&["lint"]).expect_code(0).stdout;
    assert!(
        text.contains("allowed: b (phases/b.toml:") && text.contains("reason: nobody"),
        "{text}"
    );
    // What it allows is not part of what the phase does.
    project.run(&["upgrade", "--create"]).expect_code(0);
    for (allow, says) in [
        ("drop-table: a', 'drop-column: b", "allows drop-column, which it does not do"),
        (
            "drop-table: a', 'drop-tabel: b",
            "allows drop-tabel, which is no code; nearest is drop-table",
        ),
    ] {
        write(&project, "b", &["a"], &format!("allow = ['{allow}']\n{drop}"));
        assert_eq!(codes(&project, &["lint", "b"]), ["unused-allow"]);
        let text = project.run_here(&["lint", "b"]).expect_code(3).stdout;
        assert!(text.contains(says), "{text}");
        project.run(&["current"]).expect_code(0);
    }
    for wrong in ["drop-table", "drop-table:", "Drop: x", ": x"] {
        write(&project, "b", &["a"], &format!("allow = ['{wrong}']\n{drop}"));
        let refused = project.run_here(&["lint"]).expect_code(4);
        assert!(refused.stderr.contains("must hold \"code: reason\""), "{}", refused.stderr);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "three forms of the same findings")]
fn findings_are_printed_as_sarif_as_github_commands_and_as_json() {
    let project = graph(&[]);
    write(&project, "a", &[], BASE);
    let odd = "[[up]]\nop='rename_table'\nfrom='t'\nto=\"50%, a:b\\n::error::x\\u001b[2J\"\n\
               [[up]]\nop='drop_table'\ntable=\"50%, a:b\\n::error::x\\u001b[2J\"\n";
    write(
        &project,
        "b",
        &["a"],
        &format!(
            "id = 'b'\nallow = ['not-null: filled by hand']\n{odd}\
        [[up]]\nop='create_table'\nsql='CREATE TABLE k(a)'\n"
        ),
    );
    write(
        &project,
        "c",
        &["b"],
        "allow = ['type-change: known']\n[[up]]\nop='alter_column'\ntable='k'\ncolumn='a'\ntype='TEXT'\n",
    );
    std::fs::rename(project.path("phases/b.toml"), project.path("phases/b, 1%.toml")).unwrap();
    let sarif = project.run_here(&["lint", "--format", "sarif"]).expect_code(3).stdout;
    project.write("lint.sarif", &sarif);
    // What the schema of SARIF 2.1.0 requires, and what GitHub and editors need.
    let judged = support::python(
        &project.path("lint.sarif"),
        r#"
import json
from urllib.parse import unquote, urlsplit
log = json.load(open(path))
assert log['version'] == '2.1.0' and log['$schema'].endswith('sarif-2.1.0.json')
(run,) = log['runs']
driver = run['tool']['driver']
assert driver['name'] == 'phaseshift'
rules = [rule['id'] for rule in driver['rules']]
assert len(set(rules)) == len(rules)
for rule in driver['rules']:
    assert all(rule[key]['text'] for key in ('shortDescription', 'fullDescription', 'help'))
for result in run['results']:
    assert rules[result['ruleIndex']] == result['ruleId']
    assert result['level'] in ('none', 'note', 'warning', 'error')
    assert result['message']['text']
    (location,) = result['locations']
    physical = location['physicalLocation']
    uri = physical['artifactLocation']['uri']
    assert not urlsplit(uri).scheme and ' ' not in uri, uri
    assert isinstance(physical['region']['startLine'], int) and physical['region']['startLine'] >= 1
    for suppression in result.get('suppressions', []):
        assert suppression['kind'] == 'inSource' and suppression['justification']
print([(r['ruleId'], unquote(r['locations'][0]['physicalLocation']['artifactLocation']['uri']), 'suppressions' in r) for r in run['results']])
"#,
    );
    assert_eq!(
        judged,
        "[('drop-table', 'phases/b, 1%.toml', False), ('unused-allow', 'phases/b, 1%.toml', False), \
         ('type-change', 'phases/c.toml', True)]"
    );
    let github = project.run_here(&["lint", "--format", "github"]).expect_code(3).stdout;
    let lines: Vec<&str> = github.lines().collect();
    assert_eq!(lines.len(), 2, "{github}");
    let start = "::warning file=phases/b%2C 1%25.toml,line=8,title=phaseshift drop-table::b: drops table 50%25, a:b%0A::error::x";
    assert!(lines[0].starts_with(start), "{github}");
    assert!(!github.contains('\u{1b}'));
    let json = project.run_here(&["lint", "--format", "json"]).expect_code(3).json();
    assert_eq!(json, project.run_here(&["lint", "--json"]).expect_code(3).json());
    assert!(!json["findings"][0]["why"].as_str().unwrap().is_empty());
}
