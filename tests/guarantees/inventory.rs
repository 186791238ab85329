//! `audit`, `deps` and `reset`: what is in a file, what depends on what, and an empty file. And the phase that drops an
//! index which no phase makes.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use support::sample::SampleOptions;

use support::{Other, Project, SMALL, load_rows, sqlite3, try_sqlite3};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A project with the phases of a fixture, and no database.
fn project(name: &str) -> Project {
    let project = Project::empty();
    for entry in std::fs::read_dir(fixture(&format!("{name}/phases"))).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, project.phases().join(path.file_name().unwrap())).unwrap();
    }
    project
}

/// A project at the head.
fn at_head(name: &str) -> Project {
    let project = project(name);
    project.run(&["upgrade", "--create"]).expect_code(0);
    project
}

fn connect(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

/// The texts of a file's objects, without the version tables.
fn texts(path: &Path) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' \
               AND tbl_name NOT IN ('schema_version', 'phase_history') ORDER BY rowid";
    let connection = connect(path);
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The same texts in another order, always the same one for a seed.
fn shuffled(mut texts: Vec<String>, seed: u64) -> Vec<String> {
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    for at in (1..texts.len()).rev() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (at + 1);
        texts.swap(at, other);
    }
    texts
}

const STRAY: &str =
    "CREATE INDEX idx_dso_catalog_catalog_name_number ON dso_catalog(catalog_name, catalog_number)";

#[test]
fn the_phase_that_drops_an_index_of_no_phase_is_refused_on_an_empty_file() {
    let project = project("observatory");
    let name = "14_237b2692f781.toml";
    let bug = fixture("observatory_bug").join(name);
    std::fs::copy(bug, project.phases().join(name)).unwrap();
    sqlite3(&project.database(), "PRAGMA user_version = 0; VACUUM");
    let before = project.snapshot();
    for arguments in [&["upgrade"][..], &["migrate", "--yes"], &["upgrade", "--sql"]] {
        let output = project.run(arguments).expect_code(4);
        for word in ["237b2692f781", "idx_dso_catalog_catalog_name_number"] {
            assert!(output.stderr.contains(word), "{arguments:?}: {}", output.stderr);
        }
    }
    let json = project.run(&["upgrade", "--json"]).expect_code(4).json();
    assert_eq!(json["error"]["phase"], "237b2692f781", "{json}");
    assert_eq!(project.snapshot(), before);
    let check = project.run(&["check"]);
    assert_ne!(check.code, 0);
    let said = check.stdout + &check.stderr;
    assert!(said.contains("237b2692f781"), "{said}");
    assert!(said.contains("idx_dso_catalog_catalog_name_number"), "{said}");
    // The next phase stands on one that does not run.
    std::fs::write(project.path("schema.sql"), "CREATE TABLE more(a);").unwrap();
    let output = project.run(&["revision", "-m", "more", "--autogenerate"]).expect_code(4);
    assert!(output.stderr.contains("idx_dso_catalog_catalog_name_number"), "{}", output.stderr);
    assert_eq!(std::fs::read_dir(project.phases()).unwrap().count(), 14);
}

#[test]
fn an_index_of_no_phase_is_drift() {
    let project = at_head("observatory");
    project.run(&["status", "--exit-code"]).expect_code(0);
    sqlite3(&project.database(), STRAY);
    let index = "index idx_dso_catalog_catalog_name_number";
    let diff = project.run(&["diff"]).expect_code(3);
    assert!(diff.stdout.contains(index), "{}", diff.stdout);
    let json = project.run(&["diff", "--json"]).expect_code(3).json();
    assert_eq!(json["objects"][0]["verdict"], "unexpected", "{json}");
    let status = project.run(&["status", "--json", "--exit-code"]).expect_code(3).json();
    assert!(status["drift"].to_string().contains(index), "{}", status["drift"]);
    let audit = project.run(&["audit"]).expect_code(0);
    assert!(
        audit.stdout.contains(&format!("Not made by any phase:\n  {index}\n")),
        "{}",
        audit.stdout
    );
    let json = project.run(&["audit", "--json"]).expect_code(0).json();
    assert_eq!(json["unmade"][0]["name"], "idx_dso_catalog_catalog_name_number");
    assert_eq!(json["unmade"].as_array().unwrap().len(), 1);
    assert_eq!(json["missing"].as_array().unwrap().len(), 0);
}

