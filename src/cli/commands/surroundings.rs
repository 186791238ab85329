//! What only the surroundings of a command know of its error.

use phaseshift::database::holders;
use phaseshift::{Error, ErrorKind};

use super::backups::BackupPlace;
use super::restore::is_for_latest;
use crate::cli::context::Context;

/// Adds to an error what only the surroundings of the command tell: that a wait was interrupted, and who holds the
/// file.
pub(super) fn with_surroundings(context: &Context, error: Error) -> Error {
    let error = interrupted_while_waiting(context, error);
    let error = name_backups(context, name_holders(context, error));
    miss_backup(context, error)
}

/// Says of a phase that cannot be undone whether there is no backup from before it either.
fn miss_backup(context: &Context, error: Error) -> Error {
    let Some(phase) = error.facts().phase.clone() else { return error };
    if error.kind() != ErrorKind::Irreversible {
        return error;
    }
    let found =
        BackupPlace::of(context).and_then(|place| place.find(context, &format!("before:{phase}")));
    if found.is_err() { error.without_backup() } else { error }
}

/// Adds the backups that `restore --latest` takes to the error of a damaged database.
fn name_backups(context: &Context, error: Error) -> Error {
    if error.kind() != ErrorKind::Damaged {
        return error;
    }
    let Ok(place) = BackupPlace::of(context) else { return error };
    if error.facts().database.as_deref().is_some_and(|it| it != place.database()) {
        return error;
    }
    let latest = place.entries.iter().filter(|it| is_for_latest(it));
    let files: Vec<String> = latest.map(|it| it.path.display().to_string()).collect();
    error.in_database(place.database()).choices(files)
}

/// A wait for a lock that was interrupted ends as a busy file; the interrupt is what happened.
fn interrupted_while_waiting(context: &Context, error: Error) -> Error {
    if error.kind() != ErrorKind::Busy || !context.interrupt.requested() {
        return error;
    }
    let what = "interrupted while waiting for another program";
    let interrupted = Error::new(ErrorKind::Interrupted, what).leaving(error.state());
    match error.facts().backup.clone() {
        Some(backup) => interrupted.with_backup(&backup),
        None => interrupted,
    }
}

/// Adds who holds a busy file, where the system tells.
fn name_holders(context: &Context, error: Error) -> Error {
    let database = error.facts().database.clone();
    let (ErrorKind::Busy, Some(database), true) =
        (error.kind(), database, error.facts().problems.is_empty())
    else {
        return error;
    };
    let holders = holders(&database, context.files().as_ref());
    error.problems(holders.iter().map(|holder| format!("held by {holder}")))
}
