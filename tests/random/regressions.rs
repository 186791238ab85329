//! What random cases found, each written down as small as it could be made, named after what went wrong.

use phaseshift::ErrorKind;

use support::{Bench, Renaming, python};

#[test]
fn a_view_on_a_view_does_not_hand_out_the_name_of_a_column_as_text() {
    let bench = Bench::new(
        "CREATE TABLE song(id INTEGER PRIMARY KEY, place REAL);
         CREATE VIEW inner AS SELECT id, place FROM song;
         CREATE VIEW outer AS SELECT \"id\", \"place\" FROM inner;
         INSERT INTO song VALUES (1, 0.5);",
    );
    let naive = bench.naive("ALTER TABLE song RENAME COLUMN place TO position");
    assert_eq!(naive.ask("SELECT * FROM outer"), "1|place", "SQLite renames without a word");

    let renamed = Renaming::of_column("song", "place", "position");
    bench.steps(&format!("views = \"follow\"\n{}", renamed.steps()));
    bench.refused(ErrorKind::Step, "view outer would read");
    bench.steps(renamed.steps()).up();
    bench.same_answer("SELECT * FROM outer");
}

#[test]
fn names_that_go_round_in_a_circle_leave_no_string_behind() {
    let bench = Bench::new(
        "CREATE TABLE state(id INTEGER PRIMARY KEY, kind, entry); INSERT INTO state VALUES (1, 2, 3);
         CREATE VIEW inner AS SELECT id, kind FROM state; CREATE VIEW outer AS SELECT \"kind\" FROM inner;",
    );
    let swap = Renaming::of_column("state", "entry", "kind").column("state", "kind", "entry");
    bench.steps(&format!("views = \"follow\"\n{}", swap.steps()));
    bench.refused(ErrorKind::Step, "view outer would read");
    bench.steps(swap.steps()).up();
    assert_eq!(bench.same_answer("SELECT * FROM outer"), "2");
}

#[test]
fn an_index_does_not_begin_to_index_the_name_of_a_column_that_goes() {
    let bench = Bench::new("CREATE TABLE t(a, b); CREATE INDEX i ON t(a, \"b\");");
    let naive = bench.naive(
        ".dbconfig dqs_ddl on\nCREATE TABLE n(a); DROP TABLE t; ALTER TABLE n RENAME TO t;
         CREATE INDEX i ON t(a, \"b\");",
    );
    let columns = naive.ask("SELECT count(name), count(*) FROM pragma_index_info('i')");
    assert_eq!(columns, "1|2", "a constant");

    bench.steps("[[up]]\nop = \"drop_column\"\ntable = \"t\"\ncolumn = \"b\"");
    bench.refused(ErrorKind::Step, "index i would read");
}

#[test]
fn a_string_in_double_quotes_stays_one_and_blocks_nothing() {
    let bench = Bench::new(
        ".dbconfig dqs_ddl on\n.dbconfig dqs_dml on
         CREATE TABLE t(a, b, CHECK (a <> \"none\")); CREATE INDEX i ON t(b, \"fixed\");
         CREATE VIEW v AS SELECT a, \"text\" AS kind FROM t; INSERT INTO t VALUES (1, 2);",
    );
    bench.steps("[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"c\"");
    bench.up();
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name IN ('i', 'v') ORDER BY name");
}

#[test]
fn a_broken_view_with_instead_of_triggers_does_not_read_as_a_damaged_file() {
    let bench = Bench::new(
        "CREATE TABLE t(a, b); CREATE VIEW v AS SELECT lost FROM t;
         CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN INSERT INTO t(a) VALUES (1); END;",
    );
    let said = bench.naive_fails("ALTER TABLE t RENAME COLUMN a TO c");
    assert!(said.contains("error in view v"), "{said}");
    bench.steps("[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"b\"\nnot_null = true");
    bench.up();
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name IN ('v', 'r')");
}

#[test]
fn a_column_that_a_view_with_triggers_needs_is_missed_by_name() {
    let bench = Bench::new(
        "CREATE TABLE t(a, b); CREATE VIEW v AS SELECT [a], b FROM t;
         CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN INSERT INTO t(b) VALUES (1); END;",
    );
    bench.steps("[[up]]\nop = \"drop_column\"\ntable = \"t\"\ncolumn = \"a\"");
    bench.refused(ErrorKind::Step, "view v");
}

#[test]
fn a_key_that_children_refer_to_is_not_dropped_from_under_them() {
    let bench = Bench::new(
        "CREATE TABLE parent(a, CONSTRAINT known UNIQUE (a));
         CREATE TABLE child(a REFERENCES parent(a)); INSERT INTO parent VALUES (1);",
    );
    let naive = bench.naive(
        "PRAGMA foreign_keys=OFF; CREATE TABLE n(a); INSERT INTO n SELECT * FROM parent;
         DROP TABLE parent; ALTER TABLE n RENAME TO parent;",
    );
    let said = naive.fails("PRAGMA foreign_keys=ON; INSERT INTO child VALUES (1)");
    assert!(said.contains("foreign key mismatch"), "{said}");

    bench.steps("[[up]]\nop = \"drop_constraint\"\ntable = \"parent\"\nname = \"known\"");
    bench.refused(ErrorKind::Step, "foreign key of child");
}

#[test]
fn a_parent_with_children_is_not_dropped() {
    let bench = Bench::new(
        "CREATE TABLE parent(id INTEGER PRIMARY KEY); CREATE TABLE child(p REFERENCES parent(id));
         INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1), (NULL), (7);",
    );
    bench.steps("[[up]]\nop = \"drop_table\"\ntable = \"parent\"");
    bench.refused(ErrorKind::Reference, "child");
}

#[test]
fn a_second_key_that_says_the_same_does_not_count_old_orphans_twice() {
    let bench = Bench::new(
        "CREATE TABLE parent(id INTEGER PRIMARY KEY); CREATE TABLE child(p REFERENCES parent(id));
         INSERT INTO child VALUES (7);",
    );
    bench.steps(
        "[[up]]\nop = \"add_constraint\"\ntable = \"child\"
         sql = \"FOREIGN KEY (p) REFERENCES parent(id) ON DELETE CASCADE\"",
    );
    bench.refused(ErrorKind::Rows, "1 row of child has no parent in parent");
}

#[test]
fn a_new_empty_parent_leaves_nobody_behind() {
    let bench = Bench::new("CREATE TABLE child(p); INSERT INTO child VALUES (7);");
    let steps =
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE parent(id INTEGER PRIMARY KEY)\"
        [[up]]\nop = \"add_constraint\"\ntable = \"child\"
        sql = \"FOREIGN KEY (p) REFERENCES parent(id)\"";
    bench.steps(steps);
    bench.refused(ErrorKind::Rows, "which is empty");
    let filling = "[[up]]\nop = \"sql\"\nsql = \"INSERT INTO parent SELECT p FROM child\"";
    bench.steps(&format!("{steps}\n{filling}")).up();
}

#[test]
fn a_value_for_a_generated_column_is_not_ignored() {
    let bench = Bench::new("CREATE TABLE t(a, g AS (a + 1) STORED); INSERT INTO t VALUES (1);");
    bench.steps("[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"g\"\nvalue = \"a * 2\"");
    bench.refused(ErrorKind::Step, "t.g is generated");
    bench.steps(
        "[[up]]\nop = \"rebuild\"\ntable = \"t\"\nsql = \"CREATE TABLE t(a, g AS (a + 1) STORED)\"
         values = { nosuch = \"a\" }",
    );
    bench.refused(ErrorKind::Step, "t.nosuch does not exist");
}

#[test]
fn a_null_for_the_integer_primary_key_does_not_become_a_new_key() {
    let bench = Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY NOT NULL, a); INSERT INTO t VALUES (1, 5), (9, 6);",
    );
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY NOT NULL, a);
         INSERT INTO n SELECT nullif(id, 9), a FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    );
    assert_eq!(naive.ask("SELECT id FROM t WHERE a = 6"), "2", "in spite of NOT NULL");

    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"id\"\nvalue = \"nullif(id, 9)\"",
    );
    bench.refused(ErrorKind::Rows, "t.id would be NULL in 1 row");
}

