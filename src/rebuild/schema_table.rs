//! Edits of SQLite's schema table (<https://sqlite.org/pragma.html#pragma_writable_schema>): tables in which only names
//! change stay where they are, and b-trees of indexes outlive their table. No record is touched.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::database::flush_words;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{CopyStrategy, Rebuild, RenamedIndex};
use crate::schema::Object;

/// Runs statements on the schema table, whose entries are then read again. DEFENSIVE forbids that and is lifted for
/// the edit only. SQLite then forgets its virtual tables, with the words that they have not written yet.
fn edit(connection: &Connection, edit: &dyn Fn(&Connection) -> rusqlite::Result<()>) -> Result<()> {
    flush_words(connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    let edited =
        connection.execute_batch("PRAGMA writable_schema=ON").and_then(|()| edit(connection));
    let reset = connection.execute_batch("PRAGMA writable_schema=RESET");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    edited?;
    reset?;
    Ok(())
}

/// As [`edit`], for entries that stay: other programs that have the file open read the schema again
/// (<https://sqlite.org/lang_altertable.html>, section 7).
fn edit_for_all(
    connection: &Connection,
    change: &dyn Fn(&Connection) -> rusqlite::Result<()>,
) -> Result<()> {
    let version: i64 = connection.query_row("PRAGMA main.schema_version", [], |row| row.get(0))?;
    edit(connection, &|it| {
        change(it)?;
        it.execute_batch(&format!("PRAGMA main.schema_version={}", version.wrapping_add(1)))
    })
}

/// Replaces the stored text of a table by one that stores rows in the same way.
pub(super) fn set_text(connection: &Connection, table: &str, text: &str) -> Result<()> {
    edit(connection, &|it| {
        it.execute(
            "UPDATE main.sqlite_schema SET sql = ?1 WHERE type = 'table' AND name = ?2",
            (text, table),
        )?;
        Ok(())
    })
}

/// Gives indexes other names: there is no statement that renames one. The automatic ones were renamed with their table.
pub(super) fn rename_indexes(connection: &Connection, indexes: &[RenamedIndex]) -> Result<()> {
    edit(connection, &|it| {
        for RenamedIndex { from, to, sql } in indexes {
            it.execute(
                "UPDATE main.sqlite_schema SET name = ?1, sql = ?2 WHERE type = 'index' AND name = ?3",
                (to, sql, from),
            )?;
        }
        Ok(())
    })
}

/// Gives tables that stay in place, and their indexes, their new names and texts.
pub(super) fn edit_tables(connection: &Connection, tables: &[Rebuild]) -> Result<()> {
    let mut entries = Vec::new();
    for rebuild in tables {
        entries.extend(entries_of(connection, rebuild)?);
    }
    edit_for_all(connection, &|it| {
        for entry in &entries {
            it.execute(
                "UPDATE main.sqlite_schema SET name = ?1, tbl_name = ?2, sql = ?3 WHERE rowid = ?4",
                (&entry.name, &entry.table, &entry.sql, entry.row),
            )?;
        }
        Ok(())
    })
}

/// A new text for an entry of the schema table.
struct SchemaRow {
    row: i64,
    name: String,
    table: String,
    sql: Option<String>,
}

/// The entries of a table and its indexes as they will be.
fn entries_of(connection: &Connection, rebuild: &Rebuild) -> Result<Vec<SchemaRow>> {
    let CopyStrategy::InPlace { indexes, .. } = &rebuild.strategy else { return Ok(Vec::new()) };
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
        let successor = indexes.iter().find(|(from, _)| *from == name);
        let (name, sql) = match (kind.as_str(), automatic, successor) {
            ("table", ..) => (rebuild.to.clone(), Some(rebuild.sql.clone())),
            (_, true, _) => {
                let place = name.rsplit('_').next().unwrap_or_default();
                (format!("sqlite_autoindex_{table}_{place}"), None)
            }
            (_, false, Some((_, index))) => (index.name.clone(), index.sql.clone()),
            (_, false, None) => {
                let what = format!("the plan does not know the index {name}");
                return Err(Error::new(ErrorKind::Rebuild, what).about(&name));
            }
        };
        entries.push(SchemaRow { row: number, name, table: table.clone(), sql });
    }
    Ok(entries)
}

/// B-trees of indexes that have no entry in the schema table while their table is made again: the root page of each, by
/// the name of the index before. Their pages belong to nothing then, but they are not free, so that nothing takes them.
/// The proof compares them with those of the backup.
#[derive(Debug, Default)]
pub(super) struct DetachedTrees(BTreeMap<String, i64>);

impl DetachedTrees {
    /// Takes the entries of indexes out of the schema table, so that their tables do not take the b-trees along.
    pub(super) fn detach(&mut self, connection: &Connection, indexes: &[String]) -> Result<()> {
        let vacuum: i64 = connection.query_row("PRAGMA main.auto_vacuum", [], |row| row.get(0))?;
        if vacuum != 0 {
            let what = "SQLite would move b-trees: the file was given auto_vacuum after the plan";
            return Err(Error::new(ErrorKind::Rebuild, what));
        }
        for index in indexes {
            let root = connection.query_row(
                "SELECT rootpage FROM main.sqlite_schema WHERE type = 'index' AND name = ?1",
                [index],
                |row| row.get(0),
            )?;
            self.0.insert(index.clone(), root);
        }
        edit(connection, &|it| {
            for index in indexes {
                it.execute(
                    "DELETE FROM main.sqlite_schema WHERE type = 'index' AND name = ?1",
                    [index],
                )?;
            }
            Ok(())
        })
    }

    /// Gives b-trees to their new table, which is filled: by the names before, with the entries of afterwards.
    pub(super) fn attach(
        &mut self,
        connection: &Connection,
        indexes: &[(String, Object)],
    ) -> Result<()> {
        let mut roots = Vec::new();
        for (from, index) in indexes {
            let Some(root) = self.0.remove(from) else {
                let what = format!("the b-tree of the index {from} is not there");
                return Err(Error::new(ErrorKind::Rebuild, what).about(from));
            };
            roots.push((root, index));
        }
        let attached = edit_for_all(connection, &|it| {
            for (root, index) in &roots {
                it.execute(
                    "INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) \
                     VALUES ('index', ?1, ?2, ?3, ?4)",
                    (&index.name, &index.table, root, &index.sql),
                )?;
            }
            Ok(())
        });
        attached.map_err(|error| {
            let first = indexes.first().map(|(_, it)| it.name.as_str()).unwrap_or_default();
            let what = "the entries of indexes could not be kept";
            error.during(ErrorKind::Rebuild, what).about(first)
        })
    }

    /// Makes sure that no b-tree is left without a table.
    pub(super) fn all_attached(&self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let what = format!("the index {name} was not given to its table");
                Err(Error::new(ErrorKind::Rebuild, what).about(name))
            }
        }
    }
}
