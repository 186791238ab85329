//! `history` and `show`: the phases, with what is known about their application.

use std::collections::BTreeSet;

use phaseshift::database::Access;
use phaseshift::phase::{Applied, Chain, Phase, PhaseId, Target, TargetRange};
use phaseshift::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::facts::ids;
use crate::cli::answer::Answer;
use crate::cli::args::HistoryArgs;
use crate::cli::context::Context;
use crate::cli::screens::chain::{details, history_entry, shown};
use crate::cli::screens::operation::operation;

/// Lists the phases, the newest first; in JSON in chain order.
///
/// # Errors
/// As [`Chain::read`]; those of opening the file, if its current phases are asked for.
pub fn run(context: &Context, arguments: &HistoryArgs) -> Result<Answer> {
    let chain = context.chain()?;
    let needs_file = arguments.indicate_current
        || arguments.range.as_deref().is_some_and(|it| it.contains("current"));
    let applied = match needs_file {
        true => Some(applied(context, &chain)?),
        // What is applied is told in JSON where it can be found out.
        false => applied(context, &chain).ok(),
    };
    let wanted = match &arguments.range {
        Some(range) => in_range(&chain, range, applied.as_ref())?,
        None => chain.phases().iter().map(|phase| phase.id.clone()).collect(),
    };
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let phases = chain.phases().iter().rev().filter(|phase| wanted.contains(&phase.id)).take(limit);
    let mut phases: Vec<&Phase> = phases.collect();
    let current = match (&applied, arguments.indicate_current) {
        (Some(applied), true) => chain.current(applied),
        _ => Vec::new(),
    };
    let text = phases
        .iter()
        .map(|phase| match context.verbose {
            true => format!("{}\n", details(&chain, phase, &current)),
            false => format!("{}\n", history_entry(&chain, phase, &current)),
        })
        .collect::<String>();
    phases.reverse();
    let phases: Vec<Value> =
        phases.into_iter().map(|phase| json_of(&chain, phase, applied.as_ref())).collect();
    Ok(Answer::done(text, json!({"phases": phases})))
}

/// Shows one phase, or several if the target names several.
///
/// # Errors
/// As [`Chain::resolve_id`].
pub fn show(context: &Context, target: &str) -> Result<Answer> {
    let chain = context.chain()?;
    let applied = applied(context, &chain).ok();
    let found = match target {
        "current" => match &applied {
            Some(applied) => chain.current(applied),
            None => return Err(no_file()),
        },
        _ => chain.current(&chain.applied_at(&Target::parse(target)?)?),
    };
    let current = applied.as_ref().map(|applied| chain.current(applied)).unwrap_or_default();
    let phases: Vec<&Phase> = found.iter().filter_map(|id| chain.get(id)).collect();
    let texts: Vec<String> = phases.iter().map(|it| shown(&chain, it, &current)).collect();
    let documents: Vec<Value> = phases
        .iter()
        .map(|phase| {
            let mut document = json_of(&chain, phase, applied.as_ref());
            document["steps"] = phase.up.iter().map(step_json).collect();
            document
        })
        .collect();
    Ok(Answer::done(texts.join("\n"), json!({"phases": documents})))
}

fn step_json(step: &phaseshift::phase::Step) -> Value {
    json!({"op": step.operation.op(), "text": operation(&step.operation), "line": step.line})
}

fn applied(context: &Context, chain: &Chain) -> Result<Applied> {
    let database = context.settings.need_database()?.to_path_buf();
    let project = context.project_at(database, chain.clone());
    let database = project.open(Access::Look)?;
    Ok(project.know(&database)?.applied)
}

/// Returns the phases from one place to another, both included.
fn in_range(chain: &Chain, range: &str, applied: Option<&Applied>) -> Result<BTreeSet<PhaseId>> {
    let current = || applied.map(|it| chain.current(it)).ok_or_else(no_file);
    let place = |text: &str, target: Target| match text {
        "current" => current(),
        _ => Ok(chain.current(&chain.applied_at(&target)?)),
    };
    let parsed = TargetRange::parse(range)?;
    let (from, to) = (parsed.from.to_string(), parsed.to.to_string());
    let ends = place(&to, parsed.to)?;
    let mut upper: BTreeSet<PhaseId> = ends.iter().cloned().collect();
    upper.extend(ends.iter().flat_map(|id| chain.ancestors(id)));
    if from == "base" {
        return Ok(upper);
    }
    let starts = place(&from, parsed.from)?;
    let mut lower: BTreeSet<PhaseId> = starts.iter().cloned().collect();
    lower.extend(starts.iter().flat_map(|id| chain.descendants(id)));
    Ok(upper.intersection(&lower).cloned().collect())
}

fn no_file() -> Error {
    Error::new(ErrorKind::Arguments, "no database is named: neither a flag nor a setting")
}

fn json_of(chain: &Chain, phase: &Phase, applied: Option<&Applied>) -> Value {
    json!({
        "id": phase.id.as_str(),
        "parents": ids(&phase.parents),
        "version": phase.version,
        "applied": applied.map(|applied| applied.contains(&phase.id)),
        "description": phase.description,
        "title": phase.title,
        "depends_on": ids(&phase.depends_on),
        "labels": phase.labels,
        "replaces": ids(&phase.replaces),
        "head": chain.is_head(&phase.id),
        "branch_point": chain.is_branch_point(&phase.id),
        "merge_point": chain.is_merge(&phase.id),
        "checksum": phase.checksum,
        "file": phase.file,
    })
}
