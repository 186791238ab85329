//! `report`, `--report` and `plan --format`: a plan or a run as a page, as Markdown, and as a diagram.

use phaseshift::database::Access;
use phaseshift::exit;
use phaseshift::migrate::{Migration, Outline, Prepared, Project, Report, UpToDate, plan_range};
use phaseshift::phase::TargetRange;
use phaseshift::plan::{Direction, Plan};
use phaseshift::rows::count_rows;
use phaseshift::{DatabaseState, Error, ErrorKind, Remedy, Result};
use serde_json::{Value, json};

use super::adoption::name_the_phase;
use super::json_values::number;
use super::past_run;
use super::plan::{direction_of, goal, planned, project_of_range};
use super::prepare::{rebuilt_tables, with_strategy};
use super::report::{nothing_to_do, undo_command};
use super::written::{refuse_page_place, refuse_unwritable, write_page};
use crate::cli::args::{PlanFormat, ReportArgs};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::{Context, Output};
use crate::cli::explain::explain;
use crate::cli::json;
use crate::cli::output::{self, escaped};
use crate::cli::page::{PageSubject, markdown, mermaid, page};
use crate::cli::screens::failure::failure;
use crate::cli::screens::time::now;
use crate::cli::settings::shell_word;

/// The largest file whose rows are counted for the page of a plan.
const COUNTED: u64 = 256 << 20;

/// How a plan is drawn, and the key of the text in the JSON document.
pub type Drawing = (&'static str, fn(&PageSubject<'_>) -> String);

/// Returns how a plan is drawn in a format; `None` for those that are no drawing.
pub fn drawing(format: PlanFormat) -> Option<Drawing> {
    match format {
        PlanFormat::Text | PlanFormat::Json => None,
        PlanFormat::Markdown => Some(("markdown", markdown)),
        PlanFormat::Mermaid => Some(("mermaid", mermaid)),
    }
}

/// Writes the page of a plan to stdout or to a file.
pub fn report(context: &Context, arguments: &ReportArgs) -> Result<CommandOutput> {
    let target = arguments.place.target();
    let files = context.files();
    let file = arguments.output.as_ref().map(|file| context.folder.join(file));
    if let Some(file) = &file {
        refuse_page_place(files.as_ref(), file)?;
    }
    let mut answer = match arguments.done {
        true => past_run::drawn(context, target)?,
        false => {
            let way = (target, direction_of(target, arguments.down));
            drawn(context, way, false, ("html", page))?
        }
    };
    let html = match answer.report.get("html") {
        Some(Value::String(html)) => html,
        _ => {
            let done = context.command_line("report --done");
            context.remark(&format!("No page was written. That of the last run: {done}"));
            return Ok(answer);
        }
    };
    let Some(file) = file else { return Ok(answer) };
    write_page(files.as_ref(), &file, html)?;
    answer.report.shift_remove("html");
    answer.report.insert("file".to_owned(), json!(file));
    let text = format!("Wrote {}\n", escaped(context.shown(&file)));
    Ok(CommandOutput { report: answer.report, ..CommandOutput::done(text, json!({})) })
}

/// Draws the plan to a target, or between two places of the chain.
pub fn drawn(
    context: &Context,
    (target, direction): (Option<&str>, Direction),
    in_place: bool,
    (key, draw): Drawing,
) -> Result<CommandOutput> {
    let answer = |mut report: serde_json::Map<String, Value>, text: String| {
        report.insert(key.to_owned(), json!(text));
        CommandOutput { report, ..CommandOutput::done(text, json!({})) }.for_programs()
    };
    if let Some(Ok(range)) = target.map(TargetRange::parse) {
        let (project, direction) = project_of_range(context, &range, direction)?;
        let plan = plan_range(&project, &range, direction)?;
        let subject = of_range(context, &project, &plan, &range);
        let report =
            json!({"range": range.to_string(), "direction": direction.code(), "changed": false});
        let report = report.as_object().cloned().unwrap_or_default();
        return Ok(answer(report, draw(&subject)));
    }
    let project = with_strategy(context.project()?, in_place);
    let request = goal(target, direction)?;
    let outlined = Migration::outline(&project, &request)
        .map_err(|error| name_the_phase(error, &project, &request))?;
    let migration = match outlined {
        Outline::UpToDate(found) => return Ok(nothing_to_draw(context, &project, &found)),
        Outline::Planned(migration) => migration,
    };
    let text = draw(&of_plan(context, &migration)?);
    Ok(answer(planned(context, &migration, "").report, text))
}

/// The answer if there is no plan to draw: stdout, which may be a file, stays empty.
fn nothing_to_draw(context: &Context, project: &Project, found: &UpToDate) -> CommandOutput {
    let answer = nothing_to_do(context, project, found);
    answer.text.lines().for_each(|line| context.remark(line));
    CommandOutput { text: String::new(), ..answer }.for_programs()
}

/// Refuses a place for the report of a run where it could not be written afterwards.
pub fn refuse_report_place(context: &Context) -> Result<()> {
    let Some(file) = &context.report else { return Ok(()) };
    refuse_unwritable(context.files().as_ref(), file)
}

/// Refuses a report of a run over many files.
///
/// # Errors
/// [`ErrorKind::Arguments`].
pub fn refuse_report_of_many(context: &Context) -> Result<()> {
    let what = "--report tells of one database and cannot be used with --all";
    match context.report {
        Some(_) => Err(Error::new(ErrorKind::Arguments, what)),
        None => Ok(()),
    }
}

/// Writes the page of a dry run, if one is asked for.
pub fn write_plan(context: &Context, migration: &Migration<Prepared>) -> Result<()> {
    let Some(file) = &context.report else { return Ok(()) };
    write_page(context.files().as_ref(), file, &page(&of_plan(context, migration)?))
}

