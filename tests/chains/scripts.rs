//! Scripts run by the `sqlite3` program end where the tool itself ends.

use std::path::Path;
use std::process::{Command, Stdio};

use phaseshift::migrate::{Migration, Preparation, Request, script_range};
use phaseshift::phase::{Target, TargetRange};
use phaseshift::plan::Direction;
use rusqlite::Connection;

use super::fill::fill;
use super::rig::{Rig, explain, rows, texts};
use super::sweeps::sample;

pub fn script(rig: &Rig, range: &str, direction: Direction) -> String {
    let range = TargetRange::parse(range).unwrap();
    script_range(&rig.project(), &range, direction).map_err(explain).unwrap()
}

/// Has the `sqlite3` program run a script.
pub fn run(database: &Path, script: &str) {
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
pub fn assert_alike(rig: &Rig, other: &Path, what: &str) {
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

/// The plan of a run as a script, for the file as it is.
pub fn script_of(rig: &Rig, request: &Request) -> String {
    match Migration::prepare(&rig.project(), request).map_err(explain).unwrap() {
        Preparation::Ready(migration) => phaseshift::migrate::script(&migration).unwrap(),
        Preparation::UpToDate(_) => panic!("nothing to do: {request:?}"),
    }
}

/// Every phase by the tool and by its script, on a file with rows: up, and down again.
fn every_phase_as_a_script(fixture: &str, every: usize) {
    let rig = Rig::new(fixture);
    let other = rig.aside("other.db");
    let ids: Vec<String> = rig.chain().phases().iter().map(|it| it.id.to_string()).collect();
    let tried = sample(ids.clone(), every);
    for id in &ids {
        if tried.contains(id) {
            std::fs::copy(rig.database(), &other).unwrap();
            run(&other, &script_of(&rig, &Request::up(Target::parse(id).unwrap())));
        }
        rig.up(id);
        if tried.contains(id) {
            assert_alike(&rig, &other, &format!("up to {id}"));
        }
        fill(&rig.connection(), 6);
    }
    for id in ids.iter().rev() {
        super::sweeps::remove_late_rows(&rig);
        let back = format!("{id}@-1");
        if tried.contains(id) {
            std::fs::copy(rig.database(), &other).unwrap();
            let request = Request::down(Target::parse(&back).unwrap()).accepting_loss();
            run(&other, &script_of(&rig, &request));
        }
        rig.down(&back);
        if tried.contains(id) {
            assert_alike(&rig, &other, &format!("undoing {id}"));
        }
    }
    assert!(rig.texts().is_empty());
}

#[test]
fn every_phase_of_charts_as_a_script() {
    every_phase_as_a_script("charts/phases", 5);
}

#[test]
fn every_phase_of_photo_map_as_a_script() {
    every_phase_as_a_script("photo_map/phases", 6);
}

#[test]
fn a_catalogue_with_rows_by_scripts() {
    let rig = super::catalogue::adopted();
    let other = rig.aside("other.db");
    for (request, what) in [
        (Request::up(Target::Head), "up"),
        (Request::down(Target::parse("phase2").unwrap()).accepting_loss(), "down"),
    ] {
        std::fs::copy(rig.database(), &other).unwrap();
        run(&other, &script_of(&rig, &request));
        assert!(rig.try_run(&request).map_err(explain).unwrap().is_some());
        assert_alike(&rig, &other, what);
    }
    assert!(rig.rows()["fits_files"].len() >= 500);
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
