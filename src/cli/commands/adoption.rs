//! Which phase a file looks like on which none is recorded.

use phaseshift::database::Access;
use phaseshift::migrate::{Project, Request, Strictness, compare_schemas, replay, stamp};
use phaseshift::phase::{Applied, Chain, PhaseId};
use phaseshift::plan::Direction;
use phaseshift::{Error, ErrorKind, Remedy, Result};

use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::progress::Reporter;
use crate::cli::prompt::confirm;

/// Adds the id of the phase that the file looks like to an error about a file without records.
pub fn name_the_phase(error: Error, project: &Project, request: &Request) -> Error {
    if error.kind() != ErrorKind::NotAdopted || request.direction == Direction::Down {
        return error;
    }
    // The advice is a courtesy: if it cannot be found out, the error stands without it.
    match likely_phase(project, request) {
        Ok(Some((id, Fit::Whole))) => error.choices([id.as_str()]).with_remedy(Remedy::RecordFit),
        Ok(Some((id, Fit::Guess))) => error.choices([id.as_str()]),
        Ok(None) | Err(_) => error,
    }
}

/// Asks whether the phase that the file looks like is to be recorded, and records it.
///
/// # Errors
/// The error itself if no phase is known to fit; [`ErrorKind::Declined`]; those of a stamp.
pub fn offer(context: &Context, project: &Project, error: Error) -> Result<()> {
    let id = error.facts().choices.last().and_then(|id| PhaseId::new(id));
    let Some(id) = id else { return Err(error) };
    context.say(&format!(
        "No phase is recorded in {}.\nIts tables are those of {id}, as far as they can be compared.\n\n",
        escaped(project.database.display())
    ));
    confirm(context, &format!("Type 'yes' to record {id} and go on:"))?;
    let wanted = up_to(&project.chain, &id);
    stamp(project, &wanted, Strictness::Compare, &mut Reporter::plain(context))?;
    context.say(&format!("{} Recorded: {id}\n\n", context.terminal.out.ok()));
    Ok(())
}

/// Whether the schema of the file is that of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It is, except for what a schema may leave open.
    Whole,
    /// No phase of the chain fits.
    Guess,
}

/// Finds the phase on the way to the target whose schema is nearest to that of the file; the last one of several. If none
/// fits, the phase before the target.
fn likely_phase(project: &Project, request: &Request) -> Result<Option<(PhaseId, Fit)>> {
    let way = project.chain.up_path(&Applied::nothing(), &request.target)?;
    let database = project.open(Access::ReadOnly)?;
    let schema = phaseshift::schema::read(database.connection())?;
    let mut nearest: Option<(usize, &PhaseId)> = None;
    for id in way.iter().rev() {
        let wanted = replay(project, &up_to(&project.chain, id))?.schema()?;
        let found = compare_schemas(&wanted, &schema, project);
        let apart = found.notices.len();
        if found.problems.is_empty() && nearest.is_none_or(|(fewest, _)| apart < fewest) {
            nearest = Some((apart, id));
        }
    }
    if let Some((_, id)) = nearest {
        return Ok(Some((id.clone(), Fit::Whole)));
    }
    let parent = way.last().and_then(|id| project.chain.get(id));
    let before = parent.and_then(|phase| phase.parents.first().cloned());
    Ok(before.map(|id| (id, Fit::Guess)))
}

fn up_to(chain: &Chain, id: &PhaseId) -> Applied {
    chain.ancestors(id).into_iter().chain([id.clone()]).collect()
}
