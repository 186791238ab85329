//! The ways through the chain: which phases to apply or to undo, in order, to reach a target.
//!
//! Where a target leaves a choice, nothing is chosen: the choices are reported.

use super::applied::Applied;
use super::chain::Chain;
use super::graph::{Marks, marked};
use super::phase::PhaseId;
use super::resolve::Line;
use super::target::{LinePlace, Target, TargetRange};
use crate::error::{Error, ErrorKind, Remedy, Result};

impl Chain {
    /// Returns the phases to apply, in order, so that the target and all that is before it is
    /// applied.
    ///
    /// A phase before the target that is not applied is always on the way, also if phases after it
    /// are applied. The way is empty if the target is reached already.
    ///
    /// # Errors
    /// - [`ErrorKind::AmbiguousTarget`] for `head` with several heads, and for `+N` at a fork or
    ///   with several current ids; the choices are ids.
    /// - [`ErrorKind::UnknownTarget`] if no phase is meant, or `+N` goes beyond the last phase.
    /// - [`ErrorKind::Arguments`] if the target leads down.
    /// - [`ErrorKind::PhaseMissing`] if an applied phase is not in the chain.
    pub fn up_path(&self, applied: &Applied, target: &Target) -> Result<Vec<PhaseId>> {
        let marks = self.applied_marks(applied)?;
        let wrong_way = || {
            let what = format!("{target} undoes phases: it is a target for downgrade");
            let error = Error::new(ErrorKind::Arguments, what);
            error.with_remedy(Remedy::Downgrade).choices([target.to_string()])
        };
        let way = match target {
            Target::Head => self.up_to(&marks, self.only_head()?),
            Target::Heads => self.up_to(&marks, 0..self.len()),
            Target::Base => Vec::new(),
            Target::Version(version) => self.up_to(&marks, [self.find_version(*version)?]),
            Target::Id(text) => self.up_to(&marks, [self.find(text)?]),
            Target::Forward(count) => self.forward(marks, count.get(), target, None)?,
            Target::Back(_) => return Err(wrong_way()),
            Target::Line { line: name, place } => {
                let line = self.line(name)?;
                match place {
                    LinePlace::Head => self.up_to(&marks, [self.only_head_of(name, &line)?]),
                    LinePlace::Base => Vec::new(),
                    LinePlace::Forward(count) => {
                        self.forward(marks, count.get(), target, Some(&line))?
                    }
                    LinePlace::Back(_) => return Err(wrong_way()),
                }
            }
        };
        Ok(self.ids(way))
    }

    /// Returns the phases to undo, the newest first, so that what stands on the target is undone.
    ///
    /// The target itself stays, and so does everything that does not descend from it or depend on
    /// what is undone.
    ///
    /// # Errors
    /// - [`ErrorKind::AmbiguousTarget`] for `head` with several heads, and for `-N` with several
    ///   current ids; the choices are ids.
    /// - [`ErrorKind::UnknownTarget`] if no phase is meant, the phase is not applied, or `-N` goes
    ///   beyond the first phase.
    /// - [`ErrorKind::Arguments`] if the target leads up.
    /// - [`ErrorKind::PhaseMissing`] if an applied phase is not in the chain.
    pub fn down_path(&self, applied: &Applied, target: &Target) -> Result<Vec<PhaseId>> {
        let marks = self.applied_marks(applied)?;
        let wrong_way = || {
            let what = format!("{target} leads up: it applies phases");
            let error = Error::new(ErrorKind::Arguments, what);
            error.with_remedy(Remedy::Upgrade).choices([target.to_string()])
        };
        let way = match target {
            Target::Head => match self.only_head()? {
                Some(head) => self.down_to(&marks, head)?,
                None => Vec::new(),
            },
            Target::Heads => {
                let heads = self.heads();
                let missing = heads.iter().find(|head| !applied.contains(head));
                missing.map_or(Ok(Vec::new()), |head| Err(not_applied(head)))?
            }
            Target::Base => marked(&marks).rev().collect(),
            Target::Version(version) => self.down_to(&marks, self.find_version(*version)?)?,
            Target::Id(text) => self.down_to(&marks, self.find(text)?)?,
            Target::Back(count) => self.back(marks, count.get(), target, None)?,
            Target::Forward(_) => return Err(wrong_way()),
            Target::Line { line: name, place } => {
                let line = self.line(name)?;
                match place {
                    LinePlace::Head => self.down_to(&marks, self.only_head_of(name, &line)?)?,
                    LinePlace::Base => self.undoing(&marks, marked(&line.members)),
                    LinePlace::Back(count) => self.back(marks, count.get(), target, Some(&line))?,
                    LinePlace::Forward(_) => return Err(wrong_way()),
                }
            }
        };
        Ok(self.ids(way))
    }

