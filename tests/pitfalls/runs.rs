//! Runs: transactions, locks, other programs, and the end of a run that does not end well (P49, P50,
//! P52, P53, P67 to P69, P75, P76).
//!
//! Power cuts, short writes and full disks at every call are the business of the later reliability
//! tests; here a run dies at every event that the engine reports.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use phaseshift::ErrorKind;
use phaseshift::event::{Event, Interrupt, Silent, Stage};
use phaseshift::inspect::status;
use phaseshift::migrate::{Hooks, Migration, Preparation, migrate_now};

use support::{Bench, Renaming, digest, explain, script, sqlite3, up_to, with_ending};

const SHOP: &str = "
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price REAL);
CREATE TABLE sale(id INTEGER PRIMARY KEY, item INTEGER REFERENCES item(id) ON DELETE CASCADE);
CREATE INDEX by_name ON item(name);
CREATE VIEW cheap AS SELECT name FROM item WHERE price < 5;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO item SELECT i, 'item ' || i, i / 10.0 FROM n;
INSERT INTO sale SELECT id, id FROM item;
";

fn title() -> Renaming {
    Renaming::of_column("item", "name", "title").table("sale", "sold")
}

#[test]
fn p49_a_failure_leaves_no_half_of_a_migration() {
    let bench = Bench::new(SHOP);
    // The driver commits before every DDL statement, as Python's did until 3.6.
    let naive = bench.naive_copy();
    let said = naive.fails("ALTER TABLE item RENAME COLUMN name TO title; SELECT nonsense;");
    assert!(said.contains("no such column: nonsense"), "{said}");
    assert!(naive.ask("SELECT sql FROM sqlite_schema WHERE name = 'item'").contains("title"));

    let verify = "[[verify]]\nname = \"nothing is cheap\"\nsql = \"SELECT * FROM cheap\"\nexpect = \"no rows\"\n";
    bench.steps(&format!("{}{verify}", title().steps()));
    bench.rolled_back(ErrorKind::Proof, "nothing is cheap");
    let late = "[[up]]\nop = \"sql\"\nsql = \"INSERT INTO sold VALUES (1, 1)\"\n";
    bench.steps(&format!("{}{late}", title().steps()));
    // The first backup stays; the second run is refused before it makes one.
    bench.refused(ErrorKind::Rows, "UNIQUE constraint failed");
    bench.same_answer("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid");
}

/// The environment variables that make this test binary the victim of [`p50`].
const FOLDER: &str = "PITFALLS_FOLDER";
const LAST_EVENT: &str = "PITFALLS_LAST_EVENT";

/// Runs in a process of its own and dies at an event, without tidying anything up.
#[test]
#[ignore = "the victim of p50 and p76, which start it"]
fn victim() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let last: usize = std::env::var(LAST_EVENT).unwrap().parse().unwrap();
    let (database, phases) =
        (Path::new(&folder).join("fits_catalog.db"), Path::new(&folder).join("phases"));
    let engine = support::engine_at(&database, &phases);
    let mut events = 0;
    let mut die = |_: &Event| {
        if events == last {
            std::process::abort();
        }
        events += 1;
    };
    let request = up_to("head");
    let look = Migration::prepare(&engine, &request).unwrap();
    migrate_now(&engine, &request, look, &mut die).unwrap().report().unwrap();
}

