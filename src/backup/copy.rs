//! Copying all pages of one database into another through SQLite's backup API.
//!
//! The target is locked from the first step to the last and changes in one transaction: if the copy
//! stops anywhere, SQLite rolls it back (<https://sqlite.org/c3ref/backup_finish.html>).

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::database::{OpenOptions, holders};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage};

/// Bytes that are copied between two looks at the request to stop.
const STEP: u32 = 4 * 1_024 * 1_024;

/// How long to sleep before a busy file is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// What a copy of pages is for, and how long it may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageCopy<'a> {
    pub(crate) stage: Stage,
    pub(crate) subject: &'a Path,
    pub(crate) options: &'a OpenOptions,
}

/// Copies every page; the target then holds what the source holds, or what it held before.
///
/// The source is read in one state if its connection is in a read transaction. `locked` is called
/// once, when the target is locked and nothing is written yet.
///
/// # Errors
/// [`ErrorKind::Busy`] after the wait, [`ErrorKind::Interrupted`], whatever `locked` or SQLite
/// reports.
pub(crate) fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    job: PageCopy<'_>,
    locked: &mut dyn FnMut(&mut dyn Observer) -> Result<()>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let page_size: u32 = source.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = i32::try_from(STEP / page_size.max(512)).unwrap_or(1);
    let backup = Backup::new(source, target)?;
    // A step of no pages takes the locks.
    step(&backup, 0, job, observer)?;
    locked(observer)?;
    loop {
        let result = step(&backup, pages, job, observer)?;
        report(&backup, u64::from(page_size), job, observer);
        if result == StepResult::Done {
            return Ok(());
        }
    }
}

/// Takes one step, trying again for as long as the file is busy, up to the wait.
fn step(
    backup: &Backup<'_, '_>,
    pages: i32,
    job: PageCopy<'_>,
    observer: &mut dyn Observer,
) -> Result<StepResult> {
    patiently(job.subject, job.options, observer, &mut || match backup.step(pages)? {
        StepResult::Busy | StepResult::Locked => {
            Err(Error::new(ErrorKind::Busy, "another program holds the database"))
        }
        result => Ok(result),
    })
}

/// Tries something again for as long as the file is busy, up to the wait, and tells who holds it.
pub(crate) fn patiently<T>(
    path: &Path,
    options: &OpenOptions,
    observer: &mut dyn Observer,
    attempt: &mut dyn FnMut() -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let mut reported = false;
    loop {
        options.interrupt.check()?;
        let error = match attempt() {
            Err(error) if error.kind() == ErrorKind::Busy => error,
            other => return other,
        };
        let by_whom = || holders(path, options.files.as_ref()).into_iter().map(|it| it.to_string());
        if begun.elapsed() >= options.wait {
            return Err(error.problems(by_whom()).in_database(path));
        }
        if !reported {
            reported = true;
            observer.event(&Event::Waiting { holders: by_whom().collect() });
        }
        std::thread::sleep(PAUSE);
    }
}

fn report(backup: &Backup<'_, '_>, page_size: u64, job: PageCopy<'_>, observer: &mut dyn Observer) {
    let progress = backup.progress();
    let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0) * page_size;
    observer.event(&Event::Progress {
        stage: job.stage,
        subject: job.subject.display().to_string(),
        done: bytes(progress.pagecount - progress.remaining),
        total: bytes(progress.pagecount),
    });
}
