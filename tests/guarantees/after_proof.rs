//! Nothing is written between the proof and the commit.

use phaseshift::event::Silent;
use phaseshift::migrate::{Hooks, Migration, Preparation, migrate_now};
use phaseshift::{DatabaseState, ErrorKind};

use support::{Bench, down_to, python, script, sqlite3, up_to};

const TABLES: &str = "CREATE TABLE files(id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO files VALUES(1,'a'),(2,'b'),(3,'c');
    CREATE TABLE audit(what TEXT);
    INSERT INTO audit VALUES('start');";
const FIRST: &str = "version = 1\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE one(x)\"\n";
const SECOND: &str =
    "version = 2\n[[up]]\nop = \"add_column\"\ntable = \"files\"\ncolumn = \"note TEXT\"\n";

/// A file on which `first` is applied, and `second` waits.
fn half_way() -> Bench {
    let bench = Bench::new(TABLES);
    bench.phase("first", FIRST);
    bench.up();
    bench.phase("second", &format!("parents = [\"first\"]\n{SECOND}"));
    bench
}

/// Adds SQL to the file from outside, as an application would.
fn add(bench: &Bench, sql: &str) {
    script(&bench.database(), sql).unwrap();
    bench.remember();
}

#[test]
fn a_trigger_on_the_history_is_refused_before_anything_is_written() {
    for when in ["AFTER UPDATE", "BEFORE INSERT", "AFTER UPDATE OF rows_proven"] {
        let bench = half_way();
        add(
            &bench,
            &format!("CREATE TRIGGER meddle {when} ON phase_history BEGIN DELETE FROM files; END;"),
        );
        let error = bench.refused(ErrorKind::VersionTrigger, "meddle");
        assert_eq!(error.facts().object.as_deref(), Some("meddle"), "{when}");
        bench.same_answer("SELECT count(*) FROM files");
    }
}

/// SQLite calls a query of `pragma_optimize` read-only, and runs ANALYZE for it: the last check of the proof wrote.
#[test]
fn a_check_writes_nothing() {
    for checks in ["require", "verify"] {
        let bench = half_way();
        add(&bench, "CREATE INDEX by_name ON files(name)");
        let check = "name = 'c'\nsql = 'SELECT * FROM pragma_optimize(65538)'\nexpect = 'no rows'";
        bench.phase("second", &format!("parents = [\"first\"]\n{SECOND}[[{checks}]]\n{check}\n"));
        let output = bench.project().run(&["upgrade"]);
        assert!([4, 6].contains(&output.code), "{checks}: {} {}", output.code, output.stderr);
        assert!(output.stderr.contains("PRAGMA optimize is not allowed"), "{}", output.stderr);
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'";
        assert_eq!(sqlite3(&bench.database(), tables), "0", "{checks}");
    }
}

#[test]
fn a_trigger_on_the_version_table_is_refused_in_both_directions() {
    let bench = half_way();
    bench.up();
    add(
        &bench,
        "CREATE TRIGGER \"when gone\" AFTER DELETE ON Schema_Version
         BEGIN UPDATE audit SET what = 'gone'; END;",
    );
    let project = bench.project();
    let bytes = project.file_bytes();
    let down = project.run(&["downgrade"]).expect_code(4);
    assert!(down.stderr.contains("DROP TRIGGER \"when gone\""), "{}", down.stderr);
    bench
        .phase("third", "parents = [\"second\"]\n[[up]]\nop = \"drop_table\"\ntable = \"audit\"\n");
    project.run(&["upgrade"]).expect_code(4);
    project.run(&["preflight"]).expect_code(4);
    assert_eq!(bytes, project.file_bytes());
    // Reading commands still answer.
    project.run(&["current"]).expect_code(0);
}

#[test]
fn a_phase_may_not_create_a_trigger_on_the_version_tables() {
    let steps = [
        "op = \"create_trigger\"\nsql = \"CREATE TRIGGER t AFTER INSERT ON phase_history BEGIN DELETE FROM audit; END\"\n",
        "op = \"sql\"\nsql = \"CREATE TRIGGER t AFTER INSERT ON main.\\\"schema_version\\\" BEGIN DELETE FROM audit; END\"\n",
        "op = \"sql\"\nsql = \"CREATE TEMP TRIGGER t AFTER UPDATE ON phase_history BEGIN DELETE FROM audit; END\"\n",
    ];
    for step in steps {
        let bench = half_way();
        bench.phase("second", &format!("parents = [\"first\"]\n[[up]]\n{step}"));
        let before = bench.project().file_bytes();
        let refused = bench.run(&up_to("head")).unwrap_err();
        assert_eq!(refused.state(), DatabaseState::Unchanged, "{step}");
        assert!(!matches!(refused.kind(), ErrorKind::Proof | ErrorKind::Rebuild), "{refused}");
        assert_eq!(before, bench.project().file_bytes(), "{step}");
    }
}

