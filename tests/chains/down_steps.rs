//! The downgrade of every kind of step: the very text of before, and the rows written since.

use phaseshift::ErrorKind;
use phaseshift::migrate::Request;
use phaseshift::phase::Target;

use super::rig::Rig;

const BASE: &str = r#"
parents = []
[[up]]
op = "create_table"
sql = """CREATE TABLE person (
  id INTEGER PRIMARY KEY, -- the key
  name TEXT NOT NULL,
  team INTEGER REFERENCES team(id), age INTEGER DEFAULT 18,
  note TEXT,
  CONSTRAINT grown CHECK (age > 0)
)"""
[[up]]
op = "create_table"
sql = "CREATE TABLE team(id INTEGER PRIMARY KEY, title TEXT)"
[[up]]
op = "create_index"
sql = "CREATE INDEX  by_name ON person(name COLLATE NOCASE)"
[[up]]
op = "create_view"
sql = "CREATE VIEW  grown AS SELECT name, age FROM person WHERE age > 20"
[[up]]
op = "create_trigger"
sql = "CREATE TRIGGER noted AFTER UPDATE OF note ON person BEGIN SELECT 1; END"
"#;

const ROWS: &str = "
INSERT INTO team VALUES (1, 'one');
INSERT INTO person(id, name, team, age, note) VALUES (1, 'Ann', 1, 30, 'n'), (2, 'Bo', NULL, 18, NULL)";

/// Applies steps to the base and undoes them: the texts must be those of before.
#[track_caller]
fn there_and_back(steps: &str) -> Rig {
    let rig = Rig::empty();
    rig.write("a.toml", BASE);
    rig.up("a");
    rig.execute(ROWS);
    let texts = rig.texts();
    rig.write("b.toml", steps);
    rig.up("b");
    assert_ne!(rig.texts(), texts);
    rig.execute("INSERT INTO team(id, title) VALUES (2, 'two')");
    rig.down("a");
    assert_eq!(rig.texts(), texts);
    assert_eq!(rig.rows()["team"].len(), 2);
    assert_eq!(rig.current(), ["a"]);
    rig
}

fn refusal(rig: &Rig, target: &str) -> (ErrorKind, Vec<String>) {
    let error = rig.try_run(&Request::down(Target::parse(target).unwrap())).unwrap_err();
    let mut lines = vec![error.to_string()];
    lines.extend(error.facts().problems.clone());
    (error.kind(), lines)
}

#[test]
fn tables_and_columns_that_were_renamed() {
    let rig = there_and_back(
        r#"
[[up]]
op = "rename_table"
from = "person"
to = "member"
[[up]]
op = "rename_column"
table = "member"
from = "name"
to = "full name"
[[up]]
op = "rename_column"
table = "member"
from = "age"
to = "years"
[[up]]
op = "rename_index"
from = "by_name"
to = "by_full_name"
"#,
    );
    assert_eq!(rig.rows()["person"].len(), 2);
}

#[test]
fn swapped_columns() {
    there_and_back(
        r#"
[[up]]
op = "rename_column"
table = "person"
from = "name"
to = "note"
[[up]]
op = "rename_column"
table = "person"
from = "note"
to = "name"
"#,
    );
}

#[test]
fn a_column_in_the_middle_that_was_dropped() {
    there_and_back(
        r#"
[[up]]
op = "drop_view"
view = "grown"
[[up]]
op = "drop_constraint"
table = "person"
name = "grown"
[[up]]
op = "drop_column"
table = "person"
column = "age"
"#,
    );
}

#[test]
fn columns_that_were_added_and_changed() {
    there_and_back(
        r#"
[[up]]
op = "add_column"
table = "person"
column = "mail TEXT DEFAULT ''"
after = "name"
[[up]]
op = "add_column"
table = "person"
column = "initial TEXT"
value = "substr(name, 1, 1)"
[[up]]
op = "alter_column"
table = "person"
column = "note"
type = "VARCHAR(200)"
default = "'-'"
[[up]]
op = "create_index"
sql = "CREATE INDEX by_mail ON person(mail)"
[[up]]
op = "add_constraint"
table = "team"
sql = "UNIQUE (title)"
"#,
    );
}

#[test]
fn a_table_that_was_rebuilt_and_views_that_were_replaced() {
    there_and_back(
        r#"
[[up]]
op = "rebuild"
table = "team"
sql = "CREATE TABLE team(id INTEGER PRIMARY KEY, title TEXT, size INTEGER) STRICT"
values = { size = "7" }
[[up]]
op = "replace_view"
sql = "CREATE VIEW grown AS SELECT name FROM person"
[[up]]
op = "replace_trigger"
sql = "CREATE TRIGGER noted AFTER DELETE ON person BEGIN SELECT 2; END"
[[up]]
op = "drop_index"
index = "by_name"
"#,
    );
}

#[test]
fn a_table_that_was_dropped_comes_back_with_its_index_and_trigger() {
    let rig = there_and_back(
        r#"
[[up]]
op = "drop_view"
view = "grown"
[[up]]
op = "drop_table"
table = "person"
"#,
    );
    assert!(rig.rows()["person"].is_empty());
}

#[test]
fn what_nobody_made_comes_back_too() {
    let rig = Rig::empty();
    rig.write("a.toml", BASE);
    rig.up("a");
    rig.execute("CREATE VIEW  outside AS SELECT 1 AS one -- made by hand\n");
    let texts = rig.texts();
    rig.write("b.toml", "[[up]]\nop = \"drop_view\"\nview = \"outside\"\nif_exists = true\n");
    rig.up("b");
    assert!(!rig.texts().contains_key("view outside"));
    rig.down("a");
    assert_eq!(rig.texts(), texts);
}

