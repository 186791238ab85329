//! What came of one file, as a JSON line and as an entry of the tally.

use phaseshift::fleet::{Member, Verdict};
use phaseshift::{Error, ErrorKind, exit};
use serde_json::{Map, Value, json};

use crate::cli::command_output::CommandOutput;
use crate::cli::explain::{Advice, explain};
use crate::cli::json;
use crate::text::named;

#[derive(Debug)]
pub struct FileOutcome {
    /// The answer, or the error with what to do about it.
    pub result: Result<CommandOutput, Failure>,
    stage: Stage,
}

/// What was tried with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Command,
    /// The downgrade after others failed.
    Undo,
}

/// An error of one file, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    /// The state of the file, and its next commands.
    pub advice: Advice,
}

named! {
    /// How a file ended, in one word.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Word: code {
        /// The command did what it does.
        Done = "done",
        /// There was nothing to do.
        UpToDate = "up-to-date",
        /// A dry run found phases to apply.
        Planned = "planned",
        /// The answer is no.
        No = "no",
        Failed = "failed",
        /// The run ended before this file was done.
        Left = "left",
        /// It was migrated, and downgraded because others failed.
        Undone = "undone",
    }
}

impl FileOutcome {
    /// Makes the outcome of a file. `flags` are those that name it.
    pub fn new(result: phaseshift::Result<CommandOutput>, flags: &str) -> Self {
        let result = result.map_err(|error| {
            let advice = explain(&error, flags);
            Failure { error, advice }
        });
        Self { result, stage: Stage::Command }
    }

    /// Makes the outcome of a downgrade after others failed.
    pub fn undone(result: phaseshift::Result<CommandOutput>, flags: &str) -> Self {
        let result = result.map_err(|error| {
            if is_interrupted(&error) {
                return error;
            }
            let what = format!("the file was migrated and could not be downgraded: {error}");
            let facts = error.facts();
            let mut outer = Error::new(error.kind(), what).problems(facts.problems.clone());
            if let Some(remedy) = facts.remedy {
                outer = outer.with_remedy(remedy);
            }
            outer.leaving(error.state()).caused_by(error)
        });
        Self { stage: Stage::Undo, ..Self::new(result, flags) }
    }

    /// Returns how the file ended.
    pub fn word(&self) -> Word {
        match &self.result {
            // A downgrade that was interrupted leaves the file migrated.
            Err(failure) if is_interrupted(&failure.error) => match self.stage {
                Stage::Command => Word::Left,
                Stage::Undo => Word::Done,
            },
            Ok(_) if self.stage == Stage::Undo => Word::Undone,
            Err(_) => Word::Failed,
            Ok(answer) if answer.exit == exit::NO => Word::No,
            Ok(answer) if answer.exit != exit::DONE => Word::Failed,
            Ok(answer) if answer.report.get("changed") == Some(&Value::Bool(false)) => {
                let phases = answer.report.get("phases").and_then(Value::as_array);
                let is_planned = phases.is_some_and(|phases| !phases.is_empty());
                if is_planned { Word::Planned } else { Word::UpToDate }
            }
            Ok(_) => Word::Done,
        }
    }

    /// Returns whether it counts as a failure of the run.
    pub fn verdict(&self) -> Verdict {
        match self.word() {
            Word::No | Word::Failed => Verdict::Failed,
            Word::Done | Word::UpToDate | Word::Planned | Word::Left | Word::Undone => {
                Verdict::Done
            }
        }
    }

    /// Makes the JSON line: the document of the command alone, with the file and the outcome.
    pub fn line(&self, command: &str, member: &Member) -> Value {
        let document = match &self.result {
            Ok(answer) => json::of_answer(command, answer),
            Err(Failure { error, advice }) => {
                json::of_failure(command, exit::code_of(error), error, advice)
            }
        };
        let Value::Object(document) = document else { return document };
        with_file(document, member, self.word())
    }
}

/// Makes the JSON line of a file that was not begun.
pub fn left_line(command: &str, member: &Member) -> Value {
    let head = [("format", json!(1)), ("command", json!(command)), ("ok", json!(false))];
    let document = head.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    with_file(document, member, Word::Left)
}

fn with_file(document: Map<String, Value>, member: &Member, word: Word) -> Value {
    let mut line = Map::new();
    for (key, value) in document {
        let is_command = key == "command";
        line.insert(key, value);
        if is_command {
            line.insert("file".to_owned(), json!(member.relative));
            line.insert("outcome".to_owned(), json!(word.code()));
        }
    }
    if !line.contains_key("database") {
        line.insert("database".to_owned(), json!(member.path.to_str()));
    }
    Value::Object(line)
}

/// An interrupted file is as it was, unless the change was in it already.
fn is_interrupted(error: &Error) -> bool {
    error.kind() == ErrorKind::Interrupted && exit::code_of(error) == exit::INTERRUPTED
}
