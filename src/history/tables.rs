//! The shape of the version tables, and reading them.

use rusqlite::Connection;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, is_internal, quote, same};
use crate::schema::{Object, ObjectKind, Schema, Table};
use crate::text::list;

/// The name of the table that holds one row per event.
pub const HISTORY_TABLE: &str = "phase_history";

/// The largest record of one event that is read, in bytes.
const LARGEST_RECORD: u64 = 64 << 20;

const HISTORY_COLUMNS: [&str; 12] = [
    "event",
    "id",
    "parents",
    "version",
    "direction",
    "checksum",
    "started_at",
    "finished_at",
    "backup",
    "tool_version",
    "rows_proven",
    "outcome",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionTables {
    version: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRow {
    pub version: i64,
    /// When it was applied, as the file says.
    pub applied_at: Option<String>,
    pub description: Option<String>,
}

/// One row of `phase_history`, as far as later runs need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    pub id: String,
    pub version: i64,
    /// Its parents, as ids between spaces.
    pub parents: String,
    /// `up`, `down` or `stamp`.
    pub direction: String,
    /// The checksum of the phase file at that time.
    pub checksum: Option<String>,
    pub finished_at: Option<String>,
    /// The backup made before it.
    pub backup: Option<String>,
    /// How many rows were proven when it ran.
    pub rows_proven: Option<u64>,
    /// The release that recorded it.
    pub tool_version: Option<String>,
    /// What it changed in the schema, as [`UndoRecord`](super::undo::UndoRecord) writes it, and the phase, as
    /// [`Definition`](super::Definition) does.
    pub undo: Option<String>,
}

/// What a file records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The rows of the version table, in order of their version.
    pub versions: Vec<VersionRow>,
    /// The events, in order.
    pub events: Vec<HistoryRow>,
    /// Whether the version table exists.
    pub has_table: bool,
}

impl Recorded {
    /// Returns the highest version, or `None` if none is recorded.
    pub fn version(&self) -> Option<i64> {
        self.versions.iter().map(|row| row.version).max()
    }

    /// Returns how many rows were proven when a phase was last applied or undone.
    pub fn rows_proven(&self) -> Option<u64> {
        let ran = |row: &&HistoryRow| ["up", "down"].contains(&&*row.direction);
        self.events.iter().rfind(ran)?.rows_proven
    }

    /// Returns the phases that were applied and not undone since, with the backup from before the last run that
    /// applied them.
    pub fn applied_phases(&self) -> Vec<(String, Option<String>)> {
        let mut ways: Vec<(String, Option<String>)> = Vec::new();
        for event in &self.events {
            match &*event.direction {
                "up" | "stamp" => {
                    ways.retain(|(id, _)| *id != event.id);
                    let backup = event.backup.clone().filter(|_| event.direction == "up");
                    ways.push((event.id.clone(), backup));
                }
                "down" => ways.retain(|(id, _)| *id != event.id),
                _ => {}
            }
        }
        ways
    }
}

impl VersionTables {
    /// Takes the name of the version table; `schema_version` unless the user says otherwise.
    pub fn named(version: &str) -> Self {
        Self { version: version.to_owned() }
    }

    pub fn version_table(&self) -> &str {
        &self.version
    }

    /// Returns the names of both tables.
    pub fn names(&self) -> [&str; 2] {
        [&self.version, HISTORY_TABLE]
    }

    /// Returns whether a table is one of the version tables.
    pub fn contains(&self, table: &str) -> bool {
        same(table, &self.version) || same(table, HISTORY_TABLE)
    }

