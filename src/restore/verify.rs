//! Holding a database against a backup after something was written: the same, or what differs.

use std::path::Path;

use crate::database::{Access, Database, OpenOptions};
use crate::error::{DatabaseState, Result};
use crate::event::{Event, Observer, Stage, TableRows};
use crate::rows::compare_databases;
use crate::schema;

/// Compares every row of the database with the backup; the differences are in words.
pub(super) fn compare(
    backup: &Database,
    live: &Database,
    observer: &mut dyn Observer,
) -> Result<std::result::Result<Vec<TableRows>, Vec<String>>> {
    let one = schema::read(backup.connection())?;
    let two = schema::read(live.connection())?;
    let mut progress = |table: &str, done| {
        let (stage, subject) = (Stage::Check, table.to_owned());
        observer.event(&Event::Progress { stage, subject, done, total: 0 });
        Ok(())
    };
    let compared =
        compare_databases((backup.connection(), &one), (live.connection(), &two), &mut progress)?;
    Ok(compared.map_err(|found| found.iter().map(ToString::to_string).collect()))
}

/// What a file holds after a write that failed.
#[derive(Debug)]
pub(crate) enum AfterFailure {
    /// What the backup holds: the write was done although an error was reported.
    Restored(Vec<TableRows>),
    /// Something else, in the state that could be found out.
    Other(DatabaseState),
}

/// The rows of a database, if it holds what a file does.
type Held = Result<Option<Vec<TableRows>>>;

/// Looks at the file again after a write failed. Opening it rolls back what was not committed. `holds` returns the rows
/// of an open database if it holds what a file does.
pub(super) fn look_again(
    live: &Path,
    (written, before): (&Path, Option<&Path>),
    options: &OpenOptions,
    holds: &mut dyn FnMut(&Database, &Path) -> Held,
) -> AfterFailure {
    let mut held = |path: &Path| holds(&Database::open(live, Access::Write, options)?, path);
    if let Ok(Some(tables)) = held(written) {
        return AfterFailure::Restored(tables);
    }
    let as_before = before.is_some_and(|before| matches!(held(before), Ok(Some(_))));
    AfterFailure::Other(if as_before { DatabaseState::RolledBack } else { DatabaseState::Unknown })
}
