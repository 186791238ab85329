//! Comparing a table and its indexes with the backup's, record by record.

use rusqlite::Connection;

use super::define::{Indexes, indexes};
use super::index_projection::{StoredTree, StoredTrees, stored_trees};
use super::layout::same_layout;
use crate::btree::{Checked, DbPages, PageSet, Stop, Trees, compare_pages, compare_trees};
use crate::error::Result;
use crate::name::fold;
use crate::schema::{RowKey, Table};

/// The pages of two databases: a backup and the database in its uncommitted state.
#[derive(Debug)]
pub struct Records<'c> {
    pub(super) backup: Side<'c>,
    pub(super) now: Side<'c>,
    /// The pages of all trees that were found to be the same, as they are now: no two may share one.
    pub(super) used: PageSet,
}

#[derive(Debug)]
pub(super) struct Side<'c> {
    pub(super) connection: &'c Connection,
    pub(super) pages: DbPages<'c>,
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

    pub(super) fn same_trees(
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
            // The backup is checked in full before anything is committed.
            Ok(Trees::Different) => {
                compare_trees((&mut Checked(left), one), (right, two), progress)
            }
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
    pub(super) fn tree(&self, name: &str) -> Option<&StoredTree> {
        self.trees.get(&fold(name))
    }
}
