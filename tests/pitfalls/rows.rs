//! Rows: that none is lost, changed, renumbered or put in the wrong place (P28, P30 to P35, P38,
//! P47, P48, P71, P77).

use phaseshift::ErrorKind;
use phaseshift::autogenerate::{Answers, Drafted, DropPolicy, Subject, draft};
use phaseshift::event::Silent;
use phaseshift::migrate::Hooks;
use serde_json::json;

use support::{Bench, Renaming, explain, sqlite3};

/// A table whose rowids have holes, with a full-text index on it that finds rows by them.
const NOTES: &str = "
CREATE TABLE note(title TEXT, body TEXT, author TEXT);
INSERT INTO note(rowid, title, body, author) VALUES
  (-5, 'below', 'under zero', 'a'), (3, 'three', 'the hills', 'b'), (1000, 'far', 'the sea', 'c'),
  (9223372036854775807, 'last', 'the end', 'd');
CREATE VIRTUAL TABLE note_text USING fts5(title, body, content='note');
INSERT INTO note_text(note_text) VALUES ('rebuild');
";

const FIND_SEA: &str = "SELECT note.author FROM note_text JOIN note ON note.rowid = note_text.rowid WHERE note_text MATCH 'sea'";

#[test]
fn p28_rowids_stay_and_full_text_finds_the_same_rows() {
    let bench = Bench::new(NOTES);
    let naive = bench.naive(
        "CREATE TABLE n(title TEXT, body TEXT, writer TEXT); INSERT INTO n SELECT title, body, author FROM note;
         DROP TABLE note; ALTER TABLE n RENAME TO note;",
    );
    assert_eq!(naive.ask("PRAGMA integrity_check"), "ok", "nobody notices");
    let wrong = FIND_SEA.replace("note.author", "note.writer");
    assert_eq!(naive.ask(&wrong), "", "the row that is found is no longer there");

    bench.renamed(&Renaming::of_column("note", "author", "writer"));
    assert_eq!(bench.ask(&wrong), "c");
    sqlite3(
        &bench.database(),
        "INSERT INTO note_text(note_text, rank) VALUES('integrity-check', 1)",
    );
    assert_eq!(
        bench.same_answer("SELECT group_concat(rowid) FROM note"),
        "-5,3,1000,9223372036854775807"
    );

    // Row by row, too, when values are computed on the way.
    let bench = Bench::new(NOTES);
    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"note\"\ncolumn = \"author\"\nvalue = \"upper(author)\"\n",
    );
    bench.up();
    bench.same_answer("SELECT rowid, title, body FROM note");
    assert_eq!(bench.ask(FIND_SEA), "C");
}

#[test]
fn p30_a_change_of_type_does_not_cast_dates_and_json_away() {
    let bench = Bench::new(
        "CREATE TABLE event(id INTEGER PRIMARY KEY, day TEXT, data TEXT);
         INSERT INTO event VALUES (1, '2024-05-01 10:00', '{\"a\": 1}'), (2, '1999-12-31', '[1, 2]');",
    );
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, day DATETIME, data JSON);
         INSERT INTO n SELECT id, CAST(day AS DATETIME), CAST(data AS JSON) FROM event;
         DROP TABLE event; ALTER TABLE n RENAME TO event;",
    );
    assert_eq!(naive.ask("SELECT day, data FROM event"), "2024|0\n1999|0");

    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"event\"\ncolumn = \"day\"\ntype = \"DATETIME\"\n\
         [[up]]\nop = \"alter_column\"\ntable = \"event\"\ncolumn = \"data\"\ntype = \"JSON\"\n",
    );
    let script = phaseshift::migrate::script(&bench.plan()).unwrap().to_uppercase();
    // Its checks ask what a conversion would give; the rows themselves are copied as they are.
    let copies: Vec<&str> = script
        .lines()
        .filter(|it| it.contains("INSERT") && !it.contains("TEMP.PHASESHIFT_"))
        .collect();
    assert!(copies.iter().any(|it| it.contains("EVENT")), "{script}");
    assert!(!copies.iter().any(|it| it.contains("CAST")), "{copies:?}");
    bench.up_judged(&json!({"alter": [
        "DROP TABLE event", "CREATE TABLE event(id INTEGER PRIMARY KEY, day DATETIME, data JSON)",
    ]}));
    bench.same_answer("SELECT quote(day), quote(data) FROM event");
}

