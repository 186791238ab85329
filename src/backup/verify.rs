//! Verifying a backup against its manifest, at any time after it was made.

use std::io::Read as _;
use std::path::Path;

use super::check::integrity;
use super::entry::BackupEntry;
use super::export::recognise;
use super::part::{sidecar_with_content, stat_of};
use crate::database::{Access, Database, OpenOptions, read_error};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage, TableRows};
use crate::rows::count_rows;
use crate::schema;

/// What was found in a backup that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// `blake3:` and the digest of the file's bytes in hexadecimal.
    pub digest: String,
    /// The rows of every table, in schema order.
    pub tables: Vec<TableRows>,
    /// Whether there was a manifest to hold the file against. Without one, the file was only
    /// checked in itself.
    pub against_manifest: bool,
    /// What could not be checked, because a collation, function or module is missing.
    pub unchecked: Vec<String>,
}

/// The digest of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) text: String,
    pub(crate) bytes: u64,
}

/// Computes the digest of a file that no connection of this process has open.
pub(crate) fn digest(
    path: &Path,
    options: &OpenOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<Digest> {
    let failed = |error| read_error(path, options.files.as_ref(), error);
    let mut reader = options.files.reader(path).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 * 1_024];
    let mut bytes = 0;
    loop {
        options.interrupt.check()?;
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        hasher.update(&buffer[..count]);
        bytes += count as u64;
        progress(bytes);
    }
    Ok(Digest { text: format!("blake3:{}", hasher.finalize().to_hex()), bytes })
}

/// Verifies a backup: every byte against its manifest, SQLite's integrity check, the rows of every
/// table. Without a manifest, what the file itself tells.
///
/// No connection of this process may have the backup open: its bytes are read by an ordinary
/// handle. Nothing is changed.
///
/// # Errors
/// [`ErrorKind::BackupDamaged`] with what differs; [`ErrorKind::DatabaseMissing`] if the file is
/// gone; [`ErrorKind::Interrupted`], [`ErrorKind::Io`].
pub fn verify(
    entry: &BackupEntry,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<Verification> {
    let path = &entry.path;
    if stat_of(options.files.as_ref(), path)?.is_none() {
        let what = format!("the backup {} does not exist", path.display());
        return Err(Error::new(ErrorKind::DatabaseMissing, what).about("backup"));
    }
    if let Some(beside) = sidecar_with_content(options.files.as_ref(), path)? {
        let what = format!("{} lies beside it: it was opened and written", beside.display());
        return Err(damaged(path, [what]));
    }
    let mut progress = |done| {
        observer.event(&Event::Progress {
            stage: Stage::VerifyBackup,
            subject: path.display().to_string(),
            done,
            total: entry.bytes,
        });
    };
    let digest = digest(path, options, &mut progress)?;
    if let Some(manifest) = &entry.manifest
        && (manifest.bytes != digest.bytes || manifest.digest != digest.text)
    {
        let expected = format!("the manifest says {} bytes, {}", manifest.bytes, manifest.digest);
        let found = format!("the file has {} bytes, {}", digest.bytes, digest.text);
        return Err(damaged(path, [expected, found]));
    }
    let (tables, unchecked) = read(path, options).map_err(|error| {
        no_backup(path, &error, options).unwrap_or_else(|| unreadable(path, error))
    })?;
    if let Some(manifest) = &entry.manifest
        && manifest.verified
        && manifest.table_rows() != tables
    {
        return Err(damaged(path, differing(&manifest.table_rows(), &tables)));
    }
    let against_manifest = entry.manifest.is_some();
    Ok(Verification { digest: digest.text, tables, against_manifest, unchecked })
}

fn read(path: &Path, options: &OpenOptions) -> Result<(Vec<TableRows>, Vec<String>)> {
    let database = Database::open(path, Access::ReadOnly, options)?;
    let found = integrity(&database)?;
    if !found.damage.is_empty() {
        return Err(damaged(path, found.damage));
    }
    let schema = schema::read(database.connection())?;
    let mut tables = Vec::new();
    for object in schema.stored_tables() {
        let rows = count_rows(database.connection(), &object.name)?;
        tables.push(TableRows { table: object.name.clone(), rows });
    }
    database.close()?;
    Ok((tables, found.unchecked))
}

fn differing(expected: &[TableRows], found: &[TableRows]) -> Vec<String> {
    let missing = expected
        .iter()
        .filter(|entry| !found.contains(entry))
        .map(|entry| format!("{}: the manifest says {} rows", entry.table, entry.rows));
    let surplus = found
        .iter()
        .filter(|entry| !expected.contains(entry))
        .map(|entry| format!("{}: the file has {} rows", entry.table, entry.rows));
    missing.chain(surplus).collect()
}

fn damaged(path: &Path, problems: impl IntoIterator<Item = impl Into<String>>) -> Error {
    let what = format!("the backup {} is damaged", path.display());
    Error::new(ErrorKind::BackupDamaged, what).problems(problems)
}

/// Says of a file that never was a backup what it is.
fn no_backup(path: &Path, error: &Error, options: &OpenOptions) -> Option<Error> {
    if error.kind() != ErrorKind::NotADatabase {
        return None;
    }
    let (what, advice) = recognise(options.files.as_ref(), path)?;
    let what = format!("{} cannot be restored: {what}", path.display());
    Some(Error::new(ErrorKind::BackupDamaged, what).problems([advice]))
}

fn unreadable(path: &Path, error: Error) -> Error {
    let by_content =
        matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotADatabase | ErrorKind::NotAFile);
    if by_content { damaged(path, [error.to_string()]).caused_by(error) } else { error }
}
