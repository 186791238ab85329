//! Every example in the help of every command is run, in a project where it makes sense.

use std::io::{Read as _, Write as _};
use std::path::Path;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use support::sample::{SampleOptions, VersionRows, write_catalogue};

use support::{Project, sqlite3};

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = Project::empty().run_here(&["--help"]).expect_code(0).stdout;
    let list = help.split("Guided:\n").nth(1).unwrap().split("\n`phaseshift help").next().unwrap();
    let commands = list.lines().filter(|line| line.starts_with("  "));
    let names = commands.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

/// The examples in the help of a command.
fn examples(command: &str) -> Vec<String> {
    let help = Project::empty().run_here(&[command, "--help"]).expect_code(0).stdout;
    let Some(block) = help.split("Examples:\n").nth(1) else { return Vec::new() };
    let lines = block.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.map(ToOwned::to_owned).collect()
}

/// A project in which an example can be run.
#[expect(clippy::too_many_lines, reason = "a list of what each command needs")]
fn project_for(example: &str) -> Project {
    let words: Vec<&str> = example.split_whitespace().collect();
    let command = words[1];
    let small = SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() };
    let project = match command {
        "init" if example.contains("--from") => {
            let project = Project::empty();
            let options = SampleOptions { version_rows: VersionRows::None, ..small };
            write_catalogue(&project.database(), &options).unwrap();
            return project;
        }
        "import" => return migrations_for(example),
        "init" | "demo" | "completions" | "man" | "json-schema" => return Project::empty(),
        "stamp" if !example.contains("base") => {
            let rows = VersionRows::None;
            Project::with_catalogue(&SampleOptions { version_rows: rows, ..small })
        }
        _ => Project::with_catalogue(&small),
    };
    project.write("phaseshift.toml", "database = 'fits_catalog.db'\n");
    if words.contains(&"--all") || command == "fleet" {
        let tenants = project.path("tenants");
        std::fs::create_dir(&tenants).unwrap();
        for name in ["a.db", "b.db"] {
            std::fs::copy(project.database(), tenants.join(name)).unwrap();
        }
        project.write("tenants.txt", "tenants/a.db\ntenants/b.db\n");
        for shard in ["1", "2"] {
            let part = format!("{shard}/2");
            let run = ["status", "--all", "tenants", "--shard", &part, "--json"];
            let said = project.run_here(&run).expect_code(0).stdout;
            project.write(&format!("shard-{shard}.jsonl"), &said);
        }
        return project;
    }
    let to = match command {
        "downgrade" | "extract-undo" | "history" | "show" | "diff" => Some("phase4"),
        "revision" if example.contains("--autogenerate") => Some("phase4"),
        "plan" if example.contains("--down") => Some("phase4"),
        "report" if example.contains("--done") => Some("phase3"),
        "check" if example.contains("--schema") => Some("phase4"),
        "status" | "current" if !example.contains("--require 2") => Some("phase4"),
        "current" | "verify" | "restore" | "backups" | "check" => Some("phase3"),
        _ => None,
    };
    if let Some(target) = to {
        match example.contains("--against") && !example.contains("before:") {
            true => project.run_here(&["backup"]).expect_code(0),
            false => project.run_here(&["upgrade", target]).expect_code(0),
        };
        let backup = project.backups().remove(0);
        let named = project.path("backups/fits_catalog_pre_phase3_20241027_013000.db");
        std::fs::copy(backup, named).unwrap();
    }
    if ["diff", "apply"].contains(&command) || example.contains("--autogenerate") {
        let file = if example.contains("renamed.sql") { "renamed.sql" } else { "schema.sql" };
        project.write(file, &desired(&project, command, example));
    }
    if command == "check" && example.contains("--schema") {
        let texts =
            "SELECT group_concat(sql, ';' || char(10)) FROM sqlite_schema WHERE sql NOT NULL
                     AND tbl_name NOT IN ('schema_version', 'phase_history')";
        project.write("schema.sql", &sqlite3(&project.database(), texts));
    }
    if command == "apply" {
        // Phases are not for a file to which whole schemas are applied.
        let forget = "DROP TABLE schema_version; DROP TABLE IF EXISTS phase_history";
        sqlite3(&project.database(), forget);
    }
    if command == "prove" {
        project.write(
            "migrate.py",
            "import os, sqlite3\nfile = sqlite3.connect(os.environ['PHASESHIFT_DATABASE'])\n\
             file.execute('ALTER TABLE sessions RENAME TO imaging_sessions')\n\
             file.commit()\n",
        );
        project.write("map.toml", "[tables]\nsessions = 'imaging_sessions'\n");
    }
    if command == "squash" && example.contains("--undo") {
        project.run_here(&["squash", "-m", "All so far", "--yes"]).expect_code(0);
    }
    if command == "merge" {
        project.write_phase("phase5.toml", "parents = ['phase3']\n");
    }
    project
}

