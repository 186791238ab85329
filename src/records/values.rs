//! Comparing a table with the backup's where columns came, went or moved: value by value, out of the records.

use std::collections::HashMap;

use super::define::indexes;
use super::field_positions::FieldPositions;
use super::same::Records;
use crate::btree::{Demand, Stop, Texts, ValueMap, ValueSource, Values, compare_values};
use crate::error::Result;
use crate::name::{fold, same};
use crate::schema::{Affinity, Column, ColumnStorage, RowKey, Table};
use crate::sql::{ConstraintKind, CreateTable};

/// What was found of a table whose values are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SameValues {
    pub rows: u64,
    /// Whether every row was also seen to keep the rules of the table: NOT NULL, and no value under a type
    /// that would store it in another way. False where it was not looked at: CHECK, STRICT.
    pub rules_kept: bool,
}

impl Records<'_> {
    /// Compares the values of a table with rowids with those of the backup's table that it comes from, row by
    /// row: the pairs name the columns before and after. `None` if they are not the same, or if it cannot
    /// be told so: that is for SQLite to tell.
    ///
    /// The progress function gets the rows passed and may stop by failing.
    pub fn same_values(
        &mut self,
        (from, to): (&Table, &Table),
        (pairs, text): (&[(String, String)], &str),
        progress: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Option<SameValues>> {
        if !same_rowids(from, to, pairs) {
            return Ok(None);
        }
        let positions = (
            FieldPositions::of(from, &indexes(self.backup.connection, &from.name)?),
            FieldPositions::of(to, &indexes(self.now.connection, &to.name)?),
        );
        let (Some(old), Some(new)) = positions else { return Ok(None) };
        let sides = (Placed::new(from, &old), Placed::new(to, &new));
        let encoding: String =
            self.now.connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
        let Some(map) = value_map(&sides, pairs, encoding == "UTF-8") else { return Ok(None) };
        let (Some(one), Some(two)) = (self.backup.tree(&from.name), self.now.tree(&to.name)) else {
            return Ok(None);
        };
        let (one, two) = (one.root, two.root);
        let (left, right) = (&mut self.backup.pages, &mut self.now.pages);
        match compare_values((left, one), (right, two), &map, progress) {
            Ok(Values::Equal { rows, pages, kept }) => {
                let rules_kept = kept && rules_are_seen(to, text);
                let alone = self.used.absorb(&pages);
                Ok(alone.then_some(SameValues { rows, rules_kept }))
            }
            Ok(Values::Different) | Err(Stop::Malformed(_)) => Ok(None),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

fn same_rowids(from: &Table, to: &Table, pairs: &[(String, String)]) -> bool {
    let with_rowids = |table: &Table| matches!(table.key, RowKey::Rowid(_) | RowKey::HiddenRowid);
    let same_alias = match (from.rowid_alias(), to.rowid_alias()) {
        (None, None) => true,
        (Some(old), Some(new)) => is_pair(pairs, old, new),
        (Some(_), None) | (None, Some(_)) => false,
    };
    with_rowids(from) && with_rowids(to) && same_alias
}

fn is_pair(pairs: &[(String, String)], old: &Column, new: &Column) -> bool {
    pairs.iter().any(|(from, to)| same(from, &old.name) && same(to, &new.name))
}

/// A table, and where its columns are in its records, by their names: there may be two thousand.
struct Placed<'t> {
    table: &'t Table,
    positions: &'t FieldPositions<'t>,
    numbers: HashMap<String, usize>,
}

impl<'t> Placed<'t> {
    fn new(table: &'t Table, positions: &'t FieldPositions<'t>) -> Self {
        let columns = table.columns.iter().enumerate();
        let numbers = columns.map(|(number, column)| (fold(&column.name), number)).collect();
        Self { table, positions, numbers }
    }

    fn column(&self, name: &str) -> Option<(usize, &'t Column)> {
        let number = *self.numbers.get(&fold(name))?;
        Some((number, self.table.columns.get(number)?))
    }

    fn place(&self, name: &str) -> Option<(ValueSource, &'t Column)> {
        let (number, column) = self.column(name)?;
        Some((self.positions.find(i64::try_from(number).ok()?)?, column))
    }
}

/// `None` if a pair cannot be compared out of the records.
fn value_map(
    (old, new): &(Placed<'_>, Placed<'_>),
    pairs: &[(String, String)],
    utf8: bool,
) -> Option<ValueMap> {
    let mut map = ValueMap::default();
    for (from, to) in pairs {
        let (left, one) = old.place(from)?;
        let (right, two) = new.place(to)?;
        // The same bytes are the same value, but that whole reals are kept as integers where reals are wanted
        // (https://sqlite.org/datatype3.html#storage_classes_and_datatypes).
        let is_real = |column: &Column| Affinity::of(&column.declared) == Affinity::Real;
        if is_real(one) != is_real(two) {
            return None;
        }
        map.pairs.push((left, right));
    }
    let origins: HashMap<String, &str> =
        pairs.iter().map(|(from, to)| (fold(to), from.as_str())).collect();
    for column in new.table.columns.iter().filter(|it| it.storage != ColumnStorage::Virtual) {
        let (place, _) = new.place(&column.name)?;
        // Under its old type a value is what it was; the backup's check has seen it.
        let origin = origins.get(&fold(&column.name)).and_then(|from| old.column(from));
        let kept = origin.is_some_and(|(_, was)| {
            Affinity::of(&was.declared) == Affinity::of(&column.declared)
                && old.table.strict == new.table.strict
        });
        let (numbers, text) = match Affinity::of(&column.declared) {
            _ if kept => (true, Texts::All),
            Affinity::Blob => (true, Texts::All),
            Affinity::Text => (false, Texts::All),
            Affinity::Numeric | Affinity::Integer | Affinity::Real if utf8 => (true, Texts::Words),
            Affinity::Numeric | Affinity::Integer | Affinity::Real => (true, Texts::None),
        };
        map.demands.push(Demand { place, null: !column.not_null, numbers, text });
    }
    Some(map)
}

/// Returns whether NOT NULL and plain types of stored columns are all the rules that a table has.
fn rules_are_seen(table: &Table, text: &str) -> bool {
    let Ok(definition) = CreateTable::read(text) else { return false };
    let columns = definition.columns.iter().flat_map(|column| &column.constraints);
    let mut all = columns.chain(&definition.constraints);
    !table.strict
        && !all.any(|it| it.kind == ConstraintKind::Check)
        && table.columns.iter().all(|it| it.storage != ColumnStorage::Virtual || !it.not_null)
}

#[cfg(test)]
mod tests {
    use super::super::define::Indexes;
    use super::*;

    /// SQLite itself allows that many (<https://sqlite.org/limits.html#max_column>).
    const COLUMNS: usize = 2_000;

    /// The naive way looks for each column among all pairs, and for each of those among all columns: it took seconds.
    #[test]
    fn two_thousand_columns_are_lined_up() {
        let column = |number: usize| Column {
            name: format!("a_name_of_some_length_{number}"),
            declared: "TEXT".to_owned(),
            not_null: false,
            default: None,
            key: 0,
            storage: ColumnStorage::Stored,
        };
        let table = Table {
            name: "wide".to_owned(),
            columns: (0..COLUMNS).map(column).collect(),
            key: RowKey::Rowid("rowid".to_owned()),
            strict: false,
            foreign_keys: Vec::new(),
        };
        let names = table.columns.iter().map(|it| (it.name.clone(), it.name.to_uppercase()));
        let pairs: Vec<(String, String)> = names.collect();
        let positions = FieldPositions::of(&table, &Indexes::default()).unwrap();
        let sides = (Placed::new(&table, &positions), Placed::new(&table, &positions));
        let map = value_map(&sides, &pairs, true).unwrap();
        assert!(map.pairs.iter().all(|(old, new)| old == new));
        assert_eq!((map.pairs.len(), map.demands.len()), (COLUMNS, COLUMNS));
    }
}
