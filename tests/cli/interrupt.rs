//! Ctrl-C at twenty moments of a run: it is answered at once, the file is as said, and bars move inside single
//! statements.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use support::{Project, digest};

/// The tests measure time: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// Moments at which the run is interrupted.
const MOMENTS: u32 = 20;

/// On a machine of its own the answer comes within 200 milliseconds; tests share theirs.
const GENEROUS: Duration = Duration::from_millis(1_500);

const PHASE: &str = r#"
version = 1
parents = []
[[up]]
op = "rename_table"
from = "sessions"
to = "imaging_sessions"
[[up]]
op = "rename_column"
table = "frames"
from = "x"
to = "width"
[[up]]
op = "add_column"
table = "shots"
column = "total INTEGER NOT NULL DEFAULT 0 CHECK (total >= 0)"
after = "id"
value = "x + length(note)"
[[up]]
op = "create_index"
sql = "CREATE INDEX by_note ON shots(note, x)"
"#;

/// Two tables of many rows: the records of one are copied whole, those of the other are computed, and tried out
/// first, because a rule sees them.
fn project(rows: u32) -> Project {
    let project = Project::empty();
    let connection = Connection::open(project.database()).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE sessions(id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE frames(id INTEGER PRIMARY KEY, session INTEGER REFERENCES sessions(id), x INTEGER, note TEXT);
             CREATE TABLE shots(id INTEGER PRIMARY KEY, session INTEGER REFERENCES sessions(id), x INTEGER, note TEXT);
             CREATE INDEX by_session ON frames(session); CREATE INDEX by_x ON frames(x, note);
             CREATE INDEX of_session ON shots(session);
             WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 1000)
             INSERT INTO sessions SELECT v, 'night ' || v FROM n;
             WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT {rows})
             INSERT INTO frames SELECT v, v % 1000 + 1, v * 7919 % 100003, hex(v * 104729) || ' ' || v FROM n;
             INSERT INTO shots SELECT * FROM frames"
        ))
        .unwrap();
    project.write_phase("p1.toml", PHASE);
    project
}

struct Said {
    lines: mpsc::Receiver<(Instant, String)>,
}

fn start(project: &Project, more: &[&str]) -> (Child, Said) {
    let mut command = project.command();
    command.arg("--database").arg(project.database()).arg("--phases").arg(project.phases());
    command.args(["upgrade", "--json"]).args(more).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let _ = sender.send((Instant::now(), line));
        }
    });
    (child, Said { lines })
}

#[test]
fn ctrl_c_is_answered_at_once_and_the_file_is_as_said() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let project = project(40_000);
    let kept = project.copy_database("before.db");
    let before = digest(&kept);
    let started = Instant::now();
    let (mut child, _) = start(&project, &[]);
    assert!(child.wait().unwrap().success());
    let mut whole = started.elapsed();
    let after = digest_without_times(&project);

    let (mut figures, mut stopped) = (Vec::new(), 0);
    for moment in 0..MOMENTS {
        for path in project.backups() {
            std::fs::remove_file(path).unwrap();
        }
        std::fs::copy(&kept, project.database()).unwrap();
        let started = Instant::now();
        let (mut child, said) = start(&project, &[]);
        std::thread::sleep(whole * (2 * moment + 1) / (2 * MOMENTS));
        let asked = Instant::now();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let status = child.wait().unwrap();
        let ended = asked.elapsed();
        let answer = said.lines.iter().find(|(at, _)| *at >= asked);
        let answered = answer.map_or(ended, |(at, _)| at.duration_since(asked)).min(ended);
        figures.push(format!("{}/{}", answered.as_millis(), ended.as_millis()));
        assert!(answered < GENEROUS, "moment {moment}: answered after {answered:?}");
        let journal = project.path("fits_catalog.db-journal");
        assert!(!journal.exists(), "moment {moment}: a journal is left");
        match status.code() {
            Some(130) => {
                stopped += 1;
                assert_eq!(digest(&project.database()), before, "moment {moment}");
            }
            Some(0) => {
                // It was over before: on a machine that others use, the first run may have taken far longer.
                whole = whole.min(started.elapsed());
                assert_eq!(digest_without_times(&project), after, "moment {moment}");
            }
            other => panic!("moment {moment}: {other:?}"),
        }
    }
    println!("whole run {whole:?}; answered/ended in milliseconds: {}", figures.join(" "));
    assert!(stopped >= MOMENTS / 4, "only {stopped} runs were stopped");
}

/// One call of a function may take hours, and SQLite looks at no request to stop in it: only SIGKILL ended the program.
#[test]
fn a_second_signal_ends_a_statement_that_looks_at_no_request() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let project = project(100);
    let before = digest(&project.database());
    project.write_phase(
        "p1.toml",
        r#"
version = 1
parents = []
irreversible = "x"
[[up]]
op = "sql"
sql = '''
UPDATE shots SET x = 0;
UPDATE frames SET x = instr(zeroblob(20000000), zeroblob(10000000) || x'01') WHERE id = 1;
'''
"#,
    );
    for (first, second) in [(Signal::INT, Signal::INT), (Signal::TERM, Signal::HUP)] {
        let (mut child, said) = start(&project, &["--progress", "json"]);
        std::thread::sleep(Duration::from_secs(1));
        kill_process(Pid::from_child(&child), first).unwrap();
        let still = Duration::from_secs(10);
        while let Ok((_, line)) = said.lines.recv_timeout(still)
            && !line.contains("still-stopping")
        {}
        kill_process(Pid::from_child(&child), second).unwrap();
        let asked = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(asked.elapsed() < GENEROUS, "{:?}", asked.elapsed());
        assert_eq!(digest(&project.database()), before, "the next program rolls back");
    }
}

/// What the file holds but for the times and names of this run.
fn digest_without_times(project: &Project) -> String {
    let copy = project.copy_database("judged.db");
    let connection = Connection::open(&copy).unwrap();
    connection
        .execute_batch("DROP TABLE phase_history; UPDATE schema_version SET applied_at = ''")
        .unwrap();
    connection.close().unwrap();
    digest(&copy)
}

#[test]
fn progress_is_told_inside_single_statements() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let project = project(400_000);
    let (mut child, said) = start(&project, &["--progress", "json"]);
    assert!(child.wait().unwrap().success());
    let mut seen: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
    let (mut last, mut longest) = (None, Duration::ZERO);
    for (at, line) in said.lines.iter() {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        longest = longest.max(last.map_or(Duration::ZERO, |last| at.duration_since(last)));
        last = Some(at);
        if event["event"] == "progress" {
            let word = |name: &str| event[name].as_str().unwrap().to_owned();
            let (done, total) = (event["done"].as_u64().unwrap(), event["total"].as_u64().unwrap());
            assert!(total == 0 || done <= total, "{line}");
            seen.entry((word("stage"), word("subject"))).or_default().insert(done);
        }
    }
    println!("longest silence {longest:?}");
    for (stage, subject, least) in
        [("look", "shots", 1), ("copy", "frames", 3), ("copy", "shots", 3), ("index", "by_note", 1)]
    {
        let told = seen.get(&(stage.to_owned(), subject.to_owned()));
        let inside = told.map_or(0, |it| it.iter().filter(|done| **done > 0).count());
        assert!(inside >= least, "{stage} {subject}: {seen:?}");
    }
    assert!(longest < GENEROUS, "nothing was said for {longest:?}");
}
