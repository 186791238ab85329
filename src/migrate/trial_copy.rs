//! Trying a run on a copy of the file in memory before the backup: what its statements do with rows only shows when
//! they run. Nothing is written.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use crate::backup::{PageCopy, copy_pages};
use crate::database::{Access, Database, FileSize, Identity, Limits, Sandbox};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Silent, Stage, without_progress};
use crate::history::record;
use crate::name::same;
use crate::phase::{Operation, Step};
use crate::plan::{PhasePlan, Plan};
use crate::preflight::{check_new_index, check_rebuilt_rows, check_requirements, decided_by_rows};
use crate::proof::{Baseline, ExpectedRecords, Subject, prove};
use crate::rebuild::{FittingIndexes, RunProgress, execute};
use crate::sql::{mentions, object_head};

use super::file_state::FileState;
use super::project::Project;
use super::recording::{RunContext, events};
use super::request::Transactions;
use super::step_place::at_its_step;

/// The largest file that is copied; what is larger is judged inside the transaction.
const LARGEST: u64 = 32 * 1_024 * 1_024;

/// How much the run may take on the copy before it is judged inside the transaction instead.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 8 * LARGEST };

/// Carries a plan out on a copy of the file in memory, if rows decide whether it can be carried out at all, and if the
/// file is small. The `verify` checks are left to the run, which they end.
///
/// # Errors
/// [`ErrorKind::Rows`] if the run would be rolled back; [`ErrorKind::Requirement`] of a later phase; those of reading
/// the file; [`ErrorKind::Interrupted`].
pub(super) fn try_run(
    project: &Project,
    known: &FileState,
    (plan, transactions): (&Plan, Transactions),
    database: &Database,
) -> Result<()> {
    if !decided_by_rows(plan) || FileSize::of(database)?.all_bytes() > LARGEST {
        return Ok(());
    }
    let file = database.sibling(Access::ReadOnly)?;
    let mut sandbox = Sandbox::new(&project.database, &project.options, LIMITS)?;
    let mut plan = plan.clone();
    plan.use_old_tables();
    let trial = Trial { project, known, plan: &plan, transactions, file: &file };
    let tried = without_progress(|| trial.run(&mut sandbox));
    match tried {
        Err(error) if project.options.interrupt.requested() => Err(error),
        Err(error) if sandbox.gave_up(&error) => Ok(()),
        tried => tried,
    }
}

struct Trial<'a> {
    project: &'a Project,
    known: &'a FileState,
    plan: &'a Plan,
    transactions: Transactions,
    /// The file, which stands for the backup: it is not written.
    file: &'a Database,
}

