//! Backups, judged from outside: by the `sqlite3` program, by what is in the folder, by planted faults.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};
use phaseshift::backup::{
    BackupEntry, BackupLabel, BackupRequest, Checked, KeptBackup, KeptBecause, LabelKind,
    PruneMode, Retention, Rules, VerifiedBackup, create, create_checked, leftovers, list, prune,
    remove_leftovers, verify,
};
use phaseshift::database::{Access, Database, OpenOptions};
use phaseshift::event::{Event, Interrupt, Observer, Silent, Stage};
use phaseshift::files::{Files, RealFiles, Stat};
use phaseshift::{ErrorKind, Result};
use support::{as_on_disk, without_realm};

/// What happens to the file behind the program's back, once.
type Plant = Box<dyn Fn(&Path) + Send + Sync>;

/// The real file system with a clock, faults and promises of the test.
#[derive(Default)]
struct Stand {
    now: Mutex<Option<DateTime<FixedOffset>>>,
    steps: AtomicUsize,
    log: Mutex<Vec<String>>,
    fail_at: Option<usize>,
    failure: Option<io::ErrorKind>,
    /// Runs when the finished copy is looked at for the first time.
    plant: Mutex<Option<Plant>>,
    promises: Mutex<Vec<String>>,
    /// Whether it is used by one thread only: what runs beside then runs at the end.
    one_thread: bool,
}

impl std::fmt::Debug for Stand {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Stand")
    }
}

