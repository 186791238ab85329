//! Squash: one phase in the place of many makes the very same file, and says what it stands for. Judged by plain SQL.

use std::path::Path;

use phaseshift::files::RealFiles;
use phaseshift::phase::{Chain, PhaseId};
use phaseshift::{ErrorKind, Remedy};
use rusqlite::Connection;

use support::{Project, Snapshot, sqlite3};

fn project(fixture: &str) -> Project {
    let project = Project::empty_in_memory();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        std::fs::copy(&path, project.phases().join(name)).unwrap();
    }
    project
}

fn folder(project: &Project) -> Snapshot {
    Snapshot::of_folder(&project.phases())
}

const VERSIONS: &str = "('schema_version', 'phase_history')";

/// Everything in a file but its version tables: the text of every object, and every value of every table with its
/// storage class, rowids included where a table has them.
fn everything(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let list = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut found = list(&format!(
        "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || ifnull(sql, '') FROM sqlite_schema \
         WHERE tbl_name NOT IN {VERSIONS} ORDER BY 1"
    ));
    let tables = list(&format!(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT IN {VERSIONS} \
         AND name NOT LIKE 'sqlite_s%ma' ORDER BY 1"
    ));
    for table in tables {
        let quoted = table.replace('"', "\"\"");
        let columns =
            list(&format!("SELECT name FROM pragma_table_xinfo('{}')", table.replace('\'', "''")));
        let values: Vec<String> = columns
            .iter()
            .map(|column| {
                let column = column.replace('"', "\"\"");
                format!("typeof(\"{column}\") || ':' || quote(\"{column}\")")
            })
            .collect();
        let rows =
            list(&format!("SELECT {} FROM \"{quoted}\" ORDER BY 1", values.join(" || ';' || ")));
        found.push(format!("{table}: {} columns {columns:?}, {} rows", columns.len(), rows.len()));
        found.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    found
}

/// A new file of the phases in the folder, at the only head.
fn fresh(project: &Project, name: &str) -> Vec<String> {
    let path = project.aside(name);
    let phases = project.phases();
    let arguments =
        ["upgrade", "--create", "-d", path.to_str().unwrap(), "--phases", phases.to_str().unwrap()];
    project.run_here(&arguments).expect_code(0);
    everything(&path)
}

fn squash(project: &Project, range: &[&str]) -> serde_json::Value {
    let arguments =
        [&["squash", "-m", "All so far", "--id", "all", "--yes", "--json"], range].concat();
    project.run(&arguments).expect_code(0).json()
}

fn names(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(project.phases())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn observatory_becomes_one_phase_and_comes_back() {
    let project = project("observatory/phases");
    let before = folder(&project);
    let chain = fresh(&project, "chain.db");
    assert!(
        chain.iter().any(|it| it.starts_with("image_source_stats: ") && it.contains("integer:"))
    );
    project.run(&["upgrade", "--create"]).expect_code(0);
    let (old, bytes) = (everything(&project.database()), project.file_bytes());

    let report = squash(&project, &[]);
    assert_eq!(report["version"], 14);
    assert_eq!(report["replaces"].as_array().unwrap().len(), 14);
    assert_eq!(report["objects"]["before"], report["objects"]["after"]);
    assert_eq!(names(&project), ["all.toml", "archive"]);
    assert_eq!(fresh(&project, "squash.db"), chain);

    // A file at the old head is recognised, and not a byte of it is written.
    let upgrade = project.run(&["upgrade", "--json"]).expect_code(0).json();
    assert_eq!(upgrade["changed"], false, "{upgrade}");
    let current = project.run(&["current", "--json"]).expect_code(0).json();
    assert_eq!((&current["ids"][0], &current["version"]), (&"all".into(), &14.into()));
    assert_eq!(project.run(&["verify"]).expect_code(0).code, 0);
    assert_eq!(project.file_bytes(), bytes);

    // The next phase stands on the squash and runs on both files.
    let next = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/observatory_after_squash/00000002.toml"),
    );
    let next = next.unwrap();
    let next = next.replace("00000001_init", "all");
    project.write_phase("00000002.toml", &next);
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(fresh(&project, "next.db"), everything(&project.database()));
    project.run(&["downgrade", "all"]).expect_code(0);
    assert_eq!(everything(&project.database()), old);
    std::fs::remove_file(project.phases().join("00000002.toml")).unwrap();

    project.run(&["squash", "--undo", "--yes"]).expect_code(0);
    assert_eq!(folder(&project), before);
    assert_eq!(fresh(&project, "again.db"), chain);
}

#[test]
fn gene_catalogue_keeps_its_views_in_layers() {
    let project = project("gene_catalogue/phases");
    let before = folder(&project);
    let chain = fresh(&project, "chain.db");
    squash(&project, &[]);
    assert_eq!(fresh(&project, "squash.db"), chain);
    let text = std::fs::read_to_string(project.phases().join("all.toml")).unwrap();
    let place = |name: &str| {
        let head = format!("CREATE VIEW {name}");
        let at = [" ", "\n", "("].iter().find_map(|end| text.find(&format!("{head}{end}")));
        at.unwrap_or_else(|| panic!("{name} is missing"))
    };
    for (view, reads) in [
        ("evidence_count_percentiles", "evidence_source_counts"),
        ("static_evidence_scores", "static_evidence_counts"),
        ("evidence_normalized_scores", "evidence_count_percentiles"),
        ("evidence_normalized_scores", "evidence_classification_weights"),
        ("combined_evidence_scores", "evidence_normalized_scores"),
        ("combined_evidence_scores", "static_evidence_scores"),
        ("gene_scores", "combined_evidence_scores"),
    ] {
        assert!(place(reads) < place(view), "{view} comes before {reads}");
    }
    // ALTER TABLE still works below ten views.
    let copy = project.aside("squash.db");
    sqlite3(
        &copy,
        "ALTER TABLE genes ADD COLUMN note TEXT; ALTER TABLE genes RENAME COLUMN note TO remark",
    );
    project.run(&["squash", "--undo", "--yes"]).expect_code(0);
    assert_eq!(folder(&project), before);
}

/// What real teams lost when they squashed by hand, each planted in the file of a squash.
#[test]
fn values_from_the_clock_or_from_chance_are_no_difference_between_a_squash_and_its_phases() {
    let project = Project::empty_in_memory();
    let phase = |name: &str, sql: &str| project.write_phase(name, sql);
    phase(
        "1_tables.sql",
        "CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT, token TEXT DEFAULT (hex(randomblob(9))));\n\
         CREATE TABLE keys (value TEXT PRIMARY KEY) WITHOUT ROWID;\n",
    );
    phase(
        "2_rows.sql",
        "INSERT INTO projects(name) VALUES ('first'), ('second');\n\
         INSERT INTO keys VALUES (hex(randomblob(9)));\n",
    );
    squash(&project, &[]);
    let said = project.run(&["check"]).expect_code(0).stdout;
    assert!(said.contains("from chance in keys, projects are not compared"), "{said}");
    // What is no such value is compared as before.
    let file = project.phases().join("all.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, whole.replace("'second'", "'other'")).unwrap();
    let said = project.run(&["check"]).expect_code(3).stdout;
    assert!(said.contains("table projects: 1 row is different"), "{said}");
    let start = whole.find("INSERT INTO keys").or_else(|| whole.find("INSERT INTO \"keys\""));
    let statement = whole[start.unwrap()..].split_inclusive(';').next().unwrap();
    std::fs::write(&file, whole.replace(statement, "SELECT 1;")).unwrap();
    let said = project.run(&["check"]).expect_code(3).stdout;
    assert!(said.contains("table keys: it has 0 rows instead of 1"), "{said}");
}

/// Phases in SQL rename as SQLite does, those in TOML keep what views return.
#[test]
fn renames_in_sql_and_in_toml_are_squashed_unless_a_view_tells_them_apart() {
    let range = |view: &str| {
        let project = Project::empty_in_memory();
        project.write_phase(
            "1_base.sql",
            &format!("CREATE TABLE t (a, b);\nCREATE TABLE other (a);\n{view}\n"),
        );
        let rename = "[[up]]\nop = 'rename_column'\ntable = 't'\nfrom = 'a'\nto = 'x'\n";
        project.write_phase("2_toml.toml", rename);
        project.write_phase("3_sql.sql", "ALTER TABLE t RENAME COLUMN b TO y;\n");
        let squash = ["squash", "2_toml:3_sql", "-m", "Renames", "--id", "all", "--yes"];
        (project.run(&squash), project)
    };
    let (plain, project) = range("CREATE VIEW v AS SELECT a FROM other;");
    plain.expect_code(0);
    let said = project.run(&["check"]).expect_code(0).stdout;
    assert!(said.contains("all makes what the phases in "), "{said}");
    let said = range("CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT b FROM t;")
        .0
        .expect_code(4)
        .stderr;
    assert!(said.contains("2_toml keep what they return, 3_sql follow"), "{said}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table with one entry for each loss")]
fn every_planted_loss_is_named_by_check() {
    let project = project("gene_catalogue/phases");
    project.write_phase(
        "17_seeds.toml",
        "parents = [\"e4c1d9a07b52\"]\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE providers (id INTEGER PRIMARY KEY, \
         name TEXT NOT NULL UNIQUE, weight REAL DEFAULT 0.5)\"\n[[up]]\nop = \"sql\"\n\
         sql = \"INSERT INTO providers(name) VALUES ('one'), ('two'), ('three')\"\n",
    );
    squash(&project, &[]);
    let file = project.phases().join("all.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    let said = project.run(&["check"]).expect_code(0).stdout;
    assert!(said.contains("all makes what the phases in "), "{said}");
    let without = |op: &str, mark: &str| -> String {
        let blocks: Vec<&str> = whole.split("\n[[").collect();
        let gone = |it: &&&str| it.contains(&format!("op = \"{op}\"")) && it.contains(mark);
        assert!(blocks.iter().any(|it| gone(&it)), "{op} {mark}");
        let kept: Vec<&str> = blocks.iter().filter(|it| !gone(it)).copied().collect();
        kept.join("\n[[")
    };
    let replaced = |from: &str, to: &str| -> String {
        assert!(whole.contains(from), "{from}");
        whole.replacen(from, to, 1)
    };
    let losses = [
        (without("create_view", "VIEW gene_scores"), "view gene_scores is missing"),
        (without("create_trigger", "TRIGGER update_curation"), "trigger update_curation"),
        (without("create_index", "ix_genes_hgnc_id"), "index ix_genes_hgnc_id is missing"),
        (
            replaced("UNIQUE, weight REAL", ", weight REAL"),
            "table providers: name UNIQUE is missing",
        ),
        (
            replaced("weight REAL DEFAULT 0.5", "weight REAL"),
            "column providers.weight is REAL instead of REAL DEFAULT 0.5",
        ),
        (
            replaced("weight REAL DEFAULT", "weight INTEGER DEFAULT"),
            "column providers.weight is INTEGER DEFAULT 0.5 instead of",
        ),
        (
            replaced(
                "name TEXT NOT NULL UNIQUE, weight REAL DEFAULT 0.5",
                "weight REAL DEFAULT 0.5, name TEXT NOT NULL UNIQUE",
            ),
            "the columns of providers are in another order",
        ),
        (replaced("  (2, 'two', 0.5),\n", ""), "table providers: 1 row is missing"),
        (replaced("(2, 'two', 0.5)", "(2, 'TWO', 0.5)"), "table providers: 1 row is different"),
    ];
    for (number, (text, name)) in losses.into_iter().enumerate() {
        std::fs::write(&file, &text).unwrap();
        let said = project.run(&["check"]).expect_code(3).stdout;
        assert!(said.contains(name), "{name}: {said}");
        assert!(said.contains("all: it does not make what the phases in "), "{said}");
        if number == 0 {
            let json = project.run(&["check", "--json"]).expect_code(3).json();
            assert!(json["problems"].to_string().contains(name), "{json}");
        }
    }
    // A CHECK constraint, wherever the squash has one.
    let place = whole.find("CHECK (").unwrap();
    let end = place + whole[place..].find(')').unwrap() + 1;
    let depth = |text: &str| text.matches('(').count() == text.matches(')').count();
    let end = (end..whole.len())
        .find(|at| whole.is_char_boundary(*at) && depth(&whole[place..*at]))
        .unwrap();
    let text = format!("{}CHECK (1){}", &whole[..place], &whole[end..]);
    std::fs::write(&file, text).unwrap();
    let said = project.run(&["check"]).expect_code(3).stdout;
    assert!(said.contains("CHECK (") && said.contains("is missing"), "{said}");
    // The file as it was written passes.
    std::fs::write(&file, &whole).unwrap();
    project.run(&["check"]).expect_code(0);
}

/// Every state that a file may have in the graph, as the library judges it: only the head is the squash, and every other
/// one is told to apply the archived phases first.
fn judge_every_state(before: &Chain, after: &Chain, head: &str) {
    for phase in before.phases() {
        let ids = before.ancestors(&phase.id).into_iter().chain([phase.id.clone()]);
        let recorded: Vec<_> = ids.map(|id| (id, None)).collect();
        match after.check_applied(&recorded) {
            Ok(applied) => {
                assert_eq!(phase.id.as_str(), head);
                assert_eq!(applied.ids().map(PhaseId::as_str).collect::<Vec<_>>(), ["all"]);
            }
            Err(error) => {
                assert_ne!(phase.id.as_str(), head, "{error}");
                assert_eq!(error.kind(), ErrorKind::PhaseMissing);
                assert_eq!(error.facts().remedy, Some(Remedy::ApplyArchived));
            }
        }
    }
}

/// Some of the states as files: the head is recognised without a write, the others follow the advice word by word.
fn every_state_is_told_the_truth(fixture: &str, head: &str, samples: &[&str]) {
    let project = project(fixture);
    let chain = fresh(&project, "chain.db");
    let before = Chain::read(&RealFiles, &project.phases()).unwrap();
    let file = |id: &str| project.aside(&format!("at_{id}.db"));
    let phases = project.phases();
    let run = |id: &str, arguments: &[&str]| {
        let path = file(id);
        let place = ["-d", path.to_str().unwrap(), "--phases", phases.to_str().unwrap()];
        project.run_here(&[arguments, &place].concat())
    };
    for id in samples {
        run(id, &["upgrade", id, "--create"]).expect_code(0);
    }
    squash(&project, &[]);
    judge_every_state(&before, &Chain::read(&RealFiles, &project.phases()).unwrap(), head);
    for id in samples {
        let bytes = std::fs::read(file(id)).unwrap();
        if *id == head {
            run(id, &["upgrade"]).expect_code(0);
            assert_eq!(std::fs::read(file(id)).unwrap(), bytes, "{id}: the file was written");
            continue;
        }
        let refused = run(id, &["upgrade"]).expect_code(4);
        assert!(refused.stderr.contains("phase all stands for"), "{}", refused.stderr);
        assert_eq!(std::fs::read(file(id)).unwrap(), bytes, "{id}: the file was written");
        run(id, &["status"]).expect_code(0);
        let advice = refused.stderr.lines().find_map(|line| line.split_once("phaseshift upgrade "));
        let words: Vec<&str> = advice.unwrap().1.split_whitespace().collect();
        let path = file(id);
        let advised = [&["upgrade"], words.as_slice(), &["-d", path.to_str().unwrap()]].concat();
        project.run_here(&advised).expect_code(0);
        run(id, &["upgrade"]).expect_code(0);
        let current = run(id, &["current", "--json"]).expect_code(0).json();
        assert_eq!(current["ids"][0], "all");
        assert_eq!(everything(&file(id)), chain, "{id}");
    }
}

#[test]
fn every_state_of_charts_is_told_the_truth() {
    let samples = ["99dbbd3990dd", "303700b12232", "a1b2c3d4e5f6"];
    every_state_is_told_the_truth("charts/phases", "a1b2c3d4e5f6", &samples);
}

#[test]
fn every_state_of_photo_map_is_told_the_truth() {
    let samples = ["013_add_photo_annotations", "029_share_links"];
    every_state_is_told_the_truth("photo_map/phases", "029_share_links", &samples);
}

#[test]
fn ranges_are_squashed_and_forks_in_their_middle_are_named() {
    for (fixture, ranges) in [
        (
            "charts/phases",
            ["14f966eaec6d:93b7ace49920", "ccc076a63ea8:add_rag_160000", "303700b12232:"],
        ),
        (
            "photo_map/phases",
            [
                "001_initial_schema:007_contact_messages",
                "d40f1e993188:752936a4a4f3",
                "36f92ec81625:012",
            ],
        ),
    ] {
        let project = project(fixture);
        let before = folder(&project);
        let chain = fresh(&project, "chain.db");
        for (number, range) in ranges.into_iter().enumerate() {
            let range =
                range.strip_suffix(':').map_or(range.to_owned(), |it| format!("{it}:a1b2c3d4e5f6"));
            let report = squash(&project, &[&range]);
            assert_eq!(report["changed"], true, "{report}");
            assert_eq!(fresh(&project, &format!("squash{number}.db")), chain, "{range}");
            if number == 0 {
                project.run(&["check"]).expect_code(0);
            }
            project.run(&["squash", "--undo", "--yes"]).expect_code(0);
            assert_eq!(folder(&project), before, "{range}");
        }
    }
    let charts = project("charts/phases");
    let before = folder(&charts);
    for (range, said) in [
        (
            "14f966eaec6d:44bae117595b",
            "99dbbd3990dd, which is outside, follows 17d797292022: a fork leaves",
        ),
        (
            "44bae117595b:93b7ace49920",
            "93b7ace49920 follows 99dbbd3990dd, which is outside: a fork enters",
        ),
    ] {
        let refused = charts.run(&["squash", range, "-m", "x", "--yes"]).expect_code(4);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        assert_eq!(folder(&charts), before);
    }
    let photos = project("photo_map/phases");
    let refused =
        photos.run(&["squash", "008_push_notifications:d40f1e993188", "-m", "x", "--yes"]);
    assert!(refused.expect_code(4).stderr.contains("a fork enters the range"));
}

fn small(project: &Project) {
    project.write_phase(
        "a.toml",
        "id = 'a'\nparents = []\n[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)'\n",
    );
    project.write_phase(
        "b.toml",
        "id = 'b'\nparents = ['a']\n[[up]]\nop = 'add_column'\ntable = 't'\ncolumn = \"w TEXT DEFAULT ''\"\n",
    );
    project.write_phase(
        "c.toml",
        "id = 'c'\nparents = ['b']\n[[up]]\nop = 'sql'\nsql = \"UPDATE t SET w = upper(v)\"\n\
         [[down]]\nop = 'sql'\nsql = \"UPDATE t SET w = ''\"\n\
         [[up]]\nop = 'rename_column'\ntable = 't'\nfrom = 'w'\nto = 'x'\n\
         [[down]]\nop = 'rename_column'\ntable = 't'\nfrom = 'x'\nto = 'w'\n",
    );
    project.write_phase(
        "d.toml",
        "id = 'd'\nparents = ['c']\n[[up]]\nop = 'create_index'\nsql = 'CREATE INDEX i ON t(x)'\n",
    );
}

/// A range that stands on other phases meets files with rows: its data steps run on them.
#[test]
fn a_range_in_the_middle_keeps_what_it_does_to_rows() {
    let file = |squashed: bool| {
        let project = Project::empty_in_memory();
        small(&project);
        project.run(&["upgrade", "a", "--create"]).expect_code(0);
        sqlite3(&project.database(), "INSERT INTO t VALUES (1, 'one'), (2, NULL)");
        if squashed {
            project.run(&["squash", "b:c", "-m", "x", "--id", "bc", "--yes"]).expect_code(0);
        }
        project.run(&["upgrade"]).expect_code(0);
        everything(&project.database())
    };
    assert_eq!(file(true), file(false));
    assert!(file(true).iter().any(|it| it.contains("'ONE'")));
}

#[test]
fn an_adopted_file_goes_down_and_up_again() {
    for last in ["d", "c"] {
        let project = Project::empty_in_memory();
        small(&project);
        project.run(&["upgrade", last, "--create"]).expect_code(0);
        let before = everything(&project.database());
        project
            .run(&["squash", &format!("a:{last}"), "-m", "x", "--id", "abc", "--yes"])
            .expect_code(0);
        project.run(&["downgrade", "base", "--accept-loss"]).expect_code(0);
        let versions = "SELECT count(*) FROM schema_version";
        assert_eq!(sqlite3(&project.database(), versions), "0");
        assert!(everything(&project.database()).is_empty());
        let current = project.run(&["current", "--json"]).expect_code(0).json();
        assert_eq!(current["ids"], serde_json::json!([]));
        project.run(&["upgrade", "abc"]).expect_code(0);
        assert_eq!(everything(&project.database()), before);
        assert_eq!(
            sqlite3(&project.database(), "SELECT version FROM schema_version"),
            if last == "d" { "4" } else { "3" }
        );
    }
}

/// Another program wrote the version rows, and no history.
#[test]
fn a_file_without_a_history_is_recognised_by_the_versions() {
    for (rows, code) in [("(1), (2), (3), (4)", 0), ("(4)", 0), ("(1), (2)", 4), ("(2)", 4)] {
        let project = Project::empty_in_memory();
        small(&project);
        let target = if code == 0 { "d" } else { "b" };
        project.run(&["upgrade", target, "--create"]).expect_code(0);
        sqlite3(
            &project.database(),
            &format!(
                "DROP TABLE phase_history; DELETE FROM schema_version; INSERT INTO schema_version(version) VALUES {rows}"
            ),
        );
        project.run(&["squash", "-m", "x", "--id", "all", "--yes"]).expect_code(0);
        let bytes = project.file_bytes();
        let said = project.run(&["upgrade"]).expect_code(code);
        assert_eq!(project.file_bytes(), bytes, "{rows}: {}", said.stderr);
        if code == 4 {
            assert!(said.stderr.contains("all stands for 4 phases"), "{rows}: {}", said.stderr);
        }
    }
}

const AWKWARD: &str = r#"
parents = []
[[up]]
op = "create_table"
sql = "CREATE TABLE child(id INTEGER PRIMARY KEY AUTOINCREMENT, p REFERENCES parent(k), v)"
[[up]]
op = "create_table"
sql = "CREATE TABLE parent(k TEXT PRIMARY KEY COLLATE NOCASE, \"odd \"\"name\" REAL, b BLOB) WITHOUT ROWID"
[[up]]
op = "create_table"
sql = "CREATE TABLE loose(a, b AS (a || 'x'), c TEXT DEFAULT 'd''e')"
[[up]]
op = "create_table"
sql = "CREATE VIRTUAL TABLE search USING fts5(body, content='notes', content_rowid='id')"
[[up]]
op = "create_table"
sql = "CREATE VIRTUAL TABLE own USING fts5(x, y UNINDEXED)"
[[up]]
op = "create_table"
sql = "CREATE VIRTUAL TABLE area USING rtree(id, x0, x1)"
[[up]]
op = "create_table"
sql = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)"
[[up]]
op = "create_trigger"
sql = """CREATE TRIGGER twice AFTER INSERT ON notes WHEN new.id < 100 BEGIN
  INSERT INTO notes(id, body) VALUES (new.id + 100, 'copy of ' || new.body);
END"""
[[up]]
op = "create_index"
sql = "CREATE UNIQUE INDEX by_value ON child(v) WHERE v IS NOT NULL"
[[up]]
op = "sql"
sql = '''
INSERT INTO parent VALUES ('é', 0.1, x'00ff'), ('it''s', -1e300, x''), ('a', 9e999, NULL);
INSERT INTO child VALUES (3, 'é', 1.0), (7, 'a', '1'), (9, NULL, NULL);
DELETE FROM child WHERE id = 9;
INSERT INTO loose(rowid, a) VALUES (5, 1e15), (-2, char(10) || 'line' || char(13)), (6, 123456789012345678);
INSERT INTO notes VALUES (1, 'first words'), (2, 'second');
INSERT INTO own(rowid, x, y) VALUES (4, 'red green', 1);
INSERT INTO area VALUES (1, 0.5, 1.25);
INSERT INTO search(search) VALUES ('rebuild');
'''
"#;

#[test]
fn rows_of_every_kind_come_through() {
    let project = Project::empty_in_memory();
    project.write_phase("a.toml", AWKWARD);
    project.write_phase("b.toml", "parents = ['a']\n[[up]]\nop = 'create_view'\nsql = 'CREATE VIEW v AS SELECT body FROM notes'\n");
    let chain = fresh(&project, "chain.db");
    let asked = |name: &str| {
        let path = project.aside(name);
        [
            "SELECT group_concat(rowid || body, '|') FROM search WHERE search MATCH 'words'",
            "SELECT rowid || x || y FROM own WHERE own MATCH 'green'",
            "SELECT id || ' ' || x0 || ' ' || x1 FROM area",
            "SELECT group_concat(name || seq) FROM sqlite_sequence",
            "SELECT group_concat(rowid || ' ' || quote(a) || typeof(a)) FROM loose",
            "SELECT count(*) FROM notes",
        ]
        .map(|question| sqlite3(&path, question))
    };
    let before = asked("chain.db");
    assert!(before[0].contains("first words") && before[3].contains("child9") && before[5] == "4");
    let report = squash(&project, &[]);
    assert_eq!(fresh(&project, "squash.db"), chain);
    assert_eq!(asked("squash.db"), before);
    let tables: Vec<&str> =
        report["rows"].as_array().unwrap().iter().map(|it| it["table"].as_str().unwrap()).collect();
    // Parents come before children, whatever order they were made in.
    let place = |name: &str| tables.iter().position(|it| *it == name).unwrap();
    assert!(place("parent") < place("child"), "{tables:?}");
    assert!(place("notes") < place("search"), "{tables:?}");
    // And down again, as the file says itself.
    project.run(&["upgrade", "--create"]).expect_code(0);
    project.run(&["downgrade", "base", "--accept-loss"]).expect_code(0);
    assert!(everything(&project.database()).iter().all(|it| it.contains("sqlite_sequence")));
}

#[test]
fn a_chain_that_begins_with_a_squash_is_squashed_again() {
    let project = Project::empty_in_memory();
    small(&project);
    let chain = fresh(&project, "chain.db");
    project.run(&["upgrade", "--create"]).expect_code(0);
    let original = folder(&project);
    project.run(&["squash", "a:b", "-m", "one", "--id", "one", "--yes"]).expect_code(0);
    let first = folder(&project);
    let report = squash(&project, &[]);
    assert_eq!(report["replaces"], serde_json::json!(["a", "b", "one", "c", "d"]));
    assert_eq!(fresh(&project, "squash.db"), chain);
    // A file of the first chain and one of the second are recognised.
    let bytes = project.file_bytes();
    project.run(&["upgrade"]).expect_code(0);
    assert_eq!(project.file_bytes(), bytes);
    project.run(&["check"]).expect_code(0);
    project.run(&["squash", "--undo", "--yes"]).expect_code(0);
    assert_eq!(folder(&project), first);
    project.run(&["squash", "--undo", "--yes"]).expect_code(0);
    assert_eq!(folder(&project), original);
    project.run(&["squash", "--undo", "--yes"]).expect_code(4);
}

#[test]
fn nothing_is_written_without_an_answer() {
    let project = Project::empty_in_memory();
    small(&project);
    let before = project.snapshot();
    let refused = project.run(&["squash", "-m", "x"]).expect_code(4);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let dry = project.run(&["squash", "-m", "x", "-n", "--json"]).expect_code(0).json();
    assert_eq!((&dry["changed"], &dry["id"]), (&false.into(), &"x".into()));
    project.run(&["squash", "-m", "x", "--id", "a", "--yes"]).expect_code(2);
    project.run(&["squash", "d:a", "-m", "x", "--yes"]).expect_code(2);
    project.run(&["squash", "nosuch:d", "-m", "x", "--yes"]).expect_code(4);
    project.run(&["squash", "a:a", "-m", "x", "--yes"]).expect_code(0);
    project.run(&["squash", "--undo", "--yes"]).expect_code(4);
    assert_eq!(project.snapshot(), before);
    project.write_phase("e.toml", "id = 'e'\nparents = ['c']\n");
    let refused = project.run(&["squash", "-m", "x", "--yes"]).expect_code(4);
    assert!(refused.stderr.contains("2 heads"), "{}", refused.stderr);
}

/// A phase that declares no parents gets them by its place in the folder, and a squash must not change it.
#[test]
fn phases_without_declared_parents_keep_theirs() {
    let project = Project::empty_in_memory();
    for (name, text) in [
        ("m1.toml", "[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE t(a)'\n"),
        ("m2.toml", "[[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'b'\n"),
        ("m3.toml", "[[up]]\nop = 'add_column'\ntable = 't'\ncolumn = 'c'\n"),
    ] {
        project.write_phase(name, text);
    }
    let before = folder(&project);
    let chain = fresh(&project, "chain.db");
    // By its own name it would come behind the last phase.
    project.run(&["squash", "m1:m2", "-m", "zz", "--yes"]).expect_code(0);
    assert_eq!(names(&project), ["archive", "m2_zz.toml", "m3.toml"]);
    assert_eq!(fresh(&project, "squash.db"), chain);
    project.run(&["squash", "--undo", "--yes"]).expect_code(0);
    assert_eq!(folder(&project), before);
}

/// The old files, by name.
fn old_files(project: &Project) -> Vec<(String, Vec<u8>)> {
    let files = names(project).into_iter().filter(|it| it != "archive");
    files.map(|name| (name.clone(), std::fs::read(project.phases().join(name)).unwrap())).collect()
}

fn moved(project: &Project) -> Vec<String> {
    let mut archives = std::fs::read_dir(project.phases().join("archive")).unwrap();
    let archive = archives.next().unwrap().unwrap().path();
    let record = std::fs::read(archive.join("squash.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let moved = record["moved"].as_array().unwrap().iter();
    moved.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

fn interruptible() -> Project {
    let project = Project::empty_in_memory();
    small(&project);
    std::fs::write(project.phases().join("long.sql"), "INSERT INTO t(v) VALUES ('seed');").unwrap();
    let b = std::fs::read_to_string(project.phases().join("b.toml")).unwrap();
    project.write_phase("b.toml", &format!("{b}[[up]]\nop = 'sql'\nfile = 'long.sql'\n"));
    project
}

/// Every instant at which a squash can be killed while it removes the old files: the folder is refused as a whole, and
/// repaired by the same command again or by the undo. An undo that is killed passes the same states.
#[test]
fn an_interrupted_squash_is_finished_or_undone() {
    let project = interruptible();
    let (before, old) = (folder(&project), old_files(&project));
    for (gone, repair) in [(0, "squash"), (1, "undo"), (2, "squash"), (3, "undo"), (4, "squash")] {
        squash(&project, &[]);
        let after = folder(&project);
        let moved = moved(&project);
        assert_eq!(moved.len(), 5);
        assert_eq!(moved[0], "long.sql", "a file that a phase names goes before the phase");
        // So many of the old files are removed, the others are still there.
        for name in &moved[gone..] {
            let bytes = &old.iter().find(|it| it.0 == *name).unwrap().1;
            std::fs::write(project.phases().join(name), bytes).unwrap();
        }
        let refused = project.run(&["history"]).expect_code(4);
        assert!(refused.stderr.contains("squash --undo"), "{}", refused.stderr);
        if repair == "squash" {
            let again = ["squash", "-m", "All so far", "--yes", "--json"];
            assert_eq!(project.run(&again).expect_code(0).json()["finished"], true);
            assert_eq!(folder(&project), after, "{gone}");
        }
        project.run(&["squash", "--undo", "--yes"]).expect_code(0);
        assert_eq!(folder(&project), before, "{gone}");
    }
}

/// The archive is complete and the squash is not written yet, or is removed already.
#[test]
fn an_archive_without_its_squash_goes_away() {
    let project = interruptible();
    let (before, old) = (folder(&project), old_files(&project));
    let file = project.phases().join("all.toml");
    for repair in [&["squash", "--undo", "--yes"][..], &["squash", "a:a", "-m", "x", "--yes"]] {
        squash(&project, &[]);
        std::fs::remove_file(&file).unwrap();
        for (name, bytes) in &old {
            std::fs::write(project.phases().join(name), bytes).unwrap();
        }
        project.run(&["history"]).expect_code(0);
        project.run(repair).expect_code(0);
        assert_eq!(folder(&project), before);
    }
}

#[test]
fn an_undo_overwrites_nothing_that_was_edited() {
    let project = interruptible();
    squash(&project, &[]);
    let file = project.phases().join("all.toml");
    let edited = [std::fs::read(&file).unwrap(), b"\n# edited\n".to_vec()].concat();
    std::fs::write(&file, &edited).unwrap();
    let refused = project.run(&["squash", "--undo", "--yes"]).expect_code(4);
    assert!(refused.stderr.contains("was changed since the squash"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&file).unwrap(), edited);
}
