//! SQL of phases and files stays inside one statement, one database and the objects it may touch.

use phaseshift::ErrorKind;
use phaseshift::database::{Authorizer, Purpose, run_authorized};
use phaseshift::event::Interrupt;
use rusqlite::Connection;

use support::{Bench, toml, up_to};

const PEOPLE: &str = "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
     INSERT INTO people VALUES (1, 'Ann', 'Oslo'), (2, 'Bo', 'Rome');";

fn step(op: &str, keys: &[(&str, &str)]) -> String {
    let mut text = format!("[[up]]\nop = \"{op}\"\n");
    for (key, value) in keys {
        text.push_str(&format!("{key} = {}\n", toml(value)));
    }
    text
}

fn sql(text: &str) -> String {
    format!("irreversible = \"data\"\n{}", step("sql", &[("sql", text)]))
}

/// Reads the phases, which must fail and name something.
#[track_caller]
fn refused_when_loading(text: &str, names: &str) {
    let bench = Bench::new(PEOPLE);
    bench.steps(text);
    let read =
        phaseshift::phase::Chain::read(&phaseshift::files::RealFiles, &bench.project().phases());
    let error = read.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::PhaseFile, "{error}");
    assert!(error.to_string().contains(names), "{names} is not in {error}");
}

/// Expects a refusal before the backup, after which another database beside the file is as it was.
#[track_caller]
fn reaches_no_other_file(make: impl Fn(&str) -> String) {
    let bench = Bench::new(PEOPLE);
    let other = bench.project().aside("other.db");
    std::fs::copy(bench.database(), &other).unwrap();
    let before = std::fs::read(&other).unwrap();
    bench.steps(&make(other.to_str().unwrap()));
    let chain =
        phaseshift::phase::Chain::read(&phaseshift::files::RealFiles, &bench.project().phases());
    if chain.is_ok() {
        let error = bench.run(&up_to("head")).expect_err("a refusal");
        assert_eq!(error.state(), phaseshift::DatabaseState::Unchanged, "{error}");
    }
    assert_eq!(std::fs::read(&other).unwrap(), before, "another file was written");
}

#[test]
fn a_second_statement_of_a_created_table_reaches_no_file() {
    reaches_no_other_file(|other| {
        let text = format!("CREATE TABLE q(a); ATTACH '{other}' AS e; DELETE FROM e.people");
        step("create_table", &[("sql", &text)])
    });
}

#[test]
fn a_second_statement_of_a_rebuild_reaches_no_file() {
    reaches_no_other_file(|other| {
        let text = format!(
            "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, n INT);
             ATTACH '{other}' AS e; DROP TABLE e.people"
        );
        step("rebuild", &[("table", "people"), ("sql", &text)])
    });
}

#[test]
fn a_type_and_a_default_that_end_their_statement_reach_no_file() {
    for key in ["type", "default"] {
        reaches_no_other_file(|other| {
            let text = format!("INT); ATTACH '{other}' AS e; DELETE FROM e.people; SELECT (1");
            step("alter_column", &[("table", "people"), ("column", "city"), (key, &text)])
        });
    }
}

#[test]
fn vacuum_into_and_attach_reach_no_file_from_a_data_step() {
    for text in ["VACUUM INTO '{}'", "ATTACH '{}' AS e", "SELECT 1; VACUUM main INTO '{}'"] {
        reaches_no_other_file(|other| sql(&text.replace("{}", other)));
    }
}

#[test]
fn each_text_holds_one_statement_and_the_rest_is_refused_with_its_line() {
    for (op, text, line) in [
        ("create_index", "CREATE INDEX i ON people(name);\n\nDELETE FROM people", 5),
        ("create_view", "CREATE VIEW v AS SELECT 1;\nCREATE VIEW w AS SELECT 2", 4),
        (
            "create_trigger",
            "CREATE TRIGGER g AFTER INSERT ON people BEGIN\n SELECT 1; SELECT CASE WHEN 1 THEN 2 END;\nEND;\nSELECT 2",
            6,
        ),
        ("replace_view", "CREATE VIEW v AS SELECT 1; SELECT 2", 3),
    ] {
        let raw = format!("[[up]]\nop = \"{op}\"\nsql = '''{text}'''\n");
        refused_when_loading(
            &raw,
            &format!("change.toml:{line}: `sql`: a second statement begins"),
        );
    }
}

