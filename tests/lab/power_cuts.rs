//! Power cuts at every operation of the engine's jobs.

use std::sync::Arc;

use phaseshift::migrate::{Migration, Preparation};

use support::lab::disk::{Change, Disk};
use support::lab::jobs::{Job, project, to_head};
use support::lab::power_sweep::{Planted, PowerSweep};
use support::lab::scene::{DATABASE, Scene, Start};
use support::lab::tally::long;

/// How many rows the catalogue has; few, because every case reads all of them.
const SESSIONS: u32 = 24;

fn variants() -> u64 {
    if long() { 40 } else { 10 }
}

fn green(disk: &Disk, scene: &Scene, job: &Job) {
    green_with(variants(), disk, scene, job);
}

fn green_with(variants: u64, disk: &Disk, scene: &Scene, job: &Job) {
    let planted = Planted::Nothing;
    PowerSweep { disk, scene, job, variants, planted }.run().expect_green();
}

#[test]
fn a_power_cut_in_a_migration_leaves_old_or_new_and_a_backup() {
    let disk = Disk::new("power-migrate");
    for start in Start::ALL {
        let scene = Scene::new(&disk, start, SESSIONS);
        green(&disk, &scene, &Job::Migrate(scene.chain.clone().into()));
    }
}

/// As in a run over many files: the first run, which learns what is right, makes the plan of all others.
#[test]
fn a_power_cut_in_a_migration_by_a_shared_plan_leaves_old_or_new_and_a_backup() {
    let disk = Disk::new("power-shared");
    let starts: &[Start] = if long() { &Start::ALL } else { &[Start::WalFrames] };
    for start in starts {
        let start = *start;
        let scene = Scene::new(&disk, start, SESSIONS);
        let job = Job::MigrateShared(scene.chain.clone().into(), Arc::default());
        green_with(if long() { variants() } else { variants() / 5 }, &disk, &scene, &job);
    }
}

/// The source of a large backup is checked while its pages are copied.
#[test]
fn a_power_cut_in_a_migration_of_a_large_file_leaves_old_or_new_and_a_backup() {
    let disk = Disk::of_large_files("power-large");
    for start in Start::ALL {
        let scene = Scene::new(&disk, start, SESSIONS);
        let job = Job::Migrate(scene.chain.clone().into());
        assert_looks_early(&disk, &scene, &job);
        green_with(if long() { variants() } else { variants() / 5 }, &disk, &scene, &job);
    }
}

/// The sweep would show nothing about the early check if there were none.
fn assert_looks_early(disk: &Disk, scene: &Scene, job: &Job) {
    let operations = |disk: &Disk| {
        disk.load(&scene.image);
        job.run(disk).unwrap();
        disk.state().operations
    };
    let small = Disk::new(&format!("{}-small", disk.vfs));
    let (large, small) = (operations(disk), operations(&small));
    assert_ne!(large, small, "{}", scene.name);
}

#[test]
fn a_power_cut_while_tables_change_their_names_in_place_leaves_old_or_new() {
    let disk = Disk::new("power-in-place");
    for start in Start::ALL {
        let scene = Scene::new(&disk, start, SESSIONS).in_place(&disk);
        assert_stays(&disk, &scene);
        green(&disk, &scene, &Job::Migrate(scene.chain.clone().into()));
    }
}

/// The sweep would show nothing about tables that stay if they were rebuilt.
fn assert_stays(disk: &Disk, scene: &Scene) {
    disk.load(&scene.image);
    let project = project(disk, &scene.chain);
    let Preparation::Ready(migration) = Migration::prepare(&project, &to_head()).unwrap() else {
        panic!("nothing to do")
    };
    let stays: Vec<bool> = migration.plan().rebuilds().map(|it| it.in_place()).collect();
    assert_eq!(stays, [true, true]);
}

