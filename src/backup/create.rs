//! Making a backup: copy, compare, make durable, name.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::background_check::{self, BackgroundCheck};
use super::check::integrity;
use super::check_queue::CheckQueue;
use super::copy::{PageCopy, copy_pages};
use super::entry::{BackupEntry, NOT_COMPARED, remove_leftovers};
use super::job::{BackupRequest, Job};
use super::name::stem_of;
use super::pages::{Pages, compare_pages};
use super::part::{PartFile, ensure_folder, stat_of};
use super::publish::{Content, Finished, publish};
use super::shared::is_whole;
use super::verified::{VerifiedBackup, of_copy};
use super::verify::{Digest, digest};
use crate::btree::ReadTransaction;
use crate::database::{Access, Database, Identity};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage, TableRows};
use crate::rows::compare_databases;
use crate::schema;

const DIFFERS: &str = "the backup differs from the database";

/// What a user should know of a backup that takes no space.
const SHARES: &str = "the backup shares its blocks with the database until they change: it takes no space yet, \
                      and damage of the disk may hit both";

/// When the integrity check of a backup has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Before the backup gets its name.
    First,
    /// Beside what follows, by [`VerifiedBackup::await_check`]: nothing may be committed before.
    BackgroundCheck,
    /// The same; it begins while pages are copied, because the caller holds the write lock and no program can change
    /// the source meanwhile.
    BesideUnderLock,
}

/// The size from which it is worth a thread to check a source while its pages are copied.
const LARGE: u64 = 8 * 1_024 * 1_024;

/// Makes a backup of what is committed in a database, and compares every row of it with the source.
///
/// The source is read in one transaction and never written; its connection must not hold the write
/// lock itself, another connection may. When this returns, the backup and its manifest are on the
/// disk under their final names. When it fails, no new backup has a name, and whatever was written
/// is removed. The state of the database is as before in any case.
///
/// # Errors
/// [`ErrorKind::Backup`] if the copy cannot be written or differs from the source, for want of
/// space too; [`ErrorKind::Damaged`] if the source itself is damaged; [`ErrorKind::Arguments`] if
/// the label cannot be part of a file name; [`ErrorKind::Busy`], [`ErrorKind::Interrupted`].
pub fn create(
    source: &Database,
    request: &BackupRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<VerifiedBackup> {
    create_checked(source, request, Checked::First, observer)
}

/// As [`create`], with a choice of when the integrity of the backup is checked.
pub fn create_checked(
    source: &Database,
    request: &BackupRequest<'_>,
    checked: Checked,
    observer: &mut dyn Observer,
) -> Result<VerifiedBackup> {
    run(source, request, checked, observer)
        .map_err(|error| VerifiedBackup::attribute_damage(error, source))
        .map_err(|error| of_backup(error, source.path()))
}

fn run(
    source: &Database,
    request: &BackupRequest<'_>,
    checked: Checked,
    observer: &mut dyn Observer,
) -> Result<VerifiedBackup> {
    let started = Instant::now();
    let job = Job::new(source, request)?;
    let mut part = job.begin(observer)?;
    let early = job.look_early(checked)?;
    let (compared, blocks, copied) = {
        let _snapshot = ReadTransaction::begin(source.connection())?;
        let blocks = job.copy(&part, observer)?;
        let copied = started.elapsed().as_secs_f64();
        (job.compare_and_sync(&part, checked, observer)?, blocks, copied)
    };
    let unchecked = compared.unchecked;
    let finished = job.finish(&mut part, compared, (blocks, true))?;
    let reader = Database::open(&finished.path, Access::ReadOnly, source.options())?;
    let Finished { path, manifest } = finished;
    let tables = manifest.table_rows();
    observer.event(&Event::BackupCreated { path: path.clone(), bytes: manifest.bytes });
    if blocks == Blocks::Shared {
        observer.event(&Event::Notice { text: SHARES.to_owned() });
    }
    observer.event(&Event::BackupVerified { path: path.clone(), tables: tables.clone() });
    let seconds = (copied, started.elapsed().as_secs_f64() - copied);
    // Nothing of this process reads the source any more: the rebuild needs it for itself.
    let sound = match early {
        Some(early) if unchecked => match early.finish(&mut || false) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            // What could not be read of the source is read of the backup again.
            sound => sound.unwrap_or(false),
        },
        Some(_) | None => false,
    };
    let pieces = Arc::new(CheckQueue::default());
    let start = || {
        BackgroundCheck::start(
            &path,
            source.options(),
            background_check::check_in_pieces(sound, &pieces),
        )
    };
    let beside = unchecked.then(start);
    Ok(VerifiedBackup { path, manifest, tables, reader, seconds, beside, pieces, again: None })
}

