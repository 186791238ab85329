//! What a run did, as text and as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use phaseshift::database::{Checkpoint, CheckpointBlocker, Holder};
use phaseshift::migrate::{Migration, Prepared, Project, Reached, Report, UpToDate};
use phaseshift::phase::Downgrade;
use phaseshift::plan::{Direction, PhasePlan, Plan, RebuildReason, summarize};
use phaseshift::proof::RemadeTable;
use phaseshift::schema::Schema;
use serde_json::{Value, json};

use super::json_values::{holder, ids, number};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::backups::retained;
use crate::cli::screens::optimize::size;
use crate::cli::screens::{reason, sized, titled};
use crate::cli::settings::shell_word;
use crate::text::list;

/// The part of the pages that has to be free before the advice to return them is given: one in this number.
const WORTH: u64 = 10;

/// The first line of an unguided run.
pub fn heading(migration: &Migration<Prepared>) -> String {
    let down = migration.plan().phases.iter().any(|it| it.direction == Direction::Down);
    let verb = if down { "Undoing" } else { "Applying" };
    let database = escaped(migration.project().database.display());
    let (from, to) = migration.versions();
    let mut text = format!("{verb} {}: {database}, {}", list(migration.phases()), way(from, to));
    if let Some(line) = from_history(migration.plan()) {
        text.push('\n');
        text.push_str(&line);
    }
    text
}

/// Says between which versions a run leads.
pub fn way(from: Option<i64>, to: Option<i64>) -> String {
    let named = |it: Option<i64>| it.map_or("no version".to_owned(), |it| format!("version {it}"));
    match (from, to) {
        (Some(from), Some(to)) => format!("version {from} to {to}"),
        (None, _) => format!("from no version to {}", named(to)),
        (Some(_), None) => format!("{} to no version", named(from)),
    }
}

/// Says which steps come from the history of the file; `None` if all come from the folder.
pub fn from_history(plan: &Plan) -> Option<String> {
    let ids = plan.undone_from_history();
    (!ids.is_empty())
        .then(|| format!("The steps of {} come from the file's history.", ids.join(", ")))
}

/// The answer if there is nothing to do.
pub fn nothing_to_do(context: &Context, project: &Project, up_to_date: &UpToDate) -> CommandOutput {
    let version = up_to_date.known.recorded.version();
    let place = format!("{} (version {})", list(&up_to_date.current), number(version));
    let text = match (up_to_date.current.as_slice(), &up_to_date.reached) {
        ([], _) if project.chain.is_empty() => {
            "Nothing to do: there are no phases yet. Write one with phaseshift revision.\n"
                .to_owned()
        }
        ([], _) => "Nothing to do: no phase is applied.\n".to_owned(),
        (_, Reached::Everything) => {
            format!("Nothing to do: the database is up to date at {place}.\n")
        }
        (_, Reached::Target) => format!("Nothing to do: the database is at {place} already.\n"),
        (_, Reached::Past(target)) => {
            let target = target.to_string();
            let back = context.command_line(&format!("downgrade {}", shell_word(&target)));
            format!(
                "Nothing to do: the database is past {}, at {place}.\nTo go back: {back}\n",
                escaped(target)
            )
        }
    };
    let report = json!({
        "database": project.database,
        "from": version,
        "to": version,
        "ids": ids(&up_to_date.current),
        "phases": [],
        "backup": null,
        "steps": [],
        "proof": {"tables": 0, "rows": 0, "checks": []},
        "rows_proven": up_to_date.known.recorded.rows_proven(),
        "seconds": 0.0,
        "changed": false,
    });
    CommandOutput::done(text, report)
}

/// The answer of a script if there is nothing to do: comments.
pub fn nothing_to_script(
    context: &Context,
    project: &Project,
    up_to_date: &UpToDate,
) -> CommandOutput {
    let answer = nothing_to_do(context, project, up_to_date);
    let text = answer.text.lines().map(|line| format!("-- {line}\n")).collect();
    CommandOutput { text, ..answer }
}

/// The end of the guided form.
pub fn complete(context: &Context, project: &Project, report: &Report) -> String {
    let style = context.terminal.out;
    let mut text = format!("\n{}\n\n", style.strong("MIGRATION COMPLETE!"));
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "  {label:<9} {}", escaped(value));
    };
    line("Version:", &format!("{} to {}", number(report.from), number(report.to)));
    line("Proven:", &proven(project, report));
    for table in &report.proof.remade {
        line("Remade:", &table.to_string());
    }
    line("Time:", &format!("{:.2} seconds", report.seconds));
    line("Size:", &size(&report.sizes.1));
    line("Backup:", &report.backup.display().to_string());
    text.push_str(&lost_rules(report));
    text.push_str(&retained(&report.pruned));
    text.push_str(&hint(context, report));
    text.push_str("\nTo go back to the backup, losing later changes:\n");
    let first = report.phases.first().map(|(id, _)| format!("restore before:{}", shell_word(id)));
    let restore = first.unwrap_or_else(|| "restore --latest".to_owned());
    let _ = writeln!(text, "  {}", context.command_line(&restore));
    match report.plan.phases.iter().find_map(PhasePlan::irreversible) {
        Some(why) => {
            let _ = writeln!(text, "Note: {}", escaped(why));
        }
        None => {
            text.push_str("To undo the migration and keep later rows:\n");
            let (undo, empty) = undo_command(project, report);
            let _ = writeln!(text, "  {}", context.command_line(&undo));
            if let Some(empty) = empty {
                let _ = writeln!(text, "  {}", escaped(empty));
            }
            let added = added(&report.plan);
            if !added.is_empty() {
                let names = escaped(added.join(", "));
                let _ = writeln!(
                    text,
                    "  It drops what the migration added: {names}. Once rows use that, add --accept-loss."
                );
            }
        }
    }
    text.push_str(
        "Restart the programs that use this file, and keep the backup until they have worked with it.\n",
    );
    text.push_str(&wal(report));
    text + &follow_up(report)
}

