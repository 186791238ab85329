//! What names a database or a phase, and what it is taken for.

use std::path::Path;

use super::project;
use support::{Other, Output, Project, sqlite3};

fn up(project: &Project, database: &str, flags: &[&str]) -> Output {
    project.run_here(&[&["-d", database, "upgrade"], flags].concat())
}

#[track_caller]
fn holds_what_the_phases_make(path: &Path) {
    let sql = "PRAGMA integrity_check; SELECT max(version) FROM schema_version; SELECT note FROM sessions";
    assert_eq!(sqlite3(path, sql), "ok\n2");
}

#[test]
fn addresses_were_taken_for_names_of_files() {
    let project = project();
    std::fs::remove_file(project.database()).unwrap();
    let addresses = [
        "file:three.db?mode=rwc",
        "sqlite:three.db?mode=memory",
        ":memory:",
        "jdbc:sqlite:four.db",
        "FILE:five.db",
    ];
    for address in addresses {
        let output = up(&project, address, &["--create"]).expect_code(2);
        assert!(output.stderr.contains("names no database file"), "{}", output.stderr);
        project.write("phaseshift.toml", &format!("database = \"{address}\"\n"));
        project.run_here(&["status"]).expect_code(2);
        std::fs::remove_file(project.path("phaseshift.toml")).unwrap();
    }
    let files = std::fs::read_dir(project.folder()).unwrap().count();
    assert_eq!(files, 1, "only the phases");
    for (address, path) in [("sqlite:one.db", "one.db"), ("file:two.db", "two.db")] {
        up(&project, address, &["--create"]).expect_code(0);
        holds_what_the_phases_make(&project.path(path));
    }
    // A file may have such a name as well, and a time in it.
    for (name, path) in [("./sqlite:one.db", "sqlite:one.db"), ("at-12:30.db", "at-12:30.db")] {
        up(&project, name, &["--create"]).expect_code(0);
        holds_what_the_phases_make(&project.path(path));
    }
}

#[test]
fn the_home_folder_in_settings_was_a_folder_called_tilde() {
    let project = Project::empty();
    std::fs::rename(self::project().phases().join("p1.toml"), project.aside("p1.toml")).unwrap();
    let home = project.root().join("home");
    std::fs::create_dir_all(home.join("p")).unwrap();
    std::fs::rename(project.aside("p1.toml"), home.join("p/p1.toml")).unwrap();
    project
        .write("phaseshift.toml", "database = \"~/f.db\"\nphases = \"~/p\"\nbackups = \"~/b\"\n");
    project.run_here(&["upgrade", "--create"]).expect_code(0);
    project.run_here(&["backup"]).expect_code(0);
    assert_eq!(sqlite3(&home.join("f.db"), "SELECT max(version) FROM schema_version"), "1");
    assert!(home.join("b").is_dir() && !project.path("~").exists());
}

#[test]
fn an_empty_file_was_no_place_for_a_new_database() {
    let project = project();
    let path = project.path("new.db");
    std::fs::write(&path, b"").unwrap();
    // Without the flag nothing is made.
    up(&project, "new.db", &[]).expect_code(4);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    up(&project, "new.db", &["--create"]).expect_code(0);
    holds_what_the_phases_make(&path);
}

#[test]
fn a_failed_run_leaves_the_empty_file_as_it_was() {
    let project = project();
    project.write_phase(
        "p3.toml",
        "version = 3\nparents = [\"p2\"]\n[[up]]\nop = \"drop_table\"\ntable = \"nothing\"\n",
    );
    let path = project.path("new.db");
    std::fs::write(&path, b"").unwrap();
    let output = up(&project, "new.db", &["--create"]);
    assert_ne!(output.code, 0);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    // What lies beside an empty file belongs to rows that somebody may still want.
    let project = self::project();
    let path = project.path("new.db");
    std::fs::write(&path, b"").unwrap();
    std::fs::write(project.path("new.db-wal"), b"frames").unwrap();
    up(&project, "new.db", &["--create"]).expect_code(4);
    assert_eq!(std::fs::read(project.path("new.db-wal")).unwrap(), b"frames");
}

#[test]
fn the_tenth_phase_came_after_the_first() {
    for name in ["phase", "v", "2024-step"] {
        let project = Project::empty();
        for number in 1..=12 {
            let step = match number {
                1 => "op = \"create_table\"\nsql = \"CREATE TABLE t(c1)\"".to_owned(),
                _ => format!(
                    "op = \"rename_column\"\ntable = \"t\"\nfrom = \"c{}\"\nto = \"c{number}\"",
                    number - 1
                ),
            };
            project.write_phase(&format!("{name}{number}.toml"), &format!("[[up]]\n{step}\n"));
        }
        project.run(&["upgrade", "--create"]).expect_code(0);
        assert_eq!(sqlite3(&project.database(), "SELECT name FROM pragma_table_info('t')"), "c12");
        project.run(&["revision", "-m", "the next"]).expect_code(0);
        let status = project.run(&["status", "--json"]).json();
        assert_eq!(status["ids"], serde_json::json!([format!("{name}12")]));
    }
}

#[test]
fn beside_the_journal_of_a_crashed_program_the_advice_was_of_no_use() {
    let project = project();
    let mut other = Other::start(&project.database());
    other.say("PRAGMA cache_size=2");
    other.say("BEGIN");
    other.say("UPDATE sessions SET name = name || hex(zeroblob(900))");
    other.kill();
    for command in ["status", "verify", "plan"] {
        let output = project.run(&[command]).expect_code(4);
        assert!(!output.stderr.contains("write access"), "{}", output.stderr);
        assert!(output.stderr.contains("phaseshift backup"), "{}", output.stderr);
    }
    project.run(&["backup"]).expect_code(0);
    project.run(&["status"]).expect_code(0);
    let sql = "SELECT count(*), max(length(name)) FROM sessions";
    assert_eq!(sqlite3(&project.database(), sql), "200|11");
}

/// The database of the settings file was migrated instead, with exit code 0.
#[test]
fn a_variable_that_is_no_text_was_taken_for_unset() {
    use std::os::unix::ffi::OsStrExt as _;
    let project = project();
    project.write("phaseshift.toml", "database = \"fits_catalog.db\"\n");
    let before = std::fs::read(project.database()).unwrap();
    let not_text = std::ffi::OsStr::from_bytes(b"other\xff.db");
    let run = |variable: &str, arguments: &[&str]| {
        project.command().env(variable, not_text).args(arguments).output().unwrap()
    };
    for variable in
        ["PHASESHIFT_DATABASE", "PHASESHIFT_CONFIG", "PHASESHIFT_PHASES", "PHASESHIFT_BACKUPS"]
    {
        let output = run(variable, &["upgrade"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{variable}: {said}");
        assert!(said.contains(&format!("{variable} is not UTF-8 text")), "{said}");
        assert_eq!(std::fs::read(project.database()).unwrap(), before, "{variable}");
    }
    // This one counts only where no setting names a database.
    assert!(run("DATABASE_URL", &["status"]).status.success());
    std::fs::remove_file(project.path("phaseshift.toml")).unwrap();
    assert_eq!(run("DATABASE_URL", &["status"]).status.code(), Some(2));
}