impl Trial<'_> {
    fn run(&self, sandbox: &mut Sandbox) -> Result<()> {
        let (subject, options) = (self.file.path(), &self.project.options);
        let job = PageCopy { stage: Stage::Preflight, subject, options };
        let target = sandbox.database_mut().connection_mut();
        copy_pages(self.file.connection(), target, job, &mut |_| Ok(()), &mut Silent)?;
        sandbox.limit_size()?;
        let database = sandbox.database();
        database.authorizer().protect(self.project.versions.names());
        let baseline = Baseline::take(database.connection(), &self.known.schema)?;
        let identity = Identity::read(database.connection())?;
        database.connection().execute_batch("BEGIN")?;
        let indexes = FittingIndexes::of(baseline.fitting());
        let mut progress = RunProgress { indexes, ..RunProgress::default() };
        for (place, phase) in self.plan.phases.iter().enumerate() {
            if place > 0 {
                check_requirements(database, phase)?;
            }
            let mut write = |connection: &Connection| {
                let mut events = self.events_of(phase).into_iter();
                events.try_for_each(|event| record(connection, &self.project.versions, &event))
            };
            execute(database, phase, &mut progress, &mut Silent, &mut write)
                .and_then(|_| self.prove(database, place + 1, (&baseline, &identity)))
                .map_err(|error| self.refusal(error, database.connection(), phase))?;
        }
        Ok(())
    }

    /// Proves what would be committed now: the first phases of the run.
    fn prove(
        &self,
        database: &Database,
        phases: usize,
        (baseline, identity): (&Baseline, &Identity),
    ) -> Result<()> {
        if self.transactions == Transactions::WholeRun && phases < self.plan.phases.len() {
            return Ok(());
        }
        let mut plan = Plan { phases: self.plan.phases[..phases].to_vec() };
        if let Some(last) = plan.phases.last_mut() {
            last.verify.clear();
        }
        let mut records = ExpectedRecords::after(&self.known.recorded);
        let events = plan.phases.iter().flat_map(|phase| self.events_of(phase));
        events.for_each(|event| records.expect(event));
        let subject = Subject {
            database,
            backup: self.file,
            before: &self.known.schema,
            plan: &plan,
            target: plan.target().unwrap_or(&self.known.schema),
            versions: &self.project.versions,
            records: &records,
            baseline,
            identity,
        };
        prove(&subject, &mut Silent).map(drop)
    }

    /// Makes a refusal that names the rows that break a rule of a rebuilt table, if there are any.
    fn refusal(&self, error: Error, connection: &Connection, phase: &PhasePlan) -> Error {
        let facts = error.facts();
        let named = match (error.kind(), &facts.object) {
            (ErrorKind::Proof, _) => check_rebuilt_rows(connection, phase),
            (ErrorKind::Rebuild, Some(index)) => check_new_index(connection, phase, index),
            _ => Ok(()),
        };
        let place = self.place_of(&error, phase);
        match (named, place) {
            (Err(named), place) if named.kind() == ErrorKind::Rows => {
                let named = match place {
                    Some((file, line)) => named.at(&file, line),
                    None => at_its_step(named, &self.project.chain),
                };
                named.problems(&facts.problems)
            }
            (_, Some((file, line))) => refusal(error, phase).at(&file, line),
            (_, None) => refusal(error, phase),
        }
    }

    /// The file and line of the step that failed, or that makes the object that an error is about.
    fn place_of(&self, error: &Error, phase: &PhasePlan) -> Option<(PathBuf, usize)> {
        let (phase, facts) = (self.project.chain.get(&phase.id)?, error.facts());
        let makes = |step: &&Step| match (&step.operation, &facts.object) {
            (Operation::Create { sql, .. }, Some(object)) => {
                object_head(sql).is_ok_and(|it| same(&it.name.text, object))
            }
            _ => false,
        };
        let makes = || phase.up.iter().rev().find(makes).map(|step| step.line);
        Some((phase.file.clone(), facts.step_line.or_else(makes)?))
    }

    fn events_of(&self, phase: &PhasePlan) -> Vec<crate::history::HistoryEvent> {
        let now = Some(self.project.options.files.now());
        events(phase, &self.project.versions, &RunContext { now, backup: None })
    }
}

/// Makes a refusal of what would end in a rollback; other errors, such as an interrupt, stay what they are.
fn refusal(error: Error, phase: &PhasePlan) -> Error {
    if !matches!(error.kind(), ErrorKind::Rebuild | ErrorKind::Proof) {
        return error;
    }
    let facts = error.facts().clone();
    let mut what = facts.problems.first().cloned().unwrap_or_else(|| error.to_string());
    if let Some(object) = facts.object.as_ref().filter(|it| !mentions(&what, &[it.as_str()])) {
        what = format!("{what} ({object})");
    }
    let what = format!("{} cannot start: {what}", phase.id);
    let mut refusal = Error::new(ErrorKind::Rows, what).in_phase(phase.id.as_str());
    if let Some(object) = &facts.object {
        refusal = refusal.about(object);
    }
    if let Some((line, why)) = facts.statement {
        refusal = refusal.in_statement(line, why);
    }
    if let Some(line) = facts.step_line {
        refusal = refusal.on_step_line(line);
    }
    refusal.problems(facts.problems).caused_by(error)
}
