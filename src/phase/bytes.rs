//! Reading the bytes of a phase file.

use std::path::Path;

use super::problem::Problems;
use crate::error::{Result, file_error};
use crate::files::{FileKind, Files};

/// Reads the file, or notes why it is none.
pub(super) fn bytes_of_file(
    files: &dyn Files,
    path: &Path,
    problems: &mut Problems,
) -> Result<Option<Vec<u8>>> {
    if files.status(path)?.is_some_and(|stat| stat.kind != FileKind::File) {
        problems.add(path, 1, "the phase file is not a regular file");
        return Ok(None);
    }
    match files.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            problems.add(path, 1, format!("the phase file cannot be read: {error}"));
            Ok(None)
        }
        Err(error) => Err(file_error("read", path, error)),
    }
}
