//! Reading the text of a file of SQL.

use std::path::Path;

use crate::error::{Result, file_error};
use crate::files::Files;
use crate::phase::bytes::bytes_of_file;
use crate::phase::problem::Problems;
use crate::phase::sql_file::sql_text;

/// Reads a file of SQL, and notes why it is none.
pub(super) fn text_of_file(
    files: &dyn Files,
    path: &Path,
    problems: &mut Problems,
) -> Result<Option<String>> {
    let Some(bytes) = bytes_of_file(files, path, problems)? else { return Ok(None) };
    let text = sql_text(&bytes);
    Ok(text.map_err(|line| problems.add(path, line, "the phase file is not UTF-8 text")).ok())
}

/// As [`text_of_file`], for a file of another tool's folder: a link that leads out of it is refused.
pub(super) fn text_within(
    files: &dyn Files,
    folder: &Path,
    path: &Path,
    problems: &mut Problems,
) -> Result<Option<String>> {
    let real =
        |path: &Path| files.canonical(path).map_err(|error| file_error("look at", path, error));
    if !files.exists(path)? {
        problems.add(path, 1, "the file is a link to nothing");
        return Ok(None);
    }
    if !real(path)?.starts_with(real(folder)?) {
        problems.add(path, 1, "the file is a link to a file outside the folder");
        return Ok(None);
    }
    text_of_file(files, path, problems)
}
