//! The glue between SQLite's C interface for file systems and [`Handle`].
//!
//! See <https://sqlite.org/c3ref/vfs.html> and <https://sqlite.org/c3ref/io_methods.html>.
#![allow(
    unsafe_code,
    reason = "SQLite calls a file system through C pointers; this module turns each call into safe \
              code. SQLite passes the vfs that was registered, files that were opened here and \
              closes each of them once, and buffers of the sizes that it names"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use rusqlite::ffi;

use crate::lab::disk::{Disk, Failure};
use crate::lab::handle::{self, Handle, Opening, Role, SyncFailure, SyncOrRemove};
use crate::lab::locks::{Level, SlotAction};

/// What SQLite allocates for an open file. `base` comes first, so that pointers to both are equal.
#[repr(C)]
struct OpenFile {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(map),
    xShmLock: Some(lock_shared),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes a disk known to SQLite under its name, until the process ends.
pub fn register(disk: &Disk) {
    let name = CString::new(disk.vfs.as_bytes()).expect("a name without NUL");
    let vfs = ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<OpenFile>()).expect("a small size"),
        mxPathname: 512,
        pNext: ptr::null_mut(),
        zName: name.into_raw(),
        pAppData: Box::into_raw(Box::new(disk.clone())).cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(time),
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    };
    // SAFETY: the structure and all it points to live until the process ends.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0) };
    assert_eq!(code, ffi::SQLITE_OK);
}

/// # Safety
/// `vfs` is one that [`register`] made.
unsafe fn disk<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Disk {
    unsafe { &*(*vfs).pAppData.cast::<Disk>() }
}

/// # Safety
/// `file` was opened by [`open`] and is not closed, and no other reference to it is alive:
/// SQLite uses a connection's files from one thread at a time.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    unsafe { &mut *(*file.cast::<OpenFile>()).handle }
}

