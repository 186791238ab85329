//! The names of backups and of their parts. They come from here alone, never from a phase's text.

use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, NaiveDateTime};

use super::manifest::{BackupKind, LabelKind, Occasion};
use crate::error::{Error, ErrorKind, Remedy, Result};

/// How a backup's time is written in its name.
const STAMP: &str = "%Y%m%d_%H%M%S";

/// How many names are tried before something else must be wrong.
const MOST: u32 = 10_000;

/// What a backup is made for; it gives the backup its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupLabel {
    /// Before the phase with this id: `<stem>_pre_<phase>_<stamp>`.
    Before(String),
    /// Before the phase with this id is undone: `<stem>_pre_<phase>_<stamp>`.
    BeforeUndo(String),
    /// Before the phase with this id is recorded without being run: `<stem>_pre_<phase>_<stamp>`.
    BeforeStamp(String),
    /// By a name that a person chose: `<stem>_<name>_<stamp>`.
    Named(String),
    /// By a person who chose no name: `<stem>_manual_<stamp>`.
    Manual,
    /// Before `optimize` rewrites the file: `<stem>_before_optimize_<stamp>`.
    BeforeOptimize,
    /// The state that a restore replaces: `<stem>_before_restore_<stamp>`.
    BeforeRestore,
}

impl BackupLabel {
    pub const fn kind(&self) -> BackupKind {
        match self {
            Self::Before(_) => BackupKind::BeforePhase,
            Self::BeforeUndo(_) => BackupKind::BeforeUndo,
            Self::BeforeStamp(_) => BackupKind::BeforeStamp,
            Self::Named(_) => BackupKind::Named,
            Self::Manual => BackupKind::Manual,
            Self::BeforeOptimize => BackupKind::BeforeOptimize,
            Self::BeforeRestore => BackupKind::BeforeRestore,
        }
    }

    /// Returns the label and the occasion, as the manifest stores them.
    pub(super) const fn stored(&self) -> (LabelKind, Option<Occasion>) {
        match self {
            Self::Before(_) => (LabelKind::BeforePhase, None),
            Self::BeforeUndo(_) => (LabelKind::BeforePhase, Some(Occasion::Undo)),
            Self::BeforeStamp(_) => (LabelKind::BeforePhase, Some(Occasion::Stamp)),
            Self::Named(_) => (LabelKind::Named, None),
            Self::Manual => (LabelKind::Named, Some(Occasion::Manual)),
            Self::BeforeOptimize => (LabelKind::Named, Some(Occasion::Optimize)),
            Self::BeforeRestore => (LabelKind::BeforeRestore, None),
        }
    }

    fn text(&self) -> Result<String> {
        match self {
            Self::Before(phase) | Self::BeforeUndo(phase) | Self::BeforeStamp(phase) => {
                Ok(format!("pre_{}", plain(phase)?))
            }
            Self::Named(name) => Ok(plain(name)?.to_owned()),
            Self::Manual => Ok("manual".to_owned()),
            Self::BeforeOptimize => Ok("before_optimize".to_owned()),
            Self::BeforeRestore => Ok("before_restore".to_owned()),
        }
    }
}

/// The most bytes of a label: with the stem of the database, the stamp and the endings it must fit into a file name.
const LONGEST: usize = 120;

/// Refuses whatever could leave the folder or confuse a shell. Letters and digits are those of any script.
fn plain(text: &str) -> Result<&str> {
    let allowed = |it: char| it.is_alphanumeric() || "_.-".contains(it);
    if !text.is_empty() && text.len() <= LONGEST && text.chars().all(allowed) {
        return Ok(text);
    }
    let what = match text.len() {
        0..=LONGEST => {
            format!("{text:?} cannot be part of a file name: only letters, digits, . _ and -")
        }
        length => {
            format!("a name of {length} bytes is too long for a file name: at most {LONGEST}")
        }
    };
    let close: String = text.chars().map(|it| if allowed(it) { it } else { '-' }).collect();
    let mut end = close.len().min(LONGEST);
    while !close.is_char_boundary(end) {
        end -= 1;
    }
    let close = close[..end].trim_matches('-').to_owned();
    let close = if close.is_empty() { "before-cleanup".to_owned() } else { close };
    Err(Error::new(ErrorKind::Arguments, what).with_remedy(Remedy::NameBackup).choices([close]))
}

