//! `audit`: every object of a database, and the schema as a script.

use std::path::{Path, PathBuf};

use phaseshift::database::Access;
use phaseshift::error::file_error;
use phaseshift::files::{Files, Stat, is_database};
use phaseshift::inspect::{audit, schema_script};
use phaseshift::migrate::Project;
use phaseshift::phase::Chain;
use phaseshift::schema::read;
use phaseshift::{Error, ErrorKind, Result};
use serde_json::json;

use crate::cli::args::AuditArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::audit as screen;

/// Lists the objects of a database, or writes its schema as SQL. The database is only read.
///
/// # Errors
/// Those of opening the file and reading the phases; as [`audit`]; [`ErrorKind::Arguments`] for an output that is a
/// database.
pub fn run(context: &Context, arguments: &AuditArgs) -> Result<CommandOutput> {
    let path = context.settings.need_database()?.to_path_buf();
    if arguments.schema {
        let project = context.project_at(path, Chain::build(Vec::new())?);
        return schema(context, &project, arguments.output.as_deref());
    }
    let phases = context.files().stat(&context.settings.phases);
    let has_phases = phases.is_ok_and(|stat| stat.is_some());
    let chain = if has_phases { context.chain()? } else { Chain::build(Vec::new())? };
    let project = context.project_at(path, chain);
    let found = audit(&project)?;
    let shown = context.shown(&project.database);
    let text = screen::text(&shown, &found);
    Ok(CommandOutput::done(text, screen::document(&project.database, &found)))
}

fn schema(context: &Context, project: &Project, output: Option<&Path>) -> Result<CommandOutput> {
    let database = project.open(Access::Look)?;
    let script = schema_script(&project.own(&read(database.connection())?))?;
    database.close()?;
    let Some(output) = output else {
        let report = json!({"database": project.database, "sql": script});
        return Ok(CommandOutput::done(script, report).for_programs());
    };
    let path = context.folder.join(output);
    write(context.files().as_ref(), &path, &script)?;
    let text = format!("Wrote {}\n", escaped(context.shown(&path)));
    Ok(CommandOutput::done(
        text,
        json!({"database": project.database, "file": path, "sql": script}),
    ))
}

/// Writes a file beside the one of the name, and renames it.
fn write(files: &dyn Files, path: &Path, text: &str) -> Result<()> {
    let failed = |action| move |error| file_error(action, path, error);
    let present = files.stat(path).map_err(failed("look at"))?;
    if present.is_some() && is_database(files, path).map_err(failed("read"))? {
        let what = format!("{} is a database and is not overwritten", path.display());
        return Err(Error::new(ErrorKind::Arguments, what));
    }
    let mode = present.as_ref().map_or(0o644, |stat: &Stat| stat.mode & 0o777);
    let part = part_of(path);
    files
        .create(&part, text.as_bytes(), mode)
        .map_err(|error| file_error("create", &part, error))?;
    let renamed = files.sync_file(&part).and_then(|()| files.rename_over(&part, path));
    if renamed.is_err() {
        // The failure to write is what is reported.
        let _ = files.remove(&part);
    }
    renamed.map_err(failed("write"))
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}
