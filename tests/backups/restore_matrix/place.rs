//! One case on disk: the database, what lies beside it, who has it open, and the backup.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phaseshift::backup::{BackupLabel, BackupRequest, create};
use phaseshift::database::{Access, Database, OpenOptions, beside};
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;

use support::{Other, sqlite3};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Delete,
    Wal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackgroundCheck {
    /// Nothing lies beside the file, and nobody has it open.
    Nothing,
    /// A WAL: with committed frames in WAL mode, of no use otherwise.
    LeftoverWal,
    /// A journal: hot in the rollback mode, of no use otherwise.
    Journal,
    /// Another program has read, and keeps the file open without a transaction.
    Idle,
    /// Another program is in a read transaction.
    Reader,
    /// Another program is in a write transaction.
    Writer,
}

impl BackgroundCheck {
    pub const ALL: [Self; 6] =
        [Self::Nothing, Self::LeftoverWal, Self::Journal, Self::Idle, Self::Reader, Self::Writer];

    /// Tells whether another program has the file open.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Idle | Self::Reader | Self::Writer)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    Plain,
    Missing,
    Empty,
    RuinedHeader,
    /// Something else has the name: a text.
    NotADatabase,
    Truncated,
    /// SQLite opens it, and one of its pages makes no sense.
    DamagedPage,
    Folder,
    Symlink,
    OtherPageSize,
    HardLink,
}

impl Live {
    pub const ALL: [Self; 11] = [
        Self::Plain,
        Self::Missing,
        Self::Empty,
        Self::RuinedHeader,
        Self::NotADatabase,
        Self::Truncated,
        Self::DamagedPage,
        Self::Folder,
        Self::Symlink,
        Self::OtherPageSize,
        Self::HardLink,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// Of the same database, with fewer rows.
    Good,
    /// The same with one changed byte.
    Flipped,
    /// Of another program's database in WAL mode, without a manifest.
    Foreign,
    /// Of the same database when it had other tables and a lower version.
    Older,
}

impl Backup {
    pub const ALL: [Self; 4] = [Self::Good, Self::Flipped, Self::Foreign, Self::Older];
}

#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub mode: Mode,
    pub beside: BackgroundCheck,
    pub live: Live,
    pub backup: Backup,
}

const OLDER: &str = "
    CREATE TABLE nights(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO nights VALUES (1, 'first'), (2, 'second');
    CREATE TABLE schema_version(version INTEGER PRIMARY KEY, applied_at, description);
    INSERT INTO schema_version VALUES (1, 'long ago', 'first');";

const GOOD: &str = "
    INSERT INTO schema_version VALUES (2, 'then', 'second');
    DROP TABLE nights;
    CREATE TABLE sessions(id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB);
    CREATE INDEX by_name ON sessions(name);
    CREATE TABLE tags(tag TEXT PRIMARY KEY, n) WITHOUT ROWID;
    INSERT INTO tags VALUES ('a', 1), ('b', 2.5);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 120)
    INSERT INTO sessions SELECT n, 'session ' || n, zeroblob(200) FROM c;";

const SINCE: &str = "
    DELETE FROM sessions WHERE id <= 10;
    UPDATE sessions SET name = 'changed' WHERE id IN (20, 21, 22);
    INSERT INTO sessions SELECT id + 1000, name, data FROM sessions WHERE id > 80;
    INSERT INTO tags VALUES ('c', 3);
    CREATE TABLE notes(text); INSERT INTO notes VALUES ('mine'), ('mine too');";

const FOREIGN: &str = "
    PRAGMA journal_mode=WAL;
    CREATE TABLE photos(path TEXT, taken); INSERT INTO photos VALUES ('a.jpg', 1), ('b.jpg', 2);";

/// What somebody saved under the database's name.
const TEXT: &[u8] = b"Not a database, but the notes of a night under the stars.\n";

/// Bytes beside a file that no SQLite ever wrote.
pub const NO_FRAMES: &[u8] = b"these are not really frames";

/// A case, made.
pub struct Place {
    pub folder: tempfile::TempDir,
    /// The path that the restore is asked to use.
    pub used: PathBuf,
    pub backup: PathBuf,
    /// The number of the page where the table `sessions` begins.
    root: u64,
    pub other: Option<Other>,
    pub options: OpenOptions,
}

impl Place {
    pub fn new(case: &Case) -> Self {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.unwrap();
        let wait = Duration::from_millis(40);
        let options =
            OpenOptions { files: Arc::new(RealFiles), wait, interrupt: Interrupt::default() };
        let used = folder.path().join("fits.db");
        let backup = folder.path().join("none");
        let mut place = Self { folder, used, backup, root: 0, other: None, options };
        place.fill(case);
        place.leave(case);
        let open = case.beside.is_open();
        // A program that has a broken file open had it open before it broke.
        let early = matches!(
            case.live,
            Live::RuinedHeader
                | Live::NotADatabase
                | Live::Truncated
                | Live::DamagedPage
                | Live::Missing
        );
        if open && early {
            place.open(case);
        }
        place.shape(case.live);
        if open && !early {
            place.open(case);
        }
        place
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("fits.db")
    }

