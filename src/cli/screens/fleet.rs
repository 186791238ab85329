//! What came of many files: one line each, and the sum.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phaseshift::fleet::{Merged, Stop};
use serde_json::{Map, Value};

use super::counted;
use super::failure::failure as one_failure;
use super::status::noted_sum;
use crate::cli::command_output::CommandOutput;
use crate::cli::commands::fleet::{FileOutcome, Word};
use crate::cli::output::escaped;
use crate::cli::terminal::Style;
use crate::text::list;

/// How many files ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub files: usize,
    /// Those on which the command did what it does.
    pub done: usize,
    /// Those with nothing to do.
    pub up_to_date: usize,
    /// Those that the run would migrate.
    pub planned: usize,
    /// Those for which the answer is no.
    pub no: usize,
    pub failed: usize,
    /// Those that the run did not come to.
    pub left: usize,
    /// Those that were migrated and downgraded.
    pub undone: usize,
}

pub fn line(relative: &str, outcome: &FileOutcome, style: Style) -> String {
    let mark = match outcome.word() {
        Word::Done | Word::UpToDate if has_notes(outcome) => style.bullet().to_owned(),
        Word::Done | Word::UpToDate => style.ok(),
        Word::No | Word::Failed => style.no(),
        Word::Planned | Word::Left | Word::Undone => style.bullet().to_owned(),
    };
    let what = match &outcome.result {
        Ok(answer) if outcome.word() == Word::Undone => format!("undone, {}", answered(answer)),
        Ok(answer) if outcome.word() == Word::Planned => planned(&answer.report),
        Ok(answer) => answered(answer),
        Err(failure) => failure.error.to_string(),
    };
    format!("{mark} {}: {}\n", escaped(relative), escaped(what))
}

/// Whether something was found that does not make the answer no.
fn has_notes(outcome: &FileOutcome) -> bool {
    outcome.result.as_ref().is_ok_and(|answer| answer.noted > 0)
}

/// Says in a few words what the report of a command says.
fn answered(answer: &CommandOutput) -> String {
    let report = &answer.report;
    let version = |name: &str| match report.get(name) {
        Some(Value::Number(version)) => format!("version {version}"),
        _ => "no version".to_owned(),
    };
    if let Some(checks) = report.get("checks").and_then(Value::as_array) {
        let failed: Vec<String> = checks
            .iter()
            .filter(|check| check["ok"] != true)
            .map(|check| format!("{}: {}", text(&check["name"]), text(&check["detail"])))
            .collect();
        return match failed.as_slice() {
            [] if answer.noted > 0 => noted_sum(checks.len(), answer.noted),
            [] => counted(checks.len(), "check holds", "checks hold"),
            failed => failed.join("; "),
        };
    }
    if report.contains_key("to") {
        return migrated(report, &version("to"));
    }
    if let Some(backup) = report.get("backup") {
        return format!("the backup is {}", text(&backup["file"]));
    }
    let required = report.get("required").filter(|it| it["ok"] != true);
    let mut said = version("version");
    if let Some(pending) = report.get("pending").and_then(Value::as_array) {
        let _ = write!(said, ", {} pending", pending.len());
    }
    let differences = report.get("drift").and_then(Value::as_array).map_or(0, Vec::len);
    if differences > 0 {
        let count = counted(differences, "difference", "differences");
        let _ = write!(said, ", {count} from what the phases make");
    }
    match required {
        Some(required) => format!("{said}; not as required: {}", text(&required["detail"])),
        None => said,
    }
}

/// Says what a run would do to a file.
fn planned(report: &Map<String, Value>) -> String {
    let version = |name: &str| match report.get(name) {
        Some(Value::Number(version)) => format!("version {version}"),
        _ => "no version".to_owned(),
    };
    let phases = report.get("phases").and_then(Value::as_array);
    let ids = list(phases.into_iter().flatten().map(|it| text(&it["id"])));
    format!("would go from {} to {}: {ids}", version("from"), version("to"))
}

