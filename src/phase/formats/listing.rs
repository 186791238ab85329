//! The migrations of a folder: which files make each, in the order in which the tool applies them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::FolderFormat;
use crate::error::Result;
use crate::files::{FileKind, Files};
use crate::phase::problem::{Problems, short_path};
use crate::phase::sql_file::names_sql;

/// One migration: its files, and what their names say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Migration {
    /// What stands before the name: a number, a stamp.
    pub(super) key: String,
    /// The name without endings.
    pub(super) name: String,
    /// The number in the name, if it is one.
    pub(super) number: Option<u128>,
    pub(super) up: Option<PathBuf>,
    pub(super) down: Option<PathBuf>,
}

/// The files and folders of a folder, by name, without hidden ones.
pub(super) struct Entries {
    pub(super) files: Vec<PathBuf>,
    pub(super) folders: Vec<PathBuf>,
}

pub(super) fn entries(files: &dyn Files, folder: &Path) -> Result<Entries> {
    let mut found = Entries { files: Vec::new(), folders: Vec::new() };
    for path in files.entries(folder)? {
        if name_of(&path).starts_with('.') {
            continue;
        }
        let stat = files.status(&path)?;
        match stat.map(|stat| stat.kind) {
            Some(FileKind::Folder) => found.folders.push(path),
            Some(FileKind::File | FileKind::Other) | None => found.files.push(path),
        }
    }
    Ok(found)
}

/// Returns the last part of a path as text.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Cuts the digits off the beginning of a name.
pub(super) fn digits(name: &str) -> (&str, &str) {
    name.split_at(name.find(|it: char| !it.is_ascii_digit()).unwrap_or(name.len()))
}

/// Returns the name without one of the endings, and which one it was.
fn without_ending<'n>(name: &'n str, endings: &[&'static str]) -> Option<(&'n str, &'static str)> {
    endings.iter().find_map(|it| name.strip_suffix(it).map(|name| (name, *it)))
}

/// Lists the migrations of a folder in the order of the tool; notes names that the tool would refuse.
pub(super) fn migrations(
    files: &dyn Files,
    folder: &Path,
    entries: &Entries,
    format: FolderFormat,
    problems: &mut Problems,
) -> Result<Vec<Migration>> {
    let mut found = match format {
        FolderFormat::Phaseshift | FolderFormat::Plain => plain(entries),
        FolderFormat::Goose | FolderFormat::Sqlx | FolderFormat::Migrate => {
            numbered(entries, format, problems)
        }
        FolderFormat::Dbmate => dbmate(entries),
        FolderFormat::Refinery => refinery(entries, problems),
        FolderFormat::Diesel | FolderFormat::RusqliteMigration => {
            folders(files, entries, ("up.sql", Some("down.sql")))?
        }
        FolderFormat::Prisma => folders(files, entries, ("migration.sql", None))?,
        FolderFormat::Drizzle => return drizzle(files, folder, entries, problems),
    };
    match format {
        FolderFormat::Goose
        | FolderFormat::Sqlx
        | FolderFormat::Migrate
        | FolderFormat::Refinery => {
            found.sort_by_key(|it| it.number);
        }
        FolderFormat::RusqliteMigration => {
            found.sort_by_key(|it| it.number);
            refuse_gaps(&found, problems);
        }
        FolderFormat::Diesel => found.sort_by(|left, right| left.key.cmp(&right.key)),
        FolderFormat::Dbmate | FolderFormat::Prisma => {
            found.sort_by(|left, right| left.name.cmp(&right.name));
        }
        FolderFormat::Phaseshift | FolderFormat::Plain | FolderFormat::Drizzle => return Ok(found),
    }
    refuse_equal(&found, format, problems);
    Ok(found)
}

fn plain(entries: &Entries) -> Vec<Migration> {
    let files = entries.files.iter().filter(|path| names_sql(path));
    files
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let number = digits(&name).0;
            let (key, number) = (number.to_owned(), number.parse().ok());
            Migration { key, name, number, up: Some(path.clone()), down: None }
        })
        .collect()
}

