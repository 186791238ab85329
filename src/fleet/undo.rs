//! Taking back what a run did to one file.

use std::num::NonZeroUsize;

use crate::database::Access;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Silent;
use crate::migrate::{FileState, Migration, Project, Report, Request, migrate_now};
use crate::phase::{PhaseId, Target};
use crate::plan::Direction;
use crate::preflight::LossPolicy;
use crate::text::list;

/// Downgrades a file to the phases that were current before a run; rows that were written since stay, and the way down
/// is proven as any other. `None` if the file is there already.
///
/// # Errors
/// [`ErrorKind::FileChanged`] if the phases that were current before cannot be reached by a downgrade; those of a
/// downgrade.
pub fn undo(project: &Project, before: &[PhaseId], losses: LossPolicy) -> Result<Option<Report>> {
    let (current, known) = current(project)?;
    if same_ids(&current, before) {
        return Ok(None);
    }
    let target = match before {
        [] => Target::Base,
        [only] => Target::Id(only.as_str().to_owned()),
        // Several lines: as many steps back as there are phases above them.
        several => {
            let below = |id: &PhaseId| several.contains(id) || is_below(project, id, several);
            let above = known.applied.ids().filter(|id| !below(id)).count();
            Target::Back(NonZeroUsize::new(above).unwrap_or(NonZeroUsize::MIN))
        }
    };
    let request = Request { losses, ..Request::new(Direction::Down, target) }.without_notices();
    let prepared = Migration::prepare(project, &request)?;
    let report = migrate_now(project, &request, prepared, &mut Silent)?.report();
    match self::current(project)?.0 {
        reached if same_ids(&reached, before) => Ok(report),
        reached => {
            let names = |ids: &[PhaseId]| match ids {
                [] => "nothing".to_owned(),
                some => list(some),
            };
            let what = format!(
                "the file is at {} after the downgrade; before the run it was at {}",
                names(&reached),
                names(before)
            );
            Err(Error::new(ErrorKind::FileChanged, what).in_database(&project.database))
        }
    }
}

fn current(project: &Project) -> Result<(Vec<PhaseId>, FileState)> {
    let database = project.open(Access::ReadOnly)?;
    let known = project.know(&database)?;
    Ok((project.chain.current(&known.applied), known))
}

fn same_ids(one: &[PhaseId], two: &[PhaseId]) -> bool {
    one.len() == two.len() && one.iter().all(|id| two.contains(id))
}

/// Returns whether one of several phases stands on this one, directly or not.
fn is_below(project: &Project, id: &PhaseId, several: &[PhaseId]) -> bool {
    let mut waiting: Vec<&PhaseId> = several.iter().collect();
    let mut seen: Vec<&PhaseId> = Vec::new();
    while let Some(next) = waiting.pop() {
        if next == id {
            return true;
        }
        if let Some(phase) = project.chain.get(next).filter(|_| !seen.contains(&next)) {
            seen.push(next);
            waiting.extend(&phase.parents);
        }
    }
    false
}
