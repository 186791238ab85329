//! What a command hands back when it did not fail.

use std::path::Path;

use phaseshift::exit;
use serde_json::{Map, Value};

/// Who reads the text of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Screen,
    /// Another program: not a byte is changed on the way.
    Script,
    /// A person; with `--json`, the last of several documents, one on each line.
    Lines,
}

/// The result of a command: an exit code, and the report as text and as JSON.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    pub exit: u8,
    /// What is printed on stdout without `--json`.
    pub text: String,
    pub form: Form,
    /// The end of what was printed before, while the command ran.
    pub said: String,
    /// How many checks of the answer have notes that do not make it no.
    pub noted: usize,
    /// The fields of the JSON document that follow the common ones.
    pub report: Map<String, Value>,
}

impl CommandOutput {
    /// Makes the answer of a command that is done. The report is a JSON object.
    pub fn done(text: impl Into<String>, report: Value) -> Self {
        let report = match report {
            Value::Object(fields) => fields,
            other => Map::from_iter([("report".to_owned(), other)]),
        };
        let (form, said) = (Form::Screen, String::new());
        Self { exit: exit::DONE, text: text.into(), form, said, noted: 0, report }
    }

    /// Makes the answer of a command whose result was printed while it ran.
    pub fn said(said: impl Into<String>, report: Value) -> Self {
        Self { said: said.into(), ..Self::done("", report) }
    }

    /// Makes the text one for programs.
    #[must_use]
    pub fn for_programs(mut self) -> Self {
        self.form = Form::Script;
        self
    }

    /// Names the database in the report, unless it does already.
    #[must_use]
    pub fn about(mut self, database: &Path) -> Self {
        let path = || Value::from(database.to_string_lossy());
        self.report.entry("database").or_insert_with(path);
        self
    }

    /// Makes the document the last of several, one on each line.
    #[must_use]
    pub fn after_lines(mut self) -> Self {
        self.form = Form::Lines;
        self
    }

    /// Returns whether the command changed the database, or made a backup of it.
    pub fn changed(&self) -> bool {
        self.report.get("changed").and_then(Value::as_bool).unwrap_or(!self.said.is_empty())
    }

    /// Notes that this many checks have notes.
    #[must_use]
    pub fn noting(mut self, checks: usize) -> Self {
        self.noted = checks;
        self
    }

    /// Makes the answer yes (0) or no (3).
    #[must_use]
    pub fn is(mut self, yes: bool) -> Self {
        self.exit = if yes { exit::DONE } else { exit::NO };
        self
    }
}
