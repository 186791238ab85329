//! A file on which there is nothing to do for a target.

use crate::database::Access;
use crate::error::Result;
use crate::phase::{Applied, Chain, PhaseId, Target};
use crate::plan::Direction;

use super::file_state::FileState;
use super::project::Project;
use super::request::Request;
use super::state::refuse_damage;

/// A file on which there is nothing to do.
#[derive(Debug, Clone)]
pub struct UpToDate {
    /// What was read from it.
    pub known: FileState,
    pub current: Vec<PhaseId>,
    pub reached: Reached,
}

/// How the target of a run on which there is nothing to do lies to what is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// Every phase is applied.
    Everything,
    /// The target is applied; other phases may be pending.
    Target,
    /// Phases that stand on the target are applied: only a downgrade leads there.
    Past(Target),
}

impl Reached {
    fn of(request: &Request, chain: &Chain, applied: &Applied) -> Self {
        let target = &request.target;
        if request.direction == Direction::Down {
            return Self::Target;
        }
        match chain.applied_at(target) {
            Ok(there) if is_past(chain, applied, &there) => Self::Past(target.clone()),
            Ok(_) | Err(_) if chain.all_pending(applied).is_empty() => Self::Everything,
            Ok(_) | Err(_) => Self::Target,
        }
    }
}

/// Whether phases are applied that stand on those of a place; on none of them, where the place is before the first.
fn is_past(chain: &Chain, applied: &Applied, place: &Applied) -> bool {
    if place.is_empty() {
        return !applied.is_empty();
    }
    let ends = chain.current(place);
    ends.iter().any(|end| chain.descendants(end).iter().any(|it| applied.contains(it)))
}

impl UpToDate {
    pub(super) fn new(request: &Request, project: &Project, known: FileState) -> Self {
        let current = project.chain.current(&known.applied);
        let reached = Reached::of(request, &project.chain, &known.applied);
        Self { known, current, reached }
    }

    /// As [`Migration::check_integrity`](super::Migration::check_integrity), where there is nothing to do.
    pub fn check_integrity(&self, project: &Project) -> Result<()> {
        refuse_damage(&project.open(Access::ReadOnly)?)
    }
}
