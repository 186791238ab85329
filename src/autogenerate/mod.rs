//! Drafts of phases: the steps that lead from what the phases make to the desired schema.
//!
//! Nothing is guessed: where a table or column is dropped and another one is added, the answers say whether it was
//! renamed, and every drop needs consent. SQLite shows on the shadow that a draft reaches the desired schema.

mod alike;
mod answers;
mod builder;
mod downgrade;
mod fill;
mod marks;
mod open_points;
mod pairing;
mod renamed_index;
mod subject;
mod tables;
mod text;

use crate::compare::differences;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{ColumnOrder, Schema};

use builder::{Builder, Built, Order};
use pairing::Pairing;

pub use answers::{Answers, DropPolicy, Rename};
pub use marks::{WrongMark, marked_renames};
pub use open_points::{Dropped, OpenPoints, Question, SubjectKind};
pub use subject::Subject;
pub use text::{comment, draft_text};

/// A step of a draft, and what a person should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftStep {
    pub operation: crate::phase::Operation,
    /// Remarks, one line each: the step is written below them.
    pub notes: Vec<String>,
}

/// A new column that refuses NULL and has neither a default nor a value: the step runs only while its table is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedsValue {
    /// The table, by its desired name.
    pub table: String,
    pub column: String,
}

/// The steps from one schema to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// The steps, in order; none if nothing differs.
    pub steps: Vec<DraftStep>,
    /// The steps of the downgrade, where they cannot be derived from the others; else none.
    pub down: Vec<DraftStep>,
    pub drops: Vec<Dropped>,
    /// Columns for which old rows have no value.
    pub needs_values: Vec<NeedsValue>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Drafted {
    Open(OpenPoints),
    Ready(Draft),
}

/// Drafts the steps that lead from one schema to the desired one. Neither holds version tables.
///
/// Columns are added and dropped one by one where that gives the desired text in meaning; other
/// changes of a table take its whole new definition.
///
/// # Errors
/// [`ErrorKind::Arguments`] for an answer that fits nothing; [`ErrorKind::Unsupported`] listing what the steps do not
/// reach: a phase for it is written by hand.
pub fn draft(have: &Schema, want: &Schema, answers: &Answers) -> Result<Drafted> {
    let is_reached = differences(want, have, ColumnOrder::Same).is_empty();
    let changes_of_case = answers.changes_of_case();
    let answers = if is_reached { &changes_of_case } else { answers };
    let pairing = Pairing::of(have, want, answers)?;
    open_points::refuse_wrong_answers(have, want, &pairing, answers)?;
    let open = open_points::open_points(have, want, &pairing, answers);
    if !open.is_empty() {
        return Ok(Drafted::Open(open));
    }
    let built = build(have, want, &pairing, answers)?;
    let mut draft = downgrade::with_downgrade(have, want, &pairing, built)?;
    draft.drops = open_points::dropped(have, want, &pairing);
    Ok(Drafted::Ready(draft))
}

/// Builds the steps in the order that reads best, or in the one that always works.
fn build(have: &Schema, want: &Schema, pairing: &Pairing, answers: &Answers) -> Result<Built> {
    let builder = || Builder::new(have, want, pairing, answers);
    let unreached = |built: &Built| differences(want, &built.schema, ColumnOrder::Same);
    match builder()?.build(Order::ReplaceLast) {
        Ok(built) if unreached(&built).is_empty() => return Ok(built),
        Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
        Ok(_) | Err(_) => {}
    }
    let built = builder()?.build(Order::DropFirst).map_err(|error| match error.kind() {
        ErrorKind::Interrupted => error,
        _ => underivable(vec![error.to_string()]),
    })?;
    match unreached(&built) {
        none if none.is_empty() => Ok(built),
        unreached => Err(underivable(unreached)),
    }
}

fn underivable(why: Vec<String>) -> Error {
    let what = "the steps to the desired schema cannot be derived: write the phase by hand";
    Error::new(ErrorKind::Unsupported, what).problems(why)
}

#[cfg(test)]
mod tests;
