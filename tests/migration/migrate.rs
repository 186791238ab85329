//! The main job through the engine: look, secure, run.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phaseshift::database::OpenOptions;
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::{Files, RealFiles};
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, Project as Engine, Request, migrate_now};
use phaseshift::phase::{Chain, Target};
use support::Project;
use support::sample::{Feature, SampleOptions};

fn engine(project: &Project) -> Engine {
    engine_at(&project.database(), &project.phases())
}

fn engine_at(database: &Path, phases: &Path) -> Engine {
    let options = OpenOptions {
        files: Arc::new(RealFiles),
        wait: Duration::from_secs(1),
        interrupt: Interrupt::default(),
    };
    let chain = Chain::read(&RealFiles, phases).unwrap();
    Engine::new(
        database.to_path_buf(),
        None,
        chain,
        VersionTables::named("schema_version"),
        options,
    )
}

fn up_to(target: &str) -> Request {
    Request::up(Target::parse(target).unwrap())
}

fn explain(error: phaseshift::Error) -> String {
    format!("{error}: {:?} {:?}", error.causes(), error.facts().problems)
}

#[test]
fn phase_3_of_the_catalogue_is_what_sqlite_itself_would_make_of_it() {
    let options = SampleOptions { files: 2_000, links: 300, ..SampleOptions::default() }
        .with(Feature::Views)
        .with(Feature::Triggers)
        .with(Feature::OddIndexes)
        .with(Feature::Statistics)
        .with(Feature::Counters)
        .with(Feature::Awkward);
    let project = Project::with_catalogue(&options);
    let before = project.copy_database("before.db");
    let engine = engine(&project);
    let request = up_to("phase3");
    let look = Migration::prepare(&engine, &request).map_err(explain).unwrap();
    let done = migrate_now(&engine, &request, look, &mut Silent).map_err(explain).unwrap();
    let report = done.report().expect("there is something to do");
    assert_eq!((report.from, report.to), (Some(1), Some(2)));
    let renames = support::phase3_renames();
    support::judge(&before, &project.database(), &renames).unwrap();
}

/// Runs Phase 3 on a catalogue and lets the judge compare it with the copy made before.
fn phase3_holds(name: &str, options: &SampleOptions) {
    let project = Project::with_catalogue(options);
    let before = project.copy_database("before.db");
    let engine = engine(&project);
    let request = up_to("phase3");
    let look = Migration::prepare(&engine, &request).map_err(explain);
    let look = look.unwrap_or_else(|error| panic!("{name}: {error}"));
    let report = migrate_now(&engine, &request, look, &mut Silent).map_err(explain);
    let report = report.unwrap_or_else(|error| panic!("{name}: {error}")).report().unwrap();
    assert!(report.proof.rows > 0, "{name}");
    let judged = support::judge(&before, &project.database(), &support::phase3_renames());
    judged.unwrap_or_else(|problems| panic!("{name}: {problems}"));
}

#[test]
fn phase_3_passes_on_every_kind_of_catalogue() {
    let small = || SampleOptions { files: 1_500, links: 200, ..SampleOptions::default() };
    phase3_holds("plain", &small());
    phase3_holds("wal", &small().with(Feature::Wal));
    phase3_holds("grown", &small().with(Feature::Grown));
    phase3_holds("orphans", &SampleOptions { orphans: 7, ..small() });
    phase3_holds("empty", &SampleOptions { sessions: 0, files: 0, links: 0, ..small() });
    let left = SampleOptions { uncheckpointed: 1_000, ..small() }.with(Feature::Wal);
    phase3_holds("wal left by a crash", &left);
    let all = Feature::ALL.iter().filter(|it| **it != Feature::Grown);
    phase3_holds("everything", &all.fold(small(), |options, feature| options.with(*feature)));
}

