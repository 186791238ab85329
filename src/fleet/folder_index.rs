//! Folders of backups that many databases share.
//!
//! Ten thousand databases in one folder have one folder of backups beside them, and each run looks there for its own
//! several times. The names are read once for the whole fleet, and each file sees those that begin like its own: what
//! another database's backups are called or say is of no concern to it.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, FixedOffset};

use crate::files::{Files, Space, Stat};

/// The names in folders that were listed, kept up to date with what this process does there.
#[derive(Debug, Default)]
pub struct FolderIndex(Mutex<HashMap<PathBuf, BTreeSet<OsString>>>);

impl FolderIndex {
    /// Returns the file system as one database is to see it: of the folder `backups` beside it, the files whose names
    /// begin with that of the database.
    pub fn files_for(self: &Arc<Self>, files: Arc<dyn Files>, database: &Path) -> Arc<dyn Files> {
        let path = files.canonical(database).unwrap_or_else(|_| database.to_path_buf());
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let folder = path.parent().unwrap_or(Path::new(".")).join("backups");
        let prefix = format!("{stem}_");
        Arc::new(MemberFiles { files, index: Arc::clone(self), folder, prefix })
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<PathBuf, BTreeSet<OsString>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn list(&self, files: &dyn Files, folder: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
        self.with(|folders| {
            if !folders.contains_key(folder) {
                let paths = files.list(folder)?;
                let names = paths.iter().filter_map(|path| path.file_name());
                folders.insert(folder.to_path_buf(), names.map(OsString::from).collect());
            }
            let names = folders.get(folder).into_iter().flat_map(|names| {
                names.range(OsString::from(prefix)..).take_while(|name| begins(name, prefix))
            });
            Ok(names.map(|name| folder.join(name)).collect())
        })
    }

    fn change<T>(&self, path: &Path, change: impl FnOnce(&mut BTreeSet<OsString>, OsString) -> T) {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
        self.with(|folders| {
            if let Some(names) = folders.get_mut(folder) {
                change(names, name.to_os_string());
            }
        });
    }

    fn added(&self, path: &Path) {
        self.change(path, |names, name| names.insert(name));
    }

    fn removed(&self, path: &Path) {
        self.change(path, |names, name| names.remove(&name));
    }
}

fn begins(name: &OsString, prefix: &str) -> bool {
    name.as_encoded_bytes().starts_with(prefix.as_bytes())
}

/// The file system as one database of a fleet sees it.
#[derive(Debug)]
struct MemberFiles {
    files: Arc<dyn Files>,
    index: Arc<FolderIndex>,
    /// The folder of its backups.
    folder: PathBuf,
    /// How the names of its backups begin.
    prefix: String,
}

impl Files for MemberFiles {
    fn vfs(&self) -> Option<&str> {
        self.files.vfs()
    }

    fn now(&self) -> DateTime<FixedOffset> {
        self.files.now()
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.files.canonical(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.files.stat(path)
    }

    fn stat_link(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.files.stat_link(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        self.files.space(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        match folder == self.folder {
            true => self.index.list(self.files.as_ref(), folder, &self.prefix),
            false => self.files.list(folder),
        }
    }

    fn may_read(&self, path: &Path) -> io::Result<()> {
        self.files.may_read(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.read(path)
    }

    fn reader(&self, path: &Path) -> io::Result<Box<dyn io::Read>> {
        self.files.reader(path)
    }

    fn create(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.files.create(path, bytes, mode)?;
        self.index.added(path);
        Ok(())
    }

    fn append(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.files.append(path, bytes, mode)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.files.create_folder(path)
    }

    fn create_folder_for(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.files.create_folder_for(path, mode)
    }

    fn create_private_folder(&self, path: &Path) -> io::Result<()> {
        self.files.create_private_folder(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.files.remove_folder(path)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.copy(from, to)?;
        self.index.added(to);
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename_new(from, to)?;
        self.index.removed(from);
        self.index.added(to);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.link(from, to)?;
        self.index.added(to);
        Ok(())
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename_over(from, to)?;
        self.index.removed(from);
        self.index.added(to);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path)?;
        self.index.removed(path);
        Ok(())
    }

    fn set_access(&self, path: &Path, like: &Stat) -> io::Result<()> {
        self.files.set_access(path, like)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.files.sync_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.files.sync_folder(folder)
    }

    fn promised(&self, what: &str) {
        self.files.promised(what);
    }
}
