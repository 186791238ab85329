//! What a failure means for the data, and what to type next.

mod chain;
mod facts;

use std::path::Path;

use phaseshift::database::{CRASHED, EMPTY};
use phaseshift::text::counted;
use phaseshift::{DatabaseState, Error, ErrorKind, Remedy};

use super::settings::shell_word;
use super::settings_search;
use chain::{of_ambiguous, of_chain, of_renamed, of_squashed};
use facts::{at_source, of_choices, of_file, remedy, state};

pub use facts::shown;

/// The state of the data and the advice for a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What is in the database now.
    pub state: String,
    /// What to do next: commands, or sentences where no command helps.
    pub next: Vec<String>,
}

/// Of how many other databases a backup is named.
const OTHERS: usize = 3;

/// Stands for the command that failed, with all heads as its target.
const ALL_HEADS: &str = "COMMAND heads";

/// Explains a failure. `flags` are those that say which project is meant.
pub fn explain(error: &Error, flags: &str) -> Advice {
    explain_of(error, flags, "")
}

/// Explains a failure of a command, whose help is named where nothing else helps.
pub fn explain_of(error: &Error, flags: &str, name: &str) -> Advice {
    let command = |rest: &str| match rest {
        "help" => format!("phaseshift help {name}").trim_end().to_owned(),
        ALL_HEADS if matches!(name, "migrate" | "plan" | "preflight" | "stamp") => {
            format!("phaseshift {name} heads{flags}")
        }
        ALL_HEADS => format!("phaseshift upgrade heads{flags}"),
        rest => format!("phaseshift {rest}{flags}"),
    };
    let mut next = advice(error, &command);
    // What was just asked gives the same answer again.
    if name == "preflight" {
        let itself = command(name);
        next.retain(|line| *line != itself);
    }
    if error.state() == DatabaseState::Unknown {
        next.insert(0, command("status"));
    }
    Advice { state: state(error), next }
}

