//! Comparing the squashes of a chain with the phases that they stand for, as far as the archive holds them.

use std::path::Path;

use crate::error::Result;
use crate::migrate::Project;
use crate::phase::{Chain, Phase, Target};

use super::archive::{Archived, archives};
use super::draft::fresh;
use super::equal::{Texts, apart};
use super::unsteady::Unsteady;

/// What the comparison of a squash with its phases showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub phase: String,
    /// The archive that was compared with.
    pub archive: std::path::PathBuf,
    /// In what it differs, one line each.
    pub problems: Vec<String>,
    /// The tables with values from the clock or from chance, which were not compared.
    pub unsteady: Vec<String>,
}

/// Runs each phase with `replaces` and the archived phases that it stands for on new files below `place`, and compares
/// schemas and rows; of values from the clock or from chance only that they are there. A squash without an archive is left out.
///
/// # Errors
/// Those of reading the archive; whatever SQLite reports. What does not run is a problem of the squash.
pub fn verify_squashes(project: &Project, folder: &Path, place: &Path) -> Result<Vec<Verified>> {
    let files = project.options.files.as_ref();
    if project.chain.phases().iter().all(|it| it.replaces.is_empty()) {
        return Ok(Vec::new());
    }
    let archived = archives(files, folder)?;
    let mut found = Vec::new();
    for phase in project.chain.phases().iter().filter(|it| !it.replaces.is_empty()) {
        let own = archived.iter().rfind(|it| it.record.id == phase.id.as_str());
        let Some(archived) = own else { continue };
        let (problems, unsteady) = compare(project, phase, archived, place)?;
        let archive = archived.folder.clone();
        found.push(Verified { phase: phase.id.to_string(), archive, problems, unsteady });
    }
    Ok(found)
}

fn compare(
    project: &Project,
    phase: &Phase,
    archived: &Archived,
    place: &Path,
) -> Result<(Vec<String>, Vec<String>)> {
    let files = project.options.files.as_ref();
    let chain = Chain::read(files, &archived.folder)?;
    let before = Project { chain, ..project.clone() };
    let old = fresh(&before, Target::Id(archived.record.last.clone()), place);
    let new = fresh(project, Target::Id(phase.id.to_string()), place);
    match (old, new) {
        (Ok(old), Ok(new)) => {
            let unsteady = Unsteady::of(before.chain.phases().iter().flat_map(|it| &it.up));
            let problems = apart(&old, &new, Texts::SameMeaning, Some(&unsteady))?;
            Ok((problems, unsteady.left_out()))
        }
        (_, Err(error)) if error.kind().is_about_phases() => {
            Ok((vec![format!("it does not run on a new file: {error}")], Vec::new()))
        }
        (Err(error), _) if error.kind().is_about_phases() => {
            let what = format!("the archived phases do not run on a new file: {error}");
            Ok((vec![what], Vec::new()))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}
