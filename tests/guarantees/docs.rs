//! The commands of the guides and of docs/troubleshooting.md, run as they are written.

use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use support::sample::{SampleOptions, VersionRows};

use support::{Project, sqlite3};

/// A catalogue at phase2, and settings that name it.
fn catalogue() -> Project {
    let small = SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() };
    let project = Project::with_catalogue(&small);
    project.write("phaseshift.toml", "database = 'fits_catalog.db'\n");
    project
}

/// The commands of the console blocks of a text.
fn commands(text: &str) -> Vec<&str> {
    let blocks = text.split("```console\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    lines.map(|line| line.strip_prefix("$ ").unwrap()).collect()
}

/// Types a command in a shell, with a yes where it asks: the question is for a terminal.
fn type_in(project: &Project, command: &str) -> String {
    let asks =
        ["phaseshift migrate", "phaseshift restore"].iter().any(|it| command.starts_with(it));
    let command = if asks { format!("{command} --yes") } else { command.to_owned() };
    let program = project.command().get_program().to_owned();
    let path = format!("{}:/usr/bin:/bin", Path::new(&program).parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(project.folder()).env_clear();
    shell.env("PATH", path).env("HOME", project.root().join("home")).env("LC_ALL", "C.UTF-8");
    let done = shell.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command}: {}\n{said}\n{complained}", done.status);
    said
}

#[test]
fn the_guide_runs_as_it_is_written() {
    let project = catalogue();
    let commands = commands(include_str!("../../docs/guide.md"));
    assert!(commands.len() > 25, "{commands:?}");
    let tables = |name: &str| {
        sqlite3(
            &project.database(),
            &format!("SELECT count(*) FROM sqlite_schema WHERE name = '{name}'"),
        )
    };
    for command in commands {
        let said = type_in(&project, command);
        match command {
            "phaseshift migrate phase3" | "phaseshift upgrade phase3" => {
                assert_eq!(
                    (tables("sessions"), tables("imaging_sessions")),
                    ("0".into(), "1".into())
                );
            }
            "phaseshift downgrade phase2" | "phaseshift restore before:phase3" => {
                assert_eq!(
                    (tables("sessions"), tables("imaging_sessions")),
                    ("1".into(), "0".into())
                );
            }
            _ if command.starts_with("sqlite3") => assert!(!said.trim().is_empty(), "{command}"),
            _ => {}
        }
    }
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM imaging_sessions"), "12");
}

#[test]
fn the_guides_of_going_back_and_of_scripts_run_as_they_are_written() {
    for text in [include_str!("../../docs/restore.md"), include_str!("../../docs/scripts.md")] {
        let project = catalogue();
        let commands = commands(text);
        assert!(commands.len() > 10, "{commands:?}");
        for command in commands {
            let said = type_in(&project, command);
            match command {
                _ if command.contains("json_extract") => {
                    assert!(said.starts_with("[2,") && said.contains("_pre_phase3_"), "{said}");
                }
                _ if command.starts_with("sqlite3 -readonly") => assert_eq!(said, "12\n"),
                _ => {}
            }
        }
    }
}

#[test]
fn the_page_on_litestream_runs_as_it_is_written() {
    let project = catalogue();
    let said = commands(include_str!("../../docs/litestream.md"))
        .iter()
        .map(|command| type_in(&project, command))
        .collect::<String>();
    assert_eq!(said, "null\n");
}

/// The losses of the other tools are those of `scripts/prove_foreign`; what phaseshift itself loses there is looked at here.
#[test]
fn the_comparison_is_right_about_this_program() {
    let compare = include_str!("../../docs/COMPARE.md");
    assert!(compare.contains("| phaseshift, `add_column` with a value | 0.1.0 | 0 |"));
    let losses = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign_losses");
    let project = Project::empty();
    let database = project.database();
    let features = std::fs::read_to_string(losses.join("features.sql")).unwrap();
    // A text that begins with a comment would be an option.
    sqlite3(&database, &format!("\n{features}"));
    let before = project.copy_database("before.db");
    let python = |arguments: &[&str], folder: &Path| {
        let done =
            support::python3().arg("-B").args(arguments).current_dir(folder).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let script = losses.join("own_phase.py");
    python(&[script.to_str().unwrap(), database.to_str().unwrap()], &project.folder());
    let rebuilt = project.run(&["upgrade", "--json"]).expect_code(0).json();
    assert_eq!(rebuilt["copied"].as_array().unwrap().len(), 54);
    let count = "import judge, sys; print(judge.losses(*sys.argv[1:], {}))";
    let lost =
        python(&["-c", count, before.to_str().unwrap(), database.to_str().unwrap()], &losses);
    assert_eq!(lost.trim(), "[]");
}

/// The failure that a section is about: a project, the command that meets it, and what is done before the advice.
#[expect(clippy::too_many_lines, reason = "a match table, one arm for each message")]
fn provoked(heading: &str) -> (Project, &'static str) {
    let project = catalogue();
    let next =
        |text: &str| project.write_phase("next.toml", &format!("parents = ['phase4']\n{text}"));
    let column =
        "[[up]]\nop = 'alter_column'\ntable = 'notes'\ncolumn = 'note'\ntype = 'INTEGER'\n";
    match heading {
        "no phase is recorded in the file" => {
            let none = SampleOptions {
                sessions: 12,
                files: 60,
                links: 20,
                version_rows: VersionRows::None,
                ..SampleOptions::default()
            };
            let project = Project::with_catalogue(&none);
            project.write("phaseshift.toml", "database = 'fits_catalog.db'\n");
            return (project, "migrate phase3 --yes");
        }
        "does not exist" => {
            project.run_here(&["upgrade"]).expect_code(0);
            std::fs::remove_file(project.database()).unwrap();
            return (project, "status");
        }
        "was edited after it was applied" => {
            project.run_here(&["upgrade", "phase3"]).expect_code(0);
            let path = project.path("phases/phase3.toml");
            let text = std::fs::read_to_string(&path).unwrap();
            let step = "[[up]]\nop = 'drop_index'\nindex = 'nix'\nif_exists = true\n";
            let at = text.find("[[verify]]").unwrap_or(text.len());
            std::fs::write(&path, format!("{}{step}{}", &text[..at], &text[at..])).unwrap();
        }
        "the new type would convert" => {
            sqlite3(
                &project.database(),
                "CREATE TABLE notes(note TEXT); INSERT INTO notes VALUES ('007')",
            );
            next(column);
        }
        "would be broken" => {
            sqlite3(
                &project.database(),
                "CREATE TABLE notes(note TEXT, a); CREATE VIEW noted AS SELECT note FROM notes",
            );
            next(
                "# drop the view here\n[[up]]\nop = 'drop_column'\ntable = 'notes'\ncolumn = 'note'\n",
            );
        }
        "has duplicate keys" => {
            let rows = "CREATE TABLE notes(note TEXT); INSERT INTO notes VALUES ('a'), ('a')";
            sqlite3(&project.database(), rows);
            next("[[up]]\nop = 'create_index'\nsql = 'CREATE UNIQUE INDEX i ON notes(note)'\n");
        }
        "two branches conflict" | "the chain has 2 heads" => {
            next("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE notes(a)'\n");
            let table = if heading == "two branches conflict" { "notes(b)" } else { "other(b)" };
            let step = format!("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE {table}'\n");
            project.write_phase("other.toml", &format!("parents = ['phase4']\n{step}"));
            return (
                project,
                if heading == "two branches conflict" { "upgrade heads" } else { "upgrade" },
            );
        }
        "the database file is damaged" => {
            project.run_here(&["upgrade"]).expect_code(0);
            let mut bytes = std::fs::read(project.database()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..].fill(0xAA);
            std::fs::write(project.database(), bytes).unwrap();
            return (project, "backup");
        }
        "another program holds the database" => return (project, "upgrade --wait 0"),
        "no such table: sessions" => {
            project.run_here(&["upgrade", "phase3"]).expect_code(0);
            return (project, "");
        }
        other => panic!("no case for {other}"),
    }
    (project, "upgrade")
}

#[test]
fn every_message_of_the_troubleshooting_is_real_and_its_commands_help() {
    let text = include_str!("../../docs/troubleshooting.md");
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    assert!(sections.len() > 8);
    for section in sections {
        let heading = section.lines().next().unwrap();
        let (project, command) = provoked(heading);
        let holder = heading
            .starts_with("another program")
            .then(|| Connection::open(project.database()).unwrap());
        if let Some(file) = &holder {
            file.execute_batch("BEGIN EXCLUSIVE").unwrap();
        }
        if command.is_empty() {
            let read = support::try_sqlite3(&project.database(), "SELECT * FROM sessions");
            let said = read.unwrap_err();
            assert!(said.contains(heading), "{said}");
        } else {
            let words: Vec<&str> = command.split(' ').collect();
            let said = project.run_here(&words);
            assert!(
                said.code != 0 && said.stderr.contains(heading),
                "{heading}: {}\n{}",
                said.stdout,
                said.stderr
            );
        }
        drop(holder);
        for command in commands(section) {
            type_in(&project, command);
        }
    }
}