/// Returns the command that undoes a run, and what it does not bring back: a downgrade that is derived makes a dropped table
/// or column again, and not its values.
pub fn undo_command(project: &Project, report: &Report) -> (String, Option<String>) {
    let plan = &report.plan;
    let derived = |it: &&PhasePlan| {
        project.chain.get(&it.id).is_none_or(|it| matches!(it.down, Downgrade::Derived))
    };
    let mut dropped = BTreeSet::new();
    for phase in plan.phases.iter().filter(derived) {
        let summary = summarize(phase);
        let columns = summary.dropped_columns.iter();
        dropped.extend(columns.map(|(table, column)| format!("{table}.{column}")));
        dropped.extend(summary.dropped);
    }
    let undo = undo_newest(plan.phases.len());
    if dropped.is_empty() {
        return (undo, None);
    }
    let names = dropped.into_iter().collect::<Vec<_>>().join(", ");
    let empty =
        format!("What was dropped comes back empty ({names}); its values are only in the backup.");
    (undo + " --accept-loss", Some(empty))
}

/// Returns the command that undoes the newest phases.
pub fn undo_newest(phases: usize) -> String {
    match phases {
        0 | 1 => "downgrade".to_owned(),
        several => format!("downgrade -{several}"),
    }
}

/// Names the tables and columns that a downgrade drops with their rows and values.
fn added(plan: &Plan) -> Vec<String> {
    let mut names = Vec::new();
    for summary in plan.phases.iter().map(summarize) {
        names.extend(summary.created.iter().cloned());
        for (table, reasons) in &summary.rebuilt {
            names.extend(reasons.iter().filter_map(|reason| match reason {
                RebuildReason::ColumnAdded { column } => Some(format!("{table}.{column}")),
                _ => None,
            }));
        }
    }
    names
}

/// One line for each phase of an unguided run that was carried out.
pub fn phase_lines(context: &Context, plan: &Plan) -> String {
    let ok = context.terminal.out.ok();
    let line = |phase: &PhasePlan| {
        let name = escaped(titled(&phase.id, &phase.headline));
        match phase.direction {
            Direction::Up if phase.stages.is_empty() => {
                format!("{ok} Applied {name} (no steps: only its version is recorded)\n")
            }
            Direction::Up => format!("{ok} Applied {name}\n"),
            Direction::Down => {
                let mut text = format!("{ok} Undone {name}\n");
                for loss in &phase.losses {
                    let _ = writeln!(text, "  lost, as accepted: {}", escaped(loss));
                }
                text
            }
        }
    };
    plan.phases.iter().map(line).collect()
}

/// The end of an unguided run.
pub fn summary(context: &Context, project: &Project, report: &Report) -> String {
    let ok = context.terminal.out.ok();
    let mut way = way(report.from, report.to);
    if let Some(first) = way.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let size = match context.verbose {
        true => format!("{ok} Size: {}\n", size(&report.sizes.1)),
        false => String::new(),
    };
    format!(
        "{ok} {way} in {:.2} seconds: {}\n{}{size}{ok} Backup: {}\n{}{}{}",
        report.seconds,
        proven(project, report),
        remade(context, report),
        escaped(report.backup.display()),
        lost_rules(report) + &retained(&report.pruned),
        wal(report) + &hint(context, report),
        follow_up(report)
    )
}

/// Names the rules that tables have no longer, one line each.
fn lost_rules(report: &Report) -> String {
    let lines = reason::lost_rules(&report.lost_rules);
    lines.iter().map(|line| format!("Note: {}\n", escaped(line))).collect()
}

/// Names the command that returns free pages, where it is worth one.
fn hint(context: &Context, report: &Report) -> String {
    let size = &report.sizes.1;
    if size.free_pages * WORTH < size.pages {
        return String::new();
    }
    let command = context.command_line("optimize");
    format!("\nTo return the free pages to the file system:\n  {command}\n")
}

