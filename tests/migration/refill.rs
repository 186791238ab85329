//! Rebuilt tables that are filled from the backup in the place of the old ones: the file does not grow,
//! nothing notices the second database, and a backup that changes meanwhile is no witness.

use std::os::unix::fs::FileExt as _;

use phaseshift::event::Silent;
use phaseshift::migrate::Hooks;
use phaseshift::{DatabaseState, ErrorKind};
use serde_json::json;
use support::sample::SampleOptions;
use support::{Bench, Project, explain, sqlite3, up_to};

const RENAME: &str = "[[up]]\nop = \"rename_table\"\nfrom = \"item\"\nto = \"thing\"\n\
                      [[up]]\nop = \"rename_column\"\ntable = \"thing\"\nfrom = \"name\"\nto = \"title\"\n";

fn items() -> Bench {
    Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, size INT, note TEXT);
         CREATE INDEX by_name ON item(name);
         CREATE TABLE part(item INT REFERENCES item, what TEXT, PRIMARY KEY(item, what)) WITHOUT ROWID;
         CREATE TABLE log(line); INSERT INTO log VALUES ('one');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO item SELECT i, 'name ' || i, i * 3, 'a note that is kept: ' || i FROM n;
         INSERT INTO part SELECT id, 'part of ' || name FROM item;
         DELETE FROM item WHERE id > 19990; DELETE FROM part WHERE item > 19990;",
    )
}

fn size(bench: &Bench) -> u64 {
    std::fs::metadata(bench.database()).unwrap().len()
}

#[test]
fn the_file_hardly_grows_although_every_table_is_rebuilt() {
    let bench = items();
    let before = size(&bench);
    bench.steps(&format!(
        "{RENAME}[[up]]\nop = \"rename_column\"\ntable = \"part\"\nfrom = \"what\"\nto = \"text\"\n"
    ));
    // The naive way: both tables are there until the end.
    let naive = bench.naive(
        "CREATE TABLE thing AS SELECT * FROM item; CREATE TABLE p AS SELECT * FROM part;
         DROP TABLE item; DROP TABLE part",
    );
    assert!(std::fs::metadata(&naive.path).unwrap().len() > before * 3 / 2);
    bench.up_judged(&json!({
        "tables": {"item": "thing"},
        "columns": {"thing": {"name": "title"}, "part": {"what": "text"}},
        "alter": ["ALTER TABLE item RENAME TO thing", "ALTER TABLE thing RENAME COLUMN name TO \"title\"",
                  "ALTER TABLE part RENAME COLUMN what TO \"text\""],
    }));
    assert!(size(&bench) <= before + before / 10, "{before} became {}", size(&bench));
    assert_eq!(bench.ask("SELECT seq FROM sqlite_sequence WHERE name = 'thing'"), "20000");
    bench.down_judged();
    assert!(size(&bench) <= before + before / 10, "{before} became {}", size(&bench));
}

#[test]
fn rewritten_rows_take_the_place_of_the_old_ones_too() {
    let bench = items();
    let before = size(&bench);
    bench.steps(
        "[[up]]\nop = \"add_column\"\ntable = \"item\"\ncolumn = \"half REAL\"\nvalue = \"size / 2.0\"\n\
         [[up]]\nop = \"drop_column\"\ntable = \"item\"\ncolumn = \"note\"\n",
    );
    bench.up();
    assert!(size(&bench) <= before + before / 10, "{before} became {}", size(&bench));
    let sum = "SELECT count(*), sum(size), total(half) FROM item";
    let wanted = bench.ask_before("SELECT count(*), sum(size), total(size / 2.0) FROM item");
    assert_eq!(bench.ask(sum), wanted);
    assert_eq!(bench.ask("PRAGMA integrity_check"), "ok");
}

