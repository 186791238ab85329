//! What only the surroundings of a command know of its error.

use phaseshift::database::holders;
use phaseshift::{Error, ErrorKind};

use crate::cli::context::Context;

/// Adds to an error what only the surroundings of the command tell: that a wait was interrupted, and who holds the
/// file.
pub(super) fn with_surroundings(context: &Context, error: Error) -> Error {
    name_holders(context, interrupted_while_waiting(context, error))
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
