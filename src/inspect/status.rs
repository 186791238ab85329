//! The state of a file: version, current ids, what is pending, who holds it.

use crate::backup::leftovers;
use crate::database::{Access, Database, Holder, holders};
use crate::error::{Error, ErrorKind, Result};
use crate::event::TableRows;
use crate::migrate::{FileState, Newer, Project};
use crate::phase::PhaseId;
use crate::rows::count_rows;
use crate::schema::ObjectKind;

use super::drift::drift;

/// The state of a file.
#[derive(Debug)]
pub struct Status {
    /// The highest recorded version.
    pub version: Option<i64>,
    pub description: Option<String>,
    pub applied_at: Option<String>,
    /// Whether the phase of that version was recorded without being run.
    pub stamped: bool,
    /// The ids that are applied and have no applied descendant.
    pub current: Vec<PhaseId>,
    pub heads: Vec<PhaseId>,
    /// The phases that are not applied, in chain order.
    pub pending: Vec<PhaseId>,
    /// What the file records beyond the phases of the folder.
    pub newer: Option<Newer>,
    /// Applied phases that are missing or were edited since.
    pub faults: Vec<Error>,
    /// How the schema differs from what the phases make; `None` if that is not known.
    pub drift: Option<Vec<String>>,
    /// The rows of every table, in schema order.
    pub tables: Vec<TableRows>,
    /// Who holds the file.
    pub holders: Vec<Holder>,
    /// Part files that a killed run left in the backup folder.
    pub leftovers: Vec<std::path::PathBuf>,
}

/// Looks at a file without changing it.
pub fn status(project: &Project) -> Result<Status> {
    let database = project.open(Access::ReadOnly)?;
    let (extended, known, faults) = examine(project, &database)?;
    let mut tables = Vec::new();
    for object in known.schema.of_kind(ObjectKind::Table) {
        let rows = count_rows(database.connection(), &object.name)?;
        tables.push(TableRows { table: object.name.clone(), rows });
    }
    let latest = known.recorded.versions.last().cloned();
    let files = project.options.files.as_ref();
    let replayable = known.newer.as_ref().is_none_or(Newer::can_be_replayed);
    let drift = match drift(&extended, &known) {
        // What the missing or edited phases made is not known.
        Ok(_) if !faults.is_empty() || !replayable => None,
        Ok(lines) => Some(lines),
        // The chain itself does not run from nothing: `check` tells why. The file keeps nothing of it either.
        Err(error) if error.kind() == ErrorKind::Step || !replayable => None,
        Err(error) => return Err(error),
    };
    Ok(Status {
        version: known.recorded.version(),
        description: latest.as_ref().and_then(|row| row.description.clone()),
        stamped: latest.as_ref().is_some_and(|row| is_stamped(&known, row.version)),
        applied_at: latest.and_then(|row| row.applied_at),
        current: extended.chain.current(&known.applied),
        heads: project.chain.heads(),
        faults,
        pending: project.chain.all_pending(&known.applied),
        newer: known.newer,
        drift,
        tables,
        holders: holders(&project.database, files),
        leftovers: part_files(project)?,
    })
}

fn is_stamped(known: &FileState, version: i64) -> bool {
    let mut events = known.recorded.events.iter().rev();
    events.find(|it| it.version == version).is_some_and(|it| it.direction == "stamp")
}

/// Reads a file for a report. Phases that are newer than the folder come from the file's history; what is missing or
/// edited otherwise is a fault.
fn examine(project: &Project, database: &Database) -> Result<(Project, FileState, Vec<Error>)> {
    match project.know_newer(database) {
        Ok((extended, known)) => Ok((extended, known, Vec::new())),
        Err(unusable) => {
            let (known, mut faults) = project.examine(database)?;
            // What the history keeps is one more fault, if the phases are there as they were applied.
            if !faults.iter().any(|it| it.kind() == unusable.kind()) {
                faults.push(unusable);
            }
            Ok((project.clone(), known, faults))
        }
    }
}

fn part_files(project: &Project) -> Result<Vec<std::path::PathBuf>> {
    let stem = project.database.file_stem().map(|it| it.to_string_lossy().into_owned());
    let files = project.options.files.as_ref();
    let there = files.stat(&project.backups).is_ok_and(|stat| stat.is_some());
    match stem {
        Some(stem) if there => Ok(leftovers(files, &project.backups, &stem)?
            .into_iter()
            .map(|leftover| leftover.path)
            .collect()),
        Some(_) | None => Ok(Vec::new()),
    }
}
