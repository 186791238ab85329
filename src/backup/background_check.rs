//! Reading a backup on a thread of its own, beside the rebuild and the proof: its integrity, its digest. And the
//! database that it is made of, beside the copying.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::check::{Integrity, integrity_beyond_quick, integrity_in, is_quickly_sound};
use super::check_queue::CheckQueue;
use super::pages::digest_of_pages;
use crate::btree::ReadTransaction;
use crate::database::{Access, Database, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Interrupt, Stage, listen_to_progress, tell, track_progress};

/// How often the request to stop is looked at.
const PAUSE: Duration = Duration::from_millis(2);

/// What is done with a file, through a connection of its own.
pub(super) type Job<T> = Arc<dyn Fn(&Path, &OpenOptions) -> Result<T> + Send + Sync>;

/// A running job. Dropping it stops it.
pub(super) struct BackgroundCheck<T> {
    path: PathBuf,
    options: OpenOptions,
    job: Job<T>,
    stop: Interrupt,
    latest: Latest,
    running: Option<JoinHandle<Result<T>>>,
}

type Latest = Arc<Mutex<Option<Event>>>;

/// How often progress is reported, in [`PAUSE`]s.
const TELLING: u32 = 16;

impl<T: Send + 'static> BackgroundCheck<T> {
    /// Begins to read a file.
    ///
    /// A file system that stands in for the real one is used by one thread at a time, so that its
    /// faults come in the same order each time: the job then runs at the end. So it does if no thread
    /// can be had.
    pub(super) fn start(path: &Path, options: &OpenOptions, job: Job<T>) -> Self {
        let stop = Interrupt::default();
        let own = OpenOptions { interrupt: stop.clone(), ..options.clone() };
        let place = path.to_path_buf();
        let latest = Latest::default();
        let (latest_event, its) = (Arc::clone(&latest), Arc::clone(&job));
        let work = move || {
            let _listener = listen_to_progress(move |event| {
                *latest_event.lock().unwrap_or_else(PoisonError::into_inner) = Some(event.clone());
            });
            its(&place, &own)
        };
        let running = match options.files.vfs() {
            Some(_) => None,
            None => std::thread::Builder::new().name("backup".to_owned()).spawn(work).ok(),
        };
        Self { path: path.to_path_buf(), options: options.clone(), job, stop, latest, running }
    }

    /// Returns whether nothing has to be waited for. A job that runs at the end is not done before.
    pub(super) fn is_done(&self) -> bool {
        self.running.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Waits for the end and returns what was found. Meanwhile a function may do some of it, for a moment; it
    /// returns false if there is nothing to do.
    pub(super) fn finish(mut self, help: &mut dyn FnMut() -> bool) -> Result<T> {
        let Some(running) = self.running.take() else {
            return (self.job)(&self.path, &self.options);
        };
        let mut pauses: u32 = 0;
        while !running.is_finished() {
            if self.options.interrupt.requested() && !self.stop.requested() {
                self.stop.request();
            }
            pauses = pauses.wrapping_add(1);
            if pauses.is_multiple_of(TELLING) {
                let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
                latest.iter().for_each(tell);
            }
            if !help() {
                std::thread::sleep(PAUSE);
            }
        }
        let found = running
            .join()
            .map_err(|_| Error::new(ErrorKind::Backup, "the backup could not be read"))?;
        self.options.interrupt.check()?;
        found
    }
}

impl<T> std::fmt::Debug for BackgroundCheck<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("BackgroundCheck").field(&self.path).finish()
    }
}

impl<T> Drop for BackgroundCheck<T> {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(running) = self.running.take() {
            // What it would have found is no longer needed.
            drop(running.join());
        }
    }
}

pub(super) fn check(path: &Path, options: &OpenOptions, pieces: &CheckQueue) -> Result<Integrity> {
    looking(path, options, |it| integrity_in(it, &options.interrupt, pieces))
}

/// The check of a backup, some pieces of which others may take; of one whose bytes were found to be those of a file
/// that [`is_sound`], what that leaves open.
pub(super) fn check_in_pieces(sound: bool, pieces: &Arc<CheckQueue>) -> Job<Integrity> {
    let pieces = Arc::clone(pieces);
    Arc::new(move |path: &Path, options: &OpenOptions| {
        if !sound {
            return check(path, options, &pieces);
        }
        looking(path, options, |it| integrity_beyond_quick(it, &options.interrupt, &pieces))
    })
}

/// Returns whether SQLite finds nothing in the pages and rows of a file.
pub(super) fn is_sound(path: &Path, options: &OpenOptions) -> Result<bool> {
    looking(path, options, is_quickly_sound)
}

fn looking<T>(
    path: &Path,
    options: &OpenOptions,
    look: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    let database = Database::open(path, Access::ReadOnly, options)?;
    let found = look(database.connection())?;
    database.close()?;
    Ok(found)
}

/// Reads every page of a backup again and returns the digest of its bytes.
pub(super) fn digest(path: &Path, options: &OpenOptions) -> Result<String> {
    let backup = Database::open(path, Access::ReadOnly, options)?;
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let bytes: i64 = backup.connection().query_row(sql, [], |row| row.get(0))?;
    let about = (Stage::VerifyBackup, "every page again");
    let total = u64::try_from(bytes).unwrap_or(0);
    let found = {
        let _state = ReadTransaction::begin(backup.connection())?;
        track_progress(about, (total, 0), || {
            digest_of_pages(backup.connection(), &options.interrupt)
        })?
    };
    backup.close()?;
    Ok(found)
}