#[test]
fn values_of_a_data_step_are_not_converted_without_a_word() {
    let bench =
        Bench::new("CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 2);");
    bench.steps(
        "[[up]]\nop = \"sql\"\nsql = \"UPDATE t SET b = 3\"
         [[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"b\"\ntype = \"TEXT\"",
    );
    bench.refused(ErrorKind::Rows, "t.b: the new type would convert 1 value (row 1: 3 becomes");
    bench.steps(
        "[[up]]\nop = \"sql\"\nsql = \"UPDATE t SET b = 3\"
         [[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"b\"\ntype = \"TEXT\"
         value = \"CAST(b AS TEXT)\"",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT quote(b) FROM t"), "'3'");
}

#[test]
fn a_column_that_is_renamed_and_gets_another_type_is_looked_at_before() {
    let bench =
        Bench::new("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2);");
    bench.steps(
        "[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"id\"\nto = \"code\"
         [[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"code\"\ntype = \"TEXT\"",
    );
    bench.refused(ErrorKind::Rows, "t.code: the new type would convert 2 values");
}

#[test]
fn a_key_of_several_columns_that_would_be_converted_is_looked_at_before() {
    let bench = Bench::new(
        "CREATE TABLE t(a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         INSERT INTO t VALUES ('12', 1), ('x', 2);",
    );
    bench.steps("[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"a\"\ntype = \"NUMERIC\"");
    bench.refused(ErrorKind::Rows, "t.a: the new type would convert 1 value (row '12, 1': '12'");
}

#[test]
fn computed_values_that_collide_in_an_index_of_old_are_found_before() {
    let bench = Bench::new(
        "CREATE TABLE t(a); CREATE UNIQUE INDEX i ON t(a); INSERT INTO t VALUES (1), (2);",
    );
    bench.steps("[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"a\"\nvalue = \"a > 0\"");
    bench.refused(ErrorKind::Rows, "t has duplicate keys");
}

#[test]
fn a_generated_column_of_a_strict_table_is_held_to_its_new_type_before() {
    let bench = Bench::new(
        "CREATE TABLE t(a INTEGER PRIMARY KEY, g ANY AS (a)) STRICT; INSERT INTO t VALUES (1);",
    );
    bench.steps("[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"g\"\ntype = \"BLOB\"");
    bench.refused(ErrorKind::Rows, "t.g holds 1 value that is not BLOB");
}

#[test]
fn a_view_of_all_columns_follows_a_rename_and_then_another_column() {
    let bench = Bench::new(
        "CREATE TABLE t(a, b, c); INSERT INTO t VALUES (1, 2, 3); CREATE VIEW v AS SELECT * FROM t;
         CREATE VIEW w AS SELECT a, c FROM v;",
    );
    let rename = Renaming::of_column("t", "a", "z");
    bench.phase("p1", rename.steps()).up();
    assert_eq!(bench.ask("SELECT name FROM pragma_table_info('v')"), "a\nb\nc");
    bench.phase(
        "p2",
        "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"d DEFAULT 4\"
         [[up]]\nop = \"drop_column\"\ntable = \"t\"\ncolumn = \"b\"",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT name FROM pragma_table_info('v')"), "a\nc\nd");
    assert_eq!(bench.ask("SELECT * FROM v; SELECT * FROM w"), "1|3|4\n1|3");
}

#[test]
fn a_trigger_that_inserts_too_few_values_is_found_before() {
    let bench = Bench::new(
        "CREATE TABLE t(a); CREATE TABLE log(line);
         CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END;",
    );
    let naive = bench.naive("ALTER TABLE log ADD COLUMN at");
    assert!(naive.fails("INSERT INTO t VALUES (1)").contains("has 2 columns but 1 values"));
    bench.steps("[[up]]\nop = \"add_column\"\ntable = \"log\"\ncolumn = \"at\"");
    bench.refused(ErrorKind::Step, "has 2 columns but 1 values");
}

#[test]
fn a_virtual_table_changes_only_the_case_of_its_name() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one two');
         ANALYZE;",
    );
    let said = bench.naive_fails("ALTER TABLE words RENAME TO Words");
    assert!(said.contains("there is already another table"), "{said}");
    bench.steps(Renaming::of_table("words", "Words").steps()).up();
    assert_eq!(bench.ask("SELECT * FROM \"Words\" WHERE \"Words\" MATCH 'two'"), "one two");
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE name GLOB 'Words*'"), "6");
}

#[test]
fn virtual_and_ordinary_tables_swap_their_names() {
    let bench = Bench::new(
        "CREATE TABLE note(id INTEGER PRIMARY KEY, body); INSERT INTO note VALUES (4, 'old words');
         CREATE VIRTUAL TABLE search USING fts5(body, content='note', content_rowid='id');
         INSERT INTO search(search) VALUES ('rebuild');
         CREATE VIRTUAL TABLE box USING rtree(id, x0, x1); INSERT INTO box VALUES (1, 2, 3);
         CREATE VIRTUAL TABLE bag USING fts5(body); INSERT INTO bag VALUES ('in the bag');",
    );
    let swap = Renaming::of_table("note", "search").table("search", "note");
    bench.steps(&format!("{}{}", swap.steps(), swap_of("box", "bag"))).up();
    assert_eq!(bench.ask("SELECT rowid FROM note WHERE note MATCH 'old'"), "4");
    assert_eq!(bench.ask("SELECT * FROM search"), "4|old words");
    assert_eq!(
        bench.ask("SELECT * FROM box WHERE box MATCH 'bag'; SELECT id FROM bag"),
        "in the bag\n1"
    );
}

fn swap_of(one: &str, two: &str) -> String {
    Renaming::of_table(one, two).table(two, one).steps().to_owned()
}

#[test]
fn a_virtual_table_takes_the_name_of_a_table_that_is_dropped() {
    let bench = Bench::new(
        "CREATE TABLE old(a); CREATE VIRTUAL TABLE words USING fts5(body);
         INSERT INTO words VALUES ('one');",
    );
    let rename = Renaming::of_table("words", "old");
    bench.steps(&format!("[[up]]\nop = \"drop_table\"\ntable = \"old\"\n{}", rename.steps())).up();
    assert_eq!(bench.ask("SELECT * FROM old WHERE old MATCH 'one'"), "one");
}

#[test]
fn statistics_of_the_tables_behind_a_virtual_table_follow_it() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one two');
         CREATE VIRTUAL TABLE old USING fts4(body); INSERT INTO old VALUES ('one two'); ANALYZE;
         INSERT INTO sqlite_stat1 VALUES ('words', NULL, '77');",
    );
    let naive = bench.naive("ALTER TABLE words RENAME TO terms");
    assert_ne!(naive.ask("SELECT count(*) FROM sqlite_stat1 WHERE tbl GLOB 'words_*'"), "0");

    bench.steps(Renaming::of_table("words", "terms").table("old", "older").steps()).up();
    let all = "SELECT tbl, idx, stat FROM sqlite_stat1 WHERE tbl GLOB '%*' ORDER BY 1, 2";
    let before = bench.ask_before(&all.replace('%', "words"));
    assert!(before.contains("words|") && before.contains("words_"), "{before}");
    assert_eq!(bench.ask(&all.replace('%', "terms")), before.replace("words", "terms"));
    let before = bench.ask_before(&all.replace('%', "old"));
    assert!(before.contains("sqlite_autoindex_old_segdir_1"), "{before}");
    assert_eq!(bench.ask(&all.replace('%', "older")), before.replace("old", "older"));
}

#[test]
fn statistics_survive_the_drop_of_a_virtual_table() {
    let bench = Bench::new(
        "CREATE TABLE t(a, b); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1, 2);
         CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one');
         ANALYZE; INSERT INTO sqlite_stat1 VALUES ('nobody', 'nothing', '1');",
    );
    bench.steps("[[up]]\nop = \"drop_table\"\ntable = \"words\"").up();
    let kept = "SELECT * FROM sqlite_stat1 WHERE tbl IN ('t', 'nobody')";
    bench.same_answer(kept);
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_stat1 WHERE tbl GLOB 'words*'"), "0");
}

#[test]
fn a_default_with_a_comment_behind_it_is_not_wrapped_once_more() {
    let bench = Bench::new("CREATE TABLE t(a TEXT DEFAULT 'x', b);");
    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"a\"
         default = \"( 'a' || 'b' ) /* sum */\"",
    );
    bench.up();
    let text = bench.ask("SELECT sql FROM sqlite_schema WHERE name = 't'");
    assert_eq!(text, "CREATE TABLE t(a TEXT DEFAULT ( 'a' || 'b' ) /* sum */, b)");
}

#[test]
fn a_column_called_oid_gets_another_name() {
    let bench = Bench::new(
        "CREATE TABLE t(oid TEXT, rowid INT, b INTEGER PRIMARY KEY AUTOINCREMENT, CHECK (oid <> 'x'));
         CREATE TABLE s(oid ANY DEFAULT 'd', _rowid_ INT) STRICT;
         CREATE INDEX i ON t(oid, rowid); CREATE VIEW v AS SELECT oid, rowid, b FROM t;
         CREATE TRIGGER r AFTER UPDATE OF oid ON t BEGIN UPDATE s SET oid = new.oid; END;
         INSERT INTO t VALUES ('a', 5, 70), ('b', 6, -3); INSERT INTO s VALUES (1, 2), ('x', 4);",
    );
    let renaming = Renaming::of_column("t", "oid", "code")
        .column("t", "rowid", "line")
        .column("s", "oid", "object");
    bench.steps(renaming.steps()).up();
    assert_eq!(bench.ask("SELECT code, line, b FROM t ORDER BY b"), "b|6|-3\na|5|70");
    bench.same_answer("SELECT * FROM v");
    bench.same_answer("SELECT name FROM pragma_table_info('v')");
    assert_eq!(
        bench.ask("UPDATE t SET code = 'new' WHERE b = 70; SELECT object, _rowid_ FROM s"),
        "new|2\nnew|4"
    );
    let texts = bench.ask("SELECT sql FROM sqlite_schema WHERE name IN ('t', 's') ORDER BY name");
    assert_eq!(
        texts,
        "CREATE TABLE s(\"object\" ANY DEFAULT 'd', _rowid_ INT) STRICT\n\
         CREATE TABLE t(\"code\" TEXT, \"line\" INT, b INTEGER PRIMARY KEY AUTOINCREMENT, CHECK (\"code\" <> 'x'))"
    );
    assert_eq!(bench.ask("SELECT rowid FROM t ORDER BY 1"), "-3\n70");
    bench.down();
    assert_eq!(bench.ask("SELECT oid, rowid, b FROM t ORDER BY b"), "b|6|-3\nnew|5|70");
}

#[test]
fn a_true_rowid_beside_a_column_called_oid_is_not_taken_for_it() {
    let bench = Bench::new(
        "CREATE TABLE t(oid TEXT); CREATE VIEW v AS SELECT rowid AS r, oid FROM t;
         INSERT INTO t(rowid, oid) VALUES (9, 'a');",
    );
    bench.steps(Renaming::of_column("t", "oid", "code").steps());
    bench.refused(ErrorKind::Step, "rowid alias");
    assert_eq!(bench.same_answer("SELECT * FROM v"), "9|a");
}

#[test]
fn a_new_full_text_table_is_filled() {
    for module in ["fts4", "fts5"] {
        let bench = Bench::new("CREATE TABLE t(body); INSERT INTO t VALUES ('one');");
        bench.steps(&format!(
            "[[up]]\nop = \"create_table\"\nsql = \"CREATE VIRTUAL TABLE f USING {module}(body, content='t')\"",
        ));
        bench.up();
        let counts = "SELECT count(*) FROM f; SELECT count(*) FROM f WHERE f MATCH 'one'";
        assert_eq!(bench.ask(counts), "1\n1", "{module}");
    }
}

#[test]
fn a_virtual_table_with_rows_of_its_own_comes_back_with_them() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE words USING fts5(body); INSERT INTO words VALUES ('one two');
         CREATE VIRTUAL TABLE box USING rtree(id, x0, x1); INSERT INTO box VALUES (1, 2, 3);",
    );
    let naive = bench.naive(
        "DROP TABLE words; CREATE VIRTUAL TABLE words USING fts5(body);
         INSERT INTO words(words) VALUES ('rebuild');",
    );
    assert_eq!(naive.ask("SELECT count(*) FROM words"), "0", "a rebuild from nothing");

    bench.steps(Renaming::of_table("words", "terms").table("box", "BOX").steps()).up();
    assert_eq!(bench.ask("SELECT * FROM terms WHERE terms MATCH 'two'"), "one two");
    bench.down();
    bench.same_answer("SELECT * FROM words WHERE words MATCH 'two'");
    bench.same_answer("SELECT * FROM box");
}

#[test]
fn a_parent_that_an_earlier_phase_renames_is_not_looked_for_under_its_new_name() {
    let bench = Bench::new(
        "CREATE TABLE shelf(id INTEGER PRIMARY KEY); INSERT INTO shelf VALUES (1);
         CREATE TABLE book(id INTEGER PRIMARY KEY, shelf INT); INSERT INTO book VALUES (5, 1);",
    );
    let renamed = Renaming::of_table("shelf", "place").column("place", "id", "number");
    bench.phase("a", &format!("parents = []\n{}", renamed.steps()));
    bench.phase(
        "b",
        "[[up]]\nop = \"add_constraint\"\ntable = \"book\"
         sql = \"FOREIGN KEY (shelf) REFERENCES place(number)\"",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT b.id FROM book b JOIN place p ON p.number = b.shelf"), "5");
    assert_eq!(bench.ask("PRAGMA foreign_key_check"), "");
}

#[test]
fn orphans_under_a_parent_that_an_earlier_phase_renames_are_refused() {
    let bench = Bench::new(
        "CREATE TABLE shelf(id INTEGER PRIMARY KEY); INSERT INTO shelf VALUES (1);
         CREATE TABLE book(id INTEGER PRIMARY KEY, shelf INT); INSERT INTO book VALUES (5, 77);",
    );
    bench.phase("a", &format!("parents = []\n{}", Renaming::of_table("shelf", "place").steps()));
    bench.phase(
        "b",
        "[[up]]\nop = \"add_constraint\"\ntable = \"book\"
         sql = \"FOREIGN KEY (shelf) REFERENCES place(id)\"",
    );
    bench.refused(ErrorKind::Rows, "book row 5 has no parent in place");
}

#[test]
fn a_comment_behind_a_table_stays_when_its_columns_change() {
    // SQLite keeps it only behind table options.
    for end in ["STRICT /* the end */", "STRICT -- the end"] {
        let bench = Bench::new(&format!(
            "CREATE TABLE shot(id INTEGER PRIMARY KEY, note TEXT) {end}
             ; CREATE INDEX by_note ON shot(note); INSERT INTO shot VALUES (1, 'x');"
        ));
        let text = "SELECT sql FROM sqlite_schema WHERE name = 'shot'";
        let before = bench.ask(text);
        assert!(before.contains("the end"), "{before}");
        bench.steps(
            "[[up]]\nop = \"alter_column\"\ntable = \"shot\"\ncolumn = \"note\"\ndefault = \"'y'\"",
        );
        bench.up();
        let expected = before.replace("note TEXT", "note TEXT DEFAULT 'y'");
        assert_eq!(bench.ask(text), expected);
    }
}

#[test]
fn two_full_text_tables_follow_their_content_table_with_their_settings() {
    let bench = Bench::new(
        "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT); INSERT INTO note VALUES (1, 'running water');
         CREATE VIRTUAL TABLE words USING fts5(text, content='note', content_rowid='id');
         CREATE VIRTUAL TABLE stems USING fts5(text, content='note', content_rowid='id', tokenize='porter');
         INSERT INTO words(words) VALUES ('rebuild'); INSERT INTO stems(stems) VALUES ('rebuild');
         INSERT INTO words(words, rank) VALUES ('automerge', 3);
         INSERT INTO stems(stems, rank) VALUES ('automerge', 5);",
    );
    bench.steps(Renaming::of_table("note", "remark").steps()).up();
    assert_eq!(bench.ask("SELECT rowid FROM stems WHERE stems MATCH 'run'"), "1");
    assert_eq!(bench.ask("SELECT rowid FROM words WHERE words MATCH 'running'"), "1");
    bench.same_answer("SELECT k, v FROM words_config UNION ALL SELECT k, v FROM stems_config");
    bench.down();
    assert_eq!(bench.ask("SELECT rowid FROM stems WHERE stems MATCH 'run'"), "1");
    bench.same_answer("SELECT k, v FROM words_config UNION ALL SELECT k, v FROM stems_config");
}

#[test]
fn rows_that_come_to_share_a_key_do_not_replace_each_other() {
    let table = |b: &str| {
        format!("CREATE TABLE t(a, {b} TEXT, PRIMARY KEY({b}) ON CONFLICT REPLACE) WITHOUT ROWID;")
    };
    let bench = Bench::new(&format!("{} INSERT INTO t VALUES (1, 'x'), (2, 'y');", table("b")));
    let naive = bench.naive(&format!(
        "ALTER TABLE t RENAME TO old; {} INSERT INTO t SELECT a, 'same' FROM old; DROP TABLE old;",
        table("c")
    ));
    assert_eq!(naive.ask("SELECT count(*) FROM t"), "1", "one row is gone without a word");

    bench.phase("one", Renaming::of_column("t", "b", "c").steps());
    let step = "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"c\"\nvalue = \"'same'\"";
    bench.phase("two", step);
    bench.refused(ErrorKind::Rows, "UNIQUE constraint failed: t.c");
}

#[test]
fn things_without_a_name_are_named_in_a_phase() {
    let bench = Bench::new(
        "CREATE TABLE \"\"(\"\" INTEGER PRIMARY KEY, b); INSERT INTO \"\" VALUES (3, 4);",
    );
    bench.steps(Renaming::of_column("", "b", "c").steps()).up();
    assert_eq!(bench.ask("SELECT \"\" || c FROM \"\""), "34");
    bench.down();
    bench.phase("change", Renaming::of_table("", "named").column("named", "", "id").steps());
    bench.up();
    assert_eq!(bench.ask("SELECT id || b FROM named"), "34");
}

#[test]
fn the_rows_of_a_table_that_goes_are_counted_without_the_collation_of_its_index() {
    let bench = Bench::from_python(
        "c = sqlite3.connect(path, isolation_level=None)\n\
         c.create_collation('app_order', lambda a, b: (a > b) - (a < b))\n\
         c.executescript(\"\"\"\n\
         CREATE TABLE made(a TEXT, b REAL, c TEXT COLLATE app_order); CREATE TABLE stays(x);\n\
         CREATE INDEX artist ON made(a COLLATE app_order);\n\
         INSERT INTO made VALUES ('one', 1, 'two'), ('three', 2, NULL); INSERT INTO stays VALUES (7);\n\
         \"\"\")",
    );
    let said = bench.naive_fails("SELECT count(*) FROM made");
    assert!(said.contains("app_order"), "{said}");

    bench.steps("[[up]]\nop = \"drop_column\"\ntable = \"made\"\ncolumn = \"c\"");
    bench.refused(
        ErrorKind::MissingExtension,
        "artist would have to be rebuilt, which needs the collation app_order",
    );

    bench.steps("[[up]]\nop = \"drop_table\"\ntable = \"made\"");
    let plan = bench.project().run(&["plan"]);
    assert!(
        plan.stdout.contains("table made is dropped with 2 rows"),
        "{} {}",
        plan.stdout,
        plan.stderr
    );
    let lint = bench.project().run(&["lint"]);
    assert!(lint.stdout.contains("2 rows"), "{} {}", lint.stdout, lint.stderr);
    bench.up();
    bench.same_answer("SELECT * FROM stays");
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'made'"), "0");
}

#[test]
fn rows_that_are_null_are_counted_without_the_collation_of_their_column() {
    let bench = Bench::from_python(
        "c = sqlite3.connect(path, isolation_level=None)\n\
         c.create_collation('app_order', lambda a, b: (a > b) - (a < b))\n\
         c.executescript(\"\"\"\n\
         CREATE TABLE made(a INTEGER PRIMARY KEY, b COLLATE app_order);\n\
         INSERT INTO made VALUES (1, NULL), (2, 'two');\n\
         \"\"\")",
    );
    let said = bench.naive_fails("SELECT count(*) FROM (SELECT a, b FROM made) WHERE b IS NULL");
    assert!(said.contains("app_order"), "{said}");

    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"made\"\ncolumn = \"b\"\nnot_null = true\ncollate = \"RTRIM\"",
    );
    bench.refused(ErrorKind::Rows, "made.b would be NULL in 1 row");
}

/// The naive way groups the old rows as the old column compares them.
#[test]
fn duplicates_are_counted_as_the_new_key_compares() {
    let bench = Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'Orion'), (2, 'ORION'), (3, 'Lyra');",
    );
    let naive =
        bench.ask("SELECT count(*) FROM (SELECT 1 FROM t GROUP BY name HAVING count(*) > 1)");
    assert_eq!(naive, "0");
    bench.steps(
        "[[up]]\nop = \"add_constraint\"\ntable = \"t\"\nsql = \"UNIQUE(name COLLATE NOCASE)\"",
    );
    bench.refused(ErrorKind::Rows, "1 value of name occurs more than once: 'Orion' (2 times)");
}