/// The first phase only says that the tables are there; nothing runs from nothing.
#[test]
fn tables_that_no_phase_makes_come_back_as_they_were() {
    let rig = Rig::empty();
    rig.execute(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, -- the key\n name TEXT, age INT, note);
         CREATE VIEW  grown AS SELECT name FROM person WHERE age > 18;
         CREATE INDEX  by_name ON person(name COLLATE NOCASE);
         INSERT INTO person VALUES (1, 'Ann', 30, 'x')",
    );
    let texts = rig.texts();
    rig.write("a.toml", "parents = []\n");
    rig.write(
        "b.toml",
        r#"
[[up]]
op = "drop_view"
view = "grown"
[[up]]
op = "drop_index"
index = "by_name"
[[up]]
op = "drop_column"
table = "person"
column = "note"
[[up]]
op = "rename_column"
table = "person"
from = "name"
to = "title"
[[up]]
op = "add_constraint"
table = "person"
sql = "CHECK (age > 0)"
[[up]]
op = "create_table"
sql = "CREATE TABLE team(id INTEGER PRIMARY KEY)"
"#,
    );
    rig.write("c.toml", "[[up]]\nop = 'rename_table'\nfrom = 'person'\nto = 'people'\n");
    rig.up("c");
    rig.execute("INSERT INTO people(id, title, age) VALUES (2, 'Bo', 3)");
    rig.down("a");
    assert_eq!(rig.texts(), texts);
    assert_eq!(rig.rows()["person"].len(), 2);
}

#[test]
fn a_table_that_was_there_before_is_not_dropped_on_the_way_back() {
    let rig = Rig::empty();
    rig.execute(
        "CREATE TABLE team(id INTEGER PRIMARY KEY, title TEXT); INSERT INTO team VALUES (1, 'x')",
    );
    rig.write(
        "a.toml",
        "parents = []\n[[up]]\nop = \"create_table\"\nif_not_exists = true\n\
         sql = \"CREATE TABLE team(id INTEGER PRIMARY KEY, title TEXT)\"\n",
    );
    rig.up("a");
    rig.down("base");
    assert_eq!(rig.rows()["team"].len(), 1);
}

#[test]
fn what_is_lost_is_counted_and_refused() {
    let rig = Rig::empty();
    rig.write("a.toml", BASE);
    rig.write(
        "b.toml",
        r#"
[[up]]
op = "rename_table"
from = "person"
to = "member"
[[up]]
op = "add_column"
table = "member"
column = "level INTEGER DEFAULT 1"
[[up]]
op = "drop_column"
table = "team"
column = "title"
"#,
    );
    rig.write("c.toml", "[[up]]\nop = \"rename_table\"\nfrom = \"member\"\nto = \"people\"\n");
    rig.up("a");
    rig.execute(ROWS);
    rig.up("c");
    rig.execute("UPDATE people SET level = 2 WHERE id = 1");
    let (kind, lines) = refusal(&rig, "base");
    assert_eq!(kind, ErrorKind::Irreversible);
    assert_eq!(
        lines,
        [
            "undoing b, a loses data",
            "b: column team.title comes back empty in 1 row",
            "b: column member.level is dropped with its values in 1 row",
            "a: table person is dropped with 2 rows",
            "a: table team is dropped with 1 row",
        ]
    );
    let texts = rig.texts();
    assert!(texts.contains_key("table people"), "nothing was changed: {texts:?}");
}

#[test]
fn statements_need_a_way_back_by_hand() {
    let rig = Rig::empty();
    rig.write("a.toml", BASE);
    rig.write("b.toml", "[[up]]\nop = \"sql\"\nsql = \"UPDATE person SET note = 'x'\"\n");
    rig.write("c.toml", "irreversible = \"the notes are gone\"\n");
    rig.up("c");
    let (kind, lines) = refusal(&rig, "b");
    assert_eq!(kind, ErrorKind::Irreversible);
    assert_eq!(lines, ["c cannot be undone: the notes are gone"]);
    rig.write("c.toml", "irreversible = \"the notes are gone\"\n");
    rig.execute("DELETE FROM schema_version WHERE version = 3");
    let (kind, lines) = refusal(&rig, "a");
    assert_eq!(kind, ErrorKind::Irreversible);
    assert!(
        lines[0].starts_with("b cannot be undone: no downgrade can be derived from sql in line 1"),
        "{lines:?}"
    );
}

#[test]
fn base_leaves_no_object_and_an_empty_version_table() {
    let rig = Rig::empty();
    rig.write("a.toml", BASE);
    rig.up("a");
    rig.down("base");
    assert!(rig.texts().is_empty(), "{:?}", rig.texts());
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        rig.connection().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("schema_version"), count("phase_history")), (0, 2));
    rig.up("a");
    assert_eq!(rig.current(), ["a"]);
}

#[test]
fn a_default_that_is_dropped_at_once_stays_in_the_old_rows() {
    let rig = Rig::empty();
    rig.write("a.toml", BASE);
    rig.up("a");
    rig.execute(ROWS);
    rig.write(
        "b.toml",
        r#"
[[up]]
op = "add_column"
table = "person"
column = "busy INTEGER NOT NULL DEFAULT 3"
[[up]]
op = "alter_column"
table = "person"
column = "busy"
default = "none"
"#,
    );
    rig.up("b");
    let sum: i64 =
        rig.connection().query_row("SELECT sum(busy) FROM person", [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 6);
}
