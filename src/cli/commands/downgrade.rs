//! `downgrade`: undoing phases; rows written since stay.

use phaseshift::Result;
use phaseshift::plan::Direction;

use super::look::request;
use super::migrate::unguided;
use crate::cli::answer::Answer;
use crate::cli::args::Goal;
use crate::cli::context::Context;

/// Undoes phases without asking.
///
/// # Errors
/// Those of a look and a run.
pub fn run(context: &Context, goal: &Goal) -> Result<Answer> {
    let project = context.project()?;
    let request = request(Direction::Down, goal.target.as_deref(), "-1")?;
    unguided(context, &project, &request, context.dry_run || goal.dry_run.dry_run)
}
