//! `check`: whether the phases form a chain that runs from nothing, back and again.

use std::path::PathBuf;

use phaseshift::migrate::{
    Project, RoundTrip, TripPlace, TripVerdict, check_merges, rehearsal_space, replay,
    replay_as_new, roundtrip, roundtrip_on_copy,
};
use phaseshift::phase::{Applied, PhaseId};
use phaseshift::squash::verify_squashes;
use phaseshift::{ErrorKind, Result};
use serde_json::{Value, json};

use super::json_values::ids;
use crate::cli::args::CheckArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::failure::unsaid;
use crate::cli::screens::{counted, sized};
use crate::cli::terminal::Style;
use crate::text::list;

/// Checks the phase files and lists warnings. Phases that do not run, downgrades that lead elsewhere
/// and branches that conflict make the answer no.
///
/// # Errors
/// As [`phaseshift::phase::Chain::read`]: files that are no phases are no chain to answer about;
/// as [`roundtrip_on_copy`].
pub fn run(context: &Context, arguments: &CheckArgs) -> Result<CommandOutput> {
    let chain = context.chain()?;
    let database = if arguments.roundtrip { database(context)? } else { None };
    let project = match &database {
        Some(path) => context.project_at(path.clone(), chain),
        None => context.project_of(chain),
    };
    let mut check = CheckPart::new(context.terminal.out);
    check.replay(&project)?;
    check.merges(&project)?;
    check.squashes(context, arguments, &project)?;
    let (trips, copied) = round_trips(context, arguments, &project, database.is_some())?;
    check.broken_trips(&trips);
    if arguments.roundtrip {
        check.other_trips(&trips, copied);
    } else if count(&trips, "broken") == 0 && !trips.is_empty() {
        let ways = "every downgrade leads to the schema before";
        let none = match count(&trips, "irreversible") {
            0 => String::new(),
            none => format!("; {} no downgrade", counted(none, "phase has", "phases have")),
        };
        check.passed("round trip", &format!("{ways}{none}"));
    }
    let chain = &project.chain;
    for warning in chain.warnings() {
        check.line(&check.style.warning("Warning:"), &warning.to_string());
    }
    let heads = chain.heads();
    if let [_, ..] = heads.as_slice() {
        let label = counted(heads.len(), "head", "heads");
        let mark =
            if heads.len() == 1 { check.style.ok() } else { check.style.bullet().to_owned() };
        check.line(&mark, &format!("{label}: {}", list(&heads)));
    }
    if context.settings.schema_demanded {
        check.desired(context, &project)?;
    }
    if arguments.test {
        check.tests(context, &project)?;
    }
    let applied = check.file(context, &project.chain, arguments.pending)?;
    check.new_file(&project, &applied)?;
    let warnings = chain.warnings().iter();
    let warnings: Vec<Value> =
        warnings.map(|it| json!({"code": it.code(), "message": it.to_string()})).collect();
    let shown: &[RoundTrip] = if arguments.roundtrip { &trips } else { &[] };
    let report = json!({
        "phases": chain.len(),
        "heads": ids(&heads),
        "warnings": warnings,
        "problems": check.problems,
        "checks": check.checks,
        "tests": check.tested,
        "roundtrip": shown.iter().map(json_of).collect::<Vec<_>>(),
        "counts": counts(shown),
        "copy": copied.map(|bytes| json!({"database": project.database, "bytes": bytes})),
    });
    let yes = check.problems.is_empty();
    Ok(CommandOutput::done(check.text, report).is(yes))
}

fn all(project: &Project) -> Applied {
    project.chain.phases().iter().map(|phase| phase.id.clone()).collect()
}

/// The database to copy. One that only the settings name need not be there: phases are checked on
/// machines that have none.
fn database(context: &Context) -> Result<Option<PathBuf>> {
    let Some(path) = context.settings.database.clone() else { return Ok(None) };
    // What cannot be looked at is reported when it is opened.
    let is_missing = matches!(context.files().stat(&path), Ok(None));
    if !is_missing || context.settings.database_demanded {
        return Ok(Some(path));
    }
    context.remark(&format!("{} does not exist: tried in memory only", context.shown(&path)));
    Ok(None)
}

