//! Backups as lists.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phaseshift::backup::{
    BackupEntry, BackupKind, KeptBecause, Leftover, Manifest, PruneMode, Pruned, Verification,
};
use phaseshift::{Error, ErrorKind, Result};

use super::time::local;
use super::{counted, sized};
use crate::cli::output::escaped;
use crate::cli::terminal::Style;

/// Lists the backups of a folder, newest first.
pub fn list(folder: &Path, entries: &[BackupEntry]) -> String {
    if entries.is_empty() {
        return format!("No backups in {}\n", escaped(folder.display()));
    }
    let count = counted(entries.len(), "backup", "backups");
    let order = match entries.iter().all(BackupEntry::is_verified) {
        true => "the newest first",
        false => "the verified ones, then the others, each group with the newest first",
    };
    let mut text = format!("{count} in {}, {order}:\n", escaped(folder.display()));
    for (place, entry) in entries.iter().enumerate() {
        let name = entry.path.file_name().unwrap_or_default().to_string_lossy();
        // Without a manifest, nothing tells whose it is: it has to be named by its path.
        let number = entry.manifest.is_some().then(|| format!("{:>2}.", place + 1));
        let number = number.unwrap_or_else(|| " -.".to_owned());
        let (name, about) = (escaped(name), escaped(about(entry)));
        let _ = writeln!(text, "  {number} {name}\n      {about}");
    }
    text
}

