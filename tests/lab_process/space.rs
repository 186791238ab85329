//! Full disks and limits on the size of files.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{Job, Place, Start};
use crate::tally::{Tally, long, skip};
use crate::verdict::Expected;

/// A small file system in memory; it goes away when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path, kilobytes: u64) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let size = format!("size={kilobytes}k");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &size, "lab"]).arg(path);
        let mounted = command.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(path.to_path_buf()))
    }
}

impl SmallDisk {
    fn make_read_only(&self) -> bool {
        let mut command = Command::new("mount");
        command.args(["-o", "remount,ro"]).arg(&self.0);
        command.output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).output());
    }
}

fn kilobytes_of(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in walkdir::WalkDir::new(folder) {
        let metadata = entry.unwrap().metadata().unwrap();
        bytes += metadata.len().next_multiple_of(4_096);
    }
    bytes / 1_024
}

/// What is tried with little room: in the short form what writes most.
fn configurations() -> Vec<(Job, Start)> {
    let jobs: &[Job] = if long() {
        &[Job::Migrate, Job::InPlace, Job::Backup, Job::Restore]
    } else {
        &[Job::Migrate]
    };
    let starts: &[Start] = if long() { &Start::ALL } else { &[Start::Clean, Start::WalFrames] };
    jobs.iter().flat_map(|job| starts.iter().map(|start| (*job, *start))).collect()
}

#[test]
fn a_full_disk_of_any_size_leaves_old_or_new() {
    for (job, start) in configurations() {
        let place = Place::with(Place::MANY, job, start);
        let expected = Expected::learn(&place);
        let needed = kilobytes_of(&place.fresh());
        let mut tally = Tally::new(format!("full disk, {job:?}, {start:?}"));
        let step = if long() { 4 } else { 64 };
        for kilobytes in (needed + 8..needed * 5).step_by(step) {
            let mountpoint = place.aside("disk");
            let Some(disk) = SmallDisk::mount(&mountpoint, kilobytes) else {
                return skip("mounting a small tmpfs");
            };
            let folder = disk.0.join("case");
            place.fresh_at(&folder);
            let output = place.run(&folder);
            // The judge needs room, too: a journal is rolled back, a WAL gets its index.
            let copy = place.aside("copy");
            if copy.exists() {
                std::fs::remove_dir_all(&copy).unwrap();
            }
            let copied = Command::new("cp").arg("-a").args([&folder, &copy]).status().unwrap();
            assert!(copied.success());
            let outcome = expected.judge_copy(&folder, &copy, &output);
            tally.count(&format!("{kilobytes} KiB"), outcome);
        }
        tally.expect_green();
    }
}

#[test]
fn a_limit_on_the_size_of_files_ends_nothing_half_way() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        return skip("prlimit");
    }
    for (job, start) in configurations() {
        let place = Place::with(Place::LARGER_THAN_TEMPORARY_FILES, job, start);
        let expected = Expected::learn(&place);
        let folder = place.fresh();
        let before = largest_in(&folder);
        assert!(place.run(&folder).status.success());
        let largest = before.max(largest_in(&folder));
        let mut tally = Tally::new(format!("limited file size, {job:?}, {start:?}"));
        let mut signals = 0;
        let step = if long() { 1_024 } else { 16_384 };
        // A journal holds a little more than the pages; the last limit is none.
        let limits = (TEMPORARY - 8_192..largest + largest / 8).step_by(step);
        for bytes in [0, TEMPORARY / 4].into_iter().chain(limits).chain([largest * 2]) {
            let folder = place.fresh();
            let limit = vec![format!("--fsize={bytes}")];
            let output = place.command_under(&folder, "prlimit", &limit).output().unwrap();
            signals += usize::from(output.status.code().is_none());
            tally.count(&format!("{bytes} bytes"), expected.judge(&folder, &output));
        }
        tally.expect_green();
        // Once every limit was too small for the first thing that is written, so that nothing was tried.
        assert!(job == Job::Backup || tally.met_both(), "{job:?}, {start:?}: no limit was enough");
        assert_eq!(signals, 0, "SIGXFSZ ended the program");
    }
}

/// How much the program writes to the folder for temporary files, to see whether it takes any: with a lower limit it
/// refuses to begin.
const TEMPORARY: u64 = 256 * 1_024;

/// The size of the largest file of a project, in bytes.
fn largest_in(folder: &Path) -> u64 {
    let sizes = walkdir::WalkDir::new(folder).into_iter().map(|it| it.unwrap().metadata().unwrap());
    sizes.filter(std::fs::Metadata::is_file).map(|it| it.len()).max().unwrap_or_default()
}

