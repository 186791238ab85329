//! Text from the file, from phases and from paths on its way to a terminal.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::project;
use support::{Output, Project, quoted};

/// What a terminal would obey: it names the window, clears the line, begins a line of its own, hides and reverses.
const EVIL: &str = "\x1b]0;owned\x07\x1b[2K\r\nFAKE ✓ all checks passed!\u{9b}8m\u{202e}\u{2066}\u{200f}\u{7f}\x1b[32m";

/// A text as TOML.
fn toml(text: &str) -> String {
    serde_json::to_string(text).unwrap().replace('\u{7f}', "\\u007f")
}

fn evil(name: &str) -> String {
    format!("{name}{EVIL}")
}

/// A project in which everything that can have a name or a text has an evil one.
fn evil_project() -> Project {
    let project = project();
    let connection = Connection::open(project.database()).unwrap();
    let (table, column) = (quoted(&evil("t")), quoted(&evil("c")));
    let sql = format!(
        "PRAGMA foreign_keys=OFF; CREATE TABLE {table}({column} TEXT PRIMARY KEY, n INT, \"ref{EVIL}\" REFERENCES {table}({column}));
         CREATE INDEX {} ON {table}(\"ref{EVIL}\");
         CREATE VIEW {} AS SELECT * FROM {table};
         CREATE TRIGGER {} AFTER INSERT ON {table} BEGIN SELECT 1; END;
         INSERT INTO {table} VALUES ('{}', 1, 'missing{EVIL}'), ('b', 1, NULL);",
        quoted(&evil("i")),
        quoted(&evil("v")),
        quoted(&evil("r")),
        evil("value"),
    );
    connection.execute_batch(&sql).unwrap();
    connection.close().unwrap();
    let text = toml(EVIL);
    project.write_phase(
        "p3.toml",
        &format!(
            "version = 3\nparents = [\"p2\"]\ndescription = {}\n[[require]]\nname = {}\nsql = \"SELECT 1\"\nexpect = 1\n\
             [[up]]\nop = \"rename_table\"\nfrom = {}\nto = {}\n\
             [[up]]\nop = \"create_table\"\nsql = {}\n\
             [[up]]\nop = \"sql\"\nsql = {}\n\
             [[up]]\nop = \"drop_column\"\ntable = {}\ncolumn = \"n\"\n\
             [[verify]]\nname = {}\nsql = \"SELECT 1\"\nexpect = 1\n",
            toml(&evil("what it does ")),
            toml(&evil("a check ")),
            toml(&evil("t")),
            toml(&evil("t2")),
            toml(&format!("CREATE TABLE {}({} TEXT)", quoted(&evil("new")), quoted(&evil("col")))),
            toml(&format!("UPDATE \"{}\" SET n = 2 /*{EVIL}*/", evil("t2").replace('"', "\"\""))),
            toml(&evil("t2")),
            toml(&evil("another ")),
        ),
    );
    project.write(&format!("other{}.toml", 1), &text);
    project
}

fn is_obeyed(character: char) -> bool {
    character.is_control()
        || ('\u{2028}'..='\u{202e}').contains(&character)
        || ('\u{2066}'..='\u{2069}').contains(&character)
        || ['\u{200e}', '\u{200f}', '\u{61c}'].contains(&character)
}

/// Asserts that nothing in a text acts on a terminal, and that no line of it is one that somebody else made up.
#[track_caller]
fn is_harmless(command: &[&str], output: &Output) {
    for text in [&output.stdout, &output.stderr] {
        let found: BTreeSet<char> =
            text.chars().filter(|it| is_obeyed(*it) && !matches!(it, '\n' | '\t')).collect();
        assert!(found.is_empty(), "{command:?}: {found:?}\n{text}");
        let fake = text.lines().find(|line| {
            // A description may have lines; they are further in than anything the program says.
            line.trim_start().starts_with("FAKE") && !line.starts_with("    ")
        });
        assert_eq!(fake, None, "{command:?}\n{text}");
    }
}

const COMMANDS: [&[&str]; 28] = [
    &["status"],
    &["verify"],
    &["diff"],
    &["plan"],
    &["plan", "p3"],
    &["preflight"],
    &["lint"],
    &["lint", "--format", "github"],
    &["check"],
    &["check", "--test"],
    &["check", "--roundtrip"],
    &["deps"],
    &["history"],
    &["history", "-v"],
    &["heads"],
    &["heads", "-v"],
    &["branches"],
    &["bases"],
    &["current"],
    &["current", "-v"],
    &["upgrade", "--dry-run"],
    &["upgrade", "p2"],
    &["upgrade", "--accept-loss"],
    &["upgrade"],
    &["backups"],
    &["backups", "verify"],
    &["downgrade"],
    &["restore", "--latest", "--yes"],
];

#[test]
fn names_of_the_file_and_texts_of_phases_reached_the_terminal_raw() {
    for color in ["never", "always"] {
        let project = evil_project();
        for command in COMMANDS {
            let arguments = [command, &["--color", color]].concat();
            let mut output = project.run(&arguments);
            if color == "always" {
                for style in
                    ["\x1b[1m", "\x1b[31m", "\x1b[33;1m", "\x1b[31;1m", "\x1b[32m✓", "\x1b[0m"]
                {
                    output.stdout = output.stdout.replace(style, "");
                    output.stderr = output.stderr.replace(style, "");
                }
            }
            is_harmless(&arguments, &output);
        }
    }
}

#[test]
fn a_failing_phase_repeats_texts_of_the_file_and_of_the_phase() {
    let project = evil_project();
    let broken = [
        format!("op = \"drop_table\"\ntable = {}", toml(&evil("gone"))),
        format!(
            "op = \"sql\"\nsql = {}",
            toml(&format!("SELECT * FROM {}", quoted(&evil("nothing"))))
        ),
        format!(
            "op = \"create_index\"\nsql = {}",
            toml(&format!("CREATE UNIQUE INDEX u ON {}(n)", quoted(&evil("t"))))
        ),
        format!(
            "op = \"add_constraint\"\ntable = {}\nsql = {}",
            toml(&evil("t")),
            toml(&format!("CHECK ({} = 'b')", quoted(&evil("c"))))
        ),
        format!("op = \"sql\"\nsql = \"SELECT 1\"\n{} = 1", toml(&evil("key"))),
        format!("op = \"sql\"\nfile = {}", toml(&evil("file"))),
        format!("op = {}", toml(&evil("op"))),
    ];
    for step in broken {
        project
            .write_phase("p3.toml", &format!("version = 3\nparents = [\"p2\"]\n[[up]]\n{step}\n"));
        for command in ["upgrade", "preflight", "check"] {
            let output = project.run(&[command]);
            assert_ne!(output.code, 0, "{step}\n{}", output.stdout);
            is_harmless(&[command, &step], &output);
        }
        let progress = project.run(&["upgrade", "--progress", "json"]);
        is_harmless(&["--progress json", &step], &progress);
    }
}

#[test]
fn paths_and_arguments_reached_the_terminal_raw() {
    let project = project();
    let folder = project.path(evil("f").replace('/', ":"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(project.database(), folder.join("fits_catalog.db")).unwrap();
    let phases = project.phases();
    let file = folder.join("fits_catalog.db");
    for command in [
        &["status"][..],
        &["upgrade"],
        &["backups"],
        &["restore", "--latest", "--yes"],
        &["optimize"],
    ] {
        let mut program = project.command();
        program.arg("-d").arg(&file).arg("--phases").arg(&phases).args(command);
        let output = program.output().unwrap();
        let output = Output {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!(output.code, 0, "{}", output.stderr);
        is_harmless(command, &output);
    }
    let name = evil("x");
    for arguments in [
        &["upgrade", &name][..],
        &[&name],
        &["show", &name],
        &["-d", &name, "status"],
        &["backup", "--name", &name],
    ] {
        let output = project.run_here(arguments);
        assert_ne!(output.code, 0);
        is_harmless(arguments, &output);
    }
}

#[test]
fn a_command_in_the_advice_means_the_path_that_it_shows_escaped() {
    let project = project();
    let folder = project.path("a\nb\u{202e}'c");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("gone.db");
    let mut program = project.command();
    let output = program.arg("-d").arg(&file).arg("status").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let mut words = said.lines().filter_map(|line| Some(line.split_once("--database ")?.1));
    let word = words.find(|word| *word != "FILE").unwrap();
    let mut shell = std::process::Command::new("bash");
    shell.arg("-c").arg(format!("printf %s {word}"));
    assert_eq!(String::from_utf8(shell.output().unwrap().stdout).unwrap(), file.to_str().unwrap());
}

#[test]
fn json_stays_exact() {
    let project = evil_project();
    let output = project.run(&["status", "--json"]).expect_code(0);
    let raw: BTreeSet<char> =
        output.stdout.chars().filter(|it| is_obeyed(*it) && *it != '\n').collect();
    assert!(raw.is_empty(), "{raw:?}");
    let tables = output.json()["tables"].clone();
    let names: Vec<&str> =
        tables.as_array().unwrap().iter().map(|it| it["table"].as_str().unwrap()).collect();
    assert!(names.contains(&evil("t").as_str()), "{names:?}");
    let plan = project.run(&["plan", "--json"]).expect_code(0).json();
    let sql: Vec<&str> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|step| step["sql"].as_array().unwrap())
        .map(|it| it.as_str().unwrap())
        .collect();
    assert!(sql.iter().any(|it| it.contains(EVIL)), "{sql:?}");
}

#[test]
fn a_script_for_another_program_stays_exact() {
    let project = evil_project();
    let script = project.run(&["plan", "p3", "--sql"]);
    let whole = project.run(&["upgrade", "base:p3", "--sql"]);
    for output in [script, whole].into_iter().filter(|it| it.code == 0) {
        assert!(output.stdout.contains(&quoted(&evil("new"))), "{}", output.stdout);
    }
}

#[test]
fn a_name_with_a_line_end_added_a_step_to_a_drafted_phase() {
    let project = Project::empty();
    let name = "gone\n[[up]]\nop = \"sql\"\nsql = \"DELETE FROM kept\"\n# ";
    project.write_phase("p1.toml", &format!(
        "version = 1\nparents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE kept(a)\"\n\
         [[up]]\nop = \"create_table\"\nsql = {}\n", toml(&format!("CREATE TABLE {}(a)", quoted(name)))));
    project.write("schema.sql", "CREATE TABLE kept(a);\nCREATE TABLE other(a);\n");
    let output = project
        .run_here(&["revision", "-m", "next", "--autogenerate", "--drop", &quoted(name), "--json"])
        .expect_code(0);
    let file = output.json()["file"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    let judge = "import sys, tomllib; print(*[up['op'] for up in tomllib.load(open(sys.argv[1], 'rb'))['up']])";
    let found = support::python3().args(["-c", judge, &file]).output().unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "drop_table create_table\n", "{text}");
}
