//! The verdict on a disk after a fault: exactly old or exactly new, backups whole, promises kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use phaseshift::backup::{leftovers, list};

use crate::lab::content::Contents;
use crate::lab::database;
use crate::lab::disk::{Change, Content, Disk, Image};
use crate::lab::jobs::{DONE, Job, JobReport};
use crate::lab::scene::{BACKUPS, DATABASE};

/// The part of names that all files of the database share.
const STEM: &str = "fits";

/// How names begin under which a restore puts a broken file aside.
const ASIDE: &str = "/lab/fits_before_restore_";

/// What the database was when the job began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    Holds(Contents),
    /// SQLite cannot read it; these are its bytes.
    Ruined(Content),
    Missing,
}

/// What may be found after a job.
#[derive(Debug, Clone)]
pub struct Expected {
    pub before: Before,
    pub after: Contents,
    /// The backups that were there before, and must stay what they are.
    older: BTreeMap<String, Contents>,
    job: &'static str,
}

/// Which of the two allowed states a database is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Old,
    New,
}

/// What was found on a disk that passed.
#[derive(Debug, Clone)]
pub struct Findings {
    pub which: Which,
    /// The backups that the engine lists as verified; all of them are whole.
    backups: BTreeSet<String>,
}

impl Expected {
    /// Finds out what is right by doing the job on a disk without faults.
    pub fn learn(disk: &Disk, image: &Image, job: &Job) -> Self {
        disk.load(image);
        let before = match image.get(DATABASE) {
            None => Before::Missing,
            Some(content) => database::read(disk, DATABASE)
                .map_or_else(|_| Before::Ruined(content.clone()), Before::Holds),
        };
        disk.load(image);
        let older = backup_paths(&disk.image())
            .map(|path| (path.clone(), database::read(disk, &path).expect("a whole backup")))
            .collect();
        disk.load(image);
        let report = job.run(disk).map_err(|error| crate::lab::jobs::words(&error)).unwrap();
        assert_eq!(report, JobReport::Done { follow_up: None }, "{}", job.name());
        let after = database::read(disk, DATABASE).unwrap();
        let expected = Self { before, after, older, job: job.name() };
        let log = disk.log();
        disk.load(&disk.image());
        let findings = expected.judge(disk).unwrap();
        expected.hold_against(&findings, &log).unwrap();
        expected
    }

    /// Judges the disk as it is; the error says what is wrong. Recovery happens on the way.
    pub fn judge(&self, disk: &Disk) -> Result<Findings, String> {
        let image = disk.image();
        let which = self.which(disk, &image)?;
        self.keeps_its_name(&image)?;
        let mut whole = BTreeMap::new();
        for path in backup_paths(&image) {
            let found = database::read(disk, &path).map_err(|why| format!("{path}: {why}"))?;
            self.allow(&path, &found)?;
            whole.insert(path, found);
        }
        if let Some(path) = self.older.keys().find(|path| !whole.contains_key(*path)) {
            return Err(format!("{path} is gone"));
        }
        if which == Which::New {
            self.is_kept(disk, &image, &whole)?;
        }
        no_litter(disk, &image)?;
        let listed = list(disk, Path::new(BACKUPS), Path::new(DATABASE))
            .map_err(|error| error.to_string())?;
        let verified = listed.into_iter().filter(phaseshift::backup::BackupEntry::is_verified);
        let backups = verified.map(|entry| entry.path.display().to_string()).collect();
        Ok(Findings { which, backups })
    }

    fn which(&self, disk: &Disk, image: &Image) -> Result<Which, String> {
        match (&self.before, image.get(DATABASE)) {
            (Before::Missing, None) => return Ok(Which::Old),
            (Before::Ruined(bytes), Some(found)) if found == bytes => return Ok(Which::Old),
            (Before::Ruined(bytes), None) => {
                return aside(image, bytes)
                    .map(|_| Which::Old)
                    .ok_or_else(|| "the ruined file is neither in its place nor aside".to_owned());
            }
            (Before::Holds(_), None) => return Err("the database is gone".to_owned()),
            (Before::Missing | Before::Ruined(_) | Before::Holds(_), Some(_)) => {}
        }
        let found = database::read(disk, DATABASE).map_err(|why| format!("the database: {why}"))?;
        let old = matches!(&self.before, Before::Holds(before) if self.same(before, &found));
        let new = self.same(&self.after, &found);
        let mode = match &self.before {
            Before::Holds(before) => before.wal,
            Before::Ruined(_) | Before::Missing => self.after.wal,
        };
        match (old, new) {
            (false, false) => Err("the database: a third state".to_owned()),
            _ if found.wal != mode => Err("the journal mode changed".to_owned()),
            (true, _) => Ok(Which::Old),
            (false, true) => Ok(Which::New),
        }
    }

    /// A compact file holds what it held; only its pages tell old from new.
    fn same(&self, expected: &Contents, found: &Contents) -> bool {
        expected.digest == found.digest
            && (self.job != Job::OPTIMIZE || expected.free == found.free)
    }

