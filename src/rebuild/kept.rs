//! Indexes whose b-trees are kept while their table is made anew: they hold the same entries afterwards.
//!
//! Their entries leave SQLite's schema table before the old table goes, so that it does not take the
//! b-trees along, and come back with the names and the table of afterwards when the new one is filled
//! (<https://sqlite.org/pragma.html#pragma_writable_schema>). In between the pages belong to nothing: they
//! are not free, so that nothing takes them. The proof compares them with those of the backup.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::indexes::free_name;
use super::lenient_copy::edit_schema;
use crate::error::{Error, ErrorKind, Result};
use crate::name::fold;
use crate::plan::Rebuild;
use crate::schema::Object;
use crate::shadow::CopyMethod;

/// The b-trees that wait for their table, by its scratch name.
#[derive(Debug, Default)]
pub(super) struct KeptTrees(BTreeMap<String, Vec<Tree>>);

/// A b-tree without an entry in the schema table.
#[derive(Debug, Clone)]
struct Tree {
    root: i64,
    index: Object,
}

impl KeptTrees {
    /// Takes the entries of the kept indexes of an old table, which has its scratch name, out of the schema
    /// table.
    ///
    /// None where pages tell where others are used: SQLite would move roots that it does not know of
    /// (<https://sqlite.org/fileformat2.html#pointer_map_or_ptrmap_pages>).
    pub(super) fn take(&mut self, connection: &Connection, rebuild: &Rebuild) -> Result<()> {
        let vacuum: i64 = connection.query_row("PRAGMA main.auto_vacuum", [], |row| row.get(0))?;
        if vacuum != 0 || rebuild.kept.is_empty() {
            return Ok(());
        }
        let found = entries(connection, &rebuild.scratch)?;
        let kept = spare_one(rebuild, found.iter().any(|entry| entry.automatic));
        let mut trees = Vec::new();
        for (from, index) in kept {
            let entry = found.iter().find(|it| !it.automatic && fold(&it.name) == fold(from));
            let Some(entry) = entry else { continue };
            trees.push((entry.row, Tree { root: entry.root, index: index.clone() }));
        }
        edit_schema(connection, &|it| {
            for (row, _) in &trees {
                it.execute("DELETE FROM main.sqlite_schema WHERE rowid = ?1", [row])?;
            }
            Ok(())
        })?;
        self.0.insert(rebuild.scratch.clone(), trees.into_iter().map(|(_, tree)| tree).collect());
        Ok(())
    }

    /// Tells whether the b-tree of an index of a rebuilt table waits for it.
    pub(super) fn has(&self, rebuild: &Rebuild, index: &Object) -> bool {
        let waiting = self.0.get(&rebuild.scratch).into_iter().flatten();
        waiting.into_iter().any(|tree| tree.index.name == index.name)
    }

    /// Gives the b-trees to the new table, which is filled. One whose name is not free yet waits on.
    pub(super) fn give(
        &mut self,
        connection: &Connection,
        rebuild: &Rebuild,
    ) -> Result<Vec<Object>> {
        let Some(trees) = self.0.remove(&rebuild.scratch) else { return Ok(Vec::new()) };
        let mut given = Vec::new();
        let mut waiting = Vec::new();
        for tree in trees {
            let free = free_name(connection, &tree.index.name)? == tree.index.name;
            if free { given.push(tree) } else { waiting.push(tree) }
        }
        enter(connection, &given)?;
        if !waiting.is_empty() {
            self.0.insert(rebuild.scratch.clone(), waiting);
        }
        Ok(given.into_iter().map(|tree| tree.index).collect())
    }

    /// Gives one more b-tree to its table, now that its name must be free; tells whether it was one.
    pub(super) fn give_late(&mut self, connection: &Connection, index: &Object) -> Result<bool> {
        for trees in self.0.values_mut() {
            if let Some(place) = trees.iter().position(|tree| tree.index == *index) {
                enter(connection, &[trees.remove(place)])?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes sure that no b-tree is left without a table.
    pub(super) fn all_given(&self) -> Result<()> {
        match self.0.values().flatten().next() {
            None => Ok(()),
            Some(tree) => {
                let what = format!("the index {} was not given to its table", tree.index.name);
                Err(Error::new(ErrorKind::Rebuild, what).about(&tree.index.name))
            }
        }
    }
}

/// The indexes that are kept: all, or all but one, because SQLite copies records without their rowids into
/// a table that has neither an INTEGER PRIMARY KEY nor any index.
fn spare_one(rebuild: &Rebuild, automatic: bool) -> &[(String, Object)] {
    let needs_index = rebuild.copy.method == CopyMethod::Records
        && rebuild.shape.rowid_alias().is_none()
        && !automatic
        && rebuild.kept.len() == rebuild.indexes.len();
    if needs_index { &rebuild.kept[1..] } else { &rebuild.kept }
}

/// An index in the schema table.
struct Entry {
    row: i64,
    name: String,
    root: i64,
    automatic: bool,
}

fn entries(connection: &Connection, table: &str) -> Result<Vec<Entry>> {
    let mut statement = connection.prepare(
        "SELECT rowid, name, rootpage, sql IS NULL FROM main.sqlite_schema \
         WHERE type = 'index' AND tbl_name = ?1 COLLATE NOCASE",
    )?;
    let rows = statement.query_map([table], |row| {
        let (row_number, name) = (row.get(0)?, row.get(1)?);
        Ok(Entry { row: row_number, name, root: row.get(2)?, automatic: row.get(3)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Enters b-trees in the schema table.
fn enter(connection: &Connection, trees: &[Tree]) -> Result<()> {
    if trees.is_empty() {
        return Ok(());
    }
    let version: i64 = connection.query_row("PRAGMA main.schema_version", [], |row| row.get(0))?;
    edit_schema(connection, &|it| {
        for Tree { root, index } in trees {
            it.execute(
                "INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) \
                 VALUES ('index', ?1, ?2, ?3, ?4)",
                (&index.name, &index.table, root, &index.sql),
            )?;
        }
        // Other programs that have the file open read the schema again
        // (https://sqlite.org/lang_altertable.html, section 7).
        it.execute_batch(&format!("PRAGMA main.schema_version={}", version.wrapping_add(1)))
    })
    .map_err(|error| {
        let first = trees.first().map(|tree| tree.index.name.clone()).unwrap_or_default();
        error.during(ErrorKind::Rebuild, "the entries of indexes could not be kept").about(&first)
    })
}
