//! A small database of one test, the phases that act on it, and what was before.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use phaseshift::database::OpenOptions;
use phaseshift::event::{Interrupt, Observer, Silent};
use phaseshift::files::{Files, RealFiles};
use phaseshift::history::VersionTables;
use phaseshift::migrate::{
    Migration, Preparation, Prepared, Project as Engine, Report, Request, migrate_now,
};
use phaseshift::phase::{Chain, Target};
use phaseshift::{DatabaseState, Error, ErrorKind};

use super::judge::{judge, python3};
use super::project::Project;

/// A database made by plain SQL, a copy of it from before, and its phases.
pub struct Bench {
    project: Project,
    before: PathBuf,
}

impl Bench {
    /// Makes a database by running SQL in the `sqlite3` program.
    #[track_caller]
    pub fn new(sql: &str) -> Self {
        let bench = Self::around(Project::empty_in_memory());
        script(&bench.database(), sql).expect("SQL that makes the database");
        bench.remember();
        bench
    }

    /// Makes a database by copying one; it lives in memory.
    pub fn copy_of(database: &Path) -> Self {
        let bench = Self::around(Project::empty_in_memory());
        std::fs::copy(database, bench.database()).expect("a copy");
        bench.remember();
        bench
    }

    /// Makes a database by a Python program, which finds the path in `path`.
    #[track_caller]
    pub fn from_python(program: &str) -> Self {
        let bench = Self::empty();
        python(&bench.database(), program);
        bench.remember();
        bench
    }

    /// Takes a project as it is.
    pub fn of(project: Project) -> Self {
        let before = project.aside("before.db");
        let bench = Self { project, before };
        bench.remember();
        bench
    }

    /// Makes a project without a database.
    pub fn empty() -> Self {
        Self::around(Project::empty())
    }

    fn around(project: Project) -> Self {
        let before = project.aside("before.db");
        Self { project, before }
    }

    /// Takes the database as it is now as the state before.
    pub fn remember(&self) {
        self.project.copy_database("before.db");
    }

