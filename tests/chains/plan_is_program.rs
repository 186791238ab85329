//! The plan is what runs: in every step SQLite runs the statements of the plan's actions, in that order and no others,
//! and the script prints them. Where a run has a way that plain SQL has not, the strategy is named, and what the run
//! leaves is what the script leaves in the `sqlite3` program.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::{Command, Stdio};

use phaseshift::migrate::{Hooks, Migration, Preparation, Project, Request, script};
use phaseshift::name::quote;
use phaseshift::phase::Target;
use phaseshift::plan::{Action, CopyStrategy, Plan, PlannedStep, Rebuild, RowSource};
use phaseshift::sample::phase_files;
use phaseshift::shadow::CopyMethod;
use rusqlite::Connection;
use support::sample::{SampleOptions, write_catalogue};
use support::{SMALL, load_rows};

use super::fill::fill;
use super::gene_catalogue::WITHOUT_DUPLICATES;
use super::rig::{Rig, explain, rows, texts};

use super::trace::{Seen, Steps, listen, take};

/// The strategies that a run met: the tables by the strategy's name.
type Strategies = BTreeMap<&'static str, BTreeSet<String>>;

/// What SQLite ran in one step, and what of it was accounted for.
struct Step<'s> {
    title: &'s str,
    all: Vec<String>,
    writes: VecDeque<String>,
}

impl Step<'_> {
    #[track_caller]
    fn next(&mut self, wanted: &str) {
        let found = self.writes.pop_front().unwrap_or_default();
        assert_eq!(found, wanted, "{}: then {:?}", self.title, self.writes);
    }

    #[track_caller]
    fn next_of(&mut self, count: usize, start: &str) {
        for _ in 0..count {
            let found = self.writes.pop_front().unwrap_or_default();
            assert!(found.starts_with(start), "{}: {found:?} is not {start:?}", self.title);
        }
    }
}

/// Tells whether a statement changes something, and does so for the engine: a module of virtual tables quotes the
/// name of the schema like a string, and a trigger begins with a comment.
fn writes(statement: &str) -> bool {
    const READS: [&str; 8] =
        ["SELECT", "PRAGMA", "EXPLAIN", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "--"];
    let text = statement.trim_start();
    !READS.iter().any(|it| text.starts_with(it)) && !text.contains(" 'main'.'")
}

/// Walks the actions of a step along the statements that SQLite ran.
fn walk(planned: &PlannedStep, step: &mut Step<'_>, strategies: &mut Strategies) {
    let mut note = |strategy: &'static str, name: &str| {
        strategies.entry(strategy).or_default().insert(name.to_owned());
    };
    for action in &planned.actions {
        match action {
            Action::DropObject(_)
            | Action::StepAside { .. }
            | Action::CreateTable(_)
            | Action::DropTable { .. }
            | Action::CarrySequence { .. }
            | Action::CarryStatistics(_)
            | Action::Analyze { .. }
            | Action::EarlyVirtual(_)
            | Action::LateVirtual(_)
            | Action::CreateObject(_) => action.sql().iter().for_each(|sql| step.next(sql)),
            Action::RunSql(data) => statements(&data.sql, step),
            Action::Record => {
                let tables = ["schema_version", "phase_history"];
                let writes = std::mem::take(&mut step.writes);
                assert!(writes.iter().all(|it| tables.iter().any(|name| it.contains(name))));
                assert!(writes.iter().any(|it| it.contains("phase_history")), "{writes:?}");
            }
            Action::DetachIndexes(indexes) => {
                step.next_of(indexes.len(), "DELETE FROM main.sqlite_schema WHERE type = 'index'");
            }
            Action::RenameIndexes(indexes) => {
                step.next_of(indexes.len(), "UPDATE main.sqlite_schema SET name");
                indexes.iter().for_each(|it| note("index renamed", &it.from));
            }
            Action::AttachIndexes(indexes) => {
                step.next_of(indexes.len(), "INSERT INTO main.sqlite_schema");
                indexes.iter().for_each(|(_, it)| note("b-tree kept", &it.name));
            }
            Action::DropFirst { table } => {
                step.next(&format!("DROP TABLE main.{}", quote(table)));
            }
            Action::EditSchema(tables) => {
                while step.writes.front().is_some_and(|it| it.contains("main.sqlite_schema")) {
                    step.next_of(1, "UPDATE main.sqlite_schema SET name");
                }
                tables.iter().for_each(|it| note("in place", &it.to));
            }
            Action::CopyRows(rebuild) => note(copy(rebuild, step), &rebuild.to),
            Action::KeepIndex(_) | Action::AlreadyGone { .. } => {}
        }
    }
    assert!(step.writes.is_empty(), "{}: not in the plan: {:?}", step.title, step.writes);
}

