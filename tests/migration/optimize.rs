//! `optimize`: free pages go, and nothing else changes. Judged by Python's sqlite3 and the `sqlite3` program.
#![cfg(feature = "cli")]

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use support::{Other, Project, digest, judge, sqlite3, try_sqlite3};

/// What a file can hold that `VACUUM` could change: rowids without a name, an index of full text that names them,
/// counters, statistics that somebody made up, numbers in the header.
const MADE: &str = "
    PRAGMA user_version = 7; PRAGMA application_id = 77;
    CREATE TABLE note(text); INSERT INTO note(rowid, text) VALUES (-5, 'hill'), (3, 'sea'), (70, 'wood');
    CREATE VIRTUAL TABLE note_text USING fts5(text, content='note', content_rowid='rowid');
    INSERT INTO note_text(rowid, text) SELECT rowid, text FROM note;
    DELETE FROM note WHERE rowid = -5;
    CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT);
    INSERT INTO counted(t) VALUES ('a'), ('b'); DELETE FROM counted WHERE t = 'b';
    CREATE TABLE keyed(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO keyed VALUES ('k', 1), ('l', '1');
    CREATE TABLE parent(id INTEGER PRIMARY KEY); CREATE TABLE child(p REFERENCES parent(id) ON DELETE CASCADE);
    INSERT INTO child VALUES (4711);
    CREATE TABLE made(a INT, b INT AS (a * 2) STORED, c AS (a + 1)); INSERT INTO made(a) VALUES (1), (2);
    CREATE VIEW seen AS SELECT text FROM note; CREATE TRIGGER tr AFTER INSERT ON note BEGIN SELECT 1; END;
    CREATE INDEX by_text ON note(text); CREATE INDEX odd ON counted(lower(t)) WHERE t > 'a';
    CREATE TABLE big(id INTEGER PRIMARY KEY, x);
    WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 600)
    INSERT INTO big SELECT v, zeroblob(v * 7 % 3000) FROM n;
    ANALYZE; UPDATE sqlite_stat1 SET stat = '4711 3' WHERE idx = 'by_text';
    DELETE FROM big WHERE id % 3 > 0;";

/// What the judge does not compare: page size, encoding and the like, statistics, and where full text is found.
const FACTS: &str = "SELECT * FROM pragma_page_size, pragma_encoding, pragma_auto_vacuum, pragma_user_version,
    pragma_application_id, pragma_journal_mode; SELECT * FROM sqlite_stat1; SELECT * FROM sqlite_sequence;
    SELECT note.rowid, note.text FROM note_text JOIN note ON note.rowid = note_text.rowid WHERE note_text MATCH 'sea';
    SELECT rowid, * FROM note; SELECT rowid, * FROM made; SELECT rowid, * FROM child; PRAGMA integrity_check";

fn made(before: &str) -> Project {
    let project = Project::empty();
    sqlite3(&project.database(), &format!("{before}; {MADE}"));
    project
}

fn free(database: &Path) -> i64 {
    sqlite3(database, "PRAGMA freelist_count").parse().unwrap()
}

fn optimize(project: &Project, arguments: &[&str]) -> Value {
    let arguments = [&["optimize", "--json"], arguments].concat();
    project.run(&arguments).expect_code(0).json()
}

