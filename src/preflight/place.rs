//! Where the file lies: what a person should know about it, and whether SQLite can write what it puts aside.

use std::path::Path;

use rusqlite::OpenFlags;

use crate::database::connect;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::files::Files;

/// Bytes that are written to the folder for temporary files, to see whether it takes any.
const TEMPORARY: u32 = 256 * 1_024;

/// Says what is unusual about the place of a database, one sentence for each thing.
pub fn remarks_on_place(files: &dyn Files, database: &Path) -> Result<Vec<String>> {
    let failed = |error| file_error("look at", database, error);
    let mut remarks = Vec::new();
    if files.space(database).map_err(failed)?.network {
        // https://sqlite.org/lockingv3.html, "How To Corrupt Your Database Files"
        remarks.push(format!(
            "{} lies on a network file system, where locks may not work: \
             let no other program use it meanwhile, or copy it to a local disk",
            database.display()
        ));
    }
    let names = files.stat(database).map_err(failed)?.map_or(1, |stat| stat.links);
    if names > 1 {
        // https://sqlite.org/howtocorrupt.html, "Multiple links to the same file"
        remarks.push(format!(
            "{} has {names} names (hard links): a program that uses another name does not see \
             this one's journal",
            database.display()
        ));
    }
    Ok(remarks)
}

/// Fails unless SQLite can write temporary files: large indexes are sorted in them, and where they
/// lie is not beside the database (<https://sqlite.org/tempfiles.html>, section 5).
///
/// # Errors
/// [`ErrorKind::NoSpace`].
pub fn check_temporary_files(files: &dyn Files) -> Result<()> {
    probe(files).map_err(|error| {
        let what = "the folder for SQLite's temporary files takes none; \
                    name another one in the environment variable SQLITE_TMPDIR";
        Error::new(ErrorKind::NoSpace, what).about("temporary files").caused_by(error)
    })
}

fn probe(files: &dyn Files) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = connect(Path::new(":memory:"), flags, files)?;
    // With a cache of one page the table does not stay in memory.
    connection.execute_batch(&format!(
        "PRAGMA page_size=65536; PRAGMA temp_store=FILE; CREATE TEMP TABLE probe(bytes); PRAGMA temp.cache_size=1; \
         INSERT INTO probe VALUES (zeroblob({TEMPORARY}))"
    ))?;
    Ok(())
}
