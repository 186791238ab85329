//! Full-text and R*Tree tables under renames, rebuilds, data steps and VACUUM.

use std::path::Path;

use phaseshift::ErrorKind;
use phaseshift::event::Silent;
use phaseshift::migrate::{Hooks, Migration, Preparation};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use support::{Bench, explain, python, up_to};

/// Notes with a full-text index of each kind, kept by the triggers of SQLite's documentation.
const NOTES: &str = "CREATE TABLE note(id INTEGER PRIMARY KEY, title TEXT, body TEXT, n INT);
     INSERT INTO note VALUES (1, 'dark', 'one moon', 5), (2, 'flat', 'two', 6), (3, 'bias', 'three moon', 7);";

fn external() -> String {
    format!(
        "{NOTES}
         CREATE VIRTUAL TABLE find USING fts5(title, body, content='note', content_rowid='id');
         INSERT INTO find(find) VALUES('rebuild');
         CREATE TRIGGER note_ai AFTER INSERT ON note BEGIN
           INSERT INTO find(rowid, title, body) VALUES (new.id, new.title, new.body); END;
         CREATE TRIGGER note_ad AFTER DELETE ON note BEGIN
           INSERT INTO find(find, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
         CREATE TRIGGER note_au AFTER UPDATE ON note BEGIN
           INSERT INTO find(find, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
           INSERT INTO find(rowid, title, body) VALUES (new.id, new.title, new.body); END;"
    )
}

fn fts4_own() -> String {
    format!(
        "{NOTES}
         CREATE VIRTUAL TABLE find USING fts4(title, body, prefix=\"2\");
         INSERT INTO find(docid, title, body) SELECT id, title, body FROM note;
         CREATE TRIGGER note_bu BEFORE UPDATE ON note BEGIN DELETE FROM find WHERE docid = old.id; END;
         CREATE TRIGGER note_au AFTER UPDATE ON note BEGIN
           INSERT INTO find(docid, title, body) VALUES (new.id, new.title, new.body); END;
         CREATE TRIGGER note_ad AFTER DELETE ON note BEGIN DELETE FROM find WHERE docid = old.id; END;"
    )
}

/// A phase of one `sql` step without a way back.
fn data(sql: &str) -> String {
    format!("irreversible = \"data\"\n[[up]]\nop = \"sql\"\nsql = '''{sql}'''\n")
}

/// Asks Python's SQLite which rows a word finds, and whether the index fits.
#[track_caller]
fn found(database: &Path, table: &str, word: &str) -> String {
    python(
        database,
        &format!(
            "db = sqlite3.connect(path)
sql = db.execute(\"SELECT sql FROM sqlite_master WHERE name = '{table}'\").fetchone()[0]
if 'fts5' in sql: db.execute(\"INSERT INTO {table}({table}, rank) VALUES ('integrity-check', 1)\")
elif \"content=''\" not in sql: db.execute(\"INSERT INTO {table}({table}) VALUES ('integrity-check')\")
print(sorted(r[0] for r in db.execute(\"SELECT rowid FROM {table} WHERE {table} MATCH '{word}'\")))"
        ),
    )
}

/// Runs the statements in Python on a copy, and expects the same rows and the same findings of words.
#[track_caller]
fn as_python_does(bench: &Bench, sql: &str, questions: &[&str]) {
    let plain = bench.naive_copy();
    python(
        &plain.path,
        &format!("db = sqlite3.connect(path)\ndb.executescript('''{sql}''')\ndb.commit()"),
    );
    for question in questions {
        assert_eq!(bench.ask(question), plain.ask(question), "{question}");
    }
}

#[test]
fn a_data_step_reaches_an_external_fts5_table_by_triggers() {
    let bench = Bench::new(&external());
    let sql = "UPDATE note SET body = body || ' zzz' WHERE id < 3; DELETE FROM note WHERE id = 3;
               INSERT INTO note(title, body) VALUES ('new', 'zzz moon');";
    bench.steps(&data(sql)).up();
    as_python_does(
        &bench,
        sql,
        &["SELECT * FROM note", "SELECT rowid FROM find('zzz')", "SELECT rowid FROM find('moon')"],
    );
    assert_eq!(found(&bench.database(), "find", "zzz"), "[1, 2, 3]");
}

#[test]
fn a_data_step_writes_an_fts4_table_with_rows_of_its_own() {
    let bench = Bench::new(&fts4_own());
    let sql = "UPDATE note SET title = 'light' WHERE n > 5; DELETE FROM note WHERE id = 1;
               INSERT INTO find(docid, title, body) VALUES (40, 'light', 'alone');";
    bench.steps(&data(sql)).up();
    as_python_does(
        &bench,
        sql,
        &[
            "SELECT docid, * FROM find ORDER BY docid",
            "SELECT docid FROM find WHERE find MATCH 'li*'",
        ],
    );
    assert_eq!(found(&bench.database(), "find", "light"), "[2, 3, 40]");
}

#[test]
fn a_data_step_writes_an_rtree_that_the_same_run_rebuilds_around() {
    let bench = Bench::new(
        "CREATE TABLE place(id INTEGER PRIMARY KEY, x REAL, name TEXT);
         INSERT INTO place VALUES (1, 1.5, 'a'), (2, 7.25, 'b');
         CREATE VIRTUAL TABLE area USING rtree(id, x0, x1, +label);
         INSERT INTO area SELECT id, x, x + 1, name FROM place;
         CREATE TRIGGER place_au AFTER UPDATE ON place BEGIN
           UPDATE area SET x0 = new.x, x1 = new.x + 1 WHERE id = old.id; END;",
    );
    bench.phase("a", &data("UPDATE place SET x = x + 10 WHERE id = 2"));
    bench.phase(
        "b",
        "[[up]]\nop = \"alter_column\"\ntable = \"place\"\ncolumn = \"name\"\nnot_null = true\n",
    );
    bench.phase("c", &data("UPDATE place SET x = x + 1; INSERT INTO area VALUES (9, 0, 1, 'c')"));
    bench.up();
    as_python_does(
        &bench,
        "UPDATE place SET x = x + 10 WHERE id = 2; UPDATE place SET x = x + 1;
         INSERT INTO area VALUES (9, 0, 1, 'c')",
        &[
            "SELECT * FROM area ORDER BY id",
            "SELECT id FROM area WHERE x1 > 4",
            "SELECT * FROM place",
        ],
    );
    assert_eq!(bench.ask("SELECT rtreecheck('area')"), "ok");
}

#[test]
fn a_contentless_table_follows_the_delete_command_of_its_triggers() {
    let bench = Bench::new(&external().replace("content='note', content_rowid='id'", "content=''").replace(
        "VALUES('rebuild')",
        "VALUES('optimize'); INSERT INTO find(rowid, title, body) SELECT id, title, body FROM note",
    ));
    let sql = "UPDATE note SET body = 'sun' WHERE id = 3; DELETE FROM note WHERE id = 1";
    bench.steps(&data(sql)).up();
    as_python_does(
        &bench,
        sql,
        &[
            "SELECT rowid FROM find('moon')",
            "SELECT rowid FROM find('sun')",
            "SELECT rowid FROM find('two')",
        ],
    );
    assert_eq!(found(&bench.database(), "find", "sun"), "[3]");
}

#[test]
fn a_contentless_table_without_sizes_is_only_searched() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE f USING fts5(a, content='', columnsize=0);
         INSERT INTO f(rowid, a) VALUES (1, 'one'), (2, 'two');",
    );
    let sql = "INSERT INTO f(f, rowid, a) VALUES ('delete', 1, 'one'); INSERT INTO f(rowid, a) VALUES (3, 'two')";
    bench.steps(&data(sql)).up();
    assert_eq!(found(&bench.database(), "f", "two"), "[2, 3]");
    assert_eq!(found(&bench.database(), "f", "one"), "[]");
}

/// Runs the phase with something planted between the last step and the proof.
fn run_with(bench: &Bench, planted: &str) -> phaseshift::Result<()> {
    let look = Migration::prepare(&bench.engine(), &up_to("head")).unwrap();
    let Preparation::Ready(migration) = look else { panic!("nothing to do") };
    let mut plant = |connection: &Connection| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
        connection.execute_batch(planted).unwrap();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).unwrap();
    };
    let mut hooks = Hooks { before_proof: Some(&mut plant) };
    migration.secure(&mut Silent).unwrap().run(&mut Silent, &mut hooks).map(drop)
}

#[test]
fn what_a_data_step_may_not_have_done_to_a_reached_table_is_found() {
    let made = format!(
        "{NOTES} CREATE VIRTUAL TABLE f USING fts5(a, b);
         INSERT INTO f(rowid, a, b) SELECT id, title, body FROM note;
         CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r SELECT id, n, n + 1 FROM note;
         CREATE VIRTUAL TABLE e USING fts4(content=\"note\", title, body);
         INSERT INTO e(e) VALUES ('rebuild');"
    );
    // Adds a row to each, changes no old one.
    let step = data(
        "INSERT INTO f(rowid, a, b) VALUES (8, 'new', 'new'); INSERT INTO r VALUES (8, 0, 1);
         INSERT INTO note VALUES (8, 'new', 'new', 0); INSERT INTO e(docid, title, body) VALUES (8, 'new', 'new');",
    );
    let clean = Bench::new(&made);
    clean.steps(&step);
    run_with(&clean, "").map_err(|error| explain(&error)).unwrap();
    for (planted, named) in [
        ("DELETE FROM f WHERE rowid = 2", "f: rowid integer 2"),
        ("UPDATE f SET b = 'other' WHERE rowid = 1", "f: rowid integer 1"),
        ("DELETE FROM r WHERE id = 1", "r: id integer 1"),
        ("UPDATE r SET x1 = x1 + 9 WHERE id = 3", "r: id integer 3"),
        ("DELETE FROM f_data WHERE id > 100", "f"),
        ("DELETE FROM e_segdir", "e"),
    ] {
        let bench = Bench::new(&made);
        bench.steps(&step);
        let before = std::fs::read(bench.database()).unwrap();
        let error = run_with(&bench, planted).expect_err(planted);
        assert_eq!(error.kind(), ErrorKind::Proof, "{planted}: {}", explain(&error));
        assert!(explain(&error).contains(named), "{planted}: {}", explain(&error));
        assert_eq!(before, std::fs::read(bench.database()).unwrap(), "{planted}");
    }
}

#[test]
fn vacuum_puts_a_virtual_table_behind_its_shadow_tables() {
    let bench = Bench::new(&format!("{} VACUUM;", external()));
    let first: String =
        bench.ask("SELECT name FROM sqlite_schema WHERE name LIKE 'find%' ORDER BY rowid LIMIT 1");
    assert_ne!(first, "find", "the order that VACUUM makes");
    bench.phase("a", "[[up]]\nop = \"rename_table\"\nfrom = \"note\"\nto = \"memo\"\n").up();
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
    bench.ask("VACUUM");
    bench.phase("b", &data("UPDATE memo SET body = 'sun' WHERE id = 2"));
    bench.up();
    assert_eq!(found(&bench.database(), "find", "sun"), "[2]");
}

#[test]
fn an_rtree_is_migrated_and_undone_after_vacuum() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE area USING rtree(id, x0, x1); INSERT INTO area VALUES (1, 2, 3);
         CREATE TABLE t(a); INSERT INTO t VALUES (1); VACUUM;",
    );
    bench.steps("[[up]]\nop = \"rename_table\"\nfrom = \"area\"\nto = \"region\"\n").up();
    bench.ask("VACUUM");
    assert_eq!(bench.ask("SELECT * FROM region"), "1|2.0|3.0");
    bench.down();
    assert_eq!(bench.ask("SELECT * FROM area; SELECT rtreecheck('area')"), "1|2.0|3.0\nok");
}

#[test]
fn fts4_of_a_table_that_names_no_columns_is_read_after_vacuum() {
    // Without column names the module asks the content table for them, which must be there first.
    let bench = Bench::new(&format!(
        "CREATE TABLE early(id INTEGER PRIMARY KEY, body TEXT); DROP TABLE early;
         {NOTES} CREATE VIRTUAL TABLE find USING fts4(content=\"note\");
         INSERT INTO find(find) VALUES('rebuild'); VACUUM;"
    ));
    bench.steps(
        "[[up]]\nop = \"add_column\"\ntable = \"note\"\ncolumn = \"extra TEXT DEFAULT 'e'\"\n",
    );
    let result = bench.run(&up_to("head"));
    // The table would read its new column, too: it is filled again, or refused by name.
    match result {
        Ok(_) => assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]"),
        Err(error) => assert!(explain(&error).contains("find"), "{error}"),
    }
}

#[test]
fn a_row_deleted_in_one_step_and_another_added_in_the_next() {
    let bench = Bench::new(&fts4_own());
    bench.phase("a", &data("DELETE FROM note WHERE id = 3"));
    bench.phase("b", &data("INSERT INTO note VALUES (3, 'again', 'sun', 1)"));
    bench.phase(
        "c",
        "[[up]]\nop = \"rename_column\"\ntable = \"note\"\nfrom = \"n\"\nto = \"size\"\n",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT title, body, size FROM note WHERE id = 3"), "again|sun|1");
    assert_eq!(bench.ask("SELECT docid FROM find ORDER BY docid"), "1\n2");
}

#[test]
fn an_index_that_did_not_fit_before_is_not_blamed_on_the_run() {
    let bench = Bench::new(&format!(
        "{} INSERT INTO find(rowid, title, body) VALUES (70, 'x', 'ghost');",
        external()
    ));
    let sql = "UPDATE note SET n = n + 1";
    bench.steps(&data(sql)).up();
    as_python_does(&bench, sql, &["SELECT * FROM note", "SELECT rowid FROM find('moon')"]);
    assert_eq!(bench.ask("SELECT count(*) FROM find_docsize WHERE id = 70"), "1");
}

/// Notes and an external full-text table that no trigger keeps.
fn without_triggers() -> String {
    format!(
        "{NOTES} CREATE VIRTUAL TABLE find USING fts5(title, body, content='note', content_rowid='id');
         INSERT INTO find(find) VALUES('rebuild');"
    )
}

#[test]
fn an_index_is_filled_when_statements_change_its_content() {
    let bench = Bench::new(&without_triggers());
    bench.steps(&data("UPDATE note SET body = 'sun' WHERE id = 2")).up();
    assert_eq!(found(&bench.database(), "find", "sun"), "[2]");
    assert_eq!(found(&bench.database(), "find", "two"), "[]");
}

#[test]
fn an_index_is_filled_when_a_value_of_its_content_is_computed() {
    let bench = Bench::new(&external());
    bench.steps(
        "irreversible = \"values\"\n[[up]]\nop = \"alter_column\"\ntable = \"note\"\ncolumn = \"body\"\n\
         value = \"body || ' sun'\"\n",
    );
    bench.up();
    assert_eq!(found(&bench.database(), "find", "sun"), "[1, 2, 3]");
}

#[test]
fn an_index_of_a_view_is_filled_when_the_table_below_changes() {
    let bench = Bench::new(&format!(
        "{NOTES} CREATE VIEW shown AS SELECT id, title || ' ' || body AS words FROM note WHERE n > 5;
         CREATE VIRTUAL TABLE find USING fts5(words, content=shown, content_rowid=id);
         INSERT INTO find(find) VALUES('rebuild');"
    ));
    bench.steps(&data("UPDATE note SET n = 9, title = 'sun' WHERE id = 1")).up();
    assert_eq!(found(&bench.database(), "find", "sun"), "[1]");
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
}

#[test]
fn an_index_of_some_rows_only_stays_as_it_is() {
    // The application leaves rows out on purpose; the integrity check says that the index does not fit.
    let bench = Bench::new(&format!(
        "{NOTES} CREATE VIRTUAL TABLE find USING fts5(body, content='note', content_rowid='id');
         INSERT INTO find(rowid, body) SELECT id, body FROM note WHERE n > 5;"
    ));
    let sql = "UPDATE note SET n = n + 1";
    bench.steps(&data(sql)).up();
    as_python_does(
        &bench,
        sql,
        &["SELECT rowid FROM find('moon')", "SELECT rowid FROM find('one')"],
    );
    assert_eq!(bench.ask("SELECT rowid FROM find('moon')"), "3");
}

#[test]
fn a_full_text_table_that_is_made_anew_is_filled() {
    let bench = Bench::new(&external());
    bench.steps(
        "[[up]]\nop = \"drop_table\"\ntable = \"find\"\n[[up]]\nop = \"create_table\"\nsql = \"CREATE VIRTUAL TABLE \
         find USING fts5(title, body, content='note', content_rowid='id', tokenize='trigram')\"\n",
    );
    let events = bench.up();
    assert_eq!(found(&bench.database(), "find", "moo"), "[1, 3]", "{events:?}");
    bench.down();
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
    assert_eq!(bench.ask("SELECT count(*) FROM find('moo')"), "0");
}

#[test]
fn a_new_fts4_table_is_filled_before_its_triggers_write_to_it() {
    let bench = Bench::new(NOTES);
    bench.steps(
        "irreversible = \"data\"\n[[up]]\nop = \"create_table\"\nsql = \"CREATE VIRTUAL TABLE find USING \
         fts4(content='note', title, body)\"\n\
         [[up]]\nop = \"create_trigger\"\nsql = \"CREATE TRIGGER note_bu BEFORE UPDATE ON note BEGIN DELETE FROM find \
         WHERE docid = old.id; END\"\n\
         [[up]]\nop = \"create_trigger\"\nsql = \"CREATE TRIGGER note_au AFTER UPDATE ON note BEGIN INSERT INTO \
         find(docid, title, body) VALUES (new.id, new.title, new.body); END\"\n\
         [[up]]\nop = \"sql\"\nsql = \"UPDATE note SET body = 'sun' WHERE id = 2\"\n",
    );
    bench.up();
    assert_eq!(found(&bench.database(), "find", "sun"), "[2]");
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
}

#[test]
fn a_phase_that_fills_a_new_table_itself_is_left_alone() {
    for fill in [
        "INSERT INTO find(find) VALUES('rebuild')",
        "INSERT INTO find(rowid, title, body) SELECT id, title, body FROM note",
        "INSERT INTO find(rowid, title, body) SELECT id, title, body FROM note WHERE n > 5",
    ] {
        let bench = Bench::new(NOTES);
        bench.steps(&format!(
            "irreversible = \"data\"\n[[up]]\nop = \"create_table\"\nsql = \"CREATE VIRTUAL TABLE find USING \
             fts5(title, body, content='note', content_rowid='id')\"\n[[up]]\nop = \"sql\"\nsql = \"{fill}\"\n"
        ));
        bench.up();
        as_python_does(
            &bench,
            &format!(
                "CREATE VIRTUAL TABLE find USING fts5(title, body, content='note', content_rowid='id'); {fill}"
            ),
            &["SELECT rowid FROM find('moon')", "SELECT count(*) FROM find_docsize"],
        );
    }
}

#[test]
fn rows_that_a_later_phase_inserts_into_a_filled_index_are_not_counted_twice() {
    let bench = Bench::new(NOTES);
    bench.phase(
        "a",
        "[[up]]\nop = \"create_table\"\nsql = \"CREATE VIRTUAL TABLE find USING fts5(title, body, content='note', \
         content_rowid='id')\"\n",
    );
    bench
        .phase("b", &data("INSERT INTO find(rowid, title, body) SELECT id, title, body FROM note"));
    bench.up();
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
}

/// Goes up and back, and expects the stored text of a virtual table, byte by byte.
#[track_caller]
fn text_comes_back(bench: &Bench, table: &str) {
    bench.up();
    bench.down();
    bench.same_answer(&format!("SELECT sql FROM sqlite_schema WHERE name = '{table}'"));
    assert_eq!(bench.ask("PRAGMA integrity_check"), "ok");
}

#[test]
fn the_text_of_a_renamed_fts5_table_comes_back() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE f USING fts5(a, -- words\n  prefix='2 3'); INSERT INTO f VALUES ('one'), ('two');",
    );
    bench.steps("[[up]]\nop = \"rename_table\"\nfrom = \"f\"\nto = \"g\"\n");
    text_comes_back(&bench, "f");
    assert_eq!(found(&bench.database(), "f", "two"), "[2]");
    bench.ask("INSERT INTO f VALUES ('three two')");
    assert_eq!(found(&bench.database(), "f", "two"), "[2, 3]");
}

#[test]
fn the_texts_of_two_rtrees_that_swap_their_names_come_back() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE near USING rtree( id , x0,x1 ); INSERT INTO near VALUES (1, 2, 3);
         create virtual table [far] using RTREE(id, a0, a1, +note); INSERT INTO far VALUES (7, 8, 9, 'n');",
    );
    bench.steps(
        "[[up]]\nop = \"rename_table\"\nfrom = \"near\"\nto = \"far\"\n\
         [[up]]\nop = \"rename_table\"\nfrom = \"far\"\nto = \"near\"\n",
    );
    text_comes_back(&bench, "near");
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name = 'far'");
    assert_eq!(bench.ask("SELECT * FROM near; SELECT * FROM far"), "1|2.0|3.0\n7|8.0|9.0|n");
    assert_eq!(bench.ask("SELECT rtreecheck('near'), rtreecheck('far')"), "ok|ok");
}

