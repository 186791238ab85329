//! The order of things: lock, back up, clone; then, after the command, compare, and publish if that is asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::assess::{Sides, assess};
use super::finding::{CloneFault, Finding, ObjectChange, Verdict};
use super::map::{ChangeMap, MapFile};
use crate::backup::{
    BackupEntry, BackupLabel, BackupRequest, Checked, PageCopy, copy_pages, create, create_or_reuse,
};
use crate::database::{Access, Database, Identity, OpenOptions, WriteTransaction};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::event::{Interrupt, Observer, Silent, Stage, TableRows};
use crate::files::{FileKind, Scratch};
use crate::history::VersionTables;
use crate::name::fold;
use crate::preflight::{bytes_of, require_space};
use crate::restore::{Replacement, Words, Written, backup_request, difference, write};
use crate::rows::index_finding;
use crate::schema::{ObjectKind, Schema, read};

const WORDS: Words = Words {
    kind: ErrorKind::Rebuild,
    not_written: "the clone could not be written into the database",
    not_compared: "the database could not be compared with the clone",
    interrupted: "the clone was published; only the last comparison was interrupted",
    differs: "the database differs from the clone",
    written_since: "another program wrote right afterwards",
};

/// The word in the name of the backup.
const LABEL: &str = "prove";

/// The message about a database whose name leads to another file.
const MOVED: &str = "another file has its name now";

/// Whether other programs may write to the database while the command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Guard {
    /// The write lock is held: a command that goes for the file itself fails instead of changing it.
    #[default]
    Locked,
    /// It is not: a change of the file is found afterwards.
    Unlocked,
}

/// What is to be proven, and where.
#[derive(Debug, Clone, Copy)]
pub struct ProveRequest<'a> {
    pub database: &'a Path,
    /// The folder for its backups.
    pub folder: &'a Path,
    pub version_table: &'a str,
    /// The folder below which the clone is made.
    pub scratch: &'a Path,
    /// The changes that are intended.
    pub map: Option<&'a MapFile>,
    /// Whether the file is locked meanwhile.
    pub guard: Guard,
}

/// A database that is backed up and cloned, so that a command may run on the clone.
#[derive(Debug)]
pub struct Prepared<'o> {
    options: &'o OpenOptions,
    database: PathBuf,
    lock: Option<WriteTransaction>,
    backup: PathBuf,
    identity: Identity,
    map: ChangeMap,
    /// The virtual tables whose indexes did not fit their rows before, folded, with what their modules said.
    unfit: BTreeMap<String, String>,
    scratch: Scratch<'o>,
    clone: PathBuf,
}

/// What the database file was after the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RealFile {
    /// Exactly what the backup holds.
    Untouched,
    /// Something else, and what differs first.
    Changed(String),
}

/// The clone after the command, compared with the backup.
#[derive(Debug)]
pub struct Assessed<'o> {
    pub verdict: Verdict,
    /// Whether the database itself is as before.
    pub real: RealFile,
    /// What was lost in the database itself, if it was changed and can be compared.
    pub real_findings: Vec<Finding>,
    prepared: Prepared<'o>,
    /// What was compared: a copy that no process of the command knows.
    snapshot: Option<Snapshot>,
}

/// The clone took the place of the database's content.
#[derive(Debug, Clone)]
pub struct Published {
    /// The rows of every table, compared with the clone.
    pub tables: Vec<TableRows>,
    /// What could not be done afterwards, in words.
    pub follow_up: Option<String>,
}

/// A copy of the clone, and the rows of every table in it.
type Snapshot = (PathBuf, Vec<TableRows>);

impl<'o> Prepared<'o> {
    /// Makes a verified backup, or uses an equal one again, and a clone of it.
    ///
    /// # Errors
    /// Those of opening and backing up the database; [`ErrorKind::Config`] if the map names what is not there;
    /// [`ErrorKind::NoSpace`].
    pub fn new(
        request: &ProveRequest<'_>,
        options: &'o OpenOptions,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        Self::prepare(request, options, observer)
            .map_err(|error| error.in_database(request.database))
    }

    fn prepare(
        request: &ProveRequest<'_>,
        options: &'o OpenOptions,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let files = options.files.as_ref();
        let lock = lock(request, options)?;
        let source = Database::open(request.database, Access::ReadOnly, options)?;
        let identity = Identity::read(source.connection())?;
        let schema = read(source.connection())?;
        let map = request.map.map(|map| map.resolve(&schema)).transpose()?.unwrap_or_default();
        let bytes = bytes_of(files, request.database)?;
        // The clone, its journal, and the copy that is compared.
        require_space(files, request.scratch, 3 * bytes + bytes / 10)?;
        let backup = back_up(request, &source, observer)?;
        source.close()?;
        let scratch = Scratch::create(files, request.scratch)?;
        let clone = scratch.path().join(clone_name(request.database));
        make_clone((&backup.path, &clone), &identity, options, observer)?;
        let unfit = unfit_indexes(&clone, &schema, options)?;
        let database = request.database.to_path_buf();
        let backup = backup.path;
        Ok(Self { options, database, lock, backup, identity, map, unfit, scratch, clone })
    }

