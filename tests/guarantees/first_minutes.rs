//! What new users do in their first minutes leads on: rows of the list of first contacts, each by its command.

use support::{Project, sqlite3};

const SCHEMA: &str = "CREATE TABLE issues(id INTEGER PRIMARY KEY, title TEXT, legacy_code TEXT);
     CREATE TABLE worklogs(id INTEGER PRIMARY KEY, issue_id INTEGER REFERENCES issues(id), minutes TEXT);
     CREATE INDEX worklogs_issue ON worklogs(issue_id);
     INSERT INTO issues VALUES (1, 'a', 'x'), (2, 'b', 'y');
     INSERT INTO worklogs VALUES (1, 1, '30'), (2, 2, 'x');";

const PHASES: [(&str, &str); 3] = [
    (
        "phase1.toml",
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE issues(id INTEGER PRIMARY KEY, title TEXT, legacy_code TEXT)\"\n\
         [[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE worklogs(id INTEGER PRIMARY KEY, issue_id INTEGER REFERENCES issues(id), minutes TEXT)\"\n\
         [[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX worklogs_issue ON worklogs(issue_id)\"\n",
    ),
    (
        "phase2.toml",
        "title = \"Clean up\"\n[[up]]\nop = \"drop_column\"\ntable = \"issues\"\ncolumn = \"legacy_code\"\n",
    ),
    (
        "phase3.toml",
        "title = \"Minutes\"\n[[up]]\nop = \"alter_column\"\ntable = \"worklogs\"\ncolumn = \"minutes\"\ntype = \"INTEGER\"\nvalue = \"CAST(minutes AS INTEGER)\"\n",
    ),
];

/// A folder with a database that no phase was applied to, and three phases.
fn adopted_late() -> Project {
    let project = Project::empty();
    sqlite3(&project.path("app.db"), SCHEMA);
    for (name, text) in PHASES {
        project.write_phase(name, text);
    }
    project
}

#[test]
fn init_names_the_database_that_is_there() {
    let project = Project::empty();
    sqlite3(&project.path("my catalog.db"), SCHEMA);
    project.write("notes.txt", "SQLite format 3, said a text file");
    let said = project.run_here(&["init"]).expect_code(0).stdout;
    assert!(said.contains("phaseshift init --from 'my catalog.db'"), "{said}");
    let settings = std::fs::read_to_string(project.path("phaseshift.toml")).unwrap();
    assert!(settings.contains("database = \"my catalog.db\""), "{settings}");
    project.run_here(&["status"]).expect_code(0);
}

#[test]
fn init_from_a_database_adopts_it_and_the_first_change_is_drafted() {
    let project = Project::empty();
    let database = project.path("app.db");
    sqlite3(&database, SCHEMA);
    sqlite3(
        &database,
        "CREATE VIEW v AS SELECT title FROM issues; CREATE VIRTUAL TABLE f USING fts5(a);",
    );
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    let status = project.run_here(&["status", "--exit-code"]).expect_code(0).stdout;
    assert!(status.contains("baseline"), "{status}");
    assert_eq!(sqlite3(&database, "SELECT version FROM schema_version"), "1");
    project.run_here(&["diff", "--from", "database", "--to", "schema"]).expect_code(0);
    // A new file made by the phase has the same schema.
    project.run_here(&["upgrade", "--create", "--database", "new.db"]).expect_code(0);
    let texts = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'f\\_%' ESCAPE '\\'
                 AND tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY type, name)";
    assert_eq!(sqlite3(&database, texts), sqlite3(&project.path("new.db"), texts));
    // The first change: a column in schema.sql.
    let schema = std::fs::read_to_string(project.path("schema.sql")).unwrap();
    let wanted = schema.replace("legacy_code TEXT)", "legacy_code TEXT, due TEXT)");
    assert_ne!(schema, wanted);
    std::fs::write(project.path("schema.sql"), wanted).unwrap();
    project.run_here(&["revision", "-m", "Add a due date", "--autogenerate"]).expect_code(0);
    project.run_here(&["upgrade"]).expect_code(0);
    assert_eq!(sqlite3(&database, "SELECT count(due), count(*) FROM issues"), "0|2");
    project.run_here(&["downgrade"]).expect_code(0);
    project.run_here(&["init", "--from", "app.db"]).expect_code(2);
}

