//! The ways: the table of behaviours of the charts, the lines of the photo map, random graphs.

use proptest::prelude::any;
use proptest::{prop_assert, proptest};

use super::*;
use crate::phase::samples::{applied, chain, charts, graphs, id, photo_map, words};

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

fn up(chain: &Chain, state: &Applied, text: &str) -> String {
    words(&chain.up_path(state, &target(text)).unwrap())
}

fn down(chain: &Chain, state: &Applied, text: &str) -> String {
    words(&chain.down_path(state, &target(text)).unwrap())
}

/// Returns the kind, the message and the choices of a refused way up.
fn up_refused(chain: &Chain, state: &Applied, text: &str) -> (ErrorKind, String, String) {
    refusal(chain.up_path(state, &target(text)).unwrap_err())
}

/// Returns the kind, the message and the choices of a refused way down.
fn down_refused(chain: &Chain, state: &Applied, text: &str) -> (ErrorKind, String, String) {
    refusal(chain.down_path(state, &target(text)).unwrap_err())
}

fn refusal(error: Error) -> (ErrorKind, String, String) {
    (error.kind(), error.to_string(), error.facts().choices.join(" "))
}

fn ambiguous(what: &str, choices: &str) -> (ErrorKind, String, String) {
    (ErrorKind::AmbiguousTarget, what.to_owned(), choices.to_owned())
}

fn unknown(what: &str, choices: &str) -> (ErrorKind, String, String) {
    (ErrorKind::UnknownTarget, what.to_owned(), choices.to_owned())
}

/// Returns the state in which the targets are reached.
fn at(chain: &Chain, targets: &str) -> Applied {
    let states = targets.split_whitespace().map(|text| chain.applied_at(&target(text)).unwrap());
    states.flat_map(|state| state.ids().cloned().collect::<Vec<_>>()).collect()
}

fn all(chain: &Chain) -> Applied {
    at(chain, "heads")
}

/// Returns the current ids after a way down.
fn current_after_down(chain: &Chain, mut state: Applied, text: &str) -> String {
    for id in chain.down_path(&state, &target(text)).unwrap() {
        state.remove(&id);
    }
    words(&chain.current(&state))
}

const FORK: &str = "2f5d48c07f14 44bae117595b 99dbbd3990dd";

#[test]
fn up_head_goes_to_the_only_head_and_refuses_several() {
    let charts = Chain::build(charts()).unwrap();
    let order = words(charts.phases().iter().map(|phase| &phase.id));
    assert_eq!(up(&charts, &Applied::nothing(), "head"), order);
    assert_eq!(up(&charts, &all(&charts), "head"), "");

    let forked = chain("a:\nb: a\nc: a");
    let refused = ambiguous("the chain has 2 heads", "b c");
    assert_eq!(up_refused(&forked, &Applied::nothing(), "head"), refused);
    assert_eq!(up_refused(&forked, &applied("a b c"), "head"), refused);
    assert_eq!(up(&forked, &Applied::nothing(), "heads"), "a b c");
    assert_eq!(up(&forked, &applied("a c"), "heads"), "b");
    assert_eq!(up(&chain(""), &Applied::nothing(), "head"), "");
}

#[test]
fn back_one_on_the_merge_undoes_the_merge_only() {
    let charts = Chain::build(charts()).unwrap();
    let merge = at(&charts, "93b7ace49920");
    assert_eq!(down(&charts, &merge, "-1"), "93b7ace49920");
    assert_eq!(current_after_down(&charts, merge.clone(), "-1"), FORK);
    assert_eq!(
        down_refused(&charts, &merge, "-2"),
        ambiguous("-2 could undo any of 3 phases", FORK)
    );
}

#[test]
fn back_one_with_several_current_ids_is_refused() {
    let charts = Chain::build(charts()).unwrap();
    let three = at(&charts, FORK);
    assert_eq!(
        down_refused(&charts, &three, "-1"),
        ambiguous("-1 could undo any of 3 phases", FORK)
    );
    assert_eq!(down(&charts, &three, "99dbbd3990dd@-1"), "99dbbd3990dd");
    assert_eq!(current_after_down(&charts, three, "99dbbd3990dd@-1"), "2f5d48c07f14 44bae117595b");
}

