//! What a refusal names: the rows, the file and the line of the statement, and a next step that can be taken.

use rusqlite::Connection;

use support::Project;

fn project(sql: &str) -> Project {
    let project = Project::empty_in_memory();
    Connection::open(project.path("app.db")).unwrap().execute_batch(sql).unwrap();
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project
}

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, a TEXT, b TEXT);
    INSERT INTO notes VALUES (1, 'x', 'y'), (2, 'x', NULL), (3, 'z', 'y');";

#[test]
fn a_unique_index_after_a_data_step_names_the_rows_and_its_line() {
    let project = project(NOTES);
    project.write_phase(
        "p1.sql",
        "UPDATE notes SET b = 'same';\n\nCREATE UNIQUE INDEX one_b ON notes (b);\n",
    );
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("notes has duplicate keys"), "{said}");
    assert!(said.contains("'same' (3 times)"), "{said}");
    assert!(said.contains("p1.sql:3"), "{said}");
}

#[test]
fn an_index_that_rows_refuse_names_a_row_and_its_line() {
    let project = project(NOTES);
    project.write_phase("p1.sql", "\nCREATE INDEX parts ON notes (json_extract(a, '$.k'));\n");
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(
        said.contains("the row of notes with id 1 cannot be indexed: malformed JSON"),
        "{said}"
    );
    assert!(said.contains("p1.sql:2"), "{said}");
}

#[test]
fn duplicates_of_several_columns_are_shown_as_values() {
    let project = project(
        "CREATE TABLE pairs (a, b); INSERT INTO pairs VALUES (0, ''), (0, ''), ('0', 1.5);",
    );
    project.write_phase("p1.sql", "CREATE UNIQUE INDEX one ON pairs (a, b);\n");
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("(0, '') (2 times)"), "{said}");
}

#[test]
fn a_statement_that_breaks_a_rule_is_named_by_its_own_line() {
    let project = project(NOTES);
    project.write_phase(
        "p1.sql",
        "UPDATE notes SET a = 'w' WHERE id = 3;\n\nUPDATE notes SET b = a;\nUPDATE notes SET id = 1;\n",
    );
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("line 4: UNIQUE constraint failed: notes.id"), "{said}");
    assert!(said.contains("p1.sql:4"), "{said}");
    assert!(!said.contains("p1.sql:1"), "{said}");
}

#[test]
fn rows_without_a_parent_are_summed_up() {
    let project = project(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER);
         WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 60)
         INSERT INTO c SELECT v, v % 2 FROM n;",
    );
    project.write_phase(
        "p1.sql",
        "CREATE TABLE c_new (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id));\n\
         INSERT INTO c_new SELECT id, p FROM c ORDER BY id;\nDROP TABLE c;\n\
         ALTER TABLE c_new RENAME TO c;\nUPDATE c SET p = id;\n",
    );
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    let line = said.lines().next().unwrap();
    let what = "c: 60 rows have no parent in p, with the keys such as 1, 10, 11, 12, 13";
    assert!(line.contains(what), "{said}");
    assert!(!said.contains("checks found differences"), "{said}");
}

#[test]
fn a_table_without_rowids_is_said_to_have_rows_without_a_parent() {
    let project = project(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE c (k TEXT PRIMARY KEY, p INTEGER REFERENCES p(id)) WITHOUT ROWID;
         PRAGMA foreign_keys = OFF; INSERT INTO c VALUES ('a', 7), ('b', 8), ('d', NULL);",
    );
    let said = project.run_here(&["verify"]).expect_code(3).stdout;
    assert!(said.contains("c: a row has no parent in p; and 1 more"), "{said}");
}

#[test]
fn a_renamed_phase_in_sql_is_told_how_to_keep_its_id() {
    let project = project(NOTES);
    project.write_phase("p1.sql", "ALTER TABLE notes ADD COLUMN c;\n");
    project.run_here(&["upgrade"]).expect_code(0);
    let (from, to) = (project.phases().join("p1.sql"), project.phases().join("p1_add.sql"));
    std::fs::rename(from, &to).unwrap();
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("write -- phase: id=p1 into the file"), "{said}");
    let text = std::fs::read_to_string(&to).unwrap();
    std::fs::write(&to, format!("-- phase: id=p1\n{text}")).unwrap();
    project.run_here(&["upgrade"]).expect_code(0);
}

