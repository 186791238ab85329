//! Text files that a command writes where a person names them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use phaseshift::error::file_error;
use phaseshift::files::{FileKind, Files, Stat, is_database};
use phaseshift::{Error, ErrorKind, Result};

use crate::cli::page::START;

/// Refuses a place where [`write_text`] would fail: a database, a folder, or a folder that is not there.
///
/// # Errors
/// [`ErrorKind::Arguments`]; [`ErrorKind::Io`].
pub fn refuse_place(files: &dyn Files, path: &Path) -> Result<Option<Stat>> {
    let failed = |action| move |error| file_error(action, path, error);
    let present = files.stat(path).map_err(failed("look at"))?;
    let refused =
        |why: &str| Err(Error::new(ErrorKind::Arguments, format!("{} {why}", path.display())));
    let folder = path.parent().unwrap_or(path);
    if present.is_none() && files.stat(folder).map_err(failed("look beside"))?.is_none() {
        return refused("cannot be written: its folder does not exist");
    }
    match &present {
        Some(stat) if stat.kind != FileKind::File => refused("is not a file"),
        Some(_) if is_database(files, path).map_err(failed("read"))? => {
            refused("is a database and is not overwritten")
        }
        _ => Ok(present),
    }
}

/// As [`refuse_place`], and refuses a file that is no page: a phase file or the settings, for instance.
pub fn refuse_page_place(files: &dyn Files, path: &Path) -> Result<()> {
    let Some(present) = refuse_place(files, path)? else { return Ok(()) };
    let mut start = Vec::new();
    let read =
        files.reader(path).and_then(|file| file.take(START.len() as u64).read_to_end(&mut start));
    read.map_err(|error| file_error("read", path, error))?;
    if present.bytes == 0 || start == START.as_bytes() {
        return Ok(());
    }
    let what = format!("{} is no page (HTML) and is not overwritten", path.display());
    Err(Error::new(ErrorKind::Arguments, what))
}

/// As [`refuse_page_place`], and tries to create a file in the folder.
///
/// # Errors
/// As [`refuse_place`]; [`ErrorKind::Arguments`] if the folder takes no file.
pub fn refuse_unwritable(files: &dyn Files, path: &Path) -> Result<()> {
    refuse_page_place(files, path)?;
    let part = part_of(path);
    let tried = files.create(&part, b"", 0o600).and_then(|()| files.remove(&part));
    tried.map_err(|error| {
        let what = format!("{} cannot be written: its folder takes no file", path.display());
        Error::new(ErrorKind::Arguments, what).caused_by(error)
    })
}

/// Writes a page, over another one if there is one.
pub fn write_page(files: &dyn Files, path: &Path, page: &str) -> Result<()> {
    refuse_page_place(files, path)?;
    write_text(files, path, page)
}

/// Writes a file beside the one of the name, and renames it.
pub fn write_text(files: &dyn Files, path: &Path, text: &str) -> Result<()> {
    let failed = |action| move |error| file_error(action, path, error);
    let present = refuse_place(files, path)?;
    let mode = present.as_ref().map_or(0o644, |stat: &Stat| stat.mode & 0o777);
    let part = part_of(path);
    let created = files
        .create(&part, text.as_bytes(), mode)
        .map_err(|error| file_error("create", &part, error));
    let written = created.and_then(|()| {
        let renamed = files.sync_file(&part).and_then(|()| files.rename_over(&part, path));
        renamed.map_err(failed("write"))
    });
    if written.is_err() {
        // The failure to write is what is reported.
        let _ = files.remove(&part);
    }
    written
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}
