//! Names: case, quotes, swaps, scratch names, and tables that belong to other tables (P29, P36, P42,
//! P44 to P46, P51).

use phaseshift::ErrorKind;
use phaseshift::plan::summarize;
use serde_json::json;

use support::{Bench, Renaming, quoted, sqlite3};

const SEARCH: &str = "
CREATE TABLE doc(id INTEGER PRIMARY KEY, title TEXT, body TEXT);
INSERT INTO doc VALUES (1, 'Sea', 'salt water'), (2, 'Hill', 'green grass');
CREATE VIRTUAL TABLE doc_text USING fts5(title, body, content='doc', content_rowid='id');
INSERT INTO doc_text(doc_text) VALUES ('rebuild');
CREATE VIRTUAL TABLE old_text USING fts4(body);
INSERT INTO old_text(docid, body) VALUES (5, 'old words'), (6, 'new words');
CREATE VIRTUAL TABLE place USING rtree(id, west, east, south, north);
INSERT INTO place VALUES (1, 0, 1, 0, 1), (2, 5, 6, 5, 6);
";

#[test]
fn p29_shadow_tables_are_left_to_their_module() {
    let bench = Bench::new(SEARCH);
    let naive = bench.naive(
        "BEGIN; CREATE TABLE n(id INTEGER PRIMARY KEY, block BLOB NOT NULL DEFAULT x'');
         INSERT INTO n(block) SELECT block FROM doc_text_data;
         DROP TABLE doc_text_data; ALTER TABLE n RENAME TO doc_text_data; COMMIT;",
    );
    let said = naive.fails("SELECT count(*) FROM doc_text WHERE doc_text MATCH 'salt'");
    assert!(said.contains("vtable constructor failed: doc_text"), "{said}");

    for step in [
        Renaming::of_table("doc_text_data", "renamed"),
        Renaming::of_column("old_text_content", "c0body", "renamed"),
        Renaming::of_column("place_node", "data", "renamed"),
    ] {
        bench.steps(step.steps());
        let table =
            step.steps().split('"').find(|it| it.contains('_') && !it.starts_with("rename"));
        bench.refused(ErrorKind::Step, table.unwrap());
    }

    let renaming = Renaming::of_table("doc_text", "doc_words")
        .table("old_text", "old_words")
        .table("place", "where_it_is");
    bench.steps(renaming.steps());
    let plan = bench.plan();
    let summary = summarize(&plan.plan().phases[0]);
    let named = format!("{summary:?}");
    assert!(!named.contains("_data") && !named.contains("_node"), "{named}");
    assert_eq!(plan.plan().rebuilds().count(), 0, "a module renames its tables itself");
    drop(plan);
    bench.up();
    assert_eq!(bench.ask("SELECT title FROM doc_words WHERE doc_words MATCH 'salt'"), "Sea");
    assert_eq!(bench.ask("SELECT docid FROM old_words WHERE old_words MATCH 'new'"), "6");
    assert_eq!(bench.ask("SELECT id FROM where_it_is WHERE west > 2"), "2");
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'doc_text%'"), "0");
    bench.down();
    // The texts of shadow tables are the module's business: it renames them there and back, too.
    let back = ["doc_text", "old_text", "place"].map(|name| {
        [format!("ALTER TABLE {name} RENAME TO away"), format!("ALTER TABLE away RENAME TO {name}")]
    });
    let renames = json!({"alter": back.concat(), "text": "tokens"});
    support::judge(bench.before(), &bench.database(), &renames).unwrap();
}

