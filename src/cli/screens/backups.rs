//! Backups as lists.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phaseshift::backup::{
    BackupEntry, LabelKind, Leftover, PruneMode, Pruned, Retention, Verification,
};
use phaseshift::{Error, ErrorKind, Result};

use super::{counted, sized};
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

/// Lists the backups of a folder, newest first.
pub fn list(folder: &Path, entries: &[BackupEntry]) -> String {
    if entries.is_empty() {
        return format!("No backups in {}\n", escaped(folder.display()));
    }
    let count = counted(entries.len(), "backup", "backups");
    let mut text = format!("{count} in {}, the newest first:\n", escaped(folder.display()));
    for (place, entry) in entries.iter().enumerate() {
        let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
        let (name, about) = (escaped(name), escaped(about(entry)));
        let _ = writeln!(text, "  {:>2}. {name}\n      {about}", place + 1);
    }
    text
}

/// Lists what killed runs left, and what running ones are writing.
pub fn left_over(leftovers: &[Leftover]) -> String {
    let mut text = String::new();
    for it in leftovers {
        let of = match it.alive {
            true => format!("is being written by process {}", it.process),
            false => "was left by a run that was killed; prune removes it".to_owned(),
        };
        let _ = writeln!(text, "No backup: {} {of}", escaped(it.path.display()));
    }
    text
}

/// Says on one line what a person picks a backup by: date, occasion, version, size, counts, state.
pub fn line(entry: &BackupEntry) -> String {
    let Some(manifest) = &entry.manifest else {
        let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
        return format!("{name}, {}", about(entry));
    };
    let made = manifest.created().map_or_else(
        || manifest.created.clone(),
        |time| time.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M:%S").to_string(),
    );
    let occasion = match (&manifest.phase, manifest.label) {
        (Some(phase), _) => format!("before {phase}"),
        (None, LabelKind::BeforeRestore) => "before a restore".to_owned(),
        (None, LabelKind::BeforePhase | LabelKind::Named) => "made by hand".to_owned(),
    };
    let rows: u64 = manifest.tables.iter().map(|it| it.rows).sum();
    let counts = format!(
        "{} in {}",
        counted(rows, "row", "rows"),
        counted(manifest.tables.len(), "table", "tables")
    );
    let version = manifest.version.map_or("no version".into(), |it| format!("version {it}"));
    let state = if entry.is_verified() { "verified" } else { "NOT VERIFIED" };
    format!("{made}  {occasion}, {version}, {}, {counts}, {state}", sized(entry.bytes))
}

fn about(entry: &BackupEntry) -> String {
    let mut parts = vec![sized(entry.bytes)];
    if let Some(manifest) = &entry.manifest {
        parts.push(manifest.version.map_or("no version".into(), |it| format!("version {it}")));
        if let Some(phase) = &manifest.phase {
            parts.push(format!("before {phase}"));
        }
        parts.push(format!("made {}", manifest.created));
    }
    match &entry.problem {
        Some(problem) => parts.push(format!("not verified: {problem}")),
        None => parts.push("verified".to_owned()),
    }
    parts.join(", ")
}

/// What a verification of one backup found.
pub struct Verified {
    path: PathBuf,
    /// Whether the backup is whole.
    pub ok: bool,
    /// What was found, in words.
    pub detail: String,
    error: Option<Error>,
}

impl Verified {
    /// Takes the result of a verification. Damage is a finding, anything else a failure.
    ///
    /// # Errors
    /// Whatever kept the verification from being finished.
    pub fn of(entry: &BackupEntry, found: Result<Verification>) -> Result<Self> {
        let path = entry.path.clone();
        match found {
            Ok(found) => {
                let rows: u64 = found.tables.iter().map(|it| it.rows).sum();
                let tables = counted(found.tables.len(), "table", "tables");
                let mut detail = format!("{} in {tables}", counted(rows, "row", "rows"));
                if !found.against_manifest {
                    detail.push_str(", without a manifest to compare with");
                }
                for unchecked in &found.unchecked {
                    let _ = write!(detail, "; not checked: {unchecked}");
                }
                Ok(Self { path, ok: true, detail, error: None })
            }
            Err(error) if error.kind() == ErrorKind::BackupDamaged => {
                // The path stands before it already.
                let mut detail = "damaged".to_owned();
                for what in &error.facts().problems {
                    let _ = write!(detail, "; {what}");
                }
                Ok(Self { path, ok: false, detail, error: Some(error) })
            }
            Err(error) => Err(error),
        }
    }

    /// The line for the list.
    pub fn line(&self, style: Style) -> String {
        let mark = if self.ok { style.ok() } else { style.no() };
        format!("{mark} {}: {}\n", escaped(self.path.display()), escaped(&self.detail))
    }

    /// The failure of the verification of this one backup.
    pub fn into_error(self) -> Error {
        self.error.unwrap_or_else(|| Error::new(ErrorKind::BackupDamaged, self.detail))
    }
}

/// Says what was or would be removed.
pub fn pruned(
    pruned: &Pruned,
    leftovers: &[PathBuf],
    all: usize,
    mode: PruneMode,
    retention: Retention,
) -> String {
    let verb = match mode {
        PruneMode::DryRun => "Would remove",
        PruneMode::Remove => "Removed",
    };
    let removed = &pruned.removed;
    let mut text = String::new();
    for path in removed.iter().map(|entry| &entry.path).chain(leftovers) {
        let _ = writeln!(text, "{verb} {}", escaped(path.display()));
    }
    if retention.keep.is_none() && retention.keep_days.is_none() {
        let what = "No backup was removed: say what to keep with --keep COUNT or --keep-days DAYS.";
        return text + what + "\n";
    }
    for entry in &pruned.damaged {
        let path = escaped(entry.path.display());
        let _ = writeln!(text, "{path} is damaged: it is not what was verified when it was made.");
    }
    if let Some(entry) = &pruned.spared {
        let path = escaped(entry.path.display());
        let _ = writeln!(text, "{path} stays: it is the newest backup that is whole.");
    }
    let kept = counted(all.saturating_sub(removed.len()), "backup stays", "backups stay");
    let _ = writeln!(text, "{kept}.");
    text
}
