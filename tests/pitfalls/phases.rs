//! Phase files and what is recorded of them (P56 to P61, P72, P73).

use phaseshift::ErrorKind;
use phaseshift::database::Access;
use phaseshift::inspect::{drift, status};
use phaseshift::migrate::Look;

use crate::support::{Bench, Renaming, explain, python, script, sqlite3, toml, up_to};

const ITEM: &str = "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, note TEXT);
    INSERT INTO item VALUES (1, 'a', 'x'), (2, 'b', 'y');";

/// A phase that adds a column.
fn adds(column: &str) -> String {
    format!("[[up]]\nop = \"add_column\"\ntable = \"item\"\ncolumn = \"{column} TEXT\"\n")
}

#[test]
fn p56_statements_are_not_split_at_semicolons() {
    let statements = "-- first; a comment\nUPDATE item SET name = 'semi;colon' WHERE id = 1; /* ; */\n\
        CREATE TRIGGER t AFTER INSERT ON item BEGIN\n  UPDATE item SET note = ';' WHERE id = new.id; -- ;\n\
        INSERT INTO item(id) SELECT 99 WHERE 0;\nEND;\nINSERT INTO item(id, name) VALUES (3, \"tw;o\"), (4, '--;')";
    let bench = Bench::new(ITEM);
    let split = python(
        &bench.naive_copy().path,
        &format!(
            "db = sqlite3.connect(path)\nfor part in {}.split(';'):\n    try:\n        db.execute(part)\n    except Exception as error:\n        print(error)",
            toml(statements)
        ),
    );
    assert!(split.contains("incomplete input") || split.contains("unrecognized token"), "{split}");

    bench.steps(&format!("[[up]]\nop = \"sql\"\nsql = {}\n", toml(statements)));
    // The plan as a script is read by sqlite3, which knows where a statement ends.
    let naive = bench.naive(&phaseshift::migrate::script(&bench.plan()));
    bench.up();
    let rows = "SELECT id, name, note FROM item ORDER BY id";
    assert_eq!(bench.ask(rows), "1|semi;colon|x\n2|b|y\n3|tw;o|;\n4|--;|;");
    assert_eq!(naive.ask(rows), bench.ask(rows));
}

#[test]
fn p57_other_line_ends_are_no_edit() {
    let bench = Bench::new(ITEM);
    let text = format!("description = \"Adds a column\"\n\n# why\n{}", adds("extra"));
    bench.steps(&text).up();
    let windows = format!("\u{feff}{}", text.replace('\n', "  \r\n"));
    assert_ne!(blake3::hash(text.as_bytes()), blake3::hash(windows.as_bytes()), "the naive way");

    for other in [windows, text.replace('\n', "\r\n"), format!("{text}\n\n")] {
        bench.steps(&other);
        assert!(matches!(bench.look("head").unwrap(), Look::UpToDate(_)), "{other:?}");
    }
    // What follows later: `accept`, which shows the difference and takes it.
    bench.steps(&text.replace("TEXT", "BLOB"));
    bench.refused(ErrorKind::PhaseEdited, "change");
}

#[test]
fn p58_a_byte_order_mark_does_not_hide_the_first_line() {
    let bench = Bench::new(ITEM);
    let first = "\u{feff}UPDATE item SET name = 'first';\nUPDATE item SET note = 'second';";
    let python_reads =
        python(&bench.naive_copy().path, &format!("print({}.startswith('UPDATE'))", toml(first)));
    assert_eq!(python_reads, "False", "whoever looks for a word at the start misses it");

    bench.phase("change", "\u{feff}id = \"marked\"\n[[up]]\nop = \"sql\"\nfile = \"change.sql\"\n");
    bench.project().write("phases/change.sql", first);
    bench.up();
    assert_eq!(bench.ask("SELECT DISTINCT name, note FROM item"), "first|second");
    assert_eq!(bench.ask("SELECT id FROM phase_history"), "marked");
}

const ODD_DDL: &str = "
CREATE TABLE odd(a TEXT DEFAULT 'x', b TEXT DEFAULT ('x'), c INTEGER DEFAULT (1), d INTEGER DEFAULT 1,
  e DEFAULT CURRENT_TIMESTAMP, f DEFAULT (CURRENT_TIMESTAMP), g DEFAULT \"quoted\", h DEFAULT NULL,
  i VARCHAR ( 10 ) COLLATE nocase, j AS (a || b), k  INTEGER  NOT  NULL  DEFAULT -1, CHECK(a<>'')) ;