#[test]
fn p36_only_the_case_of_a_to_z_is_folded() {
    let bench = Bench::new(
        "CREATE TABLE Sessions(ID INTEGER PRIMARY KEY, Été TEXT, Name TEXT UNIQUE, next INTEGER REFERENCES SESSIONS(id));
         CREATE TABLE Ärger(x); CREATE TABLE ärger(y);
         CREATE INDEX \"By\" ON sessions(\"NAME\");
         CREATE TRIGGER t AFTER INSERT ON SESSIONS BEGIN UPDATE sessions SET été = '' WHERE id = new.Id; END;
         CREATE VIEW v AS SELECT name FROM SessionS;
         INSERT INTO ärger VALUES (2); INSERT INTO Ärger VALUES (1);",
    );
    let said = bench.naive_fails("ALTER TABLE Sessions RENAME TO sessions");
    assert!(said.contains("there is already another table"), "{said}");

    let renaming = Renaming::of_table("SESSIONS", "sessions").column("sessions", "NAME", "name");
    bench.steps(renaming.steps()).up_judged(&json!({
        "tables": {"Sessions": "sessions"},
        "columns": {"sessions": {"Name": "name"}},
        "alter": [
            "ALTER TABLE Sessions RENAME TO \"free\"", "ALTER TABLE free RENAME TO \"sessions\"",
            "ALTER TABLE sessions RENAME COLUMN Name TO \"free\"",
            "ALTER TABLE sessions RENAME COLUMN free TO \"name\"",
        ],
    }));
    // Letters beyond A to Z are different letters.
    bench.phase("later", Renaming::of_table("Ärger", "ärger").steps());
    bench.refused(ErrorKind::Step, "ärger");
    bench.phase("later", Renaming::of_column("Ärger", "x", "z").steps()).up();
    assert_eq!(bench.ask("SELECT z FROM Ärger"), "1");
    assert_eq!(bench.ask("SELECT y FROM ärger"), "2");
}

#[test]
fn p42_full_text_follows_its_content_table() {
    let bench = Bench::new(SEARCH);
    let naive = bench.naive("ALTER TABLE doc RENAME TO document");
    let find = "SELECT title FROM doc_text WHERE doc_text MATCH 'salt'";
    assert!(naive.fails(find).contains("no such table: main.doc"));

    bench.steps(Renaming::of_table("doc", "document").steps());
    let notices = bench.plan().plan().phases[0].notices.join("\n");
    assert!(notices.contains("doc_text"), "{notices}");
    bench.up();
    assert_eq!(bench.same_answer(find), "Sea");
    sqlite3(&bench.database(), "INSERT INTO doc_text(doc_text, rank) VALUES('integrity-check', 1)");
    sqlite3(
        &bench.database(),
        "INSERT INTO document VALUES (3, 'Pond', 'duck'); \
                                INSERT INTO doc_text(rowid, title, body) VALUES (3, 'Pond', 'duck')",
    );
    assert_eq!(bench.ask("SELECT title FROM doc_text WHERE doc_text MATCH 'duck'"), "Pond");

    // A column that the index reads by its name cannot follow: refused by name.
    let bench = Bench::new(SEARCH);
    bench.steps(Renaming::of_column("doc", "body", "words").steps());
    bench.refused(ErrorKind::Step, "doc_text");
    bench.steps(Renaming::of_column("doc", "id", "number").steps());
    bench.refused(ErrorKind::Step, "doc_text");
}

#[test]
fn p44_two_names_can_be_swapped() {
    let bench = Bench::new(
        "CREATE TABLE frame(id INTEGER PRIMARY KEY, x INTEGER, y INTEGER, z INTEGER);
         CREATE TABLE dark(a TEXT); CREATE TABLE light(b TEXT);
         CREATE INDEX by_x ON frame(x); CREATE VIEW v AS SELECT x, y FROM frame;
         INSERT INTO frame VALUES (1, 10, 20, 30); INSERT INTO dark VALUES ('d'); INSERT INTO light VALUES ('l');",
    );
    let said = bench.naive_fails("ALTER TABLE frame RENAME COLUMN x TO y");
    assert!(said.contains("duplicate column name"), "{said}");

    let swap = Renaming::of_column("frame", "x", "y").column("frame", "y", "x");
    bench.steps(swap.steps()).up_judged(&json!({
        "columns": {"frame": {"x": "y", "y": "x"}},
        "alter": [
            "ALTER TABLE frame RENAME COLUMN x TO \"free\"", "ALTER TABLE frame RENAME COLUMN y TO \"x\"",
            "ALTER TABLE frame RENAME COLUMN \"free\" TO \"y\"",
        ],
    }));
    assert_eq!(bench.ask("SELECT x, y, z FROM frame"), "20|10|30");
    assert_eq!(bench.same_answer("SELECT x, y FROM v"), "10|20", "the view hands out what it did");

    // Tables, and a ring of three columns.
    let bench = Bench::new(&bench.ask_before(".dump"));
    let ring = Renaming::of_table("dark", "light").table("light", "dark");
    let ring = ring.column("frame", "x", "y").column("frame", "y", "z").column("frame", "z", "x");
    bench.steps(ring.steps()).up();
    assert_eq!(bench.ask("SELECT * FROM light"), "d");
    assert_eq!(bench.ask("SELECT b FROM dark"), "l");
    assert_eq!(bench.ask("SELECT x, y, z FROM frame"), "30|10|20");
    bench.down_judged();
}

