//! Views, triggers and foreign keys refer to the same tables and columns before and after.

use phaseshift::ErrorKind;

use support::Bench;

fn rename_column(table: &str, from: &str, to: &str) -> String {
    format!(
        "[[up]]\nop = \"rename_column\"\ntable = \"{table}\"\nfrom = \"{from}\"\nto = \"{to}\"\n"
    )
}

fn rename_table(from: &str, to: &str) -> String {
    format!("[[up]]\nop = \"rename_table\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
}

fn add_column(table: &str, column: &str) -> String {
    format!("[[up]]\nop = \"add_column\"\ntable = \"{table}\"\ncolumn = \"{column}\"\n")
}

const SHOP: &str = "
CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT, price INT);
CREATE TABLE part(number INTEGER PRIMARY KEY, code TEXT, weight INT);
CREATE TABLE log(what);
INSERT INTO item VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30);
INSERT INTO part VALUES (1, 'b', 5), (2, 'c', 25), (9, 'x', 7);";

fn shop(more: &str) -> Bench {
    Bench::new(&format!("{SHOP}\n{more};"))
}

fn strategies() -> [&'static str; 2] {
    ["strategy = \"auto\"\n", "strategy = \"rebuild\"\n"]
}

#[test]
fn a_column_of_a_natural_join_is_not_renamed() {
    for view in [
        "SELECT price, weight FROM item NATURAL JOIN part",
        "SELECT i.price FROM item AS i NATURAL LEFT JOIN (SELECT code FROM part) AS p",
        "WITH p AS (SELECT code, weight FROM part) SELECT count(*) AS n FROM item NATURAL JOIN p",
    ] {
        for strategy in strategies() {
            let bench = shop(&format!("CREATE VIEW v AS {view}"));
            bench.steps(&format!("{strategy}{}", rename_column("item", "code", "tag")));
            bench.refused(ErrorKind::Reference, "view v would read other columns");
        }
    }
}

#[test]
fn a_column_that_a_natural_join_would_join_on_is_not_added() {
    let bench = shop("CREATE VIEW v AS SELECT price, weight FROM item NATURAL JOIN part");
    bench.steps(&add_column("part", "price INT DEFAULT 10"));
    bench.refused(ErrorKind::Reference, "part gets the column price");
    let harmless = shop("CREATE VIEW v AS SELECT price, weight FROM item NATURAL JOIN part");
    harmless.steps(&add_column("part", "colour TEXT"));
    harmless.up();
    harmless.same_answer("SELECT * FROM v");
}

#[test]
fn a_natural_join_follows_when_both_columns_are_renamed() {
    let bench = shop("CREATE VIEW v AS SELECT price, weight FROM item NATURAL JOIN part");
    let steps = rename_column("item", "code", "tag") + &rename_column("part", "code", "tag");
    bench.steps(&steps);
    bench.up();
    bench.same_answer("SELECT * FROM v ORDER BY 1");
    bench.down_judged();
}

#[test]
fn a_view_that_the_phase_replaces_may_read_what_it_likes() {
    let bench = shop("CREATE VIEW v AS SELECT price, weight FROM item NATURAL JOIN part");
    bench.steps(&format!(
        "{}[[up]]\nop = \"replace_view\"\nsql = \"CREATE VIEW v AS SELECT price, weight FROM item JOIN part ON tag = part.code\"\n",
        rename_column("item", "code", "tag")
    ));
    bench.up();
    bench.same_answer("SELECT * FROM v ORDER BY 1");
}

/// The texts of views and triggers; quotes and case may differ after the way back.
const TEXTS: &str =
    "SELECT name, sql FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY name";

#[track_caller]
fn same_views(bench: &Bench, steps: &str) {
    bench.steps(steps);
    bench.up();
    bench.same_answer("SELECT * FROM v ORDER BY 1");
    bench.down();
    assert_eq!(bench.ask(TEXTS), bench.ask_before(TEXTS));
    bench.same_answer("SELECT * FROM v ORDER BY 1");
}

#[test]
fn a_new_name_does_not_capture_a_column_of_an_outer_query() {
    for view in [
        "SELECT id, (SELECT count(*) FROM part WHERE weight > price) AS n FROM item",
        "SELECT id FROM item WHERE EXISTS (SELECT 1 FROM part WHERE part.code = item.code AND price < 25)",
        "SELECT i.id AS id FROM item AS i WHERE i.id IN (SELECT number FROM part AS p WHERE price > 10)",
    ] {
        for strategy in strategies() {
            let bench = shop(&format!("CREATE VIEW v AS {view}"));
            let steps = rename_column("part", "weight", "price");
            same_views(&bench, &format!("{strategy}{steps}"));
        }
        let bench = shop(&format!("CREATE VIEW v AS {view}"));
        same_views(&bench, &add_column("part", "price INT DEFAULT 1"));
    }
}