#[test]
fn the_phase_that_a_file_fits_is_named_and_not_a_later_one() {
    let project = adopted_late();
    let output = project.run_here(&["migrate", "app.db", "--yes"]).expect_code(4);
    assert!(
        output.stderr.contains("the file fits phase1: phaseshift stamp phase1"),
        "{}",
        output.stderr
    );
    project.run_here(&["stamp", "phase1", "--database", "app.db"]).expect_code(0);
}

#[test]
fn the_plan_speaks_of_changes() {
    let project = adopted_late();
    project.write("phaseshift.toml", "database = 'app.db'\n");
    project.run_here(&["stamp", "phase1"]).expect_code(0);
    let said = project.run_here(&["plan"]).expect_code(0).stdout;
    for line in [
        "2 phases: phase2 to phase3",
        "Drop issues.legacy_code with its values",
        "Change worklogs.minutes from TEXT to INTEGER",
    ] {
        assert!(said.contains(line), "{line} is missing in\n{said}");
    }
    assert!(!said.contains("Rebuild issues by"), "{said}");
    let said = project.run_here(&["plan", "-v"]).expect_code(0).stdout;
    assert!(said.contains("Rebuild issues by creating, copying and swapping"), "{said}");
}

#[test]
fn a_target_of_the_other_direction_and_a_name_for_a_backup_lead_on() {
    let project = adopted_late();
    project.write("phaseshift.toml", "database = 'app.db'\n");
    for (arguments, next) in [
        (&["migrate", "-1"][..], "phaseshift downgrade -1"),
        (&["downgrade", "+1"], "phaseshift upgrade +1"),
        (
            &["backup", "--name", "before the eclipse"],
            "phaseshift backup --name before-the-eclipse",
        ),
    ] {
        let output = project.run_here(arguments).expect_code(2);
        assert!(output.stderr.contains(next), "{}", output.stderr);
    }
    project.run_here(&["backup", "--name", "höher"]).expect_code(0);
    assert!(project.run_here(&["backups"]).expect_code(0).stdout.contains("app_höher_"));
}

#[test]
fn a_database_is_understood_as_an_argument() {
    let project = adopted_late();
    let said = project.run_here(&["status", "app.db"]).expect_code(0).stdout;
    assert!(said.contains("app.db"), "{said}");
    project.run_here(&["stamp", "phase1", "-d", "app.db"]).expect_code(0);
    project.run_here(&["migrate", "app.db", "phase2", "--yes"]).expect_code(0);
    project.run_here(&["verify", "sqlite:///app.db"]).expect_code(0);
    project.run_here(&["current", "file:app.db"]).expect_code(0);
    project.run_here(&["status", "app.db", "--database", "other.db"]).expect_code(2);
}

#[test]
fn quiet_is_quiet_everywhere() {
    let project = adopted_late();
    project.write("phaseshift.toml", "database = 'app.db'\n");
    for arguments in [
        &["stamp", "phase1", "-q"][..],
        &["status", "-q"],
        &["verify", "-q"],
        &["upgrade", "-q"],
        &["optimize", "-q"],
        &["backup", "-q"],
        &["check", "-q"],
    ] {
        let output = project.run_here(arguments).expect_code(0);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""), "{arguments:?}");
    }
}

/// The commands of the README for a first own file: adopted, changed and undone, in at most six.
#[test]
fn the_path_of_the_readme_runs_as_it_is_written() {
    let readme = include_str!("../../README.md");
    let block = readme.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!((3..=6).contains(&commands.len()), "{commands:?}");
    let project = Project::empty();
    let database = project.path("catalog.db");
    sqlite3(&database, SCHEMA);
    for command in &commands {
        let Some(arguments) = command.strip_prefix("phaseshift ") else {
            let mut shell = std::process::Command::new("sh");
            let done = shell.args(["-c", command]).current_dir(project.folder()).status().unwrap();
            assert!(done.success(), "{command}");
            continue;
        };
        let words: Vec<String> = words(arguments);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words[0] == "migrate" {
            // The question is for a terminal.
            words.push("--yes");
        }
        project.run_here(&words).expect_code(0);
        if words[0] == "migrate" {
            assert_eq!(sqlite3(&database, "SELECT count(*) FROM tags"), "0");
        }
    }
    assert_eq!(sqlite3(&database, "SELECT count(*) FROM sqlite_schema WHERE name = 'tags'"), "0");
    assert_eq!(sqlite3(&database, "SELECT count(*) FROM issues"), "2");
}