const ODD: [&str; 14] = [
    "two words",
    "quo\"te",
    "it's",
    "semi;colon",
    "select",
    "br[ack]et",
    "tick`s",
    "dash--comment",
    "/* star",
    "new\nline",
    "Ünï",
    "日本",
    "1st",
    "phaseshift_old_1",
];

#[test]
fn p45_odd_names_are_names() {
    // Pasted as they are, eleven of them are something else than a name; the others come to no harm.
    let schema = ODD.map(|odd| format!("CREATE TABLE {0}({0} TEXT);", quoted(odd))).concat();
    let all = Bench::new(&schema);
    let pasted =
        ODD.map(|odd| support::script(all.before(), &format!("SELECT {odd} FROM {odd}")).is_err());
    assert_eq!(pasted.iter().filter(|it| **it).count(), 11, "{pasted:?}");

    for (place, odd) in ODD.into_iter().enumerate() {
        let other = ODD[(place + 1) % ODD.len()];
        let (table, column) = (quoted(odd), quoted(other));
        let bench = Bench::new(&format!(
            "CREATE TABLE {table}(id INTEGER PRIMARY KEY, {column} TEXT, plain TEXT DEFAULT 'it''s;' REFERENCES {table});
             CREATE INDEX {index} ON {table}({column}) WHERE {column} <> ';';
             CREATE TRIGGER {trigger} AFTER UPDATE OF {column} ON {table} BEGIN UPDATE {table} SET plain = 'x;' WHERE id = 0; END;
             CREATE VIEW {view} AS SELECT {column} FROM {table};
             INSERT INTO {table} VALUES (1, 'a', 'b');",
            index = quoted(&format!("i {odd}")),
            trigger = quoted(&format!("t {odd}")),
            view = quoted(&format!("v {odd}")),
        ));
        let to = ODD[(place + 2) % ODD.len()];
        let renaming = Renaming::of_table(odd, to).column(to, other, odd);
        bench.renamed(&renaming);
        assert_eq!(bench.ask(&format!("SELECT {} FROM {}", quoted(odd), quoted(to))), "a");
        bench.down_judged();
    }
}

#[test]
fn p46_a_name_in_a_comment_or_a_string_is_no_name() {
    let bench = Bench::new(
        "CREATE TABLE log(log TEXT DEFAULT 'log', -- the log of log\n  catalog TEXT CHECK (catalog <> 'log'), /* log */ x);
         CREATE TABLE catalog(log TEXT REFERENCES log(log), y);
         CREATE UNIQUE INDEX log_log ON log(log) WHERE log <> 'log';
         CREATE TRIGGER log_it AFTER INSERT ON catalog BEGIN INSERT INTO log VALUES ('log', 'catalog', 'x'); END;
         INSERT INTO log VALUES ('a', 'b', 'log');",
    );
    let text = bench.ask("SELECT sql FROM sqlite_schema WHERE name = 'log'");
    let replaced = text.replace("log", "diary");
    assert!(replaced.contains("catadiary"), "what replacing text does: {replaced}");
    let naive = bench.naive(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET name = replace(name, 'log', 'diary'), sql = replace(sql, 'log', 'diary'),
           tbl_name = replace(tbl_name, 'log', 'diary');",
    );
    assert_eq!(
        naive.ask("SELECT group_concat(name) FROM pragma_table_info('diary')"),
        "diary,catadiary,x"
    );
    assert_eq!(
        naive.ask("SELECT count(*) FROM pragma_table_info('catalog')"),
        "0",
        "another table is gone"
    );

    bench.renamed(&Renaming::of_table("log", "diary"));
    let now = bench.ask("SELECT sql FROM sqlite_schema WHERE name = 'diary'");
    assert_eq!(now, text.replacen("CREATE TABLE log(", "CREATE TABLE \"diary\"(", 1));
}

