//! The ways back of a run: what the chain makes of the schema around each phase that is undone.

use std::collections::BTreeMap;

use crate::error::{ErrorKind, Result};
use crate::history::{KeptObject, Recorded, UndoRecord};
use crate::name::same;
use crate::phase::{Applied, Phase, PhaseId};
use crate::plan::{Past, advance, snapshots};
use crate::schema::{Object, ObjectKind, Schema};
use crate::shadow::Shadow;

use super::project::Project;

/// The schemas that the chain makes from nothing, as far as it runs.
pub(super) struct Ways<'p> {
    project: &'p Project,
    /// The schema before each applied phase, if the phases run in chain order.
    befores: BTreeMap<PhaseId, Schema>,
}

impl<'p> Ways<'p> {
    /// Replays what is applied, in chain order.
    ///
    /// # Errors
    /// Whatever SQLite reports; a phase that does not run on what the others made only ends the
    /// replay.
    pub(super) fn new(project: &'p Project, applied: &Applied) -> Result<Self> {
        let mut ways = Self { project, befores: BTreeMap::new() };
        let mut shadow = ways.empty()?;
        for phase in project.chain.phases().iter().filter(|it| applied.contains(&it.id)) {
            ways.befores.insert(phase.id.clone(), shadow.schema()?);
            if unless_broken(advance(&mut shadow, phase, &project.versions))?.is_none() {
                break;
            }
        }
        Ok(ways)
    }

    /// Returns what is known of the schema around a phase that is undone while `remaining`, the
    /// phase included, is applied, and the file has the schema `now`.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(super) fn past(
        &self,
        phase: &Phase,
        remaining: &Applied,
        recorded: &Recorded,
        now: &Schema,
    ) -> Result<Past> {
        let recorded = recorded.undo_of(phase.id.as_str());
        let replayed = self.replayed(phase, remaining)?;
        let replayed = match &recorded {
            Some(record) if replayed.is_empty() => self.replayed_here(phase, record, now)?,
            Some(_) | None => replayed,
        };
        Ok(Past { replayed, recorded })
    }

    /// The schemas around the phase as the chain makes them from nothing; none if it does not run so.
    fn replayed(&self, phase: &Phase, remaining: &Applied) -> Result<Vec<Schema>> {
        Ok(match self.before(phase, remaining)? {
            Some(before) => {
                let mut shadow = Shadow::of(&before)?;
                shadow.keep_tables(self.project.versions.names());
                unless_broken(snapshots(&mut shadow, phase))?.unwrap_or_default()
            }
            None => Vec::new(),
        })
    }

    /// The schemas around the phase as they were in this file: the schema of now with the texts of
    /// before. This serves chains that stand on tables which no phase makes.
    fn replayed_here(
        &self,
        phase: &Phase,
        record: &UndoRecord,
        now: &Schema,
    ) -> Result<Vec<Schema>> {
        let came = |object: &&Object| {
            let is = |it: &KeptObject| {
                it.object_kind() == Some(object.kind) && same(&it.name, &object.name)
            };
            record.after.iter().any(is)
        };
        let stayed =
            now.objects.iter().filter(|it| it.kind != ObjectKind::ShadowTable && !came(it));
        let stayed = stayed.filter_map(|it| Some((it.kind, it.sql.as_deref()?)));
        let gone = record.before.iter();
        let gone = gone.filter_map(|it| Some((it.object_kind()?, it.sql.as_str())));
        let mut texts: Vec<(ObjectKind, &str)> = stayed.chain(gone).collect();
        // Tables before what hangs on them; views need nothing to be there.
        texts.sort_by_key(|(kind, _)| *kind);
        let mut shadow = self.empty()?;
        for (_, sql) in texts {
            if shadow.define(sql).is_err() {
                return Ok(Vec::new());
            }
        }
        shadow.start_stage()?;
        Ok(unless_broken(snapshots(&mut shadow, phase))?.unwrap_or_default())
    }

    /// The schema that all the others make. The first replay gives it if the phase is the last of
    /// them in chain order; else a branch stays that comes later, and they are replayed anew.
    fn before(&self, phase: &Phase, remaining: &Applied) -> Result<Option<Schema>> {
        let chain = &self.project.chain;
        let last = chain.phases().iter().rfind(|it| remaining.contains(&it.id));
        if last.is_some_and(|last| last.id == phase.id) {
            return Ok(self.befores.get(&phase.id).cloned());
        }
        let mut shadow = self.empty()?;
        let others = |it: &&Phase| remaining.contains(&it.id) && it.id != phase.id;
        for other in chain.phases().iter().filter(others) {
            if unless_broken(advance(&mut shadow, other, &self.project.versions))?.is_none() {
                return Ok(None);
            }
        }
        shadow.schema().map(Some)
    }

    fn empty(&self) -> Result<Shadow> {
        let mut shadow = Shadow::empty()?;
        shadow.keep_tables(self.project.versions.names());
        Ok(shadow)
    }
}

/// Gives `None` for a phase that does not run from nothing: a base may stand on tables that no phase
/// makes.
fn unless_broken<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Step | ErrorKind::Unsupported | ErrorKind::MissingPart
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
