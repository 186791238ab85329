//! Commands on many files: `--all`.

mod merged;
mod outcome;
mod results;
mod upgrade;

use std::io::Read as _;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use phaseshift::files::{MAX_TEXT_BYTES, RealFiles};
use phaseshift::fleet::{Discovered, Limits, Member, Selection, Shard, Stop, discover, run};
use phaseshift::migrate::PlanCache;
use phaseshift::{DatabaseState, Error, ErrorKind, Result};

use super::surroundings::with_surroundings;
use crate::cli::args::FleetArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
pub use merged::report;
pub use outcome::{FileOutcome, Word};
use results::Results;
pub use upgrade::{migrate, upgrade};

/// What is done to one file, in its own context.
type FileJob<'j> = &'j (dyn Fn(&Context, &Member) -> Result<CommandOutput> + Sync);

/// How the result of a job becomes an outcome; the text is the flags that name the file.
type MakeOutcome = fn(Result<CommandOutput>, &str) -> FileOutcome;

/// Runs a command on the database, or on each of many.
pub fn each(
    context: &Context,
    (command, arguments): (&'static str, &FleetArgs),
    job: &(dyn Fn(&Context) -> Result<CommandOutput> + Sync),
) -> Result<CommandOutput> {
    match &arguments.all {
        None => job(context),
        Some(_) => Ok(select(context, (command, arguments))?.run_all(&|file, _| job(file))),
    }
}

/// The files of a command, and how it works on them.
pub struct Selected<'s> {
    /// The context of the run, with what the files share.
    context: Context,
    command: &'static str,
    /// What the person named.
    text: &'s str,
    shard: Option<Shard>,
    found: Discovered,
    members: Vec<Member>,
    limits: Limits,
}

/// Finds the files that `--all` names, and reads the phases.
///
/// # Errors
/// [`ErrorKind::Arguments`] for flags that contradict each other or the environment; those of finding the files and of
/// reading the phases; [`ErrorKind::DatabaseMissing`] if there is no file.
fn select<'s>(
    context: &Context,
    (command, arguments): (&'static str, &'s FleetArgs),
) -> Result<Selected<'s>> {
    let text = arguments.all.as_deref().unwrap_or_default();
    // A shell that replaces a pattern leaves further files behind --all.
    if let Some(database) = &context.global.database {
        let what = format!(
            "both --all {text} and the database {database} are named: give one of them, and quote the pattern behind --all"
        );
        return Err(Error::new(ErrorKind::Arguments, what));
    }
    let shard = arguments.shard.as_deref().map(shard).transpose()?;
    let selection = selection(context, text)?;
    let files = context.files();
    let found = discover(&selection, context.settings.backups.as_deref(), files.as_ref())?;
    found.require_some(text)?;
    let holds = |it: &&Member| shard.is_none_or(|shard| shard.holds(it));
    let members = found.members.iter().filter(holds).cloned().collect();
    let context = with_chain(context, command)?;
    let limits = limits(arguments);
    Ok(Selected { context, command, text, shard, found, members, limits })
}

impl Selected<'_> {
    fn run_all(&self, job: FileJob<'_>) -> CommandOutput {
        let mut results = Results::new(&self.context, self.command, self.members.len());
        let (stop, left) = self.run((&self.members, &self.limits), job, &mut results);
        results.finish((stop, &left), self)
    }

    /// Runs a job on some of the files. Returns why it ended early, and what is left.
    fn run<'m>(
        &self,
        what: (&'m [Member], &Limits),
        job: FileJob<'_>,
        results: &mut Results<'_>,
    ) -> (Option<Stop>, Vec<&'m Member>) {
        self.run_as(what, FileOutcome::new, job, results)
    }

    fn run_as<'m>(
        &self,
        (members, limits): (&'m [Member], &Limits),
        outcome: MakeOutcome,
        job: FileJob<'_>,
        results: &mut Results<'_>,
    ) -> (Option<Stop>, Vec<&'m Member>) {
        let in_file = |member: &Member| of_file(&self.context, member, (outcome, job));
        let ended = run(
            members,
            limits,
            &self.context.interrupt,
            (&in_file, FileOutcome::verdict),
            &mut |member, outcome| results.take(member, outcome),
        );
        (ended.stop, ended.left.iter().collect())
    }
}

/// Runs the job for one file. A panic is a failure of this file only.
fn of_file(
    context: &Context,
    member: &Member,
    (outcome, job): (MakeOutcome, FileJob<'_>),
) -> FileOutcome {
    let file = context.for_member(member);
    if let Some(fault) = &member.fault {
        return outcome(Err(fault.to_error(&member.path)), &file.settings.flags);
    }
    let result = catch_unwind(AssertUnwindSafe(|| job(&file, member))).unwrap_or_else(|_| {
        let what = "the program stopped by a fault of its own";
        Err(Error::new(ErrorKind::Io, what).leaving(DatabaseState::Unknown))
    });
    let result = result.map_err(|error| with_surroundings(&file, error));
    outcome(result.map_err(|error| named(error, member)), &file.settings.flags)
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
    let plans = Some(Arc::new(PlanCache::default()));
    let folders = Some(Arc::default());
    Ok(Context { chain, plans, folders, ..context.clone() })
}

fn shard(text: &str) -> Result<Shard> {
    Shard::parse(text, &|name| std::env::var(name).ok())
}

fn selection(context: &Context, text: &str) -> Result<Selection> {
    if text != "@-" {
        return Selection::parse(text, &context.folder, &RealFiles);
    }
    let mut bytes = Vec::new();
    let mut list = std::io::stdin().lock().take(MAX_TEXT_BYTES + 1);
    list.read_to_end(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Io, "the list on stdin cannot be read").caused_by(error)
    })?;
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        let what = format!("the list on stdin is larger than {} MiB", MAX_TEXT_BYTES >> 20);
        return Err(Error::new(ErrorKind::Arguments, what));
    }
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
