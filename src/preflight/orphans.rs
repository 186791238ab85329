//! Rows without a parent, for foreign keys that a phase adds.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::database::passing_stubs;
use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, in_main, quote, same};
use crate::plan::{CopyQuery, Rebuild, SchemaChange};
use crate::rows::show;
use crate::schema::{ForeignKey, Schema, Table};
use crate::shadow::{ColumnOrigin, TableLineage};
use crate::text::{agree, rows};

const SAMPLES: usize = 5;

/// Counts the rows of a table that new foreign keys would leave without a parent. Keys that were
/// there before are the baseline and no business of the phase. `touched` and `filled` are the tables,
/// folded, that earlier stages change and that data steps write to.
pub(super) fn orphans(
    connection: &Connection,
    before: &Schema,
    schema_change: &SchemaChange,
    rebuild: &Rebuild,
    (touched, filled): (&BTreeSet<String>, &BTreeSet<String>),
) -> Result<Vec<String>> {
    let shapes = before.shape(&rebuild.from).zip(schema_change.after.shape(&rebuild.to));
    let Some((old, new)) = shapes else { return Ok(Vec::new()) };
    let mut problems = Vec::new();
    let mut known: Vec<&ForeignKey> = old.foreign_keys.iter().collect();
    // A second key that says the same counts its violations a second time.
    let mut fresh: Vec<&ForeignKey> = new.foreign_keys.iter().collect();
    fresh.retain(|key| take(&mut known, &|it| is_same(it, key, schema_change, rebuild)).is_none());
    for key in fresh {
        // A parent that an earlier stage changes is not in the file as it will be.
        if touched.contains(&fold(name_before(schema_change, &key.parent))) {
            continue;
        }
        if is_empty_parent(key, schema_change, filled) {
            problems.extend(homeless(connection, key, rebuild)?);
        } else {
            let earlier = take(&mut known, &|it| turns_into(it, key, schema_change, rebuild));
            let Some(query) = OrphanQuery::new((key, earlier), before, schema_change, rebuild)
            else {
                continue;
            };
            problems.extend(query.count(connection, key, rebuild)?);
        }
    }
    Ok(problems)
}

/// Returns whether a parent is new and no data step of the run fills it.
fn is_empty_parent(
    key: &ForeignKey,
    schema_change: &SchemaChange,
    filled: &BTreeSet<String>,
) -> bool {
    schema_change.lineage.table(&key.parent).is_none()
        && schema_change.after.shape(&key.parent).is_some()
        && !filled.contains(&fold(&key.parent))
}

/// Counts the rows that a new foreign key refers to a table without rows.
fn homeless(
    connection: &Connection,
    key: &ForeignKey,
    rebuild: &Rebuild,
) -> Result<Option<String>> {
    let given = |name: &String| rebuild.copy.columns.iter().any(|(to, _)| same(to, name));
    if !key.columns.iter().all(given) {
        return Ok(None);
    }
    let present: Vec<String> =
        key.columns.iter().map(|name| format!("{} IS NOT NULL", quote(name))).collect();
    let sql = format!(
        "SELECT count(*) FROM ({}) WHERE {}",
        of_key(key, rebuild).select(&in_main(&rebuild.from)),
        present.join(" AND ")
    );
    let count: i64 = passing_stubs(connection, |it| it.query_row(&sql, [], |row| row.get(0)))?;
    Ok((count > 0).then(|| {
        let rows = rows(count);
        format!("{rows} of {} would refer to {}, which is empty", rebuild.from, key.parent)
    }))
}

/// The copy of a table with the columns of a key alone. A query in brackets needs the collations of all its columns, and
/// that of another may be missing here.
fn of_key(key: &ForeignKey, rebuild: &Rebuild) -> CopyQuery {
    let mut copy = rebuild.copy.clone();
    copy.columns.retain(|(to, _)| key.columns.iter().any(|it| same(it, to)));
    copy
}

/// Takes the first key of a list that fits.
fn take<'k>(
    keys: &mut Vec<&'k ForeignKey>,
    fits: &dyn Fn(&ForeignKey) -> bool,
) -> Option<&'k ForeignKey> {
    keys.iter().position(|it| fits(it)).map(|place| keys.remove(place))
}