fn migrated(report: &Map<String, Value>, to: &str) -> String {
    let rows = report.get("proof").and_then(|proof| proof["rows"].as_u64());
    match (report.get("changed"), rows) {
        (Some(Value::Bool(true)), Some(rows)) => {
            format!("{to}, {} equal to the backup", counted(rows, "row", "rows"))
        }
        _ => format!("{to}, nothing to do"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Lists a file that failed, with cause, state and next command.
pub fn failure(relative: &str, outcome: &FileOutcome, style: Style) -> String {
    let mut listed = format!("\n{}\n", escaped(relative));
    let block = match &outcome.result {
        Err(failure) => one_failure(&failure.error, &failure.advice, style),
        Ok(answer) => format!("{} {}\n", style.no(), escaped(answered(answer))),
    };
    for line in block.lines() {
        let _ = writeln!(listed, "  {line}");
    }
    listed
}

/// Sums up: the failures, what is left, and the counts.
pub fn summary(
    counts: &Counts,
    (failures, left): (&str, &[&str]),
    stop: Option<Stop>,
    style: Style,
) -> String {
    let mut text = String::new();
    if !failures.is_empty() {
        let failed = counted(counts.failed + counts.no, "file", "files");
        let _ = writeln!(text, "\n{} of {} failed:\n{failures}", failed, counts.files);
    }
    if !left.is_empty() {
        let _ = writeln!(text, "\nNot done; these files are unchanged:");
        for relative in left {
            let _ = writeln!(text, "  {}", escaped(relative));
        }
        text.push('\n');
    }
    match stop {
        Some(Stop::Canary) => text.push_str("Stopped: one of the first files failed.\n"),
        Some(Stop::Failures) => text.push_str("Stopped: too many files failed.\n"),
        Some(Stop::Interrupted) => text.push_str("Interrupted: running files were rolled back.\n"),
        None => {}
    }
    let mut parts = vec![format!("{} done", counts.done)];
    for (count, word) in [
        (counts.up_to_date, "up to date"),
        (counts.planned, "to migrate"),
        (counts.no, "not as required"),
        (counts.failed, "failed"),
        (counts.left, "left"),
        (counts.undone, "undone"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let whole = counts.no + counts.failed + counts.left + counts.undone == 0;
    let mark = if whole { style.ok() } else { style.no() };
    let files = counted(counts.files, "file", "files");
    let _ = writeln!(text, "{mark} {files}: {}", parts.join(", "));
    if counts.left > 0 {
        text.push_str("Run the same command again to go on with what is left.\n");
    }
    text
}

/// Sums up the results of several runs.
pub fn merged(merged: &Merged, words: &BTreeMap<&str, u64>, style: Style) -> String {
    let mut text = String::new();
    let mut list = |head: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "{head}");
            for line in lines {
                let _ = writeln!(text, "  {}", escaped(line));
            }
        }
    };
    let entries = merged.tally.entries();
    let bad = entries.iter().filter(|(_, entry)| !entry.is_ok());
    list("Not done:", bad.map(|(file, it)| format!("{file}: {}", it.outcome)).collect());
    list("Missing:", merged.missing.clone());
    if merged.missing.is_empty() && merged.missing_count > 0 {
        let files = counted(merged.missing_count, "file", "files");
        list("Missing:", vec![format!("{files}; add --all to see which")]);
    }
    list("Shards without a summary:", merged.missing_shards.clone());
    let doubled = merged.doubled.iter();
    list(
        "In several results:",
        doubled.map(|(file, it)| format!("{file}: {}", it.join(", "))).collect(),
    );
    list("Cut off at the end:", merged.truncated.clone());
    list("Not a result of this program:", merged.unreadable.clone());
    list("Contradictions:", merged.contradictions.clone());
    let mark = if merged.is_whole() { style.ok() } else { style.no() };
    let up_to_date = entries.values().filter(|it| it.was_up_to_date).count() as u64;
    let mut parts = Vec::new();
    for (word, count) in words {
        match *word {
            "ok" if up_to_date > 0 => {
                parts.push(format!("{} done, {up_to_date} up to date", count - up_to_date));
            }
            "ok" => parts.push(format!("{count} done")),
            word => parts.push(format!("{count} {word}")),
        }
    }
    let files = counted(entries.len(), "file", "files");
    let colon = if parts.is_empty() { "" } else { ": " };
    let _ = writeln!(text, "{mark} {files}{colon}{}", parts.join(", "));
    let _ = writeln!(text, "Digest: {}", merged.tally.digest());
    text
}
