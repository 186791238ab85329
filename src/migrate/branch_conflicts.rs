//! Branches that do not fit together: found by applying them in both orders, on shadows.

use std::collections::BTreeMap;

use crate::compare::differences;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::name::same;
use crate::phase::{Applied, Phase, PhaseId};
use crate::schema::{ColumnOrder, ObjectKind, Schema};
use crate::shadow::Shadow;

use super::project::Project;
use super::step_place::StepPlace;

/// Two branches that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BranchConflict {
    /// What conflicts, naming the phases: `users.role is added by a1 and b1`.
    pub what: String,
    pub phases: Vec<String>,
    /// The steps, one of each phase, as far as they are known.
    pub places: Vec<StepPlace>,
}

/// Looks for conflicts between the branches that end at these phases, each against each other.
pub fn find_branch_conflicts(project: &Project, ends: &[PhaseId]) -> Result<Vec<BranchConflict>> {
    let mut found: Vec<BranchConflict> = Vec::new();
    for (place, first) in ends.iter().enumerate() {
        for second in &ends[place + 1..] {
            for conflict in EndPair::new(project, first, second).conflicts()? {
                if !found.contains(&conflict) {
                    found.push(conflict);
                }
            }
        }
    }
    Ok(found)
}

/// Looks for conflicts at every merge of the chain and between its heads.
pub fn check_merges(project: &Project) -> Result<Vec<BranchConflict>> {
    let chain = &project.chain;
    let merges = chain.merges().into_iter().filter_map(|id| chain.get(&id));
    let mut joined: Vec<Vec<PhaseId>> = merges.map(|phase| phase.parents.clone()).collect();
    joined.push(chain.heads());
    let (mut found, mut failure) = (Vec::new(), None);
    for ends in joined {
        match find_branch_conflicts(project, &ends) {
            Ok(conflicts) => {
                for conflict in conflicts {
                    if !found.contains(&conflict) {
                        found.push(conflict);
                    }
                }
            }
            // Above a merge of branches that conflict nothing runs; the conflict itself is the news.
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) if found.is_empty() => Err(error),
        Some(_) | None => Ok(found),
    }
}

/// Refuses to merge phases whose branches conflict.
///
/// # Errors
/// [`ErrorKind::Chain`] with one line for each conflict.
pub fn refuse_branch_conflicts(project: &Project, ends: &[PhaseId]) -> Result<()> {
    as_error(find_branch_conflicts(project, ends)?)
}

pub(super) fn as_error(conflicts: Vec<BranchConflict>) -> Result<()> {
    let Some(first) = conflicts.first() else { return Ok(()) };
    let error = Error::new(ErrorKind::Chain, format!("two branches conflict: {}", first.what));
    let error = match first.phases.last() {
        Some(phase) => error.in_phase(phase),
        None => error,
    };
    let places = first.places.iter().map(|it| format!("{}:{}", it.file.display(), it.line));
    let error = error.with_remedy(Remedy::ChangeOneBranch).choices(places);
    // The headline says the only one.
    let listed = if conflicts.len() > 1 { conflicts } else { Vec::new() };
    Err(error.problems(listed.into_iter().map(|conflict| conflict.what)))
}

/// Two ends, and what lies before each and not before the other.
struct EndPair<'p> {
    project: &'p Project,
    common: Vec<&'p Phase>,
    branches: [Vec<&'p Phase>; 2],
}

impl<'p> EndPair<'p> {
    fn new(project: &'p Project, first: &PhaseId, second: &PhaseId) -> Self {
        let chain = &project.chain;
        let line = |end: &PhaseId| -> Applied {
            chain.ancestors(end).into_iter().chain([end.clone()]).collect()
        };
        let (one, two) = (line(first), line(second));
        let having = |wanted: &dyn Fn(&PhaseId) -> bool| {
            chain.phases().iter().filter(|it| wanted(&it.id)).collect()
        };
        Self {
            project,
            common: having(&|id| one.contains(id) && two.contains(id)),
            branches: [
                having(&|id| one.contains(id) && !two.contains(id)),
                having(&|id| two.contains(id) && !one.contains(id)),
            ],
        }
    }

