//! `reset`: a backup, then an empty database.

use phaseshift::Result;
use phaseshift::reset::{ResetPlan, ResetReport, ResetRequest, plan, reset};
use serde_json::{Value, json};

use super::backups::BackupPlace;
use crate::cli::args::ResetArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::prompt::{confirm, require_somebody};
use crate::cli::screens::optimize::size;
use crate::cli::screens::{counted, sized};

const QUESTION: &str = "Type 'yes' to drop everything in this database:";

/// Backs up and empties the database.
///
/// # Errors
/// As [`reset`]; [`ErrorKind::NoAnswer`](phaseshift::ErrorKind::NoAnswer),
/// [`ErrorKind::Declined`](phaseshift::ErrorKind::Declined).
pub fn run(context: &Context, arguments: &ResetArgs) -> Result<CommandOutput> {
    let dry_run = context.dry_run || arguments.dry_run.dry_run;
    if !dry_run {
        require_somebody(context)?;
    }
    let place = BackupPlace::of(context)?;
    let (text, report) = planned(context, &place)?;
    if dry_run {
        let text = format!("{text}Nothing was changed: this was a dry run.\n");
        return Ok(CommandOutput::done(text, report));
    }
    context.say(&text);
    confirm(context, QUESTION)?;
    let request = ResetRequest {
        database: place.database(),
        folder: place.folder(),
        version_table: &context.settings.version_table,
    };
    let report = reset(&request, &context.open_options(), &mut Reporter::plain(context))?;
    let said = done_text(context, &report);
    context.say(&said);
    Ok(CommandOutput::said(said, document(&report)))
}

/// Says what would be dropped.
fn planned(context: &Context, place: &BackupPlace) -> Result<(String, Value)> {
    let ResetPlan { objects, rows } = plan(place.database(), &context.open_options())?;
    let text = format!(
        "{}\nThis will:\n  • Back the database up to {}\n  • Drop {} with {}\n  • Keep the page size, the encoding, \
         the journal mode, application_id and user_version\n",
        escaped(place.database().display()),
        escaped(place.folder().display()),
        counted(objects, "object", "objects"),
        counted(rows, "row", "rows"),
    );
    Ok((text, json!({"database": place.database(), "objects": objects, "rows": rows})))
}

fn done_text(context: &Context, report: &ResetReport) -> String {
    let ok = context.terminal.out.ok();
    let mut text = format!(
        "{ok} Dropped {}\n{ok} Size: {} before, now {}\n{ok} Backup: {}\n",
        counted(report.dropped, "object", "objects"),
        sized(report.before.bytes),
        size(&report.after),
        escaped(report.backup.display()),
    );
    if let Some(why) = &report.follow_up {
        text.push_str(&format!("Note: the file keeps its free pages: {}\n", escaped(why)));
    }
    text
}

fn document(report: &ResetReport) -> Value {
    json!({
        "database": report.database,
        "changed": true,
        "backup": report.backup,
        "dropped": report.dropped,
        "tables": report.tables.iter().map(|it| json!({"table": it.table, "rows": it.rows})).collect::<Vec<_>>(),
        "bytes": {"before": report.before.bytes, "after": report.after.bytes},
        "note": report.follow_up,
    })
}
