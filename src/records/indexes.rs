//! Comparing the indexes of a table with those of the backup's.

use std::collections::BTreeSet;

use super::define::{Definition, EXPRESSION, Index, IndexPart, indexes};
use super::layout::{same_computed, same_index_text};
use super::same::{Records, Side};
use crate::error::Result;
use crate::name::{fold, same};
use crate::schema::{ColumnStorage, RowKey, Table};

/// What is known of the rows of a table.
#[derive(Debug, Clone, Copy)]
pub enum RowsKnown<'p> {
    /// Their records are those of the backup's table.
    Records,
    /// Rowids and the values of these columns are, by their names before and after.
    Values(&'p [(String, String)]),
}

/// The indexes of a table that were found to be as good as those of the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SameIndexes {
    /// Their names, folded.
    pub names: BTreeSet<String>,
    pub all: bool,
}

impl Records<'_> {
    /// Compares each index of a table with an index of the backup's table that holds the same parts of the
    /// same rows. One that has no such match, or differs, or shares a page with another tree, is not named.
    ///
    /// The pages of those that are named were checked in full. The progress function gets the entries passed
    /// in all indexes and may stop by failing.
    pub fn same_indexes(
        &mut self,
        (from, to): (&Table, &Table),
        rows: RowsKnown<'_>,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<SameIndexes> {
        let known = indexes(self.backup.connection, &from.name)?;
        let mut passed = 0;
        let mut found = SameIndexes { names: BTreeSet::new(), all: true };
        for index in indexes(self.now.connection, &to.name)?.0 {
            let is_table = matches!(to.key, RowKey::PrimaryKey(_)) && index.definition.primary;
            if is_table {
                continue;
            }
            let alike = |it: &&Index| self.hold_the_same((from, it), (to, &index), rows);
            let mut further = |entries| progress(passed + entries);
            let entries = match known.0.iter().find(alike) {
                Some(old) => self.same_trees((&old.name, &index.name), &mut further)?,
                None => None,
            };
            match entries {
                Some(entries) => {
                    passed += entries;
                    found.names.insert(fold(&index.name));
                }
                None => found.all = false,
            }
        }
        Ok(found)
    }

    /// Returns whether two indexes hold the same entries for the same rows.
    fn hold_the_same(
        &self,
        (from, old): (&Table, &Index),
        (to, new): (&Table, &Index),
        rows: RowsKnown<'_>,
    ) -> bool {
        let plain = follows_from_columns(&new.definition, to);
        match rows {
            RowsKnown::Records => {
                old.definition.holds_as(&new.definition)
                    && (plain || self.same_texts((from, &old.name), (to, &new.name)))
            }
            RowsKnown::Values(pairs) => {
                let moved = old.definition.moved((from, to), pairs);
                plain && moved.is_some_and(|it| it.holds_as(&new.definition))
            }
        }
    }

    /// Returns whether the expressions and the condition of an index, and the computed columns that they may
    /// read, are those of the backup's.
    fn same_texts(&self, (from, old): (&Table, &str), (to, new): (&Table, &str)) -> bool {
        let text = |side: &Side<'_>, name: &str| side.tree(name).map(|tree| tree.sql.clone());
        let tables = text(&self.backup, &from.name).zip(text(&self.now, &to.name));
        let indexes = text(&self.backup, old).zip(text(&self.now, new));
        let computed = tables.is_some_and(|(old, new)| same_computed((from, &old), (to, &new)));
        computed && indexes.is_some_and(|(old, new)| same_index_text((from, &old), (to, &new)))
    }
}

impl Definition {
    /// The same index on columns that moved; `None` if one of them is not paired.
    fn moved(&self, (from, to): (&Table, &Table), pairs: &[(String, String)]) -> Option<Self> {
        let column = |number: i64| -> Option<i64> {
            let Ok(place) = usize::try_from(number) else { return Some(number) };
            let old = from.columns.get(place)?;
            let (_, name) = pairs.iter().find(|(name, _)| same(name, &old.name))?;
            i64::try_from(to.columns.iter().position(|it| same(&it.name, name))?).ok()
        };
        let part =
            |part: &IndexPart| Some(IndexPart { column: column(part.column)?, ..part.clone() });
        let parts = self.parts.iter().map(part).collect::<Option<Vec<_>>>()?;
        Some(Self { parts, ..self.clone() })
    }

    /// Returns whether another index holds the same entries in the same order, and is as unique.
    fn holds_as(&self, other: &Self) -> bool {
        self.unique == other.unique && self.partial == other.partial && self.parts == other.parts
    }
}

/// Returns whether the entries follow from stored columns alone.
fn follows_from_columns(definition: &Definition, table: &Table) -> bool {
    let stored = |number: i64| {
        let column = usize::try_from(number).ok().and_then(|it| table.columns.get(it));
        column.is_none_or(|column| column.storage != ColumnStorage::Virtual)
    };
    !definition.partial
        && definition.parts.iter().all(|part| part.column > EXPRESSION && stored(part.column))
}