    /// Returns the statements that create the tables that a schema lacks.
    pub fn missing_from(&self, schema: &Schema) -> Vec<String> {
        let mut statements = Vec::new();
        if schema.find_table(&self.version).is_none() {
            statements.push(format!(
                "CREATE TABLE {} (\n  version INTEGER PRIMARY KEY,\n  applied_at TEXT,\n  description TEXT\n)",
                quote(&self.version)
            ));
        }
        if schema.find_table(HISTORY_TABLE).is_none() {
            statements.push(
                "CREATE TABLE phase_history (\n  event INTEGER PRIMARY KEY,\n  id TEXT NOT NULL,\n  \
                 parents TEXT NOT NULL,\n  version INTEGER NOT NULL,\n  direction TEXT NOT NULL,\n  \
                 checksum TEXT,\n  started_at TEXT,\n  finished_at TEXT,\n  backup TEXT,\n  \
                 tool_version TEXT,\n  rows_proven INTEGER,\n  outcome TEXT NOT NULL,\n  undo TEXT\n)"
                    .to_owned(),
            );
        }
        if schema.shape(HISTORY_TABLE).is_some_and(|table| table.column("undo").is_none()) {
            statements.push("ALTER TABLE main.phase_history ADD COLUMN undo TEXT".to_owned());
        }
        statements
    }

    /// Checks that the tables, where they exist, are ours to write.
    ///
    /// # Errors
    /// [`ErrorKind::VersionTable`].
    pub fn check(&self, schema: &Schema) -> Result<()> {
        self.check_name()?;
        if let Some(object) =
            schema.objects.iter().find(|it| it.kind == ObjectKind::View && self.contains(&it.name))
        {
            return Err(self.foreign(&object.name, "it is a view"));
        }
        if let Some(table) = schema.shape(&self.version) {
            self.check_version_shape(table)?;
        }
        match schema.shape(HISTORY_TABLE) {
            Some(table) => self.check_history_shape(table),
            None => Ok(()),
        }
    }

    /// Checks that the version table may have its name.
    fn check_name(&self) -> Result<()> {
        let name = &self.version;
        let why = if same(name, HISTORY_TABLE) {
            "the history of phases has that name"
        } else if is_internal(name) {
            "SQLite keeps names that begin with sqlite_ for itself"
        } else {
            return Ok(());
        };
        let what = format!("the version table cannot be called {name}: {why}");
        Err(Error::new(ErrorKind::VersionTable, what))
    }

    fn check_history_shape(&self, table: &Table) -> Result<()> {
        if !HISTORY_COLUMNS.iter().all(|column| table.column(column).is_some()) {
            return Err(self.foreign(HISTORY_TABLE, "its columns are others"));
        }
        // Its numbers tell the order of events, and SQLite gives them.
        if table.rowid_alias().is_none_or(|column| !same(&column.name, "event")) {
            return Err(self.foreign(HISTORY_TABLE, "event is not its INTEGER PRIMARY KEY"));
        }
        self.refuse_computed(table)
    }

    fn refuse_computed(&self, table: &Table) -> Result<()> {
        match table.columns.iter().find(|column| !column.is_writable()) {
            Some(column) => {
                Err(self.foreign(&table.name, &format!("its column {} is computed", column.name)))
            }
            None => Ok(()),
        }
    }

    /// Checks that no trigger acts on the tables: it would run whenever a phase is recorded.
    ///
    /// # Errors
    /// [`ErrorKind::VersionTrigger`] naming the first one.
    pub fn refuse_triggers(&self, schema: &Schema) -> Result<()> {
        let acts = |it: &&Object| it.kind == ObjectKind::Trigger && self.contains(&it.table);
        match schema.objects.iter().find(acts) {
            Some(trigger) => Err(acts_on_records(&trigger.name, &trigger.table)),
            None => Ok(()),
        }
    }

    /// As [`VersionTables::refuse_triggers`], for triggers given as name and table.
    ///
    /// # Errors
    /// [`ErrorKind::VersionTrigger`] naming the first one.
    pub fn refuse_temporary_triggers(&self, triggers: &[(String, String)]) -> Result<()> {
        match triggers.iter().find(|(_, table)| self.contains(table)) {
            Some((name, table)) => Err(acts_on_records(name, table)),
            None => Ok(()),
        }
    }

    fn check_version_shape(&self, table: &Table) -> Result<()> {
        let mut names: Vec<String> = table.columns.iter().map(|it| fold(&it.name)).collect();
        names.sort();
        if names != ["applied_at", "description", "version"] {
            let found = list(table.columns.iter().map(|it| &it.name));
            return Err(self.foreign(&self.version, &format!("its columns are {found}")));
        }
        let keyed: Vec<&str> =
            table.columns.iter().filter(|it| it.key > 0).map(|it| it.name.as_str()).collect();
        let key_is_version = matches!(keyed.as_slice(), [only] if same(only, "version"));
        if !key_is_version {
            return Err(self.foreign(&self.version, "version is not its primary key"));
        }
        self.refuse_computed(table)
    }

