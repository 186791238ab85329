//! Every statement that SQLite runs for the engine, as SQLite itself reports it.
#![allow(
    unsafe_code,
    reason = "SQLite calls an extension and a tracer through C pointers: it passes the connection that is opened, and \
              the statement that begins with its text"
)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::ptr;
use std::sync::{Mutex, Once};

use phaseshift::event::{Event, Observer};
use rusqlite::ffi;

/// What happened, with the file it happened to.
static SEEN: Mutex<Vec<(String, Seen)>> = Mutex::new(Vec::new());

/// What the engine did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It began a step of the plan.
    Step(String),
    /// It ran a statement.
    Statement(String),
}

/// Begins to listen to all connections that are opened from here on.
pub fn listen() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let code = unsafe { ffi::sqlite3_auto_extension(Some(trace)) };
        assert_eq!(code, ffi::SQLITE_OK);
    });
}

unsafe extern "C" fn trace(
    database: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    unsafe {
        ffi::sqlite3_trace_v2(database, ffi::SQLITE_TRACE_STMT, Some(record), ptr::null_mut())
    }
}

unsafe extern "C" fn record(
    _event: c_uint,
    _context: *mut c_void,
    statement: *mut c_void,
    text: *mut c_void,
) -> c_int {
    let (file, text) = unsafe {
        let database = ffi::sqlite3_db_handle(statement.cast());
        let file = ffi::sqlite3_db_filename(database, c"main".as_ptr());
        if file.is_null() {
            return 0;
        }
        (CStr::from_ptr(file).to_string_lossy(), CStr::from_ptr(text.cast()).to_string_lossy())
    };
    note(&file, Seen::Statement(text.into_owned()));
    0
}

fn note(file: &str, what: Seen) {
    SEEN.lock().unwrap().push((file.to_owned(), what));
}

/// Takes what happened to a file so far.
pub fn take(file: &Path) -> Vec<Seen> {
    let mut seen = SEEN.lock().unwrap();
    let of_file = |it: &mut (String, Seen)| Path::new(&it.0) == file;
    seen.extract_if(.., of_file).map(|(_, what)| what).collect()
}

/// Notes the steps of a run on a file.
pub struct Steps(pub String);

impl Observer for Steps {
    fn event(&mut self, event: &Event) {
        if let Event::StepStarted { title, .. } = event {
            note(&self.0, Seen::Step(title.clone()));
        }
    }
}
