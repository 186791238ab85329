//! Looking before a restore: the backup is verified, the losses are counted, nothing is touched.

use std::path::{Path, PathBuf};

use super::losses::{DatabasePair, Losses, ObjectLoss, open, version};
use crate::backup::{BackupEntry, Verification, digest, folder_of, stat_of, verify};
use crate::database::{Access, Database, OpenOptions};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::event::Observer;
use crate::files::{FileKind, Files};

/// What is to be restored, and where.
#[derive(Debug, Clone, Copy)]
pub struct RestoreRequest<'a> {
    /// The database to write to; it may be missing.
    pub database: &'a Path,
    pub backup: &'a BackupEntry,
    /// The folder for the copy of the present state.
    pub folder: &'a Path,
    pub version_table: &'a str,
}

/// What the database file is before the restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveState {
    Missing,
    /// The file has no bytes.
    Empty,
    Readable,
    /// A crashed program left a journal that is rolled back first.
    Crashed(String),
    /// SQLite opens it but cannot read all of it.
    Damaged(String),
    /// SQLite does not open it as a database.
    NotADatabase(String),
}

#[derive(Debug, Clone)]
pub struct RestorePlan {
    /// The database, without symbolic links.
    pub database: PathBuf,
    pub backup: PathBuf,
    /// What was found in the backup.
    pub verification: Verification,
    /// The state of the database file now.
    pub live: LiveState,
    /// What would be lost of rows.
    pub losses: Losses,
    /// What would be lost of the schema beside tables and columns: indexes, views, triggers,
    /// constraints. Empty where `losses` is not known.
    pub objects: Vec<ObjectLoss>,
    /// The version that the database records now.
    pub version_now: Option<i64>,
    /// The version that the backup records.
    pub version_then: Option<i64>,
    /// The database that the backup was made of, if that is another file.
    pub made_of: Option<PathBuf>,
}

/// A restore whose backup was verified and whose losses are known; [`run`](Restore::run) carries it out.
#[derive(Debug)]
pub struct Restore {
    pub(super) plan: RestorePlan,
    pub(super) backup: BackupEntry,
    pub(super) folder: PathBuf,
    pub(super) options: OpenOptions,
}

impl Restore {
    /// Fails if the backup's bytes are no longer those that were verified.
    pub(super) fn refuse_changed_backup(&self) -> Result<()> {
        let found = digest(&self.backup.path, &self.options, &mut |_| {})?;
        if found.text == self.plan.verification.digest {
            return Ok(());
        }
        let path = self.backup.path.display();
        let what = format!("the backup {path} changed since it was verified");
        Err(Error::new(ErrorKind::BackupDamaged, what))
    }

    /// Verifies the backup and compares the database with it. Nothing is changed, and nothing stays
    /// open or locked.
    ///
    /// # Errors
    /// [`ErrorKind::BackupDamaged`] if the backup is not whole; [`ErrorKind::Arguments`] if it is
    /// the database itself; [`ErrorKind::NotAFile`]; [`ErrorKind::Busy`],
    /// [`ErrorKind::Interrupted`], [`ErrorKind::Io`].
    pub fn prepare(
        request: &RestoreRequest<'_>,
        options: &OpenOptions,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let files = options.files.as_ref();
        let database = real_path(request.database, files)?;
        refuse_itself(&database, request.backup, files)?;
        let verification = verify(request.backup, options, observer)?;
        let looked = Looked::at(&database, request, options, observer)?;
        let made_of = request
            .backup
            .manifest
            .as_ref()
            .map(|manifest| manifest.source.clone())
            .filter(|source| *source != database);
        let plan = RestorePlan {
            backup: request.backup.path.clone(),
            verification,
            live: looked.live,
            losses: looked.losses,
            objects: looked.objects,
            version_now: looked.version_now,
            version_then: looked.version_then,
            made_of,
            database,
        };
        let (backup, folder) = (request.backup.clone(), request.folder.to_path_buf());
        Ok(Self { plan, backup, folder, options: options.clone() })
    }

    /// Returns what the restore would do.
    pub fn plan(&self) -> &RestorePlan {
        &self.plan
    }
}

/// Resolves links once. A missing file has the real path of its folder.
fn real_path(path: &Path, files: &dyn Files) -> Result<PathBuf> {
    let failed = |error| file_error("find the real path of", path, error);
    match stat_of(files, path)? {
        Some(stat) if stat.kind == FileKind::File => files.canonical(path).map_err(failed),
        Some(_) => {
            let what = format!("{} is not a file", path.display());
            Err(Error::new(ErrorKind::NotAFile, what).in_database(path))
        }
        None => {
            let folder = files.canonical(folder_of(path)).map_err(failed)?;
            Ok(path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name)))
        }
    }
}

fn refuse_itself(database: &Path, backup: &BackupEntry, files: &dyn Files) -> Result<()> {
    let place = |path| Ok::<_, Error>(stat_of(files, path)?.map(|it| (it.device, it.inode)));
    let (one, two) = (place(database)?, place(&backup.path)?);
    if one.is_some() && one == two {
        let what = "the backup is the database itself";
        return Err(Error::new(ErrorKind::Arguments, what).in_database(database));
    }
    Ok(())
}

/// What a look at both files found.
struct Looked {
    live: LiveState,
    losses: Losses,
    objects: Vec<ObjectLoss>,
    version_now: Option<i64>,
    version_then: Option<i64>,
}

impl Looked {
    fn at(
        database: &Path,
        request: &RestoreRequest<'_>,
        options: &OpenOptions,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let backup = Database::open(&request.backup.path, Access::ReadOnly, options)?;
        let version_then = version(&backup, request.version_table);
        let without = |live, losses| {
            let (objects, version_now) = (Vec::new(), None);
            Self { live, losses, objects, version_now, version_then }
        };
        match stat_of(options.files.as_ref(), database)?.map(|stat| stat.bytes) {
            None => return Ok(without(LiveState::Missing, Losses::Nothing)),
            Some(0) => return Ok(without(LiveState::Empty, Losses::Nothing)),
            Some(_) => {}
        }
        let live = match open(database, options)? {
            Ok(live) => live,
            Err((ErrorKind::ReadOnly, reason)) => {
                return Ok(without(LiveState::Crashed(reason.clone()), Losses::Unknown(reason)));
            }
            Err((_, reason)) => {
                let live = LiveState::NotADatabase(reason.clone());
                return Ok(without(live, Losses::Unknown(reason)));
            }
        };
        let version_now = version(&live, request.version_table);
        let pair = DatabasePair { backup, live };
        let compared = pair.losses(observer).and_then(|losses| Ok((losses, pair.objects()?)));
        let mut objects = Vec::new();
        let (live, losses) = match compared {
            Ok((losses, found)) => {
                objects = found;
                (LiveState::Readable, losses)
            }
            Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Interrupted) => {
                return Err(error);
            }
            Err(error) if error.kind() == ErrorKind::Damaged => {
                (LiveState::Damaged(error.to_string()), Losses::Unknown(error.to_string()))
            }
            Err(error) => (LiveState::Readable, Losses::Unknown(error.to_string())),
        };
        Ok(Self { live, losses, objects, version_now, version_then })
    }
}
