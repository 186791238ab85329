//! Round trips on a copy of a database: the real run, the real rows, and nothing that counts at stake.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::backup::{BackupLabel, BackupRequest, create};
use crate::database::{Access, Database};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Silent;
use crate::phase::{LinePlace, Operation, Phase, Step, Target, WayBack};
use crate::rows::{Allowance, Comparison, Side, compare};
use crate::schema::{ColumnOrder, ObjectKind, Schema, Table, differences, read};

use super::look::Request;
use super::project::Project;
use super::roundtrip::{RoundTrip, Verdict, roundtrip};
use super::run::Report;
use super::secure::migrate_now;
use super::state::Migration;

/// Takes every phase of the chain back and forth, on the shadow and on copies of the database, which
/// are made in a folder that the caller removes afterwards.
///
/// Phases that are applied go down and up again, the newest first; phases that are pending go up,
/// down and up again. What a verdict says about rows was counted. A phase that the copies cannot
/// reach keeps the verdict of the shadow.
///
/// # Errors
/// Those of opening and copying the database; what is wrong with a phase is a verdict.
pub fn roundtrip_on_copy(project: &Project, scratch: &Path) -> Result<Vec<RoundTrip>> {
    let mut trips = roundtrip(project)?;
    let source = project.open(Access::Look)?;
    let applied = project.know(&source)?.applied;
    let (done, pending): (Vec<&Phase>, Vec<&Phase>) =
        project.chain.phases().iter().partition(|phase| applied.contains(&phase.id));
    let copy = Rehearsal::begin(project, &source, scratch, "down")?;
    for phase in done.into_iter().rev() {
        let verdict = copy.down_and_up(phase)?;
        let ends = !note(&mut trips, phase, verdict);
        if ends || copy.go(&back(phase))?.is_err() {
            break;
        }
    }
    let copy = Rehearsal::begin(project, &source, scratch, "up")?;
    for phase in pending {
        let verdict = copy.up_and_down(phase)?;
        if !note(&mut trips, phase, verdict) && copy.go(&forth(phase))?.is_err() {
            break;
        }
    }
    Ok(trips)
}

/// Takes a verdict over, unless the shadow knows worse. Tells whether the phase comes back.
fn note(trips: &mut [RoundTrip], phase: &Phase, verdict: Verdict) -> bool {
    let comes_back = matches!(verdict, Verdict::Reversible | Verdict::Lossy(_));
    if let Some(trip) = trips.iter_mut().find(|trip| trip.phase == phase.id)
        && matches!(trip.verdict, Verdict::Reversible | Verdict::Lossy(_))
    {
        trip.verdict = verdict;
    }
    comes_back
}

fn back(phase: &Phase) -> Request {
    let place = LinePlace::Back(NonZeroUsize::MIN);
    Request::down(Target::Line { line: phase.id.to_string(), place }).accepting_loss()
}

fn forth(phase: &Phase) -> Request {
    Request::up(Target::Id(phase.id.to_string()))
}

/// A copy of the database, and the project with it in place of the database.
struct Rehearsal {
    project: Project,
}

impl Rehearsal {
    fn begin(project: &Project, source: &Database, scratch: &Path, name: &str) -> Result<Self> {
        let folder = scratch.join(name);
        let files = project.options.files.as_ref();
        files
            .create_folder(&folder)
            .map_err(|error| crate::error::file_error("create", &folder, error))?;
        let request = BackupRequest {
            folder: &folder,
            label: BackupLabel::Before("rehearsal".to_owned()),
            phase: None,
            version: None,
        };
        let copy = create(source, &request, &mut Silent)?.path().to_path_buf();
        let backups = folder.join("backups");
        let project = Project { database: copy, backups, ..project.clone() };
        Ok(Self { project })
    }

