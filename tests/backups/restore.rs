//! Restores, judged from outside by the `sqlite3` program, with other processes holding the file.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use phaseshift::backup::{BackupEntry, BackupLabel, BackupRequest, create, list, verify};
use phaseshift::database::{Access, Database, Holding, OpenOptions, beside, holders};
use phaseshift::event::{Event, Interrupt, Observer, Silent, Stage};
use phaseshift::files::{Files, RealFiles, Stat};
use phaseshift::restore::{
    LiveState, Losses, Restore, RestoreMethod, RestoreReport, RestoreRequest, TableChange,
    TableLoss,
};
use phaseshift::{DatabaseState, ErrorKind, Result};
use support::{Other, as_on_disk, sqlite3, try_sqlite3};

/// The real file system, one step of which fails.
#[derive(Debug, Default)]
struct Failing {
    at: usize,
    steps: AtomicUsize,
    log: Mutex<Vec<String>>,
}

impl Failing {
    fn step(&self, what: &str, path: &Path) -> io::Result<()> {
        let name = support::without_realm(&path.file_name().unwrap().to_string_lossy());
        self.log.lock().unwrap().push(format!("{what} {name}"));
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        if step == self.at { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Files for Failing {
    as_on_disk!(now, canonical, stat, space, list, read, remove);
    fn reader(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        self.step("reader", path)?;
        RealFiles.reader(path)
    }
    fn create(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.step("create", path)?;
        RealFiles.create(path, bytes, mode)
    }
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step("create folder", path)?;
        RealFiles.create_folder(path)
    }
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFiles.copy(from, to)?;
        // A copy that fails has written something already.
        self.step("copy", to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename new", to)?;
        RealFiles.rename_new(from, to)
    }
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("link", to)?;
        RealFiles.link(from, to)
    }
    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename over", to)?;
        RealFiles.rename_over(from, to)
    }
    fn set_access(&self, path: &Path, like: &Stat) -> io::Result<()> {
        self.step("set access", path)?;
        RealFiles.set_access(path, like)
    }
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.step("sync file", path)?;
        RealFiles.sync_file(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("sync folder", folder)?;
        RealFiles.sync_folder(folder)
    }
}

const OLD: &str = "
    CREATE TABLE sessions(id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB);
    CREATE INDEX by_name ON sessions(name);
    CREATE TABLE tags(tag TEXT PRIMARY KEY, n) WITHOUT ROWID;
    CREATE TABLE schema_version(version INTEGER PRIMARY KEY, applied_at, description);
    INSERT INTO schema_version VALUES (1, 'then', 'first');
    INSERT INTO tags VALUES ('a', 1), ('b', 2.5);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 300)
    INSERT INTO sessions SELECT n, 'session ' || n, zeroblob(200) FROM c;";

const NEW: &str = "
    INSERT INTO schema_version VALUES (2, 'now', 'second');
    DELETE FROM sessions WHERE id <= 10;
    UPDATE sessions SET name = 'changed' WHERE id IN (20, 21, 22);
    INSERT INTO sessions SELECT id + 1000, name, data FROM sessions WHERE id > 200;
    INSERT INTO tags VALUES ('c', 3);
    CREATE TABLE notes(text); INSERT INTO notes VALUES ('mine'), ('mine too');";

/// A folder with a database, a backup of its old content, and new content since.
struct Place {
    folder: tempfile::TempDir,
    options: OpenOptions,
    backup: BackupEntry,
    old: String,
    new: String,
}

