//! The archive of a squash: the files of its phases, and a record by which the squash is undone.
//!
//! The order of the steps makes every instant safe. The archive is complete and synced before anything in the folder
//! changes. Then the squash file gets its name, and the old files are removed one by one: as long as one of them is
//! there, the folder is refused as a whole, because a replaced phase is still in it; it never loads as anything but
//! the old chain or the new one. An undo goes the other way round. Whatever was interrupted is recognised by the
//! record and carried on from where it stopped.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::{FileKind, Files};
use crate::phase::PhaseId;

/// The folder below the phases that the loader never reads.
const ARCHIVE: &str = "archive";

/// The name of the record in a folder of the archive.
const RECORD: &str = "squash.json";

/// The form of the record.
const FORMAT: &str = "phaseshift-squash-1";

/// A file and what it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedFile {
    /// Its name in the folder of the phases.
    pub name: String,
    /// The BLAKE3 hash of its bytes.
    pub blake3: String,
    pub mode: u32,
}

/// What a squash did to the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveRecord {
    format: String,
    pub id: String,
    /// The last phase that it stands for.
    pub last: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// The phases that it stands for and that were in the folder.
    pub phases: Vec<String>,
    pub written: Vec<ArchivedFile>,
    /// The files that it moved to the archive: those that SQL steps name, then the phase files.
    pub moved: Vec<ArchivedFile>,
    /// Files of earlier phases, copied so that the archived phases run.
    pub copied: Vec<ArchivedFile>,
    /// Whether the folder `archive` was made for it.
    pub made_folder: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// The folder with the old files: a chain of its own, up to the last phase.
    pub folder: PathBuf,
    pub record: ArchiveRecord,
}

/// A file to write, with its bytes.
#[derive(Debug, Clone)]
pub(super) struct NewFile {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) struct Publication {
    pub(super) id: PhaseId,
    pub(super) last: PhaseId,
    pub(super) phases: Vec<PhaseId>,
    /// The files of the squash; the phase file is the last one.
    pub(super) files: Vec<NewFile>,
    pub(super) moved: Vec<String>,
    pub(super) copied: Vec<String>,
    /// The name of the folder in the archive.
    pub(super) stamp: String,
}

/// How far a squash is carried out in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Its file is there, and the files that it replaces are not.
    Done,
    /// Its file is there, and some of the files that it replaces are, too: it was interrupted.
    Interrupted,
    /// Its file is not there, and the files that it replaces are: only the archive is left of it.
    Undone,
    /// Neither its file nor all of those that it replaces are there: a later squash moved it, or files were deleted.
    Elsewhere,
}

/// Writes the archive, publishes the squash, and removes the files that it stands for. Returns the archive's folder.
///
/// # Errors
/// Those of the file system. Before the first change of the folder, the archive is removed again.
pub(super) fn publish(files: &dyn Files, folder: &Path, what: &Publication) -> Result<Archived> {
    let archived = write_archive(files, folder, what)?;
    let mut written = Vec::new();
    if let Err(error) = write_all(files, folder, &what.files, &mut written) {
        // Nothing of the old folder was touched. Only what was written here is removed: a file that took the name of
        // the squash in the meantime is another's.
        for path in written {
            drop(files.remove(&path));
        }
        drop(discard(files, folder, &archived));
        return Err(error);
    }
    remove_moved(files, folder, &archived.record)?;
    Ok(archived)
}

/// Carries on a squash that was interrupted: removes the files that it stands for and that are still as they were.
///
/// # Errors
/// [`ErrorKind::Chain`] naming a file that was changed since; those of the file system.
pub(super) fn finish(files: &dyn Files, folder: &Path, archived: &Archived) -> Result<()> {
    refuse_changed(files, folder, &archived.record.moved)?;
    remove_moved(files, folder, &archived.record)
}

/// Brings the files of the archive back, removes those of the squash, and then the archive.
///
/// # Errors
/// [`ErrorKind::Chain`] naming a file that was changed since the squash, or a damaged archive; those of the file
/// system. Running it again carries on.
pub(super) fn restore(files: &dyn Files, folder: &Path, archived: &Archived) -> Result<()> {
    let record = &archived.record;
    refuse_changed(files, folder, &record.written)?;
    refuse_changed(files, folder, &record.moved)?;
    let mut missing = Vec::new();
    for file in &record.moved {
        if hash_of(files, &folder.join(&file.name))?.is_none() {
            missing.push(file);
        }
    }
    for file in &missing {
        let kept = archived.folder.join(&file.name);
        if hash_of(files, &kept)?.as_deref() != Some(&file.blake3) {
            let what = format!("{} is not what the squash archived", kept.display());
            return Err(Error::new(ErrorKind::Chain, what).at(&kept, 1));
        }
    }
    // A phase file comes first: as long as the squash is there, it makes the folder refused as a whole.
    for file in missing.into_iter().rev() {
        let (from, to) = (archived.folder.join(&file.name), folder.join(&file.name));
        let bytes = files.content(&from)?;
        create(files, &to, &bytes, file.mode)?;
    }
    files.make_durable(folder)?;
    // The phase file goes first: what it names is not missed then.
    for file in record.written.iter().rev() {
        files.remove_if_there(&folder.join(&file.name))?;
    }
    files.make_durable(folder)?;
    discard(files, folder, archived)
}

