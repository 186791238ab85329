//! Opening a database file with explicit flags, after a look at what the path is.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::authorizer::Authorizer;
use super::busy_handler;
use super::permissions::{beside, closed_beside, explain_unopened, file_stat};
use super::settings::{self, Access};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Interrupt, Waker, ticked};
use crate::files::{FileKind, Files, Stat};

/// The fact of an error about a file that only a connection that writes can open: it has to roll back a journal.
pub const CRASHED: &str = "crashed journal";

/// What an error is about that a file of 0 bytes causes.
pub const EMPTY: &str = "empty file";

/// What opening needs besides the path.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The file system, whose VFS SQLite uses.
    pub files: Arc<dyn Files>,
    /// How long to wait for other programs' locks.
    pub wait: Duration,
    pub interrupt: Interrupt,
}

#[derive(Debug)]
pub struct Database {
    connection: Connection,
    path: PathBuf,
    access: Access,
    authorizer: Authorizer,
    opened: Option<Stat>,
    options: OpenOptions,
    _waker: WakerHandle,
}

/// What stops the statements of a connection; it is called while it is kept.
struct WakerHandle(#[expect(dead_code, reason = "kept, so that it is called")] Arc<Waker>);

impl std::fmt::Debug for WakerHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WakerHandle")
    }
}

impl Database {
    /// Opens a file and fixes its settings; every setting is read back.
    ///
    /// Opening never creates a file unless the access is [`Access::Create`]. Opening to write
    /// lets SQLite roll back what a crashed program left (<https://sqlite.org/lockingv3.html>).
    ///
    /// # Errors
    /// [`ErrorKind::DatabaseMissing`], [`ErrorKind::NotAFile`], [`ErrorKind::NotADatabase`],
    /// [`ErrorKind::Damaged`], [`ErrorKind::Unreadable`], [`ErrorKind::ReadOnly`], [`ErrorKind::Busy`].
    pub fn open(path: &Path, access: Access, options: &OpenOptions) -> Result<Self> {
        let opened = inspect(path, access, options.files.as_ref())?;
        Self::connect(path, access, opened, options).map_err(|error| error.in_database(path))
    }

    fn connect(
        path: &Path,
        access: Access,
        opened: Option<Stat>,
        options: &OpenOptions,
    ) -> Result<Self> {
        let wal = size(&beside(path, "-wal"), options.files.as_ref())?;
        size(&beside(path, "-journal"), options.files.as_ref())?;
        let leaves_wal = wal.is_some_and(|bytes| bytes > 0);
        let flags = open_flags(path, access, leaves_wal, options.files.as_ref())?;
        let mut connection = connect(path, flags, options.files.as_ref())
            .map_err(|error| explain_unopened(error, path, options.files.as_ref()))?;
        let (authorizer, waker) = guard(&mut connection, options)?;
        // Frames that another program left in the WAL stay there unless we commit: a refused run
        // must not change the file (https://sqlite.org/wal.html, "Checkpointing").
        if leaves_wal {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        }
        if access == Access::ReadOnly
            && leaves_wal
            && size(&beside(path, "-shm"), options.files.as_ref())?.is_none()
        {
            // No program has the file open: with the lock held exclusively SQLite keeps the WAL's
            // index in its own memory instead of creating a file (https://sqlite.org/wal.html#noshm).
            connection.execute_batch("PRAGMA locking_mode=EXCLUSIVE")?;
        }
        let files = options.files.as_ref();
        settings::apply(&connection, access)
            .map_err(|error| explain_unreadable(error, path, files))?;
        let database = Self {
            connection,
            path: path.to_path_buf(),
            access,
            authorizer,
            opened,
            options: options.clone(),
            _waker: waker,
        };
        database.touch()?;
        Ok(database)
    }

    /// Makes an empty database in memory with the settings of one that is written, under the name of a file.
    pub(super) fn in_memory(path: &Path, options: &OpenOptions) -> Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        let (authorizer, waker) = guard(&mut connection, options)?;
        let (path, access, opened) = (path.to_path_buf(), Access::Write, None);
        settings::apply(&connection, access)?;
        let options = options.clone();
        Ok(Self { connection, path, access, authorizer, opened, options, _waker: waker })
    }

    /// Reads the first page, so that a file that is no database is found now.
    fn touch(&self) -> Result<()> {
        let read =
            self.connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        let files = self.options.files.as_ref();
        read.map(drop).map_err(|error| explain_unreadable(error.into(), &self.path, files))
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the connection for calls that must own it, such as the backup's target.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Returns the path the file was opened under.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the connection may do.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Returns the authorizer of foreign SQL.
    pub fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    pub fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// Writes without syncs and without a journal on the disk: for a file that is not promised yet, and that
    /// the caller syncs before it promises it.
    pub fn leave_syncs_to_caller(&self) -> Result<()> {
        settings::leave_syncs_to_caller(&self.connection)
    }

    /// Opens another connection to the same file. SQLite connections of one process respect each other.
    pub fn sibling(&self, access: Access) -> Result<Self> {
        Self::open(&self.path, access, &self.options)
    }

    /// Returns whether the path still names the file that was opened.
    pub fn has_moved(&self) -> Result<bool> {
        let now = self.options.files.status(&self.path)?;
        let place = |stat: Stat| (stat.device, stat.inode);
        Ok(match (self.opened, now) {
            (Some(opened), Some(now)) => place(opened) != place(now),
            (Some(_), None) => true,
            (None, _) => false,
        })
    }

    /// Closes the connection and reports what SQLite says about it.
    pub fn close(self) -> Result<()> {
        self.connection.close().map_err(|(_, error)| Error::from(error))
    }
}

