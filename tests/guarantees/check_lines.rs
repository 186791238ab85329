//! Every check line that the program prints has an input that makes it fail.

use std::collections::BTreeSet;
use std::path::Path;

use phaseshift::event::{Event, Silent};
use phaseshift::migrate::{Hooks, Migration, Preparation};

use support::{Bench, Project, script, sqlite3, up_to};

/// What is changed behind the program's back, for each check of the proof: it must not be said to hold then.
const PROOF: [(&str, &str); 9] = [
    ("rows", "UPDATE other SET x = 99"),
    ("schema", "CREATE TABLE intruder(x)"),
    ("views and triggers", "DROP TABLE other"),
    ("foreign keys", "UPDATE child SET p = 999"),
    (
        "integrity",
        "PRAGMA ignore_check_constraints=ON; UPDATE t SET a = -1; PRAGMA ignore_check_constraints=OFF",
    ),
    ("statistics", "DELETE FROM sqlite_stat1"),
    ("sequences", "UPDATE sqlite_sequence SET seq = 1"),
    ("version", "DELETE FROM schema_version"),
    ("file properties", "PRAGMA user_version = 9"),
];

/// The places in the program that print a mark, by file: how many there are, and the test that makes them fail.
const MARKS: [(&str, usize, &str); 19] = [
    ("commands/check.rs", 5, "a_chain_that_does_not_hold_has_no_mark"),
    ("commands/squash.rs", 4, "a_squash_that_is_refused_has_no_mark"),
    ("commands/diff.rs", 1, "a_chain_that_does_not_hold_has_no_mark"),
    ("screens/lint.rs", 1, "a_chain_that_does_not_hold_has_no_mark"),
    ("commands/report.rs", 2, "a_failed_run_says_of_nothing_that_it_is_done"),
    ("commands/import.rs", 2, "a_file_that_does_not_fit_is_not_recorded"),
    ("commands/stamp.rs", 3, "a_file_that_does_not_fit_is_not_recorded"),
    ("commands/adoption.rs", 1, "a_file_that_does_not_fit_is_not_recorded"),
    ("commands/reset.rs", 1, "a_reset_that_is_refused_has_no_mark"),
    ("screens/fleet.rs", 3, "a_file_of_many_that_fails_has_no_mark_nor_has_the_run"),
    ("screens/backups.rs", 1, "a_damaged_backup_has_no_mark"),
    ("screens/optimize.rs", 1, "a_damaged_file_is_not_backed_up_or_made_smaller"),
    ("screens/plan.rs", 1, "a_prerequisite_that_does_not_hold_is_refused_in_its_place"),
    ("screens/prove.rs", 4, "a_command_that_fails_or_loses_something_is_not_said_to_be_clean"),
    ("screens/restore.rs", 3, "a_damaged_backup_has_no_mark"),
    ("screens/run.rs", 4, "a_failed_run_says_of_nothing_that_it_is_done"),
    ("screens/status.rs", 2, "what_verify_and_status_say_can_be_no"),
    ("progress.rs", 0, ""),
    ("prompt.rs", 0, ""),
];

/// A file with everything that the proof looks at.
fn everything() -> Bench {
    let bench = Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER CHECK (a > 0), b TEXT);
         INSERT INTO t VALUES(1, 1, 'x'), (7, 2, 'y');
         CREATE INDEX t_b ON t(b);
         CREATE TABLE other(x); INSERT INTO other VALUES(1), (2);
         CREATE VIEW v AS SELECT x FROM other;
         CREATE TABLE child(id INTEGER PRIMARY KEY, p INTEGER REFERENCES t(id)); INSERT INTO child VALUES(1, 7);
         ANALYZE;",
    );
    bench.steps(
        "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"b\"\nto = \"c\"\n
         [[verify]]\nname = \"two rows\"\nsql = \"SELECT count(*) FROM other\"\nexpect = 2\n",
    );
    bench
}

/// The checks that are said to hold after SQL was run behind the program's back, and whether the run succeeded.
fn passed_after(sql: &str) -> (BTreeSet<String>, bool) {
    let bench = everything();
    let Preparation::Ready(ready) = Migration::prepare(&bench.engine(), &up_to("head")).unwrap()
    else {
        panic!()
    };
    let mut passed = BTreeSet::new();
    let mut observer = |event: &Event| {
        if let Event::CheckPassed { name, .. } = event {
            passed.insert(name.clone());
        }
    };
    let mut meddle = |connection: &rusqlite::Connection| connection.execute_batch(sql).unwrap();
    let mut hooks = Hooks { before_proof: Some(&mut meddle) };
    let done = ready.secure(&mut Silent).unwrap().run(&mut observer, &mut hooks).is_ok();
    (passed, done)
}

#[test]
fn every_check_of_the_proof_can_fail() {
    let (all, done) = passed_after("");
    assert!(done);
    let listed: BTreeSet<String> =
        PROOF.iter().map(|(name, _)| (*name).to_owned()).chain(["two rows".to_owned()]).collect();
    assert_eq!(all, listed, "a check has no input that makes it fail");
    for (name, sql) in PROOF.iter().chain(&[("two rows", "DELETE FROM other WHERE x = 1")]) {
        let (passed, done) = passed_after(sql);
        assert!(!done && !passed.contains(*name), "{name} is said to hold after {sql}");
    }
}

