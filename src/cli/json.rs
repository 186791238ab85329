//! The one JSON document of a command.

use phaseshift::Error;
use serde_json::{Map, Value, json};

use super::command_output::CommandOutput;
use super::explain::Advice;

/// The version of the form of the documents. Fields are added, never renamed.
const FORMAT: u32 = 1;

/// Makes the document of a command that did not fail.
pub fn of_answer(command: &str, answer: &CommandOutput) -> Value {
    let mut document = head(command, answer.exit);
    document.extend(answer.report.clone());
    Value::Object(document)
}

/// Makes the document of a command that failed.
pub fn of_failure(command: &str, exit: u8, error: &Error, advice: &Advice) -> Value {
    let mut document = head(command, exit);
    document.insert("error".to_owned(), of_error(error, advice));
    Value::Object(document)
}

/// Makes the `error` of a document.
pub fn of_error(error: &Error, advice: &Advice) -> Value {
    let facts = error.facts();
    json!({
        "kind": error.kind().code(),
        "message": error.to_string(),
        "causes": error.causes(),
        "database_state": error.state().code(),
        "next": advice.next,
        "problems": facts.problems,
        "choices": facts.renames.iter().chain(&facts.choices).collect::<Vec<_>>(),
        "completed": facts.completed,
        "database": facts.database,
        "backup": facts.backup,
        "phase": facts.phase,
        "object": facts.object,
        "file": facts.source.as_ref().map(|(file, _)| file),
        "line": facts.source.as_ref().map(|(_, line)| line),
    })
}

fn head(command: &str, exit: u8) -> Map<String, Value> {
    Map::from_iter([
        ("format".to_owned(), json!(FORMAT)),
        ("command".to_owned(), json!(command)),
        ("ok".to_owned(), json!(exit == phaseshift::exit::DONE)),
        ("exit_code".to_owned(), json!(exit)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use phaseshift::ErrorKind;

    #[test]
    fn a_failure_is_a_document_too() {
        let error = Error::new(ErrorKind::Busy, "another program holds the database");
        let advice = Advice { state: "nothing was changed".into(), next: vec!["wait".into()] };
        let document = of_failure("migrate", 5, &error, &advice);
        let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["format", "command", "ok", "exit_code", "error"]);
        assert_eq!(document["error"]["kind"], "busy");
        assert_eq!(document["error"]["database_state"], "unchanged");
    }
}
