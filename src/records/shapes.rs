//! What the entries of the indexes of a table have to be, as far as it can be told without SQLite.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::define::{Definition, indexes};
use super::places::Places;
use crate::btree::{Checked, Collation, DbPages, IndexShape, KeyPart, Rows, Stop, indexes_project};
use crate::error::Result;
use crate::name::fold;
use crate::schema::Table;

/// The tables and indexes that are stored, by folded name: they share their names.
pub(super) type StoredTrees = BTreeMap<String, StoredTree>;

/// Where a table or index is, and its text.
#[derive(Debug, Clone)]
pub(super) struct StoredTree {
    pub(super) root: u32,
    pub(super) sql: String,
}

pub(super) fn stored_trees(connection: &Connection) -> Result<StoredTrees> {
    let sql = "SELECT name, rootpage, ifnull(sql, '') FROM main.sqlite_schema WHERE rootpage > 0";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok((fold(&row.get::<_, String>(0)?), StoredTree { root: row.get(1)?, sql: row.get(2)? }))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether the indexes of a database were shown to hold what their tables say.
#[derive(Debug)]
pub struct IndexesShown<'c> {
    connection: &'c Connection,
    pages: DbPages<'c>,
    trees: StoredTrees,
    /// Whether text is stored as UTF-8, for which the collations are defined.
    utf8: bool,
}

/// Begins to look at the indexes of `main`; `None` if SQLite gives no pages out.
///
/// # Errors
/// Whatever SQLite reports.
pub fn indexes_shown(connection: &Connection) -> Result<Option<IndexesShown<'_>>> {
    let Some(pages) = DbPages::open(connection)? else { return Ok(None) };
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    let (trees, utf8) = (stored_trees(connection)?, encoding == "UTF-8");
    Ok(Some(IndexesShown { connection, pages, trees, utf8 }))
}

impl IndexesShown<'_> {
    /// Tells whether each index of a table holds exactly the entries that the rows ask for, in order, and
    /// unique where it must be; and whether the rows of a table without rowids are in order. No also means
    /// that it could not be shown: expressions, conditions, virtual columns, other collations.
    ///
    /// Indexes that were shown in another way are left out. The progress function gets the rows and entries
    /// passed and may stop by failing.
    ///
    /// # Errors
    /// Whatever SQLite or the progress function reports.
    pub fn of(
        &mut self,
        table: &Table,
        shown: &BTreeSet<String>,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        let Some((rows, shapes)) = self.shapes(table, shown)? else { return Ok(false) };
        if shapes.is_empty() && rows.key.is_empty() {
            return Ok(true);
        }
        // Whoever asks lets SQLite check pages and rows, too.
        match indexes_project(&mut Checked(&mut self.pages), &rows, &shapes, progress) {
            Ok(shown) => Ok(shown),
            Err(Stop::Malformed(_)) => Ok(false),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn shapes(
        &self,
        table: &Table,
        shown: &BTreeSet<String>,
    ) -> Result<Option<(Rows, Vec<IndexShape>)>> {
        let found = indexes(self.connection, &table.name)?;
        let Some(places) = Places::of(table, &found) else { return Ok(None) };
        let root = |name: &str| self.trees.get(&fold(name)).map(|tree| tree.root);
        let Some(table_root) = root(&table.name) else { return Ok(None) };
        let mut rows = Rows { root: table_root, key: Vec::new() };
        let mut shapes = Vec::new();
        for index in found.0.iter().filter(|index| !shown.contains(&fold(&index.name))) {
            let Some(parts) = self.parts(&places, &index.definition) else { return Ok(None) };
            let keys = index.definition.parts.iter().filter(|part| part.key).count();
            if places.without_rowid && index.definition.primary {
                // It is the table.
                rows.key = parts.into_iter().take(keys).collect();
                continue;
            }
            let Some(root) = root(&index.name) else { return Ok(None) };
            let unique = index.definition.unique.then_some(keys);
            shapes.push(IndexShape { root, parts, unique });
        }
        Ok(Some((rows, shapes)))
    }

    fn parts(&self, places: &Places<'_>, definition: &Definition) -> Option<Vec<KeyPart>> {
        if definition.partial {
            return None;
        }
        let part = |part: &super::define::Part| {
            let collation = Collation::named(&part.collation)?;
            let known = self.utf8 || collation == Collation::Binary;
            let place = places.find(part.column)?;
            known.then_some(KeyPart { place, descending: part.descending, collation })
        };
        definition.parts.iter().map(part).collect()
    }
}
