//! The bytes of a database file, read with the handle that SQLite has open.
//!
//! A handle of our own would drop SQLite's locks when it is closed
//! (<https://sqlite.org/howtocorrupt.html>, section 2.2); SQLite's own is lent for just this
//! (`SQLITE_FCNTL_FILE_POINTER`, <https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html>). It saves the way
//! through SQLite's page cache and virtual machine, which takes several times as long as the reading itself.
#![allow(unsafe_code, reason = "the one place where SQLite's file methods are called")]

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr;

use rusqlite::{Connection, ffi};

use crate::error::{Error, Result};

/// The file of `main`, for as long as its connection is in the transaction it was lent in and writes nothing
/// more.
#[derive(Debug)]
pub struct OpenFile<'c> {
    file: *mut ffi::sqlite3_file,
    bytes: u64,
    /// Whether the first page may differ: SQLite keeps it in memory while it writes.
    first_page_waits: bool,
    _connection: PhantomData<&'c Connection>,
}

/// The state of the lock in which pages of an open transaction may be in the file (`EXCLUSIVE_LOCK`).
const EXCLUSIVE: c_int = 4;

impl<'c> OpenFile<'c> {
    /// Lends the file of a connection if its bytes are what the connection sees; else `None`.
    ///
    /// They are if it is in a read transaction and no page waits in a WAL. They also are in a write transaction that grew
    /// out of the cache, and so has the exclusive lock, once SQLite was asked to write all its pages
    /// (<https://sqlite.org/c3ref/db_cacheflush.html>): it leaves out those that a statement is using, and
    /// there is none, and the first, see [`OpenFile::has`].
    pub fn lend(connection: &'c Connection) -> Result<Option<Self>> {
        let mode: String =
            connection.query_row("PRAGMA main.journal_mode", [], |row| row.get(0))?;
        let mode = mode.to_ascii_lowercase();
        let in_wal = mode == "wal";
        if !in_wal && !["delete", "truncate", "persist"].contains(&mode.as_str()) {
            return Ok(None);
        }
        // SAFETY: the handle is that of an open connection, the name ends with a zero byte.
        let state = unsafe { ffi::sqlite3_txn_state(connection.handle(), c"main".as_ptr()) };
        let first_page_waits = match state {
            ffi::SQLITE_TXN_READ if !in_wal || wal_is_empty(connection) => false,
            ffi::SQLITE_TXN_WRITE if !in_wal && write_all_pages(connection)? => true,
            _ => return Ok(None),
        };
        let size = |pragma| connection.query_row(pragma, [], |row| row.get::<_, u32>(0));
        let pages = size("PRAGMA main.page_count")?;
        let bytes = u64::from(pages) * u64::from(size("PRAGMA main.page_size")?);
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // This operation writes one pointer.
        let known = control(connection, ffi::SQLITE_FCNTL_FILE_POINTER, (&raw mut file).cast());
        // SAFETY: a file object begins with its methods; none if the file is not open. SQLite keeps the object
        // for as long as the connection is open: the lifetime ties us to it.
        let open = known && !file.is_null() && unsafe { !(*file).pMethods.is_null() };
        Ok(open.then_some(Self { file, bytes, first_page_waits, _connection: PhantomData }))
    }

    /// Returns the length of the database in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns whether a page, from 1, is in the file as the connection sees it.
    pub fn has(&self, page: u32) -> bool {
        page > 1 || !self.first_page_waits
    }

    /// Fills a buffer with the bytes from an offset on; returns false if the file ends before.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<bool> {
        let (Ok(count), Ok(offset)) = (c_int::try_from(into.len()), i64::try_from(offset)) else {
            return Err(failed(ffi::SQLITE_IOERR_READ));
        };
        // SAFETY: the methods were there when the file was lent and are fixed while it is open.
        let Some(read) = (unsafe { (*(*self.file).pMethods).xRead }) else {
            return Err(failed(ffi::SQLITE_IOERR_READ));
        };
        // SAFETY: the buffer holds that many bytes; the connection, and with it the file, is used by
        // one thread at a time, because it cannot be shared.
        match unsafe { read(self.file, into.as_mut_ptr().cast(), count, offset) } {
            ffi::SQLITE_OK => Ok(true),
            ffi::SQLITE_IOERR_SHORT_READ => Ok(false),
            code => Err(failed(code)),
        }
    }
}

/// Returns whether the WAL of a connection in a read transaction is empty. If it is, it was when the transaction began:
/// a checkpoint cuts no frames off that a reader may need. The reader then keeps checkpoints from writing to the file,
/// whatever others append to the WAL (<https://sqlite.org/walformat.html#wal_locks>, `WAL_READ_LOCK(0)`).
fn wal_is_empty(connection: &Connection) -> bool {
    let mut wal: *mut ffi::sqlite3_file = ptr::null_mut();
    // This operation writes one pointer; in WAL mode, to the file object of the WAL.
    let known = control(connection, ffi::SQLITE_FCNTL_JOURNAL_POINTER, (&raw mut wal).cast());
    // SAFETY: as for the file in `OpenFile::lend`.
    if !known || wal.is_null() || unsafe { (*wal).pMethods.is_null() } {
        return false;
    }
    // SAFETY: the methods of an open file are there and fixed.
    let Some(file_size) = (unsafe { (*(*wal).pMethods).xFileSize }) else { return false };
    let mut bytes: ffi::sqlite3_int64 = 0;
    // SAFETY: the method writes one number; the connection is used by one thread at a time.
    let code = unsafe { file_size(wal, &raw mut bytes) };
    code == ffi::SQLITE_OK && bytes == 0
}

/// Asks SQLite to write the pages of its open transaction, if that takes no further lock; tells whether it did.
fn write_all_pages(connection: &Connection) -> Result<bool> {
    let mut lock: c_int = 0;
    // This operation writes one number.
    if !control(connection, ffi::SQLITE_FCNTL_LOCKSTATE, (&raw mut lock).cast())
        || lock != EXCLUSIVE
    {
        return Ok(false);
    }
    // SAFETY: the handle is that of an open connection.
    match unsafe { ffi::sqlite3_db_cacheflush(connection.handle()) } {
        ffi::SQLITE_OK => Ok(true),
        ffi::SQLITE_BUSY => Ok(false),
        code => Err(failed(code)),
    }
}

fn control(connection: &Connection, operation: c_int, argument: *mut c_void) -> bool {
    // SAFETY: the handle is that of an open connection, the name ends with a zero byte, and the argument is
    // what the operation writes to: see the callers.
    let code = unsafe {
        ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), operation, argument)
    };
    code == ffi::SQLITE_OK
}

fn failed(code: c_int) -> Error {
    Error::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
}
