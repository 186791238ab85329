//! Preparing a squash: compose it, run the folder as it would be, compare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::files::Files;
use crate::migrate::{FreshFile, Project};
use crate::phase::{
    Annotations, Chain, Downgrade, FolderFormat, Operation, Phase, PhaseId, StatisticsPolicy, Step,
    StepObject, Strategy, Target, ViewPolicy, phase_text,
};
use crate::schema::{ObjectKind, Schema};
use crate::text::list;

use super::archive::{Archived, NewFile, Publication, free_stamp, hash_of, publish};
use super::equal::{Texts, apart};
use super::folder::Folder;
use super::range::SquashRange;
use super::request::SquashRequest;
use super::steps::{self, Steps};
use super::unsteady::is_unsteady;

/// Something of the phases that the squash does not hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NotCarried {
    pub phase: String,
    /// The stable code: `data_step`, `require`, `verify` or `downgrade`.
    pub what: &'static str,
    /// Why, in words.
    pub why: String,
}

/// How many objects of each kind a new file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ObjectCounts {
    pub tables: usize,
    pub virtual_tables: usize,
    pub indexes: usize,
    pub views: usize,
    pub triggers: usize,
}

impl ObjectCounts {
    fn of(schema: &Schema) -> Self {
        let count = |kind| schema.of_kind(kind).count();
        Self {
            tables: count(ObjectKind::Table),
            virtual_tables: count(ObjectKind::VirtualTable),
            indexes: count(ObjectKind::Index),
            views: count(ObjectKind::View),
            triggers: count(ObjectKind::Trigger),
        }
    }
}

/// A squash that makes what its phases make. Nothing is written yet.
#[derive(Debug, Clone)]
pub struct Squash {
    /// The phases that it stands for.
    pub range: SquashRange,
    pub id: PhaseId,
    pub version: i64,
    /// All ids that it replaces: those of the phases, and those that they replaced.
    pub replaces: Vec<PhaseId>,
    /// How many phases the folder holds before and after.
    pub phases: (usize, usize),
    /// What a new file holds at the end of the range, made by the phases and by the squash.
    pub objects: (ObjectCounts, ObjectCounts),
    /// The rows that a new file gets, by table.
    pub rows: Vec<(String, u64)>,
    /// What it does not hold.
    pub not_carried: Vec<NotCarried>,
    /// Whether values of the rows come from the clock or from chance, and are those of this run from now on.
    pub fixed_values: Vec<String>,
    /// The name of its file.
    pub file: String,
    /// The text of its file.
    pub text: String,
    folder: PathBuf,
    moved: Vec<String>,
    copied: Vec<String>,
    /// What the files of the folder held when they were read.
    seen: BTreeMap<String, Option<String>>,
    stamp: String,
}

/// Prepares a squash; `None` if the range holds fewer than two phases.
///
/// # Errors
/// - [`ErrorKind::Step`] and others naming a phase that does not run on a new file.
/// - [`ErrorKind::Unsupported`] listing in what the squash would differ.
/// - [`ErrorKind::Chain`] if the phases that stay would get other parents or versions.
pub fn squash(project: &Project, request: &SquashRequest) -> Result<Option<Squash>> {
    if request.range.members.len() < 2 {
        return Ok(None);
    }
    refuse_other_formats(&project.chain)?;
    refuse_taken_id(project, request)?;
    let stamp = free_stamp(project.options.files.as_ref(), &request.folder)?;
    Drafting { project, request, stamp }.squash().map(Some)
}

impl Squash {
    /// Writes the archive, then the squash, and removes the files that it stands for.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`] naming a file that was changed since it was read; those of the file system.
    pub fn publish(&self, files: &dyn Files) -> Result<Archived> {
        for (name, seen) in &self.seen {
            let path = self.folder.join(name);
            if hash_of(files, &path)? != *seen {
                let what = format!("{} was changed since it was read", path.display());
                return Err(Error::new(ErrorKind::Chain, what).at(&path, 1));
            }
        }
        let members = self.range.members.clone();
        let publication = Publication {
            id: self.id.clone(),
            last: self.range.last.clone(),
            phases: members,
            files: vec![NewFile { name: self.file.clone(), bytes: self.text.clone().into_bytes() }],
            moved: self.moved.clone(),
            copied: self.copied.clone(),
            stamp: self.stamp.clone(),
        };
        publish(files, &self.folder, &publication)
    }

