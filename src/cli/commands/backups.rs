//! `backup` and `backups`: making, listing, verifying and removing backups.

use std::collections::BTreeSet;
use std::path::Path;

use phaseshift::backup::{
    self, AppliedPhase, BackupEntry, BackupLabel, Checked, KeptBecause, Leftover, PruneMode,
    Pruned, Retention, leftovers, list, of_others, remove_leftovers,
};
use phaseshift::database::{Access, Database};
use phaseshift::event::{Event, Observer};
use phaseshift::migrate::{Project, applied_phases, prune_backups, retain};
use phaseshift::phase::Chain;
use phaseshift::restore::backup_request;
use phaseshift::text::similar;
use phaseshift::{Error, ErrorKind, Result, exit};
use serde_json::{Value, json};

use crate::cli::args::BackupsAction;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::screens::{backups as screen, counted};

/// Makes a backup, with a name or without.
pub fn create(context: &Context, name: Option<&str>) -> Result<CommandOutput> {
    let place = BackupPlace::of(context)?;
    let project = &place.project;
    let mut reporter = Reporter::plain(context);
    let source = open_recovered(project, &mut reporter)?;
    let label = name.map_or(BackupLabel::Manual, |name| BackupLabel::Named(name.to_owned()));
    let request = backup_request(&source, &project.versions, place.folder(), label)?;
    let made = backup::create_or_reuse(&source, &request, Checked::First, &mut reporter);
    let entry = made?.into_entry()?;
    source.close()?;
    let pruned = place.retain(Some(&entry.path));
    let kept = format!("The backup is {}\n", escaped(entry.path.display()));
    let removed = screen::retained(&pruned);
    context.say(&removed);
    Ok(CommandOutput::said(
        kept + &removed,
        json!({
            "database": place.database(),
            "backup": entry_json(&entry),
            "removed": pruned.removed.iter().map(|it| &it.path).collect::<Vec<_>>(),
        }),
    ))
}

/// Opens the database to look at it. What a crashed program left half written is rolled back first:
/// SQLite does that for a program that may write, and without it there is nothing sound to copy.
fn open_recovered(project: &Project, observer: &mut dyn Observer) -> Result<Database> {
    match project.open(Access::ReadOnly) {
        Err(error) if error.kind() == ErrorKind::ReadOnly => {
            // Where nothing can be written, the first error says why.
            let Ok(recovered) = project.open(Access::Write) else { return Err(error) };
            recovered.close()?;
            let text = "a journal that a crashed program left was rolled back first".to_owned();
            observer.event(&Event::Notice { text });
            project.open(Access::ReadOnly)
        }
        opened => opened,
    }
}

/// Lists, verifies or removes backups.
pub fn run(context: &Context, action: Option<&BackupsAction>) -> Result<CommandOutput> {
    let place = BackupPlace::of(context)?;
    match action {
        None | Some(BackupsAction::List) => place.list(context),
        Some(BackupsAction::Verify { backup }) => place.verify(context, backup.as_deref()),
        Some(BackupsAction::Prune { keep, keep_days, dry_run }) => {
            let retention = match (keep, keep_days) {
                (None, None) => context.settings.keep,
                (keep, keep_days) => Retention { keep: *keep, keep_days: *keep_days },
            };
            let mode = match dry_run.dry_run || context.dry_run {
                true => PruneMode::DryRun,
                false => PruneMode::Remove,
            };
            place.prune(retention, mode)
        }
    }
}

/// Where the backups of a database are.
pub struct BackupPlace {
    /// The database, without symbolic links, and the folder; no phases.
    pub project: Project,
    /// The backups, newest first.
    pub entries: Vec<BackupEntry>,
}

impl BackupPlace {
    /// Lists the backups of the database that is named; the database itself may be missing.
    pub fn of(context: &Context) -> Result<Self> {
        let database = context.settings.need_database()?.to_path_buf();
        let project = context.project_at(database, Chain::default());
        let entries = list(context.files().as_ref(), &project.backups, &project.database)?;
        Ok(Self { project, entries })
    }

    /// The database, without symbolic links.
    pub fn database(&self) -> &Path {
        &self.project.database
    }

    pub fn folder(&self) -> &Path {
        &self.project.backups
    }

