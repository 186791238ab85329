//! The results of a fleet: told as they come, and summed up at the end.

use std::collections::BTreeMap;
use std::time::Instant;

use phaseshift::exit;
use phaseshift::fleet::{Entry, Member, Skipped, SkippedBecause, Stop, Tally};
use serde_json::{Value, json};

use super::Selected;
use super::outcome::{FileOutcome, Word, left_line};
use crate::cli::args::ProgressChoice;
use crate::cli::command_output::CommandOutput;
use crate::cli::context::{Context, Output};
use crate::cli::output;
use crate::cli::progress::FleetBar;
use crate::cli::screens::{counted, fleet as screen};

pub struct Results<'c> {
    context: &'c Context,
    command: &'static str,
    total: usize,
    done: usize,
    words: BTreeMap<String, Word>,
    failures: Vec<Value>,
    /// The failures as text.
    listed: String,
    tally: Tally,
    bar: FleetBar,
    bar_wanted: bool,
    since: Instant,
    undoing: bool,
}

impl<'c> Results<'c> {
    /// Begins a run of this number of files.
    pub fn new(context: &'c Context, command: &'static str, total: usize) -> Self {
        let wanted = context.terminal.bars
            && context.output == Output::Text
            && context.progress == ProgressChoice::Auto;
        Self {
            context,
            command,
            total,
            done: 0,
            words: BTreeMap::new(),
            failures: Vec::new(),
            listed: String::new(),
            tally: Tally::default(),
            bar: FleetBar::new(wanted, total),
            bar_wanted: wanted,
            since: Instant::now(),
            undoing: false,
        }
    }

    /// Begins to undo this number of files.
    pub fn undo(&mut self, files: usize) {
        self.bar.finish();
        let undoing = counted(files, "file", "files");
        self.context.remark(&format!("Too many files failed: undoing {undoing} of this run."));
        (self.undoing, self.done) = (true, 0);
        self.bar = FleetBar::new(self.bar_wanted, files);
    }

    /// Takes the outcome of a file and tells it.
    pub fn take(&mut self, member: &Member, outcome: FileOutcome) {
        let word = outcome.word();
        self.done += 1;
        self.words.insert(member.relative.clone(), word);
        let line = outcome.line(self.command, member);
        self.tally.note(&member.relative, Entry::of_document(&line));
        if word == Word::Failed || word == Word::No {
            self.fail(member, &outcome);
        }
        self.tell(member, (&outcome, word), &line);
        let failed = self.failures.len();
        if self.context.progress == ProgressChoice::Json {
            output::event(&json!({
                "event": "fleet", "done": self.done, "total": self.total, "failed": failed,
                "file": member.relative, "outcome": word.code(),
            }));
        }
        self.bar.progress(self.done, failed);
    }

    fn fail(&mut self, member: &Member, outcome: &FileOutcome) {
        let style = self.context.terminal.out;
        self.listed.push_str(&screen::failure(&member.relative, outcome, style));
        let failure = match &outcome.result {
            Err(failure) => json!({
                "file": member.relative,
                "kind": failure.error.kind().code(),
                "message": failure.error.to_string(),
                "next": failure.advice.next,
            }),
            Ok(answer) => json!({"file": member.relative, "kind": "no", "message": null,
                "exit_code": answer.exit, "next": []}),
        };
        self.failures.push(failure);
    }

    fn tell(&mut self, member: &Member, (outcome, word): (&FileOutcome, Word), document: &Value) {
        let context = self.context;
        match context.output {
            // A reader that went away does not stop the work; the end of the command reports it.
            Output::Json => drop(output::document_line(document)),
            Output::Text if word != Word::UpToDate || context.verbose => {
                let line = screen::line(&member.relative, outcome, context.terminal.out);
                self.bar.around(|| context.say(&line));
            }
            Output::Text | Output::Quiet => {}
        }
    }

    pub fn finish(
        mut self,
        (stop, left): (Option<Stop>, &[&Member]),
        selected: &Selected<'_>,
    ) -> CommandOutput {
        self.bar.finish();
        for member in left {
            self.words.insert(member.relative.clone(), Word::Left);
            let entry = Entry {
                outcome: Word::Left.code().to_owned(),
                was_up_to_date: false,
                version: None,
                rows: None,
            };
            self.tally.note(&member.relative, entry);
            if self.context.output == Output::Json {
                drop(output::document_line(&left_line(self.command, member)));
            }
        }
        let left: Vec<&str> = self.of(Word::Left).collect();
        let unfinished = self.undoing || !left.is_empty();
        let interrupted = stop == Some(Stop::Interrupted) && unfinished;
        let stop = stop.filter(|it| *it != Stop::Interrupted || interrupted);
        let counts = screen::Counts {
            files: self.total,
            done: self.of(Word::Done).count(),
            up_to_date: self.of(Word::UpToDate).count(),
            planned: self.of(Word::Planned).count(),
            no: self.of(Word::No).count(),
            failed: self.of(Word::Failed).count(),
            left: left.len(),
            undone: self.of(Word::Undone).count(),
        };
        let text = screen::summary(&counts, (&self.listed, &left), stop, self.context.terminal.out);
        let report = json!({"summary": {
            "selection": selected.text,
            "shard": selected.shard.map(|it| it.to_string()),
            "fleet": {
                "files": selected.found.members.len(),
                "digest": names_digest(&selected.found.members),
            },
            "files": counts.files,
            "done": counts.done,
            "up_to_date": counts.up_to_date,
            "planned": counts.planned,
            "no": counts.no,
            "failed": counts.failed,
            "left": counts.left,
            "undone": counts.undone,
            "stopped": stop.map(Stop::code),
            "failures": self.failures,
            "left_files": left,
            "skipped": selected.found.skipped.iter().map(skipped).collect::<Vec<_>>(),
            "digest": self.tally.digest(),
            "seconds": self.since.elapsed().as_secs_f64(),
        }});
        let mut answer = CommandOutput::done(text, report).after_lines();
        answer.exit = match counts.failed + counts.no + counts.left + counts.undone {
            _ if interrupted => exit::INTERRUPTED,
            0 => exit::DONE,
            _ => exit::NO,
        };
        answer
    }

    fn of(&self, word: Word) -> impl Iterator<Item = &str> {
        self.words.iter().filter(move |it| *it.1 == word).map(|it| it.0.as_str())
    }
}

/// The digest of the names of a fleet: shards that saw different files have different ones.
fn names_digest(members: &[Member]) -> String {
    let mut names = Tally::default();
    for member in members {
        let entry =
            Entry { outcome: String::new(), was_up_to_date: false, version: None, rows: None };
        names.note(&member.relative, entry);
    }
    names.digest()
}

fn skipped(skipped: &Skipped) -> Value {
    let same = match &skipped.because {
        SkippedBecause::SameAs(other) => Some(other),
        SkippedBecause::Backup | SkippedBecause::HalfMade | SkippedBecause::Journal => None,
    };
    json!({"file": skipped.relative, "reason": skipped.because.code(), "same_as": same})
}
