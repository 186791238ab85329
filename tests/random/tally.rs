//! Counts what became of the cases, and reports those that went wrong.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::case::Case;
use super::features::{ALL, features};
use super::shrink::shrink;
use super::verdict::Verdict;

/// How many cases came out in which way.
#[derive(Debug, Default)]
pub struct Tally {
    counts: BTreeMap<&'static str, usize>,
    reasons: BTreeMap<String, (usize, u64)>,
    features: BTreeMap<&'static str, [usize; 4]>,
    /// A case that was carried out, by feature.
    examples: BTreeMap<&'static str, u64>,
}

/// What became of the cases with a feature.
const FATES: [&str; 4] = ["cases", "carried out", "refused", "rolled back"];

impl Tally {
    /// Counts a case.
    pub fn add(&mut self, case: &Case, verdict: &Verdict) {
        let (what, reason) = match verdict {
            Verdict::Unmade(why) => ("not made", Some(why)),
            Verdict::Refused(why) => ("refused", Some(why)),
            Verdict::RolledBack(why) => ("rolled back", Some(why)),
            Verdict::Right { and_back: false } => ("carried out", None),
            Verdict::Right { and_back: true } => ("carried out and taken back", None),
            Verdict::Wrong(why) => ("wrong", Some(why)),
        };
        *self.counts.entry(what).or_default() += 1;
        let fate = FATES.iter().position(|it| what.starts_with(it));
        for feature in features(case) {
            let counts = self.features.entry(feature).or_default();
            counts[0] += 1;
            fate.into_iter().for_each(|fate| counts[fate] += 1);
            if fate == Some(1) {
                self.examples.entry(feature).or_insert(case.number);
            }
        }
        if let Some(reason) = reason {
            let entry = self.reasons.entry(format!("{what}: {}", stem(reason))).or_default();
            *entry = (entry.0 + 1, case.number);
        }
    }
}

impl Tally {
    /// How many cases came out in which way, on one line.
    pub fn counts(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        counts.join(", ")
    }

    /// The features that no case with them was carried out.
    pub fn never_carried_out(&self) -> Vec<&'static str> {
        let carried = |it: &str| self.features.get(it).is_some_and(|counts| counts[1] > 0);
        ALL.iter().copied().filter(|it| !carried(it)).collect()
    }
}

/// A reason without the names and numbers in it, so that like reasons are counted together.
fn stem(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    let words: Vec<&str> = line.split(' ').filter(|it| it.len() > 1).take(40).collect();
    words.join(" ").chars().filter(|it| !it.is_ascii_digit()).take(220).collect()
}

impl Display for Tally {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.counts())?;
        write!(formatter, "\n{:44}{}", "", FATES.map(|it| format!("{it:>12}")).concat())?;
        for (feature, counts) in &self.features {
            let counts = counts.map(|it| format!("{it:12}")).concat();
            write!(formatter, "\n{feature:44}{counts}")?;
            if let Some(number) = self.examples.get(feature) {
                write!(formatter, "  case {number}")?;
            }
        }
        if std::env::var_os("PHASESHIFT_REASONS").is_some() {
            let mut reasons: Vec<_> = self.reasons.iter().collect();
            reasons.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
            for (reason, (count, example)) in reasons {
                write!(formatter, "\n{count:6}  (case {example}) {reason}")?;
            }
        }
        Ok(())
    }
}

/// Shows the first cases that went wrong, made as small as possible.
pub fn report(failures: &[(Case, String)]) -> Option<String> {
    if failures.is_empty() {
        return None;
    }
    let numbers: Vec<String> = failures.iter().map(|it| it.0.number.to_string()).collect();
    let mut report = format!("{} cases went wrong: {}\n", failures.len(), numbers.join(" "));
    for (case, why) in failures.iter().take(3) {
        let (small, why) = shrink(case.clone(), why.clone());
        report.push_str(&format!("\n=== case {}\n{why}\n{}", case.number, small.script()));
    }
    Some(report)
}
