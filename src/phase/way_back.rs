//! The way back of a phase, derived from its steps where each has an inverse.

use super::phase::Phase;
use super::step::{Operation, Step};
use crate::error::{Error, ErrorKind, Result};

/// Derives the steps that undo a phase, the last step first.
///
/// # Errors
/// [`ErrorKind::Irreversible`] naming the step that has no inverse.
pub fn derive_way_back(phase: &Phase) -> Result<Vec<Step>> {
    phase
        .up
        .iter()
        .rev()
        .map(|step| {
            let operation = inverse(&step.operation).ok_or_else(|| {
                let what = format!(
                    "{} cannot be undone: the way back of {} in line {} has to be written by hand",
                    phase.id,
                    step.operation.op(),
                    step.line
                );
                Error::new(ErrorKind::Irreversible, what)
                    .in_phase(phase.id.as_str())
                    .at(&phase.file, step.line)
            })?;
            Ok(Step { operation, line: step.line })
        })
        .collect()
}

/// The inverses that need no look at the schema before.
fn inverse(operation: &Operation) -> Option<Operation> {
    match operation {
        Operation::RenameTable { from, to } => {
            Some(Operation::RenameTable { from: to.clone(), to: from.clone() })
        }
        Operation::RenameColumn { table, from, to } => Some(Operation::RenameColumn {
            table: table.clone(),
            from: to.clone(),
            to: from.clone(),
        }),
        Operation::RenameIndex { from, to } => {
            Some(Operation::RenameIndex { from: to.clone(), to: from.clone() })
        }
        Operation::CreateTable { sql, .. } => {
            Some(Operation::DropTable { table: created(sql)?, if_exists: true })
        }
        Operation::CreateIndex { sql, .. } => {
            Some(Operation::DropIndex { index: created(sql)?, if_exists: true })
        }
        Operation::CreateView { sql, .. } => {
            Some(Operation::DropView { view: created(sql)?, if_exists: true })
        }
        Operation::CreateTrigger { sql, .. } => {
            Some(Operation::DropTrigger { trigger: created(sql)?, if_exists: true })
        }
        Operation::AddColumn { .. }
        | Operation::DropColumn { .. }
        | Operation::AlterColumn { .. }
        | Operation::AddConstraint { .. }
        | Operation::DropConstraint { .. }
        | Operation::DropTable { .. }
        | Operation::DropIndex { .. }
        | Operation::DropView { .. }
        | Operation::DropTrigger { .. }
        | Operation::ReplaceView { .. }
        | Operation::ReplaceTrigger { .. }
        | Operation::Rebuild { .. }
        | Operation::Sql { .. } => None,
    }
}

fn created(sql: &str) -> Option<String> {
    crate::sql::object_head(sql).ok().map(|head| head.name.text)
}
