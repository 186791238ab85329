//! Sample catalogues with peculiarities, on top of those that `demo` writes.

mod awkward;
mod extras;

use std::collections::BTreeSet;
use std::path::Path;

pub use phaseshift::sample::VersionRows;
use phaseshift::sample::{self as plain};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// A peculiarity that a sample catalogue can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// The file is in WAL mode.
    Wal,
    /// Values that naive copying damages: NUL in text, blobs in TEXT columns, text in INTEGER columns,
    /// 2^53+1, -0.0, infinities, invalid UTF-8; a table with odd names; a session id with NUL in it.
    Awkward,
    /// `fits_files` lacks its foreign key, as in files that are older than the key.
    Grown,
    /// Views on the renamed tables, one on another view, one with `*`, one with an aggregate.
    Views,
    /// Triggers of four kinds, one of them on a view of its own.
    Triggers,
    /// Partial, descending, expression and COLLATE indexes.
    OddIndexes,
    /// Planner statistics, as `ANALYZE` leaves them.
    Statistics,
    /// A table with AUTOINCREMENT whose counter is ahead of its rows, and one whose implicit rowids
    /// have holes and negative numbers.
    Counters,
}

impl Feature {
    /// Every feature, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::Wal,
        Self::Awkward,
        Self::Grown,
        Self::Views,
        Self::Triggers,
        Self::OddIndexes,
        Self::Statistics,
        Self::Counters,
    ];
}

/// Says what [`write_catalogue`] writes.
///
/// The same options give the same file, byte for byte, with the same SQLite. The default is the file of the
/// document: 245 sessions, 12,456 files, 1,737 links, no peculiarities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    pub sessions: u32,
    /// Rows of `fits_files`.
    pub files: u32,
    /// Rows of `processing_session_files`.
    pub links: u32,
    /// Where the made-up values begin; another seed gives other values in as many rows.
    pub seed: u64,
    /// How many of the `files` are written last and stay in the `-wal` file; needs [`Feature::Wal`].
    pub uncheckpointed: u32,
    /// What `schema_version` holds.
    pub version_rows: VersionRows,
    /// How many of the `links` name a file that does not exist.
    pub orphans: u32,
    /// How many of the `files` repeat the `md5sum` of another one, at most half of them; the index is
    /// then not unique. With [`Feature::Grown`] as many sessions repeat the id of another one, and
    /// `sessions` has no primary key.
    pub duplicates: u32,
    /// How many of the `files` name a session that does not exist.
    pub lost_sessions: u32,
    pub features: BTreeSet<Feature>,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            sessions: 245,
            files: 12_456,
            links: 1_737,
            seed: 1,
            uncheckpointed: 0,
            version_rows: VersionRows::One,
            orphans: 0,
            duplicates: 0,
            lost_sessions: 0,
            features: BTreeSet::new(),
        }
    }
}

impl SampleOptions {
    #[must_use]
    pub fn with(mut self, feature: Feature) -> Self {
        self.features.insert(feature);
        self
    }

    /// Returns whether a feature is chosen.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    fn plain(&self) -> plain::SampleOptions {
        plain::SampleOptions {
            sessions: self.sessions,
            files: self.files,
            links: self.links,
            seed: self.seed,
            wal: self.has(Feature::Wal),
            uncheckpointed: self.uncheckpointed,
            grown: self.has(Feature::Grown),
            odd_id: self.has(Feature::Awkward),
            version_rows: self.version_rows,
            orphans: self.orphans,
            duplicates: self.duplicates,
            lost_sessions: self.lost_sessions,
        }
    }

    fn add(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.has(Feature::Awkward) {
            awkward::write(connection)?;
        }
        for (feature, sql) in [
            (Feature::OddIndexes, extras::ODD_INDEXES),
            (Feature::Counters, extras::COUNTERS),
            (Feature::Views, extras::VIEWS),
            (Feature::Triggers, extras::TRIGGERS),
            (Feature::Statistics, "ANALYZE"),
        ] {
            if self.has(feature) {
                connection.execute_batch(sql)?;
            }
        }
        Ok(())
    }
}

/// Writes a sample catalogue into a new file.
///
/// With [`SampleOptions::uncheckpointed`] the last files are left in the `-wal` file beside it, as after
/// a crash: a copy of the main file alone misses them.
pub fn write_catalogue(path: &Path, options: &SampleOptions) -> rusqlite::Result<()> {
    let connection = open_catalogue(path, options)?;
    if options.has(Feature::Wal) && options.uncheckpointed > 0 {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    connection.close().map_err(|(_, error)| error)
}

/// Writes a sample catalogue into a new file and hands over the connection that wrote it.
pub fn open_catalogue(path: &Path, options: &SampleOptions) -> rusqlite::Result<Connection> {
    plain::open_catalogue(path, &options.plain(), &|connection| options.add(connection))
}
