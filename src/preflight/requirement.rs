//! The `require` checks of a phase.

use crate::assertion::evaluate;
use crate::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::PhasePlan;

/// Evaluates the `require` checks of a phase; the phase does not start if one fails.
///
/// # Errors
/// [`ErrorKind::Requirement`] with every check that does not hold, and the first rows of each.
pub fn check_requirements(database: &Database, phase: &PhasePlan) -> Result<()> {
    let mut problems = Vec::new();
    let mut first = None;
    for check in &phase.require {
        let finding = evaluate(database, check).map_err(|it| it.in_phase(phase.id.as_str()))?;
        if finding.holds {
            continue;
        }
        let message = check.message.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        problems.push(format!("{}: found {}{message}", check.name, finding.found));
        problems.extend(finding.rows.iter().map(|row| format!("  {row}")));
        first.get_or_insert_with(|| check.name.clone());
    }
    match first {
        None => Ok(()),
        Some(name) => {
            let what = format!("{} cannot start: the check \"{name}\" does not hold", phase.id);
            Err(Error::new(ErrorKind::Requirement, what)
                .about(&name)
                .in_phase(phase.id.as_str())
                .problems(problems))
        }
    }
}
