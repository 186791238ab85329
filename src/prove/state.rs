//! What a database holds beside tables and their rows: counters, statistics, the properties of the file.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::finding::{Addition, Finding, Property};
use crate::database::Identity;
use crate::error::Result;
use crate::name::fold;
use crate::schema::Schema;

/// Compares the properties of the file.
pub(super) fn properties(old: &Identity, new: &Identity) -> Vec<Finding> {
    let value = |identity: &Identity, property| match property {
        Property::UserVersion => identity.user_version.to_string(),
        Property::ApplicationId => identity.application_id.to_string(),
        Property::PageSize => identity.page_size.to_string(),
        Property::Encoding => identity.encoding.clone(),
        Property::AutoVacuum => identity.auto_vacuum.to_string(),
        Property::JournalMode => identity.journal_mode.to_ascii_lowercase(),
    };
    let pairs = Property::ALL.into_iter().map(|it| (it, value(old, it), value(new, it)));
    pairs
        .filter(|(_, was, is)| was != is)
        .map(|(property, was, is)| Finding::Property { property, was, is })
        .collect()
}

/// Compares the AUTOINCREMENT counters of the tables that are still there, given by their names before and now.
pub(super) fn counters(
    (old, old_schema): (&Connection, &Schema),
    (new, new_schema): (&Connection, &Schema),
    tables: &[(String, String)],
) -> Result<Vec<Finding>> {
    let (before, now) = (sequences(old, old_schema)?, sequences(new, new_schema)?);
    let mut findings = Vec::new();
    for (table, to) in tables {
        let Some(&was) = before.get(&fold(table)) else { continue };
        let is = now.get(&fold(to)).copied();
        if is.is_none_or(|is| is < was) {
            findings.push(Finding::Counter { table: table.clone(), was, is });
        }
    }
    Ok(findings)
}

fn sequences(connection: &Connection, schema: &Schema) -> Result<BTreeMap<String, i64>> {
    if schema.shape("sqlite_sequence").is_none() {
        return Ok(BTreeMap::new());
    }
    let sql =
        "SELECT name, max(seq) FROM main.sqlite_sequence WHERE typeof(seq) = 'integer' GROUP BY 1";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok((fold(&row.get::<_, String>(0).unwrap_or_default()), row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The rows of one statistics table: for each table, what each index or the table itself has.
type Statistics = BTreeMap<String, BTreeMap<String, BTreeSet<Vec<u8>>>>;

/// Compares the planner statistics of the tables that are still there; indexes are given by their names before and
/// now, if they are still there.
pub(super) fn statistics(
    (old, old_schema): (&Connection, &Schema),
    (new, new_schema): (&Connection, &Schema),
    tables: &[(String, String)],
    indexes: &BTreeMap<String, String>,
) -> Result<(Vec<Finding>, Vec<Addition>)> {
    let (mut findings, mut additions) = (Vec::new(), Vec::new());
    let mut gone: BTreeMap<&str, u64> = BTreeMap::new();
    let mut renewed: BTreeSet<&str> = BTreeSet::new();
    for name in ["sqlite_stat1", "sqlite_stat4"] {
        let before = read_statistics(old, old_schema, name)?;
        let now = read_statistics(new, new_schema, name)?;
        for (table, to) in tables {
            for (index, rows) in before.get(&fold(table)).into_iter().flatten() {
                // The statistics of an index that is gone are gone with it.
                let found = now.get(&fold(to));
                let found = if index.is_empty() {
                    // Those of the table itself are not collected once it has an index.
                    found.and_then(|it| it.get(index).or_else(|| it.values().next()))
                } else {
                    let Some(kept) = indexes.get(index) else { continue };
                    found.and_then(|it| it.get(kept))
                };
                match found {
                    None => *gone.entry(table).or_default() += rows.len() as u64,
                    Some(found) if found != rows => drop(renewed.insert(table)),
                    Some(_) => {}
                }
            }
        }
    }
    for (table, rows) in gone {
        findings.push(Finding::Statistics { table: table.to_owned(), rows });
    }
    additions.extend(renewed.into_iter().map(|it| Addition::Statistics { table: it.to_owned() }));
    Ok((findings, additions))
}

fn read_statistics(connection: &Connection, schema: &Schema, name: &str) -> Result<Statistics> {
    let Some(shape) = schema.shape(name) else { return Ok(Statistics::new()) };
    let value = if name == "sqlite_stat4" { "neq || nlt || ndlt || hex(sample)" } else { "stat" };
    if shape.column("tbl").is_none() {
        return Ok(Statistics::new());
    }
    let sql = format!("SELECT tbl, idx, CAST({value} AS BLOB) FROM main.{name}");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut all = Statistics::new();
    while let Some(row) = rows.next()? {
        let text = |index| row.get::<_, Option<String>>(index).ok().flatten().unwrap_or_default();
        let value = row.get::<_, Option<Vec<u8>>>(2)?.unwrap_or_default();
        // An index without a name is the one of a WITHOUT ROWID table, which is called like the table.
        let (table, index) = (fold(&text(0)), fold(&text(1)));
        let index = if index == table { String::new() } else { index };
        all.entry(table).or_default().entry(index).or_default().insert(value);
    }
    Ok(all)
}
