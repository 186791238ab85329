//! `init`: the files of a new project. Creates no database, and leaves existing files alone.

use std::path::{Path, PathBuf};

use phaseshift::autogenerate::{Answers, Drafted, draft, draft_text};
use phaseshift::database::Access;
use phaseshift::error::file_error;
use phaseshift::files::{FileKind, Files, is_database};
use phaseshift::migrate::{Strictness, stamp};
use phaseshift::phase::{Applied, BROKEN, Chain, PhaseId};
use phaseshift::plan::broken_objects;
use phaseshift::schema::{ObjectKind, Schema};
use phaseshift::text::counted;
use phaseshift::{DatabaseState, Error, ErrorKind, Remedy, Result};
use serde_json::json;

use crate::cli::args::InitArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::location::database_path;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::settings_file::{self, FILE_NAME};

const SCHEMA: &str = "-- The desired schema: CREATE statements only. Optional.\n";

/// The first phase of a database that existed before its phases.
const BASELINE: &str = "baseline";
/// Its file: without `parents`, phases follow each other in the order of their file names.
const BASELINE_FILE: &str = "0_baseline.toml";

/// Writes the files of a project that do not exist yet.
///
/// # Errors
/// [`ErrorKind::Io`] or [`ErrorKind::ReadOnly`]; with `--from`, those of reading the database and of a stamp.
pub fn run(context: &Context, arguments: &InitArgs) -> Result<CommandOutput> {
    let files = context.files();
    let folder = context.folder.join(&arguments.folder);
    let phases = folder.join("phases");
    let named = match &arguments.from {
        Some(text) => Some(database_path(text, &context.folder)?),
        None => context.settings.database.clone().filter(|_| !context.settings.flags.is_empty()),
    };
    let baseline = match (&arguments.from, &named) {
        (Some(_), Some(database)) => Some(Baseline::of(context, database, &phases)?),
        _ => None,
    };
    let found = if named.is_none() { databases_in(context, &folder)? } else { Vec::new() };
    let database = named.as_deref().or(found.first().map(PathBuf::as_path));
    let database = database.map_or_else(|| "app.db".to_owned(), |path| relative(path, &folder));
    files.make_folder(&phases)?;
    let schema = baseline.as_ref().map_or_else(|| SCHEMA.to_owned(), |it| it.schema.clone());
    let mut contents =
        vec![(folder.join(FILE_NAME), settings(&database)), (folder.join("schema.sql"), schema)];
    if let Some(baseline) = &baseline {
        contents.push((phases.join(BASELINE_FILE), baseline.phase.clone()));
    }
    let (mut text, created) = create_missing(context, contents)?;
    let report = json!({
        "folder": folder,
        "created": created,
        "phases": phases,
        "database": folder.join(&database),
        "baseline": baseline.as_ref().map(|_| BASELINE),
    });
    match baseline {
        Some(baseline) => {
            let recorded = baseline.record(context, &phases);
            if recorded.as_ref().is_err_and(|it| it.state() != DatabaseState::Done) {
                take_back(files.as_ref(), &created);
            }
            text.push_str(&recorded?);
            text.push_str("Next: change schema.sql, then\n  phaseshift revision -m 'What changes' --autogenerate\n");
        }
        None => {
            text.push_str(&format!("Phase files go to {}\n", escaped(context.shown(&phases))));
            let is_there = !created.contains(&folder.join(FILE_NAME))
                && files.list(&phases).is_ok_and(|it| !it.is_empty());
            text.push_str(&match is_there {
                true => next_of_project(context, named.as_deref()),
                false => next(&found, &database),
            });
        }
    }
    Ok(CommandOutput::done(text, report))
}

