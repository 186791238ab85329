//! `revision --autogenerate`: what a drafted phase makes of a file with rows is what `schema.sql` says, and nothing is
//! lost on the way. The judge is plain SQL.

mod pairs;

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use pairs::{PAIRS, Pair};
use support::{Output, Project};

/// Every row of a query, with its values.
fn rows(database: &Path, query: &str) -> Vec<Vec<Value>> {
    let connection = Connection::open(database).unwrap();
    let mut statement =
        connection.prepare(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// What SQLite says of a schema: every object with its text, and the shapes that its pragmas report.
fn facts(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let own = "('schema_version', 'phase_history')";
    let objects = format!(
        "SELECT s.type, lower(s.name), lower(s.tbl_name), s.sql FROM sqlite_schema s
         LEFT JOIN pragma_table_list l ON l.name = s.name AND l.schema = 'main'
         WHERE lower(s.tbl_name) NOT IN {own} AND s.name NOT LIKE 'sqlite_%' AND coalesce(l.type, '') <> 'shadow'
         ORDER BY 1, 2"
    );
    let mut facts = Vec::new();
    let mut statement = connection.prepare(&objects).unwrap();
    let found = statement.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get(3)?,
        ))
    });
    for (kind, name, table, sql) in found.unwrap().map(Result::unwrap) {
        facts.push(format!("{kind} {name} on {table}: {}", plain(sql)));
        if kind != "table" {
            continue;
        }
        for query in [
            "SELECT 'column', cid, lower(name), upper(type), \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)",
            "SELECT 'index', i.\"unique\", i.origin, i.partial, x.seqno, lower(x.name), x.desc, x.coll, x.key
             FROM pragma_index_list(?1) i, pragma_index_xinfo(i.name) x ORDER BY i.origin, i.name, x.seqno",
            "SELECT 'key', id, seq, lower(\"table\"), lower(\"from\"), lower(\"to\"), on_update, on_delete, match
             FROM pragma_foreign_key_list(?1)",
            "SELECT 'table', type, ncol, wr, strict FROM pragma_table_list(?1)",
        ] {
            let mut statement = connection.prepare(query).unwrap();
            let columns = statement.column_count();
            let shown = statement.query_map([&name], |row| {
                (0..columns).map(|it| row.get::<_, Value>(it).map(|it| format!("{it:?}"))).collect()
            });
            let shown: Vec<Vec<String>> = shown.unwrap().map(Result::unwrap).collect();
            facts.extend(shown.into_iter().map(|it| format!("{name}: {}", it.join(" "))));
        }
    }
    facts
}

/// A text without spaces, quotes of names, comments and case: what may differ in a stored text.
fn plain(sql: Option<String>) -> String {
    let lines = sql.unwrap_or_default();
    let lines = lines.lines().map(|line| line.split(" -- ").next().unwrap_or_default());
    let text: String = lines.collect();
    text.chars()
        .filter(|it| !it.is_whitespace() && !"\"`[]".contains(*it))
        .collect::<String>()
        .to_lowercase()
}

