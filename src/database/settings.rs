//! The settings that the promises rest on: set, read back, and refused if they did not take.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use crate::error::{Error, ErrorKind, Result};

/// What a connection may do to its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads; leaves every byte of the file and of its folder as it is.
    ReadOnly,
    /// Reads and writes an existing file; never creates one.
    Write,
    /// Creates a new file: a backup's part file, or what `init` and `demo` ask for.
    Create,
}

/// A pragma, the value it is set to, and the value it must then report.
const PRAGMAS: [(&str, &str, i64); 5] = [
    // The bundled SQLite has foreign keys on by default; a rebuild with them on empties child
    // tables (https://sqlite.org/lang_altertable.html, section 7).
    ("foreign_keys", "OFF", 0),
    // FULL may lose a committed transaction when the removal of the journal is not yet on disk
    // (https://sqlite.org/pragma.html#pragma_synchronous).
    ("synchronous", "EXTRA", 3),
    ("fullfsync", "ON", 1),
    ("cell_size_check", "ON", 1),
    ("mmap_size", "0", 0),
];

/// A connection switch and what it must be.
pub(crate) const SWITCHES: [(DbConfig, bool); 5] = [
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    // Stored DDL may hold double-quoted strings; it is data and has to be replayed as it is.
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, true),
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, true),
];

/// The oldest SQLite whose rules the program knows, as SQLite numbers them. A program that links its own may have any.
const OLDEST: i32 = 3_040_000;

fn require_version(linked: i32) -> Result<()> {
    if linked >= OLDEST {
        return Ok(());
    }
    let what = format!(
        "SQLite 3.40 or newer is required, and this program is linked with 3.{}.{}",
        linked / 1_000 % 1_000,
        linked % 1_000
    );
    Err(Error::new(ErrorKind::Unsupported, what))
}

/// Fixes every setting of a new connection.
pub(super) fn apply(connection: &Connection, access: Access) -> Result<()> {
    require_version(rusqlite::version_number())?;
    for (switch, wanted) in SWITCHES {
        if connection.set_db_config(switch, wanted)? != wanted {
            return Err(refused(&format!("{switch:?}")));
        }
    }
    for (name, value, wanted) in PRAGMAS {
        connection.execute_batch(&format!("PRAGMA {name}={value}"))?;
        require(connection, name, wanted)?;
    }
    enlarge_cache(connection, access)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    if access == Access::ReadOnly {
        connection.execute_batch("PRAGMA query_only=ON")?;
        require(connection, "query_only", 1)?;
    }
    Ok(())
}

/// Lets a file in the making be written without syncs and without a journal on the disk
/// (<https://sqlite.org/pragma.html#pragma_synchronous>).
pub(super) fn leave_syncs_to_caller(connection: &Connection) -> Result<()> {
    connection.execute_batch("PRAGMA main.synchronous=OFF")?;
    require(connection, "main.synchronous", 0)?;
    connection.query_row("PRAGMA main.journal_mode=MEMORY", [], |_| Ok(()))?;
    Ok(())
}

/// Runs something with double-quoted strings refused: in a statement of ours, a name that does not
/// exist must be an error and never a text (<https://sqlite.org/quirks.html#dblquote>).
pub fn with_strict_names<T>(
    connection: &Connection,
    action: impl FnOnce() -> Result<T>,
) -> Result<T> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    let done = action();
    let reset = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true);
    let done = done?;
    reset?;
    Ok(done)
}

/// Gives a connection a larger cache, unless the file asks for another one than SQLite's default: 10 MB, and 20 MB
/// where pages are written, because each time that the cache is full the journal is synced.
fn enlarge_cache(connection: &Connection, access: Access) -> Result<()> {
    // https://sqlite.org/pragma.html#pragma_cache_size; negative numbers are KiB.
    let size: i64 = connection.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
    let wanted = match access {
        Access::Write => -20_000,
        Access::ReadOnly | Access::Create => -10_000,
    };
    if size == -2_000 {
        connection.execute_batch(&format!("PRAGMA cache_size={wanted}"))?;
    }
    Ok(())
}

/// Fails unless a pragma reports the wanted value.
pub(super) fn require(connection: &Connection, name: &str, wanted: i64) -> Result<()> {
    // mmap_size gives no row where memory mapping is compiled out.
    let found = connection
        .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows if name == "mmap_size" => Ok(0),
            other => Err(other),
        })?;
    if found == wanted { Ok(()) } else { Err(refused(&format!("{name} = {wanted}"))) }
}

fn refused(setting: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("SQLite did not accept the setting {setting}"))
}

/// The properties of a file that no migration may change.
///
/// See <https://sqlite.org/fileformat2.html#the_database_header>.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// The page size in bytes.
    pub page_size: i64,
    pub encoding: String,
    /// The auto-vacuum mode: 0 none, 1 full, 2 incremental.
    pub auto_vacuum: i64,
    /// The application's own version number.
    pub user_version: i64,
    pub application_id: i64,
    pub journal_mode: String,
}

impl Identity {
    /// Lists the properties that differ in another file, one line each.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let pairs = [
            ("page_size", self.page_size.to_string(), now.page_size.to_string()),
            ("encoding", self.encoding.clone(), now.encoding.clone()),
            ("auto_vacuum", self.auto_vacuum.to_string(), now.auto_vacuum.to_string()),
            ("user_version", self.user_version.to_string(), now.user_version.to_string()),
            ("application_id", self.application_id.to_string(), now.application_id.to_string()),
            ("journal_mode", self.journal_mode.clone(), now.journal_mode.clone()),
        ];
        let differ = pairs.into_iter().filter(|(_, before, now)| before != now);
        differ.map(|(name, before, now)| format!("{name} was {before}, is {now}")).collect()
    }

    /// Reads the properties of an open database.
    pub fn read(connection: &Connection) -> Result<Self> {
        let number = |name: &str| {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
        };
        let text = |name: &str| {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, String>(0))
        };
        Ok(Self {
            page_size: number("page_size")?,
            encoding: text("encoding")?,
            auto_vacuum: number("auto_vacuum")?,
            user_version: number("user_version")?,
            application_id: number("application_id")?,
            journal_mode: text("journal_mode")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_sqlite_is_refused_by_its_number() {
        assert!(require_version(3_040_000).is_ok() && require_version(3_051_001).is_ok());
        let error = require_version(3_039_004).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("linked with 3.39.4"), "{error}");
    }
}
