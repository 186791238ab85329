//! What the screens say of values that go, of backups and of statements that break a rule: each sentence holds, and each
//! command does what stands beside it.

use support::{Project, sqlite3};

const FILE: &str =
    "CREATE TABLE c(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO c VALUES (1, 'x');
    CREATE TABLE d(a); INSERT INTO d VALUES (1);
    CREATE TABLE e(n INTEGER CHECK (n >= 0)); INSERT INTO e VALUES (1);";

const DROPS: &str = "[[up]]\nop = 'drop_column'\ntable = 'c'\ncolumn = 'name'\n[[up]]\nop = 'drop_table'\ntable = 'd'\n";

/// An adopted file with a pending phase.
fn pending(steps: &str) -> Project {
    let project = Project::empty();
    sqlite3(&project.path("app.db"), FILE);
    project.run_here(&["init", "--from", "app.db"]).expect_code(0);
    project.write_phase("next.toml", &format!("parents = ['baseline']\n{steps}"));
    project
}

#[test]
fn the_command_that_undoes_a_drop_is_given_with_what_comes_back_empty() {
    let project = pending(DROPS);
    let said = project.run_here(&["migrate", "--yes"]).expect_code(0).stdout;
    let wanted = "  phaseshift downgrade --accept-loss\n  What was dropped comes back empty (c.name, d); its values are only \
                  in the backup.\n";
    assert!(said.contains(wanted), "{said}");
    project.run_here(&["downgrade"]).expect_code(4);
    project.run_here(&["downgrade", "--accept-loss"]).expect_code(0);
    let rows = "SELECT count(*) FROM c WHERE name IS NULL UNION ALL SELECT count(*) FROM d";
    assert_eq!(sqlite3(&project.path("app.db"), rows), "1\n0");
}

#[test]
fn a_downgrade_written_by_hand_is_not_said_to_lose_what_it_may_bring_back() {
    let down = "[[down]]\nop = 'create_table'\nsql = 'CREATE TABLE d(a)'\n[[down]]\nop = 'sql'\nsql = 'INSERT INTO d VALUES (1)'\n";
    let project = pending(&format!("[[up]]\nop = 'drop_table'\ntable = 'd'\n{down}"));
    let said = project.run_here(&["migrate", "--yes"]).expect_code(0).stdout;
    assert!(said.contains("  phaseshift downgrade\n") && !said.contains("comes back"), "{said}");
}

#[test]
fn a_page_shows_a_table_without_the_column_that_it_loses() {
    let project = pending("[[up]]\nop = 'drop_column'\ntable = 'c'\ncolumn = 'name'\n");
    let drawn = project.run_here(&["plan", "--format", "mermaid"]).expect_code(0).stdout;
    let (before, after) = drawn.split_once("subgraph After").unwrap();
    assert!(before.contains("[\"c<br/>id<br/>name (dropped)\"]"), "{drawn}");
    assert!(after.contains("[\"c<br/>id\"]") && !after.contains("stay"), "{drawn}");
    let project = pending("[[up]]\nop = 'drop_table'\ntable = 'd'\n");
    let drawn = project.run_here(&["plan", "--format", "mermaid"]).expect_code(0).stdout;
    assert!(drawn.contains("[\"2 tables, which stay as they are\"]"), "{drawn}");
}

#[test]
fn backups_are_listed_by_what_they_are_and_in_the_order_that_is_named() {
    let project = pending("[[up]]\nop = 'drop_table'\ntable = 'd'\n");
    project.run_here(&["backup"]).expect_code(0);
    project.run_here(&["upgrade"]).expect_code(0);
    let said = project.run_here(&["backups"]).expect_code(0).stdout;
    assert!(said.contains(", the newest first:\n"), "{said}");
    assert!(!said.contains("verified ones"), "{said}");
    // The file is damaged: what a restore keeps of it cannot be verified.
    let mut bytes = std::fs::read(project.path("app.db")).unwrap();
    bytes[4096..].fill(7);
    std::fs::write(project.path("app.db"), bytes).unwrap();
    project.run_here(&["restore", "--latest", "--yes"]).expect_code(0);
    let said = project.run_here(&["backups"]).expect_code(0).stdout;
    assert!(
        said.contains(", the verified ones, then the others, each group with the newest first:\n"),
        "{said}"
    );
    let status = project.run_here(&["status"]).expect_code(0).stdout;
    assert!(status.contains(", the newest verified one is "), "{status}");
    project.run_here(&["reset", "--yes"]).expect_code(0);
    let said = project.run_here(&["backups"]).expect_code(0).stdout;
    assert!(said.contains("  before a reset, version 1, "), "{said}");
}

#[test]
fn a_statement_that_breaks_a_rule_is_to_be_corrected_not_the_rows() {
    let project = pending("[[up]]\nop = 'sql'\nsql = 'UPDATE e SET n = -1'\n");
    for command in ["upgrade", "preflight"] {
        let refused = project.run_here(&[command]);
        let said = refused.stdout + &refused.stderr;
        let wanted = "correct the statement, so that no row breaks the rule: phases/next.toml:2\n";
        assert!(said.contains(wanted) && !said.contains("correct the rows"), "{said}");
    }
}

