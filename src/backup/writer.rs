//! Who writes a part file, and whether that process still runs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta};

use super::name::Writer;
use crate::database::file_stat;
use crate::error::Result;
use crate::files::Files;

/// How long the part file of another machine or container counts as being written. Whether its writer lives cannot
/// be seen from here.
const UNSEEN: TimeDelta = TimeDelta::days(1);

/// The names of the part files that this process is writing, and how often each.
static CLAIMED: Mutex<BTreeMap<OsString, usize>> = Mutex::new(BTreeMap::new());

/// A part file that this process is writing. Its process number does not tell: an earlier process of the same
/// number, which is always 1 in a container, may have left it.
#[derive(Debug)]
pub(super) struct Claim(OsString);

impl Claim {
    pub(super) fn of(part: &Path) -> Self {
        let name = part.file_name().unwrap_or_default().to_owned();
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        *claimed.entry(name.clone()).or_default() += 1;
        Self(name)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = claimed.get_mut(&self.0) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                claimed.remove(&self.0);
            }
        }
    }
}

/// Returns this process as the writer of a part file.
pub(super) fn this_writer(files: &dyn Files) -> Writer {
    Writer { process: std::process::id(), realm: realm(files) }
}

/// Returns whether the writer of a part file may still be writing it.
pub(super) fn is_alive(
    files: &dyn Files,
    part: &Path,
    writer: Writer,
    begun: Option<NaiveDateTime>,
) -> Result<bool> {
    if writer.realm.is_some_and(|other| realm(files).is_some_and(|own| own != other)) {
        return Ok(begun.is_some_and(|begun| is_recent(files.now(), begun)));
    }
    if writer.process == std::process::id() {
        let name = part.file_name().unwrap_or_default();
        // SQLite's files beside a part belong to it.
        let name = name.to_string_lossy();
        let part = name.split_inclusive(".part").next().unwrap_or(&name);
        let claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        return Ok(claimed.contains_key(std::ffi::OsStr::new(part)));
    }
    let place = PathBuf::from(format!("/proc/{}", writer.process));
    Ok(file_stat(&place, files)?.is_some())
}

fn is_recent(now: DateTime<FixedOffset>, begun: NaiveDateTime) -> bool {
    (now.naive_local() - begun).abs() <= UNSEEN
}

/// A number for the machine since its last start and the process namespace (pid_namespaces(7)).
fn realm(files: &dyn Files) -> Option<u32> {
    let boot = files.read(Path::new("/proc/sys/kernel/random/boot_id")).ok()?;
    let namespace = files.stat(Path::new("/proc/self/ns/pid")).ok()??.inode;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&boot).update(&namespace.to_le_bytes());
    let digest = hasher.finalize();
    digest.as_bytes().first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
