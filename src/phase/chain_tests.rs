//! The graph: real ones, accidents, order, versions, and the folder it is read from.

use proptest::prelude::{any, prop};
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::error::ErrorKind;
use crate::files::RealFiles;
use crate::phase::samples::{
    Folder, chain, charts, graphs, id, ids, line, phase, phases, photo_map, words,
};

fn warnings(chain: &Chain) -> Vec<String> {
    chain.warnings().iter().map(ToString::to_string).collect()
}

/// Asserts that each phase comes after its parents and dependencies.
fn assert_topological(chain: &Chain) {
    for (position, phase) in chain.phases().iter().enumerate() {
        for before in phase.parents.iter().chain(&phase.depends_on) {
            assert!(chain.position(before).unwrap() < position, "{before} before {}", phase.id);
        }
    }
}

#[test]
fn charts_is_the_recorded_graph() {
    let chain = Chain::build(charts()).unwrap();
    assert_eq!(chain.len(), 30);
    assert_eq!(words(&chain.heads()), "a1b2c3d4e5f6");
    assert_eq!(words(&chain.bases()), "14f966eaec6d");
    assert_eq!(words(&chain.branches()), "17d797292022");
    assert_eq!(words(&chain.merges()), "93b7ace49920");
    assert_eq!(chain.warnings(), []);
    assert!(!chain.is_linear());
    assert_topological(&chain);

    let fork = id("17d797292022");
    assert!(chain.is_branch_point(&fork) && !chain.is_head(&fork) && !chain.is_merge(&fork));
    assert_eq!(words(&chain.children(&fork)), "2f5d48c07f14 44bae117595b 99dbbd3990dd");
    assert!(chain.is_merge(&id("93b7ace49920")) && chain.is_head(&id("a1b2c3d4e5f6")));
    assert!(chain.is_base(&id("14f966eaec6d")));
    assert_eq!(chain.ancestors(&id("93b7ace49920")).len(), 14);
    assert_eq!(chain.descendants(&id("44bae117595b")).len(), 16);
    assert_eq!(chain.with_version(30).unwrap().id, id("a1b2c3d4e5f6"));
    assert!(chain.get(&id("unknown")).is_none() && !chain.is_head(&id("unknown")));
}

#[test]
fn photo_map_is_the_recorded_graph() {
    let chain = Chain::build(photo_map()).unwrap();
    assert_eq!(chain.len(), 39);
    assert_eq!(words(&chain.heads()), "029_share_links");
    assert_eq!(words(&chain.bases()), "001_initial_schema 009_merge_branches");
    assert_eq!(words(&chain.branches()), "007_contact_messages d40f1e993188");
    assert_eq!(words(&chain.merges()), "60a7e8902255 d40f1e993188 752936a4a4f3");
    assert_topological(&chain);
    assert_eq!(
        warnings(&chain),
        [
            "phase 009_merge_branches (phases/009_merge_branches.toml) looks like a merge, has no parents"
        ]
    );
    assert_eq!(chain.ancestors(&id("009_merge_branches")).len(), 13);
}

#[test]
fn a_false_merge_leaves_the_heads_as_they_were() {
    let until = ["60a7e8902255", "d40f1e993188"].map(id);
    let later = Chain::build(photo_map()).unwrap();
    let later: Vec<PhaseId> =
        until.iter().flat_map(|it| later.descendants(it)).chain(until.clone()).collect();
    let early = photo_map().into_iter().filter(|it| !later.contains(&it.id));
    let chain = Chain::build(early.collect()).unwrap();
    assert_eq!(words(&chain.heads()), "008_push_notifications 4becdf297d3c 009_merge_branches");
    assert_eq!(words(&chain.bases()), "001_initial_schema 009_merge_branches");
}

#[test]
fn a_chain_of_one_line_is_linear() {
    assert!(chain("a:\nb: a\nc: b / a").is_linear());
    assert!(!chain("a:\nb: a\nc: a").is_linear());
    assert!(!chain("a:\nb:\n").is_linear());
    assert!(chain("").is_linear() && chain("").is_empty());
}