#[test]
fn a_squash_that_is_refused_has_no_mark() {
    let project = Project::empty_in_memory();
    project.write_phase("a.toml", "id = 'a'\nparents = []\n");
    for id in ["b", "c"] {
        project.write_phase(&format!("{id}.toml"), &format!("id = '{id}'\nparents = ['a']\n"));
    }
    for arguments in [&["squash", "-m", "x", "--yes"][..], &["squash", "--undo", "--yes"]] {
        let refused = project.run(arguments).expect_code(4);
        assert!(!refused.stdout.contains('✓') && !refused.stderr.contains('✓'));
    }
}

#[test]
fn a_reset_that_is_refused_has_no_mark() {
    let project = Project::empty_in_memory();
    std::fs::write(project.database(), b"no database, but words of some length").unwrap();
    let refused = project.run(&["reset", "--yes"]);
    assert_ne!(refused.code, 0);
    assert!(!refused.stdout.contains('✓') && !refused.stderr.contains('✓'), "{}", refused.stdout);
}

#[test]
fn a_file_of_many_that_fails_has_no_mark_nor_has_the_run() {
    let project = Project::empty_in_memory();
    let step = "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE n(a)\"\n";
    project.write_phase("a.toml", step);
    std::fs::create_dir(project.path("many")).unwrap();
    sqlite3(&project.path("many/good.db"), "CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    sqlite3(&project.path("many/taken.db"), "CREATE TABLE n(b);");
    let run = project.run_here(&["upgrade", "--all", "many", "--json"]).expect_code(3);
    project.write("run.jsonl", &run.stdout);
    let said = project.run_here(&["upgrade", "--all", "many"]).expect_code(3);
    let marked: Vec<&str> = said.stdout.lines().filter(|line| line.contains('✓')).collect();
    assert!(marked.iter().all(|line| line.contains("good.db")), "{}", said.stdout);
    assert!(said.stdout.lines().any(|line| line.contains('✗') && line.contains("taken.db")));
    let report = project.run_here(&["fleet", "report", "run.jsonl"]).expect_code(3);
    assert!(!report.stdout.contains('✓') && report.stdout.contains('✗'), "{}", report.stdout);
}

#[test]
fn every_mark_has_a_test_that_makes_it_fail() {
    let here = include_str!("check_lines.rs");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    for entry in walkdir::WalkDir::new(&source) {
        let path = entry.unwrap().into_path();
        let name = path.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|it| it != "rs") || name == "terminal.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let marks = text.matches("style.ok()").count() + text.matches("out.ok()").count();
        let known = MARKS.iter().find(|(file, ..)| *file == name);
        let (listed, test) = known.map_or((0, ""), |(_, count, test)| (*count, *test));
        assert_eq!(marks, listed, "{name} prints marks that no test makes fail");
        assert!(marks == 0 || here.contains(&format!("fn {test}()")), "{name}: {test} is no test");
    }
}

#[test]
fn a_prerequisite_that_does_not_hold_is_refused_in_its_place() {
    let rename = "[[up]]\nop = \"rename_table\"\nfrom = \"nothing\"\nto = \"something\"\n";
    let require =
        "[[require]]\nname = \"empty\"\nsql = \"SELECT * FROM other\"\nexpect = \"no rows\"\n";
    let drop = "[[up]]\nop = \"drop_table\"\ntable = \"other\"\n";
    for phase in [rename.to_owned(), format!("{require}{drop}")] {
        let bench = Bench::new("CREATE TABLE other(x); INSERT INTO other VALUES(1);");
        bench.steps(&phase);
        let said = bench.project().run(&["preflight"]).expect_code(4).stdout;
        assert!(!said.contains('✓'), "{said}");
    }
    let bench = everything();
    let writer = rusqlite::Connection::open(bench.database()).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let said = bench.project().run(&["preflight", "--wait", "0"]).expect_code(5).stdout;
    assert!(!said.contains("no other program is writing"), "{said}");
}

#[test]
fn a_command_that_fails_or_loses_something_is_not_said_to_be_clean() {
    let said = |command: &str, code| {
        let bench = everything();
        let output = bench.project().run(&["prove", "--publish", "--run", command]);
        output.expect_code(code).stdout
    };
    let failed = said("false", 1);
    assert!(!failed.contains("succeeded") && !failed.contains("Verdict"), "{failed}");
    let lost = said("sqlite3 {} 'DELETE FROM child'", 3);
    assert!(!lost.contains("nothing was lost") && !lost.contains("Published"), "{lost}");
    let changed = said("sqlite3 {} 'CREATE TABLE more(x)'", 0);
    assert!(!changed.contains("changed nothing"), "{changed}");
}

