//! Makes a chain of phase files: fills in what they leave out, joins them to a graph, and refuses
//! or notes the accidents that happen to graphs.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

use super::chain::Chain;
use super::file::PhaseFile;
use super::formats::{FolderFormat, read_folder};
use super::graph::Graph;
use super::nearest::nearest;
use super::phase::{Phase, PhaseId};
use super::problem::{Problems, short_path};
use super::warning::ChainWarning;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::files::{FileKind, Files};

type Positions = HashMap<PhaseId, usize>;

/// The order of files that declare no parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileOrder {
    /// As people count: `phase2` before `phase10`.
    ByName,
    /// The order in which they are given.
    AsGiven,
}

impl Chain {
    /// Reads the phase files of a folder: those that end in `.toml` or `.sql` and do not begin with a dot, or
    /// the files of another tool ([`FolderFormat`]), which is found out by their names and marks.
    ///
    /// Subfolders, `archive` among them, are only read where the tool has one for each phase. Nothing is written.
    ///
    /// # Errors
    /// - [`ErrorKind::PhaseFile`] if a file is no phase; the faults of all files are reported.
    /// - [`ErrorKind::Chain`] if the folder is missing, or the phases are no graph: a missing
    ///   parent, an id, label or version used twice, a replaced phase that is still there, a cycle.
    /// - [`ErrorKind::Io`] or [`ErrorKind::ReadOnly`] if the folder or a file cannot be read.
    pub fn read(files: &dyn Files, folder: &Path) -> Result<Self> {
        Self::read_as(files, folder, None)
    }

    /// Reads the phases of a folder in this format; without one, as [`read`](Self::read) does.
    pub fn read_as(files: &dyn Files, folder: &Path, format: Option<FolderFormat>) -> Result<Self> {
        check_folder(files, folder)?;
        let found = read_folder(files, folder, format)?;
        let order = match found.format {
            FolderFormat::Phaseshift | FolderFormat::Plain => FileOrder::ByName,
            _ => FileOrder::AsGiven,
        };
        let mut chain = assemble(found.phases, order)?;
        chain.format = found.format;
        Ok(chain)
    }

    /// Reads the phase files of a folder as [`read`](Self::read) does, together with one that is not
    /// there yet: what the chain would be. A folder that is missing holds none.
    pub fn read_with(files: &dyn Files, folder: &Path, new: PhaseFile) -> Result<Self> {
        let stat = files.status(folder)?;
        let mut all = match stat {
            None => Vec::new(),
            Some(_) => {
                check_folder(files, folder)?;
                let found = read_folder(files, folder, None)?;
                if !matches!(found.format, FolderFormat::Phaseshift) {
                    let (folder, format) = (folder.display(), found.format);
                    let what = format!(
                        "{folder} holds files of {format}, to which no phase in TOML is added"
                    );
                    return Err(Error::new(ErrorKind::Chain, what));
                }
                found.phases
            }
        };
        all.push(new);
        assemble(all, FileOrder::ByName)
    }

    /// Makes a chain of phases whose parents and versions count as they stand.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`], as [`read`](Self::read).
    pub fn build(phases: Vec<Phase>) -> Result<Self> {
        Self::assemble(phases.into_iter().map(PhaseFile::declared).collect())
    }

    /// Makes a chain of phase files, which may leave out parents and versions.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`], as [`read`](Self::read).
    pub fn assemble(files: Vec<PhaseFile>) -> Result<Self> {
        assemble(files, FileOrder::ByName)
    }

    /// Returns the chain with further phases, whose parents and versions count as they stand.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`] if an id is used twice or a parent is missing.
    pub fn with_phases(&self, more: Vec<Phase>) -> Result<Self> {
        extend(self, more)
    }
}

/// Refuses what is not a folder.
fn check_folder(files: &dyn Files, folder: &Path) -> Result<()> {
    let stat = files.status(folder)?;
    let shown = folder.display();
    let what = match stat.map(|stat| stat.kind) {
        Some(FileKind::Folder) => return Ok(()),
        Some(FileKind::File | FileKind::Other) => format!("{shown} is not a folder of phases"),
        None => format!("the folder of the phases does not exist: {shown}"),
    };
    Err(Error::new(ErrorKind::Chain, what))
}

