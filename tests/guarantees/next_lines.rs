//! Every `next:` line is a command that works when it is pasted, or names what to change and where.
//!
//! Each case provokes a failure through the real program and carries out what the program advises. The texts of
//! `src/cli/explain` are read as the list of all advice: one that no case shows fails the test.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use phaseshift::ErrorKind;
use rusqlite::Connection;

use support::{Project, sqlite3};

/// A failure: its kind, and the arguments that meet it in the project that the function makes.
type Case = (ErrorKind, fn() -> Project, &'static [&'static str]);

const TABLE: &str = "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE u(a)'\n";

/// A file with one table and view, which the first phase makes.
fn adopted() -> Project {
    let project = Project::empty();
    sqlite3(
        &project.path("app.db"),
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, '007', NULL), (2, 'x', 'y');
         CREATE VIEW v AS SELECT id, a FROM t; CREATE INDEX t_b ON t(b);",
    );
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project
}

fn with_phase(text: &str) -> Project {
    let project = adopted();
    project.write_phase("next.toml", &format!("parents = ['baseline']\n{text}"));
    project
}

/// Two phases, of which the first is applied.
fn upgraded(text: &str) -> Project {
    let project = with_phase(text);
    project.run_here(&["upgrade"]).expect_code(0);
    project
}

fn computed() -> Project {
    upgraded("[[up]]\nop = 'sql'\nsql = \"UPDATE t SET b = 'z'\"\n")
}

/// A rule was dropped, and rows written since do not fit it.
fn rows_since() -> Project {
    let project =
        upgraded("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a TEXT NOT NULL)'\n");
    project.write_phase(
        "last.toml",
        "parents = ['next']\n[[up]]\nop = 'alter_column'\ntable = 'w'\ncolumn = 'a'\nnot_null = false\n",
    );
    project.run_here(&["upgrade"]).expect_code(0);
    sqlite3(&project.path("app.db"), "INSERT INTO w VALUES (NULL)");
    project
}

fn forked() -> Project {
    let project = with_phase(TABLE);
    project.write_phase(
        "other.toml",
        "parents = ['baseline']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n",
    );
    project
}

fn not_adopted() -> Project {
    let project = Project::empty();
    sqlite3(&project.path("app.db"), "CREATE TABLE t(a)");
    project.write("phaseshift.toml", "database = 'app.db'\n");
    project.write_phase("a.toml", "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(a)'\n");
    project.write_phase("b.toml", TABLE);
    project
}

fn without_database() -> Project {
    let project = not_adopted();
    std::fs::remove_file(project.path("app.db")).unwrap();
    project
}

fn with_file(name: &str, text: &str) -> Project {
    let project = upgraded(TABLE);
    project.write(name, text);
    project
}

fn ruined(project: Project, from: usize, name: &str) -> Project {
    let path = project.path(name);
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len().min(from + 4096);
    bytes[from..end].fill(0xAA);
    std::fs::write(&path, bytes).unwrap();
    project
}

fn newest_backup(project: &Project) -> String {
    let list = project.run_here(&["backups", "--json"]).expect_code(0).json();
    list["backups"][0]["file"].as_str().unwrap().to_owned()
}

