//! Advice about what phases define: their steps, the rows that these meet, and how they are undone.

use std::path::Path;

use phaseshift::Remedy;

use super::failure::{Failure, shown};
use super::request::draft;
use crate::cli::settings::shell_word;

/// The differences from what was to be recorded, if that is known.
pub(super) fn mismatch(failure: &Failure<'_>) -> Vec<String> {
    if failure.facts.remedy == Some(Remedy::AllowDrop) {
        return draft(
            failure,
            "or correct the desired schema, or add --allow-drop to drop everything that is named above",
        );
    }
    let from = |id: &String| {
        let diff = failure.command(&format!("diff database {}", shell_word(id)));
        format!("see every difference from {id}: {diff}")
    };
    let force = "add --force to record it anyway, if you know why it differs".to_owned();
    failure.facts.choices.iter().map(from).chain([force]).collect()
}

/// A check of a phase holds only for other rows, which the phase itself comes too late for.
pub(super) fn requirement(failure: &Failure<'_>) -> Vec<String> {
    let next = "correct what the check found, in the database or by a phase before this one";
    vec![failure.at_source(next), failure.command("preflight")]
}

/// Rows that a new rule or type refuses are corrected in the file or by the phase.
pub(super) fn rows(failure: &Failure<'_>) -> Vec<String> {
    let facts = failure.facts;
    if facts.remedy == Some(Remedy::GiveValues) {
        return values(failure);
    }
    if facts.remedy == Some(Remedy::WriteDowngrade) {
        return downgrade_of_rows(failure);
    }
    let give = match (&facts.source, facts.choices.first()) {
        (Some((file, line)), Some(value)) if is_toml(file) => {
            Some(format!("add {value} at {}:{line}", shown(file)))
        }
        _ => None,
    };
    if facts.remedy == Some(Remedy::FillColumn) {
        let fill = || failure.at_source("give the new column a DEFAULT");
        return vec![give.unwrap_or_else(fill), failure.command("preflight")];
    }
    if facts.statement.is_some() {
        let correct = "correct the statement, so that no row breaks the rule";
        return vec![failure.at_source(correct), failure.command("preflight")];
    }
    let rows = match facts.problems.is_empty() {
        true => "correct the rows",
        false => "correct the rows named above",
    };
    let or = if give.is_some() { "or " } else { "" };
    let by_hand =
        format!("{or}{rows}, or add an sql step that corrects them before the step with the rule");
    let by_hand = if give.is_some() { by_hand } else { failure.at_source(by_hand) };
    give.into_iter().chain([by_hand, failure.command("preflight")]).collect()
}

/// A definition of before the phase has rules that rows of today break.
fn downgrade_of_rows(failure: &Failure<'_>) -> Vec<String> {
    let is_written = failure.facts.source.as_ref().is_some_and(|(file, _)| is_toml(file));
    let write = "or add [[down]] steps that give such rows other values, which is allowed although the phase is applied";
    let write = is_written.then(|| failure.at_source(write));
    let restore = restore(failure).map(|it| format!("or {it}"));
    ["correct the rows named above".to_owned()].into_iter().chain(write).chain(restore).collect()
}

fn is_toml(file: &Path) -> bool {
    file.extension().is_some_and(|it| it == "toml")
}

/// The flags that give values to rows which a schema does not allow as they are.
fn values(failure: &Failure<'_>) -> Vec<String> {
    let choices = &failure.facts.choices;
    let give = match choices.is_empty() {
        true => "or give them other values: --value TABLE.COLUMN=SQL".to_owned(),
        false => format!("or give them a value: {}", choices.join(" ")),
    };
    vec!["correct the rows named above, then run the same command again".to_owned(), give]
}

/// Views and triggers that a phase would break are dropped or replaced by the same phase.
pub(super) fn step(failure: &Failure<'_>) -> Vec<String> {
    let facts = failure.facts;
    let mut next = match facts.remedy {
        Some(Remedy::ReplaceObject) => {
            let phase = facts.phase.as_deref().unwrap_or("the phase");
            let replace = |it| failure.at_source(format!("drop or replace {it} in {phase}"));
            facts.choices.iter().map(replace).collect()
        }
        Some(Remedy::RecordPhase | Remedy::ComparePhase) => {
            let phase = facts.choices.first().map_or("", String::as_str);
            let present = match facts.remedy {
                Some(Remedy::RecordPhase) => {
                    let stamp = failure.command(&format!("stamp {phase}"));
                    format!("the file has what {phase} makes; compare and record it: {stamp}")
                }
                _ => {
                    let diff = failure.command(&format!("diff database {phase}"));
                    format!("see how the file differs from what {phase} makes: {diff}")
                }
            };
            vec![present, failure.at_source("or correct the step")]
        }
        _ => {
            let correct = facts.source.as_ref().map(|_| failure.at_source("correct the step"));
            failure.choices().into_iter().chain(correct).collect::<Vec<_>>()
        }
    };
    next.push(failure.command("check"));
    next
}

/// A downgrade can be written later; the backup from before the phase exists.
pub(super) fn irreversible(failure: &Failure<'_>) -> Vec<String> {
    let facts = failure.facts;
    if facts.remedy == Some(Remedy::AcceptLoss) {
        return loss(failure);
    }
    let is_written = facts.source.as_ref().is_some_and(|(file, _)| is_toml(file));
    let write = "add [[down]] steps, which is allowed although the phase is applied";
    let write = is_written.then(|| failure.at_source(write));
    let or = if write.is_some() { "or " } else { "" };
    let restore = restore(failure).map(|it| format!("{or}{it}"));
    write.into_iter().chain(restore).chain([failure.command("backups")]).collect()
}

/// A phase before which there is no other may stand for the tables that the file had when it was adopted.
fn loss(failure: &Failure<'_>) -> Vec<String> {
    let accept = "add --accept-loss if what is named above may be lost".to_owned();
    match failure.facts.choices.first() {
        Some(target) => {
            let stamp = failure.command(&format!("stamp {target}"));
            vec![format!("forget the record and keep the tables: {stamp}"), accept]
        }
        None => [accept].into_iter().chain(restore(failure).map(|it| format!("or {it}"))).collect(),
    }
}

/// The restore of the backup from before the phase, if there may be one.
fn restore(failure: &Failure<'_>) -> Option<String> {
    let backup = match &failure.facts.phase {
        Some(id) => shell_word(&format!("before:{id}")),
        None => "--latest".to_owned(),
    };
    let restore = failure.command(&format!("restore {backup}"));
    (!failure.facts.lacks_backup)
        .then(|| format!("go back to the backup, which loses all changes since: {restore}"))
}
