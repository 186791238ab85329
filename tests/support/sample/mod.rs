//! Sample catalogues with peculiarities, on top of those that `demo` writes.

mod awkward;
mod extras;

use std::collections::BTreeSet;
use std::path::Path;

use phaseshift::sample::{self as plain, SCHEMA};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Result};

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

/// What `schema_version` holds in a sample catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionRows {
    /// One row: version 1, Phase 2.
    One,
    /// The table exists and is empty, as in every file that the application made by itself.
    None,
    /// The table is missing.
    NoTable,
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
    pub seed: i64,
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
        let plain::SampleOptions { sessions, files, links, seed } = plain::SampleOptions::default();
        Self {
            sessions,
            files,
            links,
            seed,
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

    /// The number of files that are written into the WAL at the end.
    fn late_files(&self) -> u32 {
        if self.has(Feature::Wal) { self.uncheckpointed.min(self.files) } else { 0 }
    }

    /// The number of files that repeat another one's `md5sum`.
    fn repeated_files(&self) -> u32 {
        self.duplicates.min(self.files / 2)
    }

    /// The number of sessions that repeat another one's id: the schema allows it in grown files only.
    fn repeated_sessions(&self) -> u32 {
        if self.has(Feature::Grown) { self.duplicates.min(self.sessions / 2) } else { 0 }
    }

    /// The schema without the constraints that the rows are to break.
    fn schema(&self) -> String {
        let mut schema = SCHEMA.to_owned();
        for (leave_out, text) in [
            (
                self.has(Feature::Grown),
                ",\n  FOREIGN KEY (session_id) REFERENCES sessions (session_id)",
            ),
            (self.repeated_sessions() > 0, ",\n  PRIMARY KEY (session_id)"),
        ] {
            assert_eq!(schema.matches(text).count(), 1, "{text}");
            if leave_out {
                schema = schema.replace(text, "");
            }
        }
        if self.repeated_files() > 0 {
            schema = schema.replace("CREATE UNIQUE INDEX ix_fits_", "CREATE INDEX ix_fits_");
        }
        schema
    }

    /// The statements that make the rows what the options say.
    fn damage(&self) -> String {
        let mut sql = match self.version_rows {
            VersionRows::One => String::new(),
            VersionRows::None => "DELETE FROM schema_version;".to_owned(),
            VersionRows::NoTable => "DROP TABLE schema_version;".to_owned(),
        };
        sql += &format!(
            "UPDATE processing_session_files SET fits_file_id = 9000000000 + id WHERE id > {};",
            self.links.saturating_sub(self.orphans)
        );
        sql += &format!(
            "UPDATE fits_files SET session_id = printf('lost_%06d', id - 1)
             WHERE id IN (SELECT id FROM fits_files ORDER BY id LIMIT {});",
            self.lost_sessions
        );
        // The last repeat the first.
        let repeat = |table: &str, column: &str, key: &str, count: u32| {
            format!(
                "CREATE TEMP TABLE pair AS SELECT later.{column} AS old, earlier.{column} AS new
                 FROM (SELECT *, row_number() OVER (ORDER BY {key} DESC) AS n FROM {table}) AS later
                 JOIN (SELECT *, row_number() OVER (ORDER BY {key}) AS n FROM {table}) AS earlier
                   ON later.n = {count} + 1 - earlier.n AND earlier.n <= {count};
                 CREATE INDEX temp.pair_old ON pair (old);"
            )
        };
        let follow = |table: &str, column: &str| {
            format!(
                "UPDATE {table} SET {column} = (SELECT new FROM pair WHERE old = {column})
                 WHERE {column} IN (SELECT old FROM pair);"
            )
        };
        if self.repeated_files() > 0 {
            sql += &repeat("fits_files", "md5sum", "id", self.repeated_files());
            sql += &(follow("fits_files", "md5sum") + "DROP TABLE pair;");
        }
        if self.repeated_sessions() > 0 {
            sql += &repeat("sessions", "session_id", "rowid", self.repeated_sessions());
            for (table, column) in [
                ("sessions", "session_id"),
                ("fits_files", "session_id"),
                ("process_log", "session_name"),
            ] {
                sql += &follow(table, column);
            }
            sql += "DROP TABLE pair;";
        }
        sql
    }

    fn add(&self, connection: &Connection) -> Result<()> {
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
pub fn write_catalogue(path: &Path, options: &SampleOptions) -> Result<()> {
    let connection = open_catalogue(path, options)?;
    if options.late_files() > 0 {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    connection.close().map_err(|(_, error)| error)
}

/// Writes a sample catalogue into a new file and hands over the connection that wrote it.
///
/// As long as it is open, the file is held by another user, for tests of locks and of WAL. Its automatic
/// checkpoints are off, so [`SampleOptions::uncheckpointed`] rows stay in the `-wal` file until it is closed.
pub fn open_catalogue(path: &Path, options: &SampleOptions) -> Result<Connection> {
    let SampleOptions { sessions, files, links, seed, .. } = *options;
    let connection = plain::create(path)?;
    let transaction = connection.unchecked_transaction()?;
    plain::fill(
        &transaction,
        &options.schema(),
        &plain::SampleOptions { sessions, files, links, seed },
    )?;
    transaction.execute_batch(&options.damage())?;
    transaction.execute_batch(&format!(
        "CREATE TEMP TABLE late AS SELECT * FROM fits_files ORDER BY id DESC LIMIT {};
         DELETE FROM fits_files WHERE id IN (SELECT id FROM late);",
        options.late_files()
    ))?;
    options.add(&transaction)?;
    transaction.commit()?;
    let mode = if options.has(Feature::Wal) { "WAL" } else { "DELETE" };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2000;"
    ))?;
    if options.late_files() > 0 {
        connection.execute_batch("INSERT INTO fits_files SELECT * FROM late ORDER BY id")?;
    }
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    Ok(connection)
}
