//! The journal of a run over many files: one JSON document per line, each durable before the run goes on.
//!
//! What a file holds is in the file; the journal adds what the files cannot tell: which of them this run migrated and
//! where they were before, so that an undo that was killed is resumed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::Files;
use crate::phase::PhaseId;

/// The version of the form of the lines. Fields are added, never renamed.
const FORMAT: u32 = 1;

/// Only the owner may read which databases there are.
const MODE: u32 = 0o600;

/// What a run is: a journal is resumed only by the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalHead {
    /// What was selected, as the person wrote it.
    pub selection: String,
    pub target: String,
    /// The part of the fleet, as `I/N`.
    pub shard: Option<String>,
    pub phases: String,
}

/// One line of a journal. What a run is and when it was resumed is written by [`Journal::open`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum JournalLine {
    Run {
        format: u32,
        at: String,
        #[serde(flatten)]
        head: JournalHead,
    },
    Resume {
        at: String,
    },
    /// A file is about to be migrated from these phases.
    Start {
        file: String,
        before: Vec<String>,
    },
    /// A file was migrated.
    Done {
        file: String,
        version: Option<i64>,
    },
    /// A file failed, and is as before.
    Failed {
        file: String,
        kind: String,
    },
    /// From here on files are undone.
    Undo,
    Undone {
        file: String,
    },
    UndoFailed {
        file: String,
        kind: String,
    },
    /// The run came to its end: it is not resumed.
    End {
        exit_code: u8,
    },
}

/// What a journal knows of a file that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The phases that were current before.
    pub before: Vec<PhaseId>,
    /// Whether the run knows that it migrated the file; if not, the file itself tells.
    pub done: bool,
}

/// What a run has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunState {
    /// The files that were begun, did not fail, and were not undone, by their relative paths.
    pub begun: BTreeMap<String, Begun>,
    pub undoing: bool,
}

impl RunState {
    /// Follows a line of the journal.
    pub fn pass(&mut self, line: &JournalLine) {
        match line {
            JournalLine::Start { file, before } => {
                let before = before.iter().filter_map(|id| PhaseId::new(id)).collect();
                // A resumed run does not begin again where the first one began.
                let place = self.begun.entry(file.clone());
                place.or_insert(Begun { before, done: false });
            }
            JournalLine::Done { file, .. } => {
                if let Some(begun) = self.begun.get_mut(file) {
                    begun.done = true;
                }
            }
            JournalLine::Failed { file, .. } | JournalLine::Undone { file } => {
                self.begun.remove(file);
            }
            JournalLine::Undo => self.undoing = true,
            JournalLine::Run { .. }
            | JournalLine::Resume { .. }
            | JournalLine::UndoFailed { .. }
            | JournalLine::End { .. } => {}
        }
    }
}

#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    files: Arc<dyn Files>,
    /// One line at a time.
    writing: Mutex<()>,
}

impl Journal {
    /// Opens a journal, or creates it, and returns what an unfinished run did. A journal whose last run came to its
    /// end is gone on with by a new run.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the unfinished run is another one or the file is no journal; [`ErrorKind::Io`] and the
    /// like if it cannot be read or written.
    pub fn open(
        path: &Path,
        head: &JournalHead,
        files: Arc<dyn Files>,
    ) -> Result<(Self, Option<RunState>)> {
        let text = files.content_if_there(path)?.unwrap_or_default();
        let lines = parse(path, &String::from_utf8_lossy(&text))?;
        let at = files.now().to_rfc3339();
        let journal = Self { path: path.to_path_buf(), files, writing: Mutex::default() };
        let unfinished = unfinished(&lines);
        match &unfinished {
            Some((other, _)) if *other != head => {
                let what = format!(
                    "the journal {} belongs to another run: --all {}, target {}{}",
                    path.display(),
                    other.selection,
                    other.target,
                    if other.phases == head.phases { "" } else { ", with other phases" }
                );
                return Err(Error::new(ErrorKind::Config, what).at(path, 1).about("journal"));
            }
            // A line that was cut off gets an end.
            Some(_) => journal.append(&[b"\n", &*line(&JournalLine::Resume { at })].concat())?,
            None => journal.write(&JournalLine::Run { format: FORMAT, at, head: head.clone() })?,
        }
        // The name of a new journal has to be durable, too.
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        journal.files.make_durable(folder)?;
        Ok((journal, unfinished.map(|(_, state)| state)))
    }

    /// Writes a line.
    pub fn write(&self, entry: &JournalLine) -> Result<()> {
        self.append(&line(entry))
    }

    fn append(&self, bytes: &[u8]) -> Result<()> {
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.files.append(&self.path, bytes, MODE);
        written.map_err(|error| file_error("write", &self.path, error).about("journal"))
    }
}

fn line(entry: &JournalLine) -> Vec<u8> {
    // These types have no form that JSON lacks.
    let mut bytes = serde_json::to_vec(entry).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Reads the lines. One that was cut off by a crash is the last one, or the last one before the run was resumed.
fn parse(path: &Path, text: &str) -> Result<Vec<JournalLine>> {
    let mut lines = Vec::new();
    let mut cut: Option<usize> = None;
    for (number, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let parsed = serde_json::from_str::<JournalLine>(text).ok();
        let resumes = matches!(parsed, Some(JournalLine::Resume { .. }));
        match (cut, parsed) {
            (None, Some(line)) => lines.push(line),
            (Some(_), Some(line)) if resumes => {
                cut = None;
                lines.push(line);
            }
            (None, None) => cut = Some(number + 1),
            (Some(wrong), _) => {
                let what = format!("{} is no journal of this program", path.display());
                return Err(Error::new(ErrorKind::Config, what).at(path, wrong).about("journal"));
            }
        }
    }
    if cut.is_some() && lines.is_empty() {
        let what = format!("{} is no journal of this program", path.display());
        return Err(Error::new(ErrorKind::Config, what).at(path, 1).about("journal"));
    }
    Ok(lines)
}

/// Returns the run that did not come to its end, if the last one did not, and what it did.
fn unfinished(lines: &[JournalLine]) -> Option<(&JournalHead, RunState)> {
    let mut run: Option<(&JournalHead, RunState)> = None;
    for line in lines {
        match (line, &mut run) {
            (JournalLine::Run { head, .. }, _) => run = Some((head, RunState::default())),
            (JournalLine::End { .. }, _) => run = None,
            (_, Some((_, state))) => state.pass(line),
            (_, None) => {}
        }
    }
    run
}
