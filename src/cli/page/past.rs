//! The page of a finished run, made from what the database and the backup record of it.

use phaseshift::backup::BackupEntry;
use phaseshift::history::{HistoryRow, KeptObject, UndoRecord};

use super::document;
use super::html::Html;
use super::parts::{facts, foot, grouped, heading, list, row, table};
use crate::cli::screens::time::{local, recorded};
use crate::cli::screens::{counted, sized};

/// What is recorded of one phase of a run.
#[derive(Debug)]
pub struct PastPhase<'h> {
    pub event: &'h HistoryRow,
    /// Its description, if the history keeps the phase.
    pub description: Option<String>,
    /// What was done, in words.
    pub steps: Vec<String>,
    /// The phase, or what undid it, as the history keeps it.
    pub text: Option<String>,
    pub objects: Option<UndoRecord>,
    /// Whether a later run undid it, or applied it again.
    pub later: Option<&'static str>,
}

#[derive(Debug)]
pub struct PastRun<'h> {
    /// The database as a person names it.
    pub place: String,
    /// Its phases, in order.
    pub phases: Vec<PastPhase<'h>>,
    /// The backup from before it, if it is still there.
    pub backup: Option<&'h BackupEntry>,
    /// What to do next: why, and the command.
    pub next: Vec<(String, String)>,
    pub made: String,
}

const UNKNOWN: &str = "not recorded";

/// What only the page of the run itself can show.
const NOT_KEPT: &str = "The database keeps neither what each check found nor how long each part took. \
    A page that the run itself writes, with --report, shows both.";

pub fn past_page(run: &PastRun<'_>) -> String {
    let headline = headline(run);
    document(&format!("Report: {headline}"), |html| {
        html.element("h1", &[], &headline);
        html.element("p", &[("class", "path quiet")], &run.place);
        let state = "Done: read from the records of the database";
        html.element("p", &[("class", "state done")], state);
        summary(html, run);
        later(html, run);
        phases(html, run);
        for phase in &run.phases {
            one_phase(html, phase);
        }
        backup(html, run);
        heading(html, "What is not recorded");
        html.element("p", &[], NOT_KEPT);
        foot(html, &run.next, &run.made);
    })
}

fn headline(run: &PastRun<'_>) -> String {
    match run.phases.as_slice() {
        [only] => titled(only),
        several => {
            let ids = crate::text::list(several.iter().map(|it| &it.event.id));
            format!("{}: {ids}", counted(several.len(), "phase", "phases"))
        }
    }
}

fn verb(event: &HistoryRow) -> &str {
    match event.direction.as_str() {
        "up" => "Applied",
        "down" => "Undone",
        "stamp" => "Recorded",
        "unstamp" => "Record removed",
        other => other,
    }
}

fn titled(phase: &PastPhase<'_>) -> String {
    let (verb, id) = (verb(phase.event), &phase.event.id);
    match &phase.description {
        Some(description) => format!("{verb} {id}: {description}"),
        None => format!("{verb} {id}"),
    }
}

fn summary(html: &mut Html, run: &PastRun<'_>) {
    let before = run.backup.and_then(|it| it.manifest.as_ref()).and_then(|it| it.version);
    let ran = || run.phases.iter().rev().map(|it| it.event).find(|it| it.ran());
    let rows = ran().and_then(|it| it.rows_proven).map_or_else(|| UNKNOWN.to_owned(), grouped);
    let finished = ran().and_then(|it| it.finished_at.as_deref()).map(recorded);
    let mut all = vec![
        ("Finished", finished.unwrap_or_else(|| UNKNOWN.to_owned())),
        ("Phases", run.phases.len().to_string()),
        ("Rows proven", rows),
    ];
    if let Some(version) = before {
        all.push(("Version before", version.to_string()));
    }
    facts(html, all);
}

