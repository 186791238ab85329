//! One database file of a project.

use std::path::Path;

use crate::database::Access;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Observer, Silent};
use crate::migrate::{
    self, Migrated, Migration, Preparation, Strictness, create_file, migrate_now,
};
use crate::phase::Target;

use super::migration::{Outcome, Prepared, Report, Request};

/// A database of a [`Project`](super::Project): a path and what is done with it. Nothing stays open between calls.
///
/// ```
/// # fn main() -> phaseshift::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("app.db");
/// use phaseshift::{Outcome, Project};
///
/// let phases = [("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")];
/// let database = Project::embedded(&phases)?.database(path);
/// match database.create_if_missing()?.migrate()? {
///     Outcome::Migrated(report) => println!("migrated: {}", report.phases.join(", ")),
///     Outcome::AlreadyCurrent => {}
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Database {
    pub(super) engine: migrate::Project,
}

impl Database {
    pub(super) fn of(engine: migrate::Project) -> Self {
        Self { engine }
    }

    /// Returns the path, without symbolic links if the file exists.
    pub fn path(&self) -> &Path {
        &self.engine.database
    }

    /// Creates the file, with nothing in it but the tables that record phases.
    ///
    /// # Errors
    /// [`ErrorKind::NotAFile`] and others if something has the name already.
    pub fn create(&self) -> Result<&Self> {
        create_file(self.engine())?;
        Ok(self)
    }

    /// Creates the file unless it exists.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_if_missing(&self) -> Result<&Self> {
        let exists = || self.engine.options.files.stat(self.path()).is_ok_and(|it| it.is_some());
        if exists() {
            return Ok(self);
        }
        match self.create() {
            // Another program was faster.
            Err(_) if exists() => Ok(self),
            created => created,
        }
    }

    /// Applies every phase that the database lacks: backup, rebuild, proof, commit. This is what a program calls when
    /// it starts.
    ///
    /// A database that is newer than the phases is up to date if its newer phases say that this program may write it
    /// (`compatible_with`).
    ///
    /// # Errors
    /// The data is as it was before, unless [`Error::state`] says otherwise. [`Error::newer`] tells a database that is
    /// newer than the phases; [`ErrorKind::DatabaseMissing`]; [`ErrorKind::NotAdopted`] for a file with tables and no
    /// record of phases, see [`stamp`](Self::stamp); [`ErrorKind::Busy`]; any other kind that stands for a refusal.
    pub fn migrate(&self) -> Result<Outcome> {
        self.migrate_with(&Request::default(), &mut Silent)
    }

    /// Applies or undoes phases up to a target, without a question between the backup and the run.
    ///
    /// # Errors
    /// As [`migrate`](Self::migrate); [`ErrorKind::Irreversible`] for an undo that would lose data.
    pub fn migrate_with(&self, request: &Request, observer: &mut dyn Observer) -> Result<Outcome> {
        let request = &request.0;
        let prepared = self.preparation(request)?;
        match migrate_now(self.engine(), request, prepared, observer)? {
            Migrated::Done(report) => Ok(Outcome::Migrated(Report::of(report))),
            Migrated::UpToDate(_) => Ok(Outcome::AlreadyCurrent),
        }
    }

    /// Plans the way to a target and finds what can be known to be wrong; `None` if there is nothing to do. Nothing is
    /// written.
    ///
    /// ```
    /// # fn main() -> phaseshift::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let phases = [("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")];
    /// # let database = phaseshift::Project::embedded(&phases)?.database(folder.path().join("app.db"));
    /// # database.create()?;
    /// use phaseshift::{Request, Silent};
    ///
    /// if let Some(prepared) = database.prepare(&Request::default())? {
    ///     println!("{}", prepared.script()?);
    ///     let secured = prepared.secure(&mut Silent)?;
    ///     println!("the backup is {}", secured.backup().display()); // ask here
    ///     let report = secured.run(&mut Silent)?;
    ///     assert_eq!(report.phases, ["phase1"]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`migrate`](Self::migrate).
    pub fn prepare(&self, request: &Request) -> Result<Option<Prepared>> {
        match self.preparation(&request.0)? {
            Preparation::Ready(migration) => Ok(Some(Prepared(*migration))),
            Preparation::UpToDate(_) => Ok(None),
        }
    }

    /// Records phases up to a target as applied, without running them, for a file that has their tables already. The
    /// schema must be what the phases make.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] with what differs; those of a write.
    pub fn stamp(&self, target: &str) -> Result<()> {
        let engine = self.engine();
        let applied = engine.chain.applied_at(&Target::parse(target)?)?;
        migrate::stamp(engine, &applied, Strictness::Compare, &mut Silent).map(|_| ())
    }

    /// The engine's view. Statements of the planning are stopped by the request of this project.
    pub(super) fn engine(&self) -> &migrate::Project {
        self.engine.options.interrupt.make_current();
        &self.engine
    }

    fn preparation(&self, request: &migrate::Request) -> Result<Preparation> {
        Migration::prepare(self.engine(), request).map_err(|error| self.name_newer(error))
    }

    /// Adds what the programs of these phases may do with the file, if it is newer.
    fn name_newer(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::PhaseMissing {
            return error;
        }
        let newer = || {
            let database = self.engine.open(Access::ReadOnly)?;
            let (extended, known) = self.engine.know_newer(&database)?;
            let heads = self.engine.chain.heads();
            Ok::<_, Error>(known.newer.map(|it| it.compatibility(&extended.chain, &heads)))
        };
        match newer() {
            Ok(Some(allowed)) => error.in_newer_file(allowed),
            Ok(None) | Err(_) => error,
        }
    }
}
