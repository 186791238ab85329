//! From the arguments to the exit code.

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind as ClapKind;
use phaseshift::event::Interrupt;
use phaseshift::{DatabaseState, Error, ErrorKind, Result, exit};

use super::answer::Answer;
use super::args::Cli;
use super::context::Context;
use super::explain::explain;
use super::screens::failure::failure;
use super::terminal::{ColorChoice, Terminal, show_cursor};
use super::{commands, json, signals};

const TOO_LATE: &str = "The interruption came too late: everything was done already.";

/// Runs the program.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let code = match Cli::try_parse_from(&arguments) {
        Ok(cli) => run_command(&cli),
        Err(error) => refuse_arguments(&arguments, &error),
    };
    ExitCode::from(code)
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
    if outcome.is_ok() && asked_to_stop.requested() && !cli.global.quiet {
        let _ = writeln!(std::io::stderr(), "{TOO_LATE}");
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

fn prepare(cli: &Cli, interrupt: Interrupt) -> std::result::Result<Context, (Error, String)> {
    let prepared = if cli.dry_run && cli.command.has_no_dry_run() {
        let what = format!("{} has no dry run", cli.command.name());
        Err(Error::new(ErrorKind::Arguments, what))
    } else {
        Context::new(&cli.global, cli.dry_run, interrupt)
    };
    prepared.map_err(|error| (error, String::new()))
}

fn print_answer(cli: &Cli, name: &str, answer: &Answer) -> u8 {
    let text = if cli.global.json {
        format!("{:#}\n", json::of_answer(name, answer))
    } else {
        answer.text.clone()
    };
    match write_out(&text) {
        Ok(()) => answer.exit,
        Err(error) => {
            // Whatever the command did is done; only the telling of it failed.
            let _ = writeln!(std::io::stderr(), "Error: the answer could not be written: {error}");
            if answer.exit == exit::DONE { exit::FAILED } else { answer.exit }
        }
    }
}

/// Writes the result. A reader that has read enough and closed the pipe is no failure.
fn write_out(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorKind::Io, error.to_string()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn print_failure(cli: &Cli, name: &str, error: &Error, flags: &str) -> u8 {
    let code = exit::code_of(error);
    let advice = explain(error, flags);
    let text = failure(error, &advice, Terminal::detect(cli.global.color).err);
    if cli.global.json {
        let _ = write_out(&format!("{:#}\n", json::of_failure(name, code, error, &advice)));
    } else {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    code
}

/// Shows help and versions, or says what is wrong with the arguments.
fn refuse_arguments(arguments: &[OsString], error: &clap::Error) -> u8 {
    if matches!(error.kind(), ClapKind::DisplayHelp | ClapKind::DisplayVersion) {
        let _ = error.print();
        return exit::DONE;
    }
    if arguments.iter().any(|argument| argument == "--json") {
        let what = error.to_string();
        let mut lines = what.lines().map(|line| line.trim_start_matches("error: "));
        let first = lines.next().unwrap_or("the arguments are wrong").to_owned();
        let error = Error::new(ErrorKind::Arguments, first);
        let advice = explain(&error, "");
        let document = json::of_failure("", exit::ARGUMENTS, &error, &advice);
        let _ = write_out(&format!("{document:#}\n"));
        return exit::ARGUMENTS;
    }
    let color = Terminal::detect(ColorChoice::Auto).err.color;
    let text = error.render();
    let text = if color { text.ansi().to_string() } else { text.to_string() };
    let _ = std::io::stderr().write_all(text.as_bytes());
    exit::ARGUMENTS
}
