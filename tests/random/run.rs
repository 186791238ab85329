//! Makes the file of a case, runs the engine on it, and looks at what is left.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phaseshift::database::OpenOptions;
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, Preparation, Project, Request, migrate_now};
use phaseshift::phase::{Chain, Target};
use phaseshift::{DatabaseState, Error, ErrorKind};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;

use super::case::Case;
use support::{Snapshot, snapshot_database};

/// What became of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The generator made something that SQLite refuses.
    Unmade(String),
    /// The engine refused before it wrote.
    Refused(String),
    /// The engine rolled back.
    RolledBack(String),
    /// The migration is done; the judge decides.
    Done,
    /// Something that must never happen.
    Wrong(String),
}

/// The folder of a case.
#[derive(Debug)]
pub struct Place {
    pub folder: PathBuf,
}

impl Place {
    pub fn database(&self) -> PathBuf {
        self.folder.join("project/data.db")
    }

    pub fn back(&self) -> PathBuf {
        self.folder.join("back/data.db")
    }

    pub fn before(&self) -> PathBuf {
        self.folder.join("before.db")
    }
}

thread_local! {
    /// What a panic of the engine said; `None` while the engine does not run.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what a panic in the engine says for the report of its case; others are printed as usual.
pub fn hold_back_panics_of_the_engine() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let held = SAID.with_borrow_mut(|said| {
            let text = said.as_mut()?;
            text.push_str(&info.to_string());
            Some(())
        });
        if held.is_none() {
            usual(info);
        }
    }));
}

/// Runs the engine; the error is what its panic said.
fn without_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    SAID.set(Some(String::new()));
    let result = catch_unwind(AssertUnwindSafe(run));
    let said = SAID.take().unwrap_or_default();
    result.map_err(|_| said.replace('\n', " "))
}

/// Runs a case in an empty folder.
pub fn run(case: &Case, place: &Place) -> Outcome {
    let phases = place.folder.join("phases");
    for folder in [&phases, &place.folder.join("project")] {
        std::fs::create_dir_all(folder).unwrap();
    }
    if let Err(error) = build(case, &place.database()) {
        return Outcome::Unmade(error);
    }
    for end in ["", "-wal"] {
        let with_end = |path: PathBuf| PathBuf::from(format!("{}{end}", path.display()));
        let from = with_end(place.database());
        if from.exists() {
            std::fs::copy(from, with_end(place.before())).unwrap();
        }
    }
    for (number, text) in case.phases().into_iter().enumerate() {
        std::fs::write(phases.join(format!("change{number}.toml")), text).unwrap();
    }
    let before = content(&snapshot_database(&place.database()));
    match without_panic(|| migrate(&place.database(), &phases)) {
        Err(said) => Outcome::Wrong(format!("panic: {said}")),
        Ok(Ok(true)) => Outcome::Done,
        Ok(Ok(false)) => Outcome::Wrong("nothing to do".to_owned()),
        Ok(Err(error)) => judge_error(&error, place, &before),
    }
}

fn build(case: &Case, path: &Path) -> Result<(), String> {
    let connection = Connection::open(path).map_err(|it| it.to_string())?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true).unwrap();
    let must =
        |sql: &String| connection.execute_batch(sql).map_err(|error| format!("{error}: {sql}"));
    connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
    lend_parts(&connection).unwrap();
    case.content.properties.iter().try_for_each(must)?;
    if case.content.wal {
        connection.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    }
    connection.execute_batch("BEGIN").unwrap();
    case.creations().iter().try_for_each(must)?;
    connection.execute_batch("COMMIT").unwrap();
    case.foreign().iter().filter(|it| it.contains("INSERT")).try_for_each(must)?;
    for row in &case.content.rows {
        // A table whose rowids are used up ends the transaction.
        if connection.is_autocommit() {
            connection.execute_batch("BEGIN").unwrap();
        }
        let sql = row.sql.replacen("INSERT INTO", "INSERT OR ABORT INTO", 1);
        // Rows that break a rule of their table are left out.
        drop(connection.execute_batch(&sql));
    }
    if connection.is_autocommit() {
        connection.execute_batch("BEGIN").unwrap();
    }
    case.triggers().iter().try_for_each(must)?;
    for statement in &case.content.epilogue {
        drop(connection.execute_batch(statement));
    }
    connection.execute_batch("COMMIT").map_err(|error| error.to_string())?;
    note_what_is_broken(case, &connection);
    refuse_damage(&connection)?;
    case.foreign().iter().filter(|it| it.contains("UPDATE")).try_for_each(must)?;
    connection.close().map_err(|(_, error)| error.to_string())
}

/// Fails if SQLite itself calls the file damaged: a NULL planted in a NOT NULL column makes it delete the entry of
/// another row from a UNIQUE index, and judge the condition of a partial index in two ways. A damaged file is
/// refused, rightly, and says nothing about phases.
fn refuse_damage(connection: &Connection) -> Result<(), String> {
    let damage =
        [" missing from index ", "wrong # of entries in index ", "non-unique entry in index "];
    // Not as a table-valued function, whose argument is the name of a table.
    let mut check =
        connection.prepare("PRAGMA integrity_check(100000)").map_err(|error| error.to_string())?;
    let mut lines = check.query([]).map_err(|error| error.to_string())?;
    // A check that breaks off is the judge's matter.
    while let Ok(Some(row)) = lines.next() {
        let line = row.get_ref(0).ok().and_then(|it| it.as_bytes().ok()).unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        if damage.iter().any(|it| line.contains(it)) {
            return Err(format!("the file is damaged: {line}"));
        }
    }
    Ok(())
}

