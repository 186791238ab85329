//! The room that a run needs, as it is computed before and as it is taken: never too little, and not much too much.
#![cfg(feature = "cli")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use phaseshift::event::Interrupt;
use phaseshift::files::RealFiles;
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, Preparation, Request};
use phaseshift::phase::{Chain, Target};
use support::sample::{Feature, SampleOptions};
use support::{Project, sqlite3};

/// Computes the room for the way to a phase, in bytes.
fn computed(project: &Project, target: &str, in_place: bool) -> u64 {
    let options = phaseshift::database::OpenOptions {
        files: std::sync::Arc::new(RealFiles),
        wait: Duration::from_secs(5),
        interrupt: Interrupt::default(),
    };
    let chain = Chain::read(&RealFiles, &project.phases()).unwrap();
    let versions = VersionTables::named("schema_version");
    let engine =
        phaseshift::migrate::Project::new(project.database(), None, chain, versions, options);
    let engine = if in_place { engine.in_place() } else { engine };
    let request = Request::up(Target::parse(target).unwrap());
    let Preparation::Ready(migration) = Migration::prepare(&engine, &request).unwrap() else {
        panic!("nothing to do")
    };
    migration.space().sum()
}

/// The bytes of all files in a folder, which another process writes.
fn held(folder: &Path) -> u64 {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten();
    files.filter_map(|it| it.metadata().ok()).filter(|it| it.is_file()).map(|it| it.len()).sum()
}

/// Runs the program and looks all the time at how much the folder holds; returns how much it grew by.
fn taken(project: &Project, arguments: &[&str]) -> u64 {
    let before = held(&project.folder());
    let mut command = project.command();
    command.args(["--database"]).arg(project.database()).arg("--phases").arg(project.phases());
    command.args(arguments).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut peak = before;
    let status = loop {
        peak = peak.max(held(&project.folder()));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_micros(300));
    };
    assert!(status.success(), "{arguments:?}");
    peak - before
}

/// A column in the middle, computed: every row of the table is rewritten.
const REWRITTEN: &str = "parents = ['phase2']\n[[up]]\nop = 'add_column'\ntable = 'fits_files'
column = 'pixels INTEGER'\nafter = 'y'\nvalue = 'x * y'\n";

/// A table that is hardly anything of the file.
const SMALL_TABLE: &str = "parents = ['phase2']\n[[up]]\nop = 'rename_column'\ntable = 'sessions'
from = 'session_date'\nto = 'day'\n";

const TWICE: &str = "parents = ['phase3']\n[[up]]\nop = 'rename_column'\ntable = 'fits_files'
from = 'width_pixels'\nto = 'width'\n";

#[test]
fn a_run_takes_the_room_that_was_computed_and_hardly_less() {
    let cases: [(&str, &str, &[&str], Option<&str>); 5] = [
        ("names only", "phase3", &[], None),
        ("in place", "phase3", &["--in-place"], None),
        ("every row rewritten", "other", &[], Some(REWRITTEN)),
        ("a small table", "other", &[], Some(SMALL_TABLE)),
        ("rebuilt twice", "other", &[], Some(TWICE)),
    ];
    let mut told = String::new();
    let mut wrong = 0;
    for wal in [false, true] {
        for (name, target, arguments, phase) in cases {
            let plain = SampleOptions { files: 4_000, ..SampleOptions::default() };
            let options = if wal { plain.with(Feature::Wal) } else { plain };
            let project = Project::with_catalogue(&options);
            if let Some(phase) = phase {
                project.write_phase("other.toml", phase);
            }
            let need = computed(&project, target, arguments.contains(&"--in-place"));
            let took = taken(&project, &[&["upgrade", target], arguments].concat());
            // A few pages that every run may touch, and the manifest, are more than small changes need.
            let most = took + took * 15 / 100 + 200_000;
            let right = took <= need && need <= most;
            wrong += u32::from(!right);
            let mode = if wal { "WAL" } else { "rollback" };
            let percent = need * 100 / took.max(1);
            told +=
                &format!("{name}, {mode}: {need} computed, {took} taken ({percent} %) {right}\n");
            assert_eq!(sqlite3(&project.database(), "PRAGMA integrity_check"), "ok");
        }
    }
    assert_eq!(wrong, 0, "\n{told}");
}

#[test]
fn a_run_says_how_many_pages_are_free_afterwards() {
    let options = SampleOptions { files: 400, ..SampleOptions::default() };
    let made = || {
        let project = Project::with_catalogue(&options);
        let ballast =
            "CREATE TABLE ballast(x); INSERT INTO ballast SELECT zeroblob(5000) FROM fits_files";
        sqlite3(&project.database(), ballast);
        let phase = "parents = ['phase2']\n[[up]]\nop = 'drop_table'\ntable = 'ballast'\n";
        project.write_phase("other.toml", phase);
        project
    };
    let project = made();
    let said = project.run(&["upgrade", "other", "--json"]).expect_code(0).json();
    let ask = |pragma: &str| -> u64 { sqlite3(&project.database(), pragma).parse().unwrap() };
    let (free, pages) = (ask("PRAGMA freelist_count"), ask("PRAGMA page_count"));
    assert!(free > 400, "{free}");
    assert_eq!(said["room"]["before"]["free_pages"], 0, "{said}");
    assert_eq!(said["room"]["after"]["free_pages"], free, "{said}");
    assert_eq!(said["room"]["after"]["pages"], pages, "{said}");
    let bytes = std::fs::metadata(project.database()).unwrap().len();
    assert_eq!(said["room"]["after"]["bytes"], bytes, "{said}");

    let said = made().run(&["upgrade", "other", "-v"]).expect_code(0).stdout;
    assert!(said.contains(&format!("{free} free pages")), "{said}");
    assert!(said.contains("phaseshift optimize"), "{said}");
}
