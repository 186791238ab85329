//! A project on the real file system that is copied anew for every case, and the program run in it.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use phaseshift::sample::phase_files;
use support::sample::{Feature, SampleOptions, write_catalogue};
use tempfile::TempDir;

use crate::verdict::backups;
use support::lab::catalogue::{FIRST, FREE_PAGES, HALF, LATE, NAMES_ONLY, PAGE_SIZE, SECOND, fill};
pub use support::lab::start::Start;

/// What the program is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    Migrate,
    /// The same change, in tables that stay where they are.
    InPlace,
    Backup,
    Restore,
    /// Giving the pages back that a dropped table left.
    Optimize,
    Preflight,
}

/// A program of somebody else with a small cache that is killed after these statements: before it
/// commits, so that its journal must be rolled back, or before it empties the WAL.
const KILLED: &str = "
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute('PRAGMA cache_size = 1')
connection.execute('PRAGMA wal_autocheckpoint = 0')
for statement in sys.argv[2].split(';'):
    connection.execute(statement)
os.kill(os.getpid(), signal.SIGKILL)
";

/// What a program had begun to write in the sample.
const FITS_HALF: &str =
    "UPDATE fits_files SET file = file || file; DELETE FROM processing_session_files";

/// Which catalogue a project has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    /// The one of the simulated disk: few tables, so that every system call can be tried. The
    /// migration computes a value of every row of one table and gives another a constraint.
    Small { sessions: u32 },
    /// The same, in few large pages beside more than eight megabytes that nothing touches: the source is checked
    /// while its pages are copied.
    Large { sessions: u32 },
    /// The sample: twenty tables, of which two are renamed.
    Fits,
}

/// A project as it is before each case, and a folder for the cases.
pub struct Place {
    root: TempDir,
    pub job: Job,
    catalogue: Catalogue,
}

impl Place {
    /// Few rows, so that a case takes a moment.
    pub const FEW: Catalogue = Catalogue::Small { sessions: 24 };

    /// The same rows in a large file.
    pub const LARGE: Catalogue = Catalogue::Large { sessions: 24 };

    /// Rows that fill many pages.
    pub const MANY: Catalogue = Catalogue::Small { sessions: 400 };

    /// Rows that fill more than the program writes to try the folder for temporary files.
    pub const LARGER_THAN_TEMPORARY_FILES: Catalogue = Catalogue::Small { sessions: 1_200 };

    /// Makes a project with the sample. A restore begins with a backup of fewer rows.
    pub fn new(job: Job, start: Start) -> Self {
        Self::with(Catalogue::Fits, job, start)
    }

    /// Makes a project.
    pub fn with(catalogue: Catalogue, job: Job, start: Start) -> Self {
        // Memory, where it can be had: the cases do not cut the power.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let place = Self { root: root.unwrap(), job, catalogue };
        fs::create_dir_all(place.pristine().join("phases")).unwrap();
        for (name, text) in place.phases() {
            fs::write(place.pristine().join("phases").join(name), text).unwrap();
        }
        if job == Job::Restore {
            place.fill(Rows::Fewer, Start::Clean);
            let folder = place.pristine();
            let made = place.command_in(&folder, Job::Backup).output().unwrap();
            assert!(made.status.success(), "{made:?}");
            fs::remove_file(folder.join("fits.db")).unwrap();
        }
        place.fill(Rows::All, start);
        place
    }

    fn phases(&self) -> Vec<(&'static str, &'static str)> {
        let second = if self.job == Job::InPlace { NAMES_ONLY } else { SECOND };
        match self.catalogue {
            Catalogue::Small { .. } | Catalogue::Large { .. } => {
                vec![("phase1.toml", FIRST), ("phase2.toml", second)]
            }
            Catalogue::Fits => phase_files().to_vec(),
        }
    }

    /// Makes the database and leaves it as the start says.
    fn fill(&self, rows: Rows, start: Start) {
        let path = self.pristine().join("fits.db");
        match self.catalogue {
            Catalogue::Small { sessions } if self.job == Job::Optimize => {
                small(&path, (sessions, rows), start, (PAGE_SIZE, FREE_PAGES));
            }
            Catalogue::Small { sessions } => small(&path, (sessions, rows), start, (PAGE_SIZE, "")),
            Catalogue::Large { sessions } => {
                small(&path, (sessions, rows), start, (65_536, FILLER))
            }
            Catalogue::Fits => sample(&path, rows, start),
        }
        if start == Start::HotJournal {
            let half = if self.catalogue == Catalogue::Fits { FITS_HALF } else { HALF };
            killed_after(&path, &format!("BEGIN; {half}"));
            assert!(fs::metadata(self.pristine().join("fits.db-journal")).unwrap().len() > 512);
        }
        if start == Start::WalFrames {
            assert!(fs::metadata(self.pristine().join("fits.db-wal")).unwrap().len() > 0);
        }
    }

    fn pristine(&self) -> PathBuf {
        self.root.path().join("pristine")
    }

    /// Copies the project into a folder of its own. The first one is always the same, so that a
    /// path in a message means the same thing each time.
    pub fn fresh(&self) -> PathBuf {
        let folder = self.root.path().join("case");
        self.fresh_at(&folder);
        folder
    }

    /// Copies the project to a folder, which is emptied before.
    pub fn fresh_at(&self, folder: &Path) {
        Self::copy_at(&self.pristine(), folder);
        Self::give_backups(folder, &self.pristine().join("fits.db"), &folder.join("fits.db"));
    }

