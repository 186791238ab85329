//! How the rows of a changed table come over, and where a plan takes them from the backup.
//!
//! Every choice is in the plan before the run begins. What only the lock can reveal has a [`Fallback`].

use crate::schema::Object;
use crate::shadow::CopyMethod;

/// How a table gets its new definition.
#[derive(Debug, Clone)]
pub enum CopyStrategy {
    /// Only names change: the table stays where it is, and its entries in SQLite's schema table are edited. A script
    /// copies it.
    InPlace {
        /// The indexes that stay with it: by their names before, as they are afterwards.
        indexes: Vec<(String, Object)>,
        /// The triggers and indexes that do not.
        removed: Vec<Object>,
    },
    /// A new table takes the rows.
    CopyRows {
        from: RowSource,
        /// How they are copied; see [`Rebuild::fallback`](super::Rebuild::fallback).
        how: CopyMethod,
        /// The indexes that are made before the rows: their records are copied whole, too.
        carried: Vec<Object>,
        /// The indexes that hold the same entries afterwards, so that their b-trees are kept: by their names before,
        /// as they are afterwards.
        kept: Vec<(String, Object)>,
    },
}

impl CopyStrategy {
    /// The strategy that always works: values one by one, and every index again.
    pub(super) fn by_rows() -> Self {
        let (carried, kept) = (Vec::new(), Vec::new());
        Self::CopyRows { from: RowSource::OldTable, how: CopyMethod::Rows, carried, kept }
    }
}

/// Where the rows of a rebuilt table are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSource {
    /// In the old table, which waits under its scratch name.
    OldTable,
    /// In the attached backup, which holds what the old table holds. That goes first and frees its pages for the new one.
    /// Where no backup is attached, [`Plan::use_old_tables`](super::Plan::use_old_tables) goes back to the old table.
    Backup,
}

/// What happens if SQLite, asked again under the lock, would not copy whole records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The values are copied column by column.
    Rewrite,
    /// The run ends: the rowids have no name, so that they cannot be kept in another way.
    Refuse,
}
