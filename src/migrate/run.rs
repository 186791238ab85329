//! Carrying a secured migration out: rebuild, prove, commit, all in one transaction.

use std::path::PathBuf;
use std::time::Instant;

use rusqlite::Connection;

use crate::assertion::evaluate;
use crate::database::{Access, Database, Identity, WriteTransaction};
use crate::error::{DatabaseState, Error, ErrorKind, Result};
use crate::event::{Event, Observer};
use crate::history::{EventKind, record};
use crate::plan::{Direction, PhasePlan};
use crate::preflight::check_requirements;
use crate::proof::{Baseline, Proof, Subject, prove};
use crate::rebuild::{Execution, StepNumber, execute};

use super::project::Project;
use super::secure::hold;
use super::state::{Migration, Secured};

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

/// How long each stage of a run took, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Stages {
    /// Copying the pages into the backup.
    pub backup: f64,
    /// Verifying the backup and making it durable.
    pub verify: f64,
    /// Noting what was wrong before.
    pub baseline: f64,
    /// Carrying the plan out.
    pub rebuild: f64,
    /// The checks before the commit.
    pub proof: f64,
    /// The commit, and closing the file.
    pub commit: f64,
}

/// Measures one stage after the other.
struct Lap(Instant);

impl Lap {
    fn next(&mut self) -> f64 {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.0, now)).as_secs_f64()
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
    /// The titles of the steps.
    pub steps: Vec<String>,
    /// The backup.
    pub backup: PathBuf,
    /// What was copied and changed.
    pub execution: Execution,
    /// What was proven.
    pub proof: Proof,
    /// How long the work took, from the lock to the commit, in seconds.
    pub seconds: f64,
    /// How long each stage took.
    pub stages: Stages,
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
        let held = hold(self, observer).map_err(name)?;
        let backup = held.state.backup.path().to_path_buf();
        held.carry_out(started, observer, hooks)
            .map_err(|error| error.in_database(&path).with_backup(&backup))
    }

    fn carry_out(
        self,
        started: Instant,
        observer: &mut dyn Observer,
        hooks: &mut Hooks<'_>,
    ) -> Result<Report> {
        let (from, to) = self.versions();
        let done = self.transform(observer, hooks);
        let steps = self.plan.steps().into_iter().map(|step| step.title).collect();
        let phases = self.plan.phases.iter().map(|it| (it.id.to_string(), it.direction)).collect();
        let Self { project, state: Secured { database, backup, .. }, .. } = self;
        let transaction = WriteTransaction::resume(database);
        let (execution, proof, mut stages) = match done {
            Ok(done) => done,
            Err(error) => return Err(roll_back(transaction, error)),
        };
        let mut lap = Lap(Instant::now());
        let database = transaction.commit().map_err(|error| settle(&project, to, error))?;
        observer.event(&Event::Committed);
        project.options.files.promised("migrated");
        let follow_up = database.close().err().map(|error| error.to_string());
        stages.commit = lap.next();
        Ok(Report {
            from,
            to,
            phases,
            steps,
            backup: backup.path().to_path_buf(),
            execution,
            proof,
            seconds: started.elapsed().as_secs_f64(),
            stages,
            follow_up,
        })
    }

    /// Everything between the lock and the commit.
    fn transform(
        &self,
        observer: &mut dyn Observer,
        hooks: &mut Hooks<'_>,
    ) -> Result<(Execution, Proof, Stages)> {
        let mut lap = Lap(Instant::now());
        let database = &self.state.database;
        let identity = Identity::read(database.connection())?;
        let rebuilt: Vec<String> = self.plan.rebuilds().map(|it| it.from.clone()).collect();
        let first: Vec<String> = rebuilt
            .into_iter()
            .filter(|table| self.known.schema.find_table(table).is_some())
            .collect();
        let baseline = Baseline::take(database.connection(), &self.known.schema, &first)?;
        let (backup, verify) = self.state.backup.seconds();
        let mut stages = Stages { backup, verify, baseline: lap.next(), ..Stages::default() };
        let execution = self.execute(database, observer)?;
        stages.rebuild = lap.next();
        if let Some(meddle) = hooks.before_proof.as_deref_mut() {
            meddle(database.connection());
        }
        let subject = Subject {
            database,
            backup: self.state.backup.reader(),
            before: &self.known.schema,
            plan: &self.plan,
            versions: &self.project.versions,
            baseline: &baseline,
            identity: &identity,
        };
        let proof = prove(&subject, observer)
            .map_err(|error| error.during(ErrorKind::Proof, "the proof could not be finished"))?;
        self.note_rows_proven(database, &proof)?;
        stages.proof = lap.next();
        Ok((execution, proof, stages))
    }

    fn execute(&self, database: &Database, observer: &mut dyn Observer) -> Result<Execution> {
        let mut number = StepNumber { index: 0, total: self.plan.steps().len() };
        let mut all = Execution::default();
        for (place, phase) in self.plan.phases.iter().enumerate() {
            if place > 0 {
                check_requirements(database.connection(), phase)?;
            }
            let mut write = |connection: &Connection| self.record(connection, phase);
            let done = execute(database, phase, &mut number, observer, &mut write)
                .map_err(|error| error.in_phase(phase.id.as_str()))
                .map_err(|error| error.during(ErrorKind::Rebuild, "the rebuild failed"))?;
            if place + 1 < self.plan.phases.len() {
                // The proof sees only the end; what a phase promises must hold when it is done.
                check_promises(database.connection(), phase)?;
            }
            all.copied.extend(done.copied);
            all.rows_changed.extend(done.rows_changed);
        }
        Ok(all)
    }

    fn record(&self, connection: &Connection, phase: &PhasePlan) -> Result<()> {
        let now = self.project.options.files.now();
        let event = crate::history::Event {
            kind: match phase.direction {
                Direction::Up => EventKind::Applied,
                Direction::Down => EventKind::Undone,
            },
            id: phase.id.to_string(),
            parents: phase.parents.iter().map(ToString::to_string).collect(),
            version: phase.version,
            description: phase.description.clone(),
            checksum: phase.checksum.clone(),
            started_at: now.to_rfc3339(),
            finished_at: now.to_rfc3339(),
            applied_at: now.to_utc().format("%Y-%m-%d %H:%M:%S").to_string(),
            backup: Some(self.state.backup.path().display().to_string()),
            rows_proven: 0,
            undo: phase.undo_record(&self.project.versions),
        };
        record(connection, &self.project.versions, &event)
    }

    /// Completes the history rows of this run with what is known only now.
    fn note_rows_proven(&self, database: &Database, proof: &Proof) -> Result<()> {
        let finished = self.project.options.files.now().to_rfc3339();
        let rows = i64::try_from(proof.rows).unwrap_or(i64::MAX);
        for phase in &self.plan.phases {
            database.connection().execute(
                "UPDATE main.phase_history SET rows_proven = ?1, finished_at = ?2 \
                 WHERE event = (SELECT max(event) FROM main.phase_history WHERE id = ?3)",
                (rows, &finished, phase.id.as_str()),
            )?;
        }
        Ok(())
    }
}

