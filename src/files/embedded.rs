//! Texts in the program that are read as if they were files of a folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use chrono::{DateTime, FixedOffset};

use super::{FileKind, Files, RealFiles, Space, Stat};

/// A folder that exists only in the program. Nothing can be written to it.
#[derive(Debug, Clone)]
pub struct EmbeddedFiles {
    /// The texts by their paths, which begin with the folder.
    texts: BTreeMap<PathBuf, Vec<u8>>,
}

impl EmbeddedFiles {
    /// Puts the texts into a folder. The names are relative paths with `/`.
    ///
    /// # Errors
    /// The first name that occurs twice or is no path below the folder.
    pub fn new<'t>(
        folder: &Path,
        files: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Self, String> {
        let mut texts = BTreeMap::new();
        for (name, text) in files {
            let mut parts = Path::new(name).components();
            let is_below = !name.is_empty() && parts.all(|it| matches!(it, Component::Normal(_)));
            if !is_below || texts.insert(folder.join(name), text.as_bytes().to_vec()).is_some() {
                return Err(name.to_owned());
            }
        }
        Ok(Self { texts })
    }

    fn kind(&self, path: &Path) -> Option<(FileKind, u64)> {
        match self.texts.get(path) {
            Some(text) => Some((FileKind::File, text.len() as u64)),
            None => {
                self.texts.keys().any(|it| it.starts_with(path)).then_some((FileKind::Folder, 0))
            }
        }
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Files for EmbeddedFiles {
    fn now(&self) -> DateTime<FixedOffset> {
        RealFiles.now()
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        match self.kind(path) {
            Some(_) => Ok(path.to_path_buf()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let stat = |(kind, bytes)| {
            let (mode, links) = (0o444, 1);
            Stat { kind, bytes, mode, owner: 0, group: 0, device: 0, inode: 0, links }
        };
        Ok(self.kind(path).map(stat))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(Space { available: 0, network: false, read_only: true })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let below = self.texts.keys().filter_map(|path| {
            let first = path.strip_prefix(folder).ok()?.components().next()?;
            Some(folder.join(first))
        });
        let mut found: Vec<PathBuf> = below.collect();
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.texts.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn reader(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        Ok(Box::new(io::Cursor::new(self.read(path)?)))
    }

    fn create(&self, _path: &Path, _bytes: &[u8], _mode: u32) -> io::Result<()> {
        read_only()
    }

    fn create_folder(&self, _path: &Path) -> io::Result<()> {
        read_only()
    }

    fn copy(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        read_only()
    }

    fn rename_new(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        read_only()
    }

    fn rename_over(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        read_only()
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        read_only()
    }

    fn set_access(&self, _path: &Path, _like: &Stat) -> io::Result<()> {
        read_only()
    }

    fn sync_file(&self, _path: &Path) -> io::Result<()> {
        read_only()
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        read_only()
    }
}