#[test]
fn a_value_stays_as_the_type_of_an_earlier_phase_stored_it() {
    let bench = || Bench::new("CREATE TABLE t(a REAL); INSERT INTO t VALUES (1.0);");
    let add = "[[up]]\nop = \"add_column\"\ntable = \"t\"\ncolumn = \"b INTEGER\"\nvalue = \"a\"\n";
    let alter = "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"b\"\ntype = \"BLOB\"\n";
    let both = bench();
    let naive = both.naive("CREATE TABLE n(a REAL, b BLOB); INSERT INTO n SELECT a, a FROM t;");
    let stored = |table: &str| format!("SELECT typeof(b) FROM {table}");
    // The phase is what is rebuilt at once: the value meets the last type alone.
    both.steps(&format!("{add}{alter}")).up();
    assert_eq!((naive.ask(&stored("n")), both.ask(&stored("t"))), ("real".into(), "real".into()));

    let apart = bench();
    apart.phase("one", add).phase("two", alter).up();
    assert_eq!(apart.ask(&stored("t")), "integer", "as between the phases");
    let barrier = bench();
    let data = "[[up]]\nop = \"sql\"\nsql = \"UPDATE t SET a = 2.0\"\n";
    barrier.steps(&format!("{add}{data}{alter}")).up();
    assert_eq!(barrier.ask("SELECT a, typeof(b) FROM t"), "2.0|integer", "as between the groups");
}