    /// The backups that have a number: without a manifest, nothing tells whose a file is. Those come last.
    pub fn numbered(&self) -> impl Iterator<Item = &BackupEntry> {
        self.entries.iter().filter(|entry| entry.manifest.is_some())
    }

    /// Finds the backup that a person names: by `before:PHASE`, a number of the list, a path, or a file name in the
    /// folder.
    ///
    /// # Errors
    /// [`ErrorKind::DatabaseMissing`] about `backup` if there is none.
    pub fn find(&self, context: &Context, wanted: &str) -> Result<BackupEntry> {
        let files = self.project.options.files.as_ref();
        if let Some(phase) = wanted.strip_prefix("before:") {
            return self.before(phase);
        }
        if let Ok(number) = wanted.parse::<usize>() {
            let entry = number.checked_sub(1).and_then(|place| self.numbered().nth(place));
            return entry.cloned().ok_or_else(|| {
                let count = counted(self.numbered().count(), "backup", "backups");
                let what = format!("there is no backup {number}: the list has {count}");
                self.name_others(missing(what))
            });
        }
        let path = context.folder.join(wanted);
        let is_name = Path::new(wanted).components().count() == 1;
        let stat = files.status(&path);
        if is_name && stat?.is_none() {
            let names = self.entries.iter().filter_map(|it| it.path.file_name()?.to_str());
            let found = BackupEntry::at(files, &self.folder().join(wanted));
            return found.map_err(|error| {
                let mut near: Vec<&str> =
                    names.clone().filter(|it| it.contains(&format!("_{wanted}_"))).collect();
                if near.is_empty() {
                    near.extend(similar(wanted, names));
                }
                error.choices(near)
            });
        }
        BackupEntry::at(files, &path)
    }

    fn before(&self, phase: &str) -> Result<BackupEntry> {
        let ways = applied_phases(&self.project, &self.entries);
        let from_before = |phase: &str| {
            let recorded = ways.iter().find(|way| way.phase == phase).cloned();
            let way =
                recorded.unwrap_or_else(|| AppliedPhase { phase: phase.to_owned(), backup: None });
            way.find(&self.entries).cloned()
        };
        from_before(phase).ok_or_else(|| {
            let made = self.entries.iter().filter_map(|it| it.manifest.as_ref()?.phase.clone());
            let phases: BTreeSet<String> =
                ways.iter().map(|it| it.phase.clone()).chain(made).collect();
            let phases = phases.into_iter().filter(|it| from_before(it).is_some());
            let what = format!("there is no backup of this database from before {phase}");
            self.name_others(missing(what)).choices(phases.map(|it| format!("before:{it}")))
        })
    }

    /// Adds which other databases the backups in the folder were made of: a project may have been moved or copied.
    pub fn name_others(&self, error: Error) -> Error {
        let files = self.project.options.files.as_ref();
        let error = match self.numbered().next() {
            Some(_) => error,
            None => error.without_backup(),
        };
        // A backup that lost its manifest can be named, but is never chosen.
        let bare = self.entries.iter().filter(|it| it.manifest.is_none());
        let names = bare.filter_map(|it| it.path.file_name()?.to_str());
        let error = error.choices(names.map(ToOwned::to_owned).collect::<Vec<_>>());
        let others = of_others(files, self.folder(), self.database()).unwrap_or_default();
        if others.is_empty() {
            return error;
        }
        // A database of another name that is still there has backups of its own; nothing may suggest that they fit.
        let gone = |it: &Path| files.stat(it).is_ok_and(|stat| stat.is_none());
        let same_name = |it: &Path| it.file_name() == self.database().file_name();
        let newest = others.keys().filter(|it| same_name(it) || gone(it)).filter_map(|database| {
            let found = list(files, self.folder(), database).ok()?.into_iter().next()?;
            Some((database.clone(), found.path))
        });
        let error = error.with_other_backups(newest.collect());
        let lines = others.into_iter().map(|(database, count)| {
            let backups = counted(count, "backup", "backups");
            format!("{backups} of {} in {}", database.display(), self.folder().display())
        });
        error.problems(lines)
    }

    /// Removes the backups that the settings do not keep. Nothing depends on it: what cannot be removed stays.
    pub fn retain(&self, whole: Option<&Path>) -> Pruned {
        retain(&self.project, whole).unwrap_or_default()
    }

    fn report(&self, entries: &[BackupEntry]) -> Value {
        json!({
            "database": self.database(),
            "folder": self.folder(),
            "backups": entries.iter().map(entry_json).collect::<Vec<_>>(),
        })
    }