    /// The folder with everything in it.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.project.database()
    }

    /// The copy from before.
    pub fn before(&self) -> &Path {
        &self.before
    }

    /// Writes a phase file.
    pub fn phase(&self, id: &str, text: &str) -> &Self {
        self.project.write_phase(&format!("{id}.toml"), text);
        self
    }

    /// Writes the one phase of the test.
    pub fn steps(&self, text: &str) -> &Self {
        self.phase("change", text)
    }

    /// The project as the engine sees it.
    pub fn engine(&self) -> Engine {
        self.engine_with(Arc::new(RealFiles), Interrupt::default())
    }

    /// The project on another file system.
    pub fn engine_with(&self, files: Arc<dyn Files>, interrupt: Interrupt) -> Engine {
        let options = OpenOptions { files, wait: Duration::from_millis(200), interrupt };
        let chain = Chain::read(&RealFiles, &self.project.phases()).expect("phases");
        let versions = VersionTables::named("schema_version");
        Engine::new(self.database(), None, chain, versions, options)
    }

    /// Looks, and expects a plan.
    #[track_caller]
    pub fn plan(&self) -> Box<Migration<Prepared>> {
        match self.look("head").map_err(|error| explain(&error)).expect("a plan") {
            Preparation::Ready(migration) => migration,
            Preparation::UpToDate(_) => panic!("there was nothing to do"),
        }
    }

    /// Looks at the way up to a target.
    pub fn look(&self, target: &str) -> phaseshift::Result<Preparation> {
        Migration::prepare(&self.engine(), &up_to(target))
    }

    /// Migrates to a target. `None` means that there was nothing to do.
    pub fn run(&self, request: &Request) -> phaseshift::Result<Option<Report>> {
        self.run_watched(request, &mut Silent)
    }

    /// As [`Bench::run`], with somebody who watches.
    pub fn run_watched(
        &self,
        request: &Request,
        observer: &mut dyn Observer,
    ) -> phaseshift::Result<Option<Report>> {
        let engine = self.engine();
        let look = Migration::prepare(&engine, request)?;
        Ok(migrate_now(&engine, request, look, observer)?.report())
    }

    /// Migrates to the head and expects that something was done.
    #[track_caller]
    pub fn up(&self) -> Report {
        let done = self.run(&up_to("head")).map_err(|error| explain(&error));
        done.expect("a migration").expect("something to do")
    }

    /// Takes every phase back.
    #[track_caller]
    pub fn down(&self) -> Report {
        let done = self.run(&down_to("base")).map_err(|error| explain(&error));
        done.expect("a downgrade").expect("something to undo")
    }

    /// Renames in a phase of its own, migrates, and has the judge compare with the state before.
    #[track_caller]
    pub fn renamed(&self, renaming: &Renaming) -> Report {
        self.steps(renaming.steps()).up_judged(&renaming.judged())
    }

    /// Migrates, and has the judge compare with the state before.
    #[track_caller]
    pub fn up_judged(&self, renames: &serde_json::Value) -> Report {
        let report = self.up();
        judge(&self.before, &self.database(), renames).expect("the judge agrees");
        report
    }

    /// Takes every phase back, and has the judge compare with the state before. Names that were
    /// changed and changed back may be quoted now.
    #[track_caller]
    pub fn down_judged(&self) {
        self.down();
        let equal = serde_json::json!({"text": "tokens"});
        judge(&self.before, &self.database(), &equal).expect("the judge agrees");
    }

    /// Expects that the run is refused before anything is written: no backup, no byte changed.
    #[track_caller]
    pub fn refused(&self, kind: ErrorKind, names: &str) -> Error {
        let before = self.project.file_bytes();
        let refused = self.run(&up_to("head"));
        assert_eq!(before, self.project.file_bytes(), "the file or its folder changed");
        let Err(error) = refused else { panic!("the run was not refused") };
        // On a file without a recorded phase, a step that does not fit is told as such.
        let not_adopted = kind == ErrorKind::Step && error.kind() == ErrorKind::NotAdopted;
        assert!(not_adopted || error.kind() == kind, "{:?}: {}", error.kind(), explain(&error));
        assert_eq!(error.state(), DatabaseState::Unchanged, "{}", explain(&error));
        assert!(explain(&error).contains(names), "{names} is not named in {}", explain(&error));
        error
    }

    /// Expects that the run fails and leaves every byte of the database as it was.
    #[track_caller]
    pub fn rolled_back(&self, kind: ErrorKind, names: &str) -> Error {
        let bytes = |it: &Self| std::fs::read(it.database()).expect("a database");
        let before = bytes(self);
        let failed = self.run(&up_to("head"));
        assert!(before == bytes(self), "the bytes of the file changed");
        let Err(error) = failed else { panic!("the run did not fail") };
        assert_eq!(error.kind(), kind, "{}", explain(&error));
        assert!(explain(&error).contains(names), "{names} is not named in {}", explain(&error));
        error
    }

    /// A copy of the state before, on which SQL was run the naive way in the `sqlite3` program.
    #[track_caller]
    pub fn naive(&self, sql: &str) -> Naive {
        let naive = self.naive_copy();
        script(&naive.path, sql).expect("the naive way runs");
        naive
    }

    /// As [`Bench::naive`], for a way that fails: returns what `sqlite3` says.
    #[track_caller]
    pub fn naive_fails(&self, sql: &str) -> String {
        script(&self.naive_copy().path, sql).expect_err("the naive way fails")
    }

    /// A copy of the state before.
    pub fn naive_copy(&self) -> Naive {
        // Beside the project, so that both are on one volume.
        let place = self.project.root().parent().expect("a folder");
        let folder = tempfile::tempdir_in(place).expect("a folder");
        let path = folder.path().join("naive.db");
        for end in ["", "-wal"] {
            let from = super::project::with_ending(&self.before, end);
            if from.exists() {
                std::fs::copy(from, super::project::with_ending(&path, end)).expect("a copy");
            }
        }
        Naive { path, _folder: folder }
    }

    /// Asks the `sqlite3` program about the database.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        super::judge::sqlite3(&self.database(), sql)
    }

    /// Asks the `sqlite3` program about the state before.
    #[track_caller]
    pub fn ask_before(&self, sql: &str) -> String {
        super::judge::sqlite3(&self.before, sql)
    }

    /// Asserts that a question has the same answer as before, and returns it.
    #[track_caller]
    pub fn same_answer(&self, sql: &str) -> String {
        let answer = self.ask(sql);
        assert_eq!(answer, self.ask_before(sql), "{sql}");
        answer
    }
}

