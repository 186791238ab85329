//! `check` with `[[test]]` tables, `--schema`, and a database: each line has a fault that makes it fail.

use serde_json::{Value, json};

use support::{Project, script, sqlite3};

/// A table with seed rows from a data step, and a phase that joins two columns; its test is added by each case.
fn project(test: &str) -> Project {
    let project = Project::empty_in_memory();
    project.write_phase(
        "a.toml",
        "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, x REAL, y REAL, b BLOB)'\n\
         [[up]]\nop = 'sql'\nsql = 'INSERT INTO t VALUES (1, 0.5, 1.5, NULL)'\n[[down]]\nop = 'drop_table'\ntable = 't'\n",
    );
    project.write_phase(
        "b.toml",
        &format!(
            "[[require]]\nname = 'x is there'\nsql = 'SELECT * FROM t WHERE x IS NULL'\nexpect = 'no rows'\n\
             [[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'xy TEXT'\nvalue = \"old.x || ' ' || old.y\"\n\
             [[up]]\nop = 'rename_table'\nfrom = 't'\nto = 'points'\n{test}"
        ),
    );
    project
}

const BEFORE: &str = "before = \"INSERT INTO t(id, x, y, b) VALUES (2, 3.0, -4.5, x'00ff')\"\n";

/// Tests that pass.
const PASS: [&str; 7] = [
    "query = 'SELECT id, x, xy, b FROM points ORDER BY id'\nexpect = [[1, 0.5, '0.5 1.5', { null = true }], [2, 3, '3.0 -4.5', { hex = '00FF' }]]\n",
    "query = 'SELECT count(*) FROM points'\nexpect = 2\n",
    "query = 'SELECT * FROM points WHERE xy IS NULL'\nexpect = 'no rows'\n",
    "query = 'SELECT * FROM points WHERE 0'\nexpect = []\n",
    "down = true\n",
    "after = 'INSERT INTO points(id, x) VALUES (9, 1)'\nquery = 'SELECT max(id) FROM points'\nexpect = 9\n\
     down = true\ndown_query = 'SELECT id, x FROM t ORDER BY id'\ndown_expect = [[1, 0.5], [2, 3.0], [9, 1.0]]\n",
    "query = 'SELECT xy FROM points WHERE id = 2'\nexpect = '3.0 -4.5'\n",
];

#[test]
fn a_test_passes_on_the_rows_that_the_phase_makes() {
    let tests: String = PASS
        .iter()
        .enumerate()
        .map(|(place, it)| format!("[[test]]\nname = 'test {place}'\n{BEFORE}{it}"))
        .collect();
    let project = project(&tests);
    project.write("fits_catalog.db", "");
    let before = project.snapshot();
    let json = project.run(&["check", "--test", "--json"]).expect_code(0).json();
    assert_eq!(json["tests"].as_array().unwrap().len(), PASS.len());
    assert!(json["tests"].as_array().unwrap().iter().all(|it| it["ok"] == json!(true)));
    let text = project.run(&["check", "--test"]).expect_code(0).stdout;
    assert!(text.contains("✓ 7 tests of the phases passed"), "{text}");
    assert_eq!(before, project.snapshot());
    // Without --test nothing runs, and tests are no part of what a phase does.
    assert_eq!(project.run(&["check", "--json"]).expect_code(0).json()["tests"], Value::Null);
    std::fs::remove_file(project.database()).unwrap();
    project.run(&["upgrade", "--create"]).expect_code(0);
    let file = std::fs::read_to_string(project.phases().join("b.toml")).unwrap();
    project.write_phase("b.toml", file.split("[[test]]").next().unwrap());
    project.run(&["current", "--require", "head"]).expect_code(0);
}

