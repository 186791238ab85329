//! Tables, columns and indexes that look renamed: a missing one and a new one with the same content.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::map::ChangeMap;
use crate::btree::Sum;
use crate::error::Result;
use crate::event::Interrupt;
use crate::name::{fold, same};
use crate::rows::{count_rows, sum_rows};
use crate::schema::{ObjectKind, Schema, Table, meaning_of};

/// A database that is open, and its schema.
pub(super) type Opened<'a> = (&'a Connection, &'a Schema);

/// Finds the renames that the map does not name. The result holds them beside those of the map.
pub(super) fn guess(
    old: Opened<'_>,
    new: Opened<'_>,
    map: &ChangeMap,
    interrupt: &Interrupt,
) -> Result<ChangeMap> {
    let mut guessed = map.clone();
    let mut sums = Sums { interrupt, known: BTreeMap::new() };
    let gone: Vec<&Table> = tables(old.1)
        .filter(|it| new.1.find_table(map.table(&it.name)).is_none())
        .filter(|it| {
            !map.drops.iter().any(|drop| *drop == super::map::MapName::Table(it.name.clone()))
        })
        .collect();
    let mut come: Vec<&Table> = tables(new.1)
        .filter(|it| !tables(old.1).any(|table| same(map.table(&table.name), &it.name)))
        .collect();
    for table in gone {
        let mut fits = Vec::new();
        for (place, other) in come.iter().enumerate() {
            if sums.holds((old.0, table), (new.0, other), map)? {
                fits.push(place);
            }
        }
        if let [only] = fits[..] {
            let other = come.remove(only);
            guessed.tables.push((table.name.clone(), other.name.clone()));
        }
    }
    for table in tables(old.1) {
        let Some(other) = new.1.shape(guessed.table(&table.name)) else { continue };
        sums.columns((old.0, table), (new.0, other), &mut guessed)?;
    }
    Ok(guessed)
}

/// Finds indexes that are gone and have the definition of a new one; both by their names now.
pub(super) fn guess_index(expected: &Schema, now: &Schema, index: &str) -> Option<String> {
    let gone = expected.find(ObjectKind::Index, index)?;
    let form = |sql: &str, name: &str| {
        let meaning = meaning_of(sql);
        meaning.replacen(&format!(" n index n {} n on ", fold(name)), " n index n on ", 1)
    };
    let wanted = form(gone.sql.as_deref()?, &gone.name);
    let come = now
        .of_kind(ObjectKind::Index)
        .filter(|it| expected.find(ObjectKind::Index, &it.name).is_none());
    let mut fits =
        come.filter(|it| it.sql.as_deref().is_some_and(|sql| form(sql, &it.name) == wanted));
    let first = fits.next()?;
    fits.next().is_none().then(|| first.name.clone())
}

fn tables(schema: &Schema) -> impl Iterator<Item = &Table> {
    schema.of_kind(ObjectKind::Table).filter_map(|it| schema.shape(&it.name))
}

/// The sums of single columns, computed once.
struct Sums<'i> {
    interrupt: &'i Interrupt,
    known: BTreeMap<(usize, String, String), (Sum, bool)>,
}

impl Sums<'_> {
    /// The sum of the values of a column, and whether one of them is a value.
    fn of(
        &mut self,
        (connection, table): (&Connection, &Table),
        column: &str,
    ) -> Result<(Sum, bool)> {
        let place = std::ptr::from_ref(connection).addr();
        let key = (place, fold(&table.name), fold(column));
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let interrupt = self.interrupt;
        let columns = [column.to_owned()];
        let sum = sum_rows(connection, &table.name, &columns, &mut |_| interrupt.check())?;
        let values = super::rows::count_values(connection, &table.name, column)? > 0;
        self.known.insert(key, (sum, values));
        Ok((sum, values))
    }

    /// Returns whether each column of a table has a column of the other one with the same values: that of its name
    /// (or that which the map names), or one of another name.
    fn holds(
        &mut self,
        old: (&Connection, &Table),
        new: (&Connection, &Table),
        map: &ChangeMap,
    ) -> Result<bool> {
        if count_rows(old.0, &old.1.name)? != count_rows(new.0, &new.1.name)? {
            return Ok(false);
        }
        let mut taken: Vec<&str> = Vec::new();
        let mut rest = Vec::new();
        let mut values = false;
        for column in old.1.writable() {
            let sum = self.of(old, &column.name)?;
            values |= sum.1;
            match new.1.column(map.column(&old.1.name, &column.name)) {
                Some(other) if self.of(new, &other.name)? == sum => taken.push(&other.name),
                Some(_) | None => rest.push(sum),
            }
        }
        for sum in rest {
            let mut found = None;
            for other in new.1.writable().filter(|it| !taken.contains(&it.name.as_str())) {
                if sum.1 && self.of(new, &other.name)? == sum {
                    found = Some(other);
                    break;
                }
            }
            let Some(other) = found else { return Ok(false) };
            taken.push(&other.name);
        }
        // Tables without a value are the same only if their columns are.
        Ok(values || taken.len() == new.1.columns.len())
    }

    /// Adds the columns of a table that look renamed.
    fn columns(
        &mut self,
        old: (&Connection, &Table),
        new: (&Connection, &Table),
        map: &mut ChangeMap,
    ) -> Result<()> {
        let name = &old.1.name;
        let expected: Vec<String> =
            old.1.columns.iter().map(|it| map.column(name, &it.name).to_owned()).collect();
        let mut come: Vec<&str> = new
            .1
            .writable()
            .map(|it| it.name.as_str())
            .filter(|it| !expected.iter().any(|wanted| same(wanted, it)))
            .collect();
        for column in old.1.writable() {
            let is_there = new.1.column(map.column(name, &column.name)).is_some();
            if is_there || come.is_empty() || map.drops_column(name, &column.name) {
                continue;
            }
            let sum = self.of(old, &column.name)?;
            let mut fits = Vec::new();
            for (place, other) in come.iter().enumerate() {
                if sum.1 && self.of(new, other)? == sum {
                    fits.push(place);
                }
            }
            if let [only] = fits[..] {
                let to = come.remove(only).to_owned();
                map.columns.push(((name.clone(), column.name.clone()), to));
            }
        }
        Ok(())
    }
}
