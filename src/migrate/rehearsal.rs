//! Round trips on a copy of a database: the real run, the real rows, and nothing that counts at stake.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::backup::{BackupLabel, BackupRequest, create};
use crate::compare::differences;
use crate::database::{Access, Database};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::event::Silent;
use crate::files::{Files, Scratch};
use crate::phase::{Downgrade, LinePlace, Operation, Phase, Step, StepObject, Target};
use crate::preflight::{bytes_of, require_space};
use crate::rows::{Comparison, RowDelta, Side, compare};
use crate::schema::{ColumnOrder, ObjectKind, Schema, Table, read};

use super::migrate_now::migrate_now;
use super::project::Project;
use super::request::Request;
use super::roundtrip::{RoundTrip, TripPlace, TripVerdict, roundtrip};
use super::run::Report;
use super::state::Migration;

/// What round trips on copies of a database showed, and what they cost.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// The round trips, in chain order.
    pub trips: Vec<RoundTrip>,
    /// The size of a copy, in bytes.
    pub bytes: u64,
}

/// Takes every phase of the chain back and forth, on the shadow and on copies of the database, which
/// are made in a private folder below `place` and removed at the end.
///
/// Phases that are applied go down and up again, the newest first; phases that are pending go up,
/// down and up again. What a verdict says about rows was counted. A phase that the copies cannot
/// reach keeps the verdict of the shadow. The database itself is only read.
///
/// # Errors
/// [`ErrorKind::NoSpace`] if there is less room than [`rehearsal_space`] says; those of opening and
/// copying the database; what is wrong with a phase is a verdict.
pub fn roundtrip_on_copy(project: &Project, place: &Path) -> Result<Rehearsed> {
    let mut trips = roundtrip(project)?;
    let source = project.open(Access::ReadOnly)?;
    let applied = project.know(&source)?.applied;
    let files = project.options.files.as_ref();
    require_space(files, place, rehearsal_space(project)?)?;
    let scratch = Scratch::create(files, place)?;
    let (done, pending): (Vec<&Phase>, Vec<&Phase>) =
        project.chain.phases().iter().partition(|phase| applied.contains(&phase.id));
    let copy = Rehearsal::begin(project, &source, scratch.path().join("down"))?;
    let bytes = copy.bytes;
    for phase in done.into_iter().rev() {
        let verdict = copy.down_and_up(phase)?;
        let ends = !note(&mut trips, phase, verdict);
        if ends || copy.go(&back(phase))?.is_err() {
            break;
        }
        copy.tidy()?;
    }
    copy.remove()?;
    let copy = Rehearsal::begin(project, &source, scratch.path().join("up"))?;
    for phase in pending {
        let verdict = copy.up_and_down(phase)?;
        if !note(&mut trips, phase, verdict) && copy.go(&forth(phase))?.is_err() {
            break;
        }
        copy.tidy()?;
    }
    scratch.remove()?;
    Ok(Rehearsed { trips, bytes })
}

/// Returns the room that round trips on a copy need, in bytes: for the copy, the backups of three
/// runs, and the tables and the journal of one.
pub fn rehearsal_space(project: &Project) -> Result<u64> {
    let files = project.options.files.as_ref();
    let bytes = bytes_of(files, &project.database)?;
    Ok(5 * bytes + bytes / 10)
}

