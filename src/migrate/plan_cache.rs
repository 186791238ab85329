//! Plans that are shared by files with the same schema, within a run over many files.
//!
//! A plan depends on the texts of a schema and on the phases, never on rows or page numbers: what the rows decide
//! (losses, checks, space, locks) is found for each file. So files whose `sqlite_schema` holds the same texts get the
//! same plan, made once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::history::VersionTables;
use crate::phase::{Applied, Chain, Phase, PhaseId};
use crate::plan::Plan;
use crate::schema::{ObjectKind, Schema};

use super::file_state::FileState;

/// The most plans that are kept. A fleet has a few schemas; one of which every file has its own gains nothing.
const MOST: usize = 256;

/// The plans of a run over many files, with what they depend on.
#[derive(Debug, Default)]
pub struct PlanCache(Mutex<Plans>);

#[derive(Debug, Default)]
struct Plans {
    made: Vec<(PlanKey, Arc<Plan>)>,
    /// The schema of the file that was planned last: the next file has most of its texts.
    schema: Arc<Schema>,
}

/// Everything that a plan of a way up depends on: the schema without its page numbers, the phases in full, the version
/// tables and what they record.
#[derive(Debug, PartialEq)]
struct PlanKey {
    entries: Vec<Entry>,
    /// How many of the entries are not SQLite's own.
    objects: usize,
    phases: Vec<Phase>,
    tables: VersionTables,
    versions: Vec<i64>,
    applied: Applied,
}

/// Kind, name, table, text, and whether it is stored in pages.
type Entry = (ObjectKind, String, String, Option<String>, bool);

impl PlanKey {
    fn of((chain, tables): (&Chain, &VersionTables), known: &FileState, path: &[PhaseId]) -> Self {
        let entries = known
            .schema
            .entries()
            .map(|it| (it.kind, it.name.clone(), it.table.clone(), it.sql.clone(), it.root > 0));
        Self {
            entries: entries.collect(),
            objects: known.schema.objects.len(),
            phases: path.iter().filter_map(|id| chain.get(id)).cloned().collect(),
            tables: tables.clone(),
            versions: known.recorded.versions.iter().map(|row| row.version).collect(),
            applied: known.applied.clone(),
        }
    }
}

impl PlanCache {
    /// Returns a schema that may have the texts of the next file.
    pub(super) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.lock().schema)
    }

    /// Returns the plan of a way up, which is made and kept if no file before had the same. A way down depends on what
    /// the file itself records.
    pub(super) fn plan(
        &self,
        phases: (&Chain, &VersionTables),
        known: &FileState,
        path: &[PhaseId],
        make: impl FnOnce() -> Result<Plan>,
    ) -> Result<Plan> {
        let key = PlanKey::of(phases, known, path);
        if let Some(plan) = self.find(&key) {
            return Ok(plan.as_ref().clone());
        }
        let plan = make()?;
        self.keep(key, &plan, &known.schema);
        Ok(plan)
    }

    fn find(&self, key: &PlanKey) -> Option<Arc<Plan>> {
        let plans = self.lock();
        plans.made.iter().find(|(made, _)| made == key).map(|(_, plan)| Arc::clone(plan))
    }

    fn keep(&self, key: PlanKey, plan: &Plan, schema: &Schema) {
        let mut plans = self.lock();
        plans.schema = Arc::new(schema.clone());
        if plans.made.len() < MOST {
            plans.made.push((key, Arc::new(plan.clone())));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Plans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