#[test]
fn p51_scratch_names_are_free_names() {
    let bench = Bench::new(
        "CREATE TABLE item(a TEXT, b TEXT);
         CREATE TABLE item_new(precious TEXT);
         CREATE TABLE phaseshift_old_1(precious TEXT); CREATE VIEW PHASESHIFT_OLD_1_2 AS SELECT 1;
         CREATE TABLE phaseshift_renamed(phaseshift_renamed TEXT, x TEXT); CREATE TABLE phaseshift_probe(p);
         CREATE INDEX phaseshift_old_1_guard ON phaseshift_old_1(precious);
         CREATE TABLE phaseshift_old_2_guarded(precious TEXT);
         INSERT INTO item VALUES ('1', '2'); INSERT INTO item_new VALUES ('p'); INSERT INTO phaseshift_old_1 VALUES ('q');
         INSERT INTO phaseshift_renamed VALUES ('r', 's');",
    );
    let naive = bench.naive(
        "DROP TABLE IF EXISTS item_new; CREATE TABLE item_new(b TEXT, c TEXT);
         INSERT INTO item_new SELECT * FROM item; DROP TABLE item; ALTER TABLE item_new RENAME TO item;",
    );
    assert!(!naive.ask(".dump").contains("'p'"), "somebody's table is gone");

    let renaming = Renaming::of_column("item", "a", "A")
        .column("phaseshift_renamed", "x", "X")
        .column("phaseshift_old_1", "precious", "dear")
        .table("phaseshift_probe", "probe");
    bench.steps(renaming.steps()).up();
    assert_eq!(bench.ask("SELECT A, b FROM item"), "1|2");
    assert_eq!(bench.ask("SELECT * FROM phaseshift_renamed"), "r|s");
    assert_eq!(bench.ask("SELECT dear FROM phaseshift_old_1"), "q");
    bench.down_judged();
}

/// Five hundred tables, each with a key to the one before, an index and a trigger on some.
#[test]
fn hundreds_of_tables_are_carried_and_one_is_changed() {
    let mut schema = String::from("BEGIN;");
    for number in 0..500 {
        let parent = number - i32::from(number > 0);
        schema.push_str(&format!(
            "CREATE TABLE t{number}(id INTEGER PRIMARY KEY, name TEXT NOT NULL, up REFERENCES t{parent}(id));"
        ));
        if number % 10 == 7 {
            schema.push_str(&format!(
                "CREATE INDEX i{number} ON t{number}(name);
                 CREATE TRIGGER g{number} AFTER INSERT ON t{number} BEGIN SELECT name FROM t7; END;
                 INSERT INTO t{number} VALUES ({number}, 'n', NULL);"
            ));
        }
    }
    schema.push_str("COMMIT;");
    let bench = Bench::new(&schema);
    let renaming = Renaming::of_column("t7", "name", "called").table("t7", "seventh");
    bench.renamed(&renaming.column("t499", "name", "last"));
    assert_eq!(bench.ask("SELECT id || called FROM seventh"), "7n");
    assert_eq!(bench.ask("SELECT \"table\" FROM pragma_foreign_key_list('t8')"), "seventh");
    bench.down();
    let schema = "SELECT type, name, sql FROM sqlite_schema \
        WHERE tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY type, name";
    bench.same_answer(schema);
}