    /// Returns the names of the files that go to the archive.
    pub fn moved(&self) -> &[String] {
        &self.moved
    }
}

/// A squash is a phase file in TOML, which the folder of another tool cannot hold.
fn refuse_other_formats(chain: &Chain) -> Result<()> {
    if chain.format() == FolderFormat::Phaseshift {
        return Ok(());
    }
    let what = format!("the folder holds files of {}, which are not squashed", chain.format());
    Err(Error::new(ErrorKind::Unsupported, what))
}

fn refuse_taken_id(project: &Project, request: &SquashRequest) -> Result<()> {
    let id = &request.id;
    let taken = project.chain.get(id).is_some() || project.chain.replacement(id).is_some();
    if !taken {
        return Ok(());
    }
    let what = format!("the id {id} is that of a phase, now or before an earlier squash");
    Err(Error::new(ErrorKind::Arguments, what))
}

struct Drafting<'a> {
    project: &'a Project,
    request: &'a SquashRequest,
    /// The name of the folder in the archive.
    stamp: String,
}

impl Drafting<'_> {
    fn squash(&self) -> Result<Squash> {
        let (project, request) = (self.project, self.request);
        let (chain, range) = (&project.chain, &request.range);
        let last = Target::Id(range.last.to_string());
        let old = fresh(project, last, &request.place)?;
        let is_base = range.is_base(chain);
        let steps = match is_base {
            true => steps::from_nothing(project, range, &old)?,
            false => steps::in_order(project, range),
        };
        let policies = self.view_policies(is_base);
        let [first, more @ ..] = policies.as_slice() else {
            let follows = !is_base && self.members().any(|it| it.views == ViewPolicy::Follow);
            let views = if follows { ViewPolicy::Follow } else { ViewPolicy::Keep };
            return self.with_views((&old, &steps), views);
        };
        let mut squash = self.with_views((&old, &steps), *first);
        for views in more {
            squash = squash.or_else(|error| match error.kind() {
                ErrorKind::Unsupported => self.with_views((&old, &steps), *views),
                _ => Err(error),
            });
        }
        squash.map_err(|error| match error.kind() {
            ErrorKind::Unsupported if !more.is_empty() => self.disagree_about_views(error),
            _ => error,
        })
    }

    /// What the renames of the phases do to views, each once. Where they disagree, the new files tell whether it
    /// matters.
    fn view_policies(&self, is_base: bool) -> Vec<ViewPolicy> {
        let renames = self.members().filter(|it| !is_base && has_rename(&it.up));
        let mut policies: Vec<ViewPolicy> = Vec::new();
        for phase in renames {
            if !policies.contains(&phase.views) {
                policies.push(phase.views);
            }
        }
        policies
    }

    fn disagree_about_views(&self, error: Error) -> Error {
        let of = |policy: ViewPolicy| {
            let renames = self.members().filter(|it| it.views == policy && has_rename(&it.up));
            list(renames.map(|it| &it.id))
        };
        let what = format!(
            "the renames of the range disagree in what they do to views (`views`): {} keep what they return, {} follow",
            of(ViewPolicy::Keep),
            of(ViewPolicy::Follow)
        );
        let problems = error.facts().problems.clone();
        Error::new(ErrorKind::Unsupported, what).problems(problems).caused_by(error)
    }

    /// Composes the squash and compares what it makes with what the phases make.
    fn with_views(
        &self,
        (old, steps): (&FreshFile<'_>, &Steps),
        views: ViewPolicy,
    ) -> Result<Squash> {
        let (project, request) = (self.project, self.request);
        let (chain, range) = (&project.chain, &request.range);
        let files = project.options.files.as_ref();
        let is_base = range.is_base(chain);
        let phase = Phase { views, ..self.phase(steps)? };
        let text = format!("{}\n{}", heading(range), phase_text(&phase));
        let folder = Folder::of(project, request)?;
        let (name, staged) = folder.stage(files, &text, &self.names())?;
        let new = Project { chain: staged, ..project.clone() };
        let made = fresh(&new, Target::Id(request.id.to_string()), &request.place)?;
        refuse_apart(apart(old, &made, Texts::Identical, None)?)?;
        if chain.len() > chain.ancestors(&range.last).len() + 1 {
            let old = fresh(project, Target::Heads, &request.place)?;
            let made = fresh(&new, Target::Heads, &request.place)?;
            refuse_apart(apart(&old, &made, Texts::Identical, None)?)?;
        }
        Ok(Squash {
            range: range.clone(),
            id: request.id.clone(),
            version: phase.version,
            replaces: phase.replaces,
            phases: (chain.len(), new.chain.len()),
            objects: (ObjectCounts::of(&old.schema), ObjectCounts::of(&made.schema)),
            rows: steps.seeds.iter().map(|it| (it.table.clone(), it.rows)).collect(),
            not_carried: self.not_carried(old, is_base),
            fixed_values: if is_base { self.fixed_values(steps) } else { Vec::new() },
            file: name,
            text,
            folder: request.folder.clone(),
            seen: folder.seen(files)?,
            moved: folder.moved,
            copied: folder.copied,
            stamp: self.stamp.clone(),
        })
    }

    fn members(&self) -> impl Iterator<Item = &Phase> {
        self.request.range.phases(&self.project.chain)
    }

    /// The squash as a phase. What a phase says beside its steps is that of the last one, or of all.
    fn phase(&self, steps: &Steps) -> Result<Phase> {
        let (chain, range) = (&self.project.chain, &self.request.range);
        let (Some(first), Some(last)) = (chain.get(&range.first), chain.get(&range.last)) else {
            return Err(Error::new(ErrorKind::Chain, "the range names a phase that is missing"));
        };
        let is_base = range.is_base(chain);
        let outside = |ids: &[PhaseId]| -> Vec<PhaseId> {
            ids.iter().filter(|id| !range.contains(id)).cloned().collect()
        };
        let before = |id: &Option<PhaseId>| id.clone().filter(|id| !range.contains(id));
        let (replaces, versions) = self.replaced();
        let analyzes = self.members().any(|it| it.statistics == StatisticsPolicy::Analyze);
        let down = steps::irreversible(self.project, range).or_else(|| steps.down.clone());
        Ok(Phase {
            id: self.request.id.clone(),
            version_declared: true,
            description: self.request.description.clone(),
            title: None,
            parents: outside(&first.parents),
            depends_on: outside(&first.depends_on),
            labels: self.members().flat_map(|it| it.labels.iter().cloned()).collect(),
            replaces,
            statistics: if analyzes { StatisticsPolicy::Analyze } else { StatisticsPolicy::Carry },
            strategy: if is_base { Strategy::Rebuild } else { last.strategy },
            min_sqlite: self.members().filter_map(|it| it.min_sqlite).max(),
            require: if is_base { Vec::new() } else { first.require.clone() },
            up: steps.up.clone(),
            down: down.unwrap_or(Downgrade::Derived),
            annotations: Annotations {
                replaced_versions: versions,
                replaced_squashes: self.replaced_squashes(),
                archive: Some(format!("archive/{}", self.stamp)),
                compatible_with: before(&last.annotations.compatible_with),
                readable_with: before(&last.annotations.readable_with),
                ..Annotations::default()
            },
            ..last.clone()
        })
    }

    /// All ids that the squash stands for, those of earlier squashes included, with their versions.
    fn replaced(&self) -> (Vec<PhaseId>, Vec<i64>) {
        let mut found = Vec::new();
        for phase in self.members() {
            let versions = &phase.annotations.replaced_versions;
            let earlier = phase.replaces.iter().enumerate();
            let of = |place| versions.get(place).copied().unwrap_or(phase.version);
            found.extend(earlier.map(|(place, id)| (id.clone(), of(place))));
            found.push((phase.id.clone(), phase.version));
        }
        found.into_iter().unzip()
    }

    /// The squashes among the phases, and those that they replaced.
    fn replaced_squashes(&self) -> Vec<(PhaseId, Vec<PhaseId>)> {
        let mut found = Vec::new();
        for phase in self.members().filter(|it| !it.replaces.is_empty()) {
            found.extend(phase.annotations.replaced_squashes.iter().cloned());
            found.push((phase.id.clone(), phase.replaces.clone()));
        }
        found
    }

    /// The names that its file may have, the best one first: a phase that declares no parents stands on the file
    /// before it in name order, so that a name behind that of the last file may be the only one that fits.
    fn names(&self) -> Vec<String> {
        let last = self.project.chain.get(&self.request.range.last);
        let stem =
            last.and_then(|it| it.file.file_stem()).map(|it| it.to_string_lossy().into_owned());
        let own = format!("{}.toml", self.request.id);
        let behind = stem.map(|it| format!("{it}_{}.toml", self.request.id));
        std::iter::once(own).chain(behind).collect()
    }

    /// Data steps that a new file shows nothing of, checks and downgrades of the phases.
    fn not_carried(&self, old: &FreshFile<'_>, is_base: bool) -> Vec<NotCarried> {
        let range = &self.request.range;
        let mut found = Vec::new();
        let mut add = |phase: &Phase, what: &'static str, why: &str| {
            found.push(NotCarried { phase: phase.id.to_string(), what, why: why.to_owned() });
        };
        for phase in self.members() {
            let is_data = |it: &&Step| matches!(it.operation, Operation::Sql { .. });
            let mut rows = old.rows_changed.iter().filter(|it| it.phase == phase.id.as_str());
            let idle = rows.all(|it| it.before == 0 && it.after == 0);
            if is_base && phase.up.iter().any(|it| is_data(&it)) && idle {
                add(phase, "data_step", "what data steps do to existing rows; a new file has none");
            }
            let is_first = phase.id == range.first && !is_base;
            if !phase.require.is_empty() && !is_first {
                add(phase, "require", "require checks, which concern the rows before the phase");
            }
            if !phase.verify.is_empty() && phase.id != range.last {
                add(phase, "verify", "verify checks, which are about a state in between");
            }
            if matches!(phase.down, Downgrade::Steps(_)) && is_base {
                add(
                    phase,
                    "downgrade",
                    "downgrades written by hand; undoing the new phase drops the tables that it creates",
                );
            }
        }
        found
    }

    /// Names the tables with rows whose values the phases take from the clock or from chance.
    fn fixed_values(&self, steps: &Steps) -> Vec<String> {
        let in_data = self.members().flat_map(|it| &it.up).any(|step| match &step.operation {
            Operation::Sql { sql, .. } => is_unsteady(sql),
            _ => false,
        });
        let created = |table: &str| {
            steps.up.iter().any(|step| match &step.operation {
                Operation::Create { kind: StepObject::Table, sql, .. } => {
                    crate::sql::object_head(sql)
                        .is_ok_and(|it| crate::name::same(&it.name.text, table))
                        && is_unsteady(sql)
                }
                _ => false,
            })
        };
        let seeded = steps.seeds.iter().filter(|it| in_data || created(&it.table));
        seeded.map(|it| it.table.clone()).collect()
    }
}

