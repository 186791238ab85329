//! What is applied: recorded ids against the chain, current ids, what is pending.

use super::*;
use crate::phase::Target;
use crate::phase::samples::{applied, chain, charts, id, ids, phase, words};

fn recorded(text: &str) -> Vec<(PhaseId, Option<String>)> {
    ids(text).into_iter().map(|id| (id, None)).collect()
}

#[test]
fn current_are_the_applied_ids_on_which_no_other_stands() {
    let charts = Chain::build(charts()).unwrap();
    let current = |text: &str| words(&charts.current(&applied(text)));
    let fork = words(&charts.ancestors(&id("44bae117595b")));
    assert_eq!(current(""), "");
    assert_eq!(current(&fork), "17d797292022");
    assert_eq!(current(&format!("{fork} 44bae117595b")), "44bae117595b");
    assert_eq!(current(&format!("{fork} 99dbbd3990dd 44bae117595b")), "44bae117595b 99dbbd3990dd");
    let all = words(charts.phases().iter().map(|phase| &phase.id));
    assert_eq!(current(&all), "a1b2c3d4e5f6");
}

#[test]
fn current_looks_through_dependencies_and_gaps() {
    let chain = chain("a:\nb: a\nc: b\nd: / a");
    assert_eq!(words(&chain.current(&applied("a c"))), "c");
    assert_eq!(words(&chain.current(&applied("a d"))), "d");
    assert_eq!(words(&chain.current(&applied("a unknown"))), "a unknown");
}

#[test]
fn pending_is_what_is_not_applied_on_the_way() {
    let chain = chain("a:\nb: a\nc: b\nd: a");
    let state = applied("a c");
    let pending =
        |text: &str| words(&chain.up_path(&state, &Target::parse(text).unwrap()).unwrap());
    assert_eq!(pending("c"), "b");
    assert_eq!(pending("heads"), "b d");
    assert_eq!(words(&chain.all_pending(&state)), "b d");
}

#[test]
fn what_is_recorded_as_in_the_chain_is_applied() {
    let chain = chain("a:\nb: a\nc: b");
    let records = [(id("a"), Some("blake3:a".to_owned())), (id("b"), None)];
    let state = chain.check_applied(&records).unwrap();
    assert_eq!(words(state.ids()), "a b");
    assert_eq!(state.len(), 2);
    assert!(chain.check_applied(&[]).unwrap().is_empty());
}

#[test]
fn a_recorded_phase_that_is_gone_is_named() {
    let chain = chain("phase1:\nphase2: phase1");
    let error = chain.check_applied(&recorded("phase1 phase9")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PhaseMissing);
    assert_eq!(error.to_string(), "phase phase9 is applied, but not in the folder");
    assert_eq!(error.facts().phase.as_deref(), Some("phase9"));
    let error = chain.check_applied(&recorded("x y")).unwrap_err();
    assert_eq!(error.to_string(), "phases x, y are applied, but not in the folder");
    assert_eq!(error.facts().problems, ["x", "y"]);
}

#[test]
fn an_edited_phase_is_named_with_its_file() {
    let chain = chain("a:\nb: a\nc: b");
    let edited = |names: &str| {
        let records = ids("a b c").into_iter().map(|id| {
            let changed = names.split_whitespace().any(|name| name == id.as_str());
            let checksum = if changed { "blake3:0".to_owned() } else { format!("blake3:{id}") };
            (id, Some(checksum))
        });
        chain.check_applied(&records.collect::<Vec<_>>()).unwrap_err()
    };
    let error = edited("b");
    assert_eq!(error.kind(), ErrorKind::PhaseEdited);
    assert_eq!(error.to_string(), "phase b was edited after it was applied");
    assert_eq!(error.facts().phase.as_deref(), Some("b"));
    assert_eq!(error.facts().source, Some(("phases/b.toml".into(), 1)));
    let error = edited("a c");
    assert_eq!(error.to_string(), "phases a, c were edited after they were applied");
    assert_eq!(error.facts().problems, ["a in phases/a.toml", "c in phases/c.toml"]);
}

#[test]
fn a_phase_counts_as_applied_when_all_it_replaces_is() {
    let mut squashed = phase("s", 3, "", "");
    squashed.replaces = ids("p1 p2 p3");
    let chain = Chain::build(vec![squashed, phase("t", 4, "s", "")]).unwrap();
    let check = |text: &str| chain.check_applied(&recorded(text));
    assert_eq!(words(check("p1 p2 p3").unwrap().ids()), "s");
    assert_eq!(words(check("p1 p2 p3 t").unwrap().ids()), "s t");
    assert_eq!(words(check("s").unwrap().ids()), "s");
    assert_eq!(words(check("p1 s").unwrap().ids()), "s");
    assert!(check("").unwrap().is_empty());

    let error = check("p1 p3").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PhaseMissing);
    assert_eq!(error.to_string(), "phase s stands for 3 phases, of which only 2 are applied");
    assert_eq!(error.facts().problems, ["p2 is not applied"]);
    assert_eq!(check("p1 p4").unwrap_err().facts().phase.as_deref(), Some("p4"));
}

#[test]
fn a_state_follows_what_is_applied_and_undone() {
    let mut state = Applied::nothing();
    state.add(id("a"));
    state.add(id("b"));
    assert!(state.contains(&id("a")));
    state.remove(&id("a"));
    assert_eq!(words(state.ids()), "b");
}