/// Splits a line at spaces outside double quotes.
fn words(line: &str) -> Vec<String> {
    let pieces = line.split('"').enumerate();
    pieces
        .flat_map(|(at, piece)| match at % 2 {
            0 => piece.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>(),
            _ => vec![piece.to_owned()],
        })
        .collect()
}

#[test]
fn what_is_wrong_already_and_who_has_the_file_open_is_said_before_the_question() {
    let project = adopted_late();
    project.write("phaseshift.toml", "database = 'app.db'\n");
    project.run_here(&["stamp", "phase1"]).expect_code(0);
    sqlite3(
        &project.path("app.db"),
        "PRAGMA foreign_keys = OFF; INSERT INTO worklogs VALUES (3, 77, '1');",
    );
    let script = "import sqlite3, sys; c = sqlite3.connect('app.db'); c.execute('SELECT * FROM issues').fetchall(); \
                  print('open', flush=True); sys.stdin.read()";
    let mut other = support::python3()
        .args(["-c", script])
        .current_dir(project.folder())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut started = [0; 4];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut started).unwrap();
    let said = project.run_here(&["migrate", "--dry-run"]).expect_code(0).stdout;
    drop(other.stdin.take());
    other.wait().unwrap();
    assert!(said.contains("Note: 1 row already breaks a foreign key"), "{said}");
    assert!(said.contains("worklogs row 3 has no parent in issues"), "{said}");
    assert!(said.contains("Note: open in python3"), "{said}");
    assert!(said.contains(&format!("(pid {})", other.id())), "{said}");
    let said = project.run_here(&["migrate", "--yes"]).expect_code(0).stdout;
    assert!(!said.contains("(pid"), "{said}");
}

#[test]
fn a_generated_column_that_a_rebuild_keeps_was_called_dropped() {
    let project = Project::empty();
    sqlite3(
        &project.path("app.db"),
        "CREATE TABLE book(id INTEGER PRIMARY KEY, price DECIMAL, total AS (price * 2) STORED, old AS (price));
         INSERT INTO book(price) VALUES (3);",
    );
    project.write("phaseshift.toml", "database = 'app.db'\n");
    project.write_phase(
        "phase1.toml",
        "[[up]]\nop = \"rebuild\"\ntable = \"book\"\nsql = \"CREATE TABLE book(id INTEGER PRIMARY KEY, price INTEGER, \
         total AS (price * 2) STORED, half AS (price / 2))\"\n",
    );
    let said = project.run_here(&["plan"]).expect_code(0).stdout;
    let lines = |word: &str| said.lines().filter(|line| line.contains(word)).count();
    assert!(said.contains("Change book.price from DECIMAL to INTEGER"), "{said}");
    assert!(said.contains("Drop book.old with its values"), "{said}");
    assert!(said.contains("Add book.half"), "{said}");
    assert_eq!(lines("total"), 0, "{said}");
    project.run_here(&["migrate", "--yes"]).expect_code(0);
    assert_eq!(sqlite3(&project.path("app.db"), "SELECT price, total, half FROM book"), "3|6|1");
}

#[test]
fn a_phase_written_by_hand_after_init_came_before_the_baseline() {
    let project = Project::empty();
    sqlite3(&project.path("app.db"), SCHEMA);
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    let text = "[[up]]\nop = \"drop_column\"\ntable = \"issues\"\ncolumn = \"legacy_code\"\n";
    project.write_phase("20300101_tidy.toml", text);
    project.run_here(&["upgrade"]).expect_code(0);
    assert_eq!(project.run_here(&["heads"]).expect_code(0).stdout.lines().count(), 1);
    assert_eq!(
        sqlite3(&project.path("app.db"), "SELECT count(*) FROM pragma_table_info('issues')"),
        "2"
    );
}