    pub fn backups(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    /// Makes the database through its history, with the backup on the way.
    fn fill(&mut self, case: &Case) {
        let database = self.database();
        let size = if case.live == Live::OtherPageSize { 8_192 } else { 4_096 };
        let mode = if case.mode == Mode::Wal { "WAL" } else { "DELETE" };
        sqlite3(&database, &format!("PRAGMA page_size=4096; {OLDER}"));
        if case.backup == Backup::Older {
            self.backup = self.back_up(1);
        }
        sqlite3(&database, GOOD);
        match case.backup {
            Backup::Older => {}
            Backup::Good => self.backup = self.back_up(2),
            Backup::Flipped => {
                self.backup = self.back_up(2);
                let mut bytes = std::fs::read(&self.backup).unwrap();
                let place = bytes.windows(10).rposition(|it| it == b"session 77").unwrap();
                bytes[place] ^= 0x20;
                std::fs::write(&self.backup, bytes).unwrap();
            }
            Backup::Foreign => {
                self.backup = self.folder.path().join("foreign.db");
                sqlite3(&self.backup, FOREIGN);
            }
        }
        sqlite3(&database, SINCE);
        let settings = format!("PRAGMA page_size={size}; VACUUM; PRAGMA journal_mode={mode}");
        sqlite3(&database, &settings);
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'sessions'";
        self.root = sqlite3(&database, root).parse().unwrap_or_default();
    }

    fn back_up(&self, version: i64) -> PathBuf {
        let source = Database::open(&self.database(), Access::ReadOnly, &self.options).unwrap();
        let label = BackupLabel::Before("next".into());
        let folder = self.backups();
        let request = BackupRequest { folder: &folder, label, phase: None, version: Some(version) };
        create(&source, &request, &mut Silent).unwrap().into_entry().unwrap().path
    }

    /// Lets a program die, or puts something beside the file.
    fn leave(&self, case: &Case) {
        let database = self.database();
        match (case.beside, case.mode) {
            (BackgroundCheck::LeftoverWal, Mode::Wal) => {
                let mut other = Other::start(&database);
                other.say_all(&[
                    "PRAGMA wal_autocheckpoint=0",
                    "INSERT INTO notes VALUES ('only in the WAL')",
                    "UPDATE tags SET n = 'newer'",
                ]);
                other.kill();
                assert!(std::fs::metadata(beside(&database, "-wal")).unwrap().len() > 0);
            }
            (BackgroundCheck::LeftoverWal, Mode::Delete) => {
                std::fs::write(beside(&database, "-wal"), NO_FRAMES).unwrap();
            }
            (BackgroundCheck::Journal, Mode::Delete) => {
                let mut other = Other::start(&database);
                // A small cache writes pages before the commit.
                other.say_all(&[
                    "PRAGMA cache_size=2",
                    "BEGIN",
                    "UPDATE sessions SET data = randomblob(200), name = 'half'",
                ]);
                other.kill();
                assert!(std::fs::metadata(beside(&database, "-journal")).unwrap().len() > 512);
            }
            (BackgroundCheck::Journal, Mode::Wal) => {
                // As `journal_mode=PERSIST` leaves it: its header is zero.
                std::fs::write(beside(&database, "-journal"), [0; 1_024]).unwrap();
            }
            (
                BackgroundCheck::Nothing
                | BackgroundCheck::Idle
                | BackgroundCheck::Reader
                | BackgroundCheck::Writer,
                _,
            ) => {}
        }
    }

    /// Gives the file its shape. This process has no connection to it.
    fn shape(&mut self, live: Live) {
        let database = self.database();
        match live {
            Live::Plain | Live::OtherPageSize => {}
            Live::Missing => std::fs::remove_file(&database).unwrap(),
            Live::Empty => std::fs::write(&database, b"").unwrap(),
            Live::RuinedHeader => overwrite(&database, 0, &[0xEE; 100]),
            Live::NotADatabase => std::fs::write(&database, TEXT.repeat(200)).unwrap(),
            Live::DamagedPage => {
                // The schema, which is on the first page, stays whole.
                overwrite(&database, (self.root - 1) * 4_096, &[0xEE; 4_096]);
            }
            Live::Truncated => {
                let file = std::fs::OpenOptions::new().write(true).open(&database).unwrap();
                file.set_len(4_096 * 2).unwrap();
            }
            Live::Folder => {
                std::fs::remove_file(&database).unwrap();
                std::fs::create_dir(&database).unwrap();
            }
            Live::Symlink => {
                self.used = self.folder.path().join("link.db");
                std::os::unix::fs::symlink(&database, &self.used).unwrap();
            }
            Live::HardLink => {
                std::fs::hard_link(&database, self.folder.path().join("second.db")).unwrap();
            }
        }
    }

    fn open(&mut self, case: &Case) {
        let mut other = Other::start(&self.database());
        other.say_all(match case.beside {
            BackgroundCheck::Idle => &["SELECT count(*) FROM sqlite_schema"],
            BackgroundCheck::Reader => &["BEGIN", "SELECT count(*) FROM sqlite_schema"],
            _ => &["BEGIN IMMEDIATE", "CREATE TABLE uncommitted(a)"],
        });
        self.other = Some(other);
    }
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}
