//! `lint`: what is dangerous in phases, before anything runs.

use phaseshift::database::Access;
use phaseshift::inspect::{Finding, LintPolicy, count_rows_of, lint, lint_data_steps};
use phaseshift::migrate::{plan_phases, replay};
use phaseshift::name::same;
use phaseshift::phase::{Chain, Operation, PhaseId, Target};
use phaseshift::plan::{PhasePlan, RebuildReason};
use phaseshift::schema::Schema;
use phaseshift::{ErrorKind, Result};
use serde_json::json;

use super::json_values::ids;
use crate::cli::args::LintArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::{counted, reason};

/// Lists what is dangerous in the phases that are named, in those that are pending where there is a
/// database, or in all; the answer is no if anything is.
///
/// # Errors
/// As [`phaseshift::phase::Chain::read`]; those of opening the database.
pub fn run(context: &Context, arguments: &LintArgs) -> Result<CommandOutput> {
    let chain = context.chain()?;
    let policy = if arguments.additive { LintPolicy::Additive } else { LintPolicy::Danger };
    // Without a database to count in, the path is never opened.
    let path = context.settings.database.clone();
    let there = path.as_ref().is_some_and(|path| {
        context.settings.database_demanded
            || context.files().stat(path).is_ok_and(|stat| stat.is_some())
    });
    let path = path.filter(|_| there);
    let project =
        context.project_at(path.clone().unwrap_or_else(|| context.folder.join("unused.db")), chain);
    let database = path.map(|_| project.open(Access::Look)).transpose()?;
    let known = database.as_ref().map(|database| project.know(database)).transpose()?;
    let mut wanted: Vec<PhaseId> = Vec::new();
    for text in &arguments.named {
        let target = Target::parse(text)?;
        wanted.extend(project.chain.current(&project.chain.applied_at(&target)?));
    }
    if arguments.named.is_empty() {
        wanted = match &known {
            Some(known) => project.chain.all_pending(&known.applied),
            None => project.chain.phases().iter().map(|phase| phase.id.clone()).collect(),
        };
    }
    let all_ids: Vec<PhaseId> = project.chain.phases().iter().map(|it| it.id.clone()).collect();
    let all = all_ids.iter().cloned().collect();
    let schema = match replay(&project, &all) {
        Ok(shadow) => shadow.schema()?,
        // `check` tells why; only duplicates of indexes are not seen then.
        Err(error) if error.kind() == ErrorKind::Step => Schema::default(),
        Err(error) => return Err(error),
    };
    let mut found = lint(&project.chain, &wanted, &schema, policy);
    let planned = match &known {
        Some(known) => plan_phases(&project, Some(&known.schema), &wanted)?,
        None => plan_phases(&project, None, &all_ids)?,
    };
    let planned = planned.iter().filter(|plan| wanted.contains(&plan.id));
    found.extend(planned.clone().flat_map(|plan| of_definitions(plan, &project.chain)));
    found.extend(lint_data_steps(&project.chain, planned));
    if let (Some(database), Some(known)) = (&database, &known) {
        count_rows_of(&mut found, database.connection(), &known.schema)?;
    }
    Ok(answer(context, &wanted, &found))
}

/// What a new definition of a table does without a step that says so: rules that it leaves out, and columns that
/// become generated.
fn of_definitions(plan: &PhasePlan, chain: &Chain) -> Vec<Finding> {
    let Some(phase) = chain.get(&plan.id) else { return Vec::new() };
    let finding = |code, line, table: &str, message| Finding {
        code,
        phase: plan.id.to_string(),
        file: phase.file.clone(),
        line,
        message,
        table: Some(table.to_owned()),
        rows: None,
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

fn answer(context: &Context, wanted: &[PhaseId], found: &[Finding]) -> CommandOutput {
    let style = context.terminal.out;
    let mut text = String::new();
    for finding in found {
        let rows = finding.rows.map(|rows| format!(" ({})", counted(rows, "row", "rows")));
        text.push_str(&format!(
            "{} {} ({}:{}) {}: {}{}\n",
            style.no(),
            finding.phase,
            escaped(context.shown(&finding.file)),
            finding.line,
            finding.code,
            escaped(&finding.message),
            rows.unwrap_or_default()
        ));
    }
    let phases = counted(wanted.len(), "phase", "phases");
    text.push_str(&match found.len() {
        0 => format!("{} {phases} looked at, nothing dangerous\n", style.ok()),
        count => format!("{phases} looked at, {}\n", counted(count, "finding", "findings")),
    });
    let report = json!({"phases": ids(wanted), "findings": found});
    CommandOutput::done(text, report).is(found.is_empty())
}
