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

    fn renamed(&self, from: &Path, to: &Path) {
        self.removed(from);
        self.added(to);
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

/// Declares the methods that only hand a call on.
macro_rules! handed_on {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)+) => {$(
        fn $name(&self, $($argument: $kind),*) -> $result {
            self.files.$name($($argument),*)
        }
    )+};
}

impl Files for MemberFiles {
    handed_on! {
        vfs() -> Option<&str>;
        now() -> DateTime<FixedOffset>;
        canonical(path: &Path) -> io::Result<PathBuf>;
        stat(path: &Path) -> io::Result<Option<Stat>>;
        stat_link(path: &Path) -> io::Result<Option<Stat>>;
        space(path: &Path) -> io::Result<Space>;
        may_read(path: &Path) -> io::Result<()>;
        read(path: &Path) -> io::Result<Vec<u8>>;
        reader(path: &Path) -> io::Result<Box<dyn io::Read>>;
        append(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()>;
        create_folder(path: &Path) -> io::Result<()>;
        create_folder_for(path: &Path, mode: u32) -> io::Result<()>;
        create_private_folder(path: &Path) -> io::Result<()>;
        remove_folder(path: &Path) -> io::Result<()>;
        set_access(path: &Path, like: &Stat) -> io::Result<()>;
        sync_file(path: &Path) -> io::Result<()>;
        sync_folder(folder: &Path) -> io::Result<()>;
        share_blocks(from: &Path, to: &Path) -> io::Result<()>;
        can_share_blocks(folder: &Path) -> bool;
        promised(what: &str) -> ();
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        match folder == self.folder {
            true => self.index.list(self.files.as_ref(), folder, &self.prefix),
            false => self.files.list(folder),
        }
    }

    fn create(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.files.create(path, bytes, mode).inspect(|()| self.index.added(path))
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.copy(from, to).inspect(|()| self.index.added(to))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename_new(from, to).inspect(|()| self.index.renamed(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.link(from, to).inspect(|()| self.index.added(to))
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.files.rename_over(from, to).inspect(|()| self.index.renamed(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.remove(path).inspect(|()| self.index.removed(path))
    }
}
