//! Files that are newer than the folder of phases: what is known of their further phases, and who may open them.

use crate::database::Database;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::history::{HistoryRow, Recorded, applied, applied_as_far_as_known};
use crate::phase::{Applied, Chain, PhaseId, StepsKnown};
use crate::schema::read;

use super::file_state::{FileState, Newer};
use super::project::Project;

impl Project {
    /// As [`know`](Self::know), for files that are newer than the folder, too: the phases that the folder lacks come
    /// from the history of the file. Returns the project whose chain holds them.
    ///
    /// # Errors
    /// As [`know`](Self::know), if phases are missing that are not newer than the folder;
    /// [`ErrorKind::VersionTable`] if what the history keeps of one is not the phase that was applied.
    pub fn know_newer(&self, database: &Database) -> Result<(Self, FileState)> {
        let schema = read(database.connection())?;
        let recorded = self.versions.read(database.connection(), &schema)?;
        match self.applied(&recorded) {
            Ok(applied) => {
                let project = self.as_recorded(&recorded)?;
                Ok((project, FileState { schema, recorded, applied, newer: None }))
            }
            Err(missing) => {
                let located = |error: Error| error.in_database(&self.database);
                let (project, applied, newer) =
                    self.with_history(&recorded, missing).map_err(located)?;
                Ok((project, FileState { schema, recorded, applied, newer: Some(newer) }))
            }
        }
    }

    /// Returns the project whose chain holds exactly the phases that a file records as applied: as its history keeps
    /// them, or from the folder where the history keeps nothing.
    ///
    /// # Errors
    /// [`ErrorKind::PhaseMissing`] naming the phases that neither holds; [`ErrorKind::VersionTable`] if what the
    /// history keeps of one is not the phase that was applied.
    pub fn as_applied(&self, database: &Database) -> Result<Self> {
        let schema = read(database.connection())?;
        let recorded = self.versions.read(database.connection(), &schema)?;
        let files = self.options.files.as_ref();
        let mut phases = Vec::new();
        for applied in applied(&recorded, &self.chain)? {
            let kept = recorded.phase(&applied.id, files)?;
            let kept = kept.filter(|it| it.annotations.steps != StepsKnown::None);
            match kept.or_else(|| self.chain.get(&applied.id).cloned()) {
                Some(phase) => phases.push(phase),
                None => {
                    let what = format!(
                        "neither the history of the file nor the folder holds the steps of phase {}",
                        applied.id
                    );
                    return Err(Error::new(ErrorKind::PhaseMissing, what)
                        .in_phase(applied.id.as_str())
                        .in_database(&self.database));
                }
            }
        }
        Ok(Self { chain: Chain::assemble(Vec::new())?.with_phases(phases)?, ..self.clone() })
    }

    /// Returns the project with the phases that a file records and the folder lacks, and what is applied. `missing` is
    /// the error that says so.
    ///
    /// # Errors
    /// `missing`, unless the file is newer than the folder; as [`know_newer`](Self::know_newer).
    pub(super) fn with_history(
        &self,
        recorded: &Recorded,
        missing: Error,
    ) -> Result<(Self, Applied, Newer)> {
        // A phase that is there under another name has a place of its own in the error.
        if missing.kind() != ErrorKind::PhaseMissing || missing.facts().source.is_some() {
            return Err(missing);
        }
        let (found, versions) = applied_as_far_as_known(recorded, &self.chain)?;
        let is_known =
            |id: &PhaseId| self.chain.get(id).is_some() || self.chain.replacement(id).is_some();
        let (known, unknown): (Vec<PhaseId>, Vec<PhaseId>) =
            found.iter().map(|it| it.id.clone()).partition(is_known);
        let highest = self.chain.phases().iter().map(|it| it.version).max().unwrap_or_default();
        // Of a file that knows nothing of the folder's phases, the folder is the wrong one.
        let is_other = known.is_empty() && !self.chain.is_empty() && versions.is_empty();
        let is_inside = known.iter().any(|id| stands_on(recorded, id, &unknown))
            || versions.iter().any(|version| *version <= highest);
        if is_other || is_inside {
            return Err(missing);
        }
        let files = self.options.files.as_ref();
        let mut phases = Vec::new();
        for id in &unknown {
            match recorded.phase(id, files)? {
                Some(phase) => phases.push(phase),
                None => return Err(missing),
            }
        }
        let recorded_versions =
            found.iter().filter_map(|it| Some((it.id.clone(), it.version?))).collect();
        let chain = self.chain.with_phases(phases)?.with_recorded_versions(&recorded_versions);
        let checksums: Vec<_> = found.into_iter().map(|it| (it.id, it.checksum)).collect();
        let applied = chain.check_applied(&checksums)?;
        let is_newer = |id: &PhaseId| unknown.contains(id);
        let newer = Newer {
            phases: chain.phases().iter().filter(|it| is_newer(&it.id)).cloned().collect(),
            versions,
            current: chain.current(&applied).into_iter().filter(is_newer).collect(),
        };
        Ok((Self { chain, ..self.clone() }, applied, newer))
    }

    /// Adds to the error that phases are missing the downgrade that undoes them, if the file is newer than the folder
    /// and its history keeps what that takes.
    pub(super) fn with_downgrade(&self, recorded: &Recorded, missing: Error) -> Error {
        let kind = missing.kind();
        let probe = Error::new(kind, missing.to_string());
        let is_other = kind != ErrorKind::PhaseMissing || missing.facts().source.is_some();
        match self.with_history(recorded, probe) {
            Ok((_, _, newer)) if !is_other && newer.can_be_undone() => {
                // Ids that look like the missing ones are no choice here.
                let error = Error::new(kind, missing.to_string()).with_remedy(Remedy::UndoNewer);
                let facts = missing.facts();
                let error = error.problems(facts.problems.clone());
                let error = error.choices(newer.downgrade_target()).in_database(&self.database);
                match &facts.phase {
                    Some(phase) => error.in_phase(phase),
                    None => error,
                }
            }
            Ok(_) | Err(_) => missing,
        }
    }
}

/// Returns whether a phase was applied on top of one of the others.
fn stands_on(recorded: &Recorded, id: &PhaseId, others: &[PhaseId]) -> bool {
    let is_event = |it: &&HistoryRow| it.id == id.as_str() && it.direction != "down";
    let last = recorded.events.iter().rev().find(is_event);
    let mut parents = last.into_iter().flat_map(|it| it.parents.split_whitespace());
    parents.any(|parent| others.iter().any(|it| it.as_str() == parent))
}
