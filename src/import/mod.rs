//! Another tool's migrations as phases, and what that tool recorded of them in a file.
//!
//! The tool is never run, and its version table is only read.

mod alembic;
mod django;
mod python;
mod recorded;
mod tool;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub use recorded::{ToolRecord, recorded_by, without_records_of_tools};
pub use tool::Tool;

use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::phase::{
    Chain, FolderFormat, Phase, PhaseFile, PhaseId, SectionTexts, recorded_key, sql_of,
    sql_phase_text,
};

/// Where the migrations of a tool are.
#[derive(Debug, Clone)]
pub struct ImportSource<'s> {
    pub tool: Tool,
    /// Its folder of migrations.
    pub folder: &'s Path,
    /// What `alembic upgrade --sql` and `alembic downgrade --sql` print.
    pub scripts: &'s [PathBuf],
}

/// A migration as a phase in SQL.
#[derive(Debug, Clone)]
pub struct Imported {
    pub id: PhaseId,
    pub file_name: String,
    pub text: String,
    /// What the tool records when it has applied the migration.
    pub key: String,
}

/// The migrations of a tool as a chain.
#[derive(Debug, Clone)]
pub struct ImportedChain {
    /// The phases in the order of the tool.
    pub phases: Vec<Imported>,
    pub chain: Chain,
    /// What the import could not take along, a line each.
    pub notices: Vec<String>,
}

/// A migration, before its text is written.
struct Draft {
    phase: Phase,
    texts: SectionTexts,
    key: String,
}

/// Reads the migrations of a tool. `target` is the folder that the phases will be in.
///
/// # Errors
/// [`ErrorKind::PhaseFile`] or [`ErrorKind::Chain`] naming the files that cannot be taken over.
pub fn read_migrations(
    files: &dyn Files,
    source: &ImportSource<'_>,
    target: &Path,
) -> Result<ImportedChain> {
    let mut notices = Vec::new();
    let drafts = match source.tool {
        Tool::Alembic => alembic::drafts(files, source)?,
        Tool::Django => django::drafts(files, source, &mut notices)?,
        Tool::Folder(format) => of_folder(files, source, format)?,
    };
    if drafts.is_empty() {
        let what = format!("{} holds no migration of {}", source.folder.display(), source.tool);
        return Err(Error::new(ErrorKind::Chain, what));
    }
    let drafts = with_versions(files, drafts, target)?;
    let mut phases = Vec::new();
    let mut read = Vec::new();
    let mut names = HashSet::new();
    for draft in &drafts {
        let text = sql_phase_text(&draft.phase, &draft.texts);
        let file_name = format!("{}.sql", draft.phase.id);
        // Two names may be one on some file systems.
        if !names.insert(file_name.to_lowercase()) {
            let what = format!("two migrations would be written to {file_name}");
            return Err(Error::new(ErrorKind::Chain, what).in_phase(draft.phase.id.as_str()));
        }
        let file = PhaseFile::parse_sql(files, &target.join(&file_name), &text)?;
        refuse_other_steps(&draft.phase, &file.phase)?;
        phases.push(Imported {
            id: draft.phase.id.clone(),
            file_name,
            text,
            key: draft.key.clone(),
        });
        read.push(file);
    }
    Ok(ImportedChain { phases, chain: Chain::assemble(read)?, notices })
}

/// Counts the versions of migrations that have no numbers.
fn with_versions(files: &dyn Files, mut drafts: Vec<Draft>, target: &Path) -> Result<Vec<Draft>> {
    if drafts.iter().all(|it| it.phase.version > 0 || it.phase.version_declared) {
        return Ok(drafts);
    }
    let empty = |draft: &Draft| {
        let path = target.join(format!("{}.sql", draft.phase.id));
        let text = sql_phase_text(&draft.phase, &SectionTexts::default());
        PhaseFile::parse_sql(files, &path, &text)
    };
    let chain = Chain::assemble(drafts.iter().map(empty).collect::<Result<Vec<_>>>()?)?;
    for draft in &mut drafts {
        let counted = chain.get(&draft.phase.id).map(|it| it.version);
        draft.phase.version = counted.unwrap_or(draft.phase.version);
        draft.phase.version_declared = true;
    }
    Ok(drafts)
}

/// The written text must be read as the steps that the migration was read as.
fn refuse_other_steps(wanted: &Phase, written: &Phase) -> Result<()> {
    let steps = |phase: &Phase| phase.checksum.split(' ').next().unwrap_or_default().to_owned();
    if wanted.checksum.is_empty() || steps(wanted) == steps(written) {
        return Ok(());
    }
    let what = format!("{} cannot be written in SQL form: its statements would change", wanted.id);
    Err(Error::new(ErrorKind::PhaseFile, what).in_phase(wanted.id.as_str()).at(&wanted.file, 1))
}

/// The phases of a folder that can be read in place.
fn of_folder(
    files: &dyn Files,
    source: &ImportSource<'_>,
    format: FolderFormat,
) -> Result<Vec<Draft>> {
    if !source.scripts.is_empty() {
        let what = format!("--sql is for alembic; {format} has its SQL in its folder");
        return Err(Error::new(ErrorKind::Arguments, what));
    }
    let chain = Chain::read_as(files, source.folder, Some(format))?;
    let stamps = match format {
        FolderFormat::Drizzle => recorded::journal_stamps(files, source.folder)?,
        _ => Default::default(),
    };
    let draft = |phase: &Phase| {
        let texts = sql_of(files, format, phase)?;
        let key = recorded_key(format, phase);
        let key = stamps.get(&key).cloned().unwrap_or(key);
        Ok(Draft { phase: phase.clone(), texts, key })
    };
    chain.phases().iter().map(draft).collect()
}