/// Notes which rules rows break already.
fn note_what_is_broken(case: &Case, connection: &Connection) {
    let some = |sql: &str| {
        let found = connection.prepare(sql).and_then(|mut it| it.exists([]));
        found.unwrap_or(false)
    };
    connection.execute_batch("PRAGMA ignore_check_constraints = OFF").unwrap();
    let check = "SELECT 1 FROM pragma_integrity_check WHERE integrity_check LIKE ";
    for (sql, what) in [
        ("PRAGMA foreign_key_check".to_owned(), "rows without a parent before"),
        (format!("{check} 'NULL value in %'"), "NULL in spite of NOT NULL before"),
        (format!("{check} 'CHECK constraint failed in %'"), "a broken CHECK before"),
    ] {
        if some(&sql) {
            case.found.borrow_mut().insert(what);
        }
    }
}

/// What the file's own program has and the engine lacks; the judge has it, too.
pub fn lend_parts(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("app_fn", 1, flags, |it| it.get::<Value>(0))?;
    connection.create_collation("app_order", |left: &str, right: &str| left.cmp(right))
}

/// Takes the phases back on a copy of the outcome; `None` if the engine says that it cannot.
pub fn run_back(place: &Place) -> Option<Result<(), String>> {
    std::fs::create_dir_all(place.folder.join("back")).unwrap();
    for end in ["", "-wal"] {
        let from = format!("{}{end}", place.database().display());
        if Path::new(&from).exists() {
            std::fs::copy(&from, format!("{}{end}", place.back().display())).unwrap();
        }
    }
    let back = || -> Result<(), Error> {
        let project = project(&place.back(), &place.folder.join("phases"))?;
        let request = Request::down(Target::parse("base")?);
        let look = Migration::prepare(&project, &request)?;
        migrate_now(&project, &request, look, &mut Silent).map(|_| ())
    };
    match without_panic(back) {
        Err(said) => Some(Err(format!("panic on the downgrade: {said}"))),
        Ok(Ok(())) => Some(Ok(())),
        Ok(Err(error)) => match error.state() {
            DatabaseState::Unchanged => None,
            _ => Some(Err(format!("the downgrade: {}", describe(&error)))),
        },
    }
}

fn project(database: &Path, phases: &Path) -> Result<Project, Error> {
    let options = OpenOptions {
        files: Arc::new(RealFiles),
        wait: Duration::from_millis(200),
        interrupt: Interrupt::default(),
    };
    let chain = Chain::read(&RealFiles, phases)?;
    let versions = VersionTables::named("schema_version");
    Ok(Project::new(database.to_path_buf(), None, chain, versions, options))
}

fn migrate(database: &Path, phases: &Path) -> Result<bool, Error> {
    let project = project(database, phases)?;
    let request = Request::up(Target::parse("head")?);
    let look = Migration::prepare(&project, &request)?;
    if matches!(look, Preparation::UpToDate(_)) {
        return Ok(false);
    }
    Ok(migrate_now(&project, &request, look, &mut Silent)?.report().is_some())
}

/// An error says what it left behind; that must be true.
fn judge_error(error: &Error, place: &Place, before: &Snapshot) -> Outcome {
    let shown = describe(error);
    match error.state() {
        DatabaseState::Unchanged => {
            let after = content(&snapshot_database(&place.database()));
            if after != *before {
                return Outcome::Wrong(format!("refused, but the file changed: {shown}"));
            }
            if place.folder.join("project/backups").exists() {
                return Outcome::Wrong(format!("refused, but there is a backup: {shown}"));
            }
            let sensible = matches!(
                error.kind(),
                ErrorKind::Step
                    | ErrorKind::PhaseFile
                    | ErrorKind::Rows
                    | ErrorKind::Unsupported
                    | ErrorKind::MissingExtension
                    | ErrorKind::NotAdopted
                    | ErrorKind::Reference
            );
            // What is wrong is named as the object, in the list of what was found, or in SQLite's words.
            let facts = error.facts();
            let names = facts.object.is_some() || !facts.problems.is_empty();
            match (sensible, names || !error.causes().is_empty()) {
                (true, true) => Outcome::Refused(shown),
                (true, false) => Outcome::Wrong(format!("no object is named: {shown}")),
                (false, _) => Outcome::Wrong(shown),
            }
        }
        DatabaseState::RolledBack => Outcome::RolledBack(shown),
        DatabaseState::Done | DatabaseState::Unknown | DatabaseState::ChangedByCommand => {
            Outcome::Wrong(shown)
        }
    }
}

/// Only the database and its WAL count; -shm files and empty WALs come and go with readers.
fn content(snapshot: &Snapshot) -> Snapshot {
    snapshot.without(&|name, bytes| bytes.is_none_or(<[u8]>::is_empty) || name.ends_with("-shm"))
}

fn describe(error: &Error) -> String {
    let causes = error.causes().join(" < ");
    let problems = error.facts().problems.join(" ; ");
    format!("{}: {error} [{causes}] {{{problems}}}", error.kind().code())
}
