//! The round trip of each phase: up, down and up again, on the shadow.

use std::sync::Arc;

use crate::compare::differences;
use crate::error::{Error, ErrorKind, Result};
use crate::phase::{Downgrade, Operation, Phase, PhaseId, StepObject};
use crate::plan::{
    Direction, LossKind, PastSchemas, PhasePlan, Plan, find_losses, groups, plan_phase, plan_undo,
    snapshots,
};
use crate::schema::{ColumnOrder, Schema};
use crate::shadow::Shadow;

use super::project::Project;

/// What a round trip showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TripVerdict {
    /// Down and up again leave everything as it was.
    Reversible,
    /// The downgrade leads to the schema of before; what is lost on the way.
    Lossy(Vec<String>),
    /// The phase or its downgrade does not run, or leads elsewhere; how.
    Broken(Vec<String>),
    /// There is no downgrade, for this reason.
    Irreversible(String),
    /// Nothing can be said, because a phase before it does not run.
    Untried(String),
}

/// The round trip of one phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTrip {
    pub phase: PhaseId,
    pub verdict: TripVerdict,
    /// Where that was found out.
    pub place: TripPlace,
}

/// Where a round trip was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TripPlace {
    /// In memory, where there are no rows.
    Shadow,
    /// In memory and on a copy of a database, rows included.
    Copy,
}

impl TripVerdict {
    /// Returns the stable text code, for JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::Lossy(_) => "lossy",
            Self::Broken(_) => "broken",
            Self::Irreversible(_) => "irreversible",
            Self::Untried(_) => "untried",
        }
    }

    /// Returns the reasons, one line each.
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Reversible => &[],
            Self::Lossy(reasons) | Self::Broken(reasons) => reasons,
            Self::Irreversible(why) | Self::Untried(why) => std::slice::from_ref(why),
        }
    }
}

/// Takes every phase of the chain, in chain order, up, down and up again on the shadow. No
/// database is needed, so no rows are counted.
///
/// # Errors
/// Whatever SQLite reports; what is wrong with a phase is a verdict, not an error.
pub fn roundtrip(project: &Project) -> Result<Vec<RoundTrip>> {
    let mut state = Arc::new(project.replay().empty()?.schema()?);
    let mut trips: Vec<RoundTrip> = Vec::new();
    // Phases whose way up failed: nothing can be said about what stands on them.
    let mut stuck: Vec<&PhaseId> = Vec::new();
    for phase in project.chain.phases() {
        let ancestors = project.chain.ancestors(&phase.id);
        let verdict = match stuck.iter().find(|it| ancestors.contains(*it)).copied() {
            Some(other) => {
                stuck.push(&phase.id);
                TripVerdict::Untried(format!("{other} before it does not run"))
            }
            None => {
                let (verdict, after) = Trip { project, phase, before: &state }.verdict()?;
                match after {
                    Some(after) => state = after,
                    None => stuck.push(&phase.id),
                }
                verdict
            }
        };
        trips.push(RoundTrip { phase: phase.id.clone(), verdict, place: TripPlace::Shadow });
    }
    Ok(trips)
}

struct Trip<'a> {
    project: &'a Project,
    phase: &'a Phase,
    before: &'a Schema,
}

