//! The words of Alembic: what its users see at heads, forks and merges. The lines were compared with
//! those of Alembic 1.20 on the same graph.

use super::{fixture, graph, refused, write};
use support::Project;

#[track_caller]
fn says(project: &Project, arguments: &[&str], expected: &str) {
    assert_eq!(project.run_here(arguments).expect_code(0).stdout, expected, "{arguments:?}");
}

#[test]
fn charts_in_words() {
    let charts = fixture("charts/phases");
    says(&charts, &["heads"], "a1b2c3d4e5f6 (head)\n");
    says(&charts, &["bases"], "14f966eaec6d\n");
    says(
        &charts,
        &["branches"],
        "17d797292022 (branchpoint)\n             -> 44bae117595b\n             -> 99dbbd3990dd\n             \
         -> 2f5d48c07f14\n\n",
    );
    says(
        &charts,
        &["history", "-n", "2"],
        "cec026704f64 -> a1b2c3d4e5f6 (head), the history of subscriptions\n\
         328917e74f78 -> cec026704f64, public charts in several languages\n",
    );
    says(
        &charts,
        &["history", "-r", "17d797292022:93b7ace49920"],
        "44bae117595b, 99dbbd3990dd, 2f5d48c07f14 -> 93b7ace49920 (mergepoint), merge of three\n\
         17d797292022 -> 2f5d48c07f14, users tell about themselves\n\
         17d797292022 -> 99dbbd3990dd, users have a role\n\
         17d797292022 -> 44bae117595b, a cache of interpretations\n\
         ccc076a63ea8 -> 17d797292022 (branchpoint), a PDF is on its way\n",
    );
    let shown = charts.run_here(&["show", "93b7"]).expect_code(0).stdout;
    let start = "Rev: 93b7ace49920 (mergepoint)\nVersion: 15\n\
                 Merges: 44bae117595b, 99dbbd3990dd, 2f5d48c07f14\nPath: ";
    assert!(shown.starts_with(start), "{shown}");
    let history = charts.run_here(&["history", "--json"]).json();
    assert_eq!(history["phases"].as_array().unwrap().len(), 30);
}

#[test]
fn photo_map_in_words() {
    let photo_map = fixture("photo_map/phases");
    says(&photo_map, &["bases"], "001_initial_schema\n009_merge_branches\n");
    let history = photo_map.run_here(&["history"]).expect_code(0).stdout;
    assert_eq!(history.lines().count(), 39);
    for line in [
        "<base> (4becdf297d3c, 008_push_notifications) -> 009_merge_branches, a merge that is none",
        "60a7e8902255, 009_merge_branches -> d40f1e993188 (branchpoint) (mergepoint), ",
        "<base> -> 001_initial_schema, ",
    ] {
        assert!(history.lines().any(|it| it.starts_with(line)), "{line}\n{history}");
    }
}