#[test]
fn comments_and_semicolons_behind_a_statement_are_fine() {
    let bench = Bench::new(PEOPLE);
    bench.steps(&format!(
        "{}{}",
        step("create_table", &[("sql", "CREATE TABLE q(a);; -- done\n/* ; */")]),
        step(
            "create_trigger",
            &[(
                "sql",
                "CREATE TRIGGER g AFTER INSERT ON people BEGIN SELECT CASE WHEN 1 THEN 2 END; END ; -- x",
            )],
        )
    ));
    bench.up();
    assert_eq!(
        bench.ask("SELECT group_concat(name) FROM sqlite_schema WHERE name IN ('q', 'g')"),
        "q,g"
    );
}

#[test]
fn a_text_that_the_history_keeps_runs_behind_the_fence() {
    let bench = Bench::new(PEOPLE);
    bench.steps(&step("create_view", &[("sql", "CREATE VIEW v AS SELECT name FROM people")]));
    bench.up();
    let other = bench.project().aside("other.db");
    std::fs::copy(bench.database(), &other).unwrap();
    let before = std::fs::read(&other).unwrap();
    let planted = format!(
        "CREATE VIEW gone AS SELECT 1; ATTACH '{}' AS e; DELETE FROM e.people",
        other.display()
    );
    bench.ask(&format!(
        "UPDATE phase_history SET undo = json_set(undo, '$.before', json_array(json_object(
         'kind', 'view', 'name', 'gone', 'sql', '{}')))",
        planted.replace('\'', "''")
    ));
    drop(bench.run(&support::down_to("base")));
    assert_eq!(std::fs::read(&other).unwrap(), before, "another file was written");
    assert_eq!(bench.ask("SELECT count(*) FROM people"), "2");
}

#[test]
fn a_parameter_is_refused_with_its_line_and_name() {
    for (text, names) in [
        (sql("UPDATE people SET name = $ADMIN"), "change.toml:4: `sql`: the parameter $ADMIN"),
        (
            "irreversible = 'x'\n[[up]]\nop = 'sql'\nsql = '''\nUPDATE people SET\n name = ?1\n'''\n".to_owned(),
            "change.toml:6: `sql`: the parameter ?1",
        ),
        (
            step("add_column", &[("table", "people"), ("column", "n TEXT"), ("value", "name || @x")]),
            "change.toml:5: `value`: the parameter @x",
        ),
        (
            step("create_view", &[("sql", "CREATE VIEW v AS SELECT * FROM people WHERE id = :id")]),
            "change.toml:3: `sql`: the parameter :id",
        ),
        (
            "[[up]]\nop = 'rebuild'\ntable = 'people'\nsql = 'CREATE TABLE people(id INTEGER PRIMARY KEY, \
             name TEXT, city TEXT)'\n\n[up.values]\nname = 'upper(name)'\ncity = '?'\n"
                .to_owned(),
            "change.toml:8: `values`: the parameter ?",
        ),
        (
            "[[verify]]\nname = 'v'\nexpect = 'no rows'\nsql = \"\"\"SELECT 1\n FROM people WHERE id = :id\"\"\"\n"
                .to_owned(),
            "change.toml:5: `sql`: the parameter :id",
        ),
    ] {
        refused_when_loading(&text, names);
    }
}

#[test]
fn a_parameter_in_an_sql_file_is_refused_with_the_line_of_that_file() {
    let bench = Bench::new(PEOPLE);
    bench.steps("irreversible = 'x'\n[[up]]\nop = 'sql'\nfile = 'more.sql'\n");
    std::fs::write(
        bench.project().phases().join("more.sql"),
        "SELECT '?';\n-- :no\nDELETE FROM people WHERE id = :yes;",
    )
    .unwrap();
    let read =
        phaseshift::phase::Chain::read(&phaseshift::files::RealFiles, &bench.project().phases());
    let error = read.unwrap_err();
    assert!(error.to_string().contains("more.sql:3: the parameter :yes"), "{error}");
}

#[test]
fn what_only_looks_like_a_parameter_is_none() {
    let bench = Bench::new(PEOPLE);
    bench.steps(&format!(
        "{}{}",
        sql("UPDATE people SET name = 'is it? :a @b $c' WHERE id = 1 -- ?1\n"),
        step(
            "create_table",
            &[(
                "sql",
                "CREATE VIRTUAL TABLE f USING fts5(a, tokenize = \"unicode61 tokenchars '@?'\")"
            )]
        ),
    ));
    bench.up();
    assert_eq!(bench.ask("SELECT name FROM people WHERE id = 1"), "is it? :a @b $c");
}

