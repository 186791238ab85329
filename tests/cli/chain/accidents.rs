//! The accidents that happened to the graphs of real projects: each is named after what went wrong,
//! and the program says which files are concerned.

use super::{column, copy, fixture, graph, refused, run_script, table, write};
use support::sqlite3;

#[test]
fn a_parent_is_not_in_the_folder() {
    let project = graph(&[("one", &[]), ("two", &["onee"])]);
    let says = ["phases/two.toml:1: phase two names parent onee, which is not in the folder"];
    for command in ["heads", "history", "check"] {
        refused(&project, &[command], &says);
    }
    let charts = fixture("charts/phases");
    copy(&charts, "charts_missing_parent");
    let says = ["18b_d4f2a6c81e07.toml", "names parent c7e1b9a05d3f, which is not in the folder"];
    refused(&charts, &["upgrade", "--create"], &says);
    assert!(!charts.database().exists());
}

#[test]
fn one_id_is_in_two_files() {
    let project = graph(&[("one", &[])]);
    project.write_phase("copy_of_one.toml", "id = 'one'\nparents = []\n");
    let says = ["phases/copy_of_one.toml", "the id one is already", "phases/one.toml"];
    refused(&project, &["check"], &says);
    let json = project.run(&["check", "--json"]).expect_code(4).json();
    assert_eq!(json["error"]["kind"], "chain");
}

#[test]
fn an_archive_below_the_phases_holds_the_same_ids() {
    let project = graph(&[("one", &[])]);
    project.write_phase("archive/one.toml", "id = 'one'\nparents = []\n");
    project.write_phase("archive/old/one.toml", "this is no phase file");
    assert_eq!(project.run(&["heads"]).expect_code(0).stdout, "one (head)\n");
}

#[test]
fn phases_stand_on_each_other() {
    let project = graph(&[("one", &["three"]), ("two", &["one"]), ("three", &["two"])]);
    let says = ["the phases form a cycle", "one.toml", "two.toml", "three.toml"];
    refused(&project, &["history"], &says);
    let own = graph(&[("one", &["one"])]);
    refused(&own, &["history"], &["one.toml"]);
    let by_dependency = graph(&[("one", &[]), ("two", &["one"])]);
    write(&by_dependency, "one", &[], "depends_on = ['two']\n");
    refused(&by_dependency, &["history"], &["the phases form a cycle", "one.toml", "two.toml"]);
}

#[test]
fn two_phases_set_one_version() {
    let project = graph(&[]);
    write(&project, "one", &[], "version = 3\n");
    write(&project, "two", &["one"], "version = 3\n");
    let says =
        ["phases/two.toml:2: phase two sets version 3, as phase one in phases/one.toml does"];
    refused(&project, &["heads"], &says);
}

#[test]
fn a_merge_was_written_with_depends_on_and_without_parents() {
    let project = graph(&[("a", &[]), ("left", &["a"]), ("right", &["a"])]);
    write(&project, "merge", &[], "depends_on = ['left', 'right']\n");
    let output = project.run(&["check"]).expect_code(0);
    let says = "Warning: phase merge (phases/merge.toml) looks like a merge, has no parents";
    assert!(output.stdout.contains(says), "{}", output.stdout);
    assert_eq!(project.run(&["bases"]).stdout, "a (branchpoint)\nmerge (head)\n");
    let heads = project.run(&["heads", "--json"]).json();
    assert_eq!(heads["ids"], serde_json::json!(["left", "right", "merge"]));
    let json = project.run(&["check", "--json"]).json();
    assert_eq!(json["warnings"][0]["code"], "looks-like-merge");
}

