//! `min_sqlite`: what an older SQLite cannot read is refused by name. `scripts/old_sqlite` holds the list of
//! features against real old releases.

use support::Project;

const FILE: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t(a) VALUES ('q')";

fn project(settings: &str, phase: &str) -> Project {
    let project = Project::empty();
    support::sqlite3(&project.database(), FILE);
    project.write("phaseshift.toml", &format!("database = \"fits_catalog.db\"\n{settings}"));
    project.write_phase("p1.toml", phase);
    project
}

fn view(sql: &str) -> String {
    format!("[[up]]\nop = \"create_view\"\nsql = \"CREATE VIEW v AS {sql}\"\n")
}

#[test]
fn newer_syntax_is_refused_with_object_feature_and_release() {
    for (phase, words) in [
        (view("SELECT sum(id) OVER (ORDER BY a) AS s FROM t"), ["view v", "window functions", "3.25"]),
        (
            "[[up]]\nop = \"rebuild\"\ntable = \"t\"\nsql = \"CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT) STRICT\"\n"
                .to_owned(),
            ["table t", "STRICT tables", "3.37"],
        ),
        (
            "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"b AS (upper(a))\"\n".to_owned(),
            ["table t", "generated columns", "3.31"],
        ),
        (
            "[[up]]\nop = \"sql\"\nsql = \"CREATE INDEX i ON t(a) WHERE a > 'b'; CREATE VIEW v AS SELECT iif(a, 1, 2) AS x FROM t\"\n"
                .to_owned(),
            ["view v", "the function iif()", "3.32"],
        ),
    ] {
        let project = project("min_sqlite = \"3.20\"\n", &phase);
        let before = std::fs::read(project.database()).unwrap();
        let output = project.run_here(&["--json", "upgrade"]).expect_code(4);
        let error = output.json()["error"].clone();
        assert_eq!(error["kind"], "newer-sqlite");
        for word in words {
            assert!(error["message"].as_str().unwrap().contains(word), "{word}: {error}");
        }
        assert_eq!(std::fs::read(project.database()).unwrap(), before);
        assert!(project.backups().is_empty(), "a backup was made");
    }
}

#[test]
fn a_phase_may_name_another_release_than_the_settings() {
    let phase = format!(
        "min_sqlite = \"3.44\"\n{}",
        view("SELECT group_concat(a ORDER BY id) AS g FROM t")
    );
    project("min_sqlite = \"3.31\"\n", &phase).run_here(&["upgrade"]).expect_code(0);
    let phase = format!(
        "min_sqlite = \"3.43\"\n{}",
        view("SELECT group_concat(a ORDER BY id) AS g FROM t")
    );
    project("", &phase).run_here(&["upgrade"]).expect_code(4);
}

#[test]
fn a_file_that_needed_a_release_before_may_go_on_needing_it() {
    let phase = "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE more(x INT) STRICT\"\n";
    let strict = project("min_sqlite = \"3.31\"\n", phase);
    support::sqlite3(&strict.database(), "CREATE TABLE old(x INT) STRICT");
    strict.run_here(&["upgrade"]).expect_code(0);
    project("min_sqlite = \"3.31\"\n", phase).run_here(&["upgrade"]).expect_code(4);
}

#[test]
fn lint_names_what_the_sqlite3_program_of_old_systems_cannot_read() {
    let newer = project("", &view("SELECT concat(a, id) AS x FROM t"));
    let told = newer.run_here(&["lint"]).expect_code(3).stdout;
    assert!(told.contains("newer-sqlite") && told.contains("3.44"), "{told}");
    let known = project("min_sqlite = \"3.44\"\n", &view("SELECT concat(a, id) AS x FROM t"));
    known.run_here(&["lint"]).expect_code(0);
    project("", &view("SELECT a ->> '$' AS x FROM t")).run_here(&["lint"]).expect_code(0);
}

#[test]
fn a_release_that_is_none_is_refused_with_its_line() {
    let output = project("", "min_sqlite = \"3\"\n").run_here(&["lint"]).expect_code(4);
    assert!(output.stderr.contains("p1.toml:1"), "{}", output.stderr);
    let output = project("min_sqlite = \"new\"\n", "").run_here(&["lint"]).expect_code(4);
    assert!(output.stderr.contains("phaseshift.toml:2"), "{}", output.stderr);
}
