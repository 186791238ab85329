//! Runs the tests that phases carry (`[[test]]`): in memory, on what the phases before make of an empty database, with
//! their rows. A user's file is never opened.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::assertion::evaluate;
use crate::backup::{PageCopy, copy_pages};
use crate::database::{Limits, Purpose, Sandbox, run_authorized};
use crate::error::{Error, ErrorKind, Result, words};
use crate::event::{Silent, Stage};
use crate::history::UndoRecord;
use crate::name::in_main;
use crate::phase::{Cell, Check, ExpectedAnswer, Phase, PhaseId, PhaseTest, TestQuery};
use crate::plan::{Direction, PastSchemas, PhasePlan, plan_phase, plan_undo, snapshots};
use crate::preflight::check_requirements;
use crate::proof::Baseline;
use crate::rebuild::{FittingIndexes, RunProgress, execute};
use crate::schema::{ObjectKind, Schema, read};
use crate::shadow::Shadow;

use super::project::Project;

/// What the statements of one test may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(60), bytes: 256 << 20 };

/// How many rows of an answer are shown.
const SHOWN: usize = 5;

/// How one test ended.
#[derive(Debug, Clone, PartialEq)]
pub struct TestOutcome {
    pub phase: PhaseId,
    /// The name of the test.
    pub name: String,
    pub file: PathBuf,
    /// The line of the test.
    pub line: usize,
    /// Why it failed; `None` if it passed.
    pub failure: Option<TestFailure>,
}

/// Why a test failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    /// What did not work.
    pub what: String,
    /// What was expected, and what was found, if an answer was compared.
    pub answer: Option<(String, String)>,
}

/// Runs the tests of all phases, in chain order.
///
/// # Errors
/// [`ErrorKind::Interrupted`]; those of SQLite itself. What is wrong with a phase or a test is an outcome.
pub fn run_tests(project: &Project) -> Result<Vec<TestOutcome>> {
    let mut outcomes = Vec::new();
    let phases = project.chain.phases();
    let Some(last) = phases.iter().rposition(|phase| !phase.annotations.tests.is_empty()) else {
        return Ok(outcomes);
    };
    let base = Bench::empty(project)?;
    let mut stopped: Option<String> = None;
    for phase in &phases[..=last] {
        for test in &phase.annotations.tests {
            let failure = match &stopped {
                Some(why) => Some(TestFailure { what: why.clone(), answer: None }),
                None => found(run_test(&base, phase, test), project)?,
            };
            outcomes.push(TestOutcome {
                phase: phase.id.clone(),
                name: test.name.clone(),
                file: phase.file.clone(),
                line: test.line,
                failure,
            });
        }
        if stopped.is_none()
            && let Some(failure) = found(base.apply(phase).map(|_| None), project)?
        {
            stopped =
                Some(format!("not run: {} before it does not run: {}", phase.id, failure.what));
        }
    }
    Ok(outcomes)
}

/// Makes an outcome of what is wrong with a phase or a test.
fn found(result: Result<Option<TestFailure>>, project: &Project) -> Result<Option<TestFailure>> {
    match result {
        Err(error) if project.options.interrupt.requested() => Err(error),
        Err(error) => {
            let mut what = error.to_string();
            for cause in error.causes() {
                what = format!("{what}: {cause}");
            }
            Ok(Some(TestFailure { what, answer: None }))
        }
        Ok(failure) => Ok(failure),
    }
}

fn run_test(base: &Bench<'_>, phase: &Phase, test: &PhaseTest) -> Result<Option<TestFailure>> {
    let bench = base.copy()?;
    bench.run("before", test.before.as_deref())?;
    let start = if test.down { bench.rows()? } else { Vec::new() };
    let plan = bench.apply(phase)?;
    bench.run("after", test.after.as_deref())?;
    if let Some(failure) = bench.ask(test.query.as_ref(), test, "query")? {
        return Ok(Some(failure));
    }
    if !test.down {
        return Ok(None);
    }
    bench.undo(phase, &plan)?;
    if let Some(failure) = bench.ask(test.down_query.as_ref(), test, "down_query")? {
        return Ok(Some(failure));
    }
    // Rows written after the phase stay.
    let exactly = test.after.is_none();
    Ok(different_rows(&start, &bench.rows()?, exactly))
}