#[test]
fn the_text_of_an_index_comes_back_with_the_name_of_its_content() {
    let bench = Bench::new(
        &external().replace("USING fts5(title, body, content=", "USING fts5(title,body,content ="),
    );
    bench.steps(
        "[[up]]\nop = \"rename_table\"\nfrom = \"note\"\nto = \"memo\"\n\
         [[up]]\nop = \"rename_column\"\ntable = \"memo\"\nfrom = \"n\"\nto = \"size\"\n",
    );
    text_comes_back(&bench, "find");
    bench.ask("UPDATE note SET body = 'sun' WHERE id = 2");
    assert_eq!(found(&bench.database(), "find", "sun"), "[2]");
}

#[test]
fn the_text_of_an_fts4_table_comes_back_after_vacuum() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE \"my find\" USING fts4(a, b, notindexed=b, languageid='l'); \
         INSERT INTO \"my find\"(a, b, l) VALUES ('one', 'x', 2); VACUUM;",
    );
    bench.steps("[[up]]\nop = \"rename_table\"\nfrom = \"my find\"\nto = \"lost\"\n");
    bench.up();
    assert_eq!(bench.ask("SELECT docid FROM lost WHERE lost MATCH 'one' AND l = 2"), "1");
    bench.ask("VACUUM");
    bench.down();
    bench.same_answer("SELECT sql FROM sqlite_schema WHERE name = 'my find'");
    assert_eq!(bench.ask("SELECT a, b, l FROM \"my find\""), "one|x|2");
}

