//! The plan of a migration as an SQL script, version rows included.

use std::collections::BTreeSet;
use std::path::Path;

use crate::autogenerate::{Answers, Draft, Drafted, DropPolicy, draft, draft_text};
use crate::error::{Error, ErrorKind, Result};
use crate::history::{Recorded, VersionTables, record_script};
use crate::name::fold;
use crate::phase::{Applied, Chain, PhaseFile, TargetRange};
use crate::plan::{
    self, Direction, ExpectedState, PhasePlan, Plan, ScriptFacts, Stage, find_losses, origin_of,
};
use crate::schema::Schema;
use crate::shadow::Shadow;

use super::file_state::FileState;
use super::prepare::plan_path;
use super::project::Project;
use super::recording::{RunContext, events};
use super::stamp::replay;
use super::state::Migration;

/// Prints the plan as a script that the `sqlite3` program runs, from version 3.40 on.
///
/// # Errors
/// [`ErrorKind::MissingExtension`] naming a table that the script would have to rebuild with something that is missing.
pub fn script<S>(migration: &Migration<S>) -> Result<String> {
    script_of(migration.plan(), &migration.project().versions, None)
}

/// Prints the plan as a script that refuses a file in any other state than the one that was planned for. Rows may
/// change until it runs.
pub fn script_for_state<S>(migration: &Migration<S>) -> Result<String> {
    let (known, tables) = (migration.known(), &migration.project().versions);
    let expected = ExpectedState { tables, recorded: &known.recorded, schema: &known.schema };
    script_of(migration.plan(), tables, Some(expected))
}

/// Prints the script that leads a file from one place of the chain to another, without a file: it
/// begins with the schema that the chain makes from nothing up to the first place.
///
/// Rows are unknown, so the script carries the checks; what a way down loses is lost by the script, which says so.
///
/// # Errors
/// As [`Chain::up_range`](crate::phase::Chain::up_range) and
/// [`Chain::down_range`](crate::phase::Chain::down_range);
/// [`ErrorKind::Step`] naming the phase that does not run;
/// [`ErrorKind::Irreversible`] naming the one without a downgrade.
pub fn script_range(
    project: &Project,
    range: &TargetRange,
    direction: Direction,
) -> Result<String> {
    script_of(&plan_range(project, range, direction)?, &project.versions, None)
}

/// Plans the way from one place of the chain to another, without a file.
pub fn plan_range(project: &Project, range: &TargetRange, direction: Direction) -> Result<Plan> {
    let path = match direction {
        Direction::Up => project.chain.up_range(range)?,
        Direction::Down => project.chain.down_range(range)?,
    };
    let applied = project.chain.applied_at(&range.from)?;
    let schema = replay(project, &applied)?.schema()?;
    let known = FileState { schema, recorded: Recorded::default(), applied, newer: None };
    let mut plan = plan_path(project, &known, &path, direction)?;
    find_losses(&mut plan);
    Ok(plan)
}

/// Prints the script that gives a file with one schema the other one. No phase is recorded.
///
/// Nothing is taken for renamed: what the other schema does not have is dropped with its rows, which the header says.
///
/// # Errors
/// Those of a draft: [`ErrorKind::Unsupported`] if no steps lead there; those of a plan.
pub fn script_between(
    project: &Project,
    (have, want): (&Schema, &Schema),
    purpose: &str,
) -> Result<String> {
    let draft = draft_without_renames(have, want)?;
    let text = format!("id = \"diff\"\nversion = 1\nparents = []\n{}", draft_text(&draft));
    let files = project.options.files.as_ref();
    let file = PhaseFile::parse(files, Path::new("diff.toml"), &text)?;
    let id = file.phase.id.clone();
    let project = Project { chain: Chain::build(vec![file.phase])?, ..project.clone() };
    let (applied, recorded) = (Applied::nothing(), Recorded::default());
    let known = FileState { schema: have.clone(), recorded, applied, newer: None };
    let mut plan = plan_path(&project, &known, &[id], Direction::Up)?;
    find_losses(&mut plan);
    refuse_rebuilds_without_parts(&plan)?;
    let keys = checked_keys(&plan)?;
    Ok(plan::script(&plan, &ScriptFacts { record: None, purpose, keys, expected: None }))
}