/// A copy that a naive way was tried on.
pub struct Naive {
    /// The file.
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Naive {
    /// Asks the `sqlite3` program about the copy.
    #[track_caller]
    pub fn ask(&self, sql: &str) -> String {
        super::judge::sqlite3(&self.path, sql)
    }

    /// Runs SQL that must fail, and returns what `sqlite3` says.
    #[track_caller]
    pub fn fails(&self, sql: &str) -> String {
        script(&self.path, sql).expect_err("SQL that fails")
    }
}

/// A project as the engine sees it, at any place.
pub fn engine_at(database: &Path, phases: &Path) -> Engine {
    let wait = Duration::from_secs(5);
    let options = OpenOptions { files: Arc::new(RealFiles), wait, interrupt: Interrupt::default() };
    let chain = Chain::read(&RealFiles, phases).expect("phases");
    let versions = VersionTables::named("schema_version");
    Engine::new(database.to_path_buf(), None, chain, versions, options)
}

/// The request to apply up to a target.
pub fn up_to(target: &str) -> Request {
    Request::up(Target::parse(target).expect("a target"))
}

/// The request to undo down to a target.
pub fn down_to(target: &str) -> Request {
    Request::down(Target::parse(target).expect("a target"))
}

/// Everything that an error says.
pub fn explain(error: &Error) -> String {
    let facts = error.facts();
    format!("{error}: {:?} {:?} {:?}", error.causes(), facts.problems, facts.object)
}

/// Runs a script in the `sqlite3` program, which stops at the first error.
pub fn script(database: &Path, sql: &str) -> Result<String, String> {
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-bail", "-init", "/dev/null"]).arg(database);
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().expect("the sqlite3 program");
    let written = child.stdin.take().expect("stdin").write_all(sql.as_bytes());
    let output = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && written.is_ok() { Ok(said) } else { Err(complaints) }
}

/// Runs a Python program beside the database, whose path it finds in `path`, and returns what it prints.
#[track_caller]
pub fn python(database: &Path, program: &str) -> String {
    let head = "import sqlite3, sys\npath = sys.argv[1]\n";
    let mut command = python3();
    command.arg("-c").arg(format!("{head}{program}")).arg(database);
    // A program under test may attach a file: it must not be one of this repository.
    command.current_dir(database.parent().expect("a database in a folder"));
    let output = command.output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Renames: the steps of a phase, and the document that tells the judge what to expect.
///
/// Names are quoted in the judge's statements, as they come out of the engine's.
#[derive(Debug, Clone, Default)]
pub struct Renaming {
    steps: String,
    tables: serde_json::Map<String, serde_json::Value>,
    columns: serde_json::Map<String, serde_json::Value>,
    alter: Vec<String>,
}

impl Renaming {
    /// Begins with the rename of a table.
    pub fn of_table(from: &str, to: &str) -> Self {
        Self::default().table(from, to)
    }

    /// Begins with the rename of a column.
    pub fn of_column(table: &str, from: &str, to: &str) -> Self {
        Self::default().column(table, from, to)
    }

    /// Adds the rename of a table.
    #[must_use]
    pub fn table(mut self, from: &str, to: &str) -> Self {
        self.steps.push_str(&format!(
            "[[up]]\nop = \"rename_table\"\nfrom = {}\nto = {}\n",
            toml(from),
            toml(to)
        ));
        self.alter.push(format!("ALTER TABLE {} RENAME TO {}", quoted(from), quoted(to)));
        self.tables.insert(from.to_owned(), to.into());
        self
    }

    /// Adds the rename of a column; the table goes by the name that it has at the end.
    #[must_use]
    pub fn column(mut self, table: &str, from: &str, to: &str) -> Self {
        self.steps.push_str(&format!(
            "[[up]]\nop = \"rename_column\"\ntable = {}\nfrom = {}\nto = {}\n",
            toml(table),
            toml(from),
            toml(to)
        ));
        self.alter.push(format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {}",
            quoted(table),
            quoted(from),
            quoted(to)
        ));
        let columns = self.columns.entry(table).or_insert_with(|| serde_json::json!({}));
        columns[from] = to.into();
        self
    }

    /// The steps, for a phase file.
    pub fn steps(&self) -> &str {
        &self.steps
    }

    /// What the judge expects.
    pub fn judged(&self) -> serde_json::Value {
        serde_json::json!({"tables": self.tables, "columns": self.columns, "alter": self.alter})
    }
}

impl Renaming {
    /// What the judge expects where SQLite has rewritten texts there and back.
    pub fn judged_back(&self) -> serde_json::Value {
        let mut alter = self.alter.clone();
        for (table, columns) in self.columns.iter().rev() {
            for (from, to) in columns.as_object().into_iter().flatten() {
                let (from, to) = (quoted(from), quoted(to.as_str().unwrap_or_default()));
                alter.push(format!("ALTER TABLE {} RENAME COLUMN {to} TO {from}", quoted(table)));
            }
        }
        for (from, to) in &self.tables {
            let to = quoted(to.as_str().unwrap_or_default());
            alter.push(format!("ALTER TABLE {to} RENAME TO {}", quoted(from)));
        }
        serde_json::json!({"alter": alter, "text": "tokens"})
    }
}

/// Writes text as a TOML string.
pub fn toml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Quotes a name for SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
