//! Commands on many files: `--all`.

mod outcome;
mod results;

use std::io::Read as _;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use phaseshift::files::RealFiles;
use phaseshift::fleet::{Found, Limits, Member, Selection, Shard, discover, run};
use phaseshift::plan::Direction;
use phaseshift::{DatabaseState, Error, ErrorKind, Result};

use super::look::{meant, request_of};
use super::migrate::unguided;
use super::run::with_circumstances;
use crate::cli::args::{FleetArgs, FleetRunArgs, Goal};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
pub use outcome::{Outcome, Word};
use results::{Fleet, Results};

/// What is done to one file, in its own context.
type FileJob<'j> = &'j (dyn Fn(&Context) -> Result<CommandOutput> + Sync);

/// Runs a command on the database, or on each of many.
///
/// # Errors
/// Those of the command; with `--all`, those of finding the files and of reading the phases.
pub fn each(
    context: &Context,
    (command, arguments): (&'static str, &FleetArgs),
    job: FileJob<'_>,
) -> Result<CommandOutput> {
    match &arguments.all {
        None => job(context),
        Some(selection) => run_all(context, (command, arguments, selection), job),
    }
}

/// `migrate --all`: as `upgrade --all`, but only with `--yes`.
///
/// # Errors
/// [`ErrorKind::NoAnswer`] without `--yes`; otherwise as [`each`].
pub fn migrate(
    context: &Context,
    command: &'static str,
    (goal, many): (&Goal, &FleetRunArgs),
) -> Result<CommandOutput> {
    let dry_run = context.dry_run || goal.dry_run.dry_run;
    if !context.yes && !dry_run {
        let what = "migrate --all does not ask for each file; pass --yes";
        return Err(Error::new(ErrorKind::NoAnswer, what));
    }
    upgrade(context, command, (goal, many))
}

/// `upgrade --all`.
///
/// # Errors
/// As [`each`].
pub fn upgrade(
    context: &Context,
    command: &'static str,
    (goal, many): (&Goal, &FleetRunArgs),
) -> Result<CommandOutput> {
    let request = request_of(Direction::Up, goal)?;
    let dry_run = context.dry_run || goal.dry_run.dry_run;
    let job = |file: &Context| {
        let project = meant(file.project()?, goal.in_place);
        unguided(file, &project, &request, dry_run)
    };
    each(context, (command, &many.fleet), &job)
}

fn run_all(
    context: &Context,
    (command, arguments, text): (&'static str, &FleetArgs, &str),
    job: FileJob<'_>,
) -> Result<CommandOutput> {
    if context.global.database.is_some() {
        let what = "--all and --database name different files; give one of them";
        return Err(Error::new(ErrorKind::Arguments, what));
    }
    let shard = arguments.shard.as_deref().map(shard).transpose()?;
    let selection = selection(context, text)?;
    let files = context.files();
    let found = discover(&selection, context.settings.backups.as_deref(), files.as_ref())?;
    found.require_some(text)?;
    let context = &with_chain(context, command)?;
    let members = match shard {
        Some(shard) => found.members.iter().filter(|it| shard.holds(it)).cloned().collect(),
        None => found.members.clone(),
    };
    let limits = limits(arguments);
    let mut results = Results::new(context, command, members.len());
    let in_file = |member: &Member| of_file(context, member, job);
    let ended = run(
        &members,
        &limits,
        &context.interrupt,
        (&in_file, Outcome::verdict),
        &mut |member, outcome| results.take(member, outcome),
    );
    let Found { members: all, skipped } = found;
    Ok(results.finish(&ended, &Fleet { selection: text, shard, all: &all, skipped: &skipped }))
}

/// Runs the job for one file. A panic is a failure of this file only.
fn of_file(context: &Context, member: &Member, job: FileJob<'_>) -> Outcome {
    let file = context.for_member(member);
    if let Some(fault) = &member.fault {
        return Outcome::new(Err(fault.to_error(&member.path)), &file.settings.flags);
    }
    let result = catch_unwind(AssertUnwindSafe(|| job(&file))).unwrap_or_else(|_| {
        let what = "the program stopped by a fault of its own";
        Err(Error::new(ErrorKind::Io, what).leaving(DatabaseState::Unknown))
    });
    let result = result.map_err(|error| with_circumstances(&file, error));
    Outcome::new(result.map_err(|error| named(error, member)), &file.settings.flags)
}

fn named(error: Error, member: &Member) -> Error {
    if error.facts().database.is_some() { error } else { error.in_database(&member.path) }
}

/// Reads the phases once for all files. A backup does not need any.
fn with_chain(context: &Context, command: &str) -> Result<Context> {
    let chain = match command {
        "backup" => None,
        _ => Some(Arc::new(context.chain()?)),
    };
    Ok(Context { chain, ..context.clone() })
}

fn shard(text: &str) -> Result<Shard> {
    Shard::parse(text, &|name| std::env::var(name).ok())
}

fn selection(context: &Context, text: &str) -> Result<Selection> {
    if text != "@-" {
        return Selection::parse(text, &context.folder, &RealFiles);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Io, "the list on stdin cannot be read").caused_by(error)
    })?;
    Ok(Selection::of_list(&bytes, &context.folder))
}

fn limits(arguments: &FleetArgs) -> Limits {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Limits {
        jobs: arguments.jobs.unwrap_or_else(cores),
        canary: arguments.canary.unwrap_or(0),
        max_failures: if arguments.fail_fast { Some(0) } else { arguments.max_failures },
    }
}
