//! Every command line of docs/from-another-tool.md is run, each block in a project of its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::foreign::load;
use support::Project;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/foreign").join(name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &place);
        } else {
            std::fs::copy(&path, place).unwrap();
        }
    }
}

/// Programs that print what the real ones printed.
fn stand_in(project: &Project, name: &str, text: &str) {
    project.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{text}\n"));
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path(format!("bin/{name}")), mode).unwrap();
}

/// A project of the tool, with a file that the tool migrated.
fn project_of(tool: &str) -> Project {
    let project = Project::empty();
    let database = project.path("app.db");
    let dump = |name: &str| {
        load(&database, &std::fs::read_to_string(fixture(name)).unwrap());
    };
    match tool {
        "goose" | "dbmate" => {
            copy(&fixture(tool).join("migrations"), &project.path("db/migrations"));
            dump(&format!("{tool}/expected/up.sql"));
        }
        "alembic" => {
            copy(&fixture("alembic/alembic"), &project.path("alembic"));
            let sql = fixture("alembic/sql").display().to_string();
            stand_in(&project, "alembic", &format!("cat {sql}/$1.sql"));
        }
        "django" => {
            dump("django/expected/up.sql");
            let sql = fixture("django/sql").display().to_string();
            let print = format!(
                "case $2 in showmigrations) cat {sql}/plan.txt;; sqlmigrate) cat {sql}/$3.$4.sql;; esac"
            );
            stand_in(&project, "python", &print);
        }
        other => {
            let folder = if other == "drizzle" { "drizzle" } else { "migrations" };
            copy(&fixture(other).join(folder), &project.path(folder));
        }
    }
    project
}

/// Runs a line in a shell; returns its code and what it said.
fn run(project: &Project, line: &str) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_phaseshift")).parent().unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", program.display(), project.path("bin").display());
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", line]).current_dir(project.folder()).env_clear().env("PATH", path);
    shell.env("HOME", project.folder()).env("LC_ALL", "C.UTF-8").stdin(std::process::Stdio::null());
    let output = shell.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn every_command_line_of_the_guide_runs() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/from-another-tool.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let (mut tool, mut project, mut lines) = (String::new(), None, 0);
    for line in guide.lines() {
        if let Some(name) = line.strip_prefix("<!-- project: ") {
            tool = name.trim_end_matches(" -->").to_owned();
        } else if line == "```sh" {
            assert!(!tool.is_empty(), "a block without a project");
            project = Some(project_of(&tool));
            tool.clear();
        } else if line == "```" {
            project = None;
        } else if let Some(project) = &project {
            let wanted =
                line.split("# exit ").nth(1).map_or(0, |code| code.trim().parse().unwrap());
            let (code, said) = run(project, line);
            assert_eq!(code, wanted, "{line}\n{said}");
            lines += 1;
        }
    }
    assert!(lines > 30, "{lines}");
    for tool in phaseshift::import::Tool::WORDS {
        assert!(guide.contains(&format!("--from {tool} ")), "{tool} is not in the guide");
    }
}
