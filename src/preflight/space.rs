//! Free space: what a run needs, and whether it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::trees::TreePages;
use crate::database::{Database, FileSize, Identity, beside, file_stat};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::{FileKind, Files};
use crate::name::{fold, same};
use crate::plan::{Action, DataStage, Plan, Rebuild, SchemaChange, Stage};
use crate::schema::{ObjectKind, Schema};

/// Pages that every run may touch: the schema, the version tables, lists of free pages.
const ALWAYS: u64 = 24;

/// The touched pages of which one lists free pages, or is split a second time.
const LISTS: u64 = 64;

/// A table whose rows are rewritten may grow by one page for each of these.
const GROWS: u64 = 10;

/// The bytes of a page's header in the rollback journal, and in the WAL with its index
/// (<https://sqlite.org/fileformat2.html#the_rollback_journal>, <https://sqlite.org/walformat.html>).
const JOURNAL_HEADER: u64 = 8;
const FRAME_HEADER: u64 = 24 + 8;

/// The usual size of a block of a file system that shares blocks.
const BLOCK: u64 = 4_096;

/// The bytes of the manifest of a backup, at most.
pub const MANIFEST: u64 = 64 * 1_024;

/// The space that a run needs at its peak, in bytes, besides what is there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct SpaceNeed {
    /// For the backup, in its folder: every page of the database.
    pub backup: u64,
    /// Beside the database: the journal or the WAL, and what the file grows by.
    pub database: u64,
}

impl SpaceNeed {
    /// The need if the backup shares the blocks of the database: a block that is written then gets a place of its own.
    #[must_use]
    pub fn with_shared_blocks(self, page_size: u64) -> Self {
        // Written are at most as many pages as go into the journal or the WAL.
        let written = self.database * (BLOCK / page_size.max(1)).max(1);
        let all = self.backup.saturating_sub(MANIFEST);
        Self { backup: MANIFEST, database: self.database + written.min(all) }
    }

    /// The need on one volume that holds both.
    pub const fn sum(self) -> u64 {
        self.backup + self.database
    }
}

/// Computes the space that a run needs.
///
/// A rebuilt table takes the pages of the old one, which go into the journal; in WAL mode the new pages go
/// into the WAL. If the old table has to stay until the new one is filled, the file grows by as much instead.
/// So each page of a rebuilt table, and of its indexes but those that keep their entries, is needed once more;
/// again for each further time that the table is rebuilt; and a tenth more where rows are rewritten.
pub fn space_need(database: &Database, schema: &Schema, plan: &Plan) -> Result<SpaceNeed> {
    let identity = Identity::read(database.connection())?;
    let size = FileSize::of(database)?;
    let mut work = Work {
        schema,
        pages: TreePages::count(database, schema)?,
        names: schema.stored_tables().map(|it| (fold(&it.name), fold(&it.name))).collect(),
        touched: BTreeSet::new(),
        grown: 0,
    };
    for stage in plan.phases.iter().flat_map(|phase| &phase.stages) {
        match stage {
            Stage::SchemaChange(schema_change) => work.schema_change(schema_change),
            Stage::Data(data) => work.data(data),
        }
    }
    // Full auto-vacuum moves the last pages of the file at each commit.
    let all = identity.auto_vacuum == 1 && !work.touched.is_empty();
    let touched = if all { work.pages.all() } else { work.touched() };
    let touched = touched + touched / LISTS + ALWAYS;
    let database = if identity.journal_mode == "wal" {
        (touched + work.grown) * (size.page_size + FRAME_HEADER) + work.grown * size.page_size
    } else {
        touched * (size.page_size + JOURNAL_HEADER) + work.grown * size.page_size
    };
    Ok(SpaceNeed { backup: size.all_bytes() + MANIFEST, database })
}

/// What a run does to the trees of a file.
struct Work<'s> {
    schema: &'s Schema,
    pages: TreePages,
    /// The tables by the names they have at the moment, folded: by which name the file knows them.
    names: BTreeMap<String, String>,
    /// Tables and indexes whose pages are rewritten, by the names in the file.
    touched: BTreeSet<String>,
    /// Pages that the file grows by.
    grown: u64,
}

