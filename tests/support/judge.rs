//! Calls the judge (tests/judge/judge.py) and the `sqlite3` program.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Has the judge compare two files; the error holds one line per failed check.
///
/// The renames are the document that judge.py describes; `json!({})` means that nothing may differ.
/// The tables of versions and of history are not compared.
pub fn judge(before: &Path, after: &Path, renames: &serde_json::Value) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("renames.json");
    std::fs::write(&file, renames.to_string()).expect("a file");
    let mut command = python("compare");
    command.arg(before).arg(after).arg("--renames").arg(file);
    command.args(["--ignore-tables", "schema_version,phase_history"]);
    run(&mut command).map(|_| ())
}

/// Returns a digest of the schema and of all rows of a file.
pub fn digest(database: &Path) -> String {
    run(python("digest").arg(database)).expect("a digest").trim().to_owned()
}

/// What Phase 3 of the FITS catalogue renames, for [`judge`].
pub fn phase3_renames() -> serde_json::Value {
    serde_json::from_str(include_str!("../judge/phase3.json")).expect("JSON")
}

/// Runs SQL in the `sqlite3` program and returns what it prints, without the last line's end.
///
/// It opens the file for writing: on a file in WAL mode, closing it may empty the `-wal` file.
#[track_caller]
pub fn sqlite3(database: &Path, sql: &str) -> String {
    try_sqlite3(database, sql).expect("SQL that runs")
}

/// As [`sqlite3`], for SQL that may fail; the error is what the program complains about.
pub fn try_sqlite3(database: &Path, sql: &str) -> Result<String, String> {
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-bail", "-init", "/dev/null"]).arg(database).arg(sql);
    let trimmed = |text: String| text.trim_end().to_owned();
    run(&mut command).map(trimmed).map_err(trimmed)
}

/// Python without the packages of the machine: judges use what comes with it.
pub fn python3() -> Command {
    // What is called python3 may be a launcher, which looks for the interpreter each time (pyenv).
    static INTERPRETER: LazyLock<String> = LazyLock::new(|| {
        let mut command = Command::new("python3");
        let found = run(command.args(["-c", "import sys; print(sys.executable)"]));
        found.expect("the interpreter").trim().to_owned()
    });
    let mut command = Command::new(&*INTERPRETER);
    command.args(["-E", "-S"]);
    command
}

fn python(mode: &str) -> Command {
    let mut command = python3();
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../judge/judge.py")).arg(mode);
    command
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().expect("python3 and sqlite3 are installed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(format!("{said}{complaints}")) }
}