/// A project with another tool's migrations, and a file that the tool migrated.
fn migrations_for(example: &str) -> Project {
    let project = Project::empty();
    let fixture =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/foreign").join(name);
    let copy = |from: &str, to: &str| {
        for entry in std::fs::read_dir(fixture(from)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            project.write(&format!("{to}/{name}"), &std::fs::read_to_string(&path).unwrap());
        }
    };
    if example.contains("alembic") {
        copy("alembic/alembic/versions", "alembic/versions");
        copy("alembic/sql", ".");
        return project;
    }
    let tool = if example.contains("goose") { "goose" } else { "dbmate" };
    copy(&format!("{tool}/migrations"), "db/migrations");
    let database = project.path("app.db");
    let up = std::fs::read_to_string(fixture(tool).join("expected/up.sql")).unwrap();
    // An argument that begins with -- is an option.
    sqlite3(&database, &format!("\n{up}"));
    project
}

/// The schema that an example wants: that of the file with another table, or with one under another name.
fn desired(project: &Project, command: &str, example: &str) -> String {
    let copy = project.copy_database("desired.db");
    match (command, example.contains("--rename")) {
        ("diff", _) => {}
        (_, true) => drop(sqlite3(&copy, "ALTER TABLE cameras RENAME TO detectors")),
        (_, false) => drop(sqlite3(&copy, "CREATE TABLE tags(name TEXT PRIMARY KEY)")),
    }
    let texts = "SELECT group_concat(sql, ';' || char(10)) FROM sqlite_schema WHERE sql NOT NULL";
    sqlite3(&copy, texts)
}

/// How an example ended, and what was seen.
fn run(project: &Project, example: &str) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_phaseshift"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shell = project.command();
    // The same surroundings, but a shell that finds the program by its name.
    let mut command = std::process::Command::new("sh");
    command.args(["-c", example]).current_dir(project.folder()).env_clear();
    command
        .envs(shell.env("PATH", &path).get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let code = output.status.code().unwrap_or(-1);
    match code == 4 && said.contains("--yes") {
        true => in_terminal(project, example, &path),
        false => (code, said),
    }
}

/// Runs an example that asks: takes the first of a list, and says yes.
fn in_terminal(project: &Project, example: &str, path: &str) -> (i32, String) {
    let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new("timeout");
    command.args(["--foreground", "30", "sh", "-c", example]);
    command.env_clear();
    command.cwd(project.folder());
    for (name, value) in [("PATH", path), ("LC_ALL", "C.UTF-8"), ("TERM", "xterm"), ("TZ", "UTC")] {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keyboard = pair.master.take_writer().unwrap();
    let (mut seen, mut buffer) = (String::new(), [0; 4_096]);
    let mut answers = vec![("Type 'yes'", "yes\r"), ("Which backup", "\r")];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if let Some(place) = answers.iter().position(|(question, _)| seen.contains(question)) {
            keyboard.write_all(answers.remove(place).1.as_bytes()).unwrap();
            keyboard.flush().unwrap();
        }
    }
    let code = child.wait().unwrap().exit_code();
    (i32::try_from(code).unwrap(), seen)
}

/// The code that an example states behind `# exit`, 0 if it states none.
fn stated(example: &str) -> i32 {
    let code = example.split("# exit ").nth(1).map(|rest| {
        let code = rest.split(':').next().unwrap_or_default();
        code.trim().parse().unwrap()
    });
    code.unwrap_or(0)
}

#[test]
fn every_example_of_every_help_runs() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    let mut run_so_far = 0;
    for command in commands {
        let examples = examples(&command);
        assert!(!examples.is_empty(), "the help of {command} has no example");
        for example in examples {
            assert!(example.starts_with("phaseshift "), "{example}");
            let project = project_for(&example);
            let (code, said) = run(&project, &example);
            assert_eq!(code, stated(&example), "{example}\n{said}");
            run_so_far += 1;
        }
    }
    assert!(run_so_far > 50, "{run_so_far}");
}

#[test]
fn every_command_is_in_the_manual() {
    let manual = Project::empty().run_here(&["man"]).expect_code(0).stdout.replace('\\', "");
    for command in commands() {
        assert!(manual.contains(&command), "{command}");
    }
}