#[test]
fn ties_of_the_order_go_by_file_name_whatever_the_order_given() {
    let mut reversed = charts();
    reversed.reverse();
    let ids = |phases| words(Chain::build(phases).unwrap().phases().iter().map(|phase| &phase.id));
    assert_eq!(ids(reversed), ids(charts()));
    assert!(
        ids(charts()).contains("17d797292022 2f5d48c07f14 44bae117595b 99dbbd3990dd 93b7ace49920")
    );
}

/// Phases of lines, changed.
fn changed(lines: &str, change: fn(&mut [Phase])) -> Vec<Phase> {
    let mut all = phases(lines);
    change(&mut all);
    all
}

#[test]
fn accidents_are_named_with_their_files() {
    let lines = |lines: &str| phases(lines);
    for (phases, message) in [
        (
            lines("phase1:\nphase2: phaze1\n"),
            "phases/phase2.toml:1: phase phase2 names parent phaze1, which is not in the folder",
        ),
        (
            lines("phase1:\nphase2: phase1 / phase0\n"),
            "phases/phase2.toml:1: phase phase2 depends on phase0, which is not in the folder",
        ),
        (
            changed("a:\nb: a", |it| it[1].id = id("a")),
            "phases/b.toml:1: the id a is already the id of phases/a.toml",
        ),
        (
            changed("a:\nb: a", |it| it[1].version = 1),
            "phases/b.toml:1: phase b sets version 1, as phase a in phases/a.toml does",
        ),
        (
            changed("a:\nb: a", |it| it.iter_mut().for_each(|it| it.labels = vec!["main".into()])),
            "phases/b.toml:1: the label main is already a label in phases/a.toml",
        ),
        (
            changed("a:\ns:", |it| it[1].replaces = ids("a b")),
            "phases/s.toml:1: phase s replaces a, which is in phases/a.toml",
        ),
        (
            changed("s:\nt:", |it| (it[0].replaces, it[1].replaces) = (ids("a b"), ids("b c"))),
            "phases/t.toml:1: phase t replaces b, as phases/s.toml does",
        ),
        (changed("s:", |it| it[0].replaces = ids("s")), "phases/s.toml:1: phase s replaces itself"),
        (lines("a: a"), "the phases form a cycle: a -> a"),
        (lines("a: / b\nb: a"), "the phases form a cycle: a -> b -> a"),
    ] {
        let error = Chain::build(phases).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Chain, message));
    }
    let near = Chain::build(phases("phase1:\nphase2: phaze1\n")).unwrap_err();
    assert_eq!(near.facts().choices, ["phase1"]);
}

#[test]
fn a_cycle_names_its_members() {
    let error = Chain::build(phases("base:\na: c\nb: a\nc: b\nd: c")).unwrap_err();
    assert_eq!(error.to_string(), "the phases form a cycle: a -> b -> c -> a");
    assert_eq!(
        error.facts().problems,
        ["a is in phases/a.toml", "b is in phases/b.toml", "c is in phases/c.toml"]
    );
}

#[test]
fn a_squash_stands_for_what_it_replaces() {
    let all = changed("s:\nt: b\nu: t / a b", |it| it[0].replaces = ids("a b"));
    let chain = Chain::build(all).unwrap();
    assert_eq!(words(&chain.get(&id("t")).unwrap().parents), "s");
    assert_eq!(words(&chain.get(&id("u")).unwrap().depends_on), "s");
    assert_eq!(chain.replacement(&id("a")).unwrap().id, id("s"));
}

#[test]
fn redundant_parents_are_dropped_with_a_warning() {
    let lines = line("", "a b c") + "d: a\nm: a b c d";
    let chain = chain(&lines);
    assert_eq!(words(&chain.get(&id("m")).unwrap().parents), "c d");
    assert_eq!(words(&chain.heads()), "m");
    assert_eq!(words(&chain.branches()), "a");
    assert_eq!(
        warnings(&chain),
        ["phase m (phases/m.toml) names parents that are ancestors of its other parents: a, b"]
    );
}

