//! Planted losses of each kind, in plain SQL.

use super::{APP, app, bytes, dump, findings, judged, left_over, prove, prove_sql};
use support::{Project, script};

/// A change, and what it loses.
type Planted = (&'static str, &'static [(&'static str, &'static str, Option<u64>)]);

/// Rebuilds a table under a new definition, as plain SQL does, with foreign keys off.
macro_rules! rebuilt {
    ($table:literal, $definition:literal, $columns:literal) => {
        concat!(
            "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; BEGIN; CREATE TABLE new_one",
            $definition, "; INSERT INTO new_one(", $columns, ") SELECT ", $columns, " FROM ", $table,
            "; DROP TABLE ", $table, "; ALTER TABLE new_one RENAME TO ", $table, "; COMMIT; ANALYZE;"
        )
    };
}

const PLANTED: &[Planted] = &[
    ("DELETE FROM settings WHERE rowid = 5", &[("rows", "settings", Some(1))]),
    (
        "PRAGMA foreign_keys = ON; DELETE FROM files WHERE id <= 10",
        &[("rows", "files", Some(10)), ("rows", "links", Some(10))],
    ),
    (
        "PRAGMA foreign_keys = ON; DELETE FROM sessions WHERE session_id = 'S3'",
        &[("rows", "sessions", Some(1)), ("values", "files.session_id", Some(5))],
    ),
    (
        "DELETE FROM sessions WHERE session_id = 'S3'",
        &[("rows", "sessions", Some(1)), ("foreign-key-violation", "files", None)],
    ),
    ("UPDATE files SET raw = CAST(raw AS TEXT)", &[("values", "files.raw", Some(60))]),
    (
        "UPDATE sessions SET notes = '' WHERE notes IS NULL",
        &[("values", "sessions.notes", Some(10))],
    ),
    ("UPDATE settings SET rowid = rowid + 10", &[("rowids", "settings", Some(3))]),
    (
        "DELETE FROM settings WHERE rowid = 5; UPDATE settings SET rowid = rowid + 10",
        &[("rows", "settings", Some(1)), ("rowids", "settings", Some(2))],
    ),
    ("ALTER TABLE sessions DROP COLUMN notes", &[("column", "sessions.notes", Some(10))]),
    ("DROP TABLE strict_ones", &[("table", "strict_ones", Some(2))]),
    ("DROP INDEX by_date", &[("index", "by_date", None)]),
    (
        "DROP INDEX by_size; CREATE INDEX by_size ON files(width, height)",
        &[("index", "by_size", None)],
    ),
    ("DROP INDEX by_date; CREATE INDEX by_date ON sessions(date)", &[("index", "by_date", None)]),
    (
        "DROP INDEX by_lower; CREATE INDEX by_lower ON files(lower(name))",
        &[("index", "by_lower", None)],
    ),
    ("DROP VIEW recent", &[("view", "recent", None), ("trigger", "into_recent", None)]),
    ("DROP TRIGGER count_links", &[("trigger", "count_links", None)]),
    (
        "DROP VIEW recent; CREATE VIEW recent AS SELECT name FROM files",
        &[("view", "recent", None), ("trigger", "into_recent", None)],
    ),
    (
        "DROP TRIGGER count_links; CREATE TRIGGER count_links AFTER INSERT ON links BEGIN SELECT 1; END",
        &[("trigger", "count_links", None)],
    ),
    ("DELETE FROM sqlite_sequence", &[("counter", "files", None)]),
    ("UPDATE sqlite_sequence SET seq = 90", &[("counter", "files", None)]),
    ("DELETE FROM sqlite_stat1 WHERE tbl = 'files'", &[("statistics", "files", Some(3))]),
    ("DROP TABLE sqlite_stat1", &[]),
    ("PRAGMA user_version = 4", &[("user_version", "user_version", None)]),
    ("PRAGMA application_id = 4", &[("application_id", "application_id", None)]),
    (
        "PRAGMA page_size = 8192; VACUUM",
        &[("page_size", "page_size", None), ("rowids", "settings", Some(2))],
    ),
    (
        "PRAGMA auto_vacuum = 1; VACUUM",
        &[("auto_vacuum", "auto_vacuum", None), ("rowids", "settings", Some(2))],
    ),
    ("PRAGMA journal_mode = WAL", &[("journal_mode", "journal_mode", None)]),
    (
        rebuilt!("strict_ones", "(id INTEGER PRIMARY KEY, n INT)", "id, n"),
        &[("strict", "strict_ones", None)],
    ),
    (
        rebuilt!("strict_ones", "(id INTEGER, n INT) STRICT", "id, n"),
        &[("primary-key", "strict_ones", None)],
    ),
    (
        rebuilt!("strict_ones", "(n INT, id INTEGER PRIMARY KEY) STRICT", "n, id"),
        &[("column-order", "strict_ones", None)],
    ),
    (
        rebuilt!("strict_ones", "(id INTEGER PRIMARY KEY, n TEXT) STRICT", "id, n"),
        &[("type", "strict_ones.n", None), ("values", "strict_ones.n", Some(2))],
    ),
    (
        rebuilt!("settings", "(key TEXT, value NUM)", "key, value"),
        &[
            ("type", "settings.value", None),
            ("rows", "settings", Some(1)),
            ("rowids", "settings", Some(2)),
        ],
    ),
    (
        rebuilt!(
            "links",
            "(file INTEGER NOT NULL REFERENCES files(id), tag TEXT, PRIMARY KEY (tag, file)) WITHOUT ROWID",
            "file, tag"
        ),
        &[("foreign-key-actions", "links", None), ("trigger", "count_links", None)],
    ),
    (
        rebuilt!(
            "links",
            "(file INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE, tag TEXT, PRIMARY KEY (tag, file))",
            "file, tag"
        ),
        &[
            ("not-null", "links.tag", None),
            ("without-rowid", "links", None),
            ("trigger", "count_links", None),
        ],
    ),
    (
        rebuilt!(
            "links",
            "(file INTEGER REFERENCES files(id) ON DELETE CASCADE, tag TEXT, PRIMARY KEY (file, tag)) WITHOUT ROWID",
            "file, tag"
        ),
        &[("primary-key", "links", None), ("trigger", "count_links", None)],
    ),
    (
        "DROP TABLE links; CREATE TABLE links(file INTEGER NOT NULL, tag TEXT, PRIMARY KEY (tag, file)) WITHOUT ROWID",
        &[
            ("rows", "links", Some(40)),
            ("foreign-key", "links", None),
            ("trigger", "count_links", None),
            ("statistics", "links", Some(1)),
        ],
    ),
];