/// The views of the gene catalogue, each with its layer.
const LAYERS: [&str; 10] = [
    "1 cache_stats",
    "1 evidence_classification_weights",
    "1 evidence_source_counts",
    "1 evidence_summary_view",
    "1 static_evidence_counts",
    "2 evidence_count_percentiles",
    "2 static_evidence_scores",
    "3 evidence_normalized_scores",
    "4 combined_evidence_scores",
    "5 gene_scores",
];

#[test]
fn an_audit_counts_what_sqlite_counts() {
    let project = at_head("gene_catalogue");
    let before = project.snapshot();
    let json = project.run(&["audit", "--json"]).expect_code(0).json();
    assert_eq!(project.snapshot(), before);
    let count = |list: &str, sql: &str| {
        let sql = format!(
            "SELECT count(*) FROM ({sql}) WHERE tbl_name NOT IN ('schema_version', 'phase_history')"
        );
        let wanted = sqlite3(&project.database(), &sql);
        assert_eq!(json[list].as_array().unwrap().len().to_string(), wanted.trim(), "{list}");
    };
    count("tables", "SELECT tbl_name FROM sqlite_schema WHERE type = 'table'");
    count("indexes", "SELECT tbl_name FROM sqlite_schema WHERE type = 'index'");
    count("views", "SELECT tbl_name FROM sqlite_schema WHERE type = 'view'");
    count("triggers", "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger'");
    let layers: Vec<String> = json["views"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["layer"], it["name"].as_str().unwrap()))
        .collect();
    assert_eq!(layers, LAYERS);
    let of = |list: &str, name: &str| {
        let all = json[list].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap().clone()
    };
    let genes = of("tables", "genes");
    assert_eq!(genes["made_by"], "001_initial_complete");
    assert_eq!(genes["changed_by"], "e4c1d9a07b52");
    let sources = of("tables", "static_sources");
    assert_eq!(sources["named_checks"], serde_json::json!(["static_sources_type_check"]));
    assert_eq!((&sources["unique"], &sources["columns"]), (&1.into(), &11.into()));
    let merged = of("indexes", "idx_evidence_merge_history");
    let flags =
        [&merged["partial"], &merged["expression"], &merged["unique"], &merged["automatic"]];
    assert_eq!(flags, [true, true, false, false]);
    let trigger = of("triggers", "update_curation_on_evidence_insert");
    assert_eq!(trigger["made_by"], "1913be50fe24");
    assert!(json["unmade"].as_array().unwrap().is_empty());
    let text = project.run(&["audit"]).expect_code(0).stdout;
    let summary = "13 tables, 44 indexes (7 automatic, 3 other unique, 4 partial, 1 on expressions), 10 views in 5 layers, \
                   4 triggers";
    assert!(text.contains(summary), "{text}");
    assert!(
        text.contains(
            "gene_scores: layer 5; made by 001_initial_complete, changed by e4c1d9a07b52"
        ),
        "{text}"
    );
}

#[test]
fn an_audit_reads_any_file_and_hostile_names() {
    let project = Project::empty();
    let file = project.path("other.db");
    sqlite3(
        &file,
        "CREATE TABLE \"a\"\"b\u{1b}[31m\"(x, CHECK (x > 0)); CREATE VIEW broken AS SELECT * FROM nowhere;
         CREATE VIRTUAL TABLE texts USING fts5(body);",
    );
    let output = project.run_here(&["audit", "other.db"]).expect_code(0);
    assert!(!output.stdout.contains('\u{1b}'), "{}", output.stdout);
    for says in
        ["No phase is recorded.", "broken: does not compile", "1 virtual table, 5 shadow tables"]
    {
        assert!(output.stdout.contains(says), "{}", output.stdout);
    }
    project.run_here(&["audit"]).expect_code(2);
    let missing = project.run_here(&["audit", "nowhere.db"]);
    assert_eq!(missing.code, 4, "{}", missing.stderr);
}

