//! Every row of every table against the backup.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::lineage::{Provenance, TableProvenance, readers};
use super::remade::{RemadeTable, TableSide, compare_remade};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Interrupt, Observer, Stage};
use crate::history::VersionTables;
use crate::name::{fold, same};
use crate::records::Records;
use crate::rows::{Comparison, RowDelta, RowDifference, Side, compare, count_rows};
use crate::schema::{ColumnStorage, Object, ObjectKind, RowKey, Schema, Table};

/// What the comparison of all tables found.
#[derive(Debug, Clone, Default)]
pub(super) struct RowsFound {
    pub(super) tables: usize,
    pub(super) rows: u64,
    pub(super) differences: Vec<RowDifference>,
    pub(super) unproven: Vec<String>,
    pub(super) remade: Vec<RemadeTable>,
    /// The tables, folded, whose rows were compared out of their records.
    pub(super) seen: BTreeMap<String, Seen>,
}

impl RowsFound {
    pub(super) fn note(&mut self, comparison: Comparison) {
        self.tables += 1;
        self.rows += comparison.equal;
        self.differences.extend(comparison.differences);
    }
}

impl RowsFound {
    fn see(&mut self, table: String, rows: u64, seen: Seen) {
        self.tables += 1;
        self.rows += rows;
        self.seen.insert(table, seen);
    }
}

/// What a comparison of records told of a table.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    /// The records are the same byte by byte.
    Records,
    /// The values of these columns are, by their names before and after; and whether the rows keep the
    /// rules of the table.
    Values(Vec<(String, String)>, bool),
}

/// The two databases and their schemas.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    pub backup: (&'a Connection, &'a Schema),
    pub now: (&'a Connection, &'a Schema),
}

/// What is found of one table that comes from a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableFound {
    Compared(Comparison),
    /// It lacks this column, which the phases leave there.
    Lacks(String),
    /// It is not there.
    Missing,
    /// A phase dropped it.
    Dropped,
    /// A data step replaced its rows or changed their keys: they cannot be matched.
    Rewritten,
    /// A data step reached it; how its module stores rows is its own business.
    Reached,
}

/// Compares every table of a backup with what became of it, value by value. Returns the tables by their names in the
/// backup, or now if they are still there.
///
/// # Errors
/// Those of reading the tables; [`ErrorKind::Interrupted`].
pub fn compare_tables(
    sides: Sides<'_>,
    (provenance, versions): (&Provenance, &VersionTables),
    interrupt: &Interrupt,
) -> Result<Vec<(String, TableFound)>> {
    let mut found: Vec<(String, TableFound)> =
        provenance.dropped.iter().map(|name| (name.clone(), TableFound::Dropped)).collect();
    for (table, origin) in provenance.tables.iter().filter(|(table, _)| !is_carried(table)) {
        if origin.reached {
            found.push((table.clone(), TableFound::Reached));
        } else if sides.now.1.shape(table).is_none() {
            found.push((table.clone(), TableFound::Missing));
        }
    }
    for Compared { object, origin, before, after, allowance } in
        compared(sides, (provenance, versions))
    {
        let has = |name: &str| after.columns.iter().any(|column| same(&column.name, name));
        let lacks = origin.columns.iter().find(|(_, to)| !has(to));
        let matching = keys(origin, before, after).filter(|_| !origin.rewritten);
        let is = match (lacks, matching) {
            (Some((_, to)), _) => TableFound::Lacks(to.clone()),
            (None, None) => TableFound::Rewritten,
            (None, Some((old, new))) => {
                let text = object.sql.as_deref().unwrap_or_default();
                let follow = follows_changes(text, after, origin);
                let (left, right) = columns(origin, before, after, &follow);
                let (old, new) = ((&old, left), (&new, right));
                let left = Side {
                    connection: sides.backup.0,
                    table: &before.name,
                    key: old.0,
                    columns: old.1,
                };
                let right = Side {
                    connection: sides.now.0,
                    table: &after.name,
                    key: new.0,
                    columns: new.1,
                };
                let compared = compare(&left, &right, allowance, &mut |_| interrupt.check());
                TableFound::Compared(compared?)
            }
        };
        found.push((object.name.clone(), is));
    }
    Ok(found)
}

