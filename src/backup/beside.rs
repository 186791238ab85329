//! The integrity check of a backup on a thread of its own, beside the rebuild.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use super::check::{Integrity, integrity};
use crate::database::{Access, Database, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Interrupt;

/// How often the request to stop is looked at.
const PAUSE: Duration = Duration::from_millis(2);

/// A running check. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Beside {
    path: PathBuf,
    options: OpenOptions,
    stop: Interrupt,
    running: Option<JoinHandle<Result<Integrity>>>,
}

impl Beside {
    /// Begins to check a finished backup through a connection of its own.
    ///
    /// A file system that stands in for the real one is used by one thread at a time, so that its
    /// faults come in the same order each time: the check then runs at the end. So it does if no thread
    /// can be had.
    pub(super) fn start(path: &Path, options: &OpenOptions) -> Self {
        let stop = Interrupt::default();
        let own = OpenOptions { interrupt: stop.clone(), ..options.clone() };
        let place = path.to_path_buf();
        let work = move || check(&place, &own);
        let running = match options.files.vfs() {
            Some(_) => None,
            None => std::thread::Builder::new().name("integrity".to_owned()).spawn(work).ok(),
        };
        Self { path: path.to_path_buf(), options: options.clone(), stop, running }
    }

    /// Tells whether nothing has to be waited for. A check that runs at the end is not done before.
    pub(super) fn is_done(&self) -> bool {
        self.running.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Waits for the end and returns what was found.
    pub(super) fn finish(mut self) -> Result<Integrity> {
        let Some(running) = self.running.take() else { return check(&self.path, &self.options) };
        while !running.is_finished() {
            if self.options.interrupt.requested() {
                self.stop.request();
            }
            std::thread::sleep(PAUSE);
        }
        let found = running.join().map_err(|_| {
            Error::new(ErrorKind::Backup, "the integrity of the backup could not be checked")
        })?;
        self.options.interrupt.check()?;
        found
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(running) = self.running.take() {
            // Nobody wants to know any more what it would have found.
            drop(running.join());
        }
    }
}

/// Checks a backup through a connection of its own.
pub(super) fn check(path: &Path, options: &OpenOptions) -> Result<Integrity> {
    let backup = Database::open(path, Access::Look, options)?;
    let found = integrity(backup.connection())?;
    backup.close()?;
    Ok(found)
}
