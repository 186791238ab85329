//! The JSON Schemas that the program prints: every phase file of the fixtures and every document fits, and what the
//! program refuses does not. Judged by `tests/judge/json_schema.py`.

use std::path::{Path, PathBuf};

use support::sample::SampleOptions;

use support::Project;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Returns what does not fit, one line each.
fn faults(schema: &Path, files: &[PathBuf]) -> Vec<String> {
    let judge = Path::new(HERE).join("tests/judge/json_schema.py");
    let output = support::python3().arg(judge).arg(schema).args(files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(failed.is_empty(), "{failed}");
    said.lines().map(ToOwned::to_owned).collect()
}

fn schema(project: &Project, document: &str) -> PathBuf {
    let text = project.run_here(&["json-schema", document]).expect_code(0).stdout;
    project.write(&format!("{document}.schema.json"), &text);
    project.path(format!("{document}.schema.json"))
}

/// The phase files of the fixtures, those aside that are broken on purpose.
fn fixtures() -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(Path::new(HERE).join("fixtures"));
    let files = files.into_iter().map(|entry| entry.unwrap().into_path());
    let is_phase = |path: &PathBuf| {
        let text = path.to_string_lossy();
        text.ends_with(".toml") && text.contains("/phases/") && !text.contains("/broken/")
    };
    files.filter(is_phase).collect()
}

#[test]
fn every_phase_file_fits_the_schema_and_faults_do_not() {
    let project = Project::empty();
    let schema = schema(&project, "phase");
    let files = fixtures();
    assert!(files.len() > 20, "{}", files.len());
    assert_eq!(faults(&schema, &files), Vec::<String>::new());
    for (name, text) in [
        ("unknown", "titel = 'x'"),
        ("op", "[[up]]\nop = 'rename_tabel'\nfrom = 'a'\nto = 'b'"),
        ("key", "[[up]]\nop = 'rename_table'\nfrom = 'a'\nto = 'b'\ntable = 'c'"),
        ("missing", "[[up]]\nop = 'rename_table'\nfrom = 'a'"),
        ("type", "version = '3'"),
        ("both", "[[up]]\nop = 'sql'\nsql = 'SELECT 1'\nfile = 'a.sql'"),
        ("none", "[[up]]\nop = 'alter_column'\ntable = 'a'\ncolumn = 'b'"),
        ("word", "views = 'keeps'"),
    ] {
        project.write_phase(&format!("{name}.toml"), text);
        project.run(&["check"]).expect_code(4);
        let file = project.path(format!("phases/{name}.toml"));
        assert!(!faults(&schema, std::slice::from_ref(&file)).is_empty(), "{name}");
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn the_settings_fit_the_schema() {
    let project = Project::empty();
    let schema = schema(&project, "settings");
    project.run_here(&["init", "new"]).expect_code(0);
    project.write(
        "more.toml",
        "wait = 3\nformat = 'goose'\ncheckpoint_above = '64 MiB'\n[keep]\ndays = 30\ncount = 2\n",
    );
    let files = [project.path("new/phaseshift.toml"), project.path("more.toml")];
    assert_eq!(faults(&schema, &files), Vec::<String>::new());
    project.write("wrong.toml", "databse = 'a.db'\n");
    assert_eq!(faults(&schema, &[project.path("wrong.toml")]).len(), 1);
}

#[test]
fn what_commands_print_fits_the_schema() {
    let small = SampleOptions { sessions: 6, files: 20, links: 5, ..SampleOptions::default() };
    let project = Project::with_catalogue(&small);
    let schema = schema(&project, "output");
    let mut files = Vec::new();
    for line in [
        "status",
        "current",
        "current --require head",
        "verify",
        "heads",
        "bases",
        "branches",
        "history",
        "show phase3",
        "check",
        "lint",
        "deps",
        "audit",
        "diff",
        "preflight",
        "plan",
        "plan --sql",
        "plan phase2:phase3 --format mermaid",
        "report",
        "upgrade phase3",
        "upgrade phase3",
        "migrate --yes",
        "plan",
        "downgrade",
        "backup",
        "backups",
        "optimize --dry-run",
        "extract-undo",
        "stamp phase1",
        "stamp nothing",
        "reset --dry-run",
        "man",
        "completions fish",
        "json-schema output",
        "nonsense",
        "prove --run true",
    ] {
        let arguments: Vec<&str> = line.split(' ').chain(["--json"]).collect();
        let said = project.run(&arguments).stdout;
        let name = format!("{}.json", files.len());
        project.write(&name, &said);
        files.push(project.path(name));
    }
    assert_eq!(faults(&schema, &files), Vec::<String>::new());
    let wrong =
        r#"{"format": 1, "command": "current", "ok": true, "exit_code": 0, "version": "2"}"#;
    project.write("wrong.json", wrong);
    assert_eq!(faults(&schema, &[project.path("wrong.json")]).len(), 2);
}
