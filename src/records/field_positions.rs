//! Where the columns of a table are in its records.

use std::collections::HashMap;

use super::define::{EXPRESSION, Indexes, ROWID};
use crate::btree::ValueSource;
use crate::schema::{ColumnStorage, RowKey, Table};

/// Where the columns of a table are in its records.
pub(super) struct FieldPositions<'t> {
    table: &'t Table,
    pub(super) without_rowid: bool,
    /// The number of the column that is another name of the rowid.
    alias: Option<i64>,
    /// The first field of each column, by its number in the table.
    fields: HashMap<i64, usize>,
}

impl<'t> FieldPositions<'t> {
    pub(super) fn of(table: &'t Table, indexes: &Indexes) -> Option<Self> {
        let without_rowid = match table.key {
            RowKey::Rowid(_) | RowKey::HiddenRowid => false,
            RowKey::PrimaryKey(_) => true,
            RowKey::Module => return None,
        };
        // Virtual columns take no place (https://sqlite.org/gencol.html).
        let order: Vec<i64> = if without_rowid {
            indexes.primary()?.definition.parts.iter().map(|part| part.column).collect()
        } else {
            let stored = |storage| storage != ColumnStorage::Virtual;
            let columns = (0_i64..).zip(&table.columns);
            columns.filter(|(_, it)| stored(it.storage)).map(|(number, _)| number).collect()
        };
        let mut fields = HashMap::new();
        for (field, column) in order.into_iter().enumerate() {
            fields.entry(column).or_insert(field);
        }
        let alias = table
            .rowid_alias()
            .and_then(|alias| (0_i64..).zip(&table.columns).find(|(_, it)| it.name == alias.name));
        let alias = alias.map(|(number, _)| number).filter(|_| !without_rowid);
        Some(Self { table, without_rowid, alias, fields })
    }

    pub(super) fn find(&self, column: i64) -> Option<ValueSource> {
        if column == ROWID {
            return (!self.without_rowid).then_some(ValueSource::Rowid);
        }
        if column <= EXPRESSION {
            return None;
        }
        let found = self.table.columns.get(usize::try_from(column).ok()?)?;
        if self.alias == Some(column) {
            return Some(ValueSource::Rowid);
        }
        let place = *self.fields.get(&column)?;
        Some(if found.default.is_none() {
            ValueSource::Field(place)
        } else {
            ValueSource::Stored(place)
        })
    }
}
