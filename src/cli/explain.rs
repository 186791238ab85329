//! What a failure means for the data, and what to type next.

mod chain;
mod definition;
mod failure;
mod file;
mod request;

use phaseshift::{DatabaseState, Error, ErrorKind, Remedy};

use failure::Failure;

pub use failure::shown;

/// The state of the data and the advice for a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What is in the database now.
    pub state: String,
    /// What to do next: commands, or sentences where no command helps.
    pub next: Vec<String>,
}

/// Explains a failure. `flags` are those that say which project is meant.
pub fn explain(error: &Error, flags: &str) -> Advice {
    explain_of(error, flags, "")
}

/// Explains a failure of a command, whose help is named where nothing else helps.
pub fn explain_of(error: &Error, flags: &str, name: &str) -> Advice {
    let failure = Failure { error, facts: error.facts(), flags, name };
    let mut next = advice(&failure);
    // What was just asked gives the same answer again.
    if name == "preflight" {
        let itself = failure.command(name);
        next.retain(|line| *line != itself);
    }
    if error.state() == DatabaseState::Unknown {
        next.insert(0, failure.command("status"));
    }
    Advice { state: state(&failure), next }
}

/// Says what the failure left in the database.
fn state(failure: &Failure<'_>) -> String {
    let completed = failure.facts.completed.join(", ");
    let text = match failure.error.state() {
        DatabaseState::Unchanged | DatabaseState::RolledBack if !completed.is_empty() => {
            format!("{completed} done and committed; what came after was rolled back")
        }
        DatabaseState::Unchanged => "nothing was changed".to_owned(),
        DatabaseState::RolledBack => {
            "everything was rolled back, the database is as before".to_owned()
        }
        DatabaseState::Done if failure.facts.remedy == Some(Remedy::WriteReport) => {
            "the migration is committed; only its report is missing".to_owned()
        }
        DatabaseState::Done => {
            "the change is in the database; what came after it failed".to_owned()
        }
        DatabaseState::ChangedByCommand => {
            "the command changed the database file itself, not the clone".to_owned()
        }
        DatabaseState::Unknown => "unknown; phaseshift status shows it".to_owned(),
    };
    match &failure.facts.backup {
        Some(backup) => format!("{text}; the backup is {}", backup.display()),
        None => text,
    }
}

