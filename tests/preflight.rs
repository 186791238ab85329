//! Old rows against new rules: refused before anything is written, with counts and keys.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use phaseshift::database::OpenOptions;
use phaseshift::error::ErrorKind;
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, Project as Engine, Request, migrate_now};
use phaseshift::phase::{Chain, Target};
use support::Project;

/// A project with a schema made by plain SQL and one phase with these steps.
fn project(schema: &str, steps: &str) -> Project {
    let project = Project::empty();
    let connection = rusqlite::Connection::open_with_flags(
        project.database(),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_CREATE,
    )
    .unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON")
        .unwrap();
    connection.execute_batch(schema).unwrap();
    project.write_phase("one.toml", &format!("id = \"one\"\ndescription = \"One\"\n{steps}"));
    project
}

fn migrate(project: &Project) -> Result<(), phaseshift::Error> {
    let options = OpenOptions {
        files: Arc::new(RealFiles),
        wait: Duration::from_secs(1),
        interrupt: Interrupt::default(),
    };
    let chain = Chain::read(&RealFiles, &project.phases()).unwrap();
    let engine = Engine::new(
        project.database(),
        None,
        chain,
        VersionTables::named("schema_version"),
        options,
    );
    let request = Request::up(Target::Head);
    let look = Migration::look(&engine, &request)?;
    migrate_now(&engine, &request, look, &mut Silent).map(|_| ())
}

/// Runs the phase and expects a refusal that leaves every byte of the folder alone.
fn refused(schema: &str, steps: &str, words: &[&str]) {
    let project = project(schema, steps);
    let before = project.snapshot();
    let error = migrate(&project).unwrap_err();
    let text = format!("{error} {:?}", error.facts().problems);
    assert_eq!(error.kind(), ErrorKind::Rows, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert_eq!(before, project.snapshot(), "the folder changed");
}

fn passes(schema: &str, steps: &str, question: &str, answer: &str) {
    let project = project(schema, steps);
    migrate(&project)
        .map_err(|it| format!("{it} {:?} {:?}", it.causes(), it.facts().problems))
        .unwrap();
    assert_eq!(support::sqlite3(&project.database(), question).trim(), answer);
}

#[test]
fn not_null_meets_old_nulls() {
    refused(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x'), (7, NULL), (9, NULL)",
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"a\"\nnot_null = true",
        &["t.a would be NULL in 2 rows", "id 7"],
    );
}

#[test]
fn not_null_with_a_value_for_the_old_nulls_passes() {
    passes(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x'), (7, NULL)",
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"a\"\nnot_null = true\nvalue = \"coalesce(a, 'none')\"",
        "SELECT group_concat(a) FROM t",
        "x,none",
    );
}

#[test]
fn a_new_column_without_default_is_refused_only_where_there_are_rows() {
    let step = "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"b TEXT NOT NULL\"";
    refused("CREATE TABLE t(a); INSERT INTO t VALUES (1)", step, &["t.b would be NULL in 1 rows"]);
    passes("CREATE TABLE t(a)", step, "SELECT count(*) FROM pragma_table_info('t')", "2");
}

#[test]
fn unique_meets_duplicates() {
    refused(
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x'), (2, 'x'), (3, 'y')",
        "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"UNIQUE (b)\"",
        &["duplicate keys", "'x' (2 times)"],
    );
}

#[test]
fn a_unique_index_meets_duplicates_in_a_table_that_is_not_rebuilt() {
    refused(
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x'), (2, 'x'), (3, 'y')",
        "[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX i ON t(b)\"",
        &["duplicate keys", "'x' (2 times)"],
    );
}

#[test]
fn check_meets_rows_that_break_it() {
    refused(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 5), (2, -5)",
        "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (n > 0)\"",
        &["1 rows of t break a rule", "id 2"],
    );
}

#[test]
fn a_foreign_key_meets_orphans() {
    refused(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(x); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1), (5), (NULL)",
        "[[up]]\nop = \"add_constraint\"\ntable = \"c\"\nsql = \"FOREIGN KEY (x) REFERENCES p(id)\"",
        &["1 rows of c have no parent in p", "x: 5"],
    );
}

#[test]
fn a_type_that_would_convert_values_is_refused_and_a_given_value_passes() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, d TEXT); INSERT INTO t VALUES (1, '2024-01-02'), (2, '007')";
    refused(
        schema,
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"d\"\ntype = \"INTEGER\"",
        &["t.d: the new type would convert 1 values", "'007' becomes 7"],
    );
    passes(
        schema,
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"d\"\ntype = \"INTEGER\"\nvalue = \"length(d)\"",
        "SELECT group_concat(d) FROM t",
        "10,3",
    );
}

#[test]
fn strict_meets_values_of_other_types() {
    refused(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, x); INSERT INTO t VALUES (1, 5, 'a'), (2, 'five', x'00')",
        "[[up]]\nop = \"rebuild\"\ntable = \"t\"\nsql = \"CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, x ANY) STRICT\"",
        &["t.n holds 1 values that are not INTEGER"],
    );
}

#[test]
fn rows_that_broke_a_rule_before_are_carried_over() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, n CHECK (n > 0), m NOT NULL); \
         INSERT INTO t VALUES (1, 5, 1), (2, -5, 2); \
         PRAGMA writable_schema=ON; \
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n CHECK (n > 0), m)' WHERE name = 't'; \
         PRAGMA writable_schema=RESET; INSERT INTO t VALUES (3, 7, NULL); PRAGMA writable_schema=ON; \
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, n CHECK (n > 0), m NOT NULL)' WHERE name = 't'; \
         PRAGMA writable_schema=RESET";
    for step in [
        "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"n\"\nto = \"number\"",
        "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"extra TEXT DEFAULT 'e'\"\nafter = \"id\"",
    ] {
        passes(schema, step, "SELECT count(*) || ' ' || count(m) FROM t", "3 2");
    }
}

#[test]
fn orphans_of_old_do_not_stand_in_the_way_of_a_value_that_leaves_them_alone() {
    let schema = "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
        CREATE TABLE c(id INTEGER PRIMARY KEY, x REFERENCES p(id)); INSERT INTO c VALUES (1, 1), (2, 5), (3, NULL)";
    let step =
        "[[up]]\nop = \"alter_column\"\ntable = \"c\"\ncolumn = \"x\"\nnot_null = true\nvalue = ";
    // Row 2 had no parent before; row 3 gets one.
    passes(schema, &format!("{step}\"coalesce(x, 1)\""), "SELECT group_concat(x) FROM c", "1,5,1");
    // Here row 3 would lose what it has not lost before.
    refused(
        schema,
        &format!("{step}\"coalesce(x, 9)\""),
        &["1 rows of c have no parent in p", "x: 9"],
    );
}

#[test]
fn a_report_about_orphans_shows_no_more_than_a_few_words_of_each() {
    let schema = "CREATE TABLE p(id PRIMARY KEY); CREATE TABLE c(x);
        INSERT INTO c VALUES (printf('%.5000c', 'z')), (1.5)";
    let step = "[[up]]\nop = \"add_constraint\"\ntable = \"c\"\nsql = \"FOREIGN KEY (x) REFERENCES p(id)\"";
    let bench = support::Bench::new(schema);
    bench.steps(step);
    let error = bench.refused(ErrorKind::Rows, "2 rows of c have no parent in p");
    let said = error.to_string();
    assert!(said.len() < 200 && said.contains("zzz") && !said.contains("Real("), "{said}");
}
