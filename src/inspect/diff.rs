//! The difference between two schemas: of the file, of the phases, and the desired one.

use std::path::PathBuf;

use crate::database::Access;
use crate::error::Result;
use crate::migrate::{Project, replay};
use crate::phase::Target;
use crate::schema::{ColumnOrder, Schema, differences, read};

use super::desired::desired_schema;

/// Where a schema comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaSource {
    /// The database.
    Database,
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
    let mut schema = match source {
        SchemaSource::Database => read(project.open(Access::Look)?.connection())?,
        SchemaSource::Applied => {
            let (project, known) = project.know_newer(&project.open(Access::Look)?)?;
            replay(&project, &known.applied)?.schema()?
        }
        SchemaSource::Phases(target) => {
            replay(project, &project.chain.applied_at(target)?)?.schema()?
        }
        SchemaSource::Desired(path) => desired_schema(project.options.files.as_ref(), path)?,
    };
    schema.objects.retain(|object| {
        !project.versions.contains(&object.name) && !project.versions.contains(&object.table)
    });
    Ok(schema)
}

/// Lists how one schema differs in meaning from the other, which is taken as right; one line each.
///
/// Branches of a chain may have been applied in any order, so that the order of columns counts only
/// where the chain is one line.
///
/// # Errors
/// As [`schema_from`].
pub fn diff(project: &Project, from: &SchemaSource, to: &SchemaSource) -> Result<Vec<String>> {
    let branched = !project.chain.is_linear()
        && [from, to]
            .iter()
            .any(|it| matches!(it, SchemaSource::Applied | SchemaSource::Phases(_)));
    let order = if branched { ColumnOrder::Any } else { ColumnOrder::Same };
    Ok(differences(&schema_from(project, to)?, &schema_from(project, from)?, order))
}
