//! The thirteen planted mistakes: a lab that stays green on one of them is broken.

use std::path::Path;

use phaseshift::Error;
use phaseshift::backup::{BackupEntry, verify};
use phaseshift::event::{Event, Silent};
use phaseshift::migrate::{Hooks, Migration, Preparation, migrate_now};

use crate::wrong;
use support::lab::database;
use support::lab::disk::{Content, Deaf, Disk};
use support::lab::jobs::{Job, project, to_head, words};
use support::lab::power_sweep::{Planted, PowerSweep, finish};
use support::lab::scene::{DATABASE, Scene, Start, options};
use support::lab::tally::Tally;
use support::lab::verdict::Expected;

const SESSIONS: u32 = 16;

/// Enough for every mistake to show; the adversary alone shows some of them.
const VARIANTS: u64 = 12;

fn sweep(disk: &Disk, scene: &Scene, job: &Job, planted: Planted<'_>) -> Tally {
    PowerSweep { disk, scene, job, variants: VARIANTS, planted }.run()
}

/// Of small files, and of large ones, whose source is checked early.
fn deaf_migrations(start: Start, deaf: Deaf, noticed: &str) {
    let small = Disk::new(&format!("mistake-{deaf:?}"));
    let large = Disk::of_large_files(&format!("mistake-{deaf:?}-large"));
    for disk in [small, large] {
        let scene = Scene::new(&disk, start, SESSIONS);
        let job = Job::Migrate(scene.chain.clone().into());
        sweep(&disk, &scene, &job, Planted::Deaf(deaf)).expect_red(noticed);
    }
}

#[test]
fn mistake_1_no_sync_at_all_is_noticed() {
    deaf_migrations(Start::Clean, Deaf::Sync, "a third state");
}

#[test]
fn mistake_2_full_instead_of_extra_is_noticed() {
    deaf_migrations(Start::Clean, Deaf::JournalRemoval, "promised but not kept: done");
}

#[test]
fn mistake_3_normal_in_wal_mode_is_noticed() {
    deaf_migrations(Start::CleanWal, Deaf::WalCommit, "promised but not kept: done");
}

#[test]
fn mistake_4_no_folder_sync_after_a_backup_is_noticed() {
    let disk = Disk::new("mistake-4");
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    sweep(&disk, &scene, &Job::Backup, Planted::Deaf(Deaf::EngineFolders))
        .expect_red("promised but not kept: backup");
}

#[test]
fn mistake_5_no_folder_sync_before_the_rename_of_a_restore_is_noticed() {
    let disk = Disk::new("mistake-5");
    let scene = Scene::new(&disk, Start::WalFrames, SESSIONS);
    let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
    let (scene, job) = (scene.with_ruined_header(), Job::Restore(backup));
    sweep(&disk, &scene, &job, Planted::Deaf(Deaf::FirstEngineFolder))
        .expect_red("the database: a third state");
}

fn wrong_restore(number: u32, start: Start, wrong: Job) {
    let disk = Disk::new(&format!("mistake-{number}"));
    let scene = Scene::new(&disk, start, SESSIONS);
    let (scene, backup) = scene.with_older_backup(&disk, SESSIONS / 2);
    sweep(&disk, &scene, &Job::Restore(backup), Planted::Instead(&wrong))
        .expect_red("the database: a third state");
}

#[test]
fn mistake_6_a_restore_by_cp_is_noticed() {
    wrong_restore(6, Start::Clean, Job::Planted("cp", wrong::restore_by_cp));
}

#[test]
fn mistake_7_a_rename_beside_stale_sidecars_is_noticed() {
    let wrong = wrong::restore_beside_stale_sidecars;
    wrong_restore(7, Start::WalFrames, Job::Planted("rename, stale sidecars", wrong));
}

#[test]
fn mistake_8_sidecars_removed_before_the_rename_are_noticed() {
    let wrong = wrong::restore_after_removing_sidecars;
    wrong_restore(8, Start::WalFrames, Job::Planted("sidecars removed, rename", wrong));
}

#[test]
fn mistake_9_sidecars_removed_after_the_rename_are_noticed() {
    let wrong = wrong::restore_before_removing_sidecars;
    wrong_restore(9, Start::WalFrames, Job::Planted("rename, sidecars removed", wrong));
}

/// Another program's row.
fn slip_in(disk: &Disk) -> rusqlite::Result<()> {
    database::open(disk, DATABASE)?.execute_batch("INSERT INTO audit VALUES ('slipped in')")
}

/// The backup that the history names holds every row that the database has, except our own.
fn nothing_slipped_in(disk: &Disk) -> Result<(), String> {
    let found = database::read(disk, DATABASE)?;
    let backup = found.backup.ok_or("no backup is named")?;
    let rows = |path: &str| -> rusqlite::Result<u32> {
        let sql = "SELECT count(*) FROM audit WHERE what <> 'phase two'";
        database::open(disk, path)?.query_row(sql, [], |row| row.get(0))
    };
    let failed = |error: rusqlite::Error| error.to_string();
    let (before, after) = (rows(&backup).map_err(failed)?, rows(DATABASE).map_err(failed)?);
    if before == after { Ok(()) } else { Err(format!("{before} rows became {after}")) }
}