/// Takes a verdict over, unless the shadow knows worse. Returns whether the phase comes back.
fn note(trips: &mut [RoundTrip], phase: &Phase, verdict: TripVerdict) -> bool {
    let comes_back = matches!(verdict, TripVerdict::Reversible | TripVerdict::Lossy(_));
    if let Some(trip) = trips.iter_mut().find(|trip| trip.phase == phase.id)
        && matches!(trip.verdict, TripVerdict::Reversible | TripVerdict::Lossy(_))
    {
        trip.verdict = match (&trip.verdict, verdict) {
            // What a phase loses by its nature it loses elsewhere, though not here.
            (TripVerdict::Lossy(lines), TripVerdict::Reversible) => TripVerdict::Lossy(
                lines.iter().map(|line| format!("{line} (in 0 rows here)")).collect(),
            ),
            (_, found) => found,
        };
        trip.place = TripPlace::Copy;
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
    source: PathBuf,
    /// Whether a phase is recorded in the source: if none is, one that does not fit says nothing
    /// about the phase.
    adopted: bool,
    folder: PathBuf,
    bytes: u64,
}

impl Rehearsal {
    fn begin(project: &Project, source: &Database, folder: PathBuf) -> Result<Self> {
        let adopted = !project.know(source)?.applied.is_empty();
        let request = BackupRequest {
            folder: &folder,
            label: BackupLabel::Before("rehearsal".to_owned()),
            phase: None,
            version: None,
        };
        let entry = create(source, &request, &mut Silent)?.into_entry()?;
        let backups = folder.join("backups");
        let project = Project { database: entry.path, backups, ..project.clone() };
        let (source, bytes) = (source.path().to_path_buf(), entry.bytes);
        Ok(Self { project, source, adopted, folder, bytes })
    }

    /// Removes the backups of the runs so far, which are not needed.
    fn tidy(&self) -> Result<()> {
        let files = self.project.options.files.as_ref();
        for path in backups_in(files, &self.project.backups)? {
            files.remove(&path).map_err(|error| file_error("remove", &path, error))?;
        }
        Ok(())
    }

    fn remove(self) -> Result<()> {
        let files = self.project.options.files.as_ref();
        files.remove_folder(&self.folder).map_err(|error| file_error("remove", &self.folder, error))
    }

    /// Runs; the inner error is a finding about the phase.
    fn go(&self, request: &Request) -> Result<std::result::Result<Option<Report>, Error>> {
        let run = || {
            let prepared = Migration::prepare(&self.project, request)?;
            migrate_now(&self.project, request, prepared, &mut Silent)
        };
        match run() {
            Ok(done) => Ok(Ok(done.report())),
            Err(error) if error.kind().is_about_phases() => Ok(Err(error)),
            Err(error) if error.kind() == ErrorKind::NotAdopted && self.adopted => Ok(Err(error)),
            // The copy has a name that means nothing to anybody.
            Err(error) => {
                let said = Error::new(error.kind(), error.to_string()).in_database(&self.source);
                Err(said.caused_by(error))
            }
        }
    }

    fn down_and_up(&self, phase: &Phase) -> Result<TripVerdict> {
        let down = match self.go(&back(phase))? {
            Ok(report) => report,
            Err(error) => return Ok(refused(&error, "the downgrade does not run")),
        };
        match self.go(&forth(phase))? {
            Ok(_) => self.verdict(phase, down.as_ref(), "down and up"),
            Err(error) => Ok(refused(&error, "does not run again")),
        }
    }

    fn up_and_down(&self, phase: &Phase) -> Result<TripVerdict> {
        let up = match self.go(&forth(phase))? {
            Ok(report) => report,
            Err(error) => return Ok(refused(&error, "does not run on the rows")),
        };
        let down = match self.go(&back(phase))? {
            Ok(report) => report,
            Err(error) => return Ok(refused(&error, "the downgrade does not run")),
        };
        let first = self.verdict(phase, up.as_ref(), "up and down")?;
        if let Err(error) = self.go(&forth(phase))? {
            return Ok(refused(&error, "does not run again"));
        }
        // Rows that differ now were told after the downgrade; the schema must be the same again.
        match self.verdict(phase, down.as_ref(), "up again")? {
            TripVerdict::Broken(lines) => Ok(TripVerdict::Broken(lines)),
            TripVerdict::Reversible
            | TripVerdict::Lossy(_)
            | TripVerdict::Irreversible(_)
            | TripVerdict::Untried(_) => Ok(first),
        }
    }

    /// Compares the copy with the backup that a run made before it began.
    fn verdict(&self, phase: &Phase, report: Option<&Report>, after: &str) -> Result<TripVerdict> {
        let Some(report) = report else { return Ok(TripVerdict::Reversible) };
        let before = Opened::new(&self.project, &report.backup)?;
        let now = Opened::new(&self.project, &self.project.database)?;
        let apart = differences(&before.schema, &now.schema, ColumnOrder::Same);
        if !apart.is_empty() {
            let lines = apart.iter().map(|line| format!("{after}: {line}"));
            return Ok(TripVerdict::Broken(lines.collect()));
        }
        let lines = self.rows_apart(&before, &now)?;
        Ok(match lines.is_empty() {
            true => TripVerdict::Reversible,
            false if may_lose(phase) => TripVerdict::Lossy(lines),
            false => TripVerdict::Broken(lines),
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
                compare(&one, &two, RowDelta::None, &mut |_| interrupt.check())
            };
            let all = compare_these(columns.clone())?;
            for (rows, what) in [(all.lost, "would be lost"), (all.gained, "would be new")] {
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

fn backups_in(files: &dyn Files, folder: &Path) -> Result<Vec<PathBuf>> {
    let stat = files.status(folder)?;
    match stat {
        None => Ok(Vec::new()),
        Some(_) => files.entries(folder),
    }
}

/// A file and its schema, without the version tables.
struct Opened {
    database: Database,
    schema: Schema,
}

impl Opened {
    fn new(project: &Project, path: &Path) -> Result<Self> {
        let database = Database::open(path, Access::ReadOnly, &project.options)?;
        let mut schema = read(database.connection())?;
        schema.objects.retain(|it| !project.versions.contains(&it.name));
        Ok(Self { database, schema })
    }
}

fn side<'a>(opened: &'a Opened, shape: &'a Table, columns: Vec<String>) -> Side<'a> {
    let connection = opened.database.connection();
    Side { connection, table: &shape.name, key: &shape.key, columns }
}

/// Returns whether a phase may change rows for good: it drops something, or computes or writes values.
/// What the upgrade made, the downgrade removes.
fn may_lose(phase: &Phase) -> bool {
    let touches_rows = |step: &Step| match &step.operation {
        Operation::Sql { .. }
        | Operation::Drop { kind: StepObject::Table, .. }
        | Operation::DropColumn { .. }
        | Operation::Create { kind: StepObject::Table, .. }
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
        | Operation::Create { .. }
        | Operation::Drop { .. }
        | Operation::ReplaceView { .. }
        | Operation::ReplaceTrigger { .. } => false,
    };
    let by_hand = match &phase.down {
        Downgrade::Steps(steps) => steps.iter().any(touches_rows),
        Downgrade::Derived | Downgrade::Irreversible(_) => false,
    };
    by_hand || phase.up.iter().any(touches_rows)
}

fn refused(error: &Error, what: &str) -> TripVerdict {
    if error.kind() == ErrorKind::Irreversible {
        return TripVerdict::Irreversible(error.to_string());
    }
    let mut lines = vec![format!("{what}: {error}")];
    lines.extend(error.facts().problems.iter().cloned());
    TripVerdict::Broken(lines)
}
