//! What is applied to a database, seen from the chain.

use std::collections::BTreeSet;

use super::chain::Chain;
use super::graph::Marks;
use super::nearest::nearest;
use super::phase::{Phase, PhaseId};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::text::list;

/// The ids of the phases that are applied to a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied(BTreeSet<PhaseId>);

impl Applied {
    /// Makes the state in which nothing is applied.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Returns whether the phase is applied.
    pub fn contains(&self, id: &PhaseId) -> bool {
        self.0.contains(id)
    }

    /// Returns the ids, in the order of their text.
    pub fn ids(&self) -> impl Iterator<Item = &PhaseId> {
        self.0.iter()
    }

    /// Returns whether nothing is applied.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many phases are applied.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that a phase was applied.
    pub fn add(&mut self, id: PhaseId) {
        self.0.insert(id);
    }

    /// Notes that a phase was undone.
    pub fn remove(&mut self, id: &PhaseId) {
        self.0.remove(id);
    }
}

impl FromIterator<PhaseId> for Applied {
    fn from_iter<I: IntoIterator<Item = PhaseId>>(ids: I) -> Self {
        Self(ids.into_iter().collect())
    }
}

impl Chain {
    /// Checks what a database records as applied, with the checksum each phase had then, and
    /// returns
    /// what is applied in terms of the chain.
    ///
    /// A phase counts as applied if it is recorded, or if all ids that it replaces are. A record
    /// without a checksum is not compared.
    ///
    /// # Errors
    /// - [`ErrorKind::PhaseMissing`] if a recorded phase is neither in the chain nor replaced by a
    ///   phase of it, or if only some of the ids that a phase replaces are recorded.
    /// - [`ErrorKind::PhaseEdited`] if the checksum of a phase is not the one recorded.
    pub fn check_applied(&self, recorded: &[(PhaseId, Option<String>)]) -> Result<Applied> {
        self.check_known(recorded)?;
        self.check_edited(recorded)?;
        self.applied_of(recorded)
    }

    /// Returns what is applied in terms of the chain, and the faults that [`check_applied`](Self::check_applied) would
    /// refuse. A phase that is not in the chain is left out.
    pub fn examine_applied(&self, recorded: &[(PhaseId, Option<String>)]) -> (Applied, Vec<Error>) {
        let checks = [self.check_known(recorded), self.check_edited(recorded)];
        let mut faults: Vec<Error> = checks.into_iter().filter_map(Result::err).collect();
        let applied = self.applied_of(recorded).unwrap_or_else(|error| {
            faults.push(error);
            let ids = recorded.iter().map(|(id, _)| id);
            ids.filter(|id| self.position(id).is_some()).cloned().collect()
        });
        (applied, faults)
    }

    fn applied_of(&self, recorded: &[(PhaseId, Option<String>)]) -> Result<Applied> {
        let ids: Applied = recorded.iter().map(|(id, _)| id.clone()).collect();
        let mut applied: Applied =
            ids.ids().filter(|id| self.position(id).is_some()).cloned().collect();
        for phase in self.phases().iter().filter(|phase| !phase.replaces.is_empty()) {
            if !applied.contains(&phase.id) && stands_for_all(phase, &ids)? {
                applied.add(phase.id.clone());
            }
        }
        Ok(applied)
    }

    /// Returns the current ids, in chain order: the applied ones without an applied descendant.
    ///
    /// An id that the chain does not know is current, and comes last.
    pub fn current(&self, applied: &Applied) -> Vec<PhaseId> {
        let known: Marks = self.phases().iter().map(|phase| applied.contains(&phase.id)).collect();
        let unknown = applied.ids().filter(|id| self.position(id).is_none()).cloned();
        let mut current = self.ids(self.current_positions(&known));
        current.extend(unknown);
        current
    }

    /// Returns all phases that are not applied, in chain order.
    pub fn all_pending(&self, applied: &Applied) -> Vec<PhaseId> {
        let pending = self.phases().iter().filter(|phase| !applied.contains(&phase.id));
        pending.map(|phase| phase.id.clone()).collect()
    }

    /// Marks the applied positions.
    ///
    /// # Errors
    /// [`ErrorKind::PhaseMissing`] if an applied phase is not in the chain.
    pub(super) fn applied_marks(&self, applied: &Applied) -> Result<Marks> {
        match applied.ids().find(|id| self.position(id).is_none()) {
            Some(_) => Err(self.missing(applied.ids().filter(|id| self.position(id).is_none()))),
            None => Ok(self.phases().iter().map(|phase| applied.contains(&phase.id)).collect()),
        }
    }

    /// Returns the applied positions without an applied descendant.
    pub(super) fn current_positions(&self, applied: &Marks) -> Vec<usize> {
        let mut covered = vec![false; self.len()];
        for position in (0..self.len()).rev() {
            covered[position] =
                self.graph.after(position).any(|after| applied[after] || covered[after]);
        }
        (0..self.len()).filter(|at| applied[*at] && !covered[*at]).collect()
    }