#[test]
fn a_created_object_that_would_not_stay_is_refused() {
    for (op, text) in [
        ("create_table", "CREATE TEMP TABLE q(a)"),
        ("create_table", "CREATE TABLE temp.q(a)"),
        ("create_table", "CREATE VIRTUAL TABLE temp.q USING fts5(a)"),
        ("create_view", "create temporary view q AS SELECT 1"),
        ("create_view", "CREATE VIEW \"Temp\".q AS SELECT 1"),
        ("create_trigger", "CREATE TEMP TRIGGER q AFTER INSERT ON people BEGIN SELECT 1; END"),
        ("create_index", "CREATE INDEX temp.q ON people(name)"),
        ("replace_view", "CREATE TEMP VIEW q AS SELECT 1"),
    ] {
        refused_when_loading(&step(op, &[("sql", text)]), "change.toml:3: `sql`: ");
    }
}

#[test]
fn a_table_made_of_a_query_takes_an_sql_step() {
    let query = "CREATE TABLE q AS SELECT * FROM people";
    refused_when_loading(&step("create_table", &[("sql", query)]), "op = \"sql\"");
    let bench = Bench::new(PEOPLE);
    bench.steps(&sql(query));
    bench.up();
    assert_eq!(bench.ask("SELECT count(*) FROM q"), "2");
}

#[test]
fn a_temporary_table_helps_within_its_step_and_goes_with_it() {
    let bench = Bench::new(PEOPLE);
    let first = "CREATE TEMP TABLE keep AS SELECT id, upper(name) AS loud FROM people;
         CREATE INDEX temp.k ON keep(id);
         UPDATE people SET name = (SELECT loud FROM keep WHERE keep.id = people.id);";
    let second = "CREATE TEMP TABLE keep(city TEXT); INSERT INTO keep VALUES ('Paris');
         UPDATE people SET city = (SELECT city FROM keep) WHERE id = 2";
    bench.steps(&format!("{}{}", sql(first), step("sql", &[("sql", second)])));
    bench.up();
    assert_eq!(
        bench.ask("SELECT group_concat(name || ' ' || city) FROM people"),
        "ANN Oslo,BO Paris"
    );
    assert_eq!(
        bench.ask("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'keep' OR name = 'k'"),
        "0"
    );
}

#[test]
fn a_temporary_table_may_hide_one_of_the_file_until_the_step_ends() {
    let bench = Bench::new(PEOPLE);
    let text = "CREATE TEMP TABLE people AS SELECT * FROM main.people WHERE id = 1;
         DELETE FROM people; INSERT INTO main.people SELECT 3, 'Cy', count(*) FROM people";
    bench.steps(&format!(
        "{}{}",
        sql(text),
        step("rename_column", &[("table", "people"), ("from", "city"), ("to", "town")])
    ));
    bench.up();
    assert_eq!(bench.ask("SELECT group_concat(name || town) FROM people"), "AnnOslo,BoRome,Cy0");
}

#[test]
fn temporary_views_triggers_and_full_text_tables_help_and_go() {
    let bench = Bench::new(PEOPLE);
    let text = "CREATE TEMP VIEW loud AS SELECT id, upper(name) AS name FROM people;
         CREATE TEMP TRIGGER follow AFTER UPDATE OF name ON people
         BEGIN UPDATE people SET city = 'moved' WHERE id = new.id; END;
         CREATE VIRTUAL TABLE temp.words USING fts5(w);
         INSERT INTO words SELECT name FROM people;
         UPDATE people SET name = (SELECT name FROM loud WHERE loud.id = people.id)
         WHERE id IN (SELECT rowid FROM words WHERE words MATCH 'ann');";
    let more = "UPDATE people SET name = 'Bob' WHERE id = 2";
    bench.steps(&format!("{}{}", sql(text), step("sql", &[("sql", more)])));
    bench.up();
    assert_eq!(
        bench.ask("SELECT group_concat(name || ' ' || city) FROM people"),
        "ANN moved,Bob Rome"
    );
}