fn assemble(mut files: Vec<PhaseFile>, order: FileOrder) -> Result<Chain> {
    if order == FileOrder::ByName {
        files.sort_by(|left, right| by_name(&left.phase.file, &right.phase.file));
    }
    let mut warnings = Vec::new();
    fill_parents(&mut files);
    let positions = unique_ids(&files)?;
    let stands_for = replaced_ids(&files, &positions)?;
    check_labels(&files)?;
    let graph = join(&files, &positions, &stands_for)?;
    let order = graph.order().map_err(|cycle| cycle_error(&files, &cycle))?;

    let mut files = in_order(files, &order);
    let (graph, dropped) = graph.reordered(&order).without_redundant_parents();
    warn_of_redundant_parents(&files, &dropped, &mut warnings);
    check_compatible(&files, &graph)?;
    set_edges(&mut files, &graph);
    set_versions(&mut files, &graph, &mut warnings)?;
    warn_of_merges(&files, &graph, &mut warnings);
    let phases = files.into_iter().map(|file| file.phase).collect();
    Ok(Chain::new(phases, graph, warnings))
}

/// Joins further phases to a chain; parents and versions count as they stand.
fn extend(chain: &Chain, more: Vec<Phase>) -> Result<Chain> {
    let phases = chain.phases().iter().cloned().chain(more);
    let files: Vec<PhaseFile> = phases.map(PhaseFile::declared).collect();
    let positions = unique_ids(&files)?;
    let stands_for = replaced_ids(&files, &positions)?;
    let graph = join(&files, &positions, &stands_for)?;
    let order = graph.order().map_err(|cycle| cycle_error(&files, &cycle))?;
    let mut files = in_order(files, &order);
    let (graph, _) = graph.reordered(&order).without_redundant_parents();
    set_edges(&mut files, &graph);
    let phases = files.into_iter().map(|file| file.phase).collect();
    Ok(Chain::new(phases, graph, chain.warnings().to_vec()))
}

/// Gives each phase that declares no parents the phase before it in file-name order: the nearest that does not
/// declare to come after it, as a phase does whose name begins with another letter.
fn fill_parents(files: &mut [PhaseFile]) {
    for index in 1..files.len() {
        if files[index].declares_parents {
            continue;
        }
        let before = (0..index).rev().find(|other| !comes_after(files, *other, index));
        files[index].phase.parents =
            before.map(|other| files[other].phase.id.clone()).into_iter().collect();
    }
}

/// Returns whether a phase declares to come after another that declares nothing, or after one that follows that by
/// its name.
fn comes_after(files: &[PhaseFile], phase: usize, other: usize) -> bool {
    if !files[phase].declares_parents {
        return false;
    }
    let (mut open, mut seen) = (vec![phase], vec![false; files.len()]);
    while let Some(at) = open.pop() {
        if at >= other && !files[at].declares_parents {
            return true;
        }
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        let needed = files[at].phase.parents.iter().chain(&files[at].phase.depends_on);
        let places = needed.filter_map(|id| files.iter().position(|it| it.phase.id == *id));
        open.extend(places);
    }
    false
}

/// Orders two files by their names as people count them; those that count the same by their letters.
fn by_name(left: &Path, right: &Path) -> Ordering {
    counted(left, right).then_with(|| left.file_name().cmp(&right.file_name()))
}

