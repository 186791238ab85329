//! JSON Schemas of what the program reads and prints, for editors and for programs that read its documents.

use phaseshift::ErrorKind;
use serde_json::{Map, Value, json};

use super::args::{Document, FORMATS};
use super::settings_file::{CHECKPOINT_ABOVE, KEEP_KEYS, KEYS};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

pub fn json_schema(document: Document) -> Value {
    match document {
        Document::Phase => phaseshift::phase::json_schema(),
        Document::Settings => settings(),
        Document::Output => output(),
    }
}

fn settings() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    let keep: Map<String, Value> =
        KEEP_KEYS.iter().map(|key| ((*key).to_owned(), count())).collect();
    let of_key = |key: &str| match key {
        "format" => json!({"enum": FORMATS}),
        "wait" => count(),
        CHECKPOINT_ABOVE => json!({
            "type": ["string", "integer"],
            "pattern": r"^(never|\d+ *([KkMmGg][Ii]?)?[Bb]?)$",
            "minimum": 0,
        }),
        "keep" => json!({"type": "object", "properties": keep, "additionalProperties": false}),
        "min_sqlite" => json!({"type": "string", "pattern": r"^\d+\.\d+(\.\d+)?$"}),
        _ => json!({"type": "string", "minLength": 1}),
    };
    let properties: Map<String, Value> =
        KEYS.iter().map(|key| ((*key).to_owned(), of_key(key))).collect();
    json!({
        "$schema": DRAFT,
        "title": "phaseshift.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// What the documents of a command have, whatever it found. Fields are added, never renamed or removed.
const REQUIRED: [(&str, &[&str]); 27] = [
    ("migrate", &["from", "to", "steps", "changed"]),
    ("upgrade", &["from", "to", "steps", "changed"]),
    ("downgrade", &["from", "to", "steps", "changed"]),
    ("demo", &["from", "to", "backup", "steps", "proof", "seconds"]),
    ("plan", &["changed"]),
    ("report", &["changed"]),
    ("preflight", &["from", "to", "steps", "changed"]),
    ("status", &["version", "ids", "heads", "pending", "drift", "backups", "holders"]),
    ("current", &["version", "ids", "heads"]),
    ("verify", &["checks"]),
    ("stamp", &["ids", "changed"]),
    ("backup", &["backup"]),
    ("backups", &["backups"]),
    ("restore", &["from", "to", "changed"]),
    ("optimize", &["changed"]),
    ("prove", &["verdict", "findings"]),
    ("history", &["phases"]),
    ("show", &["phases"]),
    ("heads", &["ids"]),
    ("bases", &["ids"]),
    ("branches", &["ids"]),
    ("check", &["checks", "problems"]),
    ("deps", &["objects", "triggers"]),
    ("lint", &["findings", "phases"]),
    ("revision", &["id", "file", "version", "parents"]),
    ("extract-undo", &["sql"]),
    ("man", &["text"]),
];

fn output() -> Value {
    let command = |name: &str| json!({"properties": {"command": {"const": name}}});
    let succeeded =
        |name: &str| json!({"allOf": [command(name), {"not": {"required": ["error"]}}]});
    let rules = REQUIRED
        .iter()
        .map(|(name, required)| json!({"if": succeeded(name), "then": {"required": required}}));
    let failed = json!({
        "if": {"required": ["error"]},
        "then": {"properties": {"ok": {"const": false}, "exit_code": {"not": {"const": 0}}}},
    });
    let rules: Vec<Value> = rules.chain([failed]).collect();
    json!({
        "$schema": DRAFT,
        "title": "What phaseshift prints with --json",
        "type": "object",
        "required": ["format", "command", "ok", "exit_code"],
        "properties": fields(),
        "allOf": rules,
        "$defs": {"check": check(), "error": error()},
    })
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

/// The fields that mean the same in every document that has them.
fn fields() -> Value {
    let version = json!({"type": ["integer", "null"]});
    let seconds = json!({"type": "number", "minimum": 0});
    json!({
        "format": {"const": 1},
        "command": {"type": "string"},
        "ok": {"type": "boolean"},
        "exit_code": {"type": "integer", "minimum": 0, "maximum": 255},
        "error": {"$ref": "#/$defs/error"},
        "changed": {"type": "boolean"},
        "database": {"type": ["string", "null"]},
        "version": version,
        "ids": texts(),
        "heads": texts(),
        "checks": {"type": "array", "items": {"$ref": "#/$defs/check"}},
        "seconds": seconds,
        "rows_proven": {"type": ["integer", "null"]},
        "markdown": {"type": "string"},
        "mermaid": {"type": "string"},
        "html": {"type": "string"},
        "sql": {"type": ["string", "null"]},
        "proof": {
            "type": ["object", "null"],
            "properties": {
                "tables": {"type": "integer"},
                "rows": {"type": "integer"},
                "checks": {"type": "array", "items": {"$ref": "#/$defs/check"}},
            },
        },
    })
}

fn check() -> Value {
    json!({
        "type": "object",
        "required": ["name", "detail"],
        "properties": {
            "name": {"type": "string"},
            "ok": {"type": "boolean"},
            "detail": {"type": "string"},
        },
    })
}

fn error() -> Value {
    let kinds: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    json!({
        "type": "object",
        "required": ["kind", "message", "causes", "database_state", "next"],
        "properties": {
            "kind": {"enum": kinds},
            "message": {"type": "string"},
            "causes": texts(),
            "database_state": {"type": "string"},
            "next": texts(),
            "problems": texts(),
            "choices": texts(),
            "completed": texts(),
            "line": {"type": ["integer", "null"]},
        },
    })
}