#[test]
fn a_draft_that_cannot_run_names_the_desired_schema_and_no_file_that_is_not_there() {
    let project = project(NOTES);
    let schema = project.path("schema.sql");
    let text = std::fs::read_to_string(&schema).unwrap();
    let more = "CREATE TABLE tags (note TEXT REFERENCES notes(a));\n";
    std::fs::write(&schema, format!("{text}\n{more}")).unwrap();
    let said =
        project.run_here(&["revision", "-m", "tags", "--autogenerate"]).expect_code(4).stderr;
    assert!(said.contains("would name no key of its parent"), "{said}");
    assert!(said.contains("schema.sql"), "{said}");
    assert!(!said.contains(".toml"), "{said}");
}

/// SQLite takes such a word for a string, so that an old phase runs; a phase that is still to run is refused.
#[test]
fn check_names_a_string_in_double_quotes_that_a_new_file_would_refuse() {
    let project = project(NOTES);
    let phase = "UPDATE notes SET a = \"word\" WHERE id = 1;\n";
    project.write_phase("p1.sql", phase);
    let said = project.run_here(&["check"]).expect_code(3).stdout;
    assert!(said.contains("p1: a new file cannot run it: line 1: a string in double"), "{said}");
    project.run_here(&["upgrade", "--create", "--database", "new.db"]).expect_code(4);
    // What another tool applied cannot be corrected any more.
    project.run_here(&["stamp", "p1"]).expect_code(0);
    let said = project.run_here(&["check"]).expect_code(0).stdout;
    assert!(said.contains("p1: a new file cannot run it"), "{said}");
}

/// ANALYZE wrote the statistics of its key while the table had rowids.
#[test]
fn statistics_of_a_key_follow_a_table_that_lost_its_rowids() {
    let project = project(
        "CREATE TABLE tags (name TEXT PRIMARY KEY, n); INSERT INTO tags VALUES ('a', 1), ('b', 2); ANALYZE;",
    );
    project.write_phase(
        "p1.toml",
        "[[up]]\nop = 'rebuild'\ntable = 'tags'\nsql = 'CREATE TABLE tags (name TEXT PRIMARY KEY, n) WITHOUT ROWID'\n",
    );
    project.write_phase("p2.sql", "ALTER TABLE tags RENAME TO labels;\n");
    project.run_here(&["upgrade", "--per-phase"]).expect_code(0);
    let file = Connection::open(project.path("app.db")).unwrap();
    let index: String = file
        .query_row("SELECT idx FROM sqlite_stat1 WHERE tbl = 'labels'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(index, "sqlite_autoindex_labels_1");
}

#[test]
fn keys_without_a_parent_are_named_once() {
    let project = project(
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER);
         INSERT INTO c VALUES (1, 7), (2, 7), (3, 8), (4, 7);",
    );
    project.write_phase(
        "p1.toml",
        "[[up]]\nop = 'add_constraint'\ntable = 'c'\nsql = 'FOREIGN KEY (p) REFERENCES p(id)'\n",
    );
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("4 rows of c have no parent in p (p: 7, 8)"), "{said}");
}

#[test]
fn what_was_made_by_hand_can_be_recorded_or_compared() {
    let project = project(NOTES);
    let file = Connection::open(project.path("app.db")).unwrap();
    project.write_phase(
        "p1.sql",
        "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);\nALTER TABLE notes ADD COLUMN c;\n",
    );
    file.execute_batch("CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT)").unwrap();
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("what p1 makes: phaseshift diff database p1"), "{said}");
    let differs = project.run_here(&["diff", "database", "p1"]).expect_code(3).stdout;
    assert!(differs.contains("column tags.label"), "{differs}");
    file.execute_batch(
        "ALTER TABLE tags RENAME COLUMN label TO name; ALTER TABLE notes ADD COLUMN c;",
    )
    .unwrap();
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("compare and record it: phaseshift stamp p1"), "{said}");
    project.run_here(&["stamp", "p1"]).expect_code(0);
    project.run_here(&["current", "--require", "head"]).expect_code(0);
}

