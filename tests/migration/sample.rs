//! The sample catalogues: what they hold, that they can be made again, and that the judge can read them.

use serde_json::json;
use support::sample::{Feature, SampleOptions, VersionRows, open_catalogue};
use support::{Project, judge, phase3_renames, sqlite3};

fn small() -> SampleOptions {
    SampleOptions { sessions: 25, files: 900, links: 130, ..SampleOptions::default() }
}

fn everything() -> SampleOptions {
    Feature::ALL.into_iter().fold(small(), SampleOptions::with)
}

/// The rows of a table; the count never depends on an index.
fn count(project: &Project, table: &str) -> String {
    sqlite3(&project.database(), &format!("SELECT count(*) FROM {table} NOT INDEXED"))
}

#[test]
fn the_default_is_the_file_of_the_document() {
    let project = Project::with_catalogue(&SampleOptions::default());
    assert_eq!(count(&project, "sessions"), "245");
    assert_eq!(count(&project, "fits_files"), "12456");
    assert_eq!(count(&project, "processing_session_files"), "1737");
    let checks =
        "PRAGMA integrity_check; PRAGMA foreign_key_check; SELECT version FROM schema_version;
        SELECT count(*) FROM sqlite_schema WHERE type = 'table';
        SELECT count(DISTINCT md5sum) FROM fits_files";
    assert_eq!(sqlite3(&project.database(), checks), "ok\n1\n20\n12456");
}

#[test]
fn every_file_fills_between_25_and_70_of_its_74_columns() {
    let project = Project::with_catalogue(&small());
    let columns = sqlite3(&project.database(), "SELECT name FROM pragma_table_info('fits_files')");
    let filled: Vec<_> = columns.lines().map(|name| format!("(\"{name}\" IS NOT NULL)")).collect();
    assert_eq!(filled.len(), 74);
    let sum = filled.join(" + ");
    let sql = format!("SELECT min({sum}) >= 25, max({sum}) <= 70 FROM fits_files");
    assert_eq!(sqlite3(&project.database(), &sql), "1|1");
}

#[test]
fn the_judge_finds_each_variant_equal_to_its_copy() {
    let mut variants: Vec<_> =
        Feature::ALL.into_iter().map(|feature| small().with(feature)).collect();
    variants.push(everything());
    variants.push(SampleOptions { orphans: 4, lost_sessions: 3, ..small() });
    variants.push(SampleOptions { duplicates: 5, ..small() }.with(Feature::Grown));
    variants.push(SampleOptions { uncheckpointed: 100, ..everything() });
    variants.push(SampleOptions { sessions: 0, files: 0, links: 0, ..everything() });
    variants.push(SampleOptions { version_rows: VersionRows::NoTable, ..small() });
    for options in variants {
        let project = Project::with_catalogue(&options);
        let copy = project.copy_database("copy.db");
        assert_eq!(judge(&copy, &project.database(), &json!({})), Ok(()), "{options:?}");
    }
}

#[test]
fn the_judge_tells_two_seeds_apart_and_misses_the_phase() {
    let project = Project::with_catalogue(&small());
    let other = Project::with_catalogue(&SampleOptions { seed: 2, ..small() });
    assert!(judge(&project.database(), &other.database(), &json!({})).is_err());
    let said = judge(&project.database(), &project.copy_database("copy.db"), &phase3_renames());
    assert!(said.is_err_and(|lines| lines.contains("table imaging_sessions is missing")));
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let first = Project::with_catalogue(&everything());
    let second = Project::with_catalogue(&everything());
    assert_eq!(first.file_bytes(), second.file_bytes());
    let other = Project::with_catalogue(&SampleOptions { seed: 2, ..everything() });
    assert_ne!(first.file_bytes(), other.file_bytes());
}

#[test]
fn damage_is_as_much_as_was_asked_for() {
    let options = SampleOptions { orphans: 4, lost_sessions: 3, duplicates: 5, ..small() };
    let project = Project::with_catalogue(&options);
    let sql = "SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1 ORDER BY 1;
        SELECT count(*) - count(DISTINCT md5sum) FROM fits_files";
    let said = sqlite3(&project.database(), sql);
    assert_eq!(said, "fits_files|3\nprocessing_session_files|4\n5");

    let project = Project::with_catalogue(&options.with(Feature::Grown));
    let sql = "SELECT count(*), count(DISTINCT session_id) FROM sessions";
    assert_eq!(sqlite3(&project.database(), sql), "25|20");
    assert_eq!(sqlite3(&project.database(), "PRAGMA foreign_key_list(fits_files)"), "");
}

