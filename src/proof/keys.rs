//! Rows that break a foreign key: found by SQLite, or shown to be those of the backup.

use std::collections::BTreeSet;

use rusqlite::{Connection, Statement};

use super::lineage::{Provenance, TableProvenance};
use crate::database::{told, words};
use crate::error::Result;
use crate::event::Stage;
use crate::name::{fold, literal, same};
use crate::records::same_rules;
use crate::rows::count_rows;
use crate::schema::{ForeignKey, Object, ObjectKind, Schema, Table};

/// A row that breaks a foreign key, or a key that cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The child table.
    pub table: String,
    /// The child row's rowid, if it has one.
    pub row: Option<i64>,
    /// The parent table, or why the keys of the table cannot be checked.
    pub parent: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.row {
            Some(row) => {
                write!(formatter, "{} row {row} has no parent in {}", self.table, self.parent)
            }
            None => write!(formatter, "{}: {}", self.table, self.parent),
        }
    }
}

/// Lists the foreign key violations of all tables
/// (<https://sqlite.org/pragma.html#pragma_foreign_key_check>).
///
/// # Errors
/// Whatever SQLite reports, except about keys that cannot be checked: those are listed.
pub fn foreign_key_violations(connection: &Connection, schema: &Schema) -> Result<Vec<Violation>> {
    violations_but_of(connection, schema, &BTreeSet::new())
}

/// As [`foreign_key_violations`], without the rows of some tables, by folded name: only whether their keys can
/// be checked is found out.
pub(super) fn violations_but_of(
    connection: &Connection,
    schema: &Schema,
    spared: &BTreeSet<String>,
) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for table in tables_with_keys(schema) {
        let look = if spared.contains(&fold(table)) { Look::AtKeys } else { Look::AtRows };
        violations_of(connection, table, look, &mut violations)?;
    }
    violations.sort();
    Ok(violations)
}

/// The tables whose definition has a foreign key.
pub(super) fn tables_with_keys(schema: &Schema) -> impl Iterator<Item = &str> {
    let has_keys = |object: &&Object| {
        let text = object.sql.as_deref().unwrap_or_default();
        crate::sql::significant_tokens(text).any(|token| token.is_word(text, "REFERENCES"))
    };
    schema.of_kind(ObjectKind::Table).filter(has_keys).map(|object| object.name.as_str())
}

/// What is looked at in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    AtKeys,
    AtRows,
}

fn violations_of(
    connection: &Connection,
    table: &str,
    look: Look,
    violations: &mut Vec<Violation>,
) -> Result<()> {
    let uncheckable =
        |message: String| Violation { table: table.to_owned(), row: None, parent: message };
    let sql = format!("PRAGMA main.foreign_key_check({})", literal(table));
    // A key that does not fit its parent is found when the pragma is compiled already.
    let mut statement = match connection.prepare(&sql) {
        Ok(statement) => statement,
        Err(error) if is_about_the_key(&error) => {
            violations.push(uncheckable(words(&error)));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if look == Look::AtKeys {
        return Ok(());
    }
    // Only for the bar: what cannot be counted is checked all the same.
    let rows = count_rows(connection, table).unwrap_or(0);
    let check = || collect_violations(&mut statement, table, violations);
    told(connection, (Stage::Check, table), (&sql, rows), check)
}

fn collect_violations(
    statement: &mut Statement<'_>,
    table: &str,
    violations: &mut Vec<Violation>,
) -> Result<()> {
    let uncheckable =
        |message: String| Violation { table: table.to_owned(), row: None, parent: message };
    let mut rows = statement.query([])?;
    loop {
        match rows.next() {
            Ok(Some(row)) => violations.push(Violation {
                table: table.to_owned(),
                row: row.get(1)?,
                parent: String::from_utf8_lossy(row.get_ref(2)?.as_bytes().unwrap_or_default())
                    .into_owned(),
            }),
            Ok(None) => return Ok(()),
            Err(error) if is_about_the_key(&error) => {
                violations.push(uncheckable(words(&error)));
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_about_the_key(error: &rusqlite::Error) -> bool {
    let text = words(error);
    text.contains("foreign key mismatch") || text.contains("no such")
}

/// What is known of two databases, to tell whether the keys of a table join the same rows in both.
#[derive(Clone, Copy)]
pub(super) struct KeysKnown<'k> {
    pub(super) before: &'k Schema,
    pub(super) now: &'k Schema,
    pub(super) provenance: &'k Provenance,
    /// Whether these columns of a table hold in each row what they hold in the backup.
    pub(super) proven: &'k dyn Fn(&str, &[String]) -> bool,
}

impl KeysKnown<'_> {
    /// The tables, folded, that cannot break a key now if they did not in the backup: their rows, those of their
    /// parents, and the keys between them were proven to be those of the backup.
    pub(super) fn as_before(&self) -> BTreeSet<String> {
        let alike = |table: &&str| self.joins_alike(table).unwrap_or(false);
        tables_with_keys(self.now).filter(alike).map(fold).collect()
    }

    /// `None` if a part is missing: then SQLite has to tell.
    fn joins_alike(&self, name: &str) -> Option<bool> {
        let (origin, old, new) = self.both(name)?;
        if old.foreign_keys.len() != new.foreign_keys.len() {
            return None;
        }
        for (before, now) in old.foreign_keys.iter().zip(&new.foreign_keys) {
            let (parent, old_parent, new_parent) = self.both(&now.parent)?;
            let alike = same(&before.parent, &old_parent.name)
                && follow(origin, &before.columns, &now.columns)
                && follow(parent, &before.parent_columns, &now.parent_columns)
                && (self.proven)(&new.name, &now.columns)
                && (self.proven)(&new_parent.name, &parent_key(now, new_parent))
                && self.compares_alike(old_parent, new_parent);
            if !alike {
                return Some(false);
            }
        }
        Some(true)
    }

    /// A table now and the one in the backup that it comes from.
    fn both(&self, name: &str) -> Option<(&TableProvenance, &Table, &Table)> {
        let origin = self.provenance.tables.get(&fold(name))?;
        Some((origin, self.before.shape(&origin.from)?, self.now.shape(name)?))
    }

    /// Keys are compared by the types and collations of the parent
    /// (<https://sqlite.org/foreignkeys.html#fk_indexes>).
    fn compares_alike(&self, old: &Table, new: &Table) -> bool {
        let text = |schema: &Schema, name: &str| schema.find_table(name)?.sql.clone();
        let texts = text(self.before, &old.name).zip(text(self.now, &new.name));
        texts.is_some_and(|(one, two)| same_rules((old, &one), (new, &two)))
    }
}

/// The columns that a key refers to.
fn parent_key(key: &ForeignKey, parent: &Table) -> Vec<String> {
    if key.parent_columns.is_empty() {
        parent.primary_key().into_iter().map(ToOwned::to_owned).collect()
    } else {
        key.parent_columns.clone()
    }
}

/// Tells whether columns are those of before, in their order.
fn follow(origin: &TableProvenance, before: &[String], now: &[String]) -> bool {
    let pair = |(old, new): (&String, &String)| {
        origin.columns.iter().any(|(from, to)| same(from, old) && same(to, new))
    };
    before.len() == now.len() && before.iter().zip(now).all(pair)
}