#[test]
fn a_key_that_no_row_had_is_found_before() {
    let bench = Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (42, 'x'), (43, 'y');
         CREATE TABLE u(t); INSERT INTO u VALUES (42);",
    );
    let naive = bench.naive("UPDATE t SET id = id + 1000");
    assert_eq!(naive.ask("SELECT count(*) FROM u JOIN t ON t.id = u.t"), "0", "nobody notices");

    let step = |value: &str| {
        format!(
            "[[up]]\nop = \"alter_column\"\ntable = \"t\"\ncolumn = \"id\"\nvalue = \"{value}\"\n"
        )
    };
    bench.steps(&step("id + 1000"));
    bench.refused(
        ErrorKind::Rows,
        "t.id identifies rows, and would get a new value in 2 rows (1042)",
    );
    bench.steps(&step("'x' || id"));
    bench.refused(ErrorKind::Rows, "the row of t with id 42");
    bench.steps(&step("id + 0")).up();
    bench.same_answer("SELECT * FROM t");
}

#[test]
fn a_missing_collation_elsewhere_does_not_keep_a_module_from_renaming() {
    let bench = Bench::from_python(
        "db = sqlite3.connect(path)
db.create_collation('app_order', lambda a, b: (a > b) - (a < b))
db.executescript('''
CREATE TABLE note(a TEXT); CREATE INDEX by_a ON note(a COLLATE app_order); INSERT INTO note VALUES ('n');
CREATE VIRTUAL TABLE words USING fts4(body); INSERT INTO words VALUES ('one two');
CREATE VIRTUAL TABLE more USING fts5(body); INSERT INTO more VALUES ('three four');
CREATE VIRTUAL TABLE box USING rtree(id, x0, x1); INSERT INTO box VALUES (1, 2, 3);
''')",
    );
    let said = bench.naive_fails("ALTER TABLE words RENAME TO terms");
    assert!(said.contains("SQL logic error"), "and not a word of the collation: {said}");

    let renames = Renaming::of_table("words", "terms").table("more", "less").table("box", "bag");
    bench.steps(renames.steps()).up();
    assert_eq!(bench.ask("SELECT * FROM terms WHERE terms MATCH 'two'"), "one two");
    assert_eq!(bench.ask("SELECT * FROM less WHERE less MATCH 'four'"), "three four");
    assert_eq!(bench.ask("SELECT id FROM bag"), "1");
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name = 'by_a'; SELECT a FROM note");
}

