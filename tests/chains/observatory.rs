//! The observatory: 14 phases up from nothing and with rows, down, and as scripts; and a phase that drops an index
//! which no phase makes.

use std::path::Path;

use phaseshift::migrate::Request;
use phaseshift::phase::Target;
use phaseshift::plan::Direction;
use phaseshift::{DatabaseState, ErrorKind};
use rusqlite::Connection;

use super::rig::{Rig, ask, columns, explain, shared_rows};
use super::scripts::{assert_alike, run, script, script_of};
use support::{SMALL, load_rows};

const PHASES: &str = "observatory/phases";

/// The phase from which on files hold rows.
const FIRST_ROWS: &str = "f067834e5435";

fn load(connection: &Connection) {
    load_rows(connection, "observatory", SMALL);
}

fn ids(rig: &Rig) -> Vec<String> {
    rig.chain().phases().iter().map(|it| it.id.to_string()).collect()
}

/// A file at the head, with rows from the third phase on.
fn filled() -> Rig {
    let rig = Rig::new(PHASES);
    rig.up(FIRST_ROWS);
    load(&rig.connection());
    for id in ids(&rig).into_iter().skip(3) {
        rig.up(&id);
        load(&rig.connection());
    }
    rig
}

/// A copy of the chain in a folder of its own, with the texts that `change` makes of the phases.
fn changed(change: impl Fn(&str, String) -> String) -> Rig {
    let rig = Rig::empty();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(PHASES);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        rig.write(name, &change(name, std::fs::read_to_string(&path).unwrap()));
    }
    rig
}

