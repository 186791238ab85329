//! `check`: whether the phases form a chain that runs from nothing.

use phaseshift::migrate::replay;
use phaseshift::{ErrorKind, Result};
use serde_json::json;

use super::facts::ids;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::cli::screens::chain::joined;
use crate::cli::screens::counted;

/// Checks the phase files. Warnings are told; a phase that does not run makes the answer no.
///
/// # Errors
/// As [`phaseshift::phase::Chain::read`]: files that are no phases are no chain to answer about.
pub fn run(context: &Context) -> Result<Answer> {
    let style = context.terminal.out;
    let chain = context.chain()?;
    // The shadow is in memory: the path is never opened.
    let project = context.project_at(context.folder.join("unused.db"), chain);
    let chain = &project.chain;
    let all = chain.phases().iter().map(|phase| phase.id.clone()).collect();
    let mut text = String::new();
    let mut problems = Vec::new();
    match replay(&project, &all) {
        Ok(_) => text.push_str(&format!(
            "{} {} from nothing\n",
            style.ok(),
            match chain.len() {
                1 => "1 phase runs".to_owned(),
                count => format!("{count} phases run"),
            }
        )),
        Err(error) if is_finding(error.kind()) => {
            let place =
                error.facts().phase.as_ref().map(|it| format!("{it}: ")).unwrap_or_default();
            let causes: String = error.causes().iter().map(|it| format!("\n    {it}")).collect();
            text.push_str(&format!("{} {place}{error}{causes}\n", style.no()));
            problems.push(json!({"phase": error.facts().phase, "message": error.to_string(), "causes": error.causes()}));
        }
        Err(error) => return Err(error),
    }
    let warnings = chain.warnings();
    for warning in warnings {
        text.push_str(&format!("{} {warning}\n", style.warning("Warning:")));
    }
    let heads = chain.heads();
    let label = counted(heads.len(), "head", "heads");
    text.push_str(&format!("{} {label}: {}\n", style.ok(), joined(&heads)));
    let report = json!({
        "phases": chain.len(),
        "heads": ids(&heads),
        "warnings": warnings
            .iter()
            .map(|it| json!({"code": it.code(), "message": it.to_string()}))
            .collect::<Vec<_>>(),
        "problems": problems,
    });
    Ok(Answer::done(text, report).is(problems.is_empty()))
}

/// Tells whether a failed replay is a finding about the phases rather than about the machine.
fn is_finding(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Step
            | ErrorKind::Unsupported
            | ErrorKind::MissingPart
            | ErrorKind::Irreversible
            | ErrorKind::Rebuild
            | ErrorKind::Rows
    )
}