impl Place {
    fn new(journal: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("fits.db");
        sqlite3(&database, &format!("PRAGMA journal_mode={journal}; {OLD}"));
        let options = options(Arc::new(RealFiles));
        let backup = {
            let source = Database::open(&database, Access::ReadOnly, &options).unwrap();
            let label = BackupLabel::Before("phase2".into());
            let backups = folder.path().join("backups");
            let request = BackupRequest { folder: &backups, label, phase: None, version: Some(1) };
            create(&source, &request, &mut Silent).unwrap().into_entry().unwrap()
        };
        let old = sqlite3(&database, ".dump");
        sqlite3(&database, NEW);
        let new = sqlite3(&database, ".dump");
        Self { folder, options, backup, old, new }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("fits.db")
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    fn prepare(&self, database: &Path) -> Result<Restore> {
        self.prepare_with(database, &self.options)
    }

    fn prepare_with(&self, database: &Path, options: &OpenOptions) -> Result<Restore> {
        let backups = self.backups();
        let request = RestoreRequest {
            database,
            backup: &self.backup,
            folder: &backups,
            version_table: "schema_version",
        };
        Restore::prepare(&request, options, &mut Silent)
    }

    fn restore(&self) -> Result<RestoreReport> {
        self.restore_to(&self.database(), &mut Silent)
    }

    fn restore_to(&self, database: &Path, observer: &mut dyn Observer) -> Result<RestoreReport> {
        self.prepare(database)?.run(observer)
    }

    /// Fails unless the database holds the old content and nothing lies about.
    fn assert_restored(&self, report: &RestoreReport, what: &str) {
        let database = self.database();
        assert_eq!(sqlite3(&database, ".dump"), self.old, "{what}");
        assert_eq!(sqlite3(&database, "PRAGMA integrity_check"), "ok", "{what}");
        assert_eq!(sqlite3(&database, "SELECT max(version) FROM schema_version"), "1", "{what}");
        assert_eq!(report.rows(), 303, "{what}");
        assert_eq!(report.follow_up, None, "{what}");
        verify(&self.backup, &self.options, &mut Silent).unwrap();
        for folder in [self.folder.path().to_path_buf(), self.backups()] {
            let names = names(&folder);
            assert!(names.iter().all(|name| !name.contains(".part")), "{what}: {names:?}");
            assert!(names.iter().all(|name| !name.ends_with("-journal")), "{what}: {names:?}");
        }
    }

    /// Fails unless the safety backup holds the content that was replaced.
    fn assert_kept(&self, report: &RestoreReport, what: &str) {
        let kept = report.safety_backup.clone().expect(what);
        assert!(kept.to_str().unwrap().contains("fits_before_restore_"), "{what}");
        assert_eq!(sqlite3(&kept, ".dump"), self.new, "{what}");
        let entry = BackupEntry::at(&RealFiles, &kept).unwrap();
        assert!(entry.is_verified(), "{what}");
    }
}

fn options(files: Arc<dyn Files>) -> OpenOptions {
    OpenOptions { files, wait: Duration::from_millis(60), interrupt: Interrupt::default() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Idle,
    Reader,
    Writer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Symlink,
    HardLink,
    PageSize,
}

/// Starts the other program, if any, in its state.
fn start(who: Who, path: &Path) -> Option<Other> {
    if who == Who::Nobody {
        return None;
    }
    let mut other = Other::start(path);
    assert_eq!(other.say("SELECT count(*) FROM notes"), "[(2,)]");
    match who {
        Who::Nobody | Who::Idle => {}
        Who::Reader => {
            other.say("BEGIN");
            assert_eq!(other.say("SELECT count(*) FROM tags"), "[(3,)]");
        }
        Who::Writer => {
            assert_eq!(other.say("BEGIN IMMEDIATE"), "[]");
            assert_eq!(other.say("INSERT INTO notes VALUES ('not committed')"), "[]");
        }
    }
    Some(other)
}

/// What the table of the specification says about a restore through SQLite.
const fn succeeds(wal: bool, who: Who, shape: Shape) -> bool {
    match (wal, who) {
        (_, Who::Nobody) | (false, Who::Idle) => true,
        (true, Who::Idle | Who::Reader) => !matches!(shape, Shape::PageSize),
        (false, Who::Reader) | (_, Who::Writer) => false,
    }
}

#[test]
fn other_programs_are_respected_whatever_the_file_is() {
    for journal in ["DELETE", "WAL"] {
        for who in [Who::Nobody, Who::Idle, Who::Reader, Who::Writer] {
            for shape in [Shape::Plain, Shape::Symlink, Shape::HardLink, Shape::PageSize] {
                one_case(journal, who, shape);
            }
        }
    }
}

fn one_case(journal: &str, who: Who, shape: Shape) {
    let what = format!("{journal} {who:?} {shape:?}");
    let place = Place::new(journal);
    let database = place.database();
    let mut used = database.clone();
    match shape {
        Shape::Plain => {}
        Shape::Symlink => {
            used = place.folder.path().join("link.db");
            std::os::unix::fs::symlink(&database, &used).unwrap();
        }
        Shape::HardLink => {
            std::fs::hard_link(&database, place.folder.path().join("other.db")).unwrap();
        }
        Shape::PageSize => {
            let sql = "PRAGMA journal_mode=DELETE; PRAGMA page_size=8192; VACUUM;";
            sqlite3(&database, &format!("{sql} PRAGMA journal_mode={journal}"));
        }
    }
    let inode = std::fs::metadata(&database).unwrap().ino();
    let mut other = start(who, &database);
    let outcome = place.restore_to(&used, &mut Silent);
    if succeeds(journal == "WAL", who, shape) {
        let report = outcome.expect(&what);
        assert_eq!(report.method, RestoreMethod::Write, "{what}");
        if let Some(other) = &mut other {
            // An open snapshot stays what it was; afterwards the new content is there at once.
            let snapshot = if who == Who::Reader { "[(3,)]" } else { "[(2,)]" };
            assert_eq!(other.say("SELECT count(*) FROM tags"), snapshot, "{what}");
            other.say("ROLLBACK");
            assert_eq!(other.say("SELECT count(*) FROM tags"), "[(2,)]", "{what}");
            assert_eq!(other.say("PRAGMA user_version"), "[(0,)]", "{what}");
        }
        place.assert_kept(&report, &what);
        place.assert_restored(&report, &what);
        let page_size = sqlite3(&database, "PRAGMA page_size");
        assert_eq!(page_size, "4096", "{what}");
    } else {
        let error = outcome.expect_err(&what);
        assert_eq!(error.kind(), ErrorKind::Busy, "{what}: {error}");
        assert_eq!(error.state(), DatabaseState::Unchanged, "{what}");
        let problems = &error.facts().problems;
        let pid = format!("(pid {})", other.as_ref().unwrap().id());
        assert!(problems.iter().any(|it| it.contains(&pid)), "{what}: {problems:?}");
        other.as_mut().unwrap().say("ROLLBACK");
        assert_eq!(sqlite3(&database, ".dump"), place.new, "{what}");
    }
    assert_eq!(std::fs::metadata(&database).unwrap().ino(), inode, "{what}");
    assert_eq!(sqlite3(&database, "PRAGMA journal_mode"), journal.to_lowercase(), "{what}");
    if shape == Shape::Symlink {
        assert!(std::fs::symlink_metadata(&used).unwrap().is_symlink(), "{what}");
    }
}

#[test]
fn a_writer_that_finishes_in_time_only_delays_the_restore() {
    for journal in ["DELETE", "WAL"] {
        let mut place = Place::new(journal);
        place.options.wait = Duration::from_secs(20);
        let mut other = start(Who::Writer, &place.database()).unwrap();
        let mut waited = Vec::new();
        let mut observer = |event: &Event| {
            if let Event::Waiting { holders } = event {
                waited.clone_from(holders);
                assert_eq!(other.say("COMMIT"), "[]", "{journal}");
            }
        };
        let report = place.restore_to(&place.database(), &mut observer).unwrap();
        assert_eq!(waited.len(), 1, "{journal}: {waited:?}");
        assert!(waited[0].contains("writing"), "{waited:?}");
        // What was committed at the last moment is in the safety backup.
        let kept = report.safety_backup.clone().unwrap();
        assert_eq!(sqlite3(&kept, "SELECT count(*) FROM notes"), "3", "{journal}");
        place.assert_restored(&report, journal);
    }
}

#[test]
fn nothing_slips_in_between_the_safety_backup_and_the_restore() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new(journal);
        let database = place.database();
        let mut tried = 0;
        let mut observer = |event: &Event| {
            // In WAL mode the last step commits and ends the lock.
            let locked = match event {
                Event::Progress { stage: Stage::Restore, done, total, .. } => {
                    journal == "DELETE" || done < total
                }
                Event::Progress { stage, .. } => *stage != Stage::Check,
                event => matches!(event, Event::BackupCreated { .. }),
            };
            if locked {
                let answer = try_sqlite3(&database, "INSERT INTO notes VALUES ('slips in')");
                assert!(answer.unwrap_err().contains("locked"), "{journal}: {event:?}");
                tried += 1;
            }
        };
        let report = place.restore_to(&database, &mut observer).unwrap();
        assert!(tried >= 3, "{journal}: {tried}");
        place.assert_kept(&report, journal);
        place.assert_restored(&report, journal);
    }
}

