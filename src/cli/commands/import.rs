//! `import`: another tool's migrations as phases, and the adoption of a file that the tool migrated.

use std::path::{Path, PathBuf};

use phaseshift::compare::differences;
use phaseshift::database::Access;
use phaseshift::error::file_error;
use phaseshift::files::FileKind;
use phaseshift::import::{
    ImportSource, ImportedChain, Tool, ToolRecord, read_migrations, recorded_by,
};
use phaseshift::inspect::desired_schema;
use phaseshift::migrate::{Project, StampReport, Strictness, compare_schemas, replay, stamp};
use phaseshift::name::same;
use phaseshift::phase::{Applied, Chain};
use phaseshift::schema::Schema;
use phaseshift::{Error, ErrorKind, Remedy, Result};
use serde_json::{Value, json};

use super::json_values::ids;
use crate::cli::args::ImportArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::location::database_path;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::screens::counted;
use crate::text::list;

/// Writes the migrations of a tool as phases, and adopts a database.
///
/// # Errors
/// [`ErrorKind::Chain`] and [`ErrorKind::PhaseFile`] for migrations that cannot be taken over;
/// [`ErrorKind::NotAdopted`] and [`ErrorKind::SchemaMismatch`] for a file that is not what its tool recorded.
pub fn run(context: &Context, arguments: &ImportArgs) -> Result<CommandOutput> {
    let tool = Tool::parse(&arguments.tool).ok_or_else(|| {
        let what = format!("{} is no tool that is known", escaped(&arguments.tool));
        Error::new(ErrorKind::Arguments, what)
    })?;
    let folder = context.folder.join(&arguments.folder);
    let target = context.settings.phases.clone();
    let scripts: Vec<PathBuf> =
        arguments.scripts.iter().map(|it| context.folder.join(it)).collect();
    let files = context.files();
    refuse_same(context, &folder, &target)?;
    let source = ImportSource { tool, folder: &folder, scripts: &scripts };
    let imported = read_migrations(files.as_ref(), &source, &target)?;
    refuse_present(context, &target)?;
    let apart = compared_with_schema(context, &imported)?;
    let found = match &arguments.adopt {
        Some(database) => Some(read_recorded(context, tool, &imported, database)?),
        None => None,
    };
    let is_dry_run = context.dry_run || arguments.dry_run.dry_run;
    let found_there = found.as_ref();
    let mut done = Done {
        context,
        tool,
        imported: &imported,
        apart,
        found: found_there,
        stamped: None,
        is_dry_run,
    };
    if done.is_dry_run {
        return Ok(done.answer());
    }
    write(context, &imported, &target)?;
    if let Some(found) = &found {
        let report = stamp(
            &found.project,
            &found.record.applied,
            Strictness::Compare,
            &mut Reporter::plain(context),
        );
        done.stamped = Some(report?);
    }
    Ok(done.answer())
}

/// The folder of the tool stays as it is.
fn refuse_same(context: &Context, folder: &Path, target: &Path) -> Result<()> {
    let files = context.files();
    if files.status(folder)?.is_none_or(|it| it.kind != FileKind::Folder) {
        let what = format!("{} is not a folder of migrations", context.shown(folder));
        return Err(Error::new(ErrorKind::Arguments, what));
    }
    let real = |path: &Path| files.canonical(path).unwrap_or_else(|_| path.to_path_buf());
    if real(folder) != real(target) {
        return Ok(());
    }
    let shown = context.shown(folder);
    let what = format!("{shown} is itself the folder of the phases: it can be read as it is");
    Err(Error::new(ErrorKind::Arguments, what))
}

/// The chain begins with what is imported.
fn refuse_present(context: &Context, target: &Path) -> Result<()> {
    let files = context.files();
    if !files.exists(target)? || Chain::read(files.as_ref(), target)?.is_empty() {
        return Ok(());
    }
    let what = format!("{} holds phases already", context.shown(target));
    Err(Error::new(ErrorKind::Chain, what).with_remedy(Remedy::NameNewFolder))
}

/// Lists how what the migrations make differs from the schema of the project, if it keeps one.
fn compared_with_schema(context: &Context, imported: &ImportedChain) -> Result<Vec<String>> {
    let project = context.project_of(imported.chain.clone());
    let all: Applied = imported.chain.phases().iter().map(|it| it.id.clone()).collect();
    let made = replay(&project, &all)?.schema()?;
    let files = context.files();
    let path = &context.settings.schema;
    if !files.exists(path)? {
        return Ok(Vec::new());
    }
    let desired = desired_schema(files.as_ref(), path)?;
    if desired.objects.is_empty() {
        return Ok(Vec::new());
    }
    Ok(differences(&desired, &project.own(&made), project.column_order()))
}

/// A database and what its tool recorded.
struct RecordedFile {
    project: Project,
    record: ToolRecord,
    notices: Vec<String>,
}

fn read_recorded(
    context: &Context,
    tool: Tool,
    imported: &ImportedChain,
    database: &str,
) -> Result<RecordedFile> {
    let path = database_path(database, &context.folder)?;
    let project = context.project_at(path, imported.chain.clone());
    let opened = project.open(Access::ReadOnly)?;
    let schema = phaseshift::schema::read(opened.connection())?;
    let record = recorded_by(tool, imported, opened.connection(), &schema)
        .map_err(|error| error.in_database(&project.database))?;
    let notices = fits(&project, &schema, &record)?;
    Ok(RecordedFile { project, record, notices })
}