#[test]
fn no_phase_writes_the_version_tables() {
    for (text, table) in [
        ("UPDATE schema_version SET version = 9", "schema_version"),
        ("DELETE FROM Phase_History", "phase_history"),
        ("INSERT OR REPLACE INTO schema_version(version) VALUES (7)", "schema_version"),
        (
            "INSERT INTO main.schema_version(version) VALUES (1) ON CONFLICT(version) DO UPDATE SET version = 8",
            "schema_version",
        ),
        ("DROP TABLE schema_version", "schema_version"),
        ("ALTER TABLE phase_history ADD COLUMN x", "phase_history"),
        ("ALTER TABLE schema_version RENAME TO away", "schema_version"),
        (
            "CREATE TRIGGER g AFTER INSERT ON schema_version BEGIN DELETE FROM people; END",
            "schema_version",
        ),
        (
            "CREATE TEMP TRIGGER g AFTER INSERT ON people BEGIN DELETE FROM schema_version; END;
             INSERT INTO people VALUES (9, 'x', 'y')",
            "schema_version",
        ),
        (
            "WITH n AS (SELECT 5 AS v) UPDATE schema_version SET version = (SELECT v FROM n)",
            "schema_version",
        ),
    ] {
        let bench = Bench::new(PEOPLE);
        bench.phase("a", &step("create_table", &[("sql", "CREATE TABLE q(a)")]));
        bench.up();
        bench.phase("b", &sql(text));
        let error = bench.refused(ErrorKind::PhaseFile, "the version table");
        assert!(error.to_string().to_lowercase().contains(table), "{error}");
    }
}

#[test]
fn no_step_changes_the_version_tables() {
    for text in [
        step("drop_table", &[("table", "schema_version")]),
        step("rename_table", &[("from", "schema_version"), ("to", "x")]),
        step("add_column", &[("table", "phase_history"), ("column", "x TEXT")]),
        step("rename_column", &[("table", "schema_version"), ("from", "description"), ("to", "d")]),
        step("create_index", &[("sql", "CREATE UNIQUE INDEX i ON schema_version(description)")]),
        step(
            "create_trigger",
            &[("sql", "CREATE TRIGGER g AFTER INSERT ON schema_version BEGIN SELECT 1; END")],
        ),
        step(
            "create_trigger",
            &[("sql", "CREATE TRIGGER g AFTER INSERT ON q BEGIN DELETE FROM schema_version; END")],
        ),
    ] {
        let bench = Bench::new(PEOPLE);
        bench.phase("a", &step("create_table", &[("sql", "CREATE TABLE q(a)")]));
        bench.up();
        bench.phase("b", &text);
        bench.refused(ErrorKind::PhaseFile, "version table");
    }
}