/// A phase that makes a virtual table anew, with another step behind it.
fn made_anew(table: &str, text: &str, step: &str) -> String {
    format!(
        "irreversible = \"anew\"\n[[up]]\nop = \"drop_table\"\ntable = \"{table}\"\n\
         [[up]]\nop = \"create_table\"\nsql = \"{text}\"\n{step}"
    )
}

#[test]
fn a_table_with_rows_of_its_own_is_not_made_anew_and_left_empty() {
    let text = "CREATE VIRTUAL TABLE find USING fts5(title, body, tokenize='porter')";
    let own = external().replace(", content='note', content_rowid='id'", "").replace(
        "VALUES('rebuild')",
        "VALUES('optimize'); INSERT INTO find(rowid, title, body) SELECT id, title, body FROM note",
    );
    let own = own.split("CREATE TRIGGER").next().unwrap().to_owned();
    let bench = Bench::new(&own);
    bench.steps(&made_anew("find", text, "")).refused(ErrorKind::Rows, "find");
    let fill = "[[up]]\nop = \"sql\"\nsql = \"INSERT INTO find(rowid, title, body) SELECT id, title, body FROM note\"\n";
    let bench = Bench::new(&own);
    bench.steps(&made_anew("find", text, fill)).up();
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
    // One without rows may be made anew.
    let bench = Bench::new(&own);
    bench.ask("DELETE FROM find");
    bench.remember();
    bench.steps(&made_anew("find", text, "")).up();
}

