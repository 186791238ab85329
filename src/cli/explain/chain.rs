//! Advice about the chain of phases: its heads, its files, its squashes.

use phaseshift::{Error, Remedy};

use super::ALL_HEADS;
use super::facts::{at_source, from_here, of_choices, of_file, remedy, shown};
use crate::cli::settings::shell_word;

pub(super) fn of_chain(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    if remedy(error) == Some(Remedy::ChangeOneBranch) {
        let places = &error.facts().choices;
        let mut next = vec![format!("change one of the two: {}", from_here(places).join(", "))];
        next.push(format!("then join the branches: {}", command("merge")));
        return next;
    }
    if remedy(error) == Some(Remedy::NameRange) {
        return vec![
            "name a range in which every fork is joined again, or squash the whole chain"
                .to_owned(),
            command("history"),
        ];
    }
    if remedy(error) == Some(Remedy::NameNewFolder) {
        return vec!["name another folder for the new phases with --phases FOLDER".to_owned()];
    }
    if remedy(error) == Some(Remedy::FinishSquash) {
        return vec![
            "if a squash was interrupted, undo it, or run it again to finish it:".to_owned(),
            command("squash --undo"),
        ];
    }
    if remedy(error) == Some(Remedy::WritePhase) {
        return vec![command("revision -m 'What changes' --autogenerate"), command("migrate")];
    }
    if remedy(error) == Some(Remedy::PutBack) {
        let id = error.facts().phase.as_deref().unwrap_or("the phase");
        return vec![
            format!("put the file of {id} back into the folder of the phases"),
            at_source(error, "or, if its id is misspelt, correct it".to_owned()),
        ];
    }
    if error.facts().source.is_some() {
        return of_file(error, "correct the phase file");
    }
    let init = match &error.facts().database {
        Some(file) => format!("phaseshift init --from {}", shell_word(&shown(file))),
        None => command("init"),
    };
    vec!["name the folder of the phase files with --phases FOLDER".to_owned(), init]
}

/// Where several heads or lines are possible, the commands that take all of them, or one.
pub(super) fn of_ambiguous(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut next = match remedy(error) {
        // The id alone would be the place to go back to.
        Some(Remedy::NameBranch) => {
            let ids = error.facts().choices.iter();
            ids.map(|id| command(&format!("downgrade {id}@-1"))).collect()
        }
        _ => of_choices(error),
    };
    match remedy(error) {
        Some(Remedy::TakeAllHeads) => {
            next.push(format!("all heads: {}", command(ALL_HEADS)));
            next.push(format!("or join them: {}", command("merge")));
        }
        Some(Remedy::NameRange | Remedy::NameHead) => {
            next.push(format!("or join them: {}", command("merge")));
        }
        _ => {}
    }
    next.push(command("history"));
    next
}

/// A phase file that was renamed gets its id back, in the file or as the name of the file.
pub(super) fn of_renamed(error: &Error) -> Vec<String> {
    let id = error.facts().phase.as_deref().unwrap_or_default();
    of_file(error, &format!("write id = \"{id}\" into the file, or restore its name"))
}

/// A file in the middle of a squash goes on with the archived phases.
pub(super) fn of_squashed(error: &Error) -> Vec<String> {
    let last = error.facts().choices.last().map_or("LAST", String::as_str);
    let folder = error.facts().source.as_ref().and_then(|(file, _)| file.parent());
    let archive = match (folder, &error.facts().object) {
        (Some(folder), Some(archive)) => shell_word(&folder.join(archive).display().to_string()),
        _ => "FOLDER".to_owned(),
    };
    vec![
        format!("apply the archived phases up to {last} first, with --phases for this one run:"),
        format!("phaseshift upgrade {last} --phases {archive}"),
    ]
}
