//! What the text of a table says and pragmas do not tell (P12 to P20, P23 to P27, P37).

use crate::reflecting_rebuild;
use support::{Bench, Naive, Renaming, script, sqlite3};

/// Rebuilds a table as a reflecting tool does, on a copy.
#[track_caller]
fn reflected(bench: &Bench, table: &str) -> Naive {
    let naive = bench.naive_copy();
    reflecting_rebuild(&naive.path, table);
    naive
}

/// Expects that the table `item` refuses a row for a reason.
#[track_caller]
fn refuses(bench: &Bench, row: &str, reason: &str) {
    let inserted = script(&bench.database(), &format!("INSERT INTO item {row}"));
    let said = inserted.expect_err("the rule holds");
    assert!(said.contains(reason), "{said}");
}

/// Renames the column `note` of a table to `remark`.
fn note(table: &str) -> Renaming {
    Renaming::of_column(table, "note", "remark")
}

/// The indexes of a table as SQLite sees them, automatic ones included.
fn indexes(table: &str) -> String {
    format!(
        "SELECT name, \"unique\", origin, partial, (SELECT group_concat(cid || ' ' || \"desc\" || coll) \
         FROM pragma_index_xinfo(name)) FROM pragma_index_list('{table}') ORDER BY name"
    )
}

#[test]
fn p12_indexes_come_back() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT UNIQUE, shelf INTEGER, note TEXT);
         CREATE INDEX by_shelf ON item(shelf); CREATE UNIQUE INDEX by_both ON item(shelf, code);
         INSERT INTO item VALUES (1, 'a', 1, 'x'), (2, 'b', 1, 'y');",
    );
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, code TEXT UNIQUE, shelf INTEGER, remark TEXT);
         INSERT INTO n SELECT * FROM item; DROP TABLE item; ALTER TABLE n RENAME TO item;",
    );
    assert_eq!(
        naive.ask("SELECT group_concat(name) FROM pragma_index_list('item')"),
        "sqlite_autoindex_item_1"
    );

    bench.renamed(&note("item"));
    bench.same_answer(&indexes("item"));
    assert!(bench.ask("EXPLAIN QUERY PLAN SELECT * FROM item WHERE shelf = 1").contains("by_"));
}

#[test]
fn p13_a_partial_index_keeps_its_condition() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT, note TEXT, gone INTEGER);
         CREATE UNIQUE INDEX live ON item(code) WHERE gone IS NULL AND note <> 'x; --';
         INSERT INTO item VALUES (1, 'a', 'n', NULL), (2, 'b', 'n', 1);",
    );
    let twice = "INSERT INTO item VALUES (3, 'a', 'n', 1), (4, 'a', 'n', 1)";
    let naive = reflected(&bench, "item");
    let said = naive.fails(twice);
    assert!(
        said.contains("UNIQUE constraint failed: item.code"),
        "rows that are gone count: {said}"
    );

    bench.renamed(&note("item"));
    sqlite3(&bench.database(), twice);
    refuses(&bench, "VALUES (5, 'a', 'n', NULL)", "UNIQUE constraint failed: item.code");
}

#[test]
fn p14_expressions_directions_and_collations_of_indexes_stay() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, day TEXT, note TEXT);
         CREATE INDEX by_day ON item(day DESC, name COLLATE NOCASE);
         CREATE UNIQUE INDEX by_lower ON item(lower(name), length(note));
         CREATE INDEX quoted ON item(\"name\" COLLATE \"RTRIM\" ASC);
         INSERT INTO item VALUES (1, 'A', '2024', 'n');",
    );
    let naive = reflected(&bench, "item");
    assert_ne!(naive.ask(&indexes("item")), bench.ask(&indexes("item")));
    assert_eq!(naive.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'by_lower'"), "0");

    bench.renamed(&note("item"));
    bench.same_answer(&indexes("item"));
    let row = "VALUES (2, 'a', '', 'm')";
    naive.ask(&format!("INSERT INTO item {row}"));
    refuses(&bench, row, "UNIQUE constraint failed: index 'by_lower'");
}

