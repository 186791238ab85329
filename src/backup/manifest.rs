//! The manifest: a small JSON file beside each backup that tells what it holds.
//!
//! The format is versioned. Fields are added, never renamed; an unknown field is ignored, another
//! format is not read.

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use crate::event::TableRows;

/// The format this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The highest sequence number; a number above it would leave none for the backups that follow. JSON readers
/// that use floating point still tell it from its neighbours.
pub(super) const MAX_SEQUENCE: u64 = 1 << 53;

/// What kind of occasion a backup was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    BeforePhase,
    /// By a name that a person chose.
    Named,
    BeforeRestore,
}

/// What sets one backup apart from others with the same [`LabelKind`]. A field of its own, because programs that
/// know only the labels must still read the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// Before a phase is undone.
    Undo,
    /// Before phases are recorded without being run.
    Stamp,
    /// By a person who chose no name.
    Manual,
    /// Before `optimize` rewrites the file.
    Optimize,
    /// One that a newer program writes.
    #[serde(other)]
    Other,
}

/// What a backup was made for, as retention and `restore --latest` tell backups apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupKind {
    /// Before phases are applied.
    BeforePhase,
    /// Before phases are undone.
    BeforeUndo,
    /// Before phases are recorded without being run.
    BeforeStamp,
    /// By a name that a person chose.
    Named,
    /// By a person who chose no name.
    Manual,
    BeforeRestore,
    BeforeOptimize,
}

impl BackupKind {
    /// Returns whether `restore --latest` may choose a backup of this kind: one made before phases, or by a person.
    pub const fn is_restored_by_latest(self) -> bool {
        match self {
            Self::BeforePhase
            | Self::BeforeUndo
            | Self::BeforeStamp
            | Self::Named
            | Self::Manual => true,
            Self::BeforeRestore | Self::BeforeOptimize => false,
        }
    }
}

/// Rows of one table, as the manifest stores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTable {
    pub table: String,
    pub rows: u64,
}

/// What the file beside a backup says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The backup's file name, without folder.
    pub file: String,
    /// The database that was backed up, as an absolute path without links.
    pub source: PathBuf,
    /// The name of that database without folder and extension.
    pub stem: String,
    /// When the backup was made: RFC 3339, UTC.
    pub created: String,
    /// The place among the backups of this database, from 1; the highest is the newest.
    pub sequence: u64,
    pub label: LabelKind,
    /// What the label leaves open; manifests of older programs lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Occasion>,
    /// The phase that was about to run.
    pub phase: Option<String>,
    /// The version the database had.
    pub version: Option<i64>,
    /// The size in bytes.
    pub bytes: u64,
    /// `blake3:` and the digest of the file's bytes in hexadecimal.
    pub digest: String,
    /// The page size in bytes.
    pub page_size: i64,
    /// Whether every row was compared with the source. Only the copy of a damaged file, kept
    /// before a restore, was not.
    pub verified: bool,
    /// Whether damage was found after the backup had its name, most likely that of its source.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Whether the backup was made to share the blocks of its source, until one of the two changes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_blocks: bool,
    /// The rows of every table, in schema order.
    pub tables: Vec<ManifestTable>,
    /// The program's version.
    pub tool: String,
}

impl Manifest {
    /// Returns when the backup was made, if the text is a time.
    pub fn created(&self) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(&self.created).ok()
    }

    /// Returns the rows of every table, in schema order.
    pub fn table_rows(&self) -> Vec<TableRows> {
        let rows =
            |entry: &ManifestTable| TableRows { table: entry.table.clone(), rows: entry.rows };
        self.tables.iter().map(rows).collect()
    }

    /// Returns what the backup was made for. Where the manifest leaves it open, its file name tells: an older
    /// program wrote it.
    pub fn kind(&self) -> BackupKind {
        let word = |word: &str| self.file.starts_with(&format!("{}_{word}_", self.stem));
        match (self.label, self.occasion) {
            (LabelKind::BeforePhase, Some(Occasion::Undo)) => BackupKind::BeforeUndo,
            (LabelKind::BeforePhase, Some(Occasion::Stamp)) => BackupKind::BeforeStamp,
            (LabelKind::BeforePhase, _) => BackupKind::BeforePhase,
            (LabelKind::BeforeRestore, _) => BackupKind::BeforeRestore,
            (LabelKind::Named, Some(Occasion::Manual)) => BackupKind::Manual,
            (LabelKind::Named, Some(Occasion::Optimize)) => BackupKind::BeforeOptimize,
            (LabelKind::Named, None) if word("before_optimize") => BackupKind::BeforeOptimize,
            (LabelKind::Named, _) => BackupKind::Named,
        }
    }

    /// Reads a manifest; the error says in words what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let broken = |error: serde_json::Error| format!("the manifest is broken: {error}");
        let version: Version = serde_json::from_slice(bytes).map_err(broken)?;
        if version.format != FORMAT {
            return Err(format!("the manifest has the unknown format {}", version.format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(broken)?;
        match manifest.fault() {
            Some(fault) => Err(format!("the manifest is broken: {fault}")),
            None => Ok(manifest),
        }
    }

    /// Returns what no manifest of ours says. Anyone who may write in the folder may have written it.
    fn fault(&self) -> Option<String> {
        if !(1..=MAX_SEQUENCE).contains(&self.sequence) {
            return Some(format!("the sequence number {} is out of range", self.sequence));
        }
        if !self.source.is_absolute() {
            return Some("the path of the database is not absolute".to_owned());
        }
        let is_name = !["", ".", ".."].contains(&&*self.file) && !self.file.contains(['/', '\0']);
        (!is_name).then(|| "the name of the backup is not a file name".to_owned())
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_survives_writing_and_reading() {
        let manifest = Manifest {
            format: FORMAT,
            file: "fits_pre_phase3_20241027_023000.db".into(),
            source: "/data/fits.db".into(),
            stem: "fits".into(),
            created: "2024-10-27T01:30:00.000Z".into(),
            sequence: 7,
            label: LabelKind::BeforePhase,
            occasion: None,
            phase: Some("phase3".into()),
            version: None,
            bytes: 4_096,
            digest: "blake3:00".into(),
            page_size: 4_096,
            verified: true,
            damaged: false,
            shares_blocks: true,
            tables: vec![ManifestTable { table: "sessions".into(), rows: 2 }],
            tool: "0.1.0".into(),
        };
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
        let later = String::from_utf8(bytes).unwrap().replace("\"format\": 1", "\"format\": 2");
        assert!(Manifest::parse(later.as_bytes()).unwrap_err().contains("unknown format 2"));
        assert!(Manifest::parse(b"{}").unwrap_err().contains("broken"));
        assert!(Manifest::parse(b"").unwrap_err().contains("broken"));
        for wrong in [
            Manifest { sequence: u64::MAX, ..manifest.clone() },
            Manifest { sequence: 0, ..manifest.clone() },
            Manifest { source: "data/fits.db".into(), ..manifest.clone() },
            Manifest { file: "../fits.db".into(), ..manifest.clone() },
            Manifest { file: "/data/fits.db".into(), ..manifest.clone() },
            Manifest { file: String::new(), ..manifest },
        ] {
            let problem = Manifest::parse(&wrong.to_bytes().unwrap()).unwrap_err();
            assert!(problem.starts_with("the manifest is broken: the "), "{problem}");
        }
    }
}
