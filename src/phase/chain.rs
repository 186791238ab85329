//! All phases, ordered by their parents: a graph with forks, merges and several bases.
//!
//! The chain knows what the files declare. What is applied to a database is an argument.

use std::collections::HashMap;

use super::formats::FolderFormat;
use super::graph::{Graph, Marks, marked};
use super::phase::{Phase, PhaseId, Strategy};
use super::warning::ChainWarning;
use crate::sql::SqliteVersion;

/// All phases of a folder, in an order in which each comes after its parents and dependencies.
///
/// The order is stable: of the phases that may come next, the first in file-name order does, `phase9` before `phase10`.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pub(super) phases: Vec<Phase>,
    pub(super) graph: Graph,
    positions: HashMap<PhaseId, usize>,
    stands_for: HashMap<PhaseId, usize>,
    warnings: Vec<ChainWarning>,
    pub(super) format: FolderFormat,
}

impl Chain {
    /// Returns the format of the folder that it was read from.
    pub fn format(&self) -> FolderFormat {
        self.format
    }

    /// Takes phases that were joined to a graph and stand in its order.
    pub(super) fn new(phases: Vec<Phase>, graph: Graph, warnings: Vec<ChainWarning>) -> Self {
        let numbered = || phases.iter().enumerate();
        let positions = numbered().map(|(at, phase)| (phase.id.clone(), at)).collect();
        let stands_for = numbered()
            .flat_map(|(at, phase)| phase.replaces.iter().map(move |id| (id.clone(), at)))
            .collect();
        let format = FolderFormat::default();
        Self { phases, graph, positions, stands_for, warnings, format }
    }

    /// Returns the phases in chain order.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    /// Returns the chain with [`Strategy::Auto`] in every phase, whatever their files say. What is
    /// reached is the same.
    #[must_use]
    pub fn in_place(mut self) -> Self {
        for phase in &mut self.phases {
            phase.strategy = Strategy::Auto;
        }
        self
    }

    /// Returns the chain with this as `min_sqlite` of every phase whose file names none.
    #[must_use]
    pub fn with_min_sqlite(mut self, oldest: Option<SqliteVersion>) -> Self {
        for phase in &mut self.phases {
            phase.min_sqlite = phase.min_sqlite.or(oldest);
        }
        self
    }

    /// Returns how many phases there are.
    pub fn len(&self) -> usize {
        self.phases.len()
    }

    pub fn is_empty(&self) -> bool {
        self.phases.is_empty()
    }

    pub fn get(&self, id: &PhaseId) -> Option<&Phase> {
        self.positions.get(id).map(|position| &self.phases[*position])
    }

    pub fn with_version(&self, version: i64) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.version == version)
    }

    /// Returns the phase that stands for this id, which it replaces.
    pub fn replacement(&self, id: &PhaseId) -> Option<&Phase> {
        self.stands_for.get(id).map(|position| &self.phases[*position])
    }

    /// Returns the phase that stands for the phase with this version, and the ids that it replaces up to that one, in
    /// chain order.
    pub fn replaced_with_version(&self, version: i64) -> Option<(&Phase, &[PhaseId])> {
        self.phases.iter().find_map(|phase| {
            let versions = &phase.annotations.replaced_versions;
            let place = versions.iter().position(|it| *it == version)?;
            Some((phase, phase.replaces.get(..=place)?))
        })
    }

    /// Returns what is odd about the chain.
    pub fn warnings(&self) -> &[ChainWarning] {
        &self.warnings
    }

    /// Returns the phases that are the parent of none, in chain order.
    pub fn heads(&self) -> Vec<PhaseId> {
        self.ids_where(|position| self.graph.children(position).is_empty())
    }

    /// Returns the phases without parents, in chain order.
    pub fn bases(&self) -> Vec<PhaseId> {
        self.ids_where(|position| self.graph.parents(position).is_empty())
    }

    /// Returns the branch points: the phases with more than one child, in chain order.
    pub fn branches(&self) -> Vec<PhaseId> {
        self.ids_where(|position| self.graph.children(position).len() > 1)
    }

    /// Returns the phases with more than one parent, in chain order.
    pub fn merges(&self) -> Vec<PhaseId> {
        self.ids_where(|position| self.graph.parents(position).len() > 1)
    }

    /// Returns whether the chain is one line: no forks, no merges, no second base.
    pub fn is_linear(&self) -> bool {
        self.bases().len() <= 1 && self.branches().is_empty()
    }

    /// Returns whether the phase is the parent of none.
    pub fn is_head(&self, id: &PhaseId) -> bool {
        self.positions.get(id).is_some_and(|at| self.graph.children(*at).is_empty())
    }

    /// Returns whether the phase has no parents.
    pub fn is_base(&self, id: &PhaseId) -> bool {
        self.positions.get(id).is_some_and(|at| self.graph.parents(*at).is_empty())
    }

    /// Returns whether the phase has more than one child.
    pub fn is_branch_point(&self, id: &PhaseId) -> bool {
        self.positions.get(id).is_some_and(|at| self.graph.children(*at).len() > 1)
    }

    /// Returns whether the phase has more than one parent.
    pub fn is_merge(&self, id: &PhaseId) -> bool {
        self.positions.get(id).is_some_and(|at| self.graph.parents(*at).len() > 1)
    }

    /// Returns the phases that name this one as a parent, in chain order.
    pub fn children(&self, id: &PhaseId) -> Vec<PhaseId> {
        let at = self.positions.get(id);
        self.ids(at.map_or(&[][..], |at| self.graph.children(*at)).iter().copied())
    }

    /// Returns what must be applied before the phase, through parents and dependencies, in chain
    /// order.
    pub fn ancestors(&self, id: &PhaseId) -> Vec<PhaseId> {
        let Some(position) = self.positions.get(id).copied() else { return Vec::new() };
        let mut marks = self.graph.with_ancestors([position]);
        marks[position] = false;
        self.marked_ids(&marks)
    }

    /// Returns what needs the phase to be applied before, through parents and dependencies, in
    /// chain order.
    pub fn descendants(&self, id: &PhaseId) -> Vec<PhaseId> {
        let Some(position) = self.positions.get(id).copied() else { return Vec::new() };
        let mut marks = self.graph.with_descendants([position]);
        marks[position] = false;
        self.marked_ids(&marks)
    }

    /// Returns the position of a phase in the chain.
    pub(super) fn position(&self, id: &PhaseId) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Returns whether a phase of the chain replaces this id.
    pub(super) fn replaces(&self, id: &PhaseId) -> bool {
        self.stands_for.contains_key(id)
    }

    /// Returns the ids at these positions.
    pub(super) fn ids(&self, positions: impl IntoIterator<Item = usize>) -> Vec<PhaseId> {
        positions.into_iter().map(|position| self.phases[position].id.clone()).collect()
    }

    /// Returns the marked ids, in chain order.
    pub(super) fn marked_ids(&self, marks: &Marks) -> Vec<PhaseId> {
        self.ids(marked(marks))
    }

    fn ids_where(&self, wanted: impl Fn(usize) -> bool) -> Vec<PhaseId> {
        self.ids((0..self.phases.len()).filter(|position| wanted(*position)))
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