/// Returns the name of a database without folder and extension.
pub(crate) fn stem_of(database: &Path) -> String {
    database
        .file_stem()
        .map_or_else(|| "database".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// The names a backup may take, in order: without a counter, then `_2`, `_3` and so on.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    folder: PathBuf,
    base: String,
}

impl Names {
    pub(crate) fn new(
        folder: &Path,
        database: &Path,
        label: &BackupLabel,
        now: DateTime<FixedOffset>,
    ) -> Result<Self> {
        let base = format!("{}_{}_{}", stem_of(database), label.text()?, now.format(STAMP));
        Ok(Self { folder: folder.to_path_buf(), base })
    }

    /// Returns whether a backup has one of these names, whatever its time and counter.
    pub(super) fn match_label(&self, backup: &Path) -> bool {
        // The stamp and the underscore before it.
        let start = self.base.len().saturating_sub(15);
        let name = backup.file_name().unwrap_or_default().to_string_lossy();
        let rest = self.base.get(..start).and_then(|start| name.strip_prefix(start));
        let stamp = rest.and_then(|rest| rest.strip_suffix(".db")?.split_at_checked(15));
        stamp.is_some_and(|(stamp, counter)| {
            let counter = counter.strip_prefix('_').map_or(counter, |digits| digits);
            NaiveDateTime::parse_from_str(stamp, STAMP).is_ok()
                && counter.bytes().all(|byte| byte.is_ascii_digit())
        })
    }

    /// Offers one name after the other, until one is taken; `None` if none is.
    pub(crate) fn first<T>(
        &self,
        mut take: impl FnMut(PathBuf) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        (1..MOST).find_map(|number| take(self.candidate(number)).transpose()).transpose()
    }

    /// Returns the n-th name, from 1.
    fn candidate(&self, number: u32) -> PathBuf {
        let counter = if number < 2 { String::new() } else { format!("_{number}") };
        self.folder.join(format!("{}{counter}.db", self.base))
    }
}

/// Returns the manifest's path: the backup's with `.json` appended.
pub(super) fn manifest_of(backup: &Path) -> PathBuf {
    crate::database::beside(backup, ".json")
}

/// The process that writes a part file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writer {
    pub(super) process: u32,
    /// What tells the machine, its last start and the process namespace apart: process numbers mean nothing
    /// elsewhere. `None` where the system does not tell.
    pub(super) realm: Option<u32>,
}

/// Returns the path under which a file is written before it gets its name. The writer's name tells a later run
/// whether the writer still lives.
pub(super) fn part_of(path: &Path, writer: Writer) -> PathBuf {
    let Writer { process, realm } = writer;
    let realm = realm.map_or_else(String::new, |realm| format!("-{realm:08x}"));
    crate::database::beside(path, &format!(".{process}{realm}.part"))
}

/// Reads the writer from the name of a part file or of one of its sidecars.
pub(super) fn part_writer(name: &str) -> Option<Writer> {
    let name = ["-journal", "-wal", "-shm"]
        .into_iter()
        .find_map(|sidecar| name.strip_suffix(sidecar))
        .unwrap_or(name);
    let writer = name.strip_suffix(".part")?.rsplit_once('.')?.1;
    let (process, realm) = match writer.split_once('-') {
        Some((process, realm)) => (process, Some(u32::from_str_radix(realm, 16).ok()?)),
        None => (writer, None),
    };
    Some(Writer { process: process.parse().ok()?, realm })
}