#[test]
fn a_full_text_table_without_content_does_not_follow_a_table_without_a_name() {
    let bench = Bench::new(
        "CREATE TABLE \"\"(a); INSERT INTO \"\" VALUES ('other words');
         CREATE VIRTUAL TABLE words USING fts5(a, content=''); INSERT INTO words(rowid, a) VALUES (7, 'one two');",
    );
    let naive = bench.naive(
        "DROP TABLE words; CREATE VIRTUAL TABLE words USING fts5(a, content='named');
         ALTER TABLE \"\" RENAME TO named; INSERT INTO words(words) VALUES ('rebuild');",
    );
    let find = "SELECT rowid FROM words WHERE words MATCH 'two'";
    assert_eq!(naive.ask(find), "", "its words are gone");
    bench.steps(Renaming::of_table("", "named").steps()).up();
    assert_eq!(bench.same_answer(find), "7");
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name = 'words'");
}

#[test]
fn a_column_without_a_name_gets_computed_values() {
    let bench = Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 5), (2, 'x');",
    );
    bench.steps(
        "[[up]]\nop = \"rebuild\"\ntable = \"t\"\nvalues = { \"\" = \"typeof(a)\" }\n\
         sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a, \"\" TEXT)'",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT group_concat(\"\") FROM t"), "integer,text");
}

