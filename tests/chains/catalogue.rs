//! The FITS catalogue: a file that is older than its phases goes up and comes back as it was.

use phaseshift::event::Silent;
use phaseshift::migrate::{Strictness, stamp};
use phaseshift::phase::{Applied, Target};
use phaseshift::schema::same_meaning;
use support::sample::{Feature, SampleOptions, write_catalogue};

use super::rig::Rig;

/// A catalogue with every feature, which the phases of before are recorded in.
pub fn adopted() -> Rig {
    let rig = Rig::new("fits_catalog/phases");
    std::fs::remove_file(rig.database()).unwrap();
    let options = SampleOptions { files: 500, links: 100, ..SampleOptions::default() }
        .with(Feature::Views)
        .with(Feature::Triggers)
        .with(Feature::OddIndexes)
        .with(Feature::Statistics)
        .with(Feature::Counters)
        .with(Feature::Awkward);
    write_catalogue(&rig.database(), &options).unwrap();
    rig
}

#[test]
fn phase_3_comes_back_to_the_very_text_of_before() {
    let rig = adopted();
    let (texts, rows) = (rig.texts(), rig.rows());
    rig.up("phase4");
    assert_ne!(rig.texts(), texts);
    let report = rig.down("phase2").unwrap();
    assert_eq!((report.from, report.to), (Some(3), Some(1)));
    assert_eq!(rig.texts(), texts);
    assert_eq!(rig.rows(), rows);
    assert_eq!(rig.current(), ["phase2"]);
}

#[test]
fn rows_written_since_are_kept() {
    let rig = adopted();
    rig.up("phase3");
    rig.execute("INSERT INTO imaging_sessions(id, date) VALUES ('new', '2026-01-02')");
    rig.down("phase2");
    let found: String = rig
        .connection()
        .query_row("SELECT session_date FROM sessions WHERE session_id = 'new'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(found, "2026-01-02");
}

#[test]
fn a_stamped_file_has_no_text_of_before_and_gets_the_names_of_before() {
    let rig = adopted();
    let before = rig.texts();
    rig.up("phase3");
    rig.execute("DELETE FROM schema_version; DELETE FROM phase_history");
    let project = rig.project();
    let applied: Applied = project
        .chain
        .up_path(&Applied::nothing(), &Target::parse("phase3").unwrap())
        .unwrap()
        .into_iter()
        .collect();
    stamp(&project, &applied, Strictness::Compare, &mut Silent).unwrap();
    rig.down("phase2");
    let after = rig.texts();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (name, text) in &before {
        // A view was given a list of its columns on the way up; nothing tells that it had none.
        let alike = same_meaning(&after[name], text) || name.starts_with("view");
        assert!(alike, "{name}: {}", after[name]);
    }
    assert_eq!(after["table sessions"], before["table sessions"]);
    assert_eq!(after["table fits_files"], before["table fits_files"]);
}
