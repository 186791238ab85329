//! System calls by name, and which of them the sweeps look at.

use support::trace::Call;

/// Calls by which something changes that survives the program. A kill before another call is a
/// kill before the next of these, as far as files go.
const CHANGES: [(Call, &str); 22] = [
    (libc::SYS_chmod, "chmod"),
    (libc::SYS_chown, "chown"),
    (libc::SYS_copy_file_range, "copy_file_range"),
    (libc::SYS_fallocate, "fallocate"),
    (libc::SYS_fchmod, "fchmod"),
    (libc::SYS_fchown, "fchown"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_ftruncate, "ftruncate"),
    (libc::SYS_link, "link"),
    (libc::SYS_linkat, "linkat"),
    (libc::SYS_mkdir, "mkdir"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_pwritev, "pwritev"),
    (libc::SYS_rename, "rename"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_rmdir, "rmdir"),
    (libc::SYS_sendfile, "sendfile"),
    (libc::SYS_unlink, "unlink"),
    (libc::SYS_unlinkat, "unlinkat"),
    (libc::SYS_write, "write"),
];

/// Further calls about files, which fail in the sweep of errors.
const LOOKS: [(Call, &str); 13] = [
    (libc::SYS_close, "close"),
    (libc::SYS_fcntl, "fcntl"),
    (libc::SYS_getcwd, "getcwd"),
    (libc::SYS_getdents64, "getdents64"),
    (libc::SYS_lseek, "lseek"),
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_newfstatat, "newfstatat"),
    (libc::SYS_pread64, "pread64"),
    (libc::SYS_read, "read"),
    (libc::SYS_readlink, "readlink"),
    (libc::SYS_statfs, "statfs"),
    (libc::SYS_statx, "statx"),
    (libc::SYS_poll, "poll"),
];

/// Tells whether a call changes something that survives the program.
pub fn changes(call: Call) -> bool {
    CHANGES.iter().any(|(number, _)| *number == call)
}

/// Tells whether a call is about files.
pub fn is_about_files(call: Call) -> bool {
    changes(call) || LOOKS.iter().any(|(number, _)| *number == call)
}

/// Says which call it is.
pub fn name(call: Call) -> String {
    let known = CHANGES.iter().chain(&LOOKS).find(|(number, _)| *number == call);
    known.map_or_else(|| format!("call {call}"), |(_, name)| (*name).to_owned())
}