#[test]
fn a_full_text_table_is_not_left_without_the_table_that_it_reads() {
    for module in ["fts4(body, content='note')", "fts5(body, content='note')"] {
        let bench = Bench::new(&format!(
            "CREATE TABLE note(body); CREATE VIRTUAL TABLE words USING {module};
             INSERT INTO note VALUES ('one two'); INSERT INTO words(words) VALUES ('rebuild');"
        ));
        let naive = bench.naive("DROP TABLE note");
        naive.fails("SELECT body FROM words WHERE words MATCH 'two'");

        let drop = "[[up]]\nop = \"drop_table\"\ntable = \"note\"\n";
        bench.steps(drop);
        bench.refused(ErrorKind::Reference, "words would read its rows from note");

        // Both may go, and another table may take the name.
        let again = "[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE note(body, more)\"\n";
        bench.steps(&format!("{drop}{again}")).up();
        assert_eq!(bench.ask("SELECT count(*) FROM words WHERE words MATCH 'two'"), "0");
        bench.phase(
            "last",
            &format!("parents = [\"change\"]\n{}{drop}", drop.replace("note", "words")),
        );
        bench.up();
        assert_eq!(
            bench.ask("SELECT count(*) FROM sqlite_schema WHERE tbl_name LIKE 'words%'"),
            "0"
        );
    }
}

#[test]
fn a_table_as_wide_as_sqlite_allows_is_not_copied_with_its_rowids() {
    let wide = |columns: usize| {
        let list: Vec<String> = (1..columns).map(|number| format!("c{number}")).collect();
        let bench = Bench::new(&format!(
            "CREATE TABLE wide(\"first\" TEXT, {}); INSERT INTO wide(c7) VALUES (2);",
            list.join(", ")
        ));
        bench.steps(
            "[[up]]\nop = \"alter_column\"\ntable = \"wide\"\ncolumn = \"first\"\ntype = \"INTEGER\"",
        );
        bench
    };
    let said = wide(2000).naive_fails("SELECT rowid, * FROM wide");
    assert!(said.contains("too many columns"), "{said}");
    wide(2000).refused(ErrorKind::Unsupported, "the rows of wide cannot be copied");
    let bench = wide(1999);
    bench.up();
    assert_eq!(bench.ask("SELECT typeof(\"first\"), c7 FROM wide"), "null|2");
}

/// SQLite uses no index whose collation it missed once, and has "no query solution" from then on.
#[test]
fn a_view_that_only_lacks_the_collation_of_a_key_stays() {
    let bench = Bench::from_python(
        "c = sqlite3.connect(path, isolation_level=None)
c.create_collation('app_order', lambda a, b: (a > b) - (a < b))
c.executescript('''
CREATE TABLE kind(kind TEXT, shelf DATETIME, chat TEXT, photo TEXT COLLATE app_order, kind6 NUMERIC,
  PRIMARY KEY (photo, chat, shelf),
  FOREIGN KEY (shelf, kind6, kind) REFERENCES kind(photo, chat, shelf) ON UPDATE SET NULL,
  FOREIGN KEY (chat, shelf, kind) REFERENCES kind(photo, chat, shelf) ON DELETE RESTRICT,
  FOREIGN KEY (shelf, kind6, photo) REFERENCES kind(photo, chat, shelf) ON DELETE RESTRICT,
  FOREIGN KEY (kind, chat, kind6) REFERENCES kind(photo, chat, shelf) ON DELETE SET DEFAULT ON UPDATE CASCADE) WITHOUT ROWID;
CREATE UNIQUE INDEX photo ON kind(coalesce(photo, 7) COLLATE NOCASE, photo);
CREATE VIEW face AS SELECT DISTINCT kind, shelf AS out1, chat AS out2 FROM kind WHERE shelf IS NOT NULL;
CREATE VIEW book AS SELECT p.chat AS l, q.shelf AS r, count(*) AS n FROM kind AS p LEFT JOIN kind q ON p.chat = q.shelf
  GROUP BY 1, 2;
INSERT INTO kind VALUES ('one', 1, 'c', 'b', 2);
''')",
    );
    let said = bench.naive_fails("SELECT * FROM book");
    assert!(said.contains("no query solution"), "{said}");

    let renamed = Renaming::of_column("kind", "kind", "sort");
    bench.steps(&format!("views = \"keep\"\n{}", renamed.steps())).up();
    let ask = "c = sqlite3.connect(path); c.create_collation('app_order', lambda a, b: (a > b) - (a < b))\n\
               print(c.execute('SELECT * FROM face').fetchall(), c.execute('SELECT sort FROM kind').fetchall())";
    assert_eq!(python(&bench.database(), ask), "[('one', 1, 'c')] [('one',)]");
}

#[test]
fn rows_are_matched_with_a_new_foreign_key_without_the_collation_of_another_column() {
    let bench = Bench::from_python(
        "c = sqlite3.connect(path, isolation_level=None)
c.create_collation('app_order', lambda a, b: (a > b) - (a < b))
c.executescript('''
CREATE TABLE track(id INTEGER PRIMARY KEY); CREATE TABLE kind(track INT, place TEXT COLLATE app_order);
INSERT INTO track VALUES (1); INSERT INTO kind VALUES (1, 'x'), (2, 'y');
''')",
    );
    let said = bench.naive_fails("SELECT track FROM (SELECT track, place FROM kind)");
    assert!(said.contains("app_order"), "{said}");

    let add = "[[up]]\nop = \"add_constraint\"\ntable = \"kind\"\nsql = \"FOREIGN KEY (track) REFERENCES track(id)\"\n";
    bench.steps(add);
    bench.refused(ErrorKind::Rows, "1 row of kind has no parent in track");
    let mend =
        "irreversible = \"x\"\n[[up]]\nop = \"sql\"\nsql = \"INSERT INTO track VALUES (2)\"\n";
    bench.steps(&format!("{mend}{add}")).up();
    assert_eq!(
        bench.ask("SELECT \"table\", \"from\" FROM pragma_foreign_key_list('kind')"),
        "track|track"
    );
}

