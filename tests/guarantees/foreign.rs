//! Other tools' migrations, in place and imported: the file is as the tool itself made it.
//!
//! The chains are under fixtures/foreign, where generate.py writes them; `scripts/foreign_tools --record` runs the tools
//! and records what each made in `expected`: up, down to the seventh migration, and down to nothing.

use std::path::{Path, PathBuf};

use support::{Project, python, sqlite3};

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

    /// What the tool made, as it was recorded.
    fn recorded(&self, state: &str) -> String {
        std::fs::read_to_string(self.path(&format!("expected/{state}.sql"))).unwrap()
    }

    /// The folder of migrations, as an argument.
    fn migrations(&self) -> String {
        self.path(self.folder).display().to_string()
    }
}

/// Makes a file of a dump. Unlike the `sqlite3` program, Python keeps the line ends of Windows.
pub(super) fn load(path: &Path, dump: &str) {
    let _ = std::fs::remove_file(path);
    let text = path.with_extension("dump");
    std::fs::write(&text, dump).unwrap();
    python(
        path,
        "text = open(path.rsplit('.', 1)[0] + '.dump', newline='').read()\n\
         sqlite3.connect(path, isolation_level=None).executescript(text)",
    );
    std::fs::remove_file(text).unwrap();
}

/// What a recorded file holds.
fn made(project: &Project, dump: &str, look: &str) -> String {
    let path = project.aside("judge.db");
    load(&path, dump);
    python(&path, look)
}

#[track_caller]
fn up_and_down(chain: &Chain, project: &Project, flags: &[&str], downs: &[&str]) {
    let run = |arguments: &[&str]| {
        let all: Vec<&str> =
            flags.iter().chain(&["-d", "app.db"]).chain(arguments).copied().collect();
        project.run_here(&all).expect_code(0)
    };
    let is = |state: &str| {
        let wanted = made(project, &chain.recorded(state), LOOK);
        assert_eq!(python(&project.path("app.db"), LOOK), wanted, "{} {state}", chain.name);
    };
    run(&["upgrade", "--create"]);
    is("up");
    for state in downs.iter().filter(|_| chain.downs) {
        // Seven of them stay; one version of golang-migrate only goes down.
        let target = match (*state, chain.name) {
            ("down", _) => "base",
            (_, "golang-migrate") => "-8",
            _ => "-7",
        };
        run(&["downgrade", target, "--accept-loss"]);
        is(state);
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
        up_and_down(chain, &project, &["--phases", &folder], &["half", "down"]);
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
        up_and_down(chain, &project, &[], &["half"]);
        // An import has names of the tool; those of refinery were taken for its own files, to which nothing is added.
        project.run_here(&["revision", "-m", "next", "-d", "app.db"]).expect_code(0);
        if chain.name == "goose" {
            // A second import would mix two chains.
            let again = project.run_here(&["import", "--from", chain.tool, &chain.migrations()]);
            assert!(again.expect_code(4).stderr.contains("holds phases already"));
        }
    }
}

/// A project with a file that the tool migrated.
fn migrated(chain: &Chain, state: &str) -> Project {
    let project = Project::empty();
    load(&project.path("app.db"), &chain.recorded(state));
    project
}

const TABLES: &str = "SELECT name, sql FROM sqlite_master WHERE name IN ('schema_migrations','goose_db_version','_sqlx_migrations','__diesel_schema_migrations','refinery_schema_history','_prisma_migrations','__drizzle_migrations'); PRAGMA user_version;";