#[test]
fn forward_one_at_a_fork_or_from_several_is_refused() {
    let charts = Chain::build(charts()).unwrap();
    assert_eq!(
        up_refused(&charts, &at(&charts, "17d797292022"), "+1"),
        ambiguous("+1 is one of 3 phases", FORK)
    );
    assert_eq!(
        up_refused(&charts, &at(&charts, "ccc076a63ea8"), "+2"),
        ambiguous("+2 is one of 3 phases", FORK)
    );
    assert_eq!(
        up_refused(&charts, &at(&charts, "44bae117595b"), "+1"),
        ambiguous("+1 is one of 2 phases", "2f5d48c07f14 99dbbd3990dd")
    );
    assert_eq!(
        up_refused(&charts, &at(&charts, "44bae117595b 99dbbd3990dd"), "+1"),
        ambiguous("2 phases are current", "2f5d48c07f14")
    );
    assert_eq!(
        up_refused(&charts, &at(&charts, FORK), "+1"),
        ambiguous("3 phases are current", "93b7ace49920")
    );
}

#[test]
fn forward_and_back_count_the_phases_of_a_line() {
    let charts = Chain::build(charts()).unwrap();
    assert_eq!(up(&charts, &Applied::nothing(), "+2"), "14f966eaec6d 22f518a0295f");
    let merge = at(&charts, "93b7ace49920");
    assert_eq!(up(&charts, &merge, "+2"), "add_rag_160000 time_format_183000");
    assert_eq!(down(&charts, &at(&charts, "22f518a0295f"), "-2"), "22f518a0295f 14f966eaec6d");
    assert_eq!(
        up_refused(&charts, &at(&charts, "cec026704f64"), "+3"),
        unknown("+3 goes too far: there is only 1 phase to apply", "")
    );
    assert_eq!(up_refused(&charts, &all(&charts), "+1"), unknown("there is no phase to apply", ""));
    assert_eq!(
        down_refused(&charts, &at(&charts, "22f518a0295f"), "-3"),
        unknown("-3 goes too far: there are only 2 phases to undo", "")
    );
    assert_eq!(
        down_refused(&charts, &Applied::nothing(), "-1"),
        unknown("there is no phase to undo", "")
    );
}

#[test]
fn down_to_a_branch_leaves_three_current_ids() {
    let charts = Chain::build(charts()).unwrap();
    assert_eq!(current_after_down(&charts, all(&charts), "44bae117595b"), FORK);
    assert_eq!(current_after_down(&charts, all(&charts), "44bae"), FORK);
    assert!(down(&charts, &all(&charts), "44bae").starts_with("a1b2c3d4e5f6 cec026704f64 "));
    assert!(down(&charts, &all(&charts), "44bae").ends_with(" add_rag_160000 93b7ace49920"));
    assert_eq!(current_after_down(&charts, all(&charts), "17d797292022"), "17d797292022");
    assert_eq!(current_after_down(&charts, all(&charts), "base"), "");
    assert_eq!(down(&charts, &all(&charts), "head"), "");
}

#[test]
fn up_after_only_one_branch_applies_the_others_and_the_merge() {
    let charts = Chain::build(charts()).unwrap();
    assert_eq!(
        up(&charts, &at(&charts, "44bae"), "93b7"),
        "2f5d48c07f14 99dbbd3990dd 93b7ace49920"
    );
    assert!(
        up(&charts, &at(&charts, "44bae"), "head").starts_with("2f5d48c07f14 99dbbd3990dd 93b7")
    );
}

#[test]
fn an_unknown_id_is_answered_with_the_nearest() {
    let charts = Chain::build(charts()).unwrap();
    let nothing = Applied::nothing();
    let (kind, message, choices) = up_refused(&charts, &nothing, "44bae117595c");
    assert_eq!(
        (kind, message.as_str()),
        (ErrorKind::UnknownTarget, "no phase is called 44bae117595c")
    );
    assert!(choices.starts_with("44bae117595b "), "{choices}");
    assert_eq!(
        up_refused(&charts, &nothing, "7"),
        ambiguous("3 phases have ids that begin with 7", "7b0e1bdd69f5 782ba409672f 7a6c838f8b19")
    );
    assert!(up(&charts, &nothing, "30").ends_with(" 303700b12232"));
    assert_eq!(
        up_refused(&charts, &nothing, "version:31"),
        unknown("no phase sets version 31", "version:30 version:29 version:28")
    );
    let (kind, ..) = up_refused(&charts, &nothing, "wrong_text!");
    assert_eq!(kind, ErrorKind::UnknownTarget);
    let (kind, ..) = up_refused(&chain(""), &nothing, "a");
    assert_eq!(kind, ErrorKind::UnknownTarget);
}

