//! Plans that are shared by files with the same schema, within a run over many files.
//!
//! A plan depends on the texts of a schema and on the phases, never on rows or page numbers: what the rows decide
//! (losses, checks, space, locks) is found for each file. So files whose `sqlite_schema` holds the same texts get the
//! same plan, made once.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::history::VersionTables;
use crate::phase::{Chain, Phase, PhaseId};
use crate::plan::Plan;
use crate::schema::{Object, Schema};

use super::file_state::FileState;

/// The most plans that are kept. A fleet has a few schemas; one of which every file has its own gains nothing.
const MOST: usize = 256;

/// The plans of a run over many files, by the digest of what they depend on.
#[derive(Debug, Default)]
pub struct PlanCache(Mutex<Plans>);

#[derive(Debug, Default)]
struct Plans {
    by_key: HashMap<Key, Arc<Plan>>,
    /// The schema of the file that was planned last: the next file has most of its texts.
    schema: Arc<Schema>,
}

type Key = [u8; blake3::OUT_LEN];

impl PlanCache {
    /// Returns a schema that may have the texts of the next file.
    pub(super) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.lock().schema)
    }

    /// Returns the plan of a way up, which is made and kept if no file before had the same. A way down depends on what
    /// the file itself records.
    ///
    /// # Errors
    /// Those of making it.
    pub(super) fn plan(
        &self,
        phases: (&Chain, &VersionTables),
        known: &FileState,
        path: &[PhaseId],
        make: impl FnOnce() -> Result<Plan>,
    ) -> Result<Plan> {
        let key = key(phases, known, path);
        if let Some(plan) = self.find(&key) {
            return Ok(plan.as_ref().clone());
        }
        let plan = make()?;
        self.keep(key, &plan, &known.schema);
        Ok(plan)
    }

    fn find(&self, key: &Key) -> Option<Arc<Plan>> {
        self.lock().by_key.get(key).map(Arc::clone)
    }

    fn keep(&self, key: Key, plan: &Plan, schema: &Schema) {
        let mut plans = self.lock();
        plans.schema = Arc::new(schema.clone());
        if plans.by_key.len() < MOST {
            plans.by_key.insert(key, Arc::new(plan.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Plans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest of everything that a plan of a way up depends on: the schema without its page numbers, the phases in
/// full, the version tables and what they record.
fn key((chain, tables): (&Chain, &VersionTables), known: &FileState, path: &[PhaseId]) -> Key {
    let mut digest = Digest(blake3::Hasher::new());
    let schema = &known.schema;
    for object in schema.objects.iter().chain(&schema.internal) {
        let Object { kind, name, table, sql, root } = object;
        digest.add(&(kind, name, table, sql, *root > 0));
    }
    digest.add(&(schema.objects.len(), &schema.tables));
    let phases: Vec<Option<&Phase>> = path.iter().map(|id| chain.get(id)).collect();
    let versions: Vec<i64> = known.recorded.versions.iter().map(|row| row.version).collect();
    digest.add(&(phases, tables, versions, &known.applied));
    *digest.0.finalize().as_bytes()
}

/// Feeds the `Debug` form of values, which tells all of their parts, to a hash.
struct Digest(blake3::Hasher);

impl Digest {
    fn add(&mut self, value: &impl Debug) {
        // Nothing that is written here fails.
        let _ = writeln!(self, "{value:?}");
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