#[test]
fn a_file_that_the_tool_migrated_is_adopted_and_its_table_stays() {
    for chain in CHAINS.iter().filter(|it| it.name != "plain") {
        let states: &[(&str, usize)] = match chain.name {
            // One version only goes down.
            "golang-migrate" => &[("up", 15), ("half", 7)],
            "goose" | "rusqlite_migration" => &[("up", 14), ("half", 7)],
            _ => &[("up", 14)],
        };
        for (state, applied) in states {
            let project = migrated(chain, state);
            let database = project.path("app.db");
            let before = python(&database, LOOK);
            let table = sqlite3(&database, TABLES);
            let from = chain.migrations();
            let adopt = ["import", "--from", chain.tool, &from, "--adopt", "app.db", "--json"];
            let said = project.run_here(&adopt).expect_code(0).json();
            let ids = said["adopted"]["ids"].as_array().map(Vec::len);
            assert_eq!(ids, Some(*applied), "{} {state}: {said}", chain.name);
            assert_eq!(python(&database, LOOK), before, "{}", chain.name);
            assert_eq!(sqlite3(&database, TABLES), table, "{}", chain.name);
            if *state == "up" {
                project.run_here(&["-d", "app.db", "current", "--require", "head"]).expect_code(0);
                project.run_here(&["-d", "app.db", "verify"]).expect_code(0);
                // The table in which the tool records is the tool's, and no drift.
                project.run_here(&["-d", "app.db", "status", "--exit-code"]).expect_code(0);
                project.run_here(&["-d", "app.db", "diff"]).expect_code(0);
                sqlite3(&database, "CREATE TABLE version(version, dirty)");
                project.run_here(&["-d", "app.db", "diff"]).expect_code(3);
            }
        }
    }
}

