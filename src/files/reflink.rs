//! Files that share blocks (reflinks), on file systems that can: XFS, btrfs.
#![expect(
    clippy::disallowed_methods,
    reason = "with the file system of the machine, the one place that touches it"
)]
#![allow(
    unsafe_code,
    reason = "the one place where a thread gets a table of descriptors of its own"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ioctl_ficlone};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Lets an empty file share the blocks of another one, which SQLite may have open; on failure it is empty again.
///
/// Closing a handle of a file drops the locks that the process has on it (<https://sqlite.org/howtocorrupt.html>,
/// section 2.2). To Linux the holder of a lock is not the process but its table of descriptors, so a thread with a table
/// of its own (`CLONE_FILES`, <https://man7.org/linux/man-pages/man2/unshare.2.html>) opens and closes the file without
/// touching them. Where a thread cannot have one, nothing is opened.
pub(super) fn share_blocks(from: &Path, to: &Path) -> io::Result<()> {
    std::thread::scope(|scope| {
        let apart = std::thread::Builder::new().name("reflink".to_owned());
        let apart = apart.spawn_scoped(scope, || {
            // SAFETY: no descriptor leaves this thread: those it opens are closed in it, and it uses no others.
            unsafe { unshare_unsafe(UnshareFlags::FILES) }?;
            let (source, target) = (super::regular::open_regular(from)?, open_empty(to)?);
            ioctl_ficlone(&target, &source).or_else(|error| {
                target.set_len(0)?;
                Err(error.into())
            })
        })?;
        apart.join().map_err(|_| io::Error::other("the thread has failed"))?
    })
}

fn open_empty(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.len() == 0 {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an empty file"))
}

/// Tells whether files in a folder can share blocks, by two that have no name and hold nothing.
pub(super) fn can_share_blocks(folder: &Path) -> io::Result<bool> {
    let unnamed =
        || rustix::fs::open(folder, OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR | Mode::WUSR);
    let (from, to) = (unnamed()?, unnamed()?);
    Ok(ioctl_ficlone(&to, &from).is_ok())
}
