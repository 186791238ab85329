//! Whether SQLite would copy whole records from an old table into a new one.
//!
//! `INSERT INTO new SELECT * FROM old` copies records without looking into them if both tables line
//! up (`xferOptimization` in SQLite's `insert.c`). Names may differ, which is the case of a rename.
//! SQLite itself is asked, by EXPLAIN, on two empty tables.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::build::open_memory;
use super::lineage::{ColumnOrigin, TableLineage};
use super::shadow::Shadow;
use crate::database::with_stubs;
use crate::error::Result;
use crate::name::{fold, quote, same};
use crate::schema::{Object, ObjectKind, RowKey, Schema, Table};
use crate::sql::edit;

/// How rows get into a rebuilt table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMethod {
    /// SQLite copies whole records without looking into them; rowids stay, and rows that break a
    /// rule already are carried over as they are.
    Records,
    /// As [`CopyMethod::Records`], with an empty index on both tables during the copy: without any
    /// index SQLite would number the rows anew.
    RecordsWithGuard,
    /// Values are copied column by column.
    Rows,
}

const SOURCE: &str = "phaseshift_source";
const TARGET: &str = "phaseshift_target";

impl Shadow {
    /// Finds out how the rows of each table could be copied since the stage began, by folded name
    /// now. Tables that are not named have to be copied value by value.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn copy_methods(&mut self, before: &Schema) -> Result<BTreeMap<String, CopyMethod>> {
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
            if !lines_up(&lineage, old_shape, new_shape) {
                continue;
            }
            if let Some(method) = self.ask(old, object, old_shape, new_shape)? {
                methods.insert(fold(&object.name), method);
            }
        }
        Ok(methods)
    }

    fn ask(
        &mut self,
        old: &Object,
        new: &Object,
        old_shape: &Table,
        new_shape: &Table,
    ) -> Result<Option<CopyMethod>> {
        let texts = [(old, SOURCE), (new, TARGET)].map(|(object, name)| {
            edit::rename_object(object.sql.as_deref().unwrap_or_default(), name).ok()
        });
        let [Some(source), Some(target)] = texts else { return Ok(None) };
        let connection = open_memory()?;
        let mut stubbed = Vec::new();
        let created = with_stubs(&connection, &mut stubbed, |it| it.execute_batch(&source))
            .and_then(|()| with_stubs(&connection, &mut stubbed, |it| it.execute_batch(&target)));
        if created.is_err() {
            return Ok(None);
        }
        match transfer(&connection)? {
            Transfer::None => return Ok(None),
            Transfer::KeepsRowids => return Ok(Some(CopyMethod::Records)),
            Transfer::NumbersAnew => {}
        }
        let guard = |table: &str, shape: &Table| {
            let column = shape.writable().next().map(|column| quote(&column.name))?;
            Some(format!("CREATE INDEX guard_{table} ON {table}({column}) WHERE 0"))
        };
        let guards = guard(SOURCE, old_shape).zip(guard(TARGET, new_shape));
        let Some((one, two)) = guards else { return Ok(None) };
        if connection.execute_batch(&format!("{one};{two}")).is_err() {
            return Ok(None);
        }
        let guarded = transfer(&connection)? == Transfer::KeepsRowids;
        Ok(guarded.then_some(CopyMethod::RecordsWithGuard))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfer {
    None,
    KeepsRowids,
    NumbersAnew,
}

/// Reads the program that SQLite would run. In a transfer the loop over the source takes each
/// record whole (RowCell or RowData); just before it stands how the rowid is made.
fn transfer(connection: &Connection) -> Result<Transfer> {
    let sql = format!("EXPLAIN INSERT INTO {TARGET} SELECT * FROM {SOURCE}");
    // Where records cannot be copied whole, `*` may stand for more columns than can be written:
    // generated ones, too.
    let Ok(mut statement) = connection.prepare(&sql) else { return Ok(Transfer::None) };
    let mut rows = statement.query([])?;
    let mut rowid = Transfer::KeepsRowids;
    while let Some(row) = rows.next()? {
        match row.get::<_, String>(1)?.as_str() {
            "RowCell" | "RowData" => return Ok(rowid),
            "NewRowid" => rowid = Transfer::NumbersAnew,
            "Rowid" => rowid = Transfer::KeepsRowids,
            _ => {}
        }
    }
    Ok(Transfer::None)
}

/// Tells whether each stored column comes from the column in the same place, and the rows go by
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
