//! Tables in which only names change stay where they are, and the result is what a rebuild leaves.

use support::sample::{Feature, SampleOptions};
use support::{Bench, Project, explain, up_to};

/// The schema and the statistics, whatever the order in which they were made.
const FINGERPRINT: &str =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'phase_history%' ORDER BY 1, 2;
     SELECT name, seq FROM sqlite_sequence WHERE name <> 'phase_history' ORDER BY 1;
     SELECT * FROM sqlite_stat1 ORDER BY 1, 2;
     PRAGMA integrity_check; PRAGMA foreign_key_check;";

/// Everything that makes a rename hard: counters, statistics, references, triggers, views, automatic
/// indexes, expressions, partial indexes, a table without rowids, generated columns.
const SHOP: &str = "
    CREATE TABLE item(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE UNIQUE,
        size INT DEFAULT 3 CHECK (size > 0), UNIQUE (size, name));
    CREATE TABLE sale(no INT, item INT REFERENCES item(id) ON DELETE CASCADE, note, PRIMARY KEY (no, item)) WITHOUT ROWID;
    CREATE TABLE loose(a, b, c AS (a || b));
    CREATE INDEX by_size ON item(size DESC); CREATE INDEX some ON item(name) WHERE size > 1;
    CREATE UNIQUE INDEX lower_name ON item(lower(name), id); CREATE INDEX of_item ON sale(item);
    CREATE VIEW big AS SELECT name, size * 2 AS twice FROM item WHERE size > 2;
    CREATE TRIGGER sold AFTER INSERT ON sale BEGIN UPDATE item SET size = size + 1 WHERE id = new.item; END;
    CREATE TRIGGER grown AFTER UPDATE OF size ON item BEGIN INSERT INTO loose(a, b) VALUES (new.id, new.name); END;
    INSERT INTO item(id, name, size) VALUES (1, 'a', 2), (900, 'b', 5), (7, 'c', 9);
    DELETE FROM item WHERE id = 900;
    INSERT INTO sale VALUES (1, 7, 'x'), (2, 1, NULL); ANALYZE;";

/// Migrates copies of one database both ways, and compares what they leave.
#[track_caller]
fn both_ways(bench: &Bench, phases: &[(&str, &str)], stay: usize) {
    let other = Bench::copy_of(bench.before());
    for (id, text) in phases {
        bench.phase(id, text);
        other.phase(id, &format!("strategy = \"auto\"\n{text}"));
    }
    let staying = other.plan().plan().rebuilds().filter(|it| it.in_place()).count();
    let ways: Vec<_> =
        other.plan().plan().rebuilds().map(|it| (it.to.clone(), it.reasons.clone())).collect();
    assert_eq!(staying, stay, "{ways:?}");
    assert!(bench.plan().plan().rebuilds().all(|it| !it.in_place()), "the default is a rebuild");
    bench.up();
    other.up();
    compare(bench, &other);
    for it in [bench, &other] {
        it.down();
    }
    compare(bench, &other);
    assert_eq!(other.ask(FINGERPRINT), bench.ask(FINGERPRINT));
}

#[track_caller]
fn compare(rebuilt: &Bench, stayed: &Bench) {
    assert_eq!(rebuilt.ask(FINGERPRINT), stayed.ask(FINGERPRINT));
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'phase_%'
                  AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'schema_version' ORDER BY name";
    for table in rebuilt.ask(tables).lines() {
        let rows = format!("SELECT * FROM \"{table}\"");
        assert_eq!(rebuilt.ask(&rows), stayed.ask(&rows), "{table}");
        let order = format!("SELECT rowid FROM \"{table}\"");
        if support::script(&rebuilt.database(), &order).is_ok() {
            assert_eq!(rebuilt.ask(&order), stayed.ask(&order), "{table}");
        }
    }
}

