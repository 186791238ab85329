//! Phases for tests: the graphs of two real systems, and a folder to read phases from.

use std::path::{Path, PathBuf};

use proptest::prelude::{Just, any, prop};
use proptest::strategy::Strategy as _;

use super::{
    Annotations, Applied, Chain, Downgrade, Phase, PhaseId, StatisticsPolicy, Strategy, ViewPolicy,
};
use crate::error::Result;
use crate::files::{Files as _, RealFiles};

pub(crate) fn id(text: &str) -> PhaseId {
    PhaseId::new(text).unwrap()
}

/// Makes ids of words.
pub(crate) fn ids(text: &str) -> Vec<PhaseId> {
    text.split_whitespace().map(id).collect()
}

/// Makes a state of words.
pub(crate) fn applied(text: &str) -> Applied {
    ids(text).into_iter().collect()
}

pub(crate) fn words<'i>(ids: impl IntoIterator<Item = &'i PhaseId>) -> String {
    ids.into_iter().map(PhaseId::as_str).collect::<Vec<_>>().join(" ")
}

/// Makes a phase without steps in `phases/<id>.toml`.
pub(crate) fn phase(name: &str, version: i64, parents: &str, depends_on: &str) -> Phase {
    Phase {
        id: id(name),
        version,
        version_declared: true,
        description: name.to_owned(),
        title: None,
        parents: ids(parents),
        depends_on: ids(depends_on),
        labels: Vec::new(),
        replaces: Vec::new(),
        views: ViewPolicy::Keep,
        statistics: StatisticsPolicy::Carry,
        strategy: Strategy::Rebuild,
        min_sqlite: None,
        require: Vec::new(),
        up: Vec::new(),
        verify: Vec::new(),
        down: Downgrade::Derived,
        annotations: Annotations::default(),
        file: PathBuf::from(format!("phases/{name}.toml")),
        checksum: format!("steps:{name}"),
        text_checksum: format!("blake3:{name}"),
    }
}

/// Makes phases of lines `id: parents / dependencies`, with versions in their order.
pub(crate) fn phases(lines: &str) -> Vec<Phase> {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .zip(1..)
        .map(|(line, version)| {
            let (name, before) = line.split_once(':').unwrap();
            let (parents, depends_on) = before.split_once('/').unwrap_or((before, ""));
            phase(name, version, parents, depends_on)
        })
        .collect()
}

/// Makes a chain of lines `id: parents / dependencies`.
pub(crate) fn chain(lines: &str) -> Chain {
    Chain::build(phases(lines)).unwrap()
}

/// Makes phases of words, each the child of the one before it.
pub(crate) fn line(first_parent: &str, names: &str) -> String {
    let mut lines = String::new();
    let mut parent = first_parent;
    for name in names.split_whitespace() {
        lines.push_str(&format!("{name}: {parent}\n"));
        parent = name;
    }
    lines
}

/// The 30 phases of the charts: a fork of three and their merge.
pub(crate) fn charts() -> Vec<Phase> {
    fixture("charts")
}

/// The 39 phases of the photo map: two bases, two forks, three merges, three labels.
pub(crate) fn photo_map() -> Vec<Phase> {
    fixture("photo_map")
}

/// Reads the phases of a fixture, which get files of their ids.
fn fixture(name: &str) -> Vec<Phase> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("phases");
    let mut phases = Chain::read(&RealFiles, &folder).unwrap().phases().to_vec();
    for phase in &mut phases {
        phase.file = PathBuf::from(format!("phases/{}.toml", phase.id));
    }
    phases
}

/// Edges of a random graph without cycles: per phase its parents and dependencies, all before it.
pub(crate) fn graphs() -> impl proptest::strategy::Strategy<Value = Vec<Phase>> {
    prop::collection::vec((any::<u16>(), any::<u16>()), 0..12)
        .prop_flat_map(|edges| {
            let names: Vec<usize> = (0..edges.len()).collect();
            (Just(edges), Just(names).prop_shuffle())
        })
        .prop_map(|(edges, names)| {
            let name = |at: usize| format!("n{:02}", names[at]);
            let chosen = |bits: u16, below: usize| {
                let chosen = (0..below).filter(|at| bits >> at & 1 == 1).take(3).map(name);
                chosen.collect::<Vec<_>>().join(" ")
            };
            let numbered = edges.iter().zip(1..).enumerate();
            numbered
                .map(|(at, ((parents, others), version))| {
                    let parents = chosen(*parents, at);
                    phase(&name(at), version, &parents, &chosen(others & others >> 3, at))
                })
                .collect()
        })
}

/// A folder `phases` with files in it, removed at the end.
pub(crate) struct Folder {
    holder: tempfile::TempDir,
}

impl Folder {
    /// Makes a folder with files of these names and texts.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self { holder: tempfile::tempdir().unwrap() };
        RealFiles.create_folder(&folder.path()).unwrap();
        for (name, text) in files {
            folder.write(name, text.as_bytes());
        }
        folder
    }

    /// Writes one more file, in a subfolder if its name says so.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        RealFiles.create_folder(path.parent().unwrap_or(Path::new("/"))).unwrap();
        RealFiles.create(&path, bytes, 0o600).unwrap();
        path
    }

    /// Returns the path of the folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.holder.path().join("phases")
    }

    /// Reads the chain of the folder.
    pub(crate) fn chain(&self) -> Result<Chain> {
        Chain::read(&RealFiles, &self.path())
    }
}
