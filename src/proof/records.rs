//! What the version tables must hold after a run: everything that they held before, and what the run adds.

use std::collections::BTreeSet;

use crate::history::{EventKind, HistoryEvent, HistoryRow, Recorded};

/// The expected content of the version tables.
#[derive(Debug, Clone)]
pub struct ExpectedRecords {
    versions: BTreeSet<i64>,
    /// Whether the rows of versions from before were deleted, and may be there again with other words.
    purged: bool,
    /// The events that were there before.
    before: Vec<HistoryRow>,
    added: Vec<HistoryEvent>,
}

impl ExpectedRecords {
    /// Begins with what a file records.
    pub fn after(recorded: &Recorded) -> Self {
        Self {
            versions: recorded.versions.iter().map(|row| row.version).collect(),
            purged: false,
            before: recorded.events.clone(),
            added: Vec::new(),
        }
    }

    /// Forgets the recorded versions, which the run deletes; events are never deleted.
    pub fn purge(&mut self) {
        self.versions.clear();
        self.purged = true;
    }

    /// Returns whether the run deletes the recorded versions first.
    pub(super) fn are_purged(&self) -> bool {
        self.purged
    }

    /// Adds an event of the run.
    pub fn expect(&mut self, event: HistoryEvent) {
        match event.kind {
            EventKind::Applied | EventKind::Stamped => {
                self.versions.insert(event.version);
            }
            EventKind::Undone | EventKind::Unstamped => {
                self.versions.remove(&event.version);
            }
            EventKind::Accepted => {}
        }
        self.added.push(event);
    }

    /// Lists how the version tables differ from what they must hold, one line each.
    pub fn differences(&self, found: &Recorded) -> Vec<String> {
        let here: BTreeSet<i64> = found.versions.iter().map(|row| row.version).collect();
        let missing = self.versions.difference(&here);
        let mut lines: Vec<String> =
            missing.map(|version| format!("version {version} is not recorded")).collect();
        let unexpected = here.difference(&self.versions);
        lines.extend(unexpected.map(|version| format!("version {version} is recorded")));
        let (old, new) = found.events.split_at(self.before.len().min(found.events.len()));
        if old != self.before {
            lines.push("the history before this run changed".to_owned());
        }
        let same = |(row, event): (&HistoryRow, &HistoryEvent)| {
            (row.id == event.id && row.version == event.version)
                && row.parents == event.parents.join(" ")
                && row.direction == event.kind.direction()
                && row.checksum.as_ref() == Some(&event.checksum)
                && (row.backup == event.backup && row.undo == event.undo)
        };
        if new.len() != self.added.len() || !new.iter().zip(&self.added).all(same) {
            lines.push("the events of this run are not recorded as planned".to_owned());
        }
        lines
    }
}
