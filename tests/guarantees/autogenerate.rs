//! `revision --autogenerate`: what a drafted phase makes of a file with rows is what `schema.sql` says, and nothing is
//! lost on the way. The judge is plain SQL.

mod pairs;

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::support::{Output, Project};
use pairs::{PAIRS, Pair};

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