#[test]
fn statistics_follow_an_index_on_a_generated_column_through_a_rename_and_a_rebuild() {
    let bench = Bench::new(
        "CREATE TABLE visit(track, amount AS (track > 3) STORED, half AS (track / 2));
         CREATE INDEX late ON visit(amount); CREATE INDEX pair ON visit(half, track);
         INSERT INTO visit(track) VALUES (1), (4), (7); ANALYZE;",
    );
    let statistics = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 2";
    let rebuilt = "CREATE TABLE visit(track, shelf AS (track > 3) STORED, part AS (track / 2), UNIQUE (shelf, part))";
    let aside = rebuilt.replace("TABLE visit", "TABLE new_visit");
    let naive = bench.naive(&format!(
        "{aside}; INSERT INTO new_visit(track) SELECT track FROM visit; DROP TABLE visit;
         ALTER TABLE new_visit RENAME TO visit;"
    ));
    assert_eq!(naive.ask(statistics), "", "a rebuild by hand loses them");

    let rename = Renaming::of_column("visit", "amount", "shelf").column("visit", "half", "part");
    let steps = rename.steps();
    bench
        .steps(&format!(
            "{steps}\n[[up]]\nop = \"rebuild\"\ntable = \"visit\"\nsql = \"{rebuilt}\"\n"
        ))
        .up();
    assert_eq!(bench.same_answer(statistics), "visit|late|3 2\nvisit|pair|3 1 1");
}

#[test]
fn a_generated_column_whose_expression_changes_is_computed_again() {
    let bench = Bench::new(
        "CREATE TABLE visit(track, late AS (track > 3) STORED); CREATE INDEX by_late ON visit(late);
         INSERT INTO visit(track) VALUES (1), (4), (7); ANALYZE;",
    );
    let rebuilt = "CREATE TABLE visit(track, late AS (track > 6) STORED)";
    bench
        .steps(&format!("[[up]]\nop = \"rebuild\"\ntable = \"visit\"\nsql = \"{rebuilt}\"\n"))
        .up();
    assert_eq!(bench.ask("SELECT group_concat(late) FROM visit"), "0,0,1");
}

#[test]
fn a_generated_column_follows_the_values_that_a_rebuild_computes() {
    let bench = Bench::new(
        "CREATE TABLE visit(track, late AS (track > 6) STORED); INSERT INTO visit(track) VALUES (1), (4), (7);",
    );
    let rebuilt = "CREATE TABLE visit(track, late AS ( track>6 ) STORED, CHECK (track > 0))";
    let values = "values = { track = \"track * 2\" }";
    bench.steps(&format!(
        "[[up]]\nop = \"rebuild\"\ntable = \"visit\"\nsql = \"{rebuilt}\"\n{values}\n"
    ));
    bench.up();
    assert_eq!(bench.ask("SELECT group_concat(late) FROM visit"), "0,1,1");
}

/// SQLite asks for the collation of every column of a query in brackets, and compares keys by those of the parent.
#[test]
fn a_new_foreign_key_needs_the_collation_of_its_parent_alone() {
    let tables = "c = sqlite3.connect(path, isolation_level=None)
c.create_collation('app_order', lambda a, b: (a > b) - (a < b))
c.executescript('''
CREATE TABLE note(entry TEXT COLLATE app_order, face INTEGER PRIMARY KEY, word TEXT);
CREATE TABLE kind(entry TEXT, name TEXT COLLATE app_order);
CREATE UNIQUE INDEX by_name ON kind(name);
INSERT INTO note VALUES ('1', 1, 'a'), ('2', 2, NULL), ('7', 3, 'a'); INSERT INTO kind VALUES ('1', 'a');
''')";
    let key = |column: &str, parent: &str| {
        format!(
            "[[up]]\nop = \"add_constraint\"\ntable = \"note\"\nsql = \"FOREIGN KEY ({column}) REFERENCES {parent}\"\n"
        )
    };
    let bench = Bench::from_python(tables);
    let said = bench
        .naive_fails("SELECT * FROM (SELECT entry FROM note) c JOIN note p ON p.face = c.entry");
    assert!(said.contains("app_order"), "{said}");

    let to_face = key("entry", "note(face)");
    bench.steps(&to_face);
    bench.refused(ErrorKind::Rows, "1 row of note has no parent in note (entry: '7')");
    bench.steps(&key("word", "kind(name)"));
    let needs = "the new foreign key to kind cannot be checked without the collation app_order";
    bench.refused(ErrorKind::MissingExtension, needs);
    let mend = "irreversible = \"x\"\n[[up]]\nop = \"sql\"\nsql = \"UPDATE note SET entry = NULL WHERE face = 3\"\n";
    bench.steps(&format!("{mend}{to_face}")).up();
    let list = "SELECT \"table\", \"from\" FROM pragma_foreign_key_list('note')";
    assert_eq!(bench.ask(list), "note|entry");
}

#[test]
fn a_full_text_table_is_not_renamed_to_the_name_of_its_column() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE vault USING fts5(visit, person); INSERT INTO vault VALUES ('a', 'b');",
    );
    let said = bench.naive_fails(
        "ALTER TABLE vault RENAME TO Person; PRAGMA writable_schema=RESET; SELECT * FROM Person",
    );
    assert!(said.contains("vtable constructor failed"), "{said}");

    let rename = Renaming::of_table("vault", "Person");
    bench.steps(rename.steps());
    bench.refused(ErrorKind::Step, "the virtual table vault cannot be called Person");
    let rename = Renaming::of_table("vault", "people");
    bench.steps(rename.steps()).up();
    assert_eq!(bench.ask("SELECT person FROM people WHERE people MATCH 'a'"), "b");
}

/// SQLite computes the column again where the type or the collation of what it reads changes.
#[test]
fn a_generated_column_follows_the_collation_of_the_column_that_it_reads() {
    let table = "CREATE TABLE t(id INTEGER PRIMARY KEY, w TEXT, is_a AS (w = 'A') STORED, twice AS (is_a * 2))";
    let rows = "INSERT INTO t(w) VALUES ('a'), ('A'), ('b');";
    let other = table.replace("w TEXT", "w TEXT COLLATE NOCASE");
    let steps = [
        format!("op = \"rebuild\"\ntable = \"t\"\nsql = \"{other}\"\n"),
        "op = \"alter_column\"\ntable = \"t\"\ncolumn = \"w\"\ncollate = \"NOCASE\"\n".to_owned(),
    ];
    for step in steps {
        let bench = Bench::new(&format!("{table}; {rows}"));
        let naive = bench.naive(&format!("DROP TABLE t; {other}; {rows}"));
        let values = "SELECT group_concat(is_a), group_concat(twice) FROM t";
        assert_eq!(naive.ask(values), "1,1,0|2,2,0");

        bench.steps(&format!("[[up]]\n{step}")).up();
        assert_eq!(bench.ask(values), "1,1,0|2,2,0", "{step}");
    }
    let bench = Bench::new(&format!("{table}; {rows} UPDATE t SET w = w || '!'"));
    bench.steps(&format!("[[up]]\nop = \"rebuild\"\ntable = \"t\"\nsql = \"{table}\"\n")).up();
    bench.same_answer("SELECT group_concat(is_a) FROM t");

    // A stored value that becomes a computed one is still the data of the file.
    let stored =
        Bench::new("CREATE TABLE t(w TEXT, is_a INT); INSERT INTO t VALUES ('a', 0), ('A', 1);");
    let computed = "CREATE TABLE t(w TEXT COLLATE NOCASE, is_a INT AS (w = 'A') STORED)";
    stored.steps(&format!("[[up]]\nop = \"rebuild\"\ntable = \"t\"\nsql = \"{computed}\"\n"));
    stored.refused(ErrorKind::Loss, "t.is_a");
}

