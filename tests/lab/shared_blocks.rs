//! Backups that share the blocks of their database: when, and that every wrong one is noticed.

use std::path::Path;

use phaseshift::backup::{BackupEntry, BackupLabel, BackupRequest, create, list};
use phaseshift::database::{Access, Database};
use phaseshift::event::Silent;
use phaseshift::files::Files as _;
use phaseshift::{ErrorKind, Result};

use crate::wrong;
use support::lab::database;
use support::lab::disk::{Content, Deaf, Disk, Failure, Fault, Image, Lasting, Sharing};
use support::lab::jobs::Job;
use support::lab::power_sweep::{Planted, PowerSweep, finish};
use support::lab::scene::{BACKUPS, DATABASE, Scene, Start, options};
use support::lab::tally::long;
use support::lab::verdict::Expected;

const SESSIONS: u32 = 16;
const OLDER: &str = "/lab/older";

fn back_up(disk: &Disk) -> Result<BackupEntry> {
    // A program left a journal that must be rolled back, hence for writing.
    let source = Database::open(Path::new(DATABASE), Access::Write, &options(disk))?;
    let label = BackupLabel::Named("manual".into());
    let request = BackupRequest { folder: Path::new(BACKUPS), label, phase: None, version: None };
    let made = create(&source, &request, &mut Silent)?.into_entry()?;
    source.close()?;
    Ok(made)
}

/// Makes a backup that is what the database is, and tells whether it shares blocks.
fn shares(disk: &Disk, image: &Image) -> bool {
    disk.load(image);
    let held = database::read(disk, DATABASE).unwrap().digest;
    disk.load(image);
    let made = back_up(disk).unwrap();
    assert!(made.is_verified());
    assert_eq!(disk.state().lost_locks, Vec::<String>::new());
    let kept = database::read(disk, made.path.to_str().unwrap()).unwrap();
    assert_eq!(kept.digest, held);
    assert!(!kept.wal);
    made.manifest.unwrap().shares_blocks
}

/// Tells whether the backup of a migration, which is made under the write lock, shares blocks.
fn migration_shares(disk: &Disk, scene: &Scene) -> bool {
    disk.load(&scene.image);
    Job::Migrate(scene.chain.clone().into()).run(disk).unwrap();
    assert_eq!(disk.state().lost_locks, Vec::<String>::new());
    let made = list(disk, Path::new(BACKUPS), Path::new(DATABASE)).unwrap().remove(0);
    made.manifest.unwrap().shares_blocks
}

#[test]
fn blocks_are_shared_only_if_the_file_by_itself_is_the_database() {
    let disk = Disk::sharing_blocks("shared-starts", Sharing::Yes);
    let found = Start::ALL.map(|start| shares(&disk, &Scene::new(&disk, start, SESSIONS).image));
    // A journal that is rolled back first is gone; rows in a WAL are not in the file.
    assert_eq!(found, [true, true, false, true]);
    let none = Disk::new("shared-not");
    assert!(!shares(&none, &Scene::new(&none, Start::Clean, SESSIONS).image));
}

#[test]
fn a_file_whose_size_is_not_what_its_header_states_is_copied_page_by_page() {
    let disk = Disk::sharing_blocks("shared-header", Sharing::Yes);
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut image = scene.image.clone();
        let Some(Content::File(bytes)) = image.get_mut(DATABASE) else { panic!("no database") };
        change(std::sync::Arc::make_mut(bytes));
        shares(&disk, &image)
    };
    assert!(changed(|_| {}));
    assert!(!changed(|bytes| bytes.extend([7; 100])), "what follows the last page");
    assert!(!changed(|bytes| bytes[95] ^= 1), "the second counter of a program of before 2010");
}

#[test]
fn where_blocks_cannot_be_shared_pages_are_copied() {
    let disk = Disk::sharing_blocks("shared-fails", Sharing::Yes);
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    let mut copied = 0;
    for at in 1.. {
        disk.load(&scene.image);
        disk.fail(Fault { at, lasting: Lasting::Once, failure: Failure::Broken });
        let made = back_up(&disk);
        if disk.repair().is_none() {
            break;
        }
        copied += usize::from(made.is_ok_and(|it| !it.manifest.unwrap().shares_blocks));
    }
    assert_eq!(copied, 1, "only the failure of the sharing itself lets a backup go on");
}

#[test]
fn a_flipped_bit_and_an_older_state_in_shared_blocks_are_noticed() {
    for (name, sharing) in [("flip", Sharing::Flipped), ("older", Sharing::Other(OLDER))] {
        let disk = Disk::sharing_blocks(&format!("shared-{name}"), sharing);
        for start in [Start::Clean, Start::CleanWal] {
            disk.load(&Scene::new(&disk, start, SESSIONS).image);
            disk.copy(Path::new(DATABASE), Path::new(OLDER)).unwrap();
            let connection = database::open(&disk, DATABASE).unwrap();
            connection.execute_batch("INSERT INTO audit VALUES ('later')").unwrap();
            connection.close().unwrap();
            let error = back_up(&disk).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Backup, "{name} {start:?}: {error}");
            let left = disk.image();
            let left: Vec<_> = left.keys().filter(|it| it.starts_with(BACKUPS)).collect();
            assert_eq!(left, [BACKUPS], "{name} {start:?}");
        }
    }
}

#[test]
fn mistake_14_blocks_shared_while_rows_wait_in_the_wal_are_noticed() {
    let disk = Disk::sharing_blocks("mistake-14", Sharing::Yes);
    let scene = Scene::new(&disk, Start::WalFrames, SESSIONS);
    let expected = Expected::learn(&disk, &scene.image, &Job::Backup);
    disk.load(&scene.image);
    let wrong = Job::Planted("the file without its WAL", wrong::back_up_without_the_wal);
    let error = finish(&disk, &wrong, &expected).unwrap_err();
    assert!(error.contains("not what the database held"), "{error}");
}

#[test]
fn mistake_15_shared_blocks_that_are_not_synced_are_noticed() {
    let disk = Disk::sharing_blocks("mistake-15", Sharing::Yes);
    let scene = Scene::new(&disk, Start::Clean, SESSIONS);
    let planted = Planted::Deaf(Deaf::Sync);
    PowerSweep { disk: &disk, scene: &scene, job: &Job::Backup, variants: 12, planted }
        .run()
        .expect_red("backups/");
}

/// The backup is killed and cut between the sharing and its name, too.
#[test]
fn a_power_cut_in_a_run_whose_backup_shares_blocks_leaves_old_or_new_and_a_backup() {
    let disk = Disk::sharing_blocks("shared-power", Sharing::Yes);
    let variants = if long() { 40 } else { 1 };
    for start in [Start::Clean, Start::CleanWal] {
        let scene = Scene::new(&disk, start, SESSIONS);
        assert!(shares(&disk, &scene.image));
        assert!(migration_shares(&disk, &scene), "{start:?}");
        for job in [Job::Backup, Job::Migrate(scene.chain.clone().into())] {
            let (scene, job, planted) = (&scene, &job, Planted::Nothing);
            PowerSweep { disk: &disk, scene, job, variants, planted }.run().expect_green();
        }
    }
}
