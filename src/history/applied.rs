//! Which phases a file records as applied.

use crate::error::{Error, ErrorKind, Result};
use crate::phase::{Chain, PhaseId};

use super::tables::Recorded;

/// A phase that is recorded as applied, with the checksum its file had then, where known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedPhase {
    pub id: PhaseId,
    /// The checksum of its file when it was applied.
    pub checksum: Option<String>,
    /// The version that it set, unless a later one stands for it.
    pub version: Option<i64>,
}

/// Derives the applied phases from the version tables alone.
///
/// The rows of the version table count; the history tells the id and checksum behind a version. A
/// row without an event was written by another program: it stands for the phase of that version
/// and for everything before it.
///
/// # Errors
/// [`ErrorKind::PhaseMissing`] if a version is recorded that no phase and no event explains.
pub fn applied(recorded: &Recorded, chain: &Chain) -> Result<Vec<AppliedPhase>> {
    let (found, unexplained) = applied_as_far_as_known(recorded, chain)?;
    match unexplained.first() {
        Some(version) => {
            let what = format!("the file records version {version}, which no phase has");
            Err(Error::new(ErrorKind::PhaseMissing, what))
        }
        None => Ok(found),
    }
}

/// The applied phases without a row of their own: a later one implies them.
///
/// # Errors
/// Those of [`applied`].
pub fn implied(recorded: &Recorded, chain: &Chain) -> Result<Vec<PhaseId>> {
    let applied = applied(recorded, chain)?.into_iter();
    Ok(applied.filter(|it| it.version.is_none()).map(|it| it.id).collect())
}

/// As [`applied`], with the versions apart that no phase and no event explains.
///
/// # Errors
/// [`ErrorKind::VersionTable`] if an event holds no id.
pub fn applied_as_far_as_known(
    recorded: &Recorded,
    chain: &Chain,
) -> Result<(Vec<AppliedPhase>, Vec<i64>)> {
    let mut found: Vec<AppliedPhase> = Vec::new();
    let mut unexplained = Vec::new();
    for row in &recorded.versions {
        let event = recorded
            .events
            .iter()
            .rev()
            .find(|event| event.version == row.version && event.direction != "down");
        match event {
            Some(event) => {
                let id = PhaseId::new(&event.id).ok_or_else(|| unreadable_id(&event.id))?;
                add(&mut found, id, event.checksum.clone(), Some(row.version));
            }
            None => {
                let replaced = || chain.replaced_with_version(row.version);
                let (phase, ids) = match chain.with_version(row.version) {
                    Some(phase) => (phase, std::slice::from_ref(&phase.id)),
                    None => match replaced() {
                        Some(replaced) => replaced,
                        None => {
                            unexplained.push(row.version);
                            continue;
                        }
                    },
                };
                let ancestors = chain.ancestors(&phase.id);
                let (last, before) = match ids.split_last() {
                    Some(split) => split,
                    None => (&phase.id, [].as_slice()),
                };
                for implied in ancestors.iter().chain(before) {
                    add(&mut found, implied.clone(), None, None);
                }
                add(&mut found, last.clone(), None, Some(row.version));
            }
        }
    }
    Ok((found, unexplained))
}

fn add(found: &mut Vec<AppliedPhase>, id: PhaseId, checksum: Option<String>, version: Option<i64>) {
    match found.iter_mut().find(|it| it.id == id) {
        Some(known) => {
            known.checksum = known.checksum.take().or(checksum);
            known.version = known.version.or(version);
        }
        None => found.push(AppliedPhase { id, checksum, version }),
    }
}

fn unreadable_id(id: &str) -> Error {
    Error::new(ErrorKind::VersionTable, format!("phase_history holds the id {id:?}, which is none"))
}
