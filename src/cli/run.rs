//! From the arguments to the exit code.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap::error::{ContextKind, ContextValue, ErrorKind as ClapKind};
use phaseshift::event::Interrupt;
use phaseshift::{DatabaseState, Error, ErrorKind, Remedy, exit};

use super::args::{Cli, with_phases_format};
use super::command_output::{CommandOutput, Form};
use super::context::Context;
use super::explain::{explain, explain_of};
use super::output::escaped;
use super::screens::failure::failure;
use super::terminal::{ColorChoice, Style, Terminal, show_cursor};
use super::{commands, json, output, signals};

const TOO_LATE: &str = "The interruption came too late: everything was done already.";

pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut arguments = with_phases_format(arguments.collect());
    // The help of `help`, which is clap's own, speaks of subcommands.
    if arguments.get(1..).is_some_and(|it| it == ["help", "help"]) {
        arguments.pop();
    }
    let code = match parse(&arguments) {
        Ok(mut cli) => {
            cli.global.json |= cli.command.asks_for_json();
            if let Err(error) = cli.find_schema_argument() {
                return ExitCode::from(refuse_arguments(&arguments, &error));
            }
            if let Err(code) = name_database(&mut cli) {
                return ExitCode::from(code);
            }
            run_command(&cli)
        }
        Err(error) => refuse_arguments(&arguments, &shown(&arguments).unwrap_or(error)),
    };
    ExitCode::from(code)
}

/// Takes the database from the command's own argument. Fails with the exit code if a flag names another one.
fn name_database(cli: &mut Cli) -> Result<(), u8> {
    let Some(named) = cli.command.database() else { return Ok(()) };
    let other = cli.global.database.as_deref().filter(|flag| *flag != named);
    if let Some(flag) = other {
        let what = format!("two databases are named: {named} and --database {flag}");
        let error = Error::new(ErrorKind::Arguments, what);
        return Err(print_failure(cli, cli.command.name(), &error, ""));
    }
    cli.global.database = Some(named.to_owned());
    Ok(())
}

fn run_command(cli: &Cli) -> u8 {
    let interrupt = Interrupt::default();
    let watch = signals::watch(&interrupt, &cli.global);
    let asked_to_stop = interrupt.clone();
    let name = cli.command.name();
    let outcome = prepare(cli, interrupt).and_then(|context| {
        let run = || commands::run(&context, &cli.command);
        let answer = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(own_fault()));
        // The advice repeats the flags that name the project.
        answer.map_err(|error| (error, context.settings.flags.clone()))
    });
    watch.end();
    let done = outcome.as_ref().is_ok_and(|answer| answer.exit != exit::INTERRUPTED);
    if done && asked_to_stop.requested() && !cli.global.quiet {
        output::remark(&format!("{TOO_LATE}\n"), Style::default());
    }
    let code = match outcome {
        Ok(answer) => print_answer(cli, name, &answer),
        Err((error, flags)) => print_failure(cli, name, &error, &flags),
    };
    // Bars may have been drawn, and whatever was interrupted may have left anything.
    if code != exit::DONE || cli.command.has_bars() {
        show_cursor();
    }
    code
}

/// A panic is a fault of the program. Its connections are closed by now, which rolls back; whether a
/// commit came before is for the next look to tell.
fn own_fault() -> Error {
    Error::new(ErrorKind::Io, "the program stopped by a fault of its own")
        .leaving(DatabaseState::Unknown)
}

fn prepare(cli: &Cli, interrupt: Interrupt) -> Result<Context, (Error, String)> {
    let prepared = if cli.dry_run && cli.command.has_no_dry_run() {
        let what = format!("{} has no dry run", cli.command.name());
        Err(Error::new(ErrorKind::Arguments, what)
            .with_remedy(Remedy::LeaveOut)
            .choices(["--dry-run"]))
    } else {
        Context::new(&cli.global, cli.dry_run, interrupt).map(|context| {
            let report = cli.command.report().map(|file| context.folder.join(file));
            Context { report, ..context }
        })
    };
    prepared.map_err(|error| (error, String::new()))
}

fn print_answer(cli: &Cli, name: &str, answer: &CommandOutput) -> u8 {
    let terminal = Terminal::detect(cli.global.color);
    // A failure is remembered, with those of what was said before.
    let _ = match &answer.form {
        Form::Lines if cli.global.json => output::document_line(&json::of_answer(name, answer)),
        _ if cli.global.json => output::document(&json::of_answer(name, answer)),
        Form::Screen if is_silent(cli, answer) => Ok(()),
        Form::Screen | Form::Lines => output::result(&answer.text, terminal.out),
        Form::Script => output::script(&answer.text),
    };
    let Some(lost) = output::lost() else { return answer.exit };
    // A reader that has read enough and closed the pipe is no failure, unless it misses what was done.
    let closed = lost.kind == std::io::ErrorKind::BrokenPipe;
    if closed && !answer.changed() {
        return answer.exit;
    }
    output::remark(&unwritten(answer, &lost.why, terminal.err), terminal.err);
    match answer.exit {
        exit::DONE if !closed || cli.global.json => exit::FAILED,
        code => code,
    }
}