impl Stand {
    fn step(&self, what: &str, path: &Path) -> io::Result<()> {
        let name = without_realm(&path.file_name().unwrap().to_string_lossy());
        self.log.lock().unwrap().push(format!("{what} {name}"));
        let step = self.steps.fetch_add(1, Ordering::SeqCst);
        match (self.fail_at, self.failure) {
            (Some(at), Some(kind)) if at == step => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn set_clock(&self, text: &str) {
        *self.now.lock().unwrap() = Some(DateTime::parse_from_rfc3339(text).unwrap());
    }
}

impl Files for Stand {
    as_on_disk!(space, read, remove);
    fn vfs(&self) -> Option<&str> {
        self.one_thread.then_some("unix")
    }
    fn now(&self) -> DateTime<FixedOffset> {
        self.now.lock().unwrap().unwrap_or_else(|| RealFiles.now())
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.step("canonical", path)?;
        RealFiles.canonical(path)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let stat = RealFiles.stat(path)?;
        let is_part = path.extension().is_some_and(|extension| extension == "part");
        if is_part && stat.is_some_and(|stat| stat.bytes > 0) {
            let plant = self.plant.lock().unwrap().take();
            if let Some(plant) = plant {
                plant(path);
            }
        }
        Ok(stat)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        self.step("list", folder)?;
        RealFiles.list(folder)
    }
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
        self.step("copy", to)?;
        RealFiles.copy(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename new", to)?;
        RealFiles.rename_new(from, to)
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
    fn promised(&self, what: &str) {
        self.log.lock().unwrap().push("promised".to_owned());
        self.promises.lock().unwrap().push(what.to_owned());
    }
}

/// The umask belongs to the whole process: the one test that changes it waits for the others.
static UMASK: RwLock<()> = RwLock::new(());

/// A folder with one database, `fits.db`.
struct Place {
    folder: tempfile::TempDir,
    options: OpenOptions,
}

impl Place {
    fn new(sql: &str) -> Self {
        Self::with(Arc::new(RealFiles), sql)
    }

    fn with(files: Arc<dyn Files>, sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wait = Duration::from_millis(200);
        let place =
            Self { folder, options: OpenOptions { files, wait, interrupt: Interrupt::default() } };
        let _usual = UMASK.read();
        sqlite3(&place.database(), sql);
        place
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("fits.db")
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    fn source(&self) -> Database {
        Database::open(&self.database(), Access::ReadOnly, &self.options).unwrap()
    }

    fn backup(&self) -> Result<VerifiedBackup> {
        self.backup_as(BackupLabel::Before("phase3".into()), &mut Silent)
    }

    fn backup_as(&self, label: BackupLabel, observer: &mut dyn Observer) -> Result<VerifiedBackup> {
        let _usual = UMASK.read();
        self.backup_under_any_umask(label, observer)
    }

    fn backup_under_any_umask(
        &self,
        label: BackupLabel,
        observer: &mut dyn Observer,
    ) -> Result<VerifiedBackup> {
        let folder = self.backups();
        let phase = Some("phase3".to_owned());
        let request = BackupRequest { folder: &folder, label, phase, version: Some(1) };
        create(&self.source(), &request, observer)
    }

    /// A backup whose integrity is still being checked when it has its name.
    fn backup_beside(&self) -> Result<VerifiedBackup> {
        let folder = self.backups();
        let label = BackupLabel::Before("phase3".into());
        let request = BackupRequest { folder: &folder, label, phase: None, version: Some(1) };
        let _usual = UMASK.read();
        create_checked(&self.source(), &request, Checked::BackgroundCheck, &mut Silent)
    }

    fn list(&self) -> Vec<BackupEntry> {
        list(self.options.files.as_ref(), &self.backups(), &self.database()).unwrap()
    }

    /// The names in the folder of backups.
    fn names(&self) -> Vec<String> {
        names(&self.backups())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs SQL in the `sqlite3` program.
fn sqlite3(path: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3").arg("-batch").arg(path).arg(sql).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Holds a connection open behind the program's back.
fn hold(path: &Path, sql: &str) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch(sql).unwrap();
    connection
}

fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

const SESSIONS: &str = "
    CREATE TABLE sessions(id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB);
    CREATE INDEX by_name ON sessions(name);
    CREATE TABLE tags(tag TEXT PRIMARY KEY, n) WITHOUT ROWID;
    INSERT INTO tags VALUES ('a', 1), ('b', 2.5);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 200)
    INSERT INTO sessions SELECT n, 'session ' || n, zeroblob(20) FROM c;";

#[test]
fn a_backup_holds_what_the_database_holds() {
    let place = Place::new(SESSIONS);
    let mut events = Vec::new();
    let mut observer = |event: &Event| events.push(event.clone());
    let backup = place.backup_as(BackupLabel::Before("phase3".into()), &mut observer).unwrap();
    let name = backup.path().file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("fits_pre_phase3_2"), "{name}");
    let rows: Vec<_> = backup.tables().iter().map(|it| (it.table.as_str(), it.rows)).collect();
    assert_eq!(rows, [("sessions", 200), ("tags", 2)]);
    let path = backup.path().to_path_buf();
    let manifest = backup.manifest().clone();
    drop(backup);
    assert_eq!(sqlite3(&path, ".dump"), sqlite3(&place.database(), ".dump"));
    assert_eq!(place.names().len(), 2, "{:?}", place.names());
    assert_eq!((manifest.sequence, manifest.label), (1, LabelKind::BeforePhase));
    assert_eq!((manifest.phase.as_deref(), manifest.version), (Some("phase3"), Some(1)));
    assert_eq!(manifest.source, std::fs::canonicalize(place.database()).unwrap());
    assert!(manifest.created.ends_with('Z'), "{}", manifest.created);
    let started = events.iter().position(|it| matches!(it, Event::BackupStarted { .. }));
    let verified = events.iter().position(|it| matches!(it, Event::BackupVerified { .. }));
    assert_eq!((started, verified), (Some(0), Some(events.len() - 1)));
    let stages: Vec<_> = events
        .iter()
        .filter_map(|it| if let Event::Progress { stage, .. } = it { Some(*stage) } else { None })
        .collect();
    assert!(stages.contains(&Stage::Backup) && stages.contains(&Stage::VerifyBackup));
}

#[test]
fn rows_that_only_the_wal_holds_are_in_the_backup() {
    let place = Place::new("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(0)");
    let writer = hold(
        &place.database(),
        "PRAGMA wal_autocheckpoint=0;
         WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 1000)
         INSERT INTO t SELECT n FROM c",
    );
    let naive = place.folder.path().join("naive.db");
    std::fs::copy(place.database(), &naive).unwrap();
    assert_eq!(sqlite3(&naive, "SELECT count(*) FROM t"), "1");
    let backup = place.backup().unwrap();
    let path = backup.path().to_path_buf();
    drop(backup);
    assert_eq!(sqlite3(&path, "SELECT count(*), sum(x) FROM t"), "1001|500500");
    assert_eq!(sqlite3(&path, "PRAGMA journal_mode"), "delete");
    assert_eq!(place.names().len(), 2, "{:?}", place.names());
    // The writer goes on as if nothing had happened.
    writer.execute_batch("INSERT INTO t VALUES (-1)").unwrap();
    assert_eq!(sqlite3(&place.database(), "PRAGMA journal_mode"), "wal");
}

#[test]
fn a_backup_is_possible_under_the_write_lock_of_a_sibling() {
    for journal in ["DELETE", "WAL"] {
        let place = Place::new(&format!("PRAGMA journal_mode={journal}; {SESSIONS}"));
        let writer = Database::open(&place.database(), Access::Write, &place.options).unwrap();
        writer.connection().execute_batch("BEGIN IMMEDIATE; PRAGMA user_version=0").unwrap();
        let backup = place.backup().unwrap();
        assert_eq!(backup.tables()[0].rows, 200, "{journal}");
        // The lock is still ours.
        let other = hold(&place.database(), "PRAGMA busy_timeout=0");
        assert!(other.execute_batch("BEGIN IMMEDIATE").is_err(), "{journal}");
        writer.connection().execute_batch("COMMIT").unwrap();
    }
}

#[test]
fn a_backup_is_never_more_readable_than_the_database() {
    for umask in [0o000, 0o002, 0o022, 0o027, 0o077] {
        for mode in [0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o400, 0o440] {
            let place = Place::new(SESSIONS);
            std::fs::set_permissions(place.database(), PermissionsExt::from_mode(mode)).unwrap();
            let other = UMASK.write();
            let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
            let label = BackupLabel::Before("phase3".into());
            let backup = place.backup_under_any_umask(label, &mut Silent);
            rustix::process::umask(before);
            drop(other);
            let path = backup.unwrap().path().to_path_buf();
            let manifest = phaseshift::database::beside(&path, ".json");
            for path in [path, manifest] {
                let found = mode_of(&path);
                assert_eq!(found, mode, "umask {umask:o}, source {mode:o}, copy {found:o}");
            }
        }
    }
}

#[test]
fn twenty_backups_in_one_second_keep_their_order() {
    let files = Arc::new(Stand::default());
    files.set_clock("2024-10-27T02:30:00+02:00");
    let place = Place::with(files.clone(), SESSIONS);
    let made: Vec<PathBuf> =
        (0..20).map(|_| place.backup().unwrap().path().to_path_buf()).collect();
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), 20);
    assert!(made[0].ends_with("fits_pre_phase3_20241027_023000.db"));
    assert!(made[19].ends_with("fits_pre_phase3_20241027_023000_20.db"));
    let listed: Vec<PathBuf> = place.list().into_iter().map(|entry| entry.path).collect();
    assert_eq!(listed, made.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(files.promises.lock().unwrap().len(), 20);
}

#[test]
fn a_clock_that_goes_backwards_changes_no_order() {
    let files = Arc::new(Stand::default());
    let place = Place::with(files.clone(), SESSIONS);
    // Forth, back, over the end of summer time, and before the epoch.
    let times = [
        "2031-01-01T00:00:00+00:00",
        "2024-10-27T02:30:00+02:00",
        "2024-10-27T02:30:00+01:00",
        "1969-12-31T23:59:59-03:00",
        "2024-10-27T02:29:59+01:00",
    ];
    let made: Vec<PathBuf> = times
        .iter()
        .map(|time| {
            files.set_clock(time);
            place.backup().unwrap().path().to_path_buf()
        })
        .collect();
    let entries = place.list();
    let listed: Vec<&Path> = entries.iter().map(|entry| entry.path.as_path()).collect();
    assert_eq!(listed, made.iter().rev().map(PathBuf::as_path).collect::<Vec<_>>());
    assert_eq!(entries[1].manifest.as_ref().unwrap().created, "1970-01-01T02:59:59.000Z");
}

#[test]
fn one_flipped_byte_is_always_noticed() {
    let place = Place::new(SESSIONS);
    let entry = place.backup().unwrap().into_entry().unwrap();
    verify(&entry, &place.options, &mut Silent).unwrap();
    let whole = std::fs::read(&entry.path).unwrap();
    let offsets = (0..100).chain((100..whole.len()).step_by(37));
    let mut tried = 0;
    for offset in offsets {
        let mut bytes = whole.clone();
        bytes[offset] ^= 1 << (offset % 8);
        std::fs::write(&entry.path, &bytes).unwrap();
        let error = verify(&entry, &place.options, &mut Silent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackupDamaged, "offset {offset}");
        assert!(!error.facts().problems.is_empty());
        tried += 1;
    }
    assert!(tried > 400, "{tried}");
    std::fs::write(&entry.path, &whole).unwrap();
    verify(&entry, &place.options, &mut Silent).unwrap();
}

#[test]
fn other_damage_of_a_backup_is_noticed_too() {
    let place = Place::new(SESSIONS);
    let entry = place.backup().unwrap().into_entry().unwrap();
    let whole = std::fs::read(&entry.path).unwrap();
    let damaged = |what: &str| {
        let error = verify(&entry, &place.options, &mut Silent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackupDamaged, "{what}");
    };
    std::fs::write(&entry.path, &whole[..whole.len() / 2]).unwrap();
    damaged("cut");
    assert!(!place.list()[0].is_verified());
    std::fs::write(&entry.path, b"").unwrap();
    damaged("empty");
    std::fs::write(&entry.path, [whole.as_slice(), b"x"].concat()).unwrap();
    damaged("longer");
    std::fs::write(&entry.path, &whole).unwrap();
    let wal = phaseshift::database::beside(&entry.path, "-wal");
    std::fs::write(&wal, b"frames").unwrap();
    damaged("a WAL beside it");
    std::fs::remove_file(&wal).unwrap();
    std::fs::remove_file(&entry.path).unwrap();
    let error = verify(&entry, &place.options, &mut Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DatabaseMissing);
}

#[test]
fn without_its_manifest_a_backup_is_listed_last_and_checked_in_itself() {
    let place = Place::new(SESSIONS);
    let first = place.backup().unwrap().into_entry().unwrap();
    let second = place.backup().unwrap().into_entry().unwrap();
    let third = place.backup().unwrap().into_entry().unwrap();
    let manifest = |entry: &BackupEntry| phaseshift::database::beside(&entry.path, ".json");
    std::fs::remove_file(manifest(&third)).unwrap();
    std::fs::write(manifest(&second), b"{\"format\": 1, ").unwrap();
    let entries = place.list();
    assert_eq!(entries[0].path, first.path);
    assert!(entries[0].is_verified());
    assert!(!entries[1].is_verified() && !entries[2].is_verified());
    let found = verify(&entries[1], &place.options, &mut Silent).unwrap();
    assert!(!found.against_manifest);
    assert_eq!(found.tables[0].rows, 200);
    // A manifest under another name proves nothing.
    std::fs::copy(manifest(&first), manifest(&third)).unwrap();
    let entry = BackupEntry::at(&RealFiles, &third.path).unwrap();
    assert!(entry.problem.unwrap().contains("belongs to"));
}

#[test]
fn a_copy_that_differs_is_refused() {
    let faults = [
        ("a missing row", "DELETE FROM sessions WHERE id = 77"),
        ("another row", "INSERT INTO sessions VALUES (1000, 'x', NULL)"),
        ("a value", "UPDATE sessions SET name = 'x' WHERE id = 5"),
        ("a storage class", "UPDATE tags SET n = '1' WHERE tag = 'a'"),
        ("a row without rowid", "DELETE FROM tags WHERE tag = 'b'"),
        ("an index", "DROP INDEX by_name"),
        ("a table", "CREATE TABLE other(x)"),
        ("the user version", "PRAGMA user_version = 9"),
        ("the application id", "PRAGMA application_id = 9"),
    ];
    for (what, sql) in faults {
        let files = Arc::new(Stand::default());
        let place = Place::with(files.clone(), SESSIONS);
        *files.plant.lock().unwrap() = Some(Box::new(move |path| {
            sqlite3(path, sql);
        }));
        let error = place.backup().expect_err(what);
        assert!(files.plant.lock().unwrap().is_none(), "{what} was not planted");
        assert_eq!(error.kind(), ErrorKind::Backup, "{what}: {error}");
        assert!(!error.facts().problems.is_empty(), "{what}: {error}");
        assert_eq!(place.names(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_copy_with_a_damaged_page_is_refused() {
    let files = Arc::new(Stand::default());
    let place = Place::with(files.clone(), SESSIONS);
    *files.plant.lock().unwrap() = Some(Box::new(|path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[4_096..4_200].fill(0xEE);
        std::fs::write(path, bytes).unwrap();
    }));
    let error = place.backup().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backup, "{error}");
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn a_damaged_database_is_named_as_such() {
    let place = Place::new(SESSIONS);
    let mut bytes = std::fs::read(place.database()).unwrap();
    bytes[2 * 4_096..2 * 4_096 + 100].fill(0xEE);
    std::fs::write(place.database(), &bytes).unwrap();
    let error = place.backup().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}: {:?}", error.causes());
    assert_eq!(place.names(), Vec::<String>::new());
    assert_eq!(std::fs::read(place.database()).unwrap(), bytes);
}

/// A database in which an index misses a row, though every page can be read.
const DAMAGED: &str = "CREATE TABLE t(a, b); CREATE INDEX i ON t(b); INSERT INTO t VALUES (1, 2);
    PRAGMA writable_schema=ON; CREATE TEMP TABLE kept AS SELECT * FROM main.sqlite_schema;
    DELETE FROM sqlite_schema WHERE name = 'i'; PRAGMA writable_schema=RESET;
    INSERT INTO t VALUES (5, 6); PRAGMA writable_schema=ON;
    INSERT INTO main.sqlite_schema SELECT * FROM temp.kept WHERE name = 'i';";

#[test]
fn a_check_beside_that_finds_damage_says_so_and_the_promised_backup_stays() {
    let place = Place::new(DAMAGED);
    let bytes = std::fs::read(place.database()).unwrap();
    let mut backup = place.backup_beside().unwrap();
    let error = backup.await_check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackupDamaged, "{error}: {:?}", error.causes());
    assert!(!error.facts().problems.is_empty());
    let error = VerifiedBackup::attribute_damage(error, &place.source());
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}: {:?}", error.causes());
    assert!(!error.facts().problems.is_empty());
    assert!(backup.await_check().is_ok(), "it is said once");
    drop(backup);
    let listed = place.list();
    assert_eq!((listed.len(), place.names().len()), (1, 2), "{:?}", place.names());
    assert!(!listed[0].is_verified(), "{listed:?}");
    assert!(listed[0].problem.as_ref().is_some_and(|it| it.contains("damage")), "{listed:?}");
    assert!(verify(&listed[0], &place.options, &mut Silent).is_err());
    assert_eq!(std::fs::read(place.database()).unwrap(), bytes);
}

#[test]
fn a_check_beside_that_cannot_read_the_backup_fails_and_the_promised_backup_stays() {
    for damage in ["no file", "no database", "half a file"] {
        let files = Arc::new(Stand { one_thread: true, ..Stand::default() });
        let place = Place::with(
            files,
            &format!("{SESSIONS}; CREATE TABLE more AS SELECT zeroblob(30000);"),
        );
        let mut backup = place.backup_beside().unwrap();
        let path = backup.path().to_path_buf();
        match damage {
            "no file" => std::fs::remove_file(&path).unwrap(),
            "no database" => std::fs::write(&path, vec![7; 8_192]).unwrap(),
            _ => {
                std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(8_192).unwrap()
            }
        }
        let left = place.names();
        let error = backup.await_check().unwrap_err();
        let words = format!("{damage}: {error}: {:?}", error.causes());
        assert!(matches!(error.kind(), ErrorKind::Backup | ErrorKind::BackupDamaged), "{words}");
        drop(backup);
        assert_eq!(place.names(), left, "{words}");
    }
}

#[test]
fn a_check_beside_can_be_stopped_and_says_so() {
    let place = Place::new(SESSIONS);
    let mut backup = place.backup_beside().unwrap();
    place.options.interrupt.request();
    assert_eq!(backup.await_check().unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(place.names().len(), 2);
    assert!(place.list()[0].is_verified());
}

#[test]
fn rows_that_break_rules_already_are_backed_up() {
    let place = Place::new(
        "CREATE TABLE t(a, b CHECK (b > 0)); INSERT INTO t VALUES (NULL, 1), (2, 2);
         PRAGMA ignore_check_constraints=ON; INSERT INTO t VALUES (3, -3);
         PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'a, b', 'a NOT NULL, b');",
    );
    assert!(sqlite3(&place.database(), "PRAGMA integrity_check").contains("NULL value in t.a"));
    let backup = place.backup().unwrap();
    assert_eq!(backup.tables()[0].rows, 3);
}

#[test]
fn an_unknown_collation_does_not_stop_a_backup() {
    let place = Place::new("CREATE TABLE other(x)");
    {
        let connection = hold(&place.database(), "");
        connection.create_collation("odd", |one: &str, two: &str| one.cmp(two)).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t(x COLLATE odd); CREATE INDEX i ON t(x);
                 INSERT INTO t VALUES ('a'), ('b')",
            )
            .unwrap();
    }
    let entry = place.backup().unwrap().into_entry().unwrap();
    let found = verify(&entry, &place.options, &mut Silent).unwrap();
    assert_eq!(found.unchecked.len(), 1, "{found:?}");
}

#[test]
fn everything_is_durable_before_the_backup_is_promised() {
    let files = Arc::new(Stand::default());
    files.set_clock("2024-10-27T02:30:00+02:00");
    let place = Place::with(files.clone(), SESSIONS);
    place.backup().unwrap();
    let name = "fits_pre_phase3_20241027_023000.db";
    let pid = std::process::id();
    let root = place.folder.path().file_name().unwrap().to_str().unwrap();
    let expected = [
        "create folder backups".to_owned(),
        format!("sync folder {root}"),
        "list backups".to_owned(),
        format!("create {name}.{pid}.part"),
        format!("reader {name}.{pid}.part"),
        format!("sync file {name}.{pid}.part"),
        format!("set access {name}.{pid}.part"),
        "canonical fits.db".to_owned(),
        "list backups".to_owned(),
        format!("create {name}.json.{pid}.part"),
        format!("sync file {name}.json.{pid}.part"),
        format!("set access {name}.json.{pid}.part"),
        format!("rename new {name}"),
        format!("rename new {name}.json"),
        "sync folder backups".to_owned(),
        "promised".to_owned(),
    ];
    let mut log = files.log.lock().unwrap().clone();
    // The first sync goes on beside the comparison, at any moment of it; the second one counts.
    let created = log.iter().position(|it| *it == expected[3]);
    let beside = log.iter().position(|it| *it == expected[5]).expect("a sync");
    assert!(created < Some(beside), "{log:?}");
    log.remove(beside);
    // The permissions are set a second time where the group may have more than everybody.
    log.dedup();
    assert_eq!(log, expected);
}

#[test]
fn every_failing_file_step_leaves_nothing_or_a_whole_backup() {
    let reference = Arc::new(Stand::default());
    Place::with(reference.clone(), SESSIONS).backup().unwrap();
    let steps = reference.steps.load(Ordering::SeqCst);
    assert!(steps >= 12, "{steps}");
    let log = reference.log.lock().unwrap().clone();
    let looks_for_leftovers = log.iter().position(|it| it.starts_with("list ")).unwrap();
    let kinds = [io::ErrorKind::StorageFull, io::ErrorKind::Other, io::ErrorKind::PermissionDenied];
    for (step, kind) in (0..steps).flat_map(|step| kinds.map(|kind| (step, kind))) {
        let files =
            Arc::new(Stand { fail_at: Some(step), failure: Some(kind), ..Stand::default() });
        let place = Place::with(files.clone(), SESSIONS);
        if step == looks_for_leftovers {
            // What killed runs left is no reason not to make a backup.
            place.backup().unwrap();
            continue;
        }
        let error = place.backup().expect_err(&format!("step {step}"));
        assert_eq!(error.kind(), ErrorKind::Backup, "step {step}: {error}");
        assert!(!error.causes().is_empty());
        assert!(files.promises.lock().unwrap().is_empty(), "step {step}");
        let names = place.names();
        assert!(names.iter().all(|name| !name.contains(".part")), "step {step}: {names:?}");
        for entry in place.list() {
            assert!(entry.is_verified(), "step {step}: {entry:?}");
            verify(&entry, &place.options, &mut Silent).unwrap();
        }
        assert_eq!(names.len() % 2, 0, "step {step}: {names:?}");
    }
}

#[test]
fn an_interrupt_is_no_success_and_leaves_nothing() {
    for stage in [Stage::Backup, Stage::VerifyBackup] {
        let place = Place::new(SESSIONS);
        let interrupt = place.options.interrupt.clone();
        let mut observer = |event: &Event| {
            if matches!(event, Event::Progress { stage: found, .. } if *found == stage) {
                interrupt.request();
            }
        };
        let label = BackupLabel::Named("mine".into());
        let error = place.backup_as(label, &mut observer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(place.names(), Vec::<String>::new());
    }
}

#[test]
fn an_exclusive_lock_is_reported_as_busy() {
    let place = Place::new(SESSIONS);
    let source = place.source();
    let _other = hold(&place.database(), "BEGIN EXCLUSIVE");
    let folder = place.backups();
    let label = BackupLabel::BeforeRestore;
    let request = BackupRequest { folder: &folder, label, phase: None, version: None };
    let error = create(&source, &request, &mut Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn a_folder_that_cannot_be_made_is_a_failed_backup() {
    let place = Place::new(SESSIONS);
    std::fs::write(place.backups(), b"a file").unwrap();
    let error = place.backup().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backup, "{error}");
    assert_eq!(error.facts().database.as_deref(), Some(place.database().as_path()));
}

#[test]
fn leftovers_of_dead_processes_are_listed_and_removed() {
    let place = Place::new(SESSIONS);
    let kept = place.backup().unwrap().path().to_path_buf();
    let mut child = Command::new("true").spawn().unwrap();
    let dead = child.id();
    child.wait().unwrap();
    let mut living = Command::new("sleep").arg("60").spawn().unwrap();
    let name = "fits_pre_phase3_20240101_000000.db";
    let left = [
        format!("{name}.{dead}.part"),
        format!("{name}.{dead}.part-journal"),
        format!("{name}.json.{dead}.part"),
    ];
    let busy = format!("{name}.{}.part", living.id());
    let foreign = format!("other_pre_phase3_20240101_000000.db.{dead}.part");
    for name in left.iter().chain([&busy, &foreign]) {
        std::fs::write(place.backups().join(name), b"half").unwrap();
    }
    let found = leftovers(&RealFiles, &place.backups(), "fits").unwrap();
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(found.iter().filter(|leftover| leftover.alive).count(), 1);
    // None of them is taken for a backup.
    assert_eq!(place.list().len(), 1);
    let removed = remove_leftovers(&RealFiles, &place.backups(), "fits").unwrap();
    living.kill().unwrap();
    living.wait().unwrap();
    assert_eq!(removed.len(), 3, "{removed:?}");
    let names = place.names();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains(&busy) && names.contains(&foreign) && kept.exists());
}

#[test]
fn databases_of_similar_names_keep_their_backups_apart() {
    let place = Place::new(SESSIONS);
    let other = place.folder.path().join("fits_old.db");
    std::fs::copy(place.database(), &other).unwrap();
    place.backup().unwrap();
    let folder = place.backups();
    let source = Database::open(&other, Access::ReadOnly, &place.options).unwrap();
    let label = BackupLabel::Before("phase3".into());
    let request = BackupRequest { folder: &folder, label, phase: None, version: None };
    let backup = create(&source, &request, &mut Silent).unwrap();
    assert_eq!(backup.manifest().sequence, 1);
    assert_eq!(place.list().len(), 1);
    assert_eq!(list(&RealFiles, &folder, &other).unwrap().len(), 1);
    assert_eq!(list(&RealFiles, &folder.join("missing"), &other).unwrap(), Vec::new());
}

/// Makes six backups, one a day.
fn six_days() -> (Arc<Stand>, Place) {
    let files = Arc::new(Stand::default());
    let place = Place::with(files.clone(), SESSIONS);
    for day in 1..=6 {
        files.set_clock(&format!("2024-05-0{day}T12:00:00+02:00"));
        place.backup().unwrap();
    }
    (files, place)
}

#[test]
fn pruning_keeps_what_any_rule_keeps() {
    let cases = [
        (None, None, 0),
        (Some(6), None, 0),
        (Some(2), None, 4),
        (None, Some(3), 2),
        (Some(5), Some(1), 1),
        (Some(0), None, 5),
        (None, Some(0), 5),
    ];
    for (keep, keep_days, removed) in cases {
        let (_, place) = six_days();
        let entries = place.list();
        let rules = Rules { retention: Retention { keep, keep_days }, ..Rules::default() };
        let would = prune(&entries, &rules, &place.options, PruneMode::DryRun).unwrap();
        assert_eq!(place.list().len(), 6);
        let gone = prune(&entries, &rules, &place.options, PruneMode::Remove).unwrap();
        assert_eq!(would, gone);
        assert_eq!(gone.removed.len(), removed, "{keep:?} {keep_days:?}");
        assert_eq!(
            gone.kept.iter().any(|it| it.because == KeptBecause::LastWhole),
            keep == Some(0),
            "{keep:?} {keep_days:?}"
        );
        assert_eq!(place.list(), entries[..6 - removed], "{keep:?} {keep_days:?}");
        assert_eq!(place.names().len(), 2 * (6 - removed));
    }
}

#[test]
fn pruning_never_removes_the_last_whole_backup() {
    let (files, place) = six_days();
    let entries = place.list();
    // The two newest are damaged without a change of size; the next one is the last that counts.
    for entry in &entries[..2] {
        let mut bytes = std::fs::read(&entry.path).unwrap();
        bytes[5_000] ^= 1;
        std::fs::write(&entry.path, bytes).unwrap();
    }
    let later = DateTime::parse_from_rfc3339("2034-05-01T00:00:00+00:00").unwrap();
    *files.now.lock().unwrap() = Some(later + TimeDelta::days(1));
    let retention = Retention { keep: Some(0), keep_days: Some(30) };
    let rules = Rules { retention, ..Rules::default() };
    let done = prune(&entries, &rules, &place.options, PruneMode::Remove).unwrap();
    // Both are said: what is damaged, and why one stays that no rule keeps.
    assert_eq!(done.damaged, entries[..2]);
    let because = KeptBecause::LastWhole;
    assert_eq!(done.kept, [KeptBackup { entry: entries[2].clone(), because }]);
    let left = place.list();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].path, entries[2].path);
    verify(&left[0], &place.options, &mut Silent).unwrap();
}

