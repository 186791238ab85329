//! `heads`, `bases` and `branches`: places of the chain.

use phaseshift::Result;
use phaseshift::phase::{Chain, PhaseId};
use serde_json::json;

use super::history::no_phases;
use super::json_values::ids;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::screens::chain::{Seen, branch, details, marked};

/// Lists the phases on which no other stands.
pub fn heads(context: &Context) -> Result<CommandOutput> {
    listed(context, Chain::heads)
}

/// Lists the phases without parents.
pub fn bases(context: &Context) -> Result<CommandOutput> {
    listed(context, Chain::bases)
}

/// Lists the phases on which several stand, each with those below it.
pub fn branches(context: &Context) -> Result<CommandOutput> {
    let chain = context.chain()?;
    let found = chain.branches();
    let mut text = String::new();
    for phase in found.iter().filter_map(|id| chain.get(id)) {
        if context.verbose {
            text.push_str(&details(&chain, phase, &Seen::default()));
        }
        text.push_str(&branch(&chain, phase));
        text.push('\n');
    }
    Ok(CommandOutput::done(text, json!({"ids": ids(&found)})))
}

fn listed(context: &Context, choose: fn(&Chain) -> Vec<PhaseId>) -> Result<CommandOutput> {
    let chain = context.chain()?;
    if chain.is_empty() {
        context.remark(&no_phases(context));
    }
    let found = choose(&chain);
    let text = found
        .iter()
        .filter_map(|id| chain.get(id))
        .map(|phase| match context.verbose {
            true => format!("{}\n", details(&chain, phase, &Seen::default())),
            false => format!("{}\n", marked(&chain, &phase.id, &[])),
        })
        .collect::<String>();
    Ok(CommandOutput::done(text, json!({"ids": ids(&found)})))
}
