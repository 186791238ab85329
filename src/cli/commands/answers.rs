//! The answers that a draft needs: flags, notes in the schema file, and questions on a terminal.

use phaseshift::autogenerate::{
    Answers, Draft, Drafted, DropPolicy, NeedsValue, OpenPoints, Question, Rename, Subject, draft,
};
use phaseshift::inspect::desired_renames;
use phaseshift::schema::Schema;
use phaseshift::{Error, ErrorKind, Remedy, Result};

use crate::cli::args::AnswerArgs;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::prompt::{ask, confirm, pick};
use crate::cli::settings::shell_word;

/// Reads the flags, and the notes of the schema file.
///
/// # Errors
/// [`ErrorKind::Arguments`] for a flag that is none; as [`desired_renames`].
pub fn answers_of(context: &Context, arguments: &AnswerArgs) -> Result<Answers> {
    let renames = arguments.renames.iter().map(|it| Rename::parse(it));
    let drops = arguments.drops.iter().map(|it| Answers::parse_drop(it));
    let values = arguments.values.iter().map(|it| Answers::parse_value(it));
    Ok(Answers {
        renames: renames.collect::<Result<_>>()?,
        marked: desired_renames(context.files().as_ref(), &context.settings.schema)?,
        drops: drops.collect::<Result<_>>()?,
        fresh: Vec::new(),
        policy: if arguments.allow_drop { DropPolicy::Allow } else { DropPolicy::Named },
        values: values.collect::<Result<_>>()?,
    })
}

/// Drafts the steps; asks on a terminal what the flags leave open.
///
/// # Errors
/// [`ErrorKind::NoAnswer`] and [`ErrorKind::SchemaMismatch`] with the flags that answer; those of [`draft`];
/// [`ErrorKind::Declined`].
pub fn draft_with_answers(
    context: &Context,
    (have, want): (&Schema, &Schema),
    mut answers: Answers,
) -> Result<Draft> {
    let can_ask = context.can_ask() && !context.yes && !context.dry_run;
    loop {
        let open = match draft(have, want, &answers)? {
            Drafted::Ready(draft) => match draft.needs_values.first().filter(|_| can_ask) {
                Some(needed) if ask_for_value(context, needed, &mut answers)? => continue,
                Some(_) | None => return Ok(draft),
            },
            Drafted::Open(open) => open,
        };
        match open.questions.first() {
            _ if !can_ask => return Err(unanswered(context, &open)),
            Some(question) => ask_whether_renamed(context, question, &mut answers)?,
            None => ask_whether_dropped(context, &open, &mut answers)?,
        }
    }
}

fn ask_whether_renamed(
    context: &Context,
    question: &Question,
    answers: &mut Answers,
) -> Result<()> {
    let (word, new) = (question.kind.word(), escaped(&question.new));
    let text = match question.candidates.as_slice() {
        [only] => format!("Was {word} {new} renamed from {}?", escaped(only)),
        _ => format!("Was {word} {new} renamed from one of these?"),
    };
    let mut lines: Vec<String> =
        question.candidates.iter().map(|it| format!("Yes, it was called {it}")).collect();
    lines.push(format!("No, {} is new", question.new));
    let picked = pick(context, &text, &lines)?;
    match question.candidates.get(picked) {
        Some(from) => {
            answers.renames.push(Rename { from: from.clone(), to: question.new.clone() });
        }
        None => answers.fresh.push(question.new.clone()),
    }
    Ok(())
}

fn ask_whether_dropped(context: &Context, open: &OpenPoints, answers: &mut Answers) -> Result<()> {
    let schema = context.shown(&context.settings.schema);
    context.remark(&format!("These are not in {schema}. Dropping them deletes their content:"));
    for drop in &open.drops {
        context.remark(&format!("  {drop}"));
    }
    confirm(context, "Type 'yes' to drop them:")?;
    answers.drops.extend(open.drops.iter().map(|it| it.subject.clone()));
    Ok(())
}

/// Returns whether a value was given. An empty answer gives none, and the next column is not asked about.
fn ask_for_value(context: &Context, needed: &NeedsValue, answers: &mut Answers) -> Result<bool> {
    let column = column_of(needed);
    let question = format!(
        "{} is NOT NULL and has no default. SQL expression for the rows that exist (Enter for none):",
        escaped(&column)
    );
    let value = ask(context, &question)?.trim().to_owned();
    let is_given = !value.is_empty();
    if is_given {
        answers.values.push((column, value));
    }
    Ok(is_given)
}

pub fn column_of(needed: &NeedsValue) -> Subject {
    Subject::column(&needed.table, &needed.column)
}

/// The refusal that names the flags.
fn unanswered(context: &Context, open: &OpenPoints) -> Error {
    let flag = |name: &str, value: String| format!("{name} {}", shell_word(&value));
    let schema = context.shown(&context.settings.schema);
    let mut problems = Vec::new();
    let (mut renames, mut drops) = (Vec::new(), Vec::new());
    for question in &open.questions {
        for from in &question.candidates {
            let word = question.kind.word();
            problems.push(format!(
                "{word} {from} would be dropped; was it renamed to {}?",
                question.new
            ));
            renames.push(flag("--rename", format!("{from}={}", question.new)));
            let drop = flag("--drop", from.to_string());
            if !drops.contains(&drop) {
                drops.push(drop);
            }
        }
    }
    for drop in &open.drops {
        problems.push(format!("{drop} would be dropped"));
        drops.push(flag("--drop", drop.subject.to_string()));
    }
    let (kind, what, remedy) = match open.questions.is_empty() {
        true => (
            ErrorKind::SchemaMismatch,
            format!("{schema} lacks objects that exist, and nothing is dropped without consent"),
            Remedy::AllowDrop,
        ),
        false => (
            ErrorKind::NoAnswer,
            format!("{schema} does not say what was renamed and what was dropped"),
            Remedy::AnswerDraft,
        ),
    };
    let error = Error::new(kind, what).with_remedy(remedy);
    error.problems(problems).renames(renames).choices(drops)
}
