//! Sound input of every kind, for the short form and for the fuzzer to begin with.
#![expect(clippy::disallowed_methods, reason = "seeds are files outside the engine")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phaseshift::backup::{BackupLabel, BackupRequest, create};
use phaseshift::database::{Access, Database, OpenOptions};
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;

const MARK: &str = "\n%%\n";

const STEPS: &str = r#"
id = "second"
version = 2
description = "Everything"
parents = []
views = "follow"
[[require]]
name = "few"
sql = "SELECT count(*) FROM a"
expect = 0
[[up]]
op = "rename_table"
from = "a"
to = "b"
[[up]]
op = "rename_column"
table = "b"
from = "x"
to = "y"
[[up]]
op = "add_column"
table = "b"
column = "note TEXT DEFAULT ''"
after = "y"
[[up]]
op = "alter_column"
table = "b"
column = "y"
type = "INTEGER"
not_null = true
default = "none"
[[up]]
op = "drop_column"
table = "b"
column = "gone"
[[up]]
op = "add_constraint"
table = "b"
sql = "CONSTRAINT c CHECK (y > 0)"
[[up]]
op = "rebuild"
table = "c"
sql = "CREATE TABLE c(id INTEGER PRIMARY KEY, b_id REFERENCES b(id), z)"
values = { z = "1 + 1" }
[[up]]
op = "replace_view"
sql = "CREATE VIEW v AS SELECT y FROM b"
[[verify]]
name = "none"
sql = "SELECT 1 WHERE 0"
expect = "no rows"
[[down]]
op = "drop_table"
table = "b"
if_exists = true
"#;

const SCHEMA: &str = "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT NOT NULL \
DEFAULT ('a' || 1) COLLATE NOCASE /* what */, gone, \"odd \"\" name\" [type] CHECK (x <> ''), \
total REAL GENERATED ALWAYS AS (x * 2) STORED, UNIQUE (x, gone) ON CONFLICT IGNORE);;
CREATE TABLE c(id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES a(id) ON DELETE CASCADE -- why
);;
CREATE TABLE w(k TEXT PRIMARY KEY, v ANY) STRICT, WITHOUT ROWID;;
CREATE UNIQUE INDEX i ON a(x DESC, lower(gone)) WHERE x IS NOT NULL;;
CREATE VIEW v(one, two) AS WITH q AS (SELECT x, gone FROM a) SELECT * FROM q;;
CREATE TRIGGER t AFTER UPDATE OF x ON a WHEN new.x <> 'it''s' BEGIN \
INSERT INTO c(b_id) VALUES (new.id); DELETE FROM w WHERE k = old.x; END;;
CREATE VIRTUAL TABLE f USING fts5(x, content='a', content_rowid='id');;
ANALYZE;;";

pub fn phase_file() -> Vec<Vec<u8>> {
    let sound = phaseshift::sample::phase_files();
    let mut seeds: Vec<Vec<u8>> = sound.iter().map(|(_, text)| text.as_bytes().to_vec()).collect();
    seeds.push(seeds.join(MARK.as_bytes()));
    seeds.push(STEPS.into());
    let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/broken/phases");
    let mut paths: Vec<_> =
        std::fs::read_dir(broken).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    seeds.extend(paths.iter().filter(|it| it.is_file()).map(|it| std::fs::read(it).unwrap()));
    seeds
}

pub fn schema() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = vec![SCHEMA.into()];
    seeds.extend(SCHEMA.split(";;").map(Into::into));
    seeds.push(
        "CREATE TABLE \"a\"\"b\" (\u{e9}\u{df} INT, [sp ace] , `q` AS (1));;
         PRAGMA writable_schema=ON;;UPDATE sqlite_schema SET sql = 'CREATE TABLE a(b'"
            .into(),
    );
    seeds
}

pub fn change() -> Vec<Vec<u8>> {
    let operations: Vec<&str> = STEPS.split("[[up]]").collect();
    let one = |step: &str| format!("{SCHEMA}{MARK}parents = []\n[[up]]{step}").into_bytes();
    let mut seeds = vec![format!("{SCHEMA}{MARK}{STEPS}").into_bytes()];
    seeds.extend(operations[1..operations.len() - 1].iter().map(|step| one(step)));
    let others = [
        "\nop = \"rename_table\"\nfrom = \"a\"\nto = \"A\"\n",
        "\nop = \"rename_column\"\ntable = \"a\"\nfrom = \"x\"\nto = \"odd '\\\" name\"\n",
        "\nop = \"drop_constraint\"\ntable = \"a\"\nsql = \"UNIQUE (x, gone)\"\n",
        "\nop = \"drop_table\"\ntable = \"a\"\n",
        "\nop = \"rename_index\"\nfrom = \"i\"\nto = \"j\"\n",
        "\nop = \"replace_trigger\"\nsql = \"CREATE TRIGGER t AFTER DELETE ON a BEGIN SELECT 1; END\"\n",
        "\nop = \"create_index\"\nsql = \"CREATE INDEX IF NOT EXISTS n ON c(b_id)\"\n",
    ];
    seeds.extend(others.map(one));
    seeds
}

/// The bytes of whole databases.
pub fn pages() -> Vec<Vec<u8>> {
    let mark = MARK.as_bytes();
    let whole = |seed: Vec<u8>| {
        let place = seed.windows(mark.len()).position(|it| it == mark).unwrap();
        seed[place + mark.len()..].to_vec()
    };
    backup().into_iter().take(1).map(whole).collect()
}

pub fn backup() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("fits.db");
    let connection = rusqlite::Connection::open_with_flags(
        &database,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_CREATE,
    )
    .unwrap();
    connection
        .execute_batch(
            "PRAGMA page_size=512; CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT);
             CREATE INDEX i ON a(x); INSERT INTO a(x) VALUES ('one'), ('two'), (hex(zeroblob(700)));
             CREATE TABLE w(k PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES (1.5), (x'00ff');",
        )
        .unwrap();
    connection.close().unwrap();
    let options = OpenOptions {
        files: Arc::new(RealFiles),
        wait: Duration::ZERO,
        interrupt: Interrupt::default(),
    };
    let source = Database::open(&database, Access::ReadOnly, &options).unwrap();
    let backups = folder.path().join("backups");
    let label = BackupLabel::Before("phase2".into());
    let request = BackupRequest { folder: &backups, label, phase: None, version: None };
    let made = create(&source, &request, &mut Silent).unwrap().into_entry().unwrap();
    let bytes = std::fs::read(&made.path).unwrap();
    let manifest = std::fs::read(with_ending(&made.path, ".json")).unwrap();
    let mark = MARK.as_bytes();
    vec![
        [&manifest, mark, &bytes].concat(),
        [b"", mark, &bytes].concat(),
        [&manifest, mark, &bytes, mark, b"frames", mark, &[0xD9, 0xD5, 5, 0xF9][..]].concat(),
    ]
}

fn with_ending(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Not a test: `scripts/fuzz` calls it for the fuzzer's first inputs.
#[test]
#[ignore = "writes target/fuzz/seeds"]
fn write() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz/seeds");
    let kinds = [
        ("phase_file", phase_file()),
        ("schema", schema()),
        ("change", change()),
        ("backup", backup()),
        ("pages", pages()),
    ];
    for (kind, seeds) in kinds {
        std::fs::create_dir_all(root.join(kind)).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(root.join(kind).join(number.to_string()), seed).unwrap();
        }
    }
}
