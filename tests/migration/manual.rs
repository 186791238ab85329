//! Every example of PHASES.md is run: the schema before, the step, a question, the answer.

use std::sync::Arc;
use std::time::Duration;

use phaseshift::database::OpenOptions;
use phaseshift::event::{Interrupt, Silent};
use phaseshift::files::RealFiles;
use phaseshift::history::VersionTables;
use phaseshift::migrate::{Migration, Project as Engine, Request, migrate_now};
use phaseshift::phase::{Chain, Target};
use support::Project;

/// A fenced block of the manual: its language, its text, and the heading above it.
struct Block<'m> {
    heading: &'m str,
    language: &'m str,
    text: String,
}

fn blocks(manual: &str) -> Vec<Block<'_>> {
    let (mut heading, mut open, mut blocks) = ("", None, Vec::new());
    for line in manual.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language, String::new())),
            (Some((language, text)), Some(_)) => {
                blocks.push(Block { heading, language, text: std::mem::take(text) });
                let _ = language;
                open = None;
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {
                if line.starts_with('#') {
                    heading = line.trim_start_matches(['#', ' ']);
                }
            }
        }
    }
    blocks
}

fn run(heading: &str, before: &str, (language, steps): (&str, &str), question: &str) -> String {
    let project = Project::empty();
    support::sqlite3(&project.database(), before);
    match language {
        "sql" => project.write_phase("example.sql", steps),
        _ if steps.starts_with("description") => project.write_phase("example.toml", steps),
        _ => project.write_phase("example.toml", &format!("description = \"{heading}\"\n{steps}")),
    }
    let options = OpenOptions {
        files: Arc::new(RealFiles),
        wait: Duration::from_secs(1),
        interrupt: Interrupt::default(),
    };
    let chain =
        Chain::read(&RealFiles, &project.phases()).unwrap_or_else(|it| panic!("{heading}: {it}"));
    let versions = VersionTables::named("schema_version");
    let engine = Engine::new(project.database(), None, chain, versions, options);
    let request = Request::up(Target::Head);
    let look = Migration::prepare(&engine, &request).unwrap_or_else(|it| panic!("{heading}: {it}"));
    let done = migrate_now(&engine, &request, look, &mut Silent);
    done.unwrap_or_else(|it| panic!("{heading}: {it} {:?}", it.causes())).report().unwrap();
    support::sqlite3(&project.database(), question)
}

#[test]
fn every_example_of_the_manual_does_what_it_says() {
    let manual =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/PHASES.md")).unwrap();
    let blocks = blocks(&manual);
    let mut covered = Vec::new();
    for four in blocks.windows(4) {
        let languages: Vec<&str> = four.iter().map(|block| block.language).collect();
        if !matches!(languages[..], ["sql", "toml" | "sql", "sql", "text"]) {
            continue;
        }
        let phase = (four[1].language, four[1].text.as_str());
        let answer = run(four[0].heading, &four[0].text, phase, &four[2].text);
        assert_eq!(answer.trim_end(), four[3].text.trim_end(), "{}", four[0].heading);
        covered.push(four[0].heading);
    }
    let schema = phaseshift::phase::json_schema();
    let ops = find_ops(&schema).expect("the names of all kinds of steps");
    for op in ops.iter().filter_map(|it| it.as_str()).chain(["Phases in SQL"]) {
        assert!(covered.contains(&op), "{op} has no example that runs");
    }
}

/// The list of the kinds of steps in the JSON Schema of phase files.
fn find_ops(schema: &serde_json::Value) -> Option<&Vec<serde_json::Value>> {
    match schema {
        serde_json::Value::Object(keys) => {
            let here = keys.get("op").and_then(|it| it["enum"].as_array());
            here.or_else(|| keys.values().find_map(find_ops))
        }
        serde_json::Value::Array(items) => items.iter().find_map(find_ops),
        _ => None,
    }
}
