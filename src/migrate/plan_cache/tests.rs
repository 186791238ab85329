//! Planted mistakes: a plan, or a shape, of another file is noticed by the key or by the proof.
#![allow(clippy::disallowed_methods, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::migrate_now::migrate_now;
use super::super::prepare::{Preparation, find_path};
use super::super::project::Project;
use super::super::request::Request;
use super::super::state::{Migration, Prepared, data_version};
use super::{PlanCache, PlanKey};
use crate::database::{Access, OpenOptions};
use crate::error::{DatabaseState, ErrorKind, Result};
use crate::event::{Interrupt, Silent};
use crate::files::RealFiles;
use crate::history::VersionTables;
use crate::phase::{Chain, Target};
use crate::schema::{Column, ForeignKey, RowKey, Schema, Table};

const FILE: &str = "
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, n INTEGER DEFAULT 1, UNIQUE (a, n));
    CREATE TABLE other(x, y REFERENCES t(id));
    CREATE INDEX by_n ON t(n);
    CREATE VIEW seen AS SELECT a FROM t;
    CREATE TRIGGER made AFTER INSERT ON t WHEN new.n > 5 BEGIN INSERT INTO other(y) VALUES (new.id); END;
    INSERT INTO t(id, a, n) VALUES (1, 'one', 1), (2, 'two', 2), (3, 'Two', NULL), (4, 'six', 6);
    INSERT INTO other(x, y) VALUES (1, 1), ('1', 2), (x'00', NULL);
";

const PHASE: &str = "version = 1
[[up]]
op = 'rename_column'
table = 't'
from = 'a'
to = 'name'
[[up]]
op = 'add_column'
table = 't'
column = 'q INTEGER NOT NULL DEFAULT 0'
[[up]]
op = 'add_constraint'
table = 't'
sql = 'CHECK (length(name) < 9)'
";

/// Files that need another plan: what is different in the texts, or behind them.
const OTHER_PLANS: [(&str, &str, &str); 20] = [
    ("a collation of the table", "a TEXT NOT NULL", "a TEXT NOT NULL COLLATE NOCASE"),
    ("a default", "DEFAULT 1", "DEFAULT 2"),
    ("a type", "n INTEGER", "n NUMERIC"),
    ("a column", "n INTEGER", "m, n INTEGER"),
    ("a comment", "n INTEGER", "n /* note */ INTEGER"),
    ("the key of a table", "id INTEGER PRIMARY KEY", "id INT PRIMARY KEY"),
    ("a generated column", "n INTEGER", "g AS (id + 1), n INTEGER"),
    ("a strict table", "UNIQUE (a, n))", "UNIQUE (a, n)) STRICT"),
    ("a table without rowid", "UNIQUE (a, n))", "UNIQUE (a, n)) WITHOUT ROWID"),
    ("a collation of an index", "ON t(n)", "ON t(n COLLATE NOCASE)"),
    ("the order of an index", "ON t(n)", "ON t(n DESC)"),
    ("a partial index", "ON t(n)", "ON t(n) WHERE n > 1"),
    ("an index more", "CREATE TABLE other", "CREATE INDEX more ON t(a); CREATE TABLE other"),
    ("a trigger less", "CREATE TRIGGER made", "CREATE TABLE more(x); CREATE TEMP TRIGGER made"),
    ("a trigger", "new.n > 5", "new.n > 6"),
    ("a view", "SELECT a FROM t", "SELECT a, n FROM t"),
    ("a table beside it", "other(x, y REF", "other(x TEXT, y REF"),
    ("a foreign key", "y REFERENCES t(id)", "y REFERENCES t(id) ON DELETE CASCADE"),
    (
        "an AUTOINCREMENT",
        "CREATE VIEW",
        "CREATE TABLE c(i INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW",
    ),
    ("statistics", "(x'00', NULL);", "(x'00', NULL); ANALYZE;"),
];