/// Tests that fail, and what the answer says beside phase, file and line.
const FAIL: [(&str, &[&str]); 12] = [
    (
        "query = 'SELECT id, xy FROM points ORDER BY id'\nexpect = [[1, '0.5 1.5'], [2, '3 -4.5']]\n",
        &[
            "query gives another answer",
            "expected (1, '0.5 1.5'), (2, '3 -4.5')",
            "found    (1, '0.5 1.5'), (2, '3.0 -4.5')",
        ],
    ),
    ("query = 'SELECT id FROM points'\nexpect = [[1]]\n", &["expected (1)", "found    (1), (2)"]),
    (
        "query = 'SELECT b FROM points WHERE id = 1'\nexpect = [['']]\n",
        &["expected ('')", "found    (NULL)"],
    ),
    ("query = 'SELECT count(*) FROM points'\nexpect = 3\n", &["expected 3", "found    2"]),
    ("query = 'SELECT 1 FROM t'\nexpect = 'rows'\n", &["no such table: t"]),
    (
        "query = 'DELETE FROM points RETURNING id'\nexpect = [[1], [2]]\n",
        &["not one that only reads"],
    ),
    (
        "after = 'INSERT INTO points(id) VALUES (1)'\nquery = 'SELECT 1'\nexpect = 1\n",
        &["UNIQUE constraint failed: points.id"],
    ),
    (
        "after = \"ATTACH 'stolen.db' AS s\"\nquery = 'SELECT 1'\nexpect = 1\n",
        &["not allowed in a phase"],
    ),
    ("after = 'COMMIT'\nquery = 'SELECT 1'\nexpect = 1\n", &["not allowed in a phase"]),
    (
        "after = 'DELETE FROM points WHERE id = 2'\ndown = true\n",
        &["after the downgrade the rows of t are others"],
    ),
    (
        "down = true\ndown_query = 'SELECT count(*) FROM t'\ndown_expect = 5\n",
        &["down_query gives another answer", "found    2"],
    ),
    (
        "after = 'WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) INSERT INTO points(b) SELECT zeroblob(1000000) FROM n'\nquery = 'SELECT 1'\nexpect = 1\n",
        &["full"],
    ),
];

#[test]
fn a_test_that_fails_names_phase_test_expected_and_found() {
    for (test, says) in FAIL {
        let project = project(&format!("[[test]]\nname = 'joined'\n{BEFORE}{test}"));
        let before = project.snapshot();
        let text = project.run(&["check", "--test"]).expect_code(3).stdout;
        assert!(text.contains("✗ b: test \"joined\" failed (phases/b.toml:14)"), "{test}\n{text}");
        for said in says {
            assert!(text.contains(said), "{said} is not in\n{text}");
        }
        assert!(!text.contains("tests of the phases passed"), "{text}");
        let json = project.run(&["check", "--test", "--json"]).expect_code(3).json();
        assert_eq!(json["tests"][0]["ok"], json!(false));
        assert_eq!(
            (&json["tests"][0]["phase"], &json["tests"][0]["test"]),
            (&json!("b"), &json!("joined"))
        );
        assert_eq!(before, project.snapshot());
    }
}

#[test]
fn a_phase_that_loses_rows_fails_its_round_trip_test_and_a_refused_phase_fails_its_test() {
    let lossy = "[[up]]\nop = 'drop_column'\ntable = 'points'\ncolumn = 'y'\n[[test]]\nname = 'back'\ndown = true\n";
    let text = project(lossy).run(&["check", "--test"]).expect_code(3).stdout;
    let says = "expected (1, 0.5, 1.5, NULL)\n    found    (1, 0.5, NULL, NULL)";
    assert!(text.contains("the rows of t are others") && text.contains(says), "{text}");
    let refused = "[[test]]\nname = 'null'\nbefore = 'INSERT INTO t(id) VALUES (5)'\ndown = true\n";
    let text = project(refused).run(&["check", "--test"]).expect_code(3).stdout;
    assert!(text.contains("the check \"x is there\" does not hold"), "{text}");
    // A phase that does not run is named, and the tests after it are not said to pass.
    let project = project("[[test]]\nname = 'any'\nquery = 'SELECT 1'\nexpect = 1\n");
    project.write_phase("a.toml", "[[up]]\nop = 'drop_table'\ntable = 'nothing'\n");
    let text = project.run(&["check", "--test"]).expect_code(3).stdout;
    assert!(
        text.contains("✗ b: test \"any\" failed") && text.contains("not run: a before it"),
        "{text}"
    );
}

