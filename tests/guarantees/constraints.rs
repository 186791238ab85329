//! Constraints that a rebuild leaves out and columns that become generated are named.

use phaseshift::ErrorKind;

use support::{Bench, Output, script, toml, try_sqlite3};

/// A phase that gives a table a new definition.
fn rebuild(table: &str, sql: &str) -> String {
    format!("[[up]]\nop = \"rebuild\"\ntable = {}\nsql = {}\n", toml(table), toml(sql))
}

/// What the commands say before a run, and after it.
fn said(bench: &Bench) -> [(&'static str, Output); 4] {
    let project = bench.project();
    [
        ("plan", project.run(&["plan"]).expect_code(0)),
        ("lint", project.run(&["lint"])),
        ("dry run", project.run(&["migrate", "--dry-run"]).expect_code(0)),
        ("upgrade", project.run(&["upgrade"]).expect_code(0)),
    ]
}

/// Expects that every command names these rules.
#[track_caller]
fn named(bench: &Bench, rules: &[&str]) {
    for (command, output) in said(bench) {
        for rule in rules {
            assert!(
                output.stdout.contains(rule),
                "{command} does not name {rule}:\n{}",
                output.stdout
            );
        }
    }
}

#[test]
fn every_rule_that_a_rebuild_leaves_out_is_named() {
    let bench = Bench::new(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1);
         CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT NOT NULL COLLATE NOCASE UNIQUE,
            k INTEGER DEFAULT 5 REFERENCES p(id) ON DELETE CASCADE, b TEXT, CHECK (k > 0), UNIQUE (a, b)) STRICT;
         INSERT INTO t VALUES(1,'a',1,'x'),(40,'b',1,'y'); DELETE FROM t WHERE id = 40;",
    );
    bench.steps(&rebuild("t", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, k INTEGER, b TEXT)"));
    named(
        &bench,
        &[
            "NOT NULL of a",
            "COLLATE NOCASE of a",
            "UNIQUE (a)",
            "UNIQUE (a, b)",
            "DEFAULT 5 of k",
            "FOREIGN KEY (k) REFERENCES p",
            "ON DELETE CASCADE of (k)",
            "CHECK (k > 0)",
            "AUTOINCREMENT with its counter",
            "STRICT",
        ],
    );
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_sequence WHERE name = 't'"), "0");
}

#[test]
fn the_counter_that_goes_is_not_said_to_be_kept() {
    let bench = Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES(40); DELETE FROM t;
         CREATE TABLE u(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO u VALUES(7, 1);",
    );
    let text = rebuild("t", "CREATE TABLE t(id INTEGER PRIMARY KEY)")
        + "[[up]]\nop = \"rename_column\"\ntable = \"u\"\nfrom = \"x\"\nto = \"y\"\n";
    bench.steps(&text);
    let up = bench.project().run(&["upgrade", "-v"]).expect_code(0).stdout;
    assert!(up.contains("1 AUTOINCREMENT counter is kept; gone with AUTOINCREMENT: t"), "{up}");
    assert_eq!(bench.ask("SELECT * FROM sqlite_sequence"), "u|7");
}

#[test]
fn rules_are_followed_through_renames_of_tables_and_columns() {
    let bench = Bench::new(
        "CREATE TABLE parent(code TEXT PRIMARY KEY); INSERT INTO parent VALUES('c');
         CREATE TABLE child(n INTEGER CHECK (n > 0), c TEXT NOT NULL DEFAULT 'c'
            REFERENCES parent(code) ON UPDATE SET NULL, UNIQUE (c, n DESC));
         INSERT INTO child VALUES(1, 'c');",
    );
    let rename = |table: &str, from: &str, to: &str| {
        format!(
            "[[up]]\nop = \"rename_column\"\ntable = \"{table}\"\nfrom = \"{from}\"\nto = \"{to}\"\n"
        )
    };
    let tables = "[[up]]\nop = \"rename_table\"\nfrom = \"parent\"\nto = \"codes\"\n
        [[up]]\nop = \"rename_table\"\nfrom = \"child\"\nto = \"lines\"\n";
    bench.steps(&format!(
        "{tables}{}{}",
        rename("lines", "n", "number"),
        rename("codes", "code", "id")
    ));
    for (command, output) in said(&bench) {
        for wrong in ["leaves out", "adds", "no longer has", "definition changed"] {
            assert!(!output.stdout.contains(wrong), "{command} says {wrong}:\n{}", output.stdout);
        }
    }
}