CREATE INDEX odd_i ON odd ( a , lower ( b ) ) WHERE c > 0;
CREATE VIEW odd_v AS  SELECT   a  FROM odd -- end";

#[test]
fn p59_a_schema_does_not_differ_from_itself() {
    // `diff` and `revision --autogenerate` come later; what they rest on is the drift of a file.
    let bench = Bench::empty();
    script(&bench.database(), "CREATE TABLE other(x); INSERT INTO other VALUES (1);").unwrap();
    bench.remember();
    let naive = Bench::new(ODD_DDL);
    let told = naive.ask("SELECT dflt_value FROM pragma_table_info('odd') WHERE name = 'b'");
    assert_eq!(told, "'x'", "the same default in other words: comparing texts never settles");

    let parts = ODD_DDL.split(";\n").collect::<Vec<_>>();
    let step = |op: &str, sql: &str| format!("[[up]]\nop = \"{op}\"\nsql = {}\n", toml(sql.trim()));
    bench.phase(
        "one",
        &(step("create_table", parts[0])
            + &step("create_index", parts[1])
            + &step("create_view", parts[2])),
    );
    bench.phase("two", Renaming::of_column("odd", "k", "l").steps());
    bench.up();
    let engine = bench.engine();
    let database = engine.open(Access::Look).unwrap();
    let known = engine.know(&database).unwrap();
    let found = drift(&engine, &known).unwrap();
    assert_eq!(found, ["table other is made by no phase"]);
    drop(database);
    let bytes = bench.project().file_bytes();
    for _ in 0..3 {
        assert!(bench.run(&up_to("head")).unwrap().is_none(), "nothing is rebuilt again");
    }
    assert_eq!(bytes, bench.project().file_bytes());
}

