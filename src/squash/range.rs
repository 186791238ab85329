//! Which phases a squash stands for, and whether the graph lets one phase take their place.

use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::phase::{Applied, Chain, Phase, PhaseId};

/// The phases that one phase will stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SquashRange {
    /// All of them, in chain order.
    pub members: Vec<PhaseId>,
    pub first: PhaseId,
    pub last: PhaseId,
}

impl SquashRange {
    /// Takes the whole chain.
    ///
    /// # Errors
    /// [`ErrorKind::AmbiguousTarget`] if the chain has several heads.
    pub fn whole(chain: &Chain) -> Result<Option<Self>> {
        let heads = chain.heads();
        if heads.len() > 1 {
            let what = format!("the chain has {} heads, and a squash has one end", heads.len());
            return Err(Error::new(ErrorKind::AmbiguousTarget, what)
                .with_remedy(Remedy::NameRange)
                .choices(heads.iter().map(PhaseId::as_str)));
        }
        let members: Vec<PhaseId> = chain.phases().iter().map(|it| it.id.clone()).collect();
        Ok(members.first().cloned().zip(heads.first().cloned()).map(|(first, last)| Self {
            members,
            first,
            last,
        }))
    }

    /// Takes everything from one phase to another, both included.
    ///
    /// # Errors
    /// - As [`Chain::resolve_id`].
    /// - [`ErrorKind::Arguments`] if the last one does not come after the first one.
    /// - [`ErrorKind::Chain`] if a fork enters or leaves the range in its middle: the phases are listed.
    pub fn between(chain: &Chain, first: &str, last: &str) -> Result<Self> {
        let (first, last) = (chain.resolve_id(first)?, chain.resolve_id(last)?);
        let with = |own: &PhaseId, others: Vec<PhaseId>| -> Applied {
            others.into_iter().chain([own.clone()]).collect()
        };
        let (after, before) =
            (with(&first, chain.descendants(&first)), with(&last, chain.ancestors(&last)));
        if !after.contains(&last) {
            let what = format!("{last} does not come after {first}");
            return Err(Error::new(ErrorKind::Arguments, what));
        }
        let both = |phase: &&Phase| after.contains(&phase.id) && before.contains(&phase.id);
        let members = chain.phases().iter().filter(both).map(|it| it.id.clone()).collect();
        let range = Self { members, first, last };
        range.refuse_forks(chain)?;
        Ok(range)
    }

    /// Returns whether a phase is in the range.
    pub fn contains(&self, id: &PhaseId) -> bool {
        self.members.contains(id)
    }

    /// Returns the phases of the range, in chain order.
    pub fn phases<'c>(&self, chain: &'c Chain) -> impl Iterator<Item = &'c Phase> + use<'_, 'c> {
        chain.phases().iter().filter(|phase| self.contains(&phase.id))
    }

    /// Returns whether nothing must be applied before the range.
    pub fn is_base(&self, chain: &Chain) -> bool {
        self.phases(chain).all(|phase| needed(phase).all(|id| self.contains(id)))
    }

    /// Only the first phase may stand on others, and only the last may have others stand on it.
    fn refuse_forks(&self, chain: &Chain) -> Result<()> {
        let mut lines = Vec::new();
        for phase in chain.phases() {
            let inside = self.contains(&phase.id);
            for other in needed(phase).filter(|id| self.contains(id) != inside) {
                let id = &phase.id;
                if inside && *id != self.first {
                    lines.push(format!(
                        "{id} follows {other}, which is outside: a fork enters the range there"
                    ));
                } else if !inside && *other != self.last {
                    lines.push(format!(
                        "{id}, which is outside, follows {other}: a fork leaves the range there"
                    ));
                }
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        let what = format!(
            "no phase can stand for {} to {}: {}",
            self.first,
            self.last,
            lines.first().map_or("", String::as_str)
        );
        Err(Error::new(ErrorKind::Chain, what).with_remedy(Remedy::NameRange).problems(lines))
    }
}

/// The phases that must be applied just before.
fn needed(phase: &Phase) -> impl Iterator<Item = &PhaseId> {
    phase.parents.iter().chain(&phase.depends_on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phase::samples::phase;

    fn ids(range: &SquashRange) -> Vec<&str> {
        range.members.iter().map(PhaseId::as_str).collect()
    }

    /// a, then b and c on it, d joins both, e on d.
    fn chain() -> Chain {
        Chain::build(vec![
            phase("a", 1, "", ""),
            phase("b", 2, "a", ""),
            phase("c", 3, "a", ""),
            phase("d", 4, "b c", ""),
            phase("e", 5, "d", ""),
        ])
        .unwrap()
    }

    #[test]
    fn a_range_holds_the_forks_that_close_in_it() {
        let chain = chain();
        assert_eq!(ids(&SquashRange::between(&chain, "a", "d").unwrap()), ["a", "b", "c", "d"]);
        assert_eq!(ids(&SquashRange::between(&chain, "d", "e").unwrap()), ["d", "e"]);
        assert_eq!(ids(&SquashRange::whole(&chain).unwrap().unwrap()).len(), 5);
        assert!(SquashRange::between(&chain, "d", "e").is_ok_and(|it| !it.is_base(&chain)));
    }

    #[test]
    fn a_fork_in_the_middle_is_named() {
        let chain = chain();
        for (first, last, said) in [
            ("a", "b", "c, which is outside, follows a: a fork leaves the range there"),
            ("b", "d", "d follows c, which is outside: a fork enters the range there"),
        ] {
            let error = SquashRange::between(&chain, first, last).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Chain);
            assert!(error.facts().problems.iter().any(|it| it == said), "{error:?}");
        }
        assert_eq!(
            SquashRange::between(&chain, "d", "a").unwrap_err().kind(),
            ErrorKind::Arguments
        );
    }
}
