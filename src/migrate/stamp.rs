//! Recording phases without running them: how a file that exists already is adopted.

use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};

use crate::backup::{BackupLabel, Checked, VerifiedBackup};
use crate::compare::{self, Verdict, Weight, Wording, not_identical};
use crate::database::{Access, Database, Identity, WriteTransaction};
use crate::error::{DatabaseState, Error, ErrorKind, Result};
use crate::event::{Observer, Silent};
use crate::history::{Definition, EventKind, HistoryEvent, applied, implied, record};
use crate::import::without_records_of_tools;
use crate::name::quote;
use crate::phase::{Applied, Phase, PhaseId, phase_text};
use crate::plan::Plan;
use crate::proof::{Baseline, ExpectedRecords, Subject, prove};
use crate::schema::{Schema, read};
use crate::shadow::Shadow;

use super::file_state::FileState;
use super::project::Project;
use super::secure::{STAMP_BASE, back_up};

/// Whether a file that does not fit is recorded nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// The file must have what the phases make.
    #[default]
    Compare,
    /// Whatever the file has, the phases are recorded (`--force`).
    Force,
    /// As [`Strictness::Force`], and whatever is recorded is taken away first (`--purge`).
    Purge,
}

/// How a file compares with what the phases make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoption {
    /// What is missing or other than it must be.
    pub problems: Vec<String>,
    /// Small differences: further objects, missing indexes and constraints.
    pub notices: Vec<String>,
    /// What has the same definition in a different text.
    pub reworded: Vec<String>,
}

impl Adoption {
    /// Returns everything that differs without harm: the small differences, then the different texts.
    pub fn small(&self) -> Vec<String> {
        [self.notices.as_slice(), self.reworded.as_slice()].concat()
    }

    /// Fails if something is missing or other than it must be.
    pub fn refuse_problems(&self, project: &Project) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let what = "the database does not have what the phases make";
        Err(Error::new(ErrorKind::SchemaMismatch, what)
            .in_database(&project.database)
            .problems(&self.problems))
    }

    /// As [`Adoption::refuse_problems`], and names the phases that were to be recorded.
    pub fn refuse_target(&self, project: &Project, wanted: &Applied) -> Result<()> {
        let current = project.chain.current(wanted);
        self.refuse_problems(project)
            .map_err(|error| error.choices(current.iter().map(PhaseId::as_str)))
    }
}

#[derive(Debug, Clone)]
pub struct StampReport {
    /// The phases that were recorded.
    pub recorded: Vec<PhaseId>,
    /// The phases whose record was taken away.
    pub removed: Vec<PhaseId>,
    /// How the file compares.
    pub adoption: Adoption,
    /// The backup made before the stamp, if anything was recorded.
    pub backup: Option<PathBuf>,
    /// The current ids afterwards.
    pub current: Vec<PhaseId>,
}

/// Replays phases from nothing, in chain order, and returns the schema they make.
///
/// # Errors
/// [`ErrorKind::Step`] naming the phase that does not run on what the phases before it made.
pub fn replay(project: &Project, phases: &Applied) -> Result<Shadow> {
    project.replay().of(phases)
}

/// Replays phases as a new file would run them: what is tolerated in phases that were applied long ago is refused.
///
/// # Errors
/// [`ErrorKind::Step`] and [`ErrorKind::PhaseFile`] naming the phase that does not run.
pub fn replay_as_new(project: &Project, phases: &Applied) -> Result<Shadow> {
    project.replay().as_new(phases)
}