#[test]
fn phase_3_leaves_a_catalogue_of_its_size() {
    let options = SampleOptions { files: 4_000, links: 500, ..SampleOptions::default() };
    let project = Project::with_catalogue(&options);
    let bench = Bench::of(project);
    let before = size(&bench);
    bench.run(&up_to("phase3")).map_err(|error| explain(&error)).unwrap();
    assert!(size(&bench) <= before + before / 10, "{before} became {}", size(&bench));
    support::judge(bench.before(), &bench.database(), &support::phase3_renames()).unwrap();
}

#[test]
fn a_backup_that_changes_after_it_was_compared_is_noticed_although_the_rows_come_from_it() {
    let bench = items();
    bench.steps(RENAME);
    let secured = bench.plan().secure(&mut Silent).unwrap();
    let path = secured.backup().path().to_path_buf();
    let bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(20).position(|it| it == b"a note that is kept:").unwrap();
    // A note is in no index: nothing but the bytes themselves can tell.
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_at(b"A", place as u64).unwrap();
    assert_eq!(sqlite3(&path, "PRAGMA integrity_check"), "ok");
    let before = std::fs::read(bench.database()).unwrap();
    let error = secured.run(&mut Silent, &mut Hooks::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backup, "{}", explain(&error));
    assert_eq!(error.state(), DatabaseState::RolledBack);
    assert!(before == std::fs::read(bench.database()).unwrap(), "the file changed");
}

#[test]
fn checks_of_a_phase_see_the_new_tables_alone() {
    let check = |name: &str, sql: &str, expect: &str| {
        format!("[[verify]]\nname = \"{name}\"\nsql = \"{sql}\"\nexpect = {expect}\n")
    };
    let bench = items();
    let none = "\"no rows\"";
    let texts = [
        check("columns", "SELECT * FROM pragma_table_info('item')", none),
        check("columns, typed", "SELECT * FROM pragma_table_xinfo('ITEM')", none),
        check("index", "SELECT * FROM pragma_index_info('sqlite_autoindex_item_1')", none),
        check("keys", "SELECT * FROM pragma_foreign_key_list('it' || 'em')", none),
        check("new", "SELECT count(*) FROM pragma_table_info('thing')", "4"),
        check(
            "computed",
            "SELECT count(*) FROM sqlite_schema s, pragma_table_info(s.name) WHERE s.name = 'thing'",
            "4",
        ),
        check("rows", "SELECT count(*) FROM thing", "19990"),
    ];
    bench.steps(&format!("{RENAME}{}", texts.concat()));
    let before = size(&bench);
    bench.up();
    assert!(size(&bench) <= before + before / 10, "{before} became {}", size(&bench));

    // A table that is gone is gone.
    let bench = items();
    for sql in ["SELECT count(*) FROM item", "SELECT max(size) FROM item"] {
        bench.steps(&format!("{RENAME}{}", check("gone", sql, "19990")));
        bench.refused(ErrorKind::PhaseFile, "no such table");
    }

    // Whoever lists the tables of all databases sees one database; the file grows then.
    let lists = [
        check("tables", "SELECT count(*) FROM pragma_table_list WHERE name = 'item'", "0"),
        check(
            "databases",
            "SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')",
            "0",
        ),
        check("a pragma", "PRAGMA table_xinfo(item)", none),
        check("its own item", "WITH item(a) AS (VALUES (1), (2)) SELECT count(*) FROM item", "2"),
    ];
    for list in lists {
        let bench = items();
        bench.steps(&format!("{RENAME}{list}"));
        bench.up();
        assert_eq!(bench.ask("SELECT count(*) FROM thing"), "19990");
    }
}