#[test]
fn p31_a_change_of_type_that_would_convert_values_is_refused_with_samples() {
    let bench = Bench::new(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, phone TEXT);
         INSERT INTO person VALUES (1, '0041791234567'), (2, 'none'), (3, '12'), (4, NULL);",
    );
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, phone INTEGER); INSERT INTO n SELECT * FROM person;
         DROP TABLE person; ALTER TABLE n RENAME TO person;",
    );
    assert_eq!(naive.ask("SELECT quote(phone) FROM person"), "41791234567\n'none'\n12\nNULL");

    let step = "[[up]]\nop = \"alter_column\"\ntable = \"person\"\ncolumn = \"phone\"\ntype = \"INTEGER\"\n";
    bench.steps(step);
    let error = bench.refused(ErrorKind::Rows, "person");
    assert!(explain(&error).contains("0041791234567"), "a sample: {}", explain(&error));

    // The phase may say how to convert; then it is done, and nothing else changes.
    bench.steps(&format!("{step}value = \"CAST(phone AS INTEGER)\"\n")).up();
    assert_eq!(bench.ask("SELECT quote(phone) FROM person"), "41791234567\n0\n12\nNULL");
}

#[test]
fn p32_columns_are_matched_by_name_not_by_place() {
    let bench = Bench::new(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, first TEXT, city TEXT);
         ALTER TABLE person ADD COLUMN last TEXT;
         INSERT INTO person VALUES (1, 'Ada', 'London', 'Lovelace');",
    );
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, first TEXT, last TEXT, city TEXT NOT NULL);
         INSERT INTO n SELECT * FROM person; DROP TABLE person; ALTER TABLE n RENAME TO person;",
    );
    assert_eq!(naive.ask("SELECT last, city FROM person"), "London|Lovelace");

    let text =
        "CREATE TABLE person(id INTEGER PRIMARY KEY, first TEXT, last TEXT, city TEXT NOT NULL)";
    bench.steps(&format!("[[up]]\nop = \"rebuild\"\ntable = \"person\"\nsql = \"{text}\"\n"));
    let script = phaseshift::migrate::script(&bench.plan()).unwrap();
    assert!(!script.contains("SELECT *"), "{script}");
    bench.up_judged(&json!({"alter": ["DROP TABLE person", text]}));
    bench.same_answer("SELECT id, first, last, city FROM person");

    // Renamed columns that cross each other line up in place, not in meaning.
    let bench =
        Bench::new("CREATE TABLE pair(a TEXT, b TEXT); INSERT INTO pair VALUES ('left', 'right');");
    let text = "CREATE TABLE pair(b TEXT, a TEXT)";
    bench.steps(&format!("[[up]]\nop = \"rebuild\"\ntable = \"pair\"\nsql = \"{text}\"\n"));
    bench.up_judged(&json!({"alter": ["DROP TABLE pair", text]}));
    bench.same_answer("SELECT a, b FROM pair");
}

#[test]
fn p33_a_column_that_does_not_exist_is_not_read_as_a_string() {
    let schema = "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT);
        CREATE INDEX odd ON person(name) WHERE name <> \"x\";
        CREATE VIEW strange AS SELECT name FROM person WHERE name <> \"nobody\";
        INSERT INTO person VALUES (1, 'Ada'), (2, 'x');";
    let bench = Bench::new(schema);
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, full_name TEXT);
         INSERT INTO n SELECT id, \"full_name\" FROM person;",
    );
    assert_eq!(naive.ask("SELECT full_name FROM n"), "full_name\nfull_name");

    // In an expression of a phase such a name is an error, and the file stays as it is.
    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"person\"\ncolumn = \"name\"\nvalue = 'upper(\"full_name\")'\n",
    );
    let before = bench.project().file_bytes();
    let error = bench.run(&support::up_to("head")).unwrap_err();
    assert!(explain(&error).contains("full_name"), "{}", explain(&error));
    assert_eq!(before, bench.project().file_bytes());

    // Stored text keeps its double-quoted strings.
    let bench = Bench::new(schema);
    bench.renamed(&Renaming::of_table("person", "people"));
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%\"x\"%'"), "1");
}

#[test]
fn p34_a_rename_is_never_guessed() {
    let bench = Bench::new(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, phone TEXT);
         INSERT INTO person VALUES (1, '123');",
    );
    let naive = bench
        .naive("ALTER TABLE person ADD COLUMN mobile TEXT; ALTER TABLE person DROP COLUMN phone;");
    assert_eq!(naive.ask("SELECT quote(mobile) FROM person"), "NULL", "read as drop and add");

    let text = "CREATE TABLE person(id INTEGER PRIMARY KEY, mobile TEXT)";
    let rebuild = format!("[[up]]\nop = \"rebuild\"\ntable = \"person\"\nsql = \"{text}\"\n");
    bench.steps(&rebuild);
    let said = explain(&bench.refused(ErrorKind::Step, "phone"));
    assert!(
        said.contains("rename_column") && said.contains("drop_column"),
        "both readings: {said}"
    );

    // A draft of a phase from the desired schema says both, too.
    let schema = |sql: &str| {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        phaseshift::schema::read(&connection).unwrap()
    };
    let had = schema("CREATE TABLE person(id INTEGER PRIMARY KEY, phone TEXT)");
    for policy in [DropPolicy::Named, DropPolicy::Allow] {
        let answers = Answers { policy, ..Answers::default() };
        let Drafted::Open(open) = draft(&had, &schema(text), &answers).unwrap() else {
            panic!("a rename was guessed")
        };
        let [question] = open.questions.as_slice() else { panic!("{open:?}") };
        assert_eq!(question.new, Subject::column("person", "mobile"));
        assert_eq!(question.candidates, [Subject::column("person", "phone")]);
    }

    let renaming = Renaming::of_column("person", "phone", "mobile");
    bench.steps(&format!("{}{rebuild}", renaming.steps())).up();
    assert_eq!(bench.ask("SELECT mobile FROM person"), "123");
}