    fn foreign(&self, table: &str, why: &str) -> Error {
        let what = format!("the table {table} has another meaning here: {why}");
        Error::new(ErrorKind::VersionTable, what).about(table)
    }

    /// Returns the highest version that a file records. A version table of another program says nothing.
    pub fn version_in(&self, connection: &Connection, schema: &Schema) -> Option<i64> {
        self.read(connection, schema).ok()?.version()
    }

    /// Reads what a file records. Tables that do not exist count as empty.
    ///
    /// # Errors
    /// [`ErrorKind::VersionTable`] if a table or a row of it is not ours.
    pub fn read(&self, connection: &Connection, schema: &Schema) -> Result<Recorded> {
        self.check(schema)?;
        let mut recorded = Recorded::default();
        if let Some(object) = schema.find_table(&self.version) {
            recorded.has_table = true;
            recorded.versions = self.read_versions(connection, &object.name)?;
        }
        if let Some(table) = schema.shape(HISTORY_TABLE) {
            recorded.events = read_events(connection, table.column("undo").is_some())?;
        }
        Ok(recorded)
    }

    fn read_versions(&self, connection: &Connection, table: &str) -> Result<Vec<VersionRow>> {
        let sql = format!(
            "SELECT version, CAST(applied_at AS TEXT), CAST(description AS TEXT) FROM main.{} ORDER BY version",
            quote(table)
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut versions = Vec::new();
        while let Some(row) = rows.next()? {
            let version = row
                .get::<_, i64>(0)
                .map_err(|_| self.foreign(table, "a version in it is not an integer"))?;
            versions.push(VersionRow {
                version,
                applied_at: lossy(row.get_ref(1)?),
                description: lossy(row.get_ref(2)?),
            });
        }
        Ok(versions)
    }
}

fn acts_on_records(trigger: &str, table: &str) -> Error {
    let what = format!("the trigger {trigger} acts on {table}, in which phases are recorded");
    Error::new(ErrorKind::VersionTrigger, what).about(trigger)
}

/// Reads text that may be anything; what is not valid UTF-8 is shown as far as possible.
fn lossy(value: rusqlite::types::ValueRef<'_>) -> Option<String> {
    value.as_bytes_or_null().ok().flatten().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// Reads the events. Files of the first versions keep no undo records.
fn read_events(connection: &Connection, has_undo: bool) -> Result<Vec<HistoryRow>> {
    // More than this is no record of ours.
    let undo = match has_undo {
        true => format!("CASE WHEN length(CAST(undo AS BLOB)) <= {LARGEST_RECORD} THEN undo END"),
        false => "NULL".to_owned(),
    };
    let mut statement = connection.prepare(&format!(
        "SELECT id, version, direction, checksum, finished_at, backup, {undo}, parents, tool_version, rows_proven \
         FROM main.phase_history ORDER BY event"
    ))?;
    let mut rows = statement.query([])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let damaged = || {
            Error::new(ErrorKind::VersionTable, "a row of phase_history cannot be read")
                .about(HISTORY_TABLE)
        };
        events.push(HistoryRow {
            id: lossy(row.get_ref(0)?).ok_or_else(damaged)?,
            version: row.get::<_, i64>(1).map_err(|_| damaged())?,
            direction: lossy(row.get_ref(2)?).ok_or_else(damaged)?,
            checksum: lossy(row.get_ref(3)?),
            finished_at: lossy(row.get_ref(4)?),
            backup: lossy(row.get_ref(5)?),
            undo: lossy(row.get_ref(6)?),
            rows_proven: row.get_ref(9)?.as_i64().ok().and_then(|rows| rows.try_into().ok()),
            parents: lossy(row.get_ref(7)?).unwrap_or_default(),
            tool_version: lossy(row.get_ref(8)?),
        });
    }
    Ok(events)
}
