//! Merging the results of several runs: shards, or single files by GNU parallel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::member::Member;
use super::tally::{Entry, Tally};

/// The results of several runs, as they are read.
#[derive(Debug, Default)]
pub struct Merge {
    tally: Tally,
    /// Where each file was read, the last place last.
    sources: BTreeMap<String, Vec<String>>,
    /// The summaries: the shard, the number of files of the fleet and the digest of their names.
    summaries: Vec<Summary>,
    truncated: Vec<String>,
    unreadable: Vec<String>,
}

#[derive(Debug)]
struct Summary {
    source: String,
    shard: Option<(u32, u32)>,
    files: u64,
    names: String,
}

/// What several runs did together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The outcomes of the files.
    pub tally: Tally,
    /// Files that several results name, with the results.
    pub doubled: BTreeMap<String, Vec<String>>,
    /// Files of the selection that no result names.
    pub missing: Vec<String>,
    /// How many files of the fleet no result names, as the summaries count them.
    pub missing_count: u64,
    /// Shards without a summary, as `I/N`.
    pub missing_shards: Vec<String>,
    /// Results whose last line was cut off.
    pub truncated: Vec<String>,
    /// Results that are no JSON of this program.
    pub unreadable: Vec<String>,
    /// What contradicts itself, one sentence each.
    pub contradictions: Vec<String>,
}

impl Merged {
    /// Returns whether every file is there, once, and ended well.
    pub fn is_whole(&self) -> bool {
        self.doubled.is_empty()
            && self.missing.is_empty()
            && self.missing_count == 0
            && self.missing_shards.is_empty()
            && self.truncated.is_empty()
            && self.unreadable.is_empty()
            && self.contradictions.is_empty()
            && self.tally.entries().values().all(Entry::is_ok)
    }
}

impl Merge {
    /// Adds the output of a run: JSON lines, or documents one after the other. Documents without a relative path get
    /// that of their database below `root`. Within one output, the last line about a file counts.
    pub fn add(&mut self, source: &str, text: &str, root: Option<&Path>) {
        let documents = match by_lines(text) {
            Ok(documents) => documents,
            Err(Broken::AtEnd(documents)) => {
                self.truncated.push(source.to_owned());
                documents
            }
            Err(Broken::Within) => match by_documents(text) {
                (documents, true) => documents,
                (documents, false) if documents.is_empty() => {
                    self.unreadable.push(source.to_owned());
                    documents
                }
                (documents, false) => {
                    self.truncated.push(source.to_owned());
                    documents
                }
            },
        };
        for document in documents {
            self.add_document(source, &document, root);
        }
    }

    fn add_document(&mut self, source: &str, document: &Value, root: Option<&Path>) {
        if let Some(summary) = document.get("summary") {
            self.summaries.push(Summary {
                source: source.to_owned(),
                shard: summary["shard"].as_str().and_then(numbers),
                files: summary["fleet"]["files"].as_u64().unwrap_or(0),
                names: summary["fleet"]["digest"].as_str().unwrap_or_default().to_owned(),
            });
            return;
        }
        let Some(file) = name_of(document, root) else {
            if !self.unreadable.iter().any(|it| it == source) {
                self.unreadable.push(source.to_owned());
            }
            return;
        };
        self.tally.note(&file, Entry::of_document(document));
        let sources = self.sources.entry(file).or_default();
        if sources.last().is_none_or(|last| last != source) {
            sources.push(source.to_owned());
        }
    }

    /// Sums up. `expected` are the files that must be there.
    pub fn finish(self, expected: Option<&[Member]>) -> Merged {
        let mut merged = Merged {
            missing_shards: self.missing_shards(),
            contradictions: self.contradictions(),
            truncated: self.truncated,
            unreadable: self.unreadable,
            ..Merged::default()
        };
        let found = self.tally.entries();
        let expected = expected.unwrap_or_default().iter();
        let missing = expected.map(|it| &it.relative).filter(|it| !found.contains_key(*it));
        merged.missing = missing.cloned().collect();
        let files = self.summaries.iter().map(|it| it.files).max().unwrap_or(0);
        merged.missing_count =
            files.saturating_sub(found.len() as u64).max(merged.missing.len() as u64);
        merged.doubled =
            self.sources.into_iter().filter(|(_, sources)| sources.len() > 1).collect();
        merged.tally = self.tally;
        merged
    }

