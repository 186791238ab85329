//! A user's project: the database, its phases, and where backups go.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::backup::{Retention, list};
use crate::database::{Access, CheckpointRule, Database, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::files::FileKind;
use crate::history::{Recorded, VersionTables, applied};
use crate::phase::{Applied, Chain, PhaseId};
use crate::replay::Replay;
use crate::schema::{ColumnOrder, Schema, read, read_again};

use super::file_state::FileState;
use super::plan_cache::PlanCache;

/// How many backups of a missing database are named.
const NAMED: usize = 5;

/// What every operation needs to know: the file, the phases, and the settings.
#[derive(Debug, Clone)]
pub struct Project {
    pub database: PathBuf,
    pub chain: Chain,
    /// The folder for backups.
    pub backups: PathBuf,
    pub versions: VersionTables,
    pub options: OpenOptions,
    /// Which backups stay after a successful run.
    pub keep: Retention,
    /// When the WAL is checkpointed after a run.
    pub checkpoint: CheckpointRule,
    /// Plans that files with the same schema share, in a run over many files.
    pub plans: Option<Arc<PlanCache>>,
}

impl Project {
    /// Resolves the database's path once, so that a symbolic link stays a link, and chooses
    /// `backups/` beside it unless another folder is given.
    pub fn new(
        database: PathBuf,
        backups: Option<PathBuf>,
        chain: Chain,
        versions: VersionTables,
        options: OpenOptions,
    ) -> Self {
        // A path that cannot be resolved is reported when it is opened.
        let database = options.files.canonical(&database).unwrap_or(database);
        let beside = database.parent().map(|folder| folder.join("backups"));
        let backups = backups.or(beside).unwrap_or_else(|| PathBuf::from("backups"));
        Self {
            database,
            chain,
            backups,
            versions,
            options,
            keep: Retention::default(),
            checkpoint: CheckpointRule::default(),
            plans: None,
        }
    }

    /// Lets tables in which only names change stay where they are, in every phase.
    #[must_use]
    pub fn in_place(self) -> Self {
        Self { chain: self.chain.in_place(), ..self }
    }

    pub fn open(&self, access: Access) -> Result<Database> {
        let database = Database::open(&self.database, access, &self.options)
            .map_err(|error| self.name_backups(error))?;
        database.authorizer().protect(self.versions.names());
        Ok(database)
    }

    /// Adds the backups to the error if the database is missing, empty or none, the newest first.
    fn name_backups(&self, error: Error) -> Error {
        let files = self.options.files.as_ref();
        let is_empty = || {
            let stat = files.stat(&self.database).ok().flatten();
            stat.is_some_and(|stat| stat.kind == FileKind::File && stat.bytes == 0)
        };
        let missing = match error.kind() {
            ErrorKind::DatabaseMissing => true,
            ErrorKind::NotAFile => is_empty(),
            ErrorKind::NotADatabase => true,
            _ => false,
        };
        if !missing {
            return error;
        }
        // The folder may be missing or closed, too.
        let backups = list(files, &self.backups, &self.database).unwrap_or_default();
        let names = backups.iter().filter(|it| it.is_verified()).take(NAMED);
        error.choices(names.map(|backup| backup.path.display().to_string()))
    }

    /// Reads the schema. In a run over many files, what it shares with that of another file is not asked for again.
    pub(super) fn schema_of(&self, database: &Database) -> Result<Schema> {
        let similar = self.plans.as_ref().map(|plans| plans.schema()).unwrap_or_default();
        read_again(database.connection(), &similar)
    }

    /// Reads the schema and what is recorded.
    pub fn know(&self, database: &Database) -> Result<FileState> {
        let schema = self.schema_of(database)?;
        let recorded = self.versions.read(database.connection(), &schema)?;
        let applied =
            self.applied(&recorded).map_err(|error| self.with_downgrade(&recorded, error))?;
        Ok(FileState { schema, recorded, applied, newer: None })
    }

    /// As [`know`](Self::know), for a report: phases that are missing or were edited since are returned as faults.
    pub fn examine(&self, database: &Database) -> Result<(FileState, Vec<Error>)> {
        let schema = read(database.connection())?;
        let recorded = self.versions.read(database.connection(), &schema)?;
        let (applied, faults) = match applied(&recorded, &self.chain) {
            Ok(phases) => {
                let phases: Vec<_> = phases.into_iter().map(|it| (it.id, it.checksum)).collect();
                self.chain.examine_applied(&phases)
            }
            Err(error) if error.kind() == ErrorKind::PhaseMissing => {
                (Applied::nothing(), vec![error])
            }
            Err(error) => return Err(error),
        };
        Ok((FileState { schema, recorded, applied, newer: None }, faults))
    }

    /// Derives what is applied, in terms of the chain, and checks that nothing was edited since.
    pub fn applied(&self, recorded: &Recorded) -> Result<Applied> {
        let phases: Vec<_> = applied(recorded, &self.chain)?
            .into_iter()
            .map(|phase| (phase.id, phase.checksum))
            .collect();
        self.chain.check_applied(&phases).map_err(|error| error.in_database(&self.database))
    }

    /// Returns the project as a file sees it that records this: its phases keep the versions they
    /// have there, and the others take versions that are free.
    pub fn as_recorded(&self, recorded: &Recorded) -> Result<Self> {
        let found = applied(recorded, &self.chain)?;
        let mut versions: BTreeMap<PhaseId, i64> =
            found.into_iter().filter_map(|it| Some((it.id, it.version?))).collect();
        // A squash has the version that the file records for the last phase that it stands for.
        for phase in self.chain.phases() {
            let last = phase.replaces.iter().filter_map(|id| versions.get(id).copied()).max();
            if let Some(version) = last {
                versions.entry(phase.id.clone()).or_insert(version);
            }
        }
        Ok(Self { chain: self.chain.with_recorded_versions(&versions), ..self.clone() })
    }

    /// Returns replays of its chain.
    pub const fn replay(&self) -> Replay<'_> {
        Replay::new(&self.chain, &self.versions)
    }

    /// Returns a schema without the version tables.
    pub fn own(&self, schema: &Schema) -> Schema {
        let mut schema = schema.clone();
        let versions = &self.versions;
        schema.objects.retain(|it| !versions.contains(&it.name) && !versions.contains(&it.table));
        schema
    }

    /// Returns whether the order of columns counts: branches of a chain may have been applied in any order.
    pub fn column_order(&self) -> ColumnOrder {
        if self.chain.is_linear() { ColumnOrder::Same } else { ColumnOrder::Any }
    }
}