/// Copies the pages of a damaged database that SQLite still opens, without judging them, so that
/// a restore replaces nothing that is not kept. The manifest says that the copy is not verified.
pub(crate) fn keep_damaged(
    source: &Database,
    request: &BackupRequest<'_>,
    observer: &mut dyn Observer,
) -> Result<BackupEntry> {
    let keep = |observer: &mut dyn Observer| -> Result<BackupEntry> {
        let job = Job::new(source, request)?;
        let mut part = job.begin(observer)?;
        job.copy_pages(&part, observer)?;
        let compared = Compared::default();
        let Finished { path, manifest } = job.finish(&mut part, compared, (Blocks::Own, false))?;
        observer.event(&Event::BackupCreated { path: path.clone(), bytes: manifest.bytes });
        Ok(BackupEntry {
            bytes: manifest.bytes,
            path,
            manifest: Some(manifest),
            problem: Some(NOT_COMPARED.to_owned()),
        })
    };
    keep(observer).map_err(|error| of_backup(error, source.path()))
}

/// Reports whatever stopped a backup as a failure of the backup, except findings about the source
/// and the wish to stop.
pub(super) fn of_backup(error: Error, source: &Path) -> Error {
    const WHAT: &str = "the backup could not be made";
    let by_place = matches!(error.kind(), ErrorKind::NoSpace | ErrorKind::ReadOnly);
    let error = if by_place {
        Error::new(ErrorKind::Backup, WHAT).leaving(error.state()).caused_by(error)
    } else {
        error.during(ErrorKind::Backup, WHAT)
    };
    error.in_database(source)
}

impl<'a> Job<'a> {
    /// Begins to check the source, if it cannot change until its copy is compared with it: what SQLite says of the
    /// one it then says of the other.
    fn look_early(&self, checked: Checked) -> Result<Option<BackgroundCheck<bool>>> {
        let bytes = stat_of(self.files, self.source.path())?.map_or(0, |stat| stat.bytes);
        let begins = checked == Checked::BesideUnderLock && bytes >= LARGE;
        let job = Arc::new(background_check::is_sound);
        let start = || BackgroundCheck::start(self.source.path(), self.source.options(), job);
        Ok(begins.then(start))
    }

    /// Removes what killed runs left in the folder. What cannot be removed stays and is listed.
    pub(super) fn remove_leftovers(&self) {
        let stem = stem_of(self.source.path());
        drop(remove_leftovers(self.files, self.request.folder, &stem));
    }

