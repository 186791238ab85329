//! The rows of the list of first contacts that have no test elsewhere: what the program says where a new user stumbled.
//! `tests/README.md` names the test of every row.

use phaseshift::event::{Event, Observer};
use phaseshift::migrate::{Hooks, Migration, Preparation};

use support::{Bench, Project, sqlite3, up_to};

/// A file with a view, adopted at its first phase, and the next phase under test at `phases/next.toml`.
fn adopted(next: &str) -> Project {
    let project = Project::empty();
    sqlite3(
        &project.path("app.db"),
        "CREATE TABLE issues(id INTEGER PRIMARY KEY, code TEXT, minutes TEXT);
         INSERT INTO issues VALUES (1, 'x', '30'), (2, 'y', NULL);
         CREATE VIEW open_issues AS SELECT id, code FROM issues;",
    );
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project.write_phase("next.toml", &format!("parents = ['baseline']\n{next}"));
    project
}

/// What the program says when the next phase is refused before the backup.
fn refused(next: &str) -> String {
    let project = adopted(next);
    let backups = std::fs::read_dir(project.path("backups")).unwrap().count();
    let said = project.run_here(&["migrate", "--yes"]).expect_code(4).stderr;
    assert_eq!(std::fs::read_dir(project.path("backups")).unwrap().count(), backups, "{said}");
    said
}

#[test]
fn values_that_a_new_type_would_convert_ask_for_an_expression_at_their_step() {
    let said = refused(
        "title = 'x'\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(a)'\n[[up]]\nop = 'alter_column'\n\
         table = 'issues'\ncolumn = 'minutes'\ntype = 'INTEGER'\n",
    );
    assert!(said.contains("next:  add value = \"EXPRESSION\" at phases/next.toml:6"), "{said}");
    let project = adopted(
        "[[up]]\nop = 'alter_column'\ntable = 'issues'\ncolumn = 'minutes'\ntype = 'INTEGER'\n\
         value = \"CAST(minutes AS INTEGER)\"\n",
    );
    project.run_here(&["migrate", "--yes"]).expect_code(0);
}

#[test]
fn a_view_that_would_break_is_named_with_its_phase() {
    let drop = "[[up]]\nop = 'drop_column'\ntable = 'issues'\ncolumn = 'code'\n";
    let said = refused(drop);
    let next = "next:  drop or replace view open_issues in next: phases/next.toml:2";
    assert!(said.contains(next), "{said}");
    let project = adopted(&format!("[[up]]\nop = 'drop_view'\nview = 'open_issues'\n{drop}"));
    project.run_here(&["migrate", "--yes"]).expect_code(0);
}

#[test]
fn a_new_column_without_values_asks_for_an_expression_and_not_for_other_rows() {
    let added = "[[up]]\nop = 'add_column'\ntable = 'issues'\ncolumn = 'n INTEGER NOT NULL'\n";
    let said = refused(added);
    assert!(said.contains("next:  add value = \"EXPRESSION\" at phases/next.toml:2"), "{said}");
    assert!(!said.contains("correct the rows"), "{said}");
    adopted(&format!("{added}value = \"1\"\n")).run_here(&["migrate", "--yes"]).expect_code(0);
}

#[test]
fn rows_against_a_new_rule_are_corrected_before_their_step() {
    let rule =
        "[[up]]\nop = 'alter_column'\ntable = 'issues'\ncolumn = 'minutes'\nnot_null = true\n";
    let said = refused(rule);
    let next = "correct the rows named above, or add an sql step that corrects them before the step with the rule: phases/next.toml:2";
    assert!(said.contains(next), "{said}");
    assert!(said.contains("found: "), "{said}");
    let step =
        "[[up]]\nop = 'sql'\nsql = \"UPDATE issues SET minutes = '0' WHERE minutes IS NULL\"\n";
    adopted(&format!("{step}{rule}")).run_here(&["migrate", "--yes"]).expect_code(0);
}

