//! `prove`: what another tool's migration lost is named, nothing else is, and the file itself stays as it is.
#![cfg(feature = "cli")]

mod hostile;
mod losses;
mod manual;
mod maps;
mod published;

use std::path::{Path, PathBuf};

use serde_json::Value;

use support::{Output, Project, sqlite3, with_ending};

/// A small application's database: parents and children, a view, triggers, an index of each kind, counters, statistics.
const APP: &str = "
PRAGMA foreign_keys = OFF;
CREATE TABLE sessions(
    session_id TEXT PRIMARY KEY, -- as the camera writes it
    date TEXT NOT NULL DEFAULT '2024-01-01', telescope VARCHAR(50) COLLATE NOCASE,
    seeing REAL CHECK (seeing > 0), notes TEXT, CONSTRAINT one_a_day UNIQUE (date, telescope));
CREATE TABLE files(
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE ON CONFLICT IGNORE,
    session_id TEXT REFERENCES sessions(session_id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    width INTEGER, height INTEGER, area INTEGER AS (width * height) STORED, raw);
CREATE TABLE links(
    file INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE, tag TEXT, PRIMARY KEY (tag, file)) WITHOUT ROWID;
CREATE TABLE settings(key TEXT, value TEXT);
CREATE TABLE strict_ones(id INTEGER PRIMARY KEY, n INT) STRICT;
CREATE INDEX by_date ON sessions(date DESC);
CREATE INDEX by_size ON files(width, height) WHERE width > 0;
CREATE UNIQUE INDEX by_lower ON files(lower(name));
CREATE VIEW recent AS SELECT name, date FROM files JOIN sessions ON sessions.session_id = files.session_id;
CREATE TRIGGER count_links AFTER INSERT ON links BEGIN UPDATE settings SET value = value + 1 WHERE key = 'links'; END;
CREATE TRIGGER into_recent INSTEAD OF DELETE ON recent BEGIN DELETE FROM files WHERE name = old.name; END;
WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 20)
INSERT INTO sessions SELECT 'S' || v, date('2024-01-01', v || ' days'), 'T' || (v % 3), v * 0.5, iif(v % 2, 'n', NULL) FROM n;
WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 100)
INSERT INTO files(name, session_id, width, height, raw) SELECT 'f' || v, 'S' || (v % 20 + 1), v, 2, iif(v % 3, v, 'x') FROM n;
INSERT INTO links SELECT id, 'tag' || (id % 4) FROM files WHERE id <= 40;
DELETE FROM files WHERE id > 90;
INSERT INTO settings(rowid, key, value) VALUES (1, 'links', 40), (5, 'theme', 'dark'), (9, 'theme', 'dark');
INSERT INTO strict_ones VALUES (1, 1), (2, 2);
PRAGMA user_version = 3;
ANALYZE;
";

/// The application's database in a project.
fn app() -> Project {
    let project = Project::empty();
    support::script(&project.database(), APP).unwrap();
    project
}

/// Runs the program with the PATH of the tests: commands find `python3` there.
fn run(project: &Project, arguments: &[&str]) -> Output {
    let mut command = project.command();
    command.env("PATH", std::env::var_os("PATH").unwrap()).args(arguments);
    let output = command.output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Proves a command on the project's database.
fn prove(project: &Project, command: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["prove", "--database", "fits_catalog.db", "--run", command];
    arguments.extend(more);
    run(project, &arguments)
}

/// Proves SQL that the `sqlite3` program runs on the clone.
fn prove_sql(project: &Project, sql: &str, more: &[&str]) -> Output {
    project.write("change.sql", sql);
    prove(project, "sqlite3 -batch -bail {} < change.sql", more)
}

/// The findings of a JSON report: code, object and count.
fn findings(report: &Value) -> Vec<(String, String, Option<u64>)> {
    let all = report["findings"].as_array().unwrap();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    all.iter().map(|it| (text(it, "code"), text(it, "object"), it["count"].as_u64())).collect()
}

/// Holds a report against the judge in plain SQL, which sees the file before and the clone that was kept.
#[track_caller]
fn judged(project: &Project, report: &Value, map: Option<&str>) {
    let clone = report["clone"].as_str().expect("the clone was kept");
    project.write("report.json", &report.to_string());
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign_losses/agree.py");
    let mut command = support::python3();
    command.arg("-B").arg(program).arg(project.path("report.json"));
    command.arg(project.database()).arg(clone);
    if let Some(map) = map {
        project.write("map.json", map);
        command.arg(project.path("map.json"));
    }
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Every value of every table as the `sqlite3` program dumps it.
fn dump(database: &Path) -> String {
    let pragmas = "SELECT * FROM pragma_user_version, pragma_application_id, pragma_encoding";
    sqlite3(database, ".dump") + &sqlite3(database, pragmas)
}

/// The bytes of the database, and what lies beside it.
fn bytes(project: &Project) -> (Vec<u8>, Vec<bool>) {
    let beside =
        ["-wal", "-shm", "-journal"].map(|it| with_ending(&project.database(), it).exists());
    (std::fs::read(project.database()).unwrap(), beside.to_vec())
}

/// What is left in the folder for temporary files, except what the program does not make.
fn left_over(project: &Project) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project.root().join("tmp")).unwrap();
    entries.map(|it| it.unwrap().path()).collect()
}
