//! Backups that share blocks with their database, on the real file system. Where the folder for temporary files cannot
//! share blocks, the tests about that say so and end; `scripts/reflink` runs them on XFS and btrfs.

use std::path::Path;
use std::process::Command;

use phaseshift::files::{Files as _, RealFiles};
use support::sample::SampleOptions;

use support::{Other, Project, digest, sqlite3, try_sqlite3};

/// Returns whether the test can be made, and prints why not.
fn can_share(project: &Project) -> bool {
    let can = RealFiles.can_share_blocks(project.root());
    if !can {
        println!("skipped: files in {} cannot share blocks", project.root().display());
    }
    can
}

/// The extents of a file, as the system lists them, and how many of them are shared.
fn extents(file: &Path) -> (usize, usize) {
    let output = Command::new("filefrag").arg("-v").arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbered = |line: &&str| line.trim_start().starts_with(|it: char| it.is_ascii_digit());
    let lines: Vec<&str> = text.lines().filter(numbered).collect();
    (lines.len(), lines.iter().filter(|it| it.contains("shared")).count())
}

#[test]
fn sharing_blocks_drops_no_lock_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (database, copy) = (folder.path().join("file.db"), folder.path().join("copy"));
    sqlite3(&database, "CREATE TABLE t(a)");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
    let others = || try_sqlite3(&database, "BEGIN IMMEDIATE");
    RealFiles.create(&copy, b"", 0o600).unwrap();
    // Whether it succeeds depends on the file system; the file is opened and closed in any case.
    drop(RealFiles.share_blocks(&database, &copy));
    assert!(others().unwrap_err().contains("locked"));
    // An ordinary handle drops it: the test would notice.
    drop(RealFiles.reader(&database).unwrap());
    others().unwrap();
}

#[test]
fn nothing_is_written_into_a_file_that_holds_something() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    RealFiles.create(&from, &[1; 9_000], 0o600).unwrap();
    RealFiles.create(&to, b"kept", 0o600).unwrap();
    RealFiles.share_blocks(&from, &to).unwrap_err();
    assert_eq!(RealFiles.read(&to).unwrap(), b"kept");
}

#[test]
fn a_backup_shares_blocks_says_so_and_is_what_the_database_was() {
    let project = Project::with_catalogue(&SampleOptions::default());
    if !can_share(&project) {
        return;
    }
    let before = project.copy_database("before.db");
    let preflight = project.run(&["preflight"]).expect_code(0).stdout;
    assert!(preflight.contains("the backup shares the blocks of the database"), "{preflight}");
    let upgraded = project.copy_database("upgraded.db");
    let here = upgraded.to_str().unwrap();
    let phases = project.phases();
    let arguments = ["upgrade", "-d", here, "--phases", phases.to_str().unwrap(), "--verbose"];
    let run = project.run_here(&arguments).expect_code(0);
    assert!(format!("{}{}", run.stdout, run.stderr).contains("shares its blocks"), "{run:?}");
    let made = project.run(&["backup"]).expect_code(0);
    assert!(format!("{}{}", made.stdout, made.stderr).contains("shares its blocks"), "{made:?}");
    let backup = project.backups().remove(0);
    let (all, shared) = extents(&backup);
    assert!(all > 0 && shared == all, "{shared} of {all} extents are shared");
    let run = project.run(&["upgrade"]).expect_code(0);
    assert!(run.stderr.is_empty() || !run.stderr.contains("error"), "{run:?}");
    // The database has changed, and the backup has not.
    assert_ne!(digest(&project.database()), digest(&before));
    for backup in project.backups() {
        assert_eq!(digest(&backup), digest(&before), "{}", backup.display());
        assert_eq!(sqlite3(&backup, "PRAGMA integrity_check").trim(), "ok");
    }
    project.run(&["backups", "verify"]).expect_code(0);
    let listed = project.run(&["backups", "--json"]).expect_code(0).json();
    assert_eq!(listed["backups"][0]["shares_blocks"], true);
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(digest(&project.database()), digest(&before));
}

#[test]
fn backups_of_a_run_over_many_files_did_not_share_blocks() {
    let project = Project::with_catalogue(&SampleOptions::default());
    if !can_share(&project) {
        return;
    }
    let database = project.database();
    project.run_here(&["backup", "--all", database.to_str().unwrap(), "--yes"]).expect_code(0);
    let listed = project.run(&["backups", "--json"]).expect_code(0).json();
    assert_eq!(listed["backups"][0]["shares_blocks"], true);
}

#[test]
fn rows_in_the_wal_are_in_the_backup_which_then_shares_nothing() {
    let project = Project::with_catalogue(&SampleOptions::default());
    if !can_share(&project) {
        return;
    }
    sqlite3(&project.database(), "PRAGMA journal_mode=WAL");
    project.run(&["backup", "--name", "empty"]).expect_code(0);
    let mut other = Other::start(&project.database());
    other.say("CREATE TABLE waits(a)");
    other.say("INSERT INTO waits VALUES ('in the WAL')");
    project.run(&["backup", "--name", "waiting"]).expect_code(0);
    let listed = project.run(&["backups", "--json"]).expect_code(0).json();
    let shares = |at: usize| listed["backups"][at]["shares_blocks"].as_bool().unwrap();
    assert_eq!((shares(0), shares(1)), (false, true), "{listed}");
    let newest = Path::new(listed["backups"][0]["file"].as_str().unwrap());
    assert_eq!(sqlite3(newest, "SELECT a FROM waits").trim(), "in the WAL");
    other.kill();
}
