//! The plan of a migration as an SQL script, version rows included.

use crate::error::Result;
use crate::history::{Recorded, VersionTables, record_script};
use crate::phase::TargetRange;
use crate::plan::{self, Direction, PhasePlan, Plan};
use crate::schema::Schema;

use super::look::plan_path;
use super::project::Project;
use super::recording::{Circumstances, events};
use super::stamp::replay;
use super::state::{Known, Migration};

/// Prints the plan as a script that the `sqlite3` program runs, from version 3.40 on.
pub fn script<S>(migration: &Migration<S>) -> String {
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
    Ok(script_of(&plan, &project.versions))
}

fn script_of(plan: &Plan, versions: &VersionTables) -> String {
    plan::script(plan, &|phase: &PhasePlan| {
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
    })
}
