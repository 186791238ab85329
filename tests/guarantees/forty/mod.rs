//! Forty migrations as real applications write them, on files with rows. Python's sqlite3 runs the same statements
//! on a copy: each ends with the same schema and rows, or is refused before the backup with the object named.

mod columns;
mod limits;
mod rebuilds;
mod refused;
mod rows;
mod searches;

use support::{Bench, Output, python};

/// A database, and one irreversible phase for each text.
fn bench(schema: &str, phases: &[&str]) -> Bench {
    let bench = Bench::new(schema);
    for (place, sql) in phases.iter().enumerate() {
        let base = if place == 0 { "parents = []\n" } else { "" };
        let text = format!(
            "{base}irreversible = \"by hand\"\n[[up]]\nop = \"sql\"\nsql = '''\n{sql}'''\n"
        );
        bench.phase(&format!("p{place}"), &text);
    }
    bench
}

fn upgrade(bench: &Bench) -> Output {
    bench.project().run(&["upgrade", "--json"])
}

/// Carries phases out and compares the file with what Python's sqlite3 makes of the copy from before.
#[track_caller]
fn carried_out(schema: &str, phases: &[&str]) -> serde_json::Value {
    let bench = bench(schema, phases);
    let done = upgrade(&bench).expect_code(0).json();
    let naive = bench.naive_copy();
    let script = serde_json::json!(phases.concat()).to_string();
    let run =
        format!("c = sqlite3.connect(path, isolation_level=None)\nc.executescript({script})\n");
    python(&naive.path, &run);
    assert_eq!(python(&bench.database(), LOOK), python(&naive.path, LOOK));
    assert_eq!(bench.project().backups().len(), 1);
    done
}

/// Expects a refusal before the backup that names the object; nothing in the folder is changed. What Python's
/// sqlite3 says of the same statements is returned: its error, or nothing if it runs them.
#[track_caller]
fn refused(schema: &str, phases: &[&str], names: &[&str]) -> String {
    let bench = bench(schema, phases);
    let before = bench.project().snapshot();
    let said = upgrade(&bench).expect_code(4);
    assert_eq!(before, bench.project().snapshot());
    let error = said.json()["error"].to_string();
    for name in names {
        assert!(error.contains(name), "{name}: {error}");
    }
    let script = serde_json::json!(phases.concat()).to_string();
    let run = format!(
        "c = sqlite3.connect(path, isolation_level=None)\ntry: c.executescript({script})\nexcept sqlite3.Error as e: print(e)\n"
    );
    python(&bench.naive_copy().path, &run)
}

/// Prints every object but the version tables, its text without spaces and quotes; every row of every table and view,
/// with the storage class of every value; the counters; and what SQLite finds wrong. Tables that belong to a
/// full-text table are told by what its own check says.
const LOOK: &str = r#"
c = sqlite3.connect(path, isolation_level=None)
texts = c.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2").fetchall()
searches = [name for _, name, _, sql in texts if sql.upper().startswith('CREATE VIRTUAL')]
c.text_factory = lambda text: 'text ' + repr(text)
for kind, name, table, sql in texts:
    if table in ('schema_version', 'phase_history') or any(name.startswith(it + '_') for it in searches): continue
    print(kind, name, table, sql.translate(str.maketrans('', '', ' \n\t"')))
    if kind in ('table', 'view'):
        for row in sorted(map(repr, c.execute('SELECT * FROM "%s"' % name.replace('"', '""')))): print(' ', row)
for name in searches:
    c.execute('BEGIN')
    c.execute('INSERT INTO "%s"("%s") VALUES (\'integrity-check\')' % (name, name))
    c.execute('ROLLBACK')
if any('AUTOINCREMENT' in sql.upper() for _, _, _, sql in texts):
    print(sorted(c.execute('SELECT * FROM sqlite_sequence').fetchall()))
print(sorted(map(repr, c.execute('PRAGMA foreign_key_check'))), c.execute('PRAGMA integrity_check').fetchall())
"#;
