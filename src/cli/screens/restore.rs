//! What a restore would do, and what it did.

use std::fmt::Write as _;

use phaseshift::history::VersionTables;
use phaseshift::restore::{
    LiveState, Losses, ObjectChange, ObjectLoss, RestoreMethod, RestorePlan, RestoreReport,
    TableChange, TableLoss,
};
use serde_json::{Value, json};

use super::counted;
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

/// Shows what a restore would do. `unknown` are the phases of the backup without a file, `own` is where phases are recorded.
pub fn plan(plan: &RestorePlan, unknown: &[String], own: &VersionTables, style: Style) -> String {
    let mut text = format!("Database: {}\n", escaped(plan.database.display()));
    let _ = writeln!(text, "Backup:   {}", escaped(plan.backup.display()));
    let rows: u64 = plan.verification.tables.iter().map(|it| it.rows).sum();
    let tables = counted(plan.verification.tables.len(), "table", "tables");
    let rows = counted(rows, "row", "rows");
    if plan.verification.against_manifest {
        let _ = writeln!(text, "{} Backup verified: {rows} in {tables}", style.ok());
    } else {
        let _ = writeln!(text, "{} Backup is a sound database: {rows} in {tables}", style.ok());
        let warning = style.warning("WARNING:");
        let _ = writeln!(
            text,
            "{warning} it has no manifest; it cannot be compared with what was backed up"
        );
    }
    for unchecked in &plan.verification.unchecked {
        let _ = writeln!(text, "  not checked: {}", escaped(unchecked));
    }
    if let Some(other) = &plan.made_of {
        let warning = style.warning("WARNING:");
        let other = escaped(other.display());
        let _ = writeln!(text, "{warning} the backup was made of another file: {other}");
    }
    if !unknown.is_empty() {
        let warning = style.warning("WARNING:");
        let (count, phases) =
            (counted(unknown.len(), "phase", "phases"), escaped(unknown.join(", ")));
        let _ = writeln!(
            text,
            "{warning} the backup records {count} without a phase file here: {phases}\n  \
             Bring the files back before the next migration."
        );
    }
    let _ = writeln!(text, "\n{}", versions(plan));
    text.push_str(&live(&plan.live));
    text + &losses(plan, own, style) + "\n"
}

/// Says what becomes of the version. Of a file that cannot be read it is not known.
fn versions(plan: &RestorePlan) -> String {
    match (plan.version_now, plan.version_then) {
        (Some(now), Some(then)) if now == then => format!("The schema version stays {now}."),
        (Some(now), Some(then)) => format!("This will go from version {now} to version {then}."),
        (Some(_), None) => "This goes back to before any phase was recorded.".to_owned(),
        (None, Some(then)) => format!("This will go to version {then}."),
        (None, None) => "The backup records no version.".to_owned(),
    }
}

fn live(state: &LiveState) -> String {
    match state {
        LiveState::Missing => "The database file is missing and will be created.\n".to_owned(),
        LiveState::Empty => "The database file is empty.\n".to_owned(),
        LiveState::Readable => "The present state is kept as a backup first.\n".to_owned(),
        LiveState::Crashed(why) => {
            format!("The database is left as by a crash: {}\n", escaped(why))
        }
        LiveState::Damaged(_) => "The database file is damaged.\n".to_owned(),
        LiveState::NotADatabase(why) => {
            format!("The file is not a valid database and will be moved aside: {}\n", escaped(why))
        }
    }
}

fn losses(plan: &RestorePlan, own: &VersionTables, style: Style) -> String {
    let tables = match &plan.losses {
        Losses::Nothing => return "There is nothing to lose.\n".to_owned(),
        // Why the file cannot be read is said above.
        Losses::Unknown(_)
            if matches!(plan.live, LiveState::Damaged(_) | LiveState::NotADatabase(_)) =>
        {
            return "Which changes since the backup would be lost is unknown: the file cannot be read.\n".to_owned();
        }
        Losses::Unknown(why) => {
            return format!("What would be lost is unknown: {}\n", escaped(why));
        }
        Losses::Known(tables) => tables,
    };
    let mut text = String::new();
    if tables.is_empty() {
        text.push_str("No row would change.\n");
    }
    // A table without rows loses none, and goes too.
    let goes = |it: &TableChange| it.loses() || matches!(it, TableChange::OnlyLive { .. });
    let (lost, back): (Vec<_>, Vec<_>) = tables.iter().partition(|it| goes(&it.change));
    let (lost_objects, back_objects): (Vec<_>, Vec<_>) =
        plan.objects.iter().partition(|it| it.change.loses());
    let mut list = |head: &str, tables: Vec<&TableLoss>, objects: Vec<&ObjectLoss>| {
        if tables.is_empty() && objects.is_empty() {
            return;
        }
        let _ = writeln!(text, "{head}");
        for it in tables {
            let change = change(&it.change);
            let own = if own.contains(&it.table) { " (the record of phases)" } else { "" };
            let _ = writeln!(text, "  {} {}{own}: {change}", style.bullet(), escaped(&it.table));
        }
        for it in objects {
            let (kind, change) = (it.kind.word(), object_change(it.change));
            let _ = writeln!(text, "  {} {kind} {}: {change}", style.bullet(), escaped(&it.name));
        }
    };
    let is_removed = lost.iter().any(|it| matches!(it.change, TableChange::OnlyLive { .. }));
    let returns = back.iter().any(|it| matches!(it.change, TableChange::OnlyBackup { .. }));
    let warning = style.warning("WARNING:");
    list(&format!("{warning} changes made since the backup will be lost:"), lost, lost_objects);
    list("Comes back from the backup:", back, back_objects);
    if is_removed && returns {
        text.push_str("A table that was renamed since the backup is in both lists.\n");
    }
    text
}

