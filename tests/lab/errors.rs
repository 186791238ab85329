//! Every error of the disk in the engine's jobs: nothing is lost, and nothing fails silently.

use crate::error_sweep::ErrorSweep;
use support::lab::disk::{Disk, Failure, Lasting};
use support::lab::jobs::Job;
use support::lab::scene::{Scene, Start};
use support::lab::tally::long;

const SESSIONS: u32 = 24;

fn green(disk: &Disk, scene: &Scene, job: &Job) {
    for failure in [Failure::Broken, Failure::Full] {
        for lasting in [Lasting::Once, Lasting::ForEver] {
            ErrorSweep { disk, scene, job, failure, lasting }.run().expect_green();
        }
    }
}

fn migration_from(start: Start) {
    let disk = Disk::new(&format!("errors-migrate-{start:?}"));
    let scene = Scene::new(&disk, start, SESSIONS);
    green(&disk, &scene, &Job::Migrate(scene.chain.clone().into()));
}

#[test]
fn an_error_in_a_migration_of_a_large_file_is_never_silent() {
    let disk = Disk::of_large_files("errors-large");
    if long() {
        for start in Start::ALL {
            let scene = Scene::new(&disk, start, SESSIONS);
            green(&disk, &scene, &Job::Migrate(scene.chain.clone().into()));
        }
        return;
    }
    // What differs from small files is what is read.
    let scene = Scene::new(&disk, Start::WalFrames, SESSIONS / 4);
    let job = Job::Migrate(scene.chain.clone().into());
    let (failure, lasting) = (Failure::Broken, Lasting::Once);
    ErrorSweep { disk: &disk, scene: &scene, job: &job, failure, lasting }.run().expect_green();
}

#[test]
fn an_error_while_tables_change_their_names_in_place_is_never_silent() {
    let disk = Disk::new("errors-in-place");
    for start in [Start::Clean, Start::WalFrames] {
        let scene = Scene::new(&disk, start, SESSIONS).in_place(&disk);
        green(&disk, &scene, &Job::Migrate(scene.chain.clone().into()));
    }
}

#[test]
fn an_error_in_a_migration_of_a_clean_file_is_never_silent() {
    migration_from(Start::Clean);
}

#[test]
fn an_error_in_a_migration_of_a_wal_file_is_never_silent() {
    migration_from(Start::CleanWal);
}

#[test]
fn an_error_in_a_migration_of_frames_in_the_wal_is_never_silent() {
    migration_from(Start::WalFrames);
}

#[test]
fn an_error_in_a_migration_of_a_hot_journal_is_never_silent() {
    migration_from(Start::HotJournal);
}

#[test]
fn an_error_in_a_backup_is_never_silent() {
    let disk = Disk::new("errors-backup");
    for start in [Start::Clean, Start::CleanWal, Start::WalFrames] {
        let scene = Scene::new(&disk, start, SESSIONS);
        green(&disk, &scene, &Job::Backup);
    }
}

#[test]
fn an_error_while_free_pages_are_given_back_is_never_silent() {
    let disk = Disk::new("errors-optimize");
    for start in [Start::Clean, Start::CleanWal] {
        let scene = Scene::new(&disk, start, SESSIONS / 4).with_free_pages(&disk);
        if long() {
            green(&disk, &scene, &Job::Optimize);
            continue;
        }
        let (job, lasting) = (&Job::Optimize, Lasting::Once);
        let failure = if start == Start::Clean { Failure::Full } else { Failure::Broken };
        ErrorSweep { disk: &disk, scene: &scene, job, failure, lasting }.run().expect_green();
    }
}

#[test]
fn an_error_in_a_restore_is_never_silent() {
    let disk = Disk::new("errors-restore");
    for start in Start::ALL {
        let scene = Scene::new(&disk, start, SESSIONS);
        let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
        green(&disk, &scene, &Job::Restore(backup));
    }
}

#[test]
fn an_error_in_a_restore_of_a_ruined_or_missing_file_is_never_silent() {
    let disk = Disk::new("errors-ruined");
    for start in [Start::Clean, Start::WalFrames] {
        let scene = Scene::new(&disk, start, SESSIONS);
        let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
        let job = Job::Restore(backup);
        green(&disk, &scene.clone().with_ruined_header(), &job);
        green(&disk, &scene.without_database(), &job);
    }
}
