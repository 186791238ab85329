//! Whether a row can break a rule of the new table at all: where it cannot, nothing is tried out.
//!
//! A rule is met by a row as it was met before if it says the same and asks only values that come over as they
//! are. So whatever the rules say stays out of the way: it is only asked which of them can see another value.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::plain::{is_literal, is_plain};
use crate::database::{with_progress, with_strict_names};
use crate::error::{ErrorKind, Result};
use crate::event::Stage;
use crate::name::{fold, in_main, quote};
use crate::plan::{CopyQuery, Rebuild};
use crate::rows::count_rows;
use crate::schema::{Column, ColumnStorage, Object, RowKey, Table};
use crate::shadow::{ColumnOrigin, TableLineage};
use crate::sql::{
    Constraint, ConstraintKind, CreateTable, index_keys, mentions, named_tokens, unquote,
};

/// What rows of a table could break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Risk {
    None,
    /// Only what one look at each row tells.
    Values(Questions),
    /// Only a trial shows it.
    Rules,
}

/// What one look at each row has to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Questions {
    /// The columns of the new table whose values must be there, or must be possible to compute at all.
    wanted: Vec<Wanted>,
    /// The conditions of new checks on values that come over as they are.
    checks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    column: String,
    not_null: bool,
}

/// A table before and after: its shape and its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'r> {
    pub(super) rebuild: &'r Rebuild,
    pub(super) lineage: &'r TableLineage,
    pub(super) old: (&'r Table, &'r str),
    pub(super) new: &'r Table,
}

