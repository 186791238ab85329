//! A file on which no phase is recorded: whose fault a step is that does not fit.

use phaseshift::ErrorKind;

use support::{Bench, sqlite3};

const FILE: &str = "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO author VALUES (1, 'Kepler');";
const FITS: &str =
    "parents = []\n[[up]]\nop = \"add_column\"\ntable = \"author\"\ncolumn = \"born INT\"\n";

#[test]
fn a_fault_in_a_later_phase_is_that_phases_own() {
    for (later, names) in [
        ("op = \"drop_column\"\ntable = \"author\"\ncolumn = \"dead\"", "dead"),
        ("op = \"create_view\"\nsql = \"CREATE VIEW v AS SELECT nothing FROM author\"", "nothing"),
        ("op = \"rename_table\"\nfrom = \"book\"\nto = \"books\"", "book"),
    ] {
        let bench = Bench::new(FILE);
        bench.phase("p1", FITS);
        bench.phase("p2", &format!("[[up]]\n{later}\n"));
        let error = bench.refused(ErrorKind::Step, names);
        assert_eq!(error.facts().phase.as_deref(), Some("p2"));
        let said = bench.project().run(&["upgrade"]).expect_code(4).stderr;
        assert!(said.contains("p2.toml:1") && !said.contains("stamp"), "{said}");
    }
}

#[test]
fn a_first_phase_that_does_not_fit_still_means_a_file_that_is_further_along() {
    let bench = Bench::new("CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT, born INT);");
    bench.phase("p1", FITS);
    bench.phase("p2", "[[up]]\nop = \"add_column\"\ntable = \"author\"\ncolumn = \"died INT\"\n");
    bench.refused(ErrorKind::NotAdopted, "p1");
    let said = bench.project().run(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("stamp"), "{said}");
}

/// A typing error in the first phase was explained as a file that is further along, even where there was no file.
#[test]
fn a_first_phase_that_runs_nowhere_is_at_fault_itself() {
    let fails = "CREATE TABLE a(x);\nCREATE TABEL b(y);\n";
    for (text, names) in [
        (fails, "syntax error"),
        ("CREATE TABLE a(x);\nCREATE INDEX i ON b(y);\n", "no such table"),
    ] {
        let bench = Bench::new(FILE);
        let project = bench.project();
        project.write_phase("001_first.sql", text);
        project.write_phase("002_next.sql", "CREATE TABLE c(x);\n");
        for arguments in [&["upgrade"][..], &["upgrade", "--create", "--database", "new.db"]] {
            let said = project.run(arguments).expect_code(4).stderr;
            assert!(said.contains(names) && said.contains("001_first.sql:2"), "{said}");
            assert!(!said.contains("recorded") && !said.contains("diff"), "{said}");
        }
    }
}

#[test]
fn a_function_that_is_not_there_is_found_before_the_backup_in_every_phase_of_the_run() {
    for statement in [
        "UPDATE author SET born = no_such_fn(name)",
        "CREATE TABLE t(a); INSERT INTO t SELECT no_such_fn(name) FROM author",
    ] {
        let bench = Bench::new(FILE);
        bench.phase("p1", FITS);
        let step = format!("[[up]]\nop = \"sql\"\nsql = \"{statement}\"\n");
        bench.phase("p2", &format!("irreversible = \"x\"\n{step}"));
        let error = bench.refused(ErrorKind::Step, "no such function: no_such_fn");
        assert_eq!(error.facts().phase.as_deref(), Some("p2"));
        let said = bench.project().run(&["upgrade"]).expect_code(4).stdout;
        assert!(!said.contains("Ready") && !said.contains("Done"), "{said}");
    }
}

/// Applications live for years with a view whose table is gone. Such a file could not be adopted at all.
#[test]
fn a_file_with_broken_views_triggers_and_foreign_keys_could_not_be_adopted() {
    let bench = Bench::new(
        "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT); INSERT INTO a VALUES (1, 'q');
         CREATE TABLE no_key(code TEXT); CREATE TABLE b(code TEXT REFERENCES no_key(code), gone INT REFERENCES lost(id));
         INSERT INTO b VALUES ('c', 7);
         CREATE VIEW \"v'\n\" AS SELECT * FROM lost; CREATE VIEW over AS SELECT * FROM \"v'\n\";
         CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO lost VALUES (new.x); END;",
    );
    let project = bench.project();
    std::fs::remove_dir_all(project.phases()).expect("no phases yet");
    let database = bench.database();
    let database = database.to_str().expect("a path");
    let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT IN ('schema_version', 'phase_history') \
                  AND name NOT LIKE 'sqlite%' ORDER BY name";
    let before = bench.ask(schema);
    let said = project.run_here(&["init", "--from", database]).expect_code(0).stdout;
    for broken in ["lost", "no_key", "trigger t", "view over"] {
        assert!(said.contains(broken), "{broken}: {said}");
    }
    project.run_here(&["check"]).expect_code(0);
    let linted = project.run_here(&["lint", "baseline", "--json"]).stdout;
    assert!(!linted.contains("unused-allow"), "{linted}");

    project.write_phase("1_next.toml", &rename("a", "things"));
    let refused = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(refused.contains("drop or replace trigger t"), "{refused}");
    project.write_phase("1_next.toml", &rename("b", "things"));
    project.run_here(&["upgrade"]).expect_code(0);
    assert_eq!(bench.ask("SELECT x FROM a; SELECT code, gone FROM things"), "q\nc|7");
    project.run_here(&["downgrade"]).expect_code(0);
    assert_eq!(bench.ask(schema), before);

    let create = ["upgrade", "--create", "--database", "new.db", "-v"];
    let said = project.run_here(&create).expect_code(0).stdout;
    let proven = "views and triggers: all compile as before, but for those that a phase allows to be broken\n";
    assert!(said.contains(proven), "{said}");
    let new = project.path("new.db");
    let made =
        support::script(&new, &schema.replace("name, tbl_name, sql", "name")).expect("a file");
    assert_eq!(made.matches("view|").count(), 2, "{made}");
}

