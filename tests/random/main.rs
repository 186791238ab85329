//! Random schemas, random rows, random phases: what comes out must be what an independent judge
//! expects, or the engine must refuse before it writes.
//!
//! `PHASESHIFT_SEED` chooses the seed, `PHASESHIFT_CASES` how many cases, `PHASESHIFT_CASE` one case
//! alone. `scripts/random_schemas` runs the long form.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests look at files from outside the engine")]

mod case;
mod chance;
mod changes;
mod choose;
mod choose_table;
mod expressions;
mod model;
mod names;
mod objects;
mod rows;
mod run;
mod shrink;
mod tables;
mod tally;
mod toml;
mod verdict;

#[path = "../support/mod.rs"]
mod support;

use case::Case;
use tally::Tally;
use verdict::{Verdict, try_all};

const SEED: u64 = 20_261_121;
const CASES: u64 = 150;
const BATCH: u64 = 50;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

#[test]
fn a_random_phase_gives_what_the_judge_expects_or_is_refused_untouched() {
    std::panic::set_hook(Box::new(|_| ()));
    let seed = setting("PHASESHIFT_SEED").unwrap_or(SEED);
    let numbers: Vec<u64> = match setting("PHASESHIFT_CASE") {
        Some(only) => vec![only],
        None => (0..setting("PHASESHIFT_CASES").unwrap_or(CASES)).collect(),
    };
    let mut tally = Tally::default();
    let mut failures: Vec<(Case, String)> = Vec::new();
    for batch in numbers.chunks(BATCH as usize) {
        let cases: Vec<Case> = batch.iter().map(|number| Case::make(seed, *number)).collect();
        let verdicts = try_all(&cases);
        for (case, verdict) in cases.into_iter().zip(verdicts) {
            tally.add(&case, &verdict);
            if let Verdict::Wrong(why) = verdict {
                failures.push((case, why));
            }
        }
    }
    let _ = std::panic::take_hook();
    eprintln!("seed {seed}: {tally}");
    if let Some(report) = tally::report(&failures) {
        panic!("seed {seed}\n{report}");
    }
}
