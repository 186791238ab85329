//! `report --done`: the page of a finished run, from what the database and its backup record.

use std::path::Path;

use phaseshift::backup::BackupEntry;
use phaseshift::database::Access;
use phaseshift::files::Files;
use phaseshift::history::{Definition, HistoryRow, Recorded, UndoRecord};
use phaseshift::phase::{Downgrade, PhaseFile, Step};
use phaseshift::schema::read;
use phaseshift::{Error, ErrorKind, Result};
use serde_json::json;

use super::backups::BackupPlace;
use super::report::undo_newest;
use crate::cli::args::Global;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::page::{PastPhase, PastRun, past_page};
use crate::cli::screens::operation::operation;
use crate::cli::screens::time::{now, rfc3339};
use crate::cli::settings::{flags, shell_word};

/// Draws the page of the last run, or of the last that applied or undid a phase.
///
/// # Errors
/// [`ErrorKind::UnknownTarget`] if no such run is recorded; those of opening the database.
pub fn drawn(context: &Context, wanted: Option<&str>) -> Result<CommandOutput> {
    let place = BackupPlace::of(context)?;
    let project = &place.project;
    let database = project.open(Access::ReadOnly)?;
    let schema = read(database.connection())?;
    let recorded = project.versions.read(database.connection(), &schema)?;
    let run = find(&recorded, wanted)?;
    let last = &run[run.len() - 1];
    let backup = last.backup.as_deref().and_then(|it| backup_called(&place.entries, it));
    let phases = run.iter().map(|it| phase(context.files().as_ref(), &recorded, it)).collect();
    let page = past_page(&PastRun {
        place: project.database.display().to_string(),
        phases,
        backup,
        next: next(context, &recorded, run, backup),
        made: now(),
    });
    let events: Vec<_> = run
        .iter()
        .map(|it| {
            json!({
                "id": it.id,
                "direction": it.direction,
                "version": it.version,
                "finished_at": it.finished_at.as_deref().map(rfc3339),
                "rows_proven": it.rows_proven,
                "tool_version": it.tool_version,
            })
        })
        .collect();
    let report = json!({
        "database": project.database,
        "run": {"backup": last.backup, "phases": events},
        "html": page,
        "changed": false,
    });
    Ok(CommandOutput::done(page, report).for_programs())
}

/// Finds the last run, or the last in which a phase ran.
fn find<'h>(recorded: &'h Recorded, wanted: Option<&str>) -> Result<&'h [HistoryRow]> {
    let ran = |id: &str| {
        let of_id = |it: &HistoryRow| it.ran() && it.id == id;
        recorded.runs().rfind(|run| run.iter().any(of_id))
    };
    let Some(wanted) = wanted else {
        let none = || Error::new(ErrorKind::UnknownTarget, "the database records no run");
        return recorded.runs().next_back().ok_or_else(none);
    };
    let mut ids: Vec<&str> =
        recorded.events.iter().filter(|it| it.ran()).map(|it| it.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let beginning: Vec<&str> = ids.iter().copied().filter(|it| it.starts_with(wanted)).collect();
    let found = match beginning.as_slice() {
        [only] if !ids.contains(&wanted) => ran(only),
        _ => ran(wanted),
    };
    found.ok_or_else(|| {
        let what = format!("the database records no run of {wanted}");
        Error::new(ErrorKind::UnknownTarget, what).choices(ids.into_iter().map(str::to_owned))
    })
}

/// Finds a backup of the database by the name that the history holds; the folder may have been moved.
fn backup_called<'e>(entries: &'e [BackupEntry], recorded: &str) -> Option<&'e BackupEntry> {
    let name = Path::new(recorded).file_name()?;
    entries.iter().find(|it| it.path.file_name() == Some(name))
}

fn phase<'h>(files: &dyn Files, recorded: &'h Recorded, event: &'h HistoryRow) -> PastPhase<'h> {
    let kept = recorded.definition_of(event);
    let undone = event.direction == "down";
    let read = kept.as_ref().and_then(|it| parsed(files, &it.phase));
    let steps = match (&read, undone) {
        (Some(phase), false) => words(&phase.phase.up),
        (_, true) => kept.as_ref().map(|it| undoing(files, it)).unwrap_or_default(),
        (None, false) => Vec::new(),
    };
    let text = match undone {
        true => kept.and_then(|it| it.downgrade),
        false => kept.map(|it| it.phase),
    };
    PastPhase {
        event,
        description: read.map(|it| it.phase.description),
        steps,
        text,
        objects: event.undo.as_deref().and_then(UndoRecord::from_json),
        later: later(recorded, event),
    }
}

/// Reads what the history keeps of a phase; `None` if this release cannot read it, in which case only its text is shown.
fn parsed(files: &dyn Files, text: &str) -> Option<PhaseFile> {
    PhaseFile::parse(files, Path::new("phase.toml"), text).ok()
}

fn words(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|it| operation(&it.operation)).collect()
}

/// The steps of a downgrade, in words.
fn undoing(files: &dyn Files, kept: &Definition) -> Vec<String> {
    let Some(downgrade) = &kept.downgrade else { return Vec::new() };
    match parsed(files, &format!("parents = []\n{downgrade}")).map(|it| it.phase.down) {
        Some(Downgrade::Steps(steps)) => words(&steps),
        Some(_) | None => Vec::new(),
    }
}

/// Says what became of a phase after an event.
fn later(recorded: &Recorded, event: &HistoryRow) -> Option<&'static str> {
    let at = recorded.events.iter().position(|it| std::ptr::eq(it, event))?;
    let since = recorded.events[at + 1..].iter().rfind(|it| it.id == event.id)?;
    match since.direction.as_str() {
        "up" => Some("was applied again"),
        "down" => Some("was undone"),
        "unstamp" => Some("is no longer recorded"),
        _ => None,
    }
}

/// The commands that go on from a finished run.
fn next(
    context: &Context,
    recorded: &Recorded,
    run: &[HistoryRow],
    backup: Option<&BackupEntry>,
) -> Vec<(String, String)> {
    let mut next = vec![("Check the file at any time:".to_owned(), context.command_line("verify"))];
    let is_last = recorded.runs().next_back().is_some_and(|it| std::ptr::eq(it, run));
    let applied = run.iter().rev().find(|it| it.direction == "up");
    let can_be_undone = |it: &HistoryRow| {
        it.direction == "up"
            && recorded.definition_of(it).is_none_or(|kept| kept.irreversible.is_none())
    };
    if is_last && run.iter().all(can_be_undone) {
        let why = "Undo the phases and keep rows written since:".to_owned();
        next.push((why, context.command_line(&undo_newest(run.len()))));
    }
    let Some(backup) = backup else { return next };
    if let Some(event) = applied {
        let path = context.shown(&backup.path);
        let global = Global { database: Some(path), ..context.global.clone() };
        let line = format!("phaseshift report {} -o plan.html", shell_word(&event.id));
        let why =
            "Plan the run again from its backup, with the schema before and after as a picture:";
        next.push((why.to_owned(), line + &flags(&global)));
    }
    let name = backup.path.file_name().unwrap_or_default().to_string_lossy();
    let why = "Go back to the backup; what was written since is lost:".to_owned();
    next.push((why, context.command_line(&format!("restore {}", shell_word(&name)))));
    next
}
