//! What a person names behind `--all`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::pattern::Pattern;
use crate::error::{Error, ErrorKind, Result};
use crate::files::{FileKind, Files};

/// What a person names behind `--all`: a folder, a pattern, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub(super) source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Every database below a folder.
    Folder(PathBuf),
    /// Every database below a folder whose relative path fits.
    Pattern(PathBuf, Pattern),
    File(PathBuf),
    /// The paths of a list, as they were written; relative ones are taken from the folder.
    List(PathBuf, Vec<PathBuf>),
}

impl Selection {
    /// Reads a folder, a pattern, or `@LIST`, the name of a file with one path per line or separated by NUL bytes.
    /// Relative paths are taken from `folder`.
    ///
    /// # Errors
    /// [`ErrorKind::Arguments`] if the text is empty or the list cannot be one; [`ErrorKind::DatabaseMissing`] if
    /// nothing has that name; [`ErrorKind::Io`].
    pub fn parse(text: &str, folder: &Path, files: &dyn Files) -> Result<Self> {
        if let Some(list) = text.strip_prefix('@') {
            let path = folder.join(list);
            let bytes = files.content(&path)?;
            return Ok(Self::of_list(&bytes, folder));
        }
        if text.is_empty() {
            let what = "--all needs a folder, a pattern, or @ and the name of a list";
            return Err(Error::new(ErrorKind::Arguments, what));
        }
        let path = folder.join(text);
        let stat = files.status(&path)?;
        let source = match stat.map(|stat| stat.kind) {
            Some(FileKind::Folder) => Source::Folder(path),
            Some(FileKind::File) => Source::File(path),
            None if Pattern::is_pattern(text) => {
                let (below, pattern) = Pattern::split(text);
                Source::Pattern(folder.join(below), pattern)
            }
            Some(FileKind::Other) | None => {
                let what = format!("{} is no folder, file or pattern", path.display());
                return Err(Error::new(ErrorKind::DatabaseMissing, what).about("selection"));
            }
        };
        Ok(Self { source })
    }

    /// Reads a list of paths: separated by NUL bytes if there is one, by line ends otherwise.
    pub fn of_list(bytes: &[u8], folder: &Path) -> Self {
        use std::os::unix::ffi::OsStringExt as _;
        let separator = if bytes.contains(&0) { 0 } else { b'\n' };
        let lines = bytes.split(|byte| *byte == separator).map(|line| match separator {
            b'\n' => line.strip_suffix(b"\r").unwrap_or(line),
            _ => line,
        });
        let paths = lines
            .filter(|line| !line.is_empty())
            .map(|line| PathBuf::from(OsString::from_vec(line.to_vec())))
            .collect();
        Self { source: Source::List(folder.to_path_buf(), paths) }
    }
}
