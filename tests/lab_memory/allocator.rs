//! SQLite's allocator with failures on request.
//!
//! The hooks hold for the whole process (<https://sqlite.org/c3ref/config.html>), therefore this
//! lab is a test program of its own with a single test.
#![allow(
    unsafe_code,
    reason = "SQLite takes its allocator as C functions; these call the original ones or return \
              null, as SQLite's documentation allows"
)]

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rusqlite::ffi;

/// The functions that SQLite would use by itself.
struct Original {
    malloc: unsafe extern "C" fn(c_int) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
}

static ORIGINAL: OnceLock<Original> = OnceLock::new();
static COUNT: AtomicU64 = AtomicU64::new(0);
static AT: AtomicU64 = AtomicU64::new(u64::MAX);
static FOR_EVER: AtomicBool = AtomicBool::new(false);
static FIRED: AtomicBool = AtomicBool::new(false);

/// Puts the hooks in place, before SQLite is used for the first time.
pub fn install() {
    let mut methods = MaybeUninit::<ffi::sqlite3_mem_methods>::zeroed();
    // SAFETY: SQLite fills the structure, copies the one that is given back, and is not in use yet.
    unsafe {
        let code = ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, methods.as_mut_ptr());
        assert_eq!(code, ffi::SQLITE_OK);
        let mut methods = methods.assume_init();
        let original = Original {
            malloc: methods.xMalloc.expect("an allocator"),
            realloc: methods.xRealloc.expect("an allocator"),
        };
        assert!(ORIGINAL.set(original).is_ok(), "installed twice");
        methods.xMalloc = Some(malloc);
        methods.xRealloc = Some(realloc);
        let code = ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods);
        assert_eq!(code, ffi::SQLITE_OK);
        // Small allocations would otherwise come from a pool and could not fail.
        let code = ffi::sqlite3_config(ffi::SQLITE_CONFIG_LOOKASIDE, 0 as c_int, 0 as c_int);
        assert_eq!(code, ffi::SQLITE_OK);
    }
}

/// Lets the n-th allocation from now fail, or that and all after it.
pub fn fail(at: u64, for_ever: bool) {
    FOR_EVER.store(for_ever, Ordering::SeqCst);
    FIRED.store(false, Ordering::SeqCst);
    COUNT.store(0, Ordering::SeqCst);
    AT.store(at, Ordering::SeqCst);
}

/// Ends the failing; `None` if none failed.
pub fn repair() -> Option<()> {
    AT.store(u64::MAX, Ordering::SeqCst);
    FIRED.load(Ordering::SeqCst).then_some(())
}

/// Returns how many allocations there were since [`fail`].
pub fn count() -> u64 {
    COUNT.load(Ordering::SeqCst)
}

fn fails() -> bool {
    let number = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    let at = AT.load(Ordering::SeqCst);
    let fails = if FOR_EVER.load(Ordering::SeqCst) { number >= at } else { number == at };
    if fails {
        FIRED.store(true, Ordering::SeqCst);
    }
    fails
}

unsafe extern "C" fn malloc(bytes: c_int) -> *mut c_void {
    match ORIGINAL.get() {
        // SAFETY: as SQLite called.
        Some(original) if !fails() => unsafe { (original.malloc)(bytes) },
        Some(_) | None => ptr::null_mut(),
    }
}

unsafe extern "C" fn realloc(memory: *mut c_void, bytes: c_int) -> *mut c_void {
    match ORIGINAL.get() {
        // SAFETY: as SQLite called.
        Some(original) if !fails() => unsafe { (original.realloc)(memory, bytes) },
        Some(_) | None => ptr::null_mut(),
    }
}
