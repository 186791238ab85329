//! Where a plan fills the index of a full-text table with external content: SQLite never does it by itself
//! (<https://sqlite.org/fts5.html#external_content_table_pitfalls>).

use std::sync::Arc;

use std::collections::BTreeSet;

use super::{FillReason, SchemaChange, Stage, VirtualChange};
use crate::name::{fold, same};
use crate::schema::{Content, ObjectKind, Schema};
use crate::shadow::ColumnOrigin;
use crate::sql::mentions;

/// Notes in the stages of a phase which indexes are filled: those of new tables, unless a statement of the phase
/// writes to them, and those whose content changes.
pub(super) fn plan_fills(before: &Schema, stages: &mut [Stage]) {
    let mut schema = Arc::new(before.clone());
    for place in 0..stages.len() {
        let (now, later) = stages.split_at_mut(place + 1);
        let Some(stage) = now.last_mut() else { continue };
        let after = match stage {
            Stage::SchemaChange(schema_change) => Arc::clone(&schema_change.after),
            Stage::Data(data) => data.after.clone().map_or_else(|| Arc::clone(&schema), Arc::new),
        };
        let written = |table: &str| later.iter().any(|it| it.writes_directly(table));
        for table in after.virtual_tables() {
            let Content::External(content) = &table.content else { continue };
            let is_new = match stage {
                Stage::SchemaChange(schema_change) => schema_change.creates_virtual(&table.name),
                Stage::Data(_) => schema.find(ObjectKind::VirtualTable, &table.name).is_none(),
            };
            let table = table.name;
            if is_new && !written(&table) && !stage.writes_directly(&table) {
                note(stage, table, FillReason::Created);
            } else if !is_new && changes(stage, &table, &read_through(&after, content)) {
                note(stage, table, FillReason::ContentChanged);
            }
        }
        schema = after;
    }
}

impl Stage {
    /// Returns the full-text tables whose index the stage fills from their content.
    pub(super) fn filled(&self) -> Vec<&str> {
        match self {
            Self::Data(data) => data.fills.iter().map(|(table, _)| table.as_str()).collect(),
            Self::SchemaChange(schema_change) => {
                let changes = schema_change.virtuals.iter();
                changes
                    .filter_map(|change| match change {
                        VirtualChange::Fill { table: name, .. }
                        | VirtualChange::Recreate { to: name, .. } => Some(name.as_str()),
                        _ => None,
                    })
                    .collect()
            }
        }
    }

    /// Returns whether a statement of the stage itself, not a trigger, writes to a table.
    pub(crate) fn writes_directly(&self, table: &str) -> bool {
        match self {
            Self::Data(data) => data.touched.tables.get(&fold(table)).is_some_and(|it| it.direct),
            Self::SchemaChange(_) => false,
        }
    }
}

/// The tables and views, folded, whose rows a content table or view gives out.
fn read_through(schema: &Schema, content: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([fold(content)]);
    loop {
        let views = schema.of_kind(ObjectKind::View).filter(|it| found.contains(&fold(&it.name)));
        let texts: Vec<&str> = views.filter_map(|it| it.sql.as_deref()).collect();
        let owners =
            schema.objects.iter().filter(|it| it.kind.is_table() || it.kind == ObjectKind::View);
        let next: Vec<String> = owners
            .filter(|it| texts.iter().any(|text| mentions(text, &[it.name.as_str()])))
            .map(|it| fold(&it.name))
            .filter(|name| !found.contains(name))
            .collect();
        if next.is_empty() {
            return found;
        }
        found.extend(next);
    }
}

/// Returns whether a stage may change what a full-text table reads, or its index.
fn changes(stage: &Stage, table: &str, content: &BTreeSet<String>) -> bool {
    match stage {
        Stage::Data(data) => {
            data.touched.tables.keys().any(|it| content.contains(it) || same(it, table))
        }
        Stage::SchemaChange(schema_change) => {
            let is_filled = |change: &VirtualChange| matches!(change, VirtualChange::Recreate { to, .. } if same(to, table));
            let values = schema_change.rebuilds.iter().filter(|it| {
                let lineage = schema_change.lineage.table(&it.to);
                let fresh = lineage.is_some_and(|lineage| {
                    lineage.columns.iter().any(|it| it.origin == ColumnOrigin::New)
                });
                fresh || it.copy.computes()
            });
            let made = schema_change.created.iter();
            let views = schema_change.restored.iter().filter(|it| it.kind == ObjectKind::View);
            let names = values.map(|it| &it.to).chain(made.chain(views).map(|it| &it.name));
            !schema_change.virtuals.iter().any(is_filled)
                && names.into_iter().any(|it| content.contains(&fold(it)))
        }
    }
}

fn note(stage: &mut Stage, table: String, reason: FillReason) {
    match stage {
        Stage::Data(data) => data.fills.push((table, reason)),
        Stage::SchemaChange(schema_change) => {
            schema_change.virtuals.push(VirtualChange::Fill { table, reason })
        }
    }
}

impl SchemaChange {
    /// Returns whether a virtual table of this name is created.
    pub(crate) fn creates_virtual(&self, table: &str) -> bool {
        self.virtuals.iter().any(|change| change.creates(table))
    }
}