    /// Makes the backups in a project those of another database: a backup belongs to the file whose path its
    /// manifest names, and a copied project is another one.
    pub fn give_backups(folder: &Path, from: &Path, to: &Path) {
        for backup in backups(folder) {
            let mut manifest = backup.into_os_string();
            manifest.push(".json");
            let text = fs::read_to_string(&manifest).unwrap();
            let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(document["source"], real(from).to_str().unwrap());
            document["source"] = real(to).to_str().unwrap().into();
            fs::write(&manifest, document.to_string()).unwrap();
        }
    }

    /// Copies any folder to another, which is emptied before.
    pub fn copy_at(from: &Path, to: &Path) {
        if to.exists() {
            fs::remove_dir_all(to).unwrap();
        }
        copy_folder(from, to);
    }

    /// A place for what a case writes besides.
    pub fn aside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The program, about to do the place's job in a folder.
    pub fn command(&self, folder: &Path) -> Command {
        self.command_in(folder, self.job)
    }

    pub fn command_in(&self, folder: &Path, job: Job) -> Command {
        let mut command = Command::new(Self::program());
        command.args(self.arguments(folder, job)).args(["--wait", "0"]);
        bare(&mut command, folder);
        command
    }

    /// Another copy of the program, about to do the place's job in a folder.
    pub fn command_of(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(self.arguments(folder, self.job)).args(["--wait", "0"]);
        bare(&mut command, folder);
        command
    }

    /// Where the program is.
    pub fn program() -> &'static Path {
        Path::new(PROGRAM.expect("built with the feature cli"))
    }

    /// The program, waiting so many seconds for others.
    pub fn patient_command(&self, folder: &Path, seconds: u32) -> Command {
        let mut command = Command::new(PROGRAM.expect("built with the feature cli"));
        command.args(self.arguments(folder, self.job)).args(["--wait", &seconds.to_string()]);
        bare(&mut command, folder);
        command
    }

    /// The same, started by another program (`prlimit`) with these arguments before it.
    pub fn command_under(&self, folder: &Path, wrapper: &str, before: &[String]) -> Command {
        let mut command = Command::new(wrapper);
        command.args(before).arg(PROGRAM.expect("built with the feature cli"));
        command.args(self.arguments(folder, self.job));
        bare(&mut command, folder);
        command
    }

    fn arguments(&self, folder: &Path, job: Job) -> Vec<String> {
        let target = if self.catalogue == Catalogue::Fits { "phase3" } else { "phase2" };
        let words: &[&str] = match job {
            Job::Migrate => &["migrate", target, "--yes"],
            Job::InPlace => &["migrate", target, "--yes", "--in-place"],
            Job::Backup => &["backup"],
            Job::Preflight => &["preflight", target],
            Job::Restore => &["restore", "--latest", "--yes"],
            Job::Optimize => &["optimize"],
        };
        let mut arguments: Vec<String> = words.iter().map(ToString::to_string).collect();
        arguments.extend(["--json", "-d"].map(ToOwned::to_owned));
        arguments.push(folder.join("fits.db").display().to_string());
        arguments.push("--phases".to_owned());
        arguments.push(folder.join("phases").display().to_string());
        arguments
    }

    /// Runs the job without any fault.
    pub fn run(&self, folder: &Path) -> Output {
        self.command(folder).output().unwrap()
    }
}

// Not env!: without the feature `cli` there is no program, and tests of the engine still compile.
const PROGRAM: Option<&str> = option_env!("CARGO_BIN_EXE_phaseshift");

/// How many rows a catalogue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Fewer,
    All,
}

/// More than eight megabytes.
const FILLER: &str = "CREATE TABLE filler(x); INSERT INTO filler VALUES (zeroblob(9000000))";

fn small(path: &Path, (sessions, rows): (u32, Rows), start: Start, (page_size, more): (u32, &str)) {
    let wal = matches!(start, Start::CleanWal | Start::WalFrames);
    let connection = rusqlite::Connection::open(path).unwrap();
    let sessions = if rows == Rows::Fewer { sessions / 2 } else { sessions };
    fill(&connection, (if wal { "WAL" } else { "DELETE" }, page_size), sessions).unwrap();
    connection.execute_batch(more).unwrap();
    connection.close().unwrap();
    if start == Start::WalFrames {
        killed_after(path, LATE);
    }
}

fn sample(path: &Path, rows: Rows, start: Start) {
    let files = if rows == Rows::Fewer { 40 } else { 60 };
    let options = SampleOptions { sessions: 12, files, links: 20, ..SampleOptions::default() };
    let options = match start {
        Start::WalFrames => SampleOptions { uncheckpointed: 10, ..options }.with(Feature::Wal),
        Start::CleanWal => options.with(Feature::Wal),
        Start::Clean | Start::HotJournal => options,
    };
    write_catalogue(path, &options).unwrap();
}

fn killed_after(path: &Path, statements: &str) {
    let killed = support::python3().args(["-c", KILLED]).arg(path).arg(statements).status();
    assert_eq!(killed.unwrap().signal(), Some(libc::SIGKILL));
}

/// A path to a file that may be gone, without symbolic links.
fn real(path: &Path) -> PathBuf {
    path.parent().unwrap().canonicalize().unwrap().join(path.file_name().unwrap())
}

/// Lets a program inherit nothing.
pub fn bare(command: &mut Command, folder: &Path) {
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("PATH", "/usr/bin:/bin").env("HOME", folder).env("TZ", "UTC");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