/// Records that exactly these phases are applied, after comparing the file with what they make.
///
/// # Errors
/// [`ErrorKind::SchemaMismatch`] listing what does not fit, unless forced; the errors of a backup
/// and of a write.
pub fn stamp(
    project: &Project,
    wanted: &Applied,
    strictness: Strictness,
    observer: &mut dyn Observer,
) -> Result<StampReport> {
    let database = project.open(Access::Write)?;
    let schema = read(database.connection())?;
    let recorded = project.versions.read(database.connection(), &schema)?;
    let before = match strictness {
        Strictness::Compare | Strictness::Force => project.applied(&recorded)?,
        Strictness::Purge => Applied::nothing(),
    };
    let recorded_as = match strictness {
        Strictness::Compare | Strictness::Force => project.as_recorded(&recorded)?,
        Strictness::Purge => project.clone(),
    };
    let project = &recorded_as;
    let target = replay(project, wanted)?.schema()?;
    let adoption = compare_schemas(&target, &schema, project);
    if strictness == Strictness::Compare {
        adoption.refuse_target(project, wanted)?;
    }
    let removed: Vec<PhaseId> = before.ids().filter(|id| !wanted.contains(id)).cloned().collect();
    // What only a later phase implied is no longer known when that one goes.
    let implied: Vec<PhaseId> = match strictness {
        Strictness::Compare | Strictness::Force if !removed.is_empty() => {
            implied(&recorded, &project.chain)?
        }
        Strictness::Compare | Strictness::Force | Strictness::Purge => Vec::new(),
    };
    let is_new = |id: &&PhaseId| !before.contains(id) || implied.contains(id);
    let mut report = StampReport {
        recorded: wanted.ids().filter(is_new).cloned().collect(),
        removed,
        adoption,
        backup: None,
        current: project.chain.current(wanted),
    };
    let purge = strictness == Strictness::Purge && !recorded.versions.is_empty();
    if report.recorded.is_empty() && report.removed.is_empty() && !purge {
        return Ok(report);
    }
    let phase = report.current.first();
    let known = FileState { schema, recorded, applied: before, newer: None };
    let recording = Recording { project, known: &known, phase, purge };
    let events = |backup: &Path| events(project, &report, backup);
    report.backup = Some(recording.carry_out(database, &events, observer)?);
    Ok(report)
}

/// What the acceptance of an edited phase did.
#[derive(Debug, Clone)]
pub struct AcceptReport {
    pub phase: PhaseId,
    pub is_edited: bool,
    /// How the file compares with what the phases make now.
    pub adoption: Adoption,
    /// The backup made before the new checksum was recorded; `None` if nothing was written.
    pub backup: Option<PathBuf>,
}

/// Records the checksum of an applied phase again, after comparing the file with what the applied phases make now.
/// With `true`, nothing is written.
///
/// # Errors
/// [`ErrorKind::UnknownTarget`] if the phase is not applied; [`ErrorKind::SchemaMismatch`] listing what does not fit,
/// unless forced; the errors of a backup and of a write.
pub fn accept(
    project: &Project,
    id: &str,
    (strictness, dry_run): (Strictness, bool),
    observer: &mut dyn Observer,
) -> Result<AcceptReport> {
    let database = project.open(Access::Write)?;
    let (known, _) = project.examine(&database)?;
    let recorded_as = project.as_recorded(&known.recorded)?;
    let recorded = applied(&known.recorded, &project.chain)?;
    let found = recorded.iter().find(|it| it.id.as_str() == id);
    let (Some(found), Some(phase)) =
        (found, recorded_as.chain.phases().iter().find(|it| it.id.as_str() == id))
    else {
        let what = format!("{id} is not an applied phase of the folder");
        return Err(Error::new(ErrorKind::UnknownTarget, what).in_database(&project.database));
    };
    let is_edited = found.checksum.as_ref().is_none_or(|it| !phase.is_recorded_as(it));
    let adoption = match strictness {
        Strictness::Compare => compare_schemas(
            &replay(&recorded_as, &known.applied)?.schema()?,
            &known.schema,
            &recorded_as,
        ),
        Strictness::Force | Strictness::Purge => Adoption::default(),
    };
    adoption.refuse_target(&recorded_as, &known.applied)?;
    let mut report = AcceptReport { phase: phase.id.clone(), is_edited, adoption, backup: None };
    if dry_run || !is_edited {
        return Ok(report);
    }
    let now = recorded_as.options.files.now();
    let recording =
        Recording { project: &recorded_as, known: &known, phase: Some(&phase.id), purge: false };
    let events = |backup: &Path| vec![event(phase, EventKind::Accepted, now, backup)];
    report.backup = Some(recording.carry_out(database, &events, observer)?);
    Ok(report)
}

/// An event that runs no step.
fn event(
    phase: &Phase,
    kind: EventKind,
    now: DateTime<FixedOffset>,
    backup: &Path,
) -> HistoryEvent {
    let defines = matches!(kind, EventKind::Stamped | EventKind::Accepted);
    let definition = defines.then(|| Definition {
        phase: phase_text(phase),
        downgrade: None,
        irreversible: None,
    });
    HistoryEvent {
        kind,
        id: phase.id.to_string(),
        parents: phase.parents.iter().map(ToString::to_string).collect(),
        version: phase.version,
        description: phase.description.clone(),
        checksum: phase.checksum.clone(),
        started_at: now.to_rfc3339(),
        finished_at: now.to_rfc3339(),
        applied_at: now.to_utc().format("%Y-%m-%d %H:%M:%S").to_string(),
        backup: Some(backup.display().to_string()),
        rows_proven: 0,
        undo: definition.and_then(|it| it.to_json()),
    }
}