/// Expects all statements of a data step, and lets them change what they like.
fn statements(sql: &str, step: &mut Step<'_>) {
    let mut rest = sql;
    for statement in &step.all {
        if let Some((_, after)) = rest.split_once(statement.trim()) {
            rest = after;
        }
    }
    assert_eq!(without_comments(rest), "", "{}: {:?}", step.title, step.all);
    step.writes.clear();
}

/// Expects a copy, and names its strategy.
fn copy(rebuild: &Rebuild, step: &mut Step<'_>) -> &'static str {
    let CopyStrategy::CopyRows { from, how, carried, .. } = &rebuild.strategy else {
        panic!("{} is copied and stays in place", rebuild.to)
    };
    carried.iter().for_each(|it| step.next(it.sql.as_deref().unwrap()));
    let source = match from {
        RowSource::OldTable => format!("main.{}", quote(&rebuild.scratch)),
        RowSource::Backup => format!("phaseshift_backup.{}", quote(&rebuild.from)),
    };
    let records = format!("INSERT INTO main.{} SELECT * FROM {source}", quote(&rebuild.to));
    match how {
        CopyMethod::Rows => step.next(&rebuild.copy.row_sql(&source, &rebuild.to)),
        CopyMethod::Records => step.next(&records),
        CopyMethod::RecordsWithGuard => {
            step.next_of(2, "CREATE INDEX main.");
            step.next(&records);
            step.next_of(2, "DROP INDEX main.");
        }
    }
    match (how, from) {
        (CopyMethod::Rows, RowSource::OldTable) => "rows of the old table rewritten",
        (CopyMethod::Rows, RowSource::Backup) => "rows of the backup rewritten",
        (CopyMethod::Records, RowSource::OldTable) => "records of the old table",
        (CopyMethod::Records, RowSource::Backup) => "records of the backup",
        (CopyMethod::RecordsWithGuard, _) => "records between guards",
    }
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|it| it.split("--").next().unwrap_or_default());
    lines.collect::<String>().replace([';', ' ', '\t'], "")
}

/// Compares a run with its plan.
fn compare(plan: &Plan, seen: Vec<Seen>, strategies: &mut Strategies) {
    let planned = plan.steps();
    let mut steps: Vec<Vec<String>> = Vec::new();
    let mut titles = Vec::new();
    for it in seen {
        match (it, steps.last_mut()) {
            (Seen::Step(title), _) => {
                titles.push(title);
                steps.push(Vec::new());
            }
            (Seen::Statement(text), Some(step)) => step.push(text),
            (Seen::Statement(_), None) => {}
        }
    }
    assert_eq!(titles, planned.iter().map(|it| it.title.clone()).collect::<Vec<_>>());
    // What comes after the last action of a phase, the proof above all, is no action: it writes only the time.
    let late = |text: &String| text.starts_with("UPDATE main.phase_history SET rows_proven");
    for (planned, all) in planned.iter().zip(steps) {
        let writes = all.iter().filter(|it| writes(it) && !late(it)).cloned().collect();
        let mut step = Step { title: &planned.title, all, writes };
        walk(planned, &mut step, strategies);
    }
}

/// Every statement of every action stands in the script, in the order of the plan.
fn printed(plan: &Plan, script: &str) {
    let mut rest = script;
    for step in plan.steps() {
        for statement in step.actions.iter().flat_map(Action::sql) {
            let found = rest.split_once(statement.as_str());
            let (_, after) = found.unwrap_or_else(|| panic!("{}: {statement}", step.title));
            rest = after;
        }
    }
}

