//! The look: read, plan, and find everything that can be known to be wrong. Nothing is written.

use rusqlite::Connection;

use crate::database::{Access, Database, FileSize};
use crate::error::{Compatibility, Error, ErrorKind, Result};
use crate::history::{AppliedPhase, applied, implied};
use crate::phase::{Applied, Phase, PhaseId, StepsKnown, Target};
use crate::plan::{
    Direction, FileFacts, Implied, Plan, plan_and_define, plan_undo, refuse_missing_parents,
};
use crate::preflight::{
    LossPolicy, SpaceNeed, check_requirements, check_rows, check_space, check_temporary_files,
    check_virtual_tables, count_losses, probe_writing, refuse_losses, remarks_on_place, space_need,
    will_share_blocks,
};
use crate::shadow::Shadow;

use super::branch_conflicts::{as_error, check_merges};
use super::file_state::FileState;
use super::made_already::explain_made_already;
use super::project::Project;
use super::recording::try_recording;
use super::replay_from_scratch::notice_what_runs_here_only;
use super::request::{Request, Warnings};
use super::state::{Migration, Prepared, data_version};
use super::step_place::at_its_step;
use super::trial_copy::try_run;
use super::undo_history::UndoHistory;
use super::up_to_date::UpToDate;

#[derive(Debug)]
pub enum Preparation {
    /// There is nothing to do.
    UpToDate(Box<UpToDate>),
    Ready(Box<Migration<Prepared>>),
}

impl Migration<Prepared> {
    /// Looks at a database and plans the way to a target.
    ///
    /// Whatever can be known to be wrong is found here: the database is open, but not a byte of it
    /// or of its folder is changed.
    ///
    /// # Errors
    /// Every kind that stands for a refusal, with [`Unchanged`](crate::DatabaseState::Unchanged).
    pub fn prepare(project: &Project, request: &Request) -> Result<Preparation> {
        let mut attempt = 1;
        loop {
            let database = project.open(Access::Write)?;
            // The number is taken before anything is read, so that any later change shows.
            let seen = data_version(&database)?;
            match Self::prepare_through(project, request, &database) {
                Ok(FilePlan::UpToDate(found)) => return Ok(Preparation::UpToDate(found)),
                Ok(FilePlan::Plan(planned)) => {
                    let database = probe_writing(database)?;
                    let Planned { project, known, plan, need } = *planned;
                    let transactions = request.transactions;
                    let state = Prepared { database, data_version: seen, need };
                    let found = Migration { project, known, plan, transactions, state };
                    return Ok(Preparation::Ready(Box::new(found)));
                }
                // What was read belongs to two states of the file, and the fault to neither.
                Err(_) if attempt < ATTEMPTS && data_version(&database)? != seen => attempt += 1,
                Err(error) => return Err(error.in_database(&project.database)),
            }
        }
    }

    /// Looks through an open connection. What is read is of one state only under a lock.
    pub(super) fn prepare_through(
        project: &Project,
        request: &Request,
        database: &Database,
    ) -> Result<FilePlan> {
        let (project, known, path) = find_path(project, request, database)?;
        if path.is_empty() {
            return Ok(FilePlan::UpToDate(Box::new(UpToDate::new(request, &project, known))));
        }
        project.versions.refuse_triggers(&known.schema)?;
        let make = || plan_path(&project, &known, &path, request.direction);
        let cache = project.plans.as_ref().filter(|_| request.direction == Direction::Up);
        let mut plan = match cache {
            Some(cache) => cache.plan((&project.chain, &project.versions), &known, &path, make)?,
            None => make()?,
        };
        fit_to_file(&mut plan, &project, &known, database.connection())?;
        if request.notices == Warnings::Find && request.direction == Direction::Up {
            notice_what_runs_here_only(&project, &known, &mut plan)?;
        }
        try_recording(&project, &known, &plan)?;
        count_losses(database.connection(), &mut plan)?;
        refuse_by_rows(database, &plan, request.losses)
            .map_err(|error| at_its_step(error, &project.chain))?;
        let files = project.options.files.as_ref();
        let mut need = space_need(database, &known.schema, &plan)?;
        if will_share_blocks(files, &project.database, &project.backups)? {
            need = need.with_shared_blocks(FileSize::of(database)?.page_size);
        }
        check_space(files, &project.database, &project.backups, need)?;
        check_temporary_files(files)?;
        try_run(&project, &known, (&plan, request.transactions), database)?;
        if let Some(first) = plan.phases.first_mut() {
            first.notices.extend(remarks_on_place(files, &project.database)?);
        }
        Ok(FilePlan::Plan(Box::new(Planned { project, known, plan, need })))
    }
}