/// The table of the page: what Alembic says is ambiguous, or picks silently, is refused with choices.
#[test]
fn at_forks_and_merges_nothing_is_picked_silently() {
    let project = graph(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["a"])]);
    refused(&project, &["upgrade", "head", "--create"], &["3 heads", "b, c, d", "upgrade heads"]);
    project.run(&["upgrade", "a", "--create"]).expect_code(0);
    refused(&project, &["upgrade", "+1"], &["+1 is one of 3 phases", "name one of: b, c, d"]);
    project.run(&["upgrade", "c"]).expect_code(0);
    write(&project, "m", &["b", "c", "d"], "");
    let output = project.run(&["upgrade", "head"]).expect_code(0);
    assert!(output.stdout.starts_with("Applying b, d, m: "), "{}", output.stdout);
    project.run(&["downgrade", "-1"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "b\nc\nd\n", "the merge alone is undone");
    let says =
        ["-1 could undo any of 3 phases", "downgrade b@-1", "downgrade c@-1", "downgrade d@-1"];
    refused(&project, &["downgrade", "-1"], &says);
    refused(&project, &["upgrade", "nosuch"], &["no phase is called nosuch"]);
    project.run(&["upgrade"]).expect_code(0);
    let down = project.run(&["downgrade", "b"]).expect_code(0);
    assert!(down.stdout.contains("m"), "{}", down.stdout);
    assert_eq!(project.run(&["current"]).stdout, "b\nc\nd\n");
    project.run(&["downgrade", "b@-1"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "c\nd\n");
}

#[test]
fn history_marks_what_is_current_and_tells_when_it_was_applied() {
    let project = graph(&[("a", &[]), ("b", &["a"])]);
    project.run(&["upgrade", "a", "--create"]).expect_code(0);
    let marked = project.run(&["history", "-i"]).expect_code(0).stdout;
    let (entries, time) = marked.trim_end().split_once(", applied ").unwrap();
    assert_eq!(entries, "a -> b (head), b\n<base> -> a (current), a");
    assert!(
        time.ends_with(" +00:00") && time.len() == "2026-11-29 23:08:27 +00:00".len(),
        "{time}"
    );
    let whole = project.run(&["history", "-v"]).expect_code(0).stdout;
    assert_eq!(whole.matches("\nApplied: 20").count(), 1, "{whole}");
    assert_eq!(whole.matches("\nChecksum: steps:").count(), 2, "{whole}");
    let upper = project.run(&["history", "-r", "current:"]).expect_code(0).stdout;
    assert_eq!(upper, "a -> b (head), b\n<base> -> a, a\n");
}

#[test]
fn a_head_that_another_phase_needs_is_an_effective_one() {
    let project = graph(&[("a", &[]), ("b", &["a"])]);
    write(&project, "z", &[], "depends_on = ['b']\n");
    says(&project, &["heads", "--phases", "phases"], "b (effective head)\nz (head)\n");
}

#[test]
fn stamps_compare_force_and_purge() {
    let project = graph(&[]);
    write(&project, "a", &[], &super::table("t"));
    write(&project, "b", &["a"], &super::table("u"));
    support::sqlite3(&project.database(), "CREATE TABLE t(a INTEGER PRIMARY KEY)");
    refused(&project, &["stamp", "b"], &["table u is missing"]);
    project.run(&["stamp", "a"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "a\n");
    project.run(&["stamp", "b", "--force"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "b (head)\n");
    project.run(&["stamp", "base", "--force"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "");
    project.run(&["stamp", "a"]).expect_code(0);
    // Ids of files that are gone are taken away by a purge alone.
    std::fs::remove_file(project.phases().join("a.toml")).unwrap();
    write(&project, "b", &[], "");
    refused(&project, &["stamp", "b"], &["a is applied, but not in the folder"]);
    project.run(&["stamp", "b", "--purge"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "b (head)\n");
    let events = "SELECT count(*) FROM phase_history";
    let count: usize = support::sqlite3(&project.database(), events).parse().unwrap();
    assert!(count >= 5, "the history is never shortened: {count}");
}

#[test]
fn revisions_fork_only_when_told_and_carry_labels() {
    let project = graph(&[("a", &[]), ("b", &["a"])]);
    let refused = project.run(&["revision", "-m", "side", "--head", "a"]).expect_code(2);
    assert!(refused.stderr.contains("a already has a successor: b"), "{}", refused.stderr);
    let side = [
        "revision",
        "-m",
        "Side line",
        "--head",
        "a",
        "--splice",
        "--label",
        "side",
        "--id",
        "side_line",
    ];
    project.run(&side).expect_code(0);
    let text = std::fs::read_to_string(project.phases().join("side_line.toml")).unwrap();
    assert!(text.contains("labels = [\"side\"]") && text.contains("parents = [\"a\"]"), "{text}");
    says(&project, &["heads", "--phases", "phases"], "b (head)\nside_line (side) (head)\n");
    let two = project.run(&["revision", "-m", "more"]).expect_code(4);
    assert!(two.stderr.contains("name one with --head"), "{}", two.stderr);
    project.run(&["revision", "-m", "More", "--head", "side@head", "--id", "more"]).expect_code(0);
    says(&project, &["heads", "--phases", "phases"], "b (head)\nmore (head)\n");
    let taken = project.run(&["revision", "-m", "x", "--head", "b", "--label", "side"]);
    assert_ne!(taken.code, 0, "a label is given out once: {}", taken.stdout);
    assert!(taken.stderr.contains("side"), "{}", taken.stderr);
    assert_eq!(std::fs::read_dir(project.phases()).unwrap().count(), 4);
}