#[test]
fn rows_that_only_the_wal_of_an_open_program_holds_are_in_the_backup_and_in_the_result() {
    let options =
        SampleOptions { files: 3_000, links: 100, uncheckpointed: 1_000, ..Default::default() }
            .with(Feature::Wal);
    let project = Project::empty();
    let application = support::sample::open_catalogue(&project.database(), &options).unwrap();
    for (name, text) in phaseshift::sample::phase_files() {
        project.write_phase(name, text);
    }
    let engine = engine(&project);
    let look = Migration::prepare(&engine, &up_to("phase3")).map_err(explain).unwrap();
    let report = migrate_now(&engine, &up_to("phase3"), look, &mut Silent).map_err(explain);
    let report = report.unwrap().report().unwrap();
    let counted = |database: &Path, table: &str| {
        support::sqlite3(database, &format!("SELECT count(*) FROM {table}")).trim().to_owned()
    };
    assert_eq!(counted(&report.backup, "fits_files"), "3000");
    let seen: i64 = application
        .query_row("SELECT count(width_pixels) FROM fits_files", [], |row| row.get(0))
        .unwrap();
    assert!(seen > 0, "the open program sees the new schema");
    drop(application);
    assert_eq!(counted(&project.database(), "fits_files"), "3000");
}

#[test]
fn a_file_without_a_recorded_phase_is_refused_until_it_is_stamped() {
    use support::sample::VersionRows;
    for version_rows in [VersionRows::None, VersionRows::NoTable] {
        let options = SampleOptions { files: 300, links: 20, version_rows, ..Default::default() };
        let project = Project::with_catalogue(&options);
        let before = project.snapshot();
        let engine = engine(&project);
        let error = Migration::prepare(&engine, &up_to("phase3")).unwrap_err();
        assert_eq!(error.kind(), phaseshift::ErrorKind::NotAdopted, "{error}");
        assert_eq!(before, project.snapshot(), "the folder changed");
        let wanted = engine.chain.applied_at(&Target::parse("phase2").unwrap()).unwrap();
        let strict = phaseshift::migrate::Strictness::Compare;
        phaseshift::migrate::stamp(&engine, &wanted, strict, &mut Silent).map_err(explain).unwrap();
        let look = Migration::prepare(&engine, &up_to("phase3")).map_err(explain).unwrap();
        migrate_now(&engine, &up_to("phase3"), look, &mut Silent)
            .map_err(explain)
            .unwrap()
            .report()
            .unwrap();
        let version =
            support::sqlite3(&project.database(), "SELECT MAX(version) FROM schema_version");
        assert_eq!(version.trim(), "2");
    }
}

#[test]
fn a_second_run_has_nothing_to_do_and_makes_no_backup() {
    let options = SampleOptions { files: 100, links: 10, ..SampleOptions::default() };
    let project = Project::with_catalogue(&options);
    let engine = engine(&project);
    let look = Migration::prepare(&engine, &up_to("phase3")).unwrap();
    migrate_now(&engine, &up_to("phase3"), look, &mut Silent)
        .map_err(explain)
        .unwrap()
        .report()
        .unwrap();
    let before = project.snapshot();
    let again = Migration::prepare(&engine, &up_to("phase3")).unwrap();
    assert!(matches!(again, phaseshift::migrate::Preparation::UpToDate(_)));
    drop(again);
    assert_eq!(before, project.snapshot());
}

#[test]
fn rows_written_while_a_person_reads_the_question_are_in_a_new_backup() {
    let options = SampleOptions { files: 100, links: 10, ..SampleOptions::default() };
    let project = Project::with_catalogue(&options);
    let engine = engine(&project);
    let look = Migration::prepare(&engine, &up_to("phase3")).unwrap();
    let phaseshift::migrate::Preparation::Ready(migration) = look else { panic!("nothing to do") };
    let secured = migration.secure(&mut Silent).unwrap();
    support::sqlite3(
        &project.database(),
        "INSERT INTO sessions (session_id, session_date) VALUES ('late', '2024-05-05')",
    );
    let report = secured.run(&mut Silent, &mut phaseshift::migrate::Hooks::default());
    let report = report.map_err(explain).unwrap();
    let late = "SELECT count(*) FROM sessions WHERE session_id = 'late'";
    assert_eq!(support::sqlite3(&report.backup, late).trim(), "1");
    let late = "SELECT count(*) FROM imaging_sessions WHERE id = 'late'";
    assert_eq!(support::sqlite3(&project.database(), late).trim(), "1");
}

