//! `stamp`: recording phases without running them.

use phaseshift::Result;
use phaseshift::database::Access;
use phaseshift::migrate::{
    Adoption, Project, StampReport, Strictness, accept, compare_schemas, replay, stamp,
};
use phaseshift::phase::{Applied, Target};
use serde_json::json;

use super::json_values::ids;
use crate::cli::args::StampArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::screens::counted;
use crate::text::list;

/// Records that the file is at these phases.
///
/// # Errors
/// [`phaseshift::ErrorKind::SchemaMismatch`] unless forced; those of a backup and of a write.
pub fn run(context: &Context, arguments: &StampArgs) -> Result<CommandOutput> {
    let project = context.project()?;
    if let Some(id) = &arguments.accept {
        return accepted(context, &project, id, arguments);
    }
    let wanted = wanted(&project, &arguments.targets)?;
    let strictness = match (arguments.purge, arguments.force) {
        (true, _) => Strictness::Purge,
        (false, true) => Strictness::Force,
        (false, false) => Strictness::Compare,
    };
    if context.dry_run || arguments.dry_run.dry_run {
        return compared(context, &project, &wanted, strictness);
    }
    let report = stamp(&project, &wanted, strictness, &mut Reporter::plain(context))?;
    Ok(CommandOutput::done(text(context, &report), json_of(&project, &report)))
}

/// Records the checksum of an edited phase.
fn accepted(
    context: &Context,
    project: &Project,
    id: &str,
    arguments: &StampArgs,
) -> Result<CommandOutput> {
    let strictness = if arguments.force { Strictness::Force } else { Strictness::Compare };
    let dry_run = context.dry_run || arguments.dry_run.dry_run;
    let report = accept(project, id, (strictness, dry_run), &mut Reporter::plain(context))?;
    let ok = context.terminal.out.ok();
    let mut text = match (&report.phase, report.backup.is_some()) {
        (phase, true) => format!("{ok} Accepted: {phase} is recorded as its file is now\n"),
        (phase, false) if report.is_edited => {
            format!("{ok} {phase} can be accepted.\nNothing was changed: this was a dry run.\n")
        }
        (phase, false) => format!("Nothing to accept: {phase} is recorded as its file is.\n"),
    };
    if let Some(backup) = &report.backup {
        text.push_str(&format!("{ok} Backup: {}\n", backup.display()));
    }
    text.push_str(&differences(context, &report.adoption));
    let report = json!({
        "database": project.database,
        "accepted": report.phase.as_str(),
        "backup": report.backup,
        "notices": report.adoption.small(),
        "changed": report.backup.is_some(),
    });
    Ok(CommandOutput::done(text, report))
}

fn wanted(project: &Project, targets: &[String]) -> Result<Applied> {
    let mut wanted = Applied::nothing();
    for text in targets {
        let applied = project.chain.applied_at(&Target::parse(text)?)?;
        applied.ids().for_each(|id| wanted.add(id.clone()));
    }
    Ok(wanted)
}

/// The dry run: the comparison alone.
fn compared(
    context: &Context,
    project: &Project,
    wanted: &Applied,
    strictness: Strictness,
) -> Result<CommandOutput> {
    let database = project.open(Access::ReadOnly)?;
    let schema = phaseshift::schema::read(database.connection())?;
    let adoption = compare_schemas(&replay(project, wanted)?.schema()?, &schema, project);
    let fits = adoption.refuse_target(project, wanted);
    let is_forced = fits.is_err() && strictness != Strictness::Compare;
    if !is_forced {
        fits?;
    }
    let current = project.chain.current(wanted);
    let ok = context.terminal.out.ok();
    let found = match current.as_slice() {
        [] => "This would remove the record of every phase; tables and rows stay.".to_owned(),
        current if is_forced => format!(
            "The file does not have what the phases up to {0} make, and would be recorded at {0} nevertheless.",
            list(current)
        ),
        current => format!(
            "{ok} The file has what the phases up to {0} make, and would be recorded at {0}.",
            list(current)
        ),
    };
    let differing = match current.is_empty() {
        true => String::new(),
        false => differences(context, &adoption),
    };
    let text = format!("{found}\n{differing}Nothing was changed: this was a dry run.\n");
    let report = json!({
        "database": project.database,
        "ids": ids(&current),
        "notices": adoption.small(),
        "changed": false,
    });
    Ok(CommandOutput::done(text, report))
}

fn text(context: &Context, report: &StampReport) -> String {
    let ok = context.terminal.out.ok();
    let current = match report.current.as_slice() {
        [] => "no phase is recorded".to_owned(),
        current => list(current),
    };
    let is_same = report.recorded.is_empty() && report.removed.is_empty();
    if is_same && report.backup.is_none() {
        return match report.current.as_slice() {
            [] => "Nothing to do: no phase is recorded.\n".to_owned(),
            _ => format!("Nothing to do: {current} is recorded already.\n"),
        };
    }
    let mut text = String::new();
    let mut line = |what: String| text.push_str(&format!("{ok} {}\n", escaped(what)));
    if !report.recorded.is_empty() {
        line(format!("Recorded: {}", list(&report.recorded)));
    }
    if is_same {
        line("All records removed".to_owned());
    }
    if !report.removed.is_empty() {
        line(format!("No longer recorded: {}", list(&report.removed)));
    }
    line(format!("Current: {current}"));
    if let Some(backup) = &report.backup {
        line(format!("Backup: {}", backup.display()));
    }
    // Where no phase is recorded, the whole schema differs from what the phases make.
    text + &match report.current.is_empty() {
        true => "Its tables and rows stay as they are.\n".to_owned(),
        false => differences(context, &report.adoption),
    }
}

/// Lists how the file differs from what the phases make. With --force, what it lacks stands beside what a stamp accepts
/// anyway.
fn differences(context: &Context, adoption: &Adoption) -> String {
    let lacking = &adoption.problems;
    let notices = [lacking.as_slice(), &adoption.small()].concat();
    if notices.is_empty() {
        return String::new();
    }
    let what = counted(notices.len(), "difference", "differences");
    let why = if lacking.is_empty() { ", which do not stop a stamp" } else { "" };
    let mut text = format!("Note: {what} from what the phases make{why}:\n");
    let shown = if context.verbose { notices.len() } else { 10 };
    for notice in notices.iter().take(shown) {
        text.push_str(&format!("  {}\n", escaped(notice)));
    }
    if notices.len() > shown {
        text.push_str(&format!("  and {} more (-v lists them)\n", notices.len() - shown));
    }
    text
}

fn json_of(project: &Project, report: &StampReport) -> serde_json::Value {
    json!({
        "database": project.database,
        "recorded": ids(&report.recorded),
        "removed": ids(&report.removed),
        "ids": ids(&report.current),
        "backup": report.backup,
        "problems": report.adoption.problems,
        "notices": report.adoption.small(),
        "changed": !report.recorded.is_empty() || !report.removed.is_empty(),
    })
}