/// A file that plain SQL makes of a schema.
fn made_of(project: &Project, name: &str, sql: &str) -> std::path::PathBuf {
    let path = project.aside(name);
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

/// The judge: the schema of the file is that of a file made from `schema.sql`, and the rows are there.
fn judge(pair: &Pair, project: &Project, before: &Path) {
    let (name, database) = (pair.name, project.database());
    let wanted = made_of(project, "wanted.db", pair.want);
    let (found, wanted) = (facts(&database), facts(&wanted));
    let missing: Vec<_> = wanted.iter().filter(|it| !found.contains(it)).collect();
    let further: Vec<_> = found.iter().filter(|it| !wanted.contains(it)).collect();
    assert!(missing.is_empty() && further.is_empty(), "{name}: {missing:#?}\n{further:#?}");
    for (old, new) in pair.kept {
        let kept = rows(before, old);
        assert!(!kept.is_empty(), "{name}: {old} gives nothing");
        assert_eq!(kept, rows(&database, new), "{name}: {old} / {new}");
    }
    let answer = |query: &str| rows(&database, query);
    assert_eq!(answer("PRAGMA integrity_check"), [[Value::Text("ok".into())]], "{name}");
    assert!(answer("PRAGMA foreign_key_check").is_empty(), "{name}");
}

/// The statements of a schema, the last one first.
fn reversed(database: &Path) -> String {
    let query = "SELECT s.sql || ';' || char(10) FROM sqlite_schema s
        LEFT JOIN pragma_table_list l ON l.name = s.name AND l.schema = 'main'
        WHERE s.sql NOT NULL AND s.name NOT LIKE 'sqlite_%' AND coalesce(l.type, '') <> 'shadow'
        ORDER BY s.rowid DESC";
    let texts = rows(database, query).into_iter().flatten();
    texts.map(|it| if let Value::Text(text) = it { text } else { String::new() }).collect()
}

fn text_of(project: &Project, file: &str) -> String {
    std::fs::read_to_string(project.phases().join(file)).unwrap_or_default()
}

/// Applies the first schema as a phase of its own and writes rows; returns a copy of the file.
fn begin(pair: &Pair, project: &Project) -> std::path::PathBuf {
    project.write("schema.sql", pair.have);
    project.run_here(&["revision", "-m", "base", "--autogenerate", "--id", "p1"]).expect_code(0);
    project.run(&["upgrade", "--create", "-q"]).expect_code(0);
    Connection::open(project.database()).unwrap().execute_batch(pair.rows).unwrap();
    project.write("schema.sql", pair.want);
    project.copy_database("before.db")
}

fn revision(project: &Project, id: &str, flags: &[&str]) -> Output {
    let revision = ["revision", "-m", "change", "--autogenerate", "--id", id];
    project.run_here(&[&revision[..], flags].concat())
}

#[test]
fn a_drafted_phase_makes_what_the_schema_says_and_keeps_the_rows() {
    assert!(PAIRS.len() >= 30, "{}", PAIRS.len());
    for pair in PAIRS {
        let project = Project::empty_in_memory();
        let before = begin(pair, &project);
        let drafted = revision(&project, "p2", pair.flags);
        assert_eq!(drafted.code, 0, "{}: {}{}", pair.name, drafted.stdout, drafted.stderr);
        let text = text_of(&project, "p2.toml");
        let applied = project.run(&["upgrade", "-q"]);
        assert_eq!(applied.code, 0, "{}: {}\n{text}", pair.name, applied.stderr);
        judge(pair, &project, &before);
        // The second time there is nothing to draft, whatever the flags say.
        for flags in [&[][..], pair.flags] {
            let again = revision(&project, "p3", flags).expect_code(0);
            assert!(again.stdout.starts_with("No changes: "), "{}: {}", pair.name, again.stdout);
            assert!(!project.phases().join("p3.toml").exists(), "{}", pair.name);
        }
    }
}

/// Values that an expression replaced are not kept: there is no downgrade.
const ONE_WAY: [&str; 2] = ["other type with new values", "not null"];

#[test]
fn a_schema_is_applied_without_a_chain() {
    let mut one_way = Vec::new();
    for (place, pair) in PAIRS.iter().enumerate() {
        let name = pair.name;
        let project = Project::empty_in_memory();
        std::fs::remove_dir(project.phases()).unwrap();
        project.write("schema.sql", pair.have);
        let run = |arguments: &[&str]| {
            let output = project.run_here(&[&["-d", "fits_catalog.db"], arguments].concat());
            (output.code, output.stdout.clone(), output)
        };
        // A file that this program made, or one that plain SQL did.
        if place % 2 == 0 {
            assert_eq!(run(&["apply", "--create", "--yes", "-q"]).0, 0, "{name}");
        } else {
            Connection::open(project.database()).unwrap().execute_batch(pair.have).unwrap();
        }
        Connection::open(project.database()).unwrap().execute_batch(pair.rows).unwrap();
        let before = project.copy_database("before.db");
        assert_eq!(run(&["apply", "--check"]).0, 0, "{name}");
        project.write("schema.sql", pair.want);
        let (same, unchanged) = (name == "another case only", project.file_bytes());
        let check = run(&[&["apply", "--check"], pair.flags].concat());
        assert_eq!(check.0, 3, "{name}: {}", check.1);
        if !same {
            assert_eq!(run(&["apply", "schema.sql", "--check"]).0, 3, "{name}");
        }
        let asked = run(&[&["apply"], pair.flags].concat());
        assert_eq!(asked.0, 4, "{name}: a change without an answer");
        let shown = run(&[&["apply", "--dry-run", "--json"], pair.flags].concat());
        assert_eq!((shown.0, &shown.2.json()["changed"]), (0, &false.into()), "{name}");
        assert!(project.file_bytes() == unchanged, "{name}");
        let applied = run(&[&["apply", "schema.sql", "--yes", "--json"], pair.flags].concat());
        assert_eq!(applied.0, 0, "{name}: {}", applied.1);
        let json = applied.2.json();
        assert!(json["id"].as_str().unwrap().starts_with("apply-"), "{name}");
        assert!(json["proof"]["tables"].as_u64().unwrap() > 0, "{name}");
        judge(pair, &project, &before);
        let after = project.file_bytes();
        for flags in [&[][..], pair.flags] {
            let again = run(&[&["apply", "--yes", "--json"], flags].concat());
            assert_eq!((again.0, &again.2.json()["changed"]), (0, &false.into()), "{name}");
            assert_eq!(run(&[&["apply", "--check"], flags].concat()).0, 0, "{name}");
        }
        // The order of the statements does not matter: views and indexes may come before their tables.
        project.write("schema.sql", &reversed(&project.aside("wanted.db")));
        assert_eq!(run(&["apply", "--check"]).0, 0, "{name}: in reverse order");
        assert!(project.file_bytes() == after, "{name}");
        one_way.extend(goes_back(pair, &project, &before).then_some(name));
    }
    assert_eq!(one_way, ONE_WAY);
}

/// The downgrade leads to the old schema, from what the history of the file keeps; where there is none, the backup
/// does. Returns whether the change was one way.
fn goes_back(pair: &Pair, project: &Project, before: &Path) -> bool {
    let name = pair.name;
    let run =
        |arguments: &[&str]| project.run_here(&[&["-d", "fits_catalog.db"], arguments].concat());
    if name == "create table" {
        run(&["verify"]).expect_code(0);
        for command in ["current", "status", "history"] {
            let output = run(&[command]).expect_code(0);
            assert!(output.stdout.contains("apply-"), "{command}: {}", output.stdout);
        }
    }
    let down = run(&["downgrade", "--accept-loss"]);
    let one_way = down.code != 0;
    if one_way {
        assert_eq!(down.code, 4, "{name}: {}", down.stderr);
        run(&["restore", "--latest", "--yes", "-q"]).expect_code(0);
    }
    let (found, wanted) = (facts(&project.database()), facts(before));
    let apart: Vec<_> = found.iter().filter(|it| !wanted.contains(it)).collect();
    assert!(found.len() == wanted.len() && apart.is_empty(), "{name}: the way back: {apart:#?}");
    one_way
}

#[test]
fn what_is_dropped_or_renamed_is_never_guessed() {
    for pair in
        PAIRS.iter().filter(|it| it.flags.iter().any(|it| *it != "--value" && it.starts_with("--")))
    {
        let project = Project::empty_in_memory();
        begin(pair, &project);
        let before = project.snapshot();
        if pair.flags.contains(&"--value")
            || ["swap of two columns", "swap of two tables"].contains(&pair.name)
        {
            continue;
        }
        let open = revision(&project, "p2", &[]);
        if pair.name == "another case only" {
            assert!(open.expect_code(0).stdout.starts_with("No changes: "));
            continue;
        }
        assert_eq!(open.code, 4, "{}: {}", pair.name, open.stdout);
        assert_eq!(project.snapshot(), before, "{}", pair.name);
        let json = revision(&project, "p2", &["--json"]).expect_code(4).json();
        // The flags that are offered first are those that answer.
        for flag in json["error"]["choices"].as_array().unwrap() {
            let (name, _) = flag.as_str().unwrap().split_once(' ').unwrap();
            assert!(["--rename", "--drop"].contains(&name), "{flag}");
        }
    }
}

fn apply(project: &Project, arguments: &[&str]) -> Output {
    project.run_here(&[&["-d", "fits_catalog.db", "apply", "--yes"], arguments].concat())
}

#[test]
fn hostile_schema_files_are_refused_and_odd_ones_are_read() {
    let project = Project::empty_in_memory();
    Connection::open(project.database()).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    let unread: [&[u8]; 11] = [
        b"ATTACH 'x.db' AS x; CREATE TABLE t(a);",
        b"CREATE TABLE t(a); PRAGMA user_version = 3;",
        b"PRAGMA writable_schema = 1; CREATE TABLE t(a);",
        b"BEGIN; CREATE TABLE t(a, b); COMMIT;",
        b"CREATE TABLE t(a, b); VACUUM INTO 'x.db';",
        b"CREATE TABLE t(a, b); SELECT load_extension('x');",
        b"CREATE TABLE t(a, \xff);",
        b"CREATE TABLE t(a, b",
        b"CREATE TABLE t(a, b); CREATE TABLE t(c);",
        b"CREATE TABLE t(a, b -- @renamed form=a\n);",
        b"-- @renamed from=a\nCREATE TABLE t(a, b);",
    ];
    let snapshot = |project: &Project| {
        std::fs::remove_file(project.path("schema.sql")).unwrap_or_default();
        project.snapshot()
    };
    let before = snapshot(&project);
    for bytes in unread {
        let shown = String::from_utf8_lossy(bytes);
        for command in [&["apply", "--yes", "--allow-drop"][..], &["apply", "--check"]] {
            std::fs::write(project.path("schema.sql"), bytes).unwrap();
            let output = project.run_here(&[&["-d", "fits_catalog.db"], command].concat());
            assert_eq!(output.code, 4, "{shown}: {}{}", output.stdout, output.stderr);
            assert!(output.stderr.contains("schema.sql"), "{shown}: {}", output.stderr);
        }
        let revision = ["revision", "-m", "x", "--autogenerate", "--allow-drop"];
        std::fs::write(project.path("schema.sql"), bytes).unwrap();
        assert_eq!(project.run_here(&revision).code, 4, "{shown}");
        assert_eq!(snapshot(&project), before, "{shown}");
    }
    let comment = format!("-- {}\n", "x".repeat(1 << 20));
    for (column, text) in [
        ("b", "\u{feff}CREATE TABLE t(\r\n  a,\r\n  b\r\n);\r\n".to_owned()),
        ("c", format!("{comment}CREATE TABLE t(a, b, c);")),
        ("d", "CREATE TABLE t(a, b, c, d); INSERT INTO t VALUES (1, 2, 3, 4);;".to_owned()),
    ] {
        project.write("schema.sql", &text);
        assert_eq!(apply(&project, &[]).code, 0, "{column}");
        assert!(apply(&project, &[]).stdout.starts_with("Nothing to do: "), "{column}");
        let found = "SELECT name FROM pragma_table_info('t') ORDER BY cid DESC LIMIT 1";
        assert_eq!(rows(&project.database(), found), [[Value::Text(column.into())]]);
        assert_eq!(rows(&project.database(), "SELECT count(*) FROM t"), [[Value::Integer(0)]]);
    }
}

#[test]
fn a_folder_of_files_in_any_order_is_one_schema() {
    let project = Project::empty_in_memory();
    project.write("schema/a_views.sql", "CREATE VIEW v AS SELECT a FROM t;\n");
    project.write("schema/b_tables.sql", "CREATE TABLE t(a); -- @renamed from=old\n");
    Connection::open(project.database()).unwrap().execute_batch("CREATE TABLE old(a)").unwrap();
    assert_eq!(apply(&project, &["schema"]).code, 0);
    let found = "SELECT name FROM sqlite_schema WHERE name IN ('t', 'v', 'old') ORDER BY 1";
    assert_eq!(rows(&project.database(), found).len(), 2);
}

#[test]
fn a_file_that_phases_migrate_is_left_to_them() {
    let project = Project::empty_in_memory();
    let pair = &PAIRS[0];
    begin(pair, &project);
    let before = project.snapshot();
    for flags in [&[][..], &["--check"], &["--dry-run"]] {
        let refused = apply(&project, flags).expect_code(4);
        assert!(refused.stderr.contains("p1 is recorded"), "{}", refused.stderr);
        assert!(
            refused.stderr.contains("revision -m 'What changes' --autogenerate"),
            "{}",
            refused.stderr
        );
    }
    assert_eq!(project.snapshot(), before);
}

#[test]
fn a_schema_has_the_id_of_its_content() {
    let project = Project::empty_in_memory();
    let (one, two) = ("CREATE TABLE t(a);\n", "CREATE TABLE t(a, b);\n");
    let mut ids = Vec::new();
    for (text, flags) in
        [(one, &["--create"][..]), (two, &[]), (one, &["--drop", "t.b"]), (two, &[])]
    {
        project.write("schema.sql", text);
        let json = apply(&project, &[flags, &["--json"]].concat()).expect_code(0).json();
        ids.push(json["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids[2], format!("{}.2", ids[0]));
    assert_eq!(ids[3], format!("{}.2", ids[1]));
    let recorded = "SELECT group_concat(id, ' ') FROM phase_history";
    assert_eq!(rows(&project.database(), recorded), [[Value::Text(ids.join(" "))]]);
    // Another file has the same id for the same schema.
    let other = Project::empty_in_memory();
    other.write("schema.sql", "-- the same\nCREATE TABLE t(a);");
    let json = apply(&other, &["--create", "--json"]).expect_code(0).json();
    assert_eq!(json["id"], ids[0].as_str());
    // Downgrades need no phase file: the history keeps the steps.
    for _ in 0..2 {
        project.run_here(&["-d", "fits_catalog.db", "downgrade", "--accept-loss"]).expect_code(0);
    }
    let columns = "SELECT name FROM pragma_table_info('t')";
    assert_eq!(rows(&project.database(), columns).len(), 2);
    let current = project.run_here(&["-d", "fits_catalog.db", "current", "--json"]).json();
    assert_eq!(current["ids"], serde_json::json!([ids[1]]));
}

#[test]
fn nothing_is_made_of_a_schema_that_cannot_be_applied() {
    let project = Project::empty_in_memory();
    project.write("schema.sql", "CREATE TABLE t(a);");
    let before = project.snapshot();
    apply(&project, &[]).expect_code(4);
    apply(&project, &["--check"]).expect_code(4);
    apply(&project, &["missing.sql", "--create"]).expect_code(4);
    assert_eq!(project.snapshot(), before);
    // Rows that the new schema does not allow are named with the flag that gives them a value.
    let sql = "CREATE TABLE t(a); INSERT INTO t VALUES (1);";
    Connection::open(project.database()).unwrap().execute_batch(sql).unwrap();
    project.write("schema.sql", "CREATE TABLE t(a, b INT NOT NULL);");
    let before = project.snapshot();
    let refused = apply(&project, &["--json"]).expect_code(4).json();
    assert_eq!(refused["error"]["choices"], serde_json::json!(["--value t.b=SQL"]));
    assert_eq!(project.snapshot(), before);
    apply(&project, &["--value", "t.b=a + 1"]).expect_code(0);
    let found = rows(&project.database(), "SELECT * FROM t");
    assert_eq!(found, [[Value::Integer(1), Value::Integer(2)]]);
}

#[test]
fn the_script_of_a_schema_does_what_apply_does() {
    let pair = PAIRS.iter().find(|it| it.name == "much at once").unwrap();
    let project = Project::empty_in_memory();
    project.write("schema.sql", pair.want);
    let sql = format!("{}{}", pair.have, pair.rows);
    Connection::open(project.database()).unwrap().execute_batch(&sql).unwrap();
    let before = project.copy_database("before.db");
    let script = apply(&project, &[&["--sql"], pair.flags].concat()).expect_code(0).stdout;
    let path = project.aside("changes.sql");
    std::fs::write(&path, script).unwrap();
    support::sqlite3(&project.database(), &format!(".read {}", path.display()));
    judge(pair, &project, &before);
    assert!(apply(&project, &[]).stdout.starts_with("Nothing to do: "));
}

#[test]
fn a_downgrade_counted_the_rows_of_a_table_with_an_unquoted_name() {
    let project = Project::empty_in_memory();
    let have = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE \"group\"(x INT REFERENCES p(id), y);";
    let rows = "INSERT INTO \"group\"(y) VALUES (1);";
    Connection::open(project.database()).unwrap().execute_batch(&format!("{have}{rows}")).unwrap();
    let before = project.copy_database("before.db");
    project.write("schema.sql", "CREATE TABLE \"group\"(x INT, y);");
    apply(&project, &["--drop", "p"]).expect_code(0);
    project.run_here(&["-d", "fits_catalog.db", "downgrade", "--accept-loss"]).expect_code(0);
    assert_eq!(facts(&project.database()), facts(&before));
}

#[test]
fn a_downgrade_is_written_out_where_a_view_would_read_another_column() {
    let project = Project::empty_in_memory();
    // Without its column, "d" is a string to the view.
    let have = "CREATE TABLE t(d, s); CREATE VIEW v AS SELECT \"d\" FROM t; INSERT INTO t VALUES (NULL, 2)";
    Connection::open(project.database()).unwrap().execute_batch(have).unwrap();
    let before = project.copy_database("before.db");
    project.write("schema.sql", "CREATE TABLE t(s); CREATE VIEW v AS SELECT s FROM t;");
    apply(&project, &["--drop", "t.d"]).expect_code(0);
    project.run_here(&["-d", "fits_catalog.db", "downgrade", "--accept-loss"]).expect_code(0);
    assert_eq!(facts(&project.database()), facts(&before));
    assert_eq!(rows(&project.database(), "SELECT * FROM t"), rows(&before, "SELECT * FROM t"));
}

/// `.schema` of the `sqlite3` program prints the tables behind virtual tables too, which no statement may create.
#[test]
fn tables_behind_virtual_tables_are_left_out_of_a_printed_schema() {
    let project = Project::empty_in_memory();
    let file = Connection::open(project.database()).unwrap();
    file.execute_batch(
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT); INSERT INTO t(a) VALUES ('x');
         CREATE VIRTUAL TABLE search USING fts5(a, content=t, content_rowid=id);
         CREATE VIRTUAL TABLE boxes USING rtree(id, low, high); ANALYZE;",
    )
    .unwrap();
    let mut statement = file.prepare("SELECT sql FROM sqlite_schema WHERE sql > ''").unwrap();
    let texts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let printed: String = texts
        .map(|text| {
            let text = text.unwrap();
            let quoted = text.starts_with("CREATE TABLE '") || text.starts_with("CREATE TABLE \"");
            let text = match quoted {
                true => text.replacen("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1),
                false => text,
            };
            format!("{text};\n")
        })
        .collect();
    assert!(printed.contains("search_data") && printed.contains("boxes_node"), "{printed}");
    project.write("printed.sql", &printed);
    let database = project.database();
    let diff = ["diff", database.to_str().unwrap(), "printed.sql"];
    project.run_here(&diff).expect_code(0);
    project.write("wrong.sql", &format!("{printed}\nCREATE TABLE u(a;\n"));
    let said = project.run_here(&["diff", database.to_str().unwrap(), "wrong.sql"]).stderr;
    let line = printed.lines().count() + 2;
    assert!(said.contains(&format!("wrong.sql:{line}")), "{said}");
}
