//! What a phase of a run leaves in the version tables.

use chrono::{DateTime, FixedOffset};

use crate::history::{EventKind, HistoryEvent, VersionTables};
use crate::phase::PhaseId;
use crate::plan::{Direction, Implied, PhasePlan};

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
