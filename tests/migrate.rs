//! The main job through the engine: look, secure, run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phaseshift::database::OpenOptions;
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, Project as Engine, Request, migrate_now};
use phaseshift::phase::{Chain, Target};
use phaseshift::plan::Direction;
use phaseshift::sample::{Feature, SampleOptions};
use support::Project;

fn engine(project: &Project) -> Engine {
    engine_at(&project.database(), &project.phases())
}

fn engine_at(database: &Path, phases: &Path) -> Engine {
    let options = OpenOptions {
        files: Arc::new(RealFiles),
        wait: Duration::from_secs(1),
        interrupt: Interrupt::default(),
    };
    let chain = Chain::read(&RealFiles, phases).unwrap();
    Engine::new(
        database.to_path_buf(),
        None,
        chain,
        VersionTables::named("schema_version"),
        options,
    )
}

fn up_to(target: &str) -> Request {
    Request { direction: Direction::Up, target: Target::parse(target).unwrap() }
}

fn explain(error: phaseshift::Error) -> String {
    format!("{error}: {:?} {:?}", error.causes(), error.facts().problems)
}

#[test]
fn phase_3_of_the_catalogue_is_what_sqlite_itself_would_make_of_it() {
    let options = SampleOptions { files: 2_000, links: 300, ..SampleOptions::default() }
        .with(Feature::Views)
        .with(Feature::Triggers)
        .with(Feature::OddIndexes)
        .with(Feature::Statistics)
        .with(Feature::Counters)
        .with(Feature::Awkward);
    let project = Project::with_catalogue(&options);
    let before = project.copy_database("before.db");
    let engine = engine(&project);
    let request = up_to("phase3");
    let look = Migration::look(&engine, &request).map_err(explain).unwrap();
    let Ok(report) = migrate_now(&engine, &request, look, &mut Silent).map_err(explain).unwrap()
    else {
        panic!("there was nothing to do")
    };
    assert_eq!((report.from, report.to), (Some(1), Some(2)));
    let renames = support::phase3_renames();
    support::judge(&before, &project.database(), &renames).unwrap();
}

/// Damage of every kind, planted between the last copy and the proof.
const DAMAGES: [(&str, &str); 9] = [
    ("a byte", "UPDATE fits_files SET object = object || 'x' WHERE id = 7"),
    ("a storage class", "UPDATE fits_files SET validation_notes = x'00' WHERE id = 7"),
    ("a lost row", "DELETE FROM fits_files WHERE id = 9"),
    ("a new row", "INSERT INTO imaging_sessions (id, date) VALUES ('new', '2024-01-01')"),
    ("a row of a table that no phase touches", "DELETE FROM cameras WHERE id = 1"),
    ("a lost index", "DROP INDEX idx_object_date"),
    ("another index", "CREATE INDEX stray ON cameras (name)"),
    ("a lost version", "DELETE FROM schema_version WHERE version = 2"),
    ("the application's version", "PRAGMA user_version = 77"),
];

#[test]
fn damage_between_copy_and_proof_is_noticed_and_rolled_back() {
    let options = SampleOptions { files: 200, links: 50, ..SampleOptions::default() };
    for (name, damage) in DAMAGES {
        let project = Project::with_catalogue(&options);
        let engine = engine(&project);
        let before = std::fs::read(project.database()).unwrap();
        let look = Migration::look(&engine, &up_to("phase3")).unwrap();
        let phaseshift::migrate::Look::Ready(migration) = look else { panic!("nothing to do") };
        let secured = migration.secure(&mut Silent).unwrap();
        let mut plant = |connection: &rusqlite::Connection| {
            connection.execute_batch(damage).unwrap();
        };
        let mut hooks = phaseshift::migrate::Hooks { before_proof: Some(&mut plant) };
        let error = secured.run(&mut Silent, &mut hooks).unwrap_err();
        assert_eq!(error.kind(), phaseshift::ErrorKind::Proof, "{name}: {error}");
        assert_eq!(error.state(), phaseshift::DatabaseState::RolledBack, "{name}");
        let after = std::fs::read(project.database()).unwrap();
        assert!(before == after, "{name}: the file changed");
    }
}