/// The restored rows were compared with those of the backup as it was then, and all was well.
#[test]
fn a_backup_that_changes_while_the_present_state_is_kept_is_no_restore() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new(journal);
        let database = place.database();
        let mut observer = |event: &Event| {
            if matches!(event, Event::BackupCreated { .. }) {
                sqlite3(&place.backup.path, "UPDATE sessions SET name = 'altered'");
            }
        };
        let error = place.restore_to(&database, &mut observer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Restore, "{journal}");
        let said = format!("{error} {:?}", error.facts().problems);
        assert!(said.contains("changed since it was verified"), "{journal}: {said}");
        let kept = error.facts().backup.clone().unwrap();
        assert_eq!(sqlite3(&kept, ".dump"), place.new, "{journal}");
    }
}

#[test]
fn a_file_that_is_replaced_during_the_restore_is_not_called_restored() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new(journal);
        let database = place.database();
        let was = place.folder.path().join("was.db");
        let mut observer = |event: &Event| {
            if matches!(event, Event::BackupCreated { .. }) {
                std::fs::rename(&database, &was).unwrap();
                sqlite3(&database, "CREATE TABLE other(a)");
            }
        };
        let error = place.restore_to(&database, &mut observer).unwrap_err();
        assert_ne!(error.state(), DatabaseState::Done, "{journal}: {error}");
        assert_eq!(sqlite3(&database, "SELECT name FROM sqlite_schema"), "other", "{journal}");
    }
}

