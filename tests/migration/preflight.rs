//! Old rows against new rules: refused before anything is written, with counts and keys.

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
    let look = Migration::prepare(&engine, &request)?;
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
    refused("CREATE TABLE t(a); INSERT INTO t VALUES (1)", step, &["t.b would be NULL in 1 row"]);
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

/// Values outside the condition of a partial index may repeat; they were given as the reason of another refusal.
#[test]
fn duplicates_that_a_partial_index_leaves_out_were_called_duplicate_keys() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, kind TEXT, key TEXT, CHECK (kind <> 'ldap' OR key IS NOT NULL));
        CREATE UNIQUE INDEX i ON t(key) WHERE kind = 'ldap' -- the others may repeat
        ; INSERT INTO t VALUES (1, 'local', 'x'), (2, 'local', 'x'), (3, 'local', 'y'), (4, NULL, 'y')";
    let step = |value: &str| {
        format!(
            "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"kind\"\nnot_null = true\nvalue = \"{value}\""
        )
    };
    let project = project(schema, &step("kind"));
    let error = migrate(&project).expect_err("a NULL");
    assert!(!format!("{error} {:?}", error.facts().problems).contains("duplicate"), "{error}");
    refused(schema, &step("'ldap'"), &["2 values of key occur more than once"]);
    passes(schema, &step("coalesce(kind, 'ldap')"), "SELECT kind FROM t WHERE id = 4", "ldap");
}

#[test]
fn a_downgrade_that_rows_forbid_says_so_and_how_to_write_one() {
    let project = project(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b); INSERT INTO t VALUES (1, 'x', 2)",
        "[[up]]\nop = \"drop_column\"\ntable = \"t\"\ncolumn = \"a\"",
    );
    project.run(&["upgrade"]).expect_code(0);
    let said = project.run(&["downgrade", "--accept-loss"]).expect_code(4).stderr;
    for words in
        ["one cannot be undone: t.a would be NULL in 1 row", "add [[down]] steps", "before:one"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("add value"), "{said}");
}

#[test]
fn check_meets_rows_that_break_it() {
    refused(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 5), (2, -5)",
        "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (n > 0)\"",
        &["1 row of t breaks a rule of the new definition: CHECK constraint failed: n > 0", "id 2"],
    );
}

#[test]
fn a_foreign_key_meets_orphans() {
    refused(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(x); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1), (5), (NULL)",
        "[[up]]\nop = \"add_constraint\"\ntable = \"c\"\nsql = \"FOREIGN KEY (x) REFERENCES p(id)\"",
        &["1 row of c has no parent in p", "x: 5"],
    );
}