#[test]
fn what_a_phase_breaks_without_allowing_it_is_still_refused() {
    let bench = Bench::new(FILE);
    let view = "[[up]]\nop = \"create_view\"\nsql = \"CREATE VIEW v AS SELECT x FROM lost\"\n";
    bench.phase("p1", &format!("parents = []\n{view}"));
    bench.refused(ErrorKind::Step, "lost");
    bench.phase("p1", &format!("parents = []\nallow = [\"drop-view: no\"]\n{view}"));
    bench.refused(ErrorKind::Step, "lost");
    bench.phase("p1", &format!("parents = []\nallow = [\"broken: later\"]\n{view}"));
    bench.phase("p2", "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE lost(x)\"\n");
    bench.up();
    assert_eq!(bench.ask("SELECT count(*) FROM v"), "0");
}

fn rename(from: &str, to: &str) -> String {
    format!("[[up]]\nop = \"rename_table\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
}

const ROWS: &str = "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2);";

/// A bench with a version table of these columns, at version 1 of two phases, and with more SQL.
fn with_version_table(columns: &str, more: &str) -> Bench {
    let bench = Bench::new(&format!(
        "{ROWS} CREATE TABLE schema_version({columns}); {more};
         INSERT INTO schema_version(version) VALUES (1)"
    ));
    bench.phase(
        "p1",
        "version = 1\nparents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a)\"\n",
    );
    bench.phase(
        "p2",
        "version = 2\n[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"b TEXT\"\n",
    );
    bench
}

/// The counter of a version table with AUTOINCREMENT was to stay as it was, and no phase could be applied.
#[test]
fn a_version_table_with_autoincrement_is_used_as_it_is() {
    let columns = "version INTEGER PRIMARY KEY AUTOINCREMENT, applied_at TEXT, description TEXT";
    let bench = with_version_table(columns, "");
    let project = bench.project();
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(sqlite3(&bench.database(), "SELECT seq FROM sqlite_sequence"), "2");
    project.run(&["downgrade"]).expect_code(0);
    project.run(&["stamp", "p2", "--force"]).expect_code(0);
    assert_eq!(
        sqlite3(&bench.database(), "SELECT group_concat(version) FROM schema_version"),
        "1,2"
    );
}

/// Only the run found it, after the backup, and called it an error of SQLite.
#[test]
fn a_version_table_that_refuses_the_record_is_refused_before_the_backup() {
    let plain = "version INTEGER PRIMARY KEY, applied_at, description";
    for (columns, more, says) in [
        (
            "version INTEGER PRIMARY KEY CHECK (version < 2), applied_at, description",
            "",
            "version < 2",
        ),
        (
            "version INTEGER PRIMARY KEY, applied_at INT, description TEXT) STRICT; SELECT (1",
            "",
            "TEXT value",
        ),
        ("version INTEGER PRIMARY KEY, applied_at, description AS (applied_at)", "", "is computed"),
        (plain, "CREATE UNIQUE INDEX only ON schema_version(1)", "only"),
        (plain, &history("event INTEGER PRIMARY KEY", ", more NOT NULL"), "phase_history.more"),
        (plain, &history("event INTEGER", ""), "INTEGER PRIMARY KEY"),
        (plain, &history("event TEXT PRIMARY KEY", ""), "INTEGER PRIMARY KEY"),
    ] {
        let bench = with_version_table(columns, more);
        let before = std::fs::read(bench.database()).unwrap();
        let output = bench.project().run(&["upgrade"]).expect_code(4);
        assert!(output.stderr.contains(says), "{columns} {more}: {}", output.stderr);
        let advice =
            if more.contains("phase_history") { "rename it" } else { "--version-table NAME" };
        assert!(output.stderr.contains(advice), "{}", output.stderr);
        assert_eq!(std::fs::read(bench.database()).unwrap(), before);
        assert!(bench.project().backups().is_empty(), "{columns}");
    }
}

fn history(event: &str, more: &str) -> String {
    format!(
        "CREATE TABLE phase_history({event}, id, parents, version, direction, checksum, started_at, finished_at,
         backup, tool_version, rows_proven, outcome, undo{more})"
    )
}

#[test]
fn a_version_table_has_a_name_of_its_own() {
    for name in ["phase_history", "Phase_History", "sqlite_sequence", "sqlite_x"] {
        let bench = with_version_table("version INTEGER PRIMARY KEY, applied_at, description", "");
        let output = bench.project().run(&["upgrade", "--version-table", name]).expect_code(4);
        assert!(output.stderr.contains("cannot be called"), "{name}: {}", output.stderr);
        assert!(output.stderr.contains("--version-table NAME"), "{}", output.stderr);
    }
}
