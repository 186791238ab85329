//! Small facts as text and JSON.

use phaseshift::database::Holder;
use phaseshift::phase::PhaseId;
use serde_json::{Value, json};

pub fn ids(ids: &[PhaseId]) -> Vec<&str> {
    ids.iter().map(PhaseId::as_str).collect()
}

/// A program that has a database open.
pub fn holder(holder: &Holder) -> Value {
    json!({"pid": holder.pid, "program": holder.program, "text": holder.to_string()})
}

/// A version, or that there is none.
pub fn number(version: Option<i64>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}