#[test]
fn a_type_that_would_convert_values_is_refused_and_a_given_value_passes() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, d TEXT); INSERT INTO t VALUES (1, '2024-01-02'), (2, '007')";
    refused(
        schema,
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"d\"\ntype = \"INTEGER\"",
        &["t.d: the new type would convert 1 value", "'007' becomes 7"],
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
        &["t.n holds 1 value that is not INTEGER"],
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

/// Each of these comes with a value that another rule, an index or the whole table sees.
#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn a_rule_that_sees_other_values_than_before_is_tried_out() {
    let rows = "INSERT INTO t(id, a, b) VALUES (1, 5, 'x'), (2, 7, 'X')";
    let value = |column: &str, value: &str| {
        format!(
            "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"{column}\"\nvalue = \"{value}\"\n"
        )
    };
    let rebuild = |body: &str| {
        format!("[[up]]\nop = \"rebuild\"\ntable = \"t\"\nsql = \"CREATE TABLE t({body})\"\n")
    };
    let swapped = "[[up]]\nop = \"drop_index\"\nindex = \"u\"\n[[up]]\nop = \"create_index\"\n\
                   sql = \"CREATE UNIQUE INDEX u ON t(lower(b))\"\n";
    for (what, body, steps, words) in [
        ("CHECK", "a CHECK (a > 3), b", value("a", "a - 5"), "a rule of the new definition"),
        (
            "a new CHECK",
            "a, b",
            "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (b <> 'x')\"\n"
                .to_owned(),
            "rows that do not fit: id 1",
        ),
        (
            "a new CHECK with a collation",
            "a, b COLLATE NOCASE",
            "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (b <> 'x')\"\n"
                .to_owned(),
            "2 rows of t break a rule",
        ),
        (
            "new CHECKs beside a computed value",
            "a TEXT, b COLLATE NOCASE, d",
            "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (a > 6)\"\n".to_owned()
                + &value("d", "1"),
            "rows that do not fit: id 1",
        ),
        (
            "a new CHECK with a collation beside a computed value",
            "a TEXT, b COLLATE NOCASE, d",
            "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (b <> 'x')\"\n"
                .to_owned()
                + &value("d", "1"),
            "2 rows of t break a rule",
        ),
        (
            "a new CHECK with a type",
            "a TEXT, b",
            "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (a > 6)\"\n".to_owned(),
            "rows that do not fit: id 1",
        ),
        (
            "CHECK of a table",
            "a, b, CHECK (b <> 'y' OR a > 5)",
            value("b", "'y'"),
            "a rule of the new definition",
        ),
        ("UNIQUE", "a UNIQUE, b", value("a", "a % 2"), "value of a occurs more than once"),
        (
            "UNIQUE of two",
            "a, b, UNIQUE (id, a), UNIQUE (a, b)",
            value("b", "1 + 0 * (a = 5)") + &value("a", "1"),
            "more than once",
        ),
        ("NOT NULL", "a NOT NULL, b", value("a", "nullif(a, 7)"), "t.a would be NULL in 1 row"),
        (
            "a function that fails",
            "a, b",
            value("a", "abs(a - 8 - 9223372036854775807)"),
            "cannot be carried over: integer overflow",
        ),
        ("a value of all rows", "a, b", value("a", "max(a)"), "1 row of t breaks a rule"),
        ("the key", "a, b", value("id", "nullif(id, 2)"), "t.id would be NULL in 1 row"),
        (
            "a default that is NULL",
            "a, b",
            "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c NOT NULL DEFAULT (NULL)\""
                .to_owned(),
            "a rule of the new definition",
        ),
        (
            "a text that becomes a column",
            "a, b CHECK (b <> \"c\")",
            rebuild("id INTEGER PRIMARY KEY, a, b CHECK (b <> \\\"c\\\"), c DEFAULT 'x'"),
            "a rule of the new definition",
        ),
        (
            "another UNIQUE",
            "a UNIQUE, b",
            rebuild("id INTEGER PRIMARY KEY, a, b COLLATE NOCASE UNIQUE"),
            "t has duplicate keys: 1 value of b occurs more than once",
        ),
        (
            "another collation",
            "a, b UNIQUE",
            "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"b\"\ncollate = \"NOCASE\"\n"
                .to_owned(),
            "t has duplicate keys: 1 value of b occurs more than once",
        ),
        (
            "another type",
            "a, b CHECK (b < 'y')",
            "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"b\"\ntype = \"INTEGER\"\n"
                .to_owned()
                + &value("b", "9"),
            "",
        ),
        ("an index of that name", "a, b", value("a", "a + 1") + swapped, "of t breaks a rule"),
    ] {
        let schema = format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, {body}); CREATE UNIQUE INDEX u ON t(a, id); {rows}"
        );
        if words.is_empty() {
            passes(&schema, &steps, "SELECT group_concat(b) FROM t", "9,9");
        } else {
            // For whoever reads a failure.
            println!("{what}");
            refused(&schema, &steps, &[words]);
        }
    }
}

/// The tables that a look makes to try rows out, as SQLite's authorizer hears of them.
fn tried(schema: &str, steps: &str) -> usize {
    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
    let bench = support::Bench::new(schema);
    bench.steps(steps);
    let migration = bench.plan();
    let mut connection = rusqlite::Connection::open(bench.database()).unwrap();
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let made = Arc::clone(&count);
    let listen = move |context: AuthContext<'_>| {
        if matches!(context.action, AuthAction::CreateTempTable { .. }) {
            made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Authorization::Allow
    };
    connection.authorizer(Some(listen)).unwrap();
    phaseshift::preflight::check_rows(&connection, migration.plan()).unwrap();
    count.load(std::sync::atomic::Ordering::Relaxed)
}

#[test]
fn rows_are_not_copied_to_try_rules_that_see_the_same_values_as_before() {
    let schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER NOT NULL CHECK (a > 0), b VARCHAR(9) UNIQUE, c, d); \
         CREATE UNIQUE INDEX u ON t(b, a); INSERT INTO t VALUES (1, 5, 'x', 'y', '2024-01-02')";
    let alter = |column: &str, how: &str| {
        format!("[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"{column}\"\n{how}\n")
    };
    let add = |column: &str| {
        format!(
            "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"{column}\"\nafter = \"id\"\n"
        )
    };
    for steps in [
        add("e INTEGER") + "value = \"a * 2\"",
        add("e INTEGER NOT NULL") + "value = \"a * 2\"",
        add("e TEXT") + "value = \"lower(b)\"",
        add("e TEXT NOT NULL DEFAULT 'e'"),
        alter("c", "not_null = true"),
        alter("c", "value = \"coalesce(c, a)\""),
        alter("b", "type = \"TEXT\""),
        alter("d", "type = \"DATE\""),
        "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"CHECK (a < 9 AND t.c <> b -- so\n)\"\n".replace("so\n", "so\\n"),
        "[[up]]\nop = \"drop_column\"\ntable = \"t\"\ncolumn = \"c\"\n".to_owned(),
    ] {
        assert_eq!(tried(schema, &steps), 0, "{steps}");
    }
    // So that the count means something.
    assert_eq!(tried(schema, &alter("a", "value = \"a + 1\"")), 1);
    assert_eq!(tried(schema, &alter("c", "not_null = true\nvalue = \"nullif(c, 'z')\"")), 0);
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
        &["1 row of c has no parent in p", "x: 9"],
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
