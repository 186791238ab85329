//! Whole runs: what is planted between the last copy and the proof is found, whatever way it is looked for.

use phaseshift::ErrorKind;
use phaseshift::event::Silent;
use phaseshift::migrate::{Hooks, Migration, Preparation};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::scene::{behind_the_back_of, edit_schema};
use support::{Bench, explain, up_to};

const FILL: &str = "
    WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 500)
    INSERT INTO t(id, a, b) SELECT x, x % 50, 'name ' || x FROM n;
    INSERT INTO u SELECT a, b FROM t;";

/// Kinds of databases: each has a rebuilt table `t(id, a, b)` with an index `i` on `a`, and a table `u` that
/// no phase touches.
const MADE: [(&str, &str); 8] = [
    (
        "rowid",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a)",
    ),
    (
        "without rowid",
        "CREATE TABLE t(id PRIMARY KEY, a, b) WITHOUT ROWID; CREATE TABLE u(x, y); CREATE INDEX i ON t(a)",
    ),
    (
        "utf-16",
        "PRAGMA encoding='UTF-16le'; CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a)",
    ),
    (
        "auto-vacuum",
        "PRAGMA auto_vacuum=FULL; CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a)",
    ),
    (
        "a condition",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a) WHERE a >= 0",
    ),
    (
        "an expression",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a, a + 1)",
    ),
    (
        "small pages",
        "PRAGMA page_size=512; CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a)",
    ),
    (
        "rules",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a CHECK (a >= 0) NOT NULL, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a)",
    ),
];

/// Phases that copy whole records, and that rewrite rows.
const STEPS: [(&str, &str); 3] = [
    ("renamed", "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"b\"\nto = \"c\"\n"),
    (
        "rewritten",
        "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"extra TEXT\"\nafter = \"id\"\n",
    ),
    (
        "under another type",
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"b\"\ntype = \"DATE\"\n",
    ),
];

/// Damage, and whether it is done while SQLite does not know of the index `i`.
const DAMAGES: [(&str, &str, bool); 8] = [
    ("a row that the index lacks", "INSERT INTO t(id, a) VALUES (1000, 3)", true),
    ("an entry without its row", "DELETE FROM t WHERE id = 7", true),
    ("an entry of another value", "UPDATE t SET a = 49 - a WHERE id = 7", true),
    ("a changed row", "UPDATE t SET a = a + 1 WHERE id = 7", false),
    ("a storage class", "UPDATE t SET a = CAST(a AS TEXT) WHERE id = 7", false),
    ("a changed row of another table", "UPDATE u SET y = y || ' ' WHERE rowid = 7", false),
    (
        "a row of another table under another rowid",
        "UPDATE u SET rowid = 1000 WHERE rowid = 7",
        false,
    ),
    ("a row more in another table", "INSERT INTO u VALUES (1, 2)", false),
];

fn bench(made: &str, steps: &str) -> Bench {
    let bench = Bench::new(&format!("{made};{FILL}"));
    bench.steps(steps);
    bench
}

/// Runs the phase with something done between the last copy and the proof.
fn run(bench: &Bench, meddle: &mut dyn FnMut(&Connection)) -> phaseshift::Result<()> {
    let engine = bench.engine();
    let look = Migration::prepare(&engine, &up_to("head")).unwrap();
    let Preparation::Ready(migration) = look else { panic!("nothing to do") };
    let mut meddle = |connection: &Connection| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
        meddle(connection);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).unwrap();
    };
    let mut hooks = Hooks { before_proof: Some(&mut meddle) };
    migration.secure(&mut Silent).unwrap().run(&mut Silent, &mut hooks).map(drop)
}

#[test]
fn nothing_planted_passes_and_everything_planted_is_rolled_back() {
    for (kind, made) in MADE {
        for (way, steps) in STEPS {
            let clean = bench(made, steps);
            run(&clean, &mut |_| {}).map_err(|error| explain(&error)).unwrap();
            for (damage, sql, hidden) in DAMAGES {
                let bench = bench(made, steps);
                let before = std::fs::read(bench.database()).unwrap();
                let mut plant = |connection: &Connection| {
                    if hidden {
                        behind_the_back_of(connection, "i", sql);
                    } else {
                        connection.execute_batch(sql).unwrap();
                    }
                };
                let found = run(&bench, &mut plant);
                let error =
                    found.map(|()| panic!("{kind}, {way}: {damage} was not found")).unwrap_err();
                assert_eq!(
                    error.kind(),
                    ErrorKind::Proof,
                    "{kind}, {way}, {damage}: {}",
                    explain(&error)
                );
                assert!(
                    std::fs::read(bench.database()).unwrap() == before,
                    "{kind}, {way}, {damage}"
                );
            }
        }
    }
}

