//! Django: what `sqlmigrate` printed, a file for each migration.
//!
//! The files are called `APP.NAME.sql`, or `NAME.sql` in a folder `APP`; what `sqlmigrate --backwards` printed ends in
//! `.down.sql`. The order is that of `plan.txt`, the output of `showmigrations --plan`, or of the numbers of one app.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::alembic::{refuse_outside, text_of};
use super::{Draft, ImportSource};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{FileKind, Files};
use crate::phase::{PhaseFile, PhaseId, SectionTexts};

/// The files of a migration.
#[derive(Debug, Clone, Default)]
struct MigrationFiles {
    up: Option<PathBuf>,
    down: Option<PathBuf>,
}

/// Reads the migrations in their order.
pub(super) fn drafts(
    files: &dyn Files,
    source: &ImportSource<'_>,
    notices: &mut Vec<String>,
) -> Result<Vec<Draft>> {
    let pairs = pairs(files, source.folder)?;
    let order = order(files, source.folder, &pairs)?;
    let mut drafts: Vec<Draft> = Vec::new();
    for name in order {
        let Some(pair) = pairs.get(&name) else { continue };
        let Some(up) = &pair.up else {
            let what = format!("{name} has a backward migration but no forward one");
            return Err(Error::new(ErrorKind::PhaseFile, what));
        };
        let text = text_of(files, up)?;
        notices.extend(not_written(&text, up));
        let down = match &pair.down {
            Some(path) => {
                let text = text_of(files, path)?;
                notices.extend(not_written(&text, path));
                Some(text)
            }
            None => None,
        };
        let id = PhaseId::new(&name).ok_or_else(|| {
            let what = format!("{} cannot be the id of a phase", name.escape_debug());
            Error::new(ErrorKind::PhaseFile, what).at(up, 1)
        })?;
        let frame = format!("-- phase: id={id}\n-- up\n");
        let mut phase = PhaseFile::parse_sql(files, up, &frame)?.phase;
        phase.parents = drafts.last().map(|it| it.phase.id.clone()).into_iter().collect();
        phase.checksum.clear();
        let up = text.trim_start_matches('\u{feff}').trim().to_owned();
        drafts.push(Draft { phase, texts: SectionTexts { up, down }, key: name });
    }
    Ok(drafts)
}

/// Names the operations that `sqlmigrate` could not print.
fn not_written(text: &str, path: &Path) -> Vec<String> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| line.contains("THIS OPERATION CANNOT BE WRITTEN AS SQL"));
    let place = |line: usize| format!("{}:{}", path.display(), line + 1);
    lines
        .map(|(line, _)| format!("{}: an operation in Python is not in the SQL", place(line)))
        .collect()
}

fn pairs(files: &dyn Files, folder: &Path) -> Result<BTreeMap<String, MigrationFiles>> {
    let mut pairs: BTreeMap<String, MigrationFiles> = BTreeMap::new();
    for path in files.entries(folder)? {
        let stat = files.status(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if stat.is_some_and(|it| it.kind == FileKind::Folder) {
            refuse_outside(files, folder, &path)?;
            for inner in files.entries(&path)? {
                let file = inner.file_name().unwrap_or_default().to_string_lossy().into_owned();
                add(files, folder, (&inner, &format!("{name}.{file}")), &mut pairs)?;
            }
        } else {
            add(files, folder, (&path, &name), &mut pairs)?;
        }
    }
    Ok(pairs)
}

fn add(
    files: &dyn Files,
    folder: &Path,
    (path, name): (&Path, &str),
    pairs: &mut BTreeMap<String, MigrationFiles>,
) -> Result<()> {
    let down = [".down.sql", ".backwards.sql"].iter().find_map(|it| name.strip_suffix(it));
    let (name, is_down) = match (down, name.strip_suffix(".sql")) {
        (Some(name), _) => (name, true),
        (None, Some(name)) => (name, false),
        (None, None) => return Ok(()),
    };
    refuse_outside(files, folder, path)?;
    let pair = pairs.entry(name.to_owned()).or_default();
    let place = if is_down { &mut pair.down } else { &mut pair.up };
    match place.replace(path.to_path_buf()) {
        None => Ok(()),
        Some(other) => {
            let what = format!("{} and {} are one migration", other.display(), path.display());
            Err(Error::new(ErrorKind::Chain, what).at(path, 1))
        }
    }
}

/// The migrations in the order in which they run.
fn order(
    files: &dyn Files,
    folder: &Path,
    pairs: &BTreeMap<String, MigrationFiles>,
) -> Result<Vec<String>> {
    let plan = folder.join("plan.txt");
    if !files.exists(&plan)? {
        let app = |name: &str| name.split_once('.').map_or("", |(app, _)| app).to_owned();
        let mut apps: Vec<String> = pairs.keys().map(|it| app(it)).collect();
        apps.dedup();
        return match &apps[..] {
            [] | [_] => Ok(pairs.keys().cloned().collect()),
            [first, second, ..] => {
                let what = format!(
                    "migrations of the apps {first} and {second}: their order is in plan.txt, which is missing"
                );
                Err(Error::new(ErrorKind::Chain, what))
            }
        };
    }
    let text = text_of(files, &plan)?;
    let words = text.lines().filter_map(|line| line.trim().strip_prefix('[')?.split_once(']'));
    let mut order: Vec<String> = Vec::new();
    for (_, name) in words {
        let name = name.split_whitespace().next().unwrap_or_default().to_owned();
        if pairs.contains_key(&name) && !order.contains(&name) {
            order.push(name);
        }
    }
    match pairs.keys().find(|it| !order.contains(it)) {
        None => Ok(order),
        Some(missing) => {
            let what = format!("{} does not name {missing}", plan.display());
            Err(Error::new(ErrorKind::Chain, what).at(&plan, 1))
        }
    }
}
