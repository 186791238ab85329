//! The plans of phases that are not about to run, for whoever looks at phases rather than at a file.

use crate::error::Result;
use crate::phase::{Phase, PhaseId};
use crate::plan::{Direction, PhasePlan, plan_phase};
use crate::shadow::Shadow;

use super::project::Project;
use super::state::Known;

/// Plans phases in chain order: those that are pending from the schema of the file, if there is one, the
/// others from nothing. Phases that do not run, and those behind them, are left out.
///
/// # Errors
/// Whatever SQLite reports about the schema of the file.
pub fn plan_ahead(
    project: &Project,
    known: Option<&Known>,
    wanted: &[PhaseId],
) -> Result<Vec<PhasePlan>> {
    let all = project.chain.phases();
    let pending = |phase: &&Phase| known.is_some_and(|known| !known.applied.contains(&phase.id));
    let mut plans = Vec::new();
    if let Some(known) = known {
        plans = plan_while(project, Shadow::of(&known.schema)?, all.iter().filter(pending));
    }
    let planned = |id: &PhaseId| plans.iter().any(|plan| plan.id == *id);
    if !wanted.iter().all(planned) {
        let mut others = plan_while(project, Shadow::empty()?, all.iter());
        others.retain(|plan| !planned(&plan.id));
        plans.extend(others);
    }
    plans.retain(|plan| wanted.contains(&plan.id));
    Ok(plans)
}

/// Plans phases as long as they run.
fn plan_while<'p>(
    project: &Project,
    mut shadow: Shadow,
    phases: impl Iterator<Item = &'p Phase>,
) -> Vec<PhasePlan> {
    shadow.keep_tables(project.versions.names());
    let plan = |phase: &Phase| {
        plan_phase(&mut shadow, phase, &phase.up, Direction::Up, &project.versions).ok()
    };
    phases.map_while(plan).collect()
}
