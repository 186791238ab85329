//! Drift: how a file's schema differs from what its recorded phases make.

use crate::error::Result;
use crate::migrate::{Known, Project, compare_schemas, replay};

/// Lists how the file differs from what its phases make, replayed from nothing; one line each.
///
/// A file that was adopted may differ in words; only what is missing, of another shape, or made by
/// no phase counts.
///
/// # Errors
/// Those of a replay, if a phase does not run on what the phases before it made.
pub fn drift(project: &Project, known: &Known) -> Result<Vec<String>> {
    if known.applied.is_empty() {
        return Ok(Vec::new());
    }
    let expected = replay(project, &known.applied)?.schema()?;
    let adoption = compare_schemas(&expected, &known.schema, project);
    Ok(adoption.problems.into_iter().chain(adoption.notices).collect())
}