/// Returns when the backup with this name was begun, in the local time of its writer.
pub(super) fn stamp_of(name: &str) -> Option<NaiveDateTime> {
    let name = name.strip_suffix(".db")?;
    let stamp = |text: &str| {
        let tail = text.len().checked_sub(15).and_then(|start| text.get(start..))?;
        NaiveDateTime::parse_from_str(tail, STAMP).ok()
    };
    stamp(name).or_else(|| stamp(name.rsplit_once('_')?.0))
}

/// Returns whether a file name is one that this program gives to backups of this database.
pub(super) fn is_backup_name(name: &str, stem: &str) -> bool {
    let Some(rest) = name.strip_suffix(".db") else { return false };
    let Some(rest) = rest.strip_prefix(stem).and_then(|rest| rest.strip_prefix('_')) else {
        return false;
    };
    let stamped = |text: &str| {
        let tail = text.len().checked_sub(15).and_then(|start| text.get(start..));
        tail.is_some_and(|tail| NaiveDateTime::parse_from_str(tail, STAMP).is_ok())
    };
    stamped(rest)
        || rest.rsplit_once('_').is_some_and(|(stamp, counter)| {
            counter.parse::<u32>().is_ok_and(|counter| counter > 1) && stamped(stamp)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(label: &BackupLabel) -> Result<Names> {
        let now = DateTime::parse_from_rfc3339("2024-10-27T02:30:00+01:00").unwrap();
        Names::new(Path::new("backups"), Path::new("/data/fits.catalog.db"), label, now)
    }

    #[test]
    fn names_say_what_when_and_which() {
        let names = names(&BackupLabel::Before("phase3".into())).unwrap();
        let text = |number| names.candidate(number).display().to_string();
        assert_eq!(text(1), "backups/fits.catalog_pre_phase3_20241027_023000.db");
        assert_eq!(text(2), "backups/fits.catalog_pre_phase3_20241027_023000_2.db");
        for number in [1, 2, 99] {
            let name = names.candidate(number);
            let name = name.file_name().unwrap().to_str().unwrap();
            assert!(is_backup_name(name, "fits.catalog"), "{name}");
        }
    }

    #[test]
    fn labels_cannot_leave_the_folder() {
        for bad in ["", "../up", "a/b", "a b", "a b", "nul\0"] {
            let error = names(&BackupLabel::Named(bad.into())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Arguments, "{bad:?}");
        }
    }

    #[test]
    fn other_files_are_not_backups() {
        for name in [
            "fits.db",
            "fits_copy.db",
            "fits_20241399_000000.db",
            "fits_pre_phase3_20241027_023000.db.json",
            "fits_pre_phase3_20241027_023000_x.db",
            "fits2_pre_phase3_20241027_023000.db",
        ] {
            assert!(!is_backup_name(name, "fits"), "{name}");
        }
        assert!(is_backup_name("fits_before_restore_19691231_235959.db", "fits"));
    }

    #[test]
    fn part_names_tell_their_writer() {
        let place = Path::new("b/fits_x_20241027_023000.db");
        for realm in [None, Some(0x00c0_ffee)] {
            let writer = Writer { process: 4_711, realm };
            let part = part_of(place, writer);
            let name = part.file_name().unwrap().to_str().unwrap();
            assert_eq!(part_writer(name), Some(writer));
            assert_eq!(part_writer(&format!("{name}-journal")), Some(writer));
        }
        assert_eq!(part_writer("fits_x_20241027_023000.db"), None);
        assert_eq!(part_writer("some.part"), None);
    }

    #[test]
    fn names_of_one_label_match() {
        let names = names(&BackupLabel::Before("phase3".into())).unwrap();
        let fits = |name: &str| names.match_label(&Path::new("elsewhere").join(name));
        assert!(fits("fits.catalog_pre_phase3_20190101_000000.db"));
        assert!(fits("fits.catalog_pre_phase3_20190101_000000_12.db"));
        assert!(!fits("fits.catalog_pre_phase33_20190101_000000.db"));
        assert!(!fits("fits.catalog_pre_phase3_x_20190101_000000.db"));
    }
}
