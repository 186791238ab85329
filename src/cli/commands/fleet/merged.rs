//! `fleet report`: the results of several runs as one.

use std::collections::BTreeMap;
use std::io::Read as _;

use phaseshift::Result;
use phaseshift::error::file_error;
use phaseshift::fleet::{Entry, Merge, Merged, discover};
use serde_json::json;

use super::selection;
use crate::cli::args::FleetReportArgs;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::Context;
use crate::cli::screens::fleet as screen;

/// Merges the results of several runs.
pub fn report(context: &Context, arguments: &FleetReportArgs) -> Result<CommandOutput> {
    let files = context.files();
    let expected = match &arguments.all {
        Some(text) => {
            let selection = selection(context, text)?;
            let found = discover(&selection, context.settings.backups.as_deref(), files.as_ref())?;
            Some(found.members)
        }
        None => None,
    };
    let root = arguments.all.as_ref().map(|text| context.folder.join(text));
    let root = root.map(|root| files.canonical(&root).unwrap_or(root));
    let mut merge = Merge::default();
    for path in &arguments.results {
        let path = context.folder.join(path);
        // The results of a large fleet are larger than what counts as a text.
        let mut bytes = Vec::new();
        let read = files.reader(&path).and_then(|mut reader| reader.read_to_end(&mut bytes));
        read.map_err(|error| file_error("read", &path, error))?;
        let source = context.shown(&path);
        merge.add(&source, &String::from_utf8_lossy(&bytes), root.as_deref());
    }
    let merged = merge.finish(expected.as_deref());
    let mut words: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in merged.tally.entries().values() {
        *words.entry(word(entry)).or_default() += 1;
    }
    let text = screen::merged(&merged, &words, context.terminal.out);
    let report = document(&merged, &words);
    Ok(CommandOutput::done(text, report).is(merged.is_whole()))
}

fn document(merged: &Merged, words: &BTreeMap<&str, u64>) -> serde_json::Value {
    let entries = merged.tally.entries();
    let bad = entries.iter().filter(|(_, entry)| !entry.is_ok());
    let count = |name: &str| words.get(name).copied().unwrap_or(0);
    let doubled =
        merged.doubled.iter().map(|(file, results)| json!({"file": file, "results": results}));
    json!({
        "files": entries.len(),
        "done": count("ok"),
        "no": count("no"),
        "failed": count("failed"),
        "left": count("left"),
        "undone": count("undone"),
        "rows": entries.values().filter_map(|it| it.rows).sum::<u64>(),
        "failures": bad.map(|(file, it)| json!({"file": file, "kind": it.outcome})).collect::<Vec<_>>(),
        "missing": merged.missing,
        "missing_count": merged.missing_count,
        "missing_shards": merged.missing_shards,
        "doubled": doubled.collect::<Vec<_>>(),
        "truncated": merged.truncated,
        "unreadable": merged.unreadable,
        "contradictions": merged.contradictions,
        "digest": merged.tally.digest(),
    })
}

/// The word for an outcome; every code of an error is a failure.
fn word(entry: &Entry) -> &'static str {
    match entry.outcome.as_str() {
        "ok" => "ok",
        "no" => "no",
        "left" => "left",
        "undone" => "undone",
        _ => "failed",
    }
}
