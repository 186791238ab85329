//! Whether SQLite would copy whole records from an old table into a new one. Names may differ, which is the case of a
//! rename.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::in_place::{InPlace, in_place};
use super::kept::kept_indexes;
use super::lineage::{ColumnOrigin, TableLineage};
use super::memory::open_memory;
use super::shadow::Shadow;
use super::transfer::{SOURCE, Side, TARGET, Transfer, create, create_both, moved, transfer};
use crate::error::Result;
use crate::name::{fold, quote, same};
use crate::schema::{ObjectKind, RowKey, Schema, Table};

/// How rows get into a rebuilt table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMethod {
    /// SQLite copies whole records without looking into them; rowids stay, and rows that break a
    /// rule already are carried over as they are.
    Records,
    /// As [`CopyMethod::Records`], with an empty index on both tables during the copy: without any
    /// index SQLite would number the rows again.
    RecordsWithGuard,
    /// Values are copied column by column.
    Rows,
}

/// How the rows of a table and the entries of its indexes would get into the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordCopy {
    pub method: CopyMethod,
    /// The indexes of the new table whose records come over with it, from an index of the old table
    /// that holds the same.
    pub indexes: Vec<String>,
    /// Whether nothing but names changes in what is stored, so that it can stay where it is.
    pub in_place: InPlace,
    /// The indexes whose b-trees hold the same entries afterwards: by the names before and after.
    pub kept: Vec<(String, String)>,
}

impl RecordCopy {
    /// Values one by one, and every index again.
    fn by_rows() -> Self {
        Self {
            method: CopyMethod::Rows,
            indexes: Vec::new(),
            in_place: InPlace::Impossible,
            kept: Vec::new(),
        }
    }
}

impl Shadow {
    /// Finds out how the rows of each table could be copied since the stage began, by folded name
    /// now. Tables that are not named stay as they are, or are copied value by value.
    pub fn copy_methods(&mut self, before: &Schema) -> Result<BTreeMap<String, RecordCopy>> {
        let after = self.current()?;
        let mut methods = BTreeMap::new();
        for object in after.of_kind(ObjectKind::Table) {
            let Some(lineage) = self.lineage.table(&object.name).cloned() else { continue };
            let Some(old) = before.find_table(&lineage.from) else { continue };
            if old == object && lineage.layers.is_empty() {
                continue;
            }
            let shapes = before.shape(&old.name).zip(after.shape(&object.name));
            let Some((old_shape, new_shape)) = shapes else { continue };
            let sides = [(before, old, old_shape), (&after, object, new_shape)];
            let asked = if lines_up(&lineage, old_shape, new_shape) { ask(sides)? } else { None };
            let in_place = match asked {
                Some(_) => in_place(sides, &self.lineage)?,
                None => InPlace::Impossible,
            };
            let kept = kept_indexes(sides, (&self.lineage, &lineage), asked.is_some())?;
            let found = asked.unwrap_or_else(RecordCopy::by_rows);
            methods.insert(fold(&object.name), RecordCopy { in_place, kept, ..found });
        }
        Ok(methods)
    }
}

/// Makes both tables without rows and asks SQLite.
fn ask(sides: [Side<'_>; 2]) -> Result<Option<RecordCopy>> {
    let [(before, old, old_shape), (after, new, new_shape)] = sides;
    let connection = open_memory()?;
    let mut stubbed = Vec::new();
    if !create_both(&connection, sides, &mut stubbed) {
        return Ok(None);
    }
    let mut create = |text: Option<String>| create(&connection, text, &mut stubbed);
    let alone = transfer(&connection, TARGET, SOURCE)?;
    if alone == Transfer::None {
        return Ok(None);
    }
    for (number, index) in before.belonging(ObjectKind::Index, &old.name).enumerate() {
        create(moved(index, &format!("{SOURCE}_{number}"), SOURCE));
    }
    let mut indexes = Vec::new();
    for (number, index) in after.belonging(ObjectKind::Index, &new.name).enumerate() {
        let name = format!("{TARGET}_{number}");
        if !create(moved(index, &name, TARGET)) {
            continue;
        }
        if transfer(&connection, TARGET, SOURCE)? == Transfer::KeepsRowids {
            indexes.push(index.name.clone());
        } else {
            connection.execute_batch(&format!("DROP INDEX {name}"))?;
        }
    }
    if !indexes.is_empty() || alone == Transfer::KeepsRowids {
        let method = CopyMethod::Records;
        return Ok(Some(RecordCopy { method, indexes, ..RecordCopy::by_rows() }));
    }
    guarded(&connection, old_shape, new_shape)
}

/// Asks again with an empty index on both tables.
fn guarded(connection: &Connection, old: &Table, new: &Table) -> Result<Option<RecordCopy>> {
    let guard = |table: &str, shape: &Table| {
        let column = shape.writable().next().map(|column| quote(&column.name))?;
        Some(format!("CREATE INDEX guard_{table} ON {table}({column}) WHERE 0"))
    };
    let guards = guard(SOURCE, old).zip(guard(TARGET, new));
    let Some((one, two)) = guards else { return Ok(None) };
    if connection.execute_batch(&format!("{one};{two}")).is_err() {
        return Ok(None);
    }
    let keeps = transfer(connection, TARGET, SOURCE)? == Transfer::KeepsRowids;
    let method = CopyMethod::RecordsWithGuard;
    let copy = RecordCopy { method, ..RecordCopy::by_rows() };
    Ok(keeps.then_some(copy))
}

/// Returns whether each stored column comes from the column in the same place, and the rows go by
/// the same kind of key.
fn lines_up(lineage: &TableLineage, old: &Table, new: &Table) -> bool {
    let kept = |from: &str, to: &str| {
        lineage.column(to).is_some_and(
            |column| matches!(&column.origin, ColumnOrigin::Kept(name) if same(name, from)),
        )
    };
    let same_kind = matches!(
        (&old.key, &new.key),
        (RowKey::PrimaryKey(_), RowKey::PrimaryKey(_))
            | (RowKey::Rowid(_) | RowKey::HiddenRowid, RowKey::Rowid(_) | RowKey::HiddenRowid)
    );
    lineage.layers.is_empty()
        && same_kind
        && old.rowid_alias().is_some() == new.rowid_alias().is_some()
        && old.columns.len() == new.columns.len()
        && old.columns.iter().zip(&new.columns).all(|(one, two)| {
            one.storage == two.storage && (!one.is_writable() || kept(&one.name, &two.name))
        })
}
