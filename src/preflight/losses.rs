//! What a run would lose, counted in the file, and the refusal to lose it unasked.

use rusqlite::Connection;

use crate::database::MissingPart;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Counted, Direction, Plan, find_losses};
use crate::rows::count_rows_where;

/// Whether a way down may lose rows and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LossPolicy {
    /// A run that would lose anything is refused.
    #[default]
    Refuse,
    /// The person knows what is lost and wants it (`--accept-loss`).
    Accept,
}

/// Counts what every phase of a plan loses in this file, and notes it in the phases. What touches
/// no row is no loss; what cannot be counted is one.
///
/// # Errors
/// Whatever SQLite reports.
pub fn count_losses(connection: &Connection, plan: &mut Plan) -> Result<()> {
    find_losses(plan);
    for phase in &mut plan.phases {
        for loss in &mut phase.losses {
            if let Some(counted) = &loss.counted {
                loss.rows = count(connection, counted)?;
            }
        }
        phase.losses.retain(|loss| loss.rows != Some(0));
    }
    Ok(())
}

/// `None` if this program lacks something that the column needs to be compared: whoever needs it for
/// the change says so by name.
fn count(connection: &Connection, counted: &Counted) -> Result<Option<u64>> {
    match count_rows_where(connection, &counted.table, &counted.condition) {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.causes().iter().any(|it| MissingPart::in_text(it).is_some()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Refuses a plan with a way down that loses anything.
///
/// # Errors
/// [`ErrorKind::Irreversible`] with one line for each loss.
pub fn refuse_losses(plan: &Plan) -> Result<()> {
    let down = plan.phases.iter().filter(|phase| phase.direction == Direction::Down);
    let lossy: Vec<_> = down.filter(|phase| !phase.losses.is_empty()).collect();
    let Some(first) = lossy.first() else { return Ok(()) };
    let lines = lossy
        .iter()
        .flat_map(|phase| phase.losses.iter().map(move |loss| format!("{}: {loss}", phase.id)));
    let what = match first.losses.first() {
        Some(only) if lossy.len() == 1 && first.losses.len() == 1 => {
            format!("undoing {} loses data: {only}", first.id)
        }
        _ => format!("undoing {} loses data", names(&lossy)),
    };
    Err(Error::new(ErrorKind::Irreversible, what).in_phase(first.id.as_str()).problems(lines))
}

fn names(phases: &[&crate::plan::PhasePlan]) -> String {
    phases.iter().map(|phase| phase.id.to_string()).collect::<Vec<_>>().join(", ")
}
