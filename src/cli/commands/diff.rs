//! `diff`: how the schema of a file, of the phases, and the desired one differ.

use phaseshift::inspect::{SchemaSource, diff};
use phaseshift::phase::{Chain, Target};
use phaseshift::{ErrorKind, Result};
use serde_json::json;

use crate::cli::args::DiffArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::counted;

/// Lists the differences; the answer is no if there is one.
///
/// # Errors
/// As [`diff`].
pub fn run(context: &Context, arguments: &DiffArgs) -> Result<CommandOutput> {
    let chain = chain(context)?;
    let has_file = context.settings.database.is_some();
    let default = if has_file { ("database", "applied") } else { ("head", "schema") };
    let from = source(context, arguments.from.as_deref().unwrap_or(default.0))?;
    let to = source(context, arguments.to.as_deref().unwrap_or(default.1))?;
    let needs_file =
        [&from, &to].iter().any(|it| matches!(it, SchemaSource::Database | SchemaSource::Applied));
    let database = match needs_file {
        true => context.settings.need_database()?.to_path_buf(),
        // The path is never opened.
        false => context.folder.join("unused.db"),
    };
    let project = context.project_at(database, chain);
    let found = diff(&project, &from, &to)?;
    let style = context.terminal.out;
    let (left, right) = (in_words(context, &from), in_words(context, &to));
    let mut text: String =
        found.iter().map(|line| format!("{} {}\n", style.no(), escaped(line))).collect();
    let (one, other) = (escaped(&left), escaped(&right));
    text.push_str(&match found.len() {
        0 => format!("{} {one} has the schema of {other}.\n", style.ok()),
        count => {
            let count = counted(count, "difference", "differences");
            format!("{count}: {one}, compared with {other}.\n")
        }
    });
    let report =
        json!({"from": left, "to": right, "equal": found.is_empty(), "differences": found});
    Ok(CommandOutput::done(text, report).is(found.is_empty()))
}

/// Reads the phases; where their folder is missing there are none.
fn chain(context: &Context) -> Result<Chain> {
    let there = context.files().stat(&context.settings.phases).is_ok_and(|stat| stat.is_some());
    if there { context.chain() } else { Chain::build(Vec::new()) }
}

fn source(context: &Context, text: &str) -> Result<SchemaSource> {
    Ok(match text {
        "database" => SchemaSource::Database,
        "applied" => SchemaSource::Applied,
        "schema" => SchemaSource::Desired(context.settings.schema.clone()),
        path if path.ends_with(".sql") || path.contains('/') => {
            SchemaSource::Desired(context.folder.join(path))
        }
        target => SchemaSource::Phases(Target::parse(target).map_err(|error| {
            let what = format!(
                "{error}: a place is database, applied, schema, a target, or a file of SQL"
            );
            phaseshift::Error::new(ErrorKind::Arguments, what)
        })?),
    })
}

fn in_words(context: &Context, source: &SchemaSource) -> String {
    match source {
        SchemaSource::Database => match &context.settings.database {
            Some(path) => context.shown(path),
            None => "the database".to_owned(),
        },
        SchemaSource::Applied => "the applied phases".to_owned(),
        SchemaSource::Phases(target) => format!("the phases up to {target}"),
        SchemaSource::Desired(path) => context.shown(path),
    }
}