#[test]
fn a_schema_script_is_the_same_for_every_order_of_the_file() {
    let project = at_head("gene_catalogue");
    let script = project.run(&["audit", "--schema"]).expect_code(0).stdout;
    project.run(&["audit", "--schema", "--output", "schema.sql"]).expect_code(0);
    assert_eq!(std::fs::read_to_string(project.path("schema.sql")).unwrap(), script);
    let original = texts(&project.database());
    let kinds = |name: &str| script.find(&format!("CREATE VIEW {name}")).unwrap();
    assert!(kinds("evidence_source_counts") < kinds("evidence_count_percentiles"));
    assert!(kinds("combined_evidence_scores") < kinds("gene_scores"));
    for seed in 0..4 {
        let made = project.path(format!("made{seed}.db"));
        // SQLite wants a table before its indexes and triggers, and takes views in any order.
        let mut order = shuffled(original.clone(), seed);
        order.sort_by_key(|it| !it.starts_with("CREATE TABLE"));
        let sql: String = order.iter().map(|it| format!("{it};\n")).collect();
        sqlite3(&made, &sql);
        let again = project.run_here(&["audit", "--schema", "-d", made.to_str().unwrap()]);
        assert_eq!(again.expect_code(0).stdout, script, "seed {seed}");
    }
    let made = project.path("made.db");
    sqlite3(&made, &script);
    let (mut one, mut other) = (original, texts(&made));
    one.sort();
    other.sort();
    assert_eq!(one, other, "the sqlite3 program stores the same texts");
    // A database is never overwritten.
    let bytes = std::fs::read(&made).unwrap();
    let refused = project.run(&["audit", "--schema", "--output", "made.db"]).expect_code(2);
    assert!(refused.stderr.contains("is a database"), "{}", refused.stderr);
    assert!(std::fs::read(&made).unwrap() == bytes);
    project.run(&["audit", "--output", "x.sql"]).expect_code(2);
}

#[test]
fn twenty_shuffles_of_a_schema_file_are_the_same_schema() {
    let project = at_head("gene_catalogue");
    let original = texts(&project.database());
    let script = project.run(&["audit", "--schema"]).expect_code(0).stdout;
    let mut checked = 0;
    for seed in 0..20 {
        let order = shuffled(original.clone(), seed);
        let sql: String = order.iter().map(|it| format!("{it};\n")).collect();
        std::fs::write(project.path("schema.sql"), &sql).unwrap();
        // The file is not one that SQLite reads from the top to the end.
        checked += usize::from(try_sqlite3(&project.path(format!("t{seed}.db")), &sql).is_err());
        let diff = project.run(&["diff", "database", "schema.sql"]).expect_code(0);
        assert!(diff.stdout.contains("has the schema of"), "{}", diff.stdout);
        if seed % 7 == 0 {
            let fresh = Project::empty();
            fresh.write("schema.sql", &sql);
            fresh.run(&["revision", "-m", "all", "--autogenerate"]).expect_code(0);
            fresh.run(&["upgrade", "--create"]).expect_code(0);
            let made = fresh.run(&["audit", "--schema"]).expect_code(0).stdout;
            assert_eq!(made, script, "seed {seed}");
        }
    }
    assert!(checked > 15, "{checked} of the shuffles need another order");
    // In a folder, one file for each object.
    std::fs::remove_file(project.path("schema.sql")).unwrap();
    for (number, text) in shuffled(original, 99).iter().enumerate() {
        project.write(&format!("schema/{number:03}.sql"), &format!("{text};\n"));
    }
    project.run(&["diff", "database", "schema/"]).expect_code(0);
}

#[test]
fn dependencies_as_a_diagram() {
    let project = at_head("gene_catalogue");
    let json = project.run(&["deps", "gene_evidence", "--format", "json"]).expect_code(0).json();
    assert_eq!(json["objects"][0]["views"].as_array().unwrap().len(), 9, "all but cache_stats");
    let text = project.run(&["deps", "--format", "mermaid"]).expect_code(0).stdout;
    assert!(text.starts_with("flowchart LR\n"), "{text}");
    let id = |name: &str, text: &str| {
        let line = text.lines().find(|it| it.contains(&format!("\"{name}\""))).unwrap();
        line.trim_start().split(['[', '(', '{']).next().unwrap().to_owned()
    };
    for (from, to) in [
        ("gene_scores", "combined_evidence_scores"),
        ("gene_scores", "genes"),
        ("evidence_count_percentiles", "evidence_source_counts"),
        ("update_curation_on_evidence_insert", "gene_curations"),
    ] {
        let edge = format!("  {} --> {}\n", id(from, &text), id(to, &text));
        assert!(text.contains(&edge), "{from} to {to}: {text}");
    }
    let not = format!(
        "  {} --> {}\n",
        id("evidence_count_percentiles", &text),
        id("gene_evidence", &text)
    );
    assert!(!text.contains(&not), "what a view reads through another view has no arrow");
    sqlite3(&project.database(), "CREATE TABLE \"a\"\"]; x --> y\"(x)");
    let text = project.run(&["deps", "--format", "mermaid"]).expect_code(0).stdout;
    assert!(text.contains("[\"a#34;]#59; x --#62; y\"]"), "{text}");
}

