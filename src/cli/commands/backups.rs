//! `backup` and `backups`: making, listing, verifying and removing backups.

use std::path::{Path, PathBuf};

use phaseshift::backup::{
    self, BackupEntry, BackupLabel, BackupRequest, PruneMode, Retention, leftovers, list, prune,
    remove_leftovers,
};
use phaseshift::database::{Access, Database};
use phaseshift::event::{Event, Observer};
use phaseshift::migrate::Project;
use phaseshift::phase::Chain;
use phaseshift::{ErrorKind, Result, exit};
use serde_json::{Value, json};

use crate::cli::answer::Answer;
use crate::cli::args::BackupsAction;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::screens::backups as screen;
use crate::cli::screens::run::Subject;

/// Makes a backup with a name.
///
/// # Errors
/// As [`backup::create`].
pub fn create(context: &Context, name: &str) -> Result<Answer> {
    let place = Place::of(context)?;
    let project = context.project_at(place.database.clone(), Chain::build(Vec::new())?);
    let mut reporter = Reporter::new(context, Subject::default());
    let source = open_settled(&project, &mut reporter)?;
    let schema = phaseshift::schema::read(source.connection())?;
    // A version table of another program tells nothing, and is no reason not to back up.
    let recorded = project.versions.read(source.connection(), &schema).unwrap_or_default();
    let request = BackupRequest {
        folder: &place.folder,
        label: BackupLabel::Named(name.to_owned()),
        phase: None,
        version: recorded.version(),
    };
    let made = backup::create(&source, &request, &mut reporter);
    reporter.finish();
    let entry = made?.into_entry()?;
    let said = format!("The backup is {}\n", escaped(entry.path.display()));
    Ok(Answer::said(said, json!({"database": place.database, "backup": entry_json(&entry)})))
}

/// Opens the database to look at it. What a crashed program left half written is rolled back first:
/// SQLite does that for whoever may write, and without it there is nothing sound to copy.
fn open_settled(project: &Project, observer: &mut dyn Observer) -> Result<Database> {
    match project.open(Access::Look) {
        Err(error) if error.kind() == ErrorKind::ReadOnly => {
            // Where nothing can be written, the first error says why.
            let Ok(settled) = project.open(Access::Write) else { return Err(error) };
            settled.close()?;
            let text = "a journal that a crashed program left was rolled back first".to_owned();
            observer.event(&Event::Notice { text });
            project.open(Access::Look)
        }
        opened => opened,
    }
}

/// Lists, verifies or removes backups.
///
/// # Errors
/// Those of the engine's backups.
pub fn run(context: &Context, action: Option<&BackupsAction>) -> Result<Answer> {
    let place = Place::of(context)?;
    match action {
        None | Some(BackupsAction::List) => place.list(context),
        Some(BackupsAction::Verify { backup }) => place.verify(context, backup.as_deref()),
        Some(BackupsAction::Prune { keep, keep_days, dry_run }) => {
            let retention = retention(context, *keep, *keep_days);
            let mode = match dry_run.dry_run || context.dry_run {
                true => PruneMode::DryRun,
                false => PruneMode::Remove,
            };
            place.prune(context, retention, mode)
        }
    }
}

/// The flags, or else what the settings file says.
fn retention(context: &Context, keep: Option<usize>, keep_days: Option<u32>) -> Retention {
    if keep.is_some() || keep_days.is_some() {
        return Retention { keep, keep_days };
    }
    Retention { keep: context.settings.keep_count, keep_days: context.settings.keep_days }
}

/// Where the backups of a database are.
pub struct Place {
    /// The database, without symbolic links.
    pub database: PathBuf,
    /// The folder.
    pub folder: PathBuf,
    /// The backups, newest first.
    pub entries: Vec<BackupEntry>,
}

impl Place {
    /// Lists the backups of the database that is named; the database itself may be missing.
    ///
    /// # Errors
    /// As [`list`].
    pub fn of(context: &Context) -> Result<Self> {
        let database = context.settings.need_database()?.to_path_buf();
        let project = context.project_at(database, Chain::build(Vec::new())?);
        let (database, folder) = (project.database, project.backups);
        let entries = list(context.files().as_ref(), &folder, &stem(&database))?;
        Ok(Self { database, folder, entries })
    }

