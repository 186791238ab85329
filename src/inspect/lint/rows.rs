//! Which tables can have rows, and rows that nothing has corrected, when a step of a phase runs.

use std::collections::BTreeSet;

use crate::name::{fold, same};
use crate::phase::{Operation, Phase, Step, StepObject};
use crate::plan::{ChangeKind, DataStage, PhasePlan, Stage};
use crate::schema::ObjectKind;
use crate::sql::{object_head, significant_tokens, unquote};

/// The tables of a phase under way, by folded name.
#[derive(Debug, Default)]
pub(super) struct RowState {
    /// Created by the phase, so that no old rows are in them.
    created: BTreeSet<String>,
    /// Rows of them were changed or removed by a step before.
    corrected: BTreeSet<String>,
}

impl RowState {
    /// Returns whether a new rule on the table meets old rows that no step of the phase has corrected.
    pub(super) fn has_old_rows(&self, table: &str) -> bool {
        !self.is_new(table) && !self.corrected.contains(&fold(table))
    }

    /// Returns whether the phase itself creates the table.
    pub(super) fn is_new(&self, table: &str) -> bool {
        self.created.contains(&fold(table))
    }

    /// Takes note of a step.
    pub(super) fn pass(&mut self, step: &Step, plan: Option<&PhasePlan>) {
        match &step.operation {
            Operation::Create { kind: StepObject::Table, sql, if_not_exists: false } => {
                self.created.extend(object_head(sql).map(|head| fold(&head.name.text)));
            }
            Operation::RenameTable { from, to } => self.rename(from, to),
            Operation::Drop { kind: StepObject::Table, name, .. } => {
                self.created.remove(&fold(name));
                self.corrected.remove(&fold(name));
            }
            Operation::Sql { .. } => {
                if let Some(data) = plan.and_then(|plan| data_stage(plan, step.line)) {
                    self.pass_data(data);
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        for set in [&mut self.created, &mut self.corrected] {
            if set.remove(&fold(from)) {
                set.insert(fold(to));
            }
        }
    }

    fn pass_data(&mut self, data: &DataStage) {
        for change in data.changes.iter().filter(|it| it.kind == ObjectKind::Table) {
            match change.change {
                ChangeKind::Created => {
                    self.created.insert(fold(&change.name));
                }
                ChangeKind::Renamed => {
                    self.rename(change.before.as_deref().unwrap_or(&change.name), &change.name);
                }
                _ => {}
            }
        }
        let corrects = data
            .touched
            .tables
            .iter()
            .filter(|(_, how)| how.deletes || how.replaces || !how.updates.is_empty());
        self.corrected.extend(corrects.map(|(table, _)| table.clone()));
    }
}

/// The plan of the data step that stands in a line.
pub(super) fn data_stage(plan: &PhasePlan, line: usize) -> Option<&DataStage> {
    plan.stages.iter().find_map(|stage| match stage {
        Stage::Data(data) if data.line == line => Some(data.as_ref()),
        Stage::Data(_) | Stage::SchemaChange(_) => None,
    })
}

/// The table of a CREATE INDEX statement.
pub(super) fn table_of_index(sql: &str) -> Option<String> {
    let mut rest = significant_tokens(sql).skip_while(|token| !token.is_word(sql, "ON")).skip(1);
    let first = rest.next()?;
    let name = match rest.next() {
        Some(dot) if dot.text(sql) == "." => rest.next()?,
        Some(_) | None => first,
    };
    Some(unquote(name.text(sql)))
}

/// Returns whether a later step of a phase creates an object of this name.
pub(super) fn comes_back(phase: &Phase, place: usize, name: &str) -> bool {
    phase.up.iter().skip(place + 1).any(|step| {
        let Operation::Create { sql, .. } = &step.operation else { return false };
        object_head(sql).is_ok_and(|head| same(&head.name.text, name))
    })
}
