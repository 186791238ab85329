//! The downgrades of a run: what the chain makes of the schema around each phase that is undone.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::history::Recorded;
use crate::phase::{Applied, Phase, PhaseId};
use crate::plan::{PastSchemas, schema_before, snapshots};
use crate::replay::unless_broken;
use crate::schema::Schema;

use super::project::Project;

/// The schemas that the chain makes from nothing, as far as it runs.
pub(super) struct UndoHistory<'p> {
    project: &'p Project,
    /// The schema before each applied phase, if the phases run in chain order.
    befores: BTreeMap<PhaseId, Schema>,
}

impl<'p> UndoHistory<'p> {
    /// Replays what is applied, in chain order.
    ///
    /// # Errors
    /// Whatever SQLite reports; a phase that does not run on what the others made only ends the
    /// replay.
    pub(super) fn new(project: &'p Project, applied: &Applied) -> Result<Self> {
        let mut history = Self { project, befores: BTreeMap::new() };
        let mut shadow = project.replay().empty()?;
        for phase in project.chain.phases().iter().filter(|it| applied.contains(&it.id)) {
            history.befores.insert(phase.id.clone(), shadow.schema()?);
            if unless_broken(project.replay().apply(&mut shadow, phase))?.is_none() {
                break;
            }
        }
        Ok(history)
    }

    /// Returns what is known of the schema around a phase that is undone while `remaining`, the
    /// phase included, is applied to a file whose schema is `now`.
    pub(super) fn past(
        &self,
        phase: &Phase,
        remaining: &Applied,
        recorded: &Recorded,
        now: &Schema,
    ) -> Result<PastSchemas> {
        let recorded = recorded.undo_of(phase.id.as_str());
        // The file's own record comes first: no phase need have made what this one dropped or changed.
        let before = recorded.as_ref().and_then(|it| schema_before(now, it));
        let mut replayed = match before {
            Some(before) => self.around(phase, &before)?,
            None => Vec::new(),
        };
        if replayed.is_empty()
            && let Some(before) = self.before(phase, remaining)?
        {
            replayed = self.around(phase, &before)?;
        }
        Ok(PastSchemas { replayed, recorded })
    }

    /// The schemas before, within and after a phase; empty if it does not run on the first one.
    fn around(&self, phase: &Phase, before: &Schema) -> Result<Vec<Schema>> {
        let mut shadow = self.project.replay().on(before)?;
        Ok(unless_broken(snapshots(&mut shadow, phase))?.unwrap_or_default())
    }

    /// The schema that all the others make. The first replay gives it if the phase is the last of
    /// them in chain order; else a branch stays that comes later, and they are replayed again.
    fn before(&self, phase: &Phase, remaining: &Applied) -> Result<Option<Schema>> {
        let chain = &self.project.chain;
        let last = chain.phases().iter().rfind(|it| remaining.contains(&it.id));
        if last.is_some_and(|last| last.id == phase.id) {
            return Ok(self.befores.get(&phase.id).cloned());
        }
        let mut shadow = self.project.replay().empty()?;
        let others = |it: &&Phase| remaining.contains(&it.id) && it.id != phase.id;
        for other in chain.phases().iter().filter(others) {
            if unless_broken(self.project.replay().apply(&mut shadow, other))?.is_none() {
                return Ok(None);
            }
        }
        shadow.schema().map(Some)
    }
}