/// The cases; the last word of some arguments is filled in by the project.
#[expect(clippy::too_many_lines, reason = "a table, one line for each case")]
fn cases() -> Vec<Case> {
    use ErrorKind as K;
    vec![
        (K::Arguments, Project::empty, &["status"]),
        (K::Arguments, adopted, &["migrate", "-1"]),
        (K::Arguments, Project::empty, &["upgrade", "--sql"]),
        (K::Arguments, adopted, &["downgrade", "+1"]),
        (K::Arguments, adopted, &["backup", "--name", "before the eclipse"]),
        (K::Arguments, adopted, &["status", "other.db", "--database", "app.db"]),
        (K::Arguments, || with_phase(TABLE), &["revision", "-m", "x", "--head", "baseline"]),
        (K::Arguments, adopted, &["plan", "base:head"]),
        (K::Arguments, adopted, &["init", "--from", "app.db"]),
        (K::Arguments, with_other_database, &["init", "--from", "other.db"]),
        (K::Arguments, adopted, &["merge"]),
        (K::Arguments, adopted, &["status", "--dry-run"]),
        (K::Arguments, adopted, &["revision", "-m", "x", "--id", "baseline"]),
        (K::Config, adopted, &["apply", "nosuch.sql"]),
        (K::Config, || with_file("phaseshift.toml", "databse = 'app.db'\n"), &["status"]),
        (K::Config, open_settings, &["status"]),
        (K::PhaseFile, || with_phase("[[up]]\nop = 'add_colum'\n"), &["upgrade"]),
        (K::Chain, || with_phase("depends_on = ['nix']\n"), &["upgrade"]),
        (K::Chain, without_a_parent, &["upgrade"]),
        (K::Chain, clashing, &["upgrade", "heads"]),
        (K::Chain, || upgraded(TABLE), &["apply", "schema.sql", "--yes"]),
        (K::Chain, without_phases, &["upgrade"]),
        (K::Chain, other_migrations, &["import", "--from", "plain", "db"]),
        (K::Chain, forked, &["squash", "baseline:next", "-m", "x", "--yes"]),
        (K::UnknownTarget, adopted, &["show", "basline"]),
        (K::UnknownTarget, many, &["show", "phase77"]),
        (K::AmbiguousTarget, forked, &["upgrade"]),
        (K::AmbiguousTarget, forked, &["revision", "-m", "x"]),
        (K::AmbiguousTarget, forked, &["squash", "-m", "x", "--yes"]),
        (K::AmbiguousTarget, both_applied, &["downgrade"]),
        (K::PhaseEdited, edited, &["upgrade"]),
        (K::SchemaMismatch, edited, &["stamp", "--accept", "next"]),
        (K::PhaseMissing, newer, &["upgrade"]),
        (K::PhaseMissing, unreadable_record, &["downgrade"]),
        (K::PhaseMissing, missing, &["upgrade"]),
        (K::Step, made_by_hand, &["upgrade"]),
        (K::Step, made_otherwise, &["upgrade"]),
        (K::PhaseMissing, renamed, &["upgrade"]),
        (K::PhaseMissing, renamed_in_sql, &["upgrade"]),
        (K::Irreversible, || upgraded("irreversible = 'why'\n"), &["downgrade"]),
        (K::Irreversible, computed, &["downgrade"]),
        (K::Irreversible, lossy_back, &["downgrade"]),
        (K::Irreversible, adopted, &["downgrade"]),
        (K::Loss, lossy_up, &["upgrade"]),
        (K::DatabaseMissing, without_database, &["upgrade"]),
        (K::DatabaseMissing, lost_database, &["status"]),
        (K::DatabaseMissing, adopted, &["restore", "99", "--yes"]),
        (K::DatabaseMissing, adopted, &["restore", "before:next", "--yes"]),
        (K::DatabaseMissing, copied, &["restore", "before:next", "--yes"]),
        (K::DatabaseMissing, adopted, &["upgrade", "--all", "nowhere"]),
        (K::NotAFile, empty_database, &["upgrade"]),
        (K::NotAFile, || with_file("demo/phaseshift.toml", "x"), &["demo", "--yes"]),
        (K::NotAFile, folder_as_database, &["upgrade"]),
        (K::NotAFile, folder_as_journal, &["upgrade"]),
        (K::NotAFile, file_as_backups, &["upgrade"]),
        (K::NotADatabase, text_as_database, &["upgrade"]),
        (K::Damaged, damaged, &["upgrade"]),
        (K::Damaged, damaged_without_backup, &["upgrade"]),
        (K::Io, adopted, &["fleet", "report", "nowhere.jsonl"]),
        (K::BackupDamaged, damaged_backup, &["restore", "1", "--yes"]),
        (K::Busy, || with_phase(TABLE), &["upgrade", "--wait", "0"]),
        (K::NotAdopted, not_adopted, &["upgrade"]),
        (K::VersionTable, foreign_version_table, &["upgrade"]),
        (K::VersionTable, foreign_history, &["upgrade"]),
        (K::VersionTrigger, trigger_on_versions, &["upgrade"]),
        (K::SchemaMismatch, not_adopted, &["stamp", "b"]),
        (K::SchemaMismatch, nothing_desired, &["revision", "-m", "x", "--autogenerate"]),
        (
            K::Requirement,
            || {
                with_phase(
                    "[[require]]\nname = 'r'\nsql = 'SELECT id FROM t'\nexpect = 'no rows'\n",
                )
            },
            &["upgrade"],
        ),
        (
            K::Rows,
            || {
                with_phase(
                    "[[up]]\nop = 'alter_column'\ntable = 't'\ncolumn = 'b'\nnot_null = true\n",
                )
            },
            &["upgrade"],
        ),
        (K::Rows, rows_since, &["downgrade"]),
        (
            K::Rows,
            || {
                with_phase(
                    "[[up]]\nop = 'add_constraint'\ntable = 't'\nsql = \"CHECK (a <> 'y')\"\n\
                     [[up]]\nop = 'sql'\nsql = \"UPDATE t SET a = 'y'\"\n",
                )
            },
            &["upgrade"],
        ),
        (
            K::Rows,
            || {
                with_phase(
                    "[[up]]\nop = 'alter_column'\ntable = 't'\ncolumn = 'a'\ntype = 'INTEGER'\n",
                )
            },
            &["upgrade"],
        ),
        (
            K::Rows,
            || {
                with_phase(
                    "[[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'n INTEGER NOT NULL'\n",
                )
            },
            &["upgrade"],
        ),
        (
            K::Rows,
            || {
                with_phase(
                    "[[up]]\nop = 'rebuild'\ntable = 't'\n\
                     sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT, n INTEGER NOT NULL)'\n",
                )
            },
            &["upgrade"],
        ),
        (K::Rows, needs_default, &["upgrade"]),
        (
            K::Rows,
            || with_phase("[[up]]\nop = 'sql'\nsql = 'INSERT INTO t(id) VALUES (1)'\n"),
            &["upgrade"],
        ),
        (K::Rows, needed_again, &["downgrade", "--accept-loss"]),
        (K::Rows, needs_values, &["apply", "schema.sql", "--yes"]),
        (K::Rows, needs_a_value, &["apply", "schema.sql", "--yes"]),
        (
            K::Step,
            || with_phase("[[up]]\nop = 'drop_column'\ntable = 't'\ncolumn = 'a'\n"),
            &["upgrade"],
        ),
        (K::Step, || with_phase("[[up]]\nop = 'drop_table'\ntable = 'nix'\n"), &["upgrade"]),
        (
            K::Reference,
            || {
                with_phase(
                    "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE c(x REFERENCES nix(id))'\n",
                )
            },
            &["upgrade"],
        ),
        (
            K::NewerSqlite,
            || {
                with_phase(
                    "min_sqlite = '3.30'\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE s(a INTEGER) STRICT'\n",
                )
            },
            &["upgrade"],
        ),
        (K::MissingExtension, missing_function, &["upgrade"]),
        (K::BackupRefused, backup_of_another, &["restore", "other.db", "--yes"]),
        (
            K::Proof,
            || {
                with_phase(&format!(
                    "{TABLE}[[verify]]\nname = 'v'\nsql = 'SELECT 1'\nexpect = 'no rows'\n"
                ))
            },
            &["upgrade"],
        ),
        (K::NoAnswer, || with_phase(TABLE), &["migrate"]),
        (K::NoAnswer, || with_phase(TABLE), &["migrate", "--all", "app.db"]),
        (K::Config, adopted, &["status", "--config", "nope.toml"]),
        (K::NoAnswer, adopted, &["restore"]),
        (K::NoAnswer, adopted, &["restore", "--yes"]),
        (K::NoAnswer, renamed_table, &["apply", "schema.sql", "--yes"]),
        (K::Restore, two_names, &["restore", "--latest", "--yes"]),
        (K::Command, adopted, &["prove", "--run", "false"]),
    ]
}