/// Everything in a folder, byte for byte.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<(PathBuf, Vec<u8>)> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn read_only_media_are_refused_in_words_that_say_so() {
    for job in [Job::Migrate, Job::Backup, Job::Restore] {
        for start in Start::ALL {
            let what = format!("{job:?}, {start:?}");
            let place = Place::new(job, start);
            let mountpoint = place.aside("media");
            let Some(disk) = SmallDisk::mount(&mountpoint, 8_192) else {
                return skip("mounting a small tmpfs");
            };
            let folder = disk.0.join("case");
            place.fresh_at(&folder);
            let before = everything(&folder);
            assert!(disk.make_read_only(), "{what}");
            let output = place.run(&folder);
            let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let error = &document["error"];
            // Refused before it began, or as a backup or a restore that could not be made.
            let codes: &[i32] = match job {
                Job::Migrate | Job::InPlace | Job::Optimize | Job::Preflight => &[4],
                Job::Backup => &[4, 7],
                Job::Restore => &[7, 8],
            };
            assert!(output.status.code().is_some_and(|it| codes.contains(&it)), "{what}: {error}");
            assert_eq!(error["database_state"], "unchanged", "{what}");
            let words = format!("{} {}", error["message"], error["causes"]).to_lowercase();
            let clear = ["cannot be written", "read-only file system", "must be rolled back first"];
            assert!(clear.iter().any(|it| words.contains(it)), "{what}: {words}");
            assert_eq!(everything(&folder), before, "{what}");
        }
    }
}

/// It was said that there is too little space, and that it is 0 MiB.
#[test]
fn a_read_only_folder_for_backups_is_said_to_be_read_only() {
    for start in [Start::Clean, Start::WalFrames] {
        let place = Place::new(Job::Migrate, start);
        let folder = place.fresh();
        let Some(disk) = SmallDisk::mount(&place.aside("backups"), 8_192) else {
            return skip("mounting a small tmpfs");
        };
        assert!(disk.make_read_only(), "{start:?}");
        let before = lasting(&folder);
        let mut command = place.command(&folder);
        let output = command.arg("--backup-dir").arg(&disk.0).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(4), "{document}");
        let error = &document["error"];
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("backups cannot be written"), "{message}");
        assert!(message.contains("read-only file system"), "{message}");
        assert!(error["next"][0].as_str().unwrap().contains("--backup-dir"), "{error}");
        assert_eq!(lasting(&folder), before);
    }
}

/// Everything but an empty WAL and its index, which whoever reads makes anew.
pub fn lasting(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = everything(folder);
    files.retain(|(path, bytes)| {
        let name = path.to_string_lossy();
        !name.ends_with("-shm") && (!name.ends_with("-wal") || !bytes.is_empty())
    });
    files
}

#[test]
fn a_full_folder_for_temporary_files_is_found_before_anything_is_done() {
    let place = Place::new(Job::Migrate, Start::Clean);
    let folder = place.fresh();
    let Some(small) = SmallDisk::mount(&place.aside("temporary"), 64) else {
        return skip("mounting a small tmpfs");
    };
    let before = everything(&folder);
    let run = |temporary: &Path| {
        let mut command = place.command(&folder);
        command.env("SQLITE_TMPDIR", temporary).output().unwrap()
    };
    let output = run(&small.0);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{document}");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.contains("temporary files") && message.contains("SQLITE_TMPDIR"), "{message}");
    assert_eq!(everything(&folder), before);
    // The advice helps.
    assert!(run(place.aside("").as_path()).status.success());
}

#[test]
fn a_second_name_of_the_file_is_pointed_out() {
    let place = Place::new(Job::Migrate, Start::Clean);
    let folder = place.fresh();
    std::fs::hard_link(folder.join("fits.db"), folder.join("second.db")).unwrap();
    let output = place.command_in(&folder, Job::Preflight).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let notices = document["phases"][0]["notices"].to_string();
    assert!(notices.contains("2 names (hard links)"), "{document}");
    assert!(place.run(&folder).status.success());
    // It stays one file, and the migration is seen under both names.
    let names = "SELECT count(*) FROM sqlite_schema WHERE name = 'imaging_sessions'";
    for name in ["fits.db", "second.db"] {
        let connection = crate::verdict::open(&folder.join(name)).unwrap();
        let found: i64 = connection.query_row(names, [], |row| row.get(0)).unwrap();
        assert_eq!(found, 1, "{name}");
    }
}