#[test]
fn nothing_but_free_pages_goes_in_any_kind_of_file() {
    let mut tried = 0;
    for (size, vacuum, encoding, mode) in [
        (512, "NONE", "UTF-8", "DELETE"),
        (4_096, "NONE", "UTF-16be", "WAL"),
        (4_096, "INCREMENTAL", "UTF-8", "WAL"),
        (1_024, "INCREMENTAL", "UTF-16le", "DELETE"),
        (1_024, "FULL", "UTF-8", "DELETE"),
        (65_536, "NONE", "UTF-8", "WAL"),
    ] {
        let settings = format!(
                "PRAGMA page_size = {size}; PRAGMA encoding = '{encoding}'; PRAGMA auto_vacuum = {vacuum};
                 PRAGMA journal_mode = {mode}"
            );
        let project = made(&settings);
        let (file, copy) = (project.database(), project.copy_database("before.db"));
        let (facts, had) = (sqlite3(&copy, FACTS), free(&copy));
        assert!(facts.contains("3|sea") && facts.ends_with("ok"), "{facts}");
        let bytes = std::fs::metadata(&file).unwrap().len();
        let report = optimize(&project, &[]);
        let place = format!("{settings}: {report}");
        // With `FULL`, SQLite gives them back by itself.
        assert_eq!(report["changed"], had > 0, "{place}");
        assert_eq!(report["before"]["free_pages"], had, "{place}");
        judge(&copy, &file, &json!({})).unwrap_or_else(|why| panic!("{place}: {why}"));
        assert_eq!(sqlite3(&file, FACTS), facts, "{place}");
        assert_eq!(free(&file), 0, "{place}");
        if had == 0 {
            continue;
        }
        tried += 1;
        let now = std::fs::metadata(&file).unwrap().len();
        assert!(now < bytes, "{place}: {bytes} bytes before, {now} now");
        assert_eq!(report["after"]["bytes"], now, "{place}");
        let [backup] = &project.backups()[..] else { panic!("{place}: one backup") };
        assert_eq!(digest(backup), digest(&copy), "{place}");
        assert_eq!(std::fs::read_dir(project.path("backups")).unwrap().count(), 2, "{place}");
    }
    assert!(tried >= 5, "{tried} files had free pages");
}

#[test]
fn vacuum_in_place_breaks_what_optimize_keeps() {
    let project = made("");
    let naive = project.copy_database("naive.db");
    assert!(sqlite3(&naive, FACTS).contains("\n3|sea"));
    sqlite3(&naive, "DROP INDEX by_text; VACUUM");
    assert!(!sqlite3(&naive, FACTS).contains("\n3|sea"), "the naive way renumbers");
    sqlite3(&project.database(), "DROP INDEX by_text");
    optimize(&project, &[]);
    assert!(sqlite3(&project.database(), FACTS).contains("\n3|sea"));
}

#[test]
fn statistics_are_collected_anew_only_where_asked() {
    let project = made("");
    let stat = |project: &Project| {
        sqlite3(&project.database(), "SELECT stat FROM sqlite_stat1 WHERE idx = 'by_text'")
    };
    optimize(&project, &[]);
    assert_eq!(stat(&project), "4711 3");
    let copy = project.copy_database("before.db");
    assert_eq!(optimize(&project, &[])["changed"], false);
    let report = optimize(&project, &["--analyze"]);
    assert_eq!((&report["changed"], &report["analyzed"]), (&json!(true), &json!(true)));
    assert_eq!(stat(&project), "2 1");
    let of_rows = "DELETE FROM sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4";
    for path in [&copy, &project.database()] {
        sqlite3(path, of_rows);
    }
    judge(&copy, &project.database(), &json!({})).unwrap();
}

#[test]
fn without_free_pages_and_in_a_dry_run_nothing_is_touched() {
    let project = made("");
    let before = project.snapshot();
    let planned = project.run(&["optimize", "--dry-run"]).expect_code(0);
    assert!(planned.stdout.contains("would shrink"), "{}", planned.stdout);
    let report = optimize(&project, &["-n"]);
    assert_eq!(report["before"]["free_pages"], free(&project.database()));
    assert_eq!(report["changed"], false);
    assert_eq!(project.snapshot(), before);
    optimize(&project, &[]);
    let before = project.snapshot();
    let again = project.run(&["optimize"]).expect_code(0);
    assert!(again.stdout.starts_with("Nothing to do"), "{}", again.stdout);
    assert_eq!(project.snapshot(), before);
}

#[test]
fn an_index_with_a_collation_that_nobody_here_knows_is_named() {
    let project = made("");
    let make = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.create_collation('odd', lambda a, b: (a > b) - (a < b));
c.executescript('CREATE TABLE names(n TEXT COLLATE odd); CREATE INDEX by_name ON names(n); INSERT INTO names VALUES (1), (2)')";
    let status = support::python3().args(["-c", make]).arg(project.database()).status();
    assert!(status.unwrap().success());
    let before = std::fs::read(project.database()).unwrap();
    let failed = project.run(&["optimize", "--json"]).expect_code(4).json();
    assert_eq!(failed["error"]["kind"], "missing-part");
    assert_eq!(failed["error"]["database_state"], "unchanged");
    assert!(failed["error"]["message"].as_str().unwrap().contains("the collation odd"), "{failed}");
    assert_eq!(std::fs::read(project.database()).unwrap(), before);
    assert!(!project.path("backups").exists(), "it is known before the backup");
}