#[test]
fn p35_a_column_that_the_migration_does_not_know_is_not_dropped() {
    let bench = Bench::new(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT);
         ALTER TABLE person ADD COLUMN added_by_hand TEXT;
         INSERT INTO person VALUES (1, 'Ada', 'precious');",
    );
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         INSERT INTO n(id, name) SELECT id, name FROM person; DROP TABLE person; ALTER TABLE n RENAME TO person;",
    );
    assert!(!naive.ask("SELECT * FROM person").contains("precious"));

    let text = "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL)";
    let rebuild = format!("[[up]]\nop = \"rebuild\"\ntable = \"person\"\nsql = \"{text}\"\n");
    bench.steps(&rebuild);
    bench.refused(ErrorKind::Step, "added_by_hand");

    let drop = "[[up]]\nop = \"drop_column\"\ntable = \"person\"\ncolumn = \"added_by_hand\"\n";
    bench.steps(&format!("{drop}{rebuild}")).up();
    assert_eq!(bench.ask("SELECT * FROM person"), "1|Ada");
}

/// Statistics, one row of which no ANALYZE would make.
const STATISTICS: &str = "
CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT UNIQUE, shelf INTEGER);
CREATE INDEX by_shelf ON item(shelf);
CREATE TABLE key(a TEXT, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
INSERT INTO item SELECT i, 'c' || i, i % 7 FROM n;
INSERT INTO key VALUES ('x', 'y'), ('x', 'z');
ANALYZE;
UPDATE sqlite_stat1 SET stat = '123456 9' WHERE idx = 'by_shelf';
";

#[test]
fn p38_statistics_of_the_planner_stay() {
    let bench = Bench::new(STATISTICS);
    let statistics = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2, 3";
    let naive = bench.naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, code TEXT UNIQUE, rack INTEGER);
         INSERT INTO n SELECT * FROM item; DROP TABLE item; ALTER TABLE n RENAME TO item;
         CREATE INDEX by_shelf ON item(rack);",
    );
    assert_eq!(naive.ask(statistics), "key|key|2 2 1");

    bench.renamed(&Renaming::of_column("item", "shelf", "rack"));
    assert!(bench.same_answer(statistics).contains("item|by_shelf|123456 9"));
}

#[test]
fn p38_statistics_of_an_index_that_is_made_anew_stay() {
    let bench = Bench::new(STATISTICS);
    let text = "CREATE INDEX by_shelf ON item(shelf DESC)";
    let naive = bench.naive(&format!("DROP INDEX by_shelf; {text};"));
    assert!(!naive.ask("SELECT idx FROM sqlite_stat1").contains("by_shelf"));

    bench.steps(&format!(
        "[[up]]\nop = \"drop_index\"\nindex = \"by_shelf\"\n\
         [[up]]\nop = \"create_index\"\nsql = \"{text}\"\n"
    ));
    bench.up_judged(&json!({"alter": ["DROP INDEX by_shelf", text]}));
    bench.same_answer("SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2, 3");
}

#[test]
fn p77_statistics_follow_a_rename() {
    let bench = Bench::new(STATISTICS);
    let naive = bench.naive("ALTER TABLE item RENAME TO article");
    assert!(naive.ask("SELECT tbl FROM sqlite_stat1").contains("item"), "under the old name");

    bench.renamed(&Renaming::of_table("item", "article").table("key", "pair"));
    let moved = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2, 3";
    assert_eq!(
        bench.ask(moved),
        "article|by_shelf|123456 9\narticle|sqlite_autoindex_article_1|200 1\npair|pair|2 2 1"
    );
}

