//! `revision --autogenerate`: a phase drafted from the desired schema.

use phaseshift::autogenerate::{comment, draft_text};
use phaseshift::compare::differences;
use phaseshift::inspect::{SchemaSource, schema_from};
use phaseshift::migrate::{Project, replay};
use phaseshift::phase::{Applied, Chain, PhaseId};
use phaseshift::schema::{ColumnOrder, Schema};
use phaseshift::{Error, ErrorKind, Result};
use serde_json::json;

use super::answers::{self, answers_of, column_of};
use crate::cli::args::AnswerArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::settings::shell_word;

/// The steps of a drafted phase, and the schema that it must reach.
pub struct DraftedPhase {
    /// What follows the head of the phase file.
    pub text: String,
    /// What the steps drop, in words.
    pub drops: Vec<String>,
    /// Columns that have no value for the rows that exist.
    pub needs_values: Vec<String>,
    want: Schema,
}

/// Drafts the steps from what the parents make to the desired schema; `None` if nothing differs.
///
/// # Errors
/// [`ErrorKind::NoAnswer`] with the flags that say what was renamed or dropped; [`ErrorKind::Step`] naming a phase
/// that does not run from nothing; as [`phaseshift::inspect::desired_schema`] and
/// [`phaseshift::autogenerate::draft`].
pub fn draft_phase(
    context: &Context,
    chain: &Chain,
    parents: &[PhaseId],
    arguments: &AnswerArgs,
) -> Result<Option<DraftedPhase>> {
    let project = context.project_of(chain.clone());
    let source = SchemaSource::Desired(context.settings.schema.clone());
    let want = schema_from(&project, &source)?;
    let have = made_by(&project, parents)?;
    let answers = answers_of(context, arguments)?;
    let draft = answers::draft_with_answers(context, (&have, &want), answers)?;
    if draft.steps.is_empty() {
        return Ok(None);
    }
    let drops: Vec<String> = draft.drops.iter().map(ToString::to_string).collect();
    let mut text = "\n# Drafted from the desired schema: read it before you apply it.\n".to_owned();
    for drop in &drops {
        let drop = comment(drop);
        text.push_str(&format!("# Destructive: drops {drop} with its content.\n"));
    }
    text.push_str(&draft_text(&draft));
    let needs_values = draft.needs_values.iter().map(|it| column_of(it).to_string()).collect();
    Ok(Some(DraftedPhase { text, drops, needs_values, want }))
}

impl DraftedPhase {
    /// Says which columns have no value for the rows that exist, and how to give them one.
    pub fn remarks(&self) -> Vec<String> {
        let one = |column: &String| {
            let flag = shell_word(&format!("{column}=SQL"));
            format!(
                "{column} is NOT NULL and has no value for rows that exist: the phase runs only while the table is \
                 empty, unless you give one with --value {flag}"
            )
        };
        self.needs_values.iter().map(one).collect()
    }
}

/// Checks that a new phase, replayed with all that is before it, makes the desired schema exactly.
///
/// # Errors
/// [`ErrorKind::Unsupported`] with what differs; those of a replay.
pub fn reaches(
    context: &Context,
    chain: Chain,
    id: &PhaseId,
    drafted: &DraftedPhase,
) -> Result<()> {
    let project = context.project_of(chain);
    let made = made_by(&project, std::slice::from_ref(id))?;
    let apart = differences(&drafted.want, &made, ColumnOrder::Same);
    if apart.is_empty() {
        return Ok(());
    }
    let what = "the drafted phase does not reach the desired schema: write it by hand";
    Err(Error::new(ErrorKind::Unsupported, what).problems(apart))
}

/// The answer where the phases make the desired schema already.
pub fn nothing_to_draft(context: &Context) -> CommandOutput {
    let schema = escaped(context.shown(&context.settings.schema));
    let text = format!("No changes: the phases make what {schema} says.\n");
    CommandOutput::done(text, json!({"file": null, "changed": false}))
}

/// The schema that phases and all that is before them make from nothing.
fn made_by(project: &Project, ends: &[PhaseId]) -> Result<Schema> {
    let before = ends.iter().flat_map(|id| project.chain.ancestors(id));
    let applied: Applied = before.chain(ends.iter().cloned()).collect();
    Ok(project.own(&replay(project, &applied)?.schema()?))
}
