//! What a database holds, read and summed up by the lab's own code and not by the engine's.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Everything that a person could lose, as one number, and what else the verdict needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The schema's text, every row with its rowid, storage classes and bytes, counters, and the
    /// numbers of the header.
    pub digest: blake3::Hash,
    /// Whether the file is in WAL mode.
    pub wal: bool,
    /// Pages that hold nothing.
    pub free: String,
    /// The backup that the file's last recorded run names.
    pub backup: Option<String>,
}

/// Reads a database whole; the error says why it is none, or that it is damaged.
pub fn read(connection: &Connection) -> Result<Contents, String> {
    let failed = |error: rusqlite::Error| error.to_string();
    let integrity = pragma(connection, "integrity_check").map_err(failed)?;
    if integrity != "ok" {
        return Err(format!("integrity_check: {}", integrity.lines().next().unwrap_or_default()));
    }
    contents(connection).map_err(failed)
}

fn contents(connection: &Connection) -> rusqlite::Result<Contents> {
    let mut hasher = blake3::Hasher::new();
    for name in ["user_version", "application_id", "encoding", "page_size", "auto_vacuum"] {
        field(&mut hasher, name.as_bytes());
        field(&mut hasher, pragma(connection, name)?.as_bytes());
    }
    let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
    rows(connection, schema, &mut hasher)?;
    let mut backup = None;
    for (table, sql) in tables(connection)? {
        field(&mut hasher, table.as_bytes());
        let query = if table == "phase_history" {
            let last = "SELECT backup FROM phase_history ORDER BY event DESC LIMIT 1";
            backup = connection.query_row(last, [], |row| row.get(0)).or_else(none)?;
            // The backup's name holds a counter; the verdict looks at it apart. Times differ.
            "SELECT event, id, parents, version, direction, checksum, tool_version, \
             rows_proven, outcome FROM phase_history ORDER BY event"
                .to_owned()
        } else if table == "schema_version" {
            // What the lab's phases record is of version 2, at a time that differs.
            "SELECT version, description, iif(version < 2, applied_at, '') \
             FROM schema_version ORDER BY version"
                .to_owned()
        } else if sql.contains("WITHOUT ROWID") {
            format!("SELECT * FROM {}", quoted(&table))
        } else {
            format!("SELECT rowid, * FROM {} ORDER BY rowid", quoted(&table))
        };
        rows(connection, &query, &mut hasher)?;
    }
    let wal = pragma(connection, "journal_mode")? == "wal";
    let free = pragma(connection, "freelist_count")?;
    Ok(Contents { digest: hasher.finalize(), wal, free, backup })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn none(error: rusqlite::Error) -> rusqlite::Result<Option<String>> {
    if error == rusqlite::Error::QueryReturnedNoRows { Ok(None) } else { Err(error) }
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE type = 'table' \
               ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.collect()
}

fn rows(connection: &Connection, sql: &str, hasher: &mut blake3::Hasher) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Null => field(hasher, b"0"),
                ValueRef::Integer(value) => {
                    field(hasher, &[b"1", &value.to_le_bytes()[..]].concat())
                }
                ValueRef::Real(value) => {
                    field(hasher, &[b"2", &value.to_bits().to_le_bytes()[..]].concat());
                }
                ValueRef::Text(value) => field(hasher, &[b"3", value].concat()),
                ValueRef::Blob(value) => field(hasher, &[b"4", value].concat()),
            }
        }
        field(hasher, b"end of row");
    }
    Ok(())
}

fn field(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// Reads a pragma as text, whatever its type.
pub fn pragma(connection: &Connection, text: &str) -> rusqlite::Result<String> {
    connection.query_row(&format!("PRAGMA {text}"), [], |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Text(value) => String::from_utf8_lossy(value).into_owned(),
            other => format!("{other:?}"),
        })
    })
}
