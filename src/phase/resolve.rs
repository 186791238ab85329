//! Finds the phases that a person means: by id, by the beginning of an id, by version, by line.

use super::applied::Applied;
use super::chain::Chain;
use super::graph::{Marks, marked};
use super::nearest::nearest_few;
use super::phase::{Phase, PhaseId};
use super::target::{LinePlace, Target};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::text::similar;

/// One line of the chain: from the last fork, merge or base before a phase to all that stands on
/// it.
pub(super) struct Line {
    /// What belongs to the line.
    pub(super) members: Marks,
    /// The line and everything before the phase that names it.
    pub(super) lineage: Marks,
}

impl Chain {
    /// Returns the id that a text means: an id, a replaced id, or the beginning of only one id.
    ///
    /// # Errors
    /// - [`ErrorKind::UnknownTarget`] if it means no phase; the choices are the nearest ids.
    /// - [`ErrorKind::AmbiguousTarget`] if several ids begin so; they are the choices.
    pub fn resolve_id(&self, text: &str) -> Result<PhaseId> {
        self.find(text).map(|position| self.phases[position].id.clone())
    }

    /// Returns the phases of the line that a label, or an id on it, names; in chain order.
    #[cfg(feature = "testing")]
    pub fn line_of(&self, name: &str) -> Result<Vec<PhaseId>> {
        self.line(name).map(|line| self.marked_ids(&line.members))
    }

    /// Returns the state in which a target is reached from nothing: what an offline script begins
    /// with.
    ///
    /// # Errors
    /// - As [`up_path`](Self::up_path).
    /// - [`ErrorKind::Arguments`] if the target is relative to what is applied.
    pub fn applied_at(&self, target: &Target) -> Result<Applied> {
        let relative = || {
            Error::new(
                ErrorKind::Arguments,
                format!("{target} is a relative target; a phase, head or base is needed here"),
            )
        };
        match target {
            Target::Forward(_)
            | Target::Back(_)
            | Target::Line { place: LinePlace::Forward(_) | LinePlace::Back(_), .. } => {
                Err(relative())
            }
            Target::Line { line, place: LinePlace::Base } => {
                let members = self.line(line)?.members;
                let mut before = self.graph.with_ancestors(marked(&members));
                let kept = self.graph.with_descendants(marked(&members));
                before.iter_mut().zip(kept).for_each(|(before, after)| *before &= !after);
                Ok(self.marked_ids(&before).into_iter().collect())
            }
            Target::Head
            | Target::Heads
            | Target::Base
            | Target::Version(_)
            | Target::Id(_)
            | Target::Line { place: LinePlace::Head, .. } => {
                Ok(self.up_path(&Applied::nothing(), target)?.into_iter().collect())
            }
        }
    }

    /// Returns the position that a text means.
    pub(super) fn find(&self, text: &str) -> Result<usize> {
        let exact = PhaseId::new(text).and_then(|id| {
            let replacement = || self.replacement(&id).and_then(|phase| self.position(&phase.id));
            self.position(&id).or_else(replacement)
        });
        if let Some(position) = exact {
            return Ok(position);
        }
        let begins = |phase: &Phase| !text.is_empty() && phase.id.as_str().starts_with(text);
        let found: Vec<usize> =
            (0..self.len()).filter(|position| begins(&self.phases[*position])).collect();
        match found[..] {
            [] => Err(self.unknown(text)),
            [only] => Ok(only),
            _ => {
                let what = format!("{} phases have ids that begin with {text}", found.len());
                Err(self.ambiguous(what, found))
            }
        }
    }

    /// Returns the position of the phase with this version.
    pub(super) fn find_version(&self, version: i64) -> Result<usize> {
        let found = self.phases.iter().position(|phase| phase.version == version);
        found.ok_or_else(|| {
            let mut versions: Vec<i64> = self.phases.iter().map(|phase| phase.version).collect();
            versions.sort_by_key(|known| known.abs_diff(version));
            let near = versions.iter().take(3).map(|version| format!("version:{version}"));
            let what = format!("no phase sets version {version}");
            Error::new(ErrorKind::UnknownTarget, what).choices(near)
        })
    }

    /// Returns the position of the only head.
    ///
    /// # Errors
    /// [`ErrorKind::AmbiguousTarget`] if there are several. `None` if there are no phases.
    pub(super) fn only_head(&self) -> Result<Option<usize>> {
        let heads: Vec<usize> =
            (0..self.len()).filter(|at| self.graph.children(*at).is_empty()).collect();
        match heads[..] {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            _ => {
                let what = format!("the chain has {} heads", heads.len());
                Err(self.ambiguous(what, heads).with_remedy(Remedy::TakeAllHeads))
            }
        }
    }

    /// Returns the position of the only head of a line.
    pub(super) fn only_head_of(&self, name: &str, line: &Line) -> Result<usize> {
        let is_head = |at: &usize| self.graph.children(*at).is_empty();
        let heads: Vec<usize> = marked(&line.members).filter(is_head).collect();
        match heads[..] {
            [only] => Ok(only),
            _ => Err(self.ambiguous(format!("the line {name} has {} heads", heads.len()), heads)),
        }
    }

    /// Returns the line that a label or an id names.
    pub(super) fn line(&self, name: &str) -> Result<Line> {
        let labelled =
            self.phases.iter().position(|phase| phase.labels.iter().any(|label| label == name));
        let start = match labelled {
            Some(position) => position,
            None => self.find(name)?,
        };
        let mut members = self.graph.with_offspring([start]);
        let mut first = start;
        // A phase continues the line of its parent, unless the parent is a fork or a merge.
        while let [parent] = *self.graph.parents(first) {
            if self.graph.children(parent).len() > 1 || self.graph.parents(parent).len() > 1 {
                break;
            }
            members[parent] = true;
            first = parent;
        }
        let mut lineage = self.graph.with_ancestors([start]);
        lineage.iter_mut().zip(&members).for_each(|(mark, member)| *mark |= *member);
        Ok(Line { members, lineage })
    }

    /// Reports that a person has to choose among positions.
    pub(super) fn ambiguous(
        &self,
        what: impl Into<String>,
        positions: impl IntoIterator<Item = usize>,
    ) -> Error {
        let ids = self.ids(positions);
        Error::new(ErrorKind::AmbiguousTarget, what).choices(ids.iter().map(PhaseId::as_str))
    }

    fn unknown(&self, text: &str) -> Error {
        let error = Error::new(ErrorKind::UnknownTarget, format!("no phase is called {text}"));
        let version: Option<i64> = text.parse().ok();
        if let Some(version) = version.filter(|version| self.with_version(*version).is_some()) {
            return error.choices([format!("version:{version}")]);
        }
        let labels = || self.phases.iter().flat_map(|phase| &phase.labels);
        if labels().any(|label| label == text) {
            return error.choices([format!("{text}@head")]);
        }
        if let Some(word) = similar(text, ["head", "heads", "base"]) {
            return error.choices([word]);
        }
        let ids = self.phases.iter().map(|phase| phase.id.as_str());
        let near = nearest_few(text, ids);
        let more = self.len() - near.len();
        error.choices(near).and_more_choices(more)
    }
}
