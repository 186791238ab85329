//! `deps`: what depends on tables and views.

use std::collections::BTreeMap;

use phaseshift::Result;
use phaseshift::database::Access;
use phaseshift::inspect::{
    Dependencies, Dependents, SchemaSource, dependencies, dependencies_in, schema_from,
};
use phaseshift::name::same;
use phaseshift::phase::{Chain, Target};
use phaseshift::schema::read;
use serde_json::json;

use crate::cli::args::{DepsArgs, GraphFormat};
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::output::escaped;
use crate::cli::page::label;

/// Lists what depends on a table or view, or the layers of all views: of the database, or of what the
/// phases make where no database is named.
pub fn run(context: &Context, arguments: &DepsArgs) -> Result<CommandOutput> {
    let found = found(context)?;
    let found = match &arguments.name {
        Some(name) => around(&found, name)?,
        None => found,
    };
    let text = match (arguments.format, &arguments.name) {
        (GraphFormat::Mermaid, _) => mermaid(&found),
        (GraphFormat::Text | GraphFormat::Json, Some(name)) => shown(found.of(name)?),
        (GraphFormat::Text | GraphFormat::Json, None) => layers(&found.objects),
    };
    // Of one object, the document lists that object alone.
    let objects: Vec<&Dependents> = match &arguments.name {
        Some(name) => vec![found.of(name)?],
        None => found.objects.iter().collect(),
    };
    let report = json!({"objects": objects, "triggers": found.triggers});
    let output = CommandOutput::done(text, report);
    Ok(match arguments.format {
        GraphFormat::Mermaid => output.for_programs(),
        GraphFormat::Text | GraphFormat::Json => output,
    })
}

fn found(context: &Context) -> Result<Dependencies> {
    if let Some(path) = &context.settings.database {
        // The phases are not needed, and need not be there.
        let project = context.project_at(path.clone(), Chain::default());
        let database = project.open(Access::ReadOnly)?;
        return dependencies_in(&database, &project.own(&read(database.connection())?));
    }
    let source = SchemaSource::Phases(Target::Heads);
    let project = context.project_of(context.chain()?);
    dependencies(&schema_from(&project, &source)?)
}

/// Returns the object and what depends on it.
fn around(all: &Dependencies, name: &str) -> Result<Dependencies> {
    let one = all.of(name)?;
    let any = |names: &[String], name: &str| names.iter().any(|it| same(it, name));
    let near = |it: &&Dependents| {
        same(&it.name, &one.name)
            || any(&one.views, &it.name)
            || (it.layer == 0 && any(&one.referenced_by, &it.name))
    };
    let objects = all.objects.iter().filter(near).cloned().collect();
    let triggers = all.triggers.iter().filter(|it| any(&one.triggers, &it.name)).cloned().collect();
    Ok(Dependencies { objects, triggers })
}

/// A flowchart: views and triggers point to what they use, tables to those that their foreign keys name.
fn mermaid(found: &Dependencies) -> String {
    let number: BTreeMap<&str, usize> =
        found.objects.iter().enumerate().map(|(at, it)| (it.name.as_str(), at)).collect();
    let mut text = "flowchart LR\n".to_owned();
    for (at, one) in found.objects.iter().enumerate() {
        let name = label(&one.name);
        text.push_str(&match one.kind {
            "view" => format!("  n{at}([\"{name}\"])\n"),
            _ => format!("  n{at}[\"{name}\"]\n"),
        });
    }
    for (at, trigger) in found.triggers.iter().enumerate() {
        text.push_str(&format!("  t{at}{{{{\"{}\"}}}}\n", label(&trigger.name)));
    }
    for (at, one) in found.objects.iter().enumerate() {
        for to in one.reads.iter().filter_map(|it| number.get(it.as_str())) {
            text.push_str(&format!("  n{at} --> n{to}\n"));
        }
        for from in one.referenced_by.iter().filter_map(|it| number.get(it.as_str())) {
            text.push_str(&format!("  n{from} -. references .-> n{at}\n"));
        }
    }
    for (at, trigger) in found.triggers.iter().enumerate() {
        for name in &trigger.uses {
            let Some(to) = number.get(name.as_str()) else { continue };
            text.push_str(&match same(name, &trigger.table) {
                true => format!("  n{to} -- fires --> t{at}\n"),
                false => format!("  t{at} --> n{to}\n"),
            });
        }
    }
    text
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
        return "There are no views that depend on anything.\n".to_owned();
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
