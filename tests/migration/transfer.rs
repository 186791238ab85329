//! Records and index records that SQLite copies whole: where it does, where it does not, and that
//! either way leaves the same.

use phaseshift::plan::CopyStrategy;
use phaseshift::shadow::{CopyMethod, Transfer, transfer};
use rusqlite::Connection;
use serde_json::json;
use support::sample::{Feature, SampleOptions};
use support::{Bench, Project, sqlite3, up_to};

const ITEM: &str =
    "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INT DEFAULT 3);
    CREATE INDEX by_name ON item(name, size DESC); CREATE INDEX some ON item(size) WHERE size > 1;
    CREATE UNIQUE INDEX lower_name ON item(lower(name));
    INSERT INTO item VALUES (7, 'a', 1), (-3, 'b', NULL), (9223372036854775807, 'c', x'00ff');";

const RENAME: &str =
    "[[up]]\nop = \"rename_column\"\ntable = \"item\"\nfrom = \"name\"\nto = \"title\"\n";

/// How the first rebuilt table is copied: the method, and the indexes that come over.
fn way(bench: &Bench) -> (CopyMethod, Vec<String>) {
    let migration = bench.plan();
    let rebuild = migration.plan().rebuilds().next().expect("a rebuilt table");
    let CopyStrategy::CopyRows { how, carried, .. } = &rebuild.strategy else { panic!("in place") };
    let indexes = match how {
        CopyMethod::Rows => carried.iter().map(|it| it.name.clone()).collect(),
        _ => rebuild.present_indexes().map(|it| it.name.clone()).collect(),
    };
    (*how, indexes)
}

#[test]
fn phase_3_copies_every_record_whole_and_keeps_every_index() {
    let project = Project::with_catalogue(&SampleOptions { files: 50, ..SampleOptions::default() });
    let bench = Bench::of(project);
    let found = bench.look("phase3").unwrap();
    let phaseshift::migrate::Preparation::Ready(migration) = found else { panic!("nothing to do") };
    let ways: Vec<_> = migration
        .plan()
        .rebuilds()
        .map(|it| (it.to.clone(), it.method().expect("a copy"), it.kept().len()))
        .collect();
    let whole = |table: &str, count: usize| (table.to_owned(), CopyMethod::Records, count);
    assert!(ways.contains(&whole("imaging_sessions", 2)), "{ways:?}");
    assert!(ways.contains(&whole("fits_files", 11)), "{ways:?}");
}

#[test]
fn renames_keep_to_the_fast_path_and_leave_what_they_should() {
    let bench = Bench::new(&format!("{ITEM} ANALYZE;"));
    bench.steps(RENAME);
    let (method, indexes) = way(&bench);
    assert_eq!(method, CopyMethod::Records);
    assert_eq!(indexes, ["by_name", "some", "lower_name"]);
    let alter = "ALTER TABLE item RENAME COLUMN name TO title";
    bench.up_judged(
        &json!({"text": "tokens", "columns": {"item": {"name": "title"}}, "alter": [alter]}),
    );
    assert_eq!(
        sqlite3(
            &bench.database(),
            "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema
            WHERE tbl_name = 'item' ORDER BY name); PRAGMA integrity_check;
            SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'item'"
        ),
        "by_name,item,lower_name,some\nok\n3"
    );
}

/// Each of these forbids that records are copied whole, or that those of one index are.
#[test]
fn what_does_not_line_up_is_copied_value_by_value() {
    let step = |text: &str| format!("[[up]]\nop = {text}\n");
    let whole = [
        (
            "a new index",
            step("\"create_index\"\nsql = \"CREATE INDEX extra ON item(size, title)\""),
            3,
        ),
        (
            "another order",
            step(
                "\"drop_index\"\nindex = \"by_name\"\n[[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX by_name ON item(title, size)\"",
            ),
            2,
        ),
        (
            "another condition",
            step(
                "\"drop_index\"\nindex = \"some\"\n[[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX some ON item(size) WHERE size > 2\"",
            ),
            2,
        ),
        (
            "a unique index",
            step(
                "\"drop_index\"\nindex = \"by_name\"\n[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX by_name ON item(title, size DESC)\"",
            ),
            2,
        ),
    ];
    for (what, text, count) in whole {
        let bench = Bench::new(ITEM);
        bench.steps(&format!("{RENAME}{text}"));
        let (method, indexes) = way(&bench);
        assert_eq!((method, indexes.len()), (CopyMethod::Records, count), "{what}: {indexes:?}");
        bench.up();
        assert_eq!(sqlite3(&bench.database(), "PRAGMA integrity_check"), "ok", "{what}");
    }
    let parts = [
        ("a column", step("\"add_column\"\ntable = \"item\"\ncolumn = \"more TEXT\"")),
        ("a column less", step("\"drop_column\"\ntable = \"item\"\ncolumn = \"size\"")),
    ];
    for (what, text) in parts {
        let bench = Bench::new(
            "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, size INT);
            CREATE INDEX by_name ON item(name); INSERT INTO item VALUES (1, 'a', 2)",
        );
        bench.steps(&format!("{RENAME}{text}"));
        let (method, indexes) = way(&bench);
        assert_eq!((method, indexes.len()), (CopyMethod::Rows, 0), "{what}");
        let said = bench.project().run(&["plan", "-v"]).expect_code(0).stdout;
        assert!(said.contains("item: rows rewritten: "), "{what}: {said}");
        bench.up();
    }
}