#[expect(clippy::too_many_lines, reason = "a table with one line for each kind")]
fn advice(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match error.kind() {
        ErrorKind::Arguments => of_arguments(error, command),
        ErrorKind::Config if error.facts().object.as_deref() == Some("desired schema") => {
            one("name a file or folder of CREATE statements with --schema FILE")
        }
        ErrorKind::Config if remedy(error) == Some(Remedy::CheckPath) => {
            one("check the path that is named above")
        }
        ErrorKind::Config => of_settings(error),
        ErrorKind::PhaseFile if remedy(error) == Some(Remedy::FinishSquash) => {
            of_chain(error, command)
        }
        ErrorKind::PhaseFile => of_file(error, "correct the phase file"),
        ErrorKind::Chain => of_chain(error, command),
        ErrorKind::UnknownTarget => {
            let mut next = of_choices(error);
            let of_table = error.facts().object.as_deref() == Some("table");
            next.push(command(if of_table { "deps" } else { "history" }));
            next
        }
        ErrorKind::AmbiguousTarget => of_ambiguous(error, command),
        ErrorKind::PhaseEdited => {
            let what = "put the old text of the phase back, and the change into a new phase";
            let mut next = of_file(error, what);
            if let Some(id) = &error.facts().phase {
                let accept = command(&format!("stamp --accept {id}"));
                next.push(format!(
                    "or record the new text, if the file has all its tables, views, triggers, columns and \
                     primary keys (other differences are only reported): {accept}"
                ));
            }
            next
        }
        ErrorKind::PhaseMissing if remedy(error) == Some(Remedy::ApplyArchived) => {
            of_squashed(error)
        }
        ErrorKind::PhaseMissing
            if error.facts().source.is_some() && !error.facts().choices.is_empty() =>
        {
            of_renamed(error)
        }
        ErrorKind::PhaseMissing if remedy(error) == Some(Remedy::UndoNewer) => vec![
            "use the newer program or folder that holds these phases".to_owned(),
            format!(
                "or undo them, from the file's history, with --accept-loss if their rows may be lost: {}",
                command(&of_newer(error))
            ),
        ],
        ErrorKind::PhaseMissing => vec![
            "restore the missing phase files, or name their folder with --phases FOLDER".to_owned(),
            format!("or forget them, and record the phases that are here: {}", command("stamp head --purge")),
            command("status"),
        ],
        ErrorKind::Loss => vec![
            "add --accept-loss if what is named above may be lost".to_owned(),
            command("plan"),
        ],
        ErrorKind::Irreversible if remedy(error) == Some(Remedy::AcceptLoss) => of_loss(error, command),
        ErrorKind::Irreversible => of_irreversible(error, command),
        ErrorKind::NotAFile | ErrorKind::ReadOnly
            if error.facts().object.as_deref() == Some("backup folder") =>
        {
            one("name another folder for the backups with --backup-dir FOLDER")
        }
        ErrorKind::DatabaseMissing | ErrorKind::NotAFile
            if error.facts().object.as_deref() == Some("backup") =>
        {
            of_missing_backup(error, command)
        }
        ErrorKind::DatabaseMissing | ErrorKind::NotAFile if !error.facts().choices.is_empty() => {
            of_missing_database(error, command)
        }
        ErrorKind::DatabaseMissing if error.facts().object.as_deref() == Some("selection") => {
            one("name a folder, a pattern in quotes, or @LIST with --all")
        }
        ErrorKind::DatabaseMissing => vec![
            "name an existing file with --database FILE".to_owned(),
            format!("or create it from the phases: {}", command("upgrade --create")),
        ],
        ErrorKind::NotAFile if error.facts().object.as_deref() == Some(EMPTY) => {
            vec![format!("create it from the phases: {}", command("upgrade --create"))]
        }
        ErrorKind::NotAFile if error.facts().object.as_deref() == Some("demo") => {
            one("phaseshift demo demo2")
        }
        ErrorKind::NotAFile if error.facts().object.as_deref() == Some("beside") => {
            one("move the file named above away; SQLite would read it together with the database")
        }
        ErrorKind::NotAFile => one("name a database file with --database FILE"),
        ErrorKind::NotADatabase if !error.facts().choices.is_empty() => {
            of_missing_database(error, command)
        }
        ErrorKind::NotADatabase => {
            one("check that the path is right; an encrypted file must be decrypted first")
        }
        ErrorKind::Damaged => of_damage(error, command),
        // The newest one may be the very one that is damaged.
        ErrorKind::BackupDamaged => vec![
            command("backups verify"),
            format!("choose another one, by its number in the list: {}", command("backups")),
        ],
        ErrorKind::Unreadable => of_unreadable(error, command),
        ErrorKind::ReadOnly if error.facts().object.as_deref() == Some(CRASHED) => vec![
            format!("roll it back, as SQLite does, and keep a copy: {}", command("backup")),
            command("status"),
        ],
        ErrorKind::ReadOnly => one("give yourself write access to the file and to its folder"),
        ErrorKind::Busy => {
            one("close the program that holds the file, or wait for it with --wait SECONDS")
        }
        ErrorKind::NoSpace => {
            one("free some space, or put the backups elsewhere with --backup-dir FOLDER")
        }
        ErrorKind::NotAdopted => of_unadopted(error, command),
        ErrorKind::VersionTable => one(
            "name another table: --version-table NAME, or version_table = \"NAME\" in phaseshift.toml",
        ),
        ErrorKind::VersionTrigger => of_version_trigger(error, command),
        ErrorKind::SchemaMismatch if remedy(error) == Some(Remedy::AllowDrop) => of_draft(error),
        ErrorKind::SchemaMismatch => of_mismatch(error, command),
        ErrorKind::Rows if remedy(error) == Some(Remedy::GiveValues) => of_values(error),
        ErrorKind::Requirement => of_requirement(error, command),
        ErrorKind::Rows => of_rows(error, command),
        ErrorKind::Step if remedy(error) == Some(Remedy::ReplaceObject) => {
            of_broken_objects(error, command)
        }
        ErrorKind::Step => {
            let mut next = of_choices(error);
            if error.facts().source.is_some() {
                next.push(at_source(error, "correct the step".to_owned()));
            }
            next.push(command("check"));
            next
        }
        ErrorKind::Reference => vec![
            "choose another name, create what is missing, or add replace_view or replace_trigger to the \
             phase, with a text that names each column with its table"
                .to_owned(),
            command("check"),
        ],
        ErrorKind::MissingExtension => one(
            "change only names here, or make this change with the program that has what is missing",
        ),
        ErrorKind::Unsupported => {
            one("change the object named above so that it can be carried over")
        }
        ErrorKind::NewerSqlite => one(
            "write it without that feature, or raise min_sqlite in the phase or in phaseshift.toml",
        ),
        ErrorKind::Backup => {
            one("check the folder for the backups, or name another one with --backup-dir FOLDER")
        }
        ErrorKind::BackupRefused => vec![
            command("backups"),
            "add --force to restore it anyway, if its content is what you want".to_owned(),
        ],
        ErrorKind::FileChanged => one("run the same command again; it reads the file again"),
        ErrorKind::Rebuild | ErrorKind::Proof => vec![command("verify"), command("plan")],
        ErrorKind::Commit => vec![command("status"), command("verify")],
        ErrorKind::Restore if error.facts().object.as_deref() == Some("names") => vec![
            "remove the other names, or restore into a new file with --database FILE".to_owned(),
            command("status"),
        ],
        ErrorKind::Restore => vec![command("backups verify"), command("status")],
        ErrorKind::NoAnswer if error.facts().object.as_deref() == Some("backup") => {
            vec![command("restore --latest --yes"), command("backups")]
        }
        ErrorKind::NoAnswer if remedy(error) == Some(Remedy::AnswerDraft) => of_draft(error),
        ErrorKind::NoAnswer if remedy(error) == Some(Remedy::AddYes) => {
            one(&facts::same_command("--yes"))
        }
        ErrorKind::NoAnswer => one("run it in a terminal without --no-input, or add --yes"),
        ErrorKind::Declined if error.facts().backup.is_some() => one(
            "run the same command again when you are ready; the backup is used again if nothing changes",
        ),
        ErrorKind::Declined => one("run the same command again when you are ready"),
        ErrorKind::Interrupted if error.state() == DatabaseState::Done => vec![command("verify")],
        ErrorKind::Interrupted => one("run the same command again; it starts from the beginning"),
        ErrorKind::Command => one("correct the command, then prove it again"),
        ErrorKind::ForeignWrite => of_foreign_write(error, command),
        ErrorKind::Io if remedy(error) == Some(Remedy::WriteReport) => {
            let file = error.facts().choices.first().map(|it| shell_word(it)).unwrap_or_default();
            vec![command(&format!("report --done -o {file}"))]
        }
        ErrorKind::Io if remedy(error) == Some(Remedy::CheckPath) => {
            one("check the path that is named above")
        }
        ErrorKind::Io | ErrorKind::Sqlite => vec![command("status")],
    }
}

