//! Which backups of a project stay, and removing the others after a run.

use std::path::{Path, PathBuf};

use crate::backup::{AppliedPhase, BackupEntry, PruneMode, Pruned, Retention, Rules, list, prune};
use crate::database::{Access, Database};
use crate::error::Result;
use crate::schema::Schema;

use super::project::Project;

/// Returns the phases that are applied, with the backups from before them.
///
/// If the database cannot be read, every phase for which there is a backup counts as applied.
pub fn applied_phases(project: &Project, entries: &[BackupEntry]) -> Vec<AppliedPhase> {
    let recorded = || -> Result<Vec<AppliedPhase>> {
        let database = project.open(Access::ReadOnly)?;
        let schema = project.schema_of(&database)?;
        recorded_phases(project, &database, &schema)
    };
    recorded().unwrap_or_else(|_| {
        let manifests = entries.iter().filter_map(|entry| entry.manifest.as_ref());
        let phases = manifests.filter_map(|manifest| manifest.phase.clone());
        phases.map(|phase| AppliedPhase { phase, backup: None }).collect()
    })
}

/// Reads which phases an open database with this schema records as applied.
pub(super) fn recorded_phases(
    project: &Project,
    database: &Database,
    schema: &Schema,
) -> Result<Vec<AppliedPhase>> {
    let recorded = project.versions.read(database.connection(), schema)?;
    let phases = recorded.applied_phases().into_iter();
    let applied = |(phase, backup): (_, Option<String>)| {
        let backup = backup.map(PathBuf::from);
        AppliedPhase { phase, backup }
    };
    Ok(phases.map(applied).collect())
}

/// Removes the backups of the database that the project's retention does not keep.
///
/// `whole` is a backup that was compared with the database just now. No connection of this process may have a backup
/// open.
pub fn retain(project: &Project, whole: Option<&Path>) -> Result<Pruned> {
    let entries = list(project.options.files.as_ref(), &project.backups, &project.database)?;
    prune_backups(project, &entries, (project.keep, whole), PruneMode::Remove)
}

/// As [`retain`] after a run, which knows what is applied.
pub(super) fn retain_after(
    project: &Project,
    whole: &Path,
    applied: &[AppliedPhase],
) -> Result<Pruned> {
    let entries = list(project.options.files.as_ref(), &project.backups, &project.database)?;
    let rules = Rules { retention: project.keep, applied, whole: Some(whole) };
    prune(&entries, &rules, &project.options, PruneMode::Remove)
}

/// As [`retain`], by another rule and for backups that are listed already.
pub fn prune_backups(
    project: &Project,
    entries: &[BackupEntry],
    (retention, whole): (Retention, Option<&Path>),
    mode: PruneMode,
) -> Result<Pruned> {
    let applied = applied_phases(project, entries);
    prune(entries, &Rules { retention, applied: &applied, whole }, &project.options, mode)
}
