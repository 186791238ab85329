//! Rows that break a foreign key, as SQLite finds them: counted and summed up, so that millions take no room.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use rusqlite::{Connection, Row};

use super::keys::tables_with_keys;
use crate::btree::Sum;
use crate::database::with_progress;
use crate::error::{Result, is_about_the_key, words};
use crate::event::Stage;
use crate::name::{fold, literal};
use crate::rows::count_rows;
use crate::schema::Schema;
use crate::text::list;

/// How many rows of a table are named.
const SAMPLES: usize = 20;

/// A row that breaks a foreign key, or a key that cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub table: String,
    pub found: Violator,
    /// The parent table, or why the keys of the table cannot be checked.
    pub parent: String,
}

/// What breaks a foreign key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violator {
    /// The row with this rowid.
    Row(i64),
    /// A row of a table without rowids.
    SomeRow,
    /// The keys of the table cannot be checked.
    Uncheckable,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, parent, .. } = self;
        match self.found {
            Violator::Row(row) => write!(formatter, "{table} row {row} has no parent in {parent}"),
            Violator::SomeRow => write!(formatter, "{table}: a row has no parent in {parent}"),
            Violator::Uncheckable => write!(formatter, "{table}: {parent}"),
        }
    }
}

/// All rows that break a foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(BTreeMap<Key, Group>);

/// The child table, folded, and how SQLite identifies its rows.
type Key = (String, Identity);

/// How SQLite identifies the rows of a violation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Identity {
    /// By their rowids and the parent, folded.
    Rowid { parent: String },
    /// By the parent, folded, alone: the table has no rowids.
    Parent(String),
    /// The keys of the table cannot be checked.
    Uncheckable,
}

/// The rows of a child table that have no parent in one table: how many, and the sum of their rowids' hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Group {
    rows: Sum,
    samples: Vec<Violation>,
}

impl Violations {
    pub fn count(&self) -> u64 {
        self.0.values().map(|group| group.rows.count).sum()
    }

    /// Returns the first ones of each table and parent.
    pub fn samples(&self) -> impl Iterator<Item = &Violation> {
        self.0.values().flat_map(|group| &group.samples)
    }

    /// Returns the first row of each table and parent, with the number of such rows.
    pub fn by_parent(&self) -> impl Iterator<Item = (&Violation, u64)> {
        self.0.values().filter_map(|group| Some((group.samples.first()?, group.rows.count)))
    }

    /// Returns how many there are in one table.
    pub(super) fn count_in(&self, table: &str) -> u64 {
        let of_it = self.0.iter().filter(|((child, _), _)| *child == fold(table));
        of_it.map(|(_, group)| group.rows.count).sum()
    }

    fn add(&mut self, violation: Violation) {
        let (identity, row) = match violation.found {
            Violator::Row(row) => (Identity::Rowid { parent: fold(&violation.parent) }, row),
            Violator::SomeRow => (Identity::Parent(fold(&violation.parent)), 0),
            Violator::Uncheckable => (Identity::Uncheckable, 0),
        };
        let group = self.0.entry((fold(&violation.table), identity)).or_default();
        group.rows.add(&row.to_be_bytes());
        let is_told_apart = matches!(violation.found, Violator::Row(_));
        if group.samples.is_empty() || is_told_apart && group.samples.len() < SAMPLES {
            group.samples.push(violation);
        }
    }

    /// Names violations that were not there before, when tables had other names: the first ones of each table and
    /// parent. Both connections are asked again where there are others than before.
    pub(crate) fn new_since(
        &self,
        now: &Connection,
        (before, known): (&Connection, &Self),
        name_before: &dyn Fn(&str) -> String,
    ) -> Result<Vec<Violation>> {
        let mut new = Vec::new();
        for ((table, identity), group) in &self.0 {
            let was = name_before(table);
            let identity_before = match identity {
                Identity::Rowid { parent } => Identity::Rowid { parent: name_before(parent) },
                Identity::Parent(parent) => Identity::Parent(name_before(parent)),
                identity => identity.clone(),
            };
            let Some(old) = known.0.get(&(was.clone(), identity_before)) else {
                if self.rows_in(table, identity) > known.rows_in(&was, &identity.other()) {
                    new.extend(group.samples.iter().cloned());
                }
                continue;
            };
            let more = group.rows.count > old.rows.count;
            match identity {
                Identity::Parent(_) | Identity::Uncheckable if more => {
                    new.extend(group.samples.last().cloned());
                }
                Identity::Rowid { .. } if group.rows != old.rows => {
                    let rows = surplus(rows_of(now, group)?, rows_of(before, old)?);
                    let sample = group.samples.first();
                    let named = rows.into_iter().take(SAMPLES).filter_map(|row| {
                        sample.map(|it| Violation { found: Violator::Row(row), ..it.clone() })
                    });
                    new.extend(named);
                }
                _ => {}
            }
        }
        Ok(new)
    }

