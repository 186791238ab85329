//! Scripts of `plan --sql`: refused where the run is refused, and with checks of their own for the file they meet,
//! whoever runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Bench, python, sqlite3};

/// Two phases: the tables, and the change.
fn chain(tables: &str, change: &str) -> Bench {
    let bench = Bench::empty();
    bench.phase("a", &format!("parents = []\n[[up]]\nop = \"sql\"\nsql = '''{tables}'''\n"));
    bench.phase("b", change);
    bench
}

/// The script from one place to another, made without a database.
#[track_caller]
fn range(bench: &Bench, range: &str) -> String {
    bench.project().run(&["plan", "--sql", range]).expect_code(0).stdout
}

/// A new file at the first phase, with rows.
#[track_caller]
fn file(bench: &Bench, name: &str, rows: &str) -> PathBuf {
    let path = bench.project().path(name);
    run(&path, &range(bench, "base:a"), Way::Bail).expect("the tables");
    sqlite3(&path, rows);
    path
}

/// How a script is run.
#[derive(Debug, Clone, Copy)]
enum Way {
    Bail,
    Redirected,
    Read,
    Python,
}

const WAYS: [Way; 4] = [Way::Bail, Way::Redirected, Way::Read, Way::Python];

/// Runs a script by another program; the error is what that complains about.
fn run(database: &Path, script: &str, way: Way) -> Result<(), String> {
    let text = database.with_extension("sql");
    std::fs::write(&text, script).unwrap();
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-init", "/dev/null"]);
    let command = match way {
        Way::Bail => command.arg("-bail").arg(database).stdin(std::fs::File::open(&text).unwrap()),
        Way::Redirected => command.arg(database).stdin(std::fs::File::open(&text).unwrap()),
        Way::Read => command.arg(database).arg(format!(".read '{}'", text.display())),
        Way::Python => {
            let run = "import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.executescript(open(sys.argv[2]).read())";
            command = support::python3();
            command.args(["-c", run]).arg(database).arg(&text)
        }
    };
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && said.is_empty() { Ok(()) } else { Err(said) }
}

/// Everything in a file, in words.
fn dump(database: &Path) -> String {
    python(database, "print('\\n'.join(sqlite3.connect(path).iterdump()))")
}

/// Expects that a script stops on a file with these rows and leaves it as before, whoever runs it.
#[track_caller]
fn stops(bench: &Bench, rows: &str, says: &str) {
    let script = range(bench, "a:b");
    for way in WAYS {
        let path = file(bench, &format!("{way:?}.db"), rows);
        let before = dump(&path);
        let said = run(&path, &script, way).expect_err("the script must fail");
        assert!(said.contains(says), "{way:?}: {said}");
        assert_eq!(dump(&path), before, "{way:?}: {said}");
        std::fs::remove_file(&path).unwrap();
    }
}

/// Expects that a script runs on a file with these rows, whoever runs it, and returns what a query finds then.
#[track_caller]
fn runs(bench: &Bench, rows: &str, query: &str) -> String {
    let script = range(bench, "a:b");
    let answers = WAYS.map(|way| {
        let path = file(bench, &format!("{way:?}.db"), rows);
        run(&path, &script, way).unwrap_or_else(|said| panic!("{way:?}: {said}\n{script}"));
        let answer = sqlite3(&path, query);
        std::fs::remove_file(&path).unwrap();
        answer
    });
    assert!(answers.iter().all(|it| *it == answers[0]), "{answers:?}");
    answers[0].clone()
}

const CODES: &str = "CREATE TABLE code(id INTEGER PRIMARY KEY, zip TEXT, note TEXT);";
const RETYPED: &str =
    "[[up]]\nop = \"alter_column\"\ntable = \"code\"\ncolumn = \"zip\"\ntype = \"INTEGER\"\n";

#[test]
fn a_new_type_converted_the_values_of_a_file_that_was_not_at_hand() {
    let bench = chain(CODES, RETYPED);
    let says = "code.zip: the new type would convert values";
    stops(&bench, "INSERT INTO code VALUES (1, 'x', ''), (2, '007', '')", says);
    stops(&bench, "INSERT INTO code VALUES (1, ' 12', '')", says);
    let stay = "INSERT INTO code VALUES (1, 'x7', ''), (2, NULL, ''), (3, '2024-01-01', '')";
    assert_eq!(
        runs(&bench, stay, "SELECT group_concat(typeof(zip) || zip) FROM code"),
        "textx7,text2024-01-01"
    );
}

