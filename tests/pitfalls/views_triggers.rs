//! Views and triggers that hang on a rebuilt table or read it (P06 to P11, P39, P41, P43).

use phaseshift::plan::Stage;
use serde_json::json;

use support::{Bench, Renaming, quoted, script, sqlite3};

const SCHEMA: &str = "
CREATE TABLE track(id INTEGER PRIMARY KEY, title TEXT, seconds INTEGER);
CREATE TABLE play(id INTEGER PRIMARY KEY, track INTEGER, at TEXT);
CREATE TABLE log(line TEXT);
CREATE VIEW long_track AS SELECT id, title FROM track WHERE seconds > 300;
CREATE VIEW loud AS SELECT upper(title) AS title FROM long_track;
CREATE TRIGGER played AFTER INSERT ON play BEGIN
  INSERT INTO log SELECT title || ' played' FROM track WHERE id = new.track;
END;
CREATE TRIGGER retitled AFTER UPDATE OF title ON track WHEN old.title IS NOT new.title BEGIN
  INSERT INTO log VALUES (old.title || ' is now ' || new.title);
END;
CREATE TRIGGER gone BEFORE DELETE ON track BEGIN INSERT INTO log VALUES ('gone'); END;
INSERT INTO track VALUES (1, 'Sea', 400), (2, 'Hill', 100);
INSERT INTO play VALUES (1, 1, 'now');
";

const LENGTH: (&str, &str, &str) = ("track", "seconds", "length");

fn length() -> Renaming {
    Renaming::of_column(LENGTH.0, LENGTH.1, LENGTH.2)
}

#[test]
fn p06_triggers_and_views_do_not_follow_a_table_that_steps_aside() {
    let bench = Bench::new(SCHEMA);
    let naive = bench.naive(
        "DROP VIEW loud; DROP VIEW long_track;
         ALTER TABLE track RENAME TO track_old;
         CREATE TABLE track(id INTEGER PRIMARY KEY, title TEXT, length INTEGER);
         INSERT INTO track SELECT * FROM track_old; DROP TABLE track_old;",
    );
    let said = naive.fails("INSERT INTO play VALUES (2, 2, 'later')");
    assert!(said.contains("track_old"), "shows only at the first write: {said}");

    bench.renamed(&length());
    sqlite3(&bench.database(), "INSERT INTO play VALUES (2, 2, 'later')");
    assert_eq!(bench.ask("SELECT line FROM log ORDER BY rowid DESC LIMIT 1"), "Hill played");
}

#[test]
fn p07_views_on_views_do_not_block_a_rebuild() {
    let bench = Bench::new(SCHEMA);
    let said = bench.naive_fails(
        "BEGIN; CREATE TABLE n(id INTEGER PRIMARY KEY, title TEXT, length INTEGER);
         INSERT INTO n SELECT * FROM track; DROP TABLE track; ALTER TABLE n RENAME TO track; COMMIT;",
    );
    assert!(said.contains("error in view long_track: no such table"), "{said}");

    bench.renamed(&Renaming::of_column("track", "id", "number").column("track", "title", "name"));
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name = 'loud'");
    bench.same_answer("SELECT * FROM loud");
}

#[test]
fn p08_a_stale_view_or_trigger_is_reported_and_blocks_nothing() {
    let bench = Bench::new(&format!(
        "{SCHEMA}
         CREATE VIEW stale AS SELECT lost FROM nowhere;
         CREATE VIEW stale_too AS SELECT * FROM stale;
         CREATE TABLE aside(x);
         CREATE TRIGGER rotten AFTER INSERT ON aside BEGIN INSERT INTO nowhere VALUES (1); END;
         PRAGMA writable_schema=ON;"
    ));
    let said = bench.naive_fails("ALTER TABLE log RENAME TO diary");
    assert!(said.contains("error in view stale"), "{said}");

    bench.steps(Renaming::of_table("log", "diary").steps());
    let plan = bench.plan();
    let notices = plan.plan().phases[0].notices.join("\n");
    for name in ["view stale ", "view stale_too ", "trigger rotten "] {
        assert!(notices.contains(name), "{name} is not in {notices}");
    }
    assert!(notices.contains("nowhere"), "SQLite's reason: {notices}");
    drop(plan);
    bench.up();
    bench.same_answer(
        "SELECT sql FROM sqlite_schema WHERE name IN ('stale', 'stale_too', 'rotten') ORDER BY name",
    );
    bench.same_answer("SELECT * FROM track, play");
    assert_eq!(bench.ask("SELECT * FROM diary"), bench.ask_before("SELECT * FROM log"));
    sqlite3(&bench.database(), "UPDATE track SET title = 'See' WHERE id = 1");
    assert_eq!(bench.ask("SELECT line FROM diary ORDER BY rowid DESC LIMIT 1"), "Sea is now See");
}

