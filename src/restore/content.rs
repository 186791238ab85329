//! A backup as the content of a restore: the present state is kept first, values are compared afterwards.

use std::path::{Path, PathBuf};

use super::outcome::{RestoreMethod, RestoreOutcome};
use super::plan::Restore;
use super::verify::{AfterFailure, compare, look_again};
use super::write::{Content, Words, write};
use crate::backup::{BackupLabel, BackupRequest, Checked, create_or_reuse, keep_damaged};
use crate::database::{Access, Database};
use crate::error::{ErrorKind, Result};
use crate::event::{Event, Observer, TableRows};

const WORDS: Words = Words {
    kind: ErrorKind::Restore,
    not_written: "the backup could not be written",
    not_compared: "the restored database could not be compared with the backup",
    interrupted: "the database was restored; only its comparison with the backup was interrupted",
    differs: "the restored database differs from the backup",
    written_since: "another program wrote after the restore",
};

/// Writes the backup into the live file.
pub(super) fn run(
    restore: &Restore,
    live: Database,
    observer: &mut dyn Observer,
) -> Result<RestoreOutcome> {
    let written = write(live, &restore.backup.path, &mut Backup(restore), observer)?;
    Ok(RestoreOutcome {
        safety_backup: written.kept,
        moved_aside: Vec::new(),
        tables: written.tables,
        method: RestoreMethod::Write,
        follow_up: written.follow_up,
    })
}

struct Backup<'a>(&'a Restore);

impl Content for Backup<'_> {
    fn secure(
        &mut self,
        present: &Database,
        observer: &mut dyn Observer,
    ) -> Result<Option<PathBuf>> {
        if present.access() == Access::Create {
            return Ok(None);
        }
        keep(self.0, present, observer).map(Some)
    }

    fn compare(
        &mut self,
        live: &Database,
        observer: &mut dyn Observer,
    ) -> Result<std::result::Result<Vec<TableRows>, Vec<String>>> {
        let backup = Database::open(&self.0.backup.path, Access::ReadOnly, &self.0.options)?;
        let compared = compare(&backup, live, observer)?;
        backup.close()?;
        // What was written and compared may have been put into the backup after it was verified.
        match self.0.refuse_changed_backup() {
            Err(error) if error.kind() == ErrorKind::BackupDamaged => {
                Ok(compared.and(Err(vec![error.to_string()])))
            }
            same => same.map(|()| compared),
        }
    }

    fn look_again(&mut self, kept: Option<&Path>, observer: &mut dyn Observer) -> AfterFailure {
        let (restore, options) = (self.0, &self.0.options);
        let paths = (restore.backup.path.as_path(), kept);
        look_again(&restore.plan.database, paths, options, &mut |live, path| {
            let other = Database::open(path, Access::ReadOnly, options)?;
            let equal = compare(&other, live, observer)?.ok();
            other.close()?;
            if path == paths.0 {
                restore.refuse_changed_backup()?;
            }
            Ok(equal)
        })
    }

    fn tables(&self) -> Vec<TableRows> {
        self.0.plan.verification.tables.clone()
    }

    fn words(&self) -> &'static Words {
        &WORDS
    }
}

/// Keeps the present state as a backup. A file that SQLite opens but cannot read in full is kept
/// page by page.
fn keep(restore: &Restore, live: &Database, observer: &mut dyn Observer) -> Result<PathBuf> {
    let request = BackupRequest {
        folder: &restore.folder,
        label: BackupLabel::BeforeRestore,
        phase: None,
        version: restore.plan.version_now,
    };
    let mut kept = create_or_reuse(live, &request, Checked::First, observer);
    if kept.as_ref().is_err_and(|error| error.kind() == ErrorKind::Damaged) {
        // A read that fails once looks like damage.
        kept = create_or_reuse(live, &request, Checked::First, observer);
    }
    match kept {
        Ok(kept) => Ok(kept.path().to_path_buf()),
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Unsupported) => {
            let text = format!("the present file is kept without comparing its rows: {error}");
            observer.event(&Event::Notice { text });
            Ok(keep_damaged(live, &request, observer)?.path)
        }
        Err(error) => Err(error),
    }
}
