//! What the lab found wrong once, each as a small test of its own.

use std::path::Path;

use phaseshift::backup::{BackupLabel, BackupRequest, Checked, create_checked};
use phaseshift::database::{Access, Database};
use phaseshift::event::Silent;
use phaseshift::files::Files as _;
use phaseshift::{DatabaseState, ErrorKind};

use support::lab::database;
use support::lab::disk::{Disk, Failure, Fault, Lasting};
use support::lab::jobs::Job;
use support::lab::power_sweep::finish;
use support::lab::scene::{BACKUPS, DATABASE, Scene, Start, options};
use support::lab::verdict::Expected;

#[test]
fn a_copy_left_by_a_killed_run_of_our_process_id_stopped_every_later_restore() {
    let disk = Disk::new("regression-part");
    let scene = Scene::new(&disk, Start::Clean, 5).with_ruined_header();
    let (scene, backup) = scene.with_older_backup(&disk, 3);
    let job = Job::Restore(backup);
    let expected = Expected::learn(&disk, &scene.image, &job);
    disk.load(&scene.image);
    let names = ["fits.db", "fits_before_restore_20241027_023000.db"];
    for name in names {
        let part = format!("/lab/{name}.{}.part", std::process::id());
        disk.create(Path::new(&part), b"half a copy", 0o600).unwrap();
    }
    finish(&disk, &job, &expected).unwrap();
}

#[test]
fn a_backup_stayed_in_wal_mode_when_the_switch_failed_silently() {
    let disk = Disk::new("regression-wal-flag");
    let scene = Scene::new(&disk, Start::CleanWal, 5);
    disk.load(&scene.image);
    Job::Backup.run(&disk).unwrap();
    let operations = disk.state().operations;
    // Whatever fails, the switch among it: a backup that has its name is not in WAL mode.
    for at in 1..=operations {
        disk.load(&scene.image);
        disk.fail(Fault { at, lasting: Lasting::Once, failure: Failure::Broken });
        drop(Job::Backup.run(&disk));
        disk.repair();
        let image = disk.image();
        for path in image.keys().filter(|path| path.ends_with(".db") && path.contains("backups")) {
            assert!(!database::read(&disk, path).unwrap().wal, "operation {at}");
        }
    }
}

#[test]
fn a_look_at_a_hot_journal_said_that_the_file_cannot_be_written() {
    let disk = Disk::new("regression-hot");
    let scene = Scene::new(&disk, Start::HotJournal, 24);
    disk.load(&scene.image);
    let path = Path::new(DATABASE);
    let error = Database::open(path, Access::ReadOnly, &options(&disk)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(error.to_string().contains("a crashed program left a journal"), "{error}");
    assert_eq!(disk.image(), scene.image, "a look changes nothing");
}

#[test]
fn a_disk_that_was_full_at_the_commit_left_the_outcome_unknown_to_the_person() {
    let disk = Disk::new("regression-commit");
    let scene = Scene::new(&disk, Start::Clean, 5);
    let job = Job::Migrate(scene.chain.clone().into());
    for at in 1.. {
        disk.load(&scene.image);
        disk.fail(Fault { at, lasting: Lasting::Once, failure: Failure::Full });
        let result = job.run(&disk);
        if disk.repair().is_none() {
            break;
        }
        let state = result.unwrap_err().state();
        assert_ne!(state, DatabaseState::Unknown, "operation {at}");
    }
}

#[test]
fn a_restore_that_was_done_was_said_to_have_failed_when_its_comparison_met_an_error() {
    let disk = Disk::new("regression-compare");
    let scene = Scene::new(&disk, Start::Clean, 5);
    let (scene, backup) = scene.with_older_backup(&disk, 3);
    let job = Job::Restore(backup);
    disk.load(&scene.image);
    job.run(&disk).unwrap();
    let operations = disk.state().operations;
    // The comparison comes last.
    for at in operations * 2 / 3..=operations {
        disk.load(&scene.image);
        disk.fail(Fault { at, lasting: Lasting::Once, failure: Failure::Broken });
        if let Err(error) = job.run(&disk) {
            assert_ne!(error.state(), DatabaseState::Unknown, "operation {at}: {error}");
        }
    }
}

#[test]
fn a_sound_file_was_moved_aside_because_one_read_failed() {
    let disk = Disk::new("regression-aside");
    let scene = Scene::new(&disk, Start::Clean, 5);
    let (scene, backup) = scene.with_older_backup(&disk, 3);
    let job = Job::Restore(backup);
    for at in 1.. {
        disk.load(&scene.image);
        disk.fail(Fault { at, lasting: Lasting::Once, failure: Failure::Broken });
        drop(job.run(&disk));
        if disk.repair().is_none() {
            break;
        }
        let image = disk.image();
        let aside = image.keys().find(|path| path.starts_with("/lab/fits_before_restore"));
        assert_eq!(aside, None, "operation {at}");
    }
}

#[test]
fn an_error_in_the_check_beside_removed_a_backup_that_was_promised() {
    let disk = Disk::new("regression-beside");
    let scene = Scene::new(&disk, Start::Clean, 24);
    let label = BackupLabel::Before("phase".into());
    let request = BackupRequest { folder: Path::new(BACKUPS), label, phase: None, version: None };
    let mut failed = 0;
    for at in 1.. {
        disk.load(&scene.image);
        let source =
            Database::open(Path::new(DATABASE), Access::ReadOnly, &options(&disk)).unwrap();
        let made = create_checked(&source, &request, Checked::BackgroundCheck, &mut Silent);
        let mut backup = made.unwrap();
        let promised = disk.image();
        disk.fail(Fault { at, lasting: Lasting::ForEver, failure: Failure::Broken });
        let settled = backup.await_check();
        let met = disk.repair();
        drop(backup);
        assert_eq!(disk.image(), promised, "operation {at}");
        match (met, settled) {
            (None, settled) => {
                settled.unwrap();
                break;
            }
            // What a failed look at a sidecar or an unlock means is SQLite's own business.
            (Some(_), Ok(())) => {}
            (Some(_), Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::Backup, "operation {at}: {error}");
                failed += 1;
            }
        }
    }
    assert!(failed > 5, "{failed} errors were met");
}
