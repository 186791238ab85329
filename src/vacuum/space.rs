//! Looking at how much room a file takes, and whether there is room to make it compact.

use std::path::Path;

use crate::database::{Access, Database, FileSize, Identity, OpenOptions};
use crate::error::Result;
use crate::preflight::{MANIFEST, SpaceNeed, check_space};

/// Reads how much room a file takes. Nothing is changed.
pub fn measure(path: &Path, options: &OpenOptions) -> Result<FileSize> {
    let database = Database::open(path, Access::ReadOnly, options)?;
    let size = FileSize::of(&database)?;
    database.close()?;
    Ok(size)
}

/// Fails unless there is room for the backup, for the compact file beside it, and for what SQLite keeps
/// while it writes: the old pages in the journal, or the new ones in the WAL.
pub(super) fn require_space(size: &FileSize, database: &Database, folder: &Path) -> Result<()> {
    let used = size.all_bytes() - size.free_bytes();
    let wal = Identity::read(database.connection())?.journal_mode == "wal";
    let frames = if wal { used } else { size.all_bytes() };
    // Each page has a few bytes of its own there (https://sqlite.org/fileformat2.html#the_rollback_journal).
    let kept = frames + frames / size.page_size.max(512) * 32;
    let need = SpaceNeed { backup: size.all_bytes() + used + MANIFEST, database: kept };
    check_space(database.options().files.as_ref(), database.path(), folder, need)
}
