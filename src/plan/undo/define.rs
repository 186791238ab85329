//! What the history keeps of a phase: the phase, and the steps that undo it, derived when it is applied.

use super::inverse::{Inverse, refuse_irreversible};
use super::past::groups;
use crate::error::{ErrorKind, Result};
use crate::history::{Definition, KeptObject, UndoRecord, VersionTables};
use crate::phase::{Downgrade, Operation, Phase, Step, StepObject, phase_text, steps_text};
use crate::plan::PhasePlan;
use crate::schema::{ObjectKind, Schema};
use crate::shadow::{Shadow, creation};
use crate::sql::object_head;

/// Returns a phase that a plan applies as the history keeps it. A downgrade that cannot be derived is recorded as such,
/// with the reason. Needs the schemas before each group of steps and after the last one.
///
/// # Errors
/// [`ErrorKind::Interrupted`]; [`ErrorKind::Sqlite`].
pub fn define(
    plan: &PhasePlan,
    phase: &Phase,
    tables: &VersionTables,
    around: &[Schema],
) -> Result<Definition> {
    let mut reason = None;
    let mut irreversible = |why: &str, sentence: String| {
        reason = Some(sentence);
        format!("irreversible = {}\n", toml_edit::Value::from(why))
    };
    let downgrade = match &phase.down {
        Downgrade::Steps(steps) => steps_text("down", steps),
        Downgrade::Irreversible(why) => {
            irreversible(why, format!("{} cannot be undone: {why}", phase.id))
        }
        Downgrade::Derived => match derive(plan, phase, (tables, around)) {
            Ok(steps) => steps_text("down", &steps),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Sqlite) => {
                return Err(error);
            }
            Err(error) => irreversible(&error.to_string(), error.to_string()),
        },
    };
    let phase = phase_text(phase);
    Ok(Definition { phase, downgrade: Some(downgrade), irreversible: reason })
}

/// Derives the steps that undo a phase on the schema that it leaves.
fn derive(
    plan: &PhasePlan,
    phase: &Phase,
    (tables, around): (&VersionTables, &[Schema]),
) -> Result<Vec<Step>> {
    refuse_irreversible(phase)?;
    // A base of hundreds of tables needs no schema around each of its steps.
    if let Some(drops) = drops_of_creations(phase, tables) {
        return Ok(drops);
    }
    let recorded = UndoRecord::between(&plan.before, &plan.after, tables);
    let mut shadow = Shadow::of(around.last().unwrap_or(&plan.before))?;
    shadow.keep_tables(tables.names());
    let mut undo = Vec::new();
    for (place, group) in groups(&phase.up).into_iter().enumerate().rev() {
        let now = shadow.schema()?;
        let inverse = Inverse {
            phase,
            before: around.get(place),
            after: around.get(place + 1),
            now: &now,
            recorded: Some(&recorded),
            tables,
        };
        let steps = inverse.of(group)?;
        shadow.apply(&steps, phase.views)?;
        undo.extend(steps);
    }
    // What the phase dropped although no phase had made it.
    let back = shadow.schema()?;
    let mut missing: Vec<(ObjectKind, &KeptObject)> = recorded
        .before
        .iter()
        .filter_map(|object| Some((object.object_kind()?, object)))
        .filter(|(kind, object)| back.find(*kind, &object.name).is_none())
        .collect();
    missing.sort_by_key(|(kind, _)| *kind);
    let created = missing.into_iter().filter_map(|(kind, object)| creation(kind, &object.sql));
    undo.extend(created.map(|operation| Step { operation, line: 0 }));
    Ok(undo)
}

/// The steps that undo a phase that only creates what cannot be there; `None` for any other phase.
fn drops_of_creations(phase: &Phase, tables: &VersionTables) -> Option<Vec<Step>> {
    let mut drops = Vec::with_capacity(phase.up.len());
    for step in phase.up.iter().rev() {
        let name = |sql: &str| object_head(sql).ok().map(|head| head.name.text);
        let Operation::Create { kind, sql, if_not_exists: false } = &step.operation else {
            return None;
        };
        let (kind, name) = (*kind, name(sql)?);
        if kind == StepObject::Table && tables.contains(&name) {
            return None;
        }
        drops.push(Step {
            operation: Operation::Drop { kind, name, if_exists: true },
            line: step.line,
        });
    }
    Some(drops)
}
