//! The plan in a few facts: what is shown before the question.

use super::{DataChange, PhasePlan, RebuildReason, Stage};
use crate::name::same;
use crate::plan::VirtualChange;
use crate::schema::ObjectKind;
use crate::shadow::ColumnOrigin;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RenameNote {
    /// The table, after the phase; `None` if the table itself is renamed.
    pub table: Option<String>,
    pub from: String,
    pub to: String,
}

/// What a phase does, in facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct PhaseSummary {
    pub renames: Vec<RenameNote>,
    /// Tables that are rebuilt for another reason than their own rename, with the reasons.
    #[serde(skip)]
    pub rebuilt: Vec<(String, Vec<RebuildReason>)>,
    pub created: Vec<String>,
    /// Tables that are dropped with their rows.
    pub dropped: Vec<String>,
    /// Columns that are dropped with their values: table and column, by their names before.
    pub dropped_columns: Vec<(String, String)>,
    /// Objects that are created, changed or made again.
    pub restored: Vec<(String, String)>,
    /// Objects that go and do not come back.
    pub removed: Vec<(String, String)>,
    pub data_steps: usize,
    /// What data steps do to the schema.
    pub data_changes: Vec<DataChange>,
}

/// Sums up what a phase does.
pub fn summarize(phase: &PhasePlan) -> PhaseSummary {
    let mut summary = PhaseSummary::default();
    for stage in &phase.stages {
        match stage {
            Stage::Data(data) => {
                summary.data_steps += 1;
                summary.data_changes.extend(data.changes.iter().cloned());
            }
            Stage::SchemaChange(schema_change) => {
                for rebuild in &schema_change.rebuilds {
                    add_rebuild(&mut summary, schema_change, rebuild);
                }
                summary.created.extend(schema_change.created.iter().map(|it| it.name.clone()));
                summary.dropped.extend(schema_change.dropped.iter().map(|it| it.table.clone()));
                for change in &schema_change.virtuals {
                    match change {
                        VirtualChange::Rename { from, to, .. } => summary
                            .renames
                            .push(RenameNote { table: None, from: from.clone(), to: to.clone() }),
                        VirtualChange::Drop { table } => summary.dropped.push(table.clone()),
                        VirtualChange::Recreate { to, .. } => summary
                            .rebuilt
                            .push((to.clone(), vec![RebuildReason::FilledFromContent])),
                        VirtualChange::Create { .. } | VirtualChange::Fill { .. } => {}
                    }
                }
                add_objects(&mut summary, schema_change);
            }
        }
    }
    summary
}

fn add_rebuild(
    summary: &mut PhaseSummary,
    schema_change: &super::SchemaChange,
    rebuild: &super::Rebuild,
) {
    if rebuild.from != rebuild.to {
        summary.renames.push(RenameNote {
            table: None,
            from: rebuild.from.clone(),
            to: rebuild.to.clone(),
        });
    }
    let Some(lineage) = schema_change.lineage.table(&rebuild.to) else { return };
    for column in &lineage.columns {
        if let ColumnOrigin::Kept(from) = &column.origin
            && *from != column.name
        {
            summary.renames.push(RenameNote {
                table: Some(rebuild.to.clone()),
                from: from.clone(),
                to: column.name.clone(),
            });
        }
    }
    summary.dropped_columns.extend(rebuild.reasons.iter().filter_map(|reason| match reason {
        RebuildReason::ColumnDropped { column } => Some((rebuild.from.clone(), column.clone())),
        _ => None,
    }));
    let only_renames = rebuild.reasons.iter().all(RebuildReason::is_rename);
    if !only_renames {
        summary.rebuilt.push((rebuild.to.clone(), rebuild.reasons.clone()));
    }
}

fn add_objects(summary: &mut PhaseSummary, schema_change: &super::SchemaChange) {
    for object in &schema_change.restored {
        summary.restored.push((object.kind.word().to_owned(), object.name.clone()));
    }
    for object in &schema_change.removed {
        let comes_back = schema_change
            .restored
            .iter()
            .any(|it| it.kind == object.kind && same(&it.name, &object.name));
        if !comes_back {
            summary.removed.push((object.kind.word().to_owned(), object.name.clone()));
        }
    }
    debug_assert!(schema_change.restored.iter().all(|it| it.kind != ObjectKind::Table));
}
