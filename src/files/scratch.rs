//! A private folder for copies of a person's data, which goes away whatever happens.

use std::path::{Path, PathBuf};

use super::Files;
use crate::error::{Error, ErrorKind, Result, file_error};

/// How many names are tried before something else must be wrong.
const NAMES: u32 = 1_000;

/// A folder that no other user may read. Dropping it removes it with everything in it.
#[derive(Debug)]
pub(crate) struct Scratch<'f> {
    files: &'f dyn Files,
    path: PathBuf,
    gone: bool,
}

impl<'f> Scratch<'f> {
    /// Creates the folder below a place.
    pub(crate) fn create(files: &'f dyn Files, place: &Path) -> Result<Self> {
        let stem = format!("phaseshift-{}", std::process::id());
        for number in 1..NAMES {
            let path = place.join(format!("{stem}-{number}"));
            match files.create_private_folder(&path) {
                Ok(()) => return Ok(Self { files, path, gone: false }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(file_error("create", &path, error)),
            }
        }
        let what = format!("no name is free for a folder in {}", place.display());
        Err(Error::new(ErrorKind::Io, what))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder where it is.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.gone = true;
        std::mem::take(&mut self.path)
    }

    /// Removes the folder and tells if that fails: copies of data must not stay behind unsaid.
    pub(crate) fn remove(mut self) -> Result<()> {
        self.gone = true;
        match self.files.remove_folder(&self.path) {
            // What used it may have removed it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| file_error("remove", &self.path, error)),
        }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if !self.gone {
            // Another error is on its way to the person; this one must not hide it.
            drop(self.files.remove_folder(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::RealFiles;

    #[test]
    fn a_scratch_folder_is_private_and_goes_away() {
        let place = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(&RealFiles, place.path()).unwrap();
        let path = scratch.path().to_path_buf();
        RealFiles.create(&path.join("copy.db"), b"x", 0o600).unwrap();
        assert_eq!(RealFiles.stat(&path).unwrap().unwrap().mode, 0o700);
        let other = Scratch::create(&RealFiles, place.path()).unwrap();
        assert_ne!(other.path(), path);
        drop(scratch);
        other.remove().unwrap();
        assert!(RealFiles.list(place.path()).unwrap().is_empty());
    }
}
