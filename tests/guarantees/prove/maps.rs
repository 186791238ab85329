//! The map: declared renames, drops and changes, and the lines that are proposed for it.

use super::{app, findings, judged, prove_sql};
use support::{Project, script};

const RENAMES: &str = "ALTER TABLE sessions RENAME TO imaging_sessions;
    ALTER TABLE imaging_sessions RENAME COLUMN session_id TO id;
    ALTER TABLE files RENAME COLUMN width TO width_pixels;
    UPDATE sqlite_stat1 SET tbl = 'imaging_sessions' WHERE tbl = 'sessions';
    UPDATE sqlite_stat1 SET idx = 'by_day' WHERE idx = 'by_date';
    UPDATE sqlite_stat1 SET idx = replace(idx, 'sessions', 'imaging_sessions') WHERE idx LIKE 'sqlite_autoindex_sessions%';
    DROP INDEX by_date; CREATE INDEX by_day ON imaging_sessions(date DESC);";

#[test]
fn renames_are_proposed_and_the_proposal_declares_them() {
    let project = app();
    let report = prove_sql(&project, RENAMES, &["--json"]).expect_code(3).json();
    let found: Vec<_> =
        findings(&report).into_iter().map(|(code, object, _)| format!("{code} {object}")).collect();
    let wanted = [
        "table-renamed? sessions",
        "column-renamed? sessions.session_id",
        "column-renamed? files.width",
        "index-renamed? by_date",
    ];
    for line in wanted {
        assert!(found.contains(&line.to_owned()), "{line}: {found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
    let map = report["map"].as_str().unwrap();
    let lines = "[tables]\n\"sessions\" = \"imaging_sessions\"\n[columns]\n\"sessions.session_id\" = \"id\"\n\
                 \"files.width\" = \"width_pixels\"\n[indexes]\n\"by_date\" = \"by_day\"\n";
    assert_eq!(map, lines);
    project.write("map.toml", map);
    let report =
        prove_sql(&project, RENAMES, &["--json", "--map", "map.toml"]).expect_code(0).json();
    assert_eq!(report["verdict"], "clean", "{:#}", report["findings"]);
    // The screen shows the same lines.
    let screen = prove_sql(&project, RENAMES, &[]).expect_code(3).stdout;
    assert!(screen.contains("  \"sessions\" = \"imaging_sessions\"\n"), "{screen}");
    assert!(screen.contains("renamed?"), "{screen}");
}

#[test]
fn a_loss_among_declared_renames_is_still_named() {
    let project = app();
    project.write(
        "map.toml",
        "[tables]\nsessions = 'imaging_sessions'\n[columns]\n'sessions.session_id' = 'id'\n\
                               'files.width' = 'width_pixels'\n[indexes]\nby_date = 'by_day'\n",
    );
    let change = format!(
        "{RENAMES} DELETE FROM imaging_sessions WHERE id = 'S4'; DROP TRIGGER count_links;
                          UPDATE files SET width_pixels = 7 WHERE id = 1"
    );
    let report = prove_sql(&project, &change, &["--json", "--keep", "--map", "map.toml"])
        .expect_code(3)
        .json();
    let mut found = findings(&report);
    found.sort();
    let owned = |code: &str, object: &str, count| (code.to_owned(), object.to_owned(), count);
    let wanted = [
        owned("foreign-key-violation", "files", None),
        owned("rows", "sessions", Some(1)),
        owned("trigger", "count_links", None),
        owned("values", "files.width", Some(1)),
    ];
    assert_eq!(found, wanted);
    assert!(report["clone"].is_string());
}

#[test]
fn drops_and_changes_are_declared_one_by_one() {
    let project = app();
    let change =
        "ALTER TABLE sessions DROP COLUMN notes; DROP TABLE strict_ones; DROP INDEX by_size;
                  UPDATE settings SET value = 'light' WHERE value = 'dark'; PRAGMA user_version = 9;
                  DROP TRIGGER count_links";
    let all = "drops = ['sessions.notes', 'strict_ones', 'by_size', 'count_links']\n\
               changed = ['settings.value', 'user_version']\n";
    project.write("map.toml", all);
    let report =
        prove_sql(&project, change, &["--json", "--map", "map.toml"]).expect_code(0).json();
    assert_eq!(report["declared"].as_array().unwrap().len(), 6, "{:#}", report["declared"]);
    for (without, code) in [
        ("'sessions.notes', ", "column"),
        ("'strict_ones', ", "table"),
        (", 'count_links'", "trigger"),
        ("'settings.value', ", "values"),
        (", 'user_version'", "user_version"),
    ] {
        project.write("map.toml", &all.replace(without, ""));
        let report = prove_sql(&project, change, &["--json", "--keep", "--map", "map.toml"])
            .expect_code(3)
            .json();
        let found = findings(&report);
        assert_eq!(found.len(), 1, "{without}: {found:?}");
        assert_eq!(found[0].0, code);
    }
    let report = prove_sql(&project, change, &["--json", "--keep"]).expect_code(3).json();
    judged(&project, &report, None);
}

#[test]
fn a_map_that_names_what_is_not_there_is_refused_before_anything_runs() {
    let project = app();
    project.write("map.toml", "drops = [\n  'sesions.notes']\n");
    let output = prove_sql(&project, "DROP TABLE links", &["--map", "map.toml"]).expect_code(4);
    assert!(
        output.stderr.contains("map.toml:2: the database has no table, column"),
        "{}",
        output.stderr
    );
    assert!(project.backups().is_empty());
    project.write("map.toml", "tables = 3");
    prove_sql(&project, "DROP TABLE links", &["--map", "map.toml"]).expect_code(4);
    prove_sql(&project, "DROP TABLE links", &["--map", "none.toml"]).expect_code(4);
}

#[test]
fn odd_names_are_shown_safely_and_the_proposed_lines_find_them() {
    let project = Project::empty();
    let sql = "CREATE TABLE \"a.b \"\"c\"\"\u{1b}[2J\"(id INTEGER PRIMARY KEY, \"x.\ny\\\" TEXT);
        INSERT INTO \"a.b \"\"c\"\"\u{1b}[2J\" VALUES (1, 'v'), (2, 'w');";
    script(&project.database(), sql).unwrap();
    let change = "ALTER TABLE \"a.b \"\"c\"\"\u{1b}[2J\" RENAME TO \"new \"\"one\"\"\";
        ALTER TABLE \"new \"\"one\"\"\" RENAME COLUMN \"x.\ny\\\" TO \"z \u{7f}\";";
    let output = prove_sql(&project, change, &[]).expect_code(3);
    let said = output.stdout + &output.stderr;
    assert!(!said.contains('\u{1b}') && !said.contains('\u{7f}'), "{said:?}");
    let report = prove_sql(&project, change, &["--json"]).expect_code(3).json();
    project.write("map.toml", report["map"].as_str().unwrap());
    let report = prove_sql(&project, change, &["--json", "--map", "map.toml", "--publish"])
        .expect_code(0)
        .json();
    assert_eq!(report["published"], true, "{report:#}");
}
