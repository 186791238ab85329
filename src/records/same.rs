//! Comparing a table and its indexes with the backup's, record by record.

use rusqlite::Connection;

use super::define::{Definition, EXPRESSION, Indexes, indexes};
use super::layout::same_layout;
use super::shapes::{Roots, roots};
use crate::btree::{DbPages, PageSet, Stop, Trees, compare_trees};
use crate::error::Result;
use crate::name::fold;
use crate::schema::{ColumnStorage, RowKey, Table};

/// The pages of two databases: a backup and the database in its uncommitted state.
#[derive(Debug)]
pub struct Records<'c> {
    backup: Side<'c>,
    now: Side<'c>,
}

#[derive(Debug)]
struct Side<'c> {
    connection: &'c Connection,
    pages: DbPages<'c>,
    roots: Roots,
}

impl<'c> Side<'c> {
    fn open(connection: &'c Connection) -> Result<Option<Self>> {
        let Some(pages) = DbPages::open(connection)? else { return Ok(None) };
        Ok(Some(Self { connection, pages, roots: roots(connection)? }))
    }
}

/// A table that holds the same records as one of the backup.
#[derive(Debug, Clone)]
pub struct SameTable {
    /// The number of rows.
    pub rows: u64,
    /// The pages that it uses now.
    pages: PageSet,
}

impl<'c> Records<'c> {
    /// Opens the pages of both databases; `None` if SQLite gives none out.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn open(backup: &'c Connection, now: &'c Connection) -> Result<Option<Self>> {
        let Some(backup) = Side::open(backup)? else { return Ok(None) };
        let Some(now) = Side::open(now)? else { return Ok(None) };
        Ok(Some(Self { backup, now }))
    }

    /// Compares the records of a table with those of the backup's table that it comes from; the pairs name
    /// the columns before and after. `None` if they are not the same byte by byte, or if the same bytes
    /// would not be the same values: that is for a comparison of values to tell.
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
    ) -> Result<Option<SameTable>> {
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
        let found = self.same_trees((&from.name, &to.name), progress)?;
        Ok(found.map(|(rows, pages)| SameTable { rows, pages }))
    }

    /// Compares each index of such a table with an index of the backup's table that holds the same parts
    /// of the same rows. Returns false if one has no such match or differs, or if two trees share a page.
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
        same: &SameTable,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<bool> {
        let known = indexes(self.backup.connection, &from.name)?;
        let (mut used, mut passed) = (same.pages.clone(), 0);
        for index in indexes(self.now.connection, &to.name)?.0 {
            let is_table = matches!(to.key, RowKey::PrimaryKey(_)) && index.definition.primary;
            if is_table {
                continue;
            }
            let alike = known.0.iter().find(|it| it.definition.holds_as(&index.definition));
            let Some(old) = alike.filter(|_| follows_from_columns(&index.definition, to)) else {
                return Ok(false);
            };
            let mut further = |entries| progress(passed + entries);
            match self.same_trees((&old.name, &index.name), &mut further)? {
                Some((entries, pages)) if used.absorb(&pages) => passed += entries,
                Some(_) | None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn same_trees(
        &mut self,
        (from, to): (&str, &str),
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<(u64, PageSet)>> {
        let roots = (self.backup.roots.get(&fold(from)), self.now.roots.get(&fold(to)));
        let (Some(one), Some(two)) = roots else { return Ok(None) };
        let (one, two) = (*one, *two);
        let (left, right) = (&mut self.backup.pages, &mut self.now.pages);
        match compare_trees((left, one), (right, two), progress) {
            Ok(Trees::Equal { entries, pages }) => Ok(Some((entries, pages))),
            Ok(Trees::Different) | Err(Stop::Malformed(_)) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
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
