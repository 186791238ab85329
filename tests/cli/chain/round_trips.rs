//! `check`: phases that were written wrongly are named, in words, in JSON and by the exit code.

use support::sample::SampleOptions;

use super::{fixture, graph, write};
use support::{Project, sqlite3};

const BASE: &str = r#"
[[up]]
op = "create_table"
sql = "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, note TEXT)"
[[up]]
op = "create_index"
sql = "CREATE INDEX by_name ON person(name)"
[[up]]
op = "create_view"
sql = "CREATE VIEW grown AS SELECT name FROM person WHERE age > 18"
"#;

/// What is wrong with a phase: its steps, and what `check` says about it.
type Wrong = (&'static str, &'static str);

/// Downgrades that lead elsewhere, or nowhere.
const WRONG_WAYS_BACK: [Wrong; 5] = [
    (
        "[[up]]\nop='rename_column'\ntable='person'\nfrom='name'\nto='full_name'\n\
         [[down]]\nop='rename_column'\ntable='person'\nfrom='full_name'\nto='title'",
        "after the downgrade: column person.name is missing",
    ),
    (
        "[[up]]\nop='drop_view'\nview='grown'\n\
         [[down]]\nop='sql'\nsql='DELETE FROM person WHERE 0'",
        "after the downgrade: view grown is missing",
    ),
    (
        "[[up]]\nop='create_table'\nsql='CREATE TABLE team(id INTEGER PRIMARY KEY)'\n\
         [[down]]\nop='drop_table'\ntable='team'\n[[down]]\nop='drop_index'\nindex='by_name'",
        "after the downgrade: index by_name is missing",
    ),
    (
        "[[up]]\nop='alter_column'\ntable='person'\ncolumn='age'\ndefault='18'\n\
         [[down]]\nop='alter_column'\ntable='person'\ncolumn='age'\ndefault='21'",
        "after the downgrade:",
    ),
    (
        // The repair that was made in the upgrade only: the downgrade makes the table once more.
        "[[up]]\nop='add_column'\ntable='person'\ncolumn='mail TEXT'\n\
         [[down]]\nop='create_table'\nsql='CREATE TABLE person(id INTEGER PRIMARY KEY)'",
        "the downgrade does not run: line 6: create_table: table person exists already",
    ),
];

/// Steps on objects that are not there.
const MISSING_OBJECTS: [Wrong; 4] = [
    (
        "[[up]]\nop='add_column'\ntable='people'\ncolumn='mail TEXT'",
        "line 2: add_column: the table people does not exist",
    ),
    (
        "[[up]]\nop='rename_column'\ntable='person'\nfrom='surname'\nto='name2'",
        "line 2: rename_column: the column person.surname does not exist",
    ),
    (
        "[[up]]\nop='create_index'\nsql='CREATE INDEX i ON person(surname)'",
        "line 2: create_index: ",
    ),
    ("[[up]]\nop='sql'\nsql='UPDATE person SET surname = 1'", "no such column: surname"),
];

/// Drops of objects that nobody made.
const NOBODY_MADE: [Wrong; 5] = [
    (
        "[[up]]\nop='drop_table'\ntable='chart_interpretations'",
        "line 2: drop_table: the table chart_interpretations does not exist",
    ),
    (
        "[[up]]\nop='drop_view'\nview='new_view'",
        "line 2: drop_view: the view new_view does not exist",
    ),
    (
        "[[up]]\nop='drop_index'\nindex='by_age'",
        "line 2: drop_index: the index by_age does not exist",
    ),
    (
        "[[up]]\nop='drop_trigger'\ntrigger='touch'",
        "line 2: drop_trigger: the trigger touch does not exist",
    ),
    (
        "[[up]]\nop='drop_column'\ntable='person'\ncolumn='surname'",
        "line 2: drop_column: the column person.surname does not exist",
    ),
];

fn with_wrong_phase(text: &str) -> Project {
    let project = graph(&[]);
    write(&project, "a", &[], BASE);
    write(&project, "wrong", &["a"], text);
    project
}

#[track_caller]
fn assert_named(wrong: &[Wrong]) {
    assert!(wrong.len() >= 3);
    for (text, says) in wrong {
        let project = with_wrong_phase(text);
        for flags in [&["check"][..], &["check", "--roundtrip"]] {
            let output = project.run_here(flags).expect_code(3);
            assert!(output.stdout.contains("✗ wrong: "), "{text}\n{}", output.stdout);
            assert!(output.stdout.contains(says), "{says}\n{}", output.stdout);
        }
        let json = project.run_here(&["check", "--json"]).expect_code(3).json();
        let problems = json["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{text}: {json:#}");
        assert_eq!(problems[0]["phase"], "wrong", "{text}: {json:#}");
        assert!(problems[0].to_string().contains(says), "{text}: {json:#}");
        assert_eq!(json["ok"], false);
    }
}