#[test]
fn a_way_of_storing_and_a_primary_key_that_go_are_named_and_what_comes_too() {
    let bench = Bench::new(
        "CREATE TABLE kv(k TEXT, n INTEGER, v, PRIMARY KEY (k, n)) WITHOUT ROWID;
         INSERT INTO kv VALUES('a', 1, x'00'), ('a', 2, NULL);",
    );
    let sql = "CREATE TABLE kv(k TEXT, n INTEGER UNIQUE, v, CHECK (n < 10))";
    bench.steps(&rebuild("kv", sql));
    named(&bench, &["PRIMARY KEY (k, n)", "WITHOUT ROWID"]);
    let plan = Bench::new("CREATE TABLE kv(n INTEGER); INSERT INTO kv VALUES(1);");
    plan.steps(&rebuild("kv", "CREATE TABLE kv(n INTEGER UNIQUE, CHECK (n < 10))"));
    let said = plan.project().run(&["plan"]).stdout;
    assert!(said.contains("adds UNIQUE (n)") && said.contains("adds CHECK (n < 10)"), "{said}");
    plan.up();
    // The way back leaves them out again, and says so.
    let down = plan.project().run(&["plan", "--down"]).stdout;
    assert!(down.contains("leaves out UNIQUE (n)"), "{down}");
    plan.down();
    try_sqlite3(&plan.database(), "INSERT INTO kv VALUES(1), (99)").unwrap();
}

#[test]
fn a_unique_index_in_the_place_of_a_constraint_is_as_good() {
    let bench = Bench::new("CREATE TABLE t(a TEXT UNIQUE, b); INSERT INTO t VALUES('x', 1);");
    let index = "[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX t_a ON t(a)\"\n";
    bench.steps(&(rebuild("t", "CREATE TABLE t(a TEXT, b)") + index));
    let lint = bench.project().run(&["lint"]).stdout;
    assert!(!lint.contains("lost-rule"), "{lint}");
    bench.up();
    try_sqlite3(&bench.database(), "INSERT INTO t VALUES('x', 2)").unwrap_err();
}

#[test]
fn a_table_made_anew_by_statements_says_which_rules_it_lost() {
    let bench = Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL CHECK (a <> '')); INSERT INTO t VALUES(1, 'x');",
    );
    let sql = "CREATE TABLE n(id INTEGER PRIMARY KEY, a TEXT); INSERT INTO n SELECT * FROM t; DROP TABLE t;
        ALTER TABLE n RENAME TO t";
    bench.steps(&format!("[[up]]\nop = \"sql\"\nsql = {}\n", toml(sql)));
    named(&bench, &["t no longer has NOT NULL of a", "t no longer has CHECK (a <> '')"]);
}

/// Stored totals, one of which is not what would be computed.
const LINES: &str =
    "CREATE TABLE line(id INTEGER PRIMARY KEY, price INTEGER, qty INTEGER, total INTEGER);
    INSERT INTO line VALUES(1,10,2,20),(2,10,3,25),(3,5,NULL,7);";

#[test]
fn stored_values_are_not_replaced_by_computed_ones_unasked() {
    for form in ["STORED", "VIRTUAL"] {
        let bench = Bench::new(LINES);
        let new =
            "id INTEGER PRIMARY KEY, price INTEGER, qty INTEGER, total INTEGER AS (price * qty)";
        bench.steps(&rebuild("line", &format!("CREATE TABLE line({new} {form})")));
        let error = bench.refused(ErrorKind::Loss, "line.total");
        assert!(error.to_string().contains("in 2 rows"), "{error}");
        let project = bench.project();
        let plan = project.run(&["plan"]).expect_code(0).stdout;
        assert!(
            plan.contains("line.total becomes generated, which replaces its values in 2 rows"),
            "{plan}"
        );
        let lint = project.run(&["lint"]).stdout;
        assert!(lint.contains("becomes-generated"), "{lint}");
        project.run(&["migrate", "--yes"]).expect_code(4);
        project.run(&["upgrade", "--accept-loss"]).expect_code(0);
        assert_eq!(bench.ask("SELECT group_concat(ifnull(total, 'NULL')) FROM line"), "20,30,NULL");
    }
}

#[test]
fn values_that_come_out_as_they_were_are_no_loss_and_are_proven() {
    let bench = Bench::new(&format!("{LINES}DELETE FROM line WHERE id > 1;"));
    let new = "id INTEGER PRIMARY KEY, price INTEGER, qty INTEGER, total INTEGER AS (price * qty)";
    bench.steps(&rebuild("line", &format!("CREATE TABLE line({new})")));
    bench.up();
    bench.same_answer("SELECT * FROM line");
    bench.down();
    bench.same_answer("SELECT *, typeof(total) FROM line");
}

