//! The disks on which jobs begin: a small catalogue in each state in which a program can leave it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phaseshift::backup::{BackupLabel, BackupRequest, create};
use phaseshift::database::{Access, Database, OpenOptions};
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::Files as _;
use phaseshift::phase::Chain;

use crate::lab::catalogue::{FIRST, FREE_PAGES, HALF, LATE, NAMES_ONLY, PAGE_SIZE, SECOND, fill};
use crate::lab::database;
use crate::lab::disk::{Content, Disk, Image};
use crate::lab::power::{Model, Numbers, cut};
pub use crate::lab::start::Start;

pub const DATABASE: &str = "/lab/fits.db";
pub const BACKUPS: &str = "/lab/backups";
const PHASES: &str = "/lab/phases";

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
        let source = Database::open(Path::new(DATABASE), Access::ReadOnly, &options(disk)).unwrap();
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
        let sql = format!("PRAGMA wal_autocheckpoint=0; {FREE_PAGES}");
        connection.execute_batch(&sql).unwrap();
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
    fill(&connection, (if wal { "WAL" } else { "DELETE" }, PAGE_SIZE), sessions).unwrap();
    connection.close().unwrap();
}

fn with_frames(disk: &Disk) -> Image {
    let connection = database::open(disk, DATABASE).unwrap();
    connection.execute_batch(&format!("PRAGMA wal_autocheckpoint=0; {LATE}")).unwrap();
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
        .execute_batch(&format!(
            "PRAGMA cache_size=5;
             BEGIN; {HALF}; COMMIT"
        ))
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