/// The names of rebuilt tables were looked up as the phase that rebuilt them calls them: the integrity check went for a
/// full-text table that a later phase had given the name, and left out a table that a statement renamed.
#[test]
fn a_rebuilt_table_is_checked_by_the_name_that_it_has_in_the_end() {
    let bench = Bench::new(
        "CREATE TABLE kind(id INTEGER PRIMARY KEY, note UNIQUE); CREATE TABLE book(id INTEGER PRIMARY KEY, b);
         INSERT INTO kind VALUES (1, 'x'); CREATE VIRTUAL TABLE words USING fts5(title);
         INSERT INTO words VALUES ('dark side'); PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE words USING fts5(title, tokenize=''app_words'')'
         WHERE name = 'words'; PRAGMA writable_schema = RESET;",
    );
    bench.phase("one", Renaming::of_table("book", "kind").table("kind", "book").steps());
    let away = Renaming::of_table("kind", "shelf").table("words", "kind");
    bench.phase("two", &format!("parents = [\"one\"]\n{}", away.steps())).up();
    assert_eq!(bench.ask("SELECT note FROM book"), "x");

    let bench = Bench::new("CREATE TABLE t(a UNIQUE, b); INSERT INTO t VALUES (1, 2), (3, 4);");
    bench.phase("one", Renaming::of_column("t", "b", "c").steps());
    let sql = "[[up]]\nop = \"sql\"\nsql = \"ALTER TABLE t RENAME TO u\"";
    bench.phase("two", &format!("parents = [\"one\"]\n{sql}"));
    let said = bench.up();
    assert!(
        said.proof.checks.iter().any(|it| it.detail.contains("1 rebuilt table, indexes included")),
        "{said:?}"
    );
}

/// The run found it out when it filled the index, after the backup.
#[test]
fn a_full_text_table_over_a_column_that_needs_a_missing_function_is_refused_before_the_backup() {
    let bench = Bench::new("CREATE TABLE plain(b);");
    python(
        &bench.database(),
        "c = sqlite3.connect(path, isolation_level=None)\n\
         c.create_function('app_fn', 1, lambda it: it, deterministic=True)\n\
         c.execute('CREATE TABLE note(note, face AS (app_fn(note)))')\n\
         c.execute(\"INSERT INTO note(note) VALUES ('a')\")",
    );
    let create = |columns: &str| {
        format!(
            "[[up]]\nop = \"create_table\"\nsql = \"CREATE VIRTUAL TABLE f USING fts5({columns}, content='note')\""
        )
    };
    bench.steps(&create("face, note"));
    let error = bench
        .refused(ErrorKind::MissingExtension, "the full-text table f cannot be filled from note");
    assert!(format!("{error:?}").contains("app_fn"), "{error:?}");
    bench.steps(&create("note")).up();
    assert_eq!(bench.ask("SELECT rowid FROM f WHERE f MATCH 'a'"), "1");
}

/// The naive way finds no more of the backup than that it lacks a collation, and so takes every finding for a new one.
#[test]
fn rows_that_break_a_rule_all_along_are_no_findings_after_an_index_with_a_missing_collation() {
    let bench = Bench::from_python(
        "c = sqlite3.connect(path, isolation_level=None)
c.create_collation('app_order', lambda a, b: (a > b) - (a < b))
c.executescript(\"\"\"
CREATE TABLE chat(id INTEGER PRIMARY KEY, book TEXT, x INTEGER CHECK (x > 0), CONSTRAINT rule CHECK (id > 0));
CREATE INDEX by_book ON chat(book COLLATE app_order);
PRAGMA ignore_check_constraints = ON;
INSERT INTO chat VALUES (1, NULL, 0), (2, NULL, -1), (3, 'x', 1);
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'book TEXT', 'book TEXT NOT NULL') WHERE name = 'chat';
\"\"\")",
    );
    let said = bench.naive_fails("PRAGMA quick_check('chat')");
    assert!(said.contains("app_order"), "{said}");

    let drop_index = "[[up]]\nop = \"drop_index\"\nindex = \"by_book\"\n";
    let drop_rule = "[[up]]\nop = \"drop_constraint\"\ntable = \"chat\"\nname = \"rule\"\n";
    bench.steps(&format!("{drop_index}{drop_rule}")).up();
    bench.same_answer("SELECT id, book, x FROM chat");
    assert_eq!(bench.ask("SELECT count(*) FROM pragma_quick_check('chat')"), "4");
}

/// The naive way looks for the rows by their rowids, which they did not have.
#[test]
fn rows_without_a_parent_that_get_rowids_are_the_rows_without_a_parent_from_before() {
    let bench = Bench::new(
        "PRAGMA foreign_keys = OFF; CREATE TABLE track(id INTEGER PRIMARY KEY); INSERT INTO track VALUES (1);
         CREATE TABLE kind(k TEXT PRIMARY KEY, track REFERENCES track(id)) WITHOUT ROWID;
         INSERT INTO kind VALUES ('a', 1), ('b', 7), ('c', 8);",
    );
    let naive = bench
        .ask("SELECT group_concat(coalesce(rowid, 'none')) FROM pragma_foreign_key_check('kind')");
    assert_eq!(naive, "none,none");
    let text = "CREATE TABLE kind(k TEXT PRIMARY KEY, track REFERENCES track(id))";
    bench.steps(&format!("[[up]]\nop = \"rebuild\"\ntable = \"kind\"\nsql = \"{text}\"\n")).up();
    bench.same_answer("SELECT k, track FROM kind");
    assert_eq!(bench.ask("SELECT sql FROM sqlite_schema WHERE name = 'kind'"), text);
}

/// The naive way tries the rows in a table that is not STRICT, which takes NULL in a primary key.
#[test]
fn a_primary_key_of_a_strict_table_that_would_be_null_is_refused_before_the_backup() {
    for old in ["INTEGER", "TEXT"] {
        let bench = Bench::new(&format!(
            "CREATE TABLE track(place {old} PRIMARY KEY) STRICT; INSERT INTO track VALUES (1), (2), (5);"
        ));
        let naive = "CREATE TEMP TABLE twin(place TEXT PRIMARY KEY); INSERT OR IGNORE INTO twin \
                     SELECT nullif(place, '1') FROM (SELECT CAST(place AS TEXT) AS place FROM track); \
                     SELECT count(*) FROM twin";
        assert_eq!(bench.ask(naive), "3");
        bench.steps(
            "[[up]]\nop = \"alter_column\"\ntable = \"track\"\ncolumn = \"place\"\ntype = \"TEXT\"\n\
             value = \"nullif(CAST(place AS TEXT), '1')\"",
        );
        bench.refused(ErrorKind::Rows, "track.place would be NULL in 1 row");
    }
}