#[test]
fn an_any_column_of_a_strict_table_that_stays_strict_no_longer_is_no_text() {
    let tables = "CREATE TABLE l(id INTEGER PRIMARY KEY, v ANY) STRICT;";
    let change = "[[up]]\nop = \"rebuild\"\ntable = \"l\"\nsql = \"CREATE TABLE l(id INTEGER PRIMARY KEY, v ANY)\"\n";
    stops(&chain(tables, change), "INSERT INTO l VALUES (1, '1e2')", "l.v: the new type");
}

const FAMILY: &str = "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER, code TEXT);";

#[test]
fn a_new_foreign_key_left_orphans_in_a_file_that_was_not_at_hand() {
    let change = "[[up]]\nop = \"add_constraint\"\ntable = \"child\"
sql = \"FOREIGN KEY (parent) REFERENCES parent(id) ON DELETE CASCADE\"\n";
    let bench = chain(FAMILY, change);
    stops(&bench, "INSERT INTO child VALUES (1, 7, 'a')", "rows of child would have no parent");
    let rows =
        "INSERT INTO parent VALUES (7, 'p'); INSERT INTO child VALUES (1, 7, 'a'), (2, NULL, 'b')";
    assert_eq!(runs(&bench, rows, "SELECT count(*) FROM child"), "2");
}

#[test]
fn orphans_from_before_go_through_a_rename_and_no_other_may_join_them() {
    let tables = "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE);
CREATE TABLE child(id INTEGER PRIMARY KEY, name TEXT REFERENCES parent(name));";
    let change = "[[up]]\nop = \"rename_table\"\nfrom = \"child\"\nto = \"kid\"
[[up]]\nop = \"alter_column\"\ntable = \"parent\"\ncolumn = \"name\"\ncollate = \"BINARY\"\n";
    let bench = chain(tables, change);
    let known = "PRAGMA foreign_keys = OFF; INSERT INTO parent VALUES (1, 'Ab');
INSERT INTO child VALUES (1, 'nobody'), (2, 'Ab');";
    assert_eq!(runs(&bench, known, "PRAGMA foreign_key_check"), "kid|1|parent|0");
    let newly = format!("{known} INSERT INTO child VALUES (3, 'AB');");
    stops(&bench, &newly, "rows of kid would have no parent");
}

#[test]
fn nulls_and_duplicates_stop_a_script_with_nothing_changed() {
    let required =
        "[[up]]\nop = \"alter_column\"\ntable = \"child\"\ncolumn = \"parent\"\nnot_null = true\n";
    let bench = chain(FAMILY, required);
    stops(
        &bench,
        "INSERT INTO child VALUES (1, NULL, 'a'), (2, 1, 'b')",
        "child.parent would be NULL",
    );
    let unique =
        "[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX by_code ON child(lower(code))\"
[[up]]\nop = \"rename_column\"\ntable = \"parent\"\nfrom = \"name\"\nto = \"title\"\n";
    let bench = chain(FAMILY, unique);
    stops(&bench, "INSERT INTO child VALUES (1, 1, 'a'), (2, 1, 'A')", "UNIQUE constraint failed");
    let rows = "INSERT INTO child VALUES (1, 1, 'a'), (2, 1, NULL), (3, 1, NULL)";
    assert_eq!(
        runs(&bench, rows, "SELECT count(*) FROM child INDEXED BY by_code WHERE lower(code) = 'a'"),
        "1"
    );
}

#[test]
fn a_script_carries_the_checks_of_its_phases() {
    let change = "[[require]]\nname = \"it's one parent\"\nsql = \"SELECT count(*) FROM parent; -- all\"\nexpect = 1
[[require]]\nname = \"no child\"\nsql = \"WITH c AS (SELECT * FROM child) SELECT * FROM c\"\nexpect = \"no rows\"
[[up]]\nop = \"sql\"\nsql = \"UPDATE parent SET name = upper(name)\"
[[verify]]\nname = \"upper\"\nsql = \"SELECT name FROM parent\"\nexpect = \"PAUL\"\n";
    let bench = chain(FAMILY, change);
    stops(&bench, "SELECT 1", "\"it's one parent\" does not hold");
    let two = "INSERT INTO parent VALUES (1, 'paul'); INSERT INTO child VALUES (1, 1, 'a')";
    stops(&bench, two, "\"no child\" does not hold");
    stops(&bench, "INSERT INTO parent VALUES (1, 'peter')", "\"upper\" does not hold");
    let one = "INSERT INTO parent VALUES (1, 'paul')";
    assert_eq!(runs(&bench, one, "SELECT name FROM parent"), "PAUL");
}