#[test]
fn rows_that_are_written_right_after_the_restore_are_no_failure() {
    let place = Place::new("WAL");
    let database = place.database();
    let mut observer = |event: &Event| {
        if matches!(event, Event::Progress { stage: Stage::Restore, done, total, .. } if done == total)
        {
            sqlite3(&database, "INSERT INTO tags VALUES ('later', 1)");
        }
    };
    let report = place.restore_to(&database, &mut observer).unwrap();
    assert_eq!(report.follow_up.unwrap(), "another program wrote after the restore");
    assert_eq!(sqlite3(&database, "SELECT count(*) FROM tags"), "3");
    assert_eq!(sqlite3(&database, "SELECT count(*) FROM sessions"), "300");
}

#[test]
fn the_plan_says_what_would_be_lost_and_touches_nothing() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new(journal);
        let before = (std::fs::read(place.database()).unwrap(), names(place.folder.path()));
        let restore = place.prepare(&place.database()).unwrap();
        let plan = restore.plan();
        assert_eq!((plan.version_now, plan.version_then), (Some(2), Some(1)));
        assert_eq!((&plan.live, &plan.made_of), (&LiveState::Readable, &None));
        assert!(plan.verification.against_manifest);
        let loss = |table: &str, change| TableLoss { table: table.to_owned(), change };
        let expected = [
            loss("sessions", TableChange::Rows { added: 100, removed: 10, changed: 3 }),
            loss("tags", TableChange::Rows { added: 1, removed: 0, changed: 0 }),
            loss("schema_version", TableChange::Rows { added: 1, removed: 0, changed: 0 }),
            loss("notes", TableChange::OnlyLive { rows: 2 }),
        ];
        assert_eq!(plan.losses, Losses::Known(expected.to_vec()));
        drop(restore);
        let after = (std::fs::read(place.database()).unwrap(), names(place.folder.path()));
        assert_eq!(before, after, "{journal}");
        assert_eq!(list(&RealFiles, &place.backups(), &place.database()).unwrap().len(), 1);
    }
}

#[test]
fn tables_of_another_shape_are_named_with_their_rows() {
    let place = Place::new("DELETE");
    sqlite3(
        &place.database(),
        "ALTER TABLE tags ADD COLUMN extra; DROP TABLE notes; ALTER TABLE sessions RENAME TO s;
         DELETE FROM schema_version WHERE version = 2",
    );
    let restore = place.prepare(&place.database()).unwrap();
    let Losses::Known(found) = &restore.plan().losses else { unreachable!() };
    let expected = [
        ("s", TableChange::OnlyLive { rows: 390 }),
        ("tags", TableChange::OtherShape { live: 3, backup: 2 }),
        ("sessions", TableChange::OnlyBackup { rows: 300 }),
    ];
    let found: Vec<_> = found.iter().map(|it| (it.table.as_str(), it.change.clone())).collect();
    assert_eq!(found, expected);
    let report = restore.run(&mut Silent).unwrap();
    place.assert_restored(&report, "shapes");
}

