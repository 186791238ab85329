//! "The same schema" is one question with one answer: `diff`, `stamp`, `status` and `verify` agree.

use support::{Project, sqlite3};

/// Schemas that SQLite accepts and that tools have stumbled over.
const SCHEMAS: [&str; 14] = [
    "",
    "CREATE TABLE \"a b\"(\"x y\" \"odd type\" DEFAULT (1 + (2)), [z] CHECK (z), 'w' TEXT)",
    "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE ON CONFLICT REPLACE)",
    "CREATE TABLE t(a INT, b TEXT, c ANY, PRIMARY KEY (b, a)) WITHOUT ROWID, STRICT",
    "CREATE TABLE t(a INT, b TEXT COLLATE nocase, c AS (a || b) STORED, CHECK (a > 0) CHECK (b <> ''))",
    "CREATE TABLE p(x INTEGER PRIMARY KEY); CREATE TABLE t(a REFERENCES p DEFERRABLE INITIALLY DEFERRED, \
     b INT, FOREIGN KEY (b) REFERENCES p(x) ON DELETE SET NULL NOT DEFERRABLE)",
    "CREATE TABLE t(a DEFAULT x, b DEFAULT \"y\", c DEFAULT -1, d DEFAULT (datetime('now')), e DEFAULT CURRENT_TIME)",
    "CREATE TABLE t(a, b); CREATE UNIQUE INDEX \"i 1\" ON t(a COLLATE nocase DESC, lower(b)) WHERE b IS NOT NULL",
    "CREATE TABLE t(a); CREATE VIEW v(x) AS WITH q AS (SELECT a FROM t) SELECT * FROM q -- end",
    "CREATE TABLE t(a); CREATE TRIGGER t AFTER INSERT ON t WHEN new.a > 1 BEGIN SELECT ';'; SELECT 2; END",
    "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t; \
     CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a); END",
    "CREATE VIRTUAL TABLE f USING fts5(a, b UNINDEXED, tokenize = 'porter ascii'); \
     CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +note)",
    "CREATE TABLE n(a); CREATE VIRTUAL TABLE f USING fts5(a, content='n', content_rowid='rowid')",
    "CREATE TABLE t AS SELECT 1 AS a, 'x' AS \"b c\"; CREATE TABLE \"select\"(\"from\" INT, CONSTRAINT lonely)",
];

fn dump(project: &Project, name: &str) -> String {
    let shadow = "SELECT name FROM pragma_table_list WHERE type = 'shadow'";
    sqlite3(
        &project.path(name),
        &format!(
            "SELECT group_concat(sql || ';', char(10)) FROM (SELECT sql FROM sqlite_schema \
             WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%' AND tbl_name NOT IN ({shadow}) ORDER BY rowid)"
        ),
    )
}

/// A diff of anything with itself, and with its own text in another file, is empty.
#[test]
fn every_schema_equals_itself() {
    for (number, sql) in SCHEMAS.iter().enumerate() {
        let project = Project::empty_in_memory();
        sqlite3(&project.path("one.db"), &format!("{sql}; PRAGMA user_version = 1"));
        project.write("schema.sql", &dump(&project, "one.db"));
        project.write("folder/a.sql", &dump(&project, "one.db"));
        for (a, b) in [
            ("one.db", "one.db"),
            ("one.db", "schema.sql"),
            ("schema.sql", "one.db"),
            ("schema.sql", "folder"),
        ] {
            let output = project.run_here(&["diff", a, b, "--json"]);
            let json = output.json();
            assert_eq!(output.code, 0, "{number} {a} {b}: {json}");
            assert_eq!(json["identical"], true, "{number} {a} {b}: {json}");
            assert_eq!(json["differences"], serde_json::json!([]));
        }
    }
}

const BASE: &str = "CREATE TABLE p(x INTEGER PRIMARY KEY);
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT DEFAULT 0, c REFERENCES p(x));
    CREATE INDEX i ON t(a);
    CREATE VIEW v AS SELECT a FROM t;
    CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END";