/// Runs a script in the `sqlite3` program.
fn sqlite3(database: &Path, script: &str) {
    let text = database.with_extension("sql");
    std::fs::write(&text, script).unwrap();
    let mut command = Command::new("sqlite3");
    command.args(["-batch", "-bail", "-init", "/dev/null"]).arg(database);
    let input = std::fs::File::open(&text).unwrap();
    let output = command.stdin(input).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// Runs a request, and compares the plan with the run and with the script.
fn check(project: &Project, request: &Request, strategies: &mut Strategies) {
    let file = project.database.canonicalize().unwrap();
    let copy = file.with_extension("copy.db");
    std::fs::copy(&file, &copy).unwrap();
    let found = Migration::prepare(project, request).map_err(explain).unwrap();
    let Preparation::Ready(migration) = found else { panic!("nothing to do") };
    let (plan, script) = (migration.plan().clone(), script(&migration).map_err(explain).unwrap());
    let mut steps = Steps(file.to_str().unwrap().to_owned());
    let secured = migration.secure(&mut steps).map_err(explain).unwrap();
    take(&file);
    secured.run(&mut steps, &mut Hooks::default()).map_err(explain).unwrap();
    compare(&plan, take(&file), strategies);
    printed(&plan, &script);
    sqlite3(&copy, &script);
    let (ran, read) = (Connection::open(&file).unwrap(), Connection::open(&copy).unwrap());
    assert_eq!(texts(&ran), texts(&read));
    assert_eq!(rows(&ran), rows(&read));
    for path in [copy.clone(), copy.with_extension("sql")] {
        std::fs::remove_file(path).unwrap();
    }
}

/// Compares the way from a file to the heads, and back.
fn there_and_back(project: &Project, bottom: &str, strategies: &mut Strategies) {
    check(project, &Request::up(Target::parse("heads").unwrap()), strategies);
    let down = Request::down(Target::parse(bottom).unwrap()).accepting_loss();
    check(project, &down, strategies);
}

#[test]
fn every_statement_of_a_run_is_an_action_of_its_plan_and_every_action_is_printed() {
    listen();
    let mut strategies = Strategies::new();
    let rig = Rig::new("fits_catalog/phases");
    there_and_back(&rig.project(), "base", &mut strategies);
    let rig = Rig::new("observatory/phases");
    rig.up("f067834e5435");
    load_rows(&rig.connection(), "observatory", SMALL);
    there_and_back(&rig.project(), "base", &mut strategies);
    let rig = Rig::new("gene_catalogue/phases");
    rig.up("001_initial_complete");
    load_rows(&rig.connection(), "gene_catalogue", SMALL);
    rig.execute(WITHOUT_DUPLICATES);
    there_and_back(&rig.project(), "base", &mut strategies);
    for fixture in ["charts/phases", "photo_map/phases"] {
        let rig = Rig::new(fixture);
        let ids: Vec<String> = rig.chain().phases().iter().map(|it| it.id.to_string()).collect();
        for id in &ids[..ids.len() / 4] {
            rig.up(id);
            fill(&rig.connection(), 12);
        }
        there_and_back(&rig.project(), "base", &mut strategies);
    }
    let rig = Rig::empty();
    phase_files().iter().for_each(|(name, text)| rig.write(name, text));
    let options = SampleOptions { files: 60, ..SampleOptions::default() };
    std::fs::remove_file(rig.database()).unwrap();
    write_catalogue(&rig.database(), &options).unwrap();
    let base = rig.aside("base.db");
    std::fs::copy(rig.database(), &base).unwrap();
    there_and_back(&rig.project(), "phase2", &mut strategies);
    std::fs::copy(&base, rig.database()).unwrap();
    there_and_back(&rig.project().in_place(), "phase2", &mut strategies);
    for (strategy, tables) in &strategies {
        println!("{strategy}: {} tables or indexes", tables.len());
    }
    // The fixtures have tables and indexes for each of them.
    let named = |strategy: &str, table: &str| {
        assert!(strategies[strategy].contains(table), "{strategy}: {:?}", strategies[strategy]);
    };
    named("in place", "imaging_sessions");
    named("records of the backup", "imaging_sessions");
}
