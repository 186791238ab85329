//! Steps that fail because the file has what they make: a person made it by hand, or another program did.

use crate::error::{Error, ErrorKind, Remedy};
use crate::phase::{Applied, Operation, Phase};
use crate::sql::object_head;

use super::file_state::FileState;
use super::project::Project;
use super::stamp::compare_schemas;

/// Adds to the error of a phase what can be done if the file has already what the phase makes, or an object of that
/// name. The phases before it in the run are given, too.
pub(super) fn explain_made_already(
    error: Error,
    project: &Project,
    known: &FileState,
    (before, phase): (&[&Phase], &Phase),
) -> Error {
    if error.kind() != ErrorKind::Step || error.facts().remedy.is_some() {
        return error;
    }
    let mut then: Applied = known.applied.clone();
    before.iter().chain([&phase]).for_each(|it| then.add(it.id.clone()));
    // A phase that does not run from nothing has a fault of its own.
    let Ok(made) = project.replay().of(&then).and_then(|shadow| shadow.schema()) else {
        return error;
    };
    let remedy = if compare_schemas(&made, &known.schema, project).problems.is_empty() {
        Remedy::RecordPhase
    } else if creates_what_is_there(phase, known) {
        Remedy::ComparePhase
    } else {
        return error;
    };
    error.with_remedy(remedy).choices([phase.id.as_str()])
}

fn creates_what_is_there(phase: &Phase, known: &FileState) -> bool {
    phase.up.iter().any(|step| match &step.operation {
        Operation::Create { sql, .. } => object_head(sql)
            .is_ok_and(|it| known.schema.objects.named(&it.name.text).next().is_some()),
        _ => false,
    })
}