/// The differences from what was to be recorded, if that is known.
fn of_mismatch(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let from = |id: &String| {
        let diff = command(&format!("diff database {}", shell_word(id)));
        format!("see every difference from {id}: {diff}")
    };
    let mut next: Vec<String> = error.facts().choices.iter().map(from).collect();
    next.push("add --force to record it anyway, if you know why it differs".to_owned());
    next
}

/// Without a backup, what SQLite can still read goes into a new file (<https://sqlite.org/recovery.html>).
fn of_damage(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    match &error.facts().database {
        Some(file) if error.facts().choices.is_empty() => {
            let file = shell_word(&shown(file));
            vec![
                command("backups"),
                format!(
                    "without a backup, recover what can be read into a new file, with a sqlite3 that has .recover: \
                     sqlite3 {file} .recover | sqlite3 recovered.db"
                ),
            ]
        }
        _ => vec![command("backups verify"), command("restore --latest")],
    }
}

/// The backup that was made before the command holds what the file held.
fn of_foreign_write(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let backup = error.facts().backup.as_ref();
    let backup = backup.map_or_else(|| "--latest".to_owned(), |it| it.display().to_string());
    vec![
        command(&format!("restore {}", shell_word(&backup))),
        "let the command use $PHASESHIFT_DATABASE, $DATABASE_URL, or {} in its place".to_owned(),
    ]
}

/// Only the owner can give access; what is closed is the database or another file, or a folder.
fn of_unreadable(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let facts = error.facts();
    let closed = facts.object.as_deref().unwrap_or("the file");
    let database = facts.database.as_deref().map(|it| it.display().to_string());
    // A journal or a WAL has the name of the database before its own ending.
    let is_file = database.is_some_and(|it| closed.starts_with(&it));
    let rights = if is_file { "u+rw" } else { "u+rwx" };
    let access = match facts.remedy {
        Some(Remedy::ChangeMode) => format!("chmod {rights} {}", shell_word(closed)),
        _ => format!("let the owner of {closed} give you access, or run this as its owner"),
    };
    vec![access, command("status")]
}

/// A trigger of a phase is corrected there; one that the file has must be dropped.
fn of_version_trigger(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let trigger = error.facts().object.as_deref().unwrap_or("NAME");
    match &error.facts().phase {
        Some(phase) => vec![format!("remove the trigger {trigger} from {phase}"), command("plan")],
        None => vec![
            format!("drop the trigger first: DROP TRIGGER {}", phaseshift::name::quote(trigger)),
            command("status"),
        ],
    }
}