/// Files that share the plan although something in them differs.
const SAME_PLAN: [(&str, &str); 8] = [
    ("a page size", "PRAGMA page_size=8192; VACUUM"),
    ("pointer maps", "PRAGMA auto_vacuum=FULL; VACUUM"),
    (
        "pages elsewhere",
        "CREATE TABLE big(x); INSERT INTO big VALUES (zeroblob(99999)); DROP TABLE big; VACUUM",
    ),
    ("free pages", "CREATE TABLE big(x); INSERT INTO big VALUES (zeroblob(99999)); DROP TABLE big"),
    (
        "rows",
        "INSERT INTO t(id, a) SELECT 9 + value, 'r' || value FROM json_each('[1,2,3,4,5,6,7,8,9]')",
    ),
    ("no rows", "DELETE FROM other; DELETE FROM t"),
    ("a row that breaks the new rule", "INSERT INTO t(id, a) VALUES (9, 'longer than nine')"),
    ("an orphan", "PRAGMA foreign_keys=OFF; INSERT INTO other(y) VALUES (99)"),
];

struct Fleet {
    folder: tempfile::TempDir,
    chain: Chain,
    cache: Arc<PlanCache>,
}

impl Fleet {
    fn new(phase: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let phases = folder.path().join("phases");
        for (path, text) in [(&phases, None), (&phases.join("one.toml"), Some(phase))] {
            match text {
                None => std::fs::create_dir(path).unwrap(),
                Some(text) => std::fs::write(path, text).unwrap(),
            }
        }
        let chain = Chain::read(&RealFiles, &phases).unwrap();
        Self { folder, chain, cache: Arc::default() }
    }

    /// Makes a file of a fleet.
    fn file(&self, name: &str, texts: &str, more: &str) -> Project {
        let path = self.folder.path().join(name);
        let file = open(&path);
        file.execute_batch(&format!("{texts}{more}")).unwrap();
        file.close().unwrap();
        let interrupt = Interrupt::default();
        let options =
            OpenOptions { files: Arc::new(RealFiles), wait: Duration::from_secs(5), interrupt };
        let versions = VersionTables::named("schema_version");
        let project = Project::new(path, None, self.chain.clone(), versions, options);
        Project { plans: Some(Arc::clone(&self.cache)), ..project }
    }

    /// Plans for one file, and puts this plan where that for the other is looked for.
    fn swap_plans(&self, planned: &Project, other: &Project) {
        drop(Migration::prepare(planned, &request()).unwrap());
        let key = key_of(other);
        let mut plans = self.cache.lock();
        let plan = Arc::clone(&plans.made[0].1);
        plans.made.push((key, plan));
    }
}

fn open(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    Connection::open_with_flags(path, flags).unwrap()
}

fn request() -> Request {
    Request::up(Target::parse("head").unwrap())
}

fn key_of(project: &Project) -> PlanKey {
    let database = project.open(Access::ReadOnly).unwrap();
    let (project, known, path) = find_path(project, &request(), &database).unwrap();
    PlanKey::of((&project.chain, &project.versions), &known, &path)
}

fn upgrade(project: &Project) -> Result<()> {
    let prepared = Migration::prepare(project, &request())?;
    assert!(matches!(prepared, Preparation::Ready(_)));
    migrate_now(project, &request(), prepared, &mut Silent).map(|done| drop(done.report().unwrap()))
}

