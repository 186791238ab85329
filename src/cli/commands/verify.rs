//! `verify`: the checks of a file, one line each.

use phaseshift::Result;
use phaseshift::database::Depth;
use phaseshift::inspect::verify;
use serde_json::json;

use super::backups::BackupPlace;
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
    let named = arguments.against.as_deref();
    let against = named.map(|text| BackupPlace::of(context)?.find(context, text)).transpose()?;
    let against = against.as_ref().map(|entry| entry.path.as_path());
    let found = verify(&project, expectation.as_ref(), against, depth)?;
    let yes = found.iter().all(|check| check.ok);
    let text = checks(&found, context.terminal.out);
    let report = json!({"database": project.database, "checks": found});
    let noted = found.iter().filter(|check| check.notes > 0).count();
    Ok(CommandOutput::done(text, report).is(yes).noting(noted))
}