/// Adapts a plan to the file that it is for.
fn fit_to_file(
    plan: &mut Plan,
    project: &Project,
    known: &FileState,
    connection: &Connection,
) -> Result<()> {
    let vacuum: i64 = connection.query_row("PRAGMA main.auto_vacuum", [], |row| row.get(0))?;
    let (schema, versions) = (&known.schema, &project.versions);
    plan.fit_to_file(&FileFacts { schema, versions, pointer_maps: vacuum != 0 });
    Ok(())
}

/// Refuses a plan because of what the rows of the file are: it would lose something unasked, a `require` check does
/// not hold, or rows break a new rule.
pub(super) fn refuse_by_rows(database: &Database, plan: &Plan, losses: LossPolicy) -> Result<()> {
    if losses == LossPolicy::Refuse {
        refuse_losses(plan)?;
    }
    if let Some(first) = plan.phases.first() {
        check_requirements(database, first)?;
    }
    let connection = database.connection();
    check_virtual_tables(connection, plan)?;
    check_rows(connection, plan)
}

/// Reads a file and finds the phases of a run. A downgrade may begin at phases that only the file's history holds.
pub(super) fn find_path(
    project: &Project,
    request: &Request,
    database: &Database,
) -> Result<(Project, FileState, Vec<PhaseId>)> {
    match request.direction {
        Direction::Up => {
            let known = match project.know(database) {
                Ok(known) => known,
                Err(missing) => return find_nothing_to_do(project, database, missing),
            };
            let project = project.as_recorded(&known.recorded)?;
            let path = project.chain.up_path(&known.applied, &request.target)?;
            Ok((project, known, path))
        }
        Direction::Down => {
            let (extended, known) = project.know_newer(database)?;
            let heads = project.chain.heads();
            let target = match (&request.target, heads.as_slice(), &known.newer) {
                // The head is that of the folder.
                (Target::Head | Target::Heads, [head], Some(_)) => Target::Id(head.to_string()),
                (target, ..) => target.clone(),
            };
            let path = extended.chain.down_path(&known.applied, &target)?;
            refuse_unknown_steps(&extended, &path, &known)?;
            Ok((extended, known, path))
        }
    }
}

/// A program that starts on a newer file has nothing to do if the newer phases say that it may write the file.
fn find_nothing_to_do(
    project: &Project,
    database: &Database,
    missing: Error,
) -> Result<(Project, FileState, Vec<PhaseId>)> {
    let Ok((extended, known)) = project.know_newer(database) else { return Err(missing) };
    let is_complete = project.chain.all_pending(&known.applied).is_empty();
    let heads = project.chain.heads();
    let may_write = known
        .newer
        .as_ref()
        .is_some_and(|it| it.compatibility(&extended.chain, &heads) == Compatibility::Full);
    if is_complete && may_write { Ok((extended, known, Vec::new())) } else { Err(missing) }
}

/// Refuses to undo phases of which the history keeps no steps.
fn refuse_unknown_steps(project: &Project, path: &[PhaseId], known: &FileState) -> Result<()> {
    let phases = path.iter().filter_map(|id| project.chain.get(id));
    let unknown: Vec<&str> = phases
        .filter(|it| it.annotations.steps == StepsKnown::None)
        .map(|it| it.id.as_str())
        .collect();
    let unnamed = known.newer.as_ref().and_then(|newer| newer.versions.first());
    let what = match (unknown.as_slice(), unnamed) {
        ([], None) => return Ok(()),
        ([], Some(version)) => format!("the file records version {version}, which no phase has"),
        ([_, ..], _) => format!(
            "{} applied, but neither the folder nor the history of the file holds the steps",
            match unknown.as_slice() {
                [only] => format!("phase {only} is"),
                several => format!("phases {} are", several.join(", ")),
            }
        ),
    };
    let error = Error::new(ErrorKind::PhaseMissing, what).problems(unknown.iter().copied());
    Err(match unknown.first() {
        Some(first) => error.in_phase(first),
        None => error,
    })
}