/// Removes a squash from the archive: its record last, so that it can be done again.
pub(super) fn discard(files: &dyn Files, folder: &Path, archived: &Archived) -> Result<()> {
    let record = &archived.record;
    for file in record.moved.iter().chain(&record.copied) {
        files.remove_if_there(&archived.folder.join(&file.name))?;
    }
    files.remove_if_there(&archived.folder.join(RECORD))?;
    let others = list(files, &archived.folder)?;
    if others.is_empty() {
        let gone = files.remove_folder(&archived.folder);
        gone.map_err(|error| file_error("remove", &archived.folder, error))?;
    }
    let archive = folder.join(ARCHIVE);
    if record.made_folder && list(files, &archive)?.is_empty() {
        let gone = files.remove_folder(&archive);
        gone.map_err(|error| file_error("remove", &archive, error))?;
    }
    files.make_durable(folder)
}

/// Lists the squashes of a folder's archive, the oldest first. What is no record is left out.
pub fn archives(files: &dyn Files, folder: &Path) -> Result<Vec<Archived>> {
    let mut found = Vec::new();
    for folder in list(files, &folder.join(ARCHIVE))? {
        let path = folder.join(RECORD);
        if !files.exists(&path)? {
            continue;
        }
        let bytes = files.content(&path)?;
        let record: Option<ArchiveRecord> = serde_json::from_slice(&bytes).ok();
        let plain = |record: &ArchiveRecord| {
            let mut all = record.written.iter().chain(&record.moved).chain(&record.copied);
            record.format == FORMAT && all.all(|it| is_plain_name(&it.name))
        };
        found.extend(record.filter(plain).map(|record| Archived { folder, record }));
    }
    found.sort_by(|left, right| {
        (&left.record.created_at, &left.folder).cmp(&(&right.record.created_at, &right.folder))
    });
    Ok(found)
}

/// Tells how far a squash is carried out.
pub fn progress(files: &dyn Files, folder: &Path, archived: &Archived) -> Result<Progress> {
    let there = |file: &ArchivedFile| files.exists(&folder.join(&file.name));
    let record = &archived.record;
    let phase = record.written.last().map(&there).transpose()?.unwrap_or(false);
    let old = record.moved.iter().map(&there).collect::<Result<Vec<_>>>()?;
    let (any, all) = (old.contains(&true), !old.contains(&false));
    Ok(match (phase, any, all) {
        (true, false, _) => Progress::Done,
        (true, true, _) => Progress::Interrupted,
        (false, _, true) => Progress::Undone,
        (false, _, false) => Progress::Elsewhere,
    })
}

fn write_archive(files: &dyn Files, folder: &Path, what: &Publication) -> Result<Archived> {
    let now = files.now();
    let archive = folder.join(ARCHIVE);
    let made_folder = !files.exists(&archive)?;
    let path = archive.join(&what.stamp);
    if files.exists(&path)? {
        return Err(Error::new(ErrorKind::Io, format!("{} is there already", path.display())));
    }
    files.make_folder(&path)?;
    let keep = |names: &[String]| -> Result<Vec<ArchivedFile>> {
        names.iter().map(|name| keep(files, folder, &path, name)).collect()
    };
    let written = what.files.iter().map(|file| ArchivedFile {
        name: file.name.clone(),
        blake3: hash(&file.bytes),
        mode: MODE,
    });
    let record = ArchiveRecord {
        format: FORMAT.to_owned(),
        id: what.id.to_string(),
        last: what.last.to_string(),
        created_at: now.to_rfc3339(),
        phases: what.phases.iter().map(ToString::to_string).collect(),
        written: written.collect(),
        moved: keep(&what.moved)?,
        copied: keep(&what.copied)?,
        made_folder,
    };
    let text = serde_json::to_vec_pretty(&record).map_err(|error| {
        Error::new(ErrorKind::Io, "the record of the squash cannot be written").caused_by(error)
    })?;
    create(files, &path.join(RECORD), &text, MODE)?;
    for folder in [path.as_path(), archive.as_path(), folder] {
        files.make_durable(folder)?;
    }
    Ok(Archived { folder: path, record })
}

