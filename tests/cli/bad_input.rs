//! Bad input: each case has its own message and exit code, and not a byte of the folder changes.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Child, Command, Stdio};

use phaseshift::sample::phase_files;
use support::sample::{Feature, SampleOptions, VersionRows, write_catalogue};
use support::{Project, sqlite3};

fn small() -> SampleOptions {
    SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() }
}

/// One case: what the file is, what is run, how it ends.
struct Case {
    name: &'static str,
    make: fn(&Project),
    arguments: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
}

const MIGRATE: &[&str] = &["migrate", "phase3", "--yes", "--wait", "0"];

fn sample(project: &Project, options: &SampleOptions) {
    write_catalogue(&project.database(), options).unwrap();
}

fn normal(project: &Project) {
    sample(project, &small());
}

fn bytes(project: &Project, bytes: &[u8]) {
    std::fs::write(project.database(), bytes).unwrap();
}

/// Bytes without any pattern, as an encrypted file has them.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases() -> Vec<Case> {
    vec![
        Case { name: "missing file", make: |_| {}, arguments: MIGRATE,
            code: 4, says: &["does not exist", "--database FILE"] },
        Case { name: "missing folder", make: |_| {}, arguments: &["status", "-d", "no/such/x.db"],
            code: 4, says: &["does not exist"] },
        Case { name: "a folder", make: |it| std::fs::create_dir(it.database()).unwrap(), arguments: MIGRATE,
            code: 4, says: &["is a folder"] },
        Case { name: "a link to nowhere", make: |it| symlink("nowhere", it.database()).unwrap(), arguments: MIGRATE,
            code: 4, says: &["does not exist"] },
        Case { name: "zero bytes", make: |it| bytes(it, b""), arguments: MIGRATE,
            code: 4, says: &["is empty (0 bytes)"] },
        Case { name: "text", make: |it| bytes(it, "no database\n".repeat(200).as_bytes()), arguments: MIGRATE,
            code: 10, says: &["is not a SQLite database"] },
        Case { name: "a few bytes", make: |it| bytes(it, b"SQLite format 3\0"), arguments: MIGRATE,
            code: 10, says: &["too short"] },
        Case { name: "encrypted", make: |it| bytes(it, &noise(40_960)), arguments: MIGRATE,
            code: 10, says: &["or it is encrypted"] },
        Case { name: "truncated", make: truncated, arguments: MIGRATE,
            code: 10, says: &["damaged"] },
        Case { name: "damaged schema", make: damaged_schema, arguments: MIGRATE,
            code: 10, says: &["damaged"] },
        Case { name: "unknown phase", make: normal, arguments: &["migrate", "phase9", "--yes"],
            code: 4, says: &["no phase is called phase9", "phaseshift history"] },
        Case { name: "unknown version", make: normal, arguments: &["upgrade", "version:77"],
            code: 4, says: &["no phase sets version 77"] },
        Case { name: "no target", make: normal, arguments: &["upgrade", "a b"],
            code: 2, says: &["not a target"] },
        Case { name: "no version row", make: |it| sample(it, &SampleOptions { version_rows: VersionRows::None, ..small() }),
            arguments: MIGRATE, code: 4, says: &["no phase is recorded", "phaseshift stamp phase2"] },
        Case { name: "no version table", make: |it| sample(it, &SampleOptions { version_rows: VersionRows::NoTable, ..small() }),
            arguments: MIGRATE, code: 4, says: &["no phase is recorded", "phaseshift stamp phase2"] },
        Case { name: "a version from elsewhere", make: |it| { normal(it); sqlite3(&it.database(), "UPDATE schema_version SET version = 70"); },
            arguments: MIGRATE, code: 4, says: &["version 70"] },
        Case { name: "foreign schema_version", make: foreign_version_table, arguments: MIGRATE,
            code: 4, says: &["has another meaning here", "--version-table NAME"] },
        Case { name: "target table there", make: |it| { normal(it); sqlite3(&it.database(), "CREATE TABLE imaging_sessions(x)"); },
            arguments: MIGRATE, code: 4, says: &["imaging_sessions"] },
        Case { name: "source table missing", make: |it| { normal(it); sqlite3(&it.database(), "PRAGMA foreign_keys=0; DROP TABLE sessions"); },
            arguments: MIGRATE, code: 4, says: &["sessions"] },
        Case { name: "source column missing", make: |it| { normal(it); sqlite3(&it.database(), "ALTER TABLE fits_files RENAME COLUMN x TO w"); },
            arguments: MIGRATE, code: 4, says: &["fits_files"] },
        Case { name: "duplicates", make: |it| sample(it, &SampleOptions { duplicates: 3, ..small() }.with(Feature::Grown)),
            arguments: MIGRATE, code: 4, says: &["phase3 cannot start"] },
        Case { name: "nobody to ask", make: normal, arguments: &["migrate", "phase3"],
            code: 4, says: &["not a terminal", "--yes"] },
        Case { name: "nobody to ask about a restore", make: |it| { normal(it); it.run(&["backup"]).expect_code(0); }, arguments: &["restore", "--latest"],
            code: 4, says: &["not a terminal", "--yes"] },
        Case { name: "nobody to pick a backup", make: normal, arguments: &["restore", "--yes"],
            code: 4, says: &["no backup is named", "next:  phaseshift restore --latest --yes"] },
        Case { name: "no backup to restore", make: normal, arguments: &["restore", "--latest", "--yes"],
            code: 4, says: &["no verified backup"] },
        Case { name: "bad phase file", make: |it| { normal(it); it.write_phase("phase5.toml", "[[up]]\nop = 'rename_tabel'\n"); },
            arguments: MIGRATE, code: 4, says: &["phase5.toml:2", "rename_table"] },
        Case { name: "missing parent", make: |it| { normal(it); it.write_phase("phase5.toml", "parents = ['phase8']\n"); },
            arguments: MIGRATE, code: 4, says: &["phase8"] },
        Case { name: "no phases", make: normal, arguments: &["migrate", "--phases", "nowhere", "--yes"],
            code: 4, says: &["the folder of the phases does not exist"] },
        Case { name: "unknown setting", make: |it| { normal(it); it.write("phaseshift.toml", "wait = 1\nback_ups = 'x'\n"); },
            arguments: MIGRATE, code: 4, says: &["phaseshift.toml:2", "`backups`"] },
        Case { name: "unknown flag", make: normal, arguments: &["migrate", "--force"],
            code: 2, says: &["unexpected argument"] },
        Case { name: "unknown command", make: normal, arguments: &["migarte"],
            code: 2, says: &["migrate"] },
        Case { name: "another kind of database", make: normal, arguments: &["status", "-d", "postgresql://localhost/x"],
            code: 2, says: &["only SQLite addresses"] },
        Case { name: "stamp that does not fit", make: |it| sample(it, &SampleOptions { version_rows: VersionRows::None, ..small() }),
            arguments: &["stamp", "phase3"], code: 4, says: &["table imaging_sessions is missing"] },
    ]
}

