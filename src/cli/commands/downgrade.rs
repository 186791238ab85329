//! `downgrade`: undoing phases; rows written since stay.

use phaseshift::Result;
use phaseshift::plan::Direction;

use super::migrate::unguided;
use super::plan;
use super::prepare::{loss_policy, request_of, with_strategy};
use crate::cli::args::DowngradeArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;

pub fn run(context: &Context, arguments: &DowngradeArgs) -> Result<CommandOutput> {
    let goal = &arguments.goal;
    if arguments.sql {
        let losses = loss_policy(goal.accept_loss);
        return plan::sql(context, goal.place.target(), (Direction::Down, losses));
    }
    let project = with_strategy(context.project_as_recorded()?, goal.in_place);
    let request = request_of(Direction::Down, goal)?;
    unguided(context, &project, &request, context.dry_run || goal.dry_run.dry_run)
}