#[test]
fn a_restore_can_itself_be_undone() {
    let mut place = Place::new("WAL");
    let report = place.restore().unwrap();
    place.backup = BackupEntry::at(&RealFiles, &report.safety_backup.unwrap()).unwrap();
    let report = place.restore().unwrap();
    assert_eq!(sqlite3(&place.database(), ".dump"), place.new);
    assert_eq!(sqlite3(&report.safety_backup.unwrap(), ".dump"), place.old);
}

#[test]
fn a_damaged_backup_is_refused_before_anything_is_touched() {
    let place = Place::new("DELETE");
    let whole = std::fs::read(&place.backup.path).unwrap();
    let mut bytes = whole.clone();
    bytes[9_000] ^= 4;
    std::fs::write(&place.backup.path, &bytes).unwrap();
    let error = place.restore().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackupDamaged);
    assert_eq!(sqlite3(&place.database(), ".dump"), place.new);
    // Damage between the look and the restore is found too.
    std::fs::write(&place.backup.path, &whole).unwrap();
    let restore = place.prepare(&place.database()).unwrap();
    std::fs::write(&place.backup.path, &bytes).unwrap();
    let error = restore.run(&mut Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackupDamaged);
    assert_eq!(sqlite3(&place.database(), ".dump"), place.new);
    assert_eq!(names(&place.backups()).len(), 2);
}

#[test]
fn a_database_is_no_backup_of_itself() {
    let mut place = Place::new("DELETE");
    let link = place.folder.path().join("link.db");
    std::os::unix::fs::symlink(place.database(), &link).unwrap();
    place.backup = BackupEntry::at(&RealFiles, &link).unwrap();
    assert_eq!(place.restore().unwrap_err().kind(), ErrorKind::Arguments);
}

#[test]
fn a_missing_database_is_created_from_the_backup() {
    let place = Place::new("DELETE");
    std::fs::remove_file(place.database()).unwrap();
    let restore = place.prepare(&place.database()).unwrap();
    assert_eq!(restore.plan().live, LiveState::Missing);
    assert_eq!(restore.plan().losses, Losses::Nothing);
    let report = restore.run(&mut Silent).unwrap();
    assert_eq!(report.method, RestoreMethod::Create);
    assert_eq!((report.safety_backup.as_ref(), report.moved_aside.len()), (None, 0));
    place.assert_restored(&report, "missing");
}

#[test]
fn an_empty_database_is_filled_from_the_backup() {
    let place = Place::new("DELETE");
    std::fs::write(place.database(), b"").unwrap();
    let inode = std::fs::metadata(place.database()).unwrap().ino();
    let report = place.restore().unwrap();
    assert_eq!((report.method, report.safety_backup.as_ref()), (RestoreMethod::Write, None));
    assert_eq!(std::fs::metadata(place.database()).unwrap().ino(), inode);
    place.assert_restored(&report, "empty");
}

#[test]
fn a_database_with_damaged_pages_is_kept_and_restored() {
    for journal in ["DELETE", "WAL"] {
        for page in [1, 2, 3, 6] {
            let place = Place::new(journal);
            let mut bytes = std::fs::read(place.database()).unwrap();
            bytes[page * 4_096..page * 4_096 + 2_000].fill(0xEE);
            std::fs::write(place.database(), &bytes).unwrap();
            let what = format!("{journal}, page {}", page + 1);
            let report = place.restore().expect(&what);
            assert_eq!(report.method, RestoreMethod::Write, "{what}");
            place.assert_restored(&report, &what);
            // The damaged pages are kept as they were, and not offered as a good backup.
            let kept = std::fs::read(report.safety_backup.as_ref().unwrap()).unwrap();
            assert!(kept[4_096..] == bytes[4_096..], "{what}");
            let entry = BackupEntry::at(&RealFiles, &report.safety_backup.unwrap()).unwrap();
            assert!(!entry.is_verified(), "{what}");
            let journal = journal.to_lowercase();
            assert_eq!(sqlite3(&place.database(), "PRAGMA journal_mode"), journal, "{what}");
        }
    }
}

