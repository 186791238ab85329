//! Carrying a secured migration out: rebuild, prove, commit, all in one transaction.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::Connection;

use crate::assertion::evaluate;
use crate::backup::{AppliedPhase, Pruned, VerifiedBackup};
use crate::database::{
    Access, Checkpoint, CheckpointRule, Database, FileSize, Identity, WriteTransaction, Writeback,
};
use crate::error::{DatabaseState, Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::history::{HistoryEvent, record};
use crate::plan::{Direction, LostRule, PhasePlan, Plan, Rebuild, RowSource};
use crate::preflight::check_requirements;
use crate::proof::{Baseline, ExpectedRecords, Proof, Subject, prove, rows_to_prove};
use crate::rebuild::{Execution, FittingIndexes, RunProgress, execute};

use crate::schema::temporary_triggers;

use super::project::Project;
use super::recording::{RunContext, events};
use super::request::Transactions;
use super::retain::{recorded_phases, retain, retain_after};
use super::secure::relock;
use super::stages::{Stages, Timer};
use super::state::{Migration, Secured, data_version};

/// Places where a test can meddle, to show that the run notices.
#[derive(Default)]
pub struct Hooks<'h> {
    /// Called between the last copy and the proof.
    pub before_proof: Option<&'h mut dyn FnMut(&Connection)>,
}

impl std::fmt::Debug for Hooks<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// What a migration did.
#[derive(Debug, Clone)]
pub struct Report {
    /// The version before.
    pub from: Option<i64>,
    /// The version after.
    pub to: Option<i64>,
    /// The phases that ran, with their directions.
    pub phases: Vec<(String, Direction)>,
    /// The plan that was carried out.
    pub plan: Plan,
    /// The titles of the steps.
    pub steps: Vec<String>,
    pub lost_rules: Vec<LostRule>,
    pub backup: PathBuf,
    /// The older backups that were removed afterwards, and why the others stay.
    pub pruned: Pruned,
    /// The phases whose steps came from the history of the file.
    pub from_history: Vec<String>,
    /// What was copied and changed.
    pub execution: Execution,
    pub proof: Proof,
    /// How long the work took, from the lock to the commit, in seconds.
    pub seconds: f64,
    /// How long each stage took.
    pub stages: Stages,
    /// The sizes that the file took before, and takes now.
    pub sizes: (FileSize, FileSize),
    /// What became of a large WAL after the commit.
    pub checkpoint: Option<Checkpoint>,
    /// Something after the commit that failed; the migration itself is done.
    pub follow_up: Option<String>,
}

impl Migration<Secured> {
    /// Carries the migration out. Either everything is committed, or the file holds what it held.
    ///
    /// # Errors
    /// [`ErrorKind::FileChanged`], [`ErrorKind::Rebuild`], [`ErrorKind::Proof`] and others; the
    /// error says what state the file is in and names the backup.
    pub fn run(self, observer: &mut dyn Observer, hooks: &mut Hooks<'_>) -> Result<Report> {
        let started = Instant::now();
        let (path, backup) =
            (self.project.database.clone(), self.state.backup.path().to_path_buf());
        let name = |error: Error| error.in_database(&path).with_backup(&backup);
        let held = relock(self, observer).map_err(name)?;
        let backup = held.state.backup.path().to_path_buf();
        held.carry_out(started, observer, hooks)
            .map_err(|error| error.in_database(&path).with_backup(&backup))
    }