    /// Counts the rows of a table that are identified in the same way, whatever their parents.
    fn rows_in(&self, table: &str, identity: &Identity) -> u64 {
        let alike = |it: &Identity| discriminant(it) == discriminant(identity);
        let groups = self.0.iter().filter(|((child, by), _)| child == table && alike(by));
        groups.map(|(_, group)| group.rows.count).sum()
    }
}

impl Identity {
    /// How the rows were identified before the table got rowids or lost them: only their number can be compared then.
    fn other(&self) -> Self {
        match self {
            Self::Rowid { parent } => Self::Parent(parent.clone()),
            Self::Parent(parent) => Self::Rowid { parent: parent.clone() },
            Self::Uncheckable => Self::Uncheckable,
        }
    }
}

/// Describes violations, one line for each table and parent.
pub(super) fn summed_up(violations: &[&Violation]) -> Vec<String> {
    const NAMED: usize = 5;
    let mut groups: BTreeMap<(&str, &str), Vec<&Violation>> = BTreeMap::new();
    for violation in violations {
        groups.entry((&violation.table, &violation.parent)).or_default().push(violation);
    }
    let line = |((table, parent), group): ((&str, &str), Vec<&Violation>)| {
        let rows: Vec<i64> = group
            .iter()
            .filter_map(|it| match it.found {
                Violator::Row(row) => Some(row),
                Violator::SomeRow | Violator::Uncheckable => None,
            })
            .collect();
        match (rows.len(), group.as_slice()) {
            (0 | 1, [only, ..]) => only.to_string(),
            (count, _) => {
                let more = if count < SAMPLES { "" } else { " or more" };
                let such = if count > NAMED { "such as " } else { "" };
                let named = list(rows.iter().take(NAMED).map(ToString::to_string));
                format!("{count}{more} rows of {table} have no parent in {parent}: {such}{named}")
            }
        }
    };
    groups.into_iter().map(line).collect()
}

/// The rows of one list that are not in another, each as often as it is more often there.
fn surplus(mut rows: Vec<i64>, mut known: Vec<i64>) -> Vec<i64> {
    rows.sort_unstable();
    known.sort_unstable();
    let mut known = known.into_iter().peekable();
    rows.retain(|row| {
        while known.next_if(|it| it < row).is_some() {}
        known.next_if_eq(row).is_none()
    });
    rows
}

/// The rowids of the rows of a group.
fn rows_of(connection: &Connection, group: &Group) -> Result<Vec<i64>> {
    let Some(sample) = group.samples.first() else { return Ok(Vec::new()) };
    let sql = format!("PRAGMA main.foreign_key_check({})", literal(&sample.table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let violation = read(&sample.table, row)?;
        if fold(&violation.parent) == fold(&sample.parent) {
            found.extend(match violation.found {
                Violator::Row(row) => Some(row),
                Violator::SomeRow | Violator::Uncheckable => None,
            });
        }
    }
    Ok(found)
}

fn read(table: &str, row: &Row<'_>) -> rusqlite::Result<Violation> {
    let parent = row.get_ref(2)?.as_bytes().unwrap_or_default();
    Ok(Violation {
        table: table.to_owned(),
        found: row.get::<_, Option<i64>>(1)?.map_or(Violator::SomeRow, Violator::Row),
        parent: String::from_utf8_lossy(parent).into_owned(),
    })
}

/// Finds the foreign key violations of all tables
/// (<https://sqlite.org/pragma.html#pragma_foreign_key_check>).
///
/// # Errors
/// Whatever SQLite reports, except about keys that cannot be checked: those are violations.
pub fn foreign_key_violations(connection: &Connection, schema: &Schema) -> Result<Violations> {
    violations_but_of(connection, schema, &BTreeSet::new())
}

/// As [`foreign_key_violations`], without the rows of some tables, by folded name: only whether their keys can
/// be checked is found out.
pub(super) fn violations_but_of(
    connection: &Connection,
    schema: &Schema,
    spared: &BTreeSet<String>,
) -> Result<Violations> {
    let mut violations = Violations::default();
    for table in tables_with_keys(schema) {
        let look =
            if spared.contains(&fold(table)) { Preparation::AtKeys } else { Preparation::AtRows };
        violations_of(connection, table, look, &mut violations)?;
    }
    Ok(violations)
}

/// What is looked at in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preparation {
    AtKeys,
    AtRows,
}

