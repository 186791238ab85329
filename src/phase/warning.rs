//! What is odd about a chain, though it can be run.

use std::fmt;
use std::path::PathBuf;

use super::nearest::quoted_list;
use super::phase::PhaseId;
use super::problem::short_path;

/// Something odd about the chain that a person should look at.
///
/// `Display` is one line that names the phases and their files, without advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainWarning {
    /// A phase depends on several others and has no parents, so that it is one more base and their
    /// heads stay heads.
    LooksLikeMerge { phase: PhaseId, file: PathBuf },
    /// A phase names parents that are ancestors of another of its parents; they were dropped.
    RedundantParents {
        phase: PhaseId,
        file: PathBuf,
        /// The parents that do not count.
        dropped: Vec<PhaseId>,
    },
    /// Two phases merge the same parents.
    MergedTwice {
        /// The two phases, in chain order.
        phases: [PhaseId; 2],
        files: [PathBuf; 2],
        /// The parents of both.
        parents: Vec<PhaseId>,
    },
    /// A phase declares a version that is not above those of its ancestors, so that applying it
    /// does not raise the version of the database.
    VersionNotAbove {
        phase: PhaseId,
        file: PathBuf,
        /// The version that it declares.
        version: i64,
        /// The highest version among its ancestors.
        highest: i64,
    },
}

impl ChainWarning {
    /// Returns the stable text code, for JSON.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LooksLikeMerge { .. } => "looks-like-merge",
            Self::RedundantParents { .. } => "redundant-parents",
            Self::MergedTwice { .. } => "merged-twice",
            Self::VersionNotAbove { .. } => "version-not-above",
        }
    }
}

impl fmt::Display for ChainWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[PhaseId]| quoted_list(ids.iter().map(PhaseId::as_str)).replace('`', "");
        match self {
            Self::LooksLikeMerge { phase, file } => {
                let file = short_path(file);
                write!(formatter, "phase {phase} ({file}) looks like a merge, has no parents")
            }
            Self::RedundantParents { phase, file, dropped } => write!(
                formatter,
                "phase {phase} ({}) names parents that are ancestors of its other parents: {}",
                short_path(file),
                list(dropped)
            ),
            Self::MergedTwice { phases: [first, second], files: [one, two], parents } => write!(
                formatter,
                "phases {first} ({}) and {second} ({}) merge the same parents: {}",
                short_path(one),
                short_path(two),
                list(parents)
            ),
            Self::VersionNotAbove { phase, file, version, highest } => write!(
                formatter,
                "phase {phase} ({}) sets version {version}, \
                 not above version {highest} of its ancestors",
                short_path(file)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PhaseId {
        PhaseId::new(text).unwrap()
    }

    #[test]
    fn each_warning_names_phases_and_files() {
        let (phase, file) = (id("c"), PathBuf::from("/p/phases/c.toml"));
        let other = PathBuf::from("/p/phases/d.toml");
        let warnings = [
            ChainWarning::LooksLikeMerge { phase: phase.clone(), file: file.clone() },
            ChainWarning::RedundantParents {
                phase: phase.clone(),
                file: file.clone(),
                dropped: vec![id("a"), id("b")],
            },
            ChainWarning::MergedTwice {
                phases: [phase.clone(), id("d")],
                files: [file.clone(), other],
                parents: vec![id("a"), id("b")],
            },
            ChainWarning::VersionNotAbove { phase, file, version: 2, highest: 5 },
        ];
        let shown: Vec<String> =
            warnings.iter().map(|warning| format!("{}: {warning}", warning.code())).collect();
        assert_eq!(
            shown,
            [
                "looks-like-merge: phase c (phases/c.toml) looks like a merge, has no parents",
                "redundant-parents: phase c (phases/c.toml) names parents that are ancestors of its other parents: a, b",
                "merged-twice: phases c (phases/c.toml) and d (phases/d.toml) merge the same parents: a, b",
                "version-not-above: phase c (phases/c.toml) sets version 2, not above version 5 of its ancestors",
            ]
        );
    }
}