#[test]
fn an_id_goes_before_the_ids_it_begins() {
    let chain = chain("a:\nab: a\nabc: ab");
    assert_eq!(up(&chain, &Applied::nothing(), "a"), "a");
    assert_eq!(up(&chain, &Applied::nothing(), "abc"), "a ab abc");
    assert_eq!(words([&chain.resolve_id("ab").unwrap()]), "ab");
}

#[test]
fn a_version_names_its_phase() {
    let chain = chain("a:\nb: a\nc: b");
    assert_eq!(up(&chain, &Applied::nothing(), "version:2"), "a b");
    assert_eq!(down(&chain, &applied("a b c"), "version:1"), "c b");
    assert_eq!(
        up_refused(&chain, &Applied::nothing(), "2"),
        unknown("no phase is called 2", "version:2")
    );
}

#[test]
fn a_phase_merged_in_later_is_applied_and_never_skipped() {
    let chain = chain("a:\nb: a\nc: b\nd: c");
    assert_eq!(up(&chain, &applied("a c"), "head"), "b d");
    assert_eq!(up(&chain, &applied("a c"), "c"), "b");
    assert_eq!(up(&chain, &applied("a c"), "+1"), "b");
    assert_eq!(up(&chain, &applied("a b c"), "b"), "");
    assert_eq!(up(&chain, &applied("a b c"), "base"), "");
}

#[test]
fn a_way_in_the_wrong_direction_is_refused() {
    let chain = chain("a:\nb: a");
    let (kind, message, _) = up_refused(&chain, &applied("a"), "-1");
    assert_eq!(
        (kind, message.as_str()),
        (ErrorKind::Arguments, "-1 undoes phases: it is a target for downgrade")
    );
    let (kind, message, _) = down_refused(&chain, &applied("a"), "+1");
    assert_eq!((kind, message.as_str()), (ErrorKind::Arguments, "+1 leads up: it applies phases"));
    assert_eq!(up_refused(&chain, &applied("a"), "a@-1").0, ErrorKind::Arguments);
    assert_eq!(down_refused(&chain, &applied("a"), "a@+1").0, ErrorKind::Arguments);
    assert_eq!(
        down_refused(&chain, &applied("a"), "b"),
        unknown("phase b is not applied, so there is no way down to it", "")
    );
    assert_eq!(down_refused(&chain, &applied("a"), "heads").0, ErrorKind::UnknownTarget);
    assert_eq!(down(&chain, &applied("a b"), "heads"), "");
}

#[test]
fn an_applied_phase_that_is_gone_stops_every_way() {
    let chain = chain("a:\nb: a");
    assert_eq!(up_refused(&chain, &applied("z"), "head").0, ErrorKind::PhaseMissing);
    assert_eq!(down_refused(&chain, &applied("z"), "base").0, ErrorKind::PhaseMissing);
}

#[test]
fn down_to_a_phase_keeps_what_only_depends_on_it() {
    let chain = chain("a:\nb: a\nx: / a\ny: x / b");
    assert_eq!(down(&chain, &applied("a b x y"), "a"), "y b");
    assert_eq!(down(&chain, &applied("a b x y"), "b"), "");
    assert_eq!(down(&chain, &applied("a b x"), "x"), "");
}

