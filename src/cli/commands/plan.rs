//! `plan` and `preflight`: what a run would do, and whether it could begin.

use phaseshift::migrate::{
    Migration, Outline, Preparation, Project, Request, script, script_range,
};
use phaseshift::phase::{Target, TargetRange};
use phaseshift::plan::{Direction, PhasePlan, Plan, summarize};
use phaseshift::preflight::LossPolicy;
use phaseshift::{Error, ErrorKind, Remedy, Result};
use serde_json::{Value, json};

use super::adoption::name_the_phase;
use super::prepare::{
    Prerequisite, drift_note, loss_policy, prepare, prerequisites, request, with_strategy,
};
use super::report;
use crate::cli::args::PlanArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::screens::{plan as screen, reason};

/// Shows the plan to a target, or the way between two places without a database.
///
/// The file is only prepared at: its rows, its space and its locks are the business of `preflight`.
pub fn plan(context: &Context, arguments: &PlanArgs) -> Result<CommandOutput> {
    let target = arguments.place.target();
    let direction = direction_of(target, arguments.down);
    if arguments.sql {
        return sql(context, target, (direction, loss_policy(arguments.accept_loss)));
    }
    if let Some(Ok(range)) = target.map(TargetRange::parse) {
        let what = format!("the range {range} needs --sql, or --format markdown or mermaid");
        return Err(Error::new(ErrorKind::Arguments, what)
            .with_remedy(Remedy::NameFormat)
            .choices([range.to_string()]));
    }
    let project = with_strategy(context.project()?, arguments.in_place);
    let request = goal(target, direction)?;
    let outlined = Migration::outline(&project, &request)
        .map_err(|error| name_the_phase(error, &project, &request))?;
    let migration = match outlined {
        Outline::UpToDate(up_to_date) => {
            return Ok(report::nothing_to_do(context, &project, &up_to_date));
        }
        Outline::Planned(migration) => migration,
    };
    let style = context.terminal.out;
    let (plan, (_, version)) = (migration.plan(), migration.versions());
    let database = project.database.display().to_string();
    let note = drift_note(context, &migration).map(|note| format!("{note}\n"));
    let notices = screen::notices(plan) + &note.unwrap_or_default();
    let gap = if notices.is_empty() { "" } else { "\n" };
    let opening = format!(
        "{}\n{}{}{gap}{notices}\n",
        screen::banner(&screen::headline(plan), &database, style),
        screen::will_do((plan, &project.chain), version, detail(context), style),
        screen::losses(plan, style),
    );
    let mut answer = planned(context, &migration, "");
    answer.text = opening + &answer.text;
    Ok(answer)
}

/// Returns the direction of a plan: down if that is asked for, or if the target leads back.
pub fn direction_of(target: Option<&str>, down: bool) -> Direction {
    let back = |it: &str| it == "base" || matches!(Target::parse(it), Ok(Target::Back(_)));
    if down || target.is_some_and(back) { Direction::Down } else { Direction::Up }
}

/// Returns how detailed a plan is shown: with `-v`, also how it is carried out.
pub fn detail(context: &Context) -> screen::Detail {
    if context.verbose { screen::Detail::Mechanics } else { screen::Detail::Changes }
}

/// Prints the plan to a target, or from one place to another, as a script. A plan to a target is refused for the
/// rows of the database as the run is.
pub fn sql(
    context: &Context,
    target: Option<&str>,
    (direction, losses): (Direction, LossPolicy),
) -> Result<CommandOutput> {
    if let Some(Ok(range)) = target.map(TargetRange::parse) {
        return sql_of_range(context, &range, direction);
    }
    let project = context.project().map_err(|error| name_a_range(error, target, direction))?;
    let request = Request { losses, ..goal(target, direction)? };
    let outlined = Migration::outline_for_script(&project, &request)
        .map_err(|error| name_the_phase(error, &project, &request))?;
    let mut answer = match outlined {
        Outline::UpToDate(found) => report::nothing_to_script(context, &project, &found),
        Outline::Planned(migration) => {
            let mut answer = planned(context, &migration, "");
            answer.text = script(&migration)?;
            answer.for_programs()
        }
    };
    answer.report.insert("sql".to_owned(), json!(answer.text));
    Ok(answer)
}

/// A script for one database needs the database; one between two places needs none.
fn name_a_range(error: Error, target: Option<&str>, direction: Direction) -> Error {
    let to_name = error.facts().remedy == Some(Remedy::NameDatabase);
    if !to_name || direction == Direction::Down {
        return error;
    }
    let range = format!("base:{}", target.unwrap_or("head"));
    let what = "no database is named, so that it is unknown where the script begins";
    Error::new(ErrorKind::Arguments, what).with_remedy(Remedy::ScriptOfRange).choices([range])
}

