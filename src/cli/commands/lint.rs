//! `lint`: what is dangerous in phases, before anything runs.

use phaseshift::database::Access;
use phaseshift::inspect::{
    Finding, LintInput, LintPolicy, Linted, acknowledge, count_rows_of, lint,
};
use phaseshift::migrate::{FileState, plan_phases, replay};
use phaseshift::name::same;
use phaseshift::phase::{Chain, Operation, PhaseId, Target};
use phaseshift::plan::{PhasePlan, RebuildReason};
use phaseshift::schema::Schema;
use phaseshift::{ErrorKind, Result};
use serde_json::json;

use super::json_values::ids;
use crate::cli::args::{LintArgs, LintFormat};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::screens::{lint as screen, reason};

/// Lists what is dangerous in the phases that are named, in those that are pending where there is a
/// database, or in all; the answer is no if anything is.
pub fn run(context: &Context, arguments: &LintArgs) -> Result<CommandOutput> {
    let chain = context.chain()?;
    let policy = if arguments.additive { LintPolicy::Additive } else { LintPolicy::Danger };
    let path = context.settings.database.clone();
    let there = path.as_ref().is_some_and(|path| {
        context.settings.database_demanded
            || context.files().stat(path).is_ok_and(|stat| stat.is_some())
    });
    let path = path.filter(|_| there);
    let project = match &path {
        Some(path) => context.project_at(path.clone(), chain),
        None => context.project_of(chain),
    };
    let database = path.map(|_| project.open(Access::ReadOnly)).transpose()?;
    let known = database.as_ref().map(|database| project.know_newer(database)).transpose()?;
    let (project, known) = match known {
        Some((extended, known)) => (extended, Some(known)),
        None => (project, None),
    };
    let wanted = wanted(&project.chain, arguments, known.as_ref())?;
    let all_ids: Vec<PhaseId> = project.chain.phases().iter().map(|it| it.id.clone()).collect();
    let all = all_ids.iter().cloned().collect();
    let schema = match replay(&project, &all) {
        Ok(shadow) => shadow.schema()?,
        // `check` tells why; what later phases make is not seen then.
        Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Sqlite) => {
            return Err(error);
        }
        Err(_) => Schema::default(),
    };
    let (plans, stopped) = match &known {
        Some(known) if arguments.named.is_empty() => {
            plan_phases(&project, Some(&known.schema), &wanted)?
        }
        Some(_) | None => plan_phases(&project, None, &all_ids)?,
    };
    if let Some(error) = &stopped
        && wanted.iter().any(|id| plans.iter().all(|plan| plan.id != *id))
    {
        let id = error.facts().phase.as_deref().unwrap_or_default();
        let what = format!("{id} does not run, so that only the steps themselves were checked");
        context.remark(&format!("Note: {what}: {error}"));
    }
    let mut found = lint(&LintInput {
        chain: &project.chain,
        wanted: &wanted,
        plans: &plans,
        stopped: stopped.as_ref(),
        schema: &schema,
        policy,
    })?;
    let planned = plans.iter().filter(|plan| wanted.contains(&plan.id));
    found.extend(planned.flat_map(|plan| of_definitions(plan, &project.chain)));
    if let (Some(database), Some(known)) = (&database, &known) {
        count_rows_of(&mut found, database.connection(), &known.schema)?;
    }
    let linted = acknowledge(&project.chain, &wanted, found);
    Ok(answer(context, arguments.format, &wanted, &linted))
}

fn wanted(chain: &Chain, arguments: &LintArgs, known: Option<&FileState>) -> Result<Vec<PhaseId>> {
    let mut wanted: Vec<PhaseId> = Vec::new();
    for text in &arguments.named {
        wanted.extend(chain.current(&chain.applied_at(&Target::parse(text)?)?));
    }
    if arguments.named.is_empty() {
        wanted = match known {
            Some(known) => chain.all_pending(&known.applied),
            None => chain.phases().iter().map(|phase| phase.id.clone()).collect(),
        };
    }
    Ok(wanted)
}

/// What a new definition of a table does without a step that says so: rules that it leaves out, and columns that
/// become generated.
fn of_definitions(plan: &PhasePlan, chain: &Chain) -> Vec<Finding> {
    let Some(phase) = chain.get(&plan.id) else { return Vec::new() };
    let finding = |code, line, table: &str, message| {
        Finding::new(phase, code, line, message).about(Some(table))
    };
    let rebuilt = |tables: [&str; 2]| {
        phase.up.iter().find_map(|step| match &step.operation {
            Operation::Rebuild { table, .. } if tables.iter().any(|it| same(it, table)) => {
                Some(step.line)
            }
            _ => None,
        })
    };
    let mut found = Vec::new();
    for lost in plan.lost_rules() {
        // A step that drops a rule by name needs no warning.
        if let Some(line) = lost.line.or_else(|| rebuilt([&lost.table, &lost.table])) {
            let message = reason::lost_rules([&lost]).concat();
            found.push(finding("lost-rule", line, &lost.table, message));
        }
    }
    for rebuild in plan.rebuilds() {
        for why in &rebuild.reasons {
            if let RebuildReason::BecomesGenerated { column } = why {
                let line = rebuilt([&rebuild.from, &rebuild.to]).unwrap_or(1);
                let message = format!(
                    "{}.{column} becomes generated, which replaces its stored values",
                    rebuild.to
                );
                found.push(finding("becomes-generated", line, &rebuild.from, message));
            }
        }
    }
    found
}

fn answer(
    context: &Context,
    format: LintFormat,
    wanted: &[PhaseId],
    linted: &Linted,
) -> CommandOutput {
    let shown = |finding: &Finding| context.shown(&finding.file);
    let report = json!({
        "phases": ids(wanted),
        "findings": linted.findings,
        "allowed": linted.allowed,
    });
    let output = match format {
        LintFormat::Text | LintFormat::Json => {
            let text = screen::text(linted, wanted.len(), &shown, context.terminal.out);
            CommandOutput::done(text, report)
        }
        LintFormat::Sarif => {
            CommandOutput::done(screen::sarif(linted, &shown), report).for_programs()
        }
        LintFormat::Github => {
            CommandOutput::done(screen::github(linted, &shown), report).for_programs()
        }
    };
    output.is(linted.findings.is_empty())
}