/// The definitions of `sessions` and `files` without one of their parts, and what is lost then.
const UNDEFINED: &[(&str, &str, &str, &str, &str)] = &[
    (
        "sessions",
        "date TEXT NOT NULL DEFAULT '2024-01-01'",
        "date TEXT DEFAULT '2024-01-01'",
        "not-null",
        "sessions.date",
    ),
    ("sessions", " DEFAULT '2024-01-01'", "", "default", "sessions.date"),
    ("sessions", " DEFAULT '2024-01-01'", " DEFAULT '2024-02-02'", "default", "sessions.date"),
    ("sessions", " COLLATE NOCASE", "", "collation", "sessions.telescope"),
    ("sessions", "VARCHAR(50)", "TEXT", "type", "sessions.telescope"),
    ("sessions", " CHECK (seeing > 0)", "", "check", "sessions"),
    ("sessions", "seeing > 0", "seeing > -1", "check", "sessions"),
    ("sessions", ", CONSTRAINT one_a_day UNIQUE (date, telescope)", "", "unique", "sessions"),
    ("sessions", "CONSTRAINT one_a_day ", "", "constraint-name", "sessions"),
    ("sessions", " PRIMARY KEY", "", "primary-key", "sessions"),
    ("files", " AUTOINCREMENT", "", "autoincrement", "files"),
    ("files", " UNIQUE ON CONFLICT IGNORE", "", "unique", "files"),
    ("files", " ON CONFLICT IGNORE", "", "on-conflict", "files"),
    ("files", "ON DELETE SET NULL", "ON DELETE CASCADE", "foreign-key-actions", "files"),
    ("files", " DEFERRABLE INITIALLY DEFERRED", "", "foreign-key-actions", "files"),
    (
        "files",
        " REFERENCES sessions(session_id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED",
        "",
        "foreign-key",
        "files",
    ),
    ("files", "width * height", "width + height", "generated", "files.area"),
    ("files", " STORED", " VIRTUAL", "generated", "files.area"),
    ("files", " AS (width * height) STORED", "", "generated", "files.area"),
];

fn check(change: &str, wanted: &[(&str, &str, Option<u64>)]) {
    let project = app();
    let before = bytes(&project);
    let output = prove_sql(&project, change, &["--json", "--keep"]);
    let output = output.expect_code(if wanted.is_empty() { 0 } else { 3 });
    let report = output.json();
    let mut found = findings(&report);
    let mut wanted: Vec<_> = wanted
        .iter()
        .map(|(code, object, count)| ((*code).to_owned(), (*object).to_owned(), *count))
        .collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "{change}\n{:#}", report["findings"]);
    judged(&project, &report, None);
    assert_eq!(bytes(&project), before, "{change}");
}