/// Ruins a database, with a file beside it.
fn ruin(place: &Place, how: &str) -> Vec<u8> {
    let whole = std::fs::read(place.database()).unwrap();
    let bytes = match how {
        "not a database" => b"These are notes, not a database. ".repeat(300),
        "header ruined" => [&[0xEE; 100], &whole[100..]].concat(),
        "truncated" => whole[..4_096 * 2].to_vec(),
        "header only" => whole[..100].to_vec(),
        "one byte" => b"S".to_vec(),
        "garbage schema" => {
            let mut bytes = whole;
            bytes[100..4_096].fill(0xEE);
            bytes
        }
        other => unreachable!("{other}"),
    };
    std::fs::write(place.database(), &bytes).unwrap();
    bytes
}

const RUINS: [&str; 6] =
    ["not a database", "header ruined", "truncated", "header only", "one byte", "garbage schema"];

#[test]
fn a_file_that_is_no_database_is_moved_aside_with_what_lies_beside_it() {
    for how in RUINS {
        let place = Place::new("DELETE");
        let bytes = ruin(&place, how);
        std::fs::write(beside(&place.database(), "-wal"), b"not really frames").unwrap();
        let restore = place.prepare(&place.database()).expect(how);
        assert!(matches!(restore.plan().live, LiveState::NotADatabase(_)), "{how}");
        assert!(matches!(restore.plan().losses, Losses::Unknown(_)), "{how}");
        let report = restore.run(&mut Silent).expect(how);
        assert_eq!(report.method, RestoreMethod::Replace, "{how}");
        let aside = &report.moved_aside[0];
        assert!(aside.to_str().unwrap().contains("fits_before_restore_"), "{how}");
        assert!(std::fs::read(aside).unwrap() == bytes, "{how}");
        assert!(report.moved_aside.contains(&beside(aside, "-wal")), "{how}");
        let wal = std::fs::read(beside(aside, "-wal")).unwrap();
        assert_eq!(wal, b"not really frames", "{how}");
        place.assert_restored(&report, how);
        let expected = 2 + report.moved_aside.len();
        assert_eq!(names(place.folder.path()).len(), expected, "{how}");
    }
}

#[test]
fn a_broken_file_that_somebody_has_open_or_that_has_two_names_is_not_replaced() {
    let place = Place::new("DELETE");
    let bytes = ruin(&place, "header ruined");
    let mut holder = Command::new("sleep")
        .arg("60")
        .stdin(std::fs::File::open(place.database()).unwrap())
        .spawn()
        .unwrap();
    let error = place.restore().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.facts().problems[0].starts_with("sleep (pid "), "{:?}", error.facts().problems);
    holder.kill().unwrap();
    holder.wait().unwrap();
    let other = place.folder.path().join("other.db");
    std::fs::hard_link(place.database(), &other).unwrap();
    let error = place.restore().unwrap_err();
    assert_eq!((error.kind(), error.state()), (ErrorKind::Restore, DatabaseState::Unchanged));
    assert!(error.to_string().contains("2 names"), "{error}");
    assert!(std::fs::read(place.database()).unwrap() == bytes);
    std::fs::remove_file(&other).unwrap();
    place.assert_restored(&place.restore().unwrap(), "at last");
}

#[test]
fn a_leftover_wal_does_not_bring_newer_rows_back() {
    // A program dies with newer rows in the WAL.
    let crashed = || {
        let place = Place::new("WAL");
        let mut other = Other::start(&place.database());
        other.say("PRAGMA wal_autocheckpoint=0");
        other.say("INSERT INTO notes VALUES ('newer')");
        other.say("UPDATE tags SET n = 'newer'");
        other.kill();
        assert!(std::fs::metadata(beside(&place.database(), "-wal")).unwrap().len() > 0);
        place
    };
    let naive = crashed();
    std::fs::copy(&naive.backup.path, naive.database()).unwrap();
    let found = try_sqlite3(&naive.database(), ".dump");
    assert!(found.is_err() || found.is_ok_and(|dump| dump != naive.old), "cp is no restore");

    let place = crashed();
    let report = place.restore().unwrap();
    let kept = report.safety_backup.clone().unwrap();
    assert_eq!(sqlite3(&kept, "SELECT count(*) FROM notes"), "3");
    place.assert_restored(&report, "API");

    // Without the main file the WAL is moved aside.
    let place = crashed();
    std::fs::remove_file(place.database()).unwrap();
    let report = place.restore().unwrap();
    assert!(report.moved_aside.iter().any(|path| path.to_str().unwrap().ends_with(".db-wal")));
    place.assert_restored(&report, "missing");

    // An empty main file with a WAL beside it is not opened either.
    let place = crashed();
    std::fs::write(place.database(), b"").unwrap();
    let report = place.restore().unwrap();
    assert_eq!(report.method, RestoreMethod::Replace);
    place.assert_restored(&report, "empty");
}

