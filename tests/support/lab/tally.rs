//! Counting: how many cases there were, how they ended, and the first that ended badly.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write as _;
use std::time::Instant;

use crate::lab::verdict::Which;

/// How many bad cases are described.
const DESCRIBED: usize = 5;

/// The counts of one sweep.
#[derive(Debug)]
pub struct Tally {
    name: String,
    began: Instant,
    pub cases: usize,
    pub old: usize,
    pub new: usize,
    pub reruns: usize,
    pub bad: usize,
    first: Vec<String>,
    reasons: BTreeSet<String>,
    /// Counts of this sweep alone, in words.
    pub more: String,
}

impl Tally {
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let (began, first, more) = (Instant::now(), Vec::new(), String::new());
        let reasons = BTreeSet::new();
        Self { name, began, cases: 0, old: 0, new: 0, reruns: 0, bad: 0, first, reasons, more }
    }

    /// Counts one case; `place` says how to find it again.
    pub fn count(&mut self, place: impl FnOnce() -> String, outcome: Result<Which, String>) {
        self.cases += 1;
        match outcome {
            Ok(Which::Old) => self.old += 1,
            Ok(Which::New) => self.new += 1,
            Err(why) => self.attribute_damage(place, why),
        }
    }

    /// Counts one more look at a case that was counted.
    pub fn rerun(&mut self, place: impl FnOnce() -> String, outcome: Result<(), String>) {
        self.reruns += 1;
        if let Err(why) = outcome {
            self.attribute_damage(place, format!("run again: {why}"));
        }
    }

    fn attribute_damage(&mut self, place: impl FnOnce() -> String, why: String) {
        self.bad += 1;
        self.reasons.insert(why.clone());
        if self.first.len() < DESCRIBED {
            self.first.push(format!("{}: {why}", place()));
        }
    }

    /// Prints the counts, past the test harness, so that they are always seen.
    #[allow(clippy::disallowed_methods, reason = "the tally is for people who run the tests")]
    pub fn print(&self) {
        drop(writeln!(std::io::stderr(), "lab: {self}"));
    }

    /// Prints the counts, and fails if any case was bad.
    #[track_caller]
    pub fn expect_green(&self) {
        self.print();
        assert!(self.cases > 0, "{}: nothing was tried", self.name);
        assert_eq!(self.bad, 0, "{}: {:#?}", self.name, self.first);
    }

    /// Prints the counts, and fails unless cases were bad for this reason: a planted mistake must
    /// be seen for what it is.
    #[track_caller]
    pub fn expect_red(&self, reason: &str) {
        self.print();
        let noticed = self.reasons.iter().any(|why| why.contains(reason));
        assert!(noticed, "{}: not noticed as {reason:?}, but: {:?}", self.name, self.reasons);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, cases, old, new, reruns, bad, more, .. } = self;
        let seconds = self.began.elapsed().as_secs_f64();
        write!(formatter, "{name}: {cases} cases, {old} old, {new} new, {bad} BAD, ")?;
        write!(formatter, "{reruns} run again{more}; {seconds:.1} s")?;
        match self.first.first() {
            Some(first) => write!(formatter, "; first: {first}"),
            None => Ok(()),
        }
    }
}

/// Tells whether the long form is asked for: `PHASESHIFT_LAB=long`.
pub fn long() -> bool {
    std::env::var_os("PHASESHIFT_LAB").is_some_and(|form| form == "long")
}
