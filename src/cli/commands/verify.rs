//! `verify`: the checks of a file, one line each.

use phaseshift::Result;
use phaseshift::database::Depth;
use phaseshift::inspect::verify;
use serde_json::json;

use super::current::expectation;
use crate::cli::args::VerifyArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::screens::status::checks;

/// Verifies a file.
///
/// # Errors
/// Those of opening the files; a check that cannot run is an error, not a pass.
pub fn run(context: &Context, arguments: &VerifyArgs) -> Result<CommandOutput> {
    let project = context.project()?;
    let expectation =
        arguments.expect.as_deref().map(|text| expectation(&project.chain, text)).transpose()?;
    let depth = if arguments.quick { Depth::Quick } else { Depth::Full };
    let against = arguments.against.as_ref().map(|path| context.folder.join(path));
    let found = verify(&project, expectation.as_ref(), against.as_deref(), depth)?;
    let yes = found.iter().all(|check| check.ok);
    let text = checks(&found, context.terminal.out);
    let report = json!({"database": project.database, "checks": found});
    Ok(CommandOutput::done(text, report).is(yes))
}
