//! A phase as the history of a file keeps it, so that a build without the phase file can undo it.
//!
//! The text comes from a database, so it is not trusted: it is read as a phase file is, with the same checks, and must
//! name the phase, the version, the parents and the steps that its event names.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::tables::{HISTORY_TABLE, HistoryRow, Recorded};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::files::Files;
use crate::phase::{
    Annotations, Downgrade, Operation, Phase, PhaseFile, PhaseId, PhaseSource, Step, StepsKnown,
    phase_text,
};

/// A phase and its downgrade, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The whole phase, as the text of a phase file.
    pub phase: String,
    /// What undoes it: `[[down]]` tables, derived or written by hand, or `irreversible` with the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgrade: Option<String>,
    /// Why nothing undoes it, as a sentence; not part of the record.
    #[serde(skip)]
    pub irreversible: Option<String>,
}

impl Definition {
    /// Reads the definition that an event keeps; `None` if it keeps none.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Writes the definition as the JSON of an event that changed nothing in the schema.
    pub fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl Recorded {
    /// Returns the phase that the history keeps under an id, or a phase without steps that cannot be undone if it
    /// keeps none. `None` if there is no event of the id.
    ///
    /// # Errors
    /// [`ErrorKind::VersionTable`] if the recorded phase is not the one that the event names;
    /// [`ErrorKind::PhaseMissing`] if a newer release recorded it in a form that this one cannot read.
    pub fn phase(&self, id: &PhaseId, files: &dyn Files) -> Result<Option<Phase>> {
        let is_definition =
            |it: &&HistoryRow| it.id == id.as_str() && DEFINING.contains(&&*it.direction);
        let Some(event) = self.events.iter().rev().find(is_definition) else { return Ok(None) };
        let parents = parents(event).ok_or_else(|| unusable(event, "its parents are no ids"))?;
        let Some(kept) = event.undo.as_deref().and_then(Definition::from_json) else {
            return Ok(Some(unknown_phase(id, event, parents)));
        };
        let mut phase = match read(&kept.phase, event, files) {
            // A newer release may know steps that this one does not; those that undo them may be known.
            Err(error) if is_newer_release(event) => {
                let downgrade = kept.downgrade.as_ref();
                let read = downgrade.map(|it| read_downgrade(it, id, event, &parents, files));
                read.unwrap_or(Err(error)).map_err(|error| of_newer_release(event, error))?
            }
            read => read?,
        };
        let is_same = phase.id == *id && phase.version == event.version && phase.parents == parents;
        if !is_same {
            return Err(unusable(event, "its id, version or parents are others"));
        }
        if phase.annotations.steps == StepsKnown::All
            && event.checksum.as_ref().is_some_and(|it| !phase.has_checked_steps_of(it))
        {
            return Err(unusable(event, "its steps are not those of the recorded checksum"));
        }
        phase.checksum = event.checksum.clone().unwrap_or(phase.checksum);
        phase.annotations.source = PhaseSource::History;
        Ok(Some(phase))
    }
}

/// The directions of events that define what a phase does.
const DEFINING: [&str; 3] = ["up", "stamp", "accept"];

fn parents(event: &HistoryRow) -> Option<Vec<PhaseId>> {
    event.parents.split_whitespace().map(PhaseId::new).collect()
}

/// Reads the text of a phase. SQL in a file of its own is refused: the history never names files.
fn read(text: &str, event: &HistoryRow, files: &dyn Files) -> Result<Phase> {
    let read = PhaseFile::parse(files, &place(event), text).map_err(|error| {
        unusable(event, "it is no phase").problems(error.facts().problems.clone()).caused_by(error)
    })?;
    let phase = read.phase;
    let down: &[Step] = if let Downgrade::Steps(steps) = &phase.down { steps } else { &[] };
    let in_file = |it: &Step| matches!(&it.operation, Operation::Sql { file: Some(_), .. });
    if phase.up.iter().chain(down).any(in_file) {
        return Err(unusable(event, "it names a file"));
    }
    Ok(phase)
}

/// Makes a phase of nothing but its downgrade.
fn read_downgrade(
    downgrade: &str,
    id: &PhaseId,
    event: &HistoryRow,
    parents: &[PhaseId],
    files: &dyn Files,
) -> Result<Phase> {
    let frame = phase_text(&unknown_phase(id, event, parents.to_vec()));
    let frame = frame.lines().filter(|line| !line.starts_with("irreversible"));
    let text = format!("{}\n{downgrade}", frame.collect::<Vec<_>>().join("\n"));
    let mut phase = read(&text, event, files)?;
    if !phase.up.is_empty() || !phase.require.is_empty() || !phase.verify.is_empty() {
        return Err(unusable(event, "its downgrade holds more than a downgrade"));
    }
    phase.annotations.steps = StepsKnown::Downgrade;
    Ok(phase)
}

/// A phase of which only the event is known.
fn unknown_phase(id: &PhaseId, event: &HistoryRow, parents: Vec<PhaseId>) -> Phase {
    Phase {
        id: id.clone(),
        version: event.version,
        version_declared: true,
        description: id.to_string(),
        title: None,
        parents,
        depends_on: Vec::new(),
        labels: Vec::new(),
        replaces: Vec::new(),
        views: crate::phase::ViewPolicy::default(),
        statistics: crate::phase::StatisticsPolicy::default(),
        strategy: crate::phase::Strategy::default(),
        min_sqlite: None,
        require: Vec::new(),
        up: Vec::new(),
        verify: Vec::new(),
        down: Downgrade::Irreversible("its steps are not in the history of the file".to_owned()),
        annotations: Annotations {
            source: PhaseSource::History,
            steps: StepsKnown::None,
            ..Annotations::default()
        },
        file: place(event),
        checksum: event.checksum.clone().unwrap_or_default(),
        text_checksum: String::new(),
    }
}

/// What stands for the path of the phase file in messages.
fn place(event: &HistoryRow) -> PathBuf {
    PathBuf::from(HISTORY_TABLE).join(format!("{}.toml", event.id))
}

/// Returns whether the event was written by a newer release than this one.
fn is_newer_release(event: &HistoryRow) -> bool {
    let parts = |text: &str| -> Option<Vec<u64>> {
        text.trim().split(['.', '-', '+']).take(3).map(|part| part.parse().ok()).collect()
    };
    let written_by = event.tool_version.as_deref().and_then(parts);
    written_by.zip(parts(env!("CARGO_PKG_VERSION"))).is_some_and(|(theirs, ours)| theirs > ours)
}

/// What this release cannot read was written by a newer one.
fn of_newer_release(event: &HistoryRow, cause: Error) -> Error {
    let release = event.tool_version.as_deref().unwrap_or_default();
    let what = format!(
        "a newer program ({release}; this is {}) recorded phase {}, and this one cannot read it",
        env!("CARGO_PKG_VERSION"),
        event.id
    );
    let error = Error::new(ErrorKind::PhaseMissing, what).with_remedy(Remedy::UseNewerProgram);
    error.in_phase(&event.id).about(HISTORY_TABLE).caused_by(cause)
}

fn unusable(event: &HistoryRow, why: &str) -> Error {
    let what = format!("what phase_history keeps of phase {} cannot be used: {why}", event.id);
    Error::new(ErrorKind::VersionTable, what).in_phase(&event.id).about(HISTORY_TABLE)
}
