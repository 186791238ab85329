//! The disks on which jobs begin: a small catalogue in each state in which a program can leave it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phaseshift::backup::{BackupLabel, BackupRequest, create};
use phaseshift::database::{Access, Database, OpenOptions};
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::Files as _;
use phaseshift::phase::Chain;

use crate::database;
use crate::disk::{Content, Disk, Image};
use crate::power::{Model, Numbers, cut};
pub use crate::start::Start;

pub const DATABASE: &str = "/lab/fits.db";
pub const BACKUPS: &str = "/lab/backups";
const PHASES: &str = "/lab/phases";

/// The phase that makes what the catalogue is, for a file on which it is recorded already.
const FIRST: &str = r#"
version = 1
description = "the first catalogue"
parents = []
[[up]]
op = "sql"
sql = "SELECT 1"
"#;

/// A phase that renames, rebuilds, adds and computes.
const SECOND: &str = r#"
version = 2
description = "imaging sessions"
[[up]]
op = "rename_table"
from = "sessions"
to = "imaging_sessions"
[[up]]
op = "rename_column"
table = "imaging_sessions"
from = "telescope"
to = "scope"
[[up]]
op = "add_column"
table = "imaging_sessions"
column = "note_length INTEGER"
value = "length(note)"
[[up]]
op = "add_constraint"
table = "files"
sql = "CONSTRAINT has_size CHECK (bytes >= 0)"
[[up]]
op = "sql"
sql = "INSERT INTO audit VALUES ('phase two')"
"#;

/// A phase in which only names change, so that both tables stay where they are.
const NAMES_ONLY: &str = r#"
version = 2
description = "other names"
strategy = "auto"
[[up]]
op = "rename_table"
from = "sessions"
to = "imaging_sessions"
[[up]]
op = "rename_column"
table = "imaging_sessions"
from = "telescope"
to = "scope"
[[up]]
op = "rename_column"
table = "files"
from = "bytes"
to = "size"
"#;

const SCHEMA: &str = "
CREATE TABLE schema_version(version INTEGER PRIMARY KEY, applied_at TEXT, description TEXT);
INSERT INTO schema_version VALUES (1, '2024-01-01', 'the first catalogue');
CREATE TABLE sessions(id INTEGER PRIMARY KEY AUTOINCREMENT, session_date TEXT NOT NULL,
    telescope TEXT, note TEXT, score REAL);
CREATE TABLE files(id INTEGER PRIMARY KEY,
    session_id INTEGER REFERENCES sessions(id) ON DELETE CASCADE, path TEXT UNIQUE, bytes);
CREATE TABLE filters(name TEXT PRIMARY KEY, width REAL) WITHOUT ROWID;
CREATE TABLE audit(what TEXT);
CREATE INDEX by_date ON sessions(session_date);
CREATE INDEX by_session ON files(session_id) WHERE session_id IS NOT NULL;
CREATE TRIGGER session_changed AFTER UPDATE ON sessions
    BEGIN INSERT INTO audit VALUES ('session ' || new.id); END;
CREATE VIEW file_counts AS SELECT s.id, count(f.id) AS files
    FROM sessions s LEFT JOIN files f ON f.session_id = s.id GROUP BY s.id;
INSERT INTO filters VALUES ('Ha', 3.5), ('OIII', 4.5), ('SII', 4.0);
";

/// A disk to begin with, and the phases.
#[derive(Debug, Clone)]
pub struct Scene {
    pub name: String,
    pub image: Image,
    pub chain: Chain,
}

/// How the engine opens files of a disk: it never waits.
pub fn options(disk: &Disk) -> OpenOptions {
    OpenOptions {
        files: Arc::new(disk.clone()),
        wait: Duration::ZERO,
        interrupt: Interrupt::default(),
    }
}

impl Scene {
    /// Makes a catalogue with so many sessions and twice as many files.
    pub fn new(disk: &Disk, start: Start, sessions: u32) -> Self {
        disk.load(&Image::new());
        let chain = phases(disk, SECOND);
        catalogue(disk, start, sessions);
        let image = match start {
            Start::Clean | Start::CleanWal => disk.image(),
            Start::WalFrames => with_frames(disk),
            Start::HotJournal => with_hot_journal(disk),
        };
        Self { name: format!("{start:?}"), image: without_phases(image), chain }
    }

    /// Changes names only, in the tables as they are.
    pub fn in_place(mut self, disk: &Disk) -> Self {
        disk.load(&Image::new());
        self.chain = phases(disk, NAMES_ONLY);
        self.name += " in place";
        self
    }

    /// Adds a backup of another, older catalogue, and returns its path.
    pub fn with_older_backup(mut self, disk: &Disk, sessions: u32) -> (Self, String) {
        disk.load(&Image::new());
        catalogue(disk, Start::Clean, sessions);
        let source = Database::open(Path::new(DATABASE), Access::Look, &options(disk)).unwrap();
        let label = BackupLabel::Named("older".into());
        let request =
            BackupRequest { folder: Path::new(BACKUPS), label, phase: None, version: Some(1) };
        let made = create(&source, &request, &mut Silent).unwrap().into_entry().unwrap();
        source.close().unwrap();
        let kept = disk.image().into_iter().filter(|(path, _)| path.starts_with(BACKUPS));
        self.image.extend(kept);
        (self, made.path.display().to_string())
    }

