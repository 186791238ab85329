//! `history` and `show`: the phases, with what is known about their application.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use phaseshift::database::Access;
use phaseshift::migrate::{FileState, plan_range};
use phaseshift::phase::{Applied, Chain, Phase, PhaseId, PhaseSource, Target, TargetRange};
use phaseshift::plan::{Direction, PhasePlan};
use phaseshift::{Error, ErrorKind, Remedy, Result};
use serde_json::{Value, json};

use super::json_values::ids;
use crate::cli::args::HistoryArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::screens::chain::{Seen, details, gives_values, history_entry, shown};
use crate::cli::screens::operation::operation;
use crate::cli::screens::time::rfc3339;

/// Lists the phases, the newest first; in JSON in chain order.
pub fn run(context: &Context, arguments: &HistoryArgs) -> Result<CommandOutput> {
    let needs_file = arguments.indicate_current
        || arguments.range.as_deref().is_some_and(|it| it.contains("current"));
    let history = History::read(context, needs_file)?;
    let History { chain, applied, seen } = &history;
    let marks = if arguments.indicate_current { seen.clone() } else { Seen::default() };
    let seen = Seen { current: marks.current.clone(), ..seen.clone() };
    let wanted = match &arguments.range {
        Some(range) => in_range(chain, range, applied.as_ref())?,
        None => chain.phases().iter().map(|phase| phase.id.clone()).collect(),
    };
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let phases = chain.phases().iter().rev().filter(|phase| wanted.contains(&phase.id)).take(limit);
    let mut phases: Vec<&Phase> = phases.collect();
    let text = phases
        .iter()
        .map(|phase| match context.verbose {
            true => format!("{}\n", details(chain, phase, &seen)),
            false => format!("{}\n", history_entry(chain, phase, &marks)),
        })
        .collect::<String>();
    if chain.is_empty() {
        context.remark(&no_phases(context));
    } else if phases.is_empty() {
        context.remark("No phase lies in this range.");
    }
    phases.reverse();
    let phases: Vec<Value> = phases.into_iter().map(|phase| history.json_of(phase)).collect();
    Ok(CommandOutput::done(text, json!({"phases": phases})))
}

/// Says that the folder holds no phase, where an empty list would say nothing.
pub fn no_phases(context: &Context) -> String {
    format!("There are no phases in the folder {}.", context.shown(&context.settings.phases))
}

/// Shows one phase, or several if the target names several.
pub fn show(context: &Context, target: &str) -> Result<CommandOutput> {
    let history = History::read(context, target == "current")?;
    let History { chain, applied, seen } = &history;
    let found = match (target, applied) {
        ("current", Some(applied)) => chain.current(applied),
        _ => chain.current(&chain.applied_at(&Target::parse(target)?)?),
    };
    if found.is_empty() {
        context.remark("There is nothing to show: this is before the first phase.");
    }
    let phases: Vec<&Phase> = found.iter().filter_map(|id| chain.get(id)).collect();
    let texts: Vec<String> =
        phases.iter().map(|it| shown(chain, it, seen, &derived(context, chain, it))).collect();
    let documents: Vec<Value> = phases
        .iter()
        .map(|phase| {
            let mut document = history.json_of(phase);
            document["steps"] = phase.up.iter().map(step_json).collect();
            document
        })
        .collect();
    Ok(CommandOutput::done(texts.join("\n"), json!({"phases": documents})))
}

/// Says what downgrade is derived. Of values that come with another definition of a table, only the schema before the
/// phase tells whether they replace others.
fn derived(context: &Context, chain: &Chain, phase: &Phase) -> String {
    if !gives_values(phase) {
        return "derived from the steps".to_owned();
    }
    let project = context.project_of(chain.clone());
    let range = TargetRange { from: Target::Base, to: Target::Id(phase.id.to_string()) };
    let plan = plan_range(&project, &range, Direction::Up);
    let planned = plan.as_ref().ok().and_then(|it| it.phases.iter().find(|it| it.id == phase.id));
    match planned.map(PhasePlan::irreversible) {
        Some(Some(why)) => format!("none: {why}"),
        Some(None) => "derived from the steps".to_owned(),
        None => {
            "derived from the steps, unless the new values replace old ones, which are not kept"
                .to_owned()
        }
    }
}

/// The phases, and what a file says of them if there is one to ask.
struct History {
    chain: Chain,
    applied: Option<Applied>,
    seen: Seen,
}

impl History {
    /// Reads the phases, and what is applied where that can be found out; where it must be, a file
    /// that cannot be read is an error.
    fn read(context: &Context, needs_file: bool) -> Result<Self> {
        let chain = context.chain_or_history()?;
        match Self::in_file(context, &chain) {
            Ok(history) => Ok(history),
            Err(error) if needs_file => Err(error),
            Err(_) => Ok(Self { chain, applied: None, seen: Seen::default() }),
        }
    }

