//! A database and its phases, driven through the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phaseshift::Error;
use phaseshift::database::OpenOptions;
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, Project, Report, Request, migrate_now};
use phaseshift::name::quote;
use phaseshift::phase::{Chain, Target};
use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

/// The objects of a file: name and text, the version tables left out.
pub type Texts = BTreeMap<String, String>;

/// The rows of a file by table, in the order of their keys.
pub type Rows = BTreeMap<String, Vec<Vec<Value>>>;

/// A database in a folder of its own.
pub struct Rig {
    folder: tempfile::TempDir,
    phases: PathBuf,
}

impl Rig {
    /// Makes a database without tables for the phases of a fixture.
    pub fn new(fixture: &str) -> Self {
        let phases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
        Self::with_phases(phases)
    }

    /// Makes a database without tables for a folder of phases.
    pub fn with_phases(phases: PathBuf) -> Self {
        let rig = Self { folder: tempfile::tempdir().unwrap(), phases };
        make_empty(&rig.database());
        rig
    }

    /// Makes an empty chain in the rig's own folder, to which [`Rig::write`] adds phases.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let phases = folder.path().join("phases");
        std::fs::create_dir(&phases).unwrap();
        let rig = Self { folder, phases };
        make_empty(&rig.database());
        rig
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.phases.join(name), text).unwrap();
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    pub fn aside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn chain(&self) -> Chain {
        Chain::read(&RealFiles, &self.phases).map_err(explain).unwrap()
    }

    pub fn project(&self) -> Project {
        self.project_at(&self.database())
    }

    pub fn project_at(&self, database: &Path) -> Project {
        let options = OpenOptions {
            files: Arc::new(RealFiles),
            wait: Duration::from_secs(1),
            interrupt: Interrupt::default(),
        };
        let versions = VersionTables::named("schema_version");
        Project::new(database.to_path_buf(), None, self.chain(), versions, options)
    }

    pub fn connection(&self) -> Connection {
        let connection = Connection::open(self.database()).unwrap();
        connection.execute_batch("PRAGMA foreign_keys=ON").unwrap();
        connection
    }

    pub fn execute(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap();
    }

    pub fn try_run(&self, request: &Request) -> Result<Option<Report>, Error> {
        let project = self.project();
        let look = Migration::prepare(&project, request)?;
        Ok(migrate_now(&project, request, look, &mut Silent)?.report())
    }

    /// Goes up; `None` if there is nothing to do.
    #[track_caller]
    pub fn up(&self, target: &str) -> Option<Report> {
        self.try_run(&Request::up(Target::parse(target).unwrap())).map_err(explain).unwrap()
    }

    /// Goes down and lets go of what is lost.
    #[track_caller]
    pub fn down(&self, target: &str) -> Option<Report> {
        let request = Request::down(Target::parse(target).unwrap()).accepting_loss();
        self.try_run(&request).map_err(explain).unwrap()
    }

    pub fn texts(&self) -> Texts {
        texts(&self.connection())
    }

    pub fn rows(&self) -> Rows {
        rows(&self.connection())
    }

    /// The current ids.
    pub fn current(&self) -> Vec<String> {
        let project = self.project();
        let database = project.open(phaseshift::database::Access::ReadOnly).unwrap();
        let known = project.know(&database).unwrap();
        project.chain.current(&known.applied).iter().map(ToString::to_string).collect()
    }
}

/// Writes a file that is a database and has no tables.
pub fn make_empty(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA user_version=0; VACUUM").unwrap();
}