    /// Makes SQLite write pages out before the commit, because so few fit in its memory. The size
    /// of the cache is stored in the file (<https://sqlite.org/pragma.html#pragma_default_cache_size>).
    pub fn with_small_cache(mut self, disk: &Disk) -> Self {
        disk.load(&self.image);
        let connection = database::open(disk, DATABASE).unwrap();
        connection.execute_batch("PRAGMA default_cache_size=10").unwrap();
        connection.close().unwrap();
        self.image = disk.image();
        self.name += " with a small cache";
        self
    }

    /// Frees pages, and leaves holes among rowids that no column names.
    pub fn with_free_pages(mut self, disk: &Disk) -> Self {
        disk.load(&self.image);
        let connection = database::open(disk, DATABASE).unwrap();
        let sql = "PRAGMA wal_autocheckpoint=0; CREATE TABLE ballast(x);
                   INSERT INTO ballast SELECT zeroblob(900) FROM files;
                   INSERT INTO audit VALUES ('one'), ('two'), ('three'); DELETE FROM audit WHERE what = 'two';
                   INSERT INTO audit(rowid, what) VALUES (-7, 'seven below'); DROP TABLE ballast";
        connection.execute_batch(sql).unwrap();
        self.image = disk.image();
        connection.close().unwrap();
        self.image.retain(|path, _| !path.ends_with("-shm"));
        self.name += " with free pages";
        self
    }

    /// Ruins the header of the database, as a bad cable would.
    pub fn with_ruined_header(mut self) -> Self {
        let Some(Content::File(bytes)) = self.image.get_mut(DATABASE) else { return self };
        Arc::make_mut(bytes)[..100].fill(0xA5);
        self.name += " with a ruined header";
        self
    }

    /// Takes the database away, and what lies beside it.
    pub fn without_database(mut self) -> Self {
        self.image.retain(|path, _| !path.starts_with(DATABASE));
        self.name += " without a database";
        self
    }
}

fn phases(disk: &Disk, second: &str) -> Chain {
    disk.create_folder(Path::new(PHASES)).unwrap();
    for (name, text) in [("phase1.toml", FIRST), ("phase2.toml", second)] {
        disk.create(&Path::new(PHASES).join(name), text.as_bytes(), 0o644).unwrap();
    }
    Chain::read(disk, Path::new(PHASES)).unwrap()
}

fn without_phases(mut image: Image) -> Image {
    image.retain(|path, _| !path.starts_with(PHASES));
    image
}

fn catalogue(disk: &Disk, start: Start, sessions: u32) {
    let connection = database::create(disk, DATABASE).unwrap();
    let wal = matches!(start, Start::CleanWal | Start::WalFrames);
    let mode = if wal { "WAL" } else { "DELETE" };
    let settings = format!(
        "PRAGMA page_size=1024; PRAGMA journal_mode={mode}; PRAGMA foreign_keys=OFF;
         PRAGMA application_id=77; PRAGMA user_version=3; {SCHEMA}"
    );
    connection.execute_batch(&settings).unwrap();
    let files = sessions * 2;
    let rows = format!(
        "BEGIN;
         WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < {sessions})
         INSERT INTO sessions SELECT i * 3, '2024-01-' || (i % 28 + 1), 'scope ' || (i % 5),
             hex(zeroblob(20 + i % 90)), i * 0.37 FROM k;
         WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < {files})
         INSERT INTO files SELECT i, (i % {sessions} + 1) * 3, '/data/' || i || '.fits',
             CASE i % 4 WHEN 0 THEN i * 1000 WHEN 1 THEN i * 0.5 WHEN 2 THEN '12' ELSE NULL END
             FROM k;
         COMMIT"
    );
    connection.execute_batch(&rows).unwrap();
    connection.close().unwrap();
}

fn with_frames(disk: &Disk) -> Image {
    let connection = database::open(disk, DATABASE).unwrap();
    connection
        .execute_batch(
            "PRAGMA wal_autocheckpoint=0;
             UPDATE sessions SET note = 'only in the WAL ' || id WHERE id % 2 = 0;
             INSERT INTO audit VALUES ('late')",
        )
        .unwrap();
    let mut image = disk.image();
    connection.close().unwrap();
    image.retain(|path, _| !path.ends_with("-shm"));
    image
}

/// Runs a transaction of somebody else with a small cache, and stops when pages are half written.
fn with_hot_journal(disk: &Disk) -> Image {
    let before = disk.image();
    disk.load(&before);
    let connection = database::open(disk, DATABASE).unwrap();
    connection
        .execute_batch(
            "PRAGMA cache_size=5;
             BEGIN; UPDATE sessions SET note = note || note; DELETE FROM files; COMMIT",
        )
        .unwrap();
    connection.close().unwrap();
    let log = disk.log();
    let journal = format!("{DATABASE}-journal");
    let hot = |image: &Image| {
        let full = matches!(image.get(&journal), Some(Content::File(bytes)) if !bytes.is_empty());
        full && image[DATABASE] != before[DATABASE]
    };
    (0..log.len())
        .rev()
        .map(|moment| cut(&before, &log[..moment], Model::Process, &mut Numbers::new(0)))
        .find(hot)
        .expect("a moment with a hot journal")
}
