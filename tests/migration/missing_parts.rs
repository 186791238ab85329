//! Functions, collations, modules and tokenizers that only a file's own program has: carried where nothing
//! has to be rewritten, otherwise refused by name before anything is written. The plan says what is missing.

use phaseshift::ErrorKind;
use support::{Bench, Renaming, python, script};

/// An address book whose program has a collation, a function, a tokenizer and a module of its own.
const BOOK: &str = r#"
c = sqlite3.connect(path, isolation_level=None)
c.create_collation("PHONEBOOK", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
c.create_function("plain", 1, lambda value: value, deterministic=True)
c.executescript("""
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, sort TEXT COLLATE PHONEBOOK, note TEXT);
CREATE INDEX by_sort ON person(sort);
CREATE INDEX by_note ON person(note);
CREATE TABLE place(id INTEGER PRIMARY KEY, street TEXT, person INTEGER REFERENCES person(id));
CREATE TABLE seen(street TEXT);
CREATE TABLE words(word TEXT);
CREATE VIEW streets AS SELECT plain(street) AS street FROM place;
CREATE TRIGGER moved AFTER UPDATE ON place BEGIN INSERT INTO seen VALUES (plain(new.street)); END;
CREATE VIRTUAL TABLE search USING fts5(street, content='place', content_rowid='id');
CREATE VIRTUAL TABLE older USING fts4(word);
CREATE TRIGGER found AFTER INSERT ON place BEGIN INSERT INTO search(rowid, street) VALUES (new.id, new.street); END;
CREATE TRIGGER noted AFTER INSERT ON seen BEGIN INSERT INTO older(word) SELECT word FROM words; END;
INSERT INTO person VALUES (1, 'Ada', 'ada', 'x'), (2, 'Bo', 'Bo', NULL);
INSERT INTO place(street, person) VALUES ('Main', 1), ('Side', 7);
INSERT INTO older VALUES ('one');
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'content_rowid', 'tokenize=''spelled'', content_rowid') WHERE name = 'search';
UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE older USING fts4(word, tokenize=spelled)' WHERE name = 'older';
INSERT INTO sqlite_schema VALUES ('table', 'corrected', 'corrected', 0, 'CREATE VIRTUAL TABLE corrected USING speller');
""")
"#;

const SCHEMA: &str = "SELECT type, name, sql FROM sqlite_schema
    WHERE tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY type, name";

fn step(op: &str, keys: &str) -> String {
    format!("parents = []\n[[up]]\nop = \"{op}\"\n{keys}\n")
}

#[test]
fn a_change_of_another_table_carries_them_all_there_and_back() {
    let bench = Bench::from_python(BOOK);
    let said = bench.naive_fails("ALTER TABLE words RENAME COLUMN word TO spelling");
    assert!(said.contains("PHONEBOOK"), "{said}");

    bench.steps(&step("add_column", "table = \"words\"\ncolumn = \"n INT DEFAULT 1\""));
    bench.up();
    bench.same_answer(
        "SELECT name, sql FROM sqlite_schema WHERE name NOT IN ('words') AND \
         tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY 1",
    );
    bench.same_answer("SELECT hex(block) FROM search_data ORDER BY id");
    bench.down();
    assert_eq!(bench.ask(SCHEMA), bench.ask_before(SCHEMA));
}

#[test]
fn the_plan_says_what_is_missing_and_who_needs_it() {
    let bench = Bench::from_python(BOOK);
    bench.steps(&step("add_column", "table = \"words\"\ncolumn = \"n INT\""));
    let said = bench.project().run(&["plan"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for words in [
        "the collation PHONEBOOK is not in this program; it is used by table person",
        "the function plain() is not in this program; it is used by view streets, trigger moved",
        "the tokenizer spelled is not in this program",
        "the module speller is not in this program; it is used by virtual table corrected",
    ] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
}

#[test]
fn the_script_runs_in_a_program_that_lacks_them_too() {
    let bench = Bench::from_python(BOOK);
    for renaming in [
        Renaming::of_column("words", "word", "spelling"),
        Renaming::of_column("person", "name", "called"),
        Renaming::of_table("words", "spellings"),
    ] {
        let bench = Bench::copy_of(bench.before());
        bench.steps(renaming.steps());
        let Ok(look) = bench.look("head") else { continue };
        let phaseshift::migrate::Preparation::Ready(migration) = look else { panic!("no plan") };
        let Ok(text) = phaseshift::migrate::script(&migration) else {
            // It would have to sort what only the file's own program can sort.
            assert!(renaming.steps().contains("person"), "{}", renaming.steps());
            continue;
        };
        drop(migration);
        let scripted = bench.naive_copy();
        let careless = text.replace("PRAGMA writable_schema=ON;\n", "");
        let said = script(&bench.naive_copy().path, &careless).expect_err("it reads every index");
        assert!(said.contains("PHONEBOOK"), "{said}");
        script(&scripted.path, &text).unwrap();
        bench.up();
        assert_eq!(scripted.ask(SCHEMA), bench.ask(SCHEMA));
    }
}

#[test]
fn a_table_that_has_to_be_rewritten_is_refused_with_the_part() {
    let bench = Bench::from_python(BOOK);
    bench.steps(&step("alter_column", "table = \"person\"\ncolumn = \"name\"\nnot_null = true"));
    bench.refused(ErrorKind::MissingExtension, "PHONEBOOK");
    let rename = step("rename_column", "table = \"person\"\nfrom = \"name\"\nto = \"called\"");
    let refused = bench.steps(&rename).project().run(&["plan", "--sql"]).expect_code(4);
    assert!(refused.stderr.contains("rebuild person, which needs the collation PHONEBOOK"));
    // Only names change: the run itself leaves the table in place.
    bench.up();
    assert_eq!(
        bench.ask("SELECT id, called, note FROM person"),
        bench.ask_before("SELECT id, name, note FROM person")
    );
}

#[test]
fn an_index_that_cannot_be_made_is_refused_before_the_backup() {
    let bench = Bench::from_python(BOOK);
    let create = |sql: &str| step("create_index", &format!("sql = \"{sql}\""));
    bench.steps(&step("rename_index", "from = \"by_sort\"\nto = \"sorted\""));
    bench.refused(
        ErrorKind::MissingExtension,
        "the index sorted would have to be rebuilt, which needs the collation PHONEBOOK",
    );
    bench.steps(&create("CREATE INDEX i ON place(plain(street))"));
    bench.refused(ErrorKind::MissingExtension, "the function plain()");
    // Other columns of the same table need nothing.
    bench.steps(&create("CREATE INDEX i ON person(name)"));
    bench.up();
    bench.same_answer("SELECT id, name, note FROM person");
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name = 'by_sort'");
}

#[test]
fn a_full_text_table_with_a_tokenizer_of_its_own_stays_and_is_followed() {
    let bench = Bench::from_python(BOOK);
    bench.steps(&step("rename_column", "table = \"place\"\nfrom = \"person\"\nto = \"owner\""));
    bench.up();
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name IN ('search', 'found') ORDER BY 1");
    bench.same_answer("SELECT id, hex(block) FROM search_data ORDER BY id");
    assert_eq!(bench.ask("SELECT group_concat(owner) FROM place"), "1,7");
}

#[test]
fn a_full_text_table_that_has_to_be_filled_again_is_refused_by_name() {
    let bench = Bench::from_python(BOOK);
    bench.steps(Renaming::of_table("place", "places").steps());
    bench.refused(
        ErrorKind::MissingExtension,
        "the full-text table search would have to be rebuilt, which needs the tokenizer spelled",
    );
}

#[test]
fn a_trigger_that_nobody_can_read_is_not_left_with_an_old_name() {
    let bench = Bench::from_python(BOOK);
    bench.steps(Renaming::of_column("words", "word", "spelling").steps());
    bench.refused(ErrorKind::MissingExtension, "trigger noted uses word but cannot be rewritten");
}

#[test]
fn a_table_of_a_missing_module_is_refused_by_name() {
    for (op, keys) in [
        ("drop_table", "table = \"corrected\""),
        ("rename_table", "from = \"corrected\"\nto = \"right\""),
        ("drop_table", "table = \"older\""),
    ] {
        let bench = Bench::from_python(BOOK);
        bench.steps(&step(op, keys));
        let named =
            if keys.contains("older") { "which older needs" } else { "which corrected needs" };
        bench.refused(ErrorKind::MissingExtension, named);
    }
}

#[test]
fn rows_are_still_there_for_the_program_that_has_them() {
    let bench = Bench::from_python(BOOK);
    bench.steps(&step("rename_column", "table = \"place\"\nfrom = \"street\"\nto = \"road\""));
    // The view hands out what it did, computed by the program's own function.
    let Err(error) = bench.run(&support::up_to("head")) else {
        let program = "c = sqlite3.connect(path)\n\
            c.create_function('plain', 1, lambda value: value)\n\
            print(c.execute('SELECT group_concat(street) FROM streets').fetchone()[0])";
        assert_eq!(python(&bench.database(), program), "Main,Side");
        return;
    };
    // The full-text table reads the column by its name.
    assert!(support::explain(&error).contains("search"), "{}", support::explain(&error));
}

/// A table whose very definition calls a function that only its program has.
const RULES: &str = r#"
c = sqlite3.connect(path, isolation_level=None)
c.create_function("plain", 1, lambda value: value, deterministic=True)
c.executescript("""
CREATE TABLE ruled(id INTEGER PRIMARY KEY, a TEXT CHECK (plain(a) IS NOT 'no'), b TEXT AS (plain(a)) STORED);
CREATE INDEX by_plain ON ruled(plain(a)) WHERE plain(a) IS NOT NULL;
CREATE TABLE other(x);
INSERT INTO ruled(a) VALUES ('yes'), (NULL), ('maybe');
INSERT INTO other VALUES (1);
""")
"#;

#[test]
fn a_function_in_the_rules_of_another_table_does_not_make_the_backup_fail() {
    let bench = Bench::from_python(RULES);
    let said = bench.naive_copy().fails("PRAGMA quick_check");
    assert!(said.contains("plain"), "{said}");

    bench.steps(Renaming::of_column("other", "x", "y").steps());
    bench.up();
    bench.same_answer("SELECT id, a, b FROM ruled");
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE tbl_name = 'ruled' ORDER BY 1");
    bench.down();
    assert_eq!(bench.ask(SCHEMA), bench.ask_before(SCHEMA));

    bench.steps(&step("add_column", "table = \"ruled\"\ncolumn = \"more INT\"\nvalue = \"1\""));
    bench.refused(ErrorKind::MissingExtension, "the function plain()");
    bench.steps(Renaming::of_column("ruled", "a", "c").steps());
    bench.up();
    assert_eq!(
        bench.ask("SELECT id, c, b FROM ruled"),
        bench.ask_before("SELECT id, a, b FROM ruled")
    );
}

#[test]
fn a_verification_of_a_file_with_missing_parts_checks_what_it_can_and_says_what_it_cannot() {
    let bench = Bench::from_python(BOOK);
    let said = bench.naive_fails("PRAGMA integrity_check");
    assert!(said.contains("PHONEBOOK"), "{said}");
    bench.steps(&step("add_column", "table = \"words\"\ncolumn = \"n INT DEFAULT 1\""));
    bench.up();
    let said = bench.project().run(&["verify"]);
    assert!(said.stdout.contains("checked in part: person: "), "{}{}", said.stdout, said.stderr);
    // One row has no parent: the answer is no, and not a failure.
    assert_eq!(said.code, 3, "{}", said.stderr);
    script(&bench.database(), "UPDATE place SET person = 1 WHERE person = 7").unwrap_err();
    script(&bench.database(), "DROP TRIGGER moved; UPDATE place SET person = 1").unwrap();
    let said = bench.project().run(&["verify"]);
    assert!(
        said.stdout.contains("✓ integrity") || said.stdout.contains("integrity"),
        "{}",
        said.stdout
    );
    println!("{}", said.stdout);
}
