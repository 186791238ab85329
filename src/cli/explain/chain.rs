//! Advice about the chain of phases: its heads, its files, its squashes, and what a file records of it.

use std::path::{Path, PathBuf};

use phaseshift::Remedy;

use super::failure::{ALL_HEADS, Failure, shown};
use crate::cli::settings::shell_word;
use crate::text::list;

pub(super) fn phase_file(failure: &Failure<'_>) -> Vec<String> {
    match failure.facts.remedy {
        Some(Remedy::FinishSquash) => interrupted_squash(failure),
        _ => vec![failure.at_source("correct the phase file")],
    }
}

fn interrupted_squash(failure: &Failure<'_>) -> Vec<String> {
    failure.say(&[
        "if a squash was interrupted, undo it, or run it again to finish it:",
        "$ squash --undo",
    ])
}

pub(super) fn graph(failure: &Failure<'_>) -> Vec<String> {
    let facts = failure.facts;
    match facts.remedy {
        Some(Remedy::ChangeOneBranch) => {
            let places = list(facts.choices.iter().map(|it| shown(Path::new(it))));
            vec![
                format!("change one of the two: {places}"),
                format!("then join the branches: {}", failure.command("merge")),
            ]
        }
        Some(Remedy::NameRange) => failure.say(&[
            "name a range in which every fork is joined again, or squash the whole chain",
            "$ history",
        ]),
        Some(Remedy::NameNewFolder) => {
            failure.say(&["name another folder for the new phases with --phases FOLDER"])
        }
        Some(Remedy::FinishSquash) => interrupted_squash(failure),
        Some(Remedy::WritePhase) => {
            failure.say(&["$ revision -m 'What changes' --autogenerate", "$ migrate"])
        }
        Some(Remedy::PutBack) => {
            let id = facts.phase.as_deref().unwrap_or("the phase");
            vec![
                format!("put the file of {id} back into the folder of the phases"),
                failure.at_source("or, if its id is misspelt, correct it"),
            ]
        }
        _ if facts.source.is_some() => vec![failure.at_source("correct the phase file")],
        _ => {
            let init = match &facts.database {
                Some(file) => format!("phaseshift init --from {}", shell_word(&shown(file))),
                None => failure.command("init"),
            };
            vec!["name the folder of the phase files with --phases FOLDER".to_owned(), init]
        }
    }
}

pub(super) fn unknown_target(failure: &Failure<'_>) -> Vec<String> {
    let list = if failure.object() == Some("table") { "deps" } else { "history" };
    failure.choices().into_iter().chain([failure.command(list)]).collect()
}

/// Where several heads or lines are possible, the commands that take all of them, or one.
pub(super) fn ambiguous_target(failure: &Failure<'_>) -> Vec<String> {
    let mut next = match failure.facts.remedy {
        // The id alone would be the place to go back to.
        Some(Remedy::NameBranch) => {
            let ids = failure.facts.choices.iter();
            ids.map(|id| failure.command(&format!("downgrade {id}@-1"))).collect()
        }
        _ => failure.choices(),
    };
    let merge = format!("or join them: {}", failure.command("merge"));
    match failure.facts.remedy {
        Some(Remedy::TakeAllHeads) => {
            next.extend([format!("all heads: {}", failure.command(ALL_HEADS)), merge]);
        }
        Some(Remedy::NameRange | Remedy::NameHead) => next.push(merge),
        _ => {}
    }
    next.push(failure.command("history"));
    next
}

pub(super) fn edited(failure: &Failure<'_>) -> Vec<String> {
    let restore = "put the old text of the phase back, and the change into a new phase";
    let accept = failure.facts.phase.as_ref().map(|id| {
        let accept = failure.command(&format!("stamp --accept {id}"));
        format!(
            "or record the new text, if the file has all its tables, views, triggers, columns and \
             primary keys (other differences are only reported): {accept}"
        )
    });
    [failure.at_source(restore)].into_iter().chain(accept).collect()
}

pub(super) fn missing(failure: &Failure<'_>) -> Vec<String> {
    let facts = failure.facts;
    match facts.remedy {
        Some(Remedy::ApplyArchived) => archived(failure),
        Some(Remedy::UseNewerProgram) => {
            failure.say(&["use the newer program that recorded this phase", "$ backups"])
        }
        _ if facts.source.is_some() && !facts.choices.is_empty() => {
            let id = facts.phase.as_deref().unwrap_or_default();
            let is_sql =
                |(file, _): &(PathBuf, usize)| file.extension().is_some_and(|it| it == "sql");
            let written = match facts.source.as_ref().is_some_and(is_sql) {
                true => format!("-- phase: id={id}"),
                false => format!("id = \"{id}\""),
            };
            let what = format!("write {written} into the file, or restore its name");
            vec![failure.at_source(what)]
        }
        Some(Remedy::UndoNewer) => {
            let target = facts.choices.first().map_or("", String::as_str);
            let downgrade = failure.command(format!("downgrade {target}").trim_end());
            vec![
                "use the newer program or folder that holds these phases".to_owned(),
                format!(
                    "or undo them, from the file's history, with --accept-loss if their rows may be lost: {downgrade}"
                ),
            ]
        }
        _ => failure.say(&[
            "restore the missing phase files, or name their folder with --phases FOLDER",
            "or forget them, and record the phases that are here: $ stamp head --purge",
            "$ status",
        ]),
    }
}

/// A file in the middle of a squash goes on with the archived phases.
fn archived(failure: &Failure<'_>) -> Vec<String> {
    let last = failure.facts.choices.last().map_or("LAST", String::as_str);
    let folder = failure.facts.source.as_ref().and_then(|(file, _)| file.parent());
    let archive = match folder.zip(failure.object()) {
        Some((folder, archive)) => shell_word(&folder.join(archive).display().to_string()),
        None => "FOLDER".to_owned(),
    };
    vec![
        format!("apply the archived phases up to {last} first, with --phases for this one run:"),
        format!("phaseshift upgrade {last} --phases {archive}"),
    ]
}

/// The choice is the phase whose schema the file has, as far as that could be found out.
pub(super) fn not_adopted(failure: &Failure<'_>) -> Vec<String> {
    let stamp = |id: &String| failure.command(&format!("stamp {id}"));
    match failure.facts.choices.last() {
        Some(id) if failure.facts.remedy == Some(Remedy::RecordFit) => {
            vec![format!("the file fits {id}: {}", stamp(id))]
        }
        Some(id) => vec![stamp(id)],
        None => failure.say(&[
            "see how they differ before you stamp a phase: $ diff --from database --to head",
            "$ history",
        ]),
    }
}
