//! Counting, as in tests/support/lab/tally.rs, for cases that are judged on a real folder.

use std::io::Write as _;
use std::time::Instant;

use crate::verdict::{Which, Wrong};

/// The counts of one sweep.
pub struct Tally {
    name: String,
    began: Instant,
    pub cases: usize,
    old: usize,
    new: usize,
    /// Cases that were neither old nor new, or with a bad backup.
    third: usize,
    /// Cases in which the program said what is not so.
    unkept: usize,
    again: usize,
    /// Runs that did not finish what a case left.
    unfinished: usize,
    /// Faults that never happened, although every run that was counted makes the call.
    missed: usize,
    /// Faults that never happened at calls that only some runs make.
    absent: usize,
    bad: Vec<String>,
    /// Counts of this sweep alone, in words.
    pub more: String,
}

impl Tally {
    pub fn new(name: String) -> Self {
        Self {
            name,
            began: Instant::now(),
            cases: 0,
            old: 0,
            new: 0,
            third: 0,
            unkept: 0,
            again: 0,
            unfinished: 0,
            missed: 0,
            absent: 0,
            bad: Vec::new(),
            more: String::new(),
        }
    }

    pub fn count<E: Into<Wrong>>(&mut self, place: &str, outcome: Result<Which, E>) {
        self.cases += 1;
        match outcome {
            Ok(Which::Old) => self.old += 1,
            Ok(Which::New) => self.new += 1,
            Err(wrong) => self.attribute_damage(place, wrong.into()),
        }
    }

    fn attribute_damage(&mut self, place: &str, wrong: Wrong) {
        let why = match wrong {
            Wrong::State(why) => {
                self.third += 1;
                why
            }
            Wrong::Said(why) => {
                self.unkept += 1;
                why
            }
        };
        self.bad.push(format!("{place}: {why}"));
    }

    /// Holds a run against what must be, in which the fault did not happen.
    pub fn judge_without(&mut self, place: &str, outcome: Result<Which, Wrong>) {
        if let Err(wrong) = outcome {
            self.attribute_damage(&format!("{place}, without the fault"), wrong);
        }
    }

    /// Counts a fault that did not happen in any attempt; `certain` if every run makes the call.
    pub fn miss(&mut self, certain: bool) {
        self.missed += usize::from(certain);
        self.absent += usize::from(!certain);
    }

    pub fn again(&mut self, place: &str, outcome: Result<(), String>) {
        self.again += 1;
        if let Err(why) = outcome {
            self.unfinished += 1;
            self.bad.push(format!("{place}: run again: {why}"));
        }
    }

    /// Tells whether some cases left the old state, and some the new one.
    pub fn met_both(&self) -> bool {
        self.old > 0 && self.new > 0
    }

    /// Prints the counts, past the test harness, and fails if any case was bad.
    #[track_caller]
    pub fn expect_green(&self) {
        let Self { name, cases, old, new, again, missed, absent, bad, more, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        drop(writeln!(
            std::io::stderr(),
            "lab: {name}: {cases} cases, {old} old, {new} new, {} third states, {} promises not \
             kept, {again} run again of which {} failed, {missed} did not happen and {absent} \
             were at calls of some runs only{more}; {seconds:.1} s",
            self.third,
            self.unkept,
            self.unfinished
        ));
        // Two threads share the work, and under load not always in the same way: rarely a call is
        // not made that every counted run made. Where that is more than one in fifty, or more than one of
        // a few, the sweep has to be made again when the machine is quiet.
        let few = usize::from(*cases >= 10);
        let most = few.max(cases / 50);
        assert!(*missed <= most, "{name}: {cases} faults happened, {missed} did not");
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
