//! The downgrade of a draft: derived like that of any phase, or written out where it cannot be derived.

use std::path::Path;

use crate::error::{ErrorKind, Result};
use crate::files::RealFiles;
use crate::history::VersionTables;
use crate::phase::{Operation, Phase, PhaseFile};
use crate::plan::{PastSchemas, plan_undo, snapshots};
use crate::schema::Schema;
use crate::shadow::Shadow;

use super::builder::Built;
use super::pairing::Pairing;
use super::text::draft_text;
use super::{Draft, DraftStep, build};

/// Adds the steps of the downgrade where it cannot be derived.
///
/// Statements that copy rows have no inverse, and halfway through a derived downgrade a view may read other columns.
/// Values that an expression replaced are not kept: no downgrade is written for them.
pub(super) fn with_downgrade(
    have: &Schema,
    want: &Schema,
    pairing: &Pairing,
    built: Built,
) -> Result<Draft> {
    let Built { mut draft, moves_rows, .. } = built;
    let replaces_values = draft
        .steps
        .iter()
        .any(|it| matches!(&it.operation, Operation::Rebuild { values, .. } if !values.is_empty()));
    if draft.steps.is_empty() || replaces_values || (!moves_rows && is_undone(have, &draft)?) {
        return Ok(draft);
    }
    let steps = reversed(have, want, pairing);
    let written = Draft { down: steps, ..draft.clone() };
    if !written.down.is_empty() && is_undone(have, &written)? {
        draft = written;
    }
    Ok(draft)
}

/// The steps that lead back, with the renames the other way round; none if they cannot be derived either.
fn reversed(have: &Schema, want: &Schema, pairing: &Pairing) -> Vec<DraftStep> {
    let answers = pairing.reversed();
    let reversed = Pairing::of(want, have, &answers);
    let built = reversed.and_then(|it| build(want, have, &it, &answers));
    built.map(|it| it.draft.steps).unwrap_or_default()
}

/// Returns whether a downgrade can be planned.
fn is_undone(have: &Schema, draft: &Draft) -> Result<bool> {
    let undone = phase_of(draft).and_then(|phase| {
        let mut shadow = Shadow::of(have)?;
        let past = PastSchemas { replayed: snapshots(&mut shadow, &phase)?, recorded: None };
        plan_undo(&mut shadow, &phase, &past, &VersionTables::named("schema_version"))
    });
    match undone {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(_) => Ok(false),
    }
}

/// The draft as a phase. Its steps name no file.
fn phase_of(draft: &Draft) -> Result<Phase> {
    let text = format!("id = \"draft\"\nversion = 1\nparents = []\n{}", draft_text(draft));
    Ok(PhaseFile::parse(&RealFiles, Path::new("draft.toml"), &text)?.phase)
}
