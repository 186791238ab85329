//! A new file that the phases make, rows included: the real run, in a private folder.

use std::path::Path;

use crate::database::{Access, Database};
use crate::error::Result;
use crate::event::Silent;
use crate::files::Scratch;
use crate::phase::Target;
use crate::rebuild::RowsChanged;
use crate::schema::{Schema, read};

use super::project::Project;
use super::request::Request;

use super::migrate_now::migrate_now;
use super::state::Migration;

/// A new file at a place of the chain. It is removed when it is dropped.
#[derive(Debug)]
pub struct FreshFile<'p> {
    pub database: Database,
    /// Its schema, without the version tables.
    pub schema: Schema,
    /// How data steps changed the number of rows of tables.
    pub rows_changed: Vec<RowsChanged>,
    _scratch: Scratch<'p>,
}

impl<'p> FreshFile<'p> {
    /// Applies the phases up to a target to a new file in a private folder below `place`.
    ///
    /// # Errors
    /// Those of a run. The error of a phase that does not run on an empty file names the phase.
    pub fn at(project: &'p Project, target: Target, place: &Path) -> Result<Self> {
        let scratch = Scratch::create(project.options.files.as_ref(), place)?;
        let path = scratch.path().join("fresh.db");
        let backups = scratch.path().join("backups");
        let fresh = Project { database: path, backups, ..project.clone() };
        create_file(&fresh)?;
        let request = Request::up(target).without_notices();
        let prepared = Migration::prepare(&fresh, &request)?;
        let report = migrate_now(&fresh, &request, prepared, &mut Silent)?.report();
        let database = fresh.open(Access::Write)?;
        let schema = fresh.own(&read(database.connection())?);
        let rows_changed = report.map(|it| it.execution.rows_changed).unwrap_or_default();
        Ok(Self { database, schema, rows_changed, _scratch: scratch })
    }
}

/// Creates the database of a project. A file without tables would have no bytes, so the version tables are in it.
///
/// # Errors
/// Those of creating a file; [`ErrorKind::NotAFile`](crate::ErrorKind::NotAFile) and others if something is there.
pub fn create_file(project: &Project) -> Result<()> {
    let database = Database::open(&project.database, Access::Create, &project.options)?;
    let statements = project.versions.missing_from(&Schema::default()).join(";\n");
    let sql = format!("BEGIN IMMEDIATE;\n{statements};\nCOMMIT;");
    database.connection().execute_batch(&sql)?;
    database.close()
}
