//! Random schemas, random rows, random phases: what comes out must be what an independent judge
//! expects, or the engine must refuse before it writes.
//!
//! `PHASESHIFT_SEED` chooses the seed, `PHASESHIFT_CASES` how many cases, `PHASESHIFT_FIRST` the first of
//! them, `PHASESHIFT_CASE` one case alone. `scripts/random_schemas` runs the long form.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests look at files from outside the engine")]

mod case;
mod chance;
mod changes;
mod choose;
mod choose_table;
mod expressions;
mod features;
mod model;
mod names;
mod objects;
mod regressions;
mod rows;
mod run;
mod scenarios;
mod shrink;
mod tables;
mod tally;
mod toml;
mod verdict;

use case::Case;
use tally::Tally;
use verdict::{Verdict, try_all};

const SEED: u64 = 20_261_121;
const CASES: u64 = 150;
const BATCH: u64 = 50;
/// Cases of the seed that have in them what the first ones lack.
const RARE: &[u64] = &[186, 267];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// A long run says now and then what it has counted, so that one that stops has told what it did.
fn progress(seed: u64, batch: &[u64], tally: &Tally) {
    if let Some(last) = batch.last().filter(|last| (*last + 1) % 500 == 0) {
        eprintln!("seed {seed}, up to case {last}: {}", tally.counts());
    }
}

#[test]
fn a_random_phase_gives_what_the_judge_expects_or_is_refused_untouched() {
    run::hold_back_panics_of_the_engine();
    let seed = setting("PHASESHIFT_SEED").unwrap_or(SEED);
    let numbers: Vec<u64> = match setting("PHASESHIFT_CASE") {
        Some(only) => vec![only],
        None => match setting("PHASESHIFT_CASES") {
            Some(cases) => (setting("PHASESHIFT_FIRST").unwrap_or(0)..cases).collect(),
            None => (0..CASES).chain(RARE.iter().copied()).collect(),
        },
    };
    let reasons = std::env::var_os("PHASESHIFT_REASONS").is_some();
    let mut tally = Tally::default();
    let mut failures: Vec<(Case, String)> = Vec::new();
    for batch in numbers.chunks(BATCH as usize) {
        let cases: Vec<Case> = batch.iter().map(|number| Case::make(seed, *number)).collect();
        let verdicts = try_all(&cases);
        for (case, verdict) in cases.into_iter().zip(verdicts) {
            tally.add(&case, &verdict);
            if numbers.len() == 1 {
                eprintln!("{verdict:?}\n{}", case.script());
            }
            // Said at once: a run that is stopped has still told what it found.
            match verdict {
                Verdict::Wrong(why) => {
                    eprintln!("seed {seed}, case {}: {why}", case.number);
                    failures.push((case, why));
                }
                Verdict::RolledBack(why) if reasons => {
                    eprintln!("seed {seed}, case {}, rolled back: {why}", case.number);
                }
                Verdict::RolledBack(_)
                | Verdict::Unmade(_)
                | Verdict::Refused(_)
                | Verdict::Right { .. } => {}
            }
        }
        progress(seed, batch, &tally);
    }
    eprintln!("seed {seed}: {tally}");
    if let Some(report) = tally::report(&failures) {
        panic!("seed {seed}\n{report}");
    }
    if numbers.len() as u64 >= CASES {
        let never = tally.never_carried_out();
        assert!(never.is_empty(), "seed {seed}: no case was carried out with: {never:?}");
    }
}
