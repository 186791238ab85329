//! `extract-undo`: the recorded undo of a file as a script for the sqlite3 program.

use phaseshift::Result;
use phaseshift::database::Access;
use phaseshift::migrate::{Migration, Outline, Request, script_for_state};
use phaseshift::plan::Direction;
use serde_json::json;

use super::plan::planned;
use super::prepare::{loss_policy, request};
use super::report;
use crate::cli::args::ExtractUndoArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;

/// Prints the script that undoes applied phases, from what the file's history keeps of them. No phase file is needed;
/// those of the folder are used for phases that the history keeps nothing of.
pub fn run(context: &Context, arguments: &ExtractUndoArgs) -> Result<CommandOutput> {
    let database = context.settings.need_database()?.to_path_buf();
    let project = match context.chain_if_there() {
        Ok(chain) => {
            let project = context.project_at(database, chain);
            project.as_applied(&project.open(Access::ReadOnly)?)?
        }
        Err(unread) => {
            let Some(project) = context.applied_only(&unread) else { return Err(unread) };
            context.remark(&format!("Note: {unread}; the script comes from the file's history"));
            project
        }
    };
    let request = Request {
        losses: loss_policy(arguments.accept_loss),
        ..request(Direction::Down, arguments.target.as_deref(), "-1")?
    };
    let mut answer = match Migration::outline_for_script(&project, &request)? {
        Outline::UpToDate(found) => report::nothing_to_script(context, &project, &found),
        Outline::Planned(migration) => {
            let (from, to) = migration.versions();
            let mut answer = planned(context, &migration, "");
            let script = script_for_state(&migration)?;
            // The program stops at the first error, and its end rolls the transaction back.
            answer.text = format!(
                "-- Undoes what a file records, {}.\n.bail on\n{script}",
                report::way(from, to)
            );
            answer.for_programs()
        }
    };
    answer.report.insert("sql".to_owned(), json!(answer.text));
    Ok(answer)
}