fn buggy(name: &str, text: String) -> String {
    if !name.starts_with("14_") {
        return text;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/observatory_bug");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn from_nothing_the_final_schema() {
    let rig = Rig::new(PHASES);
    rig.up("head");
    let connection = rig.connection();
    let count = |sql: &str| ask(&connection, sql);
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                  AND name NOT IN ('schema_version', 'phase_history')";
    assert_eq!(count(&format!("SELECT count(*) FROM ({tables})")), "17");
    let columns = format!("FROM ({tables}) t, pragma_table_info(t.name) c");
    assert_eq!(count(&format!("SELECT count(*) {columns}")), "235");
    // 14 values, and the time in three tables.
    assert_eq!(count(&format!("SELECT count(c.dflt_value) {columns}")), "17");
    let keys = format!("FROM ({tables}) t, pragma_foreign_key_list(t.name) k");
    assert_eq!(count(&format!("SELECT count(*) {keys}")), "6");
    let indexes = format!("FROM ({tables}) t, pragma_index_list(t.name) i WHERE i.origin = 'c'");
    assert_eq!(count(&format!("SELECT count(*), sum(i.\"unique\") {indexes}")), "38|5");
    let unique = format!("FROM ({tables}) t, pragma_index_list(t.name) i WHERE i.origin = 'u'");
    assert_eq!(count(&format!("SELECT count(*) {unique}")), "7");
    let last = |table: &str| {
        let sql =
            format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid DESC LIMIT 1");
        count(&sql)
    };
    assert_eq!(last("dso_catalog"), "caldwell_number");
    assert_eq!(last("processing_jobs"), "file_id");
    assert_eq!(last("telescope_executions"), "saved_plan_id");
    let seeds = "SELECT (SELECT count(*) FROM dso_catalog WHERE caldwell_number BETWEEN 1 AND 109),
        (SELECT count(*) FROM image_source_stats), (SELECT count(*) FROM constellation_names)";
    assert_eq!(count(seeds), "109|4|0");
}

#[test]
fn up_with_rows_from_the_third_phase_on() {
    let rig = Rig::new(PHASES);
    rig.up(FIRST_ROWS);
    load(&rig.connection());
    for id in ids(&rig).into_iter().skip(3) {
        let copy = rig.aside("before.db");
        std::fs::copy(rig.database(), &copy).unwrap();
        rig.up(&id);
        let (was, is) = (Connection::open(&copy).unwrap(), rig.connection());
        let (old, new) = (columns(&was), columns(&is));
        let (mut was, mut is) = (shared_rows(&was, &old, &new), shared_rows(&is, &old, &new));
        if id == "0f7dcc26ea5b" {
            let added = is.remove("dso_catalog").unwrap().len();
            assert_eq!(added - was.remove("dso_catalog").unwrap().len(), 109);
        }
        assert!(was == is, "{id} changes rows that it should keep");
        load(&rig.connection());
    }
    let connection = rig.connection();
    for (sql, expected) in [
        ("SELECT count(*) FROM dso_catalog", "12503"),
        ("SELECT count(common_name) FROM constellation_names", "88"),
        ("SELECT count(*) FROM star_catalog", "5000"),
        (
            "SELECT count(*), count(DISTINCT execution_id) FROM telescope_execution_targets",
            "4000|200",
        ),
        ("SELECT count(*) FROM output_files", "10000"),
        ("SELECT count(*) FROM capture_history", "500"),
        ("SELECT count(*) FROM image_source_stats", "4"),
        ("SELECT count(*) FROM pragma_foreign_key_check", "0"),
        ("PRAGMA integrity_check", "ok"),
    ] {
        assert_eq!(ask(&connection, sql), expected, "{sql}");
    }
}

#[test]
fn an_object_that_is_in_the_catalogue_gets_its_caldwell_number() {
    let rig = Rig::new(PHASES);
    rig.up("7c043c79d64c");
    let row = "INSERT INTO dso_catalog (id, catalog_name, catalog_number, common_name, ra_hours, dec_degrees, \
               object_type, magnitude) VALUES ";
    rig.execute(&format!("{row} (50, 'NGC', 188, NULL, 0.7, 85.2, 'cluster', 8.0), (51, 'NGC', 7000, 'mine', 21, 44, 'x', 4)"));
    rig.up("0f7dcc26ea5b");
    let connection = rig.connection();
    assert_eq!(ask(&connection, "SELECT count(*) FROM dso_catalog"), "109");
    let sql = "SELECT id, caldwell_number, common_name, object_type FROM dso_catalog WHERE id < 52";
    assert_eq!(ask(&connection, sql), "50|1|Polarissima Cluster|cluster\n51|20|mine|x");
}

#[test]
fn down_one_by_one_and_up_again_with_rows() {
    let rig = Rig::new(PHASES);
    let mut texts = vec![rig.texts()];
    let ids = ids(&rig);
    for id in &ids {
        rig.up(id);
        texts.push(rig.texts());
        if texts.len() > 3 {
            load(&rig.connection());
        }
    }
    let head = rig.rows();
    for (place, id) in ids.iter().enumerate().rev() {
        if id == FIRST_ROWS {
            rig.execute("DELETE FROM processing_jobs");
        }
        rig.down(&format!("{id}@-1"));
        assert_eq!(rig.texts(), texts[place], "undoing {id}");
        if super::sweeps::long() || place % 4 == 1 {
            rig.up(id);
            assert_eq!(rig.texts(), texts[place + 1], "{id} again");
            rig.down(&format!("{id}@-1"));
            assert_eq!(rig.texts(), texts[place], "undoing {id} twice");
        }
    }
    rig.up("head");
    assert_eq!(rig.texts(), texts[ids.len()]);
    assert_eq!(rig.rows()["image_source_stats"], head["image_source_stats"]);
}

#[test]
fn the_phase_does_not_start_while_jobs_have_no_file() {
    let jobs = "INSERT INTO processing_pipelines (id, name, pipeline_steps) VALUES (1, 'p', '[]');
        INSERT INTO processing_files (id, filename, file_type, file_path, file_size_bytes) VALUES (7, 'f', 'fits', '/f', 1);
        INSERT INTO processing_jobs (id, pipeline_id) VALUES (3, 1);";
    let rig = Rig::new(PHASES);
    rig.up("79478a6f4f48");
    rig.execute(jobs);
    let before = std::fs::read(rig.database()).unwrap();
    let request = Request::up(Target::parse(FIRST_ROWS).unwrap());
    let error = rig.try_run(&request).unwrap_err();
    assert_eq!((error.kind(), error.state()), (ErrorKind::Rows, DatabaseState::Unchanged));
    let said = explain(error);
    assert!(said.contains("processing_jobs") && said.contains("file_id"), "{said}");
    assert!(std::fs::read(rig.database()).unwrap() == before);
    let rig = changed(|_, text| {
        let column = "column = \"file_id INTEGER NOT NULL\"";
        text.replace(
            column,
            &format!("{column}\nvalue = \"(SELECT min(id) FROM processing_files)\""),
        )
    });
    rig.up("79478a6f4f48");
    rig.execute(jobs);
    rig.up(FIRST_ROWS);
    assert_eq!(ask(&rig.connection(), "SELECT id, file_id FROM processing_jobs"), "3|7");
}

#[test]
fn the_chain_as_a_script_makes_the_same_file() {
    let rig = Rig::new(PHASES);
    let other = rig.aside("other.db");
    run(&other, &script(&rig, "base:head", Direction::Up));
    rig.up("head");
    assert_alike(&rig, &other, "from nothing");
    run(&other, &script(&rig, "head:base", Direction::Down));
    rig.down("base");
    assert_alike(&rig, &other, "to nothing");
}

#[test]
fn the_chain_as_a_script_on_a_file_with_rows() {
    let rig = Rig::new(PHASES);
    rig.up(FIRST_ROWS);
    load(&rig.connection());
    let other = rig.aside("other.db");
    std::fs::copy(rig.database(), &other).unwrap();
    run(&other, &script_of(&rig, &Request::up(Target::Head)));
    rig.up("head");
    assert_alike(&rig, &other, "from the third phase");
    assert_eq!(ask(&rig.connection(), "SELECT count(common_name) FROM constellation_names"), "88");
}

#[test]
fn a_phase_that_drops_an_index_of_no_phase_is_refused() {
    let rig = changed(buggy);
    let before = std::fs::read(rig.database()).unwrap();
    let error = rig.try_run(&Request::up(Target::Head)).unwrap_err();
    assert_eq!((error.kind(), error.state()), (ErrorKind::Step, DatabaseState::Unchanged));
    assert_eq!(error.facts().phase.as_deref(), Some("237b2692f781"));
    assert!(error.to_string().contains("idx_dso_catalog_catalog_name_number"), "{error}");
    assert!(std::fs::read(rig.database()).unwrap() == before, "the empty file is as it was");
    assert!(!rig.aside("backups").exists(), "no backup is made");
}

#[test]
fn with_if_exists_the_index_may_be_there_or_not() {
    let stray = "CREATE INDEX idx_dso_catalog_catalog_name_number ON dso_catalog(catalog_name, catalog_number)";
    let plain = Rig::new(PHASES);
    plain.up("head");
    let rig = Rig::new(PHASES);
    rig.up("7171fad8dfe0");
    rig.execute(stray);
    let before = rig.texts();
    rig.up("head");
    assert_eq!(rig.texts(), plain.texts());
    rig.down("-1");
    assert_eq!(rig.texts(), before, "the index that no phase made comes back");
}

#[test]
fn rows_of_the_head_come_back_from_its_backup() {
    let rig = filled();
    let rows = rig.rows();
    let report = rig.down("a8b2c3d4e5f6").unwrap();
    assert_ne!(rig.rows(), rows);
    let backup = Connection::open(report.backup).unwrap();
    assert_eq!(super::rig::rows(&backup), rows);
}
