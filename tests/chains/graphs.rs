//! The graphs as they are drawn, and the accidents that happened in them.

use phaseshift::ErrorKind;
use phaseshift::files::RealFiles;
use phaseshift::migrate::{Request, check_merges, find_branch_conflicts, refuse_branch_conflicts};
use phaseshift::phase::{Applied, Chain, PhaseId, Target};

use super::rig::{Rig, explain};

fn texts(ids: &[PhaseId]) -> Vec<&str> {
    ids.iter().map(PhaseId::as_str).collect()
}

/// Charts with the files of a variant on top; the phases whose file names come after `until` stay
/// away.
fn charts_with(variant: &str, until: &str) -> Rig {
    let rig = Rig::empty();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (folder, until) in [("charts/phases", until), (variant, "99")] {
        for entry in std::fs::read_dir(fixtures.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.as_str() < until {
                rig.write(&name, &std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    rig
}

#[test]
fn charts_is_as_it_is_drawn() {
    let chain = Rig::new("charts/phases").chain();
    assert_eq!(chain.len(), 30);
    assert_eq!(texts(&chain.bases()), ["14f966eaec6d"]);
    assert_eq!(texts(&chain.heads()), ["a1b2c3d4e5f6"]);
    assert_eq!(texts(&chain.branches()), ["17d797292022"]);
    assert_eq!(texts(&chain.merges()), ["93b7ace49920"]);
    assert!(chain.warnings().is_empty(), "{:?}", chain.warnings());
}

#[test]
fn photo_map_is_as_it_is_drawn() {
    let chain = Rig::new("photo_map/phases").chain();
    assert_eq!(chain.len(), 39);
    assert_eq!(texts(&chain.bases()), ["001_initial_schema", "009_merge_branches"]);
    assert_eq!(texts(&chain.heads()), ["029_share_links"]);
    assert_eq!(texts(&chain.branches()), ["007_contact_messages", "d40f1e993188"]);
    assert_eq!(texts(&chain.merges()), ["60a7e8902255", "d40f1e993188", "752936a4a4f3"]);
    let warnings: Vec<&str> = chain.warnings().iter().map(|it| it.code()).collect();
    assert_eq!(warnings, ["looks-like-merge"]);
    for (label, first) in [
        ("push", "008_push_notifications"),
        ("geo", "d075e1120235"),
        ("annotations", "013_add_photo_annotations"),
    ] {
        assert_eq!(chain.line_of(label).unwrap()[0].as_str(), first);
    }
}

#[test]
fn a_label_moves_its_line_and_no_other() {
    let rig = Rig::new("photo_map/phases");
    rig.up("008_push_notifications");
    rig.up("geo@+2");
    assert_eq!(rig.current(), ["008_push_notifications", "875cccae8edb"]);
    rig.down("push@base");
    assert_eq!(rig.current(), ["875cccae8edb"]);
    rig.down("geo@-1");
    assert_eq!(rig.current(), ["d075e1120235"]);
}

#[test]
fn at_the_merge_one_step_back_undoes_the_merge_alone() {
    let rig = Rig::new("charts/phases");
    rig.up("93b7ace49920");
    rig.down("-1");
    let three = ["44bae117595b", "99dbbd3990dd", "2f5d48c07f14"];
    assert_eq!(rig.current(), three);
    let request = Request::down(Target::parse("-1").unwrap());
    let error = rig.try_run(&request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AmbiguousTarget);
    assert_eq!(error.facts().choices, three);
    assert_eq!(rig.current(), three, "nothing was undone");
}

#[test]
fn the_same_heads_merged_twice_run_with_a_warning() {
    let rig = charts_with("charts_merged_twice", "16");
    let warnings: Vec<String> = rig.chain().warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("93b7ace49920") && warnings[0].contains("b6b3d319a3ad"));
    rig.up("heads");
    assert_eq!(rig.current(), ["5fb21e5a57d8"]);
    rig.down("base");
    assert!(rig.texts().is_empty());
}

#[test]
fn a_missing_parent_is_named_with_its_file() {
    let rig = charts_with("charts_missing_parent", "99");
    let phases = rig.database().parent().unwrap().join("phases");
    let error = Chain::read(&RealFiles, &phases).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Chain);
    let text = explain(error);
    assert!(text.contains("d4f2a6c81e07") && text.contains("c7e1b9a05d3f"), "{text}");
}

#[test]
fn branches_that_add_the_same_column_are_refused_by_name() {
    let rig = charts_with("charts_clashing_merge", "16");
    let expected = "column users.time_format is added by 49c63f382487 and time_format_183000";
    let expected = expected.trim_start_matches("column ");
    let project = rig.project();
    let found: Vec<String> = check_merges(&project)
        .map_err(explain)
        .unwrap()
        .into_iter()
        .map(|clash| clash.what)
        .collect();
    assert_eq!(found, [expected]);
    let ends = ["49c63f382487", "time_format_183000"].map(|id| PhaseId::new(id).unwrap());
    let error = refuse_branch_conflicts(&project, &ends).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Chain);
    assert_eq!(error.to_string(), format!("two branches conflict: {expected}"));
    let error = rig.try_run(&Request::up(Target::Heads)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Chain);
    assert!(error.to_string().contains(expected), "{error}");
    assert!(rig.texts().is_empty(), "nothing was changed");
}

#[test]
fn branches_that_change_one_table_do_not_clash() {
    let charts = Rig::new("charts/phases").project();
    assert_eq!(check_merges(&charts).map_err(explain).unwrap(), []);
    let photo_map = Rig::new("photo_map/phases").project();
    assert_eq!(check_merges(&photo_map).map_err(explain).unwrap(), []);
}

#[test]
fn a_branch_that_drops_what_another_one_needs_clashes() {
    let rig = Rig::empty();
    rig.write(
        "a.toml",
        "parents = []\n[[up]]\nop = \"create_table\"\nsql = \"CREATE TABLE t(a, b)\"\n",
    );
    rig.write(
        "b.toml",
        "parents = [\"a\"]\n[[up]]\nop = \"drop_column\"\ntable = \"t\"\ncolumn = \"b\"\n",
    );
    rig.write(
        "c.toml",
        "parents = [\"a\"]\n[[up]]\nop = \"create_index\"\nsql = \"CREATE INDEX i ON t(b)\"\n",
    );
    let ends = ["b", "c"].map(|id| PhaseId::new(id).unwrap());
    let found = find_branch_conflicts(&rig.project(), &ends).map_err(explain).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].what.starts_with("c does not run after the other branch"), "{found:?}");
}

#[test]
fn an_older_phase_that_was_merged_in_later_is_applied() {
    let rig = Rig::new("charts/phases");
    rig.up("99dbbd3990dd");
    let chain = rig.chain();
    let applied: Applied =
        chain.ancestors(&PhaseId::new("99dbbd3990dd").unwrap()).into_iter().collect();
    let way = chain.up_path(&applied, &Target::parse("add_rag_160000").unwrap()).unwrap();
    assert_eq!(texts(&way)[0], "44bae117595b");
    let report = rig.up("add_rag_160000").unwrap();
    assert_eq!(report.phases[0].0, "44bae117595b");
}