    fn missing_shards(&self) -> Vec<String> {
        let seen: BTreeSet<(u32, u32)> = self.summaries.iter().filter_map(|it| it.shard).collect();
        let counts: BTreeSet<u32> = seen.iter().map(|(_, count)| *count).collect();
        counts
            .into_iter()
            .flat_map(|count| (1..=count).map(move |number| (number, count)))
            .filter(|shard| !seen.contains(shard))
            .map(|(number, count)| format!("{number}/{count}"))
            .collect()
    }

    fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut seen: BTreeMap<(u32, u32), &str> = BTreeMap::new();
        for summary in &self.summaries {
            let Some(shard) = summary.shard else { continue };
            if let Some(other) = seen.insert(shard, &summary.source) {
                let (number, count) = shard;
                found.push(format!(
                    "{other} and {} are both shard {number}/{count}",
                    summary.source
                ));
            }
        }
        let counts: BTreeSet<u32> = seen.keys().map(|(_, count)| *count).collect();
        if counts.len() > 1 {
            let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
            found.push(format!("the fleet was cut into {} shards", counts.join(" and ")));
        }
        if let Some(first) = self.summaries.first() {
            let others = self.summaries.iter().filter(|it| it.names != first.names);
            found.extend(
                others.map(|other| {
                    format!("{} and {} saw different files", first.source, other.source)
                }),
            );
        }
        found
    }
}

impl Entry {
    /// Reads the entry from the JSON document of a file.
    pub fn of_document(document: &Value) -> Self {
        let outcome = match document["outcome"].as_str() {
            Some("done" | "up-to-date") => "ok",
            Some("failed") | None => {
                match (document["ok"].as_bool(), document["exit_code"].as_u64()) {
                    (Some(true), _) => "ok",
                    (_, Some(3)) => "no",
                    _ => document["error"]["kind"].as_str().unwrap_or("failed"),
                }
            }
            Some(word) => word,
        };
        let number = |name: &str| document.get(name).and_then(Value::as_i64);
        Self {
            outcome: outcome.to_owned(),
            was_up_to_date: document["outcome"].as_str() == Some("up-to-date"),
            version: number("to").or_else(|| number("version")),
            rows: number("rows_proven").and_then(|rows| rows.try_into().ok()),
        }
    }

    /// Returns whether the file ended well.
    pub fn is_ok(&self) -> bool {
        self.outcome == "ok"
    }
}

/// The relative path of the file that a document is about.
fn name_of(document: &Value, root: Option<&Path>) -> Option<String> {
    if let Some(file) = document.get("file").and_then(Value::as_str) {
        return Some(file.to_owned());
    }
    let database = document.get("database").or_else(|| document.get("error")?.get("database"));
    let path = Path::new(database?.as_str()?);
    let below = root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path);
    Some(below.display().to_string())
}

fn numbers(shard: &str) -> Option<(u32, u32)> {
    let (number, count) = shard.split_once('/')?;
    Some((number.parse().ok()?, count.parse().ok()?))
}

/// Why a text is not one document on each line.
enum Broken {
    /// The last line is cut off; these came before.
    AtEnd(Vec<Value>),
    /// It is something else.
    Within,
}

fn by_lines(text: &str) -> Result<Vec<Value>, Broken> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut documents = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(document) if document.is_object() => documents.push(document),
            _ if place > 0 && place + 1 == lines.len() => return Err(Broken::AtEnd(documents)),
            _ => return Err(Broken::Within),
        }
    }
    Ok(documents)
}

/// Reads documents that follow each other, and whether all of the text was read.
fn by_documents(text: &str) -> (Vec<Value>, bool) {
    let mut documents = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match document {
            Ok(document) if document.is_object() => documents.push(document),
            _ => return (documents, false),
        }
    }
    (documents, true)
}
