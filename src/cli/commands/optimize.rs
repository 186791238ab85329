//! `optimize`: giving free pages back, with a backup first.

use std::time::Instant;

use phaseshift::Result;
use phaseshift::vacuum::{Statistics, VacuumRequest, measure, vacuum};

use super::backups::BackupPlace;
use crate::cli::args::OptimizeArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::progress::Reporter;
use crate::cli::screens::backups::retained;
use crate::cli::screens::optimize as screen;

/// Gives free pages back.
pub fn run(context: &Context, arguments: &OptimizeArgs) -> Result<CommandOutput> {
    let place = BackupPlace::of(context)?;
    let statistics = if arguments.analyze { Statistics::Analyze } else { Statistics::Keep };
    if context.dry_run || arguments.dry_run.dry_run {
        let size = measure(place.database(), &context.open_options())?;
        let text = screen::planned(place.database(), &size, statistics);
        return Ok(CommandOutput::done(text, screen::planned_json(place.database(), &size)));
    }
    let request = VacuumRequest {
        database: place.database(),
        folder: place.folder(),
        version_table: &context.settings.version_table,
        statistics,
    };
    let started = Instant::now();
    let report = vacuum(&request, &context.open_options(), &mut Reporter::plain(context))?;
    let seconds = started.elapsed().as_secs_f64();
    let pruned = report.backup.as_deref().map(|backup| place.retain(Some(backup)));
    let text = screen::done(&report, context.terminal.out)
        + &pruned.as_ref().map_or_else(String::new, retained);
    Ok(CommandOutput::done(text, screen::report_json(&report, seconds)))
}
