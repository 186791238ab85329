//! Other tools' migrations, in place and imported: the file is as the `sqlite3` program makes it of the same statements.
//! The chains are under fixtures/foreign, where generate.py writes them.

use std::path::{Path, PathBuf};

use super::support::{Project, python, script, sqlite3};

/// Everything of a file but version tables: objects without spaces and quotes, and all rows.
const LOOK: &str = r#"
c = sqlite3.connect(path)
c.text_factory = bytes
own = (b'schema_version', b'phase_history', b'schema_migrations', b'goose_db_version', b'_sqlx_migrations', b'alembic_version',
    b'__diesel_schema_migrations', b'refinery_schema_history', b'_prisma_migrations', b'__drizzle_migrations', b'django_migrations')
for kind, name, table, sql in sorted(c.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")):
    if table in own: continue
    print(kind, name, table, sql.translate(None, b' \n\r\t"'))
    if kind in (b'table', b'view'):
        quoted = '"' + name.decode().replace('"', '""') + '"'
        print([it[1:] for it in c.execute('PRAGMA table_xinfo(' + quoted + ')')])
        for row in sorted(map(repr, c.execute('SELECT * FROM ' + quoted))): print(row)
print(c.execute('PRAGMA foreign_key_check').fetchall(), c.execute('PRAGMA integrity_check').fetchall())
"#;

/// A chain of the fixtures.
struct Chain {
    /// The folder under fixtures/foreign.
    name: &'static str,
    /// The folder of migrations in it.
    folder: &'static str,
    /// The word for `import --from`.
    tool: &'static str,
    /// What `--format auto` takes it for.
    format: &'static str,
    downs: bool,
}

const CHAINS: [Chain; 11] = [
    Chain { name: "goose", folder: "migrations", tool: "goose", format: "goose", downs: true },
    Chain { name: "dbmate", folder: "migrations", tool: "dbmate", format: "dbmate", downs: true },
    Chain {
        name: "golang-migrate",
        folder: "migrations",
        tool: "golang-migrate",
        format: "migrate",
        downs: true,
    },
    Chain { name: "sqlx", folder: "migrations", tool: "sqlx", format: "migrate", downs: true },
    Chain {
        name: "sqlx_simple",
        folder: "migrations",
        tool: "sqlx",
        format: "phaseshift",
        downs: false,
    },
    Chain { name: "diesel", folder: "migrations", tool: "diesel", format: "diesel", downs: true },
    Chain {
        name: "rusqlite_migration",
        folder: "migrations",
        tool: "rusqlite_migration",
        format: "rusqlite_migration",
        downs: true,
    },
    Chain {
        name: "refinery",
        folder: "migrations",
        tool: "refinery",
        format: "refinery",
        downs: false,
    },
    Chain { name: "prisma", folder: "migrations", tool: "prisma", format: "prisma", downs: false },
    Chain { name: "drizzle", folder: "drizzle", tool: "drizzle", format: "drizzle", downs: false },
    Chain {
        name: "plain",
        folder: "migrations",
        tool: "plain",
        format: "phaseshift",
        downs: false,
    },
];

impl Chain {
    fn path(&self, name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/foreign").join(self.name).join(name)
    }

    fn statements(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The folder of migrations, as an argument.
    fn migrations(&self) -> String {
        self.path(self.folder).display().to_string()
    }
}

/// What the `sqlite3` program makes of these statements in a new file.
fn made_by_sqlite3(project: &Project, statements: &[String]) -> String {
    let path = project.aside("judge.db");
    let _ = std::fs::remove_file(&path);
    script(&path, "CREATE TABLE there(a); DROP TABLE there;").unwrap();
    for text in statements {
        script(&path, text).unwrap();
    }
    python(&path, LOOK)
}

#[track_caller]
fn up_and_down(chain: &Chain, project: &Project, flags: &[&str]) {
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = flags.iter().chain(arguments).copied().collect();
        project.run_here(&all).expect_code(0)
    };
    run(&["-d", "app.db", "upgrade", "--create"]);
    let database = project.path("app.db");
    let up = chain.statements("up.sql");
    assert_eq!(
        python(&database, LOOK),
        made_by_sqlite3(project, std::slice::from_ref(&up)),
        "{}",
        chain.name
    );
    if chain.downs {
        run(&["-d", "app.db", "downgrade", "base", "--accept-loss"]);
        let both = made_by_sqlite3(project, &[up, chain.statements("down.sql")]);
        assert_eq!(python(&database, LOOK), both, "{} down", chain.name);
    }
}

#[test]
fn every_chain_runs_where_it_is() {
    for chain in &CHAINS {
        let project = Project::empty();
        let folder = chain.migrations();
        let heads = project.run_here(&["--phases", &folder, "heads"]).expect_code(0);
        if chain.format == "phaseshift" {
            assert_eq!(heads.stderr, "", "{}", chain.name);
        } else {
            let said = format!("as files of {0} (--format {0})", chain.format);
            assert!(heads.stderr.contains(&said), "{}: {}", chain.name, heads.stderr);
        }
        up_and_down(chain, &project, &["--phases", &folder]);
        let format = match chain.tool {
            "golang-migrate" => "migrate",
            tool => tool,
        };
        let named = project.run_here(&["--phases", &folder, "--format", format, "heads"]);
        assert_eq!(named.expect_code(0).stdout, heads.stdout, "{}", chain.name);
    }
}

#[test]
fn every_chain_is_imported() {
    for chain in &CHAINS {
        let project = Project::empty();
        project.run_here(&["import", "--from", chain.tool, &chain.migrations()]).expect_code(0);
        up_and_down(chain, &project, &[]);
        // A second import would mix two chains.
        let again = project.run_here(&["import", "--from", chain.tool, &chain.migrations()]);
        assert!(again.expect_code(4).stderr.contains("holds phases already"));
    }
}

/// The table that the tool keeps when all migrations are applied, as its own documentation and source have it.
fn bookkeeping(chain: &Chain, keys: &[String]) -> String {
    let rows = |make: &dyn Fn(usize, &String) -> String| {
        keys.iter().enumerate().map(|(at, key)| make(at, key)).collect::<Vec<_>>().join(",")
    };
    match chain.tool {
        "goose" => format!(
            "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
             INSERT INTO goose_db_version(version_id, is_applied) VALUES (0, 1), {};",
            rows(&|_, key| format!("({key}, 1), ({key}, 0), ({key}, 1)"))
        ),
        "dbmate" => format!(
            "CREATE TABLE \"schema_migrations\" (version varchar(128) primary key); INSERT INTO schema_migrations VALUES {};",
            rows(&|_, key| format!("('{key}')"))
        ),
        "golang-migrate" => format!(
            "CREATE TABLE schema_migrations (version uint64, dirty bool); CREATE UNIQUE INDEX version_unique ON schema_migrations (version); INSERT INTO schema_migrations VALUES ({}, 0);",
            keys.last().unwrap()
        ),
        "sqlx" => format!(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
             INSERT INTO _sqlx_migrations(version, description, success, checksum, execution_time) VALUES {};",
            rows(&|_, key| format!("({key}, 'x', TRUE, x'00', 1)"))
        ),
        "diesel" => format!(
            "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP); INSERT INTO __diesel_schema_migrations(version) VALUES {};",
            rows(&|_, key| format!("('{key}')"))
        ),
        "refinery" => format!(
            "CREATE TABLE refinery_schema_history(version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255)); INSERT INTO refinery_schema_history VALUES {};",
            rows(&|_, key| format!("({key}, 'x', 'then', '1')"))
        ),
        "rusqlite_migration" => format!("PRAGMA user_version = {};", keys.len()),
        "prisma" => format!(
            "CREATE TABLE \"_prisma_migrations\" (\"id\" TEXT PRIMARY KEY NOT NULL, \"checksum\" TEXT NOT NULL, \"finished_at\" DATETIME, \"migration_name\" TEXT NOT NULL, \"logs\" TEXT, \"rolled_back_at\" DATETIME, \"started_at\" DATETIME NOT NULL DEFAULT current_timestamp, \"applied_steps_count\" INTEGER UNSIGNED NOT NULL DEFAULT 0);
             INSERT INTO _prisma_migrations(id, checksum, finished_at, migration_name) VALUES {};",
            rows(&|at, key| format!("('{at}', 'c', 1714550400000, '{key}')"))
        ),
        "drizzle" => format!(
            "CREATE TABLE \"__drizzle_migrations\" (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric); INSERT INTO __drizzle_migrations(hash, created_at) VALUES {};",
            rows(&|_, key| format!("('h', {key})"))
        ),
        other => panic!("{other} keeps nothing"),
    }
}

/// What the tool records of each migration, by the names of its files: read with the tool's rules, not ours.
fn keys(chain: &Chain) -> Vec<String> {
    let folder = chain.path(chain.folder);
    if chain.tool == "drizzle" {
        return (0..12)
            .map(|day: i64| (1_714_550_400_000 + day * 86_400_000).to_string())
            .collect();
    }
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .filter(|it| {
            !it.starts_with('.')
                && !it.ends_with(".down.sql")
                && !it.ends_with(".md")
                && !it.ends_with(".toml")
        })
        .collect();
    names.sort();
    let digits = |name: &str| name.chars().take_while(char::is_ascii_digit).collect::<String>();
    let number = |text: String| text.parse::<u64>().unwrap();
    match chain.tool {
        "dbmate" => names.iter().map(|it| digits(it)).collect(),
        "diesel" => names.iter().map(|it| it.split('_').next().unwrap().replace('-', "")).collect(),
        "prisma" => names,
        _ => {
            let mut numbers: Vec<u64> =
                names.iter().map(|it| number(digits(it.trim_start_matches(['V', 'U'])))).collect();
            numbers.sort_unstable();
            numbers.iter().map(u64::to_string).collect()
        }
    }
}

/// A project with a file that the tool migrated.
fn migrated(chain: &Chain, keys: &[String]) -> Project {
    let project = Project::empty();
    let database = project.path("app.db");
    script(&database, &chain.statements("up.sql")).unwrap();
    script(&database, &bookkeeping(chain, keys)).unwrap();
    project
}

const TABLES: &str = "SELECT name, sql FROM sqlite_master WHERE name IN ('schema_migrations','goose_db_version','_sqlx_migrations','__diesel_schema_migrations','refinery_schema_history','_prisma_migrations','__drizzle_migrations'); PRAGMA user_version;";

#[test]
fn a_file_that_the_tool_migrated_is_adopted_and_its_table_stays() {
    for chain in CHAINS.iter().filter(|it| it.name != "plain") {
        let keys = keys(chain);
        assert_eq!(keys.len(), 12, "{}: {keys:?}", chain.name);
        let project = migrated(chain, &keys);
        let database = project.path("app.db");
        let before = python(&database, LOOK);
        let table = sqlite3(&database, TABLES);
        let from = chain.migrations();
        let said = project
            .run_here(&["import", "--from", chain.tool, &from, "--adopt", "app.db", "--json"]);
        let said = said.expect_code(0).json();
        assert_eq!(
            said["adopted"]["ids"].as_array().map(Vec::len),
            Some(12),
            "{}: {said}",
            chain.name
        );
        assert_eq!(python(&database, LOOK), before, "{}", chain.name);
        assert_eq!(sqlite3(&database, TABLES), table, "{}", chain.name);
        let status = project.run_here(&["-d", "app.db", "current", "--require", "head"]);
        status.expect_code(0);
        project.run_here(&["-d", "app.db", "verify"]).expect_code(0);
    }
}

#[test]
fn an_earlier_state_is_adopted_as_such() {
    let chain = &CHAINS[0];
    let project = Project::empty();
    let database = project.path("app.db");
    // Without the last two migrations.
    let up = chain.statements("up.sql");
    let end = up.find("ALTER TABLE log RENAME TO journal").unwrap();
    script(&database, &up[..end]).unwrap();
    script(&database, &bookkeeping(chain, &keys(chain)[..10])).unwrap();
    project
        .run_here(&["import", "--from", "goose", &chain.migrations(), "--adopt", "app.db"])
        .expect_code(0);
    project.run_here(&["-d", "app.db", "upgrade"]).expect_code(0);
    assert_eq!(python(&database, LOOK), made_by_sqlite3(&project, &[up]));
}

#[test]
fn a_file_that_is_not_what_its_tool_recorded_is_refused_by_name() {
    let chain = &CHAINS[0];
    let run = |project: &Project, chain: &Chain| {
        let before = std::fs::read(project.path("app.db")).unwrap();
        let from = chain.migrations();
        let said = project
            .run_here(&["import", "--from", chain.tool, &from, "--adopt", "app.db"])
            .expect_code(4);
        assert_eq!(std::fs::read(project.path("app.db")).unwrap(), before);
        let phases = std::fs::read_dir(project.path("phases")).map(Iterator::count);
        assert_eq!(phases.unwrap_or_default(), 0, "nothing is written");
        said.stderr
    };
    let project = migrated(chain, &keys(chain));
    sqlite3(
        &project.path("app.db"),
        "DROP INDEX journal_entry; ALTER TABLE author DROP COLUMN born; DROP VIEW \"long; shelf\"",
    );
    let said = run(&project, chain);
    for name in ["author", "born", "long; shelf"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    let project = migrated(chain, &[keys(chain), vec!["77".to_owned()]].concat());
    assert!(run(&project, chain).contains("the migration 77, which is not in the folder"));
    let project = Project::empty();
    sqlite3(&project.path("app.db"), "CREATE TABLE author(a)");
    assert!(run(&project, chain).contains("no table goose_db_version"));

    let migrate = &CHAINS[2];
    let project = migrated(migrate, &keys(migrate));
    sqlite3(&project.path("app.db"), "UPDATE schema_migrations SET dirty = 1");
    assert!(run(&project, migrate).contains("migration 12 failed half-way"));
    let sqlx = &CHAINS[3];
    let project = migrated(sqlx, &keys(sqlx));
    sqlite3(
        &project.path("app.db"),
        "UPDATE _sqlx_migrations SET success = 0 WHERE version = 20240203120000",
    );
    assert!(run(&project, sqlx).contains("migration 20240203120000 failed"));
    let prisma = &CHAINS[8];
    let project = migrated(prisma, &keys(prisma));
    sqlite3(
        &project.path("app.db"),
        "UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name LIKE '%seed'",
    );
    assert!(run(&project, prisma).contains("20240402080000_seed failed"));
    let counted = &CHAINS[6];
    let project = migrated(counted, &keys(counted));
    sqlite3(&project.path("app.db"), "PRAGMA user_version = 13");
    assert!(run(&project, counted).contains("13 migrations"));
}

#[test]
fn a_schema_file_that_the_migrations_do_not_make_is_reported() {
    let chain = &CHAINS[1];
    let project = Project::empty();
    let whole = chain.statements("up.sql");
    let judge = project.aside("judge.db");
    script(&judge, &whole).unwrap();
    let schema = sqlite3(&judge, ".schema --nosys");
    project.write("schema.sql", &schema);
    let from = chain.migrations();
    let said = project.run_here(&["import", "--from", "dbmate", &from, "--dry-run", "--json"]);
    assert_eq!(said.expect_code(0).json()["schema_differences"], serde_json::json!([]));
    project.write("other.sql", &schema.replace("born TEXT", "born TEXT, extra INTEGER"));
    let said = project
        .run_here(&["import", "--from", "dbmate", &from, "--schema", "other.sql"])
        .expect_code(0);
    assert!(said.stdout.contains("extra"), "{}", said.stdout);
}

#[test]
fn hostile_folders_are_refused() {
    let project = Project::empty();
    project
        .write("d/meta/_journal.json", r#"{"entries":[{"idx":0,"when":1,"tag":"../../secret"}]}"#);
    project.write("secret.sql", "SELECT 1;");
    let run = |tool: &str, folder: &str| {
        project.run_here(&["import", "--from", tool, folder]).expect_code(4).stderr
    };
    assert!(run("drizzle", "d").contains("does not name a file of the folder"));
    project.write(
        "e/meta/_journal.json",
        r#"{"entries":[{"idx":0,"when":1,"tag":"0000_a"},{"idx":1,"when":2,"tag":"0000_a"}]}"#,
    );
    project.write("e/0000_a.sql", "SELECT 1;");
    assert!(run("drizzle", "e").contains("stands there twice"));
    project.write("f/meta/_journal.json", "{}");
    assert!(run("drizzle", "f").contains("no entries"));
    std::fs::create_dir(project.path("g")).unwrap();
    std::os::unix::fs::symlink(project.path("secret.sql"), project.path("g/1_a.up.sql")).unwrap();
    assert!(run("golang-migrate", "g").contains("a link to a file outside the folder"));
    std::fs::create_dir(project.path("h")).unwrap();
    std::os::unix::fs::symlink(project.path("g"), project.path("h/2024-01-01-000000_x")).unwrap();
    std::os::unix::fs::symlink(project.path("secret.sql"), project.path("g/up.sql")).unwrap();
    assert!(run("diesel", "h").contains("outside the folder"));
    std::fs::create_dir(project.path("i")).unwrap();
    let huge = std::fs::File::create(project.path("i/1_a.sql")).unwrap();
    huge.set_len(200 << 20).unwrap();
    assert!(run("goose", "i").contains("cannot be read"));
    project.write("j/1_a\u{1b}[2J.sql", "-- +goose Up\nDROP TABLE x");
    project.write("j/2_a.sql", "-- +goose Up\nSELECT 'x");
    assert!(!run("goose", "j").contains('\u{1b}'));
}

/// A fixture of alembic or django.
fn fixture(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/foreign");
    root.join(name).display().to_string()
}

/// What the tool itself made, from its dump.
fn made_by_tool(project: &Project, dump: &str) -> String {
    let path = project.aside("judge.db");
    let text = std::fs::read_to_string(fixture(dump)).unwrap();
    script(&path, &text).unwrap();
    python(&path, LOOK)
}

#[test]
fn the_graph_of_alembic_is_read_and_its_sql_does_what_alembic_does() {
    let project = Project::empty();
    let (folder, up, down) = (
        fixture("alembic/alembic"),
        fixture("alembic/sql/upgrade.sql"),
        fixture("alembic/sql/downgrade.sql"),
    );
    let import = ["import", "--from", "alembic", &folder, "--sql", &up, "--sql", &down];
    project.run_here(&import).expect_code(0);
    let run = |arguments: &[&str]| {
        project.run_here(&[&["-d", "app.db"], arguments].concat()).expect_code(0)
    };
    let heads = run(&["heads", "--json"]).json();
    assert_eq!(heads["ids"], serde_json::json!(["d0e9", "e1f1"]));
    assert_eq!(run(&["branches", "--json"]).json()["ids"], serde_json::json!(["c3d2"]));
    let shown = run(&["show", "a7b6", "--json"]).json();
    assert!(shown.to_string().contains("Merge both lines"), "{shown}");
    run(&["upgrade", "--create", "side@head"]);
    run(&["upgrade", "heads"]);
    let made = made_by_tool(&project, "alembic/expected.sql");
    assert_eq!(python(&project.path("app.db"), LOOK), made);
    run(&["downgrade", "base", "--accept-loss"]);
    assert_eq!(python(&project.path("app.db"), LOOK), "[] [(b'ok',)]");
}

#[test]
fn a_file_of_alembic_is_adopted_with_all_that_comes_before_its_heads() {
    let project = Project::empty();
    let text = std::fs::read_to_string(fixture("alembic/expected.sql")).unwrap();
    script(&project.path("app.db"), &text).unwrap();
    let (folder, up) = (fixture("alembic/alembic/versions"), fixture("alembic/sql/upgrade.sql"));
    let import =
        ["import", "--from", "alembic", &folder, "--sql", &up, "--adopt", "app.db", "--json"];
    let said = project.run_here(&import).expect_code(0).json();
    assert_eq!(said["adopted"]["ids"].as_array().map(Vec::len), Some(11), "{said}");
    assert_eq!(said["adopted"]["current"], serde_json::json!(["d0e9", "e1f1"]));
    assert_eq!(sqlite3(&project.path("app.db"), "SELECT count(*) FROM alembic_version"), "2");
}

#[test]
fn python_that_is_no_literal_is_refused_and_never_run() {
    let project = Project::empty();
    project.write(
        "v/a.py",
        "import os\nos.mkdir('was_run')\nrevision = 'a'\ndown_revision = os.environ['X']\n",
    );
    project.write("up.sql", "-- Running upgrade  -> a\n");
    let said =
        project.run_here(&["import", "--from", "alembic", "v", "--sql", "up.sql"]).expect_code(4);
    assert!(said.stderr.contains("a.py:4: `down_revision` is not a literal"), "{}", said.stderr);
    assert!(!project.path("was_run").exists());
    project.write("v/a.py", "revision = 'a'\ndown_revision = None\n");
    project.write("v/b.py", "revision = 'b'\ndown_revision = 'a'\n");
    let said =
        project.run_here(&["import", "--from", "alembic", "v", "--sql", "up.sql"]).expect_code(4);
    assert!(said.stderr.contains("no upgrade to the revision b"), "{}", said.stderr);
    project.run_here(&["import", "--from", "alembic", "v"]).expect_code(2);
}

/// As [`LOOK`], but the columns of tables in any order: Django writes those of a remade table in another order from run
/// to run.
const UNORDERED: &str = r#"
c = sqlite3.connect(path)
own = ('schema_version', 'phase_history', 'django_migrations')
for kind, name, table, sql in sorted(c.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")):
    if table in own: continue
    print(kind, name, table, '' if kind == 'table' else sql)
    if kind in ('table', 'view'):
        quoted = '"' + name.replace('"', '""') + '"'
        print(sorted(it[1:] for it in c.execute('PRAGMA table_xinfo(' + quoted + ')')))
        cursor = c.execute('SELECT * FROM ' + quoted)
        names = [it[0] for it in cursor.description]
        for row in sorted(repr(sorted(zip(names, row))) for row in cursor): print(row)
print(c.execute('PRAGMA foreign_key_check').fetchall(), c.execute('PRAGMA integrity_check').fetchall())
"#;

#[test]
fn what_django_prints_does_what_django_does() {
    let project = Project::empty();
    let folder = fixture("django/sql");
    project.run_here(&["import", "--from", "django", &folder]).expect_code(0);
    let run = |arguments: &[&str]| {
        project.run_here(&[&["-d", "app.db"], arguments].concat()).expect_code(0)
    };
    run(&["upgrade", "--create"]);
    made_by_tool(&project, "django/expected.sql");
    let made = python(&project.aside("judge.db"), UNORDERED);
    assert!(made.contains("Policeman") && made.contains("long; shelf"), "{made}");
    assert_eq!(python(&project.path("app.db"), UNORDERED), made);
    let adopted = Project::empty();
    let text = std::fs::read_to_string(fixture("django/expected.sql")).unwrap();
    script(&adopted.path("app.db"), &text).unwrap();
    let import = ["import", "--from", "django", &folder, "--adopt", "app.db", "--json"];
    let said = adopted.run_here(&import).expect_code(0).json();
    assert_eq!(said["adopted"]["ids"].as_array().map(Vec::len), Some(12), "{said}");
}