#[test]
fn p09_views_never_read_a_table_kept_as_backup() {
    let bench = Bench::new(SCHEMA);
    let naive = bench.naive(
        "ALTER TABLE track RENAME TO track_backup;
         CREATE TABLE track(id INTEGER PRIMARY KEY, title TEXT, length INTEGER);
         INSERT INTO track SELECT * FROM track_backup;
         UPDATE track SET title = 'new' WHERE id = 1;",
    );
    assert_eq!(naive.ask("SELECT title FROM long_track"), "Sea", "the view shows old rows");

    bench.renamed(&length());
    bench.same_answer(
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE '%version%' \
                       AND name NOT LIKE 'phase_history' ORDER BY 1, 2",
    );
    assert_eq!(bench.project().backups().len(), 1, "a backup is a file");
    sqlite3(&bench.database(), "UPDATE track SET title = 'new' WHERE id = 1");
    assert_eq!(bench.ask("SELECT title FROM long_track"), "new");
}

#[test]
fn p10_triggers_of_a_rebuilt_table_come_back() {
    let bench = Bench::new(SCHEMA);
    let naive = bench.naive(
        "PRAGMA legacy_alter_table=ON;
         CREATE TABLE n(id INTEGER PRIMARY KEY, title TEXT, length INTEGER);
         INSERT INTO n SELECT * FROM track; DROP TABLE track; ALTER TABLE n RENAME TO track;",
    );
    let triggers =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'track'";
    assert_eq!(naive.ask(triggers), "0");

    bench.renamed(&length());
    assert_eq!(bench.same_answer(triggers), "2");
    bench.same_answer("SELECT * FROM log");
    sqlite3(&bench.database(), "DELETE FROM track WHERE id = 2");
    assert_eq!(bench.ask("SELECT line FROM log ORDER BY rowid DESC LIMIT 1"), "gone");
}

#[test]
fn p11_instead_of_triggers_outlive_their_view() {
    let bench = Bench::new(&format!(
        "{SCHEMA}
         CREATE TRIGGER write_long INSTEAD OF INSERT ON long_track BEGIN
           INSERT INTO track VALUES (new.id, new.title, 999);
         END;"
    ));
    let naive = bench.naive(
        "DROP VIEW long_track; CREATE VIEW long_track AS SELECT id, title FROM track WHERE seconds > 200;",
    );
    let said = naive.fails("INSERT INTO long_track VALUES (7, 'New')");
    assert!(said.contains("it is a view"), "{said}");

    let text = "CREATE VIEW long_track AS SELECT id, title FROM track WHERE seconds > 200";
    bench.steps(&format!("[[up]]\nop = \"replace_view\"\nsql = \"{text}\"\n"));
    bench.up();
    sqlite3(&bench.database(), "INSERT INTO long_track VALUES (7, 'New')");
    assert_eq!(bench.ask("SELECT seconds FROM track WHERE id = 7"), "999");
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name");

    // A rename makes the view anew too.
    let bench = Bench::new(&bench.ask(".dump"));
    sqlite3(&bench.database(), "DROP TABLE schema_version; DROP TABLE phase_history");
    bench.remember();
    bench.renamed(&Renaming::of_column("track", "title", "name"));
    sqlite3(&bench.database(), "INSERT INTO long_track VALUES (8, 'Newer')");
    assert_eq!(bench.ask("SELECT name FROM track WHERE id = 8"), "Newer");
}