/// Compares the file with what its recorded migrations make; returns the small differences.
fn fits(project: &Project, schema: &Schema, record: &ToolRecord) -> Result<Vec<String>> {
    let mut made = replay(project, &record.applied)?.schema()?;
    // The table that the tool records in is not the migrations'.
    let mut schema = schema.clone();
    for it in [&mut made, &mut schema] {
        it.objects.retain(|object| !same(&object.table, &record.table));
    }
    let adoption = compare_schemas(&made, &schema, project);
    if adoption.problems.is_empty() {
        return Ok(adoption.small());
    }
    let what = "the database does not have what its migrations make";
    Err(Error::new(ErrorKind::SchemaMismatch, what)
        .in_database(&project.database)
        .problems(adoption.problems))
}

/// Writes the files; what was written is taken away if one fails.
fn write(context: &Context, imported: &ImportedChain, target: &Path) -> Result<()> {
    let files = context.files();
    files.make_folder(target)?;
    let mut written: Vec<PathBuf> = Vec::new();
    for phase in &imported.phases {
        let path = target.join(&phase.file_name);
        if let Err(error) = files.create(&path, phase.text.as_bytes(), 0o644) {
            for path in &written {
                // The first failure is the one that is reported.
                let _ = files.remove(path);
            }
            return Err(file_error("create", &path, error));
        }
        written.push(path);
    }
    Ok(())
}

/// What was done, for the answer.
struct Done<'d> {
    context: &'d Context,
    tool: Tool,
    imported: &'d ImportedChain,
    apart: Vec<String>,
    found: Option<&'d RecordedFile>,
    stamped: Option<StampReport>,
    is_dry_run: bool,
}

impl Done<'_> {
    fn answer(&self) -> CommandOutput {
        CommandOutput::done(self.text(), self.json())
    }

    fn text(&self) -> String {
        let context = self.context;
        let (ok, warning) = (context.terminal.out.ok(), context.terminal.out.warning("Warning:"));
        let count = counted(self.imported.phases.len(), "migration", "migrations");
        let target = escaped(context.shown(&context.settings.phases));
        let mut text = if self.is_dry_run {
            format!("{ok} {count} of {} can be imported to {target}\n", self.tool)
        } else {
            format!("{ok} {count} of {} imported to {target}\n", self.tool)
        };
        for notice in &self.imported.notices {
            text.push_str(&format!("{warning} {}\n", escaped(notice)));
        }
        if !self.apart.is_empty() {
            let schema = escaped(context.shown(&context.settings.schema));
            let apart = counted(self.apart.len(), "difference", "differences");
            text.push_str(&format!("{warning} the migrations do not make {schema}: {apart}\n"));
            self.apart.iter().for_each(|it| text.push_str(&format!("  {}\n", escaped(it))));
        }
        if let Some(found) = self.found {
            text.push_str(&self.adopted(found));
        }
        if self.is_dry_run {
            text.push_str("Nothing was changed: this was a dry run.\n");
        }
        text
    }

    fn adopted(&self, found: &RecordedFile) -> String {
        let ok = self.context.terminal.out.ok();
        let count = found.record.applied.len();
        let applied = counted(count, "migration", "migrations");
        let table = escaped(&found.record.table);
        let mut text = format!("{ok} {table} records {applied}; the schema of the file fits\n");
        for notice in &found.notices {
            text.push_str(&format!("  {}\n", escaped(notice)));
        }
        if let Some(report) = &self.stamped {
            let current = match report.current.as_slice() {
                [] => "no phase".to_owned(),
                current => list(current),
            };
            text.push_str(&format!("{ok} Recorded up to {current}; {table} stays as it was\n"));
            if let Some(backup) = &report.backup {
                text.push_str(&format!("{ok} Backup: {}\n", escaped(backup.display())));
            }
        }
        text
    }

    fn json(&self) -> Value {
        let target = &self.context.settings.phases;
        let version = |it: &phaseshift::import::Imported| {
            self.imported.chain.get(&it.id).map(|phase| phase.version)
        };
        let phases = self.imported.phases.iter().map(|it| {
            json!({
                "id": it.id.as_str(),
                "file": target.join(&it.file_name),
                "version": version(it),
                "recorded_as": it.key,
            })
        });
        let adopted = self.found.map(|found| {
            let report = self.stamped.as_ref();
            json!({
                "database": found.project.database,
                "table": found.record.table,
                "ids": found.record.applied.ids().map(|it| it.as_str()).collect::<Vec<_>>(),
                "current": report.map(|it| ids(&it.current)),
                "notices": found.notices,
                "backup": report.and_then(|it| it.backup.clone()),
            })
        });
        json!({
            "tool": self.tool.to_string(),
            "phases": phases.collect::<Vec<_>>(),
            "notices": self.imported.notices,
            "schema_differences": self.apart,
            "adopted": adopted,
            "changed": self.stamped.as_ref().is_some_and(|it| it.backup.is_some()),
        })
    }
}