    fn carry_out(
        mut self,
        started: Instant,
        observer: &mut dyn Observer,
        hooks: &mut Hooks<'_>,
    ) -> Result<Report> {
        let (from, to) = self.versions();
        let steps: Vec<String> = self.plan.steps().into_iter().map(|step| step.title).collect();
        let phases = self.plan.phases.iter().map(|it| (it.id.to_string(), it.direction)).collect();
        let mut timer = Timer::start();
        let database = self.state.database.connection();
        let baseline = Baseline::take(database, &self.known.schema)?;
        let sizes = FileSize::of(&self.state.database)?;
        let (backup, verify) = self.state.backup.seconds();
        let stages = Stages { backup, verify, baseline: timer.next(), ..Stages::default() };
        let indexes = FittingIndexes::of(baseline.fitting());
        let mut work = Work {
            baseline,
            timer,
            stages,
            progress: RunProgress { step: 0, steps: steps.len(), indexes },
            execution: Execution::default(),
            proof: Proof::default(),
            sizes: (sizes, sizes),
            done: 0,
            follow_up: None,
        };
        let database = loop {
            self = self.transact(&mut work, observer, hooks)?;
            observer.event(&Event::Committed);
            self.project.options.files.promised("migrated");
            if work.done == self.plan.phases.len() {
                break self.state.database;
            }
            self = self.lock_again(&work)?;
        };
        let applied = self.plan.target().map(|it| recorded_phases(&self.project, &database, it));
        let (checkpoint, unmoved) = checkpoint(&database, self.project.checkpoint);
        let closing = database.close().err().map(|error| error.to_string());
        let backup = self.state.backup.path().to_path_buf();
        let applied = applied.and_then(Result::ok);
        let (pruned, unpruned) = prune(&self.project, self.state.backup, applied.as_deref());
        let follow_up = work.follow_up.or(unmoved).or(closing).or(unpruned);
        work.stages.commit += work.timer.next();
        Ok(Report {
            from,
            to,
            phases,
            steps,
            from_history: self.plan.undone_from_history(),
            lost_rules: self.plan.phases.iter().flat_map(PhasePlan::lost_rules).collect(),
            backup,
            pruned,
            execution: work.execution,
            proof: work.proof,
            seconds: started.elapsed().as_secs_f64(),
            stages: work.stages,
            sizes: work.sizes,
            checkpoint,
            follow_up,
            plan: self.plan,
        })
    }

    /// Carries out and commits the next transaction of the run, or rolls it back.
    fn transact(
        mut self,
        work: &mut Work,
        observer: &mut dyn Observer,
        hooks: &mut Hooks<'_>,
    ) -> Result<Self> {
        let count = match self.transactions {
            Transactions::WholeRun => self.plan.phases.len(),
            Transactions::PerPhase => 1,
        };
        let until = work.done + count;
        let transformed = self.transform(work, until, observer, hooks);
        let transformed = await_check(transformed, &mut self.state.backup);
        let completed = self.completed(work);
        let transaction = WriteTransaction::resume(self.state.database);
        if let Err(error) = transformed {
            return Err(roll_back(transaction, error).after_phases(completed));
        }
        let committed = match transaction.commit() {
            Ok(database) => Ok(database),
            Err(error) => {
                let events = self.known.recorded.events.len() + work.done;
                let last = self.plan.phases.get(until - 1);
                let backup = self.state.backup.path();
                let reopened = after_failed_commit(&self.project, error, work, || {
                    look_again(&self.project, events, last, backup)
                });
                // The backup is not attached to the new connection.
                self.plan.use_old_tables();
                reopened
            }
        };
        self.state.database = committed.map_err(|error| error.after_phases(completed))?;
        work.done = until;
        work.stages.commit += work.timer.next();
        Ok(self)
    }

    fn completed(&self, work: &Work) -> Vec<String> {
        self.plan.phases[..work.done].iter().map(|phase| phase.id.to_string()).collect()
    }

    /// Takes the write lock for the next phase. The backup still proves the rows if no program wrote
    /// since the commit.
    fn lock_again(mut self, work: &Work) -> Result<Self> {
        let completed = self.completed(work);
        let seen = data_version(&self.state.database)?;
        let failed =
            |error: Error| error.leaving(DatabaseState::RolledBack).after_phases(completed.clone());
        let locked = WriteTransaction::begin(self.state.database).map_err(failed)?;
        let database = locked.into_database();
        if data_version(&database)? != seen {
            let what = "another program changed the file between two phases";
            return Err(failed(Error::new(ErrorKind::FileChanged, what)));
        }
        self.state.database = database;
        Ok(self)
    }

