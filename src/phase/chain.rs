//! All phases, ordered by their parents: a graph with forks, merges and several bases.
//!
//! The chain knows what the files declare. What is applied to a database is told to it.

use std::collections::HashMap;
use std::path::Path;

use super::assemble::{FileOrder, assemble, extend};
use super::file::PhaseFile;
use super::formats::{FolderFormat, read_folder};
use super::graph::{Graph, Marks, marked};
use super::phase::{Phase, PhaseId, Strategy};
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
    format: FolderFormat,
}

impl Chain {
    /// Reads the phase files of a folder: those that end in `.toml` or `.sql` and do not begin with a dot, or
    /// the files of another tool ([`FolderFormat`]), which is found out by their names and marks.
    ///
    /// Subfolders, `archive` among them, are only read where the tool has one for each phase. Nothing is written.
    ///
    /// # Errors
    /// - [`ErrorKind::PhaseFile`] if a file is no phase; the faults of all files are reported.
    /// - [`ErrorKind::Chain`] if the folder is missing, or the phases are no graph: a missing
    ///   parent, an id, label or version used twice, a replaced phase that is still there, a cycle.
    /// - [`ErrorKind::Io`] or [`ErrorKind::ReadOnly`] if the folder or a file cannot be read.
    pub fn read(files: &dyn Files, folder: &Path) -> Result<Self> {
        Self::read_as(files, folder, None)
    }

    /// Reads the phases of a folder in this format; without one, as [`read`](Self::read) does.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_as(files: &dyn Files, folder: &Path, format: Option<FolderFormat>) -> Result<Self> {
        check_folder(files, folder)?;
        let found = read_folder(files, folder, format)?;
        let order = match found.format {
            FolderFormat::Phaseshift | FolderFormat::Plain => FileOrder::ByName,
            _ => FileOrder::AsGiven,
        };
        let chain = assemble(found.phases, order)?;
        Ok(Self { format: found.format, ..chain })
    }

    /// Returns the format of the folder that it was read from.
    pub fn format(&self) -> FolderFormat {
        self.format
    }

    /// Reads the phase files of a folder as [`read`](Self::read) does, together with one that is not
    /// there yet: what the chain would be. A folder that is missing holds none.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(files: &dyn Files, folder: &Path, new: PhaseFile) -> Result<Self> {
        let stat = files.stat(folder).map_err(|error| file_error("look at", folder, error))?;
        let mut all = match stat {
            None => Vec::new(),
            Some(_) => {
                check_folder(files, folder)?;
                let found = read_folder(files, folder, None)?;
                if !matches!(found.format, FolderFormat::Phaseshift) {
                    let (folder, format) = (folder.display(), found.format);
                    let what = format!(
                        "{folder} holds files of {format}, to which no phase in TOML is added"
                    );
                    return Err(Error::new(ErrorKind::Chain, what));
                }
                found.phases
            }
        };
        all.push(new);
        assemble(all, FileOrder::ByName)
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
        assemble(files, FileOrder::ByName)
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

/// Refuses what is not a folder.
fn check_folder(files: &dyn Files, folder: &Path) -> Result<()> {
    let stat = files.stat(folder).map_err(|error| file_error("look at", folder, error))?;
    let shown = folder.display();
    let what = match stat.map(|stat| stat.kind) {
        Some(FileKind::Folder) => return Ok(()),
        Some(FileKind::File | FileKind::Other) => format!("{shown} is not a folder of phases"),
        None => format!("the folder of the phases does not exist: {shown}"),
    };
    Err(Error::new(ErrorKind::Chain, what))
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