/// What is cut is the way that large files take: the old table goes first, and its rows come back
/// from the backup, so that the file does not grow.
#[test]
fn rebuilt_tables_are_refilled_from_the_backup_on_this_disk_too() {
    let disk = Disk::new("power-refill");
    for start in [Start::Clean, Start::CleanWal] {
        let scene = Scene::new(&disk, start, SESSIONS * 10);
        disk.load(&scene.image);
        Job::Migrate(scene.chain.clone().into()).run(&disk).unwrap();
        let pages = |disk: &Disk| -> u32 {
            let connection = support::lab::database::open(disk, DATABASE).unwrap();
            connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap()
        };
        let after = pages(&disk);
        disk.load(&scene.image);
        let before = pages(&disk);
        assert!(after < before + before / 4, "{start:?}: {before} pages became {after}");
    }
}

#[test]
fn a_power_cut_in_a_migration_that_spills_its_cache_leaves_old_or_new() {
    let disk = Disk::new("power-spill");
    for start in [Start::Clean, Start::CleanWal] {
        let scene = Scene::new(&disk, start, SESSIONS * 3);
        let job = Job::Migrate(scene.chain.clone().into());
        // The measure tells the difference: with the ordinary cache everything waits.
        assert_eq!(pages_written_before_the_checks(&disk, &scene, &job), 0, "{start:?}");
        let scene = scene.with_small_cache(&disk);
        let spilled = pages_written_before_the_checks(&disk, &scene, &job);
        assert!(spilled > 10, "{start:?}: {spilled} pages were spilled");
        // There are more operations than elsewhere.
        let variants = if long() { variants() } else { variants() / 2 };
        green_with(variants, &disk, &scene, &job);
    }
}

/// Counts the writes of a migration into the database or its WAL before the checks begin, which
/// come before the commit: what is written then is not committed, and SQLite's memory was too small.
fn pages_written_before_the_checks(disk: &Disk, scene: &Scene, job: &Job) -> usize {
    disk.load(&scene.image);
    let database = disk.state().names[DATABASE];
    job.run(disk).unwrap();
    let checks = disk.state().checks_began.expect("the checks began");
    let wal = format!("{DATABASE}-wal");
    let mut files = vec![database];
    let mut written = 0;
    for change in &disk.log()[..checks] {
        match change {
            Change::Create { path, node, .. } if *path == wal => files.push(*node),
            Change::Write { node, .. } => written += usize::from(files.contains(node)),
            _ => {}
        }
    }
    written
}

#[test]
fn a_power_cut_in_a_backup_leaves_it_whole_or_absent() {
    let disk = Disk::new("power-backup");
    for start in [Start::Clean, Start::CleanWal, Start::WalFrames] {
        let scene = Scene::new(&disk, start, SESSIONS);
        green(&disk, &scene, &Job::Backup);
    }
}

#[test]
fn a_power_cut_while_free_pages_are_given_back_leaves_old_or_new() {
    let disk = Disk::new("power-optimize");
    for start in [Start::Clean, Start::CleanWal] {
        let scene = Scene::new(&disk, start, SESSIONS / 4).with_free_pages(&disk);
        green_with(variants() / 2, &disk, &scene, &Job::Optimize);
    }
}

#[test]
fn a_power_cut_in_a_restore_leaves_old_or_new() {
    let disk = Disk::new("power-restore");
    for start in Start::ALL {
        let scene = Scene::new(&disk, start, SESSIONS);
        let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
        green(&disk, &scene, &Job::Restore(backup));
    }
}

#[test]
fn a_power_cut_in_a_restore_of_a_ruined_or_missing_file_loses_nothing() {
    let disk = Disk::new("power-ruined");
    for start in Start::ALL {
        let scene = Scene::new(&disk, start, SESSIONS);
        let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
        let job = Job::Restore(backup);
        green(&disk, &scene.clone().with_ruined_header(), &job);
        green(&disk, &scene.without_database(), &job);
    }
}
