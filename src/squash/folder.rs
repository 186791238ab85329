//! The folder of the phases with a squash in it, before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::{Files, Scratch};
use crate::migrate::Project;
use crate::phase::{Chain, Downgrade, Operation, Phase, PhaseId};
use crate::sql::SqliteVersion;
use crate::text::list;

use super::archive::hash_of;
use super::request::SquashRequest;

/// The folder of the phases, and what a squash does with its files.
pub(super) struct Folder {
    path: PathBuf,
    /// Where the folder as it would be is written for a moment.
    place: PathBuf,
    min_sqlite: Option<SqliteVersion>,
    /// Files that SQL steps name first, then the phase files.
    pub(super) moved: Vec<String>,
    pub(super) copied: Vec<String>,
    /// The files of the phases that stay.
    kept: BTreeSet<String>,
    /// The parents and the versions of the phases that stay.
    expected: BTreeMap<PhaseId, (BTreeSet<PhaseId>, i64)>,
}

impl Folder {
    pub(super) fn of(project: &Project, request: &SquashRequest) -> Result<Self> {
        let (chain, range) = (&project.chain, &request.range);
        let ancestors = chain.ancestors(&range.last);
        let mut owned: BTreeMap<bool, BTreeSet<String>> = BTreeMap::new();
        let (mut phase_files, mut copied) = (Vec::new(), BTreeSet::new());
        for phase in chain.phases() {
            let inside = range.contains(&phase.id);
            let own = name_in(&request.folder, &phase.file)?;
            let named = sql_files(phase);
            if inside {
                phase_files.push(own);
                owned.entry(true).or_default().extend(named);
            } else {
                if ancestors.contains(&phase.id) {
                    copied.insert(own.clone());
                    copied.extend(named.iter().cloned());
                }
                owned.entry(false).or_default().extend(named.into_iter().chain([own]));
            }
        }
        let kept = owned.remove(&false).unwrap_or_default();
        let named = owned.remove(&true).unwrap_or_default();
        // A file that a phase names that stays is needed on both sides.
        copied.extend(named.intersection(&kept).cloned());
        let moved = named.difference(&kept).cloned().chain(phase_files).collect();
        let into = |id: &PhaseId| if range.contains(id) { request.id.clone() } else { id.clone() };
        let staying = chain.phases().iter().filter(|it| !range.contains(&it.id));
        let expected = staying
            .map(|it| (it.id.clone(), (it.parents.iter().map(into).collect(), it.version)))
            .collect();
        let (path, place) = (request.folder.clone(), request.place.clone());
        let min_sqlite = request.min_sqlite;
        Ok(Self {
            path,
            place,
            min_sqlite,
            moved,
            copied: copied.into_iter().collect(),
            kept,
            expected,
        })
    }

    /// Writes the folder as it would be to a private place and reads it as a chain. Returns the name of the squash's
    /// file: the first one with which the phases that stay keep their parents and versions.
    pub(super) fn stage(
        &self,
        files: &dyn Files,
        text: &str,
        names: &[String],
    ) -> Result<(String, Chain)> {
        let mut refused = None;
        for name in names {
            if self.is_there(files, name)? {
                continue;
            }
            let chain = self.read_with(files, name, text)?;
            match self.refuse_changed(&chain) {
                Ok(()) => return Ok((name.clone(), chain)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| {
            let what = format!("{} is already a file in the folder", names.join(" and "));
            Error::new(ErrorKind::Arguments, what)
        }))
    }

    /// Hashes the files of all phases; a change until the squash is written is refused.
    pub(super) fn seen(&self, files: &dyn Files) -> Result<BTreeMap<String, Option<String>>> {
        let names = self.moved.iter().chain(&self.copied).chain(&self.kept);
        names.map(|name| Ok((name.clone(), hash_of(files, &self.path.join(name))?))).collect()
    }

    fn is_there(&self, files: &dyn Files, name: &str) -> Result<bool> {
        files.exists(&self.path.join(name))
    }

    fn read_with(&self, files: &dyn Files, name: &str, text: &str) -> Result<Chain> {
        let scratch = Scratch::create(files, &self.place)?;
        for kept in &self.kept {
            let (from, to) = (self.path.join(kept), scratch.path().join(kept));
            let bytes = files.content(&from)?;
            files.create(&to, &bytes, 0o600).map_err(|error| file_error("create", &to, error))?;
        }
        let path = scratch.path().join(name);
        let made = files.create(&path, text.as_bytes(), 0o600);
        made.map_err(|error| file_error("create", &path, error))?;
        let chain = Chain::read(files, scratch.path())?;
        scratch.remove()?;
        Ok(chain.with_min_sqlite(self.min_sqlite))
    }

    /// Phases that declare no parents or no version get them by their place, which must stay the same.
    fn refuse_changed(&self, chain: &Chain) -> Result<()> {
        let mut lines = Vec::new();
        for phase in chain.phases() {
            let Some((parents, version)) = self.expected.get(&phase.id) else { continue };
            let found: BTreeSet<PhaseId> = phase.parents.iter().cloned().collect();
            if found != *parents {
                lines.push(format!(
                    "{} would stand on {} instead of {}: declare its parents",
                    phase.id,
                    if found.is_empty() { "nothing".to_owned() } else { list(&found) },
                    list(parents)
                ));
            }
            if phase.version != *version {
                lines.push(format!(
                    "{} would set version {} instead of {version}: declare its version",
                    phase.id, phase.version
                ));
            }
        }
        let Some(first) = lines.first() else { return Ok(()) };
        Err(Error::new(ErrorKind::Chain, first.clone()).problems(lines))
    }
}

/// The SQL files that a phase names; they stand beside it.
fn sql_files(phase: &Phase) -> BTreeSet<String> {
    let down = match &phase.down {
        Downgrade::Steps(steps) => steps.as_slice(),
        Downgrade::Derived | Downgrade::Irreversible(_) => &[],
    };
    let steps = phase.up.iter().chain(down);
    steps
        .filter_map(|step| match &step.operation {
            Operation::Sql { file, .. } => file.clone(),
            _ => None,
        })
        .collect()
}

/// The name of a phase file, which must be a file of the folder itself.
fn name_in(folder: &Path, file: &Path) -> Result<String> {
    let name = file.file_name().and_then(|it| it.to_str());
    match name.filter(|_| file.parent() == Some(folder)) {
        Some(name) => Ok(name.to_owned()),
        None => {
            let what = format!("{} is not a file of the folder of the phases", file.display());
            Err(Error::new(ErrorKind::Chain, what))
        }
    }
}