/// Drafts the steps with everything that may have been renamed taken for dropped and added.
fn draft_without_renames(have: &Schema, want: &Schema) -> Result<Draft> {
    let mut answers = Answers { policy: DropPolicy::Allow, ..Answers::default() };
    // Each answer may raise one more question: of the columns of a table that is none of the others.
    for _ in 0..=want.objects.len() + have.objects.len() {
        match draft(have, want, &answers)? {
            Drafted::Ready(draft) => return Ok(draft),
            Drafted::Open(points) => {
                answers.drops.extend(points.drops.into_iter().map(|it| it.subject));
                for question in points.questions {
                    answers.fresh.push(question.new);
                    answers.drops.extend(question.candidates);
                }
            }
        }
    }
    Err(Error::new(ErrorKind::Unsupported, "no steps lead from one schema to the other"))
}

fn script_of(
    plan: &Plan,
    versions: &VersionTables,
    expected: Option<ExpectedState<'_>>,
) -> Result<String> {
    refuse_rebuilds_without_parts(plan)?;
    let record = |phase: &PhasePlan| {
        // A script may meet a file that has the version tables, or lacks them, whatever was planned.
        let mut statements: Vec<String> = versions
            .missing_from(&Schema::default())
            .iter()
            .map(|sql| sql.replacen("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1))
            .collect();
        for event in events(phase, versions, &RunContext::default()) {
            statements.extend(record_script(versions, &event));
        }
        statements
    };
    let keys = checked_keys(plan)?;
    Ok(plan::script(plan, &ScriptFacts { record: Some(&record), purpose: "", keys, expected }))
}

/// The tables with foreign keys that SQLite can check before and after a plan: their names after it, and before it
/// unless they are new.
fn checked_keys(plan: &Plan) -> Result<Vec<(String, Option<String>)>> {
    let ends = plan.phases.first().zip(plan.target());
    let Some((before, after)) = ends.map(|(first, target)| (&first.before, target)) else {
        return Ok(Vec::new());
    };
    let (loose_before, loose_after) = (dangling_keys(before)?, dangling_keys(after)?);
    let stages: Vec<&Stage> = plan.stages().collect();
    let children = after.tables.values().filter(|it| !it.foreign_keys.is_empty());
    let sound = children.filter(|it| !loose_after.contains(&fold(&it.name)));
    let named = sound.map(|it| (it.name.clone(), origin_of(&stages, &it.name)));
    Ok(named
        .filter(|(_, origin)| !origin.as_ref().is_some_and(|it| loose_before.contains(&fold(it))))
        .collect())
}

fn dangling_keys(schema: &Schema) -> Result<BTreeSet<String>> {
    let loose = Shadow::of(schema)?.loose_foreign_keys()?;
    Ok(loose.into_iter().map(|(table, _)| fold(&table)).collect())
}

/// A script rebuilds every table, also those that a run leaves in place because a part is missing.
fn refuse_rebuilds_without_parts(plan: &Plan) -> Result<()> {
    let stages = plan.phases.iter().flat_map(|phase| &phase.stages);
    let rebuilds = stages.filter_map(|stage| match stage {
        Stage::SchemaChange(schema_change) => Some(&schema_change.rebuilds),
        Stage::Data(_) => None,
    });
    for rebuild in rebuilds.flatten() {
        if let Some(part) = &rebuild.lacks {
            let what =
                format!("the script would have to rebuild {}, which needs {part}", rebuild.to);
            return Err(Error::new(ErrorKind::MissingExtension, what).about(&rebuild.to));
        }
    }
    Ok(())
}
