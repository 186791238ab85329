//! What is done with hostile input. It may be refused; it must not panic, hang, or bend a promise.
//!
//! The fuzzer and the short test of tests/records/hostile.rs share these functions.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use phaseshift::backup::{BackupEntry, leftovers, list, verify};
use phaseshift::database::{Access, Database, OpenOptions};
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;
use phaseshift::phase::{Applied, Chain, Target, ViewPolicy};
use phaseshift::schema::{self, Schema};
use phaseshift::shadow::Shadow;
use phaseshift::sql::{CreateTable, edit, mentions, object_head, tokens, unquote};
use rusqlite::Connection;
use rusqlite::limits::Limit;

/// What parts the texts of one input.
const MARK: &[u8] = b"\n%%\n";

/// How many of SQLite's instructions one statement of the input may take, in thousands.
const PATIENCE: u64 = 400;

fn parts(input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(place) = rest.windows(MARK.len()).position(|it| it == MARK) {
        parts.push(&rest[..place]);
        rest = &rest[place + MARK.len()..];
    }
    parts.push(rest);
    parts.truncate(4);
    parts
}

/// A folder of this process and thread, emptied.
fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let thread = format!("{:?}", std::thread::current().id());
    let name = format!("phaseshift-hostile-{}-{thread}", std::process::id());
    let folder = parent.join(name.replace(['(', ')'], ""));
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder in memory");
    folder
}

/// A folder of phase files: read, ordered, and asked for the way to its heads.
pub fn phase_file(input: &[u8]) {
    let folder = scratch();
    for (number, bytes) in parts(input).into_iter().enumerate() {
        std::fs::write(folder.join(format!("phase{number}.toml")), bytes).expect("room");
    }
    if let Ok(chain) = Chain::read(&RealFiles, &folder) {
        for target in ["heads", "base", "+1", "phase0"] {
            if let Ok(target) = Target::parse(target) {
                drop(chain.up_path(&Applied::nothing(), &target));
            }
        }
        // What was read once is read the same way again.
        let again = Chain::read(&RealFiles, &folder).expect("as before");
        assert_eq!(again.phases(), chain.phases());
    }
    drop(std::fs::remove_dir_all(&folder));
}

/// A database in memory with the schema that the text describes, as far as SQLite takes it.
fn described(text: &[u8]) -> Option<Connection> {
    let mut connection = Connection::open_in_memory().ok()?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).ok()?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1_000_000).ok()?;
    let left = Arc::new(AtomicU64::new(PATIENCE));
    let tired = move || left.fetch_sub(1, Ordering::Relaxed) <= 1;
    connection.progress_handler(1_000, Some(tired)).ok()?;
    let text = String::from_utf8_lossy(text);
    // A statement that fails does not keep the next from being tried.
    for statement in text.split(";;") {
        drop(connection.execute_batch(statement));
    }
    drop(connection.execute_batch("ROLLBACK"));
    connection.progress_handler(0, None::<fn() -> bool>).ok()?;
    Some(connection)
}

/// The text of statements, and the schema that they make.
pub fn schema(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    read_text(&text);
    let Some(connection) = described(input) else { return };
    let Ok(schema) = schema::read(&connection) else { return };
    for object in &schema.objects {
        if let Some(sql) = &object.sql {
            read_text(sql);
        }
    }
    if let Ok(shadow) = Shadow::of(&schema) {
        let again = shadow.schema().expect("a shadow can be read");
        assert_same_text(&schema, &again);
    }
}