#[test]
fn a_malformed_test_is_refused_by_line() {
    for (test, says) in [
        ("query = 'SELECT 1'\n", "takes `query` and `expect` together"),
        ("before = 'DELETE FROM t'\n", "needs `query` with `expect`, or `down = true`"),
        (
            "down_query = 'SELECT 1'\ndown_expect = 1\n",
            "takes `down_query` only with `down = true`",
        ),
        ("query = 'SELECT 1; SELECT 2'\nexpect = 1\n", "query"),
        ("query = 'SELECT 1'\nexpect = [1]\n", "must hold rows as arrays, not an integer"),
        ("query = 'SELECT 1'\nexpect = [[true]]\n", "must hold strings, integers"),
        ("query = 'SELECT 1'\nexpect = [[{ hex = 'abc' }]]\n", "must hold strings, integers"),
        ("quary = 'SELECT 1'\nexpect = 1\n", "unknown key `quary` in [[test]], nearest is `query`"),
    ] {
        let refused =
            project(&format!("[[test]]\nname = 'x'\n{test}")).run(&["check"]).expect_code(4);
        assert!(refused.stderr.contains(says), "{test}: {}", refused.stderr);
        assert!(refused.stderr.contains("phases/b.toml:1"), "{}", refused.stderr);
    }
}

/// The check lines of a project with a desired schema and a database.
fn checks(project: &Project, arguments: &[&str], code: i32) -> (Value, String) {
    let all = [&["check"][..], arguments].concat();
    let text = project.run(&all).expect_code(code).stdout;
    (project.run(&[&all[..], &["--json"]].concat()).expect_code(code).json(), text)
}

/// Returns whether the check of this name holds; `None` if it did not run.
fn holds(json: &Value, name: &str) -> Option<bool> {
    json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == name)
        .map(|it| it["ok"] == json!(true))
}

#[test]
fn a_database_and_the_desired_schema_are_checked_and_each_line_can_fail() {
    let project = project("");
    project.write(
        "schema.sql",
        "CREATE TABLE points(id INTEGER PRIMARY KEY, x REAL, y REAL, b BLOB, xy TEXT);\n",
    );
    project.write("phaseshift.toml", "schema = 'schema.sql'\n");
    project.run(&["upgrade", "--create"]).expect_code(0);
    let (json, text) = checks(&project, &["--pending", "--schema"], 0);
    for name in ["replay", "round trip", "schema", "recorded", "drift", "pending"] {
        assert_eq!(holds(&json, name), Some(true), "{name}\n{text}");
    }
    // Another desired schema.
    project.write(
        "schema.sql",
        "CREATE TABLE points(id INTEGER PRIMARY KEY, x REAL, y REAL, b BLOB);\n",
    );
    let (json, text) = checks(&project, &["--schema"], 3);
    assert_eq!(holds(&json, "schema"), Some(false));
    assert!(
        text.contains("✗ the phases do not make schema.sql\n") && text.contains("xy"),
        "{text}"
    );
    assert_eq!(holds(&checks(&project, &[], 0).0, "schema"), None);
    // Drift.
    script(&project.database(), "CREATE INDEX stray ON points(x)").unwrap();
    let (json, text) = checks(&project, &[], 3);
    assert_eq!((holds(&json, "drift"), holds(&json, "recorded")), (Some(false), Some(true)));
    assert!(text.contains("stray"), "{text}");
    script(&project.database(), "DROP INDEX stray").unwrap();
    // Pending phases are told, and fail where that is asked for.
    project.write_phase("c.toml", "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE more(x)'\n");
    let (json, text) = checks(&project, &[], 0);
    assert_eq!(holds(&json, "pending"), None);
    assert!(text.contains("1 phase pending: c"), "{text}");
    assert_eq!(holds(&checks(&project, &["--pending"], 3).0, "pending"), Some(false));
    std::fs::remove_file(project.phases().join("c.toml")).unwrap();
    // An edited phase, and one that is gone.
    let text = std::fs::read_to_string(project.phases().join("b.toml")).unwrap();
    project.write_phase("b.toml", &text.replace("xy TEXT", "xy"));
    let (json, said) = checks(&project, &[], 3);
    assert_eq!((holds(&json, "recorded"), holds(&json, "drift")), (Some(false), None));
    assert!(said.contains("b was edited after it was applied"), "{said}");
    std::fs::remove_file(project.phases().join("b.toml")).unwrap();
    let (json, said) = checks(&project, &[], 3);
    assert_eq!((holds(&json, "recorded"), holds(&json, "drift")), (Some(false), Some(true)));
    assert!(said.contains("is newer than these phases"), "{said}");
    project.write_phase("b.toml", &text);
    project.write(
        "schema.sql",
        "CREATE TABLE points(id INTEGER PRIMARY KEY, x REAL, y REAL, b BLOB, xy TEXT);\n",
    );
    // Writes of plain SQL aside, the database is as it was.
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM points"), "1");
}