/// Returns whether the result is not printed: with --quiet, the exit code says that all is well. What was asked for as
/// text is printed anyway.
fn is_silent(cli: &Cli, answer: &CommandOutput) -> bool {
    cli.global.quiet && answer.exit == exit::DONE && !cli.command.asks_for_text()
}

/// Says on stderr what stdout did not take: whatever the command did is done.
fn unwritten(answer: &CommandOutput, why: &str, style: Style) -> String {
    let label = style.error("Error:");
    let head = format!("{label} the result could not be written to stdout\n  cause: {why}\n");
    if !answer.changed() {
        return format!("{head}  state: nothing was changed\n");
    }
    let done = if answer.said.is_empty() { &answer.text } else { &answer.said };
    format!("{head}  state: the command was carried out; this is its result\n{done}")
}

fn print_failure(cli: &Cli, name: &str, error: &Error, flags: &str) -> u8 {
    let code = exit::code_of(error);
    let advice = explain_of(error, flags, name);
    let style = Terminal::detect(cli.global.color).err;
    let text = failure(error, &advice, style);
    let written =
        cli.global.json && output::document(&json::of_failure(name, code, error, &advice)).is_ok();
    if !written {
        output::remark(&text, style);
    }
    code
}

/// Returns the error of the same arguments as they may be shown.
fn shown(arguments: &[OsString]) -> Option<clap::Error> {
    let escaped = arguments.iter().map(|argument| escaped(argument.to_string_lossy()));
    parse(escaped).err()
}

fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Cli, clap::Error> {
    let mut command = super::args::command();
    let matches = command
        .try_get_matches_from_mut(arguments)
        .map_err(|error| with_commands_of_flag(error, &command))?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Says which commands have a flag that this one lacks, in place of clap's tip to pass it as a value: no command takes a
/// value that begins with a dash.
fn with_commands_of_flag(mut error: clap::Error, command: &clap::Command) -> clap::Error {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let Some(name) = flag.strip_prefix('-').map(|it| it.trim_start_matches('-').to_owned()) else {
        return error;
    };
    if error.kind() != ClapKind::UnknownArgument {
        return error;
    }
    let flag = flag.clone();
    error.remove(ContextKind::Suggested);
    let has_flag = |it: &&clap::Command| it.get_arguments().any(|it| it.get_long() == Some(&name));
    let commands = command.get_subcommands().filter(|it| !it.is_hide_set()).filter(has_flag);
    let commands: Vec<&str> = commands.map(clap::Command::get_name).collect();
    if !commands.is_empty() {
        let tip = format!("{flag} is a flag of {}", commands.join(", "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Shows help and versions, or says what is wrong with the arguments.
fn refuse_arguments(arguments: &[OsString], error: &clap::Error) -> u8 {
    let terminal = Terminal::detect(ColorChoice::Auto);
    let rendered = |style: Style| match style.color {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    if matches!(error.kind(), ClapKind::DisplayHelp | ClapKind::DisplayVersion) {
        // A failure to print help is ignored.
        let _ = output::result(&rendered(terminal.out), terminal.out);
        return exit::DONE;
    }
    let is_dry_run = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(it)) if it == "-n" || it == "--dry-run"
    );
    let no_dry_run = (is_dry_run && error.kind() == ClapKind::UnknownArgument).then(|| {
        Error::new(ErrorKind::Arguments, "this command has no dry run")
            .with_remedy(Remedy::LeaveOut)
            .choices(["--dry-run"])
    });
    if arguments.iter().any(|argument| argument == "--json") {
        let what = error.to_string();
        let mut lines = what.lines().map(|line| line.trim_start_matches("error: "));
        let first = lines.next().unwrap_or("the arguments are wrong").to_owned();
        let error = no_dry_run.unwrap_or_else(|| Error::new(ErrorKind::Arguments, first));
        let advice = explain(&error, "");
        if output::document(&json::of_failure("", exit::ARGUMENTS, &error, &advice)).is_ok() {
            return exit::ARGUMENTS;
        }
    } else if let Some(error) = no_dry_run {
        let text = failure(&error, &explain(&error, ""), terminal.err);
        output::remark(&text, terminal.err);
        return exit::ARGUMENTS;
    }
    output::remark(&rendered(terminal.err), terminal.err);
    exit::ARGUMENTS
}