/// Makes the round trips, and tells how large the copy was if there was one.
fn round_trips(
    context: &Context,
    arguments: &CheckArgs,
    project: &Project,
    on_copy: bool,
) -> Result<(Vec<RoundTrip>, Option<u64>)> {
    if !on_copy {
        return Ok((roundtrip(project)?, None));
    }
    let place = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
    let place = context.folder.join(place);
    context.remark(&format!(
        "Trying {} on a private copy of {}, each up to three times; room for {} is needed in {}",
        counted(project.chain.len(), "phase", "phases"),
        context.shown(&project.database),
        sized(rehearsal_space(project)?),
        context.shown(&place),
    ));
    let rehearsed = roundtrip_on_copy(project, &place)?;
    Ok((rehearsed.trips, Some(rehearsed.bytes)))
}

const VERDICTS: [&str; 5] = ["reversible", "lossy", "broken", "irreversible", "untried"];

fn count(trips: &[RoundTrip], code: &str) -> usize {
    trips.iter().filter(|trip| trip.verdict.code() == code).count()
}

fn counts(trips: &[RoundTrip]) -> Value {
    VERDICTS.iter().map(|code| ((*code).to_owned(), json!(count(trips, code)))).collect()
}

fn json_of(trip: &RoundTrip) -> Value {
    json!({
        "phase": trip.phase.as_str(),
        "verdict": trip.verdict.code(),
        "reasons": trip.verdict.reasons(),
        "on": trip.place,
    })
}

/// A check under way: its lines so far, and what is wrong.
pub(super) struct CheckPart {
    pub(super) style: Style,
    text: String,
    problems: Vec<Value>,
    checks: Vec<Value>,
    /// How the tests of the phases ended; `None` if they were not asked for.
    pub(super) tested: Option<Vec<Value>>,
}

impl CheckPart {
    fn new(style: Style) -> Self {
        let (text, problems, checks) = (String::new(), Vec::new(), Vec::new());
        Self { style, text, problems, checks, tested: None }
    }

    /// Takes note of a check that holds.
    pub(super) fn passed(&mut self, name: &str, what: &str) {
        self.line(&self.style.ok(), what);
        self.checks.push(json!({"name": name, "ok": true, "detail": what}));
    }

    /// Takes note of a check that does not hold.
    pub(super) fn failed(&mut self, name: &str, phase: Option<&str>, what: &str, why: &[String]) {
        self.problem(phase, what, why);
        self.checks.push(json!({"name": name, "ok": false, "detail": what, "reasons": why}));
    }

    pub(super) fn line(&mut self, mark: &str, what: &str) {
        self.text.push_str(&format!("{mark} {}\n", escaped(what)));
    }

    fn reasons(&mut self, reasons: &[String]) {
        for reason in reasons {
            self.text.push_str(&format!("    {}\n", escaped(reason)));
        }
    }

    fn problem(&mut self, phase: Option<&str>, message: &str, causes: &[String]) {
        let place = phase.map(|id| format!("{id}: ")).unwrap_or_default();
        self.line(&self.style.no(), &format!("{place}{message}"));
        self.reasons(&unsaid(message, causes));
        self.problems.push(json!({"phase": phase, "message": message, "causes": causes}));
    }