/// Runs the victim; tells whether it reached its end.
fn run_victim(bench: &Bench, last: usize) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "runs::victim", "--ignored", "--nocapture"]);
    command.env(FOLDER, bench.project().folder()).env(LAST_EVENT, last.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn p50_a_run_that_dies_leaves_the_old_state_or_the_new_one() {
    let bench = Bench::new(SHOP);
    let step = "CREATE TABLE item_new(id INTEGER PRIMARY KEY, title TEXT, price REAL);
        INSERT INTO item_new SELECT * FROM item; DROP TABLE item;";
    let naive = bench.naive(&format!("DROP VIEW cheap; {step}"));
    let retry =
        naive.fails("DROP TABLE IF EXISTS item_new; CREATE TABLE item_new AS SELECT * FROM item;");
    assert!(retry.contains("no such table: item"), "it has deleted the only copy: {retry}");
    assert_eq!(naive.ask("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'item%'"), "0");

    let old = digest(bench.before());
    let mut last = 0;
    loop {
        let bench = Bench::new(SHOP);
        bench.steps(title().steps());
        let ended = run_victim(&bench, last);
        if ended {
            support::judge(bench.before(), &bench.database(), &title().judged()).unwrap();
            break;
        }
        // SQLite rolls back what the dead left as soon as somebody looks.
        bench.ask("SELECT count(*) FROM sqlite_schema");
        let now = digest(&bench.database());
        if now != old {
            support::judge(bench.before(), &bench.database(), &title().judged()).unwrap();
        }
        assert_eq!(bench.ask("PRAGMA integrity_check"), "ok");
        assert_eq!(
            bench.ask("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'phaseshift%'"),
            "0"
        );
        last += 1;
    }
    assert!(last > 20, "only {last} events");
}

#[test]
fn p52_two_runners_do_the_work_once() {
    let bench = Bench::new(SHOP);
    let naive = bench.naive_copy();
    let (one, two) = (
        rusqlite::Connection::open(&naive.path).unwrap(),
        rusqlite::Connection::open(&naive.path).unwrap(),
    );
    let version = |it: &rusqlite::Connection| -> i64 {
        it.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    };
    let seen = (version(&one), version(&two));
    for (runner, version) in [(&one, seen.0), (&two, seen.1)] {
        let work =
            format!("UPDATE item SET price = price * 2; PRAGMA user_version = {}", version + 1);
        runner.execute_batch(&work).unwrap();
    }
    assert_eq!(naive.ask("SELECT price FROM item WHERE id = 10"), "4.0", "both did it");

    bench.steps("[[up]]\nop = \"sql\"\nsql = \"UPDATE item SET price = price * 2\"\n");
    let (engine, request) = (bench.engine(), up_to("head"));
    let looks = [
        Migration::prepare(&engine, &request).unwrap(),
        Migration::prepare(&engine, &request).unwrap(),
    ];
    let mut done = Vec::new();
    for look in looks {
        done.push(migrate_now(&engine, &request, look, &mut Silent).unwrap().report().is_some());
    }
    assert_eq!(done, [true, false], "the second finds nothing to do");

    // At the same time, in processes of their own.
    let bench = Bench::new(SHOP);
    bench.steps("[[up]]\nop = \"sql\"\nsql = \"UPDATE item SET price = price * 2\"\n");
    std::thread::scope(|scope| {
        let runners: Vec<_> =
            (0..4).map(|_| scope.spawn(|| run_victim(&bench, usize::MAX))).collect();
        for runner in runners {
            runner.join().unwrap();
        }
    });
    assert_eq!(bench.ask("SELECT price FROM item WHERE id = 10"), "2.0");
    assert_eq!(bench.ask("SELECT count(*) FROM phase_history"), "1");
}

/// Another program with the file open, which runs the lines it is given.
struct Other(Child, BufReader<std::process::ChildStdout>);

impl Other {
    fn on(path: &Path) -> Self {
        const PROGRAM: &str = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)\n\
            for line in sys.stdin:\n    try:\n        print(db.execute(line).fetchall(), flush=True)\n    \
            except Exception as error:\n        print('error:', error, flush=True)\n";
        let mut command = support::python3();
        command.args(["-c", PROGRAM]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self(child, output)
    }

    fn say(&mut self, sql: &str) -> String {
        writeln!(self.0.stdin.as_mut().unwrap(), "{sql}").unwrap();
        let mut answer = String::new();
        self.1.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn p53_a_busy_file_is_waited_for_and_the_holder_is_named() {
    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {SHOP}"));
    let naive = bench.naive_copy();
    let mut reader = Other::on(&naive.path);
    let mut writer = Other::on(&naive.path);
    reader.say("BEGIN");
    reader.say("SELECT count(*) FROM item");
    writer.say("UPDATE item SET price = 1");
    let begun = Instant::now();
    assert_eq!(reader.say("UPDATE item SET price = 2"), "error: database is locked");
    assert!(begun.elapsed() < Duration::from_secs(2), "in spite of a timeout of five seconds");
    drop((reader, writer));

    bench.steps(title().steps());
    let mut holder = Other::on(&bench.database());
    assert_eq!(holder.say("BEGIN IMMEDIATE"), "[]");
    let error = bench.run(&up_to("head")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{}", explain(&error));
    let found = phaseshift::database::holders(&bench.database(), &phaseshift::files::RealFiles);
    assert!(found.iter().any(|it| it.pid == holder.0.id()), "{found:?}");
    assert_eq!(holder.say("COMMIT"), "[]");
    bench.up();
    assert_eq!(holder.say("PRAGMA journal_mode"), "[('wal',)]", "never switched");
    assert_eq!(holder.say("SELECT title FROM item WHERE id = 1"), "[('item 1',)]");

    // Whoever lets go in time is waited for.
    let bench = Bench::new(SHOP);
    bench.steps(title().steps());
    let mut holder = Other::on(&bench.database());
    assert_eq!(holder.say("BEGIN IMMEDIATE"), "[]");
    let (engine, request) =
        (support::engine_at(&bench.database(), &bench.project().phases()), up_to("head"));
    let released = Arc::new(AtomicBool::new(false));
    let release = std::thread::spawn({
        let released = Arc::clone(&released);
        move || {
            std::thread::sleep(Duration::from_millis(700));
            released.store(true, Ordering::Relaxed);
            assert_eq!(holder.say("COMMIT"), "[]");
        }
    });
    let look = Migration::prepare(&engine, &request).unwrap();
    migrate_now(&engine, &request, look, &mut Silent).unwrap().report().unwrap();
    assert!(released.load(Ordering::Relaxed), "the run did not wait");
    release.join().unwrap();
    support::judge(bench.before(), &bench.database(), &title().judged()).unwrap();
}

#[test]
fn p67_a_full_disk_is_found_before_the_run_and_named() {
    let bench = Bench::new(SHOP);
    let said = bench.naive_fails(
        "PRAGMA max_page_count=10; CREATE TABLE n AS SELECT * FROM item, sale LIMIT 9999;",
    );
    assert!(said.contains("database or disk is full"), "which disk? {said}");

    // A disk that fills up in the middle of a run is simulated by the later reliability tests.
    bench.steps(title().steps());
    let before = bench.project().file_bytes();
    let engine = bench.engine_with(Arc::new(crate::small_disk::SmallDisk), Interrupt::default());
    let error = Migration::prepare(&engine, &up_to("head")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace, "{}", explain(&error));
    assert!(error.to_string().contains(&*bench.project().folder().to_string_lossy()), "{error}");
    assert_eq!(before, bench.project().file_bytes());
}

#[test]
fn p68_the_space_that_a_run_needs_is_known_before() {
    let bench = Bench::new(&SHOP.replace("i < 500", "i < 20000"));
    bench.steps(title().column("sold", "item", "thing").steps());
    let need = bench.plan().space();
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |it| it.len());
    let start = size(&bench.database());
    let mut peak = 0;
    // Pages that still wait in the cache will take their place, too.
    let mut measure = |connection: &rusqlite::Connection| {
        let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let pages: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        peak = pages.cast_unsigned().max(size(&bench.database()))
            + size(&with_ending(&bench.database(), "-journal"));
    };
    let secured = bench.plan().secure(&mut Silent).unwrap();
    let backup = size(secured.backup().path());
    secured.run(&mut Silent, &mut Hooks { before_proof: Some(&mut measure) }).unwrap();
    assert!(peak > start + start / 5, "a guess of nothing is wrong: {start} became {peak}");
    assert!(backup <= need.backup, "{backup} of {}", need.backup);
    assert!(peak - start <= need.database, "{} of {}", peak - start, need.database);
}

#[test]
fn p69_long_stages_tell_how_far_they_are_and_can_be_stopped() {
    let bench = Bench::new(&SHOP.replace("i < 500", "i < 30000"));
    bench.steps(title().steps());
    let mut stages = Vec::new();
    let mut last = (0, 0);
    let mut watch = |event: &Event| {
        if let Event::Progress { stage, done, total, .. } = event {
            stages.push(*stage);
            assert!(*total == 0 || done <= total, "{done} of {total}");
            last = (*done, *total);
        }
    };
    bench.run_watched(&up_to("head"), &mut watch).unwrap().unwrap();
    for stage in [Stage::Backup, Stage::Copy, Stage::Proof] {
        assert!(stages.contains(&stage), "{stage:?} is silent: {stages:?}");
    }
    assert_eq!(last.0, last.1);

    // A request to stop is heard in the middle of a statement. The naive way has no ear: it looks
    // between statements, and the one in which the wish came goes on to its last row.
    let bench = Bench::new(SHOP);
    let naive = bench.naive_copy();
    let connection = rusqlite::Connection::open(&naive.path).unwrap();
    let wish = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&wish);
    let raise = move |_: &rusqlite::functions::Context<'_>| {
        raised.store(true, Ordering::Relaxed);
        Ok(0)
    };
    let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
    connection.create_scalar_function("stop_please", 1, flags, raise).unwrap();
    for statement in ["UPDATE item SET price = stop_please(id)", "DELETE FROM sale"] {
        if !wish.load(Ordering::Relaxed) {
            connection.execute_batch(statement).unwrap();
        }
    }
    connection.close().unwrap();
    assert_eq!(naive.ask("SELECT count(*) FROM item WHERE price = 0"), "500", "after the wish");
    assert_eq!(naive.ask("SELECT count(*) FROM sale"), "500", "heard at last");

    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) \
                   UPDATE item SET price = (SELECT count(*) FROM n)";
    bench.steps(&format!("[[up]]\nop = \"sql\"\nsql = \"{endless}\"\n"));
    let interrupt = Interrupt::default();
    let engine = bench.engine_with(Arc::new(phaseshift::files::RealFiles), interrupt.clone());
    let look = Migration::prepare(&engine, &up_to("head")).unwrap();
    assert!(matches!(look, Preparation::Ready(_)));
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        interrupt.request();
    });
    let begun = Instant::now();
    let error = migrate_now(&engine, &up_to("head"), look, &mut Silent).unwrap_err();
    stopper.join().unwrap();
    assert_eq!(error.kind(), ErrorKind::Interrupted, "{}", explain(&error));
    assert!(begun.elapsed() < Duration::from_secs(10));
    support::judge(bench.before(), &bench.database(), &serde_json::json!({})).unwrap();
}

