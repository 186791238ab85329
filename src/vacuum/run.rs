//! The order of things: lock, back up, compact, prove, write back, compare.

use std::path::PathBuf;

use super::compact::{make, prove};
use super::request::{Statistics, VacuumReport, VacuumRequest};
use super::space::{measure, require_space};
use crate::backup::{BackupLabel, Checked, Names, PartFile, create_or_reuse};
use crate::database::{Access, Database, FileSize, OpenOptions, WriteTransaction};
use crate::error::{DatabaseState, Error, ErrorKind, Result};
use crate::event::Observer;
use crate::history::VersionTables;
use crate::restore::{Replacement, Words, Written, backup_request, write};
use crate::schema::{Object, ObjectKind, read};
use crate::shadow::Shadow;

/// How often the work begins again because another program wrote between two locks.
const ATTEMPTS: usize = 5;

const WORDS: Words = Words {
    kind: ErrorKind::Rebuild,
    not_written: "the compact file could not be written into the database",
    not_compared: "the database could not be compared with the compact file",
    interrupted: "the database was compacted; only the last comparison was interrupted",
    differs: "the database differs from the compact file",
    written_since: "another program wrote right afterwards",
};

/// Gives the free pages of a database back to the file system.
///
/// The write lock is held while the backup and the compact file are made, so that readers go on. It is
/// changed for the lock of the write itself, under which every byte is compared with the backup first. The
/// file then holds its old pages or the new ones, whatever happens. Without free pages, and unless statistics
/// are asked for, nothing is done.
///
/// # Errors
/// The error's [`state`](Error::state) says what is in the file. [`ErrorKind::MissingExtension`] if an index needs
/// what this program lacks; [`ErrorKind::NoSpace`]; [`ErrorKind::Backup`]; [`ErrorKind::Damaged`];
/// [`ErrorKind::Proof`] if the compact file does not hold what the backup holds; [`ErrorKind::Rebuild`] if it
/// could not be written; [`ErrorKind::Busy`]; [`ErrorKind::Interrupted`].
pub fn vacuum(
    request: &VacuumRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<VacuumReport> {
    let run = |observer: &mut dyn Observer| {
        for _ in 0..ATTEMPTS {
            if let Some(report) = attempt(request, options, observer)? {
                return Ok(report);
            }
        }
        let what = "the file is changed by another program again and again";
        Err(Error::new(ErrorKind::Busy, what))
    };
    run(observer)
        .map_err(|error| error.during(ErrorKind::Rebuild, "the file could not be compacted"))
        .map_err(|error| error.in_database(request.database))
}

/// `None` if another program wrote before the last lock was taken.
fn attempt(
    request: &VacuumRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<Option<VacuumReport>> {
    let transaction =
        WriteTransaction::begin(Database::open(request.database, Access::Write, options)?)?;
    let live = transaction.database();
    if live.has_moved()? {
        return Ok(None);
    }
    let before = FileSize::of(live)?;
    let analyzed = request.statistics == Statistics::Analyze;
    let mut report = VacuumReport {
        database: request.database.to_path_buf(),
        before,
        after: before,
        backup: None,
        analyzed,
        tables: Vec::new(),
        follow_up: None,
    };
    if before.free_pages == 0 && !analyzed {
        transaction.rollback()?.close()?;
        return Ok(Some(report));
    }
    require_space(&before, live, request.folder)?;
    require_parts(live)?;
    let backup = back_up(request, options, observer)?;
    let with_backup = |error: Error| error.with_backup(&backup);
    let part = begin_part(request, options).map_err(with_backup)?;
    make(&backup, part.path(), request.statistics, options).map_err(with_backup)?;
    let tables =
        prove(&backup, part.path(), request.statistics, options, observer).map_err(with_backup)?;
    let live = transaction.rollback()?;
    let paths = (request.database, part.path(), backup.as_path());
    let mut content = Replacement { paths, options, tables, changed: false, words: &WORDS };
    let written = match write(live, part.path(), &mut content, observer) {
        Err(error) if content.changed && error.kind() == ErrorKind::FileChanged => return Ok(None),
        written => written.map_err(with_backup)?,
    };
    let Written { kept, tables, follow_up } = written;
    options.files.promised("optimized");
    drop(part);
    (report.backup, report.tables) = (kept, tables);
    report.follow_up = (!follow_up.is_empty()).then(|| follow_up.join("; "));
    report.after =
        measure(request.database, options).map_err(|error| error.leaving(DatabaseState::Done))?;
    Ok(Some(report))
}

/// Fails unless this program can make every table and index: without the collations and functions of its
/// indexes SQLite cannot write a table again.
fn require_parts(live: &Database) -> Result<()> {
    let schema = read(live.connection())?;
    let text = |it: &Object| Some((it.name.clone(), it.sql.clone()?));
    let made = schema.objects.iter().filter(|it| it.kind.is_table() && it.root > 0);
    let tables: Vec<_> = made.filter_map(text).collect();
    let indexes: Vec<_> = schema.of_kind(ObjectKind::Index).cloned().collect();
    // Virtual tables are not made again: their entries and the tables behind them are copied.
    Shadow::empty()?.check_creatable(&tables, &[], &indexes, &schema)
}

/// Creates the empty file beside the backups. What a killed process of our number left keeps its name.
fn begin_part<'o>(request: &VacuumRequest<'_>, options: &'o OpenOptions) -> Result<PartFile<'o>> {
    let files = options.files.as_ref();
    let label = BackupLabel::Named("compact".to_owned());
    let names = Names::new(request.folder, request.database, &label, files.now())?;
    let part = names.first(|name| PartFile::create(files, &name, b""))?;
    part.ok_or_else(|| Error::new(ErrorKind::Io, "no name for the compact file is free"))
}

/// Makes the backup through a second connection, under the lock of the first.
fn back_up(
    request: &VacuumRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<PathBuf> {
    let source = Database::open(request.database, Access::ReadOnly, options)?;
    let versions = VersionTables::named(request.version_table);
    let asked = backup_request(&source, &versions, request.folder, BackupLabel::BeforeOptimize)?;
    let entry = create_or_reuse(&source, &asked, Checked::First, observer)?.into_entry()?;
    source.close()?;
    Ok(entry.path)
}