/// The conditions of `xferOptimization`, one by one, as the file's own SQLite answers them.
#[test]
fn each_condition_that_forbids_a_transfer_is_seen() {
    let old = "CREATE TABLE old(a INTEGER PRIMARY KEY, b TEXT NOT NULL, c INT DEFAULT 3, \
               d INT AS (c + 1), CHECK (c > 0)); CREATE INDEX i ON old(b);";
    let fits = "CREATE TABLE new(x INTEGER PRIMARY KEY, y TEXT NOT NULL, z INT DEFAULT 3, \
                w INT AS (z + 1), CHECK (z > 0)); CREATE INDEX j ON new(y);";
    let answer = |new: &str| {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys=OFF").unwrap();
        connection.execute_batch(old).unwrap();
        connection.execute_batch(new).unwrap();
        transfer(&connection, "new", "old").unwrap()
    };
    assert_eq!(answer(fits), Transfer::KeepsRowids);
    for (what, from, to) in [
        ("affinity", "z INT", "z TEXT"),
        ("collation", "y TEXT", "y TEXT COLLATE NOCASE"),
        ("NOT NULL", "z INT DEFAULT 3", "z INT NOT NULL DEFAULT 3"),
        ("default", "DEFAULT 3", "DEFAULT 4"),
        ("generated", "z + 1", "z + 2"),
        ("CHECK", "z > 0", "z > 1"),
        ("the key", "INTEGER PRIMARY KEY", "INT PRIMARY KEY"),
        ("STRICT", "CHECK (z > 0))", "CHECK (z > 0)) STRICT"),
        ("WITHOUT ROWID", "CHECK (z > 0))", "CHECK (z > 0)) WITHOUT ROWID"),
        ("the index", "ON new(y)", "ON new(z)"),
        ("the order", "ON new(y)", "ON new(y DESC)"),
        ("the condition", "ON new(y)", "ON new(y) WHERE z"),
        ("uniqueness", "CREATE INDEX", "CREATE UNIQUE INDEX"),
    ] {
        let new = fits.replace(from, to);
        assert!(new != fits, "{what}");
        assert_eq!(answer(&new), Transfer::None, "{what}: {new}");
    }
    let bare = Connection::open_in_memory().unwrap();
    bare.execute_batch("CREATE TABLE old(a); CREATE TABLE new(b)").unwrap();
    assert_eq!(transfer(&bare, "new", "old").unwrap(), Transfer::NumbersAnew);
}

#[test]
fn indexes_may_swap_names_and_tables() {
    let bench = Bench::new(
        "CREATE TABLE one(a, b UNIQUE); CREATE TABLE two(c, d UNIQUE); CREATE TABLE gone(e);
         CREATE INDEX first ON one(a); CREATE INDEX second ON two(c); CREATE INDEX third ON gone(e);
         INSERT INTO one VALUES (1, 2), (3, 4); INSERT INTO two VALUES (5, 6); INSERT INTO gone VALUES (7)",
    );
    bench.steps(
        "[[up]]\nop = \"rename_table\"\nfrom = \"one\"\nto = \"swap\"\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"two\"\nto = \"one\"\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"swap\"\nto = \"two\"\n\
         [[up]]\nop = \"rename_index\"\nfrom = \"first\"\nto = \"spare\"\n\
         [[up]]\nop = \"rename_index\"\nfrom = \"second\"\nto = \"first\"\n\
         [[up]]\nop = \"drop_table\"\ntable = \"gone\"\n\
         [[up]]\nop = \"rename_index\"\nfrom = \"spare\"\nto = \"third\"\n",
    );
    bench.run(&up_to("head")).map_err(|error| support::explain(&error)).unwrap();
    let asked = "SELECT group_concat(name || ' ' || tbl_name) FROM (SELECT * FROM sqlite_schema \
                 WHERE type = 'index' AND tbl_name IN ('one', 'two') ORDER BY name);
                 PRAGMA integrity_check; SELECT * FROM two";
    assert_eq!(
        sqlite3(&bench.database(), asked),
        "first one,sqlite_autoindex_one_1 one,sqlite_autoindex_two_1 two,third two\nok\n1|2\n3|4"
    );
}

#[test]
fn a_catalogue_with_everything_is_what_sqlite_itself_would_make_of_it() {
    let options = Feature::ALL.into_iter().filter(|it| *it != Feature::Wal).fold(
        SampleOptions { files: 600, links: 90, ..SampleOptions::default() },
        SampleOptions::with,
    );
    let project = Project::with_catalogue(&options);
    let before = project.copy_database("before.db");
    let bench = Bench::of(project);
    bench.run(&up_to("phase3")).map_err(|error| support::explain(&error)).unwrap();
    support::judge(&before, &bench.database(), &support::phase3_renames()).unwrap();
}