#[test]
fn p15_the_word_autoincrement_stays() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT);
         INSERT INTO item(note) VALUES ('a'), ('b'), ('c'); DELETE FROM item WHERE id = 3;",
    );
    let next = "INSERT INTO item DEFAULT VALUES; SELECT max(id) FROM item;";
    let naive = reflected(&bench, "item");
    assert_eq!(naive.ask(next), "3", "the id of a deleted row is given out again");

    bench.renamed(&note("item"));
    assert_eq!(bench.ask(next), "4");
}

#[test]
fn p16_the_autoincrement_counter_does_not_fall_back() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT);
         CREATE TABLE empty(id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT);
         CREATE TABLE never(id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT);
         INSERT INTO item(id, note) VALUES (1, 'a'), (90, 'b'); DELETE FROM item WHERE id = 90;
         INSERT INTO empty VALUES (41, 'x'); DELETE FROM empty;",
    );
    let rebuild = |table: &str| {
        format!(
            "CREATE TABLE n(id INTEGER PRIMARY KEY AUTOINCREMENT, remark TEXT);
             INSERT INTO n SELECT * FROM {table}; DROP TABLE {table}; ALTER TABLE n RENAME TO {table};"
        )
    };
    let naive = bench.naive(&format!("{}{}", rebuild("item"), rebuild("empty")));
    assert_eq!(
        naive.ask("SELECT name, seq FROM sqlite_sequence"),
        "item|1\nempty|0",
        "both counters fell back"
    );

    // Under the same name, and under another one.
    let renaming = note("item").column("never", "note", "remark").table("empty", "void");
    bench.renamed(&renaming.column("void", "note", "remark"));
    assert_eq!(bench.ask("SELECT name, seq FROM sqlite_sequence ORDER BY 1"), "item|90\nvoid|41");
    let next = "INSERT INTO item DEFAULT VALUES; INSERT INTO void DEFAULT VALUES;
                SELECT (SELECT max(id) FROM item), (SELECT max(id) FROM void)";
    assert_eq!(bench.ask(next), "91|42");
}

#[test]
fn p17_checks_without_a_name_stay() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, price REAL CHECK (price >= 0), note TEXT,
           CHECK (note <> ''), CONSTRAINT pair CHECK (price < 100 OR note IS NOT NULL));
         INSERT INTO item VALUES (1, 2.5, 'a');",
    );
    let bad = ["VALUES (2, -1, 'a')", "VALUES (2, 1, '')", "VALUES (2, 200, NULL)"];
    let naive = reflected(&bench, "item");
    for row in bad {
        naive.ask(&format!("REPLACE INTO item {row}"));
    }

    bench.renamed(&note("item"));
    for row in bad {
        refuses(&bench, row, "CHECK constraint failed");
    }
}

#[test]
fn p18_collations_stay() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE, note TEXT collate rtrim);
         INSERT INTO item VALUES (1, 'Anna', 'x ');",
    );
    let find = "SELECT count(*) FROM item WHERE name = 'ANNA'";
    assert_eq!(reflected(&bench, "item").ask(find), "0");

    bench.renamed(&note("item"));
    assert_eq!(bench.same_answer(find), "1");
    assert_eq!(bench.ask("SELECT count(*) FROM item WHERE remark = 'x'"), "1");
    refuses(&bench, "VALUES (2, 'ANNA', '')", "UNIQUE constraint failed: item.name");
}

#[test]
fn p19_defaults_stay_what_they_were() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, note TEXT, a TEXT DEFAULT (date('2024-01-31', '+1 day')),
           b INTEGER DEFAULT (1 + 2), c DEFAULT 'it''s', d DEFAULT -1.50, e DEFAULT x'00ff', f DEFAULT NULL,
           g DEFAULT true, h TEXT DEFAULT CURRENT_DATE, i DEFAULT \"double\", j DEFAULT 'CURRENT_DATE',
           k INTEGER DEFAULT +7, l DEFAULT (NULL), m DEFAULT word);",
    );
    let probe = "INSERT INTO item(id) VALUES (1); SELECT quote(a), quote(b), quote(c), quote(d), \
                 quote(e), quote(f), quote(g), h = date('now'), quote(i), quote(j), quote(k), quote(l), quote(m) FROM item";
    let want = "'2024-02-01'|3|'it''s'|-1.5|X'00FF'|NULL|1|1|'double'|'CURRENT_DATE'|7|NULL|'word'";
    assert_eq!(bench.naive_copy().ask(probe), want);
    let naive = reflected(&bench, "item").ask(probe);
    assert!(naive.contains("date(''2024-01-31''") && naive != want, "{naive}");

    bench.renamed(&note("item"));
    assert_eq!(bench.ask(probe), want);
}