    /// Everything between the lock and the commit: the phases up to a place in the plan.
    fn transform(
        &mut self,
        work: &mut Work,
        until: usize,
        observer: &mut dyn Observer,
        hooks: &mut Hooks<'_>,
    ) -> Result<()> {
        let identity = Identity::read(self.state.database.connection())?;
        work.timer.next();
        let writeback = Writeback::begin(&self.state.database)?;
        self.execute(work, until, observer)?;
        writeback.finish()?;
        work.stages.rebuild += work.timer.next();
        if self.plan.phases[..until].iter().flat_map(PhasePlan::rebuilds).any(reads_backup) {
            self.state.backup.read_again();
        }
        // The backup is that of the whole run: what is proven is the way from there.
        let plan = Plan { phases: self.plan.phases[..until].to_vec() };
        let (database, backup) = (&self.state.database, self.state.backup.reader());
        let subject = Subject {
            database,
            backup,
            before: &self.known.schema,
            plan: &plan,
            target: plan.target().unwrap_or(&self.known.schema),
            versions: &self.project.versions,
            records: &self.expected_records(&plan),
            baseline: &work.baseline,
            identity: &identity,
        };
        let unfinished =
            |error: Error| error.during(ErrorKind::Proof, "the proof could not be finished");
        let rows = rows_to_prove(&subject).map_err(unfinished)?;
        self.complete_records(&plan.phases[work.done..], rows)?;
        if let Some(meddle) = hooks.before_proof.as_deref_mut() {
            meddle(database.connection());
        }
        // The proof is about what is in the file, not about pages read earlier.
        database.forget_cached_pages()?;
        work.proof = prove(&subject, observer).map_err(unfinished)?;
        if work.proof.rows < rows {
            let found = work.proof.rows;
            let what = format!("the history records {rows} proven rows, but {found} were proven");
            return Err(Error::new(ErrorKind::Proof, what));
        }
        // Nothing that could fail is left for after the commit.
        work.sizes.1 = FileSize::of(database)?.when_written();
        work.stages.proof += work.timer.next();
        Ok(())
    }

    fn execute(
        &mut self,
        work: &mut Work,
        until: usize,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let database = &self.state.database;
        // The write lock is held, and the database holds what the backup holds.
        if work.done == 0
            && self.plan.rebuilds().any(reads_backup)
            && !database.attach(self.state.backup.path())?
        {
            self.plan.use_old_tables();
        }
        for place in work.done..until {
            let phase = &self.plan.phases[place];
            if place > 0 {
                check_requirements(database, phase)?;
            }
            let mut write = |connection: &Connection| self.record(connection, phase);
            let done = execute(database, phase, &mut work.progress, observer, &mut write)
                .map_err(|error| error.in_phase(phase.id.as_str()))
                .map_err(|error| error.during(ErrorKind::Rebuild, "the rebuild failed"))?;
            if place + 1 < self.plan.phases.len() {
                // The proof sees only the end; what a phase promises must hold when it is done.
                check_promises(database, phase)?;
            }
            work.execution.copied.extend(done.copied);
            work.execution.rows_changed.extend(done.rows_changed);
        }
        Ok(())
    }

    fn record(&self, connection: &Connection, phase: &PhasePlan) -> Result<()> {
        self.project.versions.refuse_temporary_triggers(&temporary_triggers(connection)?)?;
        self.events_of(phase)
            .iter()
            .try_for_each(|event| record(connection, &self.project.versions, event))
    }

    fn events_of(&self, phase: &PhasePlan) -> Vec<HistoryEvent> {
        let circumstances = RunContext {
            now: Some(self.project.options.files.now()),
            backup: Some(self.state.backup.path().display().to_string()),
        };
        events(phase, &self.project.versions, &circumstances)
    }

    fn expected_records(&self, plan: &Plan) -> ExpectedRecords {
        let mut expected = ExpectedRecords::after(&self.known.recorded);
        plan.phases
            .iter()
            .flat_map(|phase| self.events_of(phase))
            .for_each(|it| expected.expect(it));
        expected
    }

    /// Completes the history rows of this transaction. This comes before the proof, so that nothing is
    /// written after it.
    fn complete_records(&self, phases: &[PhasePlan], rows: u64) -> Result<()> {
        let finished = self.project.options.files.now().to_rfc3339();
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        for phase in phases {
            self.state.database.connection().execute(
                "UPDATE main.phase_history SET rows_proven = ?1, finished_at = ?2 \
                 WHERE event = (SELECT max(event) FROM main.phase_history WHERE id = ?3)",
                (rows, &finished, phase.id.as_str()),
            )?;
        }
        Ok(())
    }
}

/// Checkpoints a large WAL; the error says why that could not be done. The commit counts in any case.
fn checkpoint(database: &Database, rule: CheckpointRule) -> (Option<Checkpoint>, Option<String>) {
    match database.checkpoint(rule) {
        Ok(checkpoint) => (checkpoint, None),
        Err(error) => (None, Some(format!("the WAL could not be checkpointed: {error}"))),
    }
}

