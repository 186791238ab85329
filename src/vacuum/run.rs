//! The order of things: lock, back up, compact, prove, write back, compare.

use std::path::{Path, PathBuf};

use super::compact::{make, prove};
use super::request::{OptimizeReport, OptimizeRequest, Statistics};
use super::room::{look, require_space};
use crate::backup::{
    BackupLabel, BackupRequest, Checked, Names, Pages, Part, compare_pages, create_or_reuse,
};
use crate::database::{Access, Database, FileSize, OpenOptions, WriteTransaction};
use crate::error::{DatabaseState, Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage, TableRows};
use crate::history::VersionTables;
use crate::restore::{Content, Found, Words, Written, write};
use crate::rows::compare_databases;
use crate::schema::{Object, ObjectKind, read};
use crate::shadow::Shadow;

/// How often the work begins anew because another program wrote between two locks.
const ATTEMPTS: usize = 5;

/// How many names are tried before something else must be wrong.
const NAMES: u32 = 10_000;

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
pub fn optimize(
    request: &OptimizeRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<OptimizeReport> {
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
    request: &OptimizeRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<Option<OptimizeReport>> {
    let transaction =
        WriteTransaction::begin(Database::open(request.database, Access::Write, options)?)?;
    let live = transaction.database();
    if live.has_moved()? {
        return Ok(None);
    }
    let before = FileSize::of(live)?;
    let analyzed = request.statistics == Statistics::Analyze;
    let mut report = OptimizeReport {
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
    let mut content = Compact { paths, options, tables, changed: false };
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
        look(request.database, options).map_err(|error| error.leaving(DatabaseState::Done))?;
    Ok(Some(report))
}

/// Fails unless this program can make every table and index: without the collations and functions of its
/// indexes SQLite cannot write a table anew.
fn require_parts(live: &Database) -> Result<()> {
    let schema = read(live.connection())?;
    let text = |it: &Object| Some((it.name.clone(), it.sql.clone()?));
    let made = schema.objects.iter().filter(|it| it.kind.is_table() && it.root > 0);
    let tables: Vec<_> = made.filter_map(text).collect();
    let indexes: Vec<_> = schema.of_kind(ObjectKind::Index).cloned().collect();
    // Virtual tables are not made anew: their entries and the tables behind them are copied.
    Shadow::empty()?.check_creatable(&tables, &[], &indexes, &schema)
}

/// Creates the empty file beside the backups. What a killed process of our number left keeps its name.
fn begin_part<'o>(request: &OptimizeRequest<'_>, options: &'o OpenOptions) -> Result<Part<'o>> {
    let files = options.files.as_ref();
    let label = BackupLabel::Named("compact".to_owned());
    let names = Names::new(request.folder, request.database, &label, files.now())?;
    for number in 1..NAMES {
        if let Some(part) = Part::create(files, &names.candidate(number), b"")? {
            return Ok(part);
        }
    }
    Err(Error::new(ErrorKind::Io, "no name for the compact file is free"))
}

/// Makes the backup through a second connection, under the lock of the first.
fn back_up(
    request: &OptimizeRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<PathBuf> {
    let source = Database::open(request.database, Access::Look, options)?;
    let schema = read(source.connection())?;
    // A version table of another program tells nothing, and is no reason not to back up.
    let versions = VersionTables::named(request.version_table);
    let recorded = versions.read(source.connection(), &schema).unwrap_or_default();
    let asked = BackupRequest {
        folder: request.folder,
        label: BackupLabel::BeforeOptimize,
        phase: None,
        version: recorded.version(),
    };
    let entry = create_or_reuse(&source, &asked, Checked::First, observer)?.into_entry()?;
    source.close()?;
    Ok(entry.path)
}

/// The compact file as the content of a write: no byte may have changed since the backup.
struct Compact<'a> {
    /// The database, the compact file, the backup.
    paths: (&'a Path, &'a Path, &'a Path),
    options: &'a OpenOptions,
    tables: Vec<TableRows>,
    changed: bool,
}

impl Compact<'_> {
    /// Compares every byte of an open database with a file that nobody here has open; says what differs.
    fn difference(
        &self,
        live: &Database,
        other: &Path,
        observer: &mut dyn Observer,
    ) -> Result<Option<String>> {
        let connection = live.connection();
        let transaction = crate::btree::ReadTransaction::begin(connection)?;
        let mut progress = |done| {
            let (stage, subject) = (Stage::Check, live.path().display().to_string());
            observer.event(&Event::Progress { stage, subject, done, total: 0 });
        };
        let found = compare_pages(connection, other, self.options, &mut progress)?;
        let difference = match found {
            Pages::Equal(_) => None,
            Pages::Differ(what) => Some(what),
            Pages::Unknown => self.difference_in_values(live, other)?,
        };
        drop(transaction);
        Ok(difference)
    }

    /// Compares schemas and rows where the pages cannot be read.
    fn difference_in_values(&self, live: &Database, other: &Path) -> Result<Option<String>> {
        let other = Database::open(other, Access::Look, self.options)?;
        let schemas = (read(live.connection())?, read(other.connection())?);
        let compared = compare_databases(
            (live.connection(), &schemas.0),
            (other.connection(), &schemas.1),
            &mut |_, _| self.options.interrupt.check(),
        )?;
        other.close()?;
        Ok(compared.err().and_then(|all| all.first().map(ToString::to_string)))
    }
}

impl Content for Compact<'_> {
    fn secure(
        &mut self,
        present: &Database,
        observer: &mut dyn Observer,
    ) -> Result<Option<PathBuf>> {
        if self.difference(present, self.paths.2, observer)?.is_some() {
            self.changed = true;
            let what = "another program changed the file after the backup";
            return Err(Error::new(ErrorKind::FileChanged, what));
        }
        Ok(Some(self.paths.2.to_path_buf()))
    }

    fn compare(
        &mut self,
        live: &Database,
        observer: &mut dyn Observer,
    ) -> Result<std::result::Result<Vec<TableRows>, Vec<String>>> {
        Ok(match self.difference(live, self.paths.1, observer)? {
            None => Ok(self.tables.clone()),
            Some(what) => Err(vec![what]),
        })
    }

    fn look_again(&mut self, kept: &Path, observer: &mut dyn Observer) -> Found {
        let mut holds = |path: &Path| -> Result<bool> {
            let live = Database::open(self.paths.0, Access::Write, self.options)?;
            Ok(self.difference(&live, path, observer)?.is_none())
        };
        if matches!(holds(self.paths.1), Ok(true)) {
            return Found::Restored(self.tables.clone());
        }
        let as_before = matches!(holds(kept), Ok(true));
        Found::Other(if as_before { DatabaseState::RolledBack } else { DatabaseState::Unknown })
    }

    fn tables(&self) -> Vec<TableRows> {
        self.tables.clone()
    }

    fn words(&self) -> &'static Words {
        &WORDS
    }
}