#[test]
fn a_merge_lists_ancestors_of_its_own_parent() {
    let project = graph(&[("a", &[]), ("b", &["a"]), ("c", &["b"]), ("d", &["a"])]);
    write(&project, "a", &[], &table("t"));
    write(&project, "merge", &["a", "b", "c", "d"], "");
    let output = project.run(&["check"]).expect_code(0);
    let says = "phase merge (phases/merge.toml) names parents that are ancestors of its other \
                parents: a, b";
    assert!(output.stdout.contains(says), "{}", output.stdout);
    project.run(&["upgrade", "--create"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "merge (head) (mergepoint)\n");
    assert_eq!(project.run(&["heads"]).stdout, "merge (head) (mergepoint)\n");
    project.run(&["downgrade", "base"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM schema_version"), "0");
}

#[test]
fn the_same_heads_were_merged_twice() {
    let graph_of = [("a", &[][..]), ("b", &["a"]), ("c", &["a"])];
    let project = graph(&graph_of);
    write(&project, "merge", &["b", "c"], "");
    write(&project, "merge_again", &["c", "b"], "");
    let output = project.run(&["check"]).expect_code(0);
    let says = "phases merge (phases/merge.toml) and merge_again (phases/merge_again.toml) merge \
                the same parents: b, c";
    assert!(output.stdout.contains(says), "{}", output.stdout);
    refused(&project, &["upgrade", "--create"], &["2 heads", "merge, merge_again"]);
    project.run(&["upgrade", "heads", "--create"]).expect_code(0);
    let both = "merge (head) (mergepoint)\nmerge_again (head) (mergepoint)\n";
    assert_eq!(project.run(&["current"]).stdout, both);
}

#[test]
fn files_were_deleted_after_they_were_applied() {
    let project = graph(&[("a", &[]), ("b", &["a"]), ("c", &["b"])]);
    project.run(&["upgrade", "--create"]).expect_code(0);
    std::fs::remove_file(project.phases().join("b.toml")).unwrap();
    std::fs::remove_file(project.phases().join("c.toml")).unwrap();
    write(&project, "bb", &["a"], "");
    refused(&project, &["upgrade"], &["b, c are applied, but not in the folder"]);
    assert_eq!(project.run(&["current"]).expect_code(0).stdout, "c (newer)\n");
    let status = project.run(&["status"]).expect_code(0);
    assert!(
        status.stdout.contains("Newer:     b, c (not in the folder of the phases); "),
        "{}",
        status.stdout
    );
    let json = project.run(&["upgrade", "--json"]).expect_code(4).json();
    assert_eq!(json["error"]["kind"], "phase-missing");
    // A person who knows what happened forgets them by name.
    project.run(&["stamp", "a", "--purge"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "a\n");
}

#[test]
fn a_file_was_edited_after_it_was_applied() {
    let project = graph(&[("a", &[]), ("b", &["a"])]);
    write(&project, "a", &[], &table("t"));
    project.run(&["upgrade", "--create"]).expect_code(0);
    write(&project, "a", &[], &table("u"));
    let says = ["phase a was edited after it was applied", "phases/a.toml"];
    for command in ["upgrade", "downgrade", "current"] {
        refused(&project, &[command], &says);
    }
    let json = project.run(&["upgrade", "--json"]).expect_code(4).json();
    assert_eq!(json["error"]["kind"], "phase-edited");
}

#[test]
fn an_id_was_used_again_for_something_else() {
    let project = graph(&[]);
    write(&project, "a1b2c3d4e5f6", &[], &table("vectors"));
    project.run(&["upgrade", "--create"]).expect_code(0);
    write(&project, "a1b2c3d4e5f6", &[], &table("subscriptions"));
    refused(&project, &["upgrade"], &["phase a1b2c3d4e5f6 was edited after it was applied"]);
}

#[test]
fn line_ends_a_byte_order_mark_and_trailing_spaces_are_no_edit() {
    let project = graph(&[]);
    write(&project, "a", &[], &table("t"));
    project.run(&["upgrade", "--create"]).expect_code(0);
    let path = project.phases().join("a.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for other in [
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
        text.replace('\n', "  \n"),
        format!("{text}\n\n"),
    ] {
        std::fs::write(&path, &other).unwrap();
        let output = project.run(&["upgrade"]).expect_code(0);
        assert!(output.stdout.starts_with("Nothing to do"), "{other:?}: {}", output.stdout);
    }
}

#[test]
fn an_older_phase_came_in_later_from_another_branch() {
    let project = graph(&[]);
    write(&project, "a", &[], &table("t"));
    write(&project, "m", &["a"], &column("t", "m"));
    project.run(&["upgrade", "--create"]).expect_code(0);
    write(&project, "b", &["a"], &column("t", "b"));
    write(&project, "z", &["m", "b"], "");
    assert_eq!(project.run(&["history", "--json"]).json()["phases"][1]["id"], "b");
    let output = project.run(&["upgrade"]).expect_code(0);
    assert!(output.stdout.starts_with("Applying b, z: "), "{}", output.stdout);
    let columns = "SELECT group_concat(name) FROM pragma_table_info('t')";
    assert_eq!(sqlite3(&project.database(), columns), "a,m,b");
    // The phase in between would count as version 2, which the file has given out already.
    let versions = "SELECT group_concat(version || description) FROM schema_version";
    assert_eq!(sqlite3(&project.database(), versions), "1a,2m,3b,4z");
    let history = project.run(&["history", "--json"]).json();
    assert_eq!(history["phases"][2]["version"], 2, "{history:#}");
    project.run(&["downgrade", "version:2", "--accept-loss"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), versions), "1a,2m,3b");
    project.run(&["downgrade", "b@-1"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), versions), "1a,2m");
    project.run(&["downgrade"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), versions), "1a");
}

#[test]
fn a_phase_declares_a_version_that_the_file_has_given_out() {
    let project = graph(&[("a", &[]), ("m", &["a"])]);
    project.run(&["upgrade", "--create"]).expect_code(0);
    write(&project, "b", &["a"], "version = 2\n");
    let says = ["b sets version 2, which the file records already", "b.toml"];
    refused(&project, &["upgrade", "b"], &says);
}

/// Another program wrote one row, which stands for all that is before it.
#[test]
fn the_only_row_of_the_version_table_is_undone() {
    let project = graph(&[]);
    write(&project, "a", &[], &table("t"));
    write(&project, "b", &["a"], "");
    let sql = "CREATE TABLE t(a INTEGER PRIMARY KEY);
        CREATE TABLE schema_version(version INTEGER PRIMARY KEY, applied_at, description);
        INSERT INTO schema_version VALUES (2, '2024-01-01', 'by another program')";
    sqlite3(&project.database(), sql);
    assert_eq!(project.run(&["current"]).stdout, "b (head)\n");
    let copy = project.copy_database("script.db");
    let script = project.run(&["downgrade", "--sql"]).expect_code(0).stdout;
    project.run(&["downgrade"]).expect_code(0);
    assert_eq!(project.run(&["current"]).stdout, "a\n", "what it stood for is still applied");
    run_script(&copy, &script);
    let versions = "SELECT group_concat(version || description) FROM schema_version";
    assert_eq!(sqlite3(&copy, versions), sqlite3(&project.database(), versions));
    project.run(&["downgrade"]).expect_code(0);
    assert_eq!(sqlite3(&project.database(), "SELECT count(*) FROM schema_version"), "0");
    project.run(&["upgrade"]).expect_code(0);
}

#[test]
fn an_older_phase_came_in_below_what_is_applied() {
    let project = graph(&[]);
    write(&project, "a", &[], &table("t"));
    write(&project, "c", &["a"], &column("t", "c"));
    project.run(&["upgrade", "--create"]).expect_code(0);
    // The parent of an applied phase is changed to one that came later: that is an edit, and said.
    write(&project, "b", &["a"], &column("t", "b"));
    write(&project, "c", &["b"], &column("t", "c"));
    refused(&project, &["upgrade"], &["phase c was edited after it was applied"]);
}

#[test]
fn both_heads_add_the_same_column() {
    let charts = fixture("charts/phases");
    copy(&charts, "charts_clashing_merge");
    let clash = "users.time_format is added by 49c63f382487 and time_format_183000";
    let check = charts.run(&["check", "--json"]).expect_code(3).json();
    let said: Vec<&str> = check["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["message"].as_str().unwrap())
        .collect();
    assert!(said.iter().any(|message| message.contains(clash)), "{said:?}");
    refused(&charts, &["upgrade", "heads", "--create"], &[clash]);
    let merge = ["merge", "49c63f382487", "time_format_183000", "-m", "join"];
    refused(&charts, &merge, &[clash]);
}

/// The chain is replayed from nothing before a run, and before a new phase is accepted.
#[test]
fn a_phase_drops_what_somebody_made_by_hand() {
    let project = graph(&[]);
    write(&project, "a", &[], &table("t"));
    project.run(&["upgrade", "--create"]).expect_code(0);
    sqlite3(&project.database(), "CREATE VIEW new_view AS SELECT 1");
    write(&project, "b", &["a"], "[[up]]\nop = 'drop_view'\nview = 'new_view'\n");
    let says =
        "b fits this file, but not what the phases make: line 2: drop_view: the view new_view";
    let plan = project.run(&["plan"]).expect_code(0);
    assert!(plan.stdout.contains(says), "{}", plan.stdout);
    let revision = project.run(&["revision", "-m", "next"]).expect_code(0);
    let says = "the phases do not run from nothing: b: line 2: drop_view";
    assert!(revision.stderr.contains(says), "{}", revision.stderr);
    project.run(&["check"]).expect_code(3);
    project.run(&["upgrade"]).expect_code(0);
    // The downgrade knows the text that was in this file.
    project.run(&["downgrade", "a"]).expect_code(0);
    let view = "SELECT sql FROM sqlite_schema WHERE name = 'new_view'";
    assert_eq!(sqlite3(&project.database(), view), "CREATE VIEW new_view AS SELECT 1");
}

#[test]
fn heads_that_do_not_clash_are_merged() {
    let project = graph(&[]);
    write(&project, "a", &[], &table("t"));
    write(&project, "b", &["a"], &column("t", "b"));
    write(&project, "c", &["a"], &column("t", "c"));
    refused(&project, &["upgrade", "--create"], &["2 heads", "b, c", "merge"]);
    for (arguments, id) in [
        (&["merge", "heads", "-m", "Join both", "--id", "join_both"][..], "join_both"),
        (&["merge"], ""),
    ] {
        let output = project.run(arguments);
        if id.is_empty() {
            assert_eq!(output.code, 2, "one head is left: {}", output.stdout);
            continue;
        }
        assert!(output.expect_code(0).stdout.contains(id));
    }
    assert_eq!(project.run(&["heads"]).stdout, "join_both (head) (mergepoint)\n");
    project.run(&["upgrade", "--create"]).expect_code(0);
}
