//! What `optimize` would do and has done.

use std::fmt::Write as _;
use std::path::Path;

use phaseshift::database::FileSize;
use phaseshift::vacuum::{Statistics, VacuumReport};
use serde_json::{Value, json};

use super::{counted, sized};
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

pub fn planned(database: &Path, room: &FileSize, statistics: Statistics) -> String {
    let mut text = format!("{}: {}\n", escaped(database.display()), size(room));
    if room.free_pages == 0 && statistics == Statistics::Keep {
        text.push_str("There is nothing to do.\n");
        return text;
    }
    let _ = writeln!(
        text,
        "The file would shrink to {} or less, after a backup of {}.",
        sized(room.all_bytes() - room.free_bytes()),
        sized(room.all_bytes())
    );
    if statistics == Statistics::Analyze {
        text.push_str("The planner's statistics would be collected again.\n");
    }
    text.push_str("Nothing was changed: this was a dry run.\n");
    text
}

/// The size of a file and the free pages in it.
pub fn size(room: &FileSize) -> String {
    let free = counted(room.free_pages, "free page", "free pages");
    match room.free_pages {
        0 => format!("{}, no free pages", sized(room.bytes)),
        _ => format!("{}, {free} ({})", sized(room.bytes), sized(room.free_bytes())),
    }
}

pub fn done(report: &VacuumReport, style: Style) -> String {
    let Some(backup) = &report.backup else {
        let size = sized(report.before.bytes);
        return format!("Nothing to do: there are no free pages in the file ({size}).\n");
    };
    let ok = style.ok();
    let mut text = format!(
        "{ok} {} in {} equal to the backup\n",
        counted(report.rows(), "row", "rows"),
        counted(report.tables.len(), "table", "tables")
    );
    let mut line = |what: String| {
        let _ = writeln!(text, "{ok} {what}");
    };
    line(format!("Before: {}", size(&report.before)));
    line(format!("Now:    {}", size(&report.after)));
    if report.analyzed {
        line("The planner's statistics were collected again".to_owned());
    }
    line(format!("Backup: {}", escaped(backup.display())));
    if report.after.bytes > report.after.all_bytes() {
        text.push_str("The file shrinks as soon as other programs have stopped reading it.\n");
    }
    if let Some(what) = &report.follow_up {
        let _ = writeln!(text, "The file is compact. A later step failed: {}", escaped(what));
    }
    text
}

/// What would be done, as JSON.
pub fn planned_json(database: &Path, room: &FileSize) -> Value {
    json!({"database": database, "before": room, "changed": false})
}

/// What was done, as JSON.
pub fn report_json(report: &VacuumReport, seconds: f64) -> Value {
    json!({
        "database": report.database,
        "before": report.before,
        "after": report.after,
        "freed_bytes": report.before.bytes.saturating_sub(report.after.bytes),
        "backup": report.backup,
        "analyzed": report.analyzed && report.changed(),
        "proof": {"tables": report.tables.len(), "rows": report.rows()},
        "tables": report.tables,
        "seconds": seconds,
        "follow_up": report.follow_up,
        "changed": report.changed(),
    })
}