/// Damage of every kind, planted between the last copy and the proof.
const DAMAGES: [(&str, &str); 9] = [
    ("a byte", "UPDATE fits_files SET object = object || 'x' WHERE id = 7"),
    ("a storage class", "UPDATE fits_files SET validation_notes = x'00' WHERE id = 7"),
    ("a lost row", "DELETE FROM fits_files WHERE id = 9"),
    ("a new row", "INSERT INTO imaging_sessions (id, date) VALUES ('new', '2024-01-01')"),
    ("a row of a table that no phase touches", "DELETE FROM cameras WHERE id = 1"),
    ("a lost index", "DROP INDEX idx_object_date"),
    ("another index", "CREATE INDEX stray ON cameras (name)"),
    ("a lost version", "DELETE FROM schema_version WHERE version = 2"),
    ("the application's version", "PRAGMA user_version = 77"),
];

#[test]
fn damage_between_copy_and_proof_is_noticed_and_rolled_back() {
    let options = SampleOptions { files: 200, links: 50, ..SampleOptions::default() };
    for (name, damage) in DAMAGES {
        let project = Project::with_catalogue(&options);
        let engine = engine(&project);
        let before = std::fs::read(project.database()).unwrap();
        let look = Migration::prepare(&engine, &up_to("phase3")).unwrap();
        let phaseshift::migrate::Preparation::Ready(migration) = look else {
            panic!("nothing to do")
        };
        let secured = migration.secure(&mut Silent).unwrap();
        let mut plant = |connection: &rusqlite::Connection| {
            connection.execute_batch(damage).unwrap();
        };
        let mut hooks = phaseshift::migrate::Hooks { before_proof: Some(&mut plant) };
        let error = secured.run(&mut Silent, &mut hooks).unwrap_err();
        assert_eq!(error.kind(), phaseshift::ErrorKind::Proof, "{name}: {error}");
        assert_eq!(error.state(), phaseshift::DatabaseState::RolledBack, "{name}");
        let after = std::fs::read(project.database()).unwrap();
        assert!(before == after, "{name}: the file changed");
    }
}

/// The source of a large backup is looked at while its pages are copied, and only the rest afterwards.
const LARGE: &str = "CREATE TABLE filler(x); INSERT INTO filler VALUES (zeroblob(9000000));";

/// What is done to a table while SQLite does not know of its index: the number of entries tells of the first, only
/// the entries themselves tell of the second.
const BEHIND_THE_INDEX: [&str; 2] =
    ["INSERT INTO t VALUES (5, 6)", "UPDATE t SET b = 9 WHERE a = 1"];

#[test]
fn a_damaged_index_stops_a_run_before_the_commit_and_its_backup_says_what_it_is() {
    for (filler, behind) in
        ["", LARGE].iter().flat_map(|filler| BEHIND_THE_INDEX.map(|behind| (filler, behind)))
    {
        let bench = support::Bench::new(&format!(
            "CREATE TABLE t(a, b); CREATE INDEX i ON t(b); CREATE TABLE u(c); {filler}
             INSERT INTO t VALUES (1, 2), (3, 4); INSERT INTO u VALUES (5);
             PRAGMA writable_schema=ON; CREATE TEMP TABLE kept AS SELECT * FROM main.sqlite_schema;
             DELETE FROM sqlite_schema WHERE name = 'i'; PRAGMA writable_schema=RESET;
             {behind};
             PRAGMA writable_schema=ON;
             INSERT INTO main.sqlite_schema SELECT * FROM temp.kept WHERE name = 'i';"
        ));
        is_stopped_by_damage(&bench);
    }
}

