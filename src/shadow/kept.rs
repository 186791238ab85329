//! Which indexes of a rebuilt table hold the same entries afterwards, so that their b-trees can be kept.
//!
//! An entry of an index is the values of its columns and the rowid
//! (<https://sqlite.org/fileformat2.html#representation_of_sql_indices>). Where the copy keeps all of these,
//! and the index stays the same but for names, there is nothing to sort again.

use rusqlite::Connection;

use super::in_place::{same_index, successors, with_both};
use super::lineage::{ColumnOrigin, Lineage, TableLineage};
use super::memory::open_memory;
use super::transfer::{SOURCE, Side, TARGET, create_both};
use crate::error::Result;
use crate::name::{literal, same};
use crate::records::EXPRESSION;
use crate::schema::{Affinity, Object, RowKey, Table};

/// Finds the indexes of a table with rowids whose entries stay. Where records are copied whole, SQLite
/// tells it of each pair; else only plain columns that keep their values and their types are looked at.
/// Returns the names before and after.
pub(super) fn kept_indexes(
    sides: [Side<'_>; 2],
    (lineage, table): (&Lineage, &TableLineage),
    whole: bool,
) -> Result<Vec<(String, String)>> {
    let [(_, _, old_shape), (_, _, new_shape)] = sides;
    let mut kept = Vec::new();
    if !rowids_stay(table, old_shape, new_shape) {
        return Ok(kept);
    }
    let connection = open_memory()?;
    if !create_both(&connection, sides, &mut Vec::new()) {
        return Ok(kept);
    }
    for (index, successor) in successors(sides, lineage) {
        let holds = if whole {
            same_index(&connection, (index, successor), &mut Vec::new())?
        } else {
            let map = Columns { table, old: old_shape, new: new_shape };
            same_columns(&connection, &map, (index, successor))?
        };
        if holds {
            kept.push((index.name.clone(), successor.name.clone()));
        }
    }
    Ok(kept)
}

/// Returns whether every row keeps its rowid, whatever way it is copied.
fn rowids_stay(table: &TableLineage, old: &Table, new: &Table) -> bool {
    let with_rowids = |table: &Table| matches!(table.key, RowKey::Rowid(_) | RowKey::HiddenRowid);
    let same_alias = match (old.rowid_alias(), new.rowid_alias()) {
        (None, None) => true,
        (Some(from), Some(to)) => is_kept(table, &from.name, &to.name),
        (Some(_), None) | (None, Some(_)) => false,
    };
    with_rowids(old) && with_rowids(new) && same_alias
}

fn is_kept(table: &TableLineage, from: &str, to: &str) -> bool {
    table.column(to).is_some_and(
        |column| matches!(&column.origin, ColumnOrigin::Kept(name) if same(name, from)),
    )
}

/// The columns of a table before and after.
struct Columns<'s> {
    table: &'s TableLineage,
    old: &'s Table,
    new: &'s Table,
}

impl Columns<'_> {
    /// Returns whether a column holds the same values, stored in the same way.
    fn hold_the_same(&self, from: &str, to: &str) -> bool {
        let (Some(old), Some(new)) = (self.old.column(from), self.new.column(to)) else {
            return false;
        };
        is_kept(self.table, from, to)
            && old.is_writable()
            && new.is_writable()
            && Affinity::of(&old.declared) == Affinity::of(&new.declared)
            && self.old.strict == self.new.strict
    }
}

/// Returns whether two indexes list the same columns in the same order.
fn same_columns(
    connection: &Connection,
    columns: &Columns<'_>,
    indexes: (&Object, &Object),
) -> Result<bool> {
    with_both(connection, indexes, &mut Vec::new(), || {
        let (one, two) = (parts(connection, SOURCE)?, parts(connection, TARGET)?);
        let alike = |(one, two): (&KeptPart, &KeptPart)| {
            let same_values = match (&one.column, &two.column) {
                (Some(from), Some(to)) => columns.hold_the_same(from, to),
                // The rowid, which has no name there.
                (None, None) => true,
                _ => false,
            };
            same_values && one.form == two.form
        };
        Ok(!one.is_empty() && one.len() == two.len() && one.iter().zip(&two).all(alike))
    })
}

struct KeptPart {
    /// The column; none for the rowid.
    column: Option<String>,
    /// Whether the index is unique, and how the part is ordered.
    form: String,
}

/// Lists the parts of the only named index of a table; none if it is partial or has expressions.
fn parts(connection: &Connection, table: &str) -> Result<Vec<KeptPart>> {
    let mut statement = connection.prepare(&format!(
        "SELECT x.cid, x.name, l.\"unique\" || ' ' || x.\"desc\" || x.key || upper(x.coll)
         FROM pragma_index_list({table}) l, pragma_index_xinfo(l.name) x
         WHERE l.origin = 'c' AND NOT l.partial ORDER BY x.seqno",
        table = literal(table)
    ))?;
    let mut rows = statement.query([])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? == EXPRESSION {
            return Ok(Vec::new());
        }
        parts.push(KeptPart { column: row.get(1)?, form: row.get(2)? });
    }
    Ok(parts)
}
