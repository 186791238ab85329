//! A database file made for an upgrade, and taken away again if that fails.

use std::path::Path;

use phaseshift::Result;
use phaseshift::database::{Access, Database, beside};
use phaseshift::migrate::Project;
use phaseshift::schema::Schema;

use crate::cli::answer::Answer;

/// Makes the file if it is missing, and runs. If the run fails, a file that was made here goes.
///
/// # Errors
/// Those of making the file and of the run.
pub fn in_new_file(project: &Project, run: impl FnOnce() -> Result<Answer>) -> Result<Answer> {
    let path = &project.database;
    // What cannot be looked at is reported by whoever opens it.
    if !matches!(project.options.files.stat(path), Ok(None)) {
        return run();
    }
    let done = create(project).and_then(|()| run());
    if done.is_err() {
        remove(project, path);
    }
    done
}

/// A file without tables would have no bytes, so the version tables are made right away.
fn create(project: &Project) -> Result<()> {
    let database = Database::open(&project.database, Access::Create, &project.options)?;
    let statements = project.versions.missing_from(&Schema::default()).join(";\n");
    let sql = format!("BEGIN IMMEDIATE;\n{statements};\nCOMMIT;");
    database.connection().execute_batch(&sql)?;
    database.close()
}

/// Takes the file away; the failure that led here is the one that is reported.
fn remove(project: &Project, path: &Path) {
    for suffix in ["-journal", "-wal", "-shm", ""] {
        let _ = project.options.files.remove(&beside(path, suffix));
    }
}
