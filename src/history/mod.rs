//! The version tables: which phases a file records, and recording one.
//!
//! `schema_version` holds one row per applied phase and is read by other programs with plain SQL;
//! `phase_history` holds one row per event and is never shortened. Both are ordinary tables in the
//! file and are written in the same transaction as the change.

mod applied;
mod definition;
mod record;
mod runs;
mod tables;
mod undo;

pub use applied::{AppliedPhase, applied, applied_as_far_as_known, implied};
pub use definition::Definition;
pub use record::{EventKind, HistoryEvent, record, record_script};
pub use tables::{HISTORY_TABLE, HistoryRow, Recorded, VersionRow, VersionTables};
pub use undo::{KeptObject, UndoRecord};