/// Removes old backups; the error says why that could not be done.
fn prune(
    project: &Project,
    backup: VerifiedBackup,
    applied: Option<&[AppliedPhase]>,
) -> (Pruned, Option<String>) {
    let path = backup.path().to_path_buf();
    let pruned = backup.into_entry().and_then(|_| match applied {
        Some(applied) => retain_after(project, &path, applied),
        None => retain(project, Some(&path)),
    });
    match pruned {
        Ok(pruned) => (pruned, None),
        Err(error) => {
            (Pruned::default(), Some(format!("old backups could not be removed: {error}")))
        }
    }
}

fn reads_backup(rebuild: &Rebuild) -> bool {
    rebuild.reads(RowSource::Backup)
}

/// Evaluates the `verify` checks of a phase that others follow.
fn check_promises(database: &Database, phase: &PhasePlan) -> Result<()> {
    for check in &phase.verify {
        let finding = evaluate(database, check)?;
        if !finding.holds {
            let what = format!("{}: {}: found {}", phase.id, check.name, finding.found);
            return Err(Error::new(ErrorKind::Proof, what)
                .in_phase(phase.id.as_str())
                .problems(finding.rows));
        }
    }
    Ok(())
}

/// Finds out whether a commit counts although an error was reported: the history then ends with
/// the transaction's last phase and names our backup. Opening the file rolls back what was not
/// committed.
fn look_again(
    project: &Project,
    events: usize,
    last: Option<&PhasePlan>,
    backup: &Path,
) -> DatabaseState {
    let recorded = || {
        let database = project.open(Access::Write)?;
        project.know(&database).map(|now| now.recorded)
    };
    // What is found must also outlast a power cut, and the sync of the folder may be what failed.
    let folder = project.database.parent().unwrap_or(Path::new("."));
    let durable = || project.options.files.sync_folder(folder).is_ok();
    let ours = (last.map(|it| it.id.to_string()), Some(backup.display().to_string()));
    match recorded() {
        Ok(now) if now.events.len() == events => DatabaseState::RolledBack,
        Ok(now)
            if now
                .events
                .last()
                .is_some_and(|it| (Some(it.id.clone()), it.backup.clone()) == ours)
                && durable() =>
        {
            DatabaseState::Done
        }
        Ok(_) | Err(_) => DatabaseState::Unknown,
    }
}

/// Waits for the check of the backup. Damage explains any other error.
fn await_check(transformed: Result<()>, backup: &mut VerifiedBackup) -> Result<()> {
    let by_wish = |error: &Error| error.kind() == ErrorKind::Interrupted;
    if transformed.as_ref().is_err_and(by_wish) {
        return transformed;
    }
    match (transformed, backup.await_check()) {
        (Err(first), Err(second)) if second.kind() != ErrorKind::BackupDamaged => Err(first),
        (transformed, checked) => checked.and(transformed),
    }
}

/// What a run has done so far.
struct Work {
    baseline: Baseline,
    timer: Timer,
    stages: Stages,
    progress: RunProgress,
    execution: Execution,
    proof: Proof,
    /// Before the run, and as the last transaction leaves it.
    sizes: (FileSize, FileSize),
    /// Phases that are committed.
    done: usize,
    /// What failed after a commit that counts.
    follow_up: Option<String>,
}

/// Decides what a failed COMMIT means. If the change is in the file after all, the run goes on with a
/// new connection and reports the error as something that failed afterwards.
fn after_failed_commit(
    project: &Project,
    error: Error,
    work: &mut Work,
    look_again: impl FnOnce() -> DatabaseState,
) -> Result<Database> {
    if error.state() != DatabaseState::Unknown {
        return Err(error);
    }
    match look_again() {
        DatabaseState::Done => {
            let causes = error.causes().join(": ");
            work.follow_up = Some(format!("an error at the commit: {causes}"));
            project.open(Access::Write).map_err(|again| again.leaving(DatabaseState::Done))
        }
        state => Err(error.leaving(state)),
    }
}

/// Rolls back and says so; an error while rolling back does not replace the first one.
fn roll_back(transaction: WriteTransaction, error: Error) -> Error {
    let error = error.while_writing(ErrorKind::Rebuild, "the rebuild failed");
    match transaction.rollback() {
        Ok(database) => {
            VerifiedBackup::attribute_damage(error, &database).leaving(DatabaseState::RolledBack)
        }
        // The connection is closed now; the next program that opens the file rolls it back.
        Err(_) => error.leaving(DatabaseState::RolledBack),
    }
}
