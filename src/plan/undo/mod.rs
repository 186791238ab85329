//! Planning the downgrade of one phase.
//!
//! A downgrade is derived step by step: each step is undone on the shadow of the file, the last one
//! first, and what the objects were called and how their texts read before comes from the chain,
//! replayed from nothing, and from what was recorded when the phase was applied. A downgrade that is
//! written by hand is planned as it stands.

mod define;
mod exact;
mod inverse;
mod past;

use super::phase::{Planner, at_phase};
use super::soundness::{Texts, refuse_newly_broken};
use super::{Direction, PhasePlan, Stage};
use crate::compare::differences;
use crate::error::{Error, ErrorKind, Result};
use crate::history::{KeptObject, VersionTables};
use crate::phase::{Downgrade, Phase, Step};
use crate::schema::{ColumnOrder, Object, ObjectKind, Schema, same_meaning, same_virtual_meaning};
use crate::shadow::Shadow;

pub use define::define;
use exact::{UndoTexts, restore_texts};
use inverse::Inverse;
pub use inverse::refuse_irreversible;
pub use past::{PastSchemas, advance, groups, schema_before, schema_left, snapshots};

/// Plans the downgrade of a phase from the state that the shadow is in, and leaves the shadow in the
/// state before the phase.
///
/// # Errors
/// [`ErrorKind::Irreversible`] if there is no downgrade; [`ErrorKind::Step`] if a step of it does not
/// fit the schema; [`ErrorKind::Unsupported`] if something cannot be carried over.
pub fn plan_undo(
    shadow: &mut Shadow,
    phase: &Phase,
    past: &PastSchemas,
    tables: &VersionTables,
) -> Result<PhasePlan> {
    let undo = Undo { phase, past, tables };
    let before = shadow.schema()?;
    let strings = shadow.names_read_as_strings()?;
    let (stages, place) = match &phase.down {
        Downgrade::Irreversible(why) => {
            let what = format!("{} cannot be undone: {why}", phase.id);
            return Err(Error::new(ErrorKind::Irreversible, what).in_phase(phase.id.as_str()));
        }
        Downgrade::Derived => {
            (undo.derived(shadow, &before), (phase.file.as_path(), phase.up.as_slice()))
        }
        Downgrade::Steps(steps) => {
            (undo.written(shadow, steps), (phase.file_of_downgrade(), steps.as_slice()))
        }
    };
    let stages = stages
        .and_then(|stages| {
            refuse_newly_broken(shadow, (&before, &strings, Texts::Old), (phase, &stages))
                .map(|()| stages)
        })
        .map_err(|error| at_phase(error, phase, place))?;
    let mut plan =
        Planner { phase, tables, around: None }.finish(shadow, Direction::Down, before, stages)?;
    plan.empty = past.recorded.as_ref().map_or_else(Vec::new, |it| it.empty.clone());
    Ok(plan)
}

struct Undo<'a> {
    phase: &'a Phase,
    past: &'a PastSchemas,
    tables: &'a VersionTables,
}

impl Undo<'_> {
    /// Undoes the groups of steps in one change of the schema.
    fn derived(&self, shadow: &mut Shadow, start: &Schema) -> Result<Vec<Stage>> {
        refuse_irreversible(self.phase)?;
        let planner = Planner { phase: self.phase, tables: self.tables, around: None };
        let stage = planner.schema_change(shadow, &mut |shadow, expected| {
            for (place, group) in groups(&self.phase.up).into_iter().enumerate().rev() {
                let now = shadow.schema()?;
                let inverse = Inverse {
                    phase: self.phase,
                    before: self.past.replayed.get(place),
                    after: self.past.replayed.get(place + 1),
                    now: &now,
                    recorded: self.past.recorded.as_ref(),
                    tables: self.tables,
                };
                let steps = inverse.of(group)?;
                expected.follow(&steps);
                shadow.apply(&steps, self.phase.views)?;
            }
            expected.compare_texts(&shadow.schema()?)?;
            restore_texts(shadow, start, self.past, self.tables, UndoTexts::Derived)
        })?;
        let end = shadow.schema()?;
        self.check(start, &end)?;
        self.check_record(start, &end)?;
        Ok(stage.into_iter().collect())
    }

    /// A file that is as the chain makes it after the phase must become as the chain makes it
    /// before.
    fn check(&self, start: &Schema, end: &Schema) -> Result<()> {
        let (Some(before), Some(after)) = (self.past.before(), self.past.after()) else {
            return Ok(());
        };
        // What no phase makes does not count, nor what was there when the phase came.
        let counts = |object: &Object| {
            let (kind, name) = (object.kind, object.name.as_str());
            let was_there = self.past.recorded.as_ref().is_some_and(|it| !it.made(kind, name));
            let comes = after.find(kind, name).is_some() && !was_there;
            !self.tables.contains(name) && (comes || before.find(kind, name).is_some())
        };
        let own = |schema: &Schema| {
            let mut schema = schema.clone();
            schema.objects.retain(counts);
            schema
        };
        if !differences(&own(after), &own(start), ColumnOrder::Any).is_empty() {
            return Ok(());
        }
        let odd = differences(&own(before), &own(end), ColumnOrder::Any);
        self.refuse(odd)
    }

    /// Compares the result with what the file held before the phase, as the history recorded it. After changes by
    /// other programs, only what the phase removed is required to be back.
    fn check_record(&self, start: &Schema, end: &Schema) -> Result<()> {
        let Some(record) = &self.past.recorded else { return Ok(()) };
        let text = |schema: &Schema, object: &KeptObject| {
            let found = schema.find(object.object_kind()?, &object.name)?;
            found.sql.clone()
        };
        let alike = |object: &KeptObject, found: &str| {
            same_meaning(&object.sql, found)
                || (object.object_kind() == Some(ObjectKind::VirtualTable)
                    && same_virtual_meaning(&object.sql, found))
        };
        let is_in =
            |objects: &[KeptObject], object: &KeptObject| objects.iter().any(|it| it.names(object));
        let as_left =
            record.after.iter().all(|it| text(start, it).as_deref() == Some(it.sql.as_str()));
        let mut odd = Vec::new();
        for object in &record.before {
            let name = format!("{} {}", object.kind, object.name);
            match text(end, object) {
                None if as_left || !is_in(&record.after, object) => {
                    odd.push(format!("{name} would not come back"));
                }
                Some(found) if as_left && !alike(object, &found) => {
                    odd.push(format!("{name} would differ from its definition before the phase"));
                }
                Some(_) | None => {}
            }
        }
        let new = record.after.iter().filter(|it| as_left && !is_in(&record.before, it));
        let stays = new.filter(|it| text(end, it).is_some());
        odd.extend(stays.map(|it| format!("{} {} would stay", it.kind, it.name)));
        self.refuse(odd)
    }

    fn refuse(&self, odd: Vec<String>) -> Result<()> {
        let Some(first) = odd.first() else { return Ok(()) };
        let what = format!("the downgrade of {} must be written by hand: {first}", self.phase.id);
        Err(Error::new(ErrorKind::Irreversible, what).problems(odd))
    }

    /// Plans steps that were written by hand; data steps stand between changes of the schema.
    fn written(&self, shadow: &mut Shadow, steps: &[Step]) -> Result<Vec<Stage>> {
        let planner = Planner { phase: self.phase, tables: self.tables, around: None };
        planner.stages(shadow, steps, &mut |shadow, start| {
            restore_texts(shadow, start, self.past, self.tables, UndoTexts::SameMeaning)
        })
    }
}