fn later(html: &mut Html, run: &PastRun<'_>) {
    let line = |it: &PastPhase<'_>| Some(format!("{} {}", it.event.id, it.later?));
    let lines: Vec<String> = run.phases.iter().filter_map(line).collect();
    if !lines.is_empty() {
        html.within("div", &[("class", "note")], |html| {
            html.element("strong", &[], "Since this run");
            list(html, lines);
        });
    }
}

fn phases(html: &mut Html, run: &PastRun<'_>) {
    heading(html, "What was recorded");
    let head = ["Phase", "What happened", "Version", "Finished", "Rows proven", "Release"];
    table(html, &head, |html| {
        for PastPhase { event, .. } in &run.phases {
            let or_unknown = |it: Option<String>| it.unwrap_or_else(|| UNKNOWN.to_owned());
            let finished = or_unknown(event.finished_at.as_deref().map(recorded));
            let rows = or_unknown(event.rows_proven.map(grouped));
            let release = or_unknown(event.tool_version.clone());
            let version = event.version.to_string();
            let plain = [verb(event), &version, &finished, &rows, &release].map(|it| ("", it));
            row(html, &[&[("name", event.id.as_str())], plain.as_slice()].concat());
        }
    });
}

fn one_phase(html: &mut Html, phase: &PastPhase<'_>) {
    if !phase.event.ran() {
        return;
    }
    html.element("h3", &[], titled(phase));
    list(html, phase.steps.iter().map(|it| capitalized(it)));
    match &phase.text {
        Some(text) => folded(html, "The steps, as the history keeps them", &[("", text)]),
        None => {
            let text = "The history keeps no steps of this run.";
            html.element("p", &[("class", "quiet")], text);
        }
    }
    let Some(objects) = &phase.objects else { return };
    for object in &objects.before {
        let after = objects.after.iter().find(|it| it.names(object));
        match after {
            Some(after) => {
                let texts = [("Before", object.sql.as_str()), ("After", after.sql.as_str())];
                folded(html, &named(object, "changed"), &texts);
            }
            None => folded(html, &named(object, "no longer there"), &[("Before", &object.sql)]),
        }
    }
    let is_new = |it: &&KeptObject| !objects.before.iter().any(|old| old.names(it));
    for object in objects.after.iter().filter(is_new) {
        folded(html, &named(object, "new"), &[("After", &object.sql)]);
    }
}

fn named(object: &KeptObject, what: &str) -> String {
    capitalized(&format!("{} {}: {what}", object.kind, object.name))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|it| it.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Writes texts that are shown when asked for.
fn folded(html: &mut Html, summary: &str, texts: &[(&str, &str)]) {
    html.within("details", &[], |html| {
        html.element("summary", &[], summary);
        for (label, text) in texts {
            if !label.is_empty() {
                html.element("p", &[("class", "quiet")], label);
            }
            html.within("pre", &[("tabindex", "0")], |html| html.lines(text));
        }
    });
}

fn backup(html: &mut Html, run: &PastRun<'_>) {
    heading(html, "Backup");
    let named = run.phases.iter().find_map(|it| it.event.backup.as_deref());
    let Some(entry) = run.backup else {
        let text = match named {
            Some(path) => format!("{path} is not among the backups of this database."),
            None => "No backup is recorded.".to_owned(),
        };
        html.element("p", &[], text);
        return;
    };
    html.element("p", &[("class", "path")], entry.path.display());
    let Some(manifest) = &entry.manifest else {
        html.element("p", &[], "Its manifest is missing or damaged.");
        return;
    };
    let made = manifest.created().map_or_else(|| manifest.created.clone(), local);
    let verified = match entry.is_verified() {
        true => "row by row".to_owned(),
        false => entry.doubt().unwrap_or("no").to_owned(),
    };
    facts(html, vec![("Made", made), ("Size", sized(manifest.bytes)), ("Verified", verified)]);
    html.element("h3", &[], "Rows before the run");
    table(html, &["Table", "Rows"], |html| {
        for counted in &manifest.tables {
            row(html, &[("name", &counted.table), ("number", &grouped(counted.rows))]);
        }
    });
}