const fn object_change(change: ObjectChange) -> &'static str {
    match change {
        ObjectChange::OnlyLive => "removed",
        ObjectChange::OnlyBackup => "restored",
        ObjectChange::OtherText => "restored to the definition in the backup",
    }
}

fn change(change: &TableChange) -> String {
    match change {
        TableChange::Rows { added, removed, changed } => {
            let parts = [
                (added, "row added since is removed", "rows added since are removed"),
                (removed, "row removed since comes back", "rows removed since come back"),
                (changed, "row changed since is reverted", "rows changed since are reverted"),
            ];
            let parts: Vec<String> = parts
                .into_iter()
                .filter(|(count, ..)| **count > 0)
                .map(|(count, one, many)| counted(*count, one, many))
                .collect();
            parts.join(", ")
        }
        TableChange::OnlyLive { rows } => {
            format!("removed with {}", counted(*rows, "row", "rows"))
        }
        TableChange::OnlyBackup { rows } => {
            format!("restored with {}", counted(*rows, "row", "rows"))
        }
        TableChange::OtherShape { live, backup } => {
            format!(
                "its columns differ from those of the backup; its {live} rows are replaced by the {backup} of the backup"
            )
        }
    }
}

pub fn done(report: &RestoreReport, version: Option<i64>, style: Style) -> String {
    let ok = style.ok();
    let mut text = format!(
        "\n{ok} Restored: {} in {} equal to the backup\n",
        counted(report.rows(), "row", "rows"),
        counted(report.tables.len(), "table", "tables")
    );
    let version = match version {
        Some(version) => format!("Schema version is {version}"),
        None => "No version is recorded".to_owned(),
    };
    let _ = writeln!(text, "{ok} {version}");
    if let Some(safety) = &report.safety_backup {
        let _ = writeln!(text, "{ok} The state before is kept: {}", escaped(safety.display()));
    }
    for moved in &report.moved_aside {
        let _ = writeln!(text, "{ok} Moved aside: {}", escaped(moved.display()));
    }
    if let Some(what) = &report.follow_up {
        let _ = writeln!(text, "The restore is done. A later step failed: {}", escaped(what));
    }
    text.push_str("\nRESTORE COMPLETE!\n");
    text
}

pub fn plan_json(plan: &RestorePlan, unknown: &[String]) -> Value {
    let losses = match &plan.losses {
        Losses::Known(tables) => tables
            .iter()
            .map(|it| json!({"table": it.table, "loses": it.change.loses(), "change": change(&it.change)}))
            .collect(),
        Losses::Nothing => json!([]),
        Losses::Unknown(_) => Value::Null,
    };
    json!({
        "database": plan.database,
        "restored_from": plan.backup,
        "from": plan.version_now,
        "to": plan.version_then,
        "losses": losses,
        "objects": plan.objects.iter().map(|it| json!({
            "type": it.kind.word(),
            "name": it.name,
            "loses": it.change.loses(),
            "change": object_change(it.change),
        })).collect::<Vec<_>>(),
        "against_manifest": plan.verification.against_manifest,
        "made_of": plan.made_of,
        "missing_phases": unknown,
        "changed": false,
    })
}

pub fn report_json(report: &RestoreReport) -> Value {
    json!({
        "safety_backup": report.safety_backup,
        "moved_aside": report.moved_aside,
        "tables": report.tables,
        "rows": report.rows(),
        "method": match report.method {
            RestoreMethod::Write => "write",
            RestoreMethod::Replace => "replace",
            RestoreMethod::Create => "create",
        },
        "follow_up": report.follow_up,
        "changed": true,
    })
}