fn truncated(project: &Project) {
    normal(project);
    let file = std::fs::OpenOptions::new().write(true).open(project.database()).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length / 2).unwrap();
}

fn damaged_schema(project: &Project) {
    normal(project);
    let mut file = std::fs::OpenOptions::new().write(true).open(project.database()).unwrap();
    file.seek(SeekFrom::Start(100)).unwrap();
    file.write_all(&noise(1_000)).unwrap();
}

fn foreign_version_table(project: &Project) {
    sample(project, &SampleOptions { version_rows: VersionRows::NoTable, ..small() });
    let sql = "CREATE TABLE schema_version(id INTEGER PRIMARY KEY, number TEXT);
               INSERT INTO schema_version VALUES (1, '2.4')";
    sqlite3(&project.database(), sql);
}

fn project() -> Project {
    let project = Project::empty();
    for (name, text) in phase_files() {
        project.write_phase(name, text);
    }
    project
}

#[test]
fn every_bad_input_has_its_message_and_code_and_changes_nothing() {
    for case in cases() {
        let project = project();
        (case.make)(&project);
        let before = project.snapshot();
        let output = project.run(case.arguments);
        let name = case.name;
        assert_eq!(output.code, case.code, "{name}\n{}\n{}", output.stdout, output.stderr);
        for fragment in case.says {
            assert!(output.stderr.contains(fragment), "{name}: {fragment}\n{}", output.stderr);
        }
        assert_eq!(output.stdout, "", "{name}");
        assert_eq!(project.snapshot(), before, "{name}");
    }
}

#[test]
fn every_bad_input_is_one_json_document_too() {
    for case in cases() {
        let project = project();
        (case.make)(&project);
        let before = project.snapshot();
        let mut arguments = vec!["--json"];
        arguments.extend(case.arguments);
        let output = project.run(&arguments);
        let document = output.json();
        let name = case.name;
        assert_eq!(document["exit_code"], case.code, "{name}: {document:#}");
        assert_eq!(document["format"], 1, "{name}");
        assert_eq!(document["ok"], false, "{name}");
        assert_eq!(document["error"]["database_state"], "unchanged", "{name}");
        assert!(document["error"]["kind"].is_string(), "{name}");
        assert!(!document["error"]["next"].as_array().unwrap().is_empty(), "{name}");
        assert_eq!(output.stderr, "", "{name}");
        assert_eq!(project.snapshot(), before, "{name}");
    }
}

