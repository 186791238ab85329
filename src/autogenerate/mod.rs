//! Drafts of phases: the steps that lead from what the phases make to the desired schema.
//!
//! Nothing is guessed. What goes away is named and must be allowed; where it may have been renamed,
//! that is said beside the step, for a person to decide. Whether a draft reaches the desired schema is
//! shown by SQLite, on the shadow.

mod steps;
mod tables;
mod text;

use crate::compare::differences;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{ColumnOrder, Schema};
use crate::shadow::Shadow;

pub use text::{comment, phase_text};

/// A step of a draft, and what a person should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftStep {
    /// The step.
    pub operation: crate::phase::Operation,
    /// Remarks, one line each: the step is written below them.
    pub notes: Vec<String>,
}

/// The steps from one schema to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// The steps, in order; none if nothing differs.
    pub steps: Vec<DraftStep>,
    /// What goes away, in words, each with what it may have become.
    pub drops: Vec<String>,
}

/// Drafts the steps that lead from one schema to the desired one. Neither holds version tables.
///
/// Columns are added and dropped one by one where that gives the desired text in meaning; other
/// changes of a table take its whole new definition.
///
/// # Errors
/// [`ErrorKind::Unsupported`] listing what the steps do not reach: a phase for it is written by
/// hand.
pub fn draft(have: &Schema, want: &Schema) -> Result<Draft> {
    let draft = steps::steps(have, want)?;
    let operations: Vec<crate::phase::Step> = draft
        .steps
        .iter()
        // What fills an index changes no definition.
        .filter(|step| !matches!(step.operation, crate::phase::Operation::Sql { .. }))
        .map(|step| crate::phase::Step { operation: step.operation.clone(), line: 0 })
        .collect();
    let mut shadow = Shadow::of(have)?;
    let reached = shadow.apply(&operations, crate::phase::ViewPolicy::Keep);
    let unreached = match reached.and_then(|()| shadow.schema()) {
        Ok(schema) => differences(want, &schema, ColumnOrder::Same),
        Err(error) => vec![error.to_string()],
    };
    if unreached.is_empty() {
        return Ok(draft);
    }
    let what = "the steps to the desired schema cannot be derived: write the phase by hand";
    Err(Error::new(ErrorKind::Unsupported, what).problems(unreached))
}

#[cfg(test)]
mod tests;