fn rename_table(from: &str, to: &str) -> String {
    format!("[[up]]\nop = \"rename_table\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
}

fn rename_column(table: &str, from: &str, to: &str) -> String {
    format!(
        "[[up]]\nop = \"rename_column\"\ntable = \"{table}\"\nfrom = \"{from}\"\nto = \"{to}\"\n"
    )
}

#[test]
fn renames_leave_what_a_rebuild_leaves() {
    let steps = [
        rename_table("item", "thing"),
        rename_column("thing", "name", "title"),
        rename_column("thing", "id", "number"),
        rename_column("sale", "item", "thing"),
        "[[up]]\nop = \"rename_index\"\nfrom = \"by_size\"\nto = \"sorted\"\n".to_owned(),
    ];
    let bench = Bench::new(SHOP);
    both_ways(&bench, &[("a", &steps.concat())], 2);
}

#[test]
fn tables_and_indexes_swap_names() {
    let steps = [
        rename_table("item", "spare"),
        rename_table("loose", "item"),
        rename_table("spare", "loose"),
        "[[up]]\nop = \"rename_index\"\nfrom = \"by_size\"\nto = \"spare\"\n".to_owned(),
        "[[up]]\nop = \"rename_index\"\nfrom = \"of_item\"\nto = \"by_size\"\n".to_owned(),
        "[[up]]\nop = \"rename_index\"\nfrom = \"spare\"\nto = \"of_item\"\n".to_owned(),
    ];
    let text = SHOP
        .replace("CREATE VIEW big AS SELECT name, size * 2 AS twice FROM item WHERE size > 2;", "");
    both_ways(&Bench::new(&text), &[("a", &steps.concat())], 2);
}

#[test]
fn whatever_changes_records_is_rebuilt_in_the_same_phase() {
    let steps = [
        rename_table("item", "thing"),
        rename_column("loose", "a", "first"),
        "[[up]]\nop = \"add_column\"\ntable = \"loose\"\ncolumn = \"more TEXT\"\nafter = \"first\"\n".to_owned(),
        "[[up]]\nop = \"drop_index\"\nindex = \"some\"\n".to_owned(),
        "[[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX fresh ON thing(size, id)\"\n".to_owned(),
    ];
    let bench = Bench::new(SHOP);
    both_ways(&bench, &[("a", &steps.concat()), ("b", &rename_table("thing", "item"))], 4);
}

#[test]
fn an_index_of_another_form_is_not_taken_for_the_old_one() {
    for (what, from, to) in [
        (
            "automatic indexes in another order",
            "a INT, b INT, UNIQUE (a), UNIQUE (b)",
            "a INT, b INT, UNIQUE (b), UNIQUE (a)",
        ),
        ("a counter", "id INTEGER PRIMARY KEY, b", "id INTEGER PRIMARY KEY AUTOINCREMENT, b"),
        ("a rule", "a INT, b INT", "a INT, b INT NOT NULL"),
    ] {
        let bench = Bench::new(&format!(
            "CREATE TABLE t({from}); INSERT INTO t VALUES (1, 9), (2, 8), (3, 7); ANALYZE;
            CREATE TABLE u(x INTEGER PRIMARY KEY AUTOINCREMENT); DELETE FROM u;"
        ));
        let text =
            format!("[[up]]\nop = \"rebuild\"\ntable = \"t\"\nsql = \"CREATE TABLE t({to})\"\n");
        eprintln!("{what}");
        both_ways(&bench, &[("a", &text)], 0);
    }
}

#[test]
fn an_index_that_moves_to_another_table_does_not_stay() {
    let steps = [
        rename_column("item", "size", "length"),
        "[[up]]\nop = \"drop_index\"\nindex = \"by_size\"\n".to_owned(),
        "[[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX by_size ON loose(a)\"\n".to_owned(),
    ];
    let text = SHOP.replace("CREATE TRIGGER", "-- CREATE TRIGGER");
    both_ways(&Bench::new(&text), &[("a", &steps.concat())], 1);
}

#[test]
fn another_program_that_has_the_file_open_sees_the_new_names() {
    let bench = Bench::new("CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    bench.steps(&format!("strategy = \"auto\"\n{}", rename_table("t", "renamed")));
    let open = rusqlite::Connection::open(bench.database()).unwrap();
    open.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)).unwrap();
    bench.up();
    assert_eq!(open.query_row("SELECT a FROM renamed", [], |row| row.get::<_, i64>(0)), Ok(1));
    assert!(open.prepare("SELECT a FROM t").is_err());
}

#[test]
fn phase_3_stays_in_place_and_is_what_sqlite_itself_would_make_of_it() {
    let options = Feature::ALL.into_iter().filter(|it| *it != Feature::Wal).fold(
        SampleOptions { files: 600, links: 90, ..SampleOptions::default() },
        SampleOptions::with,
    );
    let bench = Bench::of(Project::with_catalogue(&options));
    let engine = bench.engine().in_place();
    let request = up_to("phase3");
    let look = phaseshift::migrate::Migration::prepare(&engine, &request).unwrap();
    if let phaseshift::migrate::Preparation::Ready(migration) = &look {
        for rebuild in migration.plan().rebuilds() {
            assert!(rebuild.in_place(), "{}: {:?}", rebuild.to, rebuild.reasons);
        }
    }
    let done =
        phaseshift::migrate::migrate_now(&engine, &request, look, &mut phaseshift::event::Silent);
    done.map_err(|error| explain(&error)).unwrap().report().unwrap();
    support::judge(bench.before(), &bench.database(), &support::phase3_renames()).unwrap();
}
