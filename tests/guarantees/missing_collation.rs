//! A collation that only the file's own program has: where only names change, nothing has to be sorted, and the
//! tables stay in place without being asked to.

use phaseshift::ErrorKind;

use support::{Bench, python};

const DECKS: &str = r#"
c = sqlite3.connect(path, isolation_level=None)
c.create_collation("unicase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
c.executescript("""
CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, tags TEXT COLLATE unicase, body TEXT, UNIQUE (tags));
CREATE INDEX notes_body ON notes(body, tags);
CREATE TABLE decks(name TEXT COLLATE unicase, conf BLOB, n INT, PRIMARY KEY (name, n)) WITHOUT ROWID;
CREATE TABLE cards(id INTEGER PRIMARY KEY, note INTEGER REFERENCES notes(id), due INT);
CREATE VIEW due AS SELECT c.due, n.body FROM cards AS c JOIN notes AS n ON n.id = c.note;
CREATE TRIGGER noted AFTER INSERT ON notes BEGIN INSERT INTO cards(note, due) VALUES (new.id, 0); END;
INSERT INTO notes(tags, body) VALUES ('b', 'x'), ('A', 'y'), ('c', NULL);
DELETE FROM notes WHERE tags = 'c';
INSERT INTO decks VALUES ('Q', x'00', 1), ('r', x'ff', 2), ('q', NULL, 3);
""")
"#;

/// What the file's own program says: whether all is sound, and the rows in its order.
fn seen(bench: &Bench, queries: &str) -> String {
    let program = format!(
        r#"
c = sqlite3.connect(path)
c.create_collation("unicase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
print(c.execute("PRAGMA integrity_check").fetchall())
for query in """{queries}""".split(";"):
    print(c.execute(query).fetchall())
"#
    );
    python(&bench.database(), &program)
}

#[test]
fn renamed_tables_and_columns_stay_in_place() {
    let bench = Bench::from_python(DECKS);
    let old = "SELECT id, tags, body FROM notes ORDER BY tags; SELECT name, conf, n FROM decks ORDER BY name, n; \
               SELECT * FROM due; SELECT seq FROM sqlite_sequence WHERE name = 'notes'";
    let before = seen(&bench, old);
    assert!(before.starts_with("[('ok',)]"), "{before}");
    let texts = bench.ask("SELECT sql FROM sqlite_schema ORDER BY name");
    bench.steps(
        "parents = []\n[[up]]\nop = \"rename_table\"\nfrom = \"notes\"\nto = \"facts\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"facts\"\nfrom = \"tags\"\nto = \"labels\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"decks\"\nfrom = \"name\"\nto = \"title\"\n",
    );
    bench.up();
    let new = "SELECT id, labels, body FROM facts ORDER BY labels; SELECT title, conf, n FROM decks ORDER BY title, n; \
               SELECT * FROM due; SELECT seq FROM sqlite_sequence WHERE name = 'facts'";
    assert_eq!(seen(&bench, new), before);
    bench.down();
    assert_eq!(seen(&bench, old), before);
    let ours = "AND name NOT IN ('schema_version', 'phase_history')";
    assert_eq!(
        bench.ask(&format!("SELECT sql FROM sqlite_schema WHERE 1 {ours} ORDER BY name")),
        texts
    );
}

#[test]
fn names_are_swapped_and_other_tables_rebuilt_in_the_same_run() {
    let bench = Bench::from_python(DECKS);
    let before =
        seen(&bench, "SELECT * FROM notes ORDER BY tags; SELECT * FROM decks ORDER BY name");
    bench.steps(
        "parents = []\n[[up]]\nop = \"rename_table\"\nfrom = \"notes\"\nto = \"x\"\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"decks\"\nto = \"notes\"\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"x\"\nto = \"decks\"\n\
         [[up]]\nop = \"alter_column\"\ntable = \"cards\"\ncolumn = \"due\"\nnot_null = true\n",
    );
    bench.up();
    let after =
        seen(&bench, "SELECT * FROM decks ORDER BY tags; SELECT * FROM notes ORDER BY name");
    assert_eq!(after, before);
    assert!(bench.ask("SELECT sql FROM sqlite_schema WHERE name = 'cards'").contains("NOT NULL"));
}

#[test]
fn what_would_have_to_sort_is_refused_with_the_collation() {
    for (steps, names) in [
        (
            "op = \"add_column\"\ntable = \"notes\"\ncolumn = \"n INT\"",
            "the table notes would have to be rebuilt",
        ),
        (
            "op = \"drop_column\"\ntable = \"decks\"\ncolumn = \"conf\"",
            "the table decks would have to be rebuilt",
        ),
        (
            "op = \"create_index\"\nsql = \"CREATE INDEX by_tags ON notes(tags DESC)\"",
            "the index by_tags would have to be rebuilt",
        ),
    ] {
        let bench = Bench::from_python(DECKS);
        bench.steps(&format!("parents = []\n[[up]]\n{steps}\n"));
        let error = bench.refused(ErrorKind::MissingExtension, names);
        assert!(error.to_string().contains("the collation unicase"), "{error}");
    }
}

/// An edit of the schema makes SQLite forget its virtual tables: words that were not written yet were lost with them.
#[test]
fn a_full_text_index_that_was_filled_lost_its_words_to_a_table_that_stays_in_place() {
    let bench = Bench::from_python(
        r#"
c = sqlite3.connect(path, isolation_level=None)
c.create_collation("unicase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
c.executescript("""
CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO notes VALUES (1, 'dark moon'), (5, 'flat');
CREATE VIRTUAL TABLE find USING fts5(body, content='notes', content_rowid='id');
INSERT INTO find(find) VALUES('rebuild');
CREATE TABLE decks(id INTEGER PRIMARY KEY, name TEXT COLLATE unicase);
INSERT INTO decks VALUES (1, 'q');
""")
"#,
    );
    let rename = |from: &str, to: &str| {
        format!("[[up]]\nop = \"rename_table\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
    };
    bench.phase("p0", &format!("parents = []\n{}", rename("decks", "piles")));
    bench.phase("p1", &rename("notes", "facts"));
    bench.project().run(&["upgrade"]).expect_code(0);
    bench.project().run(&["downgrade", "base"]).expect_code(0);
    let found = "SELECT rowid FROM find WHERE find MATCH 'moon'";
    assert_eq!(bench.ask(found), "1");
    let program = "c = sqlite3.connect(path, isolation_level=None)\nc.execute(\"INSERT INTO find(find, rank) VALUES('integrity-check', 1)\")";
    assert_eq!(python(&bench.database(), program), "");
}

/// A count of rows that needs a stub for a collation makes SQLite forget its virtual tables, too.
#[test]
fn a_full_text_index_that_was_recreated_keeps_its_words_beside_a_table_without_rowids_that_lacks_a_collation()
 {
    let bench = Bench::from_python(
        r#"
c = sqlite3.connect(path, isolation_level=None)
c.create_collation("unicase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
c.executescript("""
CREATE TABLE decks(x);
CREATE TABLE tags(name TEXT PRIMARY KEY, place COLLATE unicase) WITHOUT ROWID;
CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO notes VALUES (1, 'dark moon'), (5, 'flat');
CREATE VIRTUAL TABLE find USING fts4(body, content='notes');
INSERT INTO find(find) VALUES('rebuild');
""")
"#,
    );
    let rename = |from: &str, to: &str| {
        format!("[[up]]\nop = \"rename_table\"\nfrom = \"{from}\"\nto = \"{to}\"\n")
    };
    bench.phase("p0", &format!("parents = []\n{}", rename("decks", "piles")));
    bench.phase("p1", &rename("notes", "facts"));
    bench.project().run(&["upgrade"]).expect_code(0);
    let program = "c = sqlite3.connect(path, isolation_level=None)\nc.execute(\"INSERT INTO find(find) VALUES('integrity-check')\")\n\
                   print(c.execute(\"SELECT docid FROM find WHERE find MATCH 'moon'\").fetchall())";
    assert_eq!(python(&bench.database(), program), "[(1,)]");
}

/// The program of the file has the collation and the tokenizer; the first phase only says what is there.
#[test]
fn a_file_that_needs_what_this_program_lacks_could_not_be_adopted() {
    let bench = Bench::from_python(&format!(
        r#"{DECKS}
c.executescript("""
CREATE VIRTUAL TABLE facts USING fts3(tokenize porter, subject TEXT);
CREATE VIRTUAL TABLE found USING fts4(content='notes', body, tokenize=porter);
CREATE TRIGGER unfound BEFORE DELETE ON notes BEGIN DELETE FROM found WHERE docid = old.id; END;
INSERT INTO facts VALUES ('dark moons');
PRAGMA writable_schema=ON;
UPDATE sqlite_schema SET sql = replace(sql, 'porter', 'mozporter') WHERE sql LIKE '%porter%';
PRAGMA schema_version=1000;
""")
"#
    ));
    let project = bench.project();
    std::fs::remove_dir_all(project.phases()).expect("no phases yet");
    let database = bench.database();
    let database = database.to_str().expect("a path");
    let old = "SELECT id, tags, body FROM notes ORDER BY tags; SELECT subject FROM facts_content AS c(id, subject)";
    let old = old.replace(" AS c(id, subject)", "").replace("SELECT subject", "SELECT *");
    let before = seen(&bench, &old);
    project.run_here(&["init", "--from", database]).expect_code(0);
    project.run_here(&["check"]).expect_code(0);
    project.run_here(&["status", "--exit-code"]).expect_code(0);
    project.write_phase(
        "1_next.toml",
        "[[up]]\nop = \"rename_table\"\nfrom = \"cards\"\nto = \"tickets\"\n",
    );
    project.run_here(&["upgrade"]).expect_code(0);
    assert_eq!(seen(&bench, &old), before);
    project.run_here(&["downgrade"]).expect_code(0);
    let new = project.run_here(&["upgrade", "--create", "--database", "new.db"]).expect_code(4);
    assert!(new.stderr.contains("mozporter"), "{}", new.stderr);
}

#[test]
fn a_column_that_loses_the_missing_collation_may_get_another_type() {
    let bench = Bench::from_python(
        r#"
c = sqlite3.connect(path, isolation_level=None)
c.create_collation("unicase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
c.executescript("""CREATE TABLE shelf(place REAL COLLATE unicase); INSERT INTO shelf VALUES (1.5), ('b'), (NULL), (-0.25);""")
"#,
    );
    bench.steps(
        "parents = []\n[[up]]\nop = \"alter_column\"\ntable = \"shelf\"\ncolumn = \"place\"\ntype = \"DATETIME\"\n\
         collate = \"NOCASE\"\n",
    );
    bench.up();
    let values = "SELECT group_concat(typeof(place) || ':' || ifnull(place, '')) FROM shelf";
    assert_eq!(bench.ask(values), "real:1.5,text:b,null:,real:-0.25");
}