/// `NUMBER_name` with one of the endings. Two files that differ only in `.up` and `.down` are one migration.
fn numbered(entries: &Entries, format: FolderFormat, problems: &mut Problems) -> Vec<Migration> {
    let endings: &[&'static str] = match format {
        FolderFormat::Migrate => &[".up.sql", ".down.sql"],
        FolderFormat::Sqlx => &[".up.sql", ".down.sql", ".sql"],
        _ => &[".sql"],
    };
    let mut found: BTreeMap<String, Migration> = BTreeMap::new();
    for path in entries.files.iter().filter(|path| names_sql(path)) {
        let name = name_of(path);
        let Some((stem, ending)) = without_ending(&name, endings) else { continue };
        let (number, rest) = digits(stem);
        // goose refuses every other name.
        let is_ignored = match format {
            FolderFormat::Migrate => number.is_empty() || !rest.starts_with('_'),
            FolderFormat::Sqlx => !stem.contains('_'),
            _ => false,
        };
        if is_ignored {
            continue;
        }
        let Ok(number) = number.parse::<u128>() else {
            problems.add(path, 1, "the name of the file does not begin with a number");
            continue;
        };
        if !rest.starts_with('_') {
            problems.add(path, 1, "the name of the file is not NUMBER_name");
            continue;
        }
        let migration = found.entry(stem.to_owned()).or_insert_with(|| Migration {
            key: number.to_string(),
            name: stem.to_owned(),
            number: Some(number),
            up: None,
            down: None,
        });
        let place = if ending == ".down.sql" { &mut migration.down } else { &mut migration.up };
        if let Some(other) = place.replace(path.clone()) {
            let what = format!("{} is the same migration", short_path(&other));
            problems.add(path, 1, what);
        }
    }
    found.into_values().collect()
}

/// Files that begin with a digit; others are no migrations.
fn dbmate(entries: &Entries) -> Vec<Migration> {
    let mut found = plain(entries);
    found.retain(|it| !it.key.is_empty());
    found
}

/// `V1__name.sql` and `U1__name.sql`; others are no migrations.
fn refinery(entries: &Entries, problems: &mut Problems) -> Vec<Migration> {
    let mut found = Vec::new();
    for path in entries.files.iter().filter(|path| names_sql(path)) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(['V', 'U']) else { continue };
        let (number, rest) = digits(rest);
        let number = match number.parse::<u128>() {
            Ok(number) if rest.starts_with("__") && rest.len() > 2 => number,
            Ok(_) if rest.starts_with('.') => {
                problems.add(path, 1, "the version in the name of the file is not a whole number");
                continue;
            }
            Ok(_) | Err(_) => continue,
        };
        let (key, number) = (number.to_string(), Some(number));
        found.push(Migration { key, name, number, up: Some(path.clone()), down: None });
    }
    found
}

/// Folders with a file of the way up, and one of the downgrade.
fn folders(
    files: &dyn Files,
    entries: &Entries,
    (up, down): (&str, Option<&str>),
) -> Result<Vec<Migration>> {
    let is_there = |path: &Path| files.exists(path);
    let mut found = Vec::new();
    for folder in &entries.folders {
        let name = name_of(folder);
        let (up, down) = (folder.join(up), down.map(|it| folder.join(it)));
        let up = is_there(&up)?.then_some(up);
        let down = match down {
            Some(down) if is_there(&down)? => Some(down),
            Some(_) | None => None,
        };
        if up.is_none() && down.is_none() {
            continue;
        }
        // Dashes inside the stamp of diesel do not count.
        let key = name.split('_').next().unwrap_or_default().replace('-', "");
        let number = match digits(&key) {
            (number, "") => number.parse().ok(),
            _ => digits(&name).0.parse().ok(),
        };
        found.push(Migration { key, name, number, up, down });
    }
    Ok(found)
}