#[test]
fn a_reset_keeps_a_backup_and_the_properties_of_the_file() {
    let project = Project::empty();
    sqlite3(
        &project.database(),
        "PRAGMA page_size = 1024; PRAGMA encoding = 'UTF-16le'; PRAGMA application_id = 77; PRAGMA user_version = 5;
         PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE);
         CREATE TABLE c(x REFERENCES t(a)); INSERT INTO t(b) VALUES ('one'), ('two'); INSERT INTO c VALUES (1);
         CREATE VIEW v AS SELECT * FROM t; CREATE VIEW broken AS SELECT x FROM nowhere;
         CREATE TRIGGER g AFTER DELETE ON t BEGIN DELETE FROM nowhere; END;
         CREATE VIRTUAL TABLE texts USING fts5(body); INSERT INTO texts VALUES ('m31'); ANALYZE",
    );
    let before = project.snapshot();
    let refused = project.run(&["reset"]).expect_code(4);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    project.run(&["reset", "--dry-run"]).expect_code(0);
    assert_eq!(project.snapshot(), before);
    let rows = |path: &Path| sqlite3(path, "SELECT * FROM t; SELECT * FROM c; SELECT * FROM texts");
    let held = rows(&project.database());
    let json = project.run(&["reset", "--yes", "--json"]).expect_code(0).json();
    assert_eq!((&json["changed"], &json["note"]), (&true.into(), &serde_json::Value::Null));
    let backup = PathBuf::from(json["backup"].as_str().unwrap());
    assert_eq!(rows(&backup), held);
    let left = "SELECT group_concat(name) FROM sqlite_schema; PRAGMA page_size; PRAGMA encoding; PRAGMA application_id;
                PRAGMA user_version; PRAGMA journal_mode; PRAGMA freelist_count; PRAGMA integrity_check";
    let left = sqlite3(&project.database(), left);
    assert_eq!(left, "\n1024\nUTF-16le\n77\n5\nwal\n0\nok");
    project.run(&["restore", "--latest", "--yes"]).expect_code(0);
    assert_eq!(rows(&project.database()), held);
}

#[test]
fn a_reset_file_takes_the_phases_again() {
    let project = Project::with_catalogue(&SampleOptions { files: 20, ..SampleOptions::default() });
    project.run(&["reset", "--yes"]).expect_code(0);
    project.run(&["upgrade"]).expect_code(0);
    project.run(&["verify"]).expect_code(0);
    let count = sqlite3(&project.database(), "SELECT count(*) FROM imaging_sessions");
    assert_eq!(count.trim(), "0");
}

#[test]
fn a_reset_waits_for_nobody_and_changes_nothing() {
    let project = at_head("observatory");
    load_rows(&connect(&project.database()), "observatory", SMALL);
    let before = project.snapshot();
    let mut other = Other::start(&project.database());
    for hold in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        other.say(hold);
        let output = project.run(&["reset", "--yes", "--wait", "0"]).expect_code(5);
        assert!(output.stderr.contains("nothing was changed"), "{}", output.stderr);
        other.say("ROLLBACK");
    }
    assert_eq!(project.snapshot(), before);
    // A reader that is in the middle of reading, too.
    other.say("BEGIN");
    other.say("SELECT count(*) FROM dso_catalog");
    project.run(&["reset", "--yes", "--wait", "0"]).expect_code(5);
    other.say("ROLLBACK");
    let counted = sqlite3(&project.database(), "SELECT count(*) FROM output_files");
    assert_eq!(counted.trim(), "10000");
}
