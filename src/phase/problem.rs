//! The problems of phase files: collected with file and line, reported together.

use std::path::{Path, PathBuf};

use super::PhaseId;
use crate::error::{Error, ErrorKind, Remedy, Result};

/// One fault at a line of a phase file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    file: PathBuf,
    line: usize,
    what: String,
    /// The phase that is named and not there.
    lacks: Option<String>,
}

/// Everything found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
    choices: Vec<String>,
}

impl Problems {
    /// Notes a fault at a line (from 1) of a file.
    pub(super) fn add(&mut self, file: &Path, line: usize, what: impl Into<String>) {
        self.found.push(Problem { file: file.to_path_buf(), line, what: what.into(), lacks: None });
    }

    /// Notes what was probably meant by the fault noted last.
    pub(super) fn suggest(&mut self, choice: Option<&str>) {
        self.choices.extend(choice.map(str::to_owned));
    }

    /// Says that the fault noted last is a phase that is not there.
    pub(super) fn lacks(&mut self, id: &PhaseId) {
        if let Some(last) = self.found.last_mut() {
            last.lacks = Some(id.as_str().to_owned());
        }
    }

    /// Returns how many faults were noted.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Reports the faults as one error of the kind, in the order of files and lines: the first in
    /// the message, and all of them as problems if there are more.
    pub(super) fn into_result(mut self, kind: ErrorKind) -> Result<()> {
        self.found.sort_by(|left, right| (&left.file, left.line).cmp(&(&right.file, right.line)));
        self.found.dedup_by(|next, last| next.text() == last.text());
        let Some(first) = self.found.first() else {
            return Ok(());
        };
        let more = match self.found.len() - 1 {
            0 => String::new(),
            1 => " (and 1 more problem)".to_owned(),
            count => format!(" (and {count} more problems)"),
        };
        let error = Error::new(kind, format!("{}{more}", first.text()))
            .at(&first.file, first.line)
            .choices(self.choices);
        let error = match &first.lacks {
            Some(id) => error.with_remedy(Remedy::PutBack).in_phase(id),
            None => error,
        };
        if more.is_empty() {
            return Err(error);
        }
        Err(error.problems(self.found.iter().map(Problem::text)))
    }
}

impl Problem {
    fn text(&self) -> String {
        format!("{}:{}: {}", short_path(&self.file), self.line, self.what)
    }
}

/// Returns the last folder and the name of a file, as in `phases/phase3.toml`.
pub(super) fn short_path(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name);
    folder
        .map_or_else(|| PathBuf::from(name), |folder| Path::new(folder).join(name))
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_is_the_message_and_more_are_listed() {
        let mut problems = Problems::default();
        problems.add(Path::new("/home/me/phases/x.toml"), 12, "first");
        let error = problems.into_result(ErrorKind::PhaseFile).unwrap_err();
        assert_eq!(error.to_string(), "phases/x.toml:12: first");
        assert_eq!(error.facts().source, Some((PathBuf::from("/home/me/phases/x.toml"), 12)));
        assert!(error.facts().problems.is_empty());

        let mut problems = Problems::default();
        problems.add(Path::new("x.toml"), 1, "first");
        problems.add(Path::new("x.toml"), 2, "second");
        let error = problems.into_result(ErrorKind::PhaseFile).unwrap_err();
        assert_eq!(error.to_string(), "x.toml:1: first (and 1 more problem)");
        assert_eq!(error.facts().problems, ["x.toml:1: first", "x.toml:2: second"]);
    }
}
