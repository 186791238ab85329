//! Phases for tests: a folder to read phases from.

use std::path::{Path, PathBuf};

use super::PhaseId;
use crate::files::{Files as _, RealFiles};

/// Makes an id.
pub(crate) fn id(text: &str) -> PhaseId {
    PhaseId::new(text).unwrap()
}

/// A folder `phases` with files in it, removed at the end.
pub(crate) struct Folder {
    holder: tempfile::TempDir,
}

impl Folder {
    /// Makes a folder with files of these names and texts.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self { holder: tempfile::tempdir().unwrap() };
        RealFiles.create_folder(&folder.path()).unwrap();
        for (name, text) in files {
            folder.write(name, text.as_bytes());
        }
        folder
    }

    /// Writes one more file, in a subfolder if its name says so.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        RealFiles.create_folder(path.parent().unwrap_or(Path::new("/"))).unwrap();
        RealFiles.create(&path, bytes, 0o600).unwrap();
        path
    }

    /// Returns the path of the folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.holder.path().join("phases")
    }
}