fn has_rename(steps: &[Step]) -> bool {
    steps.iter().any(|it| {
        matches!(it.operation, Operation::RenameTable { .. } | Operation::RenameColumn { .. })
    })
}

/// The comment at the head of the file.
fn heading(range: &SquashRange) -> String {
    let count = range.members.len();
    format!(
        "# Written by `phaseshift squash`: stands for {count} phases, {} to {}.\n\
         # A file at {} is recognised by `replaces`, and none of its tables is written.",
        range.first, range.last, range.last
    )
}

/// Runs the phases on a new file. Its path means nothing to a person, so errors do not name it.
pub(super) fn fresh<'p>(
    project: &'p Project,
    target: Target,
    place: &Path,
) -> Result<FreshFile<'p>> {
    FreshFile::at(project, target, place).map_err(|error| {
        let facts = error.facts();
        let (phase, object) = (facts.phase.clone(), facts.object.clone());
        let (problems, source) = (facts.problems.clone(), facts.source.clone());
        let mut said = Error::new(error.kind(), error.to_string()).problems(problems);
        if let Some(phase) = phase {
            said = said.in_phase(&phase);
        }
        if let Some(object) = object {
            said = said.about(&object);
        }
        if let Some((path, line)) = source {
            said = said.at(&path, line);
        }
        said
    })
}

fn refuse_apart(lines: Vec<String>) -> Result<()> {
    let Some(first) = lines.first() else { return Ok(()) };
    let what = format!("the squash would not make what the phases make: {first}");
    Err(Error::new(ErrorKind::Unsupported, what).with_remedy(Remedy::NameRange).problems(lines))
}