#[test]
fn what_needs_a_dropped_column_is_to_be_dropped_first() {
    let cases = [
        ("CREATE TABLE t (a, b); CREATE INDEX ib ON t (b);", "drop or replace index ib in p1"),
        ("CREATE TABLE t (a, b, UNIQUE (a, b));", "drop or replace UNIQUE (a, b) in p1"),
        ("CREATE TABLE t (a CHECK (a > b), b);", "drop or replace CHECK (a > b) in p1"),
        (
            "CREATE TABLE p (id INTEGER PRIMARY KEY);
             CREATE TABLE t (a, b, CONSTRAINT to_p FOREIGN KEY (b) REFERENCES p (id));",
            "drop or replace CONSTRAINT to_p FOREIGN KEY (b) REFERENCES p (id) in p1",
        ),
    ];
    for (schema, advice) in cases {
        let project = project(schema);
        project.write_phase("p1.sql", "ALTER TABLE t DROP COLUMN b;\n");
        let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
        assert!(said.contains(advice), "{said}");
    }
}

#[test]
fn backups_that_lost_their_manifests_can_be_named() {
    let project = project(NOTES);
    project.write_phase("p1.sql", "ALTER TABLE notes ADD COLUMN c;\n");
    project.run_here(&["upgrade"]).expect_code(0);
    for backup in project.backups() {
        std::fs::remove_file(format!("{}.json", backup.display())).unwrap();
    }
    let name = project.backups().pop().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    for wanted in ["--latest", "before:p1"] {
        let said = project.run_here(&["restore", wanted, "--yes"]).expect_code(4).stderr;
        assert!(said.contains("name one of: ") && said.contains(&name), "{said}");
    }
    project.run_here(&["restore", &name, "--yes"]).expect_code(0);
}

/// SQLite reads such a comment to the end of the file: the phase would be recorded without its statements.
#[test]
fn a_comment_that_is_never_closed_hides_no_statement() {
    let project = project(NOTES);
    project
        .write_phase("p1.sql", "UPDATE notes SET a = 'v';\n\n/* then\nALTER TABLE notes ADD c;\n");
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("p1.sql:3: a comment is never closed"), "{said}");
    std::fs::remove_file(project.phases().join("p1.sql")).unwrap();
    let toml = "[[up]]\nop = 'sql'\nsql = \"\"\"\n/* first\nUPDATE notes SET a = 'v';\"\"\"\n";
    project.write_phase("p1.toml", toml);
    let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
    assert!(said.contains("a comment is never closed"), "{said}");
    // What hides nothing is read as SQLite reads it.
    project.write_phase("p1.toml", &toml.replace("'v';", "'v'").replace("/* first", ""));
    project.run_here(&["upgrade"]).expect_code(0);
    project.write("schema.sql", "CREATE TABLE a (x);\n/* then\nCREATE TABLE b (x);\n");
    let said = project.run_here(&["diff", "head", "schema"]).expect_code(4).stderr;
    assert!(said.contains("line 2: a comment is never closed"), "{said}");
}

#[test]
fn a_view_or_trigger_that_a_step_broke_is_named_where_it_stops_a_rename() {
    for (dependent, advice) in [
        ("CREATE VIEW v AS SELECT a FROM t;", "drop or replace view v in p1"),
        (
            "CREATE TRIGGER g AFTER INSERT ON u BEGIN INSERT INTO t VALUES (1); END;",
            "drop or replace trigger g in p1",
        ),
    ] {
        let project = project(&format!("CREATE TABLE t (a); CREATE TABLE u (b); {dependent}"));
        project.write_phase("p1.sql", "DROP TABLE t;\nALTER TABLE u RENAME TO w;\n");
        let said = project.run_here(&["upgrade"]).expect_code(4).stderr;
        assert!(said.contains(advice) && said.contains("p1.sql:2"), "{said}");
    }
}
