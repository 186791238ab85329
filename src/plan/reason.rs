//! Why a table is rebuilt, as facts.

use crate::name::same;

use super::rules::{Defined, Rule, rule_changes};
use crate::schema::{Column, ColumnStorage, ForeignKey, Object, Table};
use crate::shadow::{ColumnOrigin, Lineage, TableLineage};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebuildReason {
    TableRenamed {
        from: String,
    },
    ColumnRenamed {
        from: String,
        to: String,
    },
    ValuesComputed {
        column: String,
    },
    ColumnAdded {
        column: String,
    },
    ColumnDropped {
        /// The column, by its name before.
        column: String,
    },
    TypeChanged {
        column: String,
        from: String,
        to: String,
    },
    /// A column that held values computes them now.
    BecomesGenerated {
        /// The column, by its name after.
        column: String,
    },
    /// The new definition leaves a rule out.
    RuleLost(Rule),
    /// The new definition has a rule that the old one has not.
    RuleGained(Rule),
    /// A foreign key of the table follows the rename of its parent, or of a column of it.
    ReferencesRenamed {
        /// The parent, by its name after.
        parent: String,
    },
    /// A full-text table is filled from the table that it reads.
    FilledFromContent,
    /// The text of the definition is another one.
    DefinitionChanged,
}

impl RebuildReason {
    /// Returns whether only a name changes.
    pub const fn is_rename(&self) -> bool {
        matches!(self, Self::TableRenamed { .. } | Self::ColumnRenamed { .. })
    }
}

/// Returns why a table has to be rebuilt; nothing if it stays as it is.
pub(super) fn reasons(
    old: Defined<'_>,
    new: Defined<'_>,
    (lineage, table): (&Lineage, &TableLineage),
) -> Vec<RebuildReason> {
    let mut reasons = Vec::new();
    if same_text(old.object, new.object) && is_untouched(table) {
        return reasons;
    }
    if old.object.name != new.object.name {
        reasons.push(RebuildReason::TableRenamed { from: old.object.name.clone() });
    }
    for column in &table.columns {
        let name = column.name.clone();
        match &column.origin {
            ColumnOrigin::Kept(from) => {
                if *from != name {
                    let (from, to) = (from.clone(), name.clone());
                    reasons.push(RebuildReason::ColumnRenamed { from, to });
                }
                reasons.extend(changed_column(old, new, from, &name));
            }
            ColumnOrigin::Computed => {
                reasons.extend(changed_type(old, new, &name, &name));
                reasons.push(RebuildReason::ValuesComputed { column: name });
            }
            ColumnOrigin::New => reasons.push(RebuildReason::ColumnAdded { column: name }),
        }
    }
    reasons.extend(added_generated(old, new, table));
    reasons.extend(dropped_columns(old, new, table));
    let changes = rule_changes(old, new, lineage);
    reasons.extend(changes.lost.into_iter().map(RebuildReason::RuleLost));
    reasons.extend(changes.gained.into_iter().map(RebuildReason::RuleGained));
    if reasons.is_empty() && old.object.sql != new.object.sql {
        reasons.extend(references_renamed(old.shape, new.shape));
        if reasons.is_empty() {
            reasons.push(RebuildReason::DefinitionChanged);
        }
    }
    reasons
}

/// The foreign keys that name their parent or its columns otherwise than before. No rule of the table changes, so what
/// they refer to is the same.
fn references_renamed(old: &Table, new: &Table) -> Vec<RebuildReason> {
    let named = |key: &ForeignKey| (key.parent.clone(), key.parent_columns.clone());
    let before: Vec<_> = old.foreign_keys.iter().map(named).collect();
    let renamed = new.foreign_keys.iter().filter(|key| !before.contains(&named(key)));
    let mut parents: Vec<String> = renamed.map(|key| key.parent.clone()).collect();
    parents.sort();
    parents.dedup();
    parents.into_iter().map(|parent| RebuildReason::ReferencesRenamed { parent }).collect()
}

/// The generated columns of the new definition that the old one lacks; the lineage does not follow their values.
fn added_generated<'c>(
    old: Defined<'c>,
    new: Defined<'c>,
    table: &'c TableLineage,
) -> impl Iterator<Item = RebuildReason> + 'c {
    let generated = new.shape.columns.iter().filter(|column| !column.is_writable());
    let added = generated.filter(move |column| {
        old.shape.column(&column.name).is_none() && table.column(&column.name).is_none()
    });
    added.map(|column| RebuildReason::ColumnAdded { column: column.name.clone() })
}

/// The columns whose values no column of the new table keeps, and whose name no column has. A generated column
/// stays under its name: its expression gives its values again.
fn dropped_columns<'c>(
    old: Defined<'c>,
    new: Defined<'c>,
    table: &'c TableLineage,
) -> impl Iterator<Item = RebuildReason> + 'c {
    let kept = |name: &str| {
        table.columns.iter().any(|column| match &column.origin {
            ColumnOrigin::Kept(from) => from == name,
            ColumnOrigin::Computed | ColumnOrigin::New => same(&column.name, name),
        })
    };
    let regenerated =
        move |column: &Column| !column.is_writable() && new.shape.column(&column.name).is_some();
    let dropped =
        old.shape.columns.iter().filter(move |column| !kept(&column.name) && !regenerated(column));
    dropped.map(|column| RebuildReason::ColumnDropped { column: column.name.clone() })
}

fn same_text(old: &Object, new: &Object) -> bool {
    old.name == new.name && old.sql == new.sql
}

fn is_untouched(table: &TableLineage) -> bool {
    let kept = |origin: &ColumnOrigin, name: &str| matches!(origin, ColumnOrigin::Kept(from) if from == name);
    table.columns.iter().all(|column| kept(&column.origin, &column.name))
}

fn changed_column(
    old: Defined<'_>,
    new: Defined<'_>,
    from: &str,
    to: &str,
) -> Option<RebuildReason> {
    let (before, after) = (old.shape.column(from)?, new.shape.column(to)?);
    let computed = matches!(after.storage, ColumnStorage::Virtual | ColumnStorage::Generated);
    if before.storage == ColumnStorage::Stored && computed {
        return Some(RebuildReason::BecomesGenerated { column: after.name.clone() });
    }
    changed_type(old, new, from, to)
}

fn changed_type(old: Defined<'_>, new: Defined<'_>, from: &str, to: &str) -> Option<RebuildReason> {
    let (before, after) = (old.shape.column(from)?, new.shape.column(to)?);
    (!before.declared.eq_ignore_ascii_case(&after.declared)).then(|| RebuildReason::TypeChanged {
        column: after.name.clone(),
        from: before.declared.clone(),
        to: after.declared.clone(),
    })
}