/// What was found in a file in one state.
pub(super) enum FilePlan {
    UpToDate(Box<UpToDate>),
    Plan(Box<Planned>),
}

/// A plan, and what it was made for: the project with the versions that the file records.
pub(super) struct Planned {
    pub(super) project: Project,
    pub(super) known: FileState,
    pub(super) plan: Plan,
    pub(super) need: SpaceNeed,
}

/// How often a look, or a run, begins again because another program changed the file meanwhile.
pub(super) const ATTEMPTS: usize = 5;

/// Returns the plan that leads from one state of a database, a backup of it for instance, to another, as far as the
/// phases tell; `None` if some phases have to be undone and others to be applied.
pub fn plan_between(project: &Project, from: &FileState, to: &FileState) -> Result<Option<Plan>> {
    let missing = |of: &FileState, other: &FileState| -> Vec<PhaseId> {
        let phases = project.chain.phases().iter().map(|phase| &phase.id);
        phases
            .filter(|id| of.applied.contains(id) && !other.applied.contains(id))
            .cloned()
            .collect()
    };
    let (new, mut gone) = (missing(to, from), missing(from, to));
    let project = project.as_recorded(&from.recorded)?;
    match (new.is_empty(), gone.is_empty()) {
        (true, true) => Ok(Some(Plan::default())),
        (false, true) => plan_path(&project, from, &new, Direction::Up).map(Some),
        (true, false) => {
            gone.reverse();
            plan_path(&project, from, &gone, Direction::Down).map(Some)
        }
        (false, false) => Ok(None),
    }
}

/// Plans all phases of a path, one after the other, on one shadow.
pub(super) fn plan_path(
    project: &Project,
    known: &FileState,
    path: &[PhaseId],
    direction: Direction,
) -> Result<Plan> {
    let mut shadow = Shadow::of(&known.schema)?;
    shadow.keep_tables(project.versions.names());
    shadow.plan_a_run();
    let phases: Vec<&Phase> = path.iter().filter_map(|id| project.chain.get(id)).collect();
    let mut plan = match direction {
        Direction::Up => {
            refuse_taken_versions(known, &phases)?;
            plan_up(project, known, &mut shadow, &phases)?
        }
        Direction::Down => plan_down(project, known, &mut shadow, &phases)?,
    };
    refuse_missing_parents(&known.schema, &shadow.schema()?, &plan.phases)?;
    for unsound in shadow.unsound() {
        if let Some(first) = plan.phases.first_mut() {
            first.notices.push(format!(
                "{} does not compile and is carried over as it is: {}",
                unsound.object, unsound.message
            ));
        }
    }
    Ok(plan)
}

/// A version that the file records for one phase cannot be set by another.
fn refuse_taken_versions(known: &FileState, phases: &[&Phase]) -> Result<()> {
    let taken =
        |phase: &&&Phase| known.recorded.versions.iter().any(|it| it.version == phase.version);
    let Some(phase) = phases.iter().find(taken) else { return Ok(()) };
    let what =
        format!("{} sets version {}, which the file records already", phase.id, phase.version);
    Err(Error::new(ErrorKind::Chain, what).in_phase(phase.id.as_str()).at(&phase.file, 1))
}

fn plan_up(
    project: &Project,
    known: &FileState,
    shadow: &mut Shadow,
    phases: &[&Phase],
) -> Result<Plan> {
    let mut plan = Plan::default();
    for (place, phase) in phases.iter().enumerate() {
        let planned = plan_and_define(shadow, phase, &project.versions);
        let planned = planned.map_err(|error| explain_conflict(error, project, phase));
        let planned = planned.map_err(|error| match place {
            0 => explain_unadopted(error, project, known, phase),
            _ => error,
        });
        let before = &phases[..place];
        plan.phases.push(
            planned
                .map_err(|error| explain_made_already(error, project, known, (before, phase)))?,
        );
    }
    Ok(plan)
}