#[test]
fn a_renamed_column_is_not_captured_where_it_is_used() {
    // The renamed column stands in a subquery over a table that has the new name already.
    let bench = shop(
        "CREATE VIEW v AS SELECT id, (SELECT max(number) FROM part WHERE number <= price) AS n FROM item",
    );
    same_views(&bench, &rename_column("item", "price", "weight"));
}

#[test]
fn a_table_does_not_get_the_name_of_a_common_table_expression_or_an_alias() {
    let bench = shop(
        "CREATE VIEW v AS WITH w AS (SELECT number AS id FROM part) SELECT count(id) AS n FROM item",
    );
    same_views(&bench, &rename_table("item", "w"));
    let bench =
        shop("CREATE VIEW v AS SELECT p.number FROM item JOIN part AS p ON p.code = item.code");
    bench.steps(&rename_table("item", "p"));
    let refused = bench.run(&support::up_to("head"));
    assert!(
        refused.is_err() || bench.ask("SELECT * FROM v") == bench.ask_before("SELECT * FROM v")
    );
}

#[test]
fn the_body_of_a_trigger_does_the_same() {
    for (body, steps) in [
        (
            "INSERT INTO log SELECT count(*) FROM item WHERE EXISTS (SELECT 1 FROM part WHERE weight > price)",
            rename_column("part", "weight", "price"),
        ),
        (
            "DELETE FROM item WHERE id IN (SELECT number FROM part WHERE weight < price)",
            add_column("part", "price INT DEFAULT 0"),
        ),
        (
            "UPDATE item SET price = (SELECT sum(weight) FROM part WHERE number >= id) WHERE id = new.id",
            rename_column("part", "code", "id"),
        ),
    ] {
        for strategy in strategies() {
            let bench =
                shop(&format!("CREATE TRIGGER g AFTER UPDATE OF code ON item BEGIN {body}; END"));
            bench.steps(&format!("{strategy}{steps}"));
            bench.up();
            let fired = "UPDATE item SET code = 'z' WHERE id = 1";
            let left = "SELECT * FROM item, (SELECT group_concat(what) FROM log) ORDER BY 1";
            let ask = |database: &std::path::Path| {
                support::sqlite3(database, &format!("BEGIN; {fired}; {left}; ROLLBACK"))
            };
            assert_eq!(ask(bench.before()), ask(&bench.database()), "{body}");
        }
    }
}

#[test]
fn a_dropped_column_does_not_uncover_one_of_an_outer_query() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT, weight INT);
         CREATE TABLE part(number INTEGER PRIMARY KEY, code TEXT, weight INT);
         INSERT INTO item VALUES (1, 'a', 9); INSERT INTO part VALUES (1, 'a', 5);
         CREATE VIEW v AS SELECT id, (SELECT max(weight) FROM part) AS n FROM item;",
    );
    bench.steps(
        "[[up]]\nop = \"rebuild\"\ntable = \"part\"
        sql = \"CREATE TABLE part(number INTEGER PRIMARY KEY, code TEXT, heavy INT)\"
        values = { heavy = \"weight\" }\n",
    );
    bench.refused(ErrorKind::Reference, "view v would read other columns");
}

const FAMILY: &str = "
CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT UNIQUE);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent INT REFERENCES parent(id));
CREATE TABLE stray(id INTEGER PRIMARY KEY, lost INT REFERENCES nowhere(id), up INT);
INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES (1, 1); INSERT INTO stray VALUES (1, NULL, 1);";

#[test]
fn a_foreign_key_to_a_table_that_does_not_exist_is_refused() {
    for steps in [
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a INT REFERENCES person(id))\"\n",
        "[[up]]\nop = \"add_column\"\ntable = \"child\"\ncolumn = \"p INT REFERENCES person\"\n",
        "[[up]]\nop = \"rebuild\"\ntable = \"child\"\nsql = \"CREATE TABLE child(id INTEGER PRIMARY KEY, parent INT REFERENCES person(id))\"\n",
        "[[up]]\nop = \"add_constraint\"\ntable = \"stray\"\nsql = \"FOREIGN KEY (up) REFERENCES person(id)\"\n",
    ] {
        let bench = Bench::new(FAMILY);
        bench.steps(&format!("irreversible = \"a test\"\n{steps}"));
        bench.refused(ErrorKind::Reference, "the table person, which does not exist");
    }
}