/// Writes the page of a dry run on a file that does not exist yet, if one is asked for.
pub fn write_range(
    context: &Context,
    project: &Project,
    plan: &Plan,
    range: &TargetRange,
) -> Result<()> {
    let Some(file) = &context.report else { return Ok(()) };
    let page = page(&of_range(context, project, plan, range));
    write_page(context.files().as_ref(), file, &page)
}

/// Writes the page of a run, if one is asked for. The run is committed: a page that cannot be written is part of the
/// answer, which fails then.
pub fn write_run(
    context: &Context,
    project: &Project,
    done: &Report,
    mut answer: CommandOutput,
) -> CommandOutput {
    let Some(file) = &context.report else { return answer };
    let html = page(&of_run(context, project, done));
    match write_page(context.files().as_ref(), file, &html) {
        Ok(()) => {
            context.say(&format!("\nReport: {}\n", escaped(context.shown(file))));
            answer.report.insert("report".to_owned(), json!(file));
        }
        Err(error) => {
            answer.report.insert("report".to_owned(), Value::Null);
            answer.report.insert("report_error".to_owned(), json!(error.to_string()));
            let error = Error::new(ErrorKind::Io, "the report of the run could not be written")
                .caused_by(error)
                .leaving(DatabaseState::Done)
                .choices([context.shown(file)])
                .with_remedy(Remedy::WriteReport);
            let advice = explain(&error, &context.settings.flags);
            if context.output != Output::Json {
                let style = context.terminal.err;
                output::remark(&failure(&error, &advice, style), style);
            }
            answer.report.insert("error".to_owned(), json::of_error(&error, &advice));
            answer.exit = exit::FAILED;
        }
    }
    answer
}

fn versions((from, to): (Option<i64>, Option<i64>)) -> (&'static str, String) {
    ("Version", format!("{} to {}", number(from), number(to)))
}

fn of_range<'s>(
    context: &Context,
    project: &'s Project,
    plan: &'s Plan,
    range: &TargetRange,
) -> PageSubject<'s> {
    let script = context.command_line(&format!("plan --sql {range}"));
    PageSubject {
        project,
        place: "planned from the phase files, without a database".to_owned(),
        plan,
        way: ("Range", range.to_string()),
        counts: Vec::new(),
        done: None,
        next: vec![("Print the script for the sqlite3 program:".to_owned(), script)],
        made: now(),
    }
}

fn of_plan<'s, S>(context: &Context, migration: &'s Migration<S>) -> Result<PageSubject<'s>> {
    let (project, plan) = (migration.project(), migration.plan());
    let down = plan.phases.iter().any(|it| it.direction == Direction::Down);
    let target = plan.phases.last().map(|it| it.id.as_str()).unwrap_or_default();
    let mut next = Vec::new();
    let mut add = |why: &str, command: &str| {
        next.push((why.to_owned(), context.command_line(command)));
    };
    if down {
        let steps = plan.phases.len();
        add("Undo, with a backup and a proof:", &format!("downgrade -{steps}"));
    } else {
        add("Check everything that must hold, and write nothing:", &format!("preflight {target}"));
        add(
            "Migrate, with a backup, a question and a proof of every row:",
            &format!("migrate {target}"),
        );
    }
    Ok(PageSubject {
        project,
        place: project.database.display().to_string(),
        plan,
        way: versions(migration.versions()),
        counts: counts(context, migration)?,
        done: None,
        next,
        made: now(),
    })
}

fn of_run<'s>(context: &Context, project: &'s Project, done: &'s Report) -> PageSubject<'s> {
    let name = done.backup.file_name().unwrap_or_default().to_string_lossy();
    let restore = match done.phases.first() {
        Some((id, Direction::Up)) => format!("restore before:{}", shell_word(id)),
        Some((_, Direction::Down)) | None => format!("restore {}", shell_word(&name)),
    };
    let is_undoable = done
        .plan
        .phases
        .iter()
        .all(|it| it.direction == Direction::Up && it.irreversible().is_none());
    let (undo, empty) = undo_command(project, done);
    let undo = is_undoable.then_some(undo);
    let why = match empty {
        Some(empty) => format!("Undo the phases and keep rows written since. {empty}"),
        None => "Undo the phases and keep rows written since:".to_owned(),
    };
    let next = [
        ("Check the file at any time:".to_owned(), Some("verify".to_owned())),
        (why, undo),
        ("Go back to the backup; what was written since is lost:".to_owned(), Some(restore)),
    ];
    let next =
        next.into_iter().filter_map(|(why, command)| Some((why, context.command_line(&command?))));
    PageSubject {
        project,
        place: project.database.display().to_string(),
        plan: &done.plan,
        way: versions((done.from, done.to)),
        counts: Vec::new(),
        done: Some(done),
        next: next.collect(),
        made: now(),
    }
}

/// Counts the rows of the tables that are rebuilt, unless the file is large.
fn counts<S>(context: &Context, migration: &Migration<S>) -> Result<Vec<(String, Option<u64>)>> {
    let tables = rebuilt_tables(migration);
    let project = migration.project();
    let stat = context.files().stat(&project.database).ok().flatten();
    if stat.is_none_or(|stat| stat.bytes > COUNTED) {
        return Ok(tables.into_iter().map(|name| (name, None)).collect());
    }
    let database = project.open(Access::ReadOnly)?;
    let count = |name: String| {
        let rows = count_rows(database.connection(), &name)?;
        Ok((name, Some(rows)))
    };
    tables.into_iter().map(count).collect()
}
