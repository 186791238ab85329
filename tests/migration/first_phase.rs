//! The first phase on a file that other programs made: nothing in the chain tells what was there before.

use phaseshift::ErrorKind;
use support::Bench;

const LIBRARY: &str = "
CREATE TABLE author (
  id    INTEGER PRIMARY KEY, -- ours
  name  TEXT NOT NULL,
  born  INT  DEFAULT 1900,
  UNIQUE (name)
);
CREATE TABLE book(id INTEGER PRIMARY KEY, author REFERENCES author(id), title TEXT COLLATE NOCASE,
  pages INT CHECK (pages > 0));
CREATE INDEX by_title ON book(title);
CREATE VIEW shelf AS SELECT b.title, a.name FROM book b JOIN author a ON a.id = b.author;
CREATE TRIGGER kept BEFORE DELETE ON author BEGIN SELECT raise(ABORT, 'kept'); END;
INSERT INTO author VALUES (1, 'Kepler', 1571), (2, 'Brahe', 1546);
INSERT INTO book VALUES (1, 1, 'Harmonices', 255), (2, 2, 'De nova stella', 100), (3, 1, 'Somnium', NULL);";

/// Everything but our own tables, by names and texts.
const SCHEMA: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema
    WHERE tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY type, name";

/// Applies the steps and takes them back; the text of every object must be what it was.
#[track_caller]
fn there_and_back(steps: &str) -> Bench {
    let bench = Bench::new(LIBRARY);
    bench.steps(&format!("parents = []\n{steps}"));
    bench.up();
    assert_ne!(bench.ask(SCHEMA), bench.ask_before(SCHEMA), "nothing changed");
    bench.down();
    assert_eq!(bench.ask(SCHEMA), bench.ask_before(SCHEMA));
    bench
}

#[test]
fn a_changed_column_gets_its_definition_back() {
    for change in
        ["type = \"BIGINT\"", "default = \"none\"", "not_null = false", "collate = \"RTRIM\""]
    {
        let column = if change.contains("not_null") { "name" } else { "born" };
        let bench = there_and_back(&format!(
            "[[up]]\nop = \"alter_column\"\ntable = \"author\"\ncolumn = \"{column}\"\n{change}\n"
        ));
        bench.same_answer("SELECT id, name FROM author");
    }
}

#[test]
fn a_dropped_constraint_index_view_and_trigger_come_back() {
    let bench = there_and_back(
        "[[up]]\nop = \"drop_constraint\"\ntable = \"author\"\nsql = \"UNIQUE (name)\"\n
         [[up]]\nop = \"drop_index\"\nindex = \"by_title\"\n
         [[up]]\nop = \"drop_view\"\nview = \"shelf\"\n
         [[up]]\nop = \"drop_trigger\"\ntrigger = \"kept\"\n",
    );
    bench.same_answer("SELECT * FROM shelf ORDER BY 1");
}

#[test]
fn a_replaced_view_and_a_rebuilt_table_come_back() {
    let bench = there_and_back(
        "[[up]]\nop = \"replace_view\"\nsql = \"CREATE VIEW shelf AS SELECT title FROM book\"\n
         [[up]]\nop = \"rebuild\"\ntable = \"book\"
         sql = \"CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT, author INT, pages INT, note TEXT)\"\n",
    );
    bench.same_answer("SELECT id, author, title, pages FROM book");
}

#[test]
fn a_dropped_column_comes_back_in_its_place() {
    let bench = Bench::new(LIBRARY);
    bench.steps(
        "parents = []\n[[up]]\nop = \"drop_column\"\ntable = \"author\"\ncolumn = \"born\"\n",
    );
    bench.up();
    let lossy = support::down_to("base").accepting_loss();
    bench.run(&lossy).unwrap().expect("something to undo");
    assert_eq!(bench.ask(SCHEMA), bench.ask_before(SCHEMA));
    bench.same_answer("SELECT id, name FROM author");
}

#[test]
fn rows_written_since_survive_the_way_back_of_a_first_phase() {
    let bench = Bench::new(LIBRARY);
    bench.steps(
        "parents = []\n[[up]]\nop = \"alter_column\"\ntable = \"author\"\ncolumn = \"born\"\ntype = \"BIGINT\"\n",
    );
    bench.up();
    bench.ask("INSERT INTO author VALUES (3, 'Galilei', 1564)");
    bench.down();
    assert_eq!(bench.ask("SELECT name, typeof(born) FROM author WHERE id = 3"), "Galilei|integer");
    assert_eq!(bench.ask(SCHEMA), bench.ask_before(SCHEMA));
}

