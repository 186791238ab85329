//! Foreign keys: what happens to child tables when their parent is rebuilt (P01 to P05, P21, P22,
//! P40, P54, P55).

use phaseshift::ErrorKind;

use support::{Bench, Renaming, python, sqlite3};

/// The way of the textbook, with enforcement as an application has it: the pragma inside the
/// transaction is ignored.
const TEXTBOOK: &str = "
PRAGMA foreign_keys=ON;
BEGIN;
PRAGMA foreign_keys=OFF;
CREATE TABLE album_new(id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO album_new SELECT id, title FROM album;
DROP TABLE album;
ALTER TABLE album_new RENAME TO album;
COMMIT;
";

fn title_to_name() -> Renaming {
    Renaming::of_column("album", "title", "name")
}

fn albums(action: &str) -> Bench {
    Bench::new(&format!(
        "CREATE TABLE album(id INTEGER PRIMARY KEY, title TEXT);
         CREATE TABLE photo(id INTEGER PRIMARY KEY, file TEXT,
           album INTEGER REFERENCES album(id) {action});
         INSERT INTO album VALUES (1, 'Sea'), (2, 'Hills'), (3, 'Empty');
         INSERT INTO photo VALUES (10, 'a.jpg', 1), (11, 'b.jpg', 1), (12, 'c.jpg', 2), (13, 'd.jpg', NULL);"
    ))
}

#[test]
fn p01_cascade_does_not_empty_children() {
    let bench = albums("ON DELETE CASCADE");
    let naive = bench.naive(TEXTBOOK);
    assert_eq!(naive.ask("SELECT count(*) FROM photo"), "1", "three photos were deleted");

    bench.renamed(&title_to_name());
    assert_eq!(bench.same_answer("SELECT count(*) FROM photo"), "4");
}

#[test]
fn p02_set_null_and_set_default_do_not_touch_children() {
    for action in ["ON DELETE SET NULL", "ON DELETE SET DEFAULT"] {
        let bench = albums(action);
        let naive = bench.naive(TEXTBOOK);
        assert_eq!(naive.ask("SELECT count(*) FROM photo"), "4", "a count does not notice");
        let keys = "SELECT group_concat(ifnull(album, ''), '|') FROM photo";
        assert_eq!(naive.ask(keys), "|||", "{action}");

        bench.renamed(&title_to_name());
        assert_eq!(bench.same_answer(keys), "1|1|2|");
    }
}

#[test]
fn p03_deferring_foreign_keys_protects_nobody() {
    let bench = albums("ON DELETE CASCADE");
    let deferred = TEXTBOOK.replace("PRAGMA foreign_keys=OFF", "PRAGMA defer_foreign_keys=ON");
    let naive = bench.naive(&deferred);
    assert_eq!(naive.ask("SELECT count(*) FROM photo"), "1", "actions are not deferred");

    bench.steps(title_to_name().steps());
    let script = phaseshift::migrate::script(&bench.plan()).unwrap();
    assert!(!script.contains("defer_foreign_keys"), "{script}");
    bench.renamed(&title_to_name());
}

#[test]
fn p04_a_referenced_table_can_be_rebuilt() {
    for action in ["", "ON DELETE RESTRICT", "ON DELETE NO ACTION"] {
        let bench = albums(action);
        let said = bench.naive_fails(TEXTBOOK);
        assert!(said.contains("FOREIGN KEY constraint failed"), "{said}");
        bench.renamed(&title_to_name());
    }
}

#[test]
fn p05_references_do_not_follow_a_table_that_steps_aside() {
    let bench = albums("ON DELETE CASCADE");
    let naive = bench.naive(
        "ALTER TABLE album RENAME TO album_old;
         CREATE TABLE album(id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO album SELECT id, title FROM album_old;
         DROP TABLE album_old;",
    );
    let child = "SELECT sql FROM sqlite_schema WHERE name = 'photo'";
    assert!(naive.ask(child).contains("album_old"), "the child follows the old table");

    bench.renamed(&title_to_name());
    bench.same_answer(child);
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%phaseshift%'"), "0");
}

#[test]
fn p21_actions_of_foreign_keys_stay_in_every_spelling() {
    let bench = Bench::new(
        "CREATE TABLE album(id INTEGER PRIMARY KEY, title TEXT);
         CREATE TABLE photo(id INTEGER PRIMARY KEY, file TEXT, cover INTEGER
             references \"album\" ( id )  on   update cascade ON DELETE set null,
           album INTEGER, FOREIGN KEY(album) REFERENCES album(id) ON UPDATE SET DEFAULT ON DELETE CASCADE,
           CONSTRAINT both FOREIGN KEY ([album], `cover`) REFERENCES Pair(a, b) MATCH FULL ON DELETE RESTRICT);
         CREATE TABLE pair(a INTEGER, b INTEGER, PRIMARY KEY (a, b));
         INSERT INTO album VALUES (1, 'Sea'); INSERT INTO pair VALUES (1, 1);
         INSERT INTO photo VALUES (10, 'a.jpg', 1, 1);",
    );
    let naive = bench.naive_copy();
    crate::reflecting_rebuild(&naive.path, "photo");
    let keys = "SELECT count(*) FROM pragma_foreign_key_list('photo') \
                WHERE on_update <> 'NO ACTION' OR on_delete <> 'NO ACTION'";
    assert_eq!(naive.ask(keys), "0", "the reflecting tool loses every action");

    bench.renamed(&Renaming::of_column("photo", "file", "path"));
    assert_eq!(bench.same_answer(keys), "4");
}

#[test]
fn p22_deferrable_is_neither_lost_nor_added() {
    let bench = Bench::new(
        "CREATE TABLE node(id INTEGER PRIMARY KEY, label TEXT,
           parent INTEGER REFERENCES node(id) DEFERRABLE INITIALLY DEFERRED,
           twin INTEGER REFERENCES node(id));
         INSERT INTO node VALUES (1, 'root', NULL, NULL), (2, 'leaf', 1, 1);",
    );
    let late = "PRAGMA foreign_keys=ON; BEGIN; INSERT INTO node VALUES (9, 'x', 10, NULL);
                INSERT INTO node VALUES (10, 'y', NULL, NULL); COMMIT;";
    let naive = bench.naive_copy();
    crate::reflecting_rebuild(&naive.path, "node");
    let said = naive.fails(late);
    assert!(said.contains("FOREIGN KEY constraint failed"), "deferred no more: {said}");

    bench.renamed(&Renaming::of_column("node", "label", "name"));
    sqlite3(&bench.database(), late);
    let twin = "PRAGMA foreign_keys=ON; BEGIN; INSERT INTO node VALUES (20, 'x', NULL, 21);";
    let said = support::script(&bench.database(), twin).unwrap_err();
    assert!(said.contains("FOREIGN KEY"), "the other key stays immediate: {said}");
}

#[test]
fn p40_renaming_a_referenced_column_takes_the_children_along() {
    let bench = Bench::new(
        "CREATE TABLE album(Key TEXT PRIMARY KEY, title TEXT);
         CREATE TABLE photo(id INTEGER PRIMARY KEY, album TEXT REFERENCES ALBUM(key) ON UPDATE CASCADE);
         CREATE TABLE cover(album TEXT PRIMARY KEY REFERENCES album, FOREIGN KEY (album) REFERENCES album(key));
         INSERT INTO album VALUES ('s', 'Sea'); INSERT INTO photo VALUES (1, 's'); INSERT INTO cover VALUES ('s');",
    );
    let naive = bench.naive(
        "BEGIN; CREATE TABLE n(code TEXT PRIMARY KEY, title TEXT); INSERT INTO n SELECT * FROM album;
         DROP TABLE album; ALTER TABLE n RENAME TO album; COMMIT;",
    );
    let said = naive.fails("PRAGMA foreign_keys=ON; INSERT INTO photo VALUES (2, 's');");
    assert!(said.contains("foreign key mismatch"), "{said}");

    bench.renamed(&Renaming::of_column("album", "key", "code"));
    sqlite3(&bench.database(), "PRAGMA foreign_keys=ON; INSERT INTO photo VALUES (2, 's');");
}

#[test]
fn p54_old_orphans_do_not_block_and_new_ones_are_named() {
    let bench = albums("ON DELETE NO ACTION");
    sqlite3(&bench.database(), "INSERT INTO photo VALUES (99, 'lost.jpg', 777)");
    bench.remember();
    let naive = bench.naive_copy();
    assert_eq!(
        naive.ask("PRAGMA foreign_key_check"),
        "photo|99|album|0",
        "whoever insists on an empty answer never gets past this row"
    );
    bench.renamed(&title_to_name());
    bench.same_answer("PRAGMA foreign_key_check");

    let bench = albums("ON DELETE NO ACTION");
    sqlite3(&bench.database(), "INSERT INTO photo VALUES (99, 'lost.jpg', 777)");
    bench.remember();
    bench.steps("[[up]]\nop = \"sql\"\nsql = \"DELETE FROM album WHERE id = 2\"\n");
    let error = bench.refused(ErrorKind::Rows, "photo row 12 has no parent in album");
    assert!(!support::explain(&error).contains("row 99"), "the old one is no news");
}

#[test]
fn p55_no_default_of_foreign_keys_is_relied_on() {
    let bench = albums("ON DELETE CASCADE");
    let drop = "BEGIN; CREATE TABLE n(id INTEGER PRIMARY KEY, title TEXT); INSERT INTO n SELECT * FROM album;
                DROP TABLE album; ALTER TABLE n RENAME TO album; COMMIT;";
    let (one, two) = (bench.naive(drop), bench.naive_copy());
    let connection = rusqlite::Connection::open(&two.path).unwrap();
    connection.execute_batch(drop).unwrap();
    drop_connection(connection);
    let count = "SELECT count(*) FROM photo";
    assert_eq!((one.ask(count), two.ask(count)), ("4".to_owned(), "1".to_owned()));

    // An application that holds the file keeps its own setting, whatever a run does meanwhile.
    bench.steps(title_to_name().steps());
    let application = rusqlite::Connection::open(bench.database()).unwrap();
    let state =
        || -> i64 { application.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).unwrap() };
    let before = state();
    bench.up();
    assert_eq!(state(), before);
    drop_connection(application);
    support::judge(bench.before(), &bench.database(), &title_to_name().judged()).unwrap();
    let works = python(
        &bench.database(),
        "db = sqlite3.connect(path)\ndb.execute('PRAGMA foreign_keys=ON')\n\
         db.execute('DELETE FROM album WHERE id = 1')\nprint(db.execute('SELECT count(*) FROM photo').fetchone()[0])",
    );
    assert_eq!(works, "2", "the key acts as it did before");
}

fn drop_connection(connection: rusqlite::Connection) {
    connection.close().unwrap();
}
