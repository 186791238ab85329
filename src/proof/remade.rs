//! Tables that a data step recreated and filled with the rows of the old ones, as hand-written rebuilds do.
//!
//! The step owns these rows. Where the values are those of the backup they count as proven; where they are
//! not, what differs is measured and named, because the phase asked for it.

use rusqlite::Connection;

use super::lineage::TableProvenance;
use crate::error::Result;
use crate::name::same;
use crate::rows::{Comparison, RowDelta, Side, compare, count_rows, sum_rows};
use crate::schema::{RowKey, Schema, Table};

/// A table that a data step recreated.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RemadeTable {
    pub table: String,
    /// The table in the backup.
    pub from: String,
    /// Rows in the backup.
    pub before: u64,
    pub after: u64,
    /// What the comparison with the backup found.
    pub rows: RemadeRows,
    /// Whether rows have other rowids than in the backup.
    pub renumbered: bool,
    /// The AUTOINCREMENT counter before and now, if it was lowered.
    pub counter: Option<(i64, Option<i64>)>,
}

/// What the comparison of a remade table with the backup found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemadeRows {
    /// Every row of the backup is there with the same values, and no other.
    Equal,
    /// Rows were matched by their key.
    Compared {
        /// Rows with the same values.
        equal: u64,
        /// Rows with other values.
        changed: u64,
        /// Rows of the backup that are not there.
        lost: u64,
        /// Rows that are not in the backup.
        gained: u64,
        /// The first rows with other values.
        samples: Vec<String>,
    },
    /// Rows cannot be matched with those of the backup.
    Unmatched,
}

impl RemadeTable {
    /// Returns the number of rows that are equal to the backup's.
    pub fn proven(&self) -> u64 {
        match &self.rows {
            RemadeRows::Equal => self.after,
            RemadeRows::Compared { equal, .. } => *equal,
            RemadeRows::Unmatched => 0,
        }
    }
}

impl std::fmt::Display for RemadeTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |rows: u64| if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        let mut parts = match &self.rows {
            RemadeRows::Equal => vec![format!("{} as in the backup", count(self.after))],
            RemadeRows::Compared { equal, changed, lost, gained, samples } => {
                let mut parts = vec![format!("{} as in the backup", count(*equal))];
                if *changed > 0 {
                    let shown = samples.join("; ");
                    parts.push(format!("{} with other values ({shown})", count(*changed)));
                }
                if *lost > 0 {
                    parts.push(format!("{} of the backup missing", count(*lost)));
                }
                if *gained > 0 {
                    parts.push(format!("{} added", count(*gained)));
                }
                parts
            }
            RemadeRows::Unmatched => {
                vec![format!("{} before, {} now, not compared", count(self.before), self.after)]
            }
        };
        if self.renumbered {
            parts.push("rowids renumbered".to_owned());
        }
        if let Some((before, now)) = self.counter {
            let now = now.map_or_else(|| "none".to_owned(), |it| it.to_string());
            parts.push(format!("AUTOINCREMENT counter lowered from {before} to {now}"));
        }
        write!(formatter, "{}: {}", self.table, parts.join(", "))
    }
}

/// One database and the table in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableSide<'a> {
    pub(super) connection: &'a Connection,
    pub(super) schema: &'a Schema,
    pub(super) table: &'a Table,
}

/// Compares a remade table with the one in the backup; the columns are those whose values came over.
pub(super) fn compare_remade(
    origin: &TableProvenance,
    (before, now): (TableSide<'_>, TableSide<'_>),
    (left, right): (Vec<String>, Vec<String>),
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<RemadeTable> {
    let mut remade = RemadeTable {
        table: now.table.name.clone(),
        from: before.table.name.clone(),
        before: count_rows(before.connection, &before.table.name)?,
        after: count_rows(now.connection, &now.table.name)?,
        rows: RemadeRows::Unmatched,
        renumbered: false,
        counter: lowered(counter(before)?, counter(now)?),
    };
    let mut sum = |place: TableSide<'_>, columns: &[String]| {
        sum_rows(place.connection, &place.table.name, columns, progress)
    };
    if remade.before == remade.after && sum(before, &left)? == sum(now, &right)? {
        remade.rows = RemadeRows::Equal;
        if let Some((old, new)) = loose_rowids(origin, before.table, now.table) {
            let with = |columns: &[String], rowid: String| [columns, &[rowid]].concat();
            remade.renumbered = sum(before, &with(&left, old))? != sum(now, &with(&right, new))?;
        }
        return Ok(remade);
    }
    let keys = (!origin.rewritten).then(|| keys(origin, before.table, now.table)).flatten();
    if let Some((old, new)) = keys {
        let (table, key) = (before.table.name.as_str(), &old);
        let one = Side { connection: before.connection, table, key, columns: left };
        let (table, key) = (now.table.name.as_str(), &new);
        let two = Side { connection: now.connection, table, key, columns: right };
        remade.rows = compared(compare(&one, &two, RowDelta::Both, progress)?);
    }
    Ok(remade)
}

fn compared(found: Comparison) -> RemadeRows {
    RemadeRows::Compared {
        equal: found.equal,
        changed: found.changed,
        lost: found.lost,
        gained: found.gained,
        samples: found.differences.iter().map(|it| format!("{}: {}", it.key, it.what)).collect(),
    }
}

/// The names of rowids that no column carries over: SQLite renumbered the rows.
fn loose_rowids(origin: &TableProvenance, before: &Table, now: &Table) -> Option<(String, String)> {
    let (RowKey::Rowid(old), RowKey::Rowid(new)) = (&before.key, &now.key) else { return None };
    let carried = origin.columns.iter().any(|(from, to)| same(from, old) && same(to, new));
    (!carried).then(|| (old.clone(), new.clone()))
}

/// The primary keys of both tables, if the columns of one come from those of the other.
fn keys(origin: &TableProvenance, before: &Table, now: &Table) -> Option<(RowKey, RowKey)> {
    let names = now.primary_key();
    let from = |name: &&str| {
        origin.columns.iter().find(|(_, to)| same(to, name)).map(|(from, _)| from.clone())
    };
    let old = names.iter().map(from).collect::<Option<Vec<_>>>()?;
    if old.is_empty() {
        return None;
    }
    let rowids = before.rowid_alias().zip(now.rowid_alias());
    if rowids.is_some_and(|(one, _)| same(&one.name, &old[0])) {
        return Some((before.key.clone(), now.key.clone()));
    }
    let new = names.into_iter().map(ToOwned::to_owned).collect();
    Some((RowKey::PrimaryKey(old), RowKey::PrimaryKey(new)))
}

/// The AUTOINCREMENT counter of a table.
fn counter(place: TableSide<'_>) -> Result<Option<i64>> {
    if !place.schema.internal.iter().any(|it| same(&it.name, "sqlite_sequence")) {
        return Ok(None);
    }
    let sql = "SELECT max(seq) FROM main.sqlite_sequence WHERE name = ?1 COLLATE NOCASE";
    Ok(place.connection.query_row(sql, [&place.table.name], |row| row.get(0))?)
}

fn lowered(before: Option<i64>, now: Option<i64>) -> Option<(i64, Option<i64>)> {
    let before = before?;
    now.is_none_or(|now| now < before).then_some((before, now))
}
