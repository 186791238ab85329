//! All phases, ordered by their parents: a graph with forks, merges and several bases.
//!
//! The chain knows what the files declare. What is applied to a database is told to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::assemble::{assemble, extend};
use super::file::{PhaseFile, read_into};
use super::graph::{Graph, Marks, marked};
use super::phase::{Phase, PhaseId, Strategy};
use super::problem::Problems;
use super::warning::ChainWarning;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::{FileKind, Files};
use crate::sql::SqliteVersion;

/// All phases of a folder, in an order in which each comes after its parents and dependencies.
///
/// The order is stable: of the phases that may come next, the first in file-name order does, `phase9` before `phase10`.
#[derive(Debug, Clone)]
pub struct Chain {
    pub(super) phases: Vec<Phase>,
    pub(super) graph: Graph,
    positions: HashMap<PhaseId, usize>,
    stands_for: HashMap<PhaseId, usize>,
    warnings: Vec<ChainWarning>,
}

impl Chain {
    /// Reads the phase files of a folder: those that end in `.toml` and do not begin with a dot.
    ///
    /// Subfolders, `archive` among them, are not read. Nothing is written.
    ///
    /// # Errors
    /// - [`ErrorKind::PhaseFile`] if a file is no phase; the faults of all files are reported.
    /// - [`ErrorKind::Chain`] if the folder is missing, or the phases are no graph: a missing
    ///   parent, an id, label or version used twice, a replaced phase that is still there, a cycle.
    /// - [`ErrorKind::Io`] or [`ErrorKind::ReadOnly`] if the folder or a file cannot be read.
    pub fn read(files: &dyn Files, folder: &Path) -> Result<Self> {
        read_all(files, &phase_paths(files, folder)?).and_then(assemble)
    }

    /// Reads the phase files of a folder as [`read`](Self::read) does, together with one that is not
    /// there yet: what the chain would be. A folder that is missing holds none.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(files: &dyn Files, folder: &Path, new: PhaseFile) -> Result<Self> {
        let stat = files.stat(folder).map_err(|error| file_error("look at", folder, error))?;
        let paths = if stat.is_none() { Vec::new() } else { phase_paths(files, folder)? };
        let mut all = read_all(files, &paths)?;
        all.push(new);
        assemble(all)
    }

    /// Makes a chain of phases whose parents and versions count as they stand.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`], as [`read`](Self::read).
    pub fn build(phases: Vec<Phase>) -> Result<Self> {
        Self::assemble(phases.into_iter().map(PhaseFile::declared).collect())
    }

    /// Makes a chain of phase files, which may leave out parents and versions.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`], as [`read`](Self::read).
    pub fn assemble(files: Vec<PhaseFile>) -> Result<Self> {
        assemble(files)
    }

    /// Returns the chain with further phases, whose parents and versions count as they stand.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`] if an id is used twice or a parent is missing.
    pub fn with_phases(&self, more: Vec<Phase>) -> Result<Self> {
        extend(self, more)
    }

    /// Takes phases that were joined to a graph and stand in its order.
    pub(super) fn new(phases: Vec<Phase>, graph: Graph, warnings: Vec<ChainWarning>) -> Self {
        let numbered = || phases.iter().enumerate();
        let positions = numbered().map(|(at, phase)| (phase.id.clone(), at)).collect();
        let stands_for = numbered()
            .flat_map(|(at, phase)| phase.replaces.iter().map(move |id| (id.clone(), at)))
            .collect();
        Self { phases, graph, positions, stands_for, warnings }
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

    /// Tells whether there is no phase.
    pub fn is_empty(&self) -> bool {
        self.phases.is_empty()
    }

    /// Returns the phase with this id.
    pub fn get(&self, id: &PhaseId) -> Option<&Phase> {
        self.positions.get(id).map(|position| &self.phases[*position])
    }

    /// Returns the phase with this version.
    pub fn with_version(&self, version: i64) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.version == version)
    }

    /// Returns the phase that stands for this id, which it replaces.
    pub fn replacement(&self, id: &PhaseId) -> Option<&Phase> {
        self.stands_for.get(id).map(|position| &self.phases[*position])
    }

    /// Returns what is odd about the chain.
    pub fn warnings(&self) -> &[ChainWarning] {
        &self.warnings
    }

    /// Returns the phases that are nobody's parent, in chain order.
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

    /// Tells whether the chain is one line: no forks, no merges, no second base.
    pub fn is_linear(&self) -> bool {
        self.bases().len() <= 1 && self.branches().is_empty()
    }

    /// Tells whether the phase is nobody's parent.
    pub fn is_head(&self, id: &PhaseId) -> bool {
        self.positions.get(id).is_some_and(|at| self.graph.children(*at).is_empty())
    }

    /// Tells whether the phase has no parents.
    pub fn is_base(&self, id: &PhaseId) -> bool {
        self.positions.get(id).is_some_and(|at| self.graph.parents(*at).is_empty())
    }

    /// Tells whether the phase has more than one child.
    pub fn is_branch_point(&self, id: &PhaseId) -> bool {
        self.positions.get(id).is_some_and(|at| self.graph.children(*at).len() > 1)
    }

    /// Tells whether the phase has more than one parent.
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

    /// Tells whether a phase of the chain replaces this id.
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

/// Reads phase files; the faults of all of them are reported.
fn read_all(files: &dyn Files, paths: &[PathBuf]) -> Result<Vec<PhaseFile>> {
    let mut problems = Problems::default();
    let mut read = Vec::new();
    for path in paths {
        read.extend(read_into(files, path, &mut problems)?);
    }
    problems.into_result(ErrorKind::PhaseFile)?;
    Ok(read)
}

/// Lists the phase files of a folder.
fn phase_paths(files: &dyn Files, folder: &Path) -> Result<Vec<PathBuf>> {
    let stat = files.stat(folder).map_err(|error| file_error("look at", folder, error))?;
    let shown = folder.display();
    match stat.map(|stat| stat.kind) {
        Some(FileKind::Folder) => {}
        Some(FileKind::File | FileKind::Other) => {
            return Err(Error::new(ErrorKind::Chain, format!("{shown} is not a folder of phases")));
        }
        None => {
            let what = format!("the folder of the phases does not exist: {shown}");
            return Err(Error::new(ErrorKind::Chain, what));
        }
    }
    let mut paths = Vec::new();
    for path in files.list(folder).map_err(|error| file_error("list", folder, error))? {
        let stat = files.stat(&path).map_err(|error| file_error("look at", &path, error))?;
        let is_folder = stat.is_some_and(|stat| stat.kind == FileKind::Folder);
        if names_phase(&path) && !is_folder {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Tells whether a file is a phase by its name. Hidden files are what editors and systems leave.
fn names_phase(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