#[test]
fn ways_back_written_wrongly_are_named() {
    assert_named(&WRONG_WAYS_BACK);
}

#[test]
fn steps_on_missing_objects_are_named() {
    assert_named(&MISSING_OBJECTS);
}

#[test]
fn drops_of_what_nobody_made_are_named() {
    assert_named(&NOBODY_MADE);
}

#[test]
fn a_round_trip_on_a_database_counts_rows_and_leaves_it_alone() {
    let project = graph(&[]);
    write(&project, "a", &[], BASE);
    let note = "[[up]]\nop='drop_column'\ntable='person'\ncolumn='note'\n";
    let rename = "[[up]]\nop='rename_column'\ntable='person'\nfrom='age'\nto='years'\n";
    write(&project, "b", &["a"], rename);
    project.run(&["upgrade", "--create"]).expect_code(0);
    let rows = "INSERT INTO person VALUES (1,'Ann',30,'x'), (2,'Bo',NULL,NULL), (3,'Cy',1,'y')";
    sqlite3(&project.database(), rows);
    write(&project, "c", &["b"], note);
    write(&project, "d", &["c"], "irreversible = 'letters were sent'\n");
    std::fs::remove_dir_all(project.path("backups")).unwrap();
    let before = project.snapshot();
    let output = project.run(&["check", "--roundtrip"]).expect_code(0);
    for line in [
        "• a: lossy\n    3 rows of person would be lost\n",
        "✓ b: reversible\n",
        "• c: lossy\n    person.note differs in 2 rows\n",
        "• d: irreversible\n    letters were sent\n",
        "1 reversible, 2 lossy, 1 irreversible",
    ] {
        assert!(output.stdout.contains(line), "{line}\n{}", output.stdout);
    }
    assert!(output.stderr.contains("private copy of fits_catalog.db"), "{}", output.stderr);
    let json = project.run(&["check", "--roundtrip", "--json"]).expect_code(0).json();
    assert_eq!(json["roundtrip"][2]["verdict"], "lossy", "{json:#}");
    assert_eq!(json["roundtrip"][2]["on"], "copy");
    assert_eq!(json["counts"]["lossy"], 2);
    assert!(json["copy"]["bytes"].as_u64().unwrap() > 4096);
    assert_eq!(project.snapshot(), before, "no byte of the folder changes");
    let temporary = std::fs::read_dir(project.root().join("tmp")).unwrap().count();
    assert_eq!(temporary, 0, "no copy stays behind");
}

#[test]
fn rows_that_stand_in_the_way_are_found_on_the_copy_alone() {
    let project = graph(&[]);
    write(&project, "a", &[], BASE);
    project.run(&["upgrade", "--create"]).expect_code(0);
    sqlite3(&project.database(), "INSERT INTO person VALUES (1,'Ann',30,'x'), (2,'Ann',3,'y')");
    let unique = "[[up]]\nop='add_constraint'\ntable='person'\nsql='UNIQUE (name)'\n";
    write(&project, "b", &["a"], unique);
    project.run_here(&["check", "--roundtrip"]).expect_code(0);
    let output = project.run(&["check", "--roundtrip"]).expect_code(3);
    assert!(output.stdout.contains("✗ b: the round trip is broken"), "{}", output.stdout);
    assert!(output.stdout.contains("does not run on the rows"), "{}", output.stdout);
}

#[test]
fn a_database_that_is_not_there_is_an_error_only_if_it_is_asked_for() {
    let project = graph(&[("a", &[])]);
    project.run(&["check", "--roundtrip"]).expect_code(4);
    project.write("phaseshift.toml", "database = 'none.db'\n");
    let output = project.run_here(&["check", "--roundtrip"]).expect_code(0);
    assert!(output.stderr.contains("none.db does not exist: tried in memory only"));
    assert!(!project.path("none.db").exists());
}

#[test]
fn the_catalogue_comes_back_with_all_its_rows() {
    let options = SampleOptions { sessions: 12, files: 60, links: 20, ..SampleOptions::default() };
    let project = Project::with_catalogue(&options);
    let before = project.snapshot();
    let json = project.run(&["check", "--roundtrip", "--json"]).expect_code(0).json();
    let verdicts: Vec<&str> = json["roundtrip"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trip| trip["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts[1..], ["reversible"; 3], "{json:#}");
    assert_eq!(project.snapshot(), before);
}

#[test]
fn photo_map_is_lossy_where_its_page_says() {
    let project = fixture("photo_map/phases");
    let json = project.run_here(&["check", "--roundtrip", "--json"]).expect_code(0).json();
    let lossy: Vec<&str> = json["roundtrip"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|trip| trip["verdict"] == "lossy")
        .map(|trip| trip["phase"].as_str().unwrap())
        .collect();
    let expected =
        ["002_remove_thumbnail_path_column", "003_remove_filepath_column", "005_bbox_unique"];
    assert_eq!(lossy, expected);
    assert_eq!(json["counts"]["broken"], 0);
}