    fn list(&self, context: &Context) -> Result<CommandOutput> {
        let files = context.files();
        let left = leftovers(files.as_ref(), self.folder(), &stem(self.database()))?;
        let others = of_others(files.as_ref(), self.folder(), self.database())?;
        let text = screen::list(self.folder(), &self.entries)
            + &screen::left_over(&left)
            + &screen::of_others(&others);
        let mut report = self.report(&self.entries);
        report["leftovers"] = left.iter().map(|it| json!(it.path)).collect();
        Ok(CommandOutput::done(text, report))
    }

    fn verify(&self, context: &Context, wanted: Option<&str>) -> Result<CommandOutput> {
        let entries = match wanted {
            Some(wanted) => vec![self.find(context, wanted)?],
            None => self.entries.clone(),
        };
        let mut checks = Vec::new();
        let mut text = String::new();
        for entry in &entries {
            let found =
                backup::verify(entry, &context.open_options(), &mut Reporter::plain(context));
            let check = screen::Verified::of(entry, found)?;
            text.push_str(&check.line(context.terminal.out));
            checks.push(json!({"name": entry.path, "ok": check.ok, "detail": check.detail}));
            if !check.ok && wanted.is_some() {
                return Err(check.into_error());
            }
        }
        if entries.is_empty() {
            text = screen::list(self.folder(), &[]);
        }
        let whole = checks.iter().all(|check| check["ok"] == true);
        let mut answer = CommandOutput::done(text, self.report(&entries));
        answer.exit = if whole { exit::DONE } else { exit::DAMAGED };
        answer.report.insert("checks".to_owned(), Value::Array(checks));
        Ok(answer)
    }

    fn prune(&self, retention: Retention, mode: PruneMode) -> Result<CommandOutput> {
        let pruned = prune_backups(&self.project, &self.entries, (retention, None), mode)?;
        let files = self.project.options.files.as_ref();
        let stem = stem(self.database());
        let parts: Vec<Leftover> =
            leftovers(files, self.folder(), &stem)?.into_iter().filter(|it| !it.alive).collect();
        if mode == PruneMode::Remove {
            remove_leftovers(files, self.folder(), &stem)?;
        }
        let freed = pruned.bytes_freed() + parts.iter().map(|it| it.bytes).sum::<u64>();
        let text = screen::pruned(&pruned, &parts, freed, mode);
        let paths = |of: &[BackupEntry]| json!(of.iter().map(|it| &it.path).collect::<Vec<_>>());
        let spared = pruned.kept.iter().find(|it| it.because == KeptBecause::LastWhole);
        let mut report = self.report(&pruned.removed);
        report["removed"] = paths(&pruned.removed);
        report["kept"] = pruned
            .kept
            .iter()
            .map(|it| json!({"file": it.entry.path, "reason": screen::reason(&it.because)}))
            .collect();
        report["bytes_freed"] = json!(freed);
        report["spared"] = json!(spared.map(|it| &it.entry.path));
        report["damaged"] = paths(&pruned.damaged);
        report["leftovers"] = parts.iter().map(|it| json!(it.path)).collect();
        let removes = !pruned.removed.is_empty() || !parts.is_empty();
        report["changed"] = json!(mode == PruneMode::Remove && removes);
        Ok(CommandOutput::done(text, report))
    }
}

fn missing(what: String) -> Error {
    Error::new(ErrorKind::DatabaseMissing, what).about("backup")
}

/// The name of a database without folder and extension, as backups carry it.
pub fn stem(database: &Path) -> String {
    let stem = database.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.unwrap_or_else(|| "database".to_owned())
}

pub fn entry_json(entry: &BackupEntry) -> Value {
    let manifest = entry.manifest.as_ref();
    json!({
        "file": entry.path,
        "created": manifest.map(|it| &it.created),
        "phase": manifest.and_then(|it| it.phase.as_ref()),
        "version": manifest.and_then(|it| it.version),
        "bytes": entry.bytes,
        "verified": entry.is_verified(),
        "shares_blocks": manifest.is_some_and(|it| it.shares_blocks),
        "problem": entry.problem,
        "sequence": entry.sequence(),
        "kind": entry.kind(),
        "tables": manifest.map(|it| &it.tables),
    })
}
