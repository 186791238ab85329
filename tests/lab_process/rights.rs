//! What may not be written: found before anything is done, and said in words. The program runs as a
//! user without rights of its own, because nothing is read-only to root.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::place::{Job, Place, Start, bare};
use crate::space::lasting;
use crate::tally::skip;

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
        }
        command.args(more);
        Self::run_by_user(command)
    }

    /// Runs the program with these words only.
    fn run_words(&self, words: &[&str]) -> Output {
        let program = self.place.aside("phaseshift");
        let program = if is_root() { &program } else { Place::program() };
        let mut command = Command::new(program);
        bare(&mut command, &self.folder);
        command.args(words);
        Self::run_by_user(command)
    }

    fn run_by_user(mut command: Command) -> Output {
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
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
        for job in [Job::Migrate, Job::InPlace, Job::Optimize, Job::Restore] {
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
        (Closed::Unreadable, _) => &[4],
        (_, Job::Restore) => &[4, 7, 8],
        (Closed::Backups, _) => &[4, 7],
        _ => &[4],
    };
    assert!(output.status.code().is_some_and(|it| codes.contains(&it)), "{what}: {error}");
    assert_eq!(error["database_state"], "unchanged", "{what}: {error}");
    let words = format!("{} {}", error["message"], error["causes"]).to_lowercase();
    let clear = ["cannot be written", "readonly", "permission denied"];
    assert!(clear.iter().any(|it| words.contains(it)), "{what}: {words}");
    assert_eq!(names(&lasting(&owned.folder)), names(&before), "{what}");
    assert!(lasting(&owned.folder) == before, "{what}: bytes changed");
}

fn names(files: &[(PathBuf, Vec<u8>)]) -> Vec<&PathBuf> {
    files.iter().map(|(path, _)| path).collect()
}

/// Every command that opens the database.
const OPENING: [&[&str]; 22] = [
    &["status"],
    &["plan"],
    &["plan", "--sql"],
    &["preflight"],
    &["migrate", "--yes"],
    &["upgrade"],
    &["upgrade", "--create"],
    &["upgrade", "--sql"],
    &["downgrade"],
    &["current"],
    &["verify"],
    &["history", "--indicate-current"],
    &["show", "current"],
    &["stamp", "phase1"],
    &["stamp", "phase1", "--force"],
    &["backup"],
    &["restore", "--latest", "--yes"],
    &["restore", "--latest", "--dry-run"],
    &["optimize"],
    &["optimize", "--dry-run"],
    &["diff"],
    &["check", "--roundtrip"],
];

/// It was said that SQLite had reported an error.
#[test]
fn a_file_that_may_not_be_read_is_refused_by_every_command_with_the_reason() {
    let owned = Owned::new(Job::Restore, Start::Clean);
    let closed = owned.folder.join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::rename(owned.folder.join("fits.db"), closed.join("fits.db")).unwrap();
    if is_root() {
        chown(&closed, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let database = closed.join("fits.db");
    Place::give_backups(&owned.folder, &owned.folder.join("fits.db"), &database);
    let before = lasting(&owned.folder);
    for (closed, mode) in [(&database, 0o644), (&closed, 0o755)] {
        for words in OPENING {
            set_mode(closed, 0);
            let (file, backups) = (database.to_str().unwrap(), owned.folder.join("backups"));
            let places =
                ["--phases", "phases", "-d", file, "--backup-dir", backups.to_str().unwrap()];
            let output = owned.run_words(&[words, &places[..], &["--json"]].concat());
            let text = owned.run_words(&[words, &places[..]].concat());
            set_mode(closed, mode);
            let what = format!("{words:?}, closed is {}", closed.display());
            let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let error = &document["error"];
            assert_eq!(output.status.code(), Some(4), "{what}: {document}");
            assert_eq!(error["kind"], "unreadable", "{what}: {error}");
            assert_eq!(error["database_state"], "unchanged", "{what}: {error}");
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains(file) || message.contains("you have no permission"),
                "{message}"
            );
            let text = String::from_utf8_lossy(&text.stderr).into_owned();
            let facts = ["Permission denied", "belongs to you and has the mode 0000", "next:"];
            assert!(facts.iter().all(|it| text.contains(it)), "{what}: {text}");
            let next =
                format!("chmod u+rw{} {}", if mode == 0o644 { "" } else { "x" }, closed.display());
            assert_eq!(error["next"][0], next.as_str(), "{what}");
            assert!(lasting(&owned.folder) == before, "{what}: something changed");
        }
    }
}

/// The owner gave it to nobody else: `chmod` by whoever runs the program would not help.
#[test]
fn a_file_of_somebody_else_is_said_to_be_theirs() {
    if !is_root() {
        return skip("running as another user");
    }
    let owned = Owned::new(Job::Migrate, Start::CleanWal);
    let database = owned.folder.join("fits.db");
    chown(&database, Some(0), Some(0)).unwrap();
    set_mode(&database, 0o600);
    let output = owned.run(&[]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4), "{document}");
    let error = document["error"].to_string();
    assert!(error.contains("let the owner of") && error.contains("belongs to user 0"), "{error}");
}

/// Those who share the database through a group need its backups, too.
#[test]
fn a_backup_gets_the_group_of_the_database_from_a_user_who_is_in_it() {
    const SHARED: u32 = 4_242;
    let user = NOBODY.to_string();
    let group = SHARED.to_string();
    let other = ["--reuid", user.as_str(), "--regid", user.as_str(), "--groups", group.as_str()];
    if !is_root() || Command::new("setpriv").args(other).arg("true").status().is_err() {
        return skip("running as a user of two groups");
    }
    let owned = Owned::new(Job::Backup, Start::Clean);
    let database = owned.folder.join("fits.db");
    chown(&database, Some(NOBODY), Some(SHARED)).unwrap();
    set_mode(&database, 0o660);
    let mut command = Command::new("setpriv");
    command.args(other).arg(owned.place.aside("phaseshift"));
    command.args(["backup", "--phases", "phases", "-d", "fits.db"]);
    let said = command.current_dir(&owned.folder).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let backup = crate::verdict::backups(&owned.folder).remove(0);
    let made = std::fs::metadata(&backup).unwrap();
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o777), (NOBODY, SHARED, 0o660));
}

#[test]
fn a_backup_that_may_not_be_read_is_refused_with_the_reason() {
    let owned = Owned::new(Job::Restore, Start::Clean);
    let backup = crate::verdict::backups(&owned.folder).remove(0);
    let before = lasting(&owned.folder);
    set_mode(&backup, 0);
    let output = owned.run(&[]);
    set_mode(&backup, 0o600);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &document["error"]["kind"]), (Some(4), &"unreadable".into()));
    assert!(document["error"]["message"].as_str().unwrap().contains(backup.to_str().unwrap()));
    assert_eq!(names(&lasting(&owned.folder)), names(&before));
}

/// It was said to be in WAL mode.
#[test]
fn a_journal_that_may_not_be_read_is_named() {
    let owned = Owned::new(Job::Migrate, Start::HotJournal);
    let journal = owned.folder.join("fits.db-journal");
    set_mode(&journal, 0);
    let run =
        owned.run_words(&["upgrade", "phase2", "--phases", "phases", "-d", "fits.db", "--json"]);
    set_mode(&journal, 0o644);
    let document: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((run.status.code(), &document["error"]["kind"]), (Some(4), &"unreadable".into()));
    let journal = journal.display();
    let message = format!("you have no permission to read {journal}");
    assert_eq!(document["error"]["message"], message.as_str());
    assert_eq!(document["error"]["next"][0], format!("chmod u+rw {journal}").as_str());
}