#[test]
fn an_rtree_is_not_made_anew_and_left_empty() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE area USING rtree(id, x0, x1); INSERT INTO area VALUES (1, 2, 3);",
    );
    let text = "CREATE VIRTUAL TABLE area USING rtree(id, x0, x1, y0, y1)";
    bench.steps(&made_anew("area", text, "")).refused(ErrorKind::Rows, "area");
}

#[test]
fn a_contentless_table_does_not_keep_the_words_of_computed_values() {
    let made = external().replace("content='note', content_rowid='id'", "content=''").replace(
        "VALUES('rebuild')",
        "VALUES('optimize'); INSERT INTO find(rowid, title, body) SELECT id, title, body FROM note",
    );
    let compute = |column: &str, value: &str| {
        format!(
            "irreversible = \"values\"\n[[up]]\nop = \"alter_column\"\ntable = \"note\"\ncolumn = \"{column}\"\n\
             value = \"{value}\"\n"
        )
    };
    let bench = Bench::new(&made);
    let error =
        bench.steps(&compute("body", "upper(body) || 'x'")).refused(ErrorKind::Rows, "find");
    assert!(explain(&error).contains("note.body"), "{}", explain(&error));
    // Values that no trigger puts into the index may be computed.
    let bench = Bench::new(&made);
    bench.steps(&compute("n", "n * 2")).up();
    assert_eq!(bench.ask("SELECT sum(n) FROM note"), "36");
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
    // An UPDATE lets the triggers run.
    let bench = Bench::new(&made);
    bench.steps(&data("UPDATE note SET body = 'sun'")).up();
    assert_eq!(found(&bench.database(), "find", "moon"), "[]");
    assert_eq!(found(&bench.database(), "find", "sun"), "[1, 2, 3]");
}