/// A missing database that has backups: the newest brings it back.
/// A phase before which there is none may stand for the tables that the file had when it was adopted.
fn of_loss(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let accept = "add --accept-loss if what is named above may be lost".to_owned();
    match error.facts().choices.first() {
        Some(target) => {
            let stamp = command(&format!("stamp {target}"));
            vec![format!("forget the record and keep the tables: {stamp}"), accept]
        }
        None => {
            let restore = of_restore(error, command).map(|it| format!("or {it}"));
            [Some(accept), restore].into_iter().flatten().collect()
        }
    }
}

/// The restore of the backup from before the phase, if there may be one.
fn of_restore(error: &Error, command: &dyn Fn(&str) -> String) -> Option<String> {
    let backup = match &error.facts().phase {
        Some(id) => shell_word(&format!("before:{id}")),
        None => "--latest".to_owned(),
    };
    let restore = command(&format!("restore {backup}"));
    (!error.facts().lacks_backup)
        .then(|| format!("go back to the backup, which loses all changes since: {restore}"))
}

/// A downgrade can be written later; the backup from before the phase exists.
fn of_irreversible(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let facts = error.facts();
    let is_toml = |file: &Path| file.extension().is_some_and(|it| it == "toml");
    let write = "write [[down]] steps, which count as no edit of the phase";
    let is_written = facts.source.as_ref().is_some_and(|(file, _)| is_toml(file));
    let write = is_written.then(|| at_source(error, write.to_owned()));
    let or = if write.is_some() { "or " } else { "" };
    let restore = of_restore(error, command).map(|it| format!("{or}{it}"));
    write.into_iter().chain(restore).chain([command("backups")]).collect()
}

fn of_missing_database(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let count = counted(error.facts().choices.len(), "backup exists", "backups exist");
    vec![
        format!("{count}: {}", command("restore --latest")),
        command("backups"),
        "or name another file with --database FILE".to_owned(),
    ]
}

/// A check of a phase holds only for other rows, which the phase itself comes too late for.
fn of_requirement(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let next = "correct what the check found, in the database or by a phase before this one";
    vec![at_source(error, next.to_owned()), command("preflight")]
}

/// Rows that a new rule or type refuses are corrected in the file or by the phase.
fn of_rows(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let facts = error.facts();
    let is_toml = |file: &Path| file.extension().is_some_and(|it| it == "toml");
    let give = match (&facts.source, facts.choices.first()) {
        (Some((file, line)), Some(value)) if is_toml(file) => {
            Some(format!("add {value} at {}:{line}", shown(file)))
        }
        _ => None,
    };
    if facts.remedy == Some(Remedy::FillColumn) {
        let fill = || at_source(error, "give the new column a DEFAULT".to_owned());
        return vec![give.unwrap_or_else(fill), command("preflight")];
    }
    let rows = match facts.problems.is_empty() {
        true => "correct the rows",
        false => "correct the rows named above",
    };
    let or = if give.is_some() { "or " } else { "" };
    let by_hand =
        format!("{or}{rows}, or add an sql step that corrects them before the step with the rule");
    let by_hand = if give.is_some() { by_hand } else { at_source(error, by_hand) };
    give.into_iter().chain([by_hand, command("preflight")]).collect()
}

/// Views and triggers that a phase would break are dropped or replaced by the same phase.
fn of_broken_objects(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let phase = error.facts().phase.as_deref().unwrap_or("the phase");
    let named = error.facts().choices.iter();
    let mut next: Vec<String> =
        named.map(|it| at_source(error, format!("drop or replace {it} in {phase}"))).collect();
    next.push(command("check"));
    next
}

/// The flags that give values to rows which a schema does not allow as they are.
fn of_values(error: &Error) -> Vec<String> {
    let choices = &error.facts().choices;
    let mut next = vec!["correct the rows named above, then run the same command again".to_owned()];
    match choices.is_empty() {
        true => next.push("or give them other values: --value TABLE.COLUMN=SQL".to_owned()),
        false => next.push(format!("or give them a value: {}", choices.join(" "))),
    }
    next
}