/// Lists what killed runs left, and what running ones are writing.
pub fn left_over(leftovers: &[Leftover]) -> String {
    let mut text = String::new();
    for it in leftovers {
        let of = match it.alive {
            true => format!("is being written by process {}", it.process),
            false => "was left by a run that was killed; the next run removes it".to_owned(),
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
    let made = made(manifest);
    let occasion = occasion(manifest);
    let rows: u64 = manifest.tables.iter().map(|it| it.rows).sum();
    let counts = format!(
        "{} in {}",
        counted(rows, "row", "rows"),
        counted(manifest.tables.len(), "table", "tables")
    );
    let version = manifest.version.map_or("no version".into(), |it| format!("version {it}"));
    let state = if entry.is_verified() { "verified when made" } else { "NOT VERIFIED" };
    let shared = if manifest.shares_blocks { ", made with shared blocks" } else { "" };
    format!("{made}  {occasion}, {version}, {}, {counts}, {state}{shared}", sized(entry.bytes))
}

/// Says when a backup was made, in local time with its offset.
fn made(manifest: &Manifest) -> String {
    manifest.created().map_or_else(|| manifest.created.clone(), local)
}

fn occasion(manifest: &Manifest) -> String {
    match (manifest.kind(), &manifest.phase) {
        (BackupKind::BeforePhase, Some(phase)) => format!("before {phase}"),
        (BackupKind::BeforePhase, None) => "before a migration".to_owned(),
        (BackupKind::BeforeUndo, Some(phase)) => format!("before undoing {phase}"),
        (BackupKind::BeforeStamp, Some(phase)) => format!("before recording {phase}"),
        (BackupKind::BeforeStamp, None) => {
            "before stamp base, which forgot every recorded phase".to_owned()
        }
        (BackupKind::BeforeUndo, None) => "before a downgrade".to_owned(),
        (BackupKind::Named, _) => match chosen_name(manifest) {
            Some(crate::reset::LABEL) => "before a reset".to_owned(),
            Some(name) => format!("made by hand, named {name}"),
            None => "made by hand".to_owned(),
        },
        (BackupKind::Manual, _) => "made by hand".to_owned(),
        (BackupKind::BeforeRestore, _) => "before a restore".to_owned(),
        (BackupKind::BeforeOptimize, _) => "before optimize".to_owned(),
    }
}

/// Returns the name that a person chose: what stands in the file name between the database and the time.
fn chosen_name(manifest: &Manifest) -> Option<&str> {
    const TIME: usize = "_20241027_013000".len();
    let rest = manifest.file.strip_prefix(&manifest.stem)?.strip_prefix('_')?;
    let rest = rest.strip_suffix(".db")?;
    let is_stamped = |it: &str| it.ends_with(|last: char| last.is_ascii_digit());
    // A number behind the time tells backups of one second apart.
    let counted = rest.rsplit_once('_').filter(|(_, number)| number.len() < "013000".len());
    let rest = counted.map_or(rest, |(rest, _)| rest);
    let end = rest.len().checked_sub(TIME).filter(|_| is_stamped(rest))?;
    rest.get(..end).filter(|name| !name.is_empty())
}

fn about(entry: &BackupEntry) -> String {
    let mut parts = Vec::new();
    if let Some(manifest) = &entry.manifest {
        parts.push(format!("{}  {}", made(manifest), occasion(manifest)));
        parts.push(manifest.version.map_or("no version".into(), |it| format!("version {it}")));
    }
    parts.push(sized(entry.bytes));
    match &entry.problem {
        Some(problem) => parts.push(format!("not verified: {problem}")),
        None => parts.push("verified when made".to_owned()),
    }
    if entry.manifest.as_ref().is_some_and(|it| it.shares_blocks) {
        parts.push("made with shared blocks".to_owned());
    }
    parts.join(", ")
}

/// What a verification of one backup found.
pub struct Verified {
    path: PathBuf,
    pub ok: bool,
    /// What was found, in words.
    pub detail: String,
    error: Option<Error>,
}

impl Verified {
    /// Takes the result of a verification. Damage is a finding, anything else a failure.
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
                let doubt = entry.doubt();
                if let Some(doubt) = doubt {
                    detail = format!("not verified: {doubt}");
                }
                Ok(Self { path, ok: doubt.is_none(), detail, error: None })
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

    pub fn line(&self, style: Style) -> String {
        let mark = if self.ok { style.ok() } else { style.no() };
        format!("{mark} {}: {}\n", escaped(self.path.display()), escaped(&self.detail))
    }

    /// The failure of the verification of this one backup.
    pub fn into_error(self) -> Error {
        self.error.unwrap_or_else(|| Error::new(ErrorKind::BackupDamaged, self.detail))
    }
}

/// Says that a folder also holds backups of other databases.
pub fn of_others(others: &BTreeMap<PathBuf, usize>) -> String {
    let mut text = String::new();
    for (database, count) in others {
        let count = counted(*count, "backup", "backups");
        let _ = writeln!(text, "Not listed: {count} of {}", escaped(database.display()));
    }
    text
}

/// Says what was or would be removed, and why the rest stays.
pub fn pruned(pruned: &Pruned, leftovers: &[Leftover], freed: u64, mode: PruneMode) -> String {
    let (verb, frees) = match mode {
        PruneMode::DryRun => ("Would remove", "Would free"),
        PruneMode::Remove => ("Removed", "Freed"),
    };
    let mut text = String::new();
    let removed = pruned.removed.iter().map(|it| (&it.path, it.bytes));
    for (path, bytes) in removed.chain(leftovers.iter().map(|it| (&it.path, it.bytes))) {
        let _ = writeln!(text, "{verb} {} ({})", escaped(path.display()), sized(bytes));
    }
    for entry in &pruned.damaged {
        let path = escaped(entry.path.display());
        let _ = writeln!(
            text,
            "{path} is damaged: it differs from what was verified when it was made."
        );
    }
    for it in &pruned.kept {
        let name = it.entry.path.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(text, "Kept {}: {}", escaped(name), escaped(reason(&it.because)));
    }
    match (pruned.removed.len(), freed) {
        (0, 0) => text.push_str("Nothing to remove.\n"),
        _ => {
            let _ = writeln!(text, "{frees} {}.", sized(freed));
        }
    }
    text
}

/// Says after a run which old backups were removed.
pub fn retained(pruned: &Pruned) -> String {
    match pruned.removed.len() {
        0 => String::new(),
        count => format!(
            "Removed {} ({}); `backups prune --dry-run` says which ones stay and why.\n",
            counted(count, "old backup", "old backups"),
            sized(pruned.bytes_freed())
        ),
    }
}

/// Says why a backup stays.
pub fn reason(because: &KeptBecause) -> String {
    match because {
        KeptBecause::BeforeApplied(phase) => {
            format!("it holds the state before {phase}, which is applied")
        }
        KeptBecause::Named => "it has a name; remove the file yourself to give it up".to_owned(),
        KeptBecause::Newest { keep: 1 } => "it is the newest of its kind".to_owned(),
        KeptBecause::Newest { keep } => format!("it is one of the {keep} newest of its kind"),
        KeptBecause::Young { days } => {
            format!("it is not older than {}", counted(*days, "day", "days"))
        }
        KeptBecause::LastWhole => "it is the newest backup that is whole".to_owned(),
        KeptBecause::NotVerified => "it is not verified, so it is never removed".to_owned(),
        KeptBecause::NoneWhole => "no backup is whole".to_owned(),
        KeptBecause::NoRule => "no rule removes it".to_owned(),
    }
}