#[test]
fn a_journal_of_a_crashed_program_is_rolled_back_first() {
    let place = Place::new("DELETE");
    let mut other = Other::start(&place.database());
    // A small cache writes pages before the commit.
    other.say("PRAGMA cache_size=2");
    other.say("BEGIN");
    other.say("UPDATE sessions SET data = randomblob(200), name = 'half'");
    other.kill();
    assert!(std::fs::metadata(beside(&place.database(), "-journal")).unwrap().len() > 0);
    let restore = place.prepare(&place.database()).unwrap();
    assert!(matches!(restore.plan().live, LiveState::Crashed(_)), "{:?}", restore.plan().live);
    let report = restore.run(&mut Silent).unwrap();
    place.assert_kept(&report, "hot journal");
    place.assert_restored(&report, "hot journal");
}

#[test]
fn a_foreign_backup_in_wal_mode_does_not_change_the_journal_mode() {
    for journal in ["DELETE", "WAL"] {
        let mut place = Place::new(journal);
        let foreign = place.folder.path().join("foreign.db");
        sqlite3(&foreign, &format!("PRAGMA journal_mode=WAL; {OLD}"));
        place.backup = BackupEntry::at(&RealFiles, &foreign).unwrap();
        let restore = place.prepare(&place.database()).unwrap();
        assert!(!restore.plan().verification.against_manifest);
        let report = restore.run(&mut Silent).unwrap();
        place.assert_restored(&report, journal);
        let now = sqlite3(&place.database(), "PRAGMA journal_mode");
        assert_eq!(now, journal.to_lowercase());
    }
}

#[test]
fn an_interrupt_rolls_the_restore_back() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new(journal);
        // More pages than one step copies, so that there is a middle.
        sqlite3(&place.database(), "DELETE FROM notes");
        sqlite3(&place.backup.path, "CREATE TABLE big AS SELECT zeroblob(6000000)");
        std::fs::remove_file(beside(&place.backup.path, ".json")).unwrap();
        let backup = BackupEntry::at(&RealFiles, &place.backup.path).unwrap();
        let before = sqlite3(&place.database(), ".dump");
        let interrupt = place.options.interrupt.clone();
        let mut observer = |event: &Event| {
            if matches!(event, Event::Progress { stage: Stage::Restore, .. }) {
                interrupt.request();
            }
        };
        let place = Place { backup, ..place };
        let error = place.restore_to(&place.database(), &mut observer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(error.state(), DatabaseState::RolledBack);
        assert!(error.facts().backup.is_some());
        assert_eq!(sqlite3(&place.database(), ".dump"), before, "{journal}");
        assert!(!beside(&place.database(), "-journal").exists(), "{journal}");
    }
}

#[test]
fn an_interrupt_after_the_write_does_not_make_it_look_undone() {
    let place = Place::new("DELETE");
    let interrupt = place.options.interrupt.clone();
    let mut observer = |event: &Event| {
        if let Event::Progress { stage: Stage::Restore, done, total, .. } = event
            && done == total
        {
            interrupt.request();
        }
    };
    let error = place.restore_to(&place.database(), &mut observer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.state(), DatabaseState::Done);
    assert!(error.to_string().starts_with("the database was restored; only"), "{error}");
    assert_eq!(sqlite3(&place.database(), ".dump"), place.old);
}

