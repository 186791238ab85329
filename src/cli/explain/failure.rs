//! A failure as advice sees it: its facts as parts of sentences, and commands for the same project.

use std::path::Path;

use phaseshift::{Error, Facts};

use crate::cli::settings::shell_word;

/// Stands for the command that failed, with all heads as its target.
pub(super) const ALL_HEADS: &str = "COMMAND heads";

pub(super) struct Failure<'e> {
    pub(super) error: &'e Error,
    pub(super) facts: &'e Facts,
    /// The flags that say which project is meant.
    pub(super) flags: &'e str,
    /// The command that failed; empty if it is not known.
    pub(super) name: &'e str,
}

impl Failure<'_> {
    /// Writes a command for the same project.
    pub(super) fn command(&self, rest: &str) -> String {
        let Self { name, flags, .. } = self;
        match rest {
            "help" => format!("phaseshift help {name}").trim_end().to_owned(),
            ALL_HEADS if matches!(*name, "migrate" | "plan" | "preflight" | "stamp") => {
                format!("phaseshift {name} heads{flags}")
            }
            ALL_HEADS => format!("phaseshift upgrade heads{flags}"),
            rest => format!("phaseshift {rest}{flags}"),
        }
    }

    /// Gives fixed advice: `$ ` before the end of a line stands for a command for the same project.
    pub(super) fn say(&self, lines: &[&'static str]) -> Vec<String> {
        let said = lines.iter().map(|line| match line.rsplit_once("$ ") {
            Some((why, rest)) => format!("{why}{}", self.command(rest)),
            None => (*line).to_owned(),
        });
        said.collect()
    }

    pub(super) fn object(&self) -> Option<&str> {
        self.facts.object.as_deref()
    }

    /// The first of the choices as a word for a shell; empty if there is none.
    pub(super) fn first_choice(&self) -> String {
        self.facts.choices.first().map(|it| shell_word(it)).unwrap_or_default()
    }

    /// Names what the person can choose from.
    pub(super) fn choices(&self) -> Vec<String> {
        let choices = self.facts.choices.join(", ");
        match (self.facts.choices.is_empty(), self.facts.more_choices) {
            (true, _) => Vec::new(),
            (false, 0) => vec![format!("name one of: {choices}")],
            (false, more) => vec![format!("name one of: {choices} and {more} more")],
        }
    }

    /// Adds the place in the phase file, where it is known.
    pub(super) fn at_source(&self, what: impl Into<String>) -> String {
        let what = what.into();
        match &self.facts.source {
            Some((file, line)) => format!("{what}: {}:{line}", shown(file)),
            None => what,
        }
    }
}

/// Shows a path as it is written from the present folder.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.as_deref().and_then(|it| path.strip_prefix(it).ok());
    below.unwrap_or(path).display().to_string()
}