/// A database in memory, and the phases.
struct Bench<'p> {
    project: &'p Project,
    sandbox: Sandbox,
}

impl<'p> Bench<'p> {
    fn empty(project: &'p Project) -> Result<Self> {
        let sandbox = Sandbox::new(&project.database, &project.options, LIMITS)?;
        sandbox.database().authorizer().protect(project.versions.names());
        Ok(Self { project, sandbox })
    }

    fn copy(&self) -> Result<Self> {
        let mut copy = Self::empty(self.project)?;
        let job = PageCopy {
            stage: Stage::Preflight,
            subject: &self.project.database,
            options: &self.project.options,
        };
        let target = copy.sandbox.database_mut().connection_mut();
        copy_pages(self.connection(), target, job, &mut |_| Ok(()), &mut Silent)?;
        copy.sandbox.limit_size()?;
        Ok(copy)
    }

    fn connection(&self) -> &Connection {
        self.sandbox.database().connection()
    }

    /// Runs statements of a test under the authorizer.
    fn run(&self, key: &str, sql: Option<&str>) -> Result<()> {
        let Some(sql) = sql else { return Ok(()) };
        let authorizer = self.sandbox.database().authorizer();
        run_authorized(self.connection(), authorizer, sql, Purpose::Run).map(drop).map_err(
            |error| Error::new(ErrorKind::Step, format!("{key}: {error}")).caused_by(error),
        )
    }

    fn shadow(&self, schema: &Schema) -> Result<Shadow> {
        self.project.replay().on(schema)
    }

    fn apply(&self, phase: &Phase) -> Result<PhasePlan> {
        let schema = read(self.connection())?;
        let mut shadow = self.shadow(&schema)?;
        let versions = &self.project.versions;
        let plan = plan_phase(&mut shadow, phase, &phase.up, Direction::Up, versions)?;
        check_requirements(self.sandbox.database(), &plan)?;
        self.carry_out(&plan, &schema)?;
        for check in &plan.verify {
            let finding = evaluate(self.sandbox.database(), check)?;
            if !finding.holds {
                let what =
                    format!("the check \"{}\" does not hold: found {}", check.name, finding.found);
                return Err(Error::new(ErrorKind::Proof, what));
            }
        }
        Ok(plan)
    }

    fn undo(&self, phase: &Phase, applied: &PhasePlan) -> Result<()> {
        let schema = read(self.connection())?;
        let versions = &self.project.versions;
        let replayed = snapshots(&mut self.shadow(&applied.before)?, phase)?;
        let recorded = Some(UndoRecord::between(&applied.before, &applied.after, versions));
        let past = PastSchemas { replayed, recorded };
        let plan = plan_undo(&mut self.shadow(&schema)?, phase, &past, versions)?;
        self.carry_out(&plan, &schema)
    }

    fn carry_out(&self, plan: &PhasePlan, schema: &Schema) -> Result<()> {
        let baseline = Baseline::take(self.connection(), schema)?;
        let indexes = FittingIndexes::of(baseline.fitting());
        let mut progress = RunProgress { indexes, ..RunProgress::default() };
        self.connection().execute_batch("BEGIN")?;
        // What is applied is known here without a record of it.
        execute(self.sandbox.database(), plan, &mut progress, &mut Silent, &mut |_| Ok(()))?;
        Ok(self.connection().execute_batch("COMMIT")?)
    }

