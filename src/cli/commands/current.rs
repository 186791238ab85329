//! `current`: the ids that are applied last, and whether they are what a script requires.

use phaseshift::Result;
use phaseshift::database::Access;
use phaseshift::inspect::{Expectation, meets};
use phaseshift::phase::{Chain, Target};
use serde_json::json;

use super::json_values::ids;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::chain::{Seen, details, marked};

/// Shows the current ids.
///
/// # Errors
/// Those of opening the file and reading its version tables.
pub fn run(context: &Context, require: Option<&str>) -> Result<CommandOutput> {
    let project = context.project()?;
    let expectation = require.map(|text| expectation(&project.chain, text)).transpose()?;
    let database = project.open(Access::Look)?;
    let known = project.know(&database)?;
    let project = project.as_recorded(&known.recorded)?;
    let current = project.chain.current(&known.applied);
    let mut text: String = current
        .iter()
        .map(|id| match project.chain.get(id).filter(|_| context.verbose) {
            Some(phase) => details(&project.chain, phase, &Seen::default()),
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
        "heads": ids(&project.chain.heads()),
    });
    let mut met = true;
    if let Some(expectation) = &expectation {
        let (ok, detail) = meets(&project, &known, expectation);
        met = ok;
        report["required"] = json!({"ok": ok, "detail": detail});
        if !ok {
            text.push_str(&format!("Not as required: {}\n", escaped(detail)));
        }
    }
    Ok(CommandOutput::done(text, report).is(met))
}

/// Reads what a script expects: `head`, a version, or an id.
///
/// # Errors
/// As [`Chain::resolve_id`].
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
