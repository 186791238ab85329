//! From a command's name to its code.

use phaseshift::Result;

use super::surroundings::with_surroundings;
use super::{
    apply, audit, backups, chain, check, completions, current, demo, deps, diff, downgrade,
    extract_undo, fleet, history, init, lint, migrate, new_phase, optimize, page, plan, prove,
    reset, restore, squash, stamp, status, verify,
};
use crate::cli::args::{Command, FleetAction, PlanArgs};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::progress::{clear_bar, tell_of_progress, tell_of_waits};

pub fn run(context: &Context, command: &Command) -> Result<CommandOutput> {
    let _waits = tell_of_waits(context);
    let _progress = tell_of_progress(context);
    let done = dispatch(context, command);
    clear_bar();
    done.map_err(|error| with_surroundings(context, error))
}

fn dispatch(context: &Context, command: &Command) -> Result<CommandOutput> {
    match command {
        Command::Migrate(arguments) if arguments.many.fleet.all.is_some() => {
            fleet::migrate(context, command.name(), (&arguments.goal, &arguments.many))
        }
        Command::Migrate(arguments) => migrate::guided(context, &arguments.goal),
        Command::Upgrade(arguments) if arguments.many.fleet.all.is_some() => {
            fleet::upgrade(context, command.name(), (&arguments.goal, &arguments.many))
        }
        Command::Upgrade(arguments) => migrate::upgrade(context, arguments),
        Command::Downgrade(arguments) => downgrade::run(context, arguments),
        Command::ExtractUndo(arguments) => extract_undo::run(context, arguments),
        Command::Plan(arguments) => plan_or_page(context, arguments),
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
        Command::Completions(arguments) => Ok(completions::completions(arguments.shell)),
        Command::Man(arguments) => completions::man(context, arguments),
        Command::JsonSchema(arguments) => Ok(completions::json_schema(arguments.document)),
    }
}

fn plan_or_page(context: &Context, arguments: &PlanArgs) -> Result<CommandOutput> {
    let Some(draw) = page::drawing(arguments.format) else { return plan::plan(context, arguments) };
    let target = arguments.place.target();
    let way = (target, plan::direction_of(target, arguments.down));
    page::drawn(context, way, arguments.in_place, draw)
}