/// Prints the script between two places, for any file that is at the first one.
fn sql_of_range(
    context: &Context,
    range: &TargetRange,
    direction: Direction,
) -> Result<CommandOutput> {
    let (project, direction) = project_of_range(context, range, direction)?;
    let sql = script_range(&project, range, direction)?;
    let report = json!({
        "range": range.to_string(),
        "direction": direction.code(),
        "sql": sql,
        "changed": false,
    });
    Ok(CommandOutput::done(sql, report).for_programs())
}

/// Returns the project of a plan without a database, and where the range leads.
pub fn project_of_range(
    context: &Context,
    range: &TargetRange,
    direction: Direction,
) -> Result<(Project, Direction)> {
    let chain = context.chain()?;
    let (from, to) = (chain.applied_at(&range.from)?, chain.applied_at(&range.to)?);
    let leads_down = to.len() < from.len() && to.ids().all(|id| from.contains(id));
    let direction = if leads_down { Direction::Down } else { direction };
    // The path is never opened.
    let database = context.settings.database.clone().unwrap_or_else(|| "database".into());
    Ok((context.project_at(database, chain), direction))
}

/// Makes the request for a target; without one, the head or the phase before.
pub fn goal(target: Option<&str>, direction: Direction) -> Result<Request> {
    request(direction, target, if direction == Direction::Down { "-1" } else { "head" })
}

/// Checks what must hold before a run.
pub fn preflight(context: &Context, target: Option<&str>) -> Result<CommandOutput> {
    let project = context.project()?;
    let migration = match prepare(&project, &request(Direction::Up, target, "head")?)? {
        Preparation::UpToDate(up_to_date) => {
            up_to_date.check_integrity(&project)?;
            return Ok(report::nothing_to_do(context, &project, &up_to_date));
        }
        Preparation::Ready(migration) => migration,
    };
    let mut found = prerequisites(&migration)?;
    migration.check_integrity()?;
    let detail = "Every page, row and index of the file is sound".to_owned();
    found.push(Prerequisite { name: "integrity", detail });
    let mut answer = planned(context, &migration, "");
    answer.text = format!(
        "{}{}Ready to migrate: {}\n",
        screen::prerequisites(found.iter().map(|it| it.detail.as_str()), context.terminal.out),
        screen::notices(migration.plan()),
        context.command_line("migrate")
    );
    let checks: Vec<Value> =
        found.iter().map(|it| json!({"name": it.name, "ok": true, "detail": it.detail})).collect();
    answer.report.insert("checks".to_owned(), json!(checks));
    Ok(answer)
}

/// The answer that shows the steps and changes nothing.
pub fn planned<S>(context: &Context, migration: &Migration<S>, end: &str) -> CommandOutput {
    shown(context, migration.project(), migration.plan(), (migration.versions(), end))
}

/// The answer that shows the steps of a plan between two versions.
pub fn shown(
    context: &Context,
    project: &Project,
    plan: &Plan,
    ((from, to), end): ((Option<i64>, Option<i64>), &str),
) -> CommandOutput {
    let steps: Vec<Value> = plan
        .steps()
        .iter()
        .map(|step| {
            let sql: Vec<String> = step.actions.iter().flat_map(|action| action.sql()).collect();
            json!({"title": step.title, "sql": sql})
        })
        .collect();
    let phases: Vec<Value> = plan.phases.iter().map(phase).collect();
    let mut text = match detail(context) {
        screen::Detail::Changes => screen::touched(plan),
        screen::Detail::Mechanics => format!("{}\n{}", screen::steps(plan), screen::touched(plan)),
    };
    if !end.is_empty() {
        text.push_str(end);
    } else if context.verbose {
        text.push_str(&screen::ways(plan));
        text.push_str("The same as a script for the sqlite3 program: add --sql\n");
    }
    let report = json!({
        "database": project.database,
        "from": from,
        "to": to,
        "phases": phases,
        "steps": steps,
        "changed": false,
    });
    CommandOutput::done(text, report)
}

fn phase(phase: &PhasePlan) -> Value {
    json!({
        "id": phase.id.as_str(),
        "version": phase.version,
        "description": phase.description,
        "direction": phase.direction.code(),
        "source": phase.source,
        "summary": summary(phase),
        "copies": copies(phase),
        "objects": reason::touched(phase),
        "losses": phase.losses,
        "lost_rules": phase.lost_rules(),
        "notices": phase.notices,
    })
}

fn summary(phase: &PhasePlan) -> Value {
    let summary = summarize(phase);
    let rebuilt = summary.rebuilt.iter();
    let rebuilt: Vec<Value> = rebuilt
        .map(|(table, why)| json!([table, why.iter().map(reason::reason).collect::<Vec<_>>()]))
        .collect();
    let mut value = json!(summary);
    value["rebuilt"] = json!(rebuilt);
    value
}

/// How the rows of each rebuilt table come over.
fn copies(phase: &PhasePlan) -> Vec<Value> {
    let rebuilds = phase.rebuilds();
    rebuilds.map(|it| json!({"from": it.from, "to": it.to, "how": reason::way(it)})).collect()
}