#[test]
fn p39_columns_keep_their_places() {
    let bench = Bench::new(
        "CREATE TABLE track(id INTEGER PRIMARY KEY, title TEXT);
         ALTER TABLE track ADD COLUMN seconds INTEGER;
         CREATE VIEW everything AS SELECT * FROM track;
         INSERT INTO track VALUES (1, 'Sea', 400);",
    );
    let naive = bench.naive(
        "DROP VIEW everything;
         CREATE TABLE n(id INTEGER PRIMARY KEY, seconds INTEGER NOT NULL, title TEXT);
         INSERT INTO n(id, title, seconds) SELECT id, title, seconds FROM track;
         DROP TABLE track; ALTER TABLE n RENAME TO track;
         CREATE VIEW everything AS SELECT * FROM track;",
    );
    assert_eq!(naive.ask("SELECT * FROM everything"), "1|400|Sea", "readers by position get these");

    bench.steps(
        "[[up]]\nop = \"alter_column\"\ntable = \"track\"\ncolumn = \"seconds\"\nnot_null = true\n",
    );
    bench.up_judged(&json!({"alter": [
        "DROP TABLE track",
        "CREATE TABLE track(id INTEGER PRIMARY KEY, title TEXT, seconds INTEGER NOT NULL)",
    ]}));
    bench.same_answer("SELECT * FROM everything");

    // Asked for another order, the plan says which views hand out other columns.
    bench.phase(
        "later",
        "[[up]]\nop = \"add_column\"\ntable = \"track\"\ncolumn = \"disc INTEGER\"\nafter = \"id\"\n",
    );
    let notices = bench.plan().plan().phases[0].notices.join("\n");
    assert!(notices.contains("everything") && notices.contains("disc"), "{notices:?}");
    bench.up();
    assert_eq!(bench.ask("SELECT * FROM everything"), "1||Sea|400");
}

#[test]
fn p41_triggers_of_the_user_do_not_fire_unless_the_plan_says_so() {
    let bench = Bench::new(SCHEMA);
    let naive = bench.naive("UPDATE track SET title = upper(title)");
    assert_eq!(naive.ask("SELECT count(*) FROM log"), "3", "a data step wrote two lines");

    // Values that are computed while a table is rebuilt: its triggers do not exist yet.
    let computed = "[[up]]\nop = \"alter_column\"\ntable = \"track\"\ncolumn = \"title\"\nvalue = \"upper(title)\"\n";
    bench.steps(computed).up();
    bench.same_answer("SELECT * FROM log");
    assert_eq!(bench.ask("SELECT group_concat(title) FROM track"), "SEA,HILL");
    bench.same_answer(
        "SELECT sql FROM sqlite_schema WHERE name LIKE '%e%' AND type <> 'table' ORDER BY name",
    );

    // Statements of a phase are ordinary statements: the plan names the triggers that fire.
    let bench = Bench::new(SCHEMA);
    bench.steps("[[up]]\nop = \"sql\"\nsql = \"UPDATE track SET title = upper(title)\"\n");
    let plan = bench.plan();
    let Stage::Data(data) = &plan.plan().phases[0].stages[0] else { panic!("a data step") };
    assert!(data.touched.triggers.contains("retitled"), "{:?}", data.touched);
    drop(plan);
    let report = bench.up();
    let log = report.execution.rows_changed.iter().find(|it| it.table == "log").unwrap();
    assert_eq!((log.before, log.after), (1, 3), "and the report counts what they wrote");
}

#[test]
fn p43_a_rename_does_not_change_what_a_view_hands_out() {
    let bench = Bench::new(&format!(
        "{SCHEMA}
         CREATE VIEW everything AS SELECT * FROM track;
         CREATE VIEW named(a, b) AS SELECT title, seconds FROM track;"
    ));
    let naive = bench.naive("DROP VIEW loud; ALTER TABLE track RENAME COLUMN title TO name");
    let said = naive.fails("SELECT title FROM long_track");
    assert!(said.contains("no such column: title"), "whoever reads the view by names: {said}");

    let renaming = Renaming::of_column("track", "title", "name");
    bench.renamed(&renaming);
    bench.same_answer("SELECT id, title FROM long_track");
    bench.same_answer("SELECT id, title, seconds FROM everything");
    bench.same_answer("SELECT title FROM loud");

    // Asked to follow, the plan names every view whose columns change.
    let bench = Bench::new(
        "CREATE TABLE track(id INTEGER PRIMARY KEY, title TEXT);
         CREATE VIEW short AS SELECT title FROM track WHERE id < 5;
         INSERT INTO track VALUES (1, 'Sea');",
    );
    bench.steps(&format!("views = \"follow\"\n{}", renaming.steps()));
    let notices = bench.plan().plan().phases[0].notices.join("\n");
    for word in ["short", "title", "name"] {
        assert!(notices.contains(word), "{word} is not in {notices:?}");
    }
    bench.up();
    assert_eq!(bench.ask(&format!("SELECT {} FROM short", quoted("name"))), "Sea");
    assert!(script(&bench.database(), "SELECT title FROM short").is_err());
}