/// Lets a connection wait for locks and obey a request to stop, behind an authorizer.
fn guard(connection: &mut Connection, options: &OpenOptions) -> Result<(Authorizer, WakerHandle)> {
    options.interrupt.make_current();
    busy_handler::install(connection, options.wait, &options.interrupt)?;
    let waker = watch(connection, &options.interrupt)?;
    let authorizer = Authorizer::default();
    authorizer.install(connection)?;
    Ok((authorizer, waker))
}

/// Steps of SQLite's virtual machine between two looks at the request to stop: some ten microseconds.
pub(super) const STEPS: u16 = 1_000;

/// Lets a request to stop end the statements of a connection, and tells how far they have come.
///
/// Most opcodes are short, and the progress handler is called between them; some walk a whole table
/// (`count(*)`), and look at `sqlite3_interrupt` only (<https://sqlite.org/c3ref/interrupt.html>).
fn watch(connection: &mut Connection, interrupt: &Interrupt) -> Result<WakerHandle> {
    let requested = interrupt.clone();
    let handler = move || {
        ticked(u64::from(STEPS));
        requested.requested()
    };
    connection.progress_handler(i32::from(STEPS), Some(handler))?;
    let handle = connection.get_interrupt_handle();
    let waker: Arc<Waker> = Arc::new(move || handle.interrupt());
    interrupt.on_request(&waker);
    Ok(WakerHandle(waker))
}

/// Looks at the path without opening it.
fn inspect(path: &Path, access: Access, files: &dyn Files) -> Result<Option<Stat>> {
    let refuse = |kind, what: String| Err(Error::new(kind, what).in_database(path));
    let name = path.display();
    let stat = file_stat(path, files)?;
    match stat {
        None if access == Access::Create => Ok(None),
        None => refuse(ErrorKind::DatabaseMissing, format!("{name} does not exist")),
        Some(_) if access == Access::Create => Ok(stat),
        Some(stat) => match stat.kind {
            FileKind::Folder => refuse(ErrorKind::NotAFile, format!("{name} is a folder")),
            FileKind::Other => refuse(ErrorKind::NotAFile, format!("{name} is not a file")),
            FileKind::File if stat.bytes == 0 => {
                let error = Error::new(ErrorKind::NotAFile, format!("{name} is empty (0 bytes)"));
                Err(error.about(EMPTY).in_database(path))
            }
            FileKind::File if stat.bytes < 512 => {
                refuse(ErrorKind::NotADatabase, format!("{name} is too short to be a database"))
            }
            FileKind::File => Ok(Some(stat)),
        },
    }
}

/// Opens a connection through the VFS that the files name.
pub(crate) fn connect(path: &Path, flags: OpenFlags, files: &dyn Files) -> Result<Connection> {
    let Some(vfs) = files.vfs() else { return Ok(Connection::open_with_flags(path, flags)?) };
    let vfs = CString::new(vfs).map_err(|error| {
        Error::new(ErrorKind::Arguments, "the VFS name is not valid").caused_by(error)
    })?;
    Ok(Connection::open_with_flags_and_vfs(path, flags, vfs.as_c_str())?)
}

/// Chooses the flags. Never the URI form: a path is a path.
///
/// A reader of a WAL file without sidecars would create them and, being read-only, leave them
/// behind; a connection that may write removes them when it closes
/// (<https://sqlite.org/wal.html#read_only_databases>). `query_only` keeps it from writing.
fn open_flags(
    path: &Path,
    access: Access,
    leaves_wal: bool,
    files: &dyn Files,
) -> Result<OpenFlags> {
    let base = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(match access {
        Access::Write => base | OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Create => base | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Access::ReadOnly => {
            let hot = size(&beside(path, "-journal"), files)?.is_some_and(|bytes| bytes > 0);
            let shared = size(&beside(path, "-shm"), files)?.is_some();
            if hot || (leaves_wal && shared) {
                base | OpenFlags::SQLITE_OPEN_READ_ONLY
            } else {
                base | OpenFlags::SQLITE_OPEN_READ_WRITE
            }
        }
    })
}

/// The size of a file in bytes, or `None` if it is not there. SQLite would wait for ever to read a pipe.
fn size(path: &Path, files: &dyn Files) -> Result<Option<u64>> {
    let stat = files.status(path)?;
    match stat {
        Some(stat) if stat.kind != FileKind::File => {
            let what = format!("{} is not a file", path.display());
            Err(Error::new(ErrorKind::NotAFile, what).about("beside"))
        }
        stat => Ok(stat.map(|stat| stat.bytes)),
    }
}

/// Says why a file that is open cannot be read: what lies beside it, or ought to, is in the way.
fn explain_unreadable(error: Error, path: &Path, files: &dyn Files) -> Error {
    use rusqlite::ffi::{
        SQLITE_CANTOPEN, SQLITE_READONLY_CANTINIT, SQLITE_READONLY_RECOVERY,
        SQLITE_READONLY_ROLLBACK,
    };
    let cause = error.sqlite_causes().next().and_then(rusqlite::Error::sqlite_error);
    let what = match cause.map(|it| it.extended_code) {
        Some(SQLITE_READONLY_ROLLBACK | SQLITE_READONLY_RECOVERY) => {
            let what = "a crashed program left a journal that must be rolled back first";
            return Error::new(ErrorKind::ReadOnly, what).about(CRASHED).caused_by(error);
        }
        // Never `immutable`: it would show older rows than the WAL holds
        // (https://sqlite.org/wal.html#read_only_databases).
        Some(SQLITE_CANTOPEN | SQLITE_READONLY_CANTINIT) => {
            if let Some(closed) = closed_beside(path, files) {
                return closed;
            }
            "the file is in WAL mode, and the files that this needs beside it cannot be written"
        }
        Some(_) | None => return error,
    };
    Error::new(ErrorKind::ReadOnly, what).caused_by(error)
}
