//! One change of the schema as a value: what is rebuilt, created and dropped.

use std::sync::Arc;

use super::copy::CopyQuery;
use super::reason::RebuildReason;
use super::rules::Rule;
use super::statistics::StatisticsMove;
use super::strategy::CopyStrategy;
use crate::error::MissingExtension;
use crate::name::same;
use crate::rows::TypedColumn;
use crate::schema::{Object, ObjectKind, Schema, Table, VirtualTable};
use crate::shadow::Lineage;

/// A table that is rebuilt by create-copy-swap.
#[derive(Debug, Clone)]
pub struct Rebuild {
    pub from: String,
    pub to: String,
    /// A free name for the old table while the new one is filled.
    pub scratch: String,
    /// The text that creates the new table.
    pub sql: String,
    /// The values of the new rows.
    pub copy: CopyQuery,
    /// How the table gets its new definition.
    pub strategy: CopyStrategy,
    /// The named indexes before, and names that they can wait under.
    pub indexes: Vec<RenamedIndex>,
    /// What a rebuild would need and this program lacks: the table then stays in place whatever is asked for.
    pub lacks: Option<MissingExtension>,
    /// Columns that were and stay NOT NULL: before and after.
    pub required: Vec<(String, String)>,
    /// Columns that keep their values under another type.
    pub typed: Vec<TypedColumn>,
    pub shape: Table,
    /// The INTEGER PRIMARY KEY, if it takes values that may be NULL.
    pub given_alias: Option<String>,
    /// Whether the AUTOINCREMENT counter is carried over.
    pub carries_sequence: bool,
    pub reasons: Vec<RebuildReason>,
}

impl Rebuild {
    /// Returns the rules that the new definition leaves out.
    pub fn lost_rules(&self) -> impl Iterator<Item = &Rule> {
        self.reasons.iter().filter_map(|reason| match reason {
            RebuildReason::RuleLost(rule) => Some(rule),
            _ => None,
        })
    }
}

/// A table that is dropped with its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDrop {
    pub table: String,
    /// A free name that it waits under, if its own name or that of an index is needed before it can go.
    pub scratch: Option<String>,
    /// Its named indexes, and names that they can wait under.
    pub indexes: Vec<RenamedIndex>,
}

/// An index of an old table under a name that nothing has: names of indexes are global, and the new table's come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedIndex {
    pub from: String,
    /// The name that it waits under.
    pub to: String,
    /// The text with that name, and with that of the waiting table.
    pub sql: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VirtualChange {
    Create {
        sql: String,
    },
    /// The module gives it another name.
    Rename {
        from: String,
        to: String,
        /// A free name that it waits under, if the name after is not free when it has to go.
        scratch: Option<String>,
        /// The text that is stored afterwards, if it is another one than SQLite writes by itself.
        text: Option<String>,
    },
    Drop {
        table: String,
    },
    /// It is created again and fills itself from its content table.
    Recreate {
        from: String,
        to: String,
        sql: String,
        /// Its table of settings, by the name before, and a free name to keep them under meanwhile.
        settings: Option<(String, String)>,
    },
    /// Its index is filled from its content table.
    Fill {
        table: String,
        reason: FillReason,
    },
}

/// Why the index of a full-text table is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillReason {
    /// The table is new, and its index empty.
    Created,
    /// The rows of its content table change. An index that the triggers kept up to date stays as it is, and so does
    /// one that did not fit before.
    ContentChanged,
}

impl VirtualChange {
    /// Returns whether the change creates a table of this name.
    pub(crate) fn creates(&self, table: &str) -> bool {
        match self {
            Self::Create { sql } => VirtualTable::read(sql).is_some_and(|it| same(&it.name, table)),
            Self::Rename { .. } | Self::Drop { .. } | Self::Recreate { .. } | Self::Fill { .. } => {
                false
            }
        }
    }
}

#[derive(Debug, Clone)]
pub struct SchemaChange {
    /// Triggers, views and indexes that are dropped first, because they go or change.
    pub removed: Vec<Object>,
    pub rebuilds: Vec<Rebuild>,
    pub created: Vec<Object>,
    pub dropped: Vec<TableDrop>,
    pub virtuals: Vec<VirtualChange>,
    /// Indexes, views and triggers that are created afterwards, in that order.
    pub restored: Vec<Object>,
    pub statistics: StatisticsMove,
    /// Where every table and column comes from.
    pub lineage: Lineage,
    pub after: Arc<Schema>,
}

impl SchemaChange {
    /// Returns the tables that are created, rebuilt ones included, without those that stay in place: name and text.
    pub fn rebuilt_tables(&self) -> Vec<(String, String)> {
        let made = self.rebuilds.iter().filter(|it| !it.in_place());
        let rebuilt = made.map(|it| (it.to.clone(), it.sql.clone()));
        let created =
            self.created.iter().map(|it| (it.name.clone(), it.sql.clone().unwrap_or_default()));
        rebuilt.chain(created).collect()
    }

    /// Returns the objects that are created again, without the indexes that stay with their tables.
    pub fn recreated_objects(&self) -> Vec<Object> {
        let stays = |object: &Object| {
            let in_place = self.rebuilds.iter().filter(|it| it.in_place());
            object.kind == ObjectKind::Index
                && in_place.flat_map(Rebuild::present_indexes).any(|index| index == object)
        };
        self.restored.iter().filter(|it| !stays(it)).cloned().collect()
    }

    /// Returns the full-text tables that are made again: name and text.
    pub fn refilled_tables(&self) -> Vec<(String, String)> {
        let refilled = self.virtuals.iter().filter_map(|change| match change {
            VirtualChange::Recreate { to, sql, .. } => Some((to.clone(), sql.clone())),
            VirtualChange::Create { .. }
            | VirtualChange::Rename { .. }
            | VirtualChange::Fill { .. }
            | VirtualChange::Drop { .. } => None,
        });
        refilled.collect()
    }

    /// Returns whether the change changes nothing.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty()
            && self.rebuilds.is_empty()
            && self.created.is_empty()
            && self.dropped.is_empty()
            && self.virtuals.is_empty()
            && self.restored.is_empty()
    }
}