/// Writes the files that do not exist yet; returns the lines about all, and the files that were written.
fn create_missing(
    context: &Context,
    contents: Vec<(PathBuf, String)>,
) -> Result<(String, Vec<PathBuf>)> {
    let files = context.files();
    let (mut text, mut created) = (String::new(), Vec::new());
    for (path, content) in contents {
        let shown = escaped(context.shown(&path));
        match files.create(&path, content.as_bytes(), 0o644) {
            Ok(()) => {
                text.push_str(&format!("Created {shown}\n"));
                created.push(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                text.push_str(&format!("Kept {shown}\n"));
            }
            Err(error) => return Err(file_error("create", &path, error)),
        }
    }
    Ok((text, created))
}

/// Removes the files of a project whose database could not be adopted, so that the same command can be run again. The
/// failure that led here is the one that is reported.
fn take_back(files: &dyn Files, created: &[PathBuf]) {
    for path in created {
        let _ = files.remove(path);
    }
}

/// Says what comes next in a project that was there already. Its settings stay, whatever database is named now.
fn next_of_project(context: &Context, named: Option<&Path>) -> String {
    let other = named.and_then(|named| {
        let file = context.settings.file.as_ref()?;
        let text = settings_file::read(context.files().as_ref(), file).ok()?.database?;
        let kept = database_path(&text, file.parent()?).ok()?;
        let (kept, named) = (escaped(context.shown(&kept)), escaped(context.shown(named)));
        (kept != named).then(|| {
            format!(
                "{FILE_NAME} stays as it is and names {kept}. To use {named}, write it there as database, or add \
                 --database to each command.\n"
            )
        })
    });
    format!("{}Next: {}\n", other.unwrap_or_default(), context.command_line("status"))
}

/// Says what comes next: an existing database can be adopted.
fn next(found: &[PathBuf], database: &str) -> String {
    let words = crate::cli::settings::shell_word(database);
    match found.len() {
        0 => "Next: phaseshift revision -m 'What the first phase does'\n".to_owned(),
        1 => format!(
            "Found {}. To begin with its schema: phaseshift init --from {words}\n",
            escaped(database)
        ),
        count => format!(
            "Found {}; phaseshift.toml names {}. To begin with its schema: phaseshift init --from {words}\n",
            counted(count, "database", "databases"),
            escaped(database)
        ),
    }
}

/// Returns the SQLite files of a folder, in the order of their names.
fn databases_in(context: &Context, folder: &Path) -> Result<Vec<PathBuf>> {
    let files = context.files();
    if !files.exists(folder)? {
        return Ok(Vec::new());
    }
    let entries = files.entries(folder)?;
    let is_one = |path: &PathBuf| {
        let is_file = matches!(files.stat(path), Ok(Some(stat)) if stat.kind == FileKind::File);
        is_file && is_database(files.as_ref(), path).unwrap_or(false)
    };
    let mut found: Vec<PathBuf> = entries.into_iter().filter(is_one).collect();
    found.sort();
    Ok(found)
}

/// The schema of an existing database, as the files of a project.
struct Baseline {
    database: PathBuf,
    phase: String,
    schema: String,
    /// What cannot be used in the database; the phase makes it as it is.
    broken: Vec<String>,
}

impl Baseline {
    /// Reads the database. Its version tables are no part of its schema.
    fn of(context: &Context, database: &Path, phases: &Path) -> Result<Self> {
        let files = context.files();
        let has_phases = match files.status(phases)? {
            Some(_) => !files.entries(phases)?.is_empty(),
            None => false,
        };
        if has_phases {
            let what = format!(
                "the folder {} is not empty; --from is for a project without phases",
                context.shown(phases)
            );
            let error = Error::new(ErrorKind::Arguments, what);
            let is_other = context.settings.database.as_deref() != Some(database);
            return Err(match is_other {
                true => {
                    error.with_remedy(Remedy::BeginElsewhere).choices([context.shown(database)])
                }
                false => error.with_remedy(Remedy::ShowStatus),
            });
        }
        let project = context.project_at(database.to_path_buf(), Chain::default());
        let file = project.open(Access::ReadOnly)?;
        let schema = phaseshift::schema::read(file.connection())?;
        let recorded = project.versions.read(file.connection(), &schema)?;
        if !recorded.versions.is_empty() {
            let what =
                "the database records phases already: bring their files into the phases folder";
            return Err(Error::new(ErrorKind::Arguments, what)
                .with_remedy(Remedy::ShowStatus)
                .in_database(database));
        }
        let schema = project.own(&schema);
        let Drafted::Ready(draft) = draft(&Schema::default(), &schema, &Answers::default())? else {
            let what = "the schema of the database leaves questions open";
            return Err(Error::new(ErrorKind::Unsupported, what).in_database(database));
        };
        let name = database.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let description = toml_edit::Value::from(format!("The schema of {name} before its phases"));
        let broken = broken_objects(&schema)?;
        let phase = format!(
            "id = \"{BASELINE}\"\nversion = 1\ndescription = {description}\nparents = []\n{}{}",
            allowing(&broken, &name),
            draft_text(&draft)
        );
        let own = schema.objects.iter().filter(|object| object.kind != ObjectKind::ShadowTable);
        let texts = own.filter_map(|object| object.sql.as_deref());
        let texts: Vec<String> = texts.map(|sql| format!("{};\n", sql.trim_end())).collect();
        Ok(Self { database: database.to_path_buf(), phase, schema: texts.join("\n"), broken })
    }

    /// Records the phase in the database, after comparing the two.
    fn record(&self, context: &Context, phases: &Path) -> Result<String> {
        let files = context.files();
        let chain = Chain::read(files.as_ref(), phases)?;
        let project = context.project_at(self.database.clone(), chain);
        let wanted: Applied = PhaseId::new(BASELINE).into_iter().collect();
        let done = stamp(&project, &wanted, Strictness::Compare, &mut Reporter::plain(context));
        let backup = done?.backup.map(|it| format!("; the backup is {}", context.shown(&it)));
        let mut said: String = self
            .broken
            .iter()
            .map(|it| format!("Broken in the database: {}\n", escaped(it)))
            .collect();
        let backup = escaped(backup.unwrap_or_default());
        said.push_str(&format!("Recorded {BASELINE} in the database{backup}\n"));
        Ok(said)
    }
}

/// The key of a phase that makes objects that cannot be used, as the file has them; nothing if there are none.
fn allowing(broken: &[String], file: &str) -> String {
    if broken.is_empty() {
        return String::new();
    }
    let mut reasons = toml_edit::Array::new();
    reasons.push(format!("{BROKEN}: as in {file}: {}", broken.join("; ")));
    format!("allow = {reasons}\n")
}

fn relative(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

/// The settings file of a project.
pub fn settings(database: &str) -> String {
    let database = toml_edit::Value::from(database).to_string();
    format!(
        "# Settings of phaseshift. Paths are relative to this file.\n\
         database = {database}\n\
         phases = \"phases\"\n\
         # backups = \"backups\"          # default: beside the database\n\
         # schema = \"schema.sql\"        # the desired schema, for diff and --autogenerate\n\
         # version_table = \"schema_version\"\n\
         # name_template = \"{{date}}_{{time}}_{{slug}}\"  # of new phase files; also {{id}} and {{version}}\n\
         # wait = 5                      # seconds, for locks of other programs\n\
         # keep = {{ days = 7, count = 10 }}  # backups of each kind\n"
    )
}