    fn check_known(&self, recorded: &[(PhaseId, Option<String>)]) -> Result<()> {
        let is_unknown = |id: &PhaseId| self.position(id).is_none() && !self.replaces(id);
        let unknown: Vec<_> = recorded.iter().filter(|(id, _)| is_unknown(id)).collect();
        // In the order of their text, each once.
        let ids: Applied = unknown.iter().map(|(id, _)| id.clone()).collect();
        let is_recorded = |phase: &Phase| recorded.iter().any(|(id, _)| *id == phase.id);
        let renamed = unknown.iter().find_map(|(id, checksum)| {
            let checksum = checksum.as_deref()?;
            let mut others = self.phases().iter().filter(|it| !is_recorded(it));
            others.find(|it| it.has_steps_of(checksum)).map(|phase| (id, phase))
        });
        match (ids.ids().next(), renamed) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(self.missing(ids.ids())),
            (Some(_), Some((id, phase))) => Err(renamed_file(id, phase)),
        }
    }

    /// Reports ids that are recorded as applied and not in the chain.
    fn missing<'i>(&self, ids: impl Iterator<Item = &'i PhaseId>) -> Error {
        let ids: Vec<&str> = ids.map(PhaseId::as_str).collect();
        let known = || self.phases().iter().map(|phase| phase.id.as_str());
        let near = ids.iter().filter_map(|id| nearest(id, known()));
        let (phases, verb) = if ids.len() == 1 { ("phase", "is") } else { ("phases", "are") };
        let names = ids.join(", ");
        let what = format!("{phases} {names} {verb} applied, but not in the folder");
        let error = Error::new(ErrorKind::PhaseMissing, what).choices(near);
        match ids[..] {
            [] => error,
            [id] => error.in_phase(id),
            [first, ..] => error.in_phase(first).problems(ids),
        }
    }

    fn check_edited(&self, recorded: &[(PhaseId, Option<String>)]) -> Result<()> {
        let edited: Vec<&Phase> = recorded
            .iter()
            .filter_map(|(id, checksum)| Some((self.get(id)?, checksum.as_ref()?)))
            .filter(|(phase, checksum)| !phase.is_recorded_as(checksum))
            .map(|(phase, _)| phase)
            .collect();
        let Some(first) = edited.first() else { return Ok(()) };
        let names = list(edited.iter().map(|phase| &phase.id));
        let what = if edited.len() == 1 {
            format!("phase {names} was edited after it was applied")
        } else {
            format!("phases {names} were edited after they were applied")
        };
        let error = Error::new(ErrorKind::PhaseEdited, what);
        let error = error.in_phase(first.id.as_str()).at(&first.file, 1);
        if edited.len() == 1 {
            return Err(error);
        }
        let lines = edited.iter().map(|phase| format!("{} in {}", phase.id, phase.file.display()));
        Err(error.problems(lines))
    }
}

/// Reports a phase whose file has another name than when it was applied.
fn renamed_file(id: &PhaseId, phase: &Phase) -> Error {
    let file = phase.file.display();
    let what =
        format!("phase {id} is applied, and {file} has its steps under another id, {}", phase.id);
    let error = Error::new(ErrorKind::PhaseMissing, what).in_phase(id.as_str());
    error.at(&phase.file, 1).choices([phase.id.as_str()])
}

/// Returns whether a replaced id is recorded: itself, by a squash that stood for it, or, of a squash, by all of its own.
fn is_covered(phase: &Phase, id: &PhaseId, recorded: &Applied) -> bool {
    // A file may name anything: squashes that name each other end at this depth.
    covered_within(&phase.annotations.replaced_squashes, id, recorded, 32)
}

fn covered_within(
    squashes: &[(PhaseId, Vec<PhaseId>)],
    id: &PhaseId,
    recorded: &Applied,
    depth: u32,
) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let covered = |it: &PhaseId| covered_within(squashes, it, recorded, depth);
    recorded.contains(id)
        || squashes.iter().any(|(squash, ids)| recorded.contains(squash) && ids.contains(id))
        || squashes.iter().any(|(squash, ids)| squash == id && ids.iter().all(covered))
}

/// Returns whether all ids that the phase replaces are recorded; refuses if only some are.
fn stands_for_all(phase: &Phase, recorded: &Applied) -> Result<bool> {
    let (done, missing): (Vec<&PhaseId>, Vec<&PhaseId>) =
        phase.replaces.iter().partition(|id| is_covered(phase, id, recorded));
    if done.is_empty() || missing.is_empty() {
        return Ok(missing.is_empty());
    }
    let what = format!(
        "phase {} stands for {} phases, of which only {} are applied",
        phase.id,
        phase.replaces.len(),
        done.len()
    );
    let lines = missing.iter().map(|id| format!("{id} is not applied"));
    let error = Error::new(ErrorKind::PhaseMissing, what).in_phase(phase.id.as_str());
    let last = phase.replaces.last().map(PhaseId::as_str);
    let error = error.with_remedy(Remedy::ApplyArchived).choices(last);
    let error = match &phase.annotations.archive {
        Some(archive) => error.about(archive),
        None => error,
    };
    Err(error.at(&phase.file, 1).problems(lines))
}

#[cfg(test)]
#[path = "applied_tests.rs"]
mod tests;
