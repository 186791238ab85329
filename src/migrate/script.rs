//! The plan of a migration as an SQL script, version rows included.

use crate::history::{Event, EventKind, record_script};
use crate::plan::{self, Direction, PhasePlan};

use super::state::{Migration, Prepared};

/// Prints the plan as a script that the `sqlite3` program runs, from version 3.40 on.
pub fn script(migration: &Migration<Prepared>) -> String {
    let versions = &migration.project().versions;
    plan::script(migration.plan(), &|phase: &PhasePlan| {
        let event = Event {
            kind: match phase.direction {
                Direction::Up => EventKind::Applied,
                Direction::Down => EventKind::Undone,
            },
            id: phase.id.to_string(),
            parents: phase.parents.iter().map(ToString::to_string).collect(),
            version: phase.version,
            description: phase.description.clone(),
            checksum: phase.checksum.clone(),
            started_at: String::new(),
            finished_at: String::new(),
            applied_at: String::new(),
            backup: None,
            rows_proven: 0,
            undo: phase.undo_record(versions),
        };
        let mut statements = phase.version_tables.clone();
        statements.extend(record_script(versions, &event));
        statements
    })
}