#[test]
fn every_planted_loss_is_named_and_nothing_else() {
    for (change, wanted) in PLANTED {
        if *change == "DROP TABLE sqlite_stat1" {
            continue;
        }
        check(change, wanted);
    }
}

#[test]
fn every_part_of_a_definition_that_is_lost_is_named() {
    for (table, part, instead, code, object) in UNDEFINED {
        let columns = match *table {
            "sessions" => "session_id, date, telescope, seeing, notes",
            _ => "id, name, session_id, width, height, raw",
        };
        let start = APP.find(&format!("CREATE TABLE {table}(")).unwrap();
        let text = &APP[start..start + APP[start..].find(";\n").unwrap()];
        assert!(text.contains(part), "{part}");
        let new = text
            .replace(part, instead)
            .replace(&format!("CREATE TABLE {table}("), "CREATE TABLE new_one(");
        // All that belongs to the table is made again; only the part is lost.
        let change = format!(
            "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; PRAGMA writable_schema = ON;
             CREATE TEMP TABLE kept AS SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL AND tbl_name = '{table}';
             CREATE TEMP TABLE counters AS SELECT * FROM sqlite_sequence;
             CREATE TEMP TABLE stats AS SELECT * FROM sqlite_stat1 WHERE tbl = '{table}';
             BEGIN; {new}; INSERT INTO new_one({columns}) SELECT {columns} FROM {table};
             DROP TABLE {table}; ALTER TABLE new_one RENAME TO {table}; COMMIT;
             {}
             INSERT INTO sqlite_stat1 SELECT * FROM stats WHERE tbl NOT IN (SELECT tbl FROM sqlite_stat1);
             DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence SELECT * FROM counters;",
            match *table {
                "sessions" => "CREATE INDEX by_date ON sessions(date DESC);",
                _ => "CREATE INDEX by_size ON files(width, height) WHERE width > 0; CREATE UNIQUE INDEX by_lower ON files(lower(name));",
            }
        );
        let project = app();
        let output = prove_sql(&project, &change, &["--json", "--keep"]);
        let report = output.expect_code(3).json();
        let found = findings(&report);
        let named: Vec<_> =
            found.iter().map(|(code, object, _)| (code.as_str(), object.as_str())).collect();
        assert!(named.contains(&(code, object)), "{part}: {named:?}\n{:#}", report["findings"]);
        judged(&project, &report, None);
    }
}

#[test]
fn what_a_hand_written_rebuild_of_54_features_loses_is_named() {
    let project = Project::empty();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign_losses");
    let features = std::fs::read_to_string(format!("{folder}/features.sql")).unwrap();
    script(&project.database(), &features).unwrap();
    let command = format!("python3 -B {folder}/tools/twelve_steps.py");
    let report = prove(&project, &command, &["--json", "--keep"]).expect_code(3).json();
    assert!(findings(&report).len() > 30, "{:#}", report["findings"]);
    assert!(
        report["run"]["stdout"]["text"]
            .as_str()
            .unwrap()
            .contains("All verification checks passed")
    );
    judged(&project, &report, None);
}

#[test]
fn additions_are_no_losses() {
    let project = app();
    let before = dump(&project.database());
    let change = "CREATE TABLE tags(name TEXT); INSERT INTO tags VALUES ('a'), ('b');
                  ALTER TABLE settings ADD COLUMN note TEXT DEFAULT 'x';
                  CREATE INDEX by_key ON settings(key); CREATE VIEW all_tags AS SELECT * FROM tags;
                  INSERT INTO settings(key) VALUES ('new');
                  CREATE TABLE alembic_version(version_num VARCHAR(32) NOT NULL PRIMARY KEY)";
    let report = prove_sql(&project, change, &["--json"]).expect_code(0).json();
    assert_eq!(report["verdict"], "clean");
    let added = report["added"].as_array().unwrap();
    let added: Vec<String> =
        added.iter().map(|it| format!("{} {}", it["code"], it["object"])).collect();
    for wanted in [
        "\"table\" \"tags\"",
        "\"column\" \"settings.note\"",
        "\"index\" \"by_key\"",
        "\"view\" \"all_tags\"",
        "\"rows\" \"settings\"",
        "\"table\" \"alembic_version\"",
    ] {
        assert!(added.contains(&wanted.to_owned()), "{wanted}: {added:?}");
    }
    assert_eq!(report["proof"]["tables"], 5);
    assert_eq!(report["proof"]["rows"], 20 + 90 + 40 + 3 + 2);
    assert_eq!(dump(&project.database()), before);
    assert!(left_over(&project).is_empty(), "{:?}", left_over(&project));
}

