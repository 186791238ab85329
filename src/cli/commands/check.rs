//! `check`: whether the phases form a chain that runs from nothing.

use phaseshift::migrate::{Project, RoundTrip, Verdict, check_merges, replay, roundtrip};
use phaseshift::{ErrorKind, Result};
use serde_json::{Value, json};

use super::facts::ids;
use crate::cli::answer::Answer;
use crate::cli::context::Context;
use crate::cli::screens::chain::joined;
use crate::cli::screens::counted;
use crate::cli::terminal::Style;

/// Checks the phase files. Warnings are told; phases that do not run, and branches that clash, make
/// the answer no.
///
/// # Errors
/// As [`phaseshift::phase::Chain::read`]: files that are no phases are no chain to answer about.
pub fn run(context: &Context, with_roundtrip: bool) -> Result<Answer> {
    let chain = context.chain()?;
    // The shadow is in memory: the path is never opened.
    let project = context.project_at(context.folder.join("unused.db"), chain);
    let mut check =
        Check { style: context.terminal.out, text: String::new(), problems: Vec::new() };
    check.replay(&project)?;
    check.clashes(&project)?;
    let trips = if with_roundtrip { check.roundtrip(&project)? } else { Vec::new() };
    let chain = &project.chain;
    for warning in chain.warnings() {
        check.line(&check.style.warning("Warning:"), &warning.to_string());
    }
    let heads = chain.heads();
    let label = counted(heads.len(), "head", "heads");
    check.line(&check.style.ok(), &format!("{label}: {}", joined(&heads)));
    let warnings = chain.warnings().iter();
    let warnings: Vec<Value> =
        warnings.map(|it| json!({"code": it.code(), "message": it.to_string()})).collect();
    let report = json!({
        "phases": chain.len(),
        "heads": ids(&heads),
        "warnings": warnings,
        "problems": check.problems,
        "roundtrip": trips,
    });
    let yes = check.problems.is_empty();
    Ok(Answer::done(check.text, report).is(yes))
}

/// A check under way: what is said so far, and what is wrong.
struct Check {
    style: Style,
    text: String,
    problems: Vec<Value>,
}

impl Check {
    fn line(&mut self, mark: &str, what: &str) {
        self.text.push_str(&format!("{mark} {what}\n"));
    }

    fn problem(&mut self, phase: Option<&str>, message: &str, causes: &[String]) {
        let place = phase.map(|id| format!("{id}: ")).unwrap_or_default();
        let causes_text: String = causes.iter().map(|it| format!("\n    {it}")).collect();
        self.line(&self.style.no(), &format!("{place}{message}{causes_text}"));
        self.problems.push(json!({"phase": phase, "message": message, "causes": causes}));
    }

    /// Runs all phases from nothing.
    fn replay(&mut self, project: &Project) -> Result<()> {
        let all = project.chain.phases().iter().map(|phase| phase.id.clone()).collect();
        match replay(project, &all) {
            Ok(_) => {
                let phases = match project.chain.len() {
                    1 => "1 phase runs".to_owned(),
                    count => format!("{count} phases run"),
                };
                self.line(&self.style.ok(), &format!("{phases} from nothing"));
                Ok(())
            }
            Err(error) if is_finding(error.kind()) => {
                let phase = error.facts().phase.as_deref();
                self.problem(phase, &error.to_string(), &error.causes());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Looks for branches that do not fit together.
    fn clashes(&mut self, project: &Project) -> Result<()> {
        match check_merges(project) {
            Ok(clashes) => {
                for clash in clashes {
                    self.problem(None, &clash.what, &[]);
                }
                Ok(())
            }
            // The replay has named the phase already.
            Err(error) if is_finding(error.kind()) && !self.problems.is_empty() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes each phase down and up again.
    fn roundtrip(&mut self, project: &Project) -> Result<Vec<Value>> {
        let trips = roundtrip(project)?;
        for trip in &trips {
            let reasons = trip.verdict.reasons();
            if let Verdict::Broken(_) = trip.verdict {
                self.problem(Some(trip.phase.as_str()), "the round trip is broken", reasons);
                continue;
            }
            let reasons: String = reasons.iter().map(|it| format!("\n    {it}")).collect();
            let what = format!("{}: {}{reasons}", trip.phase, trip.verdict.code());
            self.line(&self.style.ok(), &what);
        }
        let json_of = |trip: &RoundTrip| {
            let (code, reasons) = (trip.verdict.code(), trip.verdict.reasons());
            json!({"phase": trip.phase.as_str(), "verdict": code, "reasons": reasons})
        };
        Ok(trips.iter().map(json_of).collect())
    }
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
