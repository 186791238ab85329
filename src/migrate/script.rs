//! The plan of a migration as an SQL script, version rows included.

use crate::error::{Error, ErrorKind, Result};
use crate::history::{Recorded, VersionTables, record_script};
use crate::phase::TargetRange;
use crate::plan::{self, Direction, PhasePlan, Plan, Stage};
use crate::schema::Schema;

use super::look::plan_path;
use super::project::Project;
use super::recording::{Circumstances, events};
use super::stamp::replay;
use super::state::{Known, Migration};

/// Prints the plan as a script that the `sqlite3` program runs, from version 3.40 on.
///
/// # Errors
/// [`ErrorKind::MissingPart`] naming a table that the script would have to rebuild with something that is missing.
pub fn script<S>(migration: &Migration<S>) -> Result<String> {
    script_of(migration.plan(), &migration.project().versions)
}

/// Prints the script that leads a file from one place of the chain to another, without a file: it
/// begins with the schema that the chain makes from nothing up to the first place.
///
/// What a way down loses is lost by the script; nobody can be asked.
///
/// # Errors
/// As [`Chain::up_range`](crate::phase::Chain::up_range) and
/// [`Chain::down_range`](crate::phase::Chain::down_range);
/// [`ErrorKind::Step`](crate::ErrorKind::Step) naming the phase that does not run;
/// [`ErrorKind::Irreversible`](crate::ErrorKind::Irreversible) naming the one without a way back.
pub fn script_range(
    project: &Project,
    range: &TargetRange,
    direction: Direction,
) -> Result<String> {
    let path = match direction {
        Direction::Up => project.chain.up_range(range)?,
        Direction::Down => project.chain.down_range(range)?,
    };
    let applied = project.chain.applied_at(&range.from)?;
    let schema = replay(project, &applied)?.schema()?;
    let known = Known { schema, recorded: Recorded::default(), applied };
    let plan = plan_path(project, &known, &path, direction)?;
    script_of(&plan, &project.versions)
}

fn script_of(plan: &Plan, versions: &VersionTables) -> Result<String> {
    refuse_rebuilds_without_parts(plan)?;
    Ok(plan::script(plan, &|phase: &PhasePlan| {
        // A script may meet a file that has the version tables, or lacks them, whatever was planned.
        let mut statements: Vec<String> = versions
            .missing_from(&Schema::default())
            .iter()
            .map(|sql| sql.replacen("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1))
            .collect();
        for event in events(phase, versions, &Circumstances::default()) {
            statements.extend(record_script(versions, &event));
        }
        statements
    }))
}

/// A script rebuilds every table, also those that a run leaves in place because a part is missing.
fn refuse_rebuilds_without_parts(plan: &Plan) -> Result<()> {
    let stages = plan.phases.iter().flat_map(|phase| &phase.stages);
    let rebuilds = stages.filter_map(|stage| match stage {
        Stage::Reshape(reshape) => Some(&reshape.rebuilds),
        Stage::Data(_) => None,
    });
    for rebuild in rebuilds.flatten() {
        if let Some(part) = &rebuild.lacks {
            let what =
                format!("the script would have to rebuild {}, which needs {part}", rebuild.to);
            return Err(Error::new(ErrorKind::MissingPart, what).about(&rebuild.to));
        }
    }
    Ok(())
}
