//! Virtual tables that data steps reached: their rows as the module gives them out, whatever it stores.

use super::lineage::{Provenance, TableProvenance};
use super::rows::{RowsFound, Sides};
use crate::error::Result;
use crate::event::Interrupt;
use crate::name::fold;
use crate::rows::{RowDelta, Side, compare, count_rows};
use crate::schema::{ColumnStorage, Content, Module, RowKey, Table, VirtualTable};

/// Compares the rows of every virtual table that a data step reached with those in the backup. A full-text table
/// with external content gives out the rows of its content table, which are compared there.
pub(super) fn compare_reached(
    sides: Sides<'_>,
    provenance: &Provenance,
    interrupt: &Interrupt,
    found: &mut RowsFound,
) -> Result<()> {
    for table in sides.now.1.virtual_tables() {
        let origin = provenance.tables.get(&fold(&table.name)).filter(|it| it.reached);
        let Some(origin) = origin.filter(|_| !matches!(table.content, Content::External(_))) else {
            continue;
        };
        let shapes = sides.backup.1.shape(&origin.from).zip(sides.now.1.shape(&table.name));
        let Some((before, after)) = shapes else { continue };
        let scans = count_rows(sides.now.0, &table.name).is_ok();
        if origin.rewritten || !scans || table.module == Module::Other {
            found.unproven.push(table.name.clone());
            continue;
        }
        let (keys, columns) = (keys(&table, before, after), shared_columns(origin, before, after));
        let left = Side {
            connection: sides.backup.0,
            table: &before.name,
            key: &keys.0,
            columns: columns.0,
        };
        let right =
            Side { connection: sides.now.0, table: &after.name, key: &keys.1, columns: columns.1 };
        let mut progress = |_| interrupt.check();
        found.note(compare(&left, &right, allowance(&table, origin), &mut progress)?);
    }
    Ok(())
}

/// The rows that may be on one side only. A row of a contentless table is deleted by an INSERT
/// (<https://sqlite.org/fts5.html#the_delete_command>).
fn allowance(table: &VirtualTable, origin: &TableProvenance) -> RowDelta {
    match (&table.content, origin.allowance) {
        (Content::Contentless, RowDelta::Gains) => RowDelta::Both,
        (_, allowance) => allowance,
    }
}

/// The key of each side: the first column of an R*Tree, the rowid of a full-text table.
fn keys(table: &VirtualTable, before: &Table, after: &Table) -> (RowKey, RowKey) {
    let key = |shape: &Table| {
        let first = shape.columns.first().filter(|_| table.module == Module::RTree);
        let hidden = if shape.column("rowid").is_some() { "docid" } else { "rowid" };
        RowKey::Rowid(first.map_or_else(|| hidden.to_owned(), |it| it.name.clone()))
    };
    (key(before), key(after))
}

/// The columns whose values no phase changed, before and after.
fn shared_columns(
    origin: &TableProvenance,
    before: &Table,
    after: &Table,
) -> (Vec<String>, Vec<String>) {
    let shown = |table: &Table, name: &str| {
        table.column(name).is_some_and(|it| it.storage != ColumnStorage::Hidden)
    };
    let both = |pair: &&(String, String)| shown(before, &pair.0) && shown(after, &pair.1);
    origin.columns.iter().filter(both).cloned().unzip()
}
