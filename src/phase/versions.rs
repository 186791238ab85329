//! The versions of a chain, seen from a file that gave some of them out already.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::Chain;
use super::phase::PhaseId;

impl Chain {
    /// Returns the chain with the versions that a file records for its phases.
    ///
    /// A version that a phase file leaves out is counted in chain order, so that a phase that comes
    /// in between counts differently from then on. What a file recorded stands: phases that are
    /// applied keep their version, and the others take the next one that neither the file nor a
    /// phase has. A version that a phase file declares stays as it is.
    #[must_use]
    pub fn with_recorded_versions(&self, recorded: &BTreeMap<PhaseId, i64>) -> Self {
        let mut chain = self.clone();
        let mut taken: BTreeSet<i64> = recorded.values().copied().collect();
        taken.extend(self.phases.iter().filter(|it| it.version_declared).map(|it| it.version));
        taken.extend(self.phases.iter().flat_map(|it| &it.annotations.replaced_versions));
        let mut highest: Vec<i64> = Vec::with_capacity(self.len());
        for (position, phase) in chain.phases.iter_mut().enumerate() {
            let below = self.graph.before(position).map(|before| highest[before]).max();
            if let Some(version) = recorded.get(&phase.id) {
                phase.version = *version;
            } else if !phase.version_declared {
                let next = below.unwrap_or_default().saturating_add(1);
                let free = (next..i64::MAX).find(|version| !taken.contains(version));
                phase.version = free.unwrap_or(phase.version);
                taken.insert(phase.version);
            }
            highest.push(below.map_or(phase.version, |below| below.max(phase.version)));
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phase::samples::{id, phase};

    /// a, then b and m on it, then z on both; no file declares a version.
    fn chain() -> Chain {
        let mut phases = vec![
            phase("a", 1, "", ""),
            phase("b", 2, "a", ""),
            phase("m", 3, "a", ""),
            phase("z", 4, "m b", ""),
        ];
        phases.iter_mut().for_each(|phase| phase.version_declared = false);
        Chain::build(phases).unwrap()
    }

    fn versions(chain: &Chain) -> Vec<i64> {
        chain.phases().iter().map(|phase| phase.version).collect()
    }

    #[test]
    fn what_a_file_records_stands_and_the_others_make_room() {
        let recorded = [(id("a"), 1), (id("m"), 2)].into_iter().collect();
        assert_eq!(versions(&chain().with_recorded_versions(&recorded)), [1, 3, 2, 4]);
    }

    #[test]
    fn a_file_that_records_nothing_changes_nothing() {
        assert_eq!(versions(&chain().with_recorded_versions(&BTreeMap::new())), [1, 2, 3, 4]);
    }

    #[test]
    fn a_declared_version_stays() {
        let mut chain = chain();
        chain.phases[1].version_declared = true;
        let recorded = [(id("a"), 1), (id("m"), 2)].into_iter().collect();
        assert_eq!(versions(&chain.with_recorded_versions(&recorded)), [1, 2, 2, 3]);
    }
}
