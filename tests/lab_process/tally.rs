//! Counting, as in tests/lab/tally.rs, for cases that are judged on a real folder.

use std::io::Write as _;
use std::time::Instant;

use crate::verdict::Which;

/// The counts of one sweep.
pub struct Tally {
    name: String,
    began: Instant,
    pub cases: usize,
    old: usize,
    new: usize,
    again: usize,
    missed: usize,
    bad: Vec<String>,
}

impl Tally {
    pub fn new(name: String) -> Self {
        let (cases, old, new, again, missed) = (0, 0, 0, 0, 0);
        Self { name, began: Instant::now(), cases, old, new, again, missed, bad: Vec::new() }
    }

    pub fn count(&mut self, place: &str, outcome: Result<Which, String>) {
        self.cases += 1;
        match outcome {
            Ok(Which::Old) => self.old += 1,
            Ok(Which::New) => self.new += 1,
            Err(why) => self.bad.push(format!("{place}: {why}")),
        }
    }

    /// Counts a case in which the fault did not happen.
    pub fn miss(&mut self, place: &str, outcome: Result<Which, String>) {
        self.missed += 1;
        if let Err(why) = outcome {
            self.bad.push(format!("{place}: without the fault: {why}"));
        }
    }

    pub fn again(&mut self, place: &str, outcome: Result<(), String>) {
        self.again += 1;
        if let Err(why) = outcome {
            self.bad.push(format!("{place}: run again: {why}"));
        }
    }

    /// Prints the counts, past the test harness, and fails if any case was bad.
    #[track_caller]
    pub fn expect_green(&self) {
        let Self { name, cases, old, new, again, missed, bad, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        drop(writeln!(
            std::io::stderr(),
            "lab: {name}: {cases} cases, {old} old, {new} new, {} BAD, {again} run again, {missed} missed; {seconds:.1} s",
            bad.len()
        ));
        // Two threads share the work, and under load not always in the same way: some calls that
        // were counted are not made. Where that is more than one in ten, the sweep has to be made
        // again when the machine is quiet.
        assert!(*cases > missed * 10, "{name}: {cases} faults happened, {missed} did not");
        assert!(bad.is_empty(), "{name}: {:#?}", &bad[..bad.len().min(5)]);
    }
}

/// Says that something cannot be tried here.
pub fn skip(what: &str) {
    drop(writeln!(std::io::stderr(), "lab: skipped here: {what}"));
}

/// Tells whether the long form is asked for: `PHASESHIFT_LAB=long`.
pub fn long() -> bool {
    std::env::var_os("PHASESHIFT_LAB").is_some_and(|form| form == "long")
}
