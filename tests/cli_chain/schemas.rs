//! `diff` and `revision --autogenerate`: the file, the phases and the desired schema.

use super::support::{Project, sqlite3};
use super::{column, fixture, graph, table, write};

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
    let expected =
        ["column t.c is there and should not be", "index stray is there and should not be"];
    assert_eq!(lines(&project, &["diff"]), expected);
    let text = project.run(&["diff"]).expect_code(3).stdout;
    assert!(text.contains("✗ column t.c is there") && text.contains("2 differences"), "{text}");
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
