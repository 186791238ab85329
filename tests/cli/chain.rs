//! The chain as the program shows it: accidents of graphs, round trips, the words of Alembic, and
//! every example of the help.

mod accidents;
mod examples;
mod lints;
mod round_trips;
mod schemas;
mod words;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Output, Project};

/// A chain of empty phases: ids and parents.
fn graph(phases: &[(&str, &[&str])]) -> Project {
    let project = Project::empty();
    for (id, parents) in phases {
        write(&project, id, parents, "");
    }
    project
}

/// Writes a phase whose file is called after it.
fn write(project: &Project, id: &str, parents: &[&str], rest: &str) {
    project.write_phase(&format!("{id}.toml"), &format!("parents = {parents:?}\n{rest}"));
}

/// A step that creates a table of one column.
fn table(name: &str) -> String {
    format!("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE {name}(a INTEGER PRIMARY KEY)'\n")
}

/// A step that adds a column.
fn column(table: &str, column: &str) -> String {
    format!("[[up]]\nop = 'add_column'\ntable = '{table}'\ncolumn = '{column}'\n")
}

/// Runs a command that must be refused, and asserts what it says.
#[track_caller]
fn refused(project: &Project, arguments: &[&str], says: &[&str]) -> Output {
    let before = project.snapshot();
    let output = project.run(arguments).expect_code(4);
    for part in says {
        assert!(output.stderr.contains(part), "{part}\n{}", output.stderr);
    }
    assert!(output.stderr.contains("state: nothing was changed"), "{}", output.stderr);
    assert_eq!(project.snapshot(), before);
    output
}

/// The phases of a fixture in a project of their own.
fn fixture(name: &str) -> Project {
    let project = Project::empty();
    copy(&project, name);
    project
}

/// Puts the files of a fixture on top of what is there.
fn copy(project: &Project, name: &str) {
    let folder = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        project.write_phase(&path.file_name().unwrap().to_string_lossy(), &text);
    }
}

/// Has the `sqlite3` program run a script, which must have nothing to say.
#[track_caller]
fn run_script(database: &Path, script: &str) {
    let mut program = Command::new("sqlite3")
        .args(["-batch", "-bail", "-init", "/dev/null"])
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}\n{script}");
}