/// The rows are those of the backup; only the index is wrong.
#[test]
fn an_index_that_does_not_fit_rows_that_are_right_is_found() {
    for (kind, made) in MADE {
        for (way, steps) in STEPS {
            let bench = bench(made, steps);
            let mut plant = |connection: &Connection| {
                connection.execute_batch("UPDATE t SET a = 77 WHERE id = 7").unwrap();
                behind_the_back_of(connection, "i", "UPDATE t SET a = 7 WHERE id = 7");
            };
            let found = run(&bench, &mut plant);
            let error = found.map(|()| panic!("{kind}, {way}: not found")).unwrap_err();
            let problems = &error.facts().problems;
            assert!(
                problems.iter().all(|it| it.starts_with("integrity: ")),
                "{kind}: {problems:?}"
            );
            assert!(!problems.is_empty(), "{kind}, {way}");
        }
    }
}

#[test]
fn what_broke_a_rule_before_is_neither_a_blocker_nor_lost() {
    let made = "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a)";
    for (way, steps) in STEPS {
        let bench = bench(made, steps);
        let connection = Connection::open(bench.database()).unwrap();
        connection.execute_batch("UPDATE t SET a = NULL WHERE id = 9").unwrap();
        let edit = "UPDATE sqlite_schema SET sql = replace(sql, 'a, b', 'a NOT NULL, b')";
        edit_schema(&connection, edit);
        assert!(crate::scene::integrity(&connection)[0].starts_with("NULL value in t.a"));
        connection.close().unwrap();
        run(&bench, &mut |_| {}).map_err(|error| explain(&error)).unwrap();
        let nulls = bench.ask("SELECT id FROM t NOT INDEXED WHERE typeof(a) = 'null'");
        assert_eq!(nulls, "9", "{way}");
    }
}

/// What belongs together stands side by side in both records, and each place counts.
#[test]
fn a_difference_anywhere_in_a_wide_row_is_found() {
    let names: Vec<String> = (0..12).map(|number| format!("c{number}")).collect();
    let list = names.join(", ");
    let value = |number: &str| format!("(x % 7) || 'text of {number}'");
    let values: Vec<String> = names.iter().map(|it| value(it)).collect();
    let made = format!(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, {list});
         WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20)
         INSERT INTO t(id, {list}) SELECT x, {} FROM n",
        values.join(", ")
    );
    let steps = "[[up]]\nop = \"drop_column\"\ntable = \"t\"\ncolumn = \"c3\"\n\
         [[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"extra INT\"\nafter = \"c7\"\nvalue = \"id * 2\"\n\
         [[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"c9\"\ntype = \"DATE\"\n";
    let try_out = |sql: &str| {
        let bench = Bench::new(&made);
        bench.steps(steps);
        run(&bench, &mut |connection| connection.execute_batch(sql).unwrap())
    };
    try_out("").map_err(|error| explain(&error)).unwrap();
    try_out("UPDATE t SET extra = 5 WHERE id = 7").map_err(|error| explain(&error)).unwrap();
    for name in names.iter().filter(|it| *it != "c3") {
        for change in ["replace(@, 'text', 'Text')", "CAST(@ AS BLOB)", "@ || ' '", "NULL"] {
            let sql = format!("UPDATE t SET {name} = {} WHERE id = 7", change.replace('@', name));
            let found = try_out(&sql);
            let error = found.map(|()| panic!("{sql}: not found")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Proof, "{sql}: {}", explain(&error));
        }
    }
}

#[test]
fn a_default_that_changes_does_not_change_old_rows_that_lack_the_column() {
    let made = "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE u(x, y); CREATE INDEX i ON t(a)";
    let bench = Bench::new(&format!("{made};{FILL} ALTER TABLE t ADD COLUMN d DEFAULT 5"));
    bench.steps("[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"d\"\ndefault = \"6\"\n");
    run(&bench, &mut |_| {}).map_err(|error| explain(&error)).unwrap();
    assert_eq!(bench.ask("SELECT count(*), min(d), max(d) FROM t"), "500|5|5");
}
