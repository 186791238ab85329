//! Tables that stay where they are, because only names change: their entries in SQLite's schema table are
//! edited (<https://sqlite.org/pragma.html#pragma_writable_schema>), no record is touched.
//!
//! All of one stage are edited at once, so that they may swap names.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::execute::refused;
use super::lenient_copy::edit_schema;
use crate::error::Result;
use crate::name::{fold, quote};
use crate::plan::{Action, Rebuild};

/// The tables of a phase that stay, by scratch name.
#[derive(Debug, Default)]
pub(super) struct Staying {
    waiting: Vec<Rebuild>,
    edited: BTreeMap<String, String>,
}

/// A new text for an entry of the schema table.
struct Entry {
    row: i64,
    name: String,
    table: String,
    sql: Option<String>,
}

impl Staying {
    /// Notes a table that would step aside otherwise. Its AUTOINCREMENT counter steps aside, as it does
    /// with a table that is renamed.
    pub(super) fn steps_aside(&mut self, connection: &Connection, rebuild: &Rebuild) -> Result<()> {
        if rebuild.carries_sequence {
            let (scratch, table) = (rebuild.from.clone(), rebuild.scratch.clone());
            for statement in (Action::CarrySequence { scratch, table }).sql() {
                connection.execute_batch(&statement).map_err(|error| refused(error, &statement))?;
            }
        }
        self.waiting.push(rebuild.clone());
        Ok(())
    }

    /// Edits the entries of all tables that wait for it, and of their indexes. Triggers go, as they would
    /// with the old table, and so do indexes that do not stay.
    pub(super) fn edit(&mut self, connection: &Connection) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        for rebuild in &waiting {
            drop_others(connection, rebuild)?;
        }
        let mut entries = Vec::new();
        for rebuild in &waiting {
            entries.extend(entries_of(connection, rebuild)?);
        }
        let version: i64 =
            connection.query_row("PRAGMA main.schema_version", [], |row| row.get(0))?;
        edit_schema(connection, &|it| {
            for entry in &entries {
                it.execute(
                    "UPDATE main.sqlite_schema SET name = ?1, tbl_name = ?2, sql = ?3 WHERE rowid = ?4",
                    (&entry.name, &entry.table, &entry.sql, entry.row),
                )?;
            }
            // Other programs that have the file open read the schema again
            // (https://sqlite.org/lang_altertable.html, section 7).
            it.execute_batch(&format!("PRAGMA main.schema_version={}", version.wrapping_add(1)))
        })?;
        self.edited.extend(waiting.into_iter().map(|it| (it.scratch, it.to)));
        Ok(())
    }

    /// Tells whether a step is about a table that stays, and is not needed. A table is dropped once.
    pub(super) fn spares(&mut self, action: &Action) -> bool {
        match action {
            Action::CreateTable { table, .. } => self.edited.values().any(|it| it == table),
            Action::DropTable { table } => self.edited.remove(table).is_some(),
            _ => false,
        }
    }
}

/// Drops what does not stay with a table.
fn drop_others(connection: &Connection, rebuild: &Rebuild) -> Result<()> {
    let stays =
        |name: &str| rebuild.stays.iter().flatten().any(|(from, _)| fold(from) == fold(name));
    let mut statement = connection.prepare(
        "SELECT type, name FROM main.sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE \
         AND (type = 'trigger' OR type = 'index' AND sql IS NOT NULL)",
    )?;
    let found = statement.query_map([&rebuild.from], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    let found: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
    for (kind, name) in found {
        if kind == "trigger" || !stays(&name) {
            let sql = format!("DROP {} main.{}", kind.to_ascii_uppercase(), quote(&name));
            connection.execute_batch(&sql).map_err(|error| refused(error, &sql))?;
        }
    }
    Ok(())
}

/// The entries of a table and its indexes as they will be.
fn entries_of(connection: &Connection, rebuild: &Rebuild) -> Result<Vec<Entry>> {
    let mut statement = connection.prepare(
        "SELECT rowid, type, name, sql IS NULL FROM main.sqlite_schema \
         WHERE tbl_name = ?1 COLLATE NOCASE AND type IN ('table', 'index')",
    )?;
    let mut rows = statement.query([&rebuild.from])?;
    let mut entries = Vec::new();
    let table = rebuild.to.clone();
    while let Some(row) = rows.next()? {
        let (number, name) = (row.get::<_, i64>(0)?, row.get::<_, String>(2)?);
        let (kind, automatic) = (row.get::<_, String>(1)?, row.get::<_, bool>(3)?);
        let successor = rebuild.stays.iter().flatten().find(|(from, _)| *from == name);
        let (name, sql) = match (kind.as_str(), automatic, successor) {
            ("table", ..) => (rebuild.to.clone(), Some(rebuild.sql.clone())),
            (_, true, _) => {
                let place = name.rsplit('_').next().unwrap_or_default();
                (format!("sqlite_autoindex_{table}_{place}"), None)
            }
            (_, false, Some((_, index))) => (index.name.clone(), index.sql.clone()),
            // It was dropped.
            (_, false, None) => continue,
        };
        entries.push(Entry { row: number, name, table: table.clone(), sql });
    }
    Ok(entries)
}
