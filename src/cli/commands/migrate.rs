//! `migrate`, guided for a person, and `upgrade`, for scripts.

use std::fmt::Write as _;

use phaseshift::database::{Access, holders};
use phaseshift::migrate::{
    Hooks, Migrated, Migration, Preparation, Prepared, Project, Report, Request, migrate_now,
};
use phaseshift::plan::Direction;
use phaseshift::proof::foreign_key_violations;
use phaseshift::text;
use phaseshift::{Error, ErrorKind, Result};

use super::adoption::offer;
use super::new_file::{can_be_made, in_new_file, in_no_file};
use super::plan::detail;
use super::prepare::{
    DRY_RUN, drift_note, loss_policy, prepare, prerequisites, rebuilt_tables, request_of,
    with_strategy,
};
use super::{page, plan, report};
use crate::cli::args::{Goal, UpgradeArgs};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::prompt::{confirm, require_somebody};
use crate::cli::screens::plan as screen;
use crate::cli::screens::run::{Detail, Subject};

const QUESTION: &str = "Type 'yes' to proceed with migration:";

/// Guides a person through a migration.
///
/// # Errors
/// Those of the preparation and the run; [`ErrorKind::NoAnswer`], [`ErrorKind::Declined`].
pub fn guided(context: &Context, goal: &Goal) -> Result<CommandOutput> {
    let project = with_strategy(context.project()?, goal.in_place);
    let request = request_of(Direction::Up, goal)?;
    guide(context, &project, &request, context.dry_run || goal.dry_run.dry_run)
}

/// Guides through a migration of a project.
pub fn guide(
    context: &Context,
    project: &Project,
    request: &Request,
    dry_run: bool,
) -> Result<CommandOutput> {
    let prepared = prepare(project, request)
        .or_else(|error| adopt_and_prepare(context, project, request, error, dry_run));
    let migration = match begin(context, project, prepared?, dry_run)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::Run(migration) => migration,
    };
    require_somebody(context)?;
    context.say(&opening(context, &migration)?);
    let done = if context.yes {
        let tables = rebuilt_tables(&migration);
        let subject = Subject { tables, warns: true, ..Subject::default() };
        run_now(context, request, *migration, subject)?
    } else {
        Migrated::Done(ask_and_run(context, *migration)?)
    };
    answer(context, project, done, |done| report::complete(context, project, done))
}

/// What the preparation leads to.
enum Begun {
    /// Nothing more is done.
    Answered(CommandOutput),
    Run(Box<Migration<Prepared>>),
}

/// Answers where there is nothing to do, and dry runs.
fn begin(
    context: &Context,
    project: &Project,
    prepared: Preparation,
    dry_run: bool,
) -> Result<Begun> {
    let migration = match prepared {
        Preparation::UpToDate(found) => {
            return Ok(Begun::Answered(report::nothing_to_do(context, project, &found)));
        }
        Preparation::Ready(migration) => migration,
    };
    page::refuse_report_place(context)?;
    if dry_run {
        return without_a_change(context, &migration).map(Begun::Answered);
    }
    Ok(Begun::Run(migration))
}

/// Reports a run in words that a function makes.
fn answer(
    context: &Context,
    project: &Project,
    done: Migrated,
    words: impl FnOnce(&Report) -> String,
) -> Result<CommandOutput> {
    match done {
        Migrated::Done(done) => {
            let said = words(&done);
            context.say(&said);
            let answer = report::answer(&said, &done).about(&project.database);
            Ok(page::write_run(context, project, &done, answer))
        }
        Migrated::UpToDate(found) => Ok(report::nothing_to_do(context, project, &found)),
    }
}

/// Offers to record the phase that a file looks like, and prepares again.
fn adopt_and_prepare(
    context: &Context,
    project: &Project,
    request: &Request,
    error: Error,
    dry_run: bool,
) -> Result<Preparation> {
    if dry_run || context.yes || !context.can_ask() || error.kind() != ErrorKind::NotAdopted {
        return Err(error);
    }
    offer(context, project, error)?;
    prepare(project, request)
}

/// Applies phases without asking.
pub fn upgrade(context: &Context, arguments: &UpgradeArgs) -> Result<CommandOutput> {
    let goal = &arguments.goal;
    if arguments.sql {
        let losses = loss_policy(goal.accept_loss);
        return plan::sql(context, goal.place.target(), (Direction::Up, losses));
    }
    let project = with_strategy(context.project()?, goal.in_place);
    let request = request_of(Direction::Up, goal)?;
    let dry_run = context.dry_run || goal.dry_run.dry_run;
    if arguments.create && dry_run && can_be_made(&project) {
        return in_no_file(context, &project, &request);
    }
    if arguments.create && !dry_run {
        return in_new_file(&project, || unguided(context, &project, &request, false));
    }
    unguided(context, &project, &request, dry_run)
}