/// A program that holds the database until it is killed.
struct Holder(Child);

impl Holder {
    fn new(project: &Project, lock: &str) -> Self {
        let script = "import sqlite3, sys, time\n\
                      c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                      c.execute('BEGIN ' + sys.argv[2])\nprint('held', flush=True)\ntime.sleep(60)";
        let mut child = support::python3()
            .args(["-c", script])
            .arg(project.database())
            .arg(lock)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_busy_file_is_left_alone_and_its_holder_is_named() {
    let project = project();
    normal(&project);
    let holder = Holder::new(&project, "EXCLUSIVE");
    let names = |project: &Project| {
        let snapshot = project.snapshot();
        snapshot.names().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    // The bytes of a locked file are not read here: closing it would drop the holder's lock only in
    // this process, which holds none.
    let before = names(&project);
    for arguments in [MIGRATE, &["upgrade", "--wait", "0"], &["current", "--wait", "0"]] {
        let output = project.run(arguments).expect_code(5);
        assert!(output.stderr.contains("holds the database"), "{}", output.stderr);
        assert!(output.stderr.contains("state: nothing was changed"), "{}", output.stderr);
        assert!(output.stderr.contains("python3"), "{}", output.stderr);
        assert_eq!(names(&project), before);
    }
    drop(holder);
    project.run(MIGRATE).expect_code(0);
}

#[test]
fn a_plan_needs_no_lock() {
    let project = project();
    normal(&project);
    let _holder = Holder::new(&project, "IMMEDIATE");
    project.run(&["plan", "phase3", "--wait", "0"]).expect_code(0);
    project.run(&["status", "--wait", "0"]).expect_code(0);
    project.run(&["preflight", "phase3", "--wait", "0"]).expect_code(5);
    project.run(&["upgrade", "phase3", "--wait", "0"]).expect_code(5);
}

#[test]
fn a_wait_for_a_lock_ends_when_it_is_interrupted() {
    let project = project();
    normal(&project);
    let _holder = Holder::new(&project, "EXCLUSIVE");
    let mut command = project.command();
    command.args(["-d", "fits_catalog.db", "upgrade", "phase3", "--wait", "600"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    // Whom the run waits for is said before; where the wait ends, the interrupt is what happened.
    assert!(
        said.contains(
            "
Interrupted: interrupted while waiting"
        ),
        "{said}"
    );
    assert!(said.starts_with("Waiting for the database, held by python3 (pid "), "{said}");
}

#[test]
fn a_read_only_folder_is_refused_before_a_backup() {
    let project = project();
    normal(&project);
    let folder = project.folder();
    let mode =
        |mode| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    // Root may write everywhere, and then there is nothing to see.
    let writable = std::fs::write(folder.join("probe"), b"").is_ok();
    if !writable {
        let before = project.snapshot();
        let output = project.run(MIGRATE).expect_code(4);
        assert!(output.stderr.contains("next:  give yourself write access"), "{}", output.stderr);
        assert_eq!(project.snapshot(), before);
    }
    mode(0o755);
}

#[test]
fn leftovers_of_a_killed_run_are_told_and_do_not_disturb() {
    let project = project();
    normal(&project);
    let part = "backups/fits_catalog_pre_phase3_20241027_013000.db.999999.part";
    project.write(part, "half a backup");
    let status = project.run(&["status"]).expect_code(0);
    assert!(status.stdout.contains("Leftover:"), "{}", status.stdout);
    project.run(MIGRATE).expect_code(0);
    assert!(!project.path(part).exists());
    project.write(part, "half a backup");
    let prune = project.run(&["backups", "prune", "--keep", "1"]).expect_code(0);
    assert!(prune.stdout.contains(".part"), "{}", prune.stdout);
    assert!(!project.path(part).exists());
}

#[test]
fn an_applied_phase_is_nothing_to_do_and_makes_no_backup() {
    let project = project();
    normal(&project);
    project.run(MIGRATE).expect_code(0);
    let before = project.snapshot();
    for arguments in
        [MIGRATE, &["migrate", "phase3"], &["upgrade", "phase3"], &["migrate", "phase2"]]
    {
        let output = project.run(arguments).expect_code(0);
        assert!(output.stdout.starts_with("Nothing to do:"), "{}", output.stdout);
        assert_eq!(project.snapshot(), before);
    }
    let document = project.run(&["upgrade", "phase3", "--json"]).expect_code(0).json();
    assert_eq!(
        (&document["changed"], &document["backup"]),
        (&false.into(), &serde_json::Value::Null)
    );
}