    /// Runs all phases from nothing.
    fn replay(&mut self, project: &Project) -> Result<()> {
        match replay(project, &all(project)) {
            Ok(_) => {
                let what = match project.chain.len() {
                    0 => "there are no phases".to_owned(),
                    1 => "1 phase runs from nothing".to_owned(),
                    count => format!("{count} phases run from nothing"),
                };
                self.passed("replay", &what);
                Ok(())
            }
            Err(error) if error.kind().is_about_phases() => {
                let phase = error.facts().phase.as_deref();
                self.failed("replay", phase, &error.to_string(), &error.causes());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Names what stops a new file: what is refused only in phases that are still to run. Phases that the database
    /// has cannot be corrected any more.
    fn new_file(&mut self, project: &Project, applied: &Applied) -> Result<()> {
        match replay_as_new(project, &all(project)) {
            Err(error) if error.kind() == ErrorKind::PhaseFile => {
                let phase = error.facts().phase.as_deref();
                let is_it = |id: &PhaseId| Some(id.as_str()) == phase;
                let mut phases = project.chain.phases().iter();
                let is_applied = phases.any(|it| is_it(&it.id) && applied.contains(&it.id));
                let what = format!("a new file cannot run it: {error}");
                match (phase, is_applied) {
                    (Some(phase), true) => {
                        self.line(&self.style.warning("Warning:"), &format!("{phase}: {what}"));
                    }
                    (phase, _) => self.failed("new file", phase, &what, &[]),
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind().is_about_phases() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Compares each squash with the archived phases that it stands for.
    fn squashes(
        &mut self,
        context: &Context,
        arguments: &CheckArgs,
        project: &Project,
    ) -> Result<()> {
        let place = arguments.scratch.clone().unwrap_or_else(std::env::temp_dir);
        let place = context.folder.join(place);
        for squash in verify_squashes(project, &context.settings.phases, &place)? {
            let archive = context.shown(&squash.archive);
            if squash.problems.is_empty() {
                let apart = match squash.unsteady.as_slice() {
                    [] => String::new(),
                    tables => format!(
                        "; values from the clock or from chance in {} are not compared",
                        list(tables)
                    ),
                };
                let what =
                    format!("{} makes what the phases in {archive} make{apart}", squash.phase);
                self.line(&self.style.ok(), &what);
            } else {
                let what = format!("it does not make what the phases in {archive} make");
                self.problem(Some(&squash.phase), &what, &squash.problems);
            }
        }
        Ok(())
    }

    /// Looks for branches that do not fit together.
    fn merges(&mut self, project: &Project) -> Result<()> {
        match check_merges(project) {
            Ok(conflicts) => {
                for conflict in conflicts {
                    self.failed("merges", None, &conflict.what, &[]);
                }
                Ok(())
            }
            // The replay has named the phase already.
            Err(error) if error.kind().is_about_phases() && !self.problems.is_empty() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Names the phases whose round trip is broken. The one that stopped the replay is named already.
    fn broken_trips(&mut self, trips: &[RoundTrip]) {
        for trip in trips {
            let id = trip.phase.as_str();
            let named = self.problems.iter().any(|problem| problem["phase"] == id);
            if matches!(trip.verdict, TripVerdict::Broken(_)) && !named {
                let why = trip.verdict.reasons();
                self.failed("round trip", Some(id), "the round trip is broken", why);
            }
        }
    }

    /// Lists what the other round trips showed, and sums up.
    fn other_trips(&mut self, trips: &[RoundTrip], copied: Option<u64>) {
        for trip in trips {
            let mark = match trip.verdict {
                TripVerdict::Broken(_) => continue,
                TripVerdict::Untried(_) => self.style.no(),
                TripVerdict::Reversible => self.style.ok(),
                TripVerdict::Lossy(_) | TripVerdict::Irreversible(_) => {
                    self.style.bullet().to_owned()
                }
            };
            let comes_back =
                matches!(trip.verdict, TripVerdict::Reversible | TripVerdict::Lossy(_));
            let place = match trip.place {
                TripPlace::Shadow if copied.is_some() && comes_back => {
                    " in memory, not tried on the copy"
                }
                TripPlace::Shadow | TripPlace::Copy => "",
            };
            self.line(&mark, &format!("{}: {}{place}", trip.phase, trip.verdict.code()));
            self.reasons(trip.verdict.reasons());
        }
        let parts: Vec<String> = VERDICTS
            .iter()
            .map(|code| (count(trips, code), code))
            .filter(|(count, _)| *count > 0)
            .map(|(count, code)| format!("{count} {code}"))
            .collect();
        let place = match copied {
            Some(bytes) => format!("in memory and on a copy of {}", sized(bytes)),
            None => "in memory".to_owned(),
        };
        let mark = if count(trips, "broken") == 0 { self.style.ok() } else { self.style.no() };
        self.line(&mark, &format!("round trips {place}: {}", parts.join(", ")));
    }
}