/// Compares every ordinary table that comes from the backup: record by record where that tells that all values
/// are the same, else value by value.
pub(super) fn compare_all(
    sides: Sides<'_>,
    (provenance, versions): (&Provenance, &VersionTables),
    records: &mut Option<Records<'_>>,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<RowsFound> {
    let mut found = RowsFound::default();
    for one in compared(sides, (provenance, versions)) {
        let Compared { object, origin, before, after, allowance } = one;
        if origin.rewritten && !origin.remade {
            found.unproven.push(object.name.clone());
            continue;
        }
        let total = count_rows(sides.now.0, &object.name)?;
        let mut progress = |rows: u64| {
            observer.event(&Event::Progress {
                stage: Stage::Proof,
                subject: object.name.clone(),
                done: rows.min(total),
                total,
            });
            interrupt.check()
        };
        if origin.remade {
            found.remade.push(one.remade(sides, &mut progress)?);
            continue;
        }
        if let Some(records) = records.as_mut().filter(|_| allowance == RowDelta::None)
            && let Some((rows, seen)) = one.by_record(records, &mut progress)?
        {
            found.see(fold(&object.name), rows, seen);
            continue;
        }
        let text = object.sql.as_deref().unwrap_or_default();
        let (left, right) = columns(origin, before, after, &follows_changes(text, after, origin));
        let Some((left_key, right_key)) = keys(origin, before, after) else {
            found.differences.extend(other_count(sides, origin, &object.name, total)?);
            found.unproven.push(object.name.clone());
            continue;
        };
        let left =
            Side { connection: sides.backup.0, table: &before.name, key: &left_key, columns: left };
        let right =
            Side { connection: sides.now.0, table: &after.name, key: &right_key, columns: right };
        let comparison = compare(&left, &right, allowance, &mut progress);
        let comparison = comparison.map_err(|error| unreadable_copy(error, &left, &object.name))?;
        found.note(comparison);
    }
    Ok(found)
}

/// Reports rows that can be read in the backup and not in the database: SQLite's copying of whole records does not carry
/// every record that SQLite can read, an empty one for instance. Other errors stay as they are.
fn unreadable_copy(error: Error, backup: &Side<'_>, table: &str) -> Error {
    if error.kind() != ErrorKind::Damaged
        || compare(backup, backup, RowDelta::None, &mut |_| Ok(())).is_err()
    {
        return error;
    }
    let what = format!("table {table} has records that SQLite cannot copy whole");
    let problem = format!(
        "rewrite the rows of {table} first, for instance with an UPDATE that sets a column to itself"
    );
    Error::new(ErrorKind::Proof, what).about(table).problems([problem]).caused_by(error)
}

/// A table that comes from the backup, whose rows are compared with it.
struct Compared<'a> {
    object: &'a Object,
    origin: &'a TableProvenance,
    before: &'a Table,
    after: &'a Table,
    allowance: RowDelta,
}