#[test]
fn a_parent_is_not_dropped_under_its_children() {
    let bench = Bench::new(&FAMILY.replace("INSERT INTO child VALUES (1, 1);", ""));
    bench.steps("irreversible = \"a test\"\n[[up]]\nop = \"drop_table\"\ntable = \"parent\"\n");
    let refused = bench.run(&support::up_to("head")).expect_err("a refusal");
    assert!(support::explain(&refused).contains("child"), "{refused}");
    let both = Bench::new(FAMILY);
    both.steps(
        "irreversible = \"a test\"\n[[up]]\nop = \"drop_table\"\ntable = \"child\"\n\n[[up]]\nop = \"drop_table\"\ntable = \"parent\"\n",
    );
    let request = support::up_to("head");
    let ended = both.run(&request);
    assert!(
        !matches!(&ended, Err(error) if error.kind() == ErrorKind::Reference),
        "both go: {ended:?}"
    );
}

#[test]
fn a_foreign_key_that_was_broken_before_does_not_stand_in_the_way() {
    let bench = Bench::new(FAMILY);
    bench.steps(&(rename_table("stray", "lost") + &rename_column("child", "id", "number")));
    bench.up();
    bench.down_judged();
}

#[test]
fn a_parent_may_come_in_a_later_phase_of_the_run() {
    let bench = Bench::new(FAMILY);
    let create = |sql: &str| format!("[[up]]\nop = \"create_table\"\nsql = \"{sql}\"\n");
    bench.phase("p1", &create("CREATE TABLE pet(owner INT REFERENCES person(id))"));
    bench.phase("p2", &create("CREATE TABLE person(id INTEGER PRIMARY KEY)"));
    bench.up();
    let written =
        "PRAGMA foreign_keys=ON; INSERT INTO person VALUES (1); INSERT INTO pet VALUES (1)";
    assert_eq!(bench.ask(&format!("{written}; SELECT count(*) FROM pet")), "1");
}

#[test]
fn triggers_fire_in_the_order_that_they_had() {
    for names in [["a", "b", "c"], ["c", "a", "b"]] {
        let triggers: String = names
            .iter()
            .map(|name| {
                let seen = if *name == "a" { "old.note" } else { "'-'" };
                format!(
                    "CREATE TRIGGER {name} AFTER UPDATE ON item BEGIN INSERT INTO log(what) VALUES ('{name}' || {seen}); END;"
                )
            })
            .collect();
        let bench = Bench::new(&format!(
            "CREATE TABLE item(id INTEGER PRIMARY KEY, note TEXT); CREATE TABLE log(n INTEGER PRIMARY KEY, what TEXT);
             CREATE TABLE other(x);
             {triggers} INSERT INTO item VALUES (1, 'q');"
        ));
        let fire = "UPDATE item SET id = 1; SELECT group_concat(what) FROM (SELECT what FROM log ORDER BY n)";
        let before = bench.naive(fire).ask("SELECT group_concat(what) FROM log");
        bench.steps(
            "parents = []\nstrategy = \"auto\"\n[[up]]\nop = \"replace_trigger\"\nsql = \"CREATE TRIGGER a AFTER UPDATE ON item BEGIN INSERT INTO log(what) VALUES ('a' || old.note) ; END\"\n",
        );
        bench.up();
        assert_eq!(Bench::copy_of(&bench.database()).ask(&format!("{fire};")), before, "{names:?}");
    }
}

/// SQLite's RENAME TABLE writes the new name in the place of `excluded`: the counter would be added to itself.
#[test]
fn the_row_of_an_upsert_is_not_taken_for_the_renamed_table() {
    let file = "CREATE TABLE tally(key TEXT PRIMARY KEY, n INT); CREATE TABLE event(kind TEXT, n INT);
        CREATE TRIGGER counted AFTER INSERT ON event BEGIN
          INSERT INTO tally(key, n) VALUES (new.kind, new.n) ON CONFLICT (key) DO UPDATE SET n = n + excluded.n;
        END;
        INSERT INTO tally VALUES ('a', 100);";
    let fire = "INSERT INTO event VALUES ('a', 7);";
    for strategy in ["rebuild", "auto"] {
        let bench = Bench::new(file);
        let naive = bench.naive(&format!("ALTER TABLE tally RENAME TO total; {fire}"));
        assert_ne!(naive.ask("SELECT n FROM total"), "107", "SQLite no longer does that");
        bench.steps(&format!(
            "parents = []\nstrategy = \"{strategy}\"\n[[up]]\nop = \"rename_table\"\nfrom = \"tally\"\nto = \"total\"\n"
        ));
        bench.up();
        assert_eq!(
            Bench::copy_of(&bench.database()).ask(&format!("{fire} SELECT n FROM total")),
            "107"
        );
        bench.down();
        let text = "SELECT sql FROM sqlite_schema WHERE name = 'counted'";
        assert_eq!(bench.ask(text), bench.ask_before(text));
    }
}