/// Expects that no script is printed where the run is refused, for the same reason.
#[track_caller]
fn refused_alike(bench: &Bench, run: &str, scripts: &[&[&str]]) {
    let before = bench.project().file_bytes();
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let wanted = first_line(&bench.project().run(&[run]).expect_code(4).stderr);
    for arguments in scripts {
        let output = bench.project().run(arguments).expect_code(4);
        assert_eq!((output.stdout.as_str(), first_line(&output.stderr)), ("", wanted.clone()));
    }
    assert_eq!(before, bench.project().file_bytes());
}

const UP: [&[&str]; 2] = [&["plan", "--sql"], &["upgrade", "--sql"]];

#[test]
fn a_script_was_printed_for_rows_that_upgrade_refuses() {
    let bench = Bench::new(&format!("{CODES} INSERT INTO code VALUES (1, '007', NULL)"));
    bench.steps(RETYPED);
    refused_alike(&bench, "upgrade", &UP);
    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"code\"\ncolumn = \"note\"\nnot_null = true\n",
    );
    refused_alike(&bench, "upgrade", &UP);
    let check = "[[require]]\nname = \"empty\"\nsql = \"SELECT 1 FROM code\"\nexpect = \"no rows\"
[[up]]\nop = \"drop_column\"\ntable = \"code\"\ncolumn = \"note\"\n";
    bench.steps(check);
    refused_alike(&bench, "upgrade", &UP);
    bench.steps("[[up]]\nop = \"create_index\"\nsql = \"CREATE UNIQUE INDEX one ON code(zip)\"\n");
    bench.project().run(&["plan", "--sql"]).expect_code(0);
}

#[test]
fn a_script_down_lost_rows_without_a_word() {
    let bench = Bench::new("CREATE TABLE kept(a); INSERT INTO kept VALUES (1);");
    bench.phase(
        "p1",
        "parents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE fresh(a)\"\n",
    );
    bench.up();
    sqlite3(&bench.database(), "INSERT INTO fresh VALUES (1), (2)");
    let down: [&[&str]; 3] =
        [&["plan", "-1", "--sql"], &["downgrade", "--sql"], &["plan", "--down", "base", "--sql"]];
    refused_alike(&bench, "downgrade", &down);
    for arguments in
        [&["plan", "-1", "--sql", "--accept-loss"], &["downgrade", "-1", "--sql", "--accept-loss"]]
    {
        let script = bench.project().run(arguments).expect_code(0).stdout;
        assert!(script.contains("-- LOSS: table fresh is dropped with 2 rows\n"), "{script}");
        let copy = bench.project().copy_database("copy.db");
        run(&copy, &script, Way::Redirected).unwrap();
        assert_eq!(
            sqlite3(&copy, "SELECT count(*) FROM kept, sqlite_schema WHERE name = 'fresh'"),
            "0"
        );
    }
    let range = range(&bench, "p1:base");
    assert!(range.contains("-- LOSS: table fresh is dropped with"), "{range}");
}

#[test]
fn a_script_says_what_it_does_and_what_it_does_not_check() {
    let bench =
        chain(FAMILY, "[[up]]\nop = \"drop_column\"\ntable = \"child\"\ncolumn = \"code\"\n");
    let script = range(&bench, "a:b");
    for words in [
        "sqlite3 -bail FILE < SCRIPT",
        "SQLite 3.40",
        "-- It applies b:",
        "makes no backup",
        "-- NOT checked",
    ] {
        assert!(script.contains(words), "{words}: {script}");
    }
    let inside = format!("BEGIN;\n{script}");
    let path = file(&bench, "inside.db", "INSERT INTO child VALUES (1, 1, 'a')");
    assert!(run(&path, &inside, Way::Bail).is_err());
    assert_eq!(sqlite3(&path, "SELECT code FROM child"), "a");
    // Foreign keys cannot be switched off inside, and dropping a table would then delete its children.
    let on = format!("PRAGMA foreign_keys=ON;\n{script}").replace("PRAGMA foreign_keys=OFF;\n", "");
    let said = run(&path, &on, Way::Redirected).unwrap_err();
    assert!(said.contains("foreign keys must be off"), "{said}");
    assert_eq!(sqlite3(&path, "SELECT code FROM child"), "a");
}
