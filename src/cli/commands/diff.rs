//! `diff`: how the schema of a file, of the phases, and the desired one differ.

use phaseshift::compare::{ComparedObject, SchemaComparison, Verdict, Weight, Wording};
use phaseshift::files::{FileKind, is_database};
use phaseshift::inspect::{SchemaSource, compare_sources, schema_from};
use phaseshift::migrate::script_between;
use phaseshift::phase::{Chain, Target};
use phaseshift::text::similar;
use phaseshift::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::cli::args::DiffArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::screens::counted;
use crate::cli::terminal::Style;

/// The words for places, beside targets and files.
const PLACES: [&str; 3] = ["database", "applied", "schema"];

/// Lists the differences; the answer is no if there is one.
pub fn run(context: &Context, arguments: &DiffArgs) -> Result<CommandOutput> {
    let chain = context.chain_if_there()?;
    let has_file = context.settings.database.is_some();
    let default = if has_file { ("database", "applied") } else { ("head", "schema") };
    let places = (arguments.a.as_deref(), arguments.b.as_deref());
    let from = places.0.or(arguments.from.as_deref()).unwrap_or(default.0);
    let to = places.1.or(arguments.to.as_deref()).unwrap_or(default.1);
    let (from, to) = (source(context, &chain, from)?, source(context, &chain, to)?);
    let needs_file =
        [&from, &to].iter().any(|it| matches!(it, SchemaSource::Database | SchemaSource::Applied));
    let project = match needs_file {
        true => context.project_at(context.settings.need_database()?.to_path_buf(), chain),
        false => context.project_of(chain),
    };
    let found = compare_sources(&project, &from, &to)?;
    let (left, right) = (in_words(context, &from), in_words(context, &to));
    if arguments.sql {
        let sql = match found.is_same() {
            true => String::new(),
            false => {
                let (have, want) = (schema_from(&project, &from)?, schema_from(&project, &to)?);
                let purpose = format!("changes {left} to match {right}");
                script_between(&project, (&have, &want), &purpose)?
            }
        };
        let report = json!({"equal": found.is_same(), "sql": sql});
        return Ok(CommandOutput::done(sql, report).for_programs().is(found.is_same()));
    }
    // `stamp` compares a file with phases.
    let is_stamped = matches!(&from, SchemaSource::Database | SchemaSource::File(_))
        && matches!(&to, SchemaSource::Applied | SchemaSource::Phases(_));
    let text = text((&found, is_stamped), (&left, &right), context.terminal.out);
    let lines: Vec<String> =
        found.differing().flat_map(|it| it.lines(Wording::Unexpected)).collect();
    let shown = found.objects.iter().filter(|it| it.verdict != Verdict::Identical);
    let report = json!({
        "from": left,
        "to": right,
        "equal": found.is_same(),
        "identical": found.is_identical(),
        "differences": lines,
        "objects": shown.map(object_json).collect::<Vec<_>>(),
    });
    Ok(CommandOutput::done(text, report).is(found.is_same()))
}

/// The differences, of a file those marked that do not stop a `stamp`, and how many there are.
fn text(
    (found, is_stamped): (&SchemaComparison, bool),
    (left, right): (&str, &str),
    style: Style,
) -> String {
    let (mut lines, mut count) = (String::new(), 0);
    let only_in = Wording::OnlyIn { found: left, expected: right };
    for (weight, line) in found.differing().flat_map(|it| it.weighed_lines(only_in)) {
        let small =
            if is_stamped && weight == Weight::Small { " (does not stop a stamp)" } else { "" };
        lines.push_str(&format!("{} {}{small}\n", style.no(), escaped(line)));
        count += 1;
    }
    let (left, right) = (escaped(left), escaped(right));
    let mut text = match count {
        0 => format!("{} {left} has the schema of {right}.\n", style.ok()),
        count => {
            let count = counted(count, "difference", "differences");
            format!("{left} compared with {right}: {count}\n{lines}")
        }
    };
    let reworded: Vec<String> = found.reworded().map(ComparedObject::title).collect();
    if !reworded.is_empty() {
        let names = escaped(reworded.join(", "));
        text.push_str(&format!("Same definition, different text: {names}.\n"));
    }
    text
}

/// An object that is not identical, for JSON.
fn object_json(object: &ComparedObject) -> Value {
    let found = match &object.verdict {
        Verdict::Differs(found) => found.as_slice(),
        Verdict::Identical | Verdict::SameMeaning | Verdict::Missing | Verdict::Unexpected => &[],
    };
    let weight = |weight: Weight| match weight {
        Weight::Small => "small",
        Weight::Serious => "serious",
    };
    let what: Vec<Value> = found
        .iter()
        .map(|difference| {
            json!({
                "codes": difference.codes(),
                "weight": weight(difference.weight()),
                "message": object.line(difference, Wording::Unexpected),
            })
        })
        .collect();
    json!({
        "kind": object.kind.word(),
        "name": object.name,
        "table": object.table,
        "verdict": object.verdict.code(),
        "weight": weight(object.weight()),
        "what": what,
    })
}

fn source(context: &Context, chain: &Chain, text: &str) -> Result<SchemaSource> {
    match text {
        "database" => return Ok(SchemaSource::Database),
        "applied" => return Ok(SchemaSource::Applied),
        "schema" => return Ok(SchemaSource::Desired(context.settings.schema.clone())),
        _ => {}
    }
    let path = context.folder.join(text);
    let looks_like_path = text.ends_with(".sql") || text.contains('/');
    // An id may have the name of a file: a path with a slash says which is meant.
    if !looks_like_path && chain.resolve_id(text).is_ok() {
        return Target::parse(text).map(SchemaSource::Phases);
    }
    let kind = context.files().stat(&path).ok().flatten().map(|stat| stat.kind);
    match kind {
        Some(FileKind::File) if is_database(context.files().as_ref(), &path).unwrap_or(false) => {
            Ok(SchemaSource::File(path))
        }
        Some(FileKind::File | FileKind::Folder) => Ok(SchemaSource::Desired(path)),
        Some(FileKind::Other) | None if looks_like_path => Ok(SchemaSource::Desired(path)),
        Some(FileKind::Other) | None => {
            let target = Target::parse(text).and_then(|target| chain.applied_at(&target));
            if target.is_err_and(|error| error.kind() == ErrorKind::UnknownTarget)
                && let Some(near) = similar(text, PLACES)
            {
                let what = format!("no phase or file is called {text}");
                return Err(Error::new(ErrorKind::UnknownTarget, what).choices([near]));
            }
            Target::parse(text).map(SchemaSource::Phases).map_err(|error| {
                let what = format!(
                    "{error}: a place is database, applied, schema, a target, a database file, \
                     or a file or folder of SQL"
                );
                Error::new(ErrorKind::Arguments, what)
            })
        }
    }
}

fn in_words(context: &Context, source: &SchemaSource) -> String {
    match source {
        SchemaSource::Database => match &context.settings.database {
            Some(path) => context.shown(path),
            None => "the database".to_owned(),
        },
        SchemaSource::Applied => "the applied phases".to_owned(),
        SchemaSource::Phases(target) => format!("the phases up to {target}"),
        SchemaSource::Desired(path) | SchemaSource::File(path) => context.shown(path),
    }
}