impl Compared<'_> {
    /// Compares a table whose rows must all be the same by its records, where these tell it.
    fn by_record(
        &self,
        records: &mut Records<'_>,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<(u64, Seen)>> {
        let &Compared { object, origin, before, after, .. } = self;
        if let Some(rows) = records.same_table((before, after), &origin.columns, progress)? {
            return Ok(Some((rows, Seen::Records)));
        }
        let text = object.sql.as_deref().unwrap_or_default();
        let (left, right) = columns(origin, before, after, &follows_changes(text, after, origin));
        let is_stored = |name: &String| {
            after.column(name).is_some_and(|column| column.storage != ColumnStorage::Virtual)
        };
        if !right.iter().all(is_stored) {
            return Ok(None);
        }
        let pairs: Vec<_> = left.into_iter().zip(right).collect();
        let found = records.same_values((before, after), (&pairs, text), progress)?;
        Ok(found.map(|it| (it.rows, Seen::Values(pairs, it.rules_kept))))
    }

    /// Compares a table that a data step recreated.
    fn remade(
        &self,
        sides: Sides<'_>,
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<RemadeTable> {
        let place = |(connection, schema), table| TableSide { connection, schema, table };
        let text = self.object.sql.as_deref().unwrap_or_default();
        let follow = follows_changes(text, self.after, self.origin);
        let columns = columns(self.origin, self.before, self.after, &follow);
        let places = (place(sides.backup, self.before), place(sides.now, self.after));
        compare_remade(self.origin, places, columns, progress)
    }
}

fn compared<'a>(
    sides: Sides<'a>,
    (provenance, versions): (&'a Provenance, &'a VersionTables),
) -> impl Iterator<Item = Compared<'a>> {
    let tables = sides.now.1.stored_tables().filter(|object| !is_carried(&fold(&object.name)));
    tables.filter_map(move |object| {
        let origin = provenance.tables.get(&fold(&object.name)).filter(|it| !it.reached)?;
        let before = sides.backup.1.shape(&origin.from)?;
        let after = sides.now.1.shape(&object.name)?;
        let recorded = versions.contains(&object.name);
        let allowance = if recorded { RowDelta::Both } else { origin.allowance };
        Some(Compared { object, origin, before, after, allowance })
    })
}

/// Returns how many rows [`compare_all`] finds equal if nothing is wrong, at least: rows without a key count
/// only where they are compared.
pub(super) fn rows_to_compare(
    sides: Sides<'_>,
    origins: (&Provenance, &VersionTables),
    interrupt: &Interrupt,
) -> Result<u64> {
    let mut rows = 0;
    for one in compared(sides, origins) {
        if one.origin.remade {
            // What the step left equal only the comparison tells.
            rows += one.remade(sides, &mut |_| interrupt.check())?.proven();
            continue;
        }
        let Compared { origin, before, after, allowance, .. } = one;
        let Some((left_key, right_key)) = keys(origin, before, after) else { continue };
        if origin.rewritten {
            continue;
        }
        rows += match allowance {
            RowDelta::None | RowDelta::Gains => count_rows(sides.backup.0, &before.name)?,
            RowDelta::Losses => count_rows(sides.now.0, &after.name)?,
            RowDelta::Both => {
                let side =
                    |connection, table, key| Side { connection, table, key, columns: vec![] };
                let left = side(sides.backup.0, before.name.as_str(), &left_key);
                let right = side(sides.now.0, after.name.as_str(), &right_key);
                compare(&left, &right, allowance, &mut |_| interrupt.check())?.equal
            }
        };
    }
    Ok(rows)
}

/// Where rows have nothing to be told apart by, at least none is lost and none has come.
fn other_count(
    sides: Sides<'_>,
    origin: &TableProvenance,
    table: &str,
    now: u64,
) -> Result<Option<RowDifference>> {
    let before = count_rows(sides.backup.0, &origin.from)?;
    let differs = origin.allowance == RowDelta::None && before != now;
    Ok(differs.then(|| RowDifference {
        table: table.to_owned(),
        key: "all rows".to_owned(),
        what: format!("{before} before, {now} now"),
    }))
}

/// Statistics and counters have checks of their own.
fn is_carried(folded: &str) -> bool {
    folded == "sqlite_sequence" || folded.starts_with("sqlite_stat")
}

/// The generated columns, folded, whose expression reads a column that the phases changed: their
/// values follow.
pub(super) fn follows_changes(
    text: &str,
    after: &Table,
    origin: &TableProvenance,
) -> BTreeSet<String> {
    readers(text, after, origin.changed.iter().map(|it| fold(it)).collect())
}