impl Work<'_> {
    fn schema_change(&mut self, schema_change: &SchemaChange) {
        let mut renamed = Vec::new();
        for rebuild in &schema_change.rebuilds {
            let Some(table) = self.names.remove(&fold(&rebuild.from)) else { continue };
            if !rebuild.in_place() {
                self.rebuild(&table, rebuild);
            }
            renamed.push((fold(&rebuild.to), table));
        }
        self.names.extend(renamed);
        let made = schema_change.steps().into_iter().flat_map(|step| step.actions);
        for action in made {
            let Action::CreateObject(object) = action else { continue };
            let is_new = object.kind == ObjectKind::Index
                && !schema_change.rebuilds.iter().any(|it| same(&it.to, &object.table));
            if let Some(table) = self.names.get(&fold(&object.table)).filter(|_| is_new) {
                self.grown += self.pages.of(table);
            }
        }
    }

    fn rebuild(&mut self, table: &str, rebuild: &Rebuild) {
        let kept = |name: &str| rebuild.kept().iter().any(|(it, _)| same(it, name));
        let all = self.schema.objects.iter().chain(&self.schema.internal);
        let trees: Vec<String> = all
            .filter(|it| it.root > 0 && same(&it.table, table) && !kept(&it.name))
            .map(|it| fold(&it.name))
            .collect();
        let pages: u64 = trees.iter().map(|name| self.pages.of(name)).sum();
        if self.touched.contains(table) {
            self.grown += pages + self.pages.beside;
        }
        if rebuild.rewrites() {
            self.grown += pages / GROWS;
        }
        self.touched.extend(trees);
    }

    /// Statements of a phase may change every page of a table, and make it grow by an unknown amount.
    fn data(&mut self, data: &DataStage) {
        for name in data.touched.tables.keys() {
            let Some(table) = self.names.get(name) else { continue };
            let all = self.schema.objects.iter().chain(&self.schema.internal);
            let trees = all.filter(|it| it.root > 0 && same(&it.table, table));
            self.touched.extend(trees.map(|it| fold(&it.name)));
        }
    }

    /// The pages that are rewritten, at most: long values may belong to any table.
    fn touched(&self) -> u64 {
        let pages: u64 = self.touched.iter().map(|name| self.pages.of(name)).sum();
        if self.touched.is_empty() { 0 } else { pages + self.pages.beside }
    }
}

/// Returns the bytes of a database and of its WAL.
///
/// # Errors
/// [`ErrorKind::Unreadable`], [`ErrorKind::Io`].
pub fn bytes_of(files: &dyn Files, database: &Path) -> Result<u64> {
    let mut bytes = 0;
    for path in [database.to_path_buf(), beside(database, "-wal")] {
        let stat = file_stat(&path, files)?;
        bytes += stat.map_or(0, |stat| stat.bytes);
    }
    Ok(bytes)
}

/// Foretells whether a backup of a database in a folder will share its blocks. If another program writes meanwhile, it
/// may not.
///
/// # Errors
/// [`ErrorKind::Unreadable`], [`ErrorKind::Io`].
pub fn will_share_blocks(files: &dyn Files, database: &Path, backups: &Path) -> Result<bool> {
    let folder = existing(files, backups);
    let device = |path: &Path| Ok::<_, Error>(file_stat(path, files)?.map(|stat| stat.device));
    let wal = file_stat(&beside(database, "-wal"), files)?;
    Ok(device(database)? == device(&folder)?
        && wal.is_none_or(|wal| wal.bytes == 0)
        && files.can_share_blocks(&folder))
}

/// Checks that the space is there: on one volume for both, or on each of two.
///
/// # Errors
/// [`ErrorKind::NoSpace`] with the volume, the need and what is left; [`ErrorKind::NotAFile`] or
/// [`ErrorKind::ReadOnly`] if no file can be made where the backups are to lie; [`ErrorKind::Io`].
pub fn check_space(
    files: &dyn Files,
    database: &Path,
    backups: &Path,
    need: SpaceNeed,
) -> Result<()> {
    let folder = existing(files, backups);
    let home = existing(files, database);
    takes_files(files, &folder, &home)?;
    let device = |path: &Path| {
        let stat = files.status(path)?;
        Ok::<_, Error>(stat.map(|stat| stat.device))
    };
    if device(&home)? == device(&folder)? {
        return enough(files, &home, need.sum());
    }
    enough(files, &folder, need.backup)?;
    enough(files, &home, need.database)
}

/// Checks that a number of bytes may be written below a place.
pub fn require_space(files: &dyn Files, place: &Path, bytes: u64) -> Result<()> {
    enough(files, &existing(files, place), bytes)
}

/// Fails unless the place of the backups is a folder on a file system that can be written. Where
/// the database lies on such a one, too, another check reports that.
fn takes_files(files: &dyn Files, folder: &Path, home: &Path) -> Result<()> {
    let failed = |error| file_error("look at", folder, error);
    let about = |kind, what: &str| {
        let what = format!("the backups cannot be written: {} {what}", folder.display());
        Err(Error::new(kind, what).about("backup folder"))
    };
    if files.stat(folder).map_err(failed)?.is_some_and(|it| it.kind != FileKind::Folder) {
        return about(ErrorKind::NotAFile, "is not a folder");
    }
    let read_only = |path| files.space(path).map(|it| it.read_only).map_err(failed);
    if read_only(folder)? && !read_only(home)? {
        return about(ErrorKind::ReadOnly, "lies on a read-only file system");
    }
    Ok(())
}

/// The nearest folder above that exists.
fn existing(files: &dyn Files, path: &Path) -> std::path::PathBuf {
    path.ancestors()
        .find(|it| files.stat(it).is_ok_and(|stat| stat.is_some()))
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

fn enough(files: &dyn Files, place: &Path, need: u64) -> Result<()> {
    let space = files.space(place).map_err(|error| file_error("look at", place, error))?;
    if space.available >= need {
        return Ok(());
    }
    let what = format!(
        "not enough space beside {}: {} MiB needed, {} MiB left",
        place.display(),
        need.div_ceil(1 << 20),
        space.available >> 20
    );
    Err(Error::new(ErrorKind::NoSpace, what))
}