/// Kinds that need another user, a full disk, a signal, a terminal or a fault in the right moment: the test that meets
/// each.
const ELSEWHERE: [(ErrorKind, &str); 11] = [
    (ErrorKind::ForeignWrite, "guarantees/prove"),
    (ErrorKind::Unreadable, "lab_process/rights.rs"),
    (ErrorKind::ReadOnly, "lab_process/rights.rs"),
    (ErrorKind::NoSpace, "lab_process/space.rs"),
    (ErrorKind::Backup, "backups"),
    (ErrorKind::FileChanged, "migration"),
    (ErrorKind::Rebuild, "lab/errors.rs"),
    (ErrorKind::Commit, "lab/errors.rs"),
    (ErrorKind::Declined, "cli"),
    (ErrorKind::Interrupted, "cli"),
    (ErrorKind::Unsupported, "schema/read.rs"),
];

/// Kinds without facts of their own, which say the state only.
const PLAIN: [ErrorKind; 2] = [ErrorKind::Io, ErrorKind::Sqlite];

fn open_settings() -> Project {
    use std::os::unix::fs::PermissionsExt as _;
    let project = adopted();
    let open = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(project.path("phaseshift.toml"), open).unwrap();
    project
}

fn clashing() -> Project {
    let project = with_phase(TABLE);
    project.write_phase(
        "other.toml",
        &format!("parents = ['baseline']\n{}", TABLE.replace("(a)", "(b)")),
    );
    project
}

