//! Looking before a run: the goal, the plan, and what was found to hold.

use phaseshift::inspect::drift;
use phaseshift::migrate::{Migration, Preparation, Prepared, Project, Request};
use phaseshift::phase::{PhaseId, Target};
use phaseshift::plan::Direction;
use phaseshift::preflight::{LossPolicy, will_share_blocks};
use phaseshift::{Error, ErrorKind, Result};

use super::adoption::name_the_phase;
use crate::cli::args::Goal;
use crate::cli::context::{Context, Output};
use crate::cli::screens::{counted, sized};
use crate::text::list;

/// The end of a dry run.
pub const DRY_RUN: &str = "Nothing was changed: this was a dry run.\n";

/// Makes the request for a target; `default` is what is meant if none is given.
///
/// # Errors
/// [`phaseshift::ErrorKind::Arguments`] if the text is no target.
pub fn request(direction: Direction, target: Option<&str>, default: &str) -> Result<Request> {
    Ok(Request::new(direction, Target::parse(target.unwrap_or(default))?))
}

/// Returns the project as the goal of a command means it.
pub fn with_strategy(project: Project, in_place: bool) -> Project {
    if in_place { project.in_place() } else { project }
}

/// Returns what `--accept-loss` says.
pub fn loss_policy(accept_loss: bool) -> LossPolicy {
    if accept_loss { LossPolicy::Accept } else { LossPolicy::Refuse }
}

/// Makes the request for the goal of a command.
pub fn request_of(direction: Direction, goal: &Goal) -> Result<Request> {
    let default = if direction == Direction::Up { "head" } else { "-1" };
    let request = request(direction, goal.place.target(), default)?;
    let request = if goal.per_phase { request.per_phase() } else { request };
    Ok(Request { losses: loss_policy(goal.accept_loss), ..request })
}

/// Looks; a file on which nothing is recorded gets the name of the phase that it looks like.
pub fn prepare(project: &Project, request: &Request) -> Result<Preparation> {
    Migration::prepare(project, request)
        .map_err(|error| name_the_phase(error, project, request))
        .map_err(|error| offer_base(error, project))
}

/// Undoing the first phase of a chain drops everything; its record alone can be removed.
fn offer_base(error: Error, project: &Project) -> Error {
    let first = error.facts().phase.as_ref().and_then(|id| PhaseId::new(id));
    let is_first = first
        .and_then(|id| project.chain.get(&id).map(|phase| phase.parents.is_empty()))
        .unwrap_or(false);
    if error.kind() == ErrorKind::Irreversible && is_first {
        return error.choices(["base"]);
    }
    error
}

/// The most that is replayed before a run to compare the schema, as objects times applied phases: more takes too long to
/// wait for, and `status` compares any schema.
const REPLAYED_BEFORE: usize = 5_000;

/// Says that other programs changed the schema since the applied phases; `None` if they did not, or if that cannot be
/// found out.
pub fn drift_note<S>(context: &Context, migration: &Migration<S>) -> Option<String> {
    let (project, known) = (migration.project(), migration.known());
    let work = known.schema.objects.len() * known.applied.len();
    if context.output != Output::Text || work > REPLAYED_BEFORE {
        return None;
    }
    let differences = drift(project, known).ok()?.len();
    if differences == 0 {
        return None;
    }
    let count = counted(differences, "difference", "differences");
    let diff = context.command_line("diff");
    Some(format!("Note: the schema is not what the applied phases made ({count}): {diff}"))
}

/// Something that holds, found by a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prerequisite {
    pub name: &'static str,
    /// What was found, one sentence.
    pub detail: String,
}

/// Says what was found to hold.
///
/// # Errors
/// [`phaseshift::ErrorKind::Io`] if the sizes cannot be read.
pub fn prerequisites(migration: &Migration<Prepared>) -> Result<Vec<Prerequisite>> {
    let plan = migration.plan();
    let mut found = vec![version(migration)];
    let mut add = |name, detail| found.push(Prerequisite { name, detail });
    let tables = rebuilt_tables(migration);
    if !tables.is_empty() {
        add("tables", format!("Tables exist: {}", tables.join(", ")));
    }
    if let Some(first) = plan.phases.first().filter(|phase| !phase.require.is_empty()) {
        let checks = counted(first.require.len(), "check", "checks");
        let verb = if first.require.len() == 1 { "holds" } else { "hold" };
        add("requirements", format!("{checks} of {} {verb}", first.id));
    }
    let need = migration.space();
    let (backup, work) = (sized(need.backup), sized(need.database));
    let project = migration.project();
    let files = project.options.files.as_ref();
    let shared = match will_share_blocks(files, &project.database, &project.backups)? {
        true => "; the backup shares the blocks of the database until they change",
        false => "",
    };
    add("space", format!("Enough space: {backup} for the backup, {work} for the work{shared}"));
    add("writing", "The file can be written, and no other program is writing".to_owned());
    Ok(found)
}

fn version(migration: &Migration<Prepared>) -> Prerequisite {
    let known = migration.known();
    let current = migration.project().chain.current(&known.applied);
    let detail = match known.recorded.version() {
        Some(version) => format!("Schema version is {version} ({})", list(&current)),
        None => "No phase is recorded yet, and the file fits the first one".to_owned(),
    };
    Prerequisite { name: "version", detail }
}

/// Returns the tables that a plan rebuilds and that exist now, by their present names.
pub fn rebuilt_tables<S>(migration: &Migration<S>) -> Vec<String> {
    let schema = &migration.known().schema;
    let names = migration.plan().rebuilds().map(|it| it.from.clone());
    let mut tables: Vec<String> = Vec::new();
    for name in names.filter(|name| schema.find_table(name).is_some()) {
        if !tables.contains(&name) {
            tables.push(name);
        }
    }
    tables
}