/// Evaluates the `verify` checks of a phase that others follow.
fn check_promises(connection: &Connection, phase: &PhasePlan) -> Result<()> {
    for check in &phase.verify {
        let finding = evaluate(connection, check)?;
        if !finding.holds {
            let what = format!("{}: {}: found {}", phase.id, check.name, finding.found);
            return Err(Error::new(ErrorKind::Proof, what)
                .in_phase(phase.id.as_str())
                .problems(finding.rows));
        }
    }
    Ok(())
}

/// After a COMMIT that failed without leaving a transaction open, the file itself tells what it holds.
fn settle(project: &Project, expected: Option<i64>, error: Error) -> Error {
    if error.state() != DatabaseState::Unknown {
        return error;
    }
    let found = project.open(Access::Write).and_then(|database| project.know(&database));
    match found {
        Ok(known) if known.recorded.version() == expected => error.leaving(DatabaseState::Done),
        Ok(_) => error.leaving(DatabaseState::RolledBack),
        Err(_) => error,
    }
}

/// Rolls back and says so; an error while rolling back does not replace the first one.
fn roll_back(transaction: WriteTransaction, error: Error) -> Error {
    let error = error.while_writing(ErrorKind::Rebuild, "the rebuild failed");
    match transaction.rollback() {
        Ok(_) => error.leaving(DatabaseState::RolledBack),
        // The connection is closed now; whoever opens the file next rolls it back.
        Err(_) => error.leaving(DatabaseState::RolledBack),
    }
}
