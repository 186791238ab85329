//! `status`: the state of a file.

use std::collections::BTreeMap;

use phaseshift::backup::{BackupEntry, list, of_others};
use phaseshift::inspect::{Status, status};
use phaseshift::migrate::Project;
use phaseshift::phase::Chain;
use phaseshift::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::backups::entry_json;
use super::current::newer_json;
use super::json_values::{holder, ids};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::explain::explain;
use crate::cli::output::escaped;
use crate::cli::screens::status::status as screen;
use crate::cli::screens::time::rfc3339;

/// Shows the state of a file; with `--exit-code`, 3 if phases are pending or the schema drifted.
pub fn run(context: &Context, exit_code: bool) -> Result<CommandOutput> {
    let (project, status) = looked_at(context)?;
    let backups = backups(&project)?;
    let files = project.options.files.as_ref();
    let others = match backups.is_empty() {
        true => of_others(files, &project.backups, &project.database)?,
        false => BTreeMap::new(),
    };
    let mut text = screen(&project, &status, (&backups, &others), context.terminal.out);
    if let Some(file) = &context.settings.file {
        text = format!("{:<10} {}\n{text}", "Settings:", escaped(file.display()));
    }
    let is_sound = status.faults.is_empty()
        && status.newer.is_none()
        && status.pending.is_empty()
        && status.drift.as_ref().is_some_and(Vec::is_empty);
    let report = json!({
        "database": project.database,
        "settings": context.settings.file,
        "version": status.version,
        "description": status.description,
        "applied_at": status.applied_at.as_deref().map(rfc3339),
        "ids": ids(&status.current),
        "heads": ids(&status.heads),
        "pending": ids(&status.pending),
        "newer": status.newer.as_ref().map(|it| newer_json(it, &project.chain, &status.heads)),
        "faults": status.faults.iter().map(fault_json).collect::<Vec<_>>(),
        "drift": status.drift,
        "tables": status.tables,
        "backups": backups.iter().map(entry_json).collect::<Vec<_>>(),
        "holders": status.holders.iter().map(holder).collect::<Vec<_>>(),
        "leftovers": status.leftovers,
    });
    let drifted = status.drift.as_ref().is_some_and(|lines| !lines.is_empty());
    Ok(CommandOutput::done(text, report).is(is_sound || !exit_code).noting(usize::from(drifted)))
}

/// Looks at the file. Phase files that cannot be read as a chain are a fault of the state that is shown.
fn looked_at(context: &Context) -> Result<(Project, Status)> {
    let unread = match context.project() {
        Ok(project) => return status(&project).map(|status| (project, status)),
        Err(error) => error,
    };
    let is_of_files = matches!(unread.kind(), ErrorKind::PhaseFile | ErrorKind::Chain);
    let Some(database) = context.settings.database.clone().filter(|_| is_of_files) else {
        return Err(unread);
    };
    let project = context.project_at(database, Chain::default());
    // What is applied is known from the history of the file; what is pending is not.
    let recorded = context.applied_only(&unread).and_then(|it| status(&it).ok());
    let drift = recorded.as_ref().and_then(|it| it.drift.clone());
    let Ok(known) = recorded.map_or_else(|| status(&project), Ok) else { return Err(unread) };
    let (pending, heads, faults) = (Vec::new(), Vec::new(), vec![unread]);
    Ok((project, Status { pending, heads, newer: None, drift, faults, ..known }))
}

fn backups(project: &Project) -> Result<Vec<BackupEntry>> {
    list(project.options.files.as_ref(), &project.backups, &project.database)
}

fn fault_json(fault: &Error) -> Value {
    let advice = explain(fault, "");
    json!({"kind": fault.kind().code(), "message": fault.to_string(), "next": advice.next})
}