#[test]
fn the_same_heads_merged_twice_are_a_warning() {
    let mut twice = charts();
    twice.push(phase("b6b3d319a3ad", 31, "2f5d48c07f14 99dbbd3990dd 44bae117595b", ""));
    let chain = Chain::build(twice).unwrap();
    assert_eq!(words(&chain.heads()), "b6b3d319a3ad a1b2c3d4e5f6");
    assert_eq!(
        warnings(&chain),
        [
            "phases 93b7ace49920 (phases/93b7ace49920.toml) and b6b3d319a3ad (phases/b6b3d319a3ad.toml) \
          merge the same parents: 2f5d48c07f14, 44bae117595b, 99dbbd3990dd"
        ]
    );
}

#[test]
fn a_version_below_its_ancestors_is_a_warning() {
    let chain = Chain::build(vec![phase("a", 5, "", ""), phase("b", 2, "a", "")]).unwrap();
    assert_eq!(
        warnings(&chain),
        ["phase b (phases/b.toml) sets version 2, not above version 5 of its ancestors"]
    );
}

#[test]
fn parents_left_out_are_the_file_before_and_an_empty_list_is_a_base() {
    let folder = Folder::with(&[
        ("02_b.toml", ""),
        ("01_a.toml", ""),
        ("03_c.toml", "parents = []"),
        ("04_d.toml", ""),
        ("05_e.toml", "parents = ['01_a']"),
    ]);
    let chain = folder.chain().unwrap();
    let parents = |name: &str| words(&chain.get(&id(name)).unwrap().parents);
    assert_eq!(parents("01_a"), "");
    assert_eq!(parents("02_b"), "01_a");
    assert_eq!(parents("03_c"), "");
    assert_eq!(parents("04_d"), "03_c");
    assert_eq!(parents("05_e"), "01_a");
    assert_eq!(words(&chain.bases()), "01_a 03_c");
}