    fn report(&self, entries: &[BackupEntry]) -> Value {
        json!({
            "database": self.database,
            "folder": self.folder,
            "backups": entries.iter().map(entry_json).collect::<Vec<_>>(),
        })
    }

    fn list(&self, context: &Context) -> Result<Answer> {
        let left = leftovers(context.files().as_ref(), &self.folder, &stem(&self.database))?;
        let text = screen::list(&self.folder, &self.entries) + &screen::left_over(&left);
        let mut report = self.report(&self.entries);
        report["leftovers"] = left.iter().map(|it| json!(it.path)).collect();
        Ok(Answer::done(text, report))
    }

    fn verify(&self, context: &Context, wanted: Option<&Path>) -> Result<Answer> {
        let files = context.files();
        let entries = match wanted {
            Some(path) => vec![BackupEntry::at(files.as_ref(), &context.folder.join(path))?],
            None => self.entries.clone(),
        };
        let mut checks = Vec::new();
        let mut text = String::new();
        for entry in &entries {
            let mut reporter = Reporter::new(context, Subject::default());
            let found = backup::verify(entry, &context.open_options(), &mut reporter);
            reporter.finish();
            let check = screen::Verified::of(entry, found)?;
            text.push_str(&check.line(context.terminal.out));
            checks.push(json!({"name": entry.path, "ok": check.ok, "detail": check.detail}));
            if !check.ok && wanted.is_some() {
                return Err(check.into_error());
            }
        }
        if entries.is_empty() {
            text = screen::list(&self.folder, &[]);
        }
        let whole = checks.iter().all(|check| check["ok"] == true);
        let mut answer = Answer::done(text, self.report(&entries));
        answer.exit = if whole { exit::DONE } else { exit::DAMAGED };
        answer.report.insert("checks".to_owned(), Value::Array(checks));
        Ok(answer)
    }

    fn prune(&self, context: &Context, retention: Retention, mode: PruneMode) -> Result<Answer> {
        let pruned = prune(&self.entries, retention, &context.open_options(), mode)?;
        let files = context.files();
        let stem = stem(&self.database);
        let parts: Vec<PathBuf> = match mode {
            PruneMode::Remove => remove_leftovers(files.as_ref(), &self.folder, &stem)?,
            PruneMode::DryRun => leftovers(files.as_ref(), &self.folder, &stem)?
                .into_iter()
                .filter(|it| !it.alive)
                .map(|it| it.path)
                .collect(),
        };
        let text = screen::pruned(&pruned, &parts, self.entries.len(), mode, retention);
        let paths = |of: &[BackupEntry]| json!(of.iter().map(|it| &it.path).collect::<Vec<_>>());
        let mut report = self.report(&pruned.removed);
        report["removed"] = paths(&pruned.removed);
        report["spared"] = json!(pruned.spared.as_ref().map(|it| &it.path));
        report["damaged"] = paths(&pruned.damaged);
        report["leftovers"] = json!(parts);
        report["changed"] = json!(mode == PruneMode::Remove && !pruned.removed.is_empty());
        Ok(Answer::done(text, report))
    }
}

/// The name of a database without folder and extension, as backups carry it.
pub fn stem(database: &Path) -> String {
    let stem = database.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.unwrap_or_else(|| "database".to_owned())
}

/// One backup as JSON.
pub fn entry_json(entry: &BackupEntry) -> Value {
    let manifest = entry.manifest.as_ref();
    json!({
        "file": entry.path,
        "created": manifest.map(|it| &it.created),
        "phase": manifest.and_then(|it| it.phase.as_ref()),
        "version": manifest.and_then(|it| it.version),
        "bytes": entry.bytes,
        "verified": entry.is_verified(),
        "problem": entry.problem,
        "sequence": entry.sequence(),
        "tables": manifest.map(|it| &it.tables),
    })
}
