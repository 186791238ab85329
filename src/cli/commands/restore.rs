//! `restore`: bringing back a backup, with what would be lost said first.

use phaseshift::backup::{BackupEntry, LabelKind};
use phaseshift::restore::{Restore, RestoreRequest};
use phaseshift::{Error, ErrorKind, Result};
use serde_json::Value;

use super::backups::Place;
use crate::cli::answer::Answer;
use crate::cli::args::RestoreArgs;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::prompt::{confirm, pick, require_somebody};
use crate::cli::screens::backups::line as backup_line;
use crate::cli::screens::restore as screen;
use crate::cli::screens::run::Subject;

/// The question before the change.
const QUESTION: &str = "Type 'yes' to restore this backup:";

/// Restores a backup.
///
/// # Errors
/// Those of the engine's restore; [`ErrorKind::NoAnswer`], [`ErrorKind::Declined`].
pub fn run(context: &Context, arguments: &RestoreArgs) -> Result<Answer> {
    let dry_run = context.dry_run || arguments.dry_run.dry_run;
    if !dry_run {
        require_somebody(context)?;
    }
    let place = Place::of(context)?;
    let entry = match (&arguments.backup, arguments.latest) {
        (Some(path), _) => BackupEntry::at(context.files().as_ref(), &context.folder.join(path))?,
        (None, true) => latest(&place)?,
        (None, false) => picked(context, &place)?,
    };
    let request = RestoreRequest {
        database: &place.database,
        backup: &entry,
        folder: &place.folder,
        version_table: &context.settings.version_table,
    };
    let mut reporter = Reporter::new(context, Subject::default());
    let prepared = Restore::prepare(&request, &context.open_options(), &mut reporter);
    reporter.finish();
    let restore = prepared?;
    let plan = restore.plan().clone();
    context.say(&screen::plan(&plan, context.terminal.out));
    if dry_run {
        let text = "Nothing was changed: this was a dry run.\n";
        return Ok(Answer::done(text, screen::plan_json(&plan)));
    }
    confirm(context, QUESTION)?;
    let mut reporter = Reporter::new(context, Subject::default());
    let done = restore.run(&mut reporter);
    reporter.finish();
    let report = done?;
    let said = screen::done(&report, plan.version_then, context.terminal.out);
    context.say(&said);
    let mut document = screen::plan_json(&plan);
    for (key, value) in fields(&screen::report_json(&report)) {
        document[key] = value;
    }
    Ok(Answer::said(said, document))
}

fn fields(value: &Value) -> Vec<(String, Value)> {
    let object = value.as_object();
    object.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Lets a person pick from the list.
fn picked(context: &Context, place: &Place) -> Result<BackupEntry> {
    if !context.can_ask() {
        let what = "which backup is to be restored is not said, and there is nobody to ask";
        return Err(Error::new(ErrorKind::NoAnswer, what).about("backup"));
    }
    if place.entries.is_empty() {
        return Err(no_backup(place));
    }
    let lines: Vec<String> = place.entries.iter().map(backup_line).collect();
    context.say(&format!("Backups in {}, the newest first:\n", escaped(place.folder.display())));
    let picked = pick(context, "Which backup is to be restored?", &lines)?;
    Ok(place.entries[picked].clone())
}

fn no_backup(place: &Place) -> Error {
    let what = format!("there is no verified backup in {}", place.folder.display());
    Error::new(ErrorKind::DatabaseMissing, what).about("backup")
}

/// The newest verified backup that was not made by a restore: going back twice must not come back.
fn latest(place: &Place) -> Result<BackupEntry> {
    let made_by_restore = |entry: &BackupEntry| {
        entry.manifest.as_ref().is_some_and(|it| it.label == LabelKind::BeforeRestore)
    };
    place
        .entries
        .iter()
        .find(|entry| entry.is_verified() && !made_by_restore(entry))
        .cloned()
        .ok_or_else(|| no_backup(place))
}
