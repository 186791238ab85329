//! `audit`: every object of a database, and the schema as a script.

use std::path::Path;

use phaseshift::Result;
use phaseshift::database::Access;
use phaseshift::inspect::{audit, schema_script};
use phaseshift::migrate::Project;
use phaseshift::phase::Chain;
use phaseshift::schema::read;
use serde_json::json;

use super::written::write_text;
use crate::cli::args::AuditArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::audit as screen;

/// Lists the objects of a database, or writes its schema as SQL. The database is only read.
pub fn run(context: &Context, arguments: &AuditArgs) -> Result<CommandOutput> {
    let path = context.settings.need_database()?.to_path_buf();
    if arguments.schema {
        let project = context.project_at(path, Chain::default());
        return schema(context, &project, arguments.output.as_deref());
    }
    let project = context.project_at(path, context.chain_if_there()?);
    let found = audit(&project)?;
    let shown = context.shown(&project.database);
    let text = screen::text(&shown, &found);
    Ok(CommandOutput::done(text, screen::document(&project.database, &found)))
}

fn schema(context: &Context, project: &Project, output: Option<&Path>) -> Result<CommandOutput> {
    let database = project.open(Access::ReadOnly)?;
    let script = schema_script(&project.own(&read(database.connection())?))?;
    database.close()?;
    let Some(output) = output else {
        let report = json!({"database": project.database, "sql": script});
        return Ok(CommandOutput::done(script, report).for_programs());
    };
    let path = context.folder.join(output);
    write_text(context.files().as_ref(), &path, &script)?;
    let text = format!("Wrote {}\n", escaped(context.shown(&path)));
    Ok(CommandOutput::done(
        text,
        json!({"database": project.database, "file": path, "sql": script}),
    ))
}
