//! The only door to the file system: every file step goes through the trait [`Files`].
//!
//! A test can stand in with a disk that fails, fills up or loses power. Databases themselves are
//! opened by SQLite through the VFS that [`Files::vfs`] names; nothing here may open a database
//! file while a connection to it is open, because closing such a handle drops SQLite's locks
//! (<https://sqlite.org/howtocorrupt.html>, section 2.2).

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};

use crate::error::{Result, file_error};

mod embedded;
mod real;
#[cfg(target_os = "linux")]
mod reflink;
mod regular;
mod scratch;

pub use embedded::EmbeddedFiles;
pub use real::RealFiles;
pub(crate) use scratch::Scratch;

/// The most bytes that [`Files::read`] returns. Phase files, settings, schemas and manifests are far smaller.
pub const MAX_TEXT_BYTES: u64 = 64 << 20;

/// What kind of thing a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    File,
    Folder,
    /// A device, pipe or socket.
    Other,
}

/// What the file system knows about a path, without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is, after following symbolic links.
    pub kind: FileKind,
    /// The size in bytes.
    pub bytes: u64,
    pub mode: u32,
    /// The owner's user id.
    pub owner: u32,
    /// The owner's group id.
    pub group: u32,
    pub device: u64,
    pub inode: u64,
    /// The number of names (hard links).
    pub links: u64,
}

/// Space on the file system that holds a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that an ordinary user may still write.
    pub available: u64,
    /// Whether the file system is a network one, where locks may not work.
    pub network: bool,
    pub read_only: bool,
}

/// The steps on files that the engine takes.
///
/// Every method acts on the real path given; none follows up with another. Durability is the
/// caller's business: write, [`sync_file`](Files::sync_file), rename,
/// [`sync_folder`](Files::sync_folder).
pub trait Files: Send + Sync + fmt::Debug {
    /// Returns the name of the SQLite VFS that sees the same files, or `None` for the default.
    fn vfs(&self) -> Option<&str> {
        None
    }

    /// Returns the time now, in the local zone.
    fn now(&self) -> DateTime<FixedOffset>;

    /// Resolves symbolic links and relative parts.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// Looks at a path; `None` if nothing is there.
    ///
    /// # Errors
    /// Whatever the system reports, except that nothing is there.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;

    /// Looks at a path without following a symbolic link in its last part; `None` if nothing is there.
    ///
    /// # Errors
    /// Whatever the system reports, except that nothing is there.
    fn stat_link(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.stat(path)
    }

    /// Tells how much space is left beside a path.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Lists the files and folders in a folder, in name order.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Tells by its permissions whether this user may read a file, without opening it.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`], or whatever else the system reports.
    fn may_read(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Reads a whole text: a phase file, settings, a schema, a manifest.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a FIFO, a device or a socket, without waiting for it;
    /// [`io::ErrorKind::FileTooLarge`] beyond [`MAX_TEXT_BYTES`]; whatever else the system reports.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Opens a file for reading from the start to the end. Never a database with an open connection.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for what is not a regular file; whatever else the system reports.
    fn reader(&self, path: &Path) -> io::Result<Box<dyn io::Read>>;

    /// Creates a file with these bytes and this mode; fails if the name is taken.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or whatever the system reports.
    fn create(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()>;

    /// Adds bytes to the end of a file, which is created with this mode if it is missing, and makes them durable.
    fn append(&self, _path: &Path, _bytes: &[u8], _mode: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Creates a folder and its parents; existing ones are fine.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder and its parents with these permissions at most; existing ones are fine.
    fn create_folder_for(&self, path: &Path, _mode: u32) -> io::Result<()> {
        self.create_folder(path)
    }

    /// Creates a folder that no other user may read; fails if the name is taken.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or whatever the system reports.
    fn create_private_folder(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Removes a folder with everything in it.
    fn remove_folder(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Copies a file to a name that is not taken.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or whatever the system reports.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Lets an empty file share the blocks of another one, which a connection may have open: no lock is dropped.
    /// If that fails, the file is empty as before.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] or another error where files cannot share blocks.
    fn share_blocks(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Tells whether files in a folder can share blocks. Nothing is left there.
    fn can_share_blocks(&self, _folder: &Path) -> bool {
        false
    }

    /// Renames a file to a name that is not taken, in one step.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or whatever the system reports.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name that is not taken (a hard link).
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`]; [`io::ErrorKind::Unsupported`] or another error where the file system has no
    /// links.
    fn link(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Renames a file over another one, in one step.
    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Sets the permission bits and, where allowed, the owner of a file or folder: of that which has the name, never
    /// of what a link leads to.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a link, a device, or a file that has other names;
    /// Whatever the system reports about the permission bits.
    fn set_access(&self, path: &Path, like: &Stat) -> io::Result<()>;

    /// Makes a file's content durable.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Notes that something was promised to the user, so that a test can hold the disk against it.
    fn promised(&self, _what: &str) {}
}

/// The first bytes of every SQLite file (<https://sqlite.org/fileformat2.html#magic_header_string>).
pub const DATABASE_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// File steps whose failures name what was tried and the path.
impl dyn Files + '_ {
    /// Returns what is at a path; `None` if nothing is.
    pub(crate) fn status(&self, path: &Path) -> Result<Option<Stat>> {
        self.stat(path).map_err(|error| file_error("look at", path, error))
    }

    pub(crate) fn exists(&self, path: &Path) -> Result<bool> {
        Ok(self.status(path)?.is_some())
    }

    pub(crate) fn content(&self, path: &Path) -> Result<Vec<u8>> {
        self.read(path).map_err(|error| file_error("read", path, error))
    }

    /// Reads a file; `None` if it is not there.
    pub(crate) fn content_if_there(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error("read", path, error)),
        }
    }

    /// Removes a file that may be gone; returns whether it was there.
    pub(crate) fn remove_if_there(&self, path: &Path) -> Result<bool> {
        match self.remove(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(file_error("remove", path, error)),
        }
    }

    /// Returns the paths in a folder.
    pub(crate) fn entries(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        self.list(folder).map_err(|error| file_error("list", folder, error))
    }

    pub(crate) fn make_folder(&self, folder: &Path) -> Result<()> {
        self.create_folder(folder).map_err(|error| file_error("create", folder, error))
    }

    /// Makes the names in a folder durable.
    pub(crate) fn make_durable(&self, folder: &Path) -> Result<()> {
        self.sync_folder(folder).map_err(|error| file_error("sync", folder, error))
    }
}

/// Returns whether a file is a SQLite database, by its first bytes.
pub fn is_database(files: &dyn Files, path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    files.reader(path)?.take(DATABASE_HEADER.len() as u64).read_to_end(&mut start)?;
    Ok(start == DATABASE_HEADER)
}