#[test]
fn a_round_trip_that_the_copy_did_not_reach_is_one_in_memory() {
    let project = pending("[[up]]\nop = 'sql'\nsql = 'UPDATE e SET n = 2'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    let said = project.run_here(&["check", "--roundtrip"]).stdout;
    assert!(said.contains("baseline: reversible in memory, not tried on the copy\n"), "{said}");
}

#[test]
fn steps_are_called_unchanged_only_where_a_checksum_is_recorded() {
    let project = pending("[[up]]\nop = 'drop_table'\ntable = 'd'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    let said = project.run_here(&["check"]).expect_code(0).stdout;
    assert!(said.contains("2 applied phases; their steps are unchanged\n"), "{said}");
    sqlite3(&project.path("app.db"), "DELETE FROM phase_history WHERE version = 1");
    let said = project.run_here(&["check"]).expect_code(0).stdout;
    let wanted = "2 applied phases; the steps of next are unchanged, those of baseline could not be compared: no checksum is \
                  recorded for them\n";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn a_downgrade_names_the_record_that_it_removes_from_the_rows_of_the_backup() {
    let project = pending("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE f(a)'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    let said = project.run_here(&["downgrade"]).expect_code(0).stdout;
    let wanted = " equal to the backup, apart from dropped tables (f); in schema_version, the row of next is removed\n";
    assert!(said.contains(wanted), "{said}");
    let said = project.run_here(&["restore", "before:next", "--yes"]).expect_code(0).stdout;
    assert!(said.contains(" phase_history (the record of phases): "), "{said}");
}

#[test]
fn a_record_that_was_missing_is_said_to_be_added() {
    let project = pending("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE f(a)'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    // As a script leaves it that writes one row, the present version.
    let forget = "DELETE FROM schema_version WHERE version = 1; DELETE FROM phase_history";
    sqlite3(&project.path("app.db"), forget);
    let said = project.run_here(&["downgrade"]).expect_code(0).stdout;
    assert!(said.contains("; in schema_version, the row of next is removed; the row of baseline was missing and is added\n"), "{said}");
}

#[test]
fn a_dry_run_of_a_forced_stamp_says_what_the_stamp_would_do() {
    let project = pending(DROPS);
    let other = project.path("other.db");
    sqlite3(&other, "CREATE TABLE other(a)");
    let stamp = ["stamp", "baseline", "-d", other.to_str().unwrap(), "-n"];
    project.run_here(&stamp).expect_code(4);
    for flag in ["--force", "--purge"] {
        let said = project.run_here(&[&stamp[..], &[flag]].concat()).expect_code(0).stdout;
        let wanted = "The file does not have what the phases up to baseline make, and would be recorded at baseline nevertheless.\n";
        assert!(said.starts_with(wanted), "{said}");
    }
    assert_eq!(sqlite3(&other, "SELECT group_concat(name) FROM sqlite_schema"), "other");
}

#[test]
fn a_table_that_is_only_out_of_the_record_was_said_to_be_dropped() {
    let project = pending(DROPS);
    project.run_here(&["backup", "--name", "good"]).expect_code(0);
    project.run_here(&["stamp", "base"]).expect_code(0);
    sqlite3(&project.path("app.db"), "UPDATE c SET name = 'y'");
    let good = project.backups().into_iter().find(|it| it.display().to_string().contains("_good_"));
    let good = good.unwrap().display().to_string();
    let said = project.run_here(&["verify", "--against", &good]).expect_code(3).stdout;
    let wanted =
        "rows of c: not compared: no recorded phase makes the table, and it is still there\n";
    assert!(said.contains(wanted) && !said.contains("dropped the table"), "{said}");
    project.run_here(&["stamp", "baseline"]).expect_code(0);
    project.run_here(&["upgrade"]).expect_code(0);
    let said = project.run_here(&["verify", "--against", &good]).expect_code(0).stdout;
    assert!(said.contains("rows of d: not compared: a phase dropped the table\n"), "{said}");
}

#[test]
fn a_stamp_to_a_phase_that_only_a_later_one_implied_lost_the_record() {
    let project = pending("[[up]]\nop = 'create_table'\nsql = 'CREATE TABLE f(a)'\n");
    project.run_here(&["upgrade"]).expect_code(0);
    // As a script leaves it that writes one row, the present version.
    let forget = "DELETE FROM schema_version WHERE version = 1; DELETE FROM phase_history";
    sqlite3(&project.path("app.db"), forget);
    let said = project.run_here(&["stamp", "baseline"]).expect_code(0).stdout;
    assert!(
        said.contains("Recorded: baseline\n") && said.contains("No longer recorded: next\n"),
        "{said}"
    );
    let current = project.run_here(&["current", "--json"]).expect_code(0).json();
    assert_eq!(current["ids"], serde_json::json!(["baseline"]));
    let rows = "SELECT group_concat(version) FROM schema_version";
    assert_eq!(sqlite3(&project.path("app.db"), rows), "1");
    let said = project.run_here(&["stamp", "base", "--purge"]).expect_code(0).stdout;
    assert!(said.contains("All records removed\n") && !said.contains("Nothing to do"), "{said}");
    let said = project.run_here(&["stamp", "base", "--purge"]).expect_code(0).stdout;
    assert!(said.contains("Nothing to do: no phase is recorded.\n"), "{said}");
}
