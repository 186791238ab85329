//! The main job through the engine: look, secure, run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

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
    Request::up(Target::parse(target).unwrap())
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
