//! What a run would lose, counted in the file, and the refusal to lose it unasked.

use rusqlite::Connection;

use super::trial_copy::{TrialCopy, count_replaced};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::plan::{Counted, Direction, Loss, LossKind, PhasePlan, Plan, Stage, find_losses};
use crate::rows::count_rows_where;
use crate::text::list;

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
pub fn count_losses(connection: &Connection, plan: &mut Plan) -> Result<()> {
    find_losses(plan);
    let fills = plan.stages().any(|stage| match stage {
        Stage::Data(data) => data.touched.tables.values().any(|table| table.inserts),
        Stage::SchemaChange(_) => false,
    });
    for phase in &mut plan.phases {
        for loss in &mut phase.losses {
            if let Some(counted) = &loss.counted {
                loss.rows = count(connection, counted)?;
            }
        }
        if phase.direction == Direction::Up && !fills {
            let is_empty = |it: &&Loss| it.kind == LossKind::TableDropped && it.rows == Some(0);
            let tables = phase.losses.iter().filter(is_empty).map(|it| it.table.clone());
            phase.empty = tables.collect();
        }
        phase.losses.retain(|loss| loss.rows != Some(0));
    }
    Ok(())
}

/// `None` if this program lacks something that the column needs to be compared: the check that needs it for
/// the change says so by name.
fn count(connection: &Connection, counted: &Counted) -> Result<Option<u64>> {
    let found = match counted {
        Counted::Where { table, condition } => count_rows_where(connection, table, condition),
        Counted::Replaced { rebuild, after, column } => {
            let (from, sql, copy) = (rebuild.from.as_str(), rebuild.sql.as_str(), &rebuild.copy);
            let (old, new, indexes) = (&rebuild.shape, after.as_ref(), Vec::new());
            let trial = TrialCopy { from, sql, copy, old, new, indexes };
            count_replaced(connection, &trial, (&column.0, &column.1))
        }
    };
    match found {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.missing_extension().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses a plan with a way down that loses anything, and one that replaces stored values without being asked to.
///
/// # Errors
/// [`ErrorKind::Irreversible`], or [`ErrorKind::Loss`] on the way up, with one line for each loss.
pub fn refuse_losses(plan: &Plan) -> Result<()> {
    let up = |phase: &&PhasePlan| phase.direction == Direction::Up;
    refuse_replaced(plan.phases.iter().filter(up))?;
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
        _ => format!("undoing {} loses data", list(lossy.iter().map(|phase| &phase.id))),
    };
    Err(Error::new(ErrorKind::Irreversible, what)
        .with_remedy(Remedy::AcceptLoss)
        .in_phase(first.id.as_str())
        .problems(lines))
}

/// A phase says what it drops; that it replaces values shows only in a definition.
fn refuse_replaced<'p>(phases: impl Iterator<Item = &'p PhasePlan>) -> Result<()> {
    for phase in phases {
        let mut lost = phase.losses.iter().filter(|it| it.kind == LossKind::ValuesReplaced);
        let Some(first) = lost.next() else { continue };
        let lines: Vec<String> = lost.map(ToString::to_string).collect();
        return Err(Error::new(ErrorKind::Loss, format!("{} loses data: {first}", phase.id))
            .in_phase(phase.id.as_str())
            .about(&first.table)
            .problems(lines));
    }
    Ok(())
}