fn name_before<'a>(schema_change: &'a SchemaChange, table: &'a str) -> &'a str {
    schema_change.lineage.table(table).map_or(table, |lineage| lineage.from.as_str())
}

/// Returns whether a key before is this one, under the names of its time.
fn is_same(
    old: &ForeignKey,
    key: &ForeignKey,
    schema_change: &SchemaChange,
    rebuild: &Rebuild,
) -> bool {
    let parent = schema_change.lineage.table(&key.parent);
    let kept = |lineage: Option<&TableLineage>, before: &[String], now: &[String]| {
        before.len() == now.len()
            && before.iter().zip(now).all(|(before, now)| {
                lineage.and_then(|it| it.kept_as(before)).is_some_and(|kept| same(kept, now))
            })
    };
    same(&old.parent, name_before(schema_change, &key.parent))
        && kept(schema_change.lineage.table(&rebuild.to), &old.columns, &key.columns)
        && kept(parent, &old.parent_columns, &key.parent_columns)
}

/// Returns whether a key before is this one, but that values of its columns are computed.
fn turns_into(
    old: &ForeignKey,
    key: &ForeignKey,
    schema_change: &SchemaChange,
    rebuild: &Rebuild,
) -> bool {
    let Some(lineage) = schema_change.lineage.table(&rebuild.to) else { return false };
    let parent = schema_change.lineage.table(&key.parent);
    let follows = |(before, now): (&String, &String)| match lineage.column(now).map(|it| &it.origin)
    {
        Some(ColumnOrigin::Kept(from)) => same(from, before),
        Some(ColumnOrigin::Computed) => lineage.kept_as(before).is_none(),
        Some(ColumnOrigin::New) | None => false,
    };
    let stays = |(before, now): (&String, &String)| {
        parent.and_then(|it| it.kept_as(before)).is_some_and(|kept| same(kept, now))
    };
    same(&old.parent, name_before(schema_change, &key.parent))
        && old.columns.len() == key.columns.len()
        && old.columns.iter().zip(&key.columns).all(follows)
        && old.parent_columns.len() == key.parent_columns.len()
        && old.parent_columns.iter().zip(&key.parent_columns).all(stays)
}

/// Counts the rows whose parents are in tables that the change drops. Rows without a parent had none
/// before.
pub(super) fn orphaned_children(
    connection: &Connection,
    before: &Schema,
    schema_change: &SchemaChange,
) -> Result<Vec<String>> {
    let dropped = schema_change.lineage.dropped(before);
    let mut problems = Vec::new();
    for child in schema_change.after.tables.values() {
        let Some(lineage) = schema_change.lineage.table(&child.name) else { continue };
        for key in &child.foreign_keys {
            let parent = dropped.iter().find(|it| same(&it.name, &key.parent));
            let gone = schema_change.after.shape(&key.parent).is_none();
            let Some(parent) = parent.filter(|_| gone) else { continue };
            let Some(sql) = child_query(key, lineage, parent) else { continue };
            let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            if count > 0 {
                problems.push(format!(
                    "{} of {} {} to {}, which would be dropped",
                    rows(count),
                    lineage.from,
                    agree(count, "refers", "refer"),
                    key.parent
                ));
            }
        }
    }
    Ok(problems)
}

/// Counts the rows of a child, as they are, that have a parent.
fn child_query(key: &ForeignKey, lineage: &TableLineage, parent: &Table) -> Option<String> {
    let named = key.columns_in(parent);
    let pairs = key.columns.iter().zip(&named);
    let joins: Option<Vec<String>> = pairs
        .map(|(child, parent)| match &lineage.column(child)?.origin {
            ColumnOrigin::Kept(from) => Some(format!("p.{} = c.{}", quote(parent), quote(from))),
            ColumnOrigin::Computed | ColumnOrigin::New => None,
        })
        .collect();
    (named.len() == key.columns.len()).then_some(())?;
    Some(format!(
        "SELECT count(*) FROM main.{} c WHERE EXISTS (SELECT 1 FROM main.{} p WHERE {})",
        quote(&lineage.from),
        quote(&parent.name),
        joins?.join(" AND ")
    ))
}

