//! Where the columns of a table are in its records.

use super::define::{EXPRESSION, Indexes, ROWID};
use crate::btree::Place;
use crate::schema::{ColumnStorage, RowKey, Table};

/// Where the columns of a table are in its records.
pub(super) struct Places<'t> {
    table: &'t Table,
    pub(super) without_rowid: bool,
    /// The columns in the order of the fields, by their numbers in the table.
    fields: Vec<i64>,
}

impl<'t> Places<'t> {
    pub(super) fn of(table: &'t Table, indexes: &Indexes) -> Option<Self> {
        let without_rowid = match table.key {
            RowKey::Rowid(_) | RowKey::HiddenRowid => false,
            RowKey::PrimaryKey(_) => true,
            RowKey::Module => return None,
        };
        // Virtual columns take no place (https://sqlite.org/gencol.html).
        let fields = if without_rowid {
            indexes.primary()?.definition.parts.iter().map(|part| part.column).collect()
        } else {
            let stored = |storage| storage != ColumnStorage::Virtual;
            let columns = (0_i64..).zip(&table.columns);
            columns.filter(|(_, it)| stored(it.storage)).map(|(number, _)| number).collect()
        };
        Some(Self { table, without_rowid, fields })
    }

    pub(super) fn find(&self, column: i64) -> Option<Place> {
        if column == ROWID {
            return (!self.without_rowid).then_some(Place::Rowid);
        }
        if column <= EXPRESSION {
            return None;
        }
        let found = self.table.columns.get(usize::try_from(column).ok()?)?;
        let is_alias = self.table.rowid_alias().is_some_and(|alias| alias.name == found.name);
        if is_alias && !self.without_rowid {
            return Some(Place::Rowid);
        }
        let place = self.fields.iter().position(|it| *it == column)?;
        Some(if found.default.is_none() { Place::Field(place) } else { Place::Stored(place) })
    }
}
