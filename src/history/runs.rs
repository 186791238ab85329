//! Finished runs, as the events of a file tell of them.

use super::definition::Definition;
use super::tables::{HistoryRow, Recorded};

impl HistoryRow {
    /// Returns whether a phase was applied or undone, rather than only recorded.
    pub fn ran(&self) -> bool {
        ["up", "down"].contains(&&*self.direction)
    }
}

impl Recorded {
    /// Returns the events of each run, in order. The events of one run name the same backup; those of a script name
    /// none, and the same time.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &[HistoryRow]> {
        let together = |one: &HistoryRow, next: &HistoryRow| match (&one.backup, &next.backup) {
            (Some(one), Some(next)) => one == next,
            (None, None) => one.finished_at == next.finished_at,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.events.chunk_by(together).filter(|run| run.iter().any(HistoryRow::ran))
    }

    /// Returns the phase that an event carried out, as the history keeps it: for a phase that was undone, as it was
    /// recorded before.
    pub fn definition_of(&self, event: &HistoryRow) -> Option<Definition> {
        let at = self.events.iter().position(|it| std::ptr::eq(it, event))?;
        let mut before = self.events[..=at].iter().rev().filter(|it| it.id == event.id);
        before.find_map(|it| Definition::from_json(it.undo.as_deref()?))
    }
}