impl Change<'_> {
    /// Tells what rows could break, apart from unique indexes that are new; `unique` are the others.
    pub(super) fn risk(&self, unique: &[&Object]) -> Risk {
        if !self.rebuild.rewrites() {
            // SQLite itself found that every rule lines up.
            return Risk::None;
        }
        let texts =
            CreateTable::read(self.old.1).ok().zip(CreateTable::read(&self.rebuild.sql).ok());
        let Some((before, after)) = texts else { return Risk::Rules };
        if !self.stays_one_kind() {
            return Risk::Rules;
        }
        let fresh = self.fresh(&before, &after);
        let names: Vec<&str> = fresh.iter().map(String::as_str).collect();
        let meets = |text: &str| mentions(text, &names);
        let index_meets = |index: &Object| meets(index.sql.as_deref().unwrap_or_default());
        if (self.new.strict && !fresh.is_empty())
            || self.other_keys(&before, &after)
            || checks(&self.rebuild.sql, &after).any(meets)
            || keys(&self.rebuild.sql, &after).iter().any(|key| key.iter().any(|it| meets(it)))
            || unique.iter().any(|it| index_meets(it))
        {
            return Risk::Rules;
        }
        self.values(self.other_checks(&before, &after))
    }

    /// The rows go by the same key, values are stored by the same rules, and none is computed by the table.
    fn stays_one_kind(&self) -> bool {
        let (old, new) = (self.old.0, self.new);
        let computed = |table: &Table| {
            table.columns.iter().any(|column| column.storage != ColumnStorage::Stored)
        };
        let same_key = match (&old.key, &new.key) {
            (RowKey::Rowid(_), RowKey::Rowid(_)) => {
                old.rowid_alias().is_some() == new.rowid_alias().is_some()
            }
            (RowKey::PrimaryKey(_), RowKey::PrimaryKey(_)) => true,
            _ => false,
        };
        same_key
            && old.strict == new.strict
            && self.rebuild.given_alias.is_none()
            && !computed(old)
            && !computed(new)
    }

    /// The columns, folded, whose values rules may see otherwise than before: computed, new, or kept under
    /// another type or collation, by which values are compared.
    fn fresh(&self, before: &CreateTable, after: &CreateTable) -> BTreeSet<String> {
        let collation = |text: &str, table: &CreateTable, column: &str| {
            let found =
                table.column(column)?.constraint(ConstraintKind::Collate)?.operand.clone()?;
            Some(fold(&unquote(text.get(found)?)))
        };
        let same_type = |column: &Column| {
            let (from, old) = self.kept_from(&column.name)?;
            let (one, two) = (
                collation(self.old.1, before, from),
                collation(&self.rebuild.sql, after, &column.name),
            );
            (old.declared.eq_ignore_ascii_case(&column.declared) && one == two).then_some(())
        };
        let fresh = self.new.columns.iter().filter(|column| same_type(column).is_none());
        fresh.map(|column| fold(&column.name)).collect()
    }

    /// The column of the table before that a column is kept from.
    fn kept_from(&self, column: &str) -> Option<(&str, &Column)> {
        let ColumnOrigin::Kept(from) = &self.lineage.column(column)?.origin else { return None };
        Some((from, self.old.0.column(from)?))
    }

    /// A name as it is afterwards. Where a text in the quotes of a name becomes a column, or a column that went
    /// becomes a text, it gets one that nothing has.
    fn renamed(&self, name: &str) -> String {
        let is_column = self.old.0.column(name).is_some() || self.new.column(name).is_some();
        match self.lineage.kept_as(name) {
            Some(now) => fold(now),
            None if is_column => format!("{}\0", fold(name)),
            None => fold(name),
        }
    }

    /// The checks that were not there before, under any names of their columns.
    fn other_checks(&self, before: &CreateTable, after: &CreateTable) -> Vec<String> {
        let known: BTreeSet<Vec<String>> = checks(self.old.1, before)
            .map(|it| named_tokens(it, &|name| self.renamed(name)))
            .collect();
        let other = |it: &&str| !known.contains(&named_tokens(it, &fold));
        checks(&self.rebuild.sql, after).filter(other).map(ToOwned::to_owned).collect()
    }

    /// Returns whether there is a PRIMARY KEY or UNIQUE that was not there before.
    fn other_keys(&self, before: &CreateTable, after: &CreateTable) -> bool {
        let renamed = |key: &Vec<String>| -> Vec<Vec<String>> {
            key.iter().map(|it| named_tokens(it, &|name| self.renamed(name))).collect()
        };
        let as_is = |key: &Vec<String>| -> Vec<Vec<String>> {
            key.iter().map(|it| named_tokens(it, &fold)).collect()
        };
        let known: Vec<_> = keys(self.old.1, before).iter().map(renamed).collect();
        keys(&self.rebuild.sql, after).iter().any(|key| !known.contains(&as_is(key)))
    }

    /// Returns whether an index is the same as one before, under any names of its columns.
    pub(super) fn same_index(&self, old: &Object, new: &Object) -> bool {
        let keys =
            |index: &Object, name: &dyn Fn(&str) -> String| index_keys(index.sql.as_deref()?, name);
        let before = keys(old, &|name| self.renamed(name));
        before.is_some() && before == keys(new, &fold)
    }

    /// NOT NULL where it was not asked before, expressions that may fail, and new checks.
    fn values(&self, checks: Vec<String>) -> Risk {
        let mut wanted = Vec::new();
        for column in self.new.writable() {
            let Some(lineage) = self.lineage.column(&column.name) else { return Risk::Rules };
            let wish = |not_null| Wanted { column: column.name.clone(), not_null };
            match &lineage.origin {
                ColumnOrigin::Kept(from) => {
                    // A NULL that was there in spite of the rule is no business of the phase.
                    let required = self.old.0.column(from).is_none_or(|it| it.not_null);
                    wanted.extend((column.not_null && !required).then(|| wish(true)));
                }
                ColumnOrigin::Computed => {
                    let plain = is_plain_copy(&self.rebuild.copy);
                    wanted.extend((column.not_null || !plain).then(|| wish(column.not_null)));
                }
                ColumnOrigin::New if !column.not_null => {}
                ColumnOrigin::New if column.default.as_deref().is_some_and(is_literal) => {}
                ColumnOrigin::New => return Risk::Rules,
            }
        }
        // An expression may be about all rows at once, even if its column is dropped later.
        let plain = is_plain_copy(&self.rebuild.copy);
        let questions = Questions { wanted, checks };
        if plain && questions == Questions::default() {
            Risk::None
        } else {
            Risk::Values(questions)
        }
    }
}

