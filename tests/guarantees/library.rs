//! The library as a program uses it: only names of the crate's root, judged by plain SQL.

use phaseshift::{Compatibility, DatabaseState, ErrorKind, Outcome, Project, Request, Silent};
use rusqlite::Connection;
use tempfile::TempDir;

const NOTES: (&str, &str) =
    ("phase1.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);");
const DONE: (&str, &str) =
    ("phase2.sql", "ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0;");

fn columns(path: &std::path::Path) -> i64 {
    let sql = "SELECT count(*) FROM pragma_table_info('notes')";
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_program_brings_its_database_up_to_date_when_it_starts() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.db");
    let first = Project::embedded(&[NOTES]).unwrap();
    let missing = first.database(&path).migrate().unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::DatabaseMissing);
    assert!(!path.exists(), "only create creates");
    first.database(&path).create_if_missing().unwrap().migrate().unwrap();
    Connection::open(&path).unwrap().execute("INSERT INTO notes VALUES (1, 'a')", []).unwrap();

    let second = Project::embedded(&[NOTES, DONE]).unwrap();
    assert_eq!(second.phases().collect::<Vec<_>>(), ["phase1", "phase2"]);
    let database = second.database(&path);
    let Outcome::Migrated(report) = database.create_if_missing().unwrap().migrate().unwrap() else {
        panic!("nothing was done");
    };
    assert_eq!(
        (report.phases, report.from, report.to),
        (vec!["phase2".to_owned()], Some(1), Some(2))
    );
    assert!(report.rows_proven >= 1 && report.backup.exists());
    assert_eq!(columns(&path), 3);
    let bytes = std::fs::read(&path).unwrap();
    assert!(matches!(database.migrate().unwrap(), Outcome::AlreadyCurrent));
    assert_eq!(bytes, std::fs::read(&path).unwrap());
}

#[test]
fn a_newer_database_is_an_error_of_its_own() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.db");
    let readable = "id = 'phase2'\ndescription = 'Done'\nreadable_with = 'phase1'\n[[up]]\n\
        op = 'add_column'\ntable = 'notes'\ncolumn = 'done INTEGER NOT NULL DEFAULT 0'\n";
    let newer = [NOTES, ("phase2.toml", readable)];
    for (newer, allowed) in [([NOTES, DONE], Compatibility::None), (newer, Compatibility::ReadOnly)]
    {
        let _ = std::fs::remove_file(&path);
        Project::embedded(&newer).unwrap().database(&path).create().unwrap().migrate().unwrap();
        let error = Project::embedded(&[NOTES]).unwrap().database(&path).migrate().unwrap_err();
        assert_eq!(error.newer(), Some(allowed), "{error:?}");
        assert_eq!(error.state(), DatabaseState::Unchanged);
        assert_eq!(columns(&path), 3);
    }
    let other = Project::embedded(&[("other.sql", "CREATE TABLE other (a);")]).unwrap();
    let error = other.database(&path).migrate().unwrap_err();
    assert_eq!(error.newer(), None, "a file of another program is not newer: {error:?}");
}

#[test]
fn a_file_from_before_the_phases_is_stamped() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.db");
    Connection::open(&path).unwrap().execute_batch(NOTES.1).unwrap();
    let database = Project::embedded(&[NOTES, DONE]).unwrap().database(&path);
    assert_eq!(database.migrate().unwrap_err().kind(), ErrorKind::NotAdopted);
    assert_eq!(database.stamp("phase2").unwrap_err().kind(), ErrorKind::SchemaMismatch);
    database.stamp("phase1").unwrap();
    database.migrate().unwrap();
    assert_eq!(columns(&path), 3);
}

#[test]
fn what_another_program_changes_after_the_backup_stops_the_run() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.db");
    Project::embedded(&[NOTES]).unwrap().database(&path).create().unwrap().migrate().unwrap();
    let database = Project::embedded(&[NOTES, DONE]).unwrap().database(&path);
    let prepared = database.prepare(&Request::default()).unwrap().unwrap();
    assert_eq!(prepared.phases(), ["phase2"]);
    assert!(prepared.space() > 0 && prepared.script().unwrap().contains("done INTEGER"));
    let secured = prepared.secure(&mut Silent).unwrap();
    Connection::open(&path).unwrap().execute("CREATE TABLE other (a)", []).unwrap();
    let error = secured.run(&mut Silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileChanged);
    assert_eq!(columns(&path), 2);
}

#[test]
fn an_error_that_main_returns_can_be_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("no\u{1b}[31mtes.db");
    let sql = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
        INSERT INTO notes VALUES (1, 'a'), (2, 'a');";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let unique = ("phase2.sql", "CREATE UNIQUE INDEX one ON notes (text);");
    let database = Project::embedded(&[NOTES, unique]).unwrap().database(&path);
    database.stamp("phase1").unwrap();
    let shown = format!("{:?}", database.migrate().unwrap_err());
    assert!(!shown.contains('\u{1b}') && shown.contains("\\u{1b}[31mtes.db"), "{shown}");
    assert!(shown.lines().any(|line| line.trim() == "state:    nothing was changed"), "{shown}");
    assert!(shown.lines().next().is_some_and(|line| !line.contains(['{', '"'])), "{shown}");
}

#[test]
fn embedded_names_stay_in_their_folder() {
    for name in ["../phase1.sql", "/phase1.sql", "", "a/../phase1.sql"] {
        let error = Project::embedded(&[(name, NOTES.1)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Chain, "{name}");
    }
    assert_eq!(Project::embedded(&[NOTES, NOTES]).unwrap_err().kind(), ErrorKind::Chain);
}

#[test]
fn an_embedded_phase_names_an_embedded_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.db");
    let named = "id = 'phase2'\ndescription = 'Fill'\nirreversible = 'rows'\n[[up]]\n\
        op = 'sql'\nfile = 'fill.sql'\n";
    let files = [NOTES, ("phase2.toml", named), ("fill.sql", "INSERT INTO notes VALUES (7, 'a');")];
    let project = Project::embedded(&files).unwrap();
    project.database(&path).create().unwrap().migrate().unwrap();
    let sql = "SELECT sum(id) FROM notes";
    let sum: i64 = Connection::open(&path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 7);
}

#[test]
fn what_a_program_holds_can_go_to_another_thread() {
    fn goes<T: Send + 'static>() {}
    goes::<Project>();
    goes::<phaseshift::Database>();
    goes::<phaseshift::Prepared>();
    goes::<phaseshift::Secured>();
    goes::<phaseshift::Error>();
}