/// Compares two files by their names as people count: `phase2` before `phase10`.
fn counted(left: &Path, right: &Path) -> Ordering {
    let (left, right) = (name_parts(left), name_parts(right));
    left.iter()
        .zip(&right)
        .map(|(left, right)| match (left, right) {
            (NamePart::Number(left), NamePart::Number(right)) => left.cmp(right),
            (NamePart::Letter(left), NamePart::Letter(right)) => left.cmp(right),
            (NamePart::Number(_), NamePart::Letter(right)) => '0'.cmp(right),
            (NamePart::Letter(left), NamePart::Number(_)) => left.cmp(&'0'),
        })
        .find(|order| order.is_ne())
        .unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// A part of a file name.
enum NamePart {
    Number(u128),
    Letter(char),
}

fn name_parts(file: &Path) -> Vec<NamePart> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut parts = Vec::new();
    for letter in name.chars() {
        let digit = letter.to_digit(10).map(u128::from);
        match (parts.last_mut(), digit) {
            (Some(NamePart::Number(number)), Some(digit)) => {
                *number = number.saturating_mul(10).saturating_add(digit);
            }
            (_, Some(digit)) => parts.push(NamePart::Number(digit)),
            (_, None) => parts.push(NamePart::Letter(letter)),
        }
    }
    parts
}

fn unique_ids(files: &[PhaseFile]) -> Result<Positions> {
    let mut positions = Positions::new();
    let mut problems = Problems::default();
    for (position, file) in files.iter().enumerate() {
        if let Some(first) = positions.get(&file.phase.id) {
            let first = short_path(&files[*first].phase.file);
            let what = format!("the id {} is already the id of {first}", file.phase.id);
            problems.add(&file.phase.file, file.line_of("id"), what);
        } else {
            positions.insert(file.phase.id.clone(), position);
        }
    }
    problems.into_result(ErrorKind::Chain).map(|()| positions)
}

/// Finds which phase stands for each replaced id.
fn replaced_ids(files: &[PhaseFile], positions: &Positions) -> Result<Positions> {
    let mut stands_for = Positions::new();
    let mut problems = Problems::default();
    for (position, file) in files.iter().enumerate() {
        let phase = &file.phase;
        for replaced in &phase.replaces {
            let clash = if *replaced == phase.id {
                Some(format!("phase {} replaces itself", phase.id))
            } else if let Some(present) = positions.get(replaced) {
                let present = short_path(&files[*present].phase.file);
                Some(format!("phase {} replaces {replaced}, which is in {present}", phase.id))
            } else if let Some(other) = stands_for.get(replaced).filter(|at| **at != position) {
                let other = short_path(&files[*other].phase.file);
                Some(format!("phase {} replaces {replaced}, as {other} does", phase.id))
            } else {
                None
            };
            if let Some(what) = clash {
                problems.add(&phase.file, file.line_of("replaces"), what);
            }
            stands_for.entry(replaced.clone()).or_insert(position);
        }
    }
    let found = problems.into_result(ErrorKind::Chain).map(|()| stands_for);
    found.map_err(|error| error.with_remedy(Remedy::FinishSquash))
}

fn check_labels(files: &[PhaseFile]) -> Result<()> {
    let mut first: HashMap<&str, &PhaseFile> = HashMap::new();
    let mut problems = Problems::default();
    for file in files {
        for label in &file.phase.labels {
            if let Some(other) = first.insert(label, file) {
                let other = short_path(&other.phase.file);
                let what = format!("the label {label} is already a label in {other}");
                problems.add(&file.phase.file, file.line_of("labels"), what);
            }
        }
    }
    problems.into_result(ErrorKind::Chain)
}

/// Joins the phases by the ids they name; a replaced id means the phase that stands for it.
fn join(files: &[PhaseFile], positions: &Positions, stands_for: &Positions) -> Result<Graph> {
    let mut problems = Problems::default();
    let mut find = |file: &PhaseFile, ids: &[PhaseId], key: &str, called: &str| {
        let mut found = Vec::new();
        for id in ids {
            match positions.get(id).or_else(|| stands_for.get(id)) {
                Some(position) if found.contains(position) => {}
                Some(position) => found.push(*position),
                None => {
                    let phase = &file.phase;
                    problems.add(
                        &phase.file,
                        file.line_of(key),
                        format!("phase {} {called} {id}, which is not in the folder", phase.id),
                    );
                    problems.lacks(id);
                    let others = positions.keys().filter(|other| **other != phase.id);
                    let mut others: Vec<&str> = others.map(PhaseId::as_str).collect();
                    others.sort_unstable();
                    problems.suggest(nearest(id.as_str(), others));
                }
            }
        }
        found
    };
    let mut parents = Vec::new();
    let mut depends_on = Vec::new();
    for file in files {
        parents.push(find(file, &file.phase.parents, "parents", "names parent"));
        depends_on.push(find(file, &file.phase.depends_on, "depends_on", "depends on"));
    }
    problems.into_result(ErrorKind::Chain).map(|()| Graph::new(parents, depends_on))
}