/// Chooses the advice for a kind. A kind with one advice has it here; the others have a function in the file of their
/// topic.
#[expect(clippy::too_many_lines, reason = "a table, one line for each kind")]
fn advice(failure: &Failure<'_>) -> Vec<String> {
    let say = |lines| failure.say(lines);
    match failure.error.kind() {
        ErrorKind::Arguments => request::arguments(failure),
        ErrorKind::Config => request::settings(failure),
        ErrorKind::NoAnswer => request::no_answer(failure),
        ErrorKind::Declined if failure.facts.backup.is_some() => say(&[
            "run the same command again when you are ready; the backup is used again if nothing changes",
        ]),
        ErrorKind::Declined => say(&["run the same command again when you are ready"]),

        ErrorKind::PhaseFile => chain::phase_file(failure),
        ErrorKind::Chain => chain::graph(failure),
        ErrorKind::UnknownTarget => chain::unknown_target(failure),
        ErrorKind::AmbiguousTarget => chain::ambiguous_target(failure),
        ErrorKind::PhaseEdited => chain::edited(failure),
        ErrorKind::PhaseMissing => chain::missing(failure),
        ErrorKind::NotAdopted => chain::not_adopted(failure),

        ErrorKind::SchemaMismatch => definition::mismatch(failure),
        ErrorKind::Requirement => definition::requirement(failure),
        ErrorKind::Rows => definition::rows(failure),
        ErrorKind::Step => definition::step(failure),
        ErrorKind::Reference => say(&[
            "choose another name, create what is missing, or add replace_view or replace_trigger to the \
             phase, with a text that names each column with its table",
            "$ check",
        ]),
        ErrorKind::MissingExtension => say(&[
            "change only names here, or make this change with the program that has what is missing",
        ]),
        ErrorKind::Unsupported => {
            say(&["change the object named above so that it can be carried over"])
        }
        ErrorKind::NewerSqlite => say(&[
            "write it without that feature, or raise min_sqlite in the phase or in phaseshift.toml",
        ]),
        ErrorKind::Loss => say(&[
            "add --accept-loss to the command that applies the phases, if what is named above may be lost",
            "$ plan",
        ]),
        ErrorKind::Irreversible => definition::irreversible(failure),

        ErrorKind::DatabaseMissing => file::missing(failure),
        ErrorKind::NotAFile => file::not_a_file(failure),
        ErrorKind::NotADatabase if !failure.facts.choices.is_empty() => file::restorable(failure),
        ErrorKind::NotADatabase => {
            say(&["check that the path is right; an encrypted file must be decrypted first"])
        }
        ErrorKind::Damaged => file::damaged(failure),
        ErrorKind::Unreadable => file::unreadable(failure),
        ErrorKind::ReadOnly => file::read_only(failure),
        ErrorKind::Busy => {
            say(&["close the program that holds the file, or wait for it with --wait SECONDS"])
        }
        ErrorKind::NoSpace => {
            say(&["free some space, or put the backups elsewhere with --backup-dir FOLDER"])
        }
        ErrorKind::VersionTable => file::version_table(failure),
        ErrorKind::VersionTrigger => file::version_trigger(failure),
        ErrorKind::Backup => {
            say(&["check the folder for the backups, or name another one with --backup-dir FOLDER"])
        }
        // The newest one may be the very one that is damaged.
        ErrorKind::BackupDamaged => {
            say(&["$ backups verify", "choose another one, by its number in the list: $ backups"])
        }
        ErrorKind::BackupRefused => {
            say(&["$ backups", "add --force to restore it anyway, if its content is what you want"])
        }
        ErrorKind::Restore if failure.object() == Some("names") => say(&[
            "remove the other names, or restore into a new file with --database FILE",
            "$ status",
        ]),
        ErrorKind::Restore => say(&["$ backups verify", "$ status"]),
        ErrorKind::ForeignWrite => file::foreign_write(failure),
        ErrorKind::Io => file::io(failure),

        ErrorKind::FileChanged => say(&["run the same command again; it reads the file again"]),
        ErrorKind::Rebuild | ErrorKind::Proof => say(&["$ verify", "$ plan"]),
        ErrorKind::Commit => say(&["$ status", "$ verify"]),
        ErrorKind::Interrupted if failure.error.state() == DatabaseState::Done => {
            say(&["$ verify"])
        }
        ErrorKind::Interrupted => {
            say(&["run the same command again; it starts from the beginning"])
        }
        ErrorKind::Command => say(&["correct the command, then prove it again"]),
        ErrorKind::Sqlite => say(&["$ status"]),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_kind_says_the_state_and_something_to_do() {
        for kind in ErrorKind::ALL {
            let advice = explain(&Error::new(kind, "x"), " --database a.db");
            assert_eq!(advice.state, "nothing was changed");
            assert!(!advice.next.is_empty(), "{}", kind.code());
            for text in advice.next.iter() {
                assert!(!text.contains('!') && !text.ends_with('.'), "{text}");
            }
        }
    }

    #[test]
    fn an_unadopted_file_is_told_which_phase_to_stamp() {
        let error = Error::new(ErrorKind::NotAdopted, "x").choices(["phase2"]);
        assert_eq!(explain(&error, " -d a.db").next, ["phaseshift stamp phase2 -d a.db"]);
    }

    #[test]
    fn the_state_names_the_backup() {
        let error = Error::new(ErrorKind::Proof, "x")
            .leaving(DatabaseState::RolledBack)
            .with_backup(Path::new("/b/x.db"));
        let wanted = "everything was rolled back, the database is as before; the backup is /b/x.db";
        assert_eq!(explain(&error, "").state, wanted);
    }
}