fn without_a_parent() -> Project {
    let project = upgraded(TABLE);
    project.write_phase("rest.toml", "parents = ['next']\n");
    std::fs::remove_file(project.path("phases/next.toml")).unwrap();
    project
}

fn without_phases() -> Project {
    let project = not_adopted();
    std::fs::remove_dir_all(project.phases()).unwrap();
    project
}

fn other_migrations() -> Project {
    let project = adopted();
    std::fs::create_dir(project.path("db")).unwrap();
    project.write("db/1.sql", "CREATE TABLE u(a);\n");
    project
}

fn many() -> Project {
    let project = not_adopted();
    for number in 1..=9 {
        project.write_phase(&format!("phase{number}.toml"), "");
    }
    project
}

fn both_applied() -> Project {
    let project = forked();
    project.run_here(&["upgrade", "heads"]).expect_code(0);
    project
}

fn edited() -> Project {
    let project = upgraded(TABLE);
    project.write_phase(
        "next.toml",
        &format!("parents = ['baseline']\n{}", TABLE.replace("(a)", "(a, b)")),
    );
    project
}

fn newer() -> Project {
    let project = upgraded(TABLE);
    std::fs::remove_file(project.path("phases/next.toml")).unwrap();
    project
}

/// A newer program recorded steps that this one does not know.
fn unreadable_record() -> Project {
    let project = newer();
    let sql = "UPDATE phase_history SET tool_version = '99.0.0',
        undo = json_remove(json_set(undo, '$.phase', 'unknown'), '$.downgrade') WHERE id = 'next'";
    sqlite3(&project.path("app.db"), sql);
    project
}

fn missing() -> Project {
    let project = newer();
    sqlite3(&project.path("app.db"), "DROP TABLE phase_history");
    project
}

fn made_by_hand() -> Project {
    let project = with_phase("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n");
    sqlite3(&project.path("app.db"), "CREATE TABLE w(a)");
    project
}

fn made_otherwise() -> Project {
    let project = with_phase("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE w(a)'\n");
    sqlite3(&project.path("app.db"), "CREATE TABLE w(b)");
    project
}

fn renamed() -> Project {
    let project = upgraded(TABLE);
    std::fs::rename(project.path("phases/next.toml"), project.path("phases/other.toml")).unwrap();
    project
}

fn renamed_in_sql() -> Project {
    let project = upgraded(TABLE);
    project.write_phase("then.sql", "CREATE TABLE w(a);\n");
    project.run_here(&["upgrade"]).expect_code(0);
    std::fs::rename(project.path("phases/then.sql"), project.path("phases/z.sql")).unwrap();
    project
}

fn lossy_back() -> Project {
    let project = upgraded(TABLE);
    sqlite3(&project.path("app.db"), "INSERT INTO u VALUES (1)");
    project
}