fn cycle_error(files: &[PhaseFile], cycle: &[usize]) -> Error {
    let members = || cycle.iter().map(|position| &files[*position].phase);
    let names: Vec<&str> =
        members().chain(members().take(1)).map(|phase| phase.id.as_str()).collect();
    let what = format!("the phases form a cycle: {}", names.join(" -> "));
    let lines = members().map(|phase| format!("{} is in {}", phase.id, short_path(&phase.file)));
    let error = Error::new(ErrorKind::Chain, what).problems(lines);
    match cycle.first().map(|position| &files[*position]) {
        Some(first) => error.at(&first.phase.file, first.line_of("parents")),
        None => error,
    }
}

fn in_order(files: Vec<PhaseFile>, order: &[usize]) -> Vec<PhaseFile> {
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let mut placed: Vec<(usize, PhaseFile)> = place.into_iter().zip(files).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, file)| file).collect()
}

/// Checks that the phases whose programs may open a file at a later one come before that one.
fn check_compatible(files: &[PhaseFile], graph: &Graph) -> Result<()> {
    let mut problems = Problems::default();
    for (position, file) in files.iter().enumerate() {
        let said = &file.phase.annotations;
        for (key, id) in
            [("compatible_with", &said.compatible_with), ("readable_with", &said.readable_with)]
        {
            let Some(id) = id else { continue };
            let is_named = |it: &PhaseFile| it.phase.id == *id || it.phase.replaces.contains(id);
            let before = files.iter().position(is_named);
            let comes_before =
                |before| before != position && graph.with_ancestors([position])[before];
            if !before.is_some_and(comes_before) {
                let what = format!(
                    "phase {} says {key} {id}, which does not come before it",
                    file.phase.id
                );
                problems.add(&file.phase.file, file.line_of(key), what);
            }
        }
    }
    problems.into_result(ErrorKind::Chain)
}

/// Writes into each phase what its parents and dependencies turned out to be.
fn set_edges(files: &mut [PhaseFile], graph: &Graph) {
    let ids: Vec<PhaseId> = files.iter().map(|file| file.phase.id.clone()).collect();
    let named = |positions: &[usize]| positions.iter().map(|at| ids[*at].clone()).collect();
    for (position, file) in files.iter_mut().enumerate() {
        file.phase.parents = named(graph.parents(position));
        file.phase.depends_on = named(graph.depends_on(position));
    }
}

/// Checks the declared versions and gives the other phases theirs, in chain order.
fn set_versions(
    files: &mut [PhaseFile],
    graph: &Graph,
    warnings: &mut Vec<ChainWarning>,
) -> Result<()> {
    let mut taken = declared_versions(files)?;
    // Files record the versions of replaced phases, so that no other phase counts up to one of them.
    for (position, file) in files.iter().enumerate() {
        for version in &file.phase.annotations.replaced_versions {
            taken.entry(*version).or_insert(position);
        }
    }
    let suggested = suggested_versions(files, &mut taken);
    let mut highest: Vec<Option<i64>> = Vec::with_capacity(files.len());
    let mut problems = Problems::default();
    for (position, file) in files.iter_mut().enumerate() {
        let below = graph.before(position).filter_map(|before| highest[before]).max();
        if file.declares_version {
            warn_of_version(file, below, warnings);
        } else if let Some(version) = suggested.get(&position).filter(|it| below < Some(**it)) {
            file.phase.version = *version;
            file.phase.version_declared = true;
        } else {
            let mut next = below.unwrap_or_default().checked_add(1);
            while let Some(version) = next.filter(|version| taken.contains_key(version)) {
                next = version.checked_add(1);
            }
            match next {
                Some(version) => file.phase.version = version,
                None => {
                    let what = format!("no version is left for phase {}", file.phase.id);
                    problems.add(&file.phase.file, 1, what);
                }
            }
            taken.insert(file.phase.version, position);
        }
        highest.push(below.max(Some(file.phase.version)));
    }
    problems.into_result(ErrorKind::Chain)
}

