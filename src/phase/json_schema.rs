//! The keys of a phase file as a JSON Schema, for editors: made from the lists by which the file itself is read.

use serde_json::{Map, Value, json};

use super::keys::{CHECK_KEYS, Form, KINDS, Key, Kind, Need, PHASE_KEYS, TEST_KEYS};

/// Returns the JSON Schema of phase files in TOML (<https://json-schema.org/draft/2020-12>).
pub fn json_schema() -> Value {
    let mut schema = table(PHASE_KEYS, &[]);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A phase of phaseshift",
        "$defs": {"step": step(), "check": table(CHECK_KEYS, &[]), "test": table(TEST_KEYS, &[])},
    });
    if let (Some(schema), Value::Object(head)) = (schema.as_object_mut(), head) {
        schema.extend(head);
    }
    schema
}

/// A step: its `op` decides which other keys it has.
fn step() -> Value {
    let ops: Vec<&str> = KINDS.iter().map(|kind| kind.op).collect();
    let branch = |kind: &Kind| {
        let op = json!({"properties": {"op": {"const": kind.op}}});
        json!({"if": op, "then": table(kind.keys, &[("op", json!({"const": kind.op}))])})
    };
    let branches: Vec<Value> = KINDS.iter().map(branch).collect();
    json!({
        "type": "object",
        "required": ["op"],
        "properties": {"op": {"enum": ops}},
        "allOf": branches,
    })
}

/// A table with these keys and no others.
fn table(keys: &[Key], more: &[(&str, Value)]) -> Value {
    let mut properties: Map<String, Value> =
        more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    properties.extend(keys.iter().map(|key| (key.name.to_owned(), of_key(key))));
    let names = |need: Need| -> Vec<&str> {
        keys.iter().filter(|key| key.need == need).map(|key| key.name).collect()
    };
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "required": names(Need::Required),
        "additionalProperties": false,
    });
    for (need, word) in [(Need::OneOf, "oneOf"), (Need::SomeOf, "anyOf")] {
        let choices: Vec<Value> =
            names(need).into_iter().map(|name| json!({"required": [name]})).collect();
        if !choices.is_empty() {
            schema[word] = json!(choices);
        }
    }
    schema
}

fn of_key(key: &Key) -> Value {
    let filled = || json!({"type": "string", "minLength": 1});
    let id = || json!({"type": "string", "pattern": "^[A-Za-z0-9_.-]+$"});
    let version = || json!({"type": "integer", "minimum": 0});
    let list = |items: Value| json!({"type": "array", "items": items});
    match key.form {
        Form::Text | Form::Identifier | Form::TypeName => json!({"type": "string"}),
        Form::Name | Form::Sql | Form::Query | Form::Create | Form::Piece | Form::SqlFile => {
            filled()
        }
        Form::Word(words) => json!({"enum": words}),
        Form::Switch => json!({"type": "boolean"}),
        Form::Version => version(),
        Form::SqliteVersion => json!({"type": "string", "pattern": r"^\d+\.\d+(\.\d+)?$"}),
        Form::Id => id(),
        Form::Ids => list(id()),
        Form::Labels | Form::Reasons => list(filled()),
        Form::Versions => list(version()),
        Form::Squashes => json!({"type": "object", "additionalProperties": list(id())}),
        Form::Expected => json!({"type": ["string", "number"]}),
        Form::Answer => answer(),
        Form::Expressions => json!({"type": "object", "additionalProperties": filled()}),
        Form::Tables => {
            let rows = match key.name {
                "up" | "down" => "#/$defs/step",
                "test" => "#/$defs/test",
                _ => "#/$defs/check",
            };
            list(json!({"$ref": rows}))
        }
    }
}

/// What a test expects: as a check does, or rows as arrays of values.
fn answer() -> Value {
    let absent = json!({
        "type": "object",
        "properties": {"null": {"const": true}},
        "required": ["null"],
        "additionalProperties": false,
    });
    let blob = json!({
        "type": "object",
        "properties": {"hex": {"type": "string", "pattern": "^([0-9A-Fa-f]{2})*$"}},
        "required": ["hex"],
        "additionalProperties": false,
    });
    let cell = json!({"anyOf": [{"type": ["string", "number"]}, absent, blob]});
    let row = json!({"type": "array", "items": cell});
    json!({"anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": row}]})
}
