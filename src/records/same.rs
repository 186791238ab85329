//! Comparing a table and its indexes with the backup's, record by record.

use rusqlite::Connection;

use super::define::{Definition, EXPRESSION, Index, Indexes, indexes};
use super::layout::{same_computed, same_index_text, same_layout};
use super::shapes::{StoredTree, StoredTrees, stored_trees};
use crate::btree::{DbPages, PageSet, Stop, Trees, compare_pages, compare_trees};
use crate::error::Result;
use crate::name::fold;
use crate::schema::{ColumnStorage, RowKey, Table};

/// The pages of two databases: a backup and the database in its uncommitted state.
#[derive(Debug)]
pub struct Records<'c> {
    backup: Side<'c>,
    now: Side<'c>,
    /// The pages of all trees that were found to be the same, as they are now: no two may share one.
    used: PageSet,
}

#[derive(Debug)]
struct Side<'c> {
    connection: &'c Connection,
    pages: DbPages<'c>,
    trees: StoredTrees,
}

impl<'c> Side<'c> {
    fn open(connection: &'c Connection) -> Result<Option<Self>> {
        let Some(pages) = DbPages::open(connection)? else { return Ok(None) };
        Ok(Some(Self { connection, pages, trees: stored_trees(connection)? }))
    }
}

impl<'c> Records<'c> {
    /// Opens the pages of both databases; `None` if SQLite gives none out.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn open(backup: &'c Connection, now: &'c Connection) -> Result<Option<Self>> {
        let Some(backup) = Side::open(backup)? else { return Ok(None) };
        let Some(now) = Side::open(now)? else { return Ok(None) };
        Ok(Some(Self { backup, now, used: PageSet::default() }))
    }

    /// Compares the records of a table with those of the backup's table that it comes from; the pairs name
    /// the columns before and after. Returns the number of rows; `None` if they are not the same byte by
    /// byte, or if the same bytes would not be the same values: that is for a comparison of values to tell.
    ///
    /// The progress function gets the rows passed and may stop by failing.
    ///
    /// # Errors
    /// Whatever SQLite or the progress function reports.
    pub fn same_table(
        &mut self,
        (from, to): (&Table, &Table),
        pairs: &[(String, String)],
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<u64>> {
        if !same_layout(from, to, pairs) {
            return Ok(None);
        }
        if matches!(to.key, RowKey::PrimaryKey(_)) {
            let key = |indexes: &Indexes| indexes.primary().map(|it| it.definition.clone());
            let old = key(&indexes(self.backup.connection, &from.name)?);
            let new = key(&indexes(self.now.connection, &to.name)?);
            if old.is_none() || old != new {
                return Ok(None);
            }
        }
        self.same_trees((&from.name, &to.name), progress)
    }

    /// Compares each index of a table with the same records with an index of the backup's table that holds the same parts
    /// of the same rows. Returns false if one has no such match or differs, or if trees share a page.
    ///
    /// Where it returns true, the pages of the table and of its indexes were checked in full, and the
    /// indexes are as good as those of the backup. The progress function gets the entries passed in all
    /// indexes and may stop by failing.
    ///
    /// # Errors
    /// Whatever SQLite or the progress function reports.
    pub fn same_indexes(
        &mut self,
        (from, to): (&Table, &Table),
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        let known = indexes(self.backup.connection, &from.name)?;
        let mut passed = 0;
        for index in indexes(self.now.connection, &to.name)?.0 {
            let is_table = matches!(to.key, RowKey::PrimaryKey(_)) && index.definition.primary;
            if is_table {
                continue;
            }
            let plain = follows_from_columns(&index.definition, to);
            let alike = |it: &&Index| {
                it.definition.holds_as(&index.definition)
                    && (plain || self.same_texts((from, &it.name), (to, &index.name)))
            };
            let Some(old) = known.0.iter().find(alike) else { return Ok(false) };
            let mut further = |entries| progress(passed + entries);
            match self.same_trees((&old.name, &index.name), &mut further)? {
                Some(entries) => passed += entries,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Tells whether the expressions and the condition of an index, and the computed columns that they may
    /// read, are those of the backup's.
    fn same_texts(&self, (from, old): (&Table, &str), (to, new): (&Table, &str)) -> bool {
        let text = |side: &Side<'_>, name: &str| side.tree(name).map(|tree| tree.sql.clone());
        let tables = text(&self.backup, &from.name).zip(text(&self.now, &to.name));
        let indexes = text(&self.backup, old).zip(text(&self.now, new));
        let computed = tables.is_some_and(|(old, new)| same_computed((from, &old), (to, &new)));
        computed && indexes.is_some_and(|(old, new)| same_index_text((from, &old), (to, &new)))
    }

    fn same_trees(
        &mut self,
        (from, to): (&str, &str),
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<u64>> {
        let (Some(one), Some(two)) = (self.backup.tree(from), self.now.tree(to)) else {
            return Ok(None);
        };
        let (one, two) = (one.root, two.root);
        let (left, right) = (&mut self.backup.pages, &mut self.now.pages);
        let untouched = if one == two {
            compare_pages(left, right, one, progress)
        } else {
            Ok(Trees::Different)
        };
        let compared = match untouched {
            Ok(Trees::Different) => compare_trees((left, one), (right, two), progress),
            other => other,
        };
        match compared {
            Ok(Trees::Equal { entries, pages }) => Ok(self.used.absorb(&pages).then_some(entries)),
            Ok(Trees::Different) | Err(Stop::Malformed(_)) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

impl Side<'_> {
    fn tree(&self, name: &str) -> Option<&StoredTree> {
        self.trees.get(&fold(name))
    }
}

impl Definition {
    /// Tells whether another index holds the same entries in the same order, and is as unique.
    fn holds_as(&self, other: &Self) -> bool {
        self.unique == other.unique && self.partial == other.partial && self.parts == other.parts
    }
}

/// Tells whether the entries follow from stored columns alone.
fn follows_from_columns(definition: &Definition, table: &Table) -> bool {
    let stored = |number: i64| {
        let column = usize::try_from(number).ok().and_then(|it| table.columns.get(it));
        column.is_none_or(|column| column.storage != ColumnStorage::Virtual)
    };
    !definition.partial
        && definition.parts.iter().all(|part| part.column > EXPRESSION && stored(part.column))
}
