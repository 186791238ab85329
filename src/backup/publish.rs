//! Giving a finished backup its name and its manifest, so that both survive a power cut.

use std::path::{Path, PathBuf};

use chrono::{SecondsFormat, Utc};

use super::entry::next_sequence;
use super::job::Job;
use super::manifest::{FORMAT, Manifest, ManifestTable};
use super::name::{manifest_of, stem_of};
use super::part::{PartFile, folder_of, has_sidecar, stat_of};
use super::verify::Digest;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::event::TableRows;
use crate::files::{Files, Stat};

/// A backup under its final name.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
}

/// What a backup holds, and what was found of it.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) digest: Digest,
    pub(super) tables: Vec<TableRows>,
    pub(super) verified: bool,
    pub(super) shares_blocks: bool,
}

/// Syncs the part file, writes the manifest's part, renames both, and syncs the folder; only then
/// the backup is promised.
pub(super) fn publish(
    job: &Job<'_>,
    part: &mut PartFile<'_>,
    content: Content,
) -> Result<Finished> {
    let source = job.source.path();
    let like = stat_of(job.files, source)?.ok_or_else(|| {
        Error::new(ErrorKind::FileChanged, "the database was removed during the backup")
    })?;
    part.sync_with_access_of(&like)?;
    let mut manifest = manifest(job, content)?;
    let path = name(job, part, &mut manifest, &like)?;
    let folder = folder_of(&path);
    job.files.make_durable(folder)?;
    job.files.promised(&format!("backup {}", path.display()));
    Ok(Finished { path, manifest })
}

fn manifest(job: &Job<'_>, content: Content) -> Result<Manifest> {
    let Content { digest, tables, verified, shares_blocks } = content;
    let source = job.source.path();
    let stem = stem_of(source);
    let source = job
        .files
        .canonical(source)
        .map_err(|error| file_error("find the real path of", source, error))?;
    let page_size = job.source.connection().query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let sequence = next_sequence(job.files, job.request.folder, &source)?;
    let (label, occasion) = job.request.label.stored();
    Ok(Manifest {
        format: FORMAT,
        file: String::new(),
        source,
        stem,
        created: job.now.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Millis, true),
        sequence,
        label,
        occasion,
        phase: job.request.phase.clone(),
        version: job.request.version,
        bytes: digest.bytes,
        digest: digest.text,
        page_size,
        verified,
        damaged: false,
        shares_blocks,
        tables: tables
            .into_iter()
            .map(|entry| ManifestTable { table: entry.table, rows: entry.rows })
            .collect(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Writes the manifest of a promised backup again, in one step: it says something else now.
pub(super) fn restate(files: &dyn Files, path: &Path, manifest: &Manifest) -> Result<()> {
    let beside = manifest_of(path);
    let like = stat_of(files, &beside)?;
    let bytes = manifest.to_bytes().map_err(|error| {
        Error::new(ErrorKind::Backup, "the manifest cannot be written").caused_by(error)
    })?;
    let Some((like, mut text)) = like.zip(PartFile::create(files, &beside, &bytes)?) else {
        let what = format!("{} cannot be replaced", beside.display());
        return Err(Error::new(ErrorKind::Backup, what));
    };
    text.sync_with_access_of(&like)?;
    text.replace(&beside).map_err(|error| file_error("replace", &beside, error))?;
    let folder = folder_of(path);
    files.make_durable(folder)
}

/// Renames the backup and then its manifest to the first pair of names that is free.
///
/// The manifest's content is on the disk before the backup gets its name: a full disk leaves no
/// backup without a manifest.
fn name(
    job: &Job<'_>,
    part: &mut PartFile<'_>,
    manifest: &mut Manifest,
    like: &Stat,
) -> Result<PathBuf> {
    let named = job.names.first(|path| {
        if job.is_taken(&path)? {
            return Ok(None);
        }
        manifest.file =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = manifest.to_bytes().map_err(|error| {
            Error::new(ErrorKind::Backup, "the manifest cannot be written").caused_by(error)
        })?;
        let beside = manifest_of(&path);
        let Some(mut text) = PartFile::create(job.files, &beside, &bytes)? else { return Ok(None) };
        text.sync_with_access_of(like)?;
        match part.publish(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(file_error("rename the backup to", &path, error)),
        }
        if let Err(error) = text.publish(&beside) {
            // Without its manifest nothing tells that it is whole: it was never promised.
            drop(job.files.remove(&path));
            return Err(file_error("rename the manifest to", &beside, error));
        }
        // Written there since the name was chosen, it would be rolled back into the backup.
        if has_sidecar(job.files, &path)? {
            drop(job.files.remove(&path));
            drop(job.files.remove(&beside));
            let what = format!("a journal appeared beside {}", path.display());
            return Err(Error::new(ErrorKind::Backup, what));
        }
        Ok(Some(path))
    })?;
    named.ok_or_else(|| job.no_name())
}
