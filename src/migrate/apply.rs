//! A schema that is applied without a chain: the steps to it become a phase that only the history of the file holds.

use std::path::Path;

use crate::autogenerate::{Draft, draft_text};
use crate::database::Access;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::phase::{Chain, PhaseFile, PhaseId};
use crate::schema::{ObjectKind, Schema, read};

use super::project::Project;

/// How the ids of such phases begin.
const PREFIX: &str = "apply-";

/// Characters of the checksum in an id.
const DIGITS: usize = 12;

/// A file whose schema is declared as a whole, not phase by phase.
#[derive(Debug, Clone)]
pub struct DeclaredFile {
    /// The project; its chain holds the schemas that were applied before, from the history of the file.
    pub project: Project,
    /// The schema of the file, without the version tables.
    pub schema: Schema,
    /// The highest version that the file records.
    pub version: Option<i64>,
}

impl DeclaredFile {
    /// Reads a file.
    ///
    /// A file that records phases of a chain is refused: its next phase would not fit what `apply` had made of it, and
    /// every file of the same chain would be another one.
    ///
    /// # Errors
    /// [`ErrorKind::Chain`] naming the phases; those of opening and reading the file.
    pub fn read(project: &Project) -> Result<Self> {
        let project = &Project { chain: Chain::default(), ..project.clone() };
        let database = project.open(Access::ReadOnly)?;
        let schema = read(database.connection())?;
        let recorded = project.versions.read(database.connection(), &schema)?;
        let ids = recorded.versions.iter().map(|row| {
            let events = recorded.events.iter().rev();
            let mut events =
                events.filter(|it| it.version == row.version && it.direction != "down");
            match events.next() {
                Some(event) => event.id.clone(),
                None => format!("version {}", row.version),
            }
        });
        let phases: Vec<String> = ids.filter(|id| !is_applied_schema(id)).collect();
        if !phases.is_empty() {
            let what = "this file is migrated by phases; apply is for files without phases";
            return Err(Error::new(ErrorKind::Chain, what)
                .with_remedy(Remedy::WritePhase)
                .problems(phases.iter().map(|id| format!("{id} is recorded")))
                .in_database(&project.database));
        }
        let project = project.as_applied(&database)?;
        let schema = project.own(&schema);
        Ok(Self { project, schema, version: recorded.version() })
    }

    /// Makes the phase that leads to a schema; returns the project whose chain holds it, and its id.
    ///
    /// The id is made of the schema's content. A schema that was applied before and left since gets a number behind it.
    ///
    /// # Errors
    /// [`ErrorKind::PhaseFile`] if a step is none.
    pub fn with_phase(
        &self,
        draft: &Draft,
        want: &Schema,
        source: &Path,
    ) -> Result<(Project, PhaseId)> {
        let project = &self.project;
        let id = self.free_id(want)?;
        let list: toml_edit::Array = project.chain.heads().iter().map(PhaseId::as_str).collect();
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        let description = toml_edit::Value::from(format!("Apply {name}"));
        let text = format!(
            "id = \"{id}\"\nversion = {}\ndescription = {description}\nparents = {list}\n{}",
            self.version.unwrap_or(0) + 1,
            draft_text(draft)
        );
        let mut file = PhaseFile::parse(project.options.files.as_ref(), source, &text)?;
        // The lines would be those of a text that is in no file.
        file.phase.up.iter_mut().for_each(|step| step.line = 1);
        let chain = project.chain.with_phases(vec![file.phase])?;
        Ok((Project { chain, ..project.clone() }, id))
    }

    fn free_id(&self, want: &Schema) -> Result<PhaseId> {
        let content = content_id(want);
        let numbered = (2_u64..).map(|number| format!("{content}.{number}"));
        let free = std::iter::once(content.clone())
            .chain(numbered)
            .filter_map(|id| PhaseId::new(&id))
            .find(|id| self.project.chain.get(id).is_none());
        free.ok_or_else(|| Error::new(ErrorKind::PhaseFile, format!("{content} is no id")))
    }
}

/// Returns whether an id is that of a schema which was applied as a whole.
fn is_applied_schema(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// Returns the id of a schema: the beginning of the BLAKE3 hash of its objects, whatever their order.
fn content_id(schema: &Schema) -> String {
    let counted = schema.objects.iter().filter(|it| it.kind != ObjectKind::ShadowTable);
    let mut objects: Vec<(&str, &str, &str)> = counted
        .map(|it| (it.kind.word(), it.name.as_str(), it.sql.as_deref().unwrap_or_default()))
        .collect();
    objects.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for part in objects.into_iter().flat_map(|(kind, name, sql)| [kind, name, sql]) {
        hasher.update(part.as_bytes());
        hasher.update(b"\0");
    }
    let hash = hasher.finalize().to_hex();
    format!("{PREFIX}{}", &hash[..DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_that_of_the_content_whatever_the_order() {
        let id = |sql: &str| {
            let connection = rusqlite::Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            content_id(&read(&connection).unwrap())
        };
        let one = id("CREATE TABLE a(x); CREATE TABLE b(y); CREATE INDEX i ON a(x)");
        assert_eq!(one, id("CREATE TABLE b(y); CREATE TABLE a(x); CREATE INDEX i ON a(x)"));
        assert_ne!(one, id("CREATE TABLE b(y); CREATE TABLE a(x)"));
        assert_eq!(one.len(), PREFIX.len() + DIGITS);
        assert!(is_applied_schema(&one) && PhaseId::new(&one).is_some());
    }
}