#[test]
fn a_table_does_not_become_the_version_table_with_rows_of_its_own() {
    for text in [
        sql(
            "CREATE TABLE schema_version AS SELECT 5 AS version, '' AS applied_at, '' AS description",
        ),
        sql("CREATE TABLE x(version INTEGER PRIMARY KEY, applied_at, description);
             INSERT INTO x(version) VALUES (2); ALTER TABLE x RENAME TO schema_version"),
        sql("CREATE TABLE x(version INTEGER PRIMARY KEY, applied_at, description);
             ;/* empty */; ALTER TABLE x RENAME TO schema_version"),
        step("rename_table", &[("from", "people"), ("to", "Schema_Version")]),
    ] {
        let bench = Bench::new(PEOPLE);
        bench.steps(&text);
        bench.refused(ErrorKind::PhaseFile, "version table");
    }
}

#[test]
fn a_trigger_of_the_file_writes_no_version_table_for_a_phase() {
    let bench = Bench::new(PEOPLE);
    bench.phase("a", &step("create_table", &[("sql", "CREATE TABLE q(a)")]));
    bench.up();
    bench.ask("CREATE TRIGGER sly AFTER UPDATE ON people BEGIN UPDATE schema_version SET version = 3; END");
    bench.phase("b", &sql("UPDATE people SET city = 'x'"));
    bench.refused(ErrorKind::PhaseFile, "sly");
}

#[test]
fn a_version_table_of_another_name_is_out_of_reach_and_the_application_s_own_is_not() {
    let project = support::Project::empty();
    let database = project.database();
    support::script(
        &database,
        "CREATE TABLE schema_version(app INTEGER); INSERT INTO schema_version VALUES (1);",
    )
    .unwrap();
    project.write_phase("a.toml", &sql("UPDATE schema_version SET app = 2"));
    let run =
        |project: &support::Project| project.run(&["upgrade", "--version-table", "our_version"]);
    run(&project).expect_code(0);
    let ask = |sql: &str| support::sqlite3(&database, sql);
    assert_eq!(ask("SELECT app FROM schema_version"), "2");
    project.write_phase("b.toml", &sql("UPDATE our_version SET version = 44"));
    run(&project).expect_code(4);
    assert_eq!(ask("SELECT version FROM our_version"), "1");
}

#[test]
fn alter_table_runs_what_it_needs_on_its_own_behalf() {
    for text in [
        "ALTER TABLE people ADD COLUMN age INTEGER DEFAULT 0 CHECK (age >= 0)",
        "ALTER TABLE people ADD COLUMN code TEXT NOT NULL DEFAULT 'none'",
        "ALTER TABLE people ADD COLUMN big INT NOT NULL DEFAULT 3 CHECK (big > 2);
         UPDATE people SET big = id + 10",
        "ALTER TABLE people ADD COLUMN shout TEXT GENERATED ALWAYS AS (upper(name)) CHECK (shout <> '')",
        "ALTER TABLE people ADD COLUMN x; ALTER TABLE people DROP COLUMN city",
    ] {
        let bench = Bench::new(PEOPLE);
        let plain = bench.naive(text);
        bench.steps(&sql(text));
        bench.up();
        for question in
            ["SELECT * FROM people", "SELECT sql FROM sqlite_schema WHERE name = 'people'"]
        {
            assert_eq!(bench.ask(question), plain.ask(question), "{text}");
        }
        assert_eq!(bench.ask("PRAGMA integrity_check"), "ok");
    }
}

#[test]
fn full_text_and_spatial_tables_are_made_in_a_data_step() {
    let bench = Bench::new(PEOPLE);
    bench.steps(&sql(
        "CREATE VIRTUAL TABLE f4 USING fts4(a); CREATE VIRTUAL TABLE f5 USING fts5(a);
         CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)",
    ));
    bench.up();
    assert_eq!(
        bench.ask("SELECT count(*) FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL%'"),
        "3"
    );
}

#[test]
fn an_endless_query_in_the_plan_can_be_interrupted() {
    for text in [
        "CREATE TABLE q AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r",
        "CREATE TEMP TABLE q AS WITH RECURSIVE r(i) AS (VALUES (1) UNION SELECT i + 1 FROM r) SELECT count(*) FROM r",
        "SELECT 1; CREATE TABLE q AS WITH RECURSIVE r(i) AS (SELECT 0 UNION ALL SELECT i FROM r)
         SELECT i FROM r WHERE i > 0",
    ] {
        let bench = Bench::new(PEOPLE);
        bench.steps(&sql(text));
        let interrupt = Interrupt::default();
        let engine =
            bench.engine_with(std::sync::Arc::new(phaseshift::files::RealFiles), interrupt.clone());
        let later = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            interrupt.request();
        });
        let look = phaseshift::migrate::Migration::prepare(&engine, &up_to("head"));
        later.join().unwrap();
        assert_eq!(look.unwrap_err().kind(), ErrorKind::Interrupted);
    }
}