    /// Asks a query of the test.
    fn ask(
        &self,
        query: Option<&TestQuery>,
        test: &PhaseTest,
        key: &str,
    ) -> Result<Option<TestFailure>> {
        let Some(query) = query else { return Ok(None) };
        let answer = |expected: String, found: String| TestFailure {
            what: format!("{key} gives another answer"),
            answer: Some((expected, found)),
        };
        match &query.expect {
            ExpectedAnswer::Check(expect) => {
                let (name, sql) = (test.name.clone(), query.sql.clone());
                let check =
                    Check { name, sql, expect: expect.clone(), message: None, line: test.line };
                let finding = evaluate(self.sandbox.database(), &check)?;
                let failure =
                    || answer(expect.to_string(), shown_found(&finding.found, &finding.rows));
                Ok((!finding.holds).then(failure))
            }
            ExpectedAnswer::Rows(expected) => {
                let found = select(self.connection(), &query.sql)?;
                let equal = found.len() == expected.len()
                    && found.iter().zip(expected).all(|(found, wanted)| same_row(found, wanted));
                Ok((!equal).then(|| answer(shown(expected), shown(&found))))
            }
        }
    }

    /// The rows of every table of the user's.
    fn rows(&self) -> Result<Vec<(String, Vec<Vec<Cell>>)>> {
        let schema = read(self.connection())?;
        let tables = schema.of_kind(ObjectKind::Table);
        let own = tables.filter(|it| !self.project.versions.contains(&it.name));
        own.map(|it| {
            let rows = select(self.connection(), &format!("SELECT * FROM {}", in_main(&it.name)))?;
            Ok((it.name.clone(), rows))
        })
        .collect()
    }
}

fn shown_found(found: &str, rows: &[String]) -> String {
    if rows.len() > 1 { format!("{found}: {}", rows.join("; ")) } else { found.to_owned() }
}

/// Reads all rows of a query that only reads.
fn select(connection: &Connection, sql: &str) -> Result<Vec<Vec<Cell>>> {
    let refused = |error: rusqlite::Error| {
        Error::new(ErrorKind::Step, format!("query: {}", words(&error))).caused_by(error)
    };
    let mut statement = connection.prepare(sql).map_err(refused)?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(Error::new(ErrorKind::Step, "the query is not one that only reads"));
    }
    let width = statement.column_count();
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(refused)? {
        let cells = (0..width).map(|index| row.get_ref(index).map(cell));
        found.push(cells.collect::<rusqlite::Result<_>>().map_err(refused)?);
    }
    Ok(found)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) => Cell::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

fn same_row(found: &[Cell], wanted: &[Cell]) -> bool {
    found.len() == wanted.len()
        && found.iter().zip(wanted).all(|(found, wanted)| match (found, wanted) {
            // A number may be written with a fraction or without one, as in a check.
            #[expect(clippy::cast_precision_loss, reason = "compared as SQLite compares them")]
            (Cell::Integer(integer), Cell::Real(real))
            | (Cell::Real(real), Cell::Integer(integer)) => *integer as f64 == *real,
            (found, wanted) => found == wanted,
        })
}

/// Rows of a user's table that are not there again after a downgrade, or are there although they were not before.
fn different_rows(
    before: &[(String, Vec<Vec<Cell>>)],
    after: &[(String, Vec<Vec<Cell>>)],
    exactly: bool,
) -> Option<TestFailure> {
    before.iter().find_map(|(table, rows)| {
        let found = after.iter().find(|(other, _)| other == table).map(|(_, rows)| rows);
        let found = found.map_or(&[][..], Vec::as_slice);
        let mut rest: Vec<&Vec<Cell>> = found.iter().collect();
        let all_there = rows.iter().all(|row| {
            let place = rest.iter().position(|other| *other == row);
            place.map(|place| rest.swap_remove(place)).is_some()
        });
        let equal = all_there && (rest.is_empty() || !exactly);
        (!equal).then(|| TestFailure {
            what: format!("after the downgrade the rows of {table} are others"),
            answer: Some((shown(rows), shown(found))),
        })
    })
}

/// The first rows of an answer, on one line.
fn shown(rows: &[Vec<Cell>]) -> String {
    if rows.is_empty() {
        return "no rows".to_owned();
    }
    let row = |row: &Vec<Cell>| {
        let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
        format!("({})", cells.join(", "))
    };
    let mut lines: Vec<String> = rows.iter().take(SHOWN).map(row).collect();
    if rows.len() > SHOWN {
        lines.push(format!("and {} more", rows.len() - SHOWN));
    }
    lines.join(", ")
}