#[test]
fn p47_damage_that_counts_do_not_see_is_found_before_the_commit() {
    let schema = "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT, price REAL);
        CREATE TABLE other(a TEXT, b INTEGER);
        INSERT INTO item VALUES (1, 'a', 1.0), (2, 'b', 2.0), (3, 'c', NULL);
        INSERT INTO other VALUES ('x', 1), ('y', 2);";
    let naive = Bench::new(schema).naive(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, name TEXT, price REAL);
         INSERT INTO n SELECT id, price, code FROM item; DROP TABLE item; ALTER TABLE n RENAME TO item;",
    );
    assert_eq!(
        naive.ask("SELECT count(*) FROM item"),
        "3",
        "the count is right, every row is wrong"
    );

    let damages = [
        ("UPDATE item SET name = 'B' WHERE id = 2", "item"),
        ("UPDATE item SET price = 1 WHERE id = 3", "item"),
        ("UPDATE item SET name = CAST(name AS BLOB) WHERE id = 1", "item"),
        ("UPDATE item SET id = 30 WHERE id = 3", "item"),
        ("UPDATE other SET b = 2.5 WHERE a = 'y'", "other"),
        ("DELETE FROM other WHERE a = 'x'", "other"),
        ("INSERT INTO other VALUES ('z', 3)", "other"),
    ];
    for (damage, table) in damages {
        let bench = Bench::new(schema);
        bench.steps(Renaming::of_column("item", "code", "name").steps());
        let mut meddle = |connection: &rusqlite::Connection| {
            connection.execute_batch(damage).unwrap();
        };
        let secured = bench.plan().secure(&mut Silent).unwrap();
        let mut hooks = Hooks { before_proof: Some(&mut meddle) };
        let error = secured.run(&mut Silent, &mut hooks).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proof, "{damage}: {}", explain(&error));
        assert!(explain(&error).contains(table), "{damage}: {}", explain(&error));
        support::judge(bench.before(), &bench.database(), &json!({})).unwrap();
    }
}

#[test]
fn p48_old_rows_against_new_rules_are_counted_before_anything_is_written() {
    let bench = Bench::new(
        "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT, price REAL, shelf INTEGER);
         CREATE TABLE rack(id INTEGER PRIMARY KEY);
         INSERT INTO rack VALUES (1);
         INSERT INTO item VALUES (7, 'a', 1, 1), (8, NULL, 2, 1), (9, 'a', -3, 5);",
    );
    let said = bench.naive_fails(
        "CREATE TABLE n(id INTEGER PRIMARY KEY, code TEXT NOT NULL, price REAL, shelf INTEGER);
         INSERT INTO n SELECT * FROM item;",
    );
    assert!(said.contains("NOT NULL constraint failed") && !said.contains('8'), "no key: {said}");

    let column =
        "[[up]]\nop = \"alter_column\"\ntable = \"item\"\ncolumn = \"code\"\nnot_null = true\n";
    let constraint =
        |sql: &str| format!("[[up]]\nop = \"add_constraint\"\ntable = \"item\"\nsql = \"{sql}\"\n");
    let cases = [
        (column.to_owned(), "8"),
        (constraint("CHECK (price > 0)"), "9"),
        (constraint("UNIQUE (code)"), "a"),
        (constraint("FOREIGN KEY (shelf) REFERENCES rack(id)"), "shelf: 5"),
    ];
    for (step, key) in cases {
        bench.steps(&step);
        let error = bench.refused(ErrorKind::Rows, "item");
        assert!(explain(&error).contains(key), "{step}: {}", explain(&error));
    }
    bench.steps(&format!("{column}value = \"coalesce(code, '?')\"\n")).up();
    assert_eq!(bench.ask("SELECT group_concat(code) FROM item"), "a,?,a");
}

#[test]
fn p71_nothing_vacuums_the_file() {
    // `optimize` does it another way: tests/migration/optimize.rs.
    let bench = Bench::new(NOTES);
    sqlite3(
        &bench.database(),
        "DELETE FROM note_text WHERE rowid = -5; DELETE FROM note WHERE rowid = -5;
         CREATE TABLE gone AS SELECT zeroblob(2000000) AS ballast; DROP TABLE gone",
    );
    bench.remember();
    let free = |answer: String| answer.parse::<u32>().unwrap();
    assert!(free(bench.ask_before("PRAGMA freelist_count")) > 400);
    assert_eq!(bench.naive_copy().ask(FIND_SEA), "c");
    let naive = bench.naive("VACUUM");
    assert_eq!(naive.ask("PRAGMA integrity_check"), "ok");
    assert_ne!(naive.ask(FIND_SEA), "c", "another row, or none");

    bench.steps(Renaming::of_table("note", "notes").steps());
    assert!(!phaseshift::migrate::script(&bench.plan()).unwrap().to_uppercase().contains("VACUUM"));
    bench.up();
    assert_eq!(bench.ask("SELECT group_concat(rowid) FROM notes"), "3,1000,9223372036854775807");
    assert!(free(bench.ask("PRAGMA freelist_count")) > 400, "free pages stay");

    bench.phase("z", "parents = [\"change\"]\n[[up]]\nop = \"sql\"\nsql = \"VACUUM\"\n");
    bench.refused(ErrorKind::PhaseFile, "not allowed in a phase");
}