#[test]
fn a_damaged_page_stops_a_run_before_the_commit_too() {
    for filler in ["", LARGE] {
        let bench = support::Bench::new(&format!(
            "CREATE TABLE t(a); CREATE TABLE u(c); {filler}
             INSERT INTO t VALUES ('found'); INSERT INTO u VALUES (5);"
        ));
        // A wrong count of free bytes: SQLite reads every row all the same.
        let root: u64 =
            bench.ask("SELECT rootpage FROM sqlite_schema WHERE name = 't'").parse().unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(bench.database()).unwrap();
        file.write_all_at(&[9], (root - 1) * 4_096 + 7).unwrap();
        drop(file);
        bench.remember();
        assert_ne!(bench.ask("PRAGMA quick_check"), "ok");
        is_stopped_by_damage(&bench);
    }
}

#[track_caller]
fn is_stopped_by_damage(bench: &support::Bench) {
    bench.steps("[[up]]\nop = \"rename_column\"\ntable = \"u\"\nfrom = \"c\"\nto = \"d\"\n");
    let error = bench.run(&up_to("head")).unwrap_err();
    assert_eq!(error.kind(), phaseshift::ErrorKind::Damaged, "{}", explain(error));
    assert_eq!(error.state(), phaseshift::DatabaseState::RolledBack);
    // A backup that was promised stays, and is no backup to go back to.
    let backups = bench.project().backups();
    assert_eq!((backups.len(), error.facts().backup.as_ref()), (1, backups.first()));
    let entry = phaseshift::backup::BackupEntry::at(&RealFiles, &backups[0]).unwrap();
    assert!(!entry.is_verified() && entry.problem.is_some(), "{entry:?}");
    assert!(std::fs::read(bench.database()).unwrap() == std::fs::read(bench.before()).unwrap());
}

/// A disk that tells once that it lost a part of a journal, to whoever asks first.
#[derive(Debug, Default)]
struct LosesJournal(std::sync::atomic::AtomicUsize);

impl Files for LosesJournal {
    support::as_on_disk!(
        now,
        canonical,
        space,
        stat,
        list,
        read,
        reader,
        create,
        create_folder,
        copy
    );
    support::as_on_disk!(rename_new, rename_over, remove, set_access, sync_folder);

    fn sync_file(&self, path: &Path) -> std::io::Result<()> {
        let is_journal =
            path.extension().is_some_and(|it| it.to_string_lossy().ends_with("-journal"));
        if is_journal && self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return Err(std::io::Error::other("lost"));
        }
        RealFiles.sync_file(path)
    }
}

/// SQLite need not hear of it: the naive way, to leave it to SQLite's own sync, would commit.
#[test]
fn a_journal_that_was_lost_before_sqlite_syncs_it_ends_the_run() {
    let bench = support::Bench::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);
         WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 40000)
         INSERT INTO t SELECT v, v, hex(zeroblob(500)) FROM n;",
    );
    bench.steps("[[up]]\nop = \"rename_column\"\ntable = \"t\"\nfrom = \"a\"\nto = \"c\"\n");
    let disk = Arc::new(LosesJournal::default());
    let engine = bench.engine_with(Arc::clone(&disk) as Arc<dyn Files>, Interrupt::default());
    let look = Migration::prepare(&engine, &up_to("head")).unwrap();
    let error = migrate_now(&engine, &up_to("head"), look, &mut Silent).unwrap_err();
    assert!(disk.0.load(std::sync::atomic::Ordering::SeqCst) > 0, "nothing was synced early");
    assert_eq!(error.state(), phaseshift::DatabaseState::RolledBack, "{}", explain(error));
    assert!(std::fs::read(bench.database()).unwrap() == std::fs::read(bench.before()).unwrap());
}
