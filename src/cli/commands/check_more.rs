//! The checks that need more than the phase files: the desired schema, the tests of the phases, and a database.

use phaseshift::compare::Wording;
use phaseshift::database::{Access, Database};
use phaseshift::history::{AppliedPhase, applied};
use phaseshift::inspect::{SchemaSource, compare_sources, drift};
use phaseshift::migrate::{FileState, Project, TestOutcome, run_tests};
use phaseshift::phase::{Applied, Chain, Target};
use phaseshift::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::check::CheckPart;
use crate::cli::context::Context;
use crate::cli::screens::counted;
use crate::text::list;

impl CheckPart {
    /// Compares what all phases make with the desired schema.
    pub(super) fn desired(&mut self, context: &Context, project: &Project) -> Result<()> {
        let path = &context.settings.schema;
        let shown = context.shown(path);
        let (made, wanted) =
            (SchemaSource::Phases(Target::Heads), SchemaSource::Desired(path.clone()));
        match compare_sources(project, &made, &wanted) {
            Ok(found) if found.is_same() => {
                self.passed("schema", &format!("the phases make the schema of {shown}"));
            }
            Ok(found) => {
                let lines: Vec<String> =
                    found.differing().flat_map(|it| it.lines(Wording::Unexpected)).collect();
                self.failed("schema", None, &format!("the phases do not make {shown}"), &lines);
            }
            // The replay has named the phase.
            Err(error) if error.facts().phase.is_some() => {
                let what = format!("the phases do not run, so that {shown} is not compared");
                self.failed("schema", None, &what, &[]);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) fn tests(&mut self, context: &Context, project: &Project) -> Result<()> {
        let outcomes = run_tests(project)?;
        for outcome in &outcomes {
            let Some(failure) = &outcome.failure else { continue };
            let mut why = vec![failure.what.clone()];
            if let Some((expected, found)) = &failure.answer {
                why.push(format!("expected {expected}"));
                why.push(format!("found    {found}"));
            }
            let place = format!("{}:{}", context.shown(&outcome.file), outcome.line);
            let what = format!("test \"{}\" failed ({place})", outcome.name);
            self.failed("tests", Some(outcome.phase.as_str()), &what, &why);
        }
        if outcomes.iter().all(|it| it.failure.is_none()) {
            let passed = match outcomes.len() {
                0 => "no phase has a test".to_owned(),
                1 => "1 test of the phases passed".to_owned(),
                count => format!("{count} tests of the phases passed"),
            };
            self.passed("tests", &passed);
        }
        self.tested = Some(outcomes.iter().map(outcome_json).collect());
        Ok(())
    }

    /// Compares a database with the phases, where there is one: checksums, schema, and what is pending. Returns what it
    /// has applied.
    pub(super) fn file(
        &mut self,
        context: &Context,
        chain: &Chain,
        pending: bool,
    ) -> Result<Applied> {
        let Some(path) = context.settings.database.clone() else { return Ok(Applied::nothing()) };
        let stat = context.files().stat(&path).ok().flatten();
        // A file of no bytes is none yet.
        if stat.is_none_or(|stat| stat.bytes == 0) {
            return Ok(Applied::nothing());
        }
        let project = context.project_at(path, chain.clone());
        let database = project.open(Access::ReadOnly)?;
        let shown = context.shown(&project.database);
        let Some((extended, known)) = self.recorded(&project, &database, &shown)? else {
            return Ok(Applied::nothing());
        };
        if !known.applied.is_empty() {
            self.drift(&extended, &known, &shown)?;
        }
        self.pending(&extended, &known, (&shown, pending));
        Ok(known.applied)
    }

    /// Checks that the applied phases are there as they were applied.
    fn recorded(
        &mut self,
        project: &Project,
        database: &Database,
        shown: &str,
    ) -> Result<Option<(Project, FileState)>> {
        match project.know_newer(database) {
            Ok((extended, known)) => {
                if let Some(newer) = &known.newer {
                    let what = format!("{shown} is newer than these phases");
                    self.failed("recorded", None, &what, &[list(newer.ids())]);
                } else {
                    let applied = applied(&known.recorded, &project.chain)?;
                    self.passed("recorded", &format!("{shown}: {}", unedited(&applied)));
                }
                Ok(Some((extended, known)))
            }
            Err(error) if is_about_records(&error) => {
                let phase = error.facts().phase.clone();
                let why = [error.facts().problems.clone(), error.causes()].concat();
                let what = format!("not as {shown} records it: {error}");
                self.failed("recorded", phase.as_deref(), &what, &why);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn drift(&mut self, project: &Project, known: &FileState, shown: &str) -> Result<()> {
        let differences = match drift(project, known) {
            Ok(differences) => differences,
            // The replay has named the phase.
            Err(error) if error.facts().phase.is_some() => vec![error.to_string()],
            Err(error) => return Err(error),
        };
        match differences.as_slice() {
            [] => self.passed("drift", &format!("{shown} has the schema that its phases make")),
            lines => {
                self.failed("drift", None, &format!("{shown} differs from its phases"), lines);
            }
        }
        Ok(())
    }

    fn pending(&mut self, project: &Project, known: &FileState, (shown, fails): (&str, bool)) {
        let pending = project.chain.all_pending(&known.applied);
        let what = format!("{shown}: {} pending", counted(pending.len(), "phase", "phases"));
        match pending.as_slice() {
            [] => self.passed("pending", &format!("{shown}: nothing is pending")),
            ids if fails => self.failed("pending", None, &what, &[list(ids)]),
            ids => self.line(self.style.bullet(), &format!("{what}: {}", list(ids))),
        }
    }
}

/// Returns whether an error is about what the file records of the phases.
fn is_about_records(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PhaseEdited | ErrorKind::PhaseMissing | ErrorKind::VersionTable
    )
}

fn outcome_json(outcome: &TestOutcome) -> Value {
    let answer = outcome.failure.as_ref().and_then(|it| it.answer.as_ref());
    json!({
        "phase": outcome.phase.as_str(),
        "test": outcome.name,
        "line": outcome.line,
        "ok": outcome.failure.is_none(),
        "message": outcome.failure.as_ref().map(|it| &it.what),
        "expected": answer.map(|(expected, _)| expected),
        "found": answer.map(|(_, found)| found),
    })
}

/// Says of the applied phases, none of which is known to be edited, how many could be compared.
fn unedited(applied: &[AppliedPhase]) -> String {
    let phases = counted(applied.len(), "applied phase", "applied phases");
    let (known, unknown): (Vec<_>, Vec<_>) = applied.iter().partition(|it| it.checksum.is_some());
    let names = |phases: &[&AppliedPhase]| list(phases.iter().map(|it| &it.id));
    match (known.len(), unknown.len()) {
        (1, 0) => format!("{phases}; its steps are unchanged"),
        (_, 0) => format!("{phases}; their steps are unchanged"),
        (0, _) => format!("{phases}; no checksum is recorded to compare their steps with"),
        (_, _) => format!(
            "{phases}; the steps of {} are unchanged, those of {} could not be compared: no checksum is recorded for them",
            names(&known),
            names(&unknown)
        ),
    }
}