/// rusqlite_migration counts its folders from 1.
fn refuse_gaps(found: &[Migration], problems: &mut Problems) {
    for (migration, wanted) in found.iter().zip(1_u128..) {
        if migration.number != Some(wanted) {
            let path = migration.up.as_deref().or(migration.down.as_deref());
            let what =
                format!("the folder {} is not number {wanted}", migration.name.escape_debug());
            problems.add(path.unwrap_or(Path::new("")), 1, what);
            return;
        }
    }
}

/// Two migrations of one number: every tool that numbers them fails on the second, but diesel runs only one of them.
fn refuse_equal(found: &[Migration], format: FolderFormat, problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &Migration> = BTreeMap::new();
    for migration in found {
        let key = match format {
            FolderFormat::Prisma => migration.name.as_str(),
            _ => migration.key.as_str(),
        };
        if let Some(other) = seen.insert(key, migration) {
            let path = migration.up.as_deref().or(migration.down.as_deref());
            let consequence = match format {
                FolderFormat::Diesel => "of which diesel runs only one".to_owned(),
                other => format!("which {other} refuses"),
            };
            let what = format!(
                "{} and {} have the same number, {consequence}",
                other.name.escape_debug(),
                migration.name.escape_debug()
            );
            problems.add(path.unwrap_or(Path::new("")), 1, what);
        }
    }
}

/// The entries of `meta/_journal.json`, or folders with `migration.sql` where there is no journal.
fn drizzle(
    files: &dyn Files,
    folder: &Path,
    entries: &Entries,
    problems: &mut Problems,
) -> Result<Vec<Migration>> {
    let journal = folder.join("meta").join("_journal.json");
    if !files.exists(&journal)? {
        let mut found = folders(files, entries, ("migration.sql", None))?;
        if found.is_empty() {
            problems.add(&journal, 1, "the journal of drizzle is not there");
        }
        found.sort_by(|left, right| left.name.cmp(&right.name));
        return Ok(found);
    }
    let Some(text) = super::text::text_within(files, folder, &journal, problems)? else {
        return Ok(Vec::new());
    };
    let tags = match journal_tags(&text) {
        Ok(tags) => tags,
        Err(what) => {
            problems.add(&journal, 1, what);
            return Ok(Vec::new());
        }
    };
    let mut found: Vec<Migration> = Vec::new();
    for tag in tags {
        let is_plain =
            !tag.is_empty() && !tag.contains(['/', '\\', '\0']) && tag != ".." && tag != ".";
        let shown = tag.escape_debug().to_string();
        if !is_plain {
            problems.add(
                &journal,
                1,
                format!("the entry {shown} does not name a file of the folder"),
            );
            continue;
        }
        if found.iter().any(|it| it.name == tag) {
            problems.add(&journal, 1, format!("the entry {shown} stands there twice"));
            continue;
        }
        let path = folder.join(format!("{tag}.sql"));
        if !entries.files.contains(&path) {
            problems.add(
                &journal,
                1,
                format!("the file of the entry {shown} is not in the folder"),
            );
            continue;
        }
        let number = digits(&tag).0;
        let (key, number) = (number.to_owned(), number.parse().ok());
        found.push(Migration { key, name: tag, number, up: Some(path), down: None });
    }
    Ok(found)
}

fn journal_tags(text: &str) -> std::result::Result<Vec<String>, String> {
    let journal: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let entries = journal.get("entries").and_then(serde_json::Value::as_array);
    let entries = entries.ok_or("the journal has no entries")?;
    let tag = |entry: &serde_json::Value| entry.get("tag")?.as_str().map(ToOwned::to_owned);
    let tags: Option<Vec<String>> = entries.iter().map(tag).collect();
    tags.ok_or_else(|| "an entry of the journal has no tag".to_owned())
}