    fn in_file(context: &Context, chain: &Chain) -> Result<Self> {
        let database = context.settings.need_database()?.to_path_buf();
        let project = context.project_at(database, chain.clone());
        let database = project.open(Access::ReadOnly)?;
        let (project, known) = project.know_newer(&database)?;
        let chain = project.chain;
        let seen = Seen {
            current: chain.current(&known.applied),
            applied_at: times(&chain, &known),
            stamped: stamped(&known),
        };
        Ok(Self { chain, applied: Some(known.applied), seen })
    }

    fn json_of(&self, phase: &Phase) -> Value {
        let chain = &self.chain;
        json!({
            "id": phase.id.as_str(),
            "parents": ids(&phase.parents),
            "version": phase.version,
            "applied": self.applied.as_ref().map(|applied| applied.contains(&phase.id)),
            "applied_at": self.seen.applied_at.get(&phase.id).map(|it| rfc3339(it)),
            "description": phase.description,
            "title": phase.title,
            "depends_on": ids(&phase.depends_on),
            "labels": phase.labels,
            "replaces": ids(&phase.replaces),
            "head": chain.is_head(&phase.id),
            "branch_point": chain.is_branch_point(&phase.id),
            "merge_point": chain.is_merge(&phase.id),
            "checksum": phase.checksum,
            "file": Some(&phase.file).filter(|_| phase.annotations.source == PhaseSource::Folder),
            "source": phase.annotations.source,
        })
    }
}

/// When each applied phase was applied, as the file records it.
pub fn times(chain: &Chain, known: &FileState) -> BTreeMap<PhaseId, String> {
    let time_of = |version: i64| {
        let row = known.recorded.versions.iter().find(|row| row.version == version)?;
        row.applied_at.clone()
    };
    let applied = chain.phases().iter().filter(|phase| known.applied.contains(&phase.id));
    applied.filter_map(|phase| Some((phase.id.clone(), time_of(phase.version)?))).collect()
}

/// The phases that were recorded without being run.
pub fn stamped(known: &FileState) -> BTreeSet<PhaseId> {
    let is_last = |place: usize| {
        let events = &known.recorded.events;
        events.iter().skip(place + 1).all(|it| it.id != events[place].id)
    };
    let events = known.recorded.events.iter().enumerate();
    let stamps = events.filter(|(place, it)| it.direction == "stamp" && is_last(*place));
    stamps.filter_map(|(_, it)| PhaseId::new(&it.id)).collect()
}

fn step_json(step: &phaseshift::phase::Step) -> Value {
    json!({"op": step.operation.op(), "text": operation(&step.operation), "line": step.line})
}

/// Returns the phases from one place to another, both included. `-3:` begins three phases before its end, and `A:+2` ends
/// two phases after its beginning, as in Alembic.
fn in_range(chain: &Chain, range: &str, applied: Option<&Applied>) -> Result<BTreeSet<PhaseId>> {
    let current = || applied.map(|it| chain.current(it)).ok_or_else(no_file);
    let place = |target: &Target| match target {
        Target::Id(id) if id == "current" => current(),
        Target::Forward(_) => Err(one_sided(target, "the beginning")),
        Target::Back(_) => Err(one_sided(target, "the end")),
        _ => Ok(chain.current(&chain.applied_at(target)?)),
    };
    let parents = |id: &PhaseId| chain.get(id).map(|it| it.parents.clone()).unwrap_or_default();
    let parsed = TargetRange::parse(range)?;
    let (starts, ends) = match (&parsed.from, &parsed.to) {
        (Target::Back(count), to) => {
            let ends = place(to)?;
            (walked(ends.clone(), *count, parents), ends)
        }
        (from, Target::Forward(count)) => {
            let starts = place(from)?;
            (starts.clone(), walked(starts, *count, |id| chain.children(id)))
        }
        (from, to) => (place(from)?, place(to)?),
    };
    let mut upper: BTreeSet<PhaseId> = ends.iter().cloned().collect();
    upper.extend(ends.iter().flat_map(|id| chain.ancestors(id)));
    if parsed.from == Target::Base {
        return Ok(upper);
    }
    let mut lower: BTreeSet<PhaseId> = starts.iter().cloned().collect();
    lower.extend(starts.iter().flat_map(|id| chain.descendants(id)));
    Ok(upper.intersection(&lower).cloned().collect())
}

/// Goes some phases on; it stops where there is none.
fn walked(
    from: Vec<PhaseId>,
    count: NonZeroUsize,
    next: impl Fn(&PhaseId) -> Vec<PhaseId>,
) -> Vec<PhaseId> {
    let mut here = from;
    for _ in 0..count.get() {
        let on: BTreeSet<PhaseId> = here.iter().flat_map(&next).collect();
        if on.is_empty() {
            break;
        }
        here = on.into_iter().collect();
    }
    here
}

fn one_sided(target: &Target, side: &str) -> Error {
    Error::new(ErrorKind::Arguments, format!("{target} cannot be {side} of a range"))
}

fn no_file() -> Error {
    let what = "no database is named: neither a flag nor a setting";
    Error::new(ErrorKind::Arguments, what).with_remedy(Remedy::NameDatabase)
}
