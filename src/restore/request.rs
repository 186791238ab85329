//! The backup of a whole file, outside a migration.

use std::path::Path;

use crate::backup::{BackupLabel, BackupRequest};
use crate::database::Database;
use crate::error::Result;
use crate::history::VersionTables;
use crate::schema::read;

/// Returns the request for a backup of a database as it is. The manifest gets the version that the file records; a
/// version table of another program is no reason not to back up.
pub fn backup_request<'a>(
    source: &Database,
    versions: &VersionTables,
    folder: &'a Path,
    label: BackupLabel,
) -> Result<BackupRequest<'a>> {
    let schema = read(source.connection())?;
    let version = versions.version_in(source.connection(), &schema);
    Ok(BackupRequest { folder, label, phase: None, version })
}
