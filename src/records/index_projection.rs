//! What the entries of the indexes of a table have to be, as far as it can be told without SQLite.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::define::{Definition, indexes};
use super::field_positions::FieldPositions;
use crate::btree::{
    Checked, Collation, DbPages, IndexShape, KeyPart, Read, Rows, Stop, Sum, index_holds,
    indexes_project, rows_ask_for,
};
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
pub fn indexes_shown(connection: &Connection) -> Result<Option<IndexesShown<'_>>> {
    let Some(pages) = DbPages::open(connection)? else { return Ok(None) };
    let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    let (trees, utf8) = (stored_trees(connection)?, encoding == "UTF-8");
    Ok(Some(IndexesShown { connection, pages, trees, utf8 }))
}

impl IndexesShown<'_> {
    /// Returns whether each index of a table holds exactly the entries that the rows ask for, in order, and
    /// unique where it must be; and whether the rows of a table without rowids are in order. No also means
    /// that it could not be shown: expressions, conditions, virtual columns, other collations.
    ///
    /// Indexes that were shown in another way are left out. The progress function gets the rows and entries
    /// passed and may stop by failing.
    pub fn of(
        &mut self,
        table: &Table,
        shown: &BTreeSet<String>,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        let Some(claims) = self.claims(table, shown)? else { return Ok(false) };
        if claims.is_nothing() {
            return Ok(true);
        }
        // The caller lets SQLite check pages and rows, too.
        let mut pages = Checked(&mut self.pages);
        let found = indexes_project(&mut pages, &claims.rows, &claims.indexes, progress);
        Ok(answer(found.map(Some))? == Some(true))
    }

    /// Returns what is to be shown about a table; `None` if it cannot be. Indexes that were shown in another way
    /// are left out.
    pub fn claims(&self, table: &Table, shown: &BTreeSet<String>) -> Result<Option<IndexClaims>> {
        let found = indexes(self.connection, &table.name)?;
        let Some(positions) = FieldPositions::of(table, &found) else { return Ok(None) };
        let root = |name: &str| self.trees.get(&fold(name)).map(|tree| tree.root);
        let Some(table_root) = root(&table.name) else { return Ok(None) };
        let mut rows = Rows { root: table_root, key: Vec::new() };
        let mut shapes = Vec::new();
        for index in found.0.iter().filter(|index| !shown.contains(&fold(&index.name))) {
            let Some(parts) = self.parts(&positions, &index.definition) else { return Ok(None) };
            let keys = index.definition.parts.iter().filter(|part| part.key).count();
            if positions.without_rowid && index.definition.primary {
                // It is the table.
                rows.key = parts.into_iter().take(keys).collect();
                continue;
            }
            let Some(root) = root(&index.name) else { return Ok(None) };
            let unique = index.definition.unique.then_some(keys);
            shapes.push(IndexShape { root, parts, unique });
        }
        Ok(Some(IndexClaims { rows, indexes: shapes }))
    }

    fn parts(
        &self,
        positions: &FieldPositions<'_>,
        definition: &Definition,
    ) -> Option<Vec<KeyPart>> {
        if definition.partial {
            return None;
        }
        let part = |part: &super::define::IndexPart| {
            let collation = Collation::named(&part.collation)?;
            let known = self.utf8 || collation == Collation::Binary;
            let place = positions.find(part.column)?;
            known.then_some(KeyPart { place, descending: part.descending, collation })
        };
        definition.parts.iter().map(part).collect()
    }
}

/// What is to be shown about the indexes of a table, piece by piece: on whichever connection to the same bytes.
/// The caller lets SQLite check pages and rows, too.
#[derive(Debug)]
pub struct IndexClaims {
    rows: Rows,
    indexes: Vec<IndexShape>,
}

impl IndexClaims {
    /// Returns whether there is nothing to show.
    pub fn is_nothing(&self) -> bool {
        self.indexes.is_empty() && self.rows.key.is_empty()
    }

    pub fn indexes(&self) -> usize {
        self.indexes.len()
    }

    /// Returns what the rows say about the entries of each index; `None` if that is not known.
    ///
    /// # Errors
    /// Whatever SQLite or the progress function, which gets the rows passed, reports.
    pub fn rows_ask_for(
        &self,
        pages: &mut DbPages<'_>,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<Vec<Sum>>> {
        answer(rows_ask_for(&mut Checked(pages), &self.rows, &self.indexes, progress))
    }

    /// Returns what is in the n-th index, from 0; `None` if it is not in order, or that is not known.
    ///
    /// # Errors
    /// Whatever SQLite or the progress function, which gets the entries passed, reports.
    pub fn index_holds(
        &self,
        pages: &mut DbPages<'_>,
        number: usize,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<Sum>> {
        let Some(index) = self.indexes.get(number) else { return Ok(None) };
        answer(index_holds(&mut Checked(pages), index, progress))
    }
}

/// Pages that make no sense show nothing.
fn answer<T>(found: Read<Option<T>>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(found),
        Err(Stop::Malformed(_)) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}