    /// A file that SQLite can read is written through SQLite; only a ruined one is moved aside.
    fn keeps_its_name(&self, image: &Image) -> Result<(), String> {
        let moved = image.keys().find(|path| path.starts_with(ASIDE));
        match (&self.before, moved) {
            (Before::Holds(_), Some(path)) => Err(format!("a sound file was moved to {path}")),
            (Before::Holds(_) | Before::Ruined(_) | Before::Missing, _) => Ok(()),
        }
    }

    /// A backup holds what the database held before, or what it held itself.
    ///
    /// A restore that is run again keeps what the first one brought.
    fn allow(&self, path: &str, found: &Contents) -> Result<(), String> {
        let again = self.job == Job::RESTORE && path.contains("_before_restore_");
        if again && found.digest == self.after.digest && !found.wal {
            return Ok(());
        }
        let expected = match (&self.before, self.older.get(path)) {
            (_, Some(older)) => older.digest,
            (Before::Holds(before), None) => before.digest,
            (Before::Ruined(_) | Before::Missing, None) => {
                return Err(format!("{path}: a backup of nothing"));
            }
        };
        if found.digest == expected && !found.wal {
            return Ok(());
        }
        Err(format!("{path}: not what the database held"))
    }

    /// In the new state the old one must be kept: as the backup that the file itself names, as a
    /// backup of any name, or aside.
    fn is_kept(
        &self,
        disk: &Disk,
        image: &Image,
        whole: &BTreeMap<String, Contents>,
    ) -> Result<(), String> {
        match &self.before {
            Before::Missing => Ok(()),
            Before::Ruined(bytes) => {
                aside(image, bytes).map(drop).ok_or_else(|| "the ruined file is lost".to_owned())
            }
            Before::Holds(before) => {
                let kept = whole.iter().filter(|(_, found)| found.digest == before.digest);
                let mut kept = kept.map(|(path, _)| path);
                let named = database::read(disk, DATABASE)?.backup;
                let found = match named {
                    Some(named) if self.after.backup.is_some() => kept.any(|path| *path == named),
                    Some(_) | None => kept.next().is_some(),
                };
                if found { Ok(()) } else { Err("the new state without a backup of the old".into()) }
            }
        }
    }

    /// Holds what was found against what had been said.
    pub fn hold_against(&self, findings: &Findings, log: &[Change]) -> Result<(), String> {
        for change in log {
            let Change::Promise(what) = change else { continue };
            let kept = match what.split_once(' ') {
                Some(("backup", path)) => findings.backups.contains(path),
                Some(("restore", _)) => findings.which == Which::New || self.changes_nothing(),
                _ if ["migrated", "optimized", DONE].contains(&what.as_str()) => {
                    findings.which == Which::New || self.changes_nothing()
                }
                _ => false,
            };
            if !kept {
                return Err(format!("promised but not kept: {what}"));
            }
        }
        Ok(())
    }

    /// Holds what was found against what a job returned.
    pub fn hold_result(
        &self,
        findings: &Findings,
        result: &phaseshift::Result<JobReport>,
    ) -> Result<(), String> {
        use phaseshift::DatabaseState as State;
        let right = match result {
            Ok(JobReport::Done { .. }) => findings.which == Which::New || self.changes_nothing(),
            Ok(JobReport::NothingToDo) => false,
            Err(error) => match error.state() {
                State::Unchanged | State::RolledBack => findings.which == Which::Old,
                State::Done => findings.which == Which::New,
                State::Unknown => true,
                // Only `prove` runs commands.
                State::ChangedByCommand => false,
            },
        };
        if right {
            return Ok(());
        }
        let said = match result {
            Ok(report) => format!("{report:?}"),
            Err(error) => crate::lab::jobs::words(error),
        };
        Err(format!("the database is {:?}, said was: {said}", findings.which))
    }

    /// Tells whether the job leaves the database as it is.
    pub fn changes_nothing(&self) -> bool {
        matches!(&self.before, Before::Holds(before) if self.same(before, &self.after))
    }
}

fn backup_paths(image: &Image) -> impl Iterator<Item = String> {
    let is_backup =
        |path: &&String| path.starts_with(&format!("{BACKUPS}/")) && path.ends_with(".db");
    image.keys().filter(is_backup).cloned()
}

/// Finds a ruined database beside its old place.
fn aside<'i>(image: &'i Image, bytes: &Content) -> Option<&'i String> {
    image.iter().find(|(path, found)| path.starts_with(ASIDE) && *found == bytes).map(|it| it.0)
}

/// Every file is the database, belongs to it, is a backup with its manifest, was moved aside, or
/// is recognised as a leftover.
fn no_litter(disk: &Disk, image: &Image) -> Result<(), String> {
    let mut known: BTreeSet<PathBuf> = BTreeSet::new();
    for folder in [crate::lab::disk::ROOT, BACKUPS] {
        let found = leftovers(disk, Path::new(folder), STEM).map_err(|error| error.to_string())?;
        known.extend(found.into_iter().map(|leftover| leftover.path));
    }
    for (path, content) in image {
        let ours = *content == Content::Folder
            || path.starts_with(DATABASE)
            || path.ends_with(".db.json")
            || path.ends_with(".db")
            || path.starts_with(ASIDE)
            || known.contains(Path::new(path));
        if !ours {
            return Err(format!("{path} is not recognised as a leftover"));
        }
    }
    Ok(())
}