#[test]
fn a_value_of_another_class_or_case_counts_as_replaced() {
    let bench = Bench::new(
        "CREATE TABLE t(name TEXT, upper_name TEXT COLLATE NOCASE, n, m);
         INSERT INTO t VALUES('a','A',1,1),('b','b',2,'2'),('c','C',3,3.0);",
    );
    let sql = "CREATE TABLE t(name TEXT, upper_name TEXT COLLATE NOCASE AS (upper(name)), n, m AS (n) STORED)";
    bench.steps(&rebuild("t", sql));
    let error = bench.refused(ErrorKind::Loss, "t.upper_name");
    let all = format!("{error} {:?}", error.facts().problems);
    assert!(
        all.contains("t.upper_name becomes generated, which replaces its values in 1 row"),
        "{all}"
    );
    assert!(all.contains("t.m becomes generated, which replaces its values in 2 rows"), "{all}");
}

#[test]
fn rows_that_an_earlier_step_wrote_cannot_be_counted_and_are_not_replaced_unasked() {
    let bench = Bench::new(LINES);
    bench.phase("a", "[[up]]\nop = \"sql\"\nsql = \"UPDATE line SET total = total + 1\"\n");
    let new = "id INTEGER PRIMARY KEY, price INTEGER, qty INTEGER, total INTEGER AS (price * qty)";
    bench.phase("b", &rebuild("line", &format!("CREATE TABLE line({new})")));
    bench.refused(ErrorKind::Loss, "an unknown number of rows");
}

#[test]
fn a_change_of_a_column_with_a_telling_name_is_not_hidden() {
    let bench = Bench::new("CREATE TABLE t(renamed_at TEXT, x); INSERT INTO t VALUES('a', 1);");
    bench.phase(
        "a",
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"renamed_at\"\nvalue = \"'now'\"\n",
    );
    let add = "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"renamed INTEGER DEFAULT 1\"\nafter = \"renamed_at\"\n";
    bench.phase("b", add);
    let rename = "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"x\"\nto = \"y\"\n";
    let alter = "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"renamed_at\"\ntype = \"BLOB\"\nvalue = \"1\"\n";
    bench.phase("c", &format!("{rename}{alter}"));
    let said = bench.project().run(&["migrate", "--dry-run"]).expect_code(0).stdout;
    for line in [
        "Compute the values of t.renamed_at",
        "Add t.renamed",
        "Change t.renamed_at from TEXT to BLOB",
    ] {
        assert!(said.contains(line), "{line} is missing in\n{said}");
    }
}

#[test]
fn statistics_are_collected_where_the_phase_asks_for_them() {
    for (tables, step) in [
        (
            "CREATE INDEX t_a ON t(a);",
            "op = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"\nafter = \"a\"",
        ),
        (
            "CREATE INDEX t_a ON t(a); ANALYZE;",
            "op = \"rename_column\"\ntable = \"t\"\nfrom = \"b\"\nto = \"c\"",
        ),
        (
            "CREATE INDEX o_x ON other(x); ANALYZE;",
            "op = \"sql\"\nsql = \"INSERT INTO t VALUES(9, 9)\"",
        ),
    ] {
        let bench = Bench::new(&format!(
            "CREATE TABLE t(a INTEGER, b INTEGER); INSERT INTO t VALUES(1,1),(2,1),(3,1);
             CREATE TABLE other(x); INSERT INTO other VALUES(1);{tables}"
        ));
        script(&bench.database(), "INSERT INTO t VALUES(4,1),(5,1)").unwrap();
        bench.phase("a", &format!("stats = \"analyze\"\n[[up]]\n{step}\n"));
        bench.phase("b", "[[up]]\nop = \"rename_table\"\nfrom = \"t\"\nto = \"u\"\n");
        bench.up();
        let naive = bench.naive_copy();
        std::fs::copy(bench.database(), &naive.path).unwrap();
        script(&naive.path, "ANALYZE u").unwrap();
        let query = "SELECT tbl, idx, stat FROM sqlite_stat1 WHERE tbl = 'u' ORDER BY 2";
        assert_eq!(bench.ask(query), naive.ask(query), "{step}");
        assert_ne!(bench.ask(query), "", "{step}");
    }
}