/// What SQLite's own pragmas say of every table, and the texts of all else, in no order: branches add their
/// columns and keys in the order in which they come.
pub fn shapes(connection: &Connection) -> Vec<String> {
    let sql = "
        WITH t AS (SELECT name FROM sqlite_schema WHERE type = 'table'
            AND name NOT IN ('schema_version', 'phase_history'))
        SELECT 'column ' || json_array(t.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, c.hidden)
            FROM t, pragma_table_xinfo(t.name) c
        UNION ALL
        SELECT 'key ' || json_array(t.name, group_concat(f.\"from\", ','), f.\"table\",
                group_concat(f.\"to\", ','), f.on_update, f.on_delete)
            FROM t, pragma_foreign_key_list(t.name) f GROUP BY t.name, f.id
        UNION ALL
        SELECT 'index ' || json_array(t.name, i.\"unique\", i.origin, i.partial,
                (SELECT group_concat(ifnull(x.name, '') || ' ' || x.\"desc\" || ' ' || x.coll, ',')
                    FROM pragma_index_xinfo(i.name) x WHERE x.key))
            FROM t, pragma_index_list(t.name) i
        UNION ALL
        SELECT type || ' ' || json_array(name, tbl_name, sql) FROM sqlite_schema
            WHERE type <> 'table' AND sql IS NOT NULL
        UNION ALL
        SELECT 'checks ' || json_array(name, (length(sql) - length(replace(upper(sql), 'CHECK', ''))) / 5)
            FROM sqlite_schema WHERE name IN t
        ORDER BY 1";
    let mut statement = connection.prepare(sql).unwrap();
    let lines = statement.query_map([], |row| row.get(0)).unwrap();
    lines.map(Result::unwrap).collect()
}

pub fn texts(connection: &Connection) -> Texts {
    let mut statement = connection
        .prepare(
            "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL \
             AND name NOT LIKE 'sqlite_%' AND tbl_name NOT IN ('schema_version', 'phase_history')",
        )
        .unwrap();
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    found.map(Result::unwrap).collect()
}

pub fn rows(connection: &Connection) -> Rows {
    let tables: Vec<String> = texts(connection)
        .keys()
        .filter_map(|name| Some(name.strip_prefix("table ")?.to_owned()))
        .collect();
    let mut all = Rows::new();
    for table in tables {
        let sql = format!("SELECT * FROM {}", quote(&table));
        let mut statement = connection.prepare(&sql).unwrap();
        let width = statement.column_count();
        let found = statement
            .query_map([], |row| (0..width).map(|at| row.get_ref(at).map(value)).collect())
            .unwrap();
        let mut found: Vec<Vec<Value>> =
            found.map(|row: rusqlite::Result<Vec<Value>>| row.unwrap()).collect();
        found.sort_by_key(|row| format!("{row:?}"));
        all.insert(table, found);
    }
    all
}

/// Text that is not UTF-8 is compared by its bytes.
fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec())
            .map_or_else(|error| Value::Blob(error.into_bytes()), Value::Text),
        other => Value::try_from(other).unwrap(),
    }
}

pub fn explain(error: Error) -> String {
    let facts = error.facts();
    format!("{error}: {:?} {:?} {:?}", error.causes(), facts.phase, facts.problems)
}

/// The columns of every table.
pub fn columns(connection: &Connection) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
          AND t.name NOT IN ('schema_version', 'phase_history')";
    let mut statement = connection.prepare(sql).unwrap();
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (table, column) in found.map(Result::unwrap) {
        all.entry(table).or_default().push(column);
    }
    all
}

/// The sorted rows of a query.
pub fn query(connection: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let width = statement.column_count();
    let rows = statement
        .query_map([], |row| (0..width).map(|at| row.get_ref(at).map(value)).collect())
        .unwrap();
    let mut rows: Vec<Vec<Value>> =
        rows.map(|row: rusqlite::Result<Vec<Value>>| row.unwrap()).collect();
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

/// The rows of all tables by name, in the columns that both lists have.
pub fn shared_rows(
    connection: &Connection,
    one: &BTreeMap<String, Vec<String>>,
    other: &BTreeMap<String, Vec<String>>,
) -> Rows {
    let shared = |(table, columns): (&String, &Vec<String>)| {
        let kept = other.get(table)?;
        let columns: Vec<String> =
            columns.iter().filter(|name| kept.contains(name)).map(|name| quote(name)).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), quote(table));
        Some((table.clone(), query(connection, &sql)))
    };
    one.iter().filter_map(shared).collect()
}

/// Answers one number or text.
pub fn ask(connection: &Connection, sql: &str) -> String {
    let rows = query(connection, sql);
    let shown = |value: &Value| match value {
        Value::Null => "null".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{bytes:?}"),
    };
    let lines = rows.iter().map(|row| row.iter().map(shown).collect::<Vec<_>>().join("|"));
    lines.collect::<Vec<_>>().join("\n")
}