#[test]
fn every_failing_file_step_leaves_the_old_or_the_new_content() {
    for how in ["whole", "header ruined", "missing"] {
        let mut failed = 0;
        for at in 0.. {
            let place = Place::new("DELETE");
            let before = match how {
                "whole" => std::fs::read(place.database()).unwrap(),
                "missing" => {
                    std::fs::remove_file(place.database()).unwrap();
                    Vec::new()
                }
                how => ruin(&place, how),
            };
            let files = Arc::new(Failing { at, ..Failing::default() });
            // Only what the restore itself does may fail.
            files.steps.store(usize::MAX / 2, Ordering::SeqCst);
            let restore = place.prepare_with(&place.database(), &options(files.clone())).unwrap();
            files.steps.store(0, Ordering::SeqCst);
            files.log.lock().unwrap().clear();
            let what = format!("{how}, step {at}");
            match restore.run(&mut Silent) {
                Ok(report) => {
                    assert_eq!(sqlite3(&place.database(), ".dump"), place.old, "{what}");
                    if files.steps.load(Ordering::SeqCst) <= at {
                        assert_eq!(report.follow_up, None, "{what}");
                        break;
                    }
                    // A file that cannot be linked is copied.
                    let copied = files.log.lock().unwrap()[at].starts_with("link ");
                    assert!(report.follow_up.is_some() || copied, "{what}");
                }
                Err(error) => {
                    assert_eq!(error.state(), DatabaseState::Unchanged, "{what}: {error}");
                    let now = std::fs::read(place.database()).unwrap_or_default();
                    assert!(now == before, "{what}");
                    let names = names(place.folder.path());
                    let expected = if how == "missing" { 1 } else { 2 };
                    assert_eq!(names.len(), expected, "{what}: {names:?}");
                    // Once more, without the fault.
                    let report = place.restore().expect(&what);
                    place.assert_restored(&report, &what);
                }
            }
            failed += 1;
        }
        assert!(failed >= 5, "{how}: {failed}");
    }
}

#[test]
fn everything_is_durable_before_the_new_file_gets_the_name() {
    let place = Place::new("DELETE");
    ruin(&place, "header ruined");
    std::fs::write(beside(&place.database(), "-wal"), b"not really frames").unwrap();
    let files = Arc::new(Failing { at: usize::MAX, ..Failing::default() });
    let restore = place.prepare_with(&place.database(), &options(files.clone())).unwrap();
    files.log.lock().unwrap().clear();
    let report = restore.run(&mut Silent).unwrap();
    let folder = place.folder.path().file_name().unwrap().to_str().unwrap();
    let aside = report.moved_aside[0].file_name().unwrap().to_str().unwrap().to_owned();
    let log = files.log.lock().unwrap();
    let steps: Vec<&str> =
        log.iter().map(String::as_str).filter(|step| !step.starts_with("reader")).collect();
    let part = steps[0].strip_prefix("copy ").unwrap();
    assert!(part.ends_with(&format!(".db.{}.part", std::process::id())), "{part}");
    let expected = [
        format!("copy {part}"),
        format!("sync file {part}"),
        format!("set access {part}"),
        format!("link {aside}"),
        format!("rename new {aside}-wal"),
        format!("rename new {aside}-shm"),
        format!("sync folder {folder}"),
        "rename over fits.db".to_owned(),
        format!("sync folder {folder}"),
    ];
    let expected: Vec<&str> = expected
        .iter()
        .map(String::as_str)
        .filter(|step| !step.ends_with("-shm") || report.moved_aside.len() > 2)
        .collect();
    assert_eq!(steps, expected);
}

#[test]
fn holders_are_named_with_what_they_do() {
    let cases = [
        ("DELETE", Who::Idle, Holding::Open),
        ("DELETE", Who::Reader, Holding::Reading),
        ("DELETE", Who::Writer, Holding::Writing),
        ("WAL", Who::Idle, Holding::Open),
        ("WAL", Who::Reader, Holding::Reading),
        ("WAL", Who::Writer, Holding::Writing),
    ];
    for (journal, who, how) in cases {
        let place = Place::new(journal);
        assert_eq!(holders(&place.database(), &RealFiles), Vec::new());
        let other = start(who, &place.database()).unwrap();
        let found = holders(&place.database(), &RealFiles);
        assert_eq!(found.len(), 1, "{journal} {who:?}: {found:?}");
        assert_eq!((found[0].pid, found[0].how), (other.id(), how), "{journal} {who:?}");
        assert!(found[0].to_string().starts_with("python"), "{}", found[0]);
    }
}
