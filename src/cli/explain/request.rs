//! Advice about what was asked for: arguments, settings, and answers that are missing.

use phaseshift::Remedy;

use super::failure::Failure;
use crate::cli::settings::shell_word;
use crate::cli::settings_search::{OF_OTHERS, OPEN_TO_OTHERS};

pub(super) fn arguments(failure: &Failure<'_>) -> Vec<String> {
    let command = |rest: &str| failure.command(rest);
    let first = failure.first_choice();
    match failure.facts.remedy {
        Some(Remedy::NameDatabase) => failure
            .say(&["name it with --database FILE, or set database in phaseshift.toml", "$ init"]),
        Some(Remedy::ScriptOfRange) => vec![
            format!("for a new database: {}", command(&format!("upgrade {first} --sql"))),
            "or name the database with --database FILE".to_owned(),
        ],
        Some(Remedy::Downgrade) => vec![command(&format!("downgrade {first}"))],
        Some(Remedy::Upgrade) => vec![command(&format!("upgrade {first}"))],
        Some(Remedy::ShowStatus) => failure.say(&["$ status"]),
        Some(Remedy::NameHead) => failure.say(&["$ heads"]),
        Some(Remedy::ForkChain) => vec![
            "add --splice to fork the chain there".to_owned(),
            format!("or let the new phase follow the head: leave out --head {first}"),
        ],
        Some(Remedy::NameFormat) => vec![
            command(&format!("plan {first} --sql")),
            command(&format!("plan {first} --format markdown")),
        ],
        Some(Remedy::NameId) => {
            failure.say(&["choose another id with --id ID, or leave it out", "$ history"])
        }
        Some(Remedy::LeaveOut) => vec![format!("leave out {first}")],
        Some(Remedy::BeginElsewhere) => vec![format!(
            "begin another project for the file: phaseshift init project2 --from {first}"
        )],
        Some(Remedy::NameBackup) => vec![command(&format!("backup --name {first}"))],
        _ => failure.choices().into_iter().chain([command("help")]).collect(),
    }
}

/// Settings that others wrote are used only if they are named.
pub(super) fn settings(failure: &Failure<'_>) -> Vec<String> {
    if failure.object() == Some("desired schema") {
        return failure.say(&["name a file or folder of CREATE statements with --schema FILE"]);
    }
    if failure.facts.remedy == Some(Remedy::CheckPath) {
        return failure.say(&["check the path that is named above"]);
    }
    let file = failure.facts.source.as_ref().map(|(file, _)| shell_word(&file.to_string_lossy()));
    let named = |file: &str| format!("if you trust what it says, name it: --config {file}");
    match (failure.object(), file) {
        (Some(OPEN_TO_OTHERS), Some(file)) => vec![format!("chmod go-w {file}"), named(&file)],
        (Some(OF_OTHERS), Some(file)) => vec![
            named(&file),
            "or begin a settings file of your own in this folder: touch phaseshift.toml".to_owned(),
        ],
        _ => vec![failure.at_source("correct the file")],
    }
}

pub(super) fn no_answer(failure: &Failure<'_>) -> Vec<String> {
    match failure.facts.remedy {
        _ if failure.object() == Some("backup") => {
            failure.say(&["$ restore --latest --yes", "$ backups"])
        }
        Some(Remedy::AnswerDraft) => draft(
            failure,
            "or note it in the schema file, behind the column or table: -- @renamed from=old",
        ),
        Some(Remedy::AddYes) => vec![same_command("--yes")],
        _ => failure.say(&["run it in a terminal without --no-input, or add --yes"]),
    }
}

/// The flags that say what became of what the desired schema lacks.
pub(super) fn draft(failure: &Failure<'_>, otherwise: &str) -> Vec<String> {
    let renames = failure.facts.renames.iter().map(|it| format!("if it was renamed, add: {it}"));
    let drops = failure.facts.choices.iter().map(|it| format!("if it is dropped, add: {it}"));
    renames.chain(drops).chain([otherwise.to_owned()]).collect()
}

/// The command that runs, with one more flag.
fn same_command(flag: &str) -> String {
    let words = std::env::args().skip(1).map(|it| shell_word(&it));
    let all = ["phaseshift".to_owned()].into_iter().chain(words).chain([flag.to_owned()]);
    all.collect::<Vec<_>>().join(" ")
}