#[test]
fn the_history_is_complete_when_the_proof_begins() {
    let bench = half_way();
    let engine = bench.engine();
    let Preparation::Ready(ready) = Migration::prepare(&engine, &up_to("head")).unwrap() else {
        panic!()
    };
    let row = "SELECT * FROM phase_history ORDER BY event DESC LIMIT 1";
    let read = |connection: &rusqlite::Connection| {
        let query = "SELECT rows_proven || ' ' || finished_at || ' ' || outcome FROM phase_history
            ORDER BY event DESC LIMIT 1";
        connection.query_row(query, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let (mut seen, mut changes) = (String::new(), 0);
    let mut look = |connection: &rusqlite::Connection| {
        seen = read(connection);
        changes = connection.total_changes();
    };
    let mut hooks = Hooks { before_proof: Some(&mut look) };
    let report = ready.secure(&mut Silent).unwrap().run(&mut Silent, &mut hooks).unwrap();
    assert!(changes > 0);
    let after = rusqlite::Connection::open(bench.database()).unwrap();
    assert_eq!(seen, read(&after), "{}", bench.ask(row));
    assert!(seen.starts_with(&format!("{} ", report.proof.rows)), "{seen}: {}", report.proof.rows);
}

#[test]
fn the_recorded_number_is_that_of_the_proof_also_where_data_steps_change_rows() {
    let steps = [
        "INSERT INTO files VALUES(9,'z')",
        "DELETE FROM files WHERE id = 2",
        "UPDATE files SET name = upper(name)",
        "INSERT INTO audit VALUES('more'); DELETE FROM files WHERE id > 1",
    ];
    for step in steps {
        let bench = half_way();
        let sql = format!("parents = [\"first\"]\n[[up]]\nop = \"sql\"\nsql = \"{step}\"\n");
        bench.phase("second", &sql);
        let proven = bench.up().proof.rows.to_string();
        let query = "SELECT rows_proven FROM phase_history WHERE id = 'second'";
        assert_eq!(bench.ask(query), proven, "{step}");
        let down = "[[up]]\nop = \"rename_table\"\nfrom = \"files\"\nto = \"all_files\"\n";
        bench.phase("third", &format!("parents = [\"second\"]\n{down}"));
        let proven = bench.up().proof.rows.to_string();
        let query = "SELECT rows_proven FROM phase_history WHERE id = 'third'";
        assert_eq!(bench.ask(query), proven, "{step}");
    }
}

/// A rule of the version table itself may delete the row of another phase.
const REPLACING: &str = "CREATE TABLE schema_version(version INTEGER PRIMARY KEY, applied_at,
        description UNIQUE ON CONFLICT REPLACE);
    INSERT INTO schema_version VALUES(1, '2024-01-01', 'the same words');";

#[test]
fn a_record_that_replaces_another_one_is_rolled_back() {
    let bench = Bench::new(&format!("{TABLES}{REPLACING}CREATE TABLE one(x);"));
    bench.phase("first", &format!("description = \"the same words\"\n{FIRST}"));
    let head = "description = \"the same words\"\nparents = [\"first\"]\n";
    bench.phase("second", &format!("{head}{SECOND}"));
    bench.rolled_back(ErrorKind::Proof, "version 1 is not recorded");
}

#[test]
fn a_stamp_is_proven_too() {
    let bench = Bench::new(&format!("{TABLES}{REPLACING}CREATE TABLE one(x);"));
    bench.phase("first", &format!("description = \"the same words\"\n{FIRST}"));
    bench.phase(
        "second",
        "version = 2\nparents = [\"first\"]\ndescription = \"the same words\"\n[[up]]
op = \"create_table\"\nsql = \"CREATE TABLE audit(what TEXT)\"\n",
    );
    let before = std::fs::read(bench.database()).unwrap();
    let failed = bench.project().run(&["stamp", "second"]).expect_code(6);
    assert!(failed.stderr.contains("version 1 is not recorded"), "{}", failed.stderr);
    assert!(before == std::fs::read(bench.database()).unwrap(), "the bytes of the file changed");
}

#[test]
fn a_stamp_is_refused_where_a_trigger_would_run() {
    let bench = half_way();
    let sql = "CREATE TABLE two(y)";
    bench.phase(
        "second",
        &format!(
            "version = 2\nparents = [\"first\"]\n[[up]]\nop = \"create_table\"\nsql = \"{sql}\"\n"
        ),
    );
    let trigger =
        "CREATE TRIGGER meddle AFTER INSERT ON phase_history BEGIN DELETE FROM files; END";
    add(&bench, &format!("{trigger}; {sql};"));
    let bytes = bench.project().file_bytes();
    let refused = bench.project().run(&["stamp", "second"]).expect_code(4);
    assert!(refused.stderr.contains("meddle"), "{}", refused.stderr);
    assert_eq!(bytes, bench.project().file_bytes());
    add(&bench, "DROP TRIGGER meddle");
    bench.project().run(&["stamp", "second"]).expect_code(0);
    bench.same_answer("SELECT count(*), max(id) FROM files");
    assert_eq!(bench.ask("SELECT max(version) FROM schema_version"), "2");
}

/// A file in WAL mode, all of it in the main file, with a table that no phase touches.
fn in_wal_mode() -> Bench {
    let bench = half_way();
    add(
        &bench,
        "PRAGMA journal_mode = wal; INSERT INTO audit VALUES('ORIGINAL'); PRAGMA wal_checkpoint(truncate);",
    );
    bench
}

/// Changes bytes of the file without SQLite, in another process.
fn overwrite(bench: &Bench) {
    let program = "data = open(path, 'rb').read()
at = data.index(b'ORIGINAL')
with open(path, 'r+b') as file:
    file.seek(at)
    file.write(b'oRiGiNaL')";
    python(&bench.database(), program);
}

#[test]
fn bytes_that_change_while_the_question_waits_are_found_in_wal_mode() {
    for in_place in [false, true] {
        let bench = in_wal_mode();
        bench.phase(
            "second",
            "version = 2\nparents = [\"first\"]\n[[up]]\nop = \"rename_column\"\ntable = \"files\"\nfrom = \"name\"\nto = \"title\"\n",
        );
        let engine = if in_place { bench.engine().in_place() } else { bench.engine() };
        let Preparation::Ready(ready) = Migration::prepare(&engine, &up_to("head")).unwrap() else {
            panic!()
        };
        let secured = ready.secure(&mut Silent).unwrap();
        overwrite(&bench);
        let error = secured.run(&mut Silent, &mut Hooks::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proof, "{error}");
        assert_eq!(error.state(), DatabaseState::RolledBack);
        assert!(error.facts().problems.iter().any(|it| it.contains("audit")), "{error:?}");
        assert_eq!(bench.ask("SELECT count(*) FROM schema_version"), "1");
    }
}

#[test]
fn bytes_that_change_during_the_rebuild_are_found_in_wal_mode() {
    let bench = in_wal_mode();
    let engine = bench.engine();
    let Preparation::Ready(ready) = Migration::prepare(&engine, &up_to("head")).unwrap() else {
        panic!()
    };
    let mut meddle = |connection: &rusqlite::Connection| {
        let read = "SELECT group_concat(what) FROM audit";
        connection.query_row(read, [], |row| row.get::<_, String>(0)).unwrap();
        overwrite(&bench);
    };
    let mut hooks = Hooks { before_proof: Some(&mut meddle) };
    let error = ready.secure(&mut Silent).unwrap().run(&mut Silent, &mut hooks).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proof, "{error}");
    bench.same_answer("SELECT count(*) FROM pragma_table_info('files')");
}

