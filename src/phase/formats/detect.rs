//! Which tool a folder belongs to, by the names of its files and their marks.

use std::path::{Path, PathBuf};

use super::FolderFormat;
use super::listing::{Entries, digits, name_of};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::phase::problem::short_path;
use crate::phase::sql_file::names_sql;
use crate::sql::{TokenKind, statements, tokens};

/// Finds the format of a folder. `named` are files of SQL that phases in TOML name; they belong to those.
///
/// # Errors
/// [`ErrorKind::Chain`] if the folder mixes formats.
pub(super) fn detect(
    files: &dyn Files,
    folder: &Path,
    entries: &Entries,
    named: &[PathBuf],
) -> Result<FolderFormat> {
    if let Some(format) = by_folders(files, entries)? {
        return Ok(format);
    }
    if files.exists(&folder.join("meta").join("_journal.json"))? {
        return Ok(FolderFormat::Drizzle);
    }
    let mut found: Vec<(FolderFormat, &PathBuf)> = Vec::new();
    for path in &entries.files {
        let is_toml = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"));
        let format = if is_toml {
            Some(FolderFormat::Phaseshift)
        } else if names_sql(path) && !named.contains(path) {
            of_file(files, path)
        } else {
            None
        };
        found.extend(format.map(|format| (format, path)));
    }
    one_of(&found)
}

/// The one format of the files. A file without marks and without a number belongs to any.
fn one_of(found: &[(FolderFormat, &PathBuf)]) -> Result<FolderFormat> {
    let is_marked = |it: &&(FolderFormat, &PathBuf)| it.0 != FolderFormat::Plain;
    let Some((format, path)) = found.iter().find(is_marked) else {
        return Ok(FolderFormat::Phaseshift);
    };
    let is_numbered = |path: &Path| !digits(&name_of(path)).0.is_empty();
    let other = found.iter().find(|(other, path)| match other {
        FolderFormat::Plain => *format != FolderFormat::Phaseshift && is_numbered(path),
        other => other != format,
    });
    match other {
        None => Ok(*format),
        Some((other, second)) => {
            let (one, two) = (short_path(path), short_path(second));
            let other = if *other == FolderFormat::Plain { "plain SQL" } else { other.word() };
            let what = format!("the folder mixes formats: {one} is {format}, {two} is {other}");
            Err(Error::new(ErrorKind::Chain, what).at(second, 1))
        }
    }
}

fn by_folders(files: &dyn Files, entries: &Entries) -> Result<Option<FolderFormat>> {
    let holds = |folder: &PathBuf, name: &str| files.exists(&folder.join(name));
    let flat = entries.files.iter().find(|path| {
        let is_toml = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"));
        names_sql(path) || (is_toml && name_of(path) != "migration_lock.toml")
    });
    for folder in &entries.folders {
        let name = name_of(folder);
        if name == "archive" || name == "meta" {
            continue;
        }
        let format = if holds(folder, "up.sql")? {
            // `01-name`; the stamps of diesel hold more numbers.
            let (number, rest) = digits(&name);
            let is_counted = rest.strip_prefix('-').is_some_and(|it| digits(it).0.is_empty());
            let is_counted = is_counted && !number.is_empty();
            if is_counted { FolderFormat::RusqliteMigration } else { FolderFormat::Diesel }
        } else if holds(folder, "migration.sql")? {
            FolderFormat::Prisma
        } else {
            continue;
        };
        if let Some(flat) = flat {
            let (one, two) = (short_path(folder), short_path(flat));
            let what =
                format!("the folder mixes formats: {one} is {format}, {two} is a file of its own");
            return Err(Error::new(ErrorKind::Chain, what).at(flat, 1));
        }
        return Ok(Some(format));
    }
    Ok(None)
}

/// The format of one file, by its marks and its name; `None` if it holds no statement. Our own first line counts before
/// the name: an import keeps the names of the other tool.
fn of_file(files: &dyn Files, path: &Path) -> Option<FolderFormat> {
    // What cannot be read is reported when it is read as a phase.
    let bytes = files.read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut comments = tokens(&text).into_iter().filter(|it| it.kind == TokenKind::Comment);
    let mark = comments.find_map(|it| {
        let words = it.text(&text).strip_prefix("--")?.trim_start();
        let begins = |mark: &str| words.starts_with(mark);
        if begins("phase:") {
            Some(FolderFormat::Phaseshift)
        } else if begins("+goose") {
            Some(FolderFormat::Goose)
        } else if begins("migrate:up") || begins("migrate:down") {
            Some(FolderFormat::Dbmate)
        } else {
            None
        }
    });
    match mark {
        Some(FolderFormat::Phaseshift) => mark,
        _ => by_name(&name_of(path))
            .or(mark)
            .or_else(|| (!statements(&text).is_empty()).then_some(FolderFormat::Plain)),
    }
}

/// The format that the name of a file stands for.
fn by_name(name: &str) -> Option<FolderFormat> {
    let (number, rest) = digits(name);
    let paired = name.ends_with(".up.sql") || name.ends_with(".down.sql");
    if paired && !number.is_empty() && rest.starts_with('_') {
        return Some(FolderFormat::Migrate);
    }
    let is_refinery = name.strip_prefix(['V', 'U']).is_some_and(|it| {
        let (number, rest) = digits(it);
        !number.is_empty() && (rest.starts_with("__") || rest.starts_with('.'))
    });
    is_refinery.then_some(FolderFormat::Refinery)
}
