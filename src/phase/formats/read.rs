//! Reads the phases of a folder in any format.

use super::text::{text_of_file, text_within};
use std::path::{Path, PathBuf};

use super::FolderFormat;
use super::detect::detect;
use super::listing::{Entries, Migration, digits, entries, migrations, name_of};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::phase::checksum::as_read;
use crate::phase::file::{PhaseFile, read_into};
use crate::phase::phase::{Downgrade, Phase, PhaseId};
use crate::phase::problem::Problems;
use crate::phase::sql_file::{SqlSource, read_sql};
use crate::phase::sql_form::{Dialect, SectionTexts, section_texts};
use crate::phase::step::Operation;
use crate::phase::table_reader::id;

pub(in crate::phase) struct Folder {
    pub(in crate::phase) format: FolderFormat,
    /// In the order of the tool; those of our own format in any order.
    pub(in crate::phase) phases: Vec<PhaseFile>,
}

/// Reads the phases of a folder; the faults of all files are reported. Without a format, it is found out.
pub(in crate::phase) fn read_folder(
    files: &dyn Files,
    folder: &Path,
    format: Option<FolderFormat>,
) -> Result<Folder> {
    let mut problems = Problems::default();
    let entries = entries(files, folder)?;
    let is_ours = matches!(format, None | Some(FolderFormat::Phaseshift));
    let mut phases = Vec::new();
    if is_ours {
        let is_toml = |path: &&PathBuf| {
            let extension = path.extension();
            extension.is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
        };
        // Prisma keeps a file of settings among its folders.
        let is_lock =
            |path: &PathBuf| path.file_name().is_some_and(|it| it == "migration_lock.toml");
        let lock = format.is_none() && entries.folders.iter().any(|it| has_migration(files, it));
        for path in entries.files.iter().filter(is_toml).filter(|it| !(lock && is_lock(it))) {
            phases.extend(read_into(files, path, &mut problems)?);
        }
    }
    let named = named_files(&phases);
    let format = match format {
        Some(format) => format,
        None => detect(files, folder, &entries, &named)?,
    };
    let entries = Entries {
        files: entries.files.into_iter().filter(|it| !named.contains(it)).collect(),
        folders: entries.folders,
    };
    for migration in migrations(files, folder, &entries, format, &mut problems)? {
        if let Some(source) = source(files, (folder, format), migration, &mut problems)? {
            phases.extend(read_sql(files, &source, &mut problems));
        }
    }
    problems.into_result(ErrorKind::PhaseFile)?;
    Ok(Folder { format, phases })
}

fn has_migration(files: &dyn Files, folder: &Path) -> bool {
    files.stat(&folder.join("migration.sql")).is_ok_and(|it| it.is_some())
}

/// The files of SQL that phases in TOML name.
fn named_files(phases: &[PhaseFile]) -> Vec<PathBuf> {
    let mut named = Vec::new();
    for PhaseFile { phase, .. } in phases {
        let down = match &phase.down {
            Downgrade::Steps(steps) => steps.as_slice(),
            Downgrade::Derived | Downgrade::Irreversible(_) => &[],
        };
        for step in phase.up.iter().chain(down) {
            if let Operation::Sql { file: Some(name), .. } = &step.operation {
                named.push(phase.file.with_file_name(name));
            }
        }
    }
    named
}

fn dialect(format: FolderFormat) -> Dialect {
    match format {
        FolderFormat::Phaseshift => Dialect::Phaseshift,
        FolderFormat::Goose => Dialect::Goose,
        FolderFormat::Dbmate => Dialect::Dbmate,
        FolderFormat::Migrate
        | FolderFormat::Sqlx
        | FolderFormat::Diesel
        | FolderFormat::Refinery
        | FolderFormat::RusqliteMigration
        | FolderFormat::Prisma
        | FolderFormat::Drizzle
        | FolderFormat::Plain => Dialect::Whole,
    }
}