fn is_plain_copy(copy: &CopyQuery) -> bool {
    copy.layers.iter().flat_map(|layer| &layer.columns).all(|(_, value)| is_plain(value))
}

/// Returns whether the query for the new rows can be run: a name in it that does not exist is no text.
pub(super) fn compiles(connection: &Connection, rebuild: &Rebuild) -> Result<bool> {
    if !rebuild.copy.computes() {
        return Ok(true);
    }
    let sql = rebuild.copy.select(&in_main(&rebuild.from));
    as_answer(with_strict_names(connection, || Ok(connection.prepare(&sql).map(|_| true)?)))
}

/// Looks at the values that count. False says no more than that it has to be tried out.
pub(super) fn values_are_there(
    connection: &Connection,
    rebuild: &Rebuild,
    questions: &Questions,
) -> Result<bool> {
    let expected = count_rows(connection, &rebuild.from)?;
    let rows = i64::try_from(expected).unwrap_or(i64::MAX);
    let wanted = questions.wanted.iter();
    let counts = wanted.map(|it| (format!("count({})", quote(&it.column)), it.not_null));
    // A check holds unless it is false: NULL is as good as true (https://sqlite.org/lang_createtable.html).
    let checks = questions
        .checks
        .iter()
        .map(|it| (format!("count(nullif(({it}\n) IS NOT FALSE, 0))"), true));
    let asked: Vec<(String, bool)> =
        [("count(*)".to_owned(), true)].into_iter().chain(counts).chain(checks).collect();
    let list: Vec<&str> = asked.iter().map(|(count, _)| count.as_str()).collect();
    let select = rebuild.copy.select(&in_main(&rebuild.from));
    let sql = format!("SELECT {} FROM ({select}) AS {}", list.join(", "), quote(&rebuild.to));
    let ask = || {
        connection.query_row(&sql, [], |row| {
            let mut there = true;
            for (place, (_, all)) in asked.iter().enumerate() {
                there &= row.get::<_, i64>(place)? == rows || !all;
            }
            Ok(there)
        })
    };
    as_answer(with_strict_names(connection, || {
        Ok(with_progress(connection, (Stage::Preflight, &rebuild.from), (&sql, expected), ask)?)
    }))
}

/// What fails here fails in the trial, which tells why.
fn as_answer(asked: Result<bool>) -> Result<bool> {
    match asked {
        Err(error) if error.kind() == ErrorKind::Sqlite => Ok(false),
        other => other,
    }
}

/// The conditions of all checks of a table.
fn checks<'t>(text: &'t str, table: &'t CreateTable) -> impl Iterator<Item = &'t str> {
    constraints(table)
        .filter(|(_, it)| it.kind == ConstraintKind::Check)
        .filter_map(|(_, it)| text.get(it.operand.clone()?))
}

/// The columns of all keys of a table, as they are written.
fn keys(text: &str, table: &CreateTable) -> Vec<Vec<String>> {
    constraints(table)
        .filter(|(_, it)| matches!(it.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique))
        .map(|(column, it)| {
            let list = it.operand.clone().and_then(|range| text.get(range));
            column.map(quote).into_iter().chain(list.map(ToOwned::to_owned)).collect()
        })
        .collect()
}

/// All constraints of a table, each with the column that it is written at.
fn constraints(table: &CreateTable) -> impl Iterator<Item = (Option<&str>, &Constraint)> {
    let inner = table.columns.iter().flat_map(|column| {
        column.constraints.iter().map(|it| (Some(column.name.text.as_str()), it))
    });
    inner.chain(table.constraints.iter().map(|it| (None, it)))
}
