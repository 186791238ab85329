//! Puts a sample catalogue together: a new file, its tables, its rows, then everything built on them.

use std::fs::File;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};

use super::options::{SampleOptions, VersionRows};
use super::sessions::{Session, sessions};
use super::{archive, columns, equipment, processing, schema};

/// Writes a sample catalogue into a new file.
///
/// With [`SampleOptions::uncheckpointed`] the last files are left in the `-wal` file beside it, as after
/// a crash: a copy of the main file alone misses them.
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
pub fn write_catalogue(path: &Path, options: &SampleOptions) -> rusqlite::Result<()> {
    let connection = open_catalogue(path, options, &|_| Ok(()))?;
    if options.late_files() > 0 {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    }
    connection.close().map_err(|(_, error)| error)
}

/// Writes a sample catalogue into a new file and hands over the connection that wrote it.
///
/// As long as it is open, the file is held by another user, for tests of locks and of WAL. Its automatic
/// checkpoints are off, so [`SampleOptions::uncheckpointed`] rows stay in the `-wal` file until it is closed.
/// `add` puts more into it before that.
pub fn open_catalogue(
    path: &Path,
    options: &SampleOptions,
    add: &dyn Fn(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<Connection> {
    let mut connection = create(path)?;
    // An unfinished sample is of no use, so the journal and the syncs are left out until it is done.
    connection.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;
         PRAGMA cache_size = -65536;",
    )?;
    let nights = sessions(options);
    let early = options.files - options.late_files();
    let transaction = connection.transaction()?;
    fill(&transaction, options, &nights, early)?;
    add(&transaction)?;
    transaction.commit()?;
    let mode = if options.wal { "WAL" } else { "DELETE" };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2000;"
    ))?;
    if early < options.files {
        let transaction = connection.transaction()?;
        columns::write(&transaction, options, &nights, early..options.files)?;
        transaction.commit()?;
    }
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    connection.flush_prepared_statement_cache();
    Ok(connection)
}

/// Creates the file, and fails if there is one: SQLite alone would open it, because its flag for
/// exclusive creation is not for callers (<https://sqlite.org/c3ref/c_open_autoproxy.html>).
fn create(path: &Path) -> rusqlite::Result<Connection> {
    File::create_new(path).map_err(|cause| {
        let message = format!("cannot create {}: {cause}", path.display());
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(message))
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

fn fill(
    connection: &Connection,
    options: &SampleOptions,
    nights: &[Session],
    files: u32,
) -> rusqlite::Result<()> {
    run(connection, &schema::tables(options))?;
    equipment::write(connection)?;
    super::sessions::write(connection, options, nights)?;
    equipment::write_logs(connection, options, nights)?;
    columns::write(connection, options, nights, 0..files)?;
    processing::write(connection, options)?;
    archive::write(connection, options, nights)?;
    write_version(connection, options)?;
    // Indexes after rows: sorting once is many times faster than inserting in random order.
    run(connection, &schema::indexes(options))
}

fn run(connection: &Connection, statements: &[String]) -> rusqlite::Result<()> {
    statements.iter().try_for_each(|sql| connection.execute_batch(sql))
}

fn write_version(connection: &Connection, options: &SampleOptions) -> rusqlite::Result<()> {
    match options.version_rows {
        VersionRows::None | VersionRows::NoTable => Ok(()),
        VersionRows::One => connection.execute_batch(
            "INSERT INTO schema_version (version, applied_at, description)
             VALUES (1, '2025-10-04 19:12:31.000000', 'Phase 2: Consolidated models')",
        ),
    }
}