/// The columns whose stored values must be the same, before and after.
fn columns(
    origin: &TableProvenance,
    before: &Table,
    after: &Table,
    follow: &BTreeSet<String>,
) -> (Vec<String>, Vec<String>) {
    let storage = |table: &Table, name: &str| table.column(name).map(|column| column.storage);
    let compared = |from: &str, to: &str| match (storage(before, from), storage(after, to)) {
        // Values that were stored must come out of the computation as they were.
        (Some(ColumnStorage::Stored), Some(to)) => to != ColumnStorage::Hidden,
        (Some(ColumnStorage::Generated), Some(to)) => {
            matches!(to, ColumnStorage::Stored | ColumnStorage::Generated)
        }
        _ => false,
    };
    origin
        .columns
        .iter()
        .filter(|(from, to)| compared(from, to))
        .filter(|(_, to)| !follow.contains(&fold(to)))
        .cloned()
        .unzip()
}

/// The keys to match rows by: each table's own where both are of one kind, else the columns of the
/// new key and those they come from.
fn keys(origin: &TableProvenance, before: &Table, after: &Table) -> Option<(RowKey, RowKey)> {
    let from = |name: &str| {
        origin.columns.iter().find(|(_, to)| same(to, name)).map(|(from, _)| from.clone())
    };
    match (&before.key, &after.key) {
        (RowKey::HiddenRowid, RowKey::HiddenRowid) => Some((before.key.clone(), after.key.clone())),
        (RowKey::Rowid(_), RowKey::Rowid(_)) => match (before.rowid_alias(), after.rowid_alias()) {
            // The new alias has values of its own: match by the column it comes from.
            (None, Some(alias)) => {
                Some((RowKey::PrimaryKey(vec![from(&alias.name)?]), after.key.clone()))
            }
            (Some(_), Some(_)) | (_, None) => Some((before.key.clone(), after.key.clone())),
        },
        (_, RowKey::PrimaryKey(names)) => {
            let old = names.iter().map(|name| from(name)).collect::<Option<Vec<_>>>()?;
            Some((RowKey::PrimaryKey(old), after.key.clone()))
        }
        (RowKey::PrimaryKey(names), RowKey::Rowid(_)) => {
            let to = |name: &String| {
                let found = origin.columns.iter().find(|(from, _)| same(from, name));
                found.map(|(_, to)| to.clone())
            };
            let new = names.iter().map(to).collect::<Option<Vec<_>>>()?;
            Some((before.key.clone(), RowKey::PrimaryKey(new)))
        }
        (_, RowKey::Module | RowKey::HiddenRowid) | (RowKey::HiddenRowid | RowKey::Module, _) => {
            None
        }
    }
}

/// How many tables or columns are named.
const NAMED: usize = 5;

/// Names what a comparison left out: columns with changed values, dropped tables, and dropped columns.
pub(super) fn apart(changed: &[String], tables: &[String], columns: &[String]) -> Option<String> {
    let parts =
        [("changed values", changed), ("dropped tables", tables), ("dropped columns", columns)];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<String> =
        parts.map(|(what, names)| format!("{what} ({})", first_names(names))).collect();
    let (last, first) = parts.split_last()?;
    let and = if first.is_empty() { "" } else { " and " };
    Some(format!(", apart from {}{and}{last}", first.join(", ")))
}

/// Lists the first few names, and how many more there are.
pub(crate) fn first_names(names: &[String]) -> String {
    let (named, more) = names.split_at(names.len().min(NAMED));
    match more.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The number of entries in all indexes of a table; 0 if its rows cannot be counted. Only progress depends on it.
pub(super) fn index_entries(connection: &Connection, schema: &Schema, table: &str) -> u64 {
    let all = schema.objects.iter().chain(&schema.internal);
    let indexes = all.filter(|it| it.kind == ObjectKind::Index && same(&it.table, table));
    count_rows(connection, table).unwrap_or(0) * indexes.count() as u64
}
