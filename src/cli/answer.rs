//! What a command hands back when it did not fail.

use phaseshift::exit;
use serde_json::{Map, Value};

/// The result of a command: an exit code, and the report as text and as JSON.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The exit code.
    pub exit: u8,
    /// What is printed on stdout without `--json`.
    pub text: String,
    /// The fields of the JSON document that follow the common ones.
    pub report: Map<String, Value>,
}

impl Answer {
    /// Makes the answer of a command that is done. The report is a JSON object.
    pub fn done(text: impl Into<String>, report: Value) -> Self {
        let report = match report {
            Value::Object(fields) => fields,
            other => Map::from_iter([("report".to_owned(), other)]),
        };
        Self { exit: exit::DONE, text: text.into(), report }
    }

    /// Makes the answer yes (0) or no (3).
    #[must_use]
    pub fn is(mut self, yes: bool) -> Self {
        self.exit = if yes { exit::DONE } else { exit::NO };
        self
    }
}
