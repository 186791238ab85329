//! Publishing: only a clean verdict, only over the state that was backed up, and back again.

use super::{app, bytes, dump, left_over, prove, prove_sql, run};
use support::{Other, sqlite3};

const CHANGE: &str =
    "ALTER TABLE settings ADD COLUMN note TEXT DEFAULT 'x'; CREATE TABLE tags(name TEXT);";

#[test]
fn a_clean_clone_takes_the_place_of_the_file_and_restore_undoes_it() {
    for setup in ["", "PRAGMA journal_mode = WAL"] {
        let project = app();
        sqlite3(&project.database(), setup);
        let before = dump(&project.database());
        let report = prove_sql(&project, CHANGE, &["--publish", "--json"]).expect_code(0).json();
        assert_eq!((&report["published"], &report["verdict"]), (&true.into(), &"clean".into()));
        let after = dump(&project.database());
        assert!(
            after.contains("note TEXT DEFAULT 'x'") && after.contains("CREATE TABLE tags"),
            "{after}"
        );
        assert_eq!(sqlite3(&project.database(), "PRAGMA integrity_check"), "ok");
        let mode = if setup.is_empty() { "delete" } else { "wal" };
        assert_eq!(sqlite3(&project.database(), "PRAGMA journal_mode"), mode);
        let backup = std::path::Path::new(report["backup"].as_str().unwrap());
        assert_eq!(dump(backup), before);
        let arguments = ["restore", "--latest", "--yes", "--database", "fits_catalog.db"];
        run(&project, &arguments).expect_code(0);
        assert_eq!(dump(&project.database()), before);
        assert!(left_over(&project).is_empty(), "{:?}", left_over(&project));
    }
}

#[test]
fn what_is_not_clean_is_not_published() {
    let project = app();
    let before = bytes(&project);
    let output =
        prove_sql(&project, &format!("{CHANGE} DROP INDEX by_date"), &["--publish"]).expect_code(3);
    assert!(output.stdout.contains("it was not published"), "{}", output.stdout);
    assert_eq!(bytes(&project), before);
    // Nothing to publish is no failure, and writes nothing.
    let output = prove(&project, "true", &["--publish"]).expect_code(0);
    assert!(
        output.stdout.contains("the command changed nothing in the clone"),
        "{}",
        output.stdout
    );
    assert_eq!(bytes(&project), before);
}

#[test]
fn another_programs_write_meanwhile_is_waited_for_or_found() {
    let project = app();
    let mut other = Other::start(&project.database());
    // The lock keeps others from writing while the command runs.
    project.write(
        "busy.sh",
        "sqlite3 {real} 'INSERT INTO settings VALUES (1, 2)' && echo written; exit 0",
    );
    let command = "sqlite3 fits_catalog.db \"INSERT INTO settings VALUES ('k', 'v')\" || echo refused; \
                   sqlite3 {} 'CREATE TABLE tags(name)'";
    let output = prove(&project, command, &["--publish"]).expect_code(0);
    assert!(output.stderr.contains("| refused"), "{}", output.stderr);
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM settings, tags"), "0");
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM settings"), "3");
    // Without it, they are found, and nothing is published over them.
    let command = "sqlite3 fits_catalog.db \"INSERT INTO settings VALUES ('k', 'v')\"; sqlite3 {} 'CREATE TABLE more(name)'";
    let output = prove(&project, command, &["--publish", "--unlocked"]).expect_code(1);
    assert!(
        output.stderr.contains("itself was changed while the command ran"),
        "{}",
        output.stderr
    );
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM settings"), "4");
    // A reader's lock keeps the clone from being published; the file is as before.
    other.say_all(&["BEGIN", "SELECT count(*) FROM settings"]);
    let output = prove_sql(&project, "CREATE TABLE more(name)", &["--publish", "--wait", "1"])
        .expect_code(5);
    assert!(output.stderr.contains("state: nothing was changed"), "{}", output.stderr);
    other.say_all(&["COMMIT"]);
    prove_sql(&project, "CREATE TABLE more(name)", &["--publish"]).expect_code(0);
    assert_eq!(other.say("SELECT count(*) FROM more"), "[(0,)]");
}