#[test]
fn p20_generated_columns_are_neither_copied_nor_lost() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, price REAL, twice REAL AS (price * 2), note TEXT,
           thrice REAL GENERATED ALWAYS AS (price * 3) STORED, loud TEXT AS (upper(note)) VIRTUAL);
         CREATE INDEX by_twice ON item(twice);
         INSERT INTO item(id, price, note) VALUES (1, 1.5, 'a'), (2, NULL, 'b');",
    );
    let said = bench.naive_fails(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, price REAL, twice REAL AS (price * 2), remark TEXT,
           thrice REAL AS (price * 3) STORED, loud TEXT AS (upper(remark)));
         INSERT INTO n SELECT * FROM item ORDER BY id;",
    );
    assert!(said.contains("3 columns but 6 values"), "{said}");
    let naive = reflected(&bench, "item");
    assert_eq!(naive.ask("SELECT count(*) FROM pragma_table_xinfo('item')"), "3", "three vanished");

    bench.renamed(&note("item"));
    assert_eq!(
        bench.same_answer("SELECT id, price, twice, thrice, loud FROM item"),
        "1|1.5|3.0|4.5|A\n2||||B"
    );
    let bench = Bench::new(&bench.ask(".dump item"));
    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"item\"\ncolumn = \"price\"\nvalue = \"coalesce(price, 10)\"\n",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT id, twice, thrice FROM item"), "1|3.0|4.5\n2|20.0|30.0");
}

#[test]
fn p23_strict_stays() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, count INTEGER, note TEXT, any ANY) STRICT;
         INSERT INTO item VALUES (1, 5, 'a', x'00'), (2, 6, 'b', '007');",
    );
    let bad = "VALUES (3, 'many', 'c', 1)";
    reflected(&bench, "item").ask(&format!("INSERT INTO item {bad}"));

    bench.renamed(&note("item"));
    refuses(&bench, bad, "cannot store TEXT value in INTEGER column item.count");
    assert_eq!(bench.same_answer("SELECT typeof(any) FROM item"), "blob\ntext");
}

#[test]
fn p24_without_rowid_stays() {
    let bench = Bench::new(
        "CREATE TABLE item(shelf INTEGER, code TEXT COLLATE NOCASE, note TEXT, PRIMARY KEY (code, shelf)) WITHOUT ROWID;
         INSERT INTO item VALUES (2, 'b', 'x'), (1, 'a', 'y'), (1, 'b', 'z');",
    );
    assert!(bench.naive_fails("SELECT rowid, * FROM item").contains("no such column: rowid"));
    let without = "SELECT wr FROM pragma_table_list('item')";
    assert_eq!(reflected(&bench, "item").ask(without), "0");

    bench.renamed(&note("item"));
    assert_eq!(bench.same_answer(without), "1");
    refuses(&bench, "VALUES (1, 'A', '')", "UNIQUE constraint failed: item.code, item.shelf");
}

#[test]
fn p25_conflict_clauses_stay() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, code TEXT NOT NULL ON CONFLICT IGNORE,
           note TEXT, UNIQUE (code) ON CONFLICT REPLACE, CHECK (note <> '') ON CONFLICT FAIL);
         INSERT INTO item VALUES (1, 'a', 'x');",
    );
    let more = "INSERT INTO item VALUES (1, 'b', 'y'); INSERT INTO item VALUES (2, NULL, 'z');
                INSERT INTO item VALUES (3, 'b', 'again');";
    let said = reflected(&bench, "item").fails(more);
    assert!(said.contains("UNIQUE constraint failed: item.id"), "replaced no more: {said}");

    bench.renamed(&note("item"));
    sqlite3(&bench.database(), more);
    assert_eq!(bench.ask("SELECT * FROM item"), "3|b|again");
}