#[test]
fn branches_that_clash_name_both_steps_and_the_merge() {
    let project = adopted("[[up]]\nop = 'add_column'\ntable = 'issues'\ncolumn = 'due TEXT'\n");
    project.write_phase(
        "other.toml",
        "parents = ['baseline']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE u(a)'\n\
         [[up]]\nop = 'add_column'\ntable = 'issues'\ncolumn = 'due INTEGER'\n",
    );
    let said = project.run_here(&["upgrade", "heads"]).expect_code(4).stderr;
    let places = "change one of the two: phases/next.toml:2, phases/other.toml:5";
    assert!(said.contains(places) && said.contains(": phaseshift merge\n"), "{said}");
    assert!(!said.contains("--phases FOLDER"), "{said}");
    project.write_phase(
        "other.toml",
        "parents = ['baseline']\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE u(a)'\n",
    );
    project.run_here(&["merge"]).expect_code(0);
    project.run_here(&["upgrade"]).expect_code(0);
}

#[test]
fn an_unknown_phase_among_fourteen_is_answered_with_the_nearest_and_the_rest_is_counted() {
    let project = Project::empty();
    for number in 1..=14 {
        project.write_phase(&format!("phase{number}.toml"), "");
    }
    for command in [&["show", "phaes12"][..], &["history", "-r", "phaes12:"]] {
        let said = project.run(command).expect_code(4).stderr;
        assert!(
            said.contains("next:  name one of: phase12, ") && said.contains(" and 11 more"),
            "{said}"
        );
    }
}

#[test]
fn a_missing_or_an_empty_database_names_the_command_that_creates_it() {
    let project = Project::empty();
    project.write_phase("a.toml", "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(a)'\n");
    project.write("phaseshift.toml", "database = 'app.db'\n");
    for empty in [false, true] {
        if empty {
            project.write("app.db", "");
        }
        let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
        assert!(said.contains("create it from the phases: phaseshift upgrade --create"), "{said}");
    }
    project.run_here(&["upgrade", "--create"]).expect_code(0);
    assert_eq!(sqlite3(&project.path("app.db"), "SELECT version FROM schema_version"), "1");
}

