//! Backups and restores (P62 to P66, P70, P74).
//!
//! Every failing step of a restore, and files that are ruined, are tested in tests/backups/restore.rs and by
//! the later reliability tests.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use phaseshift::backup::BackupEntry;
use phaseshift::event::Silent;
use phaseshift::files::RealFiles;
use phaseshift::restore::{Restore, RestoreReport, RestoreRequest};
use phaseshift::{ErrorKind, Result};
use serde_json::json;

use support::{Bench, Renaming, digest, explain, judge, script, sqlite3, up_to, with_ending};

const ITEM: &str = "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO item VALUES (1, 'a'), (2, 'b');";

fn title() -> Renaming {
    Renaming::of_column("item", "name", "title")
}

fn restore(bench: &Bench, backup: &Path) -> Result<RestoreReport> {
    let engine = bench.engine();
    let entry = BackupEntry::at(&RealFiles, backup)?;
    let request = RestoreRequest {
        database: &engine.database,
        backup: &entry,
        folder: &engine.backups,
        version_table: engine.versions.version_table(),
    };
    Restore::prepare(&request, &engine.options, &mut Silent)?.run(&mut Silent)
}

/// A database in WAL mode, some of whose rows are only in the WAL: the writer is still there.
fn with_wal() -> (Bench, rusqlite::Connection) {
    let bench = Bench::empty();
    let writer = rusqlite::Connection::open(bench.database()).unwrap();
    writer.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;").unwrap();
    writer.execute_batch(ITEM).unwrap();
    (bench, writer)
}

#[test]
fn p62_rows_that_are_only_in_the_wal_are_in_the_backup() {
    let (bench, writer) = with_wal();
    let copy = bench.project().aside("naive.db");
    std::process::Command::new("cp").arg(bench.database()).arg(&copy).status().unwrap();
    assert!(script(&copy, "SELECT * FROM item").unwrap_err().contains("no such table"));

    let report = bench.steps(title().steps()).up();
    assert_eq!(sqlite3(&report.backup, "SELECT * FROM item"), "1|a\n2|b");
    assert!(!with_ending(&report.backup, "-wal").exists());
    assert_eq!(sqlite3(&report.backup, "PRAGMA integrity_check"), "ok");
    let rows: i64 =
        writer.query_row("SELECT count(title) FROM item", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2);
}

#[test]
fn p63_a_newer_wal_does_not_bring_the_migration_back() {
    // A program that dies leaves its WAL beside the file.
    let dying = |bench: &Bench| {
        support::python(
            &bench.database(),
            "import os\ndb = sqlite3.connect(path)\ndb.execute('PRAGMA journal_mode=WAL')\n\
             db.execute('PRAGMA wal_autocheckpoint=0')\ndb.execute(\"INSERT INTO item VALUES (3, 'late')\")\n\
             db.execute('CREATE TABLE latest(x)')\ndb.commit()\nos._exit(0)",
        );
        assert!(with_ending(&bench.database(), "-wal").exists());
    };
    let copy = |from: &Path, to: PathBuf| std::fs::copy(from, to).unwrap();
    // The naive way: the file from before is copied over the live one, whose WAL stays.
    let other = Bench::new(&format!("PRAGMA journal_mode=WAL; {ITEM}"));
    let (naive, pristine) = (other.project().aside("naive.db"), other.project().aside("old.db"));
    copy(&other.database(), pristine.clone());
    dying(&other);
    copy(&with_ending(&other.database(), "-wal"), with_ending(&naive, "-wal"));
    copy(&pristine, naive.clone());
    let after = script(&naive, "SELECT count(*) FROM item WHERE id = 3; PRAGMA integrity_check;");
    assert_eq!(after, Ok("1\nok\n".to_owned()), "what was to be undone is back, with a good face");

    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {ITEM}"));
    let backup = bench.steps(title().steps()).up().backup;
    dying(&bench);
    let report = restore(&bench, &backup).unwrap();
    judge(bench.before(), &bench.database(), &json!({})).unwrap();
    assert_eq!(bench.ask("SELECT * FROM item"), "1|a\n2|b");
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'"), "0");
    let kept = report.safety_backup.unwrap();
    assert_eq!(sqlite3(&kept, "SELECT title FROM item WHERE id = 3"), "late", "nothing is lost");
}

#[test]
fn p64_a_restore_does_not_pull_the_file_from_under_a_program() {
    let bench = Bench::new(ITEM);
    let backup = bench.steps(title().steps()).up().backup;
    let naive = bench.naive_copy();
    let program = rusqlite::Connection::open(&naive.path).unwrap();
    program.execute_batch("SELECT * FROM item").unwrap();
    let other = naive.path.with_extension("new");
    std::fs::copy(&backup, &other).unwrap();
    std::fs::rename(&other, &naive.path).unwrap();
    let written = program.execute_batch("INSERT INTO item VALUES (9, 'into the void')");
    assert!(written.is_err() || naive.ask("SELECT count(*) FROM item") == "2");
    drop(program);

    // A program in a transaction is respected; one that is idle sees the restored rows.
    let program = rusqlite::Connection::open(bench.database()).unwrap();
    program.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = digest(bench.before());
    let error = restore(&bench, &backup).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{}", explain(&error));
    program.execute_batch("ROLLBACK").unwrap();
    restore(&bench, &backup).unwrap();
    program.execute_batch("INSERT INTO item(id, name) VALUES (9, 'arrives')").unwrap();
    program.close().unwrap();
    assert_eq!(bench.ask("SELECT name FROM item WHERE id = 9"), "arrives");
    sqlite3(&bench.database(), "DELETE FROM item WHERE id = 9");
    assert_eq!(digest(&bench.database()), before);
}