/// A column that the downgrade needs a value for is gone.
fn needed_again() -> Project {
    let project = Project::empty();
    let schema =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL); INSERT INTO t VALUES (1, 'x')";
    sqlite3(&project.path("app.db"), schema);
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    let drop = "[[up]]\nop = 'drop_column'\ntable = 't'\ncolumn = 'a'\n";
    project.write_phase("next.toml", &format!("parents = ['baseline']\n{drop}"));
    project.run_here(&["upgrade", "--accept-loss"]).expect_code(0);
    project
}

fn lossy_up() -> Project {
    let project = adopted();
    sqlite3(
        &project.path("app.db"),
        "CREATE TABLE l(q INTEGER, p INTEGER, s INTEGER); INSERT INTO l VALUES (2, 3, 7)",
    );
    std::fs::remove_dir_all(project.phases()).unwrap();
    for file in ["phaseshift.toml", "schema.sql"] {
        std::fs::remove_file(project.path(file)).unwrap();
    }
    sqlite3(&project.path("app.db"), "DROP TABLE schema_version; DROP TABLE phase_history");
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project.write_phase(
        "next.toml",
        "parents = ['baseline']\n[[up]]\nop = 'rebuild'\ntable = 'l'\n\
         sql = 'CREATE TABLE l(q INTEGER, p INTEGER, s INTEGER AS (q * p))'\n",
    );
    project
}

fn lost_database() -> Project {
    let project = upgraded(TABLE);
    std::fs::remove_file(project.path("app.db")).unwrap();
    project
}

fn empty_database() -> Project {
    let project = without_database();
    project.write("app.db", "");
    project
}

fn folder_as_database() -> Project {
    let project = without_database();
    std::fs::create_dir(project.path("app.db")).unwrap();
    project
}

fn folder_as_journal() -> Project {
    let project = with_phase(TABLE);
    std::fs::create_dir(project.path("app.db-journal")).unwrap();
    project
}

fn file_as_backups() -> Project {
    let project = with_phase(TABLE);
    std::fs::remove_dir_all(project.path("backups")).unwrap();
    project.write("backups", "x");
    project
}

fn text_as_database() -> Project {
    let project = not_adopted();
    project.write("app.db", &"no database ".repeat(100));
    project
}

fn damaged() -> Project {
    let project = with_phase(TABLE);
    ruined(project, 4096, "app.db")
}

fn with_other_database() -> Project {
    let project = adopted();
    sqlite3(&project.path("other.db"), "CREATE TABLE t(a)");
    project
}

fn damaged_without_backup() -> Project {
    let project = damaged();
    std::fs::remove_dir_all(project.path("backups")).unwrap();
    project
}

/// A project whose database has another place than the one that its backups were made of.
fn copied() -> Project {
    let project = upgraded(TABLE);
    std::fs::rename(project.path("app.db"), project.path("copy.db")).unwrap();
    project.write("phaseshift.toml", "database = 'copy.db'\n");
    project
}

fn damaged_backup() -> Project {
    let project = upgraded(TABLE);
    let backup = newest_backup(&project);
    ruined(project, 4096, &backup)
}

fn foreign_history() -> Project {
    let project = not_adopted();
    sqlite3(&project.path("app.db"), "CREATE TABLE phase_history(patient, phase)");
    project
}

fn foreign_version_table() -> Project {
    let project = not_adopted();
    sqlite3(&project.path("app.db"), "CREATE TABLE schema_version(installed, checksum)");
    project
}

fn trigger_on_versions() -> Project {
    let project = with_phase(TABLE);
    let sql = "CREATE TRIGGER \"a b\" AFTER INSERT ON schema_version BEGIN DELETE FROM t; END";
    sqlite3(&project.path("app.db"), sql);
    project
}

fn nothing_desired() -> Project {
    let project = adopted();
    project.write("schema.sql", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT);\n");
    project
}

/// A file to which whole schemas are applied, and the schema to be applied.
fn declared(schema: &str) -> Project {
    let project = Project::empty();
    sqlite3(
        &project.path("app.db"),
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, NULL)",
    );
    project.write("phaseshift.toml", "database = 'app.db'\n");
    project.write("schema.sql", schema);
    project
}

fn needs_default() -> Project {
    let project = adopted();
    project.write("phases/next.sql", "-- up\nALTER TABLE t ADD COLUMN n INTEGER NOT NULL;\n");
    project
}

fn needs_values() -> Project {
    declared("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL);\n")
}