/// # Safety
/// `text` is a C string or null.
unsafe fn path(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

fn code(outcome: Result<(), Failure>, broken: c_int) -> c_int {
    match outcome {
        Ok(()) => ffi::SQLITE_OK,
        Err(Failure::Full) => ffi::SQLITE_FULL,
        Err(Failure::Broken | Failure::Taken | Failure::Missing) => broken,
    }
}

/// As [`code`], for calls that answer through a pointer.
///
/// # Safety
/// `out` points to a number that may be written.
unsafe fn answer(outcome: Result<bool, Failure>, out: *mut c_int, broken: c_int) -> c_int {
    match outcome {
        Ok(yes) => {
            unsafe { *out = c_int::from(yes) };
            ffi::SQLITE_OK
        }
        Err(failure) => code(Err(failure), broken),
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let has = |flag| flags & flag != 0;
    let role = if has(ffi::SQLITE_OPEN_MAIN_DB) {
        Role::Database
    } else if has(ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL) {
        Role::Journal { new: has(ffi::SQLITE_OPEN_CREATE) }
    } else {
        Role::Temporary
    };
    let how = Opening {
        role,
        create: has(ffi::SQLITE_OPEN_CREATE),
        exclusive: has(ffi::SQLITE_OPEN_EXCLUSIVE),
    };
    // SAFETY: SQLite passes room for an `OpenFile`; without methods it will not close the file.
    unsafe {
        (*file).pMethods = ptr::null();
        let handle = match Handle::open(disk(vfs), path(name).as_deref(), how) {
            Ok(handle) => Box::into_raw(Box::new(handle)),
            Err(failure) => return code(Err(failure), ffi::SQLITE_CANTOPEN),
        };
        ptr::write(
            file.cast::<OpenFile>(),
            OpenFile { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, handle },
        );
        if !out.is_null() {
            *out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    // SAFETY: SQLite passes its own vfs and a name.
    let (disk, name) = unsafe { (disk(vfs), path(name)) };
    match handle::delete(disk, name.as_deref().unwrap_or_default(), sync_folder != 0) {
        Ok(()) => ffi::SQLITE_OK,
        Err(SyncOrRemove::Remove) => ffi::SQLITE_IOERR_DELETE,
        Err(SyncOrRemove::Missing) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(SyncOrRemove::Sync) => ffi::SQLITE_IOERR_DIR_FSYNC,
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes its own vfs, a name and room for the answer.
    unsafe {
        let name = path(name).unwrap_or_default();
        let found = handle::is_there(disk(vfs), &name, flags == ffi::SQLITE_ACCESS_EXISTS);
        answer(found, out, ffi::SQLITE_IOERR_ACCESS)
    }
}

unsafe extern "C" fn full_path(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a name and so much room.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > usize::try_from(room).unwrap_or(0) {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(
    vfs: *mut ffi::sqlite3_vfs,
    count: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes its own vfs and so much room.
    unsafe {
        let mut state = disk(vfs).state();
        for place in 0..usize::try_from(count).unwrap_or(0) {
            *out.add(place) = state.random().to_le_bytes()[0].cast_signed();
        }
    }
    count
}

unsafe extern "C" fn sleep(_vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn time(_vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite passes room for the answer.
    unsafe { *out = 2_460_000.5 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn time_int64(
    _vfs: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes room for the answer.
    unsafe { *out = 212_544_043_200_000 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(
    _vfs: *mut ffi::sqlite3_vfs,
    _room: c_int,
    _out: *mut c_char,
) -> c_int {
    0
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file was opened here and is closed once.
    let mut handle = unsafe { Box::from_raw((*file.cast::<OpenFile>()).handle) };
    handle.close();
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (count, offset) = (number(count.into()), number(offset));
    // SAFETY: SQLite passes an open file and a buffer of this size.
    let outcome = unsafe {
        let buffer = std::slice::from_raw_parts_mut(buffer.cast::<u8>(), count);
        opened(file).read(offset, buffer)
    };
    match outcome {
        Ok(found) if found < count => ffi::SQLITE_IOERR_SHORT_READ,
        // As the unix VFS answers EIO; statements then fail as if the file were damaged.
        other => code(other.map(drop), ffi::SQLITE_IOERR_CORRUPTFS),
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes an open file and a buffer of this size.
    let outcome = unsafe {
        let bytes = std::slice::from_raw_parts(buffer.cast::<u8>(), number(count.into()));
        opened(file).write(number(offset), bytes)
    };
    code(outcome, ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes an open file.
    code(unsafe { opened(file) }.resize(number(size)), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    match unsafe { opened(file) }.sync() {
        Ok(()) => ffi::SQLITE_OK,
        Err(SyncFailure::File) => ffi::SQLITE_IOERR_FSYNC,
        Err(SyncFailure::Folder) => ffi::SQLITE_IOERR_DIR_FSYNC,
    }
}

unsafe extern "C" fn size(file: *mut ffi::sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes an open file and room for the answer.
    unsafe {
        match opened(file).size() {
            Ok(bytes) => {
                *out = i64::try_from(bytes).unwrap_or(i64::MAX);
                ffi::SQLITE_OK
            }
            Err(failure) => code(Err(failure), ffi::SQLITE_IOERR_FSTAT),
        }
    }
}

fn level(number: c_int) -> Level {
    match number {
        ffi::SQLITE_LOCK_NONE => Level::None,
        ffi::SQLITE_LOCK_SHARED => Level::Shared,
        ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
        ffi::SQLITE_LOCK_PENDING => Level::Pending,
        _ => Level::Exclusive,
    }
}

fn locked(outcome: Result<bool, Failure>) -> c_int {
    match outcome {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_BUSY,
        Err(failure) => code(Err(failure), ffi::SQLITE_IOERR_LOCK),
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    locked(unsafe { opened(file) }.lock(level(wanted)))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe { opened(file) }.unlock(level(wanted));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite passes an open file and room for the answer.
    unsafe {
        let found = opened(file).is_reserved();
        answer(found, out, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK)
    }
}

unsafe extern "C" fn control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    if operation != ffi::SQLITE_FCNTL_HAS_MOVED {
        return ffi::SQLITE_NOTFOUND;
    }
    // SAFETY: SQLite passes an open file, and for this operation room for a number.
    unsafe { *argument.cast::<c_int>() = c_int::from(opened(file).has_moved()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    4_096
}

unsafe extern "C" fn characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite passes an open file and room for the answer. The memory lives until the last
    // connection leaves it.
    unsafe {
        *out = ptr::null_mut();
        let size = (number(bytes.into()), extend != 0);
        match opened(file).map(number(region.into()), size) {
            Ok(memory) => {
                *out = memory.map_or(ptr::null_mut(), <*mut u64>::cast);
                ffi::SQLITE_OK
            }
            Err(failure) => code(Err(failure), ffi::SQLITE_IOERR_SHMMAP),
        }
    }
}

unsafe extern "C" fn lock_shared(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let what = if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        SlotAction::Unlock
    } else if flags & ffi::SQLITE_SHM_SHARED != 0 {
        SlotAction::Shared
    } else {
        SlotAction::Exclusive
    };
    let range = number(first.into())..number((first + count).into());
    // SAFETY: SQLite passes an open file.
    locked(unsafe { opened(file) }.lock_shared(range, what))
}

unsafe extern "C" fn barrier(_file: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: SQLite passes an open file.
    unsafe { opened(file) }.unmap(delete != 0);
    ffi::SQLITE_OK
}

/// SQLite never passes negative sizes and offsets.
fn number(value: i64) -> usize {
    usize::try_from(value).expect("not negative")
}