/// The answer after a run; what was said of it is the end of the screen.
pub fn answer(said: &str, report: &Report) -> CommandOutput {
    let phases: Vec<_> = report
        .phases
        .iter()
        .map(|(id, direction)| json!({"id": id, "direction": direction.code()}))
        .collect();
    let copied: Vec<_> = report
        .execution
        .copied
        .iter()
        .map(|(from, to, rows)| json!({"from": from, "to": to, "rows": rows}))
        .collect();
    let report = json!({
        "from": report.from,
        "to": report.to,
        "phases": phases,
        "backup": report.backup,
        "lost_rules": report.lost_rules,
        "removed_backups": report.pruned.removed.iter().map(|it| &it.path).collect::<Vec<_>>(),
        "steps": report.steps,
        "from_history": report.from_history,
        "proof": report.proof,
        "rows_proven": report.proof.rows,
        "seconds": report.seconds,
        "stages": report.stages,
        "room": {"before": report.sizes.0, "after": report.sizes.1},
        "copied": copied,
        "rows_changed": report.execution.rows_changed,
        "wal": report.checkpoint.as_ref().map(wal_values),
        "follow_up": report.follow_up,
        "changed": true,
    });
    CommandOutput::said(said, report)
}

fn proven(project: &Project, report: &Report) -> String {
    if was_empty(project, report) {
        return "the file was new, there were no rows to compare".to_owned();
    }
    let mut text = escaped(report.proof.summary());
    if !report.proof.unproven.is_empty() {
        let tables = escaped(report.proof.unproven.join(", "));
        let _ = write!(text, "; changed by data steps: {tables}");
    }
    text + &other_versions(project, report)
}

/// Says which rows of the version table a run removed, and which it added because they had been missing: a row less than in
/// the backup is none of the user's.
fn other_versions(project: &Project, report: &Report) -> String {
    let undone = report.phases.iter().filter(|(_, direction)| *direction == Direction::Down);
    let undone: Vec<String> = undone.map(|(id, _)| escaped(id)).collect();
    let implied = report.plan.phases.iter().flat_map(|phase| &phase.implied);
    let implied: Vec<String> = implied.map(|it| escaped(&it.id)).collect();
    let rows = |phases: &[String], is: &str, are: &str| match phases {
        [] => None,
        [one] => Some(format!("the row of {one} {is}")),
        several => Some(format!("the rows of {} phases {are}", several.len())),
    };
    let removed = rows(&undone, "is removed", "are removed");
    let added = rows(&implied, "was missing and is added", "were missing and are added");
    let parts: Vec<String> = [removed, added].into_iter().flatten().collect();
    match parts.is_empty() {
        true => String::new(),
        false => {
            format!("; in {}, {}", escaped(project.versions.version_table()), parts.join("; "))
        }
    }
}

/// Returns whether the file had nothing but the tables of the version, without a row.
fn was_empty(project: &Project, report: &Report) -> bool {
    let before = report.plan.phases.first().map(|phase| &phase.before);
    let had_own = |it: &Schema| it.objects.iter().any(|it| !project.versions.contains(&it.table));
    report.from.is_none() && report.proof.rows == 0 && before.is_some_and(|it| !had_own(it))
}

/// Prints for each table that a data step recreated how its rows compare with the backup.
fn remade(context: &Context, report: &Report) -> String {
    let bullet = context.terminal.out.bullet();
    let line = |it: &RemadeTable| format!("{bullet} Recreated by statements: {}\n", escaped(it));
    report.proof.remade.iter().map(line).collect()
}

/// Says what became of a large WAL.
fn wal(report: &Report) -> String {
    let Some(Checkpoint { before, after, blocked_by }) = &report.checkpoint else {
        return String::new();
    };
    let size = sized(*after);
    match blocked_by {
        None => format!("WAL: {}, checkpointed and truncated\n", sized(*before)),
        Some(CheckpointBlocker::Litestream) => {
            format!("Note: the WAL stays at {size}; its checkpoints are left to Litestream\n")
        }
        Some(CheckpointBlocker::InUse(holders)) => {
            let who = match holders.as_slice() {
                [] => "another program".to_owned(),
                some => list(some.iter().map(Holder::who)),
            };
            format!(
                "Note: the WAL stays at {size} while it is in use by {}; \
                 SQLite uses its space again afterwards\n",
                escaped(who)
            )
        }
    }
}

fn wal_values(checkpoint: &Checkpoint) -> Value {
    let (kept, holders): (_, &[Holder]) = match &checkpoint.blocked_by {
        None => (None, &[]),
        Some(CheckpointBlocker::Litestream) => (Some("litestream"), &[]),
        Some(CheckpointBlocker::InUse(holders)) => (Some("in-use"), holders),
    };
    json!({
        "before": checkpoint.before,
        "after": checkpoint.after,
        "kept": kept,
        "holders": holders.iter().map(holder).collect::<Vec<_>>(),
    })
}

fn follow_up(report: &Report) -> String {
    match &report.follow_up {
        Some(what) => {
            format!("\nThe migration is done. A later step failed: {}\n", escaped(what))
        }
        None => String::new(),
    }
}
