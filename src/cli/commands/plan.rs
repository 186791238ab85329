//! `plan` and `preflight`: what a run would do, and whether it could begin.

use phaseshift::Result;
use phaseshift::migrate::{Look, Migration, Prepared, script};
use phaseshift::plan::{Direction, PhasePlan, summarize};
use serde_json::{Value, json};

use super::look::{look, prerequisites, request};
use super::report;
use crate::cli::answer::Answer;
use crate::cli::args::PlanArgs;
use crate::cli::context::Context;
use crate::cli::screens::plan as screen;

/// Shows the plan to a target.
///
/// # Errors
/// Those of a look.
pub fn plan(context: &Context, arguments: &PlanArgs) -> Result<Answer> {
    let project = context.project()?;
    let target = arguments.target.as_deref();
    let down = arguments.down || target.is_some_and(|it| it.starts_with('-') || it == "base");
    let request = match down {
        true => request(Direction::Down, target, "-1")?,
        false => request(Direction::Up, target, "head")?,
    };
    let migration = match look(&project, &request)? {
        Look::UpToDate(up_to_date) => {
            let mut answer = report::nothing_to_do(&project, &up_to_date);
            if arguments.sql {
                answer.text = format!("-- {}", answer.text);
            }
            return Ok(answer);
        }
        Look::Ready(migration) => migration,
    };
    if arguments.sql {
        let sql = script(&migration);
        let mut answer = planned(context, &migration, "");
        answer.report.insert("sql".to_owned(), json!(sql));
        answer.text = sql;
        return Ok(answer);
    }
    let style = context.terminal.out;
    let (_, version) = migration.versions();
    let opening = format!(
        "{}\n{}\n",
        screen::banner(
            &screen::headline(migration.plan()),
            &project.database.display().to_string(),
            style
        ),
        screen::will_do(migration.plan(), &project.chain, version, style)
    );
    let mut answer = planned(context, &migration, "");
    answer.text = opening + &answer.text;
    Ok(answer)
}

/// Checks what must hold before a run.
///
/// # Errors
/// Those of a look.
pub fn preflight(context: &Context, target: Option<&str>) -> Result<Answer> {
    let project = context.project()?;
    let migration = match look(&project, &request(Direction::Up, target, "head")?)? {
        Look::UpToDate(up_to_date) => return Ok(report::nothing_to_do(&project, &up_to_date)),
        Look::Ready(migration) => migration,
    };
    let lines = prerequisites(&migration)?;
    let mut answer = planned(context, &migration, "");
    answer.text = format!(
        "{}{}Ready to migrate: {}\n",
        screen::prerequisites(&lines, context.terminal.out),
        screen::notices(migration.plan()),
        context.command_line("migrate")
    );
    answer.report.insert("checks".to_owned(), json!(lines));
    Ok(answer)
}

/// The answer that shows the steps and changes nothing.
pub fn planned(context: &Context, migration: &Migration<Prepared>, end: &str) -> Answer {
    let plan = migration.plan();
    let (from, to) = migration.versions();
    let steps: Vec<Value> = plan
        .steps()
        .iter()
        .map(|step| {
            let sql: Vec<String> = step.actions.iter().flat_map(|action| action.sql()).collect();
            json!({"title": step.title, "sql": sql})
        })
        .collect();
    let phases: Vec<Value> = plan.phases.iter().map(phase).collect();
    let mut text = format!("{}\n", screen::steps(plan));
    if !end.is_empty() {
        text.push_str(end);
    } else if context.verbose {
        text.push_str(&format!("{}\n", script(migration)));
    }
    let report = json!({
        "database": migration.project().database,
        "from": from,
        "to": to,
        "phases": phases,
        "steps": steps,
        "changed": false,
    });
    Answer::done(text, report)
}

fn phase(phase: &PhasePlan) -> Value {
    json!({
        "id": phase.id.as_str(),
        "version": phase.version,
        "description": phase.description,
        "direction": phase.direction.code(),
        "summary": summarize(phase),
        "notices": phase.notices,
    })
}
