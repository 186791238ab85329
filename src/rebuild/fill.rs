//! Which indexes of full-text tables fitted their content before the run, so that the run keeps them so.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::error::Result;
use crate::name::fold;
use crate::plan::{Action, VirtualChange};
use crate::rows::index_finding;
use crate::schema::VirtualTable;

/// The full-text tables, folded, whose indexes fitted when the run began, or were filled by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FittingIndexes(BTreeSet<String>);

impl FittingIndexes {
    /// Makes the set of those that fit before the run.
    pub fn of(tables: impl IntoIterator<Item = String>) -> Self {
        Self(tables.into_iter().collect())
    }

    /// Returns whether an index fitted before and does not fit its content now.
    pub(super) fn needs_fill(&self, connection: &Connection, table: &str) -> Result<bool> {
        if !self.0.contains(&fold(table)) {
            return Ok(false);
        }
        let sql =
            "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
        let text: String = connection.query_row(sql, [table], |row| row.get(0))?;
        match VirtualTable::read(&text) {
            Some(table) => Ok(index_finding(connection, &table)?.is_some()),
            None => Ok(false),
        }
    }

    pub(super) fn note_filled(&mut self, table: &str) {
        self.0.insert(fold(table));
    }

    /// Follows a change of a virtual table.
    pub(super) fn follow(&mut self, action: &Action) {
        let (Action::LateVirtual(change) | Action::EarlyVirtual(change)) = action else { return };
        match change {
            VirtualChange::Create { sql } => {
                // The index that had this name is gone.
                if let Some(table) = VirtualTable::read(sql) {
                    self.0.remove(&fold(&table.name));
                }
            }
            VirtualChange::Rename { from, to, .. } | VirtualChange::Recreate { from, to, .. } => {
                if matches!(action, Action::EarlyVirtual(_)) && self.0.remove(&fold(from)) {
                    self.0.insert(fold(to));
                }
            }
            VirtualChange::Drop { .. } | VirtualChange::Fill { .. } => {}
        }
    }
}
