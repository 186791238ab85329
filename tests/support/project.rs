//! A user's project in a temporary folder, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use phaseshift::sample::phase_files;

use super::sample::{SampleOptions, write_catalogue};
use tempfile::TempDir;

use super::snapshot::{Snapshot, snapshot_database};

/// What the program said and how it ended.
#[derive(Debug)]
pub struct Output {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Output {
    /// Asserts the exit code, showing everything the program said if it is another.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Reads stdout as the one JSON document it must be.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .map_err(|error| format!("{error}\n{}\nstderr:\n{}", self.stdout, self.stderr))
            .expect("one JSON document on stdout")
    }
}

/// The program, which Cargo builds before it runs integration tests: in the folder above theirs.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(2).expect("a folder of binaries").join("phaseshift")
}

/// A folder with a database `fits_catalog.db` and a folder `phases`, removed when dropped.
pub struct Project {
    root: TempDir,
}

impl Project {
    /// Makes an empty project: no database, an empty `phases` folder.
    pub fn empty() -> Self {
        Self::empty_in(&std::env::temp_dir())
    }

    /// Makes an empty project in memory, where there is a place for it: for tests with hundreds of
    /// runs, none of which is about the disk.
    pub fn empty_in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::empty_in(memory) } else { Self::empty() }
    }

    fn empty_in(place: &Path) -> Self {
        let root = tempfile::tempdir_in(place).expect("a temporary folder");
        for folder in ["project/phases", "home", "tmp"] {
            std::fs::create_dir_all(root.path().join(folder)).expect("a folder");
        }
        Self { root }
    }

    /// Makes a project with a sample catalogue and its four phases.
    pub fn with_catalogue(options: &SampleOptions) -> Self {
        let project = Self::empty();
        write_catalogue(&project.database(), options).expect("a sample catalogue");
        for (name, text) in phase_files() {
            project.write_phase(name, text);
        }
        project
    }

    /// The folder that goes away with the project.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The folder that the user works in.
    pub fn folder(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder().join(name)
    }

    /// A path outside the folder that goes away with the project, for copies to compare with.
    pub fn aside(&self, name: &str) -> PathBuf {
        self.root.path().join("tmp").join(name)
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path("fits_catalog.db")
    }

    /// The folder of the phase files.
    pub fn phases(&self) -> PathBuf {
        self.path("phases")
    }

    /// The backups that there are, by name.
    pub fn backups(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path("backups")) else { return Vec::new() };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut backups: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "db")).collect();
        backups.sort();
        backups
    }

    /// Writes a file below the folder; folders are made as needed.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Writes a phase file.
    pub fn write_phase(&self, name: &str, text: &str) {
        self.write(&format!("phases/{name}"), text);
    }

    /// Runs the program on the database and the phases of this project, which are given as flags.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.arg("--database").arg(self.database()).arg("--phases").arg(self.phases());
        run(command.args(arguments))
    }

    /// Runs the program in the folder with nothing but these arguments.
    pub fn run_here(&self, arguments: &[&str]) -> Output {
        run(self.command().args(arguments))
    }

    /// The program, about to start in the folder with a bare environment and no terminal.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.folder()).env_clear().stdin(Stdio::null());
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.root.path().join("home"));
        command.env("TMPDIR", self.root.path().join("tmp"));
        command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
            command.env("LLVM_PROFILE_FILE", profile);
        }
        command
    }

    /// Everything in the folder: names, and the bytes of every file.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of_folder(&self.folder())
    }

    /// The bytes of the database with its `-wal` and `-journal`, and the names in the folder.
    pub fn file_bytes(&self) -> Snapshot {
        snapshot_database(&self.database())
    }

    /// Copies the database with its `-wal` and `-journal`, byte by byte, and returns the copy's path.
    ///
    /// No connection to the database may be open in this process: reading the file drops its locks.
    pub fn copy_database(&self, name: &str) -> PathBuf {
        let copy = self.aside(name);
        for end in ["", "-wal", "-journal"] {
            let from = with_ending(&self.database(), end);
            if from.exists() {
                std::fs::copy(from, with_ending(&copy, end)).expect("a copy");
            }
        }
        copy
    }
}

/// Adds `-wal` or the like to a path.
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    }
}