/// The numbers in the names of files that no other phase has, by the position of the phase.
fn suggested_versions(files: &[PhaseFile], taken: &mut HashMap<i64, usize>) -> HashMap<usize, i64> {
    let number = |file: &PhaseFile| file.suggested_version.filter(|_| !file.declares_version);
    let mut count: HashMap<i64, usize> = HashMap::new();
    for number in files.iter().filter_map(number) {
        *count.entry(number).or_default() += 1;
    }
    let mut suggested = HashMap::new();
    for (position, file) in files.iter().enumerate() {
        let Some(number) = number(file) else { continue };
        if count.get(&number) == Some(&1) && !taken.contains_key(&number) {
            suggested.insert(position, number);
        }
    }
    taken.extend(suggested.iter().map(|(position, number)| (*number, *position)));
    suggested
}

fn declared_versions(files: &[PhaseFile]) -> Result<HashMap<i64, usize>> {
    let mut taken: HashMap<i64, usize> = HashMap::new();
    let mut problems = Problems::default();
    for (position, file) in files.iter().enumerate().filter(|(_, file)| file.declares_version) {
        let phase = &file.phase;
        if let Some(first) = taken.get(&phase.version) {
            let first = &files[*first].phase;
            problems.add(
                &phase.file,
                file.line_of("version"),
                format!(
                    "phase {} sets version {}, as phase {} in {} does",
                    phase.id,
                    phase.version,
                    first.id,
                    short_path(&first.file)
                ),
            );
        } else {
            taken.insert(phase.version, position);
        }
    }
    problems.into_result(ErrorKind::Chain).map(|()| taken)
}

fn warn_of_version(file: &PhaseFile, below: Option<i64>, warnings: &mut Vec<ChainWarning>) {
    if let Some(highest) = below.filter(|highest| *highest > file.phase.version) {
        warnings.push(ChainWarning::VersionNotAbove {
            phase: file.phase.id.clone(),
            file: file.phase.file.clone(),
            version: file.phase.version,
            highest,
        });
    }
}

fn warn_of_redundant_parents(
    files: &[PhaseFile],
    dropped: &[(usize, Vec<usize>)],
    warnings: &mut Vec<ChainWarning>,
) {
    for (position, parents) in dropped {
        let phase = &files[*position].phase;
        warnings.push(ChainWarning::RedundantParents {
            phase: phase.id.clone(),
            file: phase.file.clone(),
            dropped: parents.iter().map(|at| files[*at].phase.id.clone()).collect(),
        });
    }
}

fn warn_of_merges(files: &[PhaseFile], graph: &Graph, warnings: &mut Vec<ChainWarning>) {
    let mut merges: HashMap<Vec<usize>, usize> = HashMap::new();
    for (position, file) in files.iter().enumerate() {
        let mut parents = graph.parents(position).to_vec();
        if parents.is_empty() && graph.depends_on(position).len() > 1 {
            warnings.push(ChainWarning::LooksLikeMerge {
                phase: file.phase.id.clone(),
                file: file.phase.file.clone(),
            });
        }
        if parents.len() < 2 {
            continue;
        }
        parents.sort_unstable();
        let Some(first) = merges.get(&parents) else {
            merges.insert(parents, position);
            continue;
        };
        let first = &files[*first].phase;
        warnings.push(ChainWarning::MergedTwice {
            phases: [first.id.clone(), file.phase.id.clone()],
            files: [first.file.clone(), file.phase.file.clone()],
            parents: parents.iter().map(|at| files[*at].phase.id.clone()).collect(),
        });
    }
}
