//! `apply`: makes a file what a schema file says, without a chain of phases.

use phaseshift::autogenerate::{Draft, Drafted, draft};
use phaseshift::compare::differences;
use phaseshift::inspect::desired_schema;
use phaseshift::migrate::{DeclaredFile, Migration, Outline, Project, Request, script};
use phaseshift::phase::{Chain, Target};
use phaseshift::preflight::LossPolicy;
use phaseshift::schema::{ColumnOrder, Schema};
use phaseshift::{Error, ErrorKind, Remedy, Result};
use serde_json::json;

use super::answers::{answers_of, draft_with_answers};
use super::migrate::guide;
use super::new_file::{can_be_made, in_new_file, in_no_file};
use crate::cli::args::ApplyArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::counted;

/// Applies a schema: compares, plans, backs up, asks, rebuilds and proves.
///
/// # Errors
/// [`ErrorKind::Chain`] for a file that is migrated by phases; [`ErrorKind::NoAnswer`] with the flags that say what
/// was renamed or dropped; those of a draft and of a migration.
pub fn run(context: &Context, arguments: &ApplyArgs) -> Result<CommandOutput> {
    let mut context = context.clone();
    context.dry_run |= arguments.dry_run.dry_run;
    if let Some(file) = &arguments.file {
        context.settings.schema = context.folder.join(file);
    }
    let database = context.settings.need_database()?.to_path_buf();
    let project = context.project_at(database, Chain::default());
    let schema = context.settings.schema.clone();
    let want = project.own(&desired_schema(context.files().as_ref(), &schema)?);
    let apply = Apply { context: &context, arguments, want };
    let writes = !context.dry_run && !arguments.check && !arguments.sql;
    if arguments.create && writes {
        return in_new_file(&project, || apply.to(&project));
    }
    apply.to(&project)
}

/// A schema and how it is applied.
struct Apply<'a> {
    context: &'a Context,
    arguments: &'a ApplyArgs,
    want: Schema,
}

impl Apply<'_> {
    fn to(&self, project: &Project) -> Result<CommandOutput> {
        let context = self.context;
        let is_new = self.arguments.create && context.dry_run && can_be_made(project);
        let file = match is_new {
            true => {
                DeclaredFile { project: project.clone(), schema: Schema::default(), version: None }
            }
            false => DeclaredFile::read(project)?,
        };
        let answers = answers_of(context, &self.arguments.answers)?;
        if self.arguments.check {
            let drafted = draft(&file.schema, &self.want, &answers);
            return Ok(self.checked(&file, drafted.ok()));
        }
        let draft = draft_with_answers(context, (&file.schema, &self.want), answers)?;
        if draft.steps.is_empty() {
            return Ok(self.nothing_to_do(&file));
        }
        let (project, id) = file.with_phase(&draft, &self.want, &context.settings.schema)?;
        let request = self.request(id.as_str());
        let done = match self.arguments.sql {
            true => self.script(&project, &request),
            false if is_new => in_no_file(context, &project, &request),
            false => guide(context, &project, &request, context.dry_run),
        };
        let mut answer = done.map_err(|error| self.explained(error, &draft))?;
        answer.report.insert("id".to_owned(), json!(id.as_str()));
        answer.report.insert("schema".to_owned(), json!(context.settings.schema));
        Ok(answer)
    }

    fn request(&self, id: &str) -> Request {
        // What the chain makes from nothing says nothing about a file that has none.
        let request = Request::up(Target::Id(id.to_owned())).without_notices();
        let losses = match self.arguments.accept_loss {
            true => LossPolicy::Accept,
            false => LossPolicy::Refuse,
        };
        Request { losses, ..request }
    }

    fn script(&self, project: &Project, request: &Request) -> Result<CommandOutput> {
        match Migration::outline_for_script(project, request)? {
            Outline::Planned(migration) => {
                let sql = script(&migration)?;
                let report = json!({"sql": sql, "changed": false});
                Ok(CommandOutput::done(sql, report).for_programs())
            }
            Outline::UpToDate(_) => {
                let what = "another program applied the same schema meanwhile";
                Err(Error::new(ErrorKind::FileChanged, what).in_database(&project.database))
            }
        }
    }

    /// Names the flag that gives rows a value which the new schema allows.
    fn explained(&self, error: Error, draft: &Draft) -> Error {
        if error.kind() != ErrorKind::Rows {
            return error;
        }
        let flags = draft.needs_values.iter().map(|it| {
            let column = super::answers::column_of(it);
            let value = crate::cli::settings::shell_word(&format!("{column}=SQL"));
            format!("--value {value}")
        });
        error.resolved_by(Remedy::GiveValues, flags)
    }

    fn nothing_to_do(&self, file: &DeclaredFile) -> CommandOutput {
        let schema = escaped(self.context.shown(&self.context.settings.schema));
        let database = escaped(self.context.shown(&file.project.database));
        let text = format!("Nothing to do: {database} has the schema of {schema}.\n");
        CommandOutput::done(text, self.report(file, &[], true))
    }

    /// Says what would change; the answer is no if anything would.
    fn checked(&self, file: &DeclaredFile, drafted: Option<Drafted>) -> CommandOutput {
        let mut found = differences(&self.want, &file.schema, ColumnOrder::Same);
        if let Some(Drafted::Ready(draft)) = &drafted
            && found.is_empty()
        {
            // Names that change their case are no difference.
            let steps = draft.steps.iter().map(|it| format!("{} is to run", it.operation.op()));
            found.extend(steps);
        }
        if found.is_empty() {
            return self.nothing_to_do(file);
        }
        let style = self.context.terminal.out;
        let mut text: String =
            found.iter().map(|line| format!("{} {}\n", style.no(), escaped(line))).collect();
        let schema = escaped(self.context.shown(&self.context.settings.schema));
        let count = counted(found.len(), "difference", "differences");
        text.push_str(&format!("{count} from {schema}: apply would change the file.\n"));
        CommandOutput::done(text, self.report(file, &found, false)).is(false)
    }

    fn report(&self, file: &DeclaredFile, found: &[String], equal: bool) -> serde_json::Value {
        let current = file.project.chain.heads();
        json!({
            "database": file.project.database,
            "schema": self.context.settings.schema,
            "id": current.first().map(phaseshift::phase::PhaseId::as_str),
            "equal": equal,
            "differences": found,
            "from": file.version,
            "to": file.version,
            "backup": null,
            "steps": [],
            "changed": false,
        })
    }
}
