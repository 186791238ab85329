//! Double quotes: where no column has such a name, SQLite takes the word for a string and says nothing.

use phaseshift::ErrorKind;

use support::Bench;

const TABLE: &str = "CREATE TABLE shot(id INTEGER PRIMARY KEY, object TEXT, filter TEXT);
    INSERT INTO shot VALUES (1, 'M31', 'Ha'), (2, 'M33', 'OIII');
    CREATE TABLE log(line TEXT);";

const DROP: &str = "[[up]]\nop = \"drop_column\"\ntable = \"shot\"\ncolumn = \"filter\"\n";

/// What a create-copy-swap by hand does to the table.
const BY_HAND: &str = "BEGIN; CREATE TABLE n(id INTEGER PRIMARY KEY, object TEXT);
    INSERT INTO n SELECT id, object FROM shot;
    DROP TABLE shot; ALTER TABLE n RENAME TO shot; COMMIT;";

fn bench(object: &str) -> Bench {
    let bench = Bench::new(&format!("{TABLE} {object};"));
    bench.steps(DROP);
    bench
}

#[test]
fn a_view_on_a_dropped_column_hands_out_its_name() {
    let bench = bench(r#"CREATE VIEW seen AS SELECT "object", "filter" FROM shot"#);
    let naive = bench.naive(&format!(
        "PRAGMA legacy_alter_table = ON;\n.dbconfig dqs_dml on\n.dbconfig dqs_ddl on\n{BY_HAND}"
    ));
    let read = rusqlite::Connection::open(&naive.path).unwrap();
    let handed: String = read
        .query_row(r#"SELECT "filter" FROM seen WHERE object = 'M31'"#, [], |row| row.get(0))
        .unwrap();
    assert_eq!(handed, "filter", "the value was Ha");

    bench.refused(ErrorKind::Step, "view seen");
}

#[test]
fn an_index_on_a_dropped_column_becomes_one_on_a_constant() {
    for index in [
        r#"CREATE INDEX by_filter ON shot("object", "filter")"#,
        r#"CREATE INDEX by_filter ON shot(object) WHERE "filter" = 'Ha'"#,
        r#"CREATE UNIQUE INDEX by_filter ON shot("filter")"#,
        r#"CREATE INDEX by_filter ON shot(lower("filter"))"#,
    ] {
        let error = bench(index).refused(ErrorKind::Step, "by_filter");
        assert_eq!(error.facts().object.as_deref(), Some("by_filter"), "{index}");
    }
}

#[test]
fn a_trigger_on_a_dropped_column_writes_its_name() {
    bench(
        r#"CREATE TRIGGER noted AFTER INSERT ON shot
           BEGIN INSERT INTO log SELECT "filter" FROM shot; END"#,
    )
    .refused(ErrorKind::Step, "trigger noted");
}

#[test]
fn a_trigger_on_the_update_of_a_dropped_column_never_fires_again() {
    bench(
        "CREATE TRIGGER noted AFTER UPDATE OF filter ON shot
         BEGIN INSERT INTO log VALUES ('changed'); END",
    )
    .refused(ErrorKind::Step, "trigger noted");
}

#[test]
fn a_check_on_a_dropped_column_checks_a_constant() {
    let bench = Bench::new(
        r#"CREATE TABLE shot(id INTEGER PRIMARY KEY, object, filter, CHECK ("filter" <> 'none'))"#,
    );
    bench.steps(DROP);
    bench.refused(ErrorKind::Step, "shot");
}

#[test]
fn a_view_on_a_view_on_a_dropped_column_hands_out_its_name() {
    bench(
        r#"CREATE VIEW every AS SELECT * FROM shot;
           CREATE VIEW seen AS SELECT "filter" FROM every"#,
    )
    .refused(ErrorKind::Step, "view seen");
}

#[test]
fn a_string_in_double_quotes_becomes_a_new_column() {
    let bench = Bench::new(&format!(
        "{TABLE}\n.dbconfig dqs_ddl on\n.dbconfig dqs_dml on
         CREATE VIEW seen AS SELECT object, \"note\" AS kind FROM shot;"
    ));
    bench.steps("[[up]]\nop = \"add_column\"\ntable = \"shot\"\ncolumn = \"note TEXT\"\n");
    bench.refused(ErrorKind::Step, "view seen");
}

#[test]
fn words_in_double_quotes_that_mean_the_same_as_before_are_no_obstacle() {
    for object in [
        // A string before and after.
        r#"CREATE VIEW seen AS SELECT "filter" FROM log"#,
        r#"CREATE VIEW seen AS SELECT line, "other", "words" FROM log"#,
        // A name of something else.
        r#"CREATE VIEW seen AS SELECT line AS "filter" FROM log"#,
        r#"CREATE VIEW seen AS SELECT s."object" FROM shot s"#,
        // SQLite reads a default in quotes as a string in any case.
        r#"CREATE TABLE more(id INTEGER PRIMARY KEY, x DEFAULT "filter")"#,
    ] {
        let bench = bench(&format!("\n.dbconfig dqs_ddl on\n.dbconfig dqs_dml on\n{object}"));
        bench.up();
        assert_eq!(bench.ask("SELECT count(*) FROM pragma_table_info('shot')"), "2", "{object}");
        let text = "SELECT sql FROM sqlite_schema WHERE name IN ('seen', 'more')";
        assert_eq!(bench.ask(text), bench.ask_before(text));
    }
}

#[test]
fn a_renamed_column_is_followed_among_strings() {
    let bench = Bench::new(&format!(
        "{TABLE}\n.dbconfig dqs_ddl on\n.dbconfig dqs_dml on
         CREATE VIEW seen AS SELECT \"filter\", \"a string\" AS kind FROM shot;"
    ));
    bench.steps(
        "[[up]]\nop = \"rename_column\"\ntable = \"shot\"\nfrom = \"filter\"\nto = \"band\"\n",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT filter || kind FROM seen LIMIT 1"), "Haa string");
}
