//! `restore`: bringing back a backup, with what would be lost said first.

use phaseshift::backup::{BackupEntry, BackupKind};
use phaseshift::database::{Access, Database};
use phaseshift::history::VersionTables;
use phaseshift::restore::{Restore, RestoreReport, RestoreRequest};
use phaseshift::schema::read;
use phaseshift::{DatabaseState, Error, ErrorKind, Result};
use serde_json::Value;

use super::backups::BackupPlace;
use crate::cli::args::RestoreArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::prompt::{confirm, pick, require_somebody};
use crate::cli::screens::backups::{line as backup_line, retained};
use crate::cli::screens::restore as screen;

const QUESTION: &str = "Type 'yes' to restore this backup:";

/// Restores a backup.
///
/// # Errors
/// Those of the engine's restore; [`ErrorKind::NoAnswer`], [`ErrorKind::Declined`].
pub fn run(context: &Context, arguments: &RestoreArgs) -> Result<CommandOutput> {
    let dry_run = context.dry_run || arguments.dry_run.dry_run;
    let place = BackupPlace::of(context)?;
    let entry = match (&arguments.backup, arguments.latest) {
        (Some(wanted), _) => place.find(context, wanted)?,
        (None, true) => latest(&place)?,
        (None, false) => picked(context, &place)?,
    };
    if !dry_run {
        require_somebody(context)?;
    }
    if !arguments.force {
        refuse_others(context, &place, &entry)?;
    }
    let request = RestoreRequest {
        database: place.database(),
        backup: &entry,
        folder: place.folder(),
        version_table: &context.settings.version_table,
    };
    let restore =
        Restore::prepare(&request, &context.open_options(), &mut Reporter::plain(context))?;
    let plan = restore.plan().clone();
    let unknown = unknown_phases(context, &place, &entry);
    context.say(&screen::plan(&plan, &unknown, &place.project.versions, context.terminal.out));
    if dry_run {
        let text = "Nothing was changed: this was a dry run.\n";
        return Ok(CommandOutput::done(text, screen::plan_json(&plan, &unknown)));
    }
    confirm(context, QUESTION)?;
    let report = restore.run(&mut Reporter::plain(context))?;
    let version = version_of(context, &place).map_err(|error| after(error, &report))?;
    let said =
        screen::done(&report, version, context.terminal.out) + &retained(&place.retain(None));
    context.say(&said);
    let mut document = screen::plan_json(&plan, &unknown);
    for (key, value) in fields(&screen::report_json(&report)) {
        document[key] = value;
    }
    Ok(CommandOutput::said(said, document))
}

/// An error of the look at the restored file: the restore itself is done.
fn after(error: Error, report: &RestoreReport) -> Error {
    let error = error.leaving(DatabaseState::Done).in_database(&report.database);
    match &report.safety_backup {
        Some(kept) => error.with_backup(kept),
        None => error,
    }
}

/// The version that the restored file records, unless its version table has another meaning.
fn version_of(context: &Context, place: &BackupPlace) -> Result<Option<i64>> {
    let database = Database::open(place.database(), Access::ReadOnly, &context.open_options())?;
    let schema = read(database.connection())?;
    let versions = VersionTables::named(&context.settings.version_table);
    Ok(versions.read(database.connection(), &schema).ok().and_then(|it| it.version()))
}

fn fields(value: &Value) -> Vec<(String, Value)> {
    let object = value.as_object();
    object.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Lets a person pick from the list.
fn picked(context: &Context, place: &BackupPlace) -> Result<BackupEntry> {
    if !context.can_ask() {
        let what = "no backup is named, and this is not a terminal to choose one in";
        return Err(Error::new(ErrorKind::NoAnswer, what).about("backup"));
    }
    let entries: Vec<&BackupEntry> = place.numbered().collect();
    if entries.is_empty() {
        return Err(no_backup(place));
    }
    let lines: Vec<String> = entries.iter().map(|entry| backup_line(entry)).collect();
    context.say(&format!("Backups in {}, the newest first:\n", escaped(place.folder().display())));
    let picked = pick(context, "Which backup is to be restored?", &lines)?;
    Ok(entries[picked].clone())
}

fn no_backup(place: &BackupPlace) -> Error {
    let what =
        format!("there is no verified backup of this database in {}", place.folder().display());
    place.name_others(Error::new(ErrorKind::DatabaseMissing, what).about("backup"))
}

/// The newest verified backup that was not made before a restore: going back twice must not come back.
fn latest(place: &BackupPlace) -> Result<BackupEntry> {
    let found = place.entries.iter().find(|entry| is_for_latest(entry));
    found.cloned().ok_or_else(|| no_backup(place))
}

/// Whether `--latest` may take a backup.
pub fn is_for_latest(entry: &BackupEntry) -> bool {
    entry.is_verified() && entry.kind().is_some_and(BackupKind::is_restored_by_latest)
}

/// Refuses a backup of another database, and one that its manifest does not call verified.
fn refuse_others(context: &Context, place: &BackupPlace, entry: &BackupEntry) -> Result<()> {
    let shown = entry.path.display();
    let refusal = |what: String| {
        Err(Error::new(ErrorKind::BackupRefused, what)
            .in_database(place.database())
            .about("backup"))
    };
    if let Some(other) = entry.made_of_other(context.files().as_ref(), place.database()) {
        return refusal(format!("{shown} was made of another database: {}", other.display()));
    }
    match entry.doubt() {
        Some(doubt) => refusal(format!("{shown} is not verified: {doubt}")),
        None => Ok(()),
    }
}

/// The phases that the backup records and that have no file here: later commands will miss them.
fn unknown_phases(context: &Context, place: &BackupPlace, entry: &BackupEntry) -> Vec<String> {
    let recorded = || -> Result<Vec<String>> {
        let backup = Database::open(&entry.path, Access::ReadOnly, &context.open_options())?;
        let schema = read(backup.connection())?;
        let recorded = place.project.versions.read(backup.connection(), &schema)?;
        Ok(recorded.applied_phases().into_iter().map(|(phase, _)| phase).collect())
    };
    // Phase files that cannot be read are another command's finding; restoring needs none.
    let (Ok(recorded), Ok(chain)) = (recorded(), context.chain()) else { return Vec::new() };
    let known = |id: &String| {
        chain.phases().iter().any(|phase| {
            phase.id.as_str() == id || phase.replaces.iter().any(|it| it.as_str() == id)
        })
    };
    recorded.into_iter().filter(|id| !known(id)).collect()
}
