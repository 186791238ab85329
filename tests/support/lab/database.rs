//! Databases on the simulated disk, opened as any program would open them.

use std::ffi::CString;

use rusqlite::{Connection, OpenFlags};

use crate::lab::content::{self, Contents};
use crate::lab::disk::Disk;

/// Opens a database; SQLite rolls back what must be.
pub fn open(disk: &Disk, path: &str) -> rusqlite::Result<Connection> {
    connect(disk, path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens a database, and creates it if it is missing.
pub fn create(disk: &Disk, path: &str) -> rusqlite::Result<Connection> {
    connect(disk, path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
}

fn connect(disk: &Disk, path: &str, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let vfs = CString::new(disk.vfs.as_bytes()).expect("a name without NUL");
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(path, flags, vfs.as_c_str())
}

/// Reads a database whole; the error says why it is none, or that it is damaged.
pub fn read(disk: &Disk, path: &str) -> Result<Contents, String> {
    let connection = open(disk, path).map_err(|error| error.to_string())?;
    content::read(&connection)
}