#[test]
fn times_have_their_offset_for_people_and_are_rfc_3339_in_json() {
    let project = adopted("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(a)'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    let recorded =
        sqlite3(&project.path("app.db"), "SELECT applied_at FROM schema_version WHERE version = 2");
    let in_zone = |arguments: &[&str]| {
        let output = project.command().env("TZ", "XYZ-2").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    // Two hours east of UTC, computed by SQLite.
    let local =
        sqlite3(&project.path("app.db"), &format!("SELECT datetime('{recorded}', '+2 hours')"));
    for command in [
        &["status"][..],
        &["history", "-i"],
        &["history", "-v"],
        &["show", "head"],
        &["current", "-v"],
    ] {
        let said = in_zone(command);
        assert!(said.contains(&format!("{local} +02:00")), "{command:?}: {said}");
        assert!(!said.contains(&recorded), "{command:?}: {said}");
    }
    let iso = format!("{}+00:00", recorded.replace(' ', "T"));
    for command in [&["status", "--json"][..], &["history", "--json"], &["show", "head", "--json"]]
    {
        let said = in_zone(command);
        assert!(said.contains(&format!("\"{iso}\"")), "{command:?}: {said}");
    }
}

#[test]
fn the_history_marks_every_applied_phase_and_takes_ranges_from_the_end() {
    let project = Project::empty();
    for number in 1..=5 {
        let sql = format!("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t{number}(a)'\n");
        project.write_phase(&format!("p{number}.toml"), &sql);
    }
    project.run(&["upgrade", "p3", "--create"]).expect_code(0);
    let marked = project.run(&["history", "-i"]).expect_code(0).stdout;
    let applied: Vec<bool> = marked.lines().map(|it| it.contains(", applied 20")).collect();
    assert_eq!(applied, [false, false, true, true, true], "{marked}");
    for (range, ids) in [
        ("-2:", "p5 p4 p3"),
        ("-9:", "p5 p4 p3 p2 p1"),
        ("-1:current", "p3 p2"),
        ("p2:+1", "p3 p2"),
        ("current:+1", "p4 p3"),
    ] {
        let said = project.run(&["history", "-r", range]).expect_code(0).stdout;
        let listed: Vec<&str> = said
            .lines()
            .map(|line| line.split(" -> ").nth(1).unwrap().split([' ', ',']).next().unwrap())
            .collect();
        assert_eq!(listed.join(" "), ids, "{range}: {said}");
    }
}

#[test]
fn an_upgrade_says_one_line_for_each_phase_and_more_when_asked() {
    let project = Project::empty();
    for number in 1..=6 {
        let sql = format!(
            "title = 'Table {number}'\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t{number}(a)'\n"
        );
        project.write_phase(&format!("p{number}.toml"), &sql);
    }
    project.run(&["upgrade", "p1", "--create"]).expect_code(0);
    let said = project.run(&["upgrade", "p3"]).expect_code(0).stdout;
    assert!(said.lines().count() <= 5, "{said}");
    for line in
        ["✓ Applied p2: Table 2\n", "✓ Applied p3: Table 3\n", "✓ Version 1 to 3 in ", "✓ Backup: "]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
    let said = project.run(&["downgrade", "p1"]).expect_code(0).stdout;
    assert!(said.contains("✓ Undone p3: ") && said.matches('✓').count() <= 4, "{said}");
    let said = project.run(&["upgrade", "p4", "-v"]).expect_code(0).stdout;
    assert!(said.contains("✓ Backup verified: ") && said.contains("✓ integrity: "), "{said}");
}

#[test]
fn the_manual_has_a_page_for_every_command_and_refers_to_no_other() {
    let project = Project::empty();
    for _ in 0..2 {
        // Pages that exist are replaced.
        project.run_here(&["man", "man1"]).expect_code(0);
    }
    let page = |name: &str| std::fs::read_to_string(project.path(format!("man1/{name}.1")));
    let mut to_read = vec!["phaseshift".to_owned()];
    let mut read = 0;
    while let Some(name) = to_read.pop() {
        let text = page(&name).unwrap_or_else(|_| panic!("{name} refers to no page"));
        assert!(
            text.contains(".SH SYNOPSIS") && text.contains(&name.replace('-', "\\-")),
            "{name}:\n{text}"
        );
        read += 1;
        let plain = text.replace("\\-", "-").replace("\\fR", "");
        to_read.extend(
            plain
                .lines()
                .filter_map(|it| it.strip_suffix("(1)"))
                .map(|it| it.trim_start_matches(".BR ").to_owned()),
        );
    }
    assert_eq!(read, std::fs::read_dir(project.path("man1")).unwrap().count());
    assert!(read > 35, "{read}");
}

#[test]
fn letters_of_a_message_are_written_in_ascii_in_the_name_of_the_file() {
    let project = Project::empty();
    let said = project.run_here(&["revision", "-m", "Höher: naïve Straße"]).expect_code(0).stdout;
    assert!(said.contains("_hoeher_naive_strasse.toml\n"), "{said}");
}

#[test]
fn a_word_that_looks_like_a_known_one_is_answered_with_it() {
    let project = adopted("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE u(a)'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    let backups = project.run_here(&["backups", "--json"]).json();
    let backup =
        backups["backups"][0]["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let misspelt = backup.replace("app_", "apq_");
    for (command, answer) in [
        (&["migrat"][..], "'migrate'"),
        (&["status", "--quite"], "'--quiet'"),
        (&["show", "nxt"], "name one of: next"),
        (&["downgrade", "basee"], "name one of: base\n"),
        (&["plan", "hed"], "name one of: head\n"),
        (&["deps", "isues"], "name one of: issues\n"),
        (&["restore", &misspelt, "--yes"], &format!("name one of: {backup}\n")),
        (&["restore", "before:nxt", "--yes"], "name one of: before:"),
        (&["restore", "77", "--yes"], "there is no backup 77: the list has "),
    ] {
        let said = project.run_here(command);
        assert!(said.code != 0 && said.stderr.contains(answer), "{command:?}: {}", said.stderr);
    }
    for (step, answer) in [
        ("op = 'drop_column'\ntable = 'isues'\ncolumn = 'code'", "name one of: issues\n"),
        ("op = 'rename_table'\nfrom = 'isues'\nto = 'x'", "name one of: issues\n"),
        (
            "op = 'alter_column'\ntable = 'issues'\ncolumn = 'minuts'\ntype = 'TEXT'",
            "name one of: minutes\n",
        ),
        ("op = 'drop_colum'\ntable = 'issues'\ncolumn = 'code'", "drop_column"),
        ("op = 'drop_column'\ntabel = 'issues'\ncolumn = 'code'", "`table`"),
    ] {
        let said =
            adopted(&format!("[[up]]\n{step}\n")).run_here(&["upgrade"]).expect_code(4).stderr;
        assert!(said.contains(answer), "{step}: {said}");
    }
}

#[test]
fn a_script_without_a_database_is_led_to_a_range() {
    let project = Project::empty();
    project.write_phase("a.toml", "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(a)'\n");
    let said = project.run_here(&["upgrade", "head", "--sql"]).expect_code(2).stderr;
    assert!(said.contains("for a new database: phaseshift upgrade base:head --sql\n"), "{said}");
    project.run_here(&["upgrade", "base:head", "--sql"]).expect_code(0);
}

#[test]
fn an_adoption_that_fails_can_be_repeated() {
    let project = Project::empty();
    let database = project.path("app.db");
    sqlite3(&database, "CREATE TABLE t(a)");
    let writer = rusqlite::Connection::open(&database).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    project.run_here(&["init", "--from", "app.db", "--wait", "0"]).expect_code(5);
    drop(writer);
    for name in ["phaseshift.toml", "schema.sql", "phases/0_baseline.toml"] {
        assert!(!project.path(name).exists(), "{name}");
    }
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project.run_here(&["status", "--exit-code"]).expect_code(0);
}

/// What a run tells a person beside its results.
#[derive(Default)]
struct Warnings(Vec<String>);

impl Observer for Warnings {
    fn event(&mut self, event: &Event) {
        if let Event::Notice { text } = event {
            self.0.push(text.clone());
        }
    }
}

#[test]
fn a_second_backup_says_that_the_file_changed_during_the_question() {
    let bench = Bench::new("CREATE TABLE t(a); INSERT INTO t VALUES (1);");
    bench.steps("[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"b TEXT\"\n");
    let (mut told, project) = (Warnings::default(), bench.engine());
    let Preparation::Ready(migration) = Migration::prepare(&project, &up_to("head")).unwrap()
    else {
        panic!("a plan")
    };
    let secured = migration.secure(&mut told).unwrap();
    assert!(told.0.is_empty(), "{:?}", told.0);
    sqlite3(&bench.database(), "INSERT INTO t VALUES (2)");
    secured.run(&mut told, &mut Hooks::default()).unwrap();
    assert_eq!(told.0, ["the file changed while you were asked; it is backed up again"]);
    assert_eq!(bench.ask("SELECT count(*), count(b) FROM t"), "2|0");
}

#[test]
fn every_row_of_the_list_names_a_test_that_exists() {
    fn sources(folder: &std::path::Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|it| it == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    sources(&root.join("tests"), &mut all);
    sources(&root.join("src"), &mut all);
    let table = include_str!("../README.md").split("## First contacts").nth(1).unwrap();
    let rows: Vec<&str> = table.lines().filter(|it| it.starts_with("| ")).skip(2).collect();
    assert!(rows.len() >= 36, "{}", rows.len());
    for row in rows {
        let names: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names.iter().filter(|it| !it.starts_with("scripts/")) {
            assert!(all.contains(&format!("fn {name}(")), "{row}: no test {name}");
        }
    }
}

/// The chain cannot be read without the phase in its middle; the file still has a state.
#[test]
fn status_answers_although_a_phase_in_the_middle_is_missing() {
    let project = Project::empty();
    project.write("phaseshift.toml", "database = 'fits_catalog.db'\n");
    let table = |name: &str| {
        format!(
            "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE {name}(id INTEGER PRIMARY KEY)'\n"
        )
    };
    project.write_phase("a.toml", &format!("parents = []\n{}", table("a")));
    project.write_phase("b.toml", &format!("parents = ['a']\n{}", table("b")));
    project.write_phase("c.toml", &format!("parents = ['b']\n{}", table("c")));
    project.run_here(&["upgrade", "--create"]).expect_code(0);
    std::fs::remove_file(project.path("phases/b.toml")).unwrap();
    let said = project.run_here(&["status"]).expect_code(0).stdout;
    for wanted in ["Version:   3", "Pending:   unknown", "names parent b", "phases/c.toml:1"] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let status = project.run_here(&["status", "--json"]).expect_code(0).json();
    assert_eq!(status["version"], 3);
    assert!(!status["faults"][0]["next"].as_array().unwrap().is_empty());
    project.run_here(&["status", "--exit-code"]).expect_code(3);
    project.run_here(&["upgrade"]).expect_code(4);
}