/// What is recorded without running a phase.
struct Recording<'a> {
    project: &'a Project,
    known: &'a FileState,
    phase: Option<&'a PhaseId>,
    /// Whether the recorded versions are deleted first.
    purge: bool,
}

impl Recording<'_> {
    /// Takes the lock, backs up, records the events, proves that nothing else changed, and commits. Returns
    /// the path of the backup.
    fn carry_out(
        &self,
        database: Database,
        events: &dyn Fn(&Path) -> Vec<HistoryEvent>,
        observer: &mut dyn Observer,
    ) -> Result<PathBuf> {
        let project = self.project;
        project.versions.refuse_triggers(&self.known.schema)?;
        let transaction = WriteTransaction::begin(database)?;
        self.refuse_changed(transaction.database())?;
        let phase = self.phase.map_or_else(|| STAMP_BASE.to_owned(), PhaseId::to_string);
        let label = BackupLabel::BeforeStamp(phase);
        let backup = back_up(project, self.known, label, Checked::First, observer)?;
        match self.write_proven(transaction.database(), &backup, &events(backup.path())) {
            Ok(()) => transaction.commit()?.close()?,
            Err(error) => {
                transaction.rollback()?;
                return Err(error
                    .in_database(&project.database)
                    .with_backup(backup.path())
                    .leaving(DatabaseState::RolledBack));
            }
        }
        Ok(backup.path().to_path_buf())
    }

    /// Another program may have written between the comparison and the lock.
    fn refuse_changed(&self, database: &Database) -> Result<()> {
        let schema = read(database.connection())?;
        let recorded = self.project.versions.read(database.connection(), &schema)?;
        let known = self.known;
        if not_identical(&known.schema, &schema).is_empty() && recorded == known.recorded {
            return Ok(());
        }
        let what = "another program changed the file while it was compared";
        Err(Error::new(ErrorKind::FileChanged, what).in_database(&self.project.database))
    }

    fn write_proven(
        &self,
        database: &Database,
        backup: &VerifiedBackup,
        events: &[HistoryEvent],
    ) -> Result<()> {
        let (connection, versions) = (database.connection(), &self.project.versions);
        let before = &self.known.schema;
        let baseline = Baseline::take(connection, before)?;
        let identity = Identity::read(connection)?;
        let mut shadow = Shadow::of(before)?;
        shadow.keep_tables(versions.names());
        for statement in versions.missing_from(before) {
            shadow.define(&statement)?;
            connection.execute_batch(&statement)?;
        }
        let mut records = ExpectedRecords::after(&self.known.recorded);
        if self.purge {
            records.purge();
            let table = quote(versions.version_table());
            connection.execute(&format!("DELETE FROM main.{table}"), [])?;
        }
        for event in events {
            records.expect(event.clone());
            record(connection, versions, event)?;
        }
        let subject = Subject {
            database,
            backup: backup.reader(),
            before,
            plan: &Plan::default(),
            target: &shadow.schema()?,
            versions,
            records: &records,
            baseline: &baseline,
            identity: &identity,
        };
        prove(&subject, &mut Silent).map(|_| ())
    }
}

fn events(project: &Project, report: &StampReport, backup: &Path) -> Vec<HistoryEvent> {
    let now = project.options.files.now();
    let removed = report.removed.iter().rev().map(|id| (id, EventKind::Unstamped));
    let events = removed.chain(report.recorded.iter().map(|id| (id, EventKind::Stamped)));
    events.filter_map(|(id, kind)| Some(event(project.chain.get(id)?, kind, now, backup))).collect()
}

/// Compares a file with the schema that phases make. Serious differences are problems: what is missing that later
/// phases stand on. What is there besides, and small differences, are notices.
pub fn compare_schemas(wanted: &Schema, found: &Schema, project: &Project) -> Adoption {
    let mut adoption = Adoption::default();
    let (wanted, mut found) = (project.own(wanted), project.own(found));
    without_records_of_tools(&mut found, &wanted);
    let order = project.column_order();
    for object in &compare::compare_schemas(&wanted, &found, order).objects {
        if object.verdict == Verdict::SameMeaning {
            adoption.reworded.extend(object.lines(Wording::MadeByNoPhase));
            continue;
        }
        for (weight, line) in object.weighed_lines(Wording::MadeByNoPhase) {
            match weight {
                Weight::Serious => adoption.problems.push(line),
                Weight::Small => adoption.notices.push(line),
            }
        }
    }
    adoption
}
