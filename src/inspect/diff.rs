//! The difference between two schemas: of a file, of the phases, and the desired one.

use std::path::PathBuf;

use crate::compare::{SchemaComparison, compare_schemas};
use crate::database::{Access, Database};
use crate::error::Result;
use crate::import::without_records_of_tools;
use crate::migrate::{Project, replay};
use crate::phase::Target;
use crate::schema::{ColumnOrder, Schema, read};

use super::desired::desired_schema;

/// Where a schema comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaSource {
    /// The database of the project.
    Database,
    /// Another database file.
    File(PathBuf),
    /// What the phases make that are applied to the database.
    Applied,
    /// What the phases make up to a place of the chain.
    Phases(Target),
    /// The desired schema: a file or a folder of SQL.
    Desired(PathBuf),
}

/// Reads a schema from its source. The version tables are no part of it.
///
/// # Errors
/// Those of opening the database; [`ErrorKind::Step`](crate::ErrorKind::Step) naming a phase that
/// does not run from nothing; as [`desired_schema`].
pub fn schema_from(project: &Project, source: &SchemaSource) -> Result<Schema> {
    let schema = match source {
        SchemaSource::Database => read(project.open(Access::ReadOnly)?.connection())?,
        SchemaSource::File(path) => {
            let path = project.options.files.canonical(path).unwrap_or_else(|_| path.clone());
            read(Database::open(&path, Access::ReadOnly, &project.options)?.connection())?
        }
        SchemaSource::Applied => {
            let (project, known) = project.know_newer(&project.open(Access::ReadOnly)?)?;
            replay(&project, &known.applied)?.schema()?
        }
        SchemaSource::Phases(target) => {
            replay(project, &project.chain.applied_at(target)?)?.schema()?
        }
        SchemaSource::Desired(path) => desired_schema(project.options.files.as_ref(), path)?,
    };
    Ok(project.own(&schema))
}

/// Compares one schema with the other, which is the expected one.
///
/// Branches of a chain may have been applied in any order, so that the order of columns counts only
/// where the chain is one line.
pub fn compare_sources(
    project: &Project,
    from: &SchemaSource,
    to: &SchemaSource,
) -> Result<SchemaComparison> {
    let of_phases =
        |it: &SchemaSource| matches!(it, SchemaSource::Applied | SchemaSource::Phases(_));
    let order =
        if of_phases(from) || of_phases(to) { project.column_order() } else { ColumnOrder::Same };
    let (mut wanted, mut found) = (schema_from(project, to)?, schema_from(project, from)?);
    if of_phases(from) || of_phases(to) {
        without_records_of_tools(&mut found, &wanted);
        without_records_of_tools(&mut wanted, &found);
    }
    Ok(compare_schemas(&wanted, &found, order))
}