/// A collection of flash cards has tables whose very key has a collation that only its program knows:
/// without it SQLite cannot even count their rows.
#[test]
fn tables_ordered_by_an_unknown_collation_do_not_stand_in_the_way_of_others() {
    let bench = Bench::from_python(
        "c = sqlite3.connect(path)
c.create_collation('unicase', lambda a, b: (a.lower() < b.lower()) - (a.lower() > b.lower()))
c.executescript('''
CREATE TABLE tag(name TEXT PRIMARY KEY COLLATE unicase, uses INT) WITHOUT ROWID;
CREATE TABLE deck(id INTEGER PRIMARY KEY, name TEXT COLLATE unicase);
CREATE UNIQUE INDEX by_name ON deck(name);
CREATE TABLE card(id INTEGER PRIMARY KEY, deck INT, due INT);
INSERT INTO tag VALUES ('Verb', 3), ('noun', 1), ('Adverb', 2);
INSERT INTO deck VALUES (1, 'b'), (2, 'A'), (3, 'c');
INSERT INTO card VALUES (1, 1, 5), (2, 3, 6);
''')
c.commit()",
    );
    let naive = bench.naive_fails("SELECT count(*) FROM tag");
    assert!(naive.contains("unicase"), "{naive}");

    bench.steps("parents = []\n[[up]]\nop = \"rename_column\"\ntable = \"card\"\nfrom = \"due\"\nto = \"day\"\n");
    let report = bench.up();
    assert_eq!(report.proof.rows, 8, "every row is proven, also of tables that cannot be queried");
    assert_eq!(bench.ask("SELECT day FROM card"), "5\n6");
    bench.down();

    bench.steps("parents = []\n[[up]]\nop = \"drop_column\"\ntable = \"tag\"\ncolumn = \"uses\"\n");
    bench.refused(ErrorKind::MissingExtension, "unicase");
}

#[test]
fn a_parent_that_loses_its_key_is_found_before_anything_is_written() {
    for (table, steps) in [
        ("author", "op = \"drop_column\"\ntable = \"author\"\ncolumn = \"id\""),
        (
            "book",
            "op = \"rebuild\"\ntable = \"author\"\nsql = \"CREATE TABLE author(id INTEGER, name TEXT NOT NULL, born INT)\"",
        ),
    ] {
        let bench = Bench::new(&LIBRARY.replace("CREATE VIEW shelf", "-- CREATE VIEW shelf"));
        bench.steps(&format!("parents = []\n[[up]]\n{steps}\n"));
        bench.refused(ErrorKind::Step, table);
    }
}

/// It was said to be well whatever became of it, because the phases do not run from nothing.
#[test]
fn a_file_is_held_against_what_its_first_phase_left_in_it() {
    let bench = Bench::new(LIBRARY);
    bench.steps(
        "parents = []\n[[up]]\nop = \"rename_column\"\ntable = \"author\"\nfrom = \"born\"\nto = \"year\"\n",
    );
    bench.up();
    let verify = || bench.project().run(&["verify"]);
    let said = verify().expect_code(0).stdout;
    assert!(said.contains("what the phases changed is as they left it\n"), "{said}");
    // A table that no phase ever touched is nobody's business.
    bench.ask("CREATE TABLE loans(book INT)");
    assert!(verify().expect_code(0).stdout.contains("as they left it\n"));
    bench.ask("ALTER TABLE author ADD COLUMN died INT");
    let said = verify().expect_code(0).stdout;
    assert!(said.contains("which would not stop a stamp"), "{said}");
    let status = bench.project().run(&["status"]).expect_code(0).stdout;
    assert!(status.contains("column author.died is made by no applied phase"), "{status}");
    bench.ask("ALTER TABLE author RENAME COLUMN year TO born");
    let said = verify().expect_code(3).stdout;
    assert!(said.contains("column author.year is missing"), "{said}");
}

/// Files of the first versions keep nothing of their phases.
#[test]
fn without_a_record_there_is_nothing_to_hold_a_file_against() {
    let bench = Bench::new(LIBRARY);
    bench.steps("parents = []\n[[up]]\nop = \"drop_view\"\nview = \"shelf\"\n");
    bench.up();
    bench.ask("UPDATE phase_history SET undo = NULL; DROP TABLE book");
    let said = bench.project().run(&["verify"]).stdout;
    assert!(said.contains("the phases do not run from nothing, nothing to compare with"), "{said}");
}