/// A step that does not fit after another branch is a conflict of the two, which has a name.
fn explain_conflict(error: Error, project: &Project, phase: &Phase) -> Error {
    if error.kind() != ErrorKind::Step || project.chain.is_linear() {
        return error;
    }
    // A chain that does not run at all keeps its own error.
    let conflicts = check_merges(project).unwrap_or_default();
    let ours =
        conflicts.into_iter().filter(|it| it.phases.iter().any(|id| id == phase.id.as_str()));
    match as_error(ours.collect()) {
        Ok(()) => error,
        Err(conflict) => conflict.in_phase(phase.id.as_str()).caused_by(error),
    }
}

/// Returns why a phase does not run where there is nothing, if it does not: then that is no matter of the file.
fn fails_from_nothing(project: &Project, phase: &Phase) -> Option<Error> {
    let mut shadow = project.replay().empty().ok()?;
    shadow.plan_a_run();
    plan_and_define(&mut shadow, phase, &project.versions).err()
}

fn plan_down(
    project: &Project,
    known: &FileState,
    shadow: &mut Shadow,
    phases: &[&Phase],
) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut remaining = known.applied.clone();
    let history = UndoHistory::new(project, &remaining)?;
    for phase in phases {
        let past = history.past(phase, &remaining, &known.recorded, &shadow.schema()?)?;
        let mut planned = plan_undo(shadow, phase, &past, &project.versions)?;
        planned.replaced = replaced(phase, &applied(&known.recorded, &project.chain)?);
        plan.phases.push(planned);
        remaining.remove(&phase.id);
    }
    if let Some(first) = plan.phases.first_mut() {
        first.implied = to_be_recorded(project, known)?;
    }
    Ok(plan)
}

/// The recorded phases that a squash stands for. What they were is known to the history alone.
fn replaced(phase: &Phase, recorded: &[AppliedPhase]) -> Vec<Implied> {
    let of_phase = recorded.iter().filter(|it| phase.replaces.contains(&it.id));
    let with_row = of_phase.filter_map(|it| Some((it, it.version?)));
    with_row
        .map(|(it, version)| Implied {
            id: it.id.clone(),
            version,
            description: String::new(),
            parents: Vec::new(),
            checksum: it.checksum.clone().unwrap_or_default(),
        })
        .collect()
}

/// What to record of the phases that another program recorded only through a later one.
fn to_be_recorded(project: &Project, known: &FileState) -> Result<Vec<Implied>> {
    let ids = implied(&known.recorded, &project.chain)?;
    let phases = ids.iter().filter_map(|id| project.chain.get(id));
    Ok(phases
        .map(|phase| Implied {
            id: phase.id.clone(),
            version: phase.version,
            description: phase.description.clone(),
            parents: phase.parents.clone(),
            checksum: phase.checksum.clone(),
        })
        .collect())
}

/// A first step that does not fit a file on which nothing is recorded most often means that the file is
/// further along than it says. Where there is but one phase, there is nothing to be further along with, and
/// where an earlier phase of the run fits, the fault is the later phase's own.
fn explain_unadopted(error: Error, project: &Project, known: &FileState, phase: &Phase) -> Error {
    let unrecorded = known.applied == Applied::nothing() && !known.schema.is_empty();
    if !unrecorded || project.chain.phases().len() < 2 || error.kind() != ErrorKind::Step {
        return error;
    }
    if fails_from_nothing(project, phase).is_some_and(|it| it.found_as(&error)) {
        return error;
    }
    let what = format!(
        "no phase is recorded in the file, and the first one, {}, does not run on its tables",
        phase.id
    );
    let (object, problems) = (error.facts().object.clone(), error.facts().problems.clone());
    let not_adopted = Error::new(ErrorKind::NotAdopted, what).in_phase(phase.id.as_str());
    let not_adopted = not_adopted.problems(problems).caused_by(error);
    match object {
        Some(object) => not_adopted.about(&object),
        None => not_adopted,
    }
}