fn needs_a_value() -> Project {
    declared("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, n INTEGER NOT NULL);\n")
}

fn renamed_table() -> Project {
    declared("CREATE TABLE w(id INTEGER PRIMARY KEY, a TEXT);\n")
}

/// An index that calls a function of the application, on a table that is to be rebuilt.
fn missing_function() -> Project {
    let project = Project::empty();
    let file = Connection::open(project.path("app.db")).unwrap();
    file.create_scalar_function(
        "mine",
        1,
        rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC
            | rusqlite::functions::FunctionFlags::SQLITE_UTF8,
        |context| context.get::<i64>(0),
    )
    .unwrap();
    file.execute_batch("CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER); INSERT INTO t VALUES (1, 1); CREATE INDEX i ON t(mine(a));")
        .unwrap();
    file.close().unwrap();
    project.write("phaseshift.toml", "database = 'app.db'\n");
    project.write_phase(
        "a.toml",
        "parents = []\n[[up]]\nop = 'alter_column'\ntable = 't'\ncolumn = 'a'\nnot_null = true\n",
    );
    project
}

fn backup_of_another() -> Project {
    let project = upgraded(TABLE);
    sqlite3(&project.path("foreign.db"), "CREATE TABLE f(a)");
    project.run_here(&["backup", "-d", "foreign.db", "--backup-dir", "foreign"]).expect_code(0);
    let made = std::fs::read_dir(project.path("foreign")).unwrap().map(|it| it.unwrap().path());
    for path in made {
        let end =
            path.file_name().unwrap().to_str().unwrap().split_once(".db").unwrap().1.to_owned();
        std::fs::rename(&path, project.path(format!("other.db{end}"))).unwrap();
    }
    project
}

fn two_names() -> Project {
    let project = upgraded(TABLE);
    let path = project.path("app.db");
    std::fs::hard_link(&path, project.path("second.db")).unwrap();
    ruined(project, 0, "app.db")
}

/// What a case shows.
struct Shown {
    what: String,
    project: Project,
    next: Vec<String>,
}

fn shown((kind, project, arguments): &Case) -> Result<Shown, String> {
    let project = project();
    let holder = (*kind == ErrorKind::Busy).then(|| {
        let file = Connection::open(project.path("app.db")).unwrap();
        file.execute_batch("BEGIN EXCLUSIVE").unwrap();
        file
    });
    let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let report = project.run_here(&with_json).json();
    drop(holder);
    let what = format!("{kind:?}: {arguments:?}");
    if report["error"]["kind"] != kind.code() {
        return Err(format!("{what}: {:#}", report["error"]));
    }
    let next = report["error"]["next"].as_array().unwrap();
    let next: Vec<String> = next.iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    let found = report["error"]["problems"].as_array().map_or(0, Vec::len);
    let text = next.join("\n");
    let named_above = text.contains("rows named above");
    if next.is_empty() || (named_above && found == 0) {
        return Err(format!("{what}: no rows are named: {text}"));
    }
    Ok(Shown { what, project, next })
}

/// The command of a line: the whole line, or what comes after a colon.
fn command_of(line: &str) -> Option<&str> {
    const PROGRAMS: [&str; 4] = ["phaseshift ", "chmod ", "touch ", "sqlite3 "];
    let begins = |text: &str| PROGRAMS.iter().any(|it| text.starts_with(it));
    if begins(line) {
        return Some(line);
    }
    let places = line.match_indices(": ").map(|(at, _)| &line[at + 2..]);
    places.into_iter().find(|rest| begins(rest))
}

/// Runs a command in a shell, as pasted.
fn paste(project: &Project, command: &str) -> (i32, String) {
    let program = project.command().get_program().to_owned();
    let folder = Path::new(&program).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let mut shell = Command::new("bash");
    shell.args(["-c", command]).current_dir(project.folder()).env_clear();
    shell.env("PATH", path).env("HOME", project.root().join("home")).env("LC_ALL", "C.UTF-8");
    let done = shell.stdin(std::process::Stdio::null()).output().unwrap();
    (done.status.code().unwrap_or(-1), String::from_utf8_lossy(&done.stderr).into_owned())
}

