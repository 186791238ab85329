//! `squash`: replaces many phases by one, and undoes that.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phaseshift::phase::{Chain, PhaseId};
use phaseshift::squash::{
    Archived, ObjectCounts, Progress, Squash, SquashRange, SquashRequest, finish_interrupted,
    squash, undo, undoable,
};
use phaseshift::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::json_values::ids;
use super::new_phase::slug;
use crate::cli::args::SquashArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::prompt::{confirm, require_somebody};
use crate::cli::screens::counted;

/// Squashes phases, or undoes the newest squash.
pub fn run(context: &Context, arguments: &SquashArgs) -> Result<CommandOutput> {
    let dry_run = context.dry_run || arguments.dry_run.dry_run;
    let folder = &context.settings.phases;
    if arguments.undo {
        return undone(context, arguments.id.as_deref(), dry_run);
    }
    let files = context.files();
    if !dry_run {
        require_somebody(context)?;
        let finished = finish_interrupted(files.as_ref(), folder)?;
        if let Some(archived) = finished.last() {
            return Ok(finished_before(context, archived));
        }
    }
    let chain = context.chain()?;
    let range = match arguments.range.as_deref() {
        None => SquashRange::whole(&chain)?,
        Some(text) => {
            let (first, last) = text.split_once(':').unwrap_or((text, text));
            Some(SquashRange::between(&chain, first, last)?)
        }
    };
    let Some(range) = range else {
        return Ok(nothing(folder, "there are no phases"));
    };
    let message = arguments.message.clone().unwrap_or_default();
    let id = new_id(&chain, arguments.id.as_deref(), &message)?;
    let place = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let request = SquashRequest {
        range,
        id,
        description: message,
        folder: folder.clone(),
        place: context.folder.join(place),
        min_sqlite: context.settings.min_sqlite,
    };
    let project = context.project_of(chain);
    match squash(&project, &request)? {
        None => Ok(nothing(folder, "the range holds one phase")),
        Some(squash) => carry_out(context, &squash, dry_run),
    }
}

fn nothing(folder: &Path, why: &str) -> CommandOutput {
    let text = format!("Nothing to squash: {why}.\n");
    CommandOutput::done(text, json!({"folder": folder, "id": null, "changed": false}))
}

/// Chooses the id: the one given, or the words of the message.
fn new_id(chain: &Chain, given: Option<&str>, message: &str) -> Result<PhaseId> {
    let taken = |text: &str| {
        PhaseId::new(text)
            .is_some_and(|id| chain.get(&id).is_some() || chain.replacement(&id).is_some())
    };
    let text = given.map_or_else(
        || {
            let words = slug(message);
            let mut numbered = (2..1_000).map(|number| format!("{words}_{number}"));
            if taken(&words) { numbered.find(|it| !taken(it)).unwrap_or(words) } else { words }
        },
        ToOwned::to_owned,
    );
    PhaseId::new(&text).ok_or_else(|| {
        let what = format!("{text:?} is no id: letters, digits, _ . and - only");
        Error::new(ErrorKind::Arguments, what)
    })
}

/// Shows the squash, asks, and writes it.
fn carry_out(context: &Context, squash: &Squash, dry_run: bool) -> Result<CommandOutput> {
    let text = screen(context, squash);
    if dry_run {
        let text = format!("{text}Nothing was changed: this was a dry run.\n");
        return Ok(CommandOutput::done(text, report(context, squash, None)));
    }
    context.say(&text);
    let count = squash.range.members.len();
    confirm(context, &format!("Type 'yes' to replace {count} phases by {}:", squash.id))?;
    let archived = squash.publish(context.files().as_ref())?;
    let ok = context.terminal.out.ok();
    let file = context.settings.phases.join(&squash.file);
    let said = format!(
        "{ok} Written: {}\n{ok} Archived: {} in {}\n",
        escaped(context.shown(&file)),
        counted(squash.moved().len(), "file", "files"),
        escaped(context.shown(&archived.folder))
    );
    context.say(&said);
    Ok(CommandOutput::said(said, report(context, squash, Some(&archived))))
}