/// The flags that say what became of what the desired schema lacks.
fn of_draft(error: &Error) -> Vec<String> {
    let (renames, drops) = (error.facts().renames.iter(), &error.facts().choices);
    let mut next: Vec<String> = renames.map(|it| format!("if it was renamed, add: {it}")).collect();
    next.extend(drops.iter().map(|it| format!("if it is dropped, add: {it}")));
    match remedy(error) {
        Some(Remedy::AnswerDraft) => next.push(
            "or note it in the schema file, behind the column or table: -- @renamed from=old"
                .to_owned(),
        ),
        _ => next.push(
            "or correct the desired schema, or add --allow-drop to drop everything that is named above"
                .to_owned(),
        ),
    }
    next
}

fn of_missing_backup(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut next = of_choices(error);
    for (database, backup) in error.facts().other_backups.iter().take(OTHERS) {
        let (database, name) = (shown(database), backup.file_name().unwrap_or_default());
        let restore = command(&format!("restore {} --force", shell_word(&name.to_string_lossy())));
        next.push(format!("to restore the newest backup of {database}: {restore}"));
    }
    if error.facts().lacks_backup {
        next.push("name the folder of the backups with --backup-dir FOLDER".to_owned());
        return next;
    }
    next.push(command("backups"));
    next.push(
        "name a file or a number of the list, or the folder of the backups with --backup-dir FOLDER"
            .to_owned(),
    );
    next
}

fn of_arguments(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    let first = error.facts().choices.first().map(|it| shell_word(it)).unwrap_or_default();
    match remedy(error) {
        Some(Remedy::NameDatabase) => vec![
            "name it with --database FILE, or set database in phaseshift.toml".to_owned(),
            command("init"),
        ],
        Some(Remedy::ScriptOfRange) => vec![
            format!("for a new database: {}", command(&format!("upgrade {first} --sql"))),
            "or name the database with --database FILE".to_owned(),
        ],
        Some(Remedy::Downgrade) => vec![command(&format!("downgrade {first}"))],
        Some(Remedy::Upgrade) => vec![command(&format!("upgrade {first}"))],
        Some(Remedy::ShowStatus) => vec![command("status")],
        Some(Remedy::NameHead) => vec![command("heads")],
        Some(Remedy::ForkChain) => vec![
            "add --splice to fork the chain there".to_owned(),
            format!("or let the new phase follow the head: leave out --head {first}"),
        ],
        Some(Remedy::NameFormat) => vec![
            command(&format!("plan {first} --sql")),
            command(&format!("plan {first} --format markdown")),
        ],
        Some(Remedy::NameId) => {
            vec!["choose another id with --id ID, or leave it out".to_owned(), command("history")]
        }
        Some(Remedy::LeaveOut) => vec![format!("leave out {first}")],
        Some(Remedy::BeginElsewhere) => vec![format!(
            "begin another project for the file: phaseshift init project2 --from {first}"
        )],
        Some(Remedy::NameBackup) => vec![command(&format!("backup --name {first}"))],
        _ => of_choices(error).into_iter().chain([command("help")]).collect(),
    }
}

/// Settings that others wrote are used only if they are named.
fn of_settings(error: &Error) -> Vec<String> {
    let (about, source) = (error.facts().object.as_deref(), &error.facts().source);
    let Some((file, _)) = source.as_ref().filter(|_| {
        matches!(about, Some(settings_search::OF_OTHERS | settings_search::OPEN_TO_OTHERS))
    }) else {
        return of_file(error, "correct the file");
    };
    let file = shell_word(&file.display().to_string());
    let named = format!("if you trust what it says, name it: --config {file}");
    let own =
        "or begin a settings file of your own in this folder: touch phaseshift.toml".to_owned();
    match about {
        Some(settings_search::OPEN_TO_OTHERS) => vec![format!("chmod go-w {file}"), named],
        Some(_) | None => vec![named, own],
    }
}

/// The downgrade to what the folder holds.
fn of_newer(error: &Error) -> String {
    match error.facts().choices.first() {
        Some(target) => format!("downgrade {target}"),
        None => "downgrade".to_owned(),
    }
}

/// The choice is the phase whose schema the file has, as far as that could be found out.
fn of_unadopted(error: &Error, command: &dyn Fn(&str) -> String) -> Vec<String> {
    match error.facts().choices.last() {
        Some(id) if remedy(error) == Some(Remedy::RecordFit) => {
            vec![format!("the file fits {id}: {}", command(&format!("stamp {id}")))]
        }
        Some(id) => vec![command(&format!("stamp {id}"))],
        None => vec![
            format!(
                "see how they differ before you stamp a phase: {}",
                command("diff --from database --to head")
            ),
            command("history"),
        ],
    }
}
