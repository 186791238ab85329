//! The jobs of the engine, driven as the program drives them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use phaseshift::backup::{BackupEntry, BackupLabel, BackupRequest, create};
use phaseshift::database::{Access, CheckpointRule, Database};
use phaseshift::event::{Event, Observer, Silent};
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, PlanCache, Project, Request, migrate_now};
use phaseshift::phase::{Chain, Target};
use phaseshift::restore::{Restore, RestoreRequest};
use phaseshift::vacuum::{Statistics, VacuumRequest, vacuum};
use phaseshift::{Error, Result};

use crate::lab::disk::Disk;
use crate::lab::scene::{BACKUPS, DATABASE, options};

/// Something that the engine is asked to do.
#[derive(Debug, Clone)]
pub enum Job {
    /// Prepare, lock, back up, rebuild, prove, commit.
    Migrate(Box<Chain>),
    /// The same by a plan that was made for another file with the same schema.
    MigrateShared(Box<Chain>, Arc<PlanCache>),
    /// A backup and nothing else.
    Backup,
    /// A restore of this backup.
    Restore(String),
    /// Giving free pages back.
    Optimize,
    /// A job with a planted mistake, and its name.
    Planted(&'static str, fn(&Disk) -> Result<JobReport>),
}

/// What was said at the end of a job that went well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobReport {
    Done { follow_up: Option<String> },
    NothingToDo,
}

/// What the lab itself promises in the engine's name when a job says that it is done.
pub const DONE: &str = "done";

impl Job {
    /// How restores are named.
    pub const RESTORE: &'static str = "restore";
    /// How giving pages back is named.
    pub const OPTIMIZE: &'static str = "optimize";

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Migrate(_) => "backup and migrate",
            Self::MigrateShared(..) => "backup and migrate by a shared plan",
            Self::Backup => "backup",
            Self::Restore(_) => Self::RESTORE,
            Self::Optimize => Self::OPTIMIZE,
            Self::Planted(name, _) => name,
        }
    }

    /// Does the job; what it says is promised on the disk.
    pub fn run(&self, disk: &Disk) -> Result<JobReport> {
        let report = match self {
            Self::Migrate(chain) => migrate(disk, &project(disk, chain))?,
            Self::MigrateShared(chain, plans) => {
                let plans = Some(Arc::clone(plans));
                migrate(disk, &Project { plans, ..project(disk, chain) })?
            }
            Self::Backup => back_up(disk)?,
            Self::Restore(backup) => restore(disk, backup)?,
            Self::Optimize => compact(disk)?,
            Self::Planted(_, job) => job(disk)?,
        };
        disk.promise(DONE);
        Ok(report)
    }
}

/// Returns the project on a disk. Every WAL is checkpointed after a run.
pub fn project(disk: &Disk, chain: &Chain) -> Project {
    let (database, backups) = (PathBuf::from(DATABASE), PathBuf::from(BACKUPS));
    let versions = VersionTables::named("schema_version");
    let project = Project::new(database, Some(backups), chain.clone(), versions, options(disk));
    Project { checkpoint: CheckpointRule::Above(0), ..project }
}

/// Returns the request to apply everything.
pub fn to_head() -> Request {
    Request::up(Target::parse("head").unwrap())
}

pub fn migrate(disk: &Disk, project: &Project) -> Result<JobReport> {
    let request = to_head();
    let look = Migration::prepare(project, &request)?;
    let mut observer = |event: &Event| match event {
        Event::CheckingStarted => disk.checks_begin(),
        Event::Committed => disk.promise(DONE),
        _ => {}
    };
    Ok(match migrate_now(project, &request, look, &mut observer)?.report() {
        Some(report) => JobReport::Done { follow_up: report.follow_up },
        None => JobReport::NothingToDo,
    })
}

fn back_up(disk: &Disk) -> Result<JobReport> {
    let source = Database::open(Path::new(DATABASE), Access::ReadOnly, &options(disk))?;
    let label = BackupLabel::Named("manual".into());
    let request =
        BackupRequest { folder: Path::new(BACKUPS), label, phase: None, version: Some(1) };
    create(&source, &request, &mut Silent)?.into_entry()?;
    source.close()?;
    Ok(JobReport::Done { follow_up: None })
}

fn compact(disk: &Disk) -> Result<JobReport> {
    let request = VacuumRequest {
        database: Path::new(DATABASE),
        folder: Path::new(BACKUPS),
        version_table: "schema_version",
        statistics: Statistics::Keep,
    };
    let report = vacuum(&request, &options(disk), &mut Silent)?;
    Ok(match report.changed() {
        true => JobReport::Done { follow_up: report.follow_up },
        false => JobReport::NothingToDo,
    })
}

fn restore(disk: &Disk, backup: &str) -> Result<JobReport> {
    restore_observed(disk, backup, &mut Silent)
}

/// The same, with somebody who looks on.
pub fn restore_observed(
    disk: &Disk,
    backup: &str,
    observer: &mut dyn Observer,
) -> Result<JobReport> {
    let entry = BackupEntry::at(disk, Path::new(backup))?;
    let request = RestoreRequest {
        database: Path::new(DATABASE),
        backup: &entry,
        folder: Path::new(BACKUPS),
        version_table: "schema_version",
    };
    let prepared = Restore::prepare(&request, &options(disk), observer)?;
    let report = prepared.run(observer)?;
    Ok(JobReport::Done { follow_up: report.follow_up })
}

/// Says an error with its causes and what it reports about the data, for messages of the lab.
pub fn words(error: &Error) -> String {
    let facts = error.facts();
    format!("{error} {:?} {:?} ({:?})", error.causes(), facts.problems, error.state())
}
