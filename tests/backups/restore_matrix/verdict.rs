//! The verdict on one case: the backup's content, with what was there kept, or nothing changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use phaseshift::DatabaseState;
use phaseshift::backup::BackupEntry;
use phaseshift::database::beside;
use phaseshift::event::Silent;
use phaseshift::files::RealFiles;
use phaseshift::restore::{Restore, RestoreReport, RestoreRequest};

use super::Outcome;
use super::place::{BackgroundCheck, Case, Live, Mode, Place};
use support::{sqlite3, try_sqlite3};

const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

/// What was there before: bytes, and what the judge reads in them.
struct Before {
    /// The file and what lies beside it.
    bytes: Vec<(&'static str, Vec<u8>)>,
    /// What the judge reads, if it calls the file whole.
    whole: Option<Whole>,
    /// The file after any SQLite has opened it: a hot journal is played back even into a file
    /// that then turns out to be no database, and is gone.
    settled: Vec<u8>,
    inode: Option<u64>,
    backup: (Vec<u8>, String),
}

/// What the judge reads.
#[derive(Default)]
struct Whole {
    dump: String,
    /// A file in rollback mode counts as one in WAL mode as long as a WAL lies beside it.
    journal_mode: String,
}

impl Before {
    fn look(place: &Place) -> Self {
        let database = place.database();
        let read = |suffix| Some((suffix, std::fs::read(beside(&database, suffix)).ok()?));
        let bytes: Vec<(&str, Vec<u8>)> = SUFFIXES.into_iter().filter_map(read).collect();
        let (whole, settled) = judged(&bytes);
        let inode = std::fs::metadata(&database).ok().map(|it| it.ino());
        let backup_bytes = std::fs::read(&place.backup).unwrap();
        let backup = judged(&[("", backup_bytes.clone())]).0.unwrap_or_default().dump;
        Self { bytes, whole, settled, inode, backup: (backup_bytes, backup) }
    }
}

/// What the judge reads in a copy, if that is a whole database, and the copy's bytes afterwards.
fn judged(bytes: &[(&str, Vec<u8>)]) -> (Option<Whole>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    for (suffix, bytes) in bytes {
        std::fs::write(beside(&copy, suffix), bytes).unwrap();
    }
    let Some((_, main)) = bytes.iter().find(|(suffix, _)| suffix.is_empty()) else {
        return (None, Vec::new());
    };
    if main.is_empty() {
        return (None, Vec::new());
    }
    // Looking and closing takes away what lies beside it.
    let found = try_sqlite3(&copy, "PRAGMA journal_mode; PRAGMA integrity_check");
    let whole = found.ok().and_then(|found| {
        let (journal_mode, check) = found.split_once('\n')?;
        let journal_mode = journal_mode.to_owned();
        (check == "ok").then(|| Whole { dump: sqlite3(&copy, ".dump"), journal_mode })
    });
    (whole, std::fs::read(&copy).unwrap())
}

fn restore(place: &Place) -> phaseshift::Result<RestoreReport> {
    let entry = BackupEntry::at(&RealFiles, &place.backup)?;
    let backups = place.backups();
    let request = RestoreRequest {
        database: &place.used,
        backup: &entry,
        folder: &backups,
        version_table: "schema_version",
    };
    Restore::prepare(&request, &place.options, &mut Silent)?.run(&mut Silent)
}

/// Makes a case, restores, and holds the result against what must come of it.
pub fn judge(case: &Case, expected: Outcome) {
    let what = format!("{case:?}");
    let mut place = Place::new(case);
    let before = Before::look(&place);
    match (restore(&place), expected) {
        (Ok(report), Outcome::Restored) => restored(case, &mut place, &before, &report),
        (Err(error), Outcome::Refused(kind)) => {
            assert_eq!(error.kind(), kind, "{what}: {error} {:?}", error.causes());
            assert_eq!(error.state(), DatabaseState::Unchanged, "{what}");
            refused(case, &mut place, &before);
        }
        (Ok(report), _) => panic!("{what}: restored, and must be {expected:?}: {report:?}"),
        (Err(error), _) => panic!("{what}: {error} {:?}, must be {expected:?}", error.causes()),
    }
    let backup = std::fs::read(&place.backup).unwrap();
    assert!(backup == before.backup.0, "{what}: the backup changed");
    let names = names(place.folder.path()).chain(names(&place.backups()));
    let parts: Vec<PathBuf> = names.filter(|it| it.to_string_lossy().contains(".part")).collect();
    assert!(parts.is_empty(), "{what}: {parts:?}");
}

fn restored(case: &Case, place: &mut Place, before: &Before, report: &RestoreReport) {
    let what = format!("{case:?}");
    let database = place.database();
    if let Some(mut other) = place.other.take() {
        other.say("ROLLBACK");
        if case.beside == BackgroundCheck::Idle && before.whole.is_some() {
            // It goes on with the restored file, and not with what was there.
            let tables = "SELECT group_concat(name) FROM sqlite_schema";
            let restored = format!("[('{}',)]", sqlite3(&database, tables));
            assert_eq!(other.say(tables), restored, "{what}: what the idle program sees");
        }
    }
    assert_eq!(sqlite3(&database, ".dump"), before.backup.1, "{what}");
    assert_eq!(sqlite3(&database, "PRAGMA integrity_check"), "ok", "{what}");
    assert_eq!(report.follow_up, None, "{what}");
    if case.live == Live::Symlink {
        assert!(std::fs::symlink_metadata(&place.used).unwrap().is_symlink(), "{what}");
    }
    if let Some(whole) = &before.whole {
        let kept = report.safety_backup.as_ref().expect(&what);
        assert_eq!(sqlite3(kept, ".dump"), whole.dump, "{what}: the copy of what was there");
        let inode = std::fs::metadata(&database).unwrap().ino();
        assert_eq!(Some(inode), before.inode, "{what}: another file has the name");
        assert_eq!(sqlite3(&database, "PRAGMA journal_mode"), whole.journal_mode, "{what}");
        return;
    }
    if let Some(kept) = &report.safety_backup {
        // SQLite opens it and reads part of it: every page that it reads is kept.
        assert!(matches!(case.live, Live::Truncated | Live::DamagedPage), "{what}");
        let pages = std::fs::read(kept).unwrap();
        let survivor: &[u8] = match (case.beside, case.mode) {
            (BackgroundCheck::LeftoverWal, Mode::Wal) => b"only in the WAL",
            _ => &before.settled[4_096..8_192],
        };
        let is_kept = pages.windows(survivor.len()).any(|it| it == survivor);
        assert!(is_kept, "{what}: pages that can be read are gone");
        return;
    }
    // What nobody can read is kept as it was, with what lay beside it.
    let all: Vec<Vec<u8>> = names(place.folder.path())
        .chain(names(&place.backups()))
        .filter_map(|path| std::fs::read(path).ok())
        .collect();
    let main = before.bytes.iter().find(|(suffix, _)| suffix.is_empty());
    let played_back = main.is_some_and(|(_, bytes)| *bytes != before.settled);
    if played_back && all.contains(&before.settled) {
        assert_eq!(case.beside, BackgroundCheck::Journal, "{what}");
        return;
    }
    for (suffix, bytes) in before.bytes.iter().filter(|(_, bytes)| !bytes.is_empty()) {
        assert!(all.contains(bytes), "{what}: what was in fits.db{suffix} is gone");
    }
}

fn refused(case: &Case, place: &mut Place, before: &Before) {
    let what = format!("{case:?}");
    let database = place.database();
    let attended = place.other.is_some();
    if let Some(mut other) = place.other.take() {
        other.say("ROLLBACK");
    } else {
        let now = |suffix: &str| std::fs::read(beside(&database, suffix)).unwrap();
        for (suffix, bytes) in &before.bytes {
            assert!(&now(suffix) == bytes, "{what}: fits.db{suffix} changed");
        }
    }
    match &before.whole {
        Some(whole) if attended => assert_eq!(sqlite3(&database, ".dump"), whole.dump, "{what}"),
        Some(_) | None => {}
    }
    assert_eq!(case.live == Live::Folder, database.is_dir(), "{what}");
}

fn names(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).ok().into_iter().flatten();
    entries.map(|entry| entry.unwrap().path())
}