#[test]
fn every_phase_of_both_systems_is_a_target_up_and_down() {
    for phases in [charts(), photo_map()] {
        let chain = Chain::build(phases).unwrap();
        let everything = all(&chain);
        for phase in chain.phases() {
            let name = phase.id.as_str();
            let mut expected = chain.ancestors(&phase.id);
            expected.push(phase.id.clone());
            assert_eq!(up(&chain, &Applied::nothing(), name), words(&expected), "{name}");

            let mut state = everything.clone();
            for id in chain.down_path(&state, &target(name)).unwrap() {
                assert!(chain.current(&state).contains(&id), "{id} is undone too early");
                state.remove(&id);
            }
            assert!(state.contains(&phase.id));
            assert!(chain.children(&phase.id).iter().all(|child| !state.contains(child)));
            let again = chain.up_path(&state, &target("head")).unwrap();
            assert_eq!(state.len() + again.len(), chain.len());
        }
    }
}

#[test]
fn a_label_moves_only_its_line() {
    let map = Chain::build(photo_map()).unwrap();
    let both = at(&map, "008_push_notifications 4becdf297d3c");
    assert_eq!(down(&map, &both, "push@-1"), "008_push_notifications");
    assert_eq!(down(&map, &both, "push@base"), "008_push_notifications");
    assert_eq!(down(&map, &both, "geo@-1"), "4becdf297d3c");
    assert_eq!(down(&map, &both, "geo@-2"), "4becdf297d3c 875cccae8edb");
    assert_eq!(down(&map, &both, "geo@base"), "4becdf297d3c 875cccae8edb d075e1120235");
    assert_eq!(
        down_refused(&map, &both, "push@-2"),
        unknown("push@-2 goes too far: there is only 1 phase to undo", "")
    );

    let fork = at(&map, "007_contact_messages");
    assert_eq!(up(&map, &fork, "push@+1"), "008_push_notifications");
    assert_eq!(up(&map, &fork, "geo@+2"), "d075e1120235 875cccae8edb");
    assert_eq!(up(&map, &Applied::nothing(), "push@+1"), "001_initial_schema");
    assert_eq!(up(&map, &all(&map), "push@head"), "");
    assert_eq!(up(&map, &fork, "push@base"), "");
}

#[test]
fn a_label_goes_to_the_head_of_its_line() {
    let mut early = photo_map();
    early.truncate(13);
    let map = Chain::build(early).unwrap();
    let fork = at(&map, "007_contact_messages");
    assert_eq!(up(&map, &fork, "geo@head"), "d075e1120235 875cccae8edb 4becdf297d3c");
    assert_eq!(up(&map, &fork, "push@head"), "008_push_notifications");
    assert_eq!(up(&map, &at(&map, "push@head"), "geo@+1"), "d075e1120235");
    assert_eq!(
        up_refused(&map, &fork, "001_initial_schema@head"),
        ambiguous("the line 001_initial_schema has 2 heads", "008_push_notifications 4becdf297d3c")
    );
    assert_eq!(up_refused(&map, &fork, "push"), unknown("no phase is called push", "push@head"));
    assert_eq!(up_refused(&map, &fork, "puhs@head").0, ErrorKind::UnknownTarget);
    let everything = all(&map);
    assert_eq!(down(&map, &everything, "geo@head"), "");
    assert_eq!(words(at(&map, "geo@base").ids()), words(fork.ids()));
}

#[test]
fn a_step_on_a_line_brings_what_its_merge_needs() {
    let map = Chain::build(photo_map()).unwrap();
    let pushed = at(&map, "008_push_notifications");
    assert_eq!(up(&map, &pushed, "push@+1"), "d075e1120235 875cccae8edb 4becdf297d3c 60a7e8902255");
}

#[test]
fn a_line_ends_at_the_fork_or_merge_before_it() {
    let map = Chain::build(photo_map()).unwrap();
    assert!(words(&map.line_of("016").unwrap()).starts_with("9d3532cfd1cf 015 016 017 "));
    assert!(words(&map.line_of("geo").unwrap()).starts_with("d075e1120235 875cccae8edb "));
    assert_eq!(map.line_of("nothing").unwrap_err().kind(), ErrorKind::UnknownTarget);
    let state = at(&map, "016");
    assert_eq!(down(&map, &state, "016@base"), "016 015 9d3532cfd1cf");
    assert_eq!(current_after_down(&map, state, "016@base"), "752936a4a4f3");
}