/// Runs in either direction without asking.
pub fn unguided(
    context: &Context,
    project: &Project,
    request: &Request,
    dry_run: bool,
) -> Result<CommandOutput> {
    // There is no person who could read notices before the run.
    let request = &if dry_run { request.clone() } else { request.clone().without_notices() };
    let migration = match begin(context, project, prepare(project, request)?, dry_run)? {
        Begun::Answered(answer) => return Ok(answer),
        Begun::Run(migration) => migration,
    };
    if let Some(note) = drift_note(context, &migration) {
        context.remark(&note);
    }
    context.say(&format!("{}\n", report::heading(&migration)));
    let tables = rebuilt_tables(&migration);
    let subject = Subject { tables, detail: Detail::Brief, ..Subject::default() };
    let phases = report::phase_lines(context, migration.plan());
    let done = run_now(context, request, *migration, subject)?;
    answer(context, project, done, |done| phases + &report::summary(context, project, done))
}

/// The answer of a dry run.
fn without_a_change(context: &Context, migration: &Migration<Prepared>) -> Result<CommandOutput> {
    context.say(&opening(context, migration)?);
    page::write_plan(context, migration)?;
    Ok(plan::planned(context, migration, DRY_RUN))
}

/// The screen before anything happens.
fn opening(context: &Context, migration: &Migration<Prepared>) -> Result<String> {
    let style = context.terminal.out;
    let (project, plan) = (migration.project(), migration.plan());
    let (_, version) = migration.versions();
    let database = project.database.display().to_string();
    let found = prerequisites(migration)?;
    let mut text = screen::banner(&screen::headline(plan), &database, style);
    let _ = write!(
        text,
        "\n{}{}\n{}\n{}",
        screen::will_do((plan, &project.chain), version, detail(context), style),
        screen::losses(plan, style),
        screen::prerequisites(found.iter().map(|it| it.detail.as_str()), style),
        screen::notices(plan)
    );
    text.push_str(&conditions(context, migration)?);
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    Ok(text)
}

/// The largest file whose foreign keys are checked before the question: in a larger one it takes too long to wait for.
const CHECKED_BEFORE: u64 = 256 << 20;

/// Says what a person should know about the file before saying yes: who has it open, and rows that break a foreign key
/// already.
fn conditions(context: &Context, migration: &Migration<Prepared>) -> Result<String> {
    let (project, files) = (migration.project(), context.files());
    let style = context.terminal.out;
    let note = drift_note(context, migration).map(|note| format!("{note}\n"));
    let mut text = note.unwrap_or_default();
    for holder in holders(&project.database, files.as_ref()) {
        let holder = escaped(holder.who());
        text.push_str(&format!("Note: open in {holder}: restart that program afterwards\n"));
    }
    let size = files.stat(&project.database).ok().flatten().map_or(0, |stat| stat.bytes);
    if size <= CHECKED_BEFORE {
        let database = project.open(Access::ReadOnly)?;
        let schema = &migration.known().schema;
        let violations = foreign_key_violations(database.connection(), schema)?;
        let count = violations.count();
        if count > 0 {
            let (rows, verb) = (text::rows(count), text::agree(count, "breaks", "break"));
            let as_is = text::agree(count, "it as it is", "them as they are");
            text.push_str(&format!(
                "Note: {rows} already {verb} a foreign key; the migration leaves {as_is}:\n"
            ));
            for (first, count) in violations.by_parent() {
                let more =
                    if count > 1 { format!(" ({})", text::rows(count)) } else { String::new() };
                text.push_str(&format!("  {} {}{more}\n", style.bullet(), escaped(first)));
            }
        }
    }
    Ok(text)
}

fn run_now(
    context: &Context,
    request: &Request,
    migration: Migration<Prepared>,
    subject: Subject,
) -> Result<Migrated> {
    let project = migration.project().clone();
    let mut reporter = Reporter::new(context, subject);
    let ready = Preparation::Ready(Box::new(migration));
    migrate_now(&project, request, ready, &mut reporter)
}

fn ask_and_run(context: &Context, migration: Migration<Prepared>) -> Result<Report> {
    let tables = rebuilt_tables(&migration);
    let subject = Subject { tables, warns: true, ..Subject::default() };
    let mut reporter = Reporter::new(context, subject);
    let secured = migration.secure(&mut reporter)?;
    confirm(context, QUESTION).map_err(|error| error.with_backup(secured.backup().path()))?;
    context.say("\n");
    secured.run(&mut reporter, &mut Hooks::default())
}