    pub fn database(&self) -> &Path {
        &self.database
    }

    pub fn clone_path(&self) -> &Path {
        &self.clone
    }

    /// Returns the backup from before the command.
    pub fn backup(&self) -> &Path {
        &self.backup
    }

    /// Compares the clone with the backup, and the database itself, too. No statement of the command runs any more,
    /// or at least the clone can be read.
    ///
    /// # Errors
    /// Whatever stopped the comparison; [`ErrorKind::Busy`] if a process of the command holds the clone. What is
    /// wrong with the clone is a finding.
    pub fn assess(self, observer: &mut dyn Observer) -> Result<Assessed<'o>> {
        let real = self.real_file(observer);
        let assessed = self.judge_clone(observer);
        let backup = self.backup.clone();
        let named = |error: Error| error.in_database(&self.database).with_backup(&backup);
        let real = real.map_err(named)?;
        // That the file itself was changed matters more than whatever is wrong with the clone.
        let (verdict, snapshot) = match (assessed, &real) {
            (Ok(assessed), _) => assessed,
            (Err(_), RealFile::Changed(_)) => (Verdict::default(), None),
            (Err(error), RealFile::Untouched) => return Err(named(error)),
        };
        let real_findings = match &real {
            RealFile::Untouched => Vec::new(),
            // That it was changed is known; what else is found only helps.
            RealFile::Changed(_) => self.real_findings(observer).unwrap_or_default(),
        };
        Ok(Assessed { verdict, real, real_findings, prepared: self, snapshot })
    }

    /// Gives up after the command was stopped, removes the clone, and finds out whether the database holds exactly what
    /// the backup holds, whatever was asked to stop.
    pub fn abandon(self) -> Result<RealFile> {
        let options = OpenOptions { interrupt: Interrupt::default(), ..self.options.clone() };
        let compared = match &self.lock {
            Some(lock) if lock.database().has_moved()? => {
                return Ok(RealFile::Changed(MOVED.to_owned()));
            }
            Some(_) | None => self.compare_real(&options, &mut Silent),
        };
        self.scratch.remove()?;
        compared
    }

    fn compare_real(&self, options: &OpenOptions, observer: &mut dyn Observer) -> Result<RealFile> {
        let compared = Database::open(&self.database, Access::ReadOnly, options)
            .and_then(|database| difference(&database, &self.backup, observer));
        match compared {
            Ok(None) => Ok(RealFile::Untouched),
            Ok(Some(what)) => Ok(RealFile::Changed(what)),
            Err(error) if is_of_content(&error) => Ok(RealFile::Changed(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// What the command did to the database itself.
    fn real_findings(&self, observer: &mut dyn Observer) -> Result<Vec<Finding>> {
        let old = Database::open(&self.backup, Access::ReadOnly, self.options)?;
        let new = Database::open(&self.database, Access::ReadOnly, self.options)?;
        let identity = Identity::read(new.connection())?;
        let sides = Sides { old: (&old, &self.identity), new: (&new, &identity) };
        Ok(assess(&sides, &self.map, observer)?.findings)
    }

    /// Finds out whether the database holds exactly what the backup holds.
    fn real_file(&self, observer: &mut dyn Observer) -> Result<RealFile> {
        match &self.lock {
            Some(lock) if lock.database().has_moved()? => Ok(RealFile::Changed(MOVED.to_owned())),
            Some(_) | None => self.compare_real(self.options, observer),
        }
    }

    fn judge_clone(&self, observer: &mut dyn Observer) -> Result<(Verdict, Option<Snapshot>)> {
        let faulty = |fault| {
            let findings = vec![Finding::Clone(fault)];
            Ok((Verdict { findings, ..Verdict::default() }, None))
        };
        if let Some(fault) = self.clone_fault()? {
            return faulty(fault);
        }
        let taken = self.take_snapshot(observer);
        let (entry, identity) = match taken {
            Ok(taken) => taken,
            Err(error) => match fault_of(&error) {
                Some(fault) => return faulty(fault),
                None => return Err(error),
            },
        };
        let old = Database::open(&self.backup, Access::ReadOnly, self.options)?;
        let new = Database::open(&entry.path, Access::ReadOnly, self.options)?;
        let sides = Sides { old: (&old, &self.identity), new: (&new, &identity) };
        let mut verdict = assess(&sides, &self.map, observer)?;
        let schemas = (read(old.connection())?, read(new.connection())?);
        old.close()?;
        verdict.same_bytes = difference(&new, &self.backup, observer)?.is_none();
        new.close()?;
        verdict.findings.extend(self.newly_unfit(&schemas, &entry.path)?);
        let tables = entry.manifest.map(|it| it.table_rows()).unwrap_or_default();
        Ok((verdict, Some((entry.path, tables))))
    }

    /// The virtual tables whose indexes do not fit their rows any more.
    fn newly_unfit(&self, schemas: &(Schema, Schema), snapshot: &Path) -> Result<Vec<Finding>> {
        let mut unfit = unfit_indexes(snapshot, &schemas.1, self.options)?;
        let mut findings = Vec::new();
        for object in schemas.0.of_kind(ObjectKind::VirtualTable) {
            let now = unfit.remove(&fold(self.map.table(&object.name)));
            if let Some(message) = now.filter(|_| !self.unfit.contains_key(&fold(&object.name))) {
                let (kind, name, table) = (object.kind, object.name.clone(), object.name.clone());
                let change = ObjectChange::Broken(message);
                findings.push(Finding::Object { kind, name, table, change });
            }
        }
        Ok(findings)
    }

    /// Looks at what has the name of the clone, without opening it.
    fn clone_fault(&self) -> Result<Option<CloneFault>> {
        let files = self.options.files.as_ref();
        let stat = files
            .stat_link(&self.clone)
            .map_err(|error| file_error("look at", &self.clone, error))?;
        Ok(match stat {
            None => Some(CloneFault::Missing),
            Some(stat) if stat.kind != FileKind::File || stat.links > 1 => {
                Some(CloneFault::Replaced)
            }
            Some(_) => None,
        })
    }

    /// Copies the clone through SQLite to where no process of the command looks for it.
    fn take_snapshot(&self, observer: &mut dyn Observer) -> Result<(BackupEntry, Identity)> {
        // To write, because a command that was killed leaves a journal that is rolled back first.
        let clone = Database::open(&self.clone, Access::Write, self.options)?;
        let identity = Identity::read(clone.connection())?;
        let folder = self.scratch.path().join("assessed");
        let request = BackupRequest {
            folder: &folder,
            label: BackupLabel::Named(LABEL.to_owned()),
            phase: None,
            version: None,
        };
        let entry = create(&clone, &request, &mut quiet(observer))?.into_entry()?;
        clone.close()?;
        Ok((entry, identity))
    }
}

impl<'o> Assessed<'o> {
    pub fn prepared(&self) -> &Prepared<'o> {
        &self.prepared
    }

    /// Returns whether the clone may take the place of the file.
    pub fn may_publish(&self) -> bool {
        self.verdict.is_clean() && self.real == RealFile::Untouched && self.snapshot.is_some()
    }

    /// Writes the clone into the database through SQLite, in one transaction, if the database still holds exactly
    /// what the backup holds. Readers and locks of other programs are respected. The journal mode stays.
    ///
    /// # Errors
    /// The error's state says what is in the file. [`ErrorKind::Proof`] if the verdict is not clean;
    /// [`ErrorKind::FileChanged`] if another program wrote since; [`ErrorKind::Busy`]; [`ErrorKind::Rebuild`].
    pub fn publish(&mut self, observer: &mut dyn Observer) -> Result<Published> {
        let may_publish = self.may_publish();
        let Some((snapshot, tables)) = self.snapshot.as_ref().filter(|_| may_publish) else {
            let what = "the clone is not published: the verdict is not clean";
            return Err(Error::new(ErrorKind::Proof, what));
        };
        let prepared = &mut self.prepared;
        let (database, backup) = (prepared.database.clone(), prepared.backup.clone());
        let named = |error: Error| error.in_database(&database).with_backup(&backup);
        let live = match prepared.lock.take() {
            Some(lock) => lock.rollback().map_err(named)?,
            None => Database::open(&database, Access::Write, prepared.options).map_err(named)?,
        };
        let mut content = Replacement {
            paths: (&database, snapshot, &backup),
            options: prepared.options,
            tables: tables.clone(),
            changed: false,
            words: &WORDS,
        };
        let written = write(live, snapshot, &mut content, observer).map_err(named)?;
        let Written { tables, follow_up, .. } = written;
        prepared.options.files.promised("published");
        let follow_up = (!follow_up.is_empty()).then(|| follow_up.join("; "));
        Ok(Published { tables, follow_up })
    }

    /// Removes the clone, and lets other programs write to the database again.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if copies of the data could not be removed.
    pub fn finish(self) -> Result<()> {
        release(self.prepared.lock)?;
        self.prepared.scratch.remove()
    }

    /// Leaves the clone where it is, lets other programs write to the database again, and returns the clone's path.
    pub fn keep(self) -> Result<PathBuf> {
        release(self.prepared.lock)?;
        self.prepared.scratch.keep();
        Ok(self.prepared.clone)
    }
}

fn release(lock: Option<WriteTransaction>) -> Result<()> {
    match lock {
        Some(lock) => lock.rollback()?.close(),
        None => Ok(()),
    }
}

/// Takes the write lock. A file that this user cannot write is not in danger.
fn lock(request: &ProveRequest<'_>, options: &OpenOptions) -> Result<Option<WriteTransaction>> {
    if request.guard == Guard::Unlocked {
        return Ok(None);
    }
    let locked =
        Database::open(request.database, Access::Write, options).and_then(WriteTransaction::begin);
    match locked {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == ErrorKind::ReadOnly => Ok(None),
        Err(error) => Err(error),
    }
}

fn back_up(
    request: &ProveRequest<'_>,
    source: &Database,
    observer: &mut dyn Observer,
) -> Result<BackupEntry> {
    let versions = VersionTables::named(request.version_table);
    let label = BackupLabel::Before(LABEL.to_owned());
    let asked = backup_request(source, &versions, request.folder, label)?;
    create_or_reuse(source, &asked, Checked::First, observer)?.into_entry()
}

/// Copies the backup through SQLite to a file that only its owner may read, in the journal mode of the database.
fn make_clone(
    (backup, clone): (&Path, &Path),
    identity: &Identity,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<()> {
    let source = Database::open(backup, Access::ReadOnly, options)?;
    let created = options.files.create(clone, b"", 0o600);
    created.map_err(|error| file_error("create", clone, error))?;
    let mut target = Database::open(clone, Access::Create, options)?;
    let job = PageCopy { stage: Stage::Copy, subject: clone, options };
    copy_pages(source.connection(), target.connection_mut(), job, &mut |_| Ok(()), observer)?;
    if identity.journal_mode.eq_ignore_ascii_case("wal") {
        target.connection().query_row("PRAGMA main.journal_mode=WAL", [], |_| Ok(()))?;
    }
    target.close()?;
    source.close()
}

/// Asks the virtual tables of a copy whether their indexes fit their rows. The question is a statement that writes, so
/// that it is rolled back.
fn unfit_indexes(
    path: &Path,
    schema: &Schema,
    options: &OpenOptions,
) -> Result<BTreeMap<String, String>> {
    let mut unfit = BTreeMap::new();
    if schema.virtual_tables().next().is_none() {
        return Ok(unfit);
    }
    let copy = Database::open(path, Access::Write, options)?;
    for table in schema.virtual_tables() {
        copy.connection().execute_batch("BEGIN")?;
        let found = index_finding(copy.connection(), &table);
        if !copy.connection().is_autocommit() {
            copy.connection().execute_batch("ROLLBACK")?;
        }
        if let Some(message) = found? {
            unfit.insert(fold(&table.name), message);
        }
    }
    copy.close()?;
    Ok(unfit)
}

/// The file name of the database, if a shell and a URL take it as it is.
fn clone_name(database: &Path) -> String {
    let name = database.file_name().map(|it| it.to_string_lossy().into_owned());
    let plain = |it: &String| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        it.bytes().all(allowed) && !it.starts_with(['-', '.']) && it != "assessed"
    };
    name.filter(plain).unwrap_or_else(|| "clone.db".to_owned())
}

/// The backup that is compared is not shown to the user.
fn quiet(observer: &mut dyn Observer) -> impl Observer {
    move |event: &crate::event::Event| {
        if matches!(event, crate::event::Event::Progress { .. }) {
            observer.event(event);
        }
    }
}

/// Whether a file is not what it was, rather than out of reach.
fn is_of_content(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Damaged
            | ErrorKind::NotADatabase
            | ErrorKind::NotAFile
            | ErrorKind::DatabaseMissing
            | ErrorKind::Unsupported
    )
}

/// What an error in opening or copying the clone says about the clone.
fn fault_of(error: &Error) -> Option<CloneFault> {
    match error.kind() {
        ErrorKind::NotADatabase | ErrorKind::NotAFile => {
            Some(CloneFault::NotADatabase(error.to_string()))
        }
        ErrorKind::DatabaseMissing => Some(CloneFault::Missing),
        ErrorKind::Damaged | ErrorKind::BackupDamaged => {
            let mut lines = error.facts().problems.clone();
            if lines.is_empty() {
                lines.push(error.to_string());
            }
            Some(CloneFault::Damaged(lines))
        }
        _ => None,
    }
}
