//! `lint`: what is dangerous in phases, before anything runs.

use phaseshift::database::Access;
use phaseshift::inspect::{Finding, LintPolicy, count_rows_of, lint, lint_data_steps};
use phaseshift::migrate::{plan_ahead, replay};
use phaseshift::phase::{PhaseId, Target};
use phaseshift::schema::Schema;
use phaseshift::{ErrorKind, Result};
use serde_json::json;

use super::facts::ids;
use crate::cli::answer::Answer;
use crate::cli::args::LintArgs;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::counted;

/// Lists what is dangerous in the phases that are named, in those that are pending where there is a
/// database, or in all; the answer is no if anything is.
///
/// # Errors
/// As [`phaseshift::phase::Chain::read`]; those of opening the database.
pub fn run(context: &Context, arguments: &LintArgs) -> Result<Answer> {
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
    let all = project.chain.phases().iter().map(|phase| phase.id.clone()).collect();
    let schema = match replay(&project, &all) {
        Ok(shadow) => shadow.schema()?,
        // `check` tells why; only duplicates of indexes are not seen then.
        Err(error) if error.kind() == ErrorKind::Step => Schema::default(),
        Err(error) => return Err(error),
    };
    let mut found = lint(&project.chain, &wanted, &schema, policy);
    found.extend(lint_data_steps(&project.chain, &plan_ahead(&project, known.as_ref(), &wanted)?));
    if let (Some(database), Some(known)) = (&database, &known) {
        count_rows_of(&mut found, database.connection(), &known.schema)?;
    }
    Ok(answer(context, &wanted, &found))
}

fn answer(context: &Context, wanted: &[PhaseId], found: &[Finding]) -> Answer {
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
    Answer::done(text, report).is(found.is_empty())
}