#[test]
fn p65_a_failed_migration_does_not_use_its_backup_up() {
    let bench = Bench::new(ITEM);
    let verify = "[[verify]]\nname = \"never\"\nsql = \"SELECT 1\"\nexpect = \"no rows\"\n";
    bench.steps(&format!("{}{verify}", title().steps()));
    let error = bench.rolled_back(ErrorKind::Proof, "never");
    let backup = error.facts().backup.clone().expect("the error names the backup");
    let bytes = std::fs::read(&backup).unwrap();

    // The naive way moves its backup back: the next failure finds none, and the rows are gone.
    let naive = bench.naive_copy();
    let moved = bench.project().aside("moved.db");
    std::fs::copy(&backup, &moved).unwrap();
    let again = [(), ()].map(|()| {
        script(&naive.path, "DELETE FROM item").unwrap();
        std::fs::rename(&moved, &naive.path).is_ok()
    });
    assert_eq!((again, &*naive.ask("SELECT count(*) FROM item")), ([true, false], "0"));

    for _ in 0..2 {
        sqlite3(&bench.database(), "DELETE FROM item");
        restore(&bench, &backup).unwrap();
        judge(bench.before(), &bench.database(), &json!({})).unwrap();
        assert!(std::fs::read(&backup).unwrap() == bytes, "a backup is only read");
    }
}

#[test]
fn p66_no_backup_overwrites_another() {
    let bench = Bench::new(ITEM);
    // A name with nothing but the second in it: the copy from before the change is gone.
    let naive = bench.naive_copy();
    let stamped = naive.path.with_file_name("item_20240501_100000.db");
    std::fs::copy(&naive.path, &stamped).unwrap();
    script(&naive.path, "UPDATE item SET name = 'changed'").unwrap();
    std::fs::copy(&naive.path, &stamped).unwrap();
    let kept = sqlite3(&stamped, "SELECT count(*) FROM item WHERE name <> 'changed'");
    assert_eq!(kept, "0", "the state before is nowhere");

    // Several runs in one second, and one run of several phases.
    for number in 1..=4 {
        let (from, to) = (format!("name{}", number - 1), format!("name{number}"));
        let from = if number == 1 { "name" } else { &from };
        bench.phase(&format!("p{number}"), Renaming::of_column("item", from, &to).steps()).up();
    }
    assert_eq!(bench.project().backups().len(), 4);
    for (number, backup) in ["p1", "p2", "p3", "p4"].iter().zip(bench.project().backups()) {
        assert!(backup.to_string_lossy().contains(&format!("_pre_{number}_")), "{backup:?}");
    }
    bench.down();
    assert_eq!(bench.project().backups().len(), 5, "one backup for a run of four phases");
    let runs: Vec<_> = (0..3)
        .map(|_| {
            bench.up();
            bench.down().backup
        })
        .collect();
    assert_eq!(bench.project().backups().len(), 11);
    assert!(runs.iter().all(|path| path.exists()));
}

#[test]
fn p70_a_backup_is_the_file_not_a_dump_of_it() {
    let bench = Bench::new(
        "PRAGMA page_size=1024; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA encoding='UTF-16le';
         PRAGMA user_version=7; PRAGMA application_id=99;
         CREATE TABLE note(text); INSERT INTO note(rowid, text) VALUES (5, 'a'), (9, char(0) || 'b'), (12, 0.1 + 0.2);
         CREATE TABLE seq(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO seq VALUES (50, 1); DELETE FROM seq;
         CREATE INDEX by_text ON note(text); ANALYZE; UPDATE sqlite_stat1 SET stat = '1000 10';",
    );
    let naive = bench.project().aside("dumped.db");
    script(&naive, &bench.ask(".dump")).unwrap();
    let said = judge(bench.before(), &naive, &json!({})).unwrap_err();
    for lost in ["rows of note", "user_version", "page_size", "encoding"] {
        assert!(said.contains(lost), "{lost} is not in {said}");
    }

    let report = bench.steps(Renaming::of_column("seq", "x", "y").steps()).up();
    judge(bench.before(), &report.backup, &json!({})).unwrap();
    assert_eq!(digest(bench.before()), digest(&report.backup));
}

#[test]
fn p74_a_restore_does_not_change_what_the_path_is() {
    let bench = Bench::new(ITEM);
    let real = bench.project().path("data/real.db");
    std::fs::create_dir_all(real.parent().unwrap()).unwrap();
    std::fs::rename(bench.database(), &real).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, bench.database()).unwrap();
    let second = bench.project().path("data/second.db");
    std::fs::hard_link(&real, &second).unwrap();
    let place = |path: &Path| {
        let it = std::fs::metadata(path).unwrap();
        (it.ino(), it.mode(), it.uid(), it.gid(), it.nlink())
    };
    let before = place(&real);
    let backup = bench.steps(title().steps()).run(&up_to("head")).unwrap().unwrap().backup;

    let naive = bench.project().aside("link.db");
    std::os::unix::fs::symlink(&real, &naive).unwrap();
    let new = bench.project().aside("new.db");
    std::fs::copy(&backup, &new).unwrap();
    std::fs::rename(&new, &naive).unwrap();
    assert!(!naive.is_symlink(), "replaced by rename, the link is a file");

    restore(&bench, &backup).unwrap();
    assert_eq!(place(&real), before);
    assert!(bench.database().is_symlink());
    assert_eq!(
        sqlite3(&second, "SELECT * FROM item"),
        "1|a\n2|b",
        "the other name is the same file"
    );
}
