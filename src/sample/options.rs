//! What a sample catalogue shall hold. `demo` writes the default; the tests write others, and add more to them.

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    pub sessions: u32,
    /// Rows of `fits_files`.
    pub files: u32,
    /// Rows of `processing_session_files`.
    pub links: u32,
    /// Where the made-up values begin; another seed gives other values in as many rows.
    pub seed: u64,
    /// Whether the file is in WAL mode.
    pub wal: bool,
    /// How many of the `files` are written last and stay in the `-wal` file; only in WAL mode.
    pub uncheckpointed: u32,
    /// Whether `fits_files` lacks its foreign key, as in files that are older than the key.
    pub grown: bool,
    /// Whether a session has an id that naive copying damages.
    pub odd_id: bool,
    /// What `schema_version` holds.
    pub version_rows: VersionRows,
    /// How many of the `links` name a file that does not exist.
    pub orphans: u32,
    /// How many of the `files` repeat the `md5sum` of another one, at most half of them; the index is
    /// then not unique. In a grown file as many sessions repeat the id of another one, and
    /// `sessions` has no primary key.
    pub duplicates: u32,
    /// How many of the `files` name a session that does not exist.
    pub lost_sessions: u32,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            sessions: 245,
            files: 12_456,
            links: 1_737,
            seed: 1,
            wal: false,
            uncheckpointed: 0,
            grown: false,
            odd_id: false,
            version_rows: VersionRows::One,
            orphans: 0,
            duplicates: 0,
            lost_sessions: 0,
        }
    }
}

impl SampleOptions {
    /// The number of files that are written into the WAL at the end.
    pub(super) fn late_files(&self) -> u32 {
        if self.wal { self.uncheckpointed.min(self.files) } else { 0 }
    }

    /// The number of files that repeat another one's `md5sum`.
    pub(super) fn repeated_files(&self) -> u32 {
        self.duplicates.min(self.files / 2)
    }

    /// The number of sessions that repeat another one's id: the schema allows it in grown files only.
    pub(super) fn repeated_sessions(&self) -> u32 {
        if self.grown { self.duplicates.min(self.sessions / 2) } else { 0 }
    }
}