/// What SQL finds in a file: its entries, rows, statistics and settings.
fn content(path: &Path) -> String {
    let file = open(path);
    let list = |sql: &str| -> Vec<String> {
        let mut statement = file.prepare(sql).unwrap();
        let found = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        found.map(|it| it.unwrap().unwrap_or_default()).collect()
    };
    let entries = list(
        "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema
         ORDER BY type, name",
    );
    let mut found = entries.join("\n");
    for table in list("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    {
        if ["sqlite_schema", "schema_version", "phase_history"].contains(&table.as_str()) {
            continue;
        }
        let columns =
            list(&format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_xinfo('{table}')"));
        let rows = format!(
            "SELECT concat_ws(', ', {}) AS row FROM \"{table}\" ORDER BY row",
            columns.join(", ")
        );
        found += &format!("\n{table}: {:?}", list(&rows));
    }
    for pragma in ["page_size", "auto_vacuum"] {
        found += &format!(
            "\n{pragma}: {:?}",
            list(&format!("SELECT {pragma} || '' FROM pragma_{pragma}"))
        );
    }
    found
}

/// Runs a file alone, and says what it holds afterwards.
fn alone(project: &Project, phase: &str, texts: &str, more: &str) -> (Option<ErrorKind>, String) {
    let fleet = Fleet::new(phase);
    let project = Project {
        plans: None,
        ..fleet.file(&project.database.file_name().unwrap().to_string_lossy(), texts, more)
    };
    let kind = upgrade(&project).err().map(|error| error.kind());
    (kind, content(&project.database))
}

#[test]
fn a_file_with_other_texts_gets_a_plan_of_its_own() {
    for (place, (what, from, to)) in OTHER_PLANS.into_iter().enumerate() {
        assert!(FILE.contains(from), "{what}");
        let fleet = Fleet::new(PHASE);
        let (one, texts) = (fleet.file("one.db", FILE, ""), FILE.replace(from, to));
        let other = fleet.file("other.db", &texts, "");
        assert_ne!(key_of(&one), key_of(&other), "{what}");
        if place % 5 > 0 {
            continue;
        }
        upgrade(&one).unwrap();
        let kind = upgrade(&other).err().map(|error| error.kind());
        let (expected, held) = alone(&other, PHASE, &texts, "");
        assert_eq!((kind, content(&other.database)), (expected, held), "{what}");
    }
}

#[test]
fn a_file_that_shares_a_plan_ends_as_it_would_alone() {
    for (what, more) in SAME_PLAN {
        let fleet = Fleet::new(PHASE);
        let (one, other) = (fleet.file("one.db", FILE, ""), fleet.file("other.db", FILE, more));
        assert_eq!(key_of(&one), key_of(&other), "{what}");
        upgrade(&one).unwrap();
        let kind = upgrade(&other).err().map(|error| error.kind());
        let alone = alone(&other, PHASE, FILE, more);
        assert_eq!((kind, content(&other.database)), alone, "{what}");
    }
}

#[test]
fn planted_a_plan_of_another_file_is_noticed_and_nothing_changes() {
    for (what, from, to) in OTHER_PLANS {
        let fleet = Fleet::new(PHASE);
        let texts = FILE.replace(from, to);
        let (one, other) = (fleet.file("one.db", FILE, ""), fleet.file("other.db", &texts, ""));
        fleet.swap_plans(&one, &other);
        let before = content(&other.database);
        let done = upgrade(&other);
        if what == "statistics" {
            // The table keeps its name, so that this plan leaves them where they are.
            done.unwrap();
            assert_eq!(content(&other.database), alone(&other, PHASE, &texts, "").1);
            continue;
        }
        let error = done.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Proof, "{what}: {error}");
        assert_eq!(error.state(), DatabaseState::RolledBack, "{what}");
        let problems = error.facts().problems.join("\n");
        assert!(problems.contains("made for another schema"), "{what}: {problems}");
        assert_eq!(content(&other.database), before, "{what}");
    }
}

/// A mistake in the shape of a table.
type Mistake = Box<dyn Fn(&mut Table)>;

/// Shapes as a reuse would give them that ignores the text of a table.
fn wrong_shapes() -> Vec<(&'static str, Mistake)> {
    let column = |edit: fn(&mut Column)| -> Mistake {
        Box::new(move |table| table.columns.iter_mut().filter(|it| it.name == "n").for_each(edit))
    };
    vec![
        ("a column less", Box::new(|table| table.columns.retain(|it| it.name != "n"))),
        ("a column by another name", column(|it| it.name = "m".to_owned())),
        ("a type", column(|it| it.declared = "TEXT".to_owned())),
        ("a default", column(|it| it.default = Some("7".to_owned()))),
        ("a NOT NULL", column(|it| it.not_null = true)),
        ("a generated column", column(|it| it.storage = crate::schema::ColumnStorage::Virtual)),
        ("a key", Box::new(|table| table.key = RowKey::PrimaryKey(vec!["n".to_owned()]))),
        ("a hidden rowid", Box::new(|table| table.key = RowKey::HiddenRowid)),
        ("a strict table", Box::new(|table| table.strict = !table.strict)),
        (
            "a foreign key",
            Box::new(|table| {
                let none = || "NO ACTION".to_owned();
                let actions = (none(), none(), "NONE".to_owned());
                let (columns, parent_columns) = (vec!["n".to_owned()], vec!["x".to_owned()]);
                let parent = "other".to_owned();
                table.foreign_keys.push(ForeignKey { parent, columns, parent_columns, actions });
            }),
        ),
    ]
}

