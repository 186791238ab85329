//! A ruined file is replaced without a moment in which its path names nothing.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use super::project;
use support::trace::{Call, Fault, Run, is_possible, run};
use support::{Other, Output, Project, sqlite3, try_sqlite3, with_ending};

/// How a file is ruined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ruin {
    /// Its header, and it has a WAL with frames that a program left.
    HeaderWithWal,
    /// All of it, with a journal beside it.
    GarbageWithJournal,
    /// It is cut off in its first page.
    Truncated,
}

const RUINS: [Ruin; 3] = [Ruin::HeaderWithWal, Ruin::GarbageWithJournal, Ruin::Truncated];

/// A project with a backup of a file that was ruined since.
fn ruined(how: Ruin) -> (Project, Vec<u8>) {
    let project = project();
    let database = project.database();
    if how == Ruin::HeaderWithWal {
        sqlite3(&database, "PRAGMA journal_mode=WAL");
    }
    project.run(&["backup"]).expect_code(0);
    match how {
        Ruin::HeaderWithWal => {
            let mut other = Other::start(&database);
            other.say("PRAGMA wal_autocheckpoint=0");
            other.say("DELETE FROM sessions");
            other.kill();
            assert!(std::fs::metadata(with_ending(&database, "-wal")).unwrap().len() > 0);
            let mut file = std::fs::OpenOptions::new().write(true).open(&database).unwrap();
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(&[7; 100]).unwrap();
        }
        Ruin::GarbageWithJournal => {
            sqlite3(&database, "PRAGMA journal_mode=PERSIST; DELETE FROM sessions");
            assert!(with_ending(&database, "-journal").exists());
            std::fs::write(&database, [3; 20_000]).unwrap();
        }
        Ruin::Truncated => {
            let bytes = std::fs::read(&database).unwrap();
            std::fs::write(&database, &bytes[..70]).unwrap();
        }
    }
    let old = std::fs::read(&database).unwrap();
    (project, old)
}

fn restore(project: &Project, fault: Fault) -> Run {
    let mut command = project.command();
    command.args(["-d", "fits_catalog.db", "--phases"]).arg(project.phases());
    run(
        {
            command.args(["restore", "--latest", "--yes"]);
            command
        },
        fault,
    )
    .unwrap()
}

/// The files of the folder that are kept copies of the ruined one.
fn kept(project: &Project, old: &[u8]) -> Vec<PathBuf> {
    let names = std::fs::read_dir(project.folder()).unwrap().map(|it| it.unwrap().path());
    names
        .filter(|path| path.to_string_lossy().contains("_before_restore_") && path.is_file())
        .filter(|path| std::fs::read(path).unwrap() == old)
        .collect()
}

/// Says whether the path names the old file or the new one; anything else fails.
#[track_caller]
fn is_new(project: &Project, old: &[u8], place: &str) -> bool {
    let found = std::fs::read(project.database());
    let found = found.unwrap_or_else(|error| panic!("{place}: the path names nothing: {error}"));
    if found == old {
        return false;
    }
    assert_restored(project, place);
    true
}

#[track_caller]
fn assert_restored(project: &Project, place: &str) {
    let copy = project.copy_database("look.db");
    let rows = try_sqlite3(
        &copy,
        "PRAGMA integrity_check; SELECT count(*), count(DISTINCT name) FROM sessions",
    );
    assert_eq!(rows.as_deref(), Ok("ok\n200|200"), "{place}");
    for end in ["", "-wal", "-journal", "-shm"] {
        let _ = std::fs::remove_file(with_ending(&copy, end));
    }
}

const CALLS: [(Call, &str); 5] = [
    (libc::SYS_rename, "rename"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_linkat, "linkat"),
    (libc::SYS_link, "link"),
    (libc::SYS_unlink, "unlink"),
];

#[test]
fn killed_before_any_change_of_a_name_the_path_named_nothing() {
    if !is_possible() {
        return;
    }
    for how in RUINS {
        let mut kills = 0;
        for (call, name) in CALLS {
            for number in 1.. {
                let (project, old) = ruined(how);
                let place = format!("{how:?}, killed before {name} {number}");
                let killed = restore(&project, Fault::KillBefore { call, number });
                if !killed.happened {
                    assert!(killed.output.status.success(), "{place}");
                    break;
                }
                kills += 1;
                if is_new(&project, &old, &place) {
                    assert_eq!(kept(&project, &old).len(), 1, "{place}");
                }
                let again = project.run(&["restore", "--latest", "--yes"]).expect_code(0);
                assert!(again.stdout.contains("RESTORE COMPLETE!"), "{place}");
                assert_restored(&project, &place);
                assert!(!kept(&project, &old).is_empty(), "{place}: the ruined file is lost");
            }
        }
        assert!(kills >= 2, "{how:?}: {kills}");
    }
}

#[test]
fn where_names_cannot_be_linked_the_ruined_file_is_kept_as_a_copy() {
    if !is_possible() {
        return;
    }
    for how in RUINS {
        for error in [libc::EPERM, libc::EOPNOTSUPP, libc::EMLINK] {
            let (project, old) = ruined(how);
            let fault = Fault::Fail { call: libc::SYS_linkat, number: 1, error, for_ever: true };
            let done = restore(&project, fault);
            let said = String::from_utf8_lossy(&done.output.stderr);
            assert!(done.output.status.success(), "{how:?} {error}: {said}");
            assert!(done.happened, "{how:?} {error}");
            assert!(is_new(&project, &old, "copied"));
            assert_eq!(kept(&project, &old).len(), 1, "{how:?}");
        }
    }
}

#[test]
fn where_names_may_replace_each_other_a_killed_restore_left_two_names_and_every_rerun_refused() {
    if !is_possible() {
        return;
    }
    for how in RUINS {
        // The file system has no RENAME_NOREPLACE.
        let (project, old) = ruined(how);
        let fault = Fault::Fail {
            call: libc::SYS_renameat2,
            number: 1,
            error: libc::EINVAL,
            for_ever: true,
        };
        assert!(restore(&project, fault).output.status.success(), "{how:?}");
        assert!(is_new(&project, &old, "without RENAME_NOREPLACE"));
        // What a kill between the second name and the end leaves.
        for names in 1..3 {
            let (project, old) = ruined(how);
            for number in 0..names {
                let other = format!("fits_catalog_before_restore_20240101_00000{number}.db");
                std::fs::hard_link(project.database(), project.path(&other)).unwrap();
            }
            project.run(&["restore", "--latest", "--yes"]).expect_code(0);
            assert!(is_new(&project, &old, "two names"));
            assert_eq!(kept(&project, &old).len(), names, "{how:?}");
        }
    }
}

#[test]
fn a_name_that_is_not_ours_still_forbids_to_replace_the_file() {
    let (project, old) = ruined(Ruin::Truncated);
    std::fs::hard_link(project.database(), project.path("current.db")).unwrap();
    let ours = "fits_catalog_before_restore_20240101_000000.db";
    std::fs::hard_link(project.database(), project.path(ours)).unwrap();
    let said: Output = project.run(&["restore", "--latest", "--yes"]).expect_code(8);
    assert!(said.stderr.contains("3 names (hard links)"), "{}", said.stderr);
    assert!(!is_new(&project, &old, "refused"));
}
