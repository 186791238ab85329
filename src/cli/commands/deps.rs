//! `deps`: what depends on tables and views.

use std::collections::BTreeMap;

use phaseshift::Result;
use phaseshift::inspect::{Dependents, SchemaSource, dependents, dependents_on, schema_from};
use phaseshift::phase::{Chain, Target};
use serde_json::json;

use crate::cli::args::DepsArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;

/// Lists what depends on a table or view, or the layers of all views: of the database, or of what the
/// phases make where no database is named.
///
/// # Errors
/// Those of opening the database and reading the phases; as [`dependents_on`].
pub fn run(context: &Context, arguments: &DepsArgs) -> Result<CommandOutput> {
    let (path, source, chain) = match &context.settings.database {
        // The phases are not needed, and need not be there.
        Some(path) => (path.clone(), SchemaSource::Database, Chain::build(Vec::new())?),
        None => {
            let source = SchemaSource::Phases(Target::Heads);
            (context.folder.join("unused.db"), source, context.chain()?)
        }
    };
    let schema = schema_from(&context.project_at(path, chain), &source)?;
    let (text, found) = match &arguments.name {
        Some(name) => {
            let one = dependents_on(&schema, name)?;
            (shown(&one), vec![one])
        }
        None => {
            let all = dependents(&schema)?;
            (layers(&all), all)
        }
    };
    Ok(CommandOutput::done(text, json!({"objects": found})))
}

fn shown(one: &Dependents) -> String {
    let mut text = format!("{} {}\n", one.kind, escaped(&one.name));
    let lists = [
        ("views", &one.views),
        ("triggers", &one.triggers),
        ("indexes", &one.indexes),
        ("referenced by", &one.referenced_by),
    ];
    for (label, names) in lists {
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        text.push_str(&format!("  {label}: {}\n", escaped(names)));
    }
    text
}

/// The views by layers, and below each what it is needed by.
fn layers(all: &[Dependents]) -> String {
    let mut by_layer: BTreeMap<usize, Vec<&Dependents>> = BTreeMap::new();
    for one in all.iter().filter(|it| it.layer > 0 || !it.views.is_empty()) {
        by_layer.entry(one.layer).or_default().push(one);
    }
    if by_layer.is_empty() {
        return "No view depends on anything.\n".to_owned();
    }
    let mut text = String::new();
    for (layer, objects) in by_layer {
        let title = if layer == 0 { "Tables".to_owned() } else { format!("Views, layer {layer}") };
        text.push_str(&format!("{title}:\n"));
        for one in objects {
            let needed = match one.views.as_slice() {
                [] => String::new(),
                views => format!(": needed by {}", views.join(", ")),
            };
            text.push_str(&format!("  {}\n", escaped(format!("{}{needed}", one.name))));
        }
    }
    text
}