/// What a person reads before the question.
fn screen(context: &Context, squash: &Squash) -> String {
    let ok = context.terminal.out.ok();
    let range = &squash.range;
    let mut text = format!(
        "The new phase \"{}\" replaces {} phases, {} to {}, and sets version {}.\n\n",
        escaped(&squash.id),
        range.members.len(),
        escaped(&range.first),
        escaped(&range.last),
        squash.version
    );
    let (before, after) = &squash.objects;
    let _ = writeln!(text, "{:<16} {:>7} {:>7}", "", "before", "after");
    let phases = [("phases", squash.phases.0, squash.phases.1)];
    let kinds = kinds(before).into_iter().zip(kinds(after));
    let kinds = kinds.map(|((name, before), (_, after))| (name, before, after));
    for (name, before, after) in phases.into_iter().chain(kinds) {
        let _ = writeln!(text, "{name:<16} {before:>7} {after:>7}");
    }
    let rows: u64 = squash.rows.iter().map(|it| it.1).sum();
    let tables = counted(squash.rows.len(), "table", "tables");
    let _ = writeln!(text, "\n{ok} Same schema: every text is identical on a new file");
    let _ = match squash.rows.len() {
        0 => writeln!(text, "{ok} Same rows on a new file: none"),
        _ => writeln!(
            text,
            "{ok} Same rows on a new file: {} in {tables}",
            counted(rows, "row", "rows")
        ),
    };
    if !squash.fixed_values.is_empty() {
        let tables = escaped(squash.fixed_values.join(", "));
        let _ = writeln!(
            text,
            "Note: values from the clock or from random() in {tables} are fixed as they are now."
        );
    }
    if !squash.not_carried.is_empty() {
        text.push_str("Left out:\n");
        for (why, phases) in by_reason(squash) {
            let _ = writeln!(text, "  {}: {}", escaped(phases.join(", ")), escaped(why));
        }
    }
    text.push('\n');
    text
}

/// What is not carried over, by the reason.
fn by_reason(squash: &Squash) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in &squash.not_carried {
        match found.iter_mut().find(|it| it.0 == one.why) {
            Some((_, phases)) => phases.push(&one.phase),
            None => found.push((&one.why, vec![&one.phase])),
        }
    }
    found
}

fn kinds(counts: &ObjectCounts) -> [(&'static str, usize); 5] {
    [
        ("tables", counts.tables),
        ("virtual tables", counts.virtual_tables),
        ("indexes", counts.indexes),
        ("views", counts.views),
        ("triggers", counts.triggers),
    ]
}

fn report(context: &Context, squash: &Squash, archived: Option<&Archived>) -> Value {
    let file: PathBuf = context.settings.phases.join(&squash.file);
    json!({
        "id": squash.id.as_str(),
        "version": squash.version,
        "file": file,
        "first": squash.range.first.as_str(),
        "last": squash.range.last.as_str(),
        "ids": ids(&squash.range.members),
        "replaces": ids(&squash.replaces),
        "phases": {"before": squash.phases.0, "after": squash.phases.1},
        "objects": {"before": squash.objects.0, "after": squash.objects.1},
        "rows": squash.rows.iter().map(|it| json!({"table": it.0, "rows": it.1})).collect::<Vec<_>>(),
        "not_carried": squash.not_carried,
        "fixed_values": squash.fixed_values,
        "text": squash.text,
        "archive": archived.map(|it| &it.folder),
        "changed": archived.is_some(),
    })
}

fn finished_before(context: &Context, archived: &Archived) -> CommandOutput {
    let ok = context.terminal.out.ok();
    let id = escaped(&archived.record.id);
    let text = format!(
        "{ok} Finished: the squash {id} was interrupted, and the files that it stands for are archived now.\n"
    );
    let report = json!({
        "id": archived.record.id,
        "archive": archived.folder,
        "finished": true,
        "changed": true,
    });
    CommandOutput::done(text, report)
}

/// Undoes the newest squash.
fn undone(context: &Context, id: Option<&str>, dry_run: bool) -> Result<CommandOutput> {
    let (files, folder) = (context.files(), &context.settings.phases);
    let (archived, state) = undoable(files.as_ref(), folder, id)?;
    let record = &archived.record;
    let count = counted(record.phases.len(), "phase", "phases");
    let (id, ok) = (escaped(&record.id), context.terminal.out.ok());
    let report = |changed: bool| {
        json!({
            "id": record.id,
            "ids": record.phases,
            "archive": archived.folder,
            "interrupted": state == Progress::Interrupted,
            "undone": changed,
            "changed": changed,
        })
    };
    if dry_run {
        let text = format!(
            "Would bring back {count} in the place of {id}.\nNothing was changed: this was a dry run.\n"
        );
        return Ok(CommandOutput::done(text, report(false)));
    }
    confirm(context, &format!("Type 'yes' to bring back {count} in the place of {id}:"))?;
    undo(files.as_ref(), folder, Some(&record.id))?;
    let text = format!("{ok} Undone: {count} are back in the place of {id}\n");
    Ok(CommandOutput::done(text, report(true)))
}
