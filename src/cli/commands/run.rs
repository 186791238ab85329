//! From a command's name to its code.

use phaseshift::database::holders;
use phaseshift::{Error, ErrorKind, Result};

use super::{
    apply, audit, backups, chain, check, current, demo, deps, diff, downgrade, extract_undo, fleet,
    history, init, lint, meta, migrate, new_phase, optimize, page, plan, prove, reset, restore,
    squash, stamp, status, verify,
};
use crate::cli::args::{Command, FleetAction};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::progress::{clear_bar, tell_of_progress, tell_of_waits};

/// Runs a command.
///
/// # Errors
/// Those of the command.
pub fn run(context: &Context, command: &Command) -> Result<CommandOutput> {
    let _waits = tell_of_waits(context);
    let _progress = tell_of_progress(context);
    let done = dispatch(context, command);
    clear_bar();
    done.map_err(|error| with_circumstances(context, error))
}

/// Adds to an error what only the surroundings of the command tell: that a wait was interrupted, and who holds the
/// file.
pub(super) fn with_circumstances(context: &Context, error: Error) -> Error {
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

fn dispatch(context: &Context, command: &Command) -> Result<CommandOutput> {
    match command {
        Command::Migrate(arguments) if arguments.many.fleet.all.is_some() => {
            page::refuse_report_of_many(context)?;
            fleet::migrate(context, command.name(), (&arguments.goal, &arguments.many))
        }
        Command::Migrate(arguments) => migrate::guided(context, &arguments.goal),
        Command::Upgrade(arguments) if arguments.many.fleet.all.is_some() => {
            page::refuse_report_of_many(context)?;
            fleet::upgrade(context, command.name(), (&arguments.goal, &arguments.many))
        }
        Command::Upgrade(arguments) => migrate::upgrade(context, arguments),
        Command::Downgrade(arguments) => downgrade::run(context, arguments),
        Command::ExtractUndo(arguments) => extract_undo::run(context, arguments),
        Command::Plan(arguments) => plan::plan(context, arguments),
        Command::Report(arguments) => page::report(context, arguments),
        Command::Preflight(arguments) => plan::preflight(context, arguments.place.target()),
        Command::Status(arguments) => {
            let job = |file: &Context| status::run(file, arguments.exit_code);
            fleet::each(context, (command.name(), &arguments.fleet), &job)
        }
        Command::Current(arguments) => {
            let job = |file: &Context| current::run(file, arguments.require.as_deref());
            fleet::each(context, (command.name(), &arguments.fleet), &job)
        }
        Command::Verify(arguments) => {
            let job = |file: &Context| verify::run(file, arguments);
            fleet::each(context, (command.name(), &arguments.fleet), &job)
        }
        Command::Stamp(arguments) => stamp::run(context, arguments),
        Command::Backup(arguments) => {
            let job = |file: &Context| backups::create(file, arguments.name.as_deref());
            fleet::each(context, (command.name(), &arguments.fleet), &job)
        }
        Command::Backups(arguments) => backups::run(context, arguments.action.as_ref()),
        Command::Restore(arguments) => restore::run(context, arguments),
        Command::Optimize(arguments) => optimize::run(context, arguments),
        Command::Reset(arguments) => reset::run(context, arguments),
        Command::Audit(arguments) => audit::run(context, arguments),
        Command::Prove(arguments) => prove::run(context, arguments),
        Command::Demo(arguments) => demo::run(context, &arguments.folder),
        Command::History(arguments) => history::run(context, arguments),
        Command::Show(arguments) => history::show(context, &arguments.target),
        Command::Heads => chain::heads(context),
        Command::Bases => chain::bases(context),
        Command::Branches => chain::branches(context),
        Command::Check(arguments) => check::run(context, arguments),
        Command::Deps(arguments) => deps::run(context, arguments),
        Command::Diff(arguments) => diff::run(context, arguments),
        Command::Lint(arguments) => lint::run(context, arguments),
        Command::Import(arguments) => super::import::run(context, arguments),
        Command::Init(arguments) => init::run(context, arguments),
        Command::Revision(arguments) => new_phase::revision(context, arguments),
        Command::Apply(arguments) => apply::run(context, arguments),
        Command::Merge(arguments) => new_phase::merge(context, arguments),
        Command::Squash(arguments) => squash::run(context, arguments),
        Command::Fleet(arguments) => match &arguments.action {
            FleetAction::Report(arguments) => fleet::report(context, arguments),
        },
        Command::Completions(arguments) => Ok(meta::completions(arguments.shell)),
        Command::Man(arguments) => meta::man(context, arguments),
        Command::JsonSchema(arguments) => Ok(meta::json_schema(arguments.document)),
    }
}
