//! Power cuts at every operation of the engine's jobs.

use crate::disk::Disk;
use crate::jobs::Job;
use crate::power_sweep::{Planted, PowerSweep};
use crate::scene::{Scene, Start};
use crate::tally::long;

/// How many rows the catalogue has; few, because every case reads all of them.
const SESSIONS: u32 = 24;

fn variants() -> u64 {
    if long() { 60 } else { 14 }
}

fn green(disk: &Disk, scene: &Scene, job: &Job) {
    let (variants, planted) = (variants(), Planted::Nothing);
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

#[test]
fn a_power_cut_in_a_migration_that_spills_its_cache_leaves_old_or_new() {
    let disk = Disk::new("power-spill");
    for start in [Start::Clean, Start::CleanWal] {
        let scene = Scene::new(&disk, start, SESSIONS * 3).with_small_cache(&disk);
        green(&disk, &scene, &Job::Migrate(scene.chain.clone().into()));
    }
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
