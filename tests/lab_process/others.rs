//! Other programs at work on the same file: a writer at full speed, and further migrators.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::place::{Job, Place, Start};
use crate::tally::{Tally, long};
use crate::verdict::{Which, Wrong, backups, open};

/// Writes rows as fast as it can. A row tells whether the migration was done when it was written;
/// a row counts as acknowledged when its number is in the file beside.
const WRITER: &str = "
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
done = open(sys.argv[2], 'w')
number = 0
while True:
    number += 1
    try:
        connection.execute('''INSERT INTO chaos SELECT ?, count(*) FROM sqlite_schema
            WHERE name = 'imaging_sessions' ''', (number,))
    except sqlite3.OperationalError:
        continue
    done.write(f'{number}\\n')
    done.flush()
";

fn start_writer(database: &Path, acknowledged: &Path) -> Child {
    let mut command = support::python3();
    command.args(["-c", WRITER]).arg(database).arg(acknowledged);
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the writer is at work.
fn wait_for_rows(acknowledged: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !std::fs::metadata(acknowledged).is_ok_and(|it| it.len() > 20) {
        assert!(Instant::now() < deadline, "the writer does not write");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// No acknowledged row is lost, and every row of before the migration is in its backup.
fn judge(folder: &Path, acknowledged: &Path) -> Result<Which, Wrong> {
    let failed = |error: rusqlite::Error| Wrong::State(error.to_string());
    let text = std::fs::read_to_string(acknowledged).unwrap();
    let rows: Vec<i64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let connection = open(&folder.join("fits.db")).map_err(failed)?;
    let found = numbers(&connection, "SELECT number FROM chaos").map_err(failed)?;
    if let Some(lost) = rows.iter().find(|row| found.binary_search(row).is_err()) {
        return Err(Wrong::Said(format!("the acknowledged row {lost} is lost")));
    }
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(failed)?;
    if check != "ok" {
        return Err(Wrong::State(check));
    }
    let done = "SELECT count(*) FROM sqlite_schema WHERE name = 'imaging_sessions'";
    if connection.query_row(done, [], |row| row.get::<_, i64>(0)).map_err(failed)? == 0 {
        return Ok(Which::Old);
    }
    let backup: String = connection
        .query_row("SELECT backup FROM phase_history", [], |row| row.get(0))
        .map_err(failed)?;
    let backup = open(Path::new(&backup)).map_err(failed)?;
    let kept = numbers(&backup, "SELECT number FROM chaos").map_err(failed)?;
    let before = numbers(&connection, "SELECT number FROM chaos WHERE done = 0").map_err(failed)?;
    if kept != before {
        return Err(Wrong::State(format!(
            "the backup holds {} of {} rows",
            kept.len(),
            before.len()
        )));
    }
    Ok(Which::New)
}

fn numbers(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare(&format!("{sql} ORDER BY number"))?;
    let found = statement.query_map([], |row| row.get(0))?;
    found.collect()
}

fn prepare(place: &Place, folder: &Path) {
    place.fresh_at(folder);
    let connection = open(&folder.join("fits.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE chaos(number INTEGER PRIMARY KEY, done INTEGER NOT NULL)")
        .unwrap();
}

#[test]
fn a_writer_at_full_speed_loses_no_row_and_none_slips_in() {
    let rounds = if long() { 250 } else { 6 };
    for start in [Start::Clean, Start::WalFrames] {
        let place = Place::new(Job::Migrate, start);
        let mut tally = Tally::new(format!("chaos with a writer, {start:?}"));
        for round in 0..rounds {
            let folder = place.aside("case");
            prepare(&place, &folder);
            let acknowledged = place.aside(&format!("acknowledged-{round}"));
            let mut writer = start_writer(&folder.join("fits.db"), &acknowledged);
            wait_for_rows(&acknowledged);
            let mut command = place.patient_command(&folder, 5);
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let killed = round % 2 == 1;
            if killed {
                std::thread::sleep(Duration::from_millis(15 + round * 13 % 120));
                drop(child.kill());
            }
            let output = child.wait_with_output().unwrap();
            std::thread::sleep(Duration::from_millis(20));
            writer.kill().unwrap();
            writer.wait().unwrap();
            let outcome = judge(&folder, &acknowledged);
            let finished = output.status.success() || killed;
            let outcome = if finished { outcome } else { Err(Wrong::State(said(&output))) };
            tally.count(&format!("round {round}"), outcome);
        }
        tally.expect_green();
    }
}

/// Says how a program ended.
fn said(output: &Output) -> String {
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    format!("{} {}", output.status, document["error"])
}

#[test]
fn of_three_migrators_at_once_one_migrates() {
    let rounds = if long() { 200 } else { 6 };
    let place = Place::new(Job::Migrate, Start::Clean);
    let mut tally = Tally::new("three migrators at once".to_owned());
    for round in 0..rounds {
        let folder = place.fresh();
        let children: Vec<Child> = (0..3)
            .map(|_| {
                let mut command = place.patient_command(&folder, 10);
                command.stdout(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let outputs: Vec<Output> =
            children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let codes: Vec<String> = outputs.iter().map(said).collect();
        let connection = open(&folder.join("fits.db")).unwrap();
        let times: i64 = connection
            .query_row("SELECT count(*) FROM phase_history", [], |row| row.get(0))
            .unwrap();
        let right = times == 1 && outputs.iter().all(|it| it.status.success());
        let outcome = if right {
            Ok(Which::New)
        } else {
            Err(format!("{times} times, {codes:?}, {} backups", backups(&folder).len()))
        };
        tally.count(&format!("round {round}"), outcome);
    }
    tally.expect_green();
}

/// Takes a lock, says so, and keeps it.
const HOLDER: &str = "
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
print('held', flush=True)
time.sleep(60)
";

fn hold(database: &Path, how: &str) -> Child {
    let mut command = support::python3();
    command.args(["-c", HOLDER]).arg(database).arg(how).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    child
}

#[test]
fn who_is_waited_for_is_said_while_it_lasts_and_at_the_end() {
    let cases = [
        (Job::Migrate, "BEGIN IMMEDIATE"),
        (Job::Migrate, "BEGIN EXCLUSIVE"),
        (Job::Backup, "BEGIN EXCLUSIVE"),
        (Job::Restore, "BEGIN IMMEDIATE"),
        (Job::Restore, "BEGIN EXCLUSIVE"),
    ];
    for (job, how) in cases {
        let place = Place::new(job, Start::Clean);
        let folder = place.fresh();
        let before = std::fs::read(folder.join("fits.db")).unwrap();
        let mut holder = hold(&folder.join("fits.db"), how);
        let output =
            place.patient_command(&folder, 1).args(["--progress", "json"]).output().unwrap();
        let name = format!("(pid {}), writing", holder.id());
        holder.kill().unwrap();
        holder.wait().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(5), "{job:?}, {how}: {said}");
        assert!(said.contains("python") && said.contains(&name), "{job:?}, {how}: {said}");
        let events = String::from_utf8_lossy(&output.stderr);
        let waits: Vec<&str> = events.lines().filter(|it| it.contains("\"waiting\"")).collect();
        assert!(!waits.is_empty(), "{job:?}, {how}: {events}");
        assert!(waits.iter().all(|it| it.contains(&name)), "{job:?}, {how}: {waits:?}");
        assert_eq!(std::fs::read(folder.join("fits.db")).unwrap(), before, "{job:?}, {how}");
    }
}