#[test]
fn p60_an_older_phase_that_is_merged_late_is_pending() {
    let bench = Bench::new(ITEM);
    bench
        .phase("a", &adds("a"))
        .phase("c", &format!("parents = [\"a\"]\nversion = 3\n{}", adds("c")));
    bench.up();
    let watermark = bench.ask("SELECT max(version) >= 2 FROM schema_version");
    assert_eq!(watermark, "1", "the naive way takes version 2 for done");

    bench.phase("b", &format!("parents = [\"a\"]\nversion = 2\n{}", adds("b")));
    let found = status(&bench.engine()).unwrap();
    assert_eq!(found.pending.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b"]);
    let before = bench.project().file_bytes();
    let error = bench.run(&up_to("head")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AmbiguousTarget, "{}", explain(&error));
    assert_eq!(before, bench.project().file_bytes());

    bench.run(&up_to("heads")).unwrap().unwrap();
    assert_eq!(bench.ask("SELECT group_concat(version) FROM schema_version"), "1,2,3");
    assert_eq!(bench.ask("SELECT count(b) FROM item"), "0");
}

#[test]
fn p61_an_edited_phase_is_noticed_by_name() {
    let bench = Bench::new(ITEM);
    bench.phase("first", &adds("extra")).phase("second", &adds("more"));
    bench.up();
    let recorded = "SELECT group_concat(version) FROM schema_version";
    assert_eq!(bench.ask(recorded), "1,2", "versions alone tell nothing about the texts");
    // Who compares versions alone calls the file up to date, although nothing made this column.
    bench.phase("first", &adds("other"));
    let naive = bench.ask("SELECT max(version) = 2 FROM schema_version");
    let columns = bench.ask("SELECT group_concat(name) FROM pragma_table_info('item')");
    assert!(naive == "1" && !columns.contains("other"), "{columns}");

    // An edit in the phase, and one in the file that it names.
    bench.phase("first", &adds("other")).phase("third", &adds("late"));
    bench.refused(ErrorKind::PhaseEdited, "first");
    bench.phase("first", &adds("extra"));
    bench.phase("third", "[[up]]\nop = \"sql\"\nfile = \"third.sql\"\n");
    bench.project().write("phases/third.sql", "UPDATE item SET note = 'z';");
    bench.up();
    bench.project().write("phases/third.sql", "DELETE FROM item;");
    bench.refused(ErrorKind::PhaseEdited, "third");
    // `accept` with a reason follows later; it will be a row in phase_history.
}

const MISSING_PARTS: &str = "
db = sqlite3.connect(path)
db.create_collation('ICU_DE', lambda a, b: (a > b) - (a < b))
db.create_function('title_sort', 1, lambda text: text, deterministic=True)
db.executescript('''
CREATE TABLE word(id INTEGER PRIMARY KEY, text TEXT COLLATE ICU_DE, note TEXT);
CREATE INDEX by_text ON word(text);
CREATE TABLE book(id INTEGER PRIMARY KEY, title TEXT, sort TEXT);
CREATE TRIGGER sorted AFTER INSERT ON book BEGIN UPDATE book SET sort = title_sort(new.title) WHERE id = new.id; END;
CREATE TABLE plain(id INTEGER PRIMARY KEY, note TEXT);
INSERT INTO word VALUES (1, 'b', 'x'), (2, 'a', 'y');
INSERT INTO book VALUES (1, 'The Sea', NULL);
INSERT INTO plain VALUES (1, 'n');
''')
db.execute('PRAGMA writable_schema=ON')
db.execute(\"INSERT INTO sqlite_master VALUES ('table', 'map', 'map', 0, 'CREATE VIRTUAL TABLE map USING VirtualMap(a, b)')\")
db.commit()
";

#[test]
fn p72_missing_parts_are_named_and_block_only_what_needs_them() {
    let bench = Bench::from_python(MISSING_PARTS);
    let said = bench.naive_fails("CREATE TABLE n AS SELECT * FROM word ORDER BY text");
    assert!(said.contains("no such collation sequence: ICU_DE"), "{said}");

    // What does not need them is migrated, the rest carried over as it is.
    bench.steps(Renaming::of_column("plain", "note", "remark").steps()).up();
    assert_eq!(bench.ask("SELECT remark FROM plain"), "n");
    bench.same_answer("SELECT type, name, sql FROM sqlite_schema WHERE name NOT IN ('plain', 'schema_version', 'phase_history') ORDER BY 2");
    bench.same_answer("SELECT id, text, note FROM word NOT INDEXED; SELECT * FROM book");

    // What has to be made anew and cannot be is refused by name. `--load-extension` follows later.
    let refusals = [
        (Renaming::of_column("word", "note", "remark"), "ICU_DE"),
        (Renaming::of_table("map", "atlas"), "VirtualMap"),
    ];
    for (renaming, part) in refusals {
        let bench = Bench::from_python(MISSING_PARTS);
        let before = bench.project().file_bytes();
        let error = bench.steps(renaming.steps()).run(&up_to("head")).unwrap_err();
        assert!(explain(&error).contains(part), "{}", explain(&error));
        assert_eq!(before, bench.project().file_bytes(), "{}", explain(&error));
    }
    let bench = Bench::from_python(MISSING_PARTS);
    bench.steps(Renaming::of_column("book", "title", "name").steps()).up();
    let trigger = bench.ask("SELECT sql FROM sqlite_schema WHERE name = 'sorted'");
    assert!(trigger.contains("title_sort(new.\"name\")"), "{trigger}");
}

#[test]
fn p73_a_history_that_cannot_be_read_means_stop() {
    let bench = Bench::new(ITEM);
    bench.steps(&adds("extra")).up();
    bench.phase("later", &adds("later"));
    let naive = bench.naive(
        "-- resets what it does not understand\nPRAGMA writable_schema=ON; DELETE FROM sqlite_schema; PRAGMA writable_schema=RESET;",
    );
    assert_eq!(naive.ask("SELECT count(*) FROM sqlite_schema"), "0");

    let damages = [
        ("INSERT INTO schema_version VALUES (77, 'now', 'from elsewhere')", "77"),
        ("UPDATE phase_history SET id = 'unknown'", "unknown"),
        ("UPDATE phase_history SET id = 'no id at all!'", "no id at all!"),
        ("UPDATE phase_history SET checksum = 'abc'", "change"),
        (
            "DROP TABLE schema_version; CREATE TABLE schema_version(current INTEGER)",
            "schema_version",
        ),
        ("DROP TABLE phase_history; CREATE VIEW phase_history AS SELECT 1", "phase_history"),
    ];
    for (damage, named) in damages {
        let broken = Bench::new(&bench.ask(".dump"));
        broken.steps(&adds("extra")).phase("later", &adds("later"));
        sqlite3(&broken.database(), damage);
        let before = broken.project().file_bytes();
        let error = broken.run(&up_to("head")).expect_err(damage);
        assert!(explain(&error).contains(named), "{damage}: {}", explain(&error));
        assert_eq!(before, broken.project().file_bytes(), "{damage}");
    }
}