#[test]
fn p26_unique_stays_beside_an_index_on_the_same_column() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT UNIQUE, note TEXT, other TEXT);
         CREATE INDEX by_code ON item(code);
         INSERT INTO item VALUES (1, 'a', 'x', 'o');",
    );
    let twice = "VALUES (2, 'a', 'y', 'p')";
    reflected(&bench, "item").ask(&format!("INSERT INTO item {twice}"));

    bench.renamed(&note("item"));
    bench.same_answer(&indexes("item"));
    refuses(&bench, twice, "UNIQUE constraint failed: item.code");
}

#[test]
fn p27_a_compound_key_keeps_its_order() {
    let bench = Bench::new(
        "CREATE TABLE item(a INTEGER, b INTEGER, c INTEGER, note TEXT, PRIMARY KEY (c, a DESC, b));
         CREATE TABLE use(x, y, z, FOREIGN KEY (x, y, z) REFERENCES item);
         INSERT INTO item VALUES (1, 2, 3, 'x'), (2, 1, 1, 'y'); INSERT INTO use VALUES (3, 1, 2);",
    );
    let places = "SELECT group_concat(pk) FROM pragma_table_info('item')";
    assert_eq!(reflected(&bench, "item").ask(places), "1,2,3,0");

    bench.renamed(&note("item"));
    assert_eq!(bench.same_answer(places), "2,3,1,0");
    bench.same_answer(&indexes("item"));
    bench.same_answer("PRAGMA foreign_key_check");
}

/// RENAME COLUMN rewrites every double-quoted string in the file, in texts that have nothing to do
/// with the rename, too; nothing is lost, but tables and indexes are made anew for it.
#[test]
fn p37_double_quoted_strings_elsewhere_survive_the_rename_of_a_column() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, note TEXT);
         CREATE TABLE other(a TEXT CHECK (a <> \"x\"), b TEXT);
         CREATE INDEX odd ON other(b) WHERE b <> \"y\";
         INSERT INTO other VALUES ('a', 'b');",
    );
    let naive = bench.naive(
        ".dbconfig dqs_ddl on\n.dbconfig dqs_dml on\nALTER TABLE item RENAME COLUMN note TO remark",
    );
    let texts = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'other'";
    assert_ne!(naive.ask(texts), bench.ask(texts), "texts that have nothing to do with it");

    bench.steps(note("item").steps());
    let rebuilt: Vec<_> = bench.plan().plan().rebuilds().map(|it| it.to.clone()).collect();
    assert_eq!(rebuilt, ["item"]);
    bench.up();
    bench.same_answer(texts);
}

#[test]
fn p37_comments_and_spelling_stay() {
    let text = "CREATE TABLE item ( -- what we sell\n  id   INTEGER PRIMARY KEY, /* never reused; see 'ids' */\n  \
                price Decimal ( 10 , 2 ) -- euros, \"gross\"\n, [old name] TEXT,\n  `note` varchar(20)\n  -- the end\n)";
    let bench = Bench::new(&format!("{text};\nINSERT INTO item VALUES (1, 2, 'c', 'x');"));
    let stored = "SELECT sql FROM sqlite_schema WHERE name = 'item'";
    assert!(!reflected(&bench, "item").ask(stored).contains("--"));

    bench.renamed(&note("item"));
    let expected = text.replace("`note`", "\"remark\"");
    assert_eq!(bench.ask(stored), expected);

    // Other changes touch their own words only.
    let bench = Bench::new(&format!("{text};\nINSERT INTO item VALUES (1, 2, 'c', 'x');"));
    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"item\"\ncolumn = \"price\"\nnot_null = true\n\
         [[up]]\nop = \"add_column\"\ntable = \"item\"\ncolumn = \"extra INTEGER DEFAULT 0\"\n",
    );
    bench.up();
    let now = bench.ask(stored);
    for words in [
        "( -- what we sell\n  id   INTEGER PRIMARY KEY, /* never reused; see 'ids' */\n  price Decimal ( 10 , 2 )",
        "-- euros, \"gross\"\n, [old name] TEXT,\n  `note` varchar(20)",
        "-- the end\n",
    ] {
        assert!(now.contains(words), "{words:?} is not in {now:?}");
    }
    assert_eq!(bench.ask("SELECT * FROM item"), "1|2|c|x|0");
}