#[test]
fn mistake_10_a_backup_outside_the_lock_is_noticed() {
    let disk = Disk::new("mistake-10");
    for start in Start::ALL {
        let scene = Scene::new(&disk, start, SESSIONS);
        disk.load(&scene.image);
        let mut meanwhile = || slip_in(&disk).unwrap();
        wrong::migrate_after_a_backup_without_lock(&disk, &mut meanwhile).unwrap();
        let error = nothing_slipped_in(&disk).unwrap_err();
        assert!(error.contains("rows became"), "{start:?}: {error}");
    }
}

#[test]
fn nothing_slips_in_between_backup_and_migration() {
    for disk in [Disk::new("slips"), Disk::of_large_files("slips-large")] {
        nothing_slips_in_on(&disk);
    }
}

fn nothing_slips_in_on(disk: &Disk) {
    for start in Start::ALL {
        let scene = Scene::new(disk, start, SESSIONS);
        let (project, request) = (project(disk, &scene.chain), to_head());
        // Without a question the lock comes first: the other program has to wait.
        disk.load(&scene.image);
        let look = Migration::prepare(&project, &request).unwrap();
        let mut refused = 0;
        let mut observer = |event: &Event| {
            if matches!(event, Event::BackupVerified { .. }) {
                refused += usize::from(slip_in(disk).is_err());
            }
        };
        migrate_now(&project, &request, look, &mut observer)
            .map_err(explain)
            .unwrap()
            .report()
            .unwrap();
        assert_eq!(refused, 1, "{start:?}");
        nothing_slipped_in(disk).unwrap();
        // With a question there is no lock: what came in since is in a second backup.
        disk.load(&scene.image);
        let Preparation::Ready(migration) = Migration::prepare(&project, &request).unwrap() else {
            panic!("there is nothing to do")
        };
        let secured = migration.secure(&mut Silent).unwrap();
        slip_in(disk).unwrap();
        secured.run(&mut Silent, &mut Hooks::default()).map_err(explain).unwrap();
        nothing_slipped_in(disk).unwrap();
    }
}

fn explain(error: Error) -> String {
    words(&error)
}

#[test]
fn mistake_11_a_live_file_read_by_an_own_handle_is_noticed() {
    let disk = Disk::new("mistake-11");
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    let expected = Expected::learn(&disk, &scene.image, &Job::Backup);
    disk.load(&scene.image);
    let wrong = Job::Planted("a handle of our own", wrong::read_the_live_file);
    let error = finish(&disk, &wrong, &expected).unwrap_err();
    assert!(error.contains("ordinary handle"), "{error}");
}

#[test]
fn mistake_12_foreign_keys_left_on_are_noticed() {
    let disk = Disk::new("mistake-12");
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    let right = Job::Planted("by hand", wrong::rebuild_by_hand);
    let expected = Expected::learn(&disk, &scene.image, &right);
    disk.load(&scene.image);
    let wrong = Job::Planted("with foreign keys on", wrong::rebuild_with_foreign_keys_on);
    let error = finish(&disk, &wrong, &expected).unwrap_err();
    assert!(error.contains("a third state"), "{error}");
}

#[test]
fn mistake_13_one_flipped_byte_in_a_backup_is_noticed() {
    let disk = Disk::new("mistake-13");
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    let expected = Expected::learn(&disk, &scene.image, &Job::Backup);
    disk.load(&scene.image);
    let wrong = Job::Planted("one flipped byte", wrong::back_up_with_a_flipped_byte);
    let error = finish(&disk, &wrong, &expected).unwrap_err();
    assert!(error.contains("not what the database held"), "{error}");
}

#[test]
fn the_engine_notices_every_flipped_byte_of_a_backup() {
    let disk = Disk::new("flips");
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    let (scene, backup) = scene.with_older_backup(&disk, SESSIONS);
    let Content::File(bytes) = &scene.image[&backup] else { panic!("no backup") };
    let mut tally = Tally::new("one-byte flips of a backup");
    for place in 0..bytes.len() {
        disk.load(&scene.image);
        disk.state().write_unrecorded(&backup, place, bytes[place] ^ (1 << (place % 8)));
        let entry = BackupEntry::at(&disk, Path::new(&backup)).unwrap();
        let noticed = verify(&entry, &options(&disk), &mut Silent).is_err();
        let outcome =
            if noticed { Ok(support::lab::verdict::Which::Old) } else { Err("passed".into()) };
        tally.count(|| format!("byte {place}"), outcome);
    }
    tally.expect_green();
}