/// Each change with the code that names it, and whether it is small.
const CHANGES: [(&str, &str, &str, &str); 15] = [
    ("b INT DEFAULT 0", "b INT UNIQUE DEFAULT 0", "unique", "small"),
    ("CREATE INDEX i ON t(a);", "CREATE UNIQUE INDEX i ON t(a);", "index_unique", "small"),
    ("CREATE INDEX i ON t(a);", "CREATE INDEX i ON t(a) WHERE b > 0;", "index_where", "small"),
    (
        "CREATE INDEX i ON t(a);",
        "CREATE INDEX i ON t(a COLLATE nocase);",
        "index_collation",
        "small",
    ),
    ("b INT DEFAULT 0", "b INT DEFAULT 1", "default", "small"),
    ("b INT DEFAULT 0", "b REAL DEFAULT 0", "type", "small"),
    ("a TEXT NOT NULL", "a TEXT", "not_null", "small"),
    ("a TEXT NOT NULL", "a TEXT NOT NULL CHECK (a <> '')", "check", "small"),
    ("c REFERENCES p(x)", "c REFERENCES p(x) ON DELETE CASCADE", "foreign_key", "small"),
    (
        "CREATE TABLE p(x INTEGER PRIMARY KEY)",
        "CREATE TABLE p(x INTEGER PRIMARY KEY) WITHOUT ROWID",
        "without_rowid",
        "small",
    ),
    (
        "CREATE TABLE p(x INTEGER PRIMARY KEY)",
        "CREATE TABLE p(x INTEGER PRIMARY KEY) STRICT",
        "strict",
        "small",
    ),
    (
        "CREATE TABLE p(x INTEGER PRIMARY KEY)",
        "CREATE TABLE p(x INTEGER PRIMARY KEY AUTOINCREMENT)",
        "autoincrement",
        "small",
    ),
    (
        "a TEXT NOT NULL, b INT DEFAULT 0",
        "b INT DEFAULT 0, a TEXT NOT NULL",
        "column_order",
        "small",
    ),
    ("SELECT a FROM t", "SELECT a, b FROM t", "text", "small"),
    ("BEGIN SELECT 1;", "BEGIN SELECT 2;", "text", "small"),
];

#[test]
fn every_kind_of_difference_has_a_code() {
    let project = Project::empty_in_memory();
    project.write("a.sql", BASE);
    for (is, other, code, weight) in CHANGES {
        assert!(BASE.contains(is), "{is}");
        project.write("b.sql", &BASE.replacen(is, other, 1));
        let output = project.run_here(&["diff", "b.sql", "a.sql", "--json"]).expect_code(3);
        let json = output.json();
        let objects = json["objects"].as_array().unwrap();
        assert_eq!(objects.len(), 1, "{other}: {json}");
        let codes: Vec<&str> = objects[0]["what"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|it| it["codes"].as_array().unwrap())
            .map(|it| it.as_str().unwrap())
            .collect();
        assert!(codes.contains(&code), "{other}: {json}");
        assert_eq!(objects[0]["weight"], weight, "{other}: {json}");
        assert_eq!(objects[0]["verdict"], "differs");
    }
    // A default in another spelling is none.
    for spelling in ["'0'", "(0)", "((0))", "+0"] {
        project.write("b.sql", &BASE.replace("DEFAULT 0", &format!("DEFAULT {spelling}")));
        let json = project.run_here(&["diff", "b.sql", "a.sql", "--json"]).expect_code(0).json();
        assert_eq!((&json["equal"], &json["identical"]), (&true.into(), &false.into()));
        assert_eq!(json["objects"][0]["verdict"], "same_meaning", "{json}");
    }
}

