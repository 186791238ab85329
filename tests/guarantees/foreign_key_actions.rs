//! Foreign key actions do not run in data steps: the run is refused before the backup and says which statement does the
//! same. With that statement in the step, the file ends as Python's sqlite3 leaves it with foreign keys on.

use phaseshift::ErrorKind;

use support::{Bench, explain, python, up_to};

/// Deletes parents: refused with the action and the statement; with the statement, as Python's sqlite3 does it.
#[track_caller]
fn refused_then_done(schema: &str, delete: &str, action: &str) {
    let bench = Bench::new(schema);
    bench.steps(&step(delete));
    let error = bench.refused(ErrorKind::Rows, "does not run in sql steps; write in the step: ");
    let said = explain(&error);
    assert!(said.contains(action), "{said}");
    let problem = error.facts().problems.iter().find_map(|it| it.split_once("write in the step: "));
    let (_, statement) = problem.expect("a statement");

    bench.steps(&step(&format!("{delete};\n{statement}"))).up();
    let naive = bench.naive_copy();
    let cascade =
        "c = sqlite3.connect(path, isolation_level=None); c.execute('PRAGMA foreign_keys = ON')\n";
    python(&naive.path, &format!("{cascade}c.execute({delete:?})"));
    let rows = "c = sqlite3.connect(path)\n\
                for table in ('parent', 'child'): print(sorted(c.execute('SELECT * FROM ' + table), key=repr))\n\
                print(c.execute('PRAGMA foreign_key_check').fetchall())";
    let as_python = python(&naive.path, rows);
    assert_eq!(python(&bench.database(), rows), as_python, "{statement}");
    assert!(as_python.ends_with("[]"), "{as_python}");
}

fn step(sql: &str) -> String {
    format!("irreversible = \"rows go\"\n[[up]]\nop = \"sql\"\nsql = '''{sql}'''\n")
}

#[test]
fn rows_of_a_cascade_are_deleted_by_the_statement_that_the_refusal_gives() {
    refused_then_done(
        "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE child(id INTEGER PRIMARY KEY, \"of it\" INTEGER REFERENCES parent ON DELETE CASCADE);
         INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, 'c');
         INSERT INTO child VALUES (10, 1), (11, 2), (12, 2), (13, NULL);",
        "DELETE FROM parent WHERE id = 2",
        "ON DELETE CASCADE of child (of it)",
    );
}

/// A unique key may hold NULL, with which NOT IN would find no row at all.
#[test]
fn a_key_that_is_set_to_null_is_so_by_the_statement_that_the_refusal_gives() {
    refused_then_done(
        "CREATE TABLE parent(code TEXT UNIQUE, name TEXT);
         CREATE TABLE child(id INTEGER PRIMARY KEY, code TEXT REFERENCES parent(code) ON DELETE SET NULL);
         INSERT INTO parent VALUES ('a', 'one'), ('b', 'two'), (NULL, 'none');
         INSERT INTO child VALUES (1, 'a'), (2, 'b'), (3, NULL), (4, 'b');",
        "DELETE FROM parent WHERE name = 'two'",
        "ON DELETE SET NULL of child (code)",
    );
}

#[test]
fn rows_with_a_key_of_two_columns_are_deleted_by_the_statement_that_the_refusal_gives() {
    refused_then_done(
        "CREATE TABLE parent(x INT, y TEXT, PRIMARY KEY (x, y)) WITHOUT ROWID;
         CREATE TABLE child(id INTEGER PRIMARY KEY, a INT, b TEXT,
           FOREIGN KEY (a, b) REFERENCES parent(x, y) ON DELETE CASCADE);
         INSERT INTO parent VALUES (1, 'p'), (1, 'q'), (2, 'p');
         INSERT INTO child VALUES (1, 1, 'p'), (2, 1, 'q'), (3, 2, 'p'), (4, 1, NULL), (5, NULL, 'q');",
        "DELETE FROM parent WHERE y = 'q'",
        "ON DELETE CASCADE of child (a, b)",
    );
}

#[test]
fn a_key_of_two_columns_is_set_to_null_by_the_statement_that_the_refusal_gives() {
    refused_then_done(
        "CREATE TABLE parent(x INT, y TEXT, UNIQUE (y, x));
         CREATE TABLE child(id INTEGER PRIMARY KEY, a INT, b TEXT,
           FOREIGN KEY (b, a) REFERENCES parent(y, x) ON DELETE SET NULL);
         INSERT INTO parent VALUES (1, 'p'), (1, 'q'), (2, NULL);
         INSERT INTO child VALUES (1, 1, 'p'), (2, 1, 'q'), (3, 2, NULL);",
        "DELETE FROM parent WHERE y = 'q'",
        "ON DELETE SET NULL of child (b, a)",
    );
}

#[test]
fn a_table_that_refers_to_itself_gets_a_statement_that_reaches_its_own_parents() {
    refused_then_done(
        "CREATE TABLE parent(x);
         CREATE TABLE child(id INTEGER PRIMARY KEY, above INTEGER REFERENCES child(id) ON DELETE SET NULL);
         INSERT INTO child VALUES (1, NULL), (2, 1), (3, 2), (4, 2);",
        "DELETE FROM child WHERE id = 2",
        "ON DELETE SET NULL of child (above)",
    );
}

/// Nothing to do, nothing to say: parents without children go as in any program.
#[test]
fn parents_without_children_go_without_a_word() {
    let bench = Bench::new(
        "CREATE TABLE parent(id INTEGER PRIMARY KEY);
         CREATE TABLE child(id INTEGER PRIMARY KEY, p REFERENCES parent ON DELETE CASCADE);
         INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (5, 1);",
    );
    bench.steps(&step("DELETE FROM parent WHERE id = 2"));
    bench.run(&up_to("head")).unwrap().unwrap();
    assert_eq!(bench.ask("SELECT id FROM parent; SELECT id, p FROM child"), "1\n5|1");
}
