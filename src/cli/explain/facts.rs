//! The facts of a failure as parts of advice: its place, its choices, its remedy.

use std::path::Path;

use phaseshift::{DatabaseState, Error, Remedy};

use crate::cli::settings::shell_word;

/// Adds the place in the phase file, where it is known.
pub(super) fn at_source(error: &Error, what: String) -> String {
    match &error.facts().source {
        Some((file, line)) => format!("{what}: {}:{line}", shown(file)),
        None => what,
    }
}

/// Advises to change the file at fault.
pub(super) fn of_file(error: &Error, what: &str) -> Vec<String> {
    vec![at_source(error, what.to_owned())]
}

/// Shows a path as it is written from the present folder.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.as_deref().and_then(|it| path.strip_prefix(it).ok());
    below.unwrap_or(path).display().to_string()
}

/// The command that runs, with one more flag.
pub(super) fn same_command(flag: &str) -> String {
    let words = std::env::args().skip(1).map(|it| shell_word(&it));
    ["phaseshift".to_owned()]
        .into_iter()
        .chain(words)
        .chain([flag.to_owned()])
        .collect::<Vec<_>>()
        .join(" ")
}

/// Names what the person can choose from.
pub(super) fn of_choices(error: &Error) -> Vec<String> {
    let choices = error.facts().choices.join(", ");
    match (error.facts().choices.is_empty(), error.facts().more_choices) {
        (true, _) => Vec::new(),
        (false, 0) => vec![format!("name one of: {choices}")],
        (false, more) => vec![format!("name one of: {choices} and {more} more")],
    }
}

/// Shortens places, each a path and a line, to how they are written from the present folder.
pub(super) fn from_here(places: &[String]) -> Vec<String> {
    places.iter().map(|it| shown(Path::new(it))).collect()
}

/// Returns what would resolve the failure.
pub(super) fn remedy(error: &Error) -> Option<Remedy> {
    error.facts().remedy
}

/// Says what the failure left in the database.
pub(super) fn state(error: &Error) -> String {
    let completed = error.facts().completed.join(", ");
    let text = match error.state() {
        DatabaseState::Unchanged | DatabaseState::RolledBack if !completed.is_empty() => {
            format!("{completed} done and committed; what came after was rolled back")
        }
        DatabaseState::Unchanged => "nothing was changed".to_owned(),
        DatabaseState::RolledBack => {
            "everything was rolled back, the database is as before".to_owned()
        }
        DatabaseState::Done if remedy(error) == Some(Remedy::WriteReport) => {
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
    match &error.facts().backup {
        Some(backup) => format!("{text}; the backup is {}", backup.display()),
        None => text,
    }
}
