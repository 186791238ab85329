//! What was read from a file, and what it records beyond the folder of phases.

use crate::error::Compatibility;
use crate::history::Recorded;
use crate::phase::{Applied, Chain, Phase, PhaseId, StepsKnown};
use crate::schema::Schema;

/// What was read from a file.
#[derive(Debug, Clone)]
pub struct FileState {
    pub schema: Schema,
    /// What the version tables say.
    pub recorded: Recorded,
    pub applied: Applied,
    /// What it records beyond the phases of the folder.
    pub newer: Option<Newer>,
}

/// Phases that a file records as applied and the folder does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Newer {
    /// The phases, in chain order, as far as the history keeps them.
    pub phases: Vec<Phase>,
    /// Versions that another program recorded without an id.
    pub versions: Vec<i64>,
    /// The current ids among the phases.
    pub current: Vec<PhaseId>,
}

impl Newer {
    /// Returns the ids, in chain order.
    pub fn ids(&self) -> Vec<PhaseId> {
        self.phases.iter().map(|phase| phase.id.clone()).collect()
    }

    /// Returns the phases of the folder that they stand on; none if they begin the chain.
    pub fn stands_on(&self) -> Vec<PhaseId> {
        let mut below: Vec<PhaseId> = Vec::new();
        for parent in self.phases.iter().flat_map(|phase| &phase.parents) {
            if !below.contains(parent) && self.phases.iter().all(|it| it.id != *parent) {
                below.push(parent.clone());
            }
        }
        below
    }

    /// Returns the target of the downgrade that undoes exactly these phases; `None` if no single target does.
    pub fn downgrade_target(&self) -> Option<String> {
        match self.stands_on().as_slice() {
            [] => Some("base".to_owned()),
            [only] => Some(only.to_string()),
            _ => None,
        }
    }

    /// Returns whether the history keeps what is needed to undo all of them.
    pub fn can_be_undone(&self) -> bool {
        let is_known = |it: &Phase| it.annotations.steps != StepsKnown::None;
        self.versions.is_empty() && self.phases.iter().all(is_known)
    }

    pub fn can_be_replayed(&self) -> bool {
        let is_known = |it: &Phase| it.annotations.steps == StepsKnown::All;
        self.versions.is_empty() && self.phases.iter().all(is_known)
    }

    /// Returns what programs that know the chain up to these phases may do with the file: what all of its current
    /// phases allow.
    pub fn compatibility(&self, chain: &Chain, programs: &[PhaseId]) -> Compatibility {
        if !self.versions.is_empty() {
            return Compatibility::None;
        }
        let reaches = |oldest: &Option<PhaseId>| {
            oldest.as_ref().is_some_and(|oldest| {
                programs.iter().any(|it| it == oldest || chain.ancestors(it).contains(oldest))
            })
        };
        let of_phase = |phase: &Phase| {
            let said = &phase.annotations;
            match (reaches(&said.compatible_with), reaches(&said.readable_with)) {
                (true, _) => Compatibility::Full,
                (false, true) => Compatibility::ReadOnly,
                (false, false) => Compatibility::None,
            }
        };
        let current = self.phases.iter().filter(|it| self.current.contains(&it.id));
        current.map(of_phase).min().unwrap_or(Compatibility::None)
    }
}
