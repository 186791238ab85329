//! `prove`: another tool's migration on a private clone, and what it lost there.

use std::path::Path;
use std::time::{Duration, Instant};

use phaseshift::database::OpenOptions;
use phaseshift::event::Observer;
use phaseshift::prove::{Assessed, Guard, MapFile, Prepared, ProveRequest, Published, RealFile};
use phaseshift::{DatabaseState, Error, ErrorKind, Result};
use serde_json::json;

use super::backups::BackupPlace;
use crate::cli::args::ProveArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::{Context, Output};
use crate::cli::foreign_command::{Ending, ForeignCommand, Ran};
use crate::cli::output::{self, escaped};
use crate::cli::progress::{Reporter, clear_bar};
use crate::cli::screens::backups::retained;
use crate::cli::screens::prove as screen;

/// Proves another tool's migration.
///
/// # Errors
/// Those of the engine; [`ErrorKind::Command`] if the command fails; [`ErrorKind::ForeignWrite`] if it changed the
/// database itself.
pub fn run(context: &Context, arguments: &ProveArgs) -> Result<CommandOutput> {
    if arguments.run.trim().is_empty() {
        return Err(Error::new(ErrorKind::Arguments, "the command of --run is empty"));
    }
    let place = BackupPlace::of(context)?;
    let started = Instant::now();
    let options = context.open_options();
    let prepared = prepare(context, arguments, &place, &options, &mut Reporter::plain(context))?;
    let ran = run_command(context, arguments, &prepared)?;
    if ran.ending == Ending::Interrupted {
        return Err(interrupted(prepared));
    }
    let mut assessed = prepared.assess(&mut Reporter::plain(context))?;
    let refused = refusal(&assessed, &ran);
    let published = match (&refused, arguments.publish && assessed.may_publish()) {
        (None, true) if !assessed.verdict.same_bytes => Some(publish(context, &mut assessed)?),
        _ => None,
    };
    let report = Report { arguments, ran: &ran, published: published.as_ref() };
    let (text, mut document) = report.of(context, &assessed);
    let clean = assessed.verdict.is_clean();
    let backup = assessed.prepared().backup().to_path_buf();
    // No process of the command may use the clone any more when it goes.
    drop(ran.left);
    let kept = match arguments.keep {
        true => Some(assessed.keep()?),
        false => {
            assessed.finish()?;
            None
        }
    };
    if let Some(error) = refused {
        return Err(match kept {
            Some(kept) => error.problems([format!("the clone was kept: {}", kept.display())]),
            None => error,
        });
    }
    let mut text = text;
    if let Some(kept) = &kept {
        text.push_str(&format!("The clone was kept: {}\n", escaped(kept.display())));
    }
    text.push_str(&retained(&place.retain(Some(&backup))));
    document["clone"] = json!(kept);
    document["seconds"] = json!(started.elapsed().as_secs_f64());
    Ok(CommandOutput::done(text, document).is(clean))
}

fn prepare<'o>(
    context: &Context,
    arguments: &ProveArgs,
    place: &BackupPlace,
    options: &'o OpenOptions,
    observer: &mut dyn Observer,
) -> Result<Prepared<'o>> {
    let files = options.files.as_ref();
    let map = arguments.map.as_ref().map(|it| MapFile::read(files, &context.folder.join(it)));
    let map = map.transpose()?;
    let scratch = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let request = ProveRequest {
        database: place.database(),
        folder: place.folder(),
        version_table: &context.settings.version_table,
        scratch: &context.folder.join(scratch),
        map: map.as_ref(),
        guard: if arguments.unlocked { Guard::Unlocked } else { Guard::Locked },
    };
    Prepared::new(&request, options, observer)
}

/// Runs the command; what it writes goes to stderr, line by line.
fn run_command(context: &Context, arguments: &ProveArgs, prepared: &Prepared<'_>) -> Result<Ran> {
    context.remark(&format!("Running on a private clone: {}", arguments.run));
    let command = ForeignCommand {
        text: &arguments.run,
        database: prepared.clone_path(),
        timeout: arguments.timeout.map(Duration::from_secs),
        interrupt: &context.interrupt,
    };
    command.run(&mut |line| {
        if context.output == Output::Text {
            clear_bar();
            output::remark(&format!("  | {}\n", escaped(line)), context.terminal.err);
        }
    })
}

fn publish(context: &Context, assessed: &mut Assessed<'_>) -> Result<Published> {
    assessed.publish(&mut Reporter::plain(context))
}

/// The person asked to stop. What the command did to the file itself is checked even then.
fn interrupted(prepared: Prepared<'_>) -> Error {
    let (database, backup) = (prepared.database().to_path_buf(), prepared.backup().to_path_buf());
    match prepared.abandon() {
        Ok(RealFile::Untouched) => {
            Error::new(ErrorKind::Interrupted, "the command was interrupted")
                .in_database(&database)
                .with_backup(&backup)
        }
        Ok(RealFile::Changed(what)) => foreign_write((&database, &backup), &what, &[]),
        Err(error) => Error::new(ErrorKind::Interrupted, "the command was interrupted")
            .leaving(DatabaseState::Unknown)
            .in_database(&database)
            .with_backup(&backup)
            .caused_by(error),
    }
}

/// Why there is no verdict to give: the command changed the file itself, or failed.
fn refusal(assessed: &Assessed<'_>, ran: &Ran) -> Option<Error> {
    let prepared = assessed.prepared();
    let paths = (prepared.database(), prepared.backup());
    if let RealFile::Changed(what) = &assessed.real {
        return Some(foreign_write(paths, what, &screen::lines(&assessed.real_findings)));
    }
    let what = match ran.ending {
        Ending::Status(0) => return None,
        Ending::Status(code) => format!("the command ended with exit status {code}"),
        Ending::Signal(signal) => format!("the command was ended by signal {signal}"),
        Ending::TimedOut => "the command did not end in time and was stopped".to_owned(),
        Ending::Interrupted => "the command was interrupted".to_owned(),
    };
    let left = match assessed.verdict.is_as_before() {
        true => vec!["it left the clone as it was".to_owned()],
        false => {
            let found = assessed.verdict.findings.iter().chain(&assessed.verdict.declared);
            let mut lines = vec!["it left the clone half changed".to_owned()];
            lines.extend(found.map(screen::line));
            lines
        }
    };
    let error = Error::new(ErrorKind::Command, what).problems(left);
    Some(error.in_database(paths.0).with_backup(paths.1))
}

fn foreign_write((database, backup): (&Path, &Path), what: &str, found: &[String]) -> Error {
    let headline =
        format!("{} itself was changed while the command ran: {what}", database.display());
    Error::new(ErrorKind::ForeignWrite, headline)
        .leaving(DatabaseState::ChangedByCommand)
        .in_database(database)
        .with_backup(backup)
        .problems(found.iter().cloned())
}

/// What is reported of a command that ran to its end.
struct Report<'a> {
    arguments: &'a ProveArgs,
    ran: &'a Ran,
    published: Option<&'a Published>,
}

impl Report<'_> {
    fn of(&self, context: &Context, assessed: &Assessed<'_>) -> (String, serde_json::Value) {
        let prepared = assessed.prepared();
        let said = screen::Said {
            database: prepared.database(),
            backup: prepared.backup(),
            verdict: &assessed.verdict,
            ran: self.ran,
            published: self.published,
            wants_publish: self.arguments.publish,
            restore: context.command_line("restore --latest"),
        };
        (said.text(context.terminal.out), said.json())
    }
}
