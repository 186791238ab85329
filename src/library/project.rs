//! Phases and settings, without a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::backup::Retention;
use crate::database::OpenOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Interrupt;
use crate::files::{EmbeddedFiles, RealFiles};
use crate::history::VersionTables;
use crate::migrate;
use crate::phase::Chain;

use super::database::Database;

/// How long other programs' locks are waited for, unless [`Project::wait`] says otherwise.
const WAIT: Duration = Duration::from_secs(5);

/// The table that records versions, unless [`Project::version_table`] says otherwise.
const VERSION_TABLE: &str = "schema_version";

/// The folder that embedded phases seem to lie in, as errors show it.
const EMBEDDED: &str = "phases";

/// The phases of a program and the settings of its migrations. Any number of databases can be migrated with one.
///
/// ```
/// # fn main() -> phaseshift::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// let phases = [("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")];
/// let project = phaseshift::Project::embedded(&phases)?;
/// for name in ["work.db", "home.db"] {
///     project.database(folder.path().join(name)).create_if_missing()?.migrate()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Project {
    chain: Chain,
    backups: Option<PathBuf>,
    versions: VersionTables,
    wait: Duration,
    interrupt: Interrupt,
    keep: Retention,
}

impl Project {
    /// Reads the phases of a folder, in any of the forms that the program reads.
    ///
    /// # Errors
    /// [`ErrorKind::PhaseFile`] if a file is no phase; [`ErrorKind::Chain`] if the folder is missing or the phases are
    /// no graph; [`ErrorKind::Io`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::of(Chain::read(&RealFiles, folder.as_ref())?))
    }

    /// Reads phases that are part of the program: names and texts of the files, as they would lie in a folder. SQL
    /// files that phases name belong to the list, under their relative paths.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::Chain`] if a name occurs twice or is not a relative path.
    pub fn embedded<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Self> {
        let folder = Path::new(EMBEDDED);
        let files = EmbeddedFiles::new(
            folder,
            files.iter().map(|(name, text)| (name.as_ref(), text.as_ref())),
        )
        .map_err(|name| {
            let what = format!("{name:?} occurs twice or is not the name of an embedded file");
            Error::new(ErrorKind::Chain, what)
        })?;
        Ok(Self::of(Chain::read(&files, folder)?))
    }

    fn of(chain: Chain) -> Self {
        Self {
            chain,
            backups: None,
            versions: VersionTables::named(VERSION_TABLE),
            wait: WAIT,
            interrupt: Interrupt::default(),
            keep: Retention::default(),
        }
    }

    /// Sets the folder of the backups; without it, they go to `backups` beside each database.
    #[must_use]
    pub fn backups(mut self, folder: impl Into<PathBuf>) -> Self {
        self.backups = Some(folder.into());
        self
    }

    /// Sets which backups stay after a successful run.
    #[must_use]
    pub fn keep(mut self, keep: Retention) -> Self {
        self.keep = keep;
        self
    }

    /// Sets the name of the table that records versions, `schema_version` by default.
    #[must_use]
    pub fn version_table(mut self, name: &str) -> Self {
        self.versions = VersionTables::named(name);
        self
    }

    /// Sets how long to wait for locks of other programs: five seconds by default.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets the request by which another thread stops a run, which then rolls back.
    #[must_use]
    pub fn interrupt(mut self, interrupt: Interrupt) -> Self {
        self.interrupt = interrupt;
        self
    }

    /// Lets tables in which only names change stay where they are, instead of being rebuilt.
    #[must_use]
    pub fn in_place(mut self) -> Self {
        self.chain = self.chain.in_place();
        self
    }

    /// Returns the ids of the phases, in the order in which they are applied.
    pub fn phases(&self) -> impl Iterator<Item = &str> {
        self.chain.phases().iter().map(|it| it.id.as_str())
    }

    /// Names a database of the project. Nothing is opened: the file may be missing.
    pub fn database(&self, path: impl Into<PathBuf>) -> Database {
        let options = OpenOptions {
            files: Arc::new(RealFiles),
            wait: self.wait,
            interrupt: self.interrupt.clone(),
        };
        let (chain, versions) = (self.chain.clone(), self.versions.clone());
        let engine =
            migrate::Project::new(path.into(), self.backups.clone(), chain, versions, options);
        Database::of(migrate::Project { keep: self.keep, ..engine })
    }
}