#[test]
fn a_base_that_depends_on_others_waits_for_them() {
    let map = Chain::build(photo_map()).unwrap();
    assert_eq!(up(&map, &Applied::nothing(), "+1"), "001_initial_schema");
    assert!(up(&map, &Applied::nothing(), "009").ends_with("4becdf297d3c 009_merge_branches"));
    assert_eq!(current_after_down(&map, all(&map), "008_push"), "009_merge_branches");
    assert_eq!(current_after_down(&map, all(&map), "007"), "007_contact_messages");
}

#[test]
fn a_range_goes_from_a_place_to_a_place() {
    let chain = chain("a:\nb: a\nc: b\nd: c");
    let range = |text: &str| TargetRange::parse(text).unwrap();
    let up = |text: &str| words(&chain.up_range(&range(text)).unwrap());
    let down = |text: &str| words(&chain.down_range(&range(text)).unwrap());
    assert_eq!(up("a:c"), "b c");
    assert_eq!(up("base:head"), "a b c d");
    assert_eq!(up("b:"), "c d");
    assert_eq!(up(":b"), "a b");
    assert_eq!(up("version:1:+2"), "b c");
    assert_eq!(up("c:a"), "");
    assert_eq!(down("d:b"), "d c");
    assert_eq!(down("head:base"), "d c b a");
    assert_eq!(down("c:-1"), "c");
    assert_eq!(chain.down_range(&range("a:c")).unwrap_err().kind(), ErrorKind::UnknownTarget);
    assert_eq!(chain.up_range(&range("+1:c")).unwrap_err().kind(), ErrorKind::Arguments);
}

#[test]
fn a_replaced_id_means_the_phase_that_stands_for_it() {
    let mut squashed = crate::phase::samples::phase("s", 3, "", "");
    squashed.replaces = crate::phase::samples::ids("p1 p2");
    let chain = Chain::build(vec![squashed]).unwrap();
    assert_eq!(chain.resolve_id("p1").unwrap(), id("s"));
    assert_eq!(up(&chain, &Applied::nothing(), "p2"), "s");
}

proptest! {
    #[test]
    fn a_way_from_any_state_reaches_its_target(phases in graphs(), bits in any::<u16>(), pick in any::<usize>()) {
        let chain = Chain::build(phases).unwrap();
        if chain.is_empty() {
            return Ok(());
        }
        let chosen = chain.phases().iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
        let start: Applied = chosen
            .flat_map(|(_, phase)| {
                let mut ids = chain.ancestors(&phase.id);
                ids.push(phase.id.clone());
                ids
            })
            .collect();
        let goal = &chain.phases()[pick % chain.len()].id;

        let mut state = start.clone();
        for id in chain.up_path(&start, &target(goal.as_str())).unwrap() {
            prop_assert!(chain.ancestors(&id).iter().all(|before| state.contains(before)));
            prop_assert!(!state.contains(&id));
            state.add(id);
        }
        prop_assert!(state.contains(goal));
        prop_assert!(start.ids().all(|id| state.contains(id)));
        let needed = |id: &PhaseId|
            start.contains(id) || id == goal || chain.ancestors(goal).contains(id);
        prop_assert!(state.ids().all(needed));

        let before = state.clone();
        for id in chain.down_path(&before, &target(goal.as_str())).unwrap() {
            prop_assert!(chain.descendants(&id).iter().all(|after| !state.contains(after)));
            prop_assert!(state.contains(&id));
            state.remove(&id);
        }
        prop_assert!(state.contains(goal));
        prop_assert!(chain.children(goal).iter().all(|child| !state.contains(child)));
        prop_assert!(before.ids().all(|id| state.contains(id) || chain.descendants(goal).contains(id)));
        for id in chain.down_path(&state, &Target::Base).unwrap() {
            state.remove(&id);
        }
        prop_assert!(state.is_empty());
    }

    #[test]
    fn no_text_makes_a_target_panic(text in "[a-z0-9@:+. -]{0,12}") {
        let chain = chain("a:\nb: a\nc: a");
        if let Ok(target) = Target::parse(&text) {
            let _ = chain.up_path(&applied("a"), &target);
            let _ = chain.down_path(&applied("a b"), &target);
        }
        let _ = TargetRange::parse(&text);
    }
}
