//! A file made from a backup as the content of a write: under the lock, the database must still hold every byte of the
//! backup.

use std::path::{Path, PathBuf};

use super::verify::{AfterFailure, look_again};
use super::write::{Content, Words};
use crate::backup::{Pages, compare_pages};
use crate::btree::ReadTransaction;
use crate::database::{Access, Database, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage, TableRows};
use crate::rows::compare_databases;
use crate::schema::read;

/// A file that was made from a backup, as the content of a write into the database that was backed up: no byte of
/// that one may have changed since.
#[derive(Debug)]
pub(crate) struct Replacement<'a> {
    /// The database, the file that replaces its content, the backup.
    pub(crate) paths: (&'a Path, &'a Path, &'a Path),
    pub(crate) options: &'a OpenOptions,
    pub(crate) tables: Vec<TableRows>,
    /// Set if another program wrote after the backup was made: nothing is written then.
    pub(crate) changed: bool,
    pub(crate) words: &'static Words,
}

/// Compares every byte of an open database with a file that no connection of this process has open; says what
/// differs.
pub(crate) fn difference(
    live: &Database,
    other: &Path,
    observer: &mut dyn Observer,
) -> Result<Option<String>> {
    let connection = live.connection();
    let transaction = ReadTransaction::begin(connection)?;
    let mut progress = |done| {
        let (stage, subject) = (Stage::Check, live.path().display().to_string());
        observer.event(&Event::Progress { stage, subject, done, total: 0 });
    };
    let found = compare_pages(connection, other, live.options(), &mut progress)?;
    let difference = match found {
        Pages::Equal(_) => None,
        Pages::Differ(what) => Some(what),
        Pages::Unknown => difference_in_values(live, other)?,
    };
    drop(transaction);
    Ok(difference)
}

/// Compares schemas and rows where the pages cannot be read.
fn difference_in_values(live: &Database, other: &Path) -> Result<Option<String>> {
    let options = live.options();
    let other = Database::open(other, Access::ReadOnly, options)?;
    let schemas = (read(live.connection())?, read(other.connection())?);
    let compared = compare_databases(
        (live.connection(), &schemas.0),
        (other.connection(), &schemas.1),
        &mut |_, _| options.interrupt.check(),
    )?;
    other.close()?;
    Ok(compared.err().and_then(|all| all.first().map(ToString::to_string)))
}

impl Content for Replacement<'_> {
    fn secure(
        &mut self,
        present: &Database,
        observer: &mut dyn Observer,
    ) -> Result<Option<PathBuf>> {
        if difference(present, self.paths.2, observer)?.is_some() {
            self.changed = true;
            let what = "another program changed the file after the backup";
            return Err(Error::new(ErrorKind::FileChanged, what));
        }
        Ok(Some(self.paths.2.to_path_buf()))
    }

    fn compare(
        &mut self,
        live: &Database,
        observer: &mut dyn Observer,
    ) -> Result<std::result::Result<Vec<TableRows>, Vec<String>>> {
        Ok(match difference(live, self.paths.1, observer)? {
            None => Ok(self.tables.clone()),
            Some(what) => Err(vec![what]),
        })
    }

    fn look_again(&mut self, kept: Option<&Path>, observer: &mut dyn Observer) -> AfterFailure {
        look_again(self.paths.0, (self.paths.1, kept), self.options, &mut |live, path| {
            let is_equal = difference(live, path, observer)?.is_none();
            Ok(is_equal.then(|| self.tables.clone()))
        })
    }

    fn tables(&self) -> Vec<TableRows> {
        self.tables.clone()
    }

    fn words(&self) -> &'static Words {
        self.words
    }
}