    fn conflicts(&self) -> Result<Vec<BranchConflict>> {
        let [one, two] = &self.branches;
        if one.is_empty() || two.is_empty() {
            return Ok(Vec::new());
        }
        let replay = self.project.replay();
        let mut base = replay.empty()?;
        replay.run(&mut base, self.common.iter().copied())?;
        let base = base.schema()?;
        let orders =
            [[one, two].map(Vec::as_slice).concat(), [two, one].map(Vec::as_slice).concat()];
        let mut failure = None;
        let mut results = Vec::new();
        for order in &orders {
            match self.run(&base, order)? {
                Ok(schema) => results.push(schema),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let apart = match results.as_slice() {
            [left, right] => differences(left, right, ColumnOrder::Any),
            _ => Vec::new(),
        };
        if failure.is_none() && apart.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = self.shared_effects(&base)?;
        if found.is_empty() {
            found.extend(failure.map(|(phase, error)| clash_of(phase, &error)));
        }
        if found.is_empty() {
            found.extend(apart.into_iter().map(|line| self.order_matters(&line)));
        }
        Ok(found)
    }

    /// Applies phases in an order; the error holds the phase that does not run.
    fn run(
        &self,
        base: &Schema,
        order: &[&'p Phase],
    ) -> Result<std::result::Result<Schema, (&'p Phase, Error)>> {
        let mut shadow = self.shadow(base)?;
        for phase in order {
            if let Err(error) = self.project.replay().apply(&mut shadow, phase) {
                return Ok(Err((*phase, error)));
            }
        }
        shadow.schema().map(Ok)
    }

    fn shadow(&self, schema: &Schema) -> Result<Shadow> {
        self.project.replay().on(schema)
    }

    /// What both branches add or take away, each alone on the common schema.
    fn shared_effects(&self, base: &Schema) -> Result<Vec<BranchConflict>> {
        let [one, two] = &self.branches;
        let (of_one, of_two) = (self.effects(base, one)?, self.effects(base, two)?);
        let mut found = Vec::new();
        for (effect, first) in &of_one {
            let Some(second) = of_two.get(effect) else { continue };
            found.push(BranchConflict {
                what: format!("{effect} by {first} and {second}"),
                phases: vec![first.to_string(), second.to_string()],
                places: vec![
                    self.place_of(base, one, (first, effect))?,
                    self.place_of(base, two, (second, effect))?,
                ],
            });
        }
        Ok(found)
    }

    /// Finds the step of a phase that has an effect.
    fn place_of(
        &self,
        base: &Schema,
        branch: &[&Phase],
        (id, effect): (&PhaseId, &Effect),
    ) -> Result<StepPlace> {
        let mut shadow = self.shadow(base)?;
        for phase in branch {
            if phase.id != *id {
                self.project.replay().apply(&mut shadow, phase)?;
                continue;
            }
            let mut before = shadow.schema()?;
            for step in &phase.up {
                let alone = Phase { up: vec![step.clone()], ..(*phase).clone() };
                self.project.replay().apply(&mut shadow, &alone)?;
                let after = shadow.schema()?;
                if changes(&before, &after).iter().any(|it| it == effect) {
                    return Ok(StepPlace::of(phase, Some(step)));
                }
                before = after;
            }
            return Ok(StepPlace::of(phase, None));
        }
        Err(Error::new(ErrorKind::Chain, format!("{id} is on no branch")))
    }

    fn effects(&self, base: &Schema, branch: &[&Phase]) -> Result<BTreeMap<Effect, PhaseId>> {
        let mut shadow = self.shadow(base)?;
        let mut before = base.clone();
        let mut effects = BTreeMap::new();
        for phase in branch {
            self.project.replay().apply(&mut shadow, phase)?;
            let after = shadow.schema()?;
            for effect in changes(&before, &after) {
                effects.entry(effect).or_insert_with(|| phase.id.clone());
            }
            before = after;
        }
        Ok(effects)
    }

    fn order_matters(&self, line: &str) -> BranchConflict {
        let last = || self.branches.iter().filter_map(|it| it.last());
        let ends: Vec<String> = last().map(|it| it.id.to_string()).collect();
        BranchConflict {
            places: last().map(|it| StepPlace::of(it, None)).collect(),
            what: format!("the order of {} matters: {line}", ends.join(" and ")),
            phases: ends,
        }
    }
}

fn clash_of(phase: &Phase, error: &Error) -> BranchConflict {
    let what = format!("{} does not run after the other branch: {error}", phase.id);
    let step = phase.up.iter().find(|it| Some(it.line) == error.facts().step_line);
    let places = vec![StepPlace::of(phase, step)];
    BranchConflict { what, phases: vec![phase.id.to_string()], places }
}

/// Something that a phase adds or takes away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Effect {
    /// `table users` or `users.role`.
    part: String,
    change: BranchChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum BranchChange {
    Created,
    Added,
    TakenAway,
}

impl std::fmt::Display for Effect {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = match self.change {
            BranchChange::Created => "created",
            BranchChange::Added => "added",
            BranchChange::TakenAway => "taken away",
        };
        write!(formatter, "{} is {verb}", self.part)
    }
}

/// What a phase adds and takes away.
fn changes(before: &Schema, after: &Schema) -> Vec<Effect> {
    let parts = |schema: &Schema| -> BTreeMap<String, BranchChange> {
        let objects = schema
            .objects
            .iter()
            .filter(|it| it.kind != ObjectKind::ShadowTable)
            .map(|it| (it.to_string(), BranchChange::Created));
        let columns = schema.tables.values().flat_map(|table| {
            let both = |other: &Schema| other.shape(&table.name).is_some();
            let shared = both(before) && both(after);
            table
                .columns
                .iter()
                .filter(move |_| shared)
                .map(|column| (format!("{}.{}", table.name, column.name), BranchChange::Added))
        });
        objects.chain(columns).collect()
    };
    let (old, new) = (parts(before), parts(after));
    let only_in = |one: &BTreeMap<String, BranchChange>, other: &BTreeMap<String, BranchChange>| {
        let known = |part: &str| other.keys().any(|it| same(it, part));
        let only = one.iter().filter(|(part, _)| !known(part));
        only.map(|(part, change)| Effect { part: part.clone(), change: *change }).collect()
    };
    let (added, mut gone): (Vec<Effect>, Vec<Effect>) = (only_in(&new, &old), only_in(&old, &new));
    gone.iter_mut().for_each(|it| it.change = BranchChange::TakenAway);
    [added, gone].concat()
}