/// Advice that neither a command nor a place in a file can say: something outside the program has to be done.
const BY_HAND: [&str; 19] = [
    "if another program made that table, rename it: phases are recorded in one of its name",
    "check the path that is named above",
    "name a range in which every fork is joined again, or squash the whole chain",
    "close the program that holds the file, or wait for it with --wait SECONDS",
    "check that the path is right; an encrypted file must be decrypted first",
    "move the file named above away; SQLite would read it together with the database",
    "correct the command, then prove it again",
    "let the command use $PHASESHIFT_DATABASE, $DATABASE_URL, or {} in its place",
    "restore the missing phase files, or name their folder with --phases FOLDER",
    "use the newer program or folder that holds these phases",
    "use the newer program that recorded this phase",
    "choose another name, create what is missing, or add replace_view or replace_trigger to the phase, \
     with a text that names each column with its table",
    "change only names here, or make this change with the program that has what is missing",
    "write it without that feature, or raise min_sqlite in the phase or in phaseshift.toml",
    "compare the file with the phases above, or stamp another phase",
    "correct the rows named above",
    "correct the rows named above, then run the same command again",
    "or correct the rows named above, or add an sql step that corrects them before the step with the rule",
    "or note it in the schema file, behind the column or table: -- @renamed from=old",
];

/// Whether a line that is no command says what to change and where.
fn leads_on(line: &str, shown: &Shown, help: &str) -> bool {
    let flags: Vec<&str> =
        line.split_whitespace().filter(|it| it.starts_with("--") && it.len() > 2).collect();
    let known = |flag: &&str| help.contains(flag.trim_end_matches([',', ';']));
    let place = line.split_whitespace().any(|word| {
        let path = word
            .trim_end_matches(',')
            .rsplit_once(':')
            .filter(|(_, number)| number.parse::<usize>().is_ok());
        path.is_some_and(|(path, _)| shown.project.path(path).exists())
    });
    BY_HAND.contains(&line)
        || place
        || (!flags.is_empty() && flags.iter().all(known))
        || line.starts_with("name one of: ")
        || line.starts_with("put the file of ")
        || line.starts_with("remove the trigger x from next")
        || line.starts_with("drop the trigger first: DROP TRIGGER \"a b\"")
}

#[test]
fn every_next_line_works_when_it_is_pasted_or_says_what_to_change() {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let help: String =
        ["--help", "upgrade", "stamp", "apply", "restore", "backup", "revision", "squash"]
            .map(|it| {
                let words = if it == "--help" { vec![it] } else { vec![it, "--help"] };
                Project::empty().run_here(&words).stdout
            })
            .concat();
    let mut wrong = Vec::new();
    for case in &cases() {
        let shown = match shown(case) {
            Ok(shown) => shown,
            Err(what) => {
                wrong.push(what);
                continue;
            }
        };
        for line in &shown.next {
            // What many failures advise is carried out twice.
            let times: &mut usize = lines.entry(line.clone()).or_default();
            *times += 1;
            if *times > 2 {
                continue;
            }
            match command_of(line) {
                Some(command) => {
                    let (code, said) = paste(&shown.project, command);
                    let understood =
                        code != 2 && code != 127 && !said.contains("unexpected argument");
                    if !understood {
                        wrong.push(format!("{}: {line}: exit {code}\n{said}", shown.what));
                    }
                }
                None if leads_on(line, &shown, &help) => {}
                None => wrong.push(format!("{}: {line}", shown.what)),
            }
        }
    }
    wrong
        .extend(advice_without_a_case(&lines).into_iter().map(|it| format!("no case shows: {it}")));
    assert!(wrong.is_empty(), "{}\nshown: {lines:#?}", wrong.join("\n"));
}

#[test]
fn every_kind_of_failure_has_a_case() {
    let cases = cases();
    for kind in ErrorKind::ALL {
        let here = cases.iter().any(|case| case.0 == kind);
        let elsewhere = ELSEWHERE.iter().find(|it| it.0 == kind).map(|it| it.1);
        let places = ["tests", "src"].map(|it| Path::new(env!("CARGO_MANIFEST_DIR")).join(it));
        let exists = elsewhere.is_some_and(|it| places.iter().any(|place| place.join(it).exists()));
        assert!(here || exists || PLAIN.contains(&kind), "{kind:?} has no case");
    }
}

