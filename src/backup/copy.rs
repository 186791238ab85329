//! Copying all pages of one database into another through SQLite's backup API.
//!
//! The target is locked from the first step to the last and changes in one transaction: if the copy
//! stops anywhere, SQLite rolls it back (<https://sqlite.org/c3ref/backup_finish.html>).

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::database::OpenOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage};

/// Pages that are copied between two looks at the request to stop.
const PAGES: i32 = 1_000;

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
/// The source is read in one state if its connection is in a read transaction.
///
/// # Errors
/// [`ErrorKind::Busy`] after the wait, [`ErrorKind::Interrupted`], or whatever SQLite reports.
pub(crate) fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    job: PageCopy<'_>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let page_size: u32 = source.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let page_size = u64::from(page_size);
    let backup = Backup::new(source, target)?;
    let mut deadline = Instant::now() + job.options.wait;
    loop {
        job.options.interrupt.check()?;
        match backup.step(PAGES)? {
            StepResult::Done => {
                report(&backup, page_size, job, observer);
                return Ok(());
            }
            StepResult::Busy | StepResult::Locked => {
                if Instant::now() >= deadline {
                    return Err(Error::new(ErrorKind::Busy, "another program holds the database"));
                }
                std::thread::sleep(PAUSE);
            }
            _ => {
                report(&backup, page_size, job, observer);
                deadline = Instant::now() + job.options.wait;
            }
        }
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
