//! `diff` and `revision --autogenerate`: the file, the phases and the desired schema.

use super::{column, fixture, graph, table, write};
use support::{Project, sqlite3};

const DESIRED: &str = "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);\n";

fn project() -> Project {
    let project = graph(&[]);
    write(&project, "a", &[], &table("t"));
    write(&project, "b", &["a"], &column("t", "b TEXT"));
    project.run(&["upgrade", "--create"]).expect_code(0);
    project.write("schema.sql", DESIRED);
    project
}

#[track_caller]
fn lines(project: &Project, arguments: &[&str]) -> Vec<String> {
    let output = project.run(&[arguments, &["--json"]].concat());
    let json = output.json();
    let found = json["differences"].as_array().unwrap();
    assert_eq!(output.code, if found.is_empty() { 0 } else { 3 });
    assert_eq!(json["equal"], found.is_empty());
    found.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_changed_outside_is_listed() {
    let project = project();
    let same = project.run(&["diff"]).expect_code(0);
    assert_eq!(same.stdout, "✓ fits_catalog.db has the schema of the applied phases.\n");
    let sql = "ALTER TABLE t ADD COLUMN c INT; CREATE INDEX stray ON t(b);
        CREATE TABLE other(x); DROP TABLE other";
    sqlite3(&project.database(), sql);
    let before = project.snapshot();
    let expected = ["column t.c is unexpected", "index stray is unexpected"];
    assert_eq!(lines(&project, &["diff"]), expected);
    let text = project.run(&["diff"]).expect_code(3).stdout;
    assert!(
        text.contains("✗ column t.c is only in fits_catalog.db (does not stop a stamp)")
            && text.contains("2 differences"),
        "{text}"
    );
    assert_eq!(project.snapshot(), before);
}

#[test]
fn the_desired_schema_is_compared_with_the_phases_and_the_file() {
    let project = project();
    for arguments in
        [&["diff", "--to", "schema"][..], &["diff", "--from", "head", "--to", "schema"]]
    {
        assert_eq!(lines(&project, arguments), [""; 0]);
    }
    // Without a database the phases are compared with the desired schema.
    project.run_here(&["diff"]).expect_code(0);
    project.write("schema.sql", "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL, c);");
    let missing = ["column t.b is TEXT instead of TEXT NOT NULL", "column t.c is missing"];
    assert_eq!(lines(&project, &["diff", "--to", "schema"]), missing);
    project.run_here(&["diff"]).expect_code(3);
    assert_eq!(lines(&project, &["diff", "--from", "a", "--to", "b"]), ["column t.b is missing"]);
}

#[test]
fn a_place_that_is_none_and_a_schema_that_is_none_are_refused() {
    let project = project();
    let wrong = project.run(&["diff", "--to", "a b"]).expect_code(2);
    assert!(wrong.stderr.contains("a place is database, applied, schema"), "{}", wrong.stderr);
    let missing = project.run(&["diff", "--to", "none.sql"]).expect_code(4);
    assert!(missing.stderr.contains("the desired schema does not exist"), "{}", missing.stderr);
    project.write("schema.sql", "CREATE TABLE t(a);\nCREATE TABL u(b);");
    let broken = project.run(&["diff", "--to", "schema"]).expect_code(4);
    assert!(broken.stderr.contains("statement at line 2"), "{}", broken.stderr);
}

#[test]
fn the_order_of_branches_does_not_count() {
    let project = fixture("charts/phases");
    project.run(&["upgrade", "2f5d48c07f14", "--create"]).expect_code(0);
    project.run(&["upgrade", "93b7ace49920"]).expect_code(0);
    assert_eq!(lines(&project, &["diff"]), [""; 0]);
}

#[test]
fn one_more_table_gives_one_phase_and_the_second_time_none() {
    let project = project();
    let tags = "CREATE TABLE my_models (\n  id INTEGER PRIMARY KEY, -- the key\n  name TEXT NOT NULL,\n  \
                at TEXT DEFAULT CURRENT_TIMESTAMP\n)";
    let index = "CREATE INDEX ix_my_models_id ON my_models(id)";
    project.write("schema.sql", &format!("{DESIRED}{tags};\n{index};\n"));
    let revision = ["revision", "-m", "Add my models", "--autogenerate", "--id", "add_my_models"];
    let json = project.run_here(&[&revision[..], &["--json"]].concat()).expect_code(0).json();
    assert_eq!((&json["id"], &json["changed"]), (&"add_my_models".into(), &true.into()));
    let again = project.run_here(&revision).expect_code(0);
    assert_eq!(again.stdout, "No changes: the phases make what schema.sql says.\n");
    project.run(&["upgrade"]).expect_code(0);
    let text = "SELECT sql FROM sqlite_schema WHERE name = 'my_models'";
    assert_eq!(sqlite3(&project.database(), text), tags, "to the byte");
    assert_eq!(lines(&project, &["diff", "--to", "schema"]), [""; 0]);
    project.run_here(&["check"]).expect_code(0);
    project.run(&["downgrade", "--accept-loss"]).expect_code(0);
}

#[test]
fn nothing_is_dropped_unless_that_is_said() {
    let project = project();
    project.write("schema.sql", "CREATE TABLE t(a INTEGER PRIMARY KEY, c TEXT);\n");
    let revision = ["revision", "-m", "Without b", "--autogenerate", "--id", "without_b"];
    let before = project.snapshot();
    // That b may go does not say that it was not renamed.
    for flags in [&[][..], &["--allow-drop"]] {
        let refused = project.run_here(&[&revision[..], flags].concat()).expect_code(4);
        for flag in ["column t.b would be dropped", "add: --rename t.b=t.c\n", "add: --drop t.b\n"]
        {
            assert!(refused.stderr.contains(flag), "{}", refused.stderr);
        }
    }
    let renaming = [&revision[..], &["--rename", "t.b=t.c", "--json"]].concat();
    let json = project.run_here(&renaming).expect_code(0).json();
    assert_eq!(json["drops"], serde_json::json!([]));
    std::fs::remove_file(project.phases().join("without_b.toml")).unwrap();
    project.run_here(&[&revision[..], &["--drop", "t.b"]].concat()).expect_code(0);
    let text = std::fs::read_to_string(project.phases().join("without_b.toml")).unwrap();
    assert!(text.contains("# Destructive: drops column t.b"), "{text}");
    std::fs::remove_file(project.phases().join("without_b.toml")).unwrap();
    assert_eq!(project.snapshot(), before);
    // Without a new column there is nothing to ask, but nothing goes unasked.
    project.write("schema.sql", "CREATE TABLE t(a INTEGER PRIMARY KEY);\n");
    let refused = project.run_here(&revision).expect_code(4);
    assert!(refused.stderr.contains("add: --drop t.b\n"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--allow-drop"), "{}", refused.stderr);
    project.run_here(&[&revision[..], &["--allow-drop"]].concat()).expect_code(0);
}

#[test]
fn flags_of_a_draft_go_with_a_draft() {
    let project = project();
    for flag in ["--rename=a=b", "--drop=a", "--value=a.b=1", "--allow-drop"] {
        let refused = project.run_here(&["revision", "-m", "x", flag]).expect_code(2);
        assert!(refused.stderr.contains("--autogenerate"), "{}", refused.stderr);
    }
    project.write("schema.sql", "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c);\n");
    for flag in ["--rename=a", "--rename=x=y", "--drop=\"", "--value=a=1", "--value=t.z=1"] {
        project.run_here(&["revision", "-m", "x", "--autogenerate", flag]).expect_code(2);
    }
}

#[test]
fn rows_survive_a_drafted_rebuild() {
    let project = project();
    sqlite3(&project.database(), "INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    project.write(
        "schema.sql",
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL CHECK (b <> ''), c INT DEFAULT 7);
         CREATE VIEW v AS SELECT b FROM t;
         CREATE TRIGGER g AFTER DELETE ON t BEGIN SELECT 1; END;",
    );
    project.run_here(&["revision", "-m", "Strict", "--autogenerate"]).expect_code(0);
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), "SELECT * FROM t"), "1|x|7\n2|y|7");
    assert_eq!(lines(&project, &["diff", "--to", "schema"]), [""; 0]);
    project.run(&["downgrade"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), "SELECT * FROM t"), "1|x\n2|y");
}