    /// Runs; the inner error is a finding about the phase.
    fn go(&self, request: &Request) -> Result<std::result::Result<Option<Report>, Error>> {
        let run = || {
            let look = Migration::look(&self.project, request)?;
            migrate_now(&self.project, request, look, &mut Silent)
        };
        match run() {
            Ok(done) => Ok(Ok(done.ok())),
            Err(error) if is_finding(&error) => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    fn down_and_up(&self, phase: &Phase) -> Result<Verdict> {
        let down = match self.go(&back(phase))? {
            Ok(report) => report,
            Err(error) => return Ok(refused(&error, "the way back does not run")),
        };
        match self.go(&forth(phase))? {
            Ok(_) => self.verdict(phase, down.as_ref(), "down and up"),
            Err(error) => Ok(refused(&error, "does not run again")),
        }
    }

    fn up_and_down(&self, phase: &Phase) -> Result<Verdict> {
        let up = match self.go(&forth(phase))? {
            Ok(report) => report,
            Err(error) => return Ok(refused(&error, "does not run on the rows")),
        };
        let down = match self.go(&back(phase))? {
            Ok(report) => report,
            Err(error) => return Ok(refused(&error, "the way back does not run")),
        };
        let first = self.verdict(phase, up.as_ref(), "up and down")?;
        if let Err(error) = self.go(&forth(phase))? {
            return Ok(refused(&error, "does not run again"));
        }
        // Rows that differ now were told after the way back; the schema must be the same again.
        match self.verdict(phase, down.as_ref(), "up again")? {
            Verdict::Broken(lines) => Ok(Verdict::Broken(lines)),
            Verdict::Reversible | Verdict::Lossy(_) | Verdict::Irreversible(_) => Ok(first),
        }
    }

    /// Compares the copy with the backup that a run made before it began.
    fn verdict(&self, phase: &Phase, report: Option<&Report>, after: &str) -> Result<Verdict> {
        let Some(report) = report else { return Ok(Verdict::Reversible) };
        let before = Opened::new(&self.project, &report.backup)?;
        let now = Opened::new(&self.project, &self.project.database)?;
        let apart = differences(&before.schema, &now.schema, ColumnOrder::Same);
        if !apart.is_empty() {
            let lines = apart.iter().map(|line| format!("{after}: {line}"));
            return Ok(Verdict::Broken(lines.collect()));
        }
        let lines = self.rows_apart(&before, &now)?;
        Ok(match lines.is_empty() {
            true => Verdict::Reversible,
            false if may_lose(phase) => Verdict::Lossy(lines),
            false => Verdict::Broken(lines),
        })
    }

    fn rows_apart(&self, before: &Opened, now: &Opened) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for object in before.schema.of_kind(ObjectKind::Table) {
            let shapes = before.schema.shape(&object.name).zip(now.schema.shape(&object.name));
            let Some((left, right)) = shapes else { continue };
            let columns: Vec<String> = left.writable().map(|it| it.name.clone()).collect();
            let compare_these = |columns: Vec<String>| -> Result<Comparison> {
                let interrupt = &self.project.options.interrupt;
                let (one, two) = (side(before, left, columns.clone()), side(now, right, columns));
                compare(&one, &two, Allowance::None, &mut |_| interrupt.check())
            };
            let all = compare_these(columns.clone())?;
            for (rows, what) in [(all.lost, "are gone"), (all.gained, "are new")] {
                if rows > 0 {
                    lines.push(format!("{rows} rows of {} {what}", object.name));
                }
            }
            if all.changed > 0 {
                for column in columns {
                    let found = compare_these(vec![column.clone()])?.changed;
                    if found > 0 {
                        lines.push(format!("{}.{column} differs in {found} rows", object.name));
                    }
                }
            }
        }
        Ok(lines)
    }
}

/// A file and its schema, without the version tables.
struct Opened {
    database: Database,
    schema: Schema,
}

impl Opened {
    fn new(project: &Project, path: &Path) -> Result<Self> {
        let database = Database::open(path, Access::Look, &project.options)?;
        let mut schema = read(database.connection())?;
        schema.objects.retain(|it| !project.versions.contains(&it.name));
        Ok(Self { database, schema })
    }
}

fn side<'a>(opened: &'a Opened, shape: &'a Table, columns: Vec<String>) -> Side<'a> {
    let connection = opened.database.connection();
    Side { connection, table: &shape.name, key: &shape.key, columns }
}

/// Tells whether a phase may change rows for good: it drops something, or computes or writes values.
/// What the way up made goes with the way back.
fn may_lose(phase: &Phase) -> bool {
    let touches_rows = |step: &Step| match &step.operation {
        Operation::Sql { .. }
        | Operation::DropTable { .. }
        | Operation::DropColumn { .. }
        | Operation::CreateTable { .. }
        | Operation::AddColumn { .. }
        | Operation::Rebuild { .. } => true,
        Operation::AlterColumn { change, .. } => {
            change.value.is_some() || change.type_name.is_some()
        }
        Operation::RenameTable { .. }
        | Operation::RenameColumn { .. }
        | Operation::RenameIndex { .. }
        | Operation::AddConstraint { .. }
        | Operation::DropConstraint { .. }
        | Operation::CreateIndex { .. }
        | Operation::CreateView { .. }
        | Operation::CreateTrigger { .. }
        | Operation::DropIndex { .. }
        | Operation::DropView { .. }
        | Operation::DropTrigger { .. }
        | Operation::ReplaceView { .. }
        | Operation::ReplaceTrigger { .. } => false,
    };
    let by_hand = match &phase.down {
        WayBack::Steps(steps) => steps.iter().any(touches_rows),
        WayBack::Derived | WayBack::Irreversible(_) => false,
    };
    by_hand || phase.up.iter().any(touches_rows)
}

/// Tells whether a failure says something about the phase rather than about the machine.
fn is_finding(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Step
            | ErrorKind::Unsupported
            | ErrorKind::MissingPart
            | ErrorKind::Irreversible
            | ErrorKind::Requirement
            | ErrorKind::Rows
            | ErrorKind::Rebuild
            | ErrorKind::Proof
    )
}

fn refused(error: &Error, what: &str) -> Verdict {
    if error.kind() == ErrorKind::Irreversible {
        return Verdict::Irreversible(error.to_string());
    }
    let mut lines = vec![format!("{what}: {error}")];
    lines.extend(error.facts().problems.iter().cloned());
    Verdict::Broken(lines)
}