/// The permission bits of new files.
const MODE: u32 = 0o644;

/// Copies one file to the archive.
fn keep(files: &dyn Files, from: &Path, to: &Path, name: &str) -> Result<ArchivedFile> {
    let path = from.join(name);
    let stat = files.status(&path)?;
    let mode = stat.map_or(MODE, |stat| stat.mode & 0o777);
    let bytes = files.content(&path)?;
    create(files, &to.join(name), &bytes, mode)?;
    Ok(ArchivedFile { name: name.to_owned(), blake3: hash(&bytes), mode })
}

/// Chooses a name for a folder in the archive: the time, with a number if it is taken.
pub(super) fn free_stamp(files: &dyn Files, folder: &Path) -> Result<String> {
    let (archive, stamp) = (folder.join(ARCHIVE), files.now().format("%Y%m%d_%H%M%S").to_string());
    for number in 1..1_000_u32 {
        let name = if number == 1 { stamp.clone() } else { format!("{stamp}_{number}") };
        if !files.exists(&archive.join(&name))? {
            return Ok(name);
        }
    }
    let what = format!("no name is free for a folder in {}", archive.display());
    Err(Error::new(ErrorKind::Io, what))
}

/// Writes files under hidden names first, so that none of them is ever read in part. Notes those that have their names.
fn write_all(
    files: &dyn Files,
    folder: &Path,
    new: &[NewFile],
    written: &mut Vec<PathBuf>,
) -> Result<()> {
    for file in new {
        let (path, part) = (folder.join(&file.name), folder.join(format!(".{}.part", file.name)));
        files.remove_if_there(&part)?;
        create(files, &part, &file.bytes, MODE)?;
        files.rename_new(&part, &path).map_err(|error| {
            drop(files.remove(&part));
            file_error("create", &path, error)
        })?;
        written.push(path);
        files.make_durable(folder)?;
    }
    Ok(())
}

fn remove_moved(files: &dyn Files, folder: &Path, record: &ArchiveRecord) -> Result<()> {
    for file in &record.moved {
        files.remove_if_there(&folder.join(&file.name))?;
    }
    files.make_durable(folder)
}

/// Refuses files that are there and hold something else than the record says.
fn refuse_changed(files: &dyn Files, folder: &Path, expected: &[ArchivedFile]) -> Result<()> {
    for file in expected {
        let path = folder.join(&file.name);
        let found = hash_of(files, &path)?;
        if found.is_some_and(|it| it != file.blake3) {
            let what = format!("{} was changed since the squash", path.display());
            return Err(Error::new(ErrorKind::Chain, what).at(&path, 1));
        }
    }
    Ok(())
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// The hash of a file; `None` if it is not there.
pub(super) fn hash_of(files: &dyn Files, path: &Path) -> Result<Option<String>> {
    Ok(files.content_if_there(path)?.map(|bytes| hash(&bytes)))
}

fn create(files: &dyn Files, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    files.create(path, bytes, mode).map_err(|error| file_error("create", path, error))?;
    files.sync_file(path).map_err(|error| file_error("sync", path, error))
}

/// Lists a folder; one that is not there is empty.
fn list(files: &dyn Files, folder: &Path) -> Result<Vec<PathBuf>> {
    match files.status(folder)?.map(|it| it.kind) {
        Some(FileKind::Folder) => files.entries(folder),
        Some(FileKind::File | FileKind::Other) | None => Ok(Vec::new()),
    }
}

/// A record may come from anywhere: a name never leads out of the folder.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::RealFiles;

    /// The name was free when the squash was drafted; a colleague's file may have taken it while a person read.
    #[test]
    fn a_file_that_took_the_name_of_the_squash_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        RealFiles.create(&path("a.toml"), b"id = 'a'", 0o600).unwrap();
        RealFiles.create(&path("s.toml"), b"id = 'mine'", 0o600).unwrap();
        let id = |text: &str| PhaseId::new(text).unwrap();
        let new = |name: &str| NewFile { name: name.to_owned(), bytes: b"id = 's'".to_vec() };
        let what = Publication {
            id: id("s"),
            last: id("a"),
            phases: vec![id("a")],
            files: vec![new("first.toml"), new("s.toml")],
            moved: vec!["a.toml".to_owned()],
            copied: Vec::new(),
            stamp: "now".to_owned(),
        };
        publish(&RealFiles, folder.path(), &what).unwrap_err();
        assert_eq!(RealFiles.read(&path("s.toml")).unwrap(), b"id = 'mine'");
        assert_eq!(RealFiles.read(&path("a.toml")).unwrap(), b"id = 'a'");
        assert_eq!(list(&RealFiles, folder.path()).unwrap().len(), 2, "nothing else is left");
    }
}