/// Drafts the phase from the database to a schema.
fn drafted(bench: &Bench, want: &str) -> String {
    let schema = |connection: &Connection| phaseshift::schema::read(connection).unwrap();
    let have = schema(&Connection::open(bench.database()).unwrap());
    let wanted = Connection::open_in_memory().unwrap();
    wanted.execute_batch(want).unwrap();
    let answers = phaseshift::autogenerate::Answers::default();
    match phaseshift::autogenerate::draft(&have, &schema(&wanted), &answers).unwrap() {
        phaseshift::autogenerate::Drafted::Ready(draft) => {
            phaseshift::autogenerate::draft_text(&draft)
        }
        phaseshift::autogenerate::Drafted::Open(open) => panic!("{open:?}"),
    }
}

#[test]
fn a_draft_fills_a_full_text_table_that_it_makes_anew() {
    let bench = Bench::new(&external());
    let want = external().replace("content_rowid='id'", "content_rowid='id', tokenize='trigram'");
    let text = drafted(&bench, &want);
    assert!(text.contains("VALUES('rebuild')"), "{text}");
    bench.steps(&text).up();
    assert_eq!(found(&bench.database(), "find", "moo"), "[1, 3]");
    // The fill step does not stand in the way back.
    bench.down();
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
    bench.ask("UPDATE note SET body = 'sun' WHERE id = 1");
    assert_eq!(found(&bench.database(), "find", "moon"), "[3]");
}

