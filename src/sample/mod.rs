//! Writes sample FITS catalogues: files for `demo`, for tests and for timing, made up from a seed.
//!
//! This is the only module that creates a database with made-up rows. It knows nothing of phases at work, backups or
//! proofs. SQLite makes the rows (`rows.sql`); only what is random about them is computed here.

use std::fs::File;
use std::path::Path;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Result, ffi};

/// Returns the phase files of the catalogue as (file name, text), in chain order.
///
/// ```
/// use phaseshift::sample::phase_files;
/// let names: Vec<_> = phase_files().iter().map(|(name, _)| *name).collect();
/// assert_eq!(names, ["phase1.toml", "phase2.toml", "phase3.toml", "phase4.toml"]);
/// ```
pub fn phase_files() -> &'static [(&'static str, &'static str)] {
    &[
        ("phase1.toml", include_str!("../../fixtures/fits_catalog/phases/phase1.toml")),
        ("phase2.toml", include_str!("../../fixtures/fits_catalog/phases/phase2.toml")),
        ("phase3.toml", include_str!("../../fixtures/fits_catalog/phases/phase3.toml")),
        ("phase4.toml", include_str!("../../fixtures/fits_catalog/phases/phase4.toml")),
    ]
}

/// The schema of the catalogue before Phase 3: 20 tables, followed by their indexes.
pub const SCHEMA: &str = include_str!("../../fixtures/fits_catalog/schema.sql");

/// How many rows a sample catalogue has.
///
/// The same options give the same file, byte for byte, with the same SQLite. The default is the file of the
/// document: 245 sessions, 12,456 files, 1,737 links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleOptions {
    pub sessions: u32,
    /// Rows of `fits_files`.
    pub files: u32,
    /// Rows of `processing_session_files`.
    pub links: u32,
    /// Where the made-up values begin; another seed gives other values in as many rows.
    pub seed: i64,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self { sessions: 245, files: 12_456, links: 1_737, seed: 1 }
    }
}

/// Writes a sample catalogue into a new file.
///
/// ```
/// use phaseshift::sample::{SampleOptions, write_catalogue};
/// let folder = tempfile::tempdir().expect("a temporary folder");
/// let path = folder.path().join("fits_catalog.db");
/// let options = SampleOptions { sessions: 5, files: 50, links: 7, ..SampleOptions::default() };
/// write_catalogue(&path, &options).expect("a catalogue");
/// assert!(write_catalogue(&path, &options).is_err(), "an existing file is never written to");
/// ```
///
/// # Errors
/// Fails with `CannotOpen` if the file exists or cannot be created, and with SQLite's error otherwise;
/// then the unfinished file stays and is good for nothing.
pub fn write_catalogue(path: &Path, options: &SampleOptions) -> Result<()> {
    let connection = create(path)?;
    let transaction = connection.unchecked_transaction()?;
    fill(&transaction, SCHEMA, options)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

/// Creates a file for a catalogue, and fails if there is one: SQLite alone would open it, because its flag for
/// exclusive creation is not for callers (<https://sqlite.org/c3ref/c_open_autoproxy.html>).
pub fn create(path: &Path) -> Result<Connection> {
    File::create_new(path).map_err(|cause| {
        let message = format!("cannot create {}: {cause}", path.display());
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(message))
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // An unfinished sample is of no use, so the journal and the syncs are left out.
    connection.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;
         PRAGMA cache_size = -65536;",
    )?;
    Ok(connection)
}

/// Makes the tables, rows and indexes of a catalogue. `schema` is [`SCHEMA`], or that with other constraints.
pub fn fill(connection: &Connection, schema: &str, options: &SampleOptions) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let seed = options.seed;
    connection.create_scalar_function("draw", 4, flags, move |it| draw(seed, it))?;
    connection.create_scalar_function("checksum", 2, flags, move |it| {
        let bits = bits(seed, it)?;
        Ok(format!("{bits:016x}{:016x}", mix(!bits)))
    })?;
    let SampleOptions { sessions, files, links, .. } = options;
    // Indexes after rows: sorting once is many times faster than inserting in random order.
    let (tables, indexes) = schema.split_at(schema.find("CREATE INDEX").unwrap_or(schema.len()));
    connection.execute_batch(tables)?;
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE size AS SELECT {sessions} AS sessions, {files} AS files, {links} AS links;"
    ))?;
    connection.execute_batch(include_str!("rows.sql"))?;
    connection.execute_batch(indexes)
}

/// `draw(topic, row, low, high)`: a number from `low` up to and including `high`; between reals, in steps of a
/// hundredth.
fn draw(seed: i64, call: &Context<'_>) -> Result<Value> {
    let bits = bits(seed, call)?;
    let between = |low: i64, high: i64| low + (bits % (high.abs_diff(low) + 1)) as i64;
    let hundredths = |number: f64| (number * 100.0).round() as i64;
    Ok(match (call.get(2)?, call.get(3)?) {
        (Value::Real(low), Value::Real(high)) => {
            Value::Real(between(hundredths(low), hundredths(high)) as f64 / 100.0)
        }
        _ => Value::Integer(between(call.get(2)?, call.get(3)?)),
    })
}

/// Returns 64 bits that differ for every row of one seed and topic: `mix` maps no two numbers to one.
fn bits(seed: i64, call: &Context<'_>) -> Result<u64> {
    let (topic, row): (String, i64) = (call.get(0)?, call.get(1)?);
    let start = topic.bytes().fold(seed as u64, |sum, byte| mix(sum ^ u64::from(byte)));
    Ok(mix(start.wrapping_add(row as u64)))
}

/// A step of splitmix64 (Steele, Lea and Flood 2014); good enough for samples, for nothing else.
fn mix(bits: u64) -> u64 {
    let mut bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
