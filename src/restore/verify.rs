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
pub(crate) enum Found {
    /// What the backup holds: the write was done although an error was reported.
    Restored(Vec<TableRows>),
    /// Something else, in the state that could be found out.
    Other(DatabaseState),
}

/// Looks at the file again after a write failed. Opening it rolls back what was not committed.
pub(super) fn look_again(
    live: &Path,
    (backup, before): (&Path, Option<&Path>),
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Found {
    let mut holds = |path: &Path| -> Result<Option<Vec<TableRows>>> {
        let live = Database::open(live, Access::Write, options)?;
        let other = Database::open(path, Access::ReadOnly, options)?;
        Ok(compare(&other, &live, observer)?.ok())
    };
    if let Ok(Some(tables)) = holds(backup) {
        return Found::Restored(tables);
    }
    let as_before = before.is_some_and(|before| matches!(holds(before), Ok(Some(_))));
    Found::Other(if as_before { DatabaseState::RolledBack } else { DatabaseState::Unknown })
}