#[test]
fn versions_left_out_follow_the_ancestors_and_stay_unique() {
    let versions = |files: &[(&str, &str)]| {
        let chain = Folder::with(files).chain().unwrap();
        let shown = chain.phases().iter().map(|phase| format!("{}={}", phase.id, phase.version));
        shown.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(versions(&[("a.toml", ""), ("b.toml", ""), ("c.toml", "")]), "a=1 b=2 c=3");
    assert_eq!(
        versions(&[("a.toml", "version = 10"), ("b.toml", ""), ("c.toml", "version = 12")]),
        "a=10 b=11 c=12"
    );
    assert_eq!(
        versions(&[
            ("a.toml", ""),
            ("b.toml", "parents = ['a']"),
            ("c.toml", "parents = ['a']"),
            ("d.toml", "parents = ['b', 'c']"),
        ]),
        "a=1 b=2 c=3 d=4"
    );
    assert_eq!(
        versions(&[("a.toml", ""), ("b.toml", ""), ("c.toml", "version = 2")]),
        "a=1 b=3 c=2"
    );
    assert_eq!(
        versions(&[("a.toml", "version = 0"), ("b.toml", "parents = []\ndepends_on = ['a']")]),
        "a=0 b=1"
    );
    let full = Folder::with(&[("a.toml", "version = 9223372036854775807"), ("b.toml", "")]);
    assert_eq!(
        full.chain().unwrap_err().to_string(),
        "phases/b.toml:1: no version is left for phase b"
    );
}

#[test]
fn accidents_in_files_name_the_line_of_the_key() {
    let folder =
        Folder::with(&[("a.toml", "version = 1"), ("b.toml", "title = 'b'\n\nparents = ['z']")]);
    let error = folder.chain().unwrap_err();
    assert_eq!(
        error.to_string(),
        "phases/b.toml:3: phase b names parent z, which is not in the folder"
    );
    assert_eq!(error.facts().source, Some((folder.path().join("b.toml"), 3)));
}

#[test]
fn ten_came_after_one() {
    let folder = Folder::with(&[
        ("phase-1.toml", ""),
        ("phase1.toml", ""),
        ("phase10.toml", ""),
        ("phase2.toml", ""),
        ("phase3.toml", "parents = ['phase2']"),
    ]);
    let chain = folder.chain().unwrap();
    assert_eq!(words(&chain.get(&id("phase2")).unwrap().parents), "phase1");
    assert_eq!(words(&chain.get(&id("phase10")).unwrap().parents), "phase3");
    assert!(warnings(&chain).is_empty());
}

#[test]
fn names_that_count_the_same_are_ordered_by_their_letters() {
    let folder = Folder::with(&[
        ("007.toml", ""),
        ("07.toml", ""),
        ("7.toml", ""),
        ("08-b.toml", ""),
        ("8-a.toml", ""),
        ("20260101_120000_x.toml", ""),
    ]);
    let chain = folder.chain().unwrap();
    let ids: Vec<String> = chain.phases().iter().map(|it| it.id.to_string()).collect();
    assert_eq!(ids, ["007", "07", "7", "8-a", "08-b", "20260101_120000_x"]);
}

#[test]
fn only_phase_files_of_the_folder_itself_are_read() {
    let folder = Folder::with(&[
        ("a.toml", "[[up]]\nop = 'sql'\nfile = 'long.sql'"),
        ("c.sql", "SELECT 1"),
        (".d.sql", "SELECT 1"),
        ("archive/old.sql", "SELECT 1"),
        ("B.TOML", ""),
        ("long.sql", "SELECT 1"),
        ("notes.md", "no phase"),
        ("c.toml~", "no phase"),
        (".a.toml.swp.toml", "no phase"),
        ("archive/old.toml", "no phase"),
        ("other/old.toml", "no phase"),
        ("folder.toml/x", "no phase"),
    ]);
    let chain = folder.chain().unwrap();
    assert_eq!(words(chain.phases().iter().map(|phase| &phase.id)), "B a c");
}

#[test]
fn a_folder_that_is_missing_or_a_file_is_refused() {
    let folder = Folder::with(&[("a.toml", "")]);
    let read = |name: &str| Chain::read(&RealFiles, &folder.path().join(name)).unwrap_err();
    let error = read("missing");
    assert_eq!(error.kind(), ErrorKind::Chain);
    assert!(error.to_string().starts_with("the folder of the phases does not exist: "));
    let error = read("a.toml");
    assert_eq!(error.kind(), ErrorKind::Chain);
    assert!(error.to_string().ends_with("phases/a.toml is not a folder of phases"));
    assert!(Folder::with(&[]).chain().unwrap().is_empty());
}

#[test]
fn the_faults_of_all_files_are_told_at_once() {
    let folder = Folder::with(&[("a.toml", "idd = 1"), ("b.toml", ""), ("c.toml", "= 1")]);
    let error = folder.chain().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PhaseFile);
    assert_eq!(error.facts().problems.len(), 2);
    assert!(error.facts().problems[1].starts_with("phases/c.toml:1: not TOML: "));
}

proptest! {
    #[test]
    fn the_order_of_any_graph_is_topological_and_stable(phases in graphs(), seed in any::<u64>()) {
        let chain = Chain::build(phases.clone()).unwrap();
        assert_topological(&chain);
        let mut turned = phases;
        if !turned.is_empty() {
            let turn = usize::try_from(seed % 97).unwrap() % turned.len();
            turned.rotate_left(turn);
        }
        let again = Chain::build(turned).unwrap();
        prop_assert_eq!(again.phases(), chain.phases());
        let heads = chain.heads();
        let is_head_or_parent = |phase: &Phase| heads.contains(&phase.id) || !chain.children(&phase.id).is_empty();
        prop_assert!(chain.phases().iter().all(is_head_or_parent));
    }

    #[test]
    fn any_edges_make_a_chain_or_an_error(
        edges in prop::collection::vec(prop::collection::vec(0..6usize, 0..4), 0..6)
    ) {
        let name = |at: usize| format!("n{at}");
        let built = edges.iter().zip(0..).map(|(parents, version)| {
            let parents: Vec<String> = parents.iter().map(|at| name(*at)).collect();
            phase(&format!("n{version}"), version, &parents.join(" "), "")
        });
        match Chain::build(built.collect()) {
            Ok(chain) => assert_topological(&chain),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Chain),
        }
    }
}
