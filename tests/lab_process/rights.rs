//! What may not be written: found before anything is done, and said in words. The program runs as a
//! user without rights of its own, because nothing is read-only to root.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use crate::place::{Job, Place, Start};
use crate::space::lasting;

/// The user `nobody`, and its group.
const NOBODY: u32 = 65_534;

/// A project that belongs to the user who runs the program.
struct Owned {
    place: Place,
    folder: PathBuf,
}

impl Owned {
    fn new(job: Job, start: Start) -> Self {
        let place = Place::with(Place::FEW, job, start);
        let folder = place.fresh();
        std::fs::create_dir(folder.join("kept")).unwrap();
        if is_root() {
            set_mode(&place.aside(""), 0o755);
            for entry in walkdir::WalkDir::new(&folder) {
                chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
            }
            // The folder where it was built may be closed to others.
            std::fs::copy(Place::program(), place.aside("phaseshift")).unwrap();
        }
        Self { place, folder }
    }

    fn run(&self, more: &[&str]) -> Output {
        let mut command = self.place.command(&self.folder);
        if is_root() {
            let program = self.place.aside("phaseshift");
            command = self.place.command_of(&program, &self.folder);
            command.uid(NOBODY).gid(NOBODY);
        }
        command.args(more);
        // A test beside this one may have forked while the program was copied, and hold it open until it runs one
        // of its own.
        let started = Instant::now();
        loop {
            match command.output() {
                Err(error)
                    if error.kind() == ErrorKind::ExecutableFileBusy
                        && started.elapsed() < Duration::from_secs(10) =>
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                said => return said.unwrap(),
            }
        }
    }
}

fn is_root() -> bool {
    // SAFETY: it only returns a number.
    #[expect(unsafe_code, reason = "there is no safe form in the standard library")]
    unsafe {
        libc::geteuid() == 0
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What may not be written or read in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    File,
    Folder,
    Backups,
    Unreadable,
}

impl Closed {
    const ALL: [Self; 4] = [Self::File, Self::Folder, Self::Backups, Self::Unreadable];

    fn close(self, folder: &Path) {
        match self {
            Self::File => set_mode(&folder.join("fits.db"), 0o444),
            Self::Folder => set_mode(folder, 0o555),
            Self::Backups => {
                set_mode(&folder.join("kept"), 0o555);
                if folder.join("backups").exists() {
                    set_mode(&folder.join("backups"), 0o555);
                }
            }
            Self::Unreadable => set_mode(&folder.join("fits.db"), 0),
        }
    }
}

#[test]
fn what_may_not_be_written_is_found_before_anything_is_done() {
    for closed in Closed::ALL {
        for job in [Job::Migrate, Job::InPlace, Job::Restore] {
            for start in [Start::Clean, Start::CleanWal] {
                refused(closed, job, start);
            }
        }
    }
}

/// A restore once kept the present state, and only then found that it may not write.
fn refused(closed: Closed, job: Job, start: Start) {
    let what = format!("{closed:?}, {job:?}, {start:?}");
    let owned = Owned::new(job, start);
    let before = lasting(&owned.folder);
    let kept = owned.folder.join("kept").display().to_string();
    closed.close(&owned.folder);
    let elsewhere = closed == Closed::Backups && job != Job::Restore;
    let more = ["--backup-dir", &kept];
    let output = owned.run(if elsewhere { &more } else { &[] });
    set_mode(&owned.folder, 0o755);
    set_mode(&owned.folder.join("fits.db"), 0o644);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = &document["error"];
    // Before it begins; as a backup that cannot be made; as a restore that cannot be done.
    let codes: &[i32] = match (closed, job) {
        (_, Job::Restore) => &[1, 4, 7, 8],
        (Closed::Backups, _) => &[4, 7],
        (Closed::Unreadable, _) => &[1, 4],
        _ => &[4],
    };
    assert!(output.status.code().is_some_and(|it| codes.contains(&it)), "{what}: {error}");
    assert_eq!(error["database_state"], "unchanged", "{what}: {error}");
    let words = format!("{} {}", error["message"], error["causes"]).to_lowercase();
    let clear = ["cannot be written", "readonly", "permission denied", "unable to open"];
    assert!(clear.iter().any(|it| words.contains(it)), "{what}: {words}");
    assert_eq!(names(&lasting(&owned.folder)), names(&before), "{what}");
    assert!(lasting(&owned.folder) == before, "{what}: bytes changed");
}

fn names(files: &[(PathBuf, Vec<u8>)]) -> Vec<&PathBuf> {
    files.iter().map(|(path, _)| path).collect()
}
