//! What a run in WAL mode leaves in the WAL while other programs have the file open. Judged by their own answers, by
//! Python's sqlite3 and by the size of the file.

use std::time::{Duration, Instant};

use support::{Bench, Other, Project, python, with_ending};

/// One table of about 800 KB: a rebuild fills the WAL with as much.
const TABLES: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE files(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO files SELECT i, printf('%0400d', i) FROM n;";
const PHASE: &str = "version = 1\n[[up]]\nop = \"add_column\"\ntable = \"files\"\n\
    column = \"size INTEGER NOT NULL DEFAULT 7\"\nafter = \"id\"\n";
const LITESTREAM: &str = "CREATE TABLE _litestream_seq(id INTEGER PRIMARY KEY, seq INTEGER);
    CREATE TABLE _litestream_lock(id INTEGER);";
const LARGE: u64 = 500_000;

fn bench(more: &str) -> Bench {
    let bench = Bench::new(&format!("{TABLES}{more}"));
    bench.phase("one", PHASE);
    bench
}

fn settings(bench: &Bench, text: &str) {
    let text = format!("database = {:?}\n{text}\n", bench.database().display().to_string());
    bench.project().write("phaseshift.toml", &text);
}

fn wal_bytes(bench: &Bench) -> u64 {
    std::fs::metadata(with_ending(&bench.database(), "-wal")).map_or(0, |it| it.len())
}

/// A program that has used the file and is idle now.
fn idle(bench: &Bench) -> Other {
    let mut other = Other::start(&bench.database());
    assert_eq!(other.say("SELECT count(*) FROM files"), "[(2000,)]");
    other
}

fn upgrade(project: &Project, more: &[&str]) -> serde_json::Value {
    project.run_here(&[&["upgrade", "--json"], more].concat()).expect_code(0).json()
}

/// Every row, by Python alone.
fn rows_are_right(bench: &Bench) {
    let program = "
import sqlite3
rows = sqlite3.connect(path).execute('SELECT id, size, name FROM files ORDER BY id').fetchall()
print(rows == [(i, 7, '%0400d' % i) for i in range(1, 2001)])
print(sqlite3.connect(path).execute('PRAGMA integrity_check').fetchall())";
    assert_eq!(python(&bench.database(), program).trim(), "True\n[('ok',)]");
}

#[test]
fn a_large_wal_is_truncated_while_an_idle_program_has_the_file_open() {
    for (setting, flags) in
        [("checkpoint_above = \"16 KiB\"", &[][..]), ("", &["--checkpoint-above", "16KiB"])]
    {
        let bench = bench("");
        settings(&bench, setting);
        let mut other = idle(&bench);
        let report = upgrade(bench.project(), flags);
        assert_eq!(wal_bytes(&bench), 0, "{report}");
        assert!(report["wal"]["before"].as_u64().unwrap() > LARGE, "{report}");
        assert_eq!(report["wal"]["after"], 0);
        assert_eq!(report["wal"]["kept"], serde_json::Value::Null);
        assert_eq!(report["follow_up"], serde_json::Value::Null);
        assert_eq!(other.say("SELECT sum(size) FROM files"), "[(14000,)]");
        drop(other);
        rows_are_right(&bench);
    }
}

#[test]
fn a_downgrade_and_a_run_of_one_transaction_for_each_phase_leave_a_small_wal_too() {
    let bench = bench("");
    bench.phase("two", &PHASE.replace("size", "more").replace("version = 1", "version = 2"));
    settings(&bench, "checkpoint_above = 16384");
    let _other = idle(&bench);
    assert_eq!(upgrade(bench.project(), &["--per-phase"])["wal"]["after"], 0);
    assert_eq!(wal_bytes(&bench), 0);
    let down = bench.project().run_here(&["downgrade", "--accept-loss"]).expect_code(0);
    assert!(down.stdout.contains("WAL: ") && down.stdout.contains("truncated"), "{}", down.stdout);
    assert_eq!(wal_bytes(&bench), 0);
    rows_are_right(&bench);
}

#[test]
fn a_reader_keeps_the_wal_and_its_rows_and_is_not_waited_for() {
    let bench = bench("");
    settings(&bench, "checkpoint_above = \"16 KiB\"\nwait = 60");
    let mut reader = idle(&bench);
    reader.say_all(&["BEGIN", "SELECT count(*) FROM files"]);
    let begun = Instant::now();
    let report = upgrade(bench.project(), &[]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(wal_bytes(&bench) > LARGE, "{report}");
    assert_eq!(report["wal"]["kept"], "in-use", "{report}");
    assert_eq!(report["wal"]["holders"][0]["pid"], reader.id(), "{report}");
    assert_eq!(report["follow_up"], serde_json::Value::Null);
    let old = reader.say("SELECT * FROM files WHERE id = 3");
    assert_eq!(old, format!("[(3, '{:0400}')]", 3));
    assert_eq!(reader.say("SELECT count(*) FROM pragma_table_info('files')"), "[(2,)]");
    reader.say_all(&["COMMIT"]);
    assert_eq!(reader.say("SELECT id, size FROM files WHERE id = 3"), "[(3, 7)]");
    // The next run finds nobody in its way.
    bench.project().run_here(&["downgrade", "--accept-loss"]).expect_code(0);
    assert_eq!(wal_bytes(&bench), 0);
}

#[test]
fn a_run_says_who_keeps_the_wal() {
    let bench = bench("");
    settings(&bench, "checkpoint_above = \"16 KiB\"");
    let mut reader = idle(&bench);
    reader.say_all(&["BEGIN", "SELECT count(*) FROM files"]);
    let said = bench.project().run_here(&["upgrade"]).expect_code(0).stdout;
    let who = format!("in use by python3 (pid {});", reader.id());
    assert!(said.contains("Note: the WAL stays at ") && said.contains(&who), "{said}");
}

#[test]
fn the_wal_is_left_alone_below_the_limit_and_where_the_setting_says_never() {
    for setting in ["", "checkpoint_above = \"never\"", "checkpoint_above = \"4 MB\""] {
        let bench = bench("");
        settings(&bench, setting);
        let other = idle(&bench);
        let report = upgrade(bench.project(), &[]);
        assert_eq!(report["wal"], serde_json::Value::Null, "{setting}");
        assert!(wal_bytes(&bench) > LARGE, "{setting}");
        drop(other);
        rows_are_right(&bench);
    }
}

#[test]
fn checkpoints_are_left_to_litestream() {
    let bench = bench(LITESTREAM);
    settings(&bench, "checkpoint_above = \"16 KiB\"");
    // Between its own checkpoints Litestream holds no lock for a moment.
    let other = idle(&bench);
    let report = upgrade(bench.project(), &[]);
    assert_eq!(report["wal"]["kept"], "litestream", "{report}");
    assert!(wal_bytes(&bench) > LARGE, "{report}");
    let said = bench.project().run_here(&["downgrade", "--accept-loss"]).expect_code(0).stdout;
    assert!(said.contains("its checkpoints are left to Litestream"), "{said}");
    drop(other);
}

#[test]
fn a_restore_does_not_wait_for_a_reader_to_truncate_the_wal() {
    let bench = bench("");
    settings(&bench, "wait = 60");
    upgrade(bench.project(), &[]);
    let mut reader = Other::start(&bench.database());
    reader.say_all(&["BEGIN", "SELECT count(*) FROM files"]);
    let begun = Instant::now();
    bench.project().run_here(&["restore", "--latest", "--yes"]).expect_code(0);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(reader.say("SELECT sum(size) FROM files"), "[(14000,)]");
    reader.say_all(&["COMMIT"]);
    assert!(reader.say("SELECT sum(size) FROM files").contains("no such column"));
}

#[test]
fn a_size_that_is_none_is_refused() {
    let bench = bench("");
    settings(&bench, "checkpoint_above = \"much\"");
    let refused = bench.project().run_here(&["upgrade"]).expect_code(4);
    assert!(
        refused.stderr.contains("`checkpoint_above` must be a size such as"),
        "{}",
        refused.stderr
    );
    settings(&bench, "");
    bench.project().run_here(&["upgrade", "--checkpoint-above", "much"]).expect_code(2);
    let mut command = bench.project().command();
    let done = command.env("PHASESHIFT_CHECKPOINT_ABOVE", "much").arg("upgrade").output().unwrap();
    assert_eq!(done.status.code(), Some(2));
}
