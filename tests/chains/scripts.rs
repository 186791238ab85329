//! Scripts run by the `sqlite3` program end where the tool itself ends.

use std::path::Path;
use std::process::{Command, Stdio};

use phaseshift::migrate::script_range;
use phaseshift::phase::TargetRange;
use phaseshift::plan::Direction;
use rusqlite::Connection;

use super::fill::fill;
use super::rig::{Rig, explain, rows, texts};

fn script(rig: &Rig, range: &str, direction: Direction) -> String {
    let range = TargetRange::parse(range).unwrap();
    script_range(&rig.project(), &range, direction).map_err(explain).unwrap()
}

/// Has the `sqlite3` program run a script.
fn run(database: &Path, script: &str) {
    use std::io::Write as _;
    let mut program = Command::new("sqlite3")
        .args(["-batch", "-bail", "-init", "/dev/null"])
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "");
}

/// What a file records, without the times.
fn recorded(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare(
            "SELECT 'version ' || version || ' ' || description FROM schema_version UNION ALL \
             SELECT 'event ' || event || ' ' || id || ' ' || parents || ' ' || version || ' ' || \
             direction || ' ' || checksum || ' ' || coalesce(undo, '') FROM phase_history ORDER BY 1",
        )
        .unwrap();
    let lines = statement.query_map([], |row| row.get(0)).unwrap();
    lines.map(Result::unwrap).collect()
}

#[track_caller]
fn assert_alike(rig: &Rig, other: &Path, what: &str) {
    let other = Connection::open(other).unwrap();
    assert_eq!(rig.texts(), texts(&other), "{what}");
    assert_eq!(rig.rows(), rows(&other), "{what}");
    assert_eq!(recorded(&rig.connection()), recorded(&other), "{what}");
}

/// Up from nothing and from a place in the middle with rows, and down again.
fn scripts_of(fixture: &str, middle: &str, rows: usize) {
    let rig = Rig::new(fixture);
    let other = rig.aside("other.db");
    run(&other, &script(&rig, &format!("base:{middle}"), Direction::Up));
    rig.up(middle);
    assert_alike(&rig, &other, "from nothing");
    for connection in [rig.connection(), Connection::open(&other).unwrap()] {
        fill(&connection, rows);
    }
    run(&other, &script(&rig, &format!("{middle}:heads"), Direction::Up));
    rig.up("heads");
    assert_alike(&rig, &other, "up");
    run(&other, &script(&rig, &format!("heads:{middle}"), Direction::Down));
    rig.down(middle);
    assert_alike(&rig, &other, "down");
    run(&other, &script(&rig, &format!("{middle}:base"), Direction::Down));
    rig.down("base");
    assert_alike(&rig, &other, "to nothing");
}

#[test]
fn scripts_of_charts() {
    scripts_of("charts/phases", "17d797292022", 4);
}

#[test]
fn scripts_of_photo_map() {
    scripts_of("photo_map/phases", "007_contact_messages", 6);
}

#[test]
fn scripts_of_the_catalogue() {
    scripts_of("fits_catalog/phases", "phase2", 0);
}
