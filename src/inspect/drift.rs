//! Drift: how a file's schema differs from what its recorded phases make.

use crate::error::{ErrorKind, Result};
use crate::migrate::{Adoption, FileState, Project, compare_schemas, replay};
use crate::plan::schema_left;

/// Where it is known from what the file must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// The phases, run from nothing.
    Phases,
    /// What the phases left in this very file, as its history keeps it.
    History,
}

/// Compares the file with what its phases make, replayed from nothing. Where the first of them stands on tables of
/// another program, the file is compared with what they left in it.
pub(super) fn compare(project: &Project, known: &FileState) -> Result<(Basis, Adoption)> {
    let (basis, expected) = match replay(project, &known.applied) {
        Ok(shadow) => (Basis::Phases, shadow.schema()?),
        Err(error) if error.kind() == ErrorKind::Step => {
            let left = known.recorded.left();
            let expected = if left.is_empty() { None } else { schema_left(&known.schema, &left) };
            (Basis::History, expected.ok_or(error)?)
        }
        Err(error) => return Err(error),
    };
    Ok((basis, compare_schemas(&expected, &known.schema, project)))
}

/// Lists how the file differs from what its phases make; one line each.
///
/// A file that was adopted may differ in words; only what is missing, of another shape, or made by
/// no phase counts.
pub fn drift(project: &Project, known: &FileState) -> Result<Vec<String>> {
    if known.applied.is_empty() {
        return Ok(Vec::new());
    }
    let (_, adoption) = compare(project, known)?;
    Ok(adoption.problems.into_iter().chain(adoption.notices).collect())
}