#[test]
fn a_draft_brings_back_the_rows_that_a_full_text_table_keeps_itself() {
    let bench = Bench::new("CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('one');");
    let text = drafted(&bench, "CREATE VIRTUAL TABLE f USING fts5(a, prefix='2')");
    bench.steps(&text).up();
    assert_eq!(found(&bench.database(), "f", "on*"), "[1]");
}

#[test]
fn a_draft_says_that_a_table_without_content_comes_back_empty() {
    let bench = Bench::new(
        "CREATE VIRTUAL TABLE f USING fts5(a, content=''); INSERT INTO f VALUES ('one');",
    );
    let text = drafted(&bench, "CREATE VIRTUAL TABLE f USING fts5(a, content='', prefix='2')");
    assert!(text.contains("# f is recreated without its words"), "{text}");
    bench.steps(&text).refused(ErrorKind::Rows, "f");
}

#[test]
fn a_draft_of_a_new_full_text_table_fills_it() {
    let bench = Bench::new(NOTES);
    let want =
        format!("{NOTES} CREATE VIRTUAL TABLE \"my find\" USING fts4(content=note, title, body);");
    let text = drafted(&bench, &want);
    assert!(text.contains("rebuild"), "{text}");
    bench.steps(&text).up();
    assert_eq!(bench.ask("SELECT docid FROM \"my find\" WHERE \"my find\" MATCH 'moon'"), "1\n3");
    bench.down();
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'my find%'"), "0");
}

#[test]
fn the_short_report_says_that_the_index_of_a_new_full_text_table_was_filled() {
    let bench = Bench::new(&external());
    let create = "CREATE VIRTUAL TABLE find USING fts5(title, body, content='note', content_rowid='id', tokenize='trigram')";
    bench.steps(&format!(
        "[[up]]\nop = \"drop_table\"\ntable = \"find\"\n[[up]]\nop = \"create_table\"\nsql = \"{create}\"\n"
    ));
    let empty = bench.naive(&format!("DROP TABLE find; {create}"));
    assert_eq!(empty.ask("SELECT count(*) FROM find WHERE find MATCH 'moon'"), "0");

    let said = bench.project().run(&["upgrade"]).expect_code(0).stdout;
    let filled = "Filled the index of find (INSERT INTO \"find\"(\"find\") VALUES('rebuild'))";
    assert!(said.contains(filled), "{said}");
    assert_eq!(found(&bench.database(), "find", "moon"), "[1, 3]");
}
