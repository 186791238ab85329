//! Questions about a database.

use crate::database::Depth;
use crate::error::Result;
use crate::event::TableRows;
use crate::inspect::{self, Expectation};
use crate::phase::PhaseId;

use super::database::Database;

/// The state of a database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The highest recorded version; `None` if no phase is recorded.
    pub version: Option<i64>,
    /// The applied phases without an applied successor.
    pub current: Vec<String>,
    /// The phases that are not applied, in order.
    pub pending: Vec<String>,
    /// The applied phases that the project does not hold: the database is newer.
    pub newer: Vec<String>,
    /// How the schema differs from what the phases make, one line each; `None` if that is unknown.
    pub drift: Option<Vec<String>>,
    /// What is wrong with what is recorded: applied phases that were edited or are missing.
    pub faults: Vec<String>,
    /// The rows of every table.
    pub tables: Vec<TableRows>,
}

/// One check of [`Database::verify`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Check {
    /// The name, which does not change between releases.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was found, in words.
    pub detail: String,
}

impl Database {
    /// Reads the state of the database and counts its rows, without changing a byte.
    ///
    /// ```
    /// # fn main() -> phaseshift::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let phases = [("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")];
    /// # let database = phaseshift::Project::embedded(&phases)?.database(folder.path().join("app.db"));
    /// # database.create()?;
    /// assert_eq!(database.status()?.pending, ["phase1"]);
    /// database.migrate()?;
    /// assert_eq!(database.status()?.current, ["phase1"]);
    /// assert!(database.verify()?.iter().all(|check| check.ok));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of opening the file and reading its version tables.
    pub fn status(&self) -> Result<Status> {
        let found = inspect::status(self.engine())?;
        let words = |ids: &[PhaseId]| ids.iter().map(ToString::to_string).collect();
        Ok(Status {
            version: found.version,
            current: words(&found.current),
            pending: words(&found.pending),
            newer: found.newer.map(|it| words(&it.ids())).unwrap_or_default(),
            drift: found.drift,
            faults: found.faults.iter().map(ToString::to_string).collect(),
            tables: found.tables,
        })
    }

    /// Checks the integrity of the file, its foreign keys, its schema against the phases, and that nothing is pending.
    ///
    /// # Errors
    /// Those of opening the file; a check that cannot run is an error.
    pub fn verify(&self) -> Result<Vec<Check>> {
        let found =
            inspect::verify(self.engine(), Some(&Expectation::Head), None, Depth::default())?;
        Ok(found
            .into_iter()
            .map(|it| Check { name: it.name, ok: it.ok, detail: it.detail })
            .collect())
    }
}