/// What `stamp` accepts and names is what `diff` calls small; what it refuses is not.
#[test]
fn stamp_diff_and_status_agree() {
    let project = Project::empty_in_memory();
    let step = |sql: &str| {
        let op = if sql.contains("TABLE") {
            "create_table"
        } else if sql.contains("INDEX") {
            "create_index"
        } else if sql.contains("VIEW") {
            "create_view"
        } else {
            "create_trigger"
        };
        format!("[[up]]\nop = \"{op}\"\nsql = \"\"\"{sql}\"\"\"\n")
    };
    let statements = BASE.split(";\n").map(str::trim);
    let phase: String = statements.map(step).collect();
    project.write_phase("one.toml", &format!("parents = []\n{phase}"));
    for (is, other, _, _) in CHANGES {
        let _ = std::fs::remove_file(project.database());
        sqlite3(&project.database(), &BASE.replacen(is, other, 1));
        let diff = project.run(&["diff", "database", "head", "--json"]).expect_code(3).json();
        let stamp = project.run(&["stamp", "head", "--json"]).expect_code(0).json();
        assert_eq!(stamp["problems"], serde_json::json!([]), "{other}");
        let said = |json: &serde_json::Value| -> Vec<String> {
            let lines = json.as_array().unwrap().iter();
            let lines = lines
                .map(|it| it.as_str().unwrap().replace("made by no applied phase", "unexpected"));
            lines.collect()
        };
        assert_eq!(said(&stamp["notices"]), said(&diff["differences"]), "{other}");
        let status = project.run(&["status", "--json"]).expect_code(0).json();
        assert_eq!(said(&status["drift"]), said(&diff["differences"]), "{other}");
    }
    for gone in ["VIEW v", "TRIGGER g", "TABLE p"] {
        let _ = std::fs::remove_file(project.database());
        sqlite3(&project.database(), &format!("{BASE}; DROP {gone}"));
        let diff = project.run(&["diff", "database", "head", "--json"]).expect_code(3).json();
        assert_eq!(diff["objects"][0]["weight"], "serious", "{diff}");
        project.run(&["stamp", "head"]).expect_code(4);
    }
}

/// The script that `--sql` prints, run by another program, leaves nothing to differ, and keeps the rows.
#[test]
fn the_sql_of_a_diff_closes_it() {
    // Values that a new type would convert are refused by the script itself.
    let changes = CHANGES.into_iter().filter(|it| !it.1.contains("REAL"));
    for (number, (is, other, _, _)) in changes.enumerate() {
        let project = Project::empty_in_memory();
        let rows =
            "INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 'one', 5, 1), (2, 'two', 0, NULL)";
        sqlite3(&project.path("one.db"), &format!("{BASE}; {rows}"));
        project.write("two.sql", &BASE.replacen(is, other, 1));
        let script =
            project.run_here(&["diff", "one.db", "two.sql", "--sql"]).expect_code(3).stdout;
        assert!(script.contains("BEGIN IMMEDIATE"), "{number}: {script}");
        sqlite3(&project.path("one.db"), &format!("\n{script}"));
        project.run_here(&["diff", "one.db", "two.sql"]).expect_code(0);
        let kept = sqlite3(&project.path("one.db"), "SELECT id, a, b, c FROM t ORDER BY id");
        assert_eq!(kept, "1|one|5|1\n2|two|0|", "{other}");
        assert_eq!(
            project.run_here(&["diff", "one.db", "two.sql", "--sql"]).expect_code(0).stdout,
            ""
        );
    }
    // What is gone is dropped, and what is new is made; nothing is taken for renamed.
    let project = Project::empty_in_memory();
    sqlite3(&project.path("one.db"), &format!("{BASE}; CREATE TABLE gone(x)"));
    let other =
        BASE.replace("CREATE INDEX i ON t(a);", "CREATE TABLE come(x);").replace("b INT", "d INT");
    project.write("two.sql", &other);
    let script = project.run_here(&["diff", "one.db", "two.sql", "--sql"]).expect_code(3).stdout;
    sqlite3(&project.path("one.db"), &format!("\n{script}"));
    project.run_here(&["diff", "one.db", "two.sql"]).expect_code(0);
}