    /// Creates the folder and an empty part file.
    fn begin(&self, observer: &mut dyn Observer) -> Result<PartFile<'a>> {
        let source = stat_of(self.files, self.source.path())?;
        ensure_folder(self.files, self.request.folder, source)?;
        self.remove_leftovers();
        let begun = self.names.first(|path| {
            let free = !self.is_taken(&path)?;
            let part = if free { PartFile::create(self.files, &path, b"")? } else { None };
            Ok(part.map(|part| (part, path)))
        })?;
        let (part, path) = begun.ok_or_else(|| self.no_name())?;
        observer.event(&Event::BackupStarted { path });
        Ok(part)
    }

    /// Lets the copy share the blocks of the database, or copies its pages. The source is in a read transaction.
    fn copy(&self, part: &PartFile<'_>, observer: &mut dyn Observer) -> Result<Blocks> {
        let source = self.source.path();
        let shares = is_whole(self.source.connection(), self.files, source)?
            // Whatever the reason that they cannot be shared: pages can be copied, or that tells why not.
            && self.files.share_blocks(source, part.path()).is_ok();
        if shares {
            self.open_copy(part).and_then(|copy| leave_wal(copy, part))?;
            return Ok(Blocks::Shared);
        }
        self.copy_pages(part, observer)?;
        Ok(Blocks::Own)
    }

    fn open_copy(&self, part: &PartFile<'_>) -> Result<Database> {
        let copy = Database::open(part.path(), Access::Create, self.source.options())?;
        copy.leave_syncs_to_caller()?;
        Ok(copy)
    }

    /// Copies the pages and turns the copy into one that needs no file beside it.
    fn copy_pages(&self, part: &PartFile<'_>, observer: &mut dyn Observer) -> Result<()> {
        let options = self.source.options();
        let mut copy = self.open_copy(part)?;
        let subject = self.source.path();
        let job = PageCopy { stage: Stage::Backup, subject, options };
        copy_pages(
            self.source.connection(),
            copy.connection_mut(),
            job,
            &mut |_| Ok(()),
            observer,
        )?;
        leave_wal(copy, part)
    }

    /// Compares the copy with the source while the disk takes it in. It is synced again before it gets its name,
    /// but an error that the system has told once counts: it may not tell it twice.
    fn compare_and_sync(
        &self,
        part: &PartFile<'_>,
        checked: Checked,
        observer: &mut dyn Observer,
    ) -> Result<Compared> {
        if self.files.vfs().is_some() {
            // A file system that stands in for the real one is used by one thread at a time.
            return self.compare(part, checked, observer);
        }
        std::thread::scope(|scope| {
            let sync = || part.sync();
            let syncing = std::thread::Builder::new().name("sync".to_owned());
            let syncing = syncing.spawn_scoped(scope, sync).ok();
            let compared = self.compare(part, checked, observer)?;
            match syncing.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(synced)) => synced.map(|()| compared),
                Some(Err(_)) => Err(Error::new(ErrorKind::Backup, "the backup was not synced")),
                // No thread could be had: the sync before the name is the only one.
                None => Ok(compared),
            }
        })
    }

    /// Compares the copy with the source: every byte of every page, where SQLite gives pages out.
    fn compare(
        &self,
        part: &PartFile<'_>,
        checked: Checked,
        observer: &mut dyn Observer,
    ) -> Result<Compared> {
        let options = self.source.options();
        let total = stat_of(self.files, part.path())?.map_or(0, |stat| stat.bytes);
        let mut progress = |done: u64| {
            let subject = part.path().display().to_string();
            observer.event(&Event::Progress { stage: Stage::VerifyBackup, subject, done, total });
        };
        let pages = compare_pages(self.source.connection(), part.path(), options, &mut progress)?;
        let digest = match pages {
            Pages::Equal(digest) => digest,
            Pages::Unknown => {
                let tables = self.compare_values(part, observer)?;
                return Ok(Compared { tables, ..Compared::default() });
            }
            Pages::Differ(what) => {
                // The values tell more of what happened.
                self.compare_values(part, observer)?;
                return Err(Error::new(ErrorKind::Backup, DIFFERS).problems([what]));
            }
        };
        let tables = self.read_again(part.path(), checked)?;
        Ok(Compared { tables, digest: Some(digest), unchecked: checked != Checked::First })
    }

    /// Compares the copy with the source by what they hold: integrity, schema, every row, the file's
    /// properties.
    fn compare_values(
        &self,
        part: &PartFile<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        let options = self.source.options();
        let copy = Database::open(part.path(), Access::ReadOnly, options).map_err(of_copy)?;
        self.check_integrity(&copy)?;
        let source_schema = schema::read(self.source.connection())?;
        let copy_schema = schema::read(copy.connection()).map_err(of_copy)?;
        let mut progress = |table: &str, rows: u64| {
            options.interrupt.check()?;
            observer.event(&Event::Progress {
                stage: Stage::VerifyBackup,
                subject: table.to_owned(),
                done: rows,
                total: 0,
            });
            Ok(())
        };
        let compared = compare_databases(
            (self.source.connection(), &source_schema),
            (copy.connection(), &copy_schema),
            &mut progress,
        )?;
        let tables = compared.map_err(|differences| {
            Error::new(ErrorKind::Backup, DIFFERS)
                .problems(differences.iter().map(ToString::to_string))
        })?;
        self.compare_properties(&copy)?;
        copy.close()?;
        Ok(tables)
    }

    pub(super) fn check_integrity(&self, copy: &Database) -> Result<()> {
        let found = integrity(copy).map_err(of_copy)?;
        if found.damage.is_empty() {
            return Ok(());
        }
        let own = integrity(self.source)?;
        Err(if own.damage.is_empty() {
            Error::new(ErrorKind::Backup, "the backup is damaged").problems(found.damage)
        } else {
            Error::new(ErrorKind::Damaged, "the database is damaged").problems(own.damage)
        })
    }

    pub(super) fn compare_properties(&self, copy: &Database) -> Result<()> {
        let source = Identity::read(self.source.connection())?;
        let copy = Identity::read(copy.connection())?;
        // SQLite says that a file left WAL mode even if its header could not be written; only a
        // new connection tells.
        let expected = Identity { journal_mode: "delete".to_owned(), ..source };
        let problems = expected.differences(&copy);
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Backup, DIFFERS).problems(problems))
    }

    /// Gives the copy its name; its bytes are read for the digest unless they were. No connection to it
    /// is open.
    fn finish(
        &self,
        part: &mut PartFile<'_>,
        compared: Compared,
        (blocks, verified): (Blocks, bool),
    ) -> Result<Finished> {
        let digest = match compared.digest {
            Some(digest) => digest,
            None => digest(part.path(), self.source.options(), &mut |_| {})?,
        };
        let shares_blocks = blocks == Blocks::Shared;
        publish(self, part, Content { digest, tables: compared.tables, verified, shares_blocks })
    }
}

/// Turns a copy into one that needs no file beside it: the pages of a WAL database bring the WAL flag along.
fn leave_wal(copy: Database, part: &PartFile<'_>) -> Result<()> {
    let mode: String =
        copy.connection().query_row("PRAGMA main.journal_mode=DELETE", [], |row| row.get(0))?;
    copy.close()?;
    if mode.eq_ignore_ascii_case("delete") && part.sidecar()?.is_none() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Backup, format!("the backup stayed in journal mode {mode}")))
}

/// Whose the blocks of a backup are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blocks {
    /// Its own: its pages were copied.
    Own,
    /// Those of the database, until one of the two changes.
    Shared,
}

/// What a comparison left behind.
#[derive(Debug, Default)]
struct Compared {
    tables: Vec<TableRows>,
    digest: Option<Digest>,
    /// Whether the integrity of the copy still has to be checked.
    unchecked: bool,
}
