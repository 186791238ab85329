//! Where a step stands, for errors that are about what it changes.

use std::path::PathBuf;

use crate::error::{Error, Remedy};
use crate::name::same;
use crate::phase::{Chain, Operation, Phase, PhaseId, Step};

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StepPlace {
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl StepPlace {
    /// The place of a step of a phase, or of its first one.
    pub(super) fn of(phase: &Phase, step: Option<&Step>) -> Self {
        let line = step.or_else(|| phase.up.first()).map_or(1, |it| it.line.max(1));
        Self { file: phase.file.clone(), line }
    }
}

/// Names the last step of the phase that changes the table or column that an error is about, or the check of it.
pub(super) fn at_its_step(error: Error, chain: &Chain) -> Error {
    let facts = error.facts();
    let (Some(phase), Some(object)) = (&facts.phase, &facts.object) else { return error };
    let Some(phase) = PhaseId::new(phase).and_then(|id| chain.get(&id)) else { return error };
    let table = |it: &str| same(object, it) || same_start(object, it);
    let changes = |step: &&Step| match &step.operation {
        Operation::AlterColumn { table, column, .. } | Operation::DropColumn { table, column } => {
            same(object, table) || same(object, &format!("{table}.{column}"))
        }
        other => other.relations().iter().any(|it| table(it)),
    };
    let check = phase.require.iter().find(|it| it.name == *object);
    let step = phase.up.iter().rev().find(changes).filter(|_| check.is_none());
    let line = check.map(|it| it.line).or_else(|| step.map(|it| it.line));
    let file = phase.file.clone();
    let column = object.rsplit_once('.').map_or(object.as_str(), |(_, column)| column);
    let value = step.map(|step| match step.operation {
        Operation::Rebuild { .. } => format!("values = {{ {column} = \"EXPRESSION\" }}"),
        _ => "value = \"EXPRESSION\"".to_owned(),
    });
    let error = match (facts.remedy, value) {
        (Some(Remedy::GiveExpression | Remedy::FillColumn), Some(value)) => error.choices([value]),
        _ => error,
    };
    match line.filter(|line| *line > 0) {
        Some(line) => error.at(&file, line),
        None => error,
    }
}

/// Returns whether `table.column` begins with the table.
fn same_start(text: &str, table: &str) -> bool {
    text.get(..table.len()).is_some_and(|start| same(start, table))
        && text.as_bytes().get(table.len()) == Some(&b'.')
}
