//! What a phase of a run leaves in the version tables.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use rusqlite::Connection;

use crate::database::{Limits, Sandbox, run_one};
use crate::error::Result;
use crate::history::{EventKind, HistoryEvent, VersionTables, record};
use crate::name::in_main;
use crate::phase::PhaseId;
use crate::plan::{Direction, Implied, PhasePlan, Plan};
use crate::schema::{Object, Schema};

use super::file_state::FileState;
use super::project::Project;

const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 64 << 20 };

/// When a phase was carried out, and the backup made before it; a script knows neither.
#[derive(Debug, Clone, Default)]
pub(super) struct RunContext {
    pub(super) now: Option<DateTime<FixedOffset>>,
    pub(super) backup: Option<String>,
}

/// Returns the events of a phase, in order: first the phases that its row stood for get rows of their
/// own, then the phases that it stands for lose theirs,
/// then its own event.
pub(super) fn events(
    phase: &PhasePlan,
    versions: &VersionTables,
    circumstances: &RunContext,
) -> Vec<HistoryEvent> {
    let kind = match phase.direction {
        Direction::Up => EventKind::Applied,
        Direction::Down => EventKind::Undone,
    };
    let own = Implied {
        id: phase.id.clone(),
        version: phase.version,
        description: phase.description.clone(),
        parents: phase.parents.clone(),
        checksum: phase.checksum.clone(),
    };
    let mut last = event(kind, &own, circumstances);
    last.undo = phase.undo_record(versions);
    phase
        .implied
        .iter()
        .map(|it| event(EventKind::Stamped, it, circumstances))
        .chain(phase.replaced.iter().map(|it| event(EventKind::Unstamped, it, circumstances)))
        .chain([last])
        .collect()
}

/// Records the phases of a plan in copies of the version tables in memory: a rule of those tables that the records break
/// is found before the backup.
///
/// # Errors
/// [`ErrorKind::VersionTable`](crate::ErrorKind::VersionTable).
pub(super) fn try_recording(project: &Project, known: &FileState, plan: &Plan) -> Result<()> {
    let versions = &project.versions;
    let ours = |it: &&Object| versions.contains(&it.name) || versions.contains(&it.table);
    let objects: Vec<&Object> = known.schema.objects.iter().filter(ours).collect();
    let own = versions.missing_from(&Schema::default());
    if objects.iter().all(|it| it.sql.as_ref().is_some_and(|sql| own.contains(sql))) {
        return Ok(());
    }
    let sandbox = Sandbox::new(&project.database, &project.options, LIMITS)?;
    let (memory, authorizer) = (sandbox.database().connection(), sandbox.database().authorizer());
    for sql in objects.iter().filter_map(|it| it.sql.as_deref()) {
        if authorizer.around(|| run_one(memory, sql)).is_err() {
            // It needs what only the file's own program has; the run itself tells.
            return Ok(());
        }
    }
    for sql in versions.missing_from(&known.schema) {
        memory.execute_batch(&sql)?;
    }
    copy_versions(memory, versions, known)?;
    let now = Some(project.options.files.now());
    let circumstances = RunContext { now, backup: Some(String::new()) };
    let mut events = plan.phases.iter().flat_map(|it| events(it, versions, &circumstances));
    events.try_for_each(|event| record(memory, versions, &event))
}

fn copy_versions(memory: &Connection, versions: &VersionTables, known: &FileState) -> Result<()> {
    let table = in_main(versions.version_table());
    let mut insert = memory.prepare(&format!(
        "INSERT OR IGNORE INTO {table}(version, applied_at, description) VALUES (?1, ?2, ?3)"
    ))?;
    for row in &known.recorded.versions {
        insert.execute((row.version, &row.applied_at, &row.description))?;
    }
    Ok(())
}

fn event(kind: EventKind, phase: &Implied, circumstances: &RunContext) -> HistoryEvent {
    let time = circumstances.now.map(|now| now.to_rfc3339()).unwrap_or_default();
    let applied_at =
        |now: DateTime<FixedOffset>| now.to_utc().format("%Y-%m-%d %H:%M:%S").to_string();
    HistoryEvent {
        kind,
        id: phase.id.to_string(),
        parents: phase.parents.iter().map(PhaseId::to_string).collect(),
        version: phase.version,
        description: phase.description.clone(),
        checksum: phase.checksum.clone(),
        started_at: time.clone(),
        finished_at: time,
        applied_at: circumstances.now.map(applied_at).unwrap_or_default(),
        backup: circumstances.backup.clone(),
        rows_proven: 0,
        undo: None,
    }
}
