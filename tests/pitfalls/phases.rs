//! Phase files and what is recorded of them (P56 to P61, P72, P73).

use phaseshift::ErrorKind;
use phaseshift::database::Access;
use phaseshift::inspect::{SchemaSource, compare_sources, drift, status};
use phaseshift::migrate::Preparation;

use support::{Bench, Renaming, explain, python, script, sqlite3, toml, up_to};

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
        INSERT INTO item(id) SELECT 99 WHERE 0;\nEND;\nINSERT INTO item(id, name) VALUES (3, 'tw;o'), (4, '--;')";
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
    let naive = bench.naive(&phaseshift::migrate::script(&bench.plan()).unwrap());
    bench.up();
    let rows = "SELECT id, name, note FROM item ORDER BY id";
    assert_eq!(bench.ask(rows), "1|semi;colon|x\n2|b|y\n3|tw;o|;\n4|--;|;");
    assert_eq!(naive.ask(rows), bench.ask(rows));
}

/// A runner that keeps a checksum of the bytes of its migration.
fn checksums(path: &std::path::Path, text: &str) -> String {
    let program = "import hashlib
db = sqlite3.connect(path)
db.execute('CREATE TABLE IF NOT EXISTS applied(checksum)')
known = [row[0] for row in db.execute('SELECT checksum FROM applied')]
found = hashlib.sha256(text.encode()).hexdigest()
if not known:
    db.execute('INSERT INTO applied VALUES (?)', (found,))
    db.commit()
print('applied' if not known else 'up to date' if known == [found] else 'was modified')";
    python(path, &format!("text = {}\n{program}", serde_json::json!(text)))
}

#[test]
fn p57_other_line_ends_are_no_edit() {
    let bench = Bench::new(ITEM);
    let text = format!("description = \"Adds a column\"\n\n# why\n{}", adds("extra"));
    bench.steps(&text).up();
    let windows = format!("\u{feff}{}", text.replace('\n', "  \r\n"));
    let others = [windows, text.replace('\n', "\r\n"), format!("{text}\n\n")];
    let naive = bench.naive_copy();
    assert_eq!(checksums(&naive.path, &text), "applied");
    assert_eq!(checksums(&naive.path, &text), "up to date");

    for other in others {
        assert_eq!(checksums(&naive.path, &other), "was modified", "{other:?}");
        bench.steps(&other);
        assert!(matches!(bench.look("head").unwrap(), Preparation::UpToDate(_)), "{other:?}");
    }
    bench.steps(&text.replace("TEXT", "BLOB"));
    bench.refused(ErrorKind::PhaseEdited, "change");
}

#[test]
fn p58_a_byte_order_mark_does_not_hide_the_first_line() {
    let bench = Bench::new(ITEM);
    let first =
        "\u{feff}-- migrate:up\nUPDATE item SET name = 'first';\nUPDATE item SET note = 'second';";
    // A runner that looks for its directives at the start of lines.
    let program = "db = sqlite3.connect(path)
reading, body = False, []
for line in text.splitlines():
    reading = line == '-- migrate:up' if line.startswith('--') else reading
    body += [line] if reading else []
db.executescript('\\n'.join(body))
print('applied:', len(body) - 1 if body else 0)";
    let run = |text: &str| {
        let naive = bench.naive_copy();
        let said = python(&naive.path, &format!("text = {}\n{program}", serde_json::json!(text)));
        (said, naive.ask("SELECT count(*) FROM item WHERE name = 'first' AND note = 'second'"))
    };
    let answer = |said: &str, rows: &str| (said.to_owned(), rows.to_owned());
    assert_eq!(run(first.trim_start_matches('\u{feff}')), answer("applied: 2", "2"));
    assert_eq!(run(first), answer("applied: 0", "0"), "it succeeds, and nothing was done");

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
    let database = engine.open(Access::ReadOnly).unwrap();
    let known = engine.know(&database).unwrap();
    let found = drift(&engine, &known).unwrap();
    assert_eq!(found, ["table other is made by no applied phase"]);
    drop(database);

    // The desired schema in the words of the file, by hand, and in other words: no difference.
    let stored = bench.ask(
        "SELECT group_concat(sql || char(10), ';') FROM sqlite_schema WHERE tbl_name LIKE 'odd%'",
    );
    let by_hand = ODD_DDL.replace("k  INTEGER", "l INTEGER");
    let reworded = by_hand
        .replace("CREATE TABLE odd(", "create table [ODD] ( -- words\n")
        .replace("TEXT", "text")
        .replace("ON odd (", "on \"odd\"(");
    let desired = bench.project().path("schema.sql");
    let settled = |text: &str| {
        std::fs::write(&desired, text).unwrap();
        let desired = SchemaSource::Desired(desired.clone());
        let found = compare_sources(&engine, &SchemaSource::Applied, &desired).unwrap();
        found.differing().count()
    };
    assert!(stored != by_hand && by_hand != reworded, "texts differ each time");
    for text in [&stored, &by_hand, &reworded] {
        assert_eq!(settled(text), 0, "{text}");
    }
    // But the least difference in meaning is one.
    for (is, other) in [("DEFAULT 1,", "DEFAULT 2,"), ("nocase", "rtrim"), ("c > 0", "c >= 0")] {
        assert!(by_hand.contains(is));
        assert_eq!(settled(&by_hand.replace(is, other)), 1, "{is}");
    }
    std::fs::remove_file(&desired).unwrap();
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

    // Where only names change, nothing has to be sorted.
    let bench = Bench::from_python(MISSING_PARTS);
    bench.steps(Renaming::of_column("word", "note", "remark").steps()).up();
    assert_eq!(
        bench.ask("SELECT id, text, remark FROM word NOT INDEXED"),
        bench.ask_before("SELECT id, text, note FROM word NOT INDEXED")
    );

    // What would have to be rebuilt and cannot be is refused by name.
    let refusals = [
        ("parents = []\n[[up]]\nop = \"alter_column\"\ntable = \"word\"\ncolumn = \"note\"\nnot_null = true\n".to_owned(), "ICU_DE"),
        (Renaming::of_table("map", "atlas").steps().to_owned(), "VirtualMap"),
    ];
    for (steps, part) in refusals {
        let bench = Bench::from_python(MISSING_PARTS);
        let before = bench.project().file_bytes();
        let error = bench.steps(&steps).run(&up_to("head")).unwrap_err();
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
    // A runner that begins anew where it cannot read what it has recorded.
    let naive = bench.naive("CREATE TABLE schema_version(current INTEGER)");
    let said = python(
        &naive.path,
        "db = sqlite3.connect(path)
try:
    db.execute('SELECT max(version) FROM schema_version')
except sqlite3.OperationalError:
    for name, in db.execute(\"SELECT name FROM sqlite_master WHERE type = 'table'\").fetchall():
        db.execute('DROP TABLE ' + name)
    db.executescript('CREATE TABLE schema_version(version); CREATE TABLE item(id, name, note)')
    print('recovered')",
    );
    assert_eq!((said.as_str(), &*naive.ask("SELECT count(*) FROM item")), ("recovered", "0"));

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