fn read_text(text: &str) {
    let mut end = 0;
    for token in tokens(text) {
        let range = token.range();
        assert_eq!(range.start, end, "tokens follow each other: {text:?}");
        drop(unquote(token.text(text)));
        end = range.end;
    }
    assert_eq!(end, text.len(), "tokens cover the text: {text:?}");
    drop(object_head(text));
    mentions(text, &["sessions", "a"]);
    drop(edit::rename_object(text, "other"));
    drop(edit::without_view_columns(text));
    drop(edit::virtual_table_arguments(text));
    drop(edit::retarget_index(text, "other", "there"));
    let Ok(table) = CreateTable::read(text) else { return };
    drop(edit::add_column(text, "added INTEGER DEFAULT 1", None));
    drop(edit::add_constraint(text, "CHECK (1)"));
    for column in &table.columns {
        assert_eq!(&text[column.name.range.clone()].is_empty(), &false, "{text:?}");
        drop(edit::drop_column(text, &column.name.text));
        drop(edit::add_column(text, "added", Some(&column.name.text)));
    }
}

fn assert_same_text(one: &Schema, two: &Schema) {
    let texts = |schema: &Schema| {
        let text = |it: &schema::Object| (it.kind.word(), it.name.clone(), it.sql.clone());
        let mut texts: Vec<_> = schema.objects.iter().map(text).collect();
        texts.sort();
        texts
    };
    assert_eq!(texts(one), texts(two));
}

/// A schema, and a phase that is applied to its shadow.
pub fn change(input: &[u8]) {
    let parts = parts(input);
    let (Some(text), Some(phase)) = (parts.first(), parts.get(1)) else { return };
    let folder = scratch();
    std::fs::write(folder.join("phase.toml"), phase).expect("room");
    let chain = Chain::read(&RealFiles, &folder);
    drop(std::fs::remove_dir_all(&folder));
    let (Ok(chain), Some(connection)) = (chain, described(text)) else { return };
    let Ok(before) = schema::read(&connection) else { return };
    for phase in chain.phases() {
        let Ok(mut shadow) = Shadow::of(&before) else { return };
        for views in [ViewPolicy::Keep, ViewPolicy::Follow] {
            if shadow.apply(&phase.up, views).is_ok() {
                // Whatever a change leads to, SQLite takes it again.
                let after = shadow.schema().expect("a shadow can be read");
                drop(Shadow::of(&after));
            }
        }
    }
}

/// A backup with its manifest, both damaged in any way.
pub fn backup(input: &[u8]) {
    let parts = parts(input);
    let (Some(manifest), Some(bytes)) = (parts.first(), parts.get(1)) else { return };
    let folder = scratch();
    let path = folder.join("fits_pre_phase2_20240101_000000.db");
    std::fs::write(&path, bytes).expect("room");
    std::fs::write(folder.join("fits_pre_phase2_20240101_000000.db.json"), manifest).expect("room");
    for (suffix, bytes) in ["-wal", "-journal"].iter().zip(parts.iter().skip(2)) {
        std::fs::write(folder.join(format!("fits_pre_phase2_20240101_000000.db{suffix}")), bytes)
            .expect("room");
    }
    let options = OpenOptions {
        files: Arc::new(RealFiles),
        wait: Duration::ZERO,
        interrupt: Interrupt::default(),
    };
    drop(list(&RealFiles, &folder, &folder.join("fits.db")));
    drop(leftovers(&RealFiles, &folder, "fits"));
    if let Ok(entry) = BackupEntry::at(&RealFiles, &path)
        && let Ok(found) = verify(&entry, &options, &mut Silent)
    {
        // What is called whole can be read whole by anybody, without what lies beside it.
        let copy = folder.join("copy.db");
        std::fs::write(&copy, bytes).expect("room");
        let judge = Connection::open(&copy).expect("a database");
        let check: String =
            judge.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
        assert!(check == "ok" || !found.unchecked.is_empty(), "{check}");
    }
    // Looking leaves every byte as it is.
    if let Ok(database) = Database::open(&path, Access::ReadOnly, &options) {
        drop(schema::read(database.connection()));
    }
    assert!(std::fs::read(&path).expect("the file") == *bytes, "a look changed the file");
    drop(std::fs::remove_dir_all(&folder));
}

/// The pages of a database, read by the engine's own reader.
pub fn pages(input: &[u8]) {
    crate::bytes::exercise(input);
}