#[test]
fn a_byte_that_no_row_holds_is_compared_too() {
    let files = Arc::new(Stand::default());
    let sql = "CREATE TABLE gone(x); INSERT INTO gone VALUES (zeroblob(9000)); DROP TABLE gone;";
    let place = Place::with(files.clone(), &format!("{SESSIONS}; {sql}"));
    *files.plant.lock().unwrap() = Some(Box::new(|path| {
        let mut bytes = std::fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(path, bytes).unwrap();
    }));
    let error = place.backup().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backup, "{error}");
    assert!(error.facts().problems[0].starts_with("page "), "{:?}", error.facts().problems);
    assert_eq!(place.names(), Vec::<String>::new());
}

#[test]
fn files_of_every_form_are_equal_to_their_backups() {
    for page_size in [512, 1_024, 8_192, 65_536] {
        for form in [
            "journal_mode=WAL",
            "auto_vacuum=FULL",
            "auto_vacuum=INCREMENTAL",
            "encoding='UTF-16le'",
        ] {
            let sql = format!("PRAGMA page_size={page_size}; PRAGMA {form}; {SESSIONS}");
            let place = Place::new(&sql);
            let backup = place.backup().unwrap_or_else(|error| {
                panic!("{page_size} {form}: {error} {:?}", error.facts().problems)
            });
            assert_eq!(backup.tables()[0].rows, 200);
        }
    }
}
