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
    let lines = [
        line(
            "",
            "14f966eaec6d 22f518a0295f 2d5eb21ce250 26cd00243413 7b0e1bdd69f5 5d7ee6340019
            b47c6865ccaf b6028633621c b0ef95f73d85 ccc076a63ea8 17d797292022",
        ),
        line("17d797292022", "44bae117595b"),
        line("17d797292022", "99dbbd3990dd"),
        line("17d797292022", "2f5d48c07f14"),
        "93b7ace49920: 44bae117595b 99dbbd3990dd 2f5d48c07f14\n".to_owned(),
        line(
            "93b7ace49920",
            "add_rag_160000 time_format_183000 a353cbccb342 303700b12232 61837bbf83a1 782ba409672f
            568668ec858b 9b5e1a052466 13342d0a1b93 7a6c838f8b19 55361a122379 6965ccdd2487
            328917e74f78 cec026704f64 a1b2c3d4e5f6",
        ),
    ];
    phases(&lines.concat())
}

/// The 39 phases of the photo map: two bases, two forks, three merges, three labels.
pub(crate) fn photo_map() -> Vec<Phase> {
    let lines = [
        line(
            "",
            "001_initial_schema 002_add_file_md5_column c0d43de831b9
            002_remove_thumbnail_path_column 003_remove_filepath_column 004_record_created_ts
            005_bbox_unique 006_flagged_photos 007_contact_messages",
        ),
        line("007_contact_messages", "008_push_notifications"),
        line("007_contact_messages", "d075e1120235 875cccae8edb 4becdf297d3c"),
        "60a7e8902255: 008_push_notifications 4becdf297d3c\n".to_owned(),
        "009_merge_branches: / 4becdf297d3c 008_push_notifications\n".to_owned(),
        "d40f1e993188: 60a7e8902255 009_merge_branches\n".to_owned(),
        line("d40f1e993188", "36f92ec81625 010 011 012_add_analysis_column"),
        line("d40f1e993188", "013_add_photo_annotations 014"),
        "752936a4a4f3: 012_add_analysis_column 014\n".to_owned(),
        line(
            "752936a4a4f3",
            "9d3532cfd1cf 015 016 017 018 019 020 021 022 023 024_add_retry_after_minutes 025 026
            027 028 029_share_links",
        ),
    ];
    let mut phases = phases(&lines.concat());
    for phase in &mut phases {
        let label = match phase.id.as_str() {
            "008_push_notifications" => "push",
            "d075e1120235" => "geo",
            "013_add_photo_annotations" => "annotations",
            _ => continue,
        };
        phase.labels.push(label.to_owned());
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
