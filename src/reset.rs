//! Resetting a database: a verified backup, then no object at all.

use std::path::{Path, PathBuf};

use crate::backup::{BackupLabel, create};
use crate::database::{Access, Database, FileSize, Identity, OpenOptions, WriteTransaction};
use crate::error::{DatabaseState, Error, ErrorKind, MissingExtension, Result};
use crate::event::{Observer, TableRows};
use crate::history::VersionTables;
use crate::name::quote;
use crate::restore::backup_request;
use crate::schema::{Object, ObjectKind, Schema, read};

/// The name of the backup. Named backups are never removed by retention.
pub(crate) const LABEL: &str = "before_reset";

/// What is reset, and where the backup goes.
#[derive(Debug, Clone, Copy)]
pub struct ResetRequest<'a> {
    pub database: &'a Path,
    pub folder: &'a Path,
    pub version_table: &'a str,
}

#[derive(Debug, Clone)]
pub struct ResetReport {
    pub database: PathBuf,
    /// The verified backup of what it held.
    pub backup: PathBuf,
    /// The tables that it held, with their rows.
    pub tables: Vec<TableRows>,
    /// How many objects were dropped, automatic indexes and shadow tables not counted.
    pub dropped: usize,
    pub before: FileSize,
    pub after: FileSize,
    /// Why the file keeps its free pages, if it does.
    pub follow_up: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetPlan {
    /// The objects, shadow tables included.
    pub objects: usize,
    pub rows: u64,
}

/// Counts what a reset would drop. Nothing is changed.
pub fn plan(path: &Path, options: &OpenOptions) -> Result<ResetPlan> {
    let database = Database::open(path, Access::ReadOnly, options)?;
    let schema = read(database.connection())?;
    let mut rows: u64 = 0;
    for table in schema.objects.iter().filter(|it| it.kind.is_table() && it.root != 0) {
        let sql = format!("SELECT count(*) FROM main.{}", quote(&table.name));
        let count: i64 = database.connection().query_row(&sql, [], |row| row.get(0))?;
        rows += count.unsigned_abs();
    }
    database.close()?;
    Ok(ResetPlan { objects: schema.objects.len(), rows })
}

/// Backs a database up and drops every object of it, in one transaction of SQLite: other programs see all of the
/// objects or none. Page size, encoding, journal mode, `application_id` and `user_version` stay.
///
/// # Errors
/// [`ErrorKind::Busy`] if another program holds the file; [`ErrorKind::Backup`]; [`ErrorKind::MissingExtension`] for a
/// virtual table whose module this program lacks; [`ErrorKind::Interrupted`]. The file is as before then.
pub fn reset(
    request: &ResetRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<ResetReport> {
    run(request, options, observer)
        .map_err(|error| error.during(ErrorKind::Rebuild, "the database could not be emptied"))
        .map_err(|error| error.in_database(request.database))
}

fn run(
    request: &ResetRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<ResetReport> {
    let transaction =
        WriteTransaction::begin(Database::open(request.database, Access::Write, options)?)?;
    let live = transaction.database();
    if live.has_moved()? {
        let what = "the file was replaced while it was being locked";
        return Err(Error::new(ErrorKind::FileChanged, what));
    }
    let (before, identity) = (FileSize::of(live)?, Identity::read(live.connection())?);
    let (backup, tables) = back_up(request, options, observer)?;
    let with_backup = |error: Error| error.with_backup(&backup);
    let dropped = drop_all(live).map_err(with_backup)?;
    options.interrupt.check().map_err(with_backup)?;
    if Identity::read(live.connection())? != identity {
        let what = "the properties of the file changed";
        return Err(with_backup(Error::new(ErrorKind::Proof, what)));
    }
    let live = transaction.commit().map_err(with_backup)?;
    let follow_up = live.vacuum().err().map(|error| error.to_string());
    let done = |error: Error| error.leaving(DatabaseState::Done).with_backup(&backup);
    let after = FileSize::of(&live).map_err(done)?;
    live.close().map_err(done)?;
    let database = request.database.to_path_buf();
    Ok(ResetReport { database, backup, tables, dropped, before, after, follow_up })
}

/// Makes the backup through a second connection, under the lock of the first.
fn back_up(
    request: &ResetRequest<'_>,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<(PathBuf, Vec<TableRows>)> {
    let source = Database::open(request.database, Access::ReadOnly, options)?;
    let versions = VersionTables::named(request.version_table);
    let label = BackupLabel::Named(LABEL.to_owned());
    let asked = backup_request(&source, &versions, request.folder, label)?;
    let made = create(&source, &asked, observer)?;
    let tables = made.tables().to_vec();
    let entry = made.into_entry()?;
    source.close()?;
    Ok((entry.path, tables))
}

/// Drops triggers, views and tables. Virtual tables go first, with the tables that belong to them.
fn drop_all(live: &Database) -> Result<usize> {
    let mut dropped = 0;
    for kind in [ObjectKind::Trigger, ObjectKind::View, ObjectKind::VirtualTable] {
        let schema = read(live.connection())?;
        for object in schema.of_kind(kind) {
            drop_object(live, object)?;
            dropped += 1;
        }
    }
    let schema = read(live.connection())?;
    dropped += schema.of_kind(ObjectKind::Index).count();
    for object in schema.objects.iter().filter(|it| it.kind.is_table()) {
        drop_object(live, object)?;
        dropped += 1;
    }
    for statistics in schema.internal.iter().filter(|it| it.name.starts_with("sqlite_stat")) {
        drop_object(live, statistics)?;
    }
    let left: Schema = read(live.connection())?;
    match left.objects.first() {
        None => Ok(dropped),
        Some(object) => {
            let what = format!("{object} could not be dropped");
            Err(Error::new(ErrorKind::Rebuild, what).about(&object.name))
        }
    }
}

fn drop_object(live: &Database, object: &Object) -> Result<()> {
    let word = match object.kind {
        ObjectKind::Trigger => "TRIGGER",
        ObjectKind::View => "VIEW",
        ObjectKind::Index => "INDEX",
        ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => "TABLE",
    };
    let sql = format!("DROP {word} main.{}", quote(&object.name));
    live.connection().execute_batch(&sql).map_err(|error| {
        match MissingExtension::in_error(&error) {
            Some(part) => {
                let what = format!("{object} cannot be dropped without {part}");
                Error::new(ErrorKind::MissingExtension, what).about(&object.name).caused_by(error)
            }
            None => error.into(),
        }
    })
}
