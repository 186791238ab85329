//! The compact file: made from the backup, and proven to hold what the backup holds.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::Connection;

use crate::backup::integrity;
use crate::btree::{DbPages, PageSet, Stop, Trees, compare_trees};
use crate::compare::{EntryDifference, compare_entries};
use crate::database::{Access, Database, Identity, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Observer, Stage, TableRows, track_progress};
use crate::rows::{RowDelta, Side, compare, count_rows};
use crate::schema::{Object, RowKey, Schema, read};

use super::request::Statistics;

/// Rows that nothing identifies that SQL can read.
const HIDDEN: RowKey = RowKey::HiddenRowid;

const DIFFERS: &str = "the compact file differs from the backup";

/// Lets SQLite write what the backup holds into an empty file.
pub(super) fn make(
    backup: &Path,
    part: &Path,
    statistics: Statistics,
    options: &OpenOptions,
) -> Result<()> {
    let source = Database::open(backup, Access::ReadOnly, options)?;
    let rows = count_all(&source)?;
    let about = (Stage::Copy, "the compact file");
    // Whole records are copied, a few steps for each.
    let made = track_progress(about, (rows, rows * 4), || source.compact_into(part));
    made.map_err(missing_part)?;
    source.close()?;
    if statistics == Statistics::Analyze {
        let compact = Database::open(part, Access::Write, options)?;
        let about = (Stage::Index, "statistics");
        let analyzed = track_progress(about, (rows, 0), || {
            Ok(compact.connection().execute_batch("ANALYZE main")?)
        });
        analyzed.map_err(missing_part)?;
        compact.close()?;
    }
    Ok(())
}

fn count_all(database: &Database) -> Result<u64> {
    let schema = read(database.connection())?;
    let tables = schema.stored_tables();
    tables.map(|it| count_rows(database.connection(), &it.name)).sum()
}

/// Without every collation and function of its indexes, SQLite cannot write a table again.
fn missing_part(error: Error) -> Error {
    match error.missing_extension() {
        Some(part) => {
            let what = format!("the file cannot be compacted without {part}");
            Error::new(ErrorKind::MissingExtension, what).about(&part.to_string()).caused_by(error)
        }
        None => error,
    }
}

/// Proves that the compact file holds what the backup holds: every entry of the schema, every row with its
/// rowid, byte for byte, sound pages and indexes, and the properties of the file. Returns the rows of every
/// table.
pub(super) fn prove(
    backup: &Path,
    part: &Path,
    statistics: Statistics,
    options: &OpenOptions,
    observer: &mut dyn Observer,
) -> Result<Vec<TableRows>> {
    let backup = Database::open(backup, Access::ReadOnly, options)?;
    let compact = Database::open(part, Access::ReadOnly, options)?;
    let pair = FilePair {
        before: (backup.connection(), &read(backup.connection())?),
        after: (compact.connection(), &read(compact.connection())?),
        statistics,
    };
    let mut problems = pair.schema();
    let mut tables = Vec::new();
    if problems.is_empty() {
        tables = pair.rows(&mut problems, options, observer)?;
    }
    let own = integrity(&compact)?;
    problems.extend(own.damage);
    let (was, is) = (Identity::read(pair.before.0)?, Identity::read(pair.after.0)?);
    if was != is {
        problems.push(format!("expected {was:?}, found {is:?}"));
    }
    if problems.is_empty() {
        return Ok(tables);
    }
    Err(Error::new(ErrorKind::Proof, DIFFERS).problems(problems))
}

/// The backup and the compact file.
struct FilePair<'a> {
    before: (&'a Connection, &'a Schema),
    after: (&'a Connection, &'a Schema),
    statistics: Statistics,
}

impl FilePair<'_> {
    /// Tables of statistics that were collected again are not those of the backup.
    fn is_compared(&self, object: &Object) -> bool {
        self.statistics == Statistics::Keep || !object.name.starts_with("sqlite_stat")
    }

    /// The entries of a schema that are compared.
    fn entries<'s>(&self, schema: &'s Schema) -> impl Iterator<Item = &'s Object> {
        schema.entries().filter(|object| self.is_compared(object))
    }

    fn schema(&self) -> Vec<String> {
        let (before, after) = (self.entries(self.before.1), self.entries(self.after.1));
        let words = |odd: EntryDifference<'_>| {
            let (kind, name) = (odd.object().kind.word(), &odd.object().name);
            match odd {
                EntryDifference::Missing(_) => format!("{kind} {name} is missing"),
                EntryDifference::Unexpected(_) => format!("{kind} {name} is new"),
                EntryDifference::Differs(_) => format!("{kind} {name}: the text differs"),
            }
        };
        compare_entries(before, after).into_iter().map(words).collect()
    }

    fn rows(
        &self,
        problems: &mut Vec<String>,
        options: &OpenOptions,
        observer: &mut dyn Observer,
    ) -> Result<Vec<TableRows>> {
        let mut pages = DbPages::open(self.before.0)?.zip(DbPages::open(self.after.0)?);
        let mut used = PageSet::default();
        let stored = |it: &&Object| it.kind.is_table() && it.root > 0;
        let after: HashMap<&str, &Object> =
            self.entries(self.after.1).filter(stored).map(|it| (it.name.as_str(), it)).collect();
        let mut tables = Vec::new();
        for object in self.entries(self.before.1).filter(stored) {
            let name = object.name.as_str();
            let Some(now) = after.get(name) else { continue };
            let total = count_rows(self.before.0, name)?;
            let mut progress = |done: u64| {
                let (stage, subject) = (Stage::Proof, name.to_owned());
                observer.event(&Event::Progress { stage, subject, done, total });
                options.interrupt.check()
            };
            let same = match &mut pages {
                Some(pages) => same_records(pages, (object, now), &mut used, &mut progress)?,
                None => None,
            };
            let rows = match same {
                Some(rows) => rows,
                None => self.values(name, problems, &mut progress)?,
            };
            tables.push(TableRows { table: name.to_owned(), rows });
        }
        Ok(tables)
    }

    /// Compares a table value by value, keys included: an old file may hold the same values in other bytes.
    fn values(
        &self,
        name: &str,
        problems: &mut Vec<String>,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<u64> {
        let shapes = self.before.1.shape(name).zip(self.after.1.shape(name));
        let Some((before, after)) = shapes.filter(|(it, _)| it.key != HIDDEN) else {
            problems.push(format!("{name}: the rows cannot be compared"));
            return Ok(0);
        };
        let left = Side::whole(self.before.0, before);
        let right = Side::whole(self.after.0, after);
        let found = compare(&left, &right, RowDelta::None, progress)?;
        problems.extend(found.differences.iter().map(ToString::to_string));
        Ok(found.equal)
    }
}

/// Compares the records of a table with the backup's; returns their number, or `None` if they are not the
/// same byte by byte.
fn same_records(
    (before, after): &mut (DbPages<'_>, DbPages<'_>),
    (was, is): (&Object, &Object),
    used: &mut PageSet,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<Option<u64>> {
    let root = |object: &Object| u32::try_from(object.root).unwrap_or(0);
    match compare_trees((before, root(was)), (after, root(is)), progress) {
        Ok(Trees::Equal { entries, pages }) if used.absorb(&pages) => Ok(Some(entries)),
        Ok(Trees::Equal { .. } | Trees::Different) | Err(Stop::Malformed(_)) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}
