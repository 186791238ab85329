//! Small facts as text and JSON.

use phaseshift::phase::PhaseId;

/// The ids as texts.
pub fn ids(ids: &[PhaseId]) -> Vec<&str> {
    ids.iter().map(PhaseId::as_str).collect()
}

/// A version, or that there is none.
pub fn number(version: Option<i64>) -> String {
    version.map_or_else(|| "none".to_owned(), |version| version.to_string())
}