#[test]
fn bytes_that_change_before_a_downgrade_are_in_its_backup_or_stop_it() {
    let bench = in_wal_mode();
    bench.up();
    add(&bench, "PRAGMA wal_checkpoint(truncate);");
    let engine = bench.engine();
    let request = down_to("-1");
    let look = Migration::prepare(&engine, &request).unwrap();
    overwrite(&bench);
    // Under the lock, before the backup: the file counts as it is then, in the backup and in the proof.
    let report = migrate_now(&engine, &request, look, &mut Silent).unwrap().report().unwrap();
    let read = |path: &std::path::Path| sqlite3(path, "SELECT group_concat(what) FROM audit");
    assert_eq!(read(&report.backup), "start,oRiGiNaL");
    assert_eq!(read(&bench.database()), "start,oRiGiNaL");
}

/// SQLite looks for the name of the file before its first write, and then no more: the run committed into a file without a
/// name, or whose WAL another file had, and all was well.
#[test]
fn a_file_that_loses_its_name_during_the_run_is_not_committed() {
    for journal in ["delete", "wal"] {
        for replaced in [true, false] {
            let bench = half_way();
            add(&bench, &format!("PRAGMA journal_mode = {journal}"));
            let (path, was) = (bench.database(), bench.project().aside("was.db"));
            let other = bench.project().aside("other.db");
            std::fs::copy(&path, &other).unwrap();
            script(&other, "INSERT INTO audit VALUES ('other')").unwrap();
            let engine = bench.engine();
            let look = Migration::prepare(&engine, &up_to("head")).unwrap();
            let Preparation::Ready(ready) = look else { panic!() };
            let mut meddle = |_: &rusqlite::Connection| {
                std::fs::rename(&path, &was).unwrap();
                if replaced {
                    std::fs::rename(&other, &path).unwrap();
                }
            };
            let mut hooks = Hooks { before_proof: Some(&mut meddle) };
            let secured = ready.secure(&mut Silent).unwrap();
            let error = secured.run(&mut Silent, &mut hooks).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FileChanged, "{journal}: {error}");
            assert_eq!(error.state(), DatabaseState::RolledBack);
            let read =
                |path| sqlite3(path, "SELECT count(*), max(version) FROM audit, schema_version");
            assert_eq!(read(&was), "1|1", "{journal}");
            if replaced {
                assert_eq!(read(&path), "2|1", "{journal}");
            }
        }
    }
}
