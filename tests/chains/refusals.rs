//! Rows that stand in the way, in both directions, and numbers that come back almost as they were.

use phaseshift::migrate::{Request, replay};
use phaseshift::phase::{Applied, Target};
use phaseshift::{Error, ErrorKind};

use super::fill::fill;
use super::rig::{Rig, explain};

/// Asks for a run that must be refused and leave everything as it was.
#[track_caller]
fn refused(rig: &Rig, request: &Request) -> Error {
    let before = (rig.texts(), rig.rows(), rig.current());
    let error = rig.try_run(request).unwrap_err();
    assert_eq!((rig.texts(), rig.rows(), rig.current()), before);
    error
}

#[test]
fn regions_that_were_cached_twice_are_shown() {
    let rig = Rig::new("photo_map/phases");
    rig.up("004_record_created_ts");
    fill(&rig.connection(), 4);
    rig.execute(
        "UPDATE cached_regions SET (west, south, east, north) = \
         (SELECT west, south, east, north FROM cached_regions WHERE rowid = 1) WHERE rowid = 2",
    );
    let error = refused(&rig, &Request::up(Target::parse("005_bbox_unique").unwrap()));
    assert_eq!(error.kind(), ErrorKind::Requirement);
    let lines = &error.facts().problems;
    assert!(lines.iter().any(|line| line.contains("1.5 | 1.5 | 1.5 | 1.5 | 2")), "{lines:?}");
}

#[test]
fn interpretations_that_are_there_twice_are_shown() {
    let rig = Rig::new("charts/phases");
    rig.up("6965ccdd2487");
    fill(&rig.connection(), 6);
    rig.execute(
        "UPDATE chart_interpretations SET (chart_id, interpretation_type, subject, language) = \
         (SELECT chart_id, interpretation_type, subject, language FROM chart_interpretations \
         WHERE rowid = 1) WHERE rowid IN (2, 3)",
    );
    let error = refused(&rig, &Request::up(Target::parse("328917e74f78").unwrap()));
    assert_eq!(error.kind(), ErrorKind::Requirement);
}

#[test]
fn rows_that_the_narrower_check_of_before_does_not_allow_stop_the_way_back() {
    let rig = Rig::new("photo_map/phases");
    rig.up("017");
    fill(&rig.connection(), 4);
    rig.execute("UPDATE hidden_photos SET photo_source = 'mapillary'");
    rig.execute("UPDATE hidden_users SET target_user_source = 'mapillary'");
    rig.execute("UPDATE hidden_photos SET photo_source = 'panoramax' WHERE rowid = 3");
    let down = Request::down(Target::parse("016").unwrap()).accepting_loss();
    let error = refused(&rig, &down);
    assert_eq!(error.kind(), ErrorKind::Rows, "{}", explain(error));
    rig.execute("DELETE FROM hidden_photos WHERE photo_source = 'panoramax'");
    rig.down("016");
    assert_eq!(rig.current(), ["016"]);
}

#[test]
fn places_in_photos_come_back_up_to_rounding() {
    let rig = Rig::new("photo_map/phases");
    rig.up("9d3532cfd1cf");
    fill(&rig.connection(), 12);
    rig.execute("UPDATE photos SET width = 1000 + 37 * rowid, height = 700 + 13 * rowid");
    rig.execute(
        "UPDATE photo_annotations SET target = json_set(target, '$.x', 101.3 + rowid * 7.7)",
    );
    let places = || -> Vec<f64> {
        let connection = rig.connection();
        let sql = "SELECT value FROM photo_annotations, json_each(target) ORDER BY 1";
        let mut statement = connection.prepare(sql).unwrap();
        let found = statement.query_map([], |row| row.get(0)).unwrap();
        found.map(Result::unwrap).collect()
    };
    let before = places();
    rig.up("015");
    assert!(places().iter().all(|place| *place < 1.0));
    rig.down("9d3532cfd1cf");
    for (old, new) in before.iter().zip(places()) {
        assert!((old - new).abs() < 1e-9, "{old} became {new}");
    }
}

#[test]
fn a_replay_that_fails_names_phase_and_object() {
    let rig = Rig::empty();
    rig.write("a.toml", "parents = []\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(a)'\n");
    rig.write("b.toml", "[[up]]\nop = 'drop_column'\ntable = 'u'\ncolumn = 'x'\n");
    let project = rig.project();
    let all: Applied = project.chain.phases().iter().map(|phase| phase.id.clone()).collect();
    let error = replay(&project, &all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Step);
    assert_eq!(error.facts().phase.as_deref(), Some("b"));
    assert_eq!(error.facts().object.as_deref(), Some("u"));
    assert_eq!(error.to_string(), "line 1: drop_column: the table u does not exist");
}