#[test]
fn an_earlier_state_is_adopted_as_such() {
    let chain = &CHAINS[0];
    let project = Project::empty();
    let database = project.path("app.db");
    let rest = project.aside("rest");
    std::fs::create_dir(&rest).unwrap();
    for entry in std::fs::read_dir(chain.path(chain.folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("0001") || name.as_str() < "00011" {
            std::fs::copy(&path, rest.join(name)).unwrap();
        }
    }
    // As goose leaves it after ten migrations, one of which was undone and applied again.
    let flags = ["--phases", rest.to_str().unwrap(), "-d", "app.db"];
    project.run_here(&[&flags[..], &["upgrade", "--create"]].concat()).expect_code(0);
    project.run_here(&[&flags[..], &["stamp", "base", "--purge"]].concat()).expect_code(0);
    sqlite3(
        &database,
        "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, \
            is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now'))); \
         WITH n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 11) \
         INSERT INTO goose_db_version(version_id, is_applied) SELECT i, 1 FROM n \
         UNION ALL VALUES (11, 0), (10, 0), (10, 1)",
    );
    project
        .run_here(&["import", "--from", "goose", &chain.migrations(), "--adopt", "app.db"])
        .expect_code(0);
    project.run_here(&["-d", "app.db", "upgrade"]).expect_code(0);
    assert_eq!(python(&database, LOOK), made(&project, &chain.recorded("up"), LOOK));
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
    let project = migrated(chain, "up");
    sqlite3(
        &project.path("app.db"),
        "DROP INDEX journal_entry; ALTER TABLE author DROP COLUMN born; DROP VIEW \"long; shelf\"",
    );
    let said = run(&project, chain);
    for name in ["author", "born", "long; shelf"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    let project = migrated(chain, "up");
    let row = "INSERT INTO goose_db_version(version_id, is_applied) VALUES (77, 1)";
    sqlite3(&project.path("app.db"), row);
    assert!(run(&project, chain).contains("the migration 77, which is not in the folder"));
    let project = Project::empty();
    sqlite3(&project.path("app.db"), "CREATE TABLE author(a)");
    assert!(run(&project, chain).contains("no table goose_db_version"));

    let migrate = &CHAINS[2];
    let project = migrated(migrate, "up");
    sqlite3(&project.path("app.db"), "UPDATE schema_migrations SET dirty = 1");
    assert!(run(&project, migrate).contains("migration 20 failed half-way"));
    let sqlx = &CHAINS[3];
    let project = migrated(sqlx, "up");
    sqlite3(
        &project.path("app.db"),
        "UPDATE _sqlx_migrations SET success = 0 WHERE version = 20240203120000",
    );
    assert!(run(&project, sqlx).contains("migration 20240203120000 failed"));
    let prisma = &CHAINS[8];
    let project = migrated(prisma, "up");
    sqlite3(
        &project.path("app.db"),
        "UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name LIKE '%seed'",
    );
    assert!(run(&project, prisma).contains("20240402080000_seed failed"));
    let counted = &CHAINS[6];
    let project = migrated(counted, "up");
    sqlite3(&project.path("app.db"), "PRAGMA user_version = 15");
    assert!(run(&project, counted).contains("15 migrations"));
}

#[test]
fn a_schema_file_that_the_migrations_do_not_make_is_reported() {
    let chain = &CHAINS[1];
    let project = Project::empty();
    let judge = project.aside("judge.db");
    load(&judge, &chain.recorded("up"));
    sqlite3(&judge, "DROP TABLE schema_migrations");
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

/// What the tool itself made.
fn recorded(tool: &str, state: &str) -> String {
    std::fs::read_to_string(fixture(&format!("{tool}/expected/{state}.sql"))).unwrap()
}

#[test]
fn the_graph_of_alembic_is_read_and_its_sql_does_what_alembic_does() {
    let project = Project::empty();
    let folder = fixture("alembic/alembic");
    let sql = ["upgrade", "downgrade", "downgrade_loan"]
        .map(|name| fixture(&format!("alembic/sql/{name}.sql")));
    let mut import = vec!["import", "--from", "alembic", &folder];
    sql.iter().for_each(|it| import.extend(["--sql", it]));
    project.run_here(&import).expect_code(0);
    let run = |arguments: &[&str]| {
        project.run_here(&[&["-d", "app.db"], arguments].concat()).expect_code(0)
    };
    let heads = run(&["heads", "--json"]).json();
    assert_eq!(heads["ids"], serde_json::json!(["e1f1", "f3c4"]));
    assert_eq!(run(&["branches", "--json"]).json()["ids"], serde_json::json!(["c3d2"]));
    let shown = run(&["show", "a7b6", "--json"]).json();
    assert!(shown.to_string().contains("Merge both lines"), "{shown}");
    run(&["upgrade", "--create", "side@head"]);
    run(&["upgrade", "heads"]);
    let is = |state: &str| {
        let wanted = made(&project, &recorded("alembic", state), LOOK);
        assert_eq!(python(&project.path("app.db"), LOOK), wanted, "{state}");
    };
    is("up");
    run(&["downgrade", "a7b6", "--accept-loss"]);
    is("half");
    run(&["downgrade", "base", "--accept-loss"]);
    is("down");
}

#[test]
fn a_file_of_alembic_is_adopted_with_all_that_comes_before_its_heads() {
    let project = Project::empty();
    load(&project.path("app.db"), &recorded("alembic", "up"));
    let (folder, up) = (fixture("alembic/alembic/versions"), fixture("alembic/sql/upgrade.sql"));
    let import =
        ["import", "--from", "alembic", &folder, "--sql", &up, "--adopt", "app.db", "--json"];
    let said = project.run_here(&import).expect_code(0).json();
    assert_eq!(said["adopted"]["ids"].as_array().map(Vec::len), Some(13), "{said}");
    assert_eq!(said["adopted"]["current"], serde_json::json!(["e1f1", "f3c4"]));
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
    let is = |state: &str| {
        let wanted = made(&project, &recorded("django", state), UNORDERED);
        assert_eq!(python(&project.path("app.db"), UNORDERED), wanted, "{state}");
        wanted
    };
    run(&["upgrade", "--create"]);
    let up = is("up");
    assert!(up.contains("Policeman") && up.contains("long; shelf"), "{up}");
    run(&["downgrade", "loans.0002_due", "--accept-loss"]);
    is("half");
    run(&["downgrade", "base", "--accept-loss"]);
    is("down");
    let adopted = Project::empty();
    load(&adopted.path("app.db"), &recorded("django", "up"));
    let import = ["import", "--from", "django", &folder, "--adopt", "app.db", "--json"];
    let said = adopted.run_here(&import).expect_code(0).json();
    assert_eq!(said["adopted"]["ids"].as_array().map(Vec::len), Some(16), "{said}");
}
