//! What the engine says while it works: facts, never words for a screen.
//!
//! Reporters outside the engine turn events into lines, bars or JSON. The engine asks one thing back
//! through [`Interrupt`]: whether it should stop. The progress of a single statement is reported through a
//! [`ProgressListener`], because no observer is at hand inside it.

mod interrupt;
mod meter;

use crate::text::named;
use std::path::PathBuf;

pub use interrupt::{Interrupt, Waker};
pub use meter::{ProgressListener, listen_to_progress};
pub(crate) use meter::{reached, tell, ticked, track_progress, without_progress};

named! {
    /// The stages of a run that can last long enough for a progress bar.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Stage: code {
        /// Old rows are held against new rules, before anything is written.
        Preflight = "look",
        /// Pages are copied into the backup.
        Backup = "backup",
        /// The backup is compared with the database and checked.
        VerifyBackup = "verify-backup",
        /// Rows are copied into a rebuilt table.
        Copy = "copy",
        /// Indexes are created.
        Index = "index",
        /// Statements of a phase run.
        Data = "data",
        /// Rows are compared with the backup.
        Proof = "proof",
        /// Foreign keys and integrity are checked.
        Check = "check",
        /// Pages are written back into the database.
        Restore = "restore",
    }
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TableRows {
    /// The table's name.
    pub table: String,
    /// Its number of rows.
    pub rows: u64,
}

/// A fact about a running operation; as JSON, `event` names it and the other fields are its facts.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// Another program holds the file; the engine waits.
    Waiting {
        /// Who holds it, where the system tells.
        holders: Vec<String>,
    },
    /// A backup is being written.
    BackupStarted {
        /// Where the backup will be.
        path: PathBuf,
    },
    /// A backup is complete and synced under its final name.
    BackupCreated {
        /// Where the backup is.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// An earlier backup holds exactly what the database holds, and is used again.
    BackupReused {
        /// Where the backup is.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The backup holds exactly what the database holds.
    BackupVerified {
        /// Where the backup is.
        path: PathBuf,
        /// The number of rows of every table, in schema order.
        tables: Vec<TableRows>,
    },
    /// A long stage has come this far.
    Progress {
        /// The stage.
        stage: Stage,
        /// What is worked on (a table, an index, a file).
        subject: String,
        /// Units done so far.
        done: u64,
        /// Units in all, 0 if unknown.
        total: u64,
    },
    /// A numbered step of the run begins.
    StepStarted {
        /// The number of the step, from 1.
        index: usize,
        /// The number of steps in the run.
        total: usize,
        /// What the step does, as the plan words it.
        title: String,
    },
    /// A table was copied in full.
    TableCopied {
        /// The table before.
        from: String,
        /// The table after.
        to: String,
        /// The rows copied.
        rows: u64,
    },
    /// A part of the running step is done.
    StepDone {
        /// What was done.
        what: String,
    },
    /// The index of a full-text table was filled, which no step of the phase asked for.
    #[serde(rename = "step-done")]
    IndexFilled {
        /// Which index, and by which statement.
        what: String,
    },
    /// A data step changed rows.
    RowsChanged {
        /// The table.
        table: String,
        /// Rows before the step.
        before: u64,
        /// Rows after the step.
        after: u64,
    },
    /// The statements of a data step changed an object of the schema.
    SchemaChanged {
        /// What happened to which object.
        what: String,
    },
    /// The checks before the commit begin.
    CheckingStarted,
    /// A check before the commit holds.
    CheckPassed {
        /// The stable name of the check.
        name: String,
        /// What was found, in words.
        detail: String,
    },
    /// The transaction was committed.
    Committed,
    /// Something the person should know, which stops nothing.
    Notice {
        /// The text, one sentence.
        text: String,
    },
}

/// Receives the events of an operation.
pub trait Observer {
    /// Takes one event.
    fn event(&mut self, event: &Event);
}

/// An observer that ignores everything.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _event: &Event) {}
}

impl<F: FnMut(&Event)> Observer for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }
}
