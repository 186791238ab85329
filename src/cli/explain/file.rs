//! Advice about the database file, its version tables and its backups.

use phaseshift::Remedy;
use phaseshift::database::{CRASHED, EMPTY};
use phaseshift::history::HISTORY_TABLE;
use phaseshift::text::counted;

use super::failure::{Failure, shown};
use crate::cli::settings::shell_word;

/// Of how many other databases a backup is named.
const OTHERS: usize = 3;

pub(super) fn missing(failure: &Failure<'_>) -> Vec<String> {
    match failure.object() {
        Some("backup") => missing_backup(failure),
        _ if !failure.facts.choices.is_empty() => restorable(failure),
        Some("selection") => {
            failure.say(&["name a folder, a pattern in quotes, or @LIST with --all"])
        }
        _ => failure.say(&[
            "name an existing file with --database FILE",
            "or create it from the phases: $ upgrade --create",
        ]),
    }
}

pub(super) fn not_a_file(failure: &Failure<'_>) -> Vec<String> {
    match failure.object() {
        Some("backup folder") => other_backup_folder(failure),
        Some("backup") => missing_backup(failure),
        _ if !failure.facts.choices.is_empty() => restorable(failure),
        Some(EMPTY) => failure.say(&["create it from the phases: $ upgrade --create"]),
        Some("demo") => failure.say(&["phaseshift demo demo2"]),
        Some("beside") => failure.say(&[
            "move the file named above away; SQLite would read it together with the database",
        ]),
        _ => failure.say(&["name a database file with --database FILE"]),
    }
}

fn other_backup_folder(failure: &Failure<'_>) -> Vec<String> {
    failure.say(&["name another folder for the backups with --backup-dir FOLDER"])
}

/// A missing database that has backups: the newest brings it back.
pub(super) fn restorable(failure: &Failure<'_>) -> Vec<String> {
    let count = counted(failure.facts.choices.len(), "backup exists", "backups exist");
    vec![
        format!("{count}: {}", failure.command("restore --latest")),
        failure.command("backups"),
        "or name another file with --database FILE".to_owned(),
    ]
}

fn missing_backup(failure: &Failure<'_>) -> Vec<String> {
    let mut next = failure.choices();
    for (database, backup) in failure.facts.other_backups.iter().take(OTHERS) {
        let name = backup.file_name().unwrap_or_default().to_string_lossy();
        let restore = failure.command(&format!("restore {} --force", shell_word(&name)));
        next.push(format!("to restore the newest backup of {}: {restore}", shown(database)));
    }
    next.extend(failure.say(match failure.facts.lacks_backup {
        true => &["name the folder of the backups with --backup-dir FOLDER"],
        false => &[
            "$ backups",
            "name a file or a number from `phaseshift backups`, or the folder of the backups with --backup-dir FOLDER",
        ],
    }));
    next
}

/// Without a backup, what SQLite can still read goes into a new file (<https://sqlite.org/recovery.html>).
pub(super) fn damaged(failure: &Failure<'_>) -> Vec<String> {
    match &failure.facts.database {
        Some(file) if failure.facts.choices.is_empty() => {
            let file = shell_word(&shown(file));
            vec![
                failure.command("backups"),
                format!(
                    "without a backup, recover what can be read into a new file, with a sqlite3 that has .recover: \
                     sqlite3 {file} .recover | sqlite3 recovered.db"
                ),
            ]
        }
        _ => failure.say(&["$ backups verify", "$ restore --latest"]),
    }
}

/// Only the owner can give access; what is closed is the database or another file, or a folder.
pub(super) fn unreadable(failure: &Failure<'_>) -> Vec<String> {
    let closed = failure.object().unwrap_or("the file");
    let database = failure.facts.database.as_deref().map(|it| it.display().to_string());
    // A journal or a WAL has the name of the database before its own ending.
    let is_file = database.is_some_and(|it| closed.starts_with(&it));
    let rights = if is_file { "u+rw" } else { "u+rwx" };
    let access = match failure.facts.remedy {
        Some(Remedy::ChangeMode) => format!("chmod {rights} {}", shell_word(closed)),
        _ => format!("let the owner of {closed} give you access, or run this as its owner"),
    };
    vec![access, failure.command("status")]
}

pub(super) fn read_only(failure: &Failure<'_>) -> Vec<String> {
    match failure.object() {
        Some("backup folder") => other_backup_folder(failure),
        Some(CRASHED) => {
            failure.say(&["roll it back, as SQLite does, and keep a copy: $ backup", "$ status"])
        }
        _ => failure.say(&["give yourself write access to the file and to its folder"]),
    }
}

/// The history has one name; the version table may have another one.
pub(super) fn version_table(failure: &Failure<'_>) -> Vec<String> {
    match failure.object() {
        Some(HISTORY_TABLE) => {
            let mut lines = failure.say(&[
                "if another program made that table, rename it: phases are recorded in one of its name",
            ]);
            lines.push(format!("if it is damaged, restore a backup: {}", failure.command("backups")));
            lines
        }
        _ => failure.say(&[
            "name another table: --version-table NAME, or version_table = \"NAME\" in phaseshift.toml",
        ]),
    }
}

/// A trigger of a phase is corrected there; one that the file has must be dropped.
pub(super) fn version_trigger(failure: &Failure<'_>) -> Vec<String> {
    let trigger = failure.object().unwrap_or("NAME");
    match &failure.facts.phase {
        Some(phase) => {
            let remove = format!("remove the trigger {trigger} from {phase}");
            vec![remove, failure.command("plan")]
        }
        None => vec![
            format!("drop the trigger first: DROP TRIGGER {}", phaseshift::name::quote(trigger)),
            failure.command("status"),
        ],
    }
}

/// The backup that was made before the command holds what the file held.
pub(super) fn foreign_write(failure: &Failure<'_>) -> Vec<String> {
    let backup = failure.facts.backup.as_ref();
    let backup = backup.map_or_else(|| "--latest".to_owned(), |it| it.display().to_string());
    vec![
        failure.command(&format!("restore {}", shell_word(&backup))),
        "let the command use $PHASESHIFT_DATABASE, $DATABASE_URL, or {} in its place".to_owned(),
    ]
}

pub(super) fn io(failure: &Failure<'_>) -> Vec<String> {
    match failure.facts.remedy {
        Some(Remedy::WriteReport) => {
            let file = failure.first_choice();
            vec![failure.command(&format!("report --done -o {file}"))]
        }
        Some(Remedy::CheckPath) => failure.say(&["check the path that is named above"]),
        _ => failure.say(&["$ status"]),
    }
}