#[test]
fn a_damaged_file_stays_as_it_is() {
    let project = made("PRAGMA page_size = 1024");
    let root: usize =
        sqlite3(&project.database(), "SELECT rootpage FROM sqlite_schema WHERE name = 'keyed'")
            .parse()
            .unwrap();
    let mut bytes = std::fs::read(project.database()).unwrap();
    bytes[(root - 1) * 1_024..][..40].fill(0xA5);
    std::fs::write(project.database(), bytes).unwrap();
    let before = std::fs::read(project.database()).unwrap();
    project.run(&["optimize"]).expect_code(10);
    assert_eq!(std::fs::read(project.database()).unwrap(), before);
}

#[test]
fn a_reader_is_named_in_rollback_mode_and_goes_on_in_wal_mode() {
    for mode in ["DELETE", "WAL"] {
        let project = made(&format!("PRAGMA journal_mode = {mode}"));
        let copy = project.copy_database("before.db");
        let had = free(&copy);
        let mut reader = Other::start(&project.database());
        reader.say_all(&["BEGIN", "SELECT count(*) FROM big"]);
        let output = project.run(&["optimize", "--json", "--wait", "0"]);
        if mode == "DELETE" {
            let failed = output.expect_code(5).json();
            assert!(failed.to_string().contains(&reader.id().to_string()), "{failed}");
            assert_eq!(free(&project.database()), had);
        } else {
            output.expect_code(0);
            assert_eq!(reader.say("SELECT count(*) FROM big"), "[(200,)]");
            reader.say_all(&["COMMIT"]);
            assert_eq!(reader.say("PRAGMA freelist_count"), "[(0,)]");
        }
        drop(reader);
        judge(&copy, &project.database(), &json!({})).unwrap();
        optimize(&project, &[]);
        assert_eq!(free(&project.database()), 0);
    }
}

#[test]
fn a_writer_is_waited_for_and_loses_nothing() {
    for mode in ["DELETE", "WAL"] {
        let project = made(&format!("PRAGMA journal_mode = {mode}"));
        let mut writer = Other::start(&project.database());
        writer.say_all(&["BEGIN IMMEDIATE", "INSERT INTO parent VALUES (4711)"]);
        project.run(&["optimize", "--wait", "0"]).expect_code(5);
        assert!(project.backups().is_empty());
        writer.say_all(&["COMMIT"]);
        optimize(&project, &[]);
        assert_eq!(writer.say("SELECT id FROM parent"), "[(4711,)]", "{mode}");
        writer.say_all(&["INSERT INTO parent VALUES (1)"]);
        assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM parent"), "2");
    }
}

#[test]
fn a_kill_at_any_moment_leaves_all_rows_and_the_next_run_ends_it() {
    const MOMENTS: u32 = 10;
    let mut killed = 0;
    for mode in ["DELETE", "WAL"] {
        let pristine = made(&format!("PRAGMA journal_mode = {mode}"));
        let copy = pristine.copy_database("before.db");
        let held = digest(&copy);
        let begun = Instant::now();
        optimize(&pristine, &[]);
        let whole = begun.elapsed();
        for moment in 1..=MOMENTS {
            let project = Project::empty();
            std::fs::copy(&copy, project.database()).unwrap();
            let mut command = project.command();
            command.args(["optimize", "--json", "-d"]).arg(project.database());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            std::thread::sleep(whole * moment / MOMENTS);
            drop(child.kill());
            killed += u32::from(!child.wait().unwrap().success());
            // Whoever opens the file next rolls back what was not committed.
            sqlite3(&project.database(), "SELECT count(*) FROM big");
            assert_eq!(digest(&project.database()), held, "{mode}, moment {moment}");
            optimize(&project, &[]);
            assert_eq!(digest(&project.database()), held, "{mode}, moment {moment}, the next run");
            assert_eq!(free(&project.database()), 0);
        }
    }
    assert!(killed >= MOMENTS, "only {killed} of {} runs were killed", 2 * MOMENTS);
}

#[test]
fn what_is_not_a_database_is_refused() {
    let project = Project::empty();
    project.run(&["optimize"]).expect_code(4);
    project.write("fits_catalog.db", &"no database ".repeat(100));
    project.run(&["optimize"]).expect_code(10);
    assert!(try_sqlite3(&project.database(), "SELECT 1 FROM sqlite_schema").is_err());
    assert!(!project.path("backups").exists());
}