fn violations_of(
    connection: &Connection,
    table: &str,
    look: Preparation,
    violations: &mut Violations,
) -> Result<()> {
    let uncheckable = |error: &rusqlite::Error| Violation {
        table: table.to_owned(),
        found: Violator::Uncheckable,
        parent: words(error),
    };
    let sql = format!("PRAGMA main.foreign_key_check({})", literal(table));
    // A key that does not fit its parent is found when the pragma is compiled already.
    let mut statement = match connection.prepare(&sql) {
        Ok(statement) => statement,
        Err(error) if is_about_the_key(&error) => {
            violations.add(uncheckable(&error));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if look == Preparation::AtKeys {
        return Ok(());
    }
    // Only for the bar: what cannot be counted is checked nevertheless.
    let rows = count_rows(connection, table).unwrap_or(0);
    with_progress(connection, (Stage::Check, table), (&sql, rows), || {
        let mut rows = statement.query([])?;
        loop {
            match rows.next() {
                Ok(Some(row)) => violations.add(read(table, row)?),
                Ok(None) => return Ok(()),
                Err(error) if is_about_the_key(&error) => {
                    violations.add(uncheckable(&error));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn file(orphans: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys=OFF; CREATE TABLE parent(id INTEGER PRIMARY KEY);
                 CREATE TABLE child(id INTEGER PRIMARY KEY, p REFERENCES Parent, q REFERENCES parent);
                 CREATE TABLE keyed(k PRIMARY KEY, p REFERENCES parent) WITHOUT ROWID;
                 INSERT INTO parent VALUES (1); {orphans}"
            ))
            .unwrap();
        connection
    }

    fn new(before: &Connection, now: &Connection) -> Vec<String> {
        let all = |it: &Connection| foreign_key_violations(it, &schema::read(it).unwrap()).unwrap();
        let found = all(now).new_since(now, (before, &all(before)), &|name| name.to_owned());
        found.unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_row_that_has_no_parent_now_is_named_among_many_that_had_none() {
        const MANY: &str =
            "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n LIMIT 200000)
                            INSERT INTO child SELECT v * 2, 7, 1 FROM n;";
        let before = file(MANY);
        assert_eq!(new(&before, &file(MANY)), Vec::<String>::new());
        let now = file(&format!("{MANY} INSERT INTO child VALUES (301, 9, 1)"));
        assert_eq!(new(&before, &now), ["child row 301 has no parent in Parent"]);
        // One is mended, and another one is not: as many as before.
        let now = file(&format!(
            "{MANY} UPDATE child SET p = 1 WHERE id = 2; INSERT INTO child VALUES (3, 9, 1)"
        ));
        assert_eq!(new(&before, &now), ["child row 3 has no parent in Parent"]);
        assert_eq!(new(&now, &before), ["child row 2 has no parent in Parent"]);
    }

    #[test]
    fn a_row_counts_once_for_each_key_that_it_breaks() {
        let one = file("INSERT INTO child VALUES (5, 8, 1), (6, 1, 1)");
        let two = file("INSERT INTO child VALUES (5, 8, 8), (6, 1, 1)");
        assert_eq!(new(&one, &two), ["child row 5 has no parent in parent"]);
        assert_eq!(new(&two, &one), Vec::<String>::new());
    }

    #[test]
    fn rows_without_rowids_are_counted() {
        let one = file("INSERT INTO keyed VALUES ('a', 8), ('b', 1)");
        let two = file("INSERT INTO keyed VALUES ('a', 8), ('b', 9)");
        assert_eq!(new(&one, &two), ["keyed: a row has no parent in parent"]);
        assert_eq!(new(&two, &one), Vec::<String>::new());
    }

    #[test]
    fn rows_that_get_rowids_or_lose_them_are_counted() {
        let keyed = |rows: &str, options: &str| {
            file(&format!(
                "DROP TABLE keyed; CREATE TABLE keyed(k PRIMARY KEY, p REFERENCES parent, q REFERENCES child(id)){options};
                 INSERT INTO keyed VALUES {rows}"
            ))
        };
        let (with, without) = (|rows| keyed(rows, ""), |rows| keyed(rows, "WITHOUT ROWID"));
        let (few, more) = ("('a', 8, 8), ('b', 1, 8)", "('a', 8, 8), ('b', 9, 8)");
        assert_eq!(new(&without(few), &with(few)), Vec::<String>::new());
        assert_eq!(new(&with(few), &without(few)), Vec::<String>::new());
        assert_eq!(new(&without(few), &with(more)).len(), 4);
        assert_eq!(new(&with(few), &without(more)).len(), 2);
    }
}