/// From nothing to whole systems, and from one state of a system to a later one.
#[test]
fn whole_systems_are_drafted() {
    for name in ["charts/phases", "photo_map/phases"] {
        let system = fixture(name);
        system.run(&["upgrade", "heads", "--create"]).expect_code(0);
        let texts = "SELECT group_concat(sql, ';' || char(10)) FROM (SELECT sql FROM sqlite_schema \
            WHERE sql NOT NULL AND tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY rowid)";
        let schema = sqlite3(&system.database(), texts);
        let other = graph(&[]);
        other.write("schema.sql", &schema);
        other.run_here(&["revision", "-m", "All", "--autogenerate"]).expect_code(0);
        other.run(&["upgrade", "--create"]).expect_code(0);
        let sorted = "SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL AND tbl_name NOT IN \
            ('schema_version', 'phase_history') ORDER BY type, name";
        assert_eq!(sqlite3(&other.database(), sorted), sqlite3(&system.database(), sorted));
    }
}

#[test]
fn a_later_state_of_charts_is_drafted_from_an_earlier_one() {
    let charts = fixture("charts/phases");
    charts.run(&["upgrade", "--create"]).expect_code(0);
    let texts = "SELECT group_concat(sql, ';' || char(10)) FROM (SELECT sql FROM sqlite_schema \
        WHERE sql NOT NULL AND tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY rowid)";
    charts.write("schema.sql", &sqlite3(&charts.database(), texts));
    for early in ["2d5eb21ce250", "17d797292022", "782ba409672f"] {
        let arguments = [
            "revision",
            "-m",
            "Jump",
            "--autogenerate",
            "--head",
            early,
            "--splice",
            "--allow-drop",
        ];
        let id = format!("jump_{early}");
        charts.run_here(&[&arguments[..], &["--id", &id]].concat()).expect_code(0);
        let same = ["diff", "--from", &id, "--to", "schema"];
        charts.run_here(&same).expect_code(0);
        std::fs::remove_file(charts.phases().join(format!("{id}.toml"))).unwrap();
    }
}
