//! What a sample catalogue shall hold: how many rows, and which peculiarities.

use std::collections::BTreeSet;

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

#[cfg(feature = "testing")]
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

/// What `schema_version` holds in a sample catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionRows {
    /// One row: version 1, Phase 2.
    One,
    /// The table exists and is empty, as in every file that the application made by itself.
    #[cfg_attr(not(feature = "testing"), allow(dead_code, reason = "the tests write such files"))]
    None,
    /// The table is missing.
    NoTable,
}

/// Says what [`write_catalogue`](super::write_catalogue) writes.
///
/// The same options give the same file, byte for byte, with the same SQLite. The default is the file of the
/// document: 245 sessions, 12,456 files, 1,737 links, no peculiarities.
///
/// ```
/// use phaseshift::sample::{Feature, SampleOptions};
/// let options = SampleOptions { files: 1_000, ..SampleOptions::default() }.with(Feature::Views);
/// assert!(options.has(Feature::Views));
/// ```
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
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn with(mut self, feature: Feature) -> Self {
        self.features.insert(feature);
        self
    }

    /// Returns whether a feature is chosen.
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// The number of files that are written into the WAL at the end.
    pub(super) fn late_files(&self) -> u32 {
        if self.has(Feature::Wal) { self.uncheckpointed.min(self.files) } else { 0 }
    }

    /// The number of files that repeat another one's `md5sum`.
    pub(super) fn repeated_files(&self) -> u32 {
        self.duplicates.min(self.files / 2)
    }

    /// The number of sessions that repeat another one's id: the schema allows it in grown files only.
    pub(super) fn repeated_sessions(&self) -> u32 {
        if self.has(Feature::Grown) { self.duplicates.min(self.sessions / 2) } else { 0 }
    }
}