#[test]
fn p75_what_is_done_is_recorded_and_what_is_recorded_is_done() {
    let naive = Bench::new(SHOP).naive("ALTER TABLE item RENAME COLUMN name TO title;");
    let again = "ALTER TABLE item RENAME COLUMN name TO title; PRAGMA user_version=1";
    assert!(naive.fails(again).contains("no such column"), "killed between two commits");

    // Whatever another reader sees at any event is both or neither.
    let bench = Bench::new(SHOP);
    bench.steps(title().steps());
    let (path, mut seen) = (bench.database(), std::collections::BTreeSet::new());
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name IN ('sold', 'schema_version', 'phase_history')";
    let mut watch = |_: &Event| {
        // A reader of the file may have to wait while the commit is written.
        if let Ok(count) = script(&path, sql) {
            seen.insert(count.trim().to_owned());
        }
    };
    bench.run_watched(&up_to("head"), &mut watch).unwrap().unwrap();
    assert!(seen.iter().all(|count| count == "0" || count == "3"), "{seen:?}");
    assert!(seen.contains("0"), "{seen:?}");
    assert_eq!(bench.ask(sql), "3");
    assert_eq!(bench.ask("SELECT count(*) FROM schema_version, phase_history"), "1");
}

#[test]
fn p76_a_dead_run_blocks_no_later_one() {
    let bench = Bench::new(SHOP);
    // A runner that raises a flag, and dies in the middle of its work.
    let naive = bench.naive_copy();
    let flagged = "import os
db = sqlite3.connect(path, isolation_level=None)
db.execute('CREATE TABLE IF NOT EXISTS state(migrating INTEGER)')
if db.execute('SELECT 1 FROM state').fetchone():
    print('a migration is running')
    sys.exit()
db.execute('INSERT INTO state VALUES (1)')
db.execute('BEGIN IMMEDIATE')
db.execute('ALTER TABLE item RENAME COLUMN name TO title')
os._exit(0)";
    let said = [(), (), ()].map(|()| support::python(&naive.path, flagged));
    assert_eq!(said, ["", "a migration is running", "a migration is running"], "for ever");
    assert_eq!(naive.ask("SELECT count(name) FROM item"), "500", "and nothing was done");

    bench.steps(title().steps());
    let mut readable = 0;
    for last in [3, 9, 14, 19] {
        assert!(!run_victim(&bench, last), "it should have died at event {last}");
        let state = status(&bench.engine());
        // A hot journal is rolled back by the next writer; looking alone changes nothing.
        if let Ok(state) = state {
            assert_eq!(state.version, None);
            assert_eq!(state.pending.len(), 1);
            readable += 1;
        }
    }
    assert!(readable > 0, "no state was ever told");
    bench.up();
    support::judge(bench.before(), &bench.database(), &title().judged()).unwrap();
    assert_eq!(sqlite3(&bench.database(), "PRAGMA integrity_check"), "ok");
}