impl Trip<'_> {
    /// Judges the phase and returns the schema after it, if it runs.
    fn verdict(&self) -> Result<(TripVerdict, Option<Arc<Schema>>)> {
        let up = match self.up(self.before) {
            Ok(plan) => plan,
            Err(error) => {
                return judged(error, |text| {
                    TripVerdict::Broken(vec![format!("does not run: {text}")])
                })
                .map(|verdict| (verdict, None));
            }
        };
        if let Downgrade::Irreversible(why) = &self.phase.down {
            return Ok((TripVerdict::Irreversible(why.clone()), Some(up.after)));
        }
        let verdict = match self.down(&up.after) {
            Ok(down) => self.compare(&up, down)?,
            Err(error) if error.kind() == ErrorKind::Irreversible => {
                TripVerdict::Irreversible(error.to_string())
            }
            Err(error) => judged(error, |text| {
                TripVerdict::Broken(vec![format!("the downgrade does not run: {text}")])
            })?,
        };
        Ok((verdict, Some(up.after)))
    }

    fn compare(&self, up: &PhasePlan, down: PhasePlan) -> Result<TripVerdict> {
        let back = self.differences(self.before, &down.after);
        if !back.is_empty() {
            return Ok(TripVerdict::Broken(
                back.iter().map(|it| format!("after the downgrade: {it}")).collect(),
            ));
        }
        let again = match self.up(&down.after) {
            Ok(plan) => self.differences(&up.after, &plan.after),
            Err(error) => vec![judged(error, |text| text)?],
        };
        if !again.is_empty() {
            return Ok(TripVerdict::Broken(
                again.iter().map(|it| format!("up again: {it}")).collect(),
            ));
        }
        let mut plan = Plan { phases: vec![down] };
        find_losses(&mut plan);
        let losses = plan.phases.iter().flat_map(|phase| &phase.losses);
        let mut lossy: Vec<String> = losses
            .filter_map(|loss| {
                let column = loss.column.as_deref().unwrap_or_default();
                match loss.kind {
                    LossKind::TableEmpty => {
                        Some(format!("table {} comes back without its rows", loss.table))
                    }
                    LossKind::ColumnEmpty => {
                        Some(format!("column {}.{column} comes back empty", loss.table))
                    }
                    LossKind::ValuesReplaced => {
                        Some(format!("values of {}.{column} are recomputed", loss.table))
                    }
                    // What the phase itself made goes again.
                    LossKind::TableDropped | LossKind::ColumnDropped => None,
                }
            })
            .collect();
        lossy.extend(self.unknown_tables()?);
        Ok(if lossy.is_empty() { TripVerdict::Reversible } else { TripVerdict::Lossy(lossy) })
    }

    /// Tables that the phase drops where a file has them, although no phase makes them.
    fn unknown_tables(&self) -> Result<Vec<String>> {
        let replayed = snapshots(&mut self.shadow(self.before)?, self.phase)?;
        let mut tables = Vec::new();
        for (group, schema) in groups(&self.phase.up).into_iter().zip(&replayed) {
            for step in group {
                if let Operation::Drop { kind: StepObject::Table, name: table, if_exists: true } =
                    &step.operation
                    && schema.find_table(table).is_none()
                {
                    tables.push(format!(
                        "table {table}, which no phase makes, comes back without its rows where a file has it"
                    ));
                }
            }
        }
        Ok(tables)
    }

    fn differences(&self, expected: &Schema, found: &Schema) -> Vec<String> {
        let project = self.project;
        differences(&project.own(expected), &project.own(found), ColumnOrder::Same)
    }

    fn shadow(&self, schema: &Schema) -> Result<Shadow> {
        self.project.replay().on(schema)
    }

    fn up(&self, from: &Schema) -> Result<PhasePlan> {
        let (phase, versions) = (self.phase, &self.project.versions);
        plan_phase(&mut self.shadow(from)?, phase, &phase.up, Direction::Up, versions)
    }

    fn down(&self, from: &Schema) -> Result<PhasePlan> {
        let replayed = snapshots(&mut self.shadow(self.before)?, self.phase)?;
        let past = PastSchemas { replayed, recorded: None };
        plan_undo(&mut self.shadow(from)?, self.phase, &past, &self.project.versions)
    }
}

/// Turns what is wrong with a phase into words; other failures stay errors.
fn judged<T>(error: Error, say: impl FnOnce(String) -> T) -> Result<T> {
    match error.kind() {
        ErrorKind::Step
        | ErrorKind::Unsupported
        | ErrorKind::MissingExtension
        | ErrorKind::Irreversible => Ok(say(error.to_string())),
        _ => Err(error),
    }
}