/// Advice of the kinds that are met elsewhere, and of moments that no command line makes.
const NOT_HERE: [&str; 21] = [
    // A report that fails after the commit: `guarantees/pages.rs` follows the command.
    "report --done -o {file}",
    // A file that fits no phase: its tables refuse the first step before.
    "see how they differ before you stamp a phase: phaseshift diff --from database --to head",
    // An object that an error is about.
    "backup folder",
    // A number of one: the cases have two.
    "backup exists",
    // Another user, a full disk, a crash, a signal, a terminal, a program that writes at the right moment.
    "roll it back, as SQLite does, and keep a copy: phaseshift backup",
    "give yourself write access to the file and to its folder",
    "let the owner of {closed} give you access, or run this as its owner",
    "or begin a settings file of your own in this folder: touch phaseshift.toml",
    "free some space, or put the backups elsewhere with --backup-dir FOLDER",
    "check the folder for the backups, or name another one with --backup-dir FOLDER",
    "change the object named above so that it can be carried over",
    "run the same command again; it reads the file again",
    "run the same command again when you are ready; the backup is used again if nothing changes",
    "run the same command again when you are ready",
    "run the same command again; it starts from the beginning",
    "let the command use $PHASESHIFT_DATABASE, $DATABASE_URL, or {} in its place",
    // A squash that was killed or that came between: `guarantees/squash.rs` follows these commands.
    "apply the archived phases up to {last} first, with --phases for this one run:",
    "phaseshift upgrade {last} --phases {archive}",
    "if a squash was interrupted, undo it, or run it again to finish it:",
    "phaseshift squash --undo",
    // A phase that makes its own version tables: `guarantees/after_proof.rs`.
    "remove the trigger {trigger} from {phase}",
];

/// Compares the texts of `explain` with the lines that were shown.
fn advice_without_a_case(lines: &BTreeMap<String, usize>) -> Vec<String> {
    let source = include_str!("../../src/cli/explain.rs");
    let advice = source.split("fn advice(").nth(1).unwrap().split("#[cfg(test)]").next().unwrap();
    let topics = [
        include_str!("../../src/cli/explain/chain.rs"),
        include_str!("../../src/cli/explain/definition.rs"),
        include_str!("../../src/cli/explain/file.rs"),
        include_str!("../../src/cli/explain/request.rs"),
    ];
    literals(&[advice, &topics.concat()].concat())
        .into_iter()
        .map(|text| text.replace("$ ", "phaseshift "))
        .filter(|text| text.split(['{', '}']).step_by(2).collect::<String>().trim().contains(' '))
        .filter(|text| !NOT_HERE.contains(&text.as_str()))
        .filter(|text| !lines.keys().any(|line| fits(line, text)))
        .collect()
}

/// Whether a line holds the fixed parts of a text, in order.
fn fits(line: &str, text: &str) -> bool {
    let mut rest = line;
    for part in text.replace("{{", "\u{1}").replace("}}", "\u{2}").split(['{', '}']).step_by(2) {
        let part = part.replace('\u{1}', "{").replace('\u{2}', "}");
        let Some(at) = rest.find(&part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// The string literals of a source text, outside comments and attributes.
fn literals(source: &str) -> Vec<String> {
    let code: String = source
        .lines()
        .filter(|it| !it.trim_start().starts_with("//") && !it.trim_start().starts_with("#["))
        .collect::<Vec<_>>()
        .join("\n");
    let (mut found, mut text, mut inside) = (Vec::new(), String::new(), false);
    let mut characters = code.chars().peekable();
    while let Some(character) = characters.next() {
        match (inside, character) {
            (false, '"') => inside = true,
            (true, '"') => {
                inside = false;
                found.push(std::mem::take(&mut text));
            }
            (true, '\\') => match characters.next() {
                Some('\n') => while characters.next_if(|it| it.is_whitespace()).is_some() {},
                Some(escaped) => text.push(escaped),
                None => {}
            },
            (true, other) => text.push(other),
            (false, _) => {}
        }
    }
    found
}
