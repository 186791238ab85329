//! Whether a run could be repeated on a new file: the chain is replayed from nothing before it begins.

use crate::error::Result;
use crate::plan::Plan;
use crate::replay::is_finding;

use super::file_state::FileState;
use super::project::Project;

/// Notes the first phase of a run that fits this file but not what the phases before it make, as a
/// drop of a view that was made by hand.
///
/// A chain may stand on tables that no phase makes, so this is no reason to refuse: where a base, or
/// a phase that was applied already, does not run from nothing, there is no notice.
pub(super) fn notice_what_runs_here_only(
    project: &Project,
    known: &FileState,
    plan: &mut Plan,
) -> Result<()> {
    let chain = &project.chain;
    let replay = project.replay();
    let mut shadow = replay.empty()?;
    for phase in chain.phases() {
        let planned = plan.phases.iter().position(|it| it.id == phase.id);
        if planned.is_none() && !known.applied.contains(&phase.id) {
            continue;
        }
        let Err(error) = replay.apply(&mut shadow, phase) else { continue };
        if !is_finding(&error) {
            return Err(error);
        }
        if let Some(place) = planned.filter(|_| !chain.is_base(&phase.id)) {
            let what =
                format!("{} fits this file, but not what the phases make: {error}", phase.id);
            plan.phases[place].notices.push(what);
        }
        return Ok(());
    }
    Ok(())
}