/// Reads again the SQL of a phase that was read from a folder of this format.
///
/// # Errors
/// [`ErrorKind::PhaseFile`] if a file is no longer what it was; [`ErrorKind::Io`] if it cannot be read.
pub fn sql_of(files: &dyn Files, format: FolderFormat, phase: &Phase) -> Result<SectionTexts> {
    let mut problems = Problems::default();
    let mut read = |path: &Path, dialect: Dialect| {
        let text = text_of_file(files, path, &mut problems)?.unwrap_or_default();
        let text = if format == FolderFormat::Goose { as_read(&text) } else { text };
        Ok::<SectionTexts, Error>(section_texts(&text, dialect))
    };
    let down_file = phase.annotations.down_file.as_ref();
    let mut texts = match down_file {
        // It only goes down.
        Some(down) if *down == phase.file => SectionTexts::default(),
        Some(_) | None => read(&phase.file, dialect(format))?,
    };
    if let Some(down) = down_file {
        texts.down = Some(read(down, Dialect::Whole)?.up);
    }
    problems.into_result(ErrorKind::PhaseFile)?;
    Ok(texts)
}

/// Returns what the tool records of a phase that was read from a folder of its format.
pub fn recorded_key(format: FolderFormat, phase: &Phase) -> String {
    let file = name_of(&phase.file);
    let folder = phase.file.parent().map(name_of).unwrap_or_default();
    let counted = |name: &str| {
        let number = digits(name).0;
        number.parse::<u128>().map_or_else(|_| number.to_owned(), |it| it.to_string())
    };
    match format {
        FolderFormat::Dbmate => digits(&file).0.to_owned(),
        FolderFormat::Refinery => counted(file.trim_start_matches(['V', 'U'])),
        FolderFormat::Diesel => folder.split('_').next().unwrap_or_default().replace('-', ""),
        FolderFormat::RusqliteMigration => counted(&folder),
        FolderFormat::Prisma => folder,
        FolderFormat::Drizzle => {
            phase.file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
        }
        FolderFormat::Goose
        | FolderFormat::Migrate
        | FolderFormat::Sqlx
        | FolderFormat::Plain
        | FolderFormat::Phaseshift => counted(&file),
    }
}

/// Reads the texts of a migration; `None` if there is a fault.
fn source(
    files: &dyn Files,
    (folder, format): (&Path, FolderFormat),
    migration: Migration,
    problems: &mut Problems,
) -> Result<Option<SqlSource>> {
    let dialect = dialect(format);
    let read = |path: &Path, problems: &mut Problems| match format {
        FolderFormat::Phaseshift => text_of_file(files, path, problems),
        _ => text_within(files, folder, path, problems),
    };
    let (path, text) = match (&migration.up, &migration.down) {
        (Some(up), _) => (up.clone(), read(up, problems)?),
        // A migration that only goes down does nothing on the way up.
        (None, Some(down)) => (down.clone(), Some(String::new())),
        (None, None) => return Ok(None),
    };
    let Some(mut text) = text else { return Ok(None) };
    // goose itself reads lines; the others hand every byte to SQLite.
    if format == FolderFormat::Goose {
        text = as_read(&text);
    }
    let down = match migration.down {
        Some(down) => match read(&down, problems)? {
            Some(text) => Some((down, text)),
            None => return Ok(None),
        },
        None => None,
    };
    let own_id = (format != FolderFormat::Phaseshift).then(|| phase_id(&migration.name));
    let number = migration.number.and_then(|it| i64::try_from(it).ok());
    Ok(Some(SqlSource { path, text, dialect, down, id: own_id, number }))
}

/// Makes an id of the name of a file: what no id can hold becomes `_`.
fn phase_id(name: &str) -> PhaseId {
    let allowed = |it: char| it.is_ascii_alphanumeric() || "_.-".contains(it);
    let text: String =
        name.chars().map(|it| if allowed(it) { it } else { '_' }).take(200).collect();
    let other = || PhaseId::new(&format!("_{}", text.chars().take(199).collect::<String>()));
    id(&text).ok().or_else(other).unwrap_or_else(PhaseId::nameless)
}