#[test]
fn a_failed_run_says_of_nothing_that_it_is_done() {
    let bench = Bench::new("CREATE TABLE t(a); INSERT INTO t VALUES(1);");
    bench.steps(
        "[[up]]\nop = \"sql\"\nsql = \"UPDATE t SET a = a + 1\"
         [[verify]]\nname = \"never\"\nsql = \"SELECT 1\"\nexpect = \"no rows\"\n",
    );
    let failed = bench.project().run(&["upgrade"]).expect_code(6);
    for wrong in ["✓ Done", "✓ Applied", "✓ Version", "All verification checks passed"] {
        assert!(!failed.stdout.contains(wrong), "{wrong}:\n{}", failed.stdout);
    }
}

#[test]
fn a_file_that_does_not_fit_is_not_recorded() {
    let bench = Bench::new("CREATE TABLE other(x);");
    bench.steps("[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a)\"\n");
    for command in [&["stamp", "change"][..], &["stamp", "change", "--dry-run"]] {
        let said = bench.project().run(command).expect_code(4).stdout;
        assert!(!said.contains('✓'), "{said}");
    }
    let project = bench.project();
    project.write("migrations/1_a.sql", "-- +goose Up\nCREATE TABLE t(a);");
    bench.ask(
        "CREATE TABLE goose_db_version(id INTEGER PRIMARY KEY, version_id, is_applied);
         INSERT INTO goose_db_version VALUES(1, 1, 1)",
    );
    let database = bench.database().display().to_string();
    let import = ["import", "--from", "goose", "migrations", "--adopt", &database];
    let said = project.run_here(&import).expect_code(4);
    assert!(!said.stdout.contains('✓'), "{}", said.stdout);
}

#[test]
fn a_chain_that_does_not_hold_has_no_mark() {
    let bench = Bench::new("CREATE TABLE t(a);");
    bench.phase("a", "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a)\"\n");
    bench.phase("b", "[[up]]\nop = \"drop_table\"\ntable = \"missing\"\n");
    let project = bench.project();
    let check = project.run(&["check"]).expect_code(3).stdout;
    assert!(!check.contains("from nothing") && !check.contains("every downgrade"), "{check}");
    let lint = project.run(&["lint"]).expect_code(3).stdout;
    assert!(!lint.contains("nothing dangerous"), "{lint}");
    std::fs::remove_file(project.phases().join("b.toml")).unwrap();
    bench.phase("b", "irreversible = \"never\"\n[[up]]\nop = \"drop_table\"\ntable = \"t\"\n");
    let check = project.run(&["check"]).stdout;
    assert!(check.contains("1 phase has no downgrade"), "{check}");
    project.write("schema.sql", "CREATE TABLE elsewhere(x);");
    let diff = project.run(&["diff"]);
    assert!(diff.code != 0 && !diff.stdout.contains('✓'), "{}", diff.stdout);
}

#[test]
fn what_verify_and_status_say_can_be_no() {
    let bench =
        Bench::new("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p(id));");
    let verify = bench.project().run(&["verify"]).stdout;
    assert!(!verify.contains("✓ schema"), "nothing was compared:\n{verify}");
    bench.steps(
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a)\"\n
         [[verify]]\nname = \"empty\"\nsql = \"SELECT * FROM t\"\nexpect = \"no rows\"\n",
    );
    let report = bench.up();
    let backup = report.backup.to_string_lossy().into_owned();
    let sql =
        "INSERT INTO t VALUES(1); INSERT INTO c VALUES(5); ALTER TABLE t RENAME COLUMN a TO b;";
    script(&bench.database(), sql).unwrap();
    let project = bench.project();
    let arguments = ["verify", "--expect", "99", "--against", &backup];
    let said = project.run(&arguments).expect_code(3).stdout;
    for name in ["version", "foreign keys", "schema", "change: empty", "rows of c"] {
        assert!(!said.contains(&format!("✓ {name}:")), "{name} is said to hold:\n{said}");
        assert!(said.contains(name), "{name} is missing:\n{said}");
    }
    let status = project.run(&["status"]).stdout;
    assert!(!status.contains("✓ Schema"), "{status}");
}

/// Overwrites the second page of a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[4096..8192].fill(0x55);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_backup_has_no_mark() {
    let bench = everything();
    let backup = bench.up().backup;
    damage(&backup);
    let path = backup.to_string_lossy().into_owned();
    for command in [&["backups", "verify"][..], &["restore", &path, "--yes"]] {
        let said = bench.project().run(command);
        assert!(said.code != 0 && !said.stdout.contains('✓'), "{}", said.stdout);
    }
}

#[test]
fn a_damaged_file_is_not_backed_up_or_made_smaller() {
    let bench = everything();
    let sql = "CREATE TABLE big(x); INSERT INTO big VALUES(zeroblob(50000)); DROP TABLE big;";
    script(&bench.database(), sql).unwrap();
    damage(&bench.database());
    for command in ["backup", "optimize", "verify"] {
        let said = bench.project().run(&[command]);
        assert!(said.code != 0, "{command}: {}", said.stdout);
        for wrong in ["✓ integrity", "equal to the backup", "✓ Backup verified"] {
            assert!(!said.stdout.contains(wrong), "{command}: {}", said.stdout);
        }
    }
}