    /// Returns the phases that a script applies which begins where the range begins.
    pub fn up_range(&self, range: &TargetRange) -> Result<Vec<PhaseId>> {
        self.up_path(&self.applied_at(&range.from)?, &range.to)
    }

    /// Returns the phases that a script undoes which begins where the range begins.
    pub fn down_range(&self, range: &TargetRange) -> Result<Vec<PhaseId>> {
        self.down_path(&self.applied_at(&range.from)?, &range.to)
    }

    /// Returns what is not applied of these positions and of what is before them.
    fn up_to(&self, applied: &Marks, ends: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let needed = self.graph.with_ancestors(ends);
        marked(&needed).filter(|position| !applied[*position]).collect()
    }

    /// Takes single steps up, each of which must be the only one possible.
    fn forward(
        &self,
        mut applied: Marks,
        count: usize,
        target: &Target,
        line: Option<&Line>,
    ) -> Result<Vec<usize>> {
        let mut way = Vec::new();
        for done in 0..count {
            let next = match line {
                None => self.next_steps(&applied)?,
                Some(line) => self.first_pending(&applied, |at| line.lineage[at]),
            };
            match next[..] {
                [] => return Err(beyond(target, done, "to apply")),
                [only] => {
                    for position in self.up_to(&applied, [only]) {
                        applied[position] = true;
                        way.push(position);
                    }
                }
                _ => {
                    let what = format!("{target} is one of {} phases", next.len());
                    return Err(self.ambiguous(what, next));
                }
            }
        }
        Ok(way)
    }

    /// Returns what may be applied next: what stands on the current phase, or else whatever is
    /// first.
    fn next_steps(&self, applied: &Marks) -> Result<Vec<usize>> {
        let first = self.first_pending(applied, |_| true);
        let current = self.current_positions(applied);
        if current.len() > 1 && !first.is_empty() {
            let what = format!("{} phases are current", current.len());
            return Err(self.ambiguous(what, first));
        }
        let stands_on_current =
            |at: &&usize| self.graph.before(**at).any(|before| current.contains(&before));
        let near: Vec<usize> = first.iter().filter(stands_on_current).copied().collect();
        Ok(if near.is_empty() { first } else { near })
    }

    /// Returns what is not applied of the wanted positions and has no such position before it.
    fn first_pending(&self, applied: &Marks, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let pending = |at: usize| !applied[at] && wanted(at);
        let mut later = vec![false; self.len()];
        for position in 0..self.len() {
            later[position] =
                self.graph.before(position).any(|before| later[before] || pending(before));
        }
        (0..self.len()).filter(|at| pending(*at) && !later[*at]).collect()
    }

    /// Returns what is applied of that which stands on a position.
    fn down_to(&self, applied: &Marks, end: usize) -> Result<Vec<usize>> {
        if !applied[end] {
            return Err(not_applied(&self.phases[end].id));
        }
        Ok(self.undoing(applied, self.graph.children(end).iter().copied()))
    }

    /// Returns what must be undone to undo these positions.
    fn undoing(&self, applied: &Marks, starts: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let affected = self.graph.with_descendants(starts);
        marked(&affected).rev().filter(|position| applied[*position]).collect()
    }

    /// Takes single steps down, each of which must be the only one possible.
    fn back(
        &self,
        mut applied: Marks,
        count: usize,
        target: &Target,
        line: Option<&Line>,
    ) -> Result<Vec<usize>> {
        let mut way = Vec::new();
        for done in 0..count {
            let current = match line {
                None => self.current_positions(&applied),
                Some(line) => self.last_of(line, &applied),
            };
            match current[..] {
                [] => return Err(beyond(target, done, "to undo")),
                [only] => {
                    for position in self.undoing(&applied, [only]) {
                        applied[position] = false;
                        way.push(position);
                    }
                }
                _ => {
                    let what = format!("{target} could undo any of {} phases", current.len());
                    return Err(self.ambiguous(what, current).with_remedy(Remedy::NameBranch));
                }
            }
        }
        Ok(way)
    }

    /// Returns the applied positions of a line on which no other one of the line stands.
    fn last_of(&self, line: &Line, applied: &Marks) -> Vec<usize> {
        let of_line: Marks =
            applied.iter().zip(&line.members).map(|(mark, member)| *mark && *member).collect();
        self.current_positions(&of_line)
    }
}

fn beyond(target: &Target, done: usize, what: &str) -> Error {
    let what = match done {
        0 => format!("there is no phase {what}"),
        1 => format!("{target} goes too far: there is only 1 phase {what}"),
        _ => format!("{target} goes too far: there are only {done} phases {what}"),
    };
    Error::new(ErrorKind::UnknownTarget, what)
}

fn not_applied(id: &PhaseId) -> Error {
    let what = format!("phase {id} is not applied, so there is no way down to it");
    Error::new(ErrorKind::UnknownTarget, what).in_phase(id.as_str())
}

#[cfg(test)]
#[path = "paths_tests.rs"]
mod tests;
