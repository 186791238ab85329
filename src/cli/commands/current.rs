//! `current`: the ids that are applied last, and whether they are what a script requires.

use phaseshift::Result;
use phaseshift::database::Access;
use phaseshift::inspect::{Expectation, Met, meets};
use phaseshift::migrate::Newer;
use phaseshift::phase::{Chain, PhaseId, Target};
use serde_json::{Value, json};

use super::history::{stamped, times};
use super::json_values::ids;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::chain::{Seen, details, marked};

pub fn run(context: &Context, require: Option<&str>) -> Result<CommandOutput> {
    let project = context.project()?;
    let heads = project.chain.heads();
    let database = project.open(Access::ReadOnly)?;
    let (project, known) = project.know_newer(&database)?;
    let expectation = require.map(|text| expectation(&project.chain, text)).transpose()?;
    let current = project.chain.current(&known.applied);
    let applied_at = times(&project.chain, &known);
    let seen = Seen { current: Vec::new(), applied_at, stamped: stamped(&known) };
    let mut text: String = current
        .iter()
        .map(|id| match project.chain.get(id).filter(|_| context.verbose) {
            Some(phase) => details(&project.chain, phase, &seen),
            None => format!("{}\n", marked(&project.chain, id, &[])),
        })
        .collect();
    if current.is_empty() {
        context.remark("No phase is recorded in this file.");
    }
    let mut report = json!({
        "database": project.database,
        "version": known.recorded.version(),
        "ids": ids(&current),
        "heads": ids(&heads),
        "newer": known.newer.as_ref().map(|it| newer_json(it, &project.chain, &heads)),
    });
    let mut met = true;
    if let Some(expectation) = &expectation {
        let (answer, detail) = meets(&project, &known, expectation);
        met = answer.is_yes();
        report["required"] = json!({"ok": met, "detail": detail, "answer": answer_code(answer)});
        if let Met::Newer(compatibility) = answer {
            report["required"]["compatibility"] = json!(compatibility.code());
        }
        if !met {
            text.push_str(&format!("Not as required: {}\n", escaped(detail)));
        }
    }
    Ok(CommandOutput::done(text, report).is(met))
}

/// The stable text code of an answer.
const fn answer_code(answer: Met) -> &'static str {
    match answer {
        Met::Yes => "yes",
        Met::No => "no",
        Met::Newer(_) => "newer",
    }
}

/// What a file records beyond the folder; what programs at the heads of the folder may do with it.
pub fn newer_json(newer: &Newer, chain: &Chain, heads: &[PhaseId]) -> Value {
    let said = newer.phases.iter().filter(|it| newer.current.contains(&it.id));
    let said = said.map(|phase| {
        let id = |id: &Option<PhaseId>| id.as_ref().map(ToString::to_string);
        json!({
            "id": phase.id.as_str(),
            "compatible_with": id(&phase.annotations.compatible_with),
            "readable_with": id(&phase.annotations.readable_with),
        })
    });
    json!({
        "ids": ids(&newer.ids()),
        "versions": newer.versions,
        "compatibility": newer.compatibility(chain, heads).code(),
        "current": said.collect::<Vec<_>>(),
        "can_be_undone": newer.can_be_undone(),
    })
}

/// Reads what a script expects: `head`, a version, or an id.
pub fn expectation(chain: &Chain, text: &str) -> Result<Expectation> {
    if text == "head" || text == "heads" {
        return Ok(Expectation::Head);
    }
    if let Ok(Target::Version(version)) = Target::parse(text) {
        return Ok(Expectation::Version(version));
    }
    let is_id = chain.phases().iter().any(|phase| phase.id.as_str() == text);
    match text.parse() {
        Ok(version) if !is_id => Ok(Expectation::Version(version)),
        _ => chain.resolve_id(text).map(Expectation::Phase),
    }
}
