//! Indexes that are there before the rows, so that SQLite copies their records too.
//!
//! `INSERT INTO new SELECT * FROM old` copies the records of every index of the new table from one of
//! the old table that holds the same (`xferOptimization` in SQLite's `insert.c`): nothing is decoded and
//! nothing is sorted. Names of indexes are global, so those of the old table get scratch names first.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::execute::refused;
use super::kept::KeptTrees;
use super::lenient_copy::edit_schema;
use crate::error::{Error, ErrorKind, Result};
use crate::name::fold;
use crate::plan::Rebuild;
use crate::schema::Object;
use crate::sql::edit;

/// The indexes that were made before the rows, by folded name.
#[derive(Debug, Default)]
pub(super) struct EarlyIndexes(BTreeSet<String>);

impl EarlyIndexes {
    /// Makes the indexes of a new table whose records can be copied whole. One whose name is not free
    /// yet is left for later.
    pub(super) fn create(
        &mut self,
        connection: &Connection,
        rebuild: &Rebuild,
        kept: &KeptTrees,
    ) -> Result<()> {
        for index in rebuild.indexes.iter().filter(|index| !kept.has(rebuild, index)) {
            let Some(sql) = &index.sql else { continue };
            if free_name(connection, &index.name)? != index.name {
                continue;
            }
            connection.execute_batch(sql).map_err(|error| refused(error, sql))?;
            self.0.insert(fold(&index.name));
        }
        Ok(())
    }

    /// Notes indexes that are there because their table stays, or their b-tree.
    pub(super) fn note<'i>(&mut self, indexes: impl Iterator<Item = &'i Object>) {
        self.0.extend(indexes.map(|index| fold(&index.name)));
    }

    /// Tells whether an object was made already; it is then forgotten.
    pub(super) fn takes(&mut self, object: &Object) -> bool {
        self.0.remove(&fold(&object.name))
    }
}

/// Gives the named indexes of a table scratch names, in SQLite's own schema table
/// (<https://sqlite.org/pragma.html#pragma_writable_schema>): there is no statement that renames one.
/// The automatic ones were renamed with their table.
pub(super) fn indexes_aside(connection: &Connection, scratch: &str) -> Result<()> {
    let mut changes = Vec::new();
    for (name, sql) in named_indexes(connection, scratch)? {
        let number = changes.len() + 1;
        let aside = free_name(connection, &format!("{scratch}_index_{number}"))?;
        let text = edit::rename_object(&sql, &aside)
            .map_err(|error| Error::new(ErrorKind::Rebuild, error.to_string()).about(&name))?;
        changes.push((name, aside, text));
    }
    if changes.is_empty() {
        return Ok(());
    }
    edit_schema(connection, &|it| {
        for (name, aside, text) in &changes {
            it.execute(
                "UPDATE main.sqlite_schema SET name = ?1, sql = ?2 WHERE type = 'index' AND name = ?3",
                (aside, text, name),
            )?;
        }
        Ok(())
    })
}

fn named_indexes(connection: &Connection, table: &str) -> Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT name, sql FROM main.sqlite_schema \
         WHERE type = 'index' AND tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL",
    )?;
    let found = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// A name that nothing in the file has at this moment.
pub(super) fn free_name(connection: &Connection, wish: &str) -> Result<String> {
    let mut name = wish.to_owned();
    loop {
        let taken: bool = connection.query_row(
            "SELECT count(*) FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE",
            [&name],
            |row| row.get(0),
        )?;
        if !taken {
            return Ok(name);
        }
        name.push('_');
    }
}