#[test]
fn planted_a_shape_of_another_table_is_noticed_or_makes_no_difference() {
    for (what, edit) in wrong_shapes() {
        let fleet = Fleet::new(PHASE);
        let other = fleet.file("other.db", FILE, "");
        let mut schema: Schema = crate::schema::read(&open(&other.database)).unwrap();
        edit(schema.tables.get_mut("t").unwrap());
        fleet.cache.lock().schema = Arc::new(schema);
        let before = content(&other.database);
        match upgrade(&other) {
            Ok(()) => {
                assert_eq!(content(&other.database), alone(&other, PHASE, FILE, "").1, "{what}")
            }
            Err(_) => assert_eq!(content(&other.database), before, "{what}"),
        }
    }
}

/// What another program does to a file between its plan and its lock, and whether a run that trusts its plan fails.
const MEANWHILE: [(&str, &str, Naive); 12] = [
    ("a column", "ALTER TABLE t ADD COLUMN late DEFAULT 'x'", Naive::Fails),
    (
        "a column less",
        "DROP TRIGGER made; DROP INDEX by_n; ALTER TABLE other DROP COLUMN x",
        Naive::Fails,
    ),
    ("a column by another name", "ALTER TABLE t RENAME COLUMN n TO m", Naive::Fails),
    ("a table by another name", "ALTER TABLE t RENAME TO u", Naive::Fails),
    ("a table more", "CREATE TABLE late(x); INSERT INTO late VALUES (1)", Naive::Fails),
    ("an index more", "CREATE INDEX late ON t(a, n)", Naive::Fails),
    ("an index less", "DROP INDEX by_n", Naive::Fails),
    (
        "a trigger",
        "CREATE TRIGGER late AFTER DELETE ON t BEGIN DELETE FROM other; END",
        Naive::Fails,
    ),
    ("a view", "CREATE VIEW late AS SELECT n, a FROM t", Naive::Fails),
    (
        "a row that breaks the new rule",
        "INSERT INTO t(id, a) VALUES (9, 'longer than nine')",
        Naive::Fails,
    ),
    (
        "rows",
        "INSERT INTO t(id, a) VALUES (9, 'nine'); DELETE FROM t WHERE id = 3",
        Naive::EndsRight,
    ),
    ("statistics", "ANALYZE", Naive::EndsRight),
];

/// How a run ends that carries out its plan although the file changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naive {
    /// It is rolled back.
    Fails,
    /// The plan is right for the change, too.
    EndsRight,
}

/// Prepares a file by the plan of another one, lets another program change it, and carries the run out. `trust` may
/// tamper with what the run knows of the file.
fn overtaken(sql: &str, trust: impl FnOnce(&mut Migration<Prepared>)) -> (Result<()>, String) {
    let fleet = Fleet::new(PHASE);
    let (one, other) = (fleet.file("one.db", FILE, ""), fleet.file("other.db", FILE, ""));
    upgrade(&one).unwrap();
    let mut look = Migration::prepare(&other, &request()).unwrap();
    assert_eq!(fleet.cache.lock().made.len(), 1);
    let program = open(&other.database);
    program.execute_batch(sql).unwrap();
    program.close().unwrap();
    if let Preparation::Ready(migration) = &mut look {
        trust(migration);
    }
    let done = migrate_now(&other, &request(), look, &mut Silent);
    (done.map(|it| drop(it.report().unwrap())), content(&other.database))
}

#[test]
fn a_file_that_changes_after_it_got_a_shared_plan_is_planned_again() {
    for (what, sql, _) in MEANWHILE {
        let (done, held) = overtaken(sql, |_| ());
        let fleet = Fleet::new(PHASE);
        let right = alone(&fleet.file("other.db", FILE, ""), PHASE, FILE, sql);
        assert_eq!((done.err().map(|error| error.kind()), held), right, "{what}");
    }
}

#[test]
fn planted_a_shared_plan_that_is_trusted_although_the_file_changed_is_rolled_back() {
    for (what, sql, naive) in MEANWHILE {
        let (done, held) = overtaken(sql, |migration| {
            migration.state.data_version = data_version(&migration.state.database).unwrap();
        });
        let fleet = Fleet::new(PHASE);
        let changed = fleet.file("other.db", FILE, sql);
        let expected = match naive {
            Naive::Fails => content(&changed.database),
            Naive::EndsRight => alone(&changed, PHASE, FILE, sql).1,
        };
        assert_eq!(done.is_err(), naive == Naive::Fails, "{what}: {done:?}");
        assert_eq!(held, expected, "{what}: {done:?}");
        if let Err(error) = done {
            assert_eq!(error.state(), DatabaseState::RolledBack, "{what}: {error}");
        }
    }
}
