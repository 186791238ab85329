//! The phases as lists, in the words of Alembic.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use phaseshift::phase::{Chain, Downgrade, Operation, Phase, PhaseId, PhaseSource};

use phaseshift::plan::refuse_irreversible;

use super::operation::operation;
use super::time::recorded;
use crate::cli::output::{escaped, indented};
use crate::text::{list, one_line};

/// One phase with its marks: `phase3 (head), Phase 3: Renamed tables`.
pub fn entry(chain: &Chain, phase: &Phase, current: &[PhaseId]) -> String {
    format!("{}, {}", marked(chain, &phase.id, current), escaped(one_line(&phase.description)))
}

/// One phase after its parents: `phase2 -> phase3 (head), Phase 3: Renamed tables`, and when it was applied.
pub fn history_entry(chain: &Chain, phase: &Phase, seen: &Seen) -> String {
    let mut before = parents(phase);
    if !phase.depends_on.is_empty() {
        let _ = write!(before, " ({})", list(&phase.depends_on));
    }
    let applied = seen.applied_at.get(&phase.id);
    let how = if seen.stamped.contains(&phase.id) { "recorded" } else { "applied" };
    let applied = applied.map(|time| format!(", {how} {}", escaped(recorded(time))));
    format!("{before} -> {}{}", entry(chain, phase, &seen.current), applied.unwrap_or_default())
}

fn parents(phase: &Phase) -> String {
    if phase.parents.is_empty() { "<base>".to_owned() } else { list(&phase.parents) }
}

/// A fork and the phases on it, the arrows below the end of the id.
pub fn branch(chain: &Chain, phase: &Phase) -> String {
    let mut text = format!("{}\n", marked(chain, &phase.id, &[]));
    let width = phase.id.as_str().len();
    for child in chain.children(&phase.id) {
        let _ = writeln!(text, "{:width$} -> {}", "", marked(chain, &child, &[]));
    }
    text
}

pub fn marked(chain: &Chain, id: &PhaseId, current: &[PhaseId]) -> String {
    let mut text = id.to_string();
    if let Some(phase) = chain.get(id)
        && !phase.labels.is_empty()
    {
        let _ = write!(text, " ({})", phase.labels.join(", "));
    }
    // Where no phase has a file, the history is the whole chain.
    let in_history = |phase: &Phase| phase.annotations.source == PhaseSource::History;
    let is_newer = chain.get(id).is_some_and(in_history) && !chain.phases().iter().all(in_history);
    // A head that another phase depends on is none that an upgrade to the heads would end at.
    let needed = chain.is_head(id) && !chain.descendants(id).is_empty();
    for (mark, holds) in [
        ("head", chain.is_head(id) && !needed && !is_newer),
        ("newer", is_newer),
        ("effective head", needed),
        ("branchpoint", chain.is_branch_point(id)),
        ("mergepoint", chain.is_merge(id)),
        ("current", current.contains(id)),
    ] {
        if holds {
            let _ = write!(text, " ({mark})");
        }
    }
    text
}

/// What a file knows of the phases: those applied last, and when each was applied.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The current phases, if they are to be marked.
    pub current: Vec<PhaseId>,
    pub applied_at: BTreeMap<PhaseId, String>,
    /// The phases that were recorded without being run.
    pub stamped: BTreeSet<PhaseId>,
}

/// Everything about one phase.
pub fn details(chain: &Chain, phase: &Phase, seen: &Seen) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label}: {}", escaped(value));
    };
    line("Rev", &marked(chain, &phase.id, &seen.current));
    line("Version", &phase.version.to_string());
    let label = if chain.is_merge(&phase.id) { "Merges" } else { "Parent" };
    line(label, &parents(phase));
    let mut forks = chain.children(&phase.id);
    if forks.len() < 2 {
        forks.clear();
    }
    for (label, ids) in [
        ("Also depends on", &phase.depends_on),
        ("Branches into", &forks),
        ("Replaces", &phase.replaces),
    ] {
        if !ids.is_empty() {
            line(label, &list(ids));
        }
    }
    line("Path", &phase.file.display().to_string());
    line("Checksum", &phase.checksum);
    if let Some(time) = seen.applied_at.get(&phase.id) {
        let how = if seen.stamped.contains(&phase.id) { "Recorded" } else { "Applied" };
        line(how, &recorded(time));
    }
    if phase.headline() != phase.description {
        line("Title", phase.headline());
    }
    let _ = write!(text, "\n{}", indented(phase.description.trim_end(), "    "));
    text
}

/// The details with the steps and checks. `derived` says what is derived if the steps alone do not forbid it.
pub fn shown(chain: &Chain, phase: &Phase, seen: &Seen, derived: &str) -> String {
    let mut text = details(chain, phase, seen);
    let mut list = |label: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n{label}:");
            for line in lines {
                let _ = writeln!(text, "  {}", escaped(line));
            }
        }
    };
    list("Requires", phase.require.iter().map(|check| check.name.clone()).collect());
    list("Steps", phase.up.iter().map(|step| operation(&step.operation)).collect());
    list("Verifies", phase.verify.iter().map(|check| check.name.clone()).collect());
    list(
        "Downgrade",
        match &phase.down {
            Downgrade::Derived => match refuse_irreversible(phase) {
                Ok(()) => vec![derived.to_owned()],
                Err(error) => vec![format!("none: {error}")],
            },
            Downgrade::Steps(steps) => {
                steps.iter().map(|step| operation(&step.operation)).collect()
            }
            Downgrade::Irreversible(why) => vec![format!("none: {why}")],
        },
    );
    text
}

/// Returns whether a whole new definition comes with values, which cannot be taken back if there were others.
pub fn gives_values(phase: &Phase) -> bool {
    let gives =
        |it: &Operation| matches!(it, Operation::Rebuild { values, .. } if !values.is_empty());
    phase.up.iter().any(|step| gives(&step.operation))
}