#[test]
fn a_tools_own_records_are_no_losses() {
    let project = app();
    script(&project.database(),
           "CREATE TABLE alembic_version(version_num VARCHAR(32) NOT NULL PRIMARY KEY); INSERT INTO alembic_version VALUES ('a')").unwrap();
    let change = "UPDATE alembic_version SET version_num = 'b'";
    let report = prove_sql(&project, change, &["--json"]).expect_code(0).json();
    assert_eq!(report["added"][0]["code"], "bookkeeping");
    // A table of that name and of another shape is one like any other.
    let project = app();
    script(
        &project.database(),
        "CREATE TABLE alembic_version(v TEXT); INSERT INTO alembic_version VALUES ('a')",
    )
    .unwrap();
    prove_sql(&project, "UPDATE alembic_version SET v = 'b'", &[]).expect_code(3);
}

#[test]
fn virtual_tables_are_judged_by_what_they_give_out_and_find() {
    let app = "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT);
        INSERT INTO note VALUES (1, 'one moon'), (2, 'two'), (3, 'three');
        CREATE VIRTUAL TABLE own USING fts5(body); INSERT INTO own SELECT body FROM note;
        CREATE VIRTUAL TABLE find USING fts5(body, content='note', content_rowid='id');
        INSERT INTO find(find) VALUES ('rebuild');
        CREATE VIRTUAL TABLE box USING rtree(id, x0, x1); INSERT INTO box VALUES (1, 0, 1), (2, 1, 2);";
    for (change, wanted) in [
        (
            "INSERT INTO own(own) VALUES ('optimize'); INSERT INTO find(find) VALUES ('rebuild')",
            None,
        ),
        ("DELETE FROM own WHERE rowid = 2", Some(("rows", "own", Some(1)))),
        ("UPDATE own SET body = 'x' WHERE rowid = 2", Some(("rows", "own", Some(1)))),
        ("DROP TABLE box", Some(("table", "box", Some(2)))),
        ("DELETE FROM box WHERE id = 1", Some(("rows", "box", Some(1)))),
        (
            "INSERT INTO find(find, rowid, body) VALUES ('delete', 1, 'one moon')",
            Some(("broken", "find", None)),
        ),
    ] {
        let project = Project::empty();
        script(&project.database(), app).unwrap();
        let output = prove_sql(&project, change, &["--json"]);
        let report = output.expect_code(if wanted.is_some() { 3 } else { 0 }).json();
        let wanted =
            wanted.map(|(code, object, count)| (code.to_owned(), object.to_owned(), count));
        assert_eq!(findings(&report), Vec::from_iter(wanted), "{change}");
    }
}

#[test]
fn other_encodings_journals_and_page_sizes_are_compared_alike() {
    for setup in [
        "PRAGMA encoding = 'UTF-16le';",
        "PRAGMA encoding = 'UTF-16be'; PRAGMA page_size = 512;",
        "PRAGMA journal_mode = WAL;",
        "PRAGMA auto_vacuum = 2; PRAGMA page_size = 65536;",
    ] {
        let project = Project::empty();
        script(&project.database(), &format!("{setup}{APP}")).unwrap();
        prove_sql(&project, "CREATE TABLE tags(name)", &[]).expect_code(0);
        let change = "UPDATE sessions SET notes = 'm' WHERE session_id = 'S1'; DELETE FROM links WHERE file = 7";
        let report = prove_sql(&project, change, &["--json", "--keep"]).expect_code(3).json();
        let wanted = [("rows", "links", Some(1)), ("values", "sessions.notes", Some(1))];
        let wanted =
            wanted.map(|(code, object, count)| (code.to_owned(), object.to_owned(), count));
        assert_eq!(findings(&report), wanted, "{setup}");
        judged(&project, &report, None);
    }
}

#[test]
fn a_changed_value_is_shown_as_it_was_and_is() {
    let project = app();
    let change = "UPDATE files SET raw = CAST(raw AS TEXT)";
    let said = prove_sql(&project, change, &[]).expect_code(3).stdout;
    let wanted =
        "values of files.raw differ in 60 rows (id integer 1: raw was integer 1, is text \"1\")";
    assert!(said.contains(wanted), "{said}");
}
