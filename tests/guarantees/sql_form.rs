//! Phases in SQL: what they do is what the `sqlite3` program does with the same statements, and what goes wrong is named
//! with file and line.

use phaseshift::ErrorKind;
use support::{Bench, Project, python, script, sqlite3};

/// A database of these statements.
fn bench(schema: &str) -> Bench {
    Bench::new(schema)
}

fn write(bench: &Bench, name: &str, text: &str) {
    bench.project().write_phase(name, text);
}

/// Everything of a file but the version tables: the text of objects without spaces and quotes, and all rows.
const LOOK: &str = r#"
c = sqlite3.connect(path)
c.text_factory = bytes
own = (b'schema_version', b'phase_history')
for kind, name, table, sql in sorted(c.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")):
    if table in own: continue
    print(kind, name, table, sql.translate(None, b' \n\r"'))
    if kind in (b'table', b'view'):
        quoted = '"' + name.decode().replace('"', '""') + '"'
        columns = [it[1] for it in c.execute('PRAGMA table_xinfo(' + quoted + ')')]
        print(columns)
        for row in sorted(map(repr, c.execute('SELECT * FROM ' + quoted))): print(row)
print(c.execute('PRAGMA foreign_key_check').fetchall(), c.execute('PRAGMA integrity_check').fetchall())
"#;

/// The file is as the `sqlite3` program makes it of the state before with these statements.
#[track_caller]
fn like_sqlite3(bench: &Bench, sql: &str) {
    let naive = bench.naive(sql);
    assert_eq!(python(&bench.database(), LOOK), python(&naive.path, LOOK));
}

const NOTES: &str = "
CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE note(id INTEGER PRIMARY KEY, author INTEGER REFERENCES author(id), body TEXT);
CREATE INDEX by_author ON note(author);
CREATE VIEW bodies AS SELECT body FROM note;
INSERT INTO author VALUES (1, 'a;b'), (2, NULL);
INSERT INTO note VALUES (1, 1, 'x'), (2, 2, 'y'), (7, 1, x'00ff');
";

#[test]
fn every_kind_of_statement_does_what_sqlite3_does() {
    let sql = "
CREATE TABLE tag(id INTEGER PRIMARY KEY, word TEXT DEFAULT ';' CHECK (word <> 'a;b')); -- a ; comment
/* CREATE TABLE never(a); */
CREATE TRIGGER count_tags AFTER INSERT ON tag WHEN new.word <> ';' BEGIN
  UPDATE note SET body = 'tagged; ' || CASE WHEN new.id THEN 'yes' END WHERE id = 1;
  DELETE FROM tag WHERE word = 'END;';
END;
INSERT INTO tag(word) VALUES ('one'), ('END;'), ('two; three');
ALTER TABLE note ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE author RENAME TO person;
ALTER TABLE note RENAME COLUMN body TO text;
UPDATE note SET pinned = 1 WHERE id > 1;
DROP INDEX by_author;
CREATE UNIQUE INDEX by_text ON note(text COLLATE NOCASE) WHERE pinned;
DROP VIEW bodies;
CREATE VIEW IF NOT EXISTS bodies AS SELECT text FROM note
";
    let bench = bench(NOTES);
    write(&bench, "0007_tags.sql", sql);
    let report = bench.up();
    assert!(report.proof.rows > 0);
    like_sqlite3(&bench, sql);
    assert_eq!(bench.ask("SELECT version, description FROM schema_version"), "7|0007_tags");
}

#[test]
fn a_rebuild_by_hand_is_recognised_and_proven() {
    let sql = "PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
DROP VIEW bodies;
CREATE TABLE new_note(id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES author(id), body TEXT);
INSERT INTO new_note(id, author, body) SELECT id, author, body FROM note;
DROP TABLE note;
ALTER TABLE new_note RENAME TO note;
CREATE INDEX by_author ON note(author);
CREATE VIEW bodies AS SELECT body FROM note;
PRAGMA foreign_key_check;
COMMIT;
PRAGMA foreign_keys=ON;
";
    let bench = bench(NOTES);
    write(&bench, "0001_not_null.sql", sql);
    let plan = bench.project().run(&["plan"]).expect_code(0).stdout;
    assert!(plan.contains("note"), "{plan}");
    assert!(!plan.contains("note is dropped with 3 rows"), "a rebuild is no loss: {plan}");
    let report = bench.up();
    assert!(report.proof.remade.iter().any(|it| it.table == "note"), "{:?}", report.proof.remade);
    like_sqlite3(&bench, sql);
}

#[test]
fn a_rebuild_that_loses_a_value_says_so() {
    let sql = "CREATE TABLE new_note(id INTEGER PRIMARY KEY, author INTEGER, body TEXT);
INSERT INTO new_note(id, author) SELECT id, author FROM note;
DROP TABLE note;
ALTER TABLE new_note RENAME TO note;";
    let bench = bench(
        "CREATE TABLE note(id INTEGER PRIMARY KEY, author, body TEXT); INSERT INTO note VALUES (1, 2, 'x');",
    );
    write(&bench, "0001.sql", sql);
    let said = bench.project().run(&["plan"]).stdout;
    assert!(said.contains("body"), "{said}");
}

#[test]
fn sections_settings_and_checks_are_read() {
    let bench = bench(NOTES);
    write(
        &bench,
        "0009_pin.sql",
        "-- phase: version=40 description=\"Pin \\\"notes\\\"\" parents=[]
-- require no empty bodies message=\"fill them first\"
SELECT id FROM note WHERE body IS NULL;
-- require three notes expect=3
SELECT count(*) FROM note;
-- up
ALTER TABLE note ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
-- verify all are unpinned
SELECT id FROM note WHERE pinned;
-- down
ALTER TABLE note DROP COLUMN pinned;
",
    );
    bench.up();
    assert_eq!(bench.ask("SELECT version, description FROM schema_version"), "40|Pin \"notes\"");
    assert_eq!(bench.ask("SELECT sum(pinned), count(*) FROM note"), "0|3");
    bench.down();
    assert_eq!(bench.ask("SELECT count(*) FROM pragma_table_info('note')"), "3");
    bench.same_answer("SELECT * FROM note");
}

#[test]
fn a_check_that_fails_stops_the_run_before_anything_is_written() {
    let bench = bench(NOTES);
    write(
        &bench,
        "1.sql",
        "-- require one note expect=1\nSELECT count(*) FROM note;\n-- up\nDROP VIEW bodies;\n",
    );
    bench.refused(ErrorKind::Requirement, "one note");
}

#[test]
fn the_downgrade_is_derived_where_it_can_be() {
    let bench = bench(NOTES);
    write(
        &bench,
        "0002_more.sql",
        "ALTER TABLE note RENAME TO remark;\nCREATE TABLE more(a);\nCREATE INDEX m ON more(a);\nALTER TABLE author ADD COLUMN born TEXT;\nDROP VIEW bodies;",
    );
    bench.up();
    bench.down();
    assert_eq!(python(&bench.database(), LOOK), python(bench.before(), LOOK));
}

#[test]
fn statements_without_an_inverse_need_a_section_of_their_own() {
    let bench = bench(NOTES);
    write(&bench, "0002_x.sql", "ALTER TABLE note ADD COLUMN a;\nUPDATE note SET a = 1;");
    bench.up();
    let refused = bench.run(&support::down_to("base")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Irreversible);
    assert!(refused.to_string().contains("line 2"), "{refused}");
}

#[test]
fn faults_are_named_with_file_and_line() {
    for (text, line, wanted) in [
        ("CREATE TABLE a(b);\n\nPRAGMA journal_mode=WAL;", 3, "PRAGMA journal_mode is not allowed"),
        ("-- x\nATTACH 'other.db' AS other;", 2, "ATTACH is not allowed"),
        ("\nVACUUM;", 2, "VACUUM is not allowed"),
        ("SELECT 1;\nSELECT 'never closed;", 2, "a string is never closed"),
        ("-- phase: versoin=3\n-- up\n", 1, "unknown key `versoin`"),
        ("-- up\nSELECT 1;\n-- down\n-- down\n", 4, "a second section `down`"),
        ("-- up\n-- verify two\nSELECT 1; SELECT 2;", 2, "holds one query, not 2"),
        ("-- up\n-- verify none\n", 2, "holds one query, not 0"),
        ("INSERT INTO author VALUES (9, ?);", 1, "the parameter ? has no value"),
        (
            "CREATE TABLE ok(a);\n\nINSERT INTO author VALUES (5, 'x');\nINSERT INTO nowhere VALUES (1);",
            4,
            "no such table",
        ),
        ("CREATE TABLE ok(a);\nCREATE TABLE author(a);", 2, "exists already"),
        ("CREATE TABLE ok(a);\nUPDATE author SET name = \"typo\";", 2, "in double quotes"),
    ] {
        let bench = bench(NOTES);
        write(&bench, "0001_bad.sql", text);
        let said = bench.project().run(&["upgrade", "--json"]);
        let said = said.expect_code(4).json();
        let error = &said["error"];
        let message = format!("{error}");
        assert!(message.contains(wanted), "{text}: {message}");
        assert!(message.contains("0001_bad.sql"), "{text}: {message}");
        assert!(
            message.contains(&format!(":{line}")) || message.contains(&format!("line {line}:")),
            "{text}: {message}"
        );
        assert_eq!(
            error["facts"]["line"].as_u64().or(error["line"].as_u64()),
            Some(line),
            "{text}: {message}"
        );
    }
}

#[test]
fn windows_line_ends_a_mark_and_empty_files_change_nothing() {
    let text = "-- up\nCREATE TABLE t(a TEXT DEFAULT 'x\ny');\nINSERT INTO t VALUES ('a;\nb');\n-- down\nDROP TABLE t;\n";
    let bench = bench("CREATE TABLE seed(a);");
    write(&bench, "0001_t.sql", text);
    write(&bench, "0002_empty.sql", "");
    write(&bench, "0003_comment.sql", "-- nothing; yet\n/* ; */");
    bench.up();
    assert_eq!(bench.ask("SELECT group_concat(version) FROM schema_version"), "1,2,3");
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    write(&bench, "0001_t.sql", &windows);
    let said = bench.project().run(&["status"]).expect_code(0);
    assert!(!said.stdout.contains("edited"), "{}", said.stdout);
    bench.run(&support::down_to("base").accepting_loss()).unwrap().unwrap();
    assert_eq!(bench.ask("SELECT count(*) FROM sqlite_master WHERE name = 't'"), "0");
}

#[test]
fn a_file_that_a_phase_in_toml_names_is_no_phase() {
    let bench = bench(NOTES);
    write(&bench, "p1.toml", "[[up]]\nop = \"sql\"\nfile = \"rows.sql\"\n");
    write(&bench, "rows.sql", "UPDATE note SET body = 'z';");
    write(&bench, "p2.sql", "CREATE TABLE z(a);");
    let heads = bench.project().run(&["history", "--json"]).expect_code(0).json();
    let ids: Vec<&str> =
        heads["phases"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["p1", "p2"]);
}

#[test]
fn pragmas_and_transactions_around_a_file_are_said_to_be_covered() {
    let bench = bench(NOTES);
    let sql = "COMMIT;\nPRAGMA foreign_keys=OFF;\nBEGIN;\nDELETE FROM author WHERE id = 1;\nCOMMIT;\nPRAGMA foreign_keys=ON;\nBEGIN;";
    write(&bench, "1.sql", sql);
    let said = bench.project().run(&["plan"]).expect_code(0).stdout;
    assert!(said.contains("COMMIT (line 1)") && said.contains("no effect"), "{said}");
}

#[test]
fn a_table_that_exists_is_skipped_where_the_statement_says_so() {
    let bench = bench(NOTES);
    let sql = "CREATE TABLE IF NOT EXISTS note(other);\nCREATE TABLE IF NOT EXISTS fresh(a);";
    write(&bench, "1.sql", sql);
    let said = bench.project().run(&["plan"]).expect_code(0).stdout;
    assert!(said.contains("IF NOT EXISTS"), "{said}");
    bench.up();
    like_sqlite3(&bench, sql);
    bench.down();
    assert_eq!(python(&bench.database(), LOOK), python(bench.before(), LOOK));
}

/// A project with a folder of migrations, and a database that the `sqlite3` program makes of the same statements.
fn against_sqlite3(files: &[(&str, &str)], statements: &str) {
    let project = Project::empty();
    for (name, text) in files {
        project.write_phase(name, text);
    }
    sqlite3(&project.database(), "CREATE TABLE before(a); INSERT INTO before VALUES (1);");
    project.run(&["upgrade"]).expect_code(0);
    let other = project.aside("other.db");
    sqlite3(&other, "CREATE TABLE before(a); INSERT INTO before VALUES (1);");
    script(&other, statements).unwrap();
    assert_eq!(python(&project.database(), LOOK), python(&other, LOOK));
}

#[test]
fn folders_of_other_tools_are_read_where_they_are() {
    let up = "CREATE TABLE t(a TEXT);\nINSERT INTO t VALUES ('x;y');\n";
    let more = "ALTER TABLE t ADD COLUMN b;\n";
    let all = format!("{up}{more}");
    let goose = |sql: &str| format!("-- +goose Up\n{sql}-- +goose Down\nSELECT 1;\n");
    let dbmate = |sql: &str| format!("-- migrate:up\n{sql}\n-- migrate:down\n");
    against_sqlite3(&[("2_b.sql", &goose(more)), ("00001_a.sql", &goose(up))], &all);
    against_sqlite3(&[("20240102_b.sql", &dbmate(more)), ("20240101_a.sql", &dbmate(up))], &all);
    against_sqlite3(
        &[
            ("10_b.up.sql", more),
            ("10_b.down.sql", "SELECT 1;"),
            ("9_a.down.sql", "DROP TABLE t;"),
            ("9_a.up.sql", up),
        ],
        &all,
    );
    against_sqlite3(&[("V10__b.sql", more), ("V9__a.sql", up)], &all);
    // The index is there already, for another table; a trigger without a semicolon ends with its section.
    let again = "CREATE INDEX IF NOT EXISTS i ON t(a);\nCREATE TABLE u(a);\nCREATE INDEX IF NOT EXISTS i ON u(a);\n";
    let trigger = "CREATE TRIGGER tr -- noqa\nAFTER INSERT ON t BEGIN\n  INSERT INTO u VALUES (new.a);\nEND\n";
    let whole = format!("{up}{again}{};\n", trigger.trim());
    let files = [("1_a.sql", dbmate(up)), ("2_b.sql", dbmate(again)), ("3_c.sql", dbmate(trigger))];
    against_sqlite3(&files.each_ref().map(|(name, text)| (*name, text.as_str())), &whole);
    against_sqlite3(
        &[
            ("2024-01-02-000000_b/up.sql", more),
            ("2024-01-02-000000_b/down.sql", ""),
            ("2024-01-01-000000_a/up.sql", up),
        ],
        &all,
    );
}

#[test]
fn an_empty_downgrade_of_rows_does_nothing_and_one_of_a_schema_is_no_downgrade() {
    let rows =
        "CREATE TABLE h AS SELECT a FROM t;\nINSERT INTO t SELECT 'more' FROM h;\nDROP TABLE h;\n";
    let rebuild = "CREATE TABLE n(a TEXT NOT NULL);\nINSERT INTO n SELECT a FROM t;\nDROP TABLE t;\nALTER TABLE n RENAME TO t;\n";
    for (up, said) in [(rows, None), (rebuild, Some("cannot be undone"))] {
        let project = Project::empty();
        let goose = |sql: &str| format!("-- +goose Up\n{sql}-- +goose Down\n-- nothing\n");
        project.write_phase(
            "1_a.sql",
            &goose("CREATE TABLE t(a TEXT);\nINSERT INTO t VALUES ('x');\n"),
        );
        project.write_phase("2_b.sql", &goose(up));
        let upgrade = project.run(&["upgrade", "--create"]).expect_code(0);
        assert!(upgrade.stdout.contains("2_b"), "{}", upgrade.stdout);
        let down = project.run(&["downgrade", "--accept-loss"]);
        match said {
            None => {
                down.expect_code(0);
                assert_eq!(sqlite3(&project.database(), "SELECT a FROM t"), "x\nmore");
            }
            Some(said) => assert!(down.expect_code(4).stderr.contains(said)),
        }
    }
}

#[test]
fn folders_that_mix_formats_or_repeat_a_number_are_refused_by_name() {
    for (files, wanted) in [
        (
            &[("1_a.sql", "-- +goose Up\nSELECT 1;"), ("2_b.sql", "-- migrate:up\nSELECT 1;")][..],
            "1_a.sql is goose, phases/2_b.sql is dbmate",
        ),
        (&[("1_a.sql", "-- +goose Up\n"), ("2_b.sql", "SELECT 1;")], "2_b.sql is plain SQL"),
        (&[("1_a.sql", "-- +goose Up\n"), ("p.toml", "")], "p.toml is phaseshift"),
        (
            &[("1_a.sql", "-- +goose Up\n"), ("01_b.sql", "-- +goose Up\n")],
            "the same number, which goose refuses",
        ),
        (&[("V1__a.sql", ""), ("U1__b.sql", "")], "the same number, which refinery refuses"),
    ] {
        let project = Project::empty();
        for (name, text) in files {
            project.write_phase(name, text);
        }
        let said = project.run(&["heads"]).expect_code(4);
        assert!(said.stderr.contains(wanted), "{wanted}: {}", said.stderr);
    }
}

/// `.schema` and the `structure.sql` of Rails print SQLite's own tables, which SQLite makes itself.
#[test]
fn a_printed_schema_is_a_phase() {
    let project = Project::empty_in_memory();
    let printed = "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT);\n\
         CREATE TABLE sqlite_sequence(name,seq);\nCREATE TABLE sqlite_stat1(tbl,idx,stat);\n\
         CREATE VIRTUAL TABLE f USING fts5(a)\n/* f(a) */;\n\
         CREATE TABLE IF NOT EXISTS 'f_data'(id INTEGER PRIMARY KEY, block BLOB);\n\
         INSERT INTO t(a) VALUES ('x');\n";
    project.write_phase("1_init.sql", printed);
    project.run(&["check"]).expect_code(0);
    project.run(&["upgrade", "--create"]).expect_code(0);
    let said =
        sqlite3(&project.database(), "SELECT name, seq FROM sqlite_sequence; SELECT * FROM t");
    assert_eq!(said, "t|1\n1|x");
}