#[test]
fn data_steps_see_the_new_tables_and_what_they_wrote_is_kept() {
    let bench = items();
    bench.phase("a", "[[up]]\nop = \"sql\"\nsql = \"UPDATE item SET note = 'new' WHERE id = 7\"\n");
    bench.phase("b", &format!("{RENAME}[[up]]\nop = \"sql\"\nsql = \"INSERT INTO log SELECT count(*) FROM thing, pragma_table_info('item')\"\n"));
    bench.phase("c", "[[up]]\nop = \"rename_column\"\ntable = \"part\"\nfrom = \"what\"\nto = \"text\"\n\
                      [[up]]\nop = \"rename_column\"\ntable = \"log\"\nfrom = \"line\"\nto = \"entry\"\n");
    for request in [up_to("head"), up_to("head").per_phase()] {
        let copy = items();
        for id in ["a", "b", "c"] {
            let text = std::fs::read_to_string(bench.project().phases().join(format!("{id}.toml")));
            copy.phase(id, &text.unwrap());
        }
        copy.run(&request).map_err(|error| explain(&error)).unwrap();
        assert_eq!(
            copy.ask(
                "SELECT note FROM thing WHERE id = 7; SELECT * FROM log;
                SELECT count(*) FROM part; PRAGMA integrity_check"
            ),
            "new\none\n0\n19990\nok"
        );
    }
}

#[test]
fn counters_and_statistics_follow_when_tables_swap_names() {
    let bench = Bench::new(
        "CREATE TABLE one(id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE INDEX ia ON one(a);
         CREATE TABLE two(id INTEGER PRIMARY KEY AUTOINCREMENT, b); CREATE INDEX ib ON two(b);
         CREATE TABLE never(id INTEGER PRIMARY KEY AUTOINCREMENT, c);
         INSERT INTO one VALUES (500, 1), (5, 2); INSERT INTO two VALUES (70, 1), (7, 3), (8, 3);
         ANALYZE; DELETE FROM one WHERE id = 500; DELETE FROM two WHERE id = 70;",
    );
    bench.steps(
        "[[up]]\nop = \"rename_table\"\nfrom = \"one\"\nto = \"spare\"\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"two\"\nto = \"one\"\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"spare\"\nto = \"two\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"never\"\nfrom = \"c\"\nto = \"d\"\n",
    );
    bench.up();
    let asked = "SELECT * FROM sqlite_sequence ORDER BY name; SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1";
    assert_eq!(bench.ask(asked), "one|70\ntwo|500\none|ib|3 2\ntwo|ia|2 1");
    assert_eq!(bench.ask("SELECT * FROM one; SELECT * FROM two"), "7|3\n8|3\n5|2");
}

/// A later phase must not take a table for the one that had its name when the backup was made.
#[test]
fn a_name_that_another_table_takes_is_not_refilled_from_the_old_one() {
    let drop = "parents = []\n[[up]]\nop = \"drop_table\"\ntable = \"a\"\n";
    let create =
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE a(id INTEGER PRIMARY KEY, x, y)\"\n";
    let rename = "[[up]]\nop = \"rename_table\"\nfrom = \"b\"\nto = \"a\"\n";
    let add = "[[up]]\nop = \"add_column\"\ntable = \"a\"\ncolumn = \"n INT DEFAULT 5\"\nafter = \"id\"\n";
    for (second, strategy, rows) in [
        (create, "", ""),
        (rename, "", "1|5|of b\n2|5|of b too"),
        (rename, "strategy = \"auto\"\n", "1|5|of b\n2|5|of b too"),
    ] {
        let bench = Bench::new(
            "CREATE TABLE a(id INTEGER PRIMARY KEY, x); INSERT INTO a VALUES (1, 'of a'), (2, 'of a too');
             CREATE TABLE b(id INTEGER PRIMARY KEY, x); INSERT INTO b VALUES (1, 'of b'), (2, 'of b too');",
        );
        bench.phase("p1", drop);
        bench.phase("p2", &format!("parents = [\"p1\"]\n{strategy}{second}"));
        bench.phase("p3", &format!("parents = [\"p2\"]\n{add}"));
        bench.up();
        assert_eq!(bench.ask("SELECT id, n, x FROM a"), rows, "{strategy}{second}");
    }
}
