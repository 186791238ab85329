//! The verdict on a folder after the program ended, however it ended.

use std::path::{Path, PathBuf};
use std::process::Output;

use rusqlite::{Connection, OpenFlags};

use crate::place::{Job, Place};
use support::lab::content::{self, Contents};

/// What may be found.
pub struct Expected {
    pub before: Contents,
    pub after: Contents,
    older: Option<Contents>,
    job: Job,
}

/// Which of the two allowed states the database is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Old,
    New,
}

/// What is wrong with a folder.
#[derive(Debug)]
pub enum Wrong {
    /// The database or a backup is neither what it was nor what it was to become.
    State(String),
    /// What the program said is not so.
    Said(String),
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self::State(why)
    }
}

/// Opens a file as any program would.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn read(path: &Path) -> Result<Contents, String> {
    let connection = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    content::read(&connection).map_err(|why| format!("{}: {why}", path.display()))
}

/// The backups in a folder's `backups`.
pub fn backups(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.join("backups")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "db"))
        .collect();
    paths.sort();
    paths
}

/// The files that a restore moved aside.
fn aside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let moved = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("fits_before_restore_") && name.ends_with(".db")
    };
    entries.filter(moved).collect()
}

impl Expected {
    /// Finds out what is right by doing the job without faults.
    pub fn learn(place: &Place) -> Self {
        let folder = place.fresh();
        let before = read(&folder.join("fits.db")).unwrap();
        let older = backups(&folder).first().map(|path| read(path).unwrap());
        let folder = place.fresh();
        let output = place.run(&folder);
        assert!(output.status.success(), "{output:?}");
        let after = read(&folder.join("fits.db")).unwrap();
        let expected = Self { before, after, older, job: place.job };
        expected.judge(&folder, &output).unwrap();
        expected
    }

    /// A compact file holds what it held; only its pages tell old from new.
    fn same(&self, expected: &Contents, found: &Contents) -> bool {
        expected.digest == found.digest
            && (self.job != Job::Optimize || expected.free == found.free)
    }

    /// Judges a folder, and what the program said.
    pub fn judge(&self, folder: &Path, output: &Output) -> Result<Which, Wrong> {
        self.judge_copy(folder, folder, output)
    }

    /// Judges a copy of a folder, whose backups the database names by their first place.
    pub fn judge_copy(
        &self,
        original: &Path,
        folder: &Path,
        output: &Output,
    ) -> Result<Which, Wrong> {
        let found = read(&folder.join("fits.db"))?;
        let new = self.same(&self.after, &found);
        let which = match (self.same(&self.before, &found), new) {
            (true, _) => Which::Old,
            (false, true) => Which::New,
            (false, false) => return Err("a third state".to_owned().into()),
        };
        if found.wal != self.before.wal {
            return Err("the journal mode changed".to_owned().into());
        }
        let mut kept = false;
        for path in backups(folder) {
            let backup = read(&path)?;
            let is_before = backup.digest == self.before.digest;
            let is_older = self.older.as_ref().is_some_and(|it| it.digest == backup.digest);
            let first = original.join(path.strip_prefix(folder).unwrap());
            kept |= is_before && found.backup.as_ref().is_none_or(|it| Path::new(it) == first);
            if backup.wal || !(is_before || is_older) {
                return Err(format!("{}: not what the database held", path.display()).into());
            }
        }
        // A file of which no page can be read is moved aside.
        kept |= aside(folder)
            .iter()
            .any(|path| read(path).is_ok_and(|found| found.digest == self.before.digest));
        if new && which == Which::New && !kept {
            return Err("the new state without a backup of the old".to_owned().into());
        }
        self.hold_against(which, kept, output).map_err(Wrong::Said)?;
        Ok(which)
    }

    fn hold_against(&self, which: Which, kept: bool, output: &Output) -> Result<(), String> {
        let said = |which: Which| which == Which::New || self.before == self.after && kept;
        let document: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
        let ok = output.status.success()
            || document.as_ref().is_some_and(|it| it["ok"] == serde_json::Value::Bool(true));
        let right = if ok {
            said(which)
        } else {
            let state = document.as_ref().and_then(|it| it["error"]["database_state"].as_str());
            match state {
                Some("unchanged" | "rolled-back") => which == Which::Old,
                Some("done") => said(which),
                // Killed, or the document itself could not be written.
                Some(_) | None => true,
            }
        };
        if right {
            return Ok(());
        }
        Err(format!(
            "{which:?}, said was {} {}",
            output.status,
            String::from_utf8_lossy(&output.stdout)
        ))
    }

    /// Running the job again finishes it.
    pub fn again(&self, place: &Place, folder: &Path) -> Result<(), String> {
        let output = place.run(folder);
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let found = read(&folder.join("fits.db"))?;
        let right = self.job == Job::Backup || self.same(&self.after, &found);
        if right { Ok(()) } else { Err("it is not the new state".to_owned()) }
    }
}