/// SQLite looks at a request to stop after a thousand steps, which no short statement takes.
#[test]
fn short_statements_can_be_interrupted() {
    let connection = Connection::open_in_memory().unwrap();
    let run = |sql: &str| run_authorized(&connection, &Authorizer::default(), sql, Purpose::Run);
    let interrupt = Interrupt::default();
    interrupt.make_current();
    run("SELECT 1; SELECT 2").unwrap();
    interrupt.request();
    let error = run("SELECT 1; SELECT 2").unwrap_err();
    Interrupt::default().make_current();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

/// A phase of these steps is refused before the backup, and names something.
#[track_caller]
fn refused(database: &str, kind: ErrorKind, steps: &str, names: &str) {
    let bench = Bench::new(database);
    bench.steps(steps);
    bench.refused(kind, names);
}

#[test]
fn a_string_in_double_quotes_is_refused_in_a_data_step() {
    for (text, names) in [
        ("UPDATE people SET city = \"frist\"", "frist"),
        (
            "SELECT 1;\nINSERT INTO people(id, name)\n VALUES (3, \"Cy\")",
            "line 3: a string in double quotes",
        ),
        ("DELETE FROM people WHERE name = \"Ann\" OR name = 'Bo'", "Ann"),
        ("CREATE TABLE q(a); INSERT INTO q SELECT \"naem\" FROM people", "naem"),
        (
            "CREATE TEMP TABLE q AS SELECT \"nmae\" AS n FROM people; INSERT INTO people(name) SELECT n FROM q",
            "nmae",
        ),
    ] {
        refused(PEOPLE, ErrorKind::PhaseFile, &sql(text), names);
    }
}

#[test]
fn a_string_in_double_quotes_is_refused_in_new_objects() {
    for text in [
        step("create_index", &[("sql", "CREATE INDEX i ON people(\"nmae\")")]),
        step("create_index", &[("sql", "CREATE INDEX i ON people(name) WHERE city <> \"nmae\"")]),
        step("create_view", &[("sql", "CREATE VIEW v AS SELECT id, \"nmae\" AS n FROM people")]),
        step(
            "create_trigger",
            &[(
                "sql",
                "CREATE TRIGGER g AFTER INSERT ON people BEGIN UPDATE people SET city = \"nmae\"; END",
            )],
        ),
        step(
            "create_trigger",
            &[(
                "sql",
                "CREATE TRIGGER g AFTER INSERT ON people WHEN new.name = \"nmae\" BEGIN SELECT 1; END",
            )],
        ),
        step("create_table", &[("sql", "CREATE TABLE q(a CHECK (a <> \"nmae\"))")]),
        step("create_table", &[("sql", "CREATE TABLE q(a, b AS (a || \"nmae\"))")]),
        step("add_column", &[("table", "people"), ("column", "n TEXT CHECK (n <> \"nmae\")")]),
        step("add_constraint", &[("table", "people"), ("sql", "CHECK (city <> \"nmae\")")]),
        sql("CREATE VIEW v AS SELECT \"nmae\" AS n FROM people"),
        sql("CREATE TRIGGER g AFTER INSERT ON people BEGIN SELECT \"nmae\"; END"),
    ] {
        refused(PEOPLE, ErrorKind::PhaseFile, &text, "nmae");
    }
}

#[test]
fn a_string_in_double_quotes_is_refused_in_values() {
    for text in [
        step("add_column", &[("table", "people"), ("column", "n TEXT"), ("value", "\"nmae\"")]),
        step(
            "alter_column",
            &[("table", "people"), ("column", "city"), ("value", "coalesce(city, \"nmae\")")],
        ),
        format!(
            "{}\n[up.values]\nname = 'name || \"nmae\"'\n",
            step(
                "rebuild",
                &[
                    ("table", "people"),
                    ("sql", "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
                ],
            )
        ),
    ] {
        refused(PEOPLE, ErrorKind::PhaseFile, &text, "nmae");
    }
}

#[test]
fn a_string_in_double_quotes_is_refused_in_checks() {
    for (key, text) in [
        ("verify", "SELECT 1 FROM people WHERE \"nmae\" IS NULL"),
        ("require", "SELECT 1 FROM people WHERE \"nmae\" IS NULL"),
        ("verify", "SELECT count(*) FROM people GROUP BY \"nmae\" HAVING 0"),
    ] {
        let check = format!("[[{key}]]\nname = 'c'\nexpect = 'no rows'\nsql = {}\n", toml(text));
        let steps = format!("{}{check}", step("create_table", &[("sql", "CREATE TABLE q(a)")]));
        refused(PEOPLE, ErrorKind::PhaseFile, &steps, "nmae");
    }
}

#[test]
fn names_in_double_quotes_and_old_strings_keep_their_meaning() {
    let bench = Bench::new(
        "CREATE TABLE \"odd table\"(\"the id\" INTEGER PRIMARY KEY, kind TEXT CHECK (kind IN (\"a\", \"b\")),
             note TEXT DEFAULT \"none\");
         CREATE VIEW old AS SELECT \"the id\" AS i, \"text\" AS t FROM \"odd table\";
         CREATE TABLE log(what TEXT);
         CREATE TRIGGER g AFTER INSERT ON \"odd table\" BEGIN INSERT INTO log VALUES (\"inserted\"); END;
         INSERT INTO \"odd table\"(kind) VALUES ('a');",
    );
    let check =
        "SELECT count(*) FROM \"odd table\" AS \"o\" JOIN \"old\" ON \"o\".\"the id\" = \"i\"
         WHERE \"old\".\"t\" = 'text'";
    let verify = format!("[[verify]]\nname = 'v'\nexpect = 2\nsql = {}\n", toml(check));
    bench.steps(&format!(
        "{}{}{}{}{verify}",
        sql("INSERT INTO \"odd table\"(\"kind\") SELECT \"kind\" FROM \"odd table\" AS \"x\" WHERE \"x\".\"the id\" = 1"),
        step("create_view", &[("sql", "CREATE VIEW \"v\" AS SELECT \"t\" AS \"the text\" FROM \"old\"")]),
        step("create_table", &[("sql", "CREATE TABLE q(a TEXT DEFAULT \"none\", \"b\" INT CHECK (\"b\" > 0))")]),
        step("add_column", &[("table", "odd table"), ("column", "more TEXT"), ("value", "\"kind\" || 'x'")]),
    ));
    bench.up();
    assert_eq!(bench.ask("SELECT group_concat(what) FROM log"), "inserted,inserted");
    assert_eq!(bench.ask("SELECT group_concat(kind || more) FROM \"odd table\""), "aax,aax");
    assert_eq!(bench.ask("SELECT DISTINCT \"the text\" FROM v"), "text");
}

#[test]
fn a_dropped_view_with_an_old_string_comes_back_on_the_way_down() {
    let bench =
        Bench::new(&format!("{PEOPLE} CREATE VIEW old AS SELECT id, \"text\" AS t FROM people;"));
    bench.steps("[[up]]\nop = \"drop_view\"\nview = \"old\"\n");
    bench.up();
    bench.down();
    assert_eq!(bench.ask("SELECT DISTINCT t FROM old"), "text");
}

#[test]
fn a_check_that_cannot_run_is_found_before_the_backup() {
    for (key, text, names) in [
        ("verify", "SELECT 1 FROM people WHERE nosuch IS NULL", "nosuch"),
        ("verify", "SELECT 1 FROM q WHERE a IS slugify(a)", "slugify"),
        ("verify", "DELETE FROM people", "not a query"),
        ("verify", "PRAGMA journal_mode = WAL", "journal_mode"),
        ("require", "SELECT 1 FROM q", "no such table: q"),
        ("require", "SELEC 1", "SELEC"),
    ] {
        let check = format!("[[{key}]]\nname = 'c'\nexpect = 'no rows'\nsql = {}\n", toml(text));
        let steps = format!("{}{check}", step("create_table", &[("sql", "CREATE TABLE q(a)")]));
        refused(PEOPLE, ErrorKind::PhaseFile, &steps, names);
    }
    let two =
        "[[verify]]\nname = 'c'\nexpect = 'no rows'\nsql = '''SELECT 1\nWHERE 0;\nSELECT 2'''\n";
    refused_when_loading(two, "change.toml:6: `sql`: a second statement begins");
}

#[test]
fn a_check_of_a_later_phase_is_compiled_before_the_run() {
    let bench = Bench::new(PEOPLE);
    bench.phase(
        "a",
        &step("rename_column", &[("table", "people"), ("from", "city"), ("to", "town")]),
    );
    let check = "[[require]]\nname = 'c'\nexpect = 'no rows'\nsql = 'SELECT 1 FROM people WHERE city = 1'\n";
    bench.phase("b", &format!("{}{check}", step("create_table", &[("sql", "CREATE TABLE q(a)")])));
    bench.refused(ErrorKind::PhaseFile, "no such column: city");
}

#[test]
fn checks_may_read_what_sqlite_and_the_program_keep() {
    let bench = Bench::new(&format!("{PEOPLE} CREATE INDEX i ON people(name); ANALYZE;"));
    let check = |sql: &str, expect: i64| {
        format!("[[verify]]\nname = 'c'\nexpect = {expect}\nsql = {}\n", toml(sql))
    };
    bench.steps(&format!(
        "{}{}{}{}{}",
        step("create_table", &[("sql", "CREATE TABLE q(a INTEGER PRIMARY KEY AUTOINCREMENT)")]),
        check("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'people'", 1),
        check("SELECT max(version) FROM schema_version", 1),
        check("SELECT count(*) FROM pragma_table_info('q')", 1),
        check("SELECT count(*) FROM sqlite_sequence", 0),
    ));
    bench.up();
}

#[test]
fn an_unknown_function_of_any_phase_is_found_before_the_backup() {
    for (text, names) in [
        ("UPDATE people SET name = slugify(name)", "slugify"),
        (
            "INSERT INTO people(name) SELECT name FROM people ORDER BY name COLLATE unicase",
            "unicase",
        ),
        ("CREATE TABLE s AS SELECT slugify(name) AS n FROM people", "slugify"),
    ] {
        let bench = Bench::new(PEOPLE);
        bench.phase("a", &step("create_table", &[("sql", "CREATE TABLE q(a)")]));
        bench.phase("b", &sql(text));
        bench.refused(ErrorKind::Step, names);
    }
}

#[test]
fn a_function_that_only_the_schema_uses_is_not_there_for_a_data_step() {
    let bench = Bench::from_python(
        "c = sqlite3.connect(path)
c.create_function('slugify', 1, lambda it: it.lower(), deterministic=True)
c.executescript('''CREATE TABLE t(a TEXT, b TEXT); CREATE INDEX i ON t(slugify(a));
CREATE TABLE free(x); INSERT INTO free VALUES ('A'); INSERT INTO t VALUES ('X', 'Y');''')",
    );
    bench.phase("a", &sql("UPDATE free SET x = 'b'"));
    bench.up();
    bench.phase("b", &sql("UPDATE free SET x = slugify(x)"));
    bench.refused(ErrorKind::Step, "slugify");
    bench.phase("b", &sql("INSERT INTO t VALUES ('p', 'q')"));
    bench.refused(ErrorKind::Step, "slugify");
}

#[test]
fn a_value_of_a_later_phase_is_compiled_before_the_run() {
    for text in [
        step("add_column", &[("table", "q"), ("column", "b"), ("value", "slugify(a)")]),
        step("alter_column", &[("table", "q"), ("column", "a"), ("value", "slugify(a)")]),
        step(
            "add_column",
            &[("table", "q"), ("column", "b"), ("value", "(SELECT slugify(name) FROM people)")],
        ),
    ] {
        let bench = Bench::new(PEOPLE);
        bench.phase("a", &step("create_table", &[("sql", "CREATE TABLE q(a)")]));
        bench.phase("b", &format!("{}{text}", sql("INSERT INTO q VALUES (1)")));
        bench.refused(ErrorKind::MissingExtension, "slugify");
    }
}

#[test]
fn a_stored_text_with_a_second_statement_reaches_nothing() {
    for (entry, name) in [
        (
            "CREATE VIEW seen AS SELECT name FROM people; ATTACH '{}' AS e; DELETE FROM e.people",
            "seen",
        ),
        ("CREATE INDEX by_name ON people(name); VACUUM INTO '{}'", "by_name"),
        ("CREATE TRIGGER g AFTER INSERT ON people BEGIN SELECT 1; END; DELETE FROM people", "g"),
    ] {
        let bench = Bench::new(&format!(
            "{PEOPLE} CREATE VIEW seen AS SELECT name FROM people; CREATE INDEX by_name ON people(name);
             CREATE TRIGGER g AFTER INSERT ON people BEGIN SELECT 1; END;"
        ));
        let other = bench.project().aside("other.db");
        std::fs::copy(bench.database(), &other).unwrap();
        let before = std::fs::read(&other).unwrap();
        let text = entry.replace("{}", other.to_str().unwrap());
        let program = format!(
            "c = sqlite3.connect(path)\nc.execute('PRAGMA writable_schema = ON')\n\
             c.execute('UPDATE sqlite_schema SET sql = ? WHERE name = ?', ({}, {}))\nc.commit()",
            toml(&text),
            toml(name)
        );
        support::python(&bench.database(), &program);
        assert_eq!(
            bench.ask(&format!("SELECT sql FROM sqlite_schema WHERE name = '{name}'")),
            text
        );
        bench.steps(&step(
            "rename_column",
            &[("table", "people"), ("from", "city"), ("to", "town")],
        ));
        let error = bench.run(&up_to("head")).expect_err("a refusal");
        assert_eq!(error.state(), phaseshift::DatabaseState::Unchanged, "{error}");
        assert_eq!(std::fs::read(&other).unwrap(), before, "another file was written");
        assert_eq!(bench.ask("SELECT count(*) FROM people"), "2");
    }
}

#[test]
fn a_check_that_verify_asks_is_under_the_authorizer_too() {
    let bench = Bench::new(PEOPLE);
    let phase = |check: &str| {
        format!(
            "[[up]]\nop = \"rename_column\"\ntable = \"people\"\nfrom = \"city\"\nto = \"town\"\n\n\
             [[verify]]\nname = \"c\"\nsql = {}\nexpect = \"rows\"\n",
            toml(check)
        )
    };
    bench.steps(&phase("SELECT 1"));
    bench.run(&up_to("head")).unwrap();
    bench.steps(&phase("PRAGMA locking_mode = EXCLUSIVE"));
    let depth = phaseshift::database::Depth::Quick;
    let verified = phaseshift::inspect::verify(&bench.engine(), None, None, depth);
    let error = verified.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Step, "{error}");
    assert!(error.to_string().contains("PRAGMA locking_mode is not allowed"), "{error}");
}