/// The rows of a table that a new foreign key would leave without a parent.
struct OrphanQuery {
    /// Reads the rows as they will be, against the parent's rows as they are.
    sql: String,
    /// Looks one key up in the parent.
    lookup: String,
}

impl OrphanQuery {
    /// A parent that is new has no rows to look at yet. Rows that refer to the same as under the key before are none of
    /// its business.
    fn new(
        (key, earlier): (&ForeignKey, Option<&ForeignKey>),
        before: &Schema,
        schema_change: &SchemaChange,
        rebuild: &Rebuild,
    ) -> Option<Self> {
        let parent_lineage = schema_change.lineage.table(&key.parent)?;
        let parent = before.shape(&parent_lineage.from)?;
        let parent_now = schema_change.after.shape(&key.parent)?;
        let named = key.columns_in(parent_now);
        if named.len() != key.columns.len() {
            return None;
        }
        let (mut joins, mut keys) = (Vec::new(), Vec::new());
        for (child, parent_column) in key.columns.iter().zip(&named) {
            let ColumnOrigin::Kept(origin) = &parent_lineage.column(parent_column)?.origin else {
                return None;
            };
            rebuild.copy.columns.iter().find(|(to, _)| same(to, child))?;
            joins.push(format!("p.{} = c.{}", quote(origin), quote(child)));
            keys.push(format!("p.{} = 1", quote(origin)));
        }
        let columns: Vec<String> =
            key.columns.iter().map(|child| format!("c.{}", quote(child))).collect();
        let present: Vec<String> = columns.iter().map(|it| format!("{it} IS NOT NULL")).collect();
        let mut copy = of_key(key, rebuild);
        let mut changed = "1".to_owned();
        if let Some(earlier) = earlier {
            let pairs = earlier.columns.iter().zip(&columns);
            let as_before: Vec<String> = pairs
                .map(|(column, now)| format!("c.{} IS {now}", quote(&copy.carry(column))))
                .collect();
            changed = format!("NOT ({})", as_before.join(" AND "));
        }
        let parent = in_main(&parent.name);
        let sql = format!(
            "SELECT DISTINCT count(*) OVER (), {} FROM ({}) c WHERE {} AND {changed} \
             AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {}) LIMIT {SAMPLES}",
            columns.join(" || ', ' || "),
            copy.select(&in_main(&rebuild.from)),
            present.join(" AND "),
            joins.join(" AND ")
        );
        let lookup = format!("SELECT 1 FROM {parent} p WHERE {}", keys.join(" AND "));
        Some(Self { sql, lookup })
    }

    /// Keys are compared by the collations of the parent (<https://sqlite.org/foreignkeys.html#fk_indexes>): those of the
    /// child may be missing here, although SQLite asks for them in a query in brackets.
    fn count(
        &self,
        connection: &Connection,
        key: &ForeignKey,
        rebuild: &Rebuild,
    ) -> Result<Option<String>> {
        connection.prepare(&self.lookup).map_err(|error| no_comparison(error.into(), key))?;
        let (all, samples) = passing_stubs(connection, |connection| {
            let mut statement = connection.prepare(&self.sql)?;
            let mut rows = statement.query([])?;
            let (mut all, mut samples) = (0, Vec::new());
            while let Some(row) = rows.next()? {
                all = row.get::<_, i64>(0)?;
                samples.push(show(row.get_ref(1)?));
            }
            Ok((all, samples))
        })?;
        if all == 0 {
            return Ok(None);
        }
        Ok(Some(format!(
            "{} of {} {} no parent in {} ({}: {})",
            rows(all),
            rebuild.from,
            agree(all, "has", "have"),
            key.parent,
            key.columns.join(", "),
            samples.join(", ")
        )))
    }
}

/// Names the parent that has a key whose collation is missing.
fn no_comparison(error: Error, key: &ForeignKey) -> Error {
    match error.missing_extension() {
        Some(part) => {
            let what =
                format!("the new foreign key to {} cannot be checked without {part}", key.parent);
            Error::new(ErrorKind::MissingExtension, what).about(&key.parent).caused_by(error)
        }
        None => error,
    }
}