#[test]
fn version_rows_are_as_asked_for() {
    for (rows, sql, said) in [
        (VersionRows::One, "SELECT version, description FROM schema_version", "1|Phase 2: "),
        (VersionRows::None, "SELECT count(*) FROM schema_version", "0"),
        (VersionRows::NoTable, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'", "19"),
    ] {
        let project = Project::with_catalogue(&SampleOptions { version_rows: rows, ..small() });
        let answer = sqlite3(&project.database(), sql);
        assert!(answer.starts_with(said), "{rows:?}: {answer}");
    }
}

#[test]
fn rows_stay_in_the_wal_after_closing_and_while_open() {
    let options = SampleOptions { uncheckpointed: 100, ..small() }.with(Feature::Wal);
    let project = Project::with_catalogue(&options);
    assert!(project.file_bytes().names().contains(&"fits_catalog.db-wal"));
    let main = project.aside("main_only.db");
    #[expect(clippy::disallowed_methods, reason = "the careless copy is what is shown")]
    std::fs::copy(project.database(), &main).expect("a copy");
    assert_eq!(sqlite3(&main, "SELECT count(*) FROM fits_files"), "800");
    assert_eq!(count(&project, "fits_files"), "900");

    let open = Project::empty();
    let connection = open_catalogue(&open.database(), &options).expect("a catalogue");
    assert!(open.file_bytes().names().contains(&"fits_catalog.db-wal"));
    assert_eq!(count(&open, "fits_files"), "900");
    drop(connection);
    assert!(!open.file_bytes().names().contains(&"fits_catalog.db-wal"));
}

#[test]
fn awkward_values_are_stored_as_they_are() {
    let project = Project::with_catalogue(&small().with(Feature::Awkward));
    let sql = "SELECT group_concat(DISTINCT typeof(\"c'd\")) FROM (SELECT \"c'd\" FROM
        \"odd \"\"table\"\"\" ORDER BY typeof(\"c'd\"));
        SELECT hex(validation_notes) FROM fits_files WHERE id = 1;
        SELECT typeof(object), typeof(gain), star_count, typeof(x) FROM fits_files WHERE id IN (2, 3, 5, 11);
        SELECT hex(observer) FROM fits_files WHERE id = 4;
        SELECT count(*) FROM sessions WHERE instr(CAST(session_id AS BLOB), x'00') > 0";
    let said = sqlite3(&project.database(), sql);
    assert!(said.contains("blob,integer,null,real,text"), "{said}");
    assert!(said.contains("6265666F7265006166746572"), "{said}");
    assert!(said.contains("blob|") && said.contains("|text|"), "{said}");
    assert!(said.contains("|9007199254740993|") && said.contains("|real"), "{said}");
    assert!(said.ends_with("5A6FEB00C328FF\n1"), "{said}");
}

#[test]
fn minus_zero_keeps_its_sign_where_sqlite_can_store_it() {
    let project = Project::empty();
    let options = small().with(Feature::Awkward);
    let connection = open_catalogue(&project.database(), &options).expect("a catalogue");
    let sql = "SELECT count(*) FROM \"odd \"\"table\"\"\" WHERE typeof(\"c'd\") = 'real'";
    let reals: u32 = connection.query_row(sql, [], |row| row.get(0)).expect("a count");
    assert_eq!(reals, 6);
    let sql = "SELECT \"c'd\" FROM \"odd \"\"table\"\"\" WHERE \"order\" = 1";
    let zero: f64 = connection.query_row(sql, [], |row| row.get(0)).expect("a real");
    assert!(zero == 0.0 && zero.is_sign_negative());
}

#[test]
fn triggers_and_views_work_on_the_sample() {
    let project = Project::with_catalogue(&small().with(Feature::Views).with(Feature::Triggers));
    let database = project.database();
    let changed = "UPDATE session_notes SET notes = 'clear' WHERE session_id LIKE '2023-01-01%';
        SELECT count(*) FROM process_log WHERE notes LIKE 'was 2023-01-01%';
        SELECT count(*) FROM v_session_names; SELECT count(*) FROM v_files;
        SELECT sum(frames) <= 900 FROM v_exposure; SELECT count(*) FROM v_archived";
    assert_eq!(sqlite3(&database, changed), "1\n25\n900\n1\n12");
}

#[test]
fn the_judge_notices_planted_damage() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judge/judge.py");
    let output = support::python3().args([script, "planted"]).output();
    let output = output.expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_program_runs_in_a_project_and_leaves_it_alone() {
    let project = Project::with_catalogue(&small());
    let before = project.snapshot();
    project.run_here(&["--version"]).expect_code(0);
    project.run(&["--version"]).expect_code(0);
    assert_eq!(project.snapshot(), before);
    assert_eq!(before.names().len(), 6, "{before:?}");
}
