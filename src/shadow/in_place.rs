//! Whether a table can stay where it is, because only names change: every record of it and of its indexes
//! would be copied whole, each index into the one that takes its place.

use rusqlite::Connection;

use super::lineage::Lineage;
use super::memory::open_memory;
use super::transfer::{SOURCE, Side, TARGET, Transfer, create, create_both, moved, transfer};
use crate::error::{MissingExtension, Result};
use crate::name::{literal, same};
use crate::schema::{Object, ObjectKind};
use crate::sql::is_autoincrement;

/// Whether a table can stay where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InPlace {
    /// More than names changes.
    Impossible,
    /// Only names change, and the table could be rebuilt as well.
    Possible,
    /// Only names change, and a rebuild would sort or compute with this, which the program lacks.
    Required(MissingExtension),
}

/// Finds out whether the records of a table, which line up, and those of each index that stays can be taken
/// as they are.
pub(super) fn in_place(sides: [Side<'_>; 2], lineage: &Lineage) -> Result<InPlace> {
    let mut missing = Vec::new();
    if !stays(sides, lineage, &mut missing)? {
        return Ok(InPlace::Impossible);
    }
    Ok(missing.into_iter().next().map_or(InPlace::Possible, InPlace::Required))
}

fn stays(
    sides: [Side<'_>; 2],
    lineage: &Lineage,
    missing: &mut Vec<MissingExtension>,
) -> Result<bool> {
    let [(_, old, _), (_, new, _)] = sides;
    let counts_up = |table: &Object| table.sql.as_deref().is_some_and(is_autoincrement);
    if counts_up(old) != counts_up(new) {
        return Ok(false);
    }
    let connection = open_memory()?;
    if !create_both(&connection, sides, missing) {
        return Ok(false);
    }
    // Those that UNIQUE and PRIMARY KEY make go by their numbers.
    if forms(&connection, SOURCE)? != forms(&connection, TARGET)? {
        return Ok(false);
    }
    for (index, successor) in successors(sides, lineage) {
        if !same_index(&connection, (index, successor), missing)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the indexes of a table that stay with it, before and after.
pub(super) fn successors<'s>(
    [(before, old, _), (after, new, _)]: [Side<'s>; 2],
    lineage: &Lineage,
) -> impl Iterator<Item = (&'s Object, &'s Object)> {
    before.belonging(ObjectKind::Index, &old.name).filter_map(move |index| {
        let successor = after.find(ObjectKind::Index, &lineage.index_after(&index.name))?;
        same(&successor.table, &new.name).then_some((index, successor))
    })
}

/// Returns whether two indexes hold the same records for the same rows.
pub(super) fn same_index(
    connection: &Connection,
    indexes: (&Object, &Object),
    missing: &mut Vec<MissingExtension>,
) -> Result<bool> {
    with_both(connection, indexes, missing, || {
        Ok(transfer(connection, TARGET, SOURCE)? == Transfer::KeepsRowids
            && forms(connection, SOURCE)? == forms(connection, TARGET)?)
    })
}

/// Compares two indexes while each is on one of the tables; those that cannot be made there are not equal.
pub(super) fn with_both(
    connection: &Connection,
    (old, new): (&Object, &Object),
    missing: &mut Vec<MissingExtension>,
    alike: impl FnOnce() -> Result<bool>,
) -> Result<bool> {
    const NAMES: [&str; 2] = ["phaseshift_old_index", "phaseshift_new_index"];
    let made = create(connection, moved(old, NAMES[0], SOURCE), missing)
        && create(connection, moved(new, NAMES[1], TARGET), missing);
    let equal = made && alike()?;
    connection
        .execute_batch(&NAMES.map(|name| format!("DROP INDEX IF EXISTS {name};")).concat())?;
    Ok(equal)
}

/// The columns of each index of a table, in the order in which SQLite lists them, with their order and collation and
/// with whether the index is unique and partial.
fn forms(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(&format!(
        "SELECT printf('%d %d %d %s %d %d %d %s', l.seq, l.\"unique\", l.partial, l.origin, \
             x.cid, x.\"desc\", x.key, x.coll)
         FROM pragma_index_list({table}) l, pragma_index_xinfo(l.name) x ORDER BY l.seq, x.seqno",
        table = literal(table)
    ))?;
    let forms = statement.query_map([], |row| row.get(0))?;
    Ok(forms.collect::<rusqlite::Result<_>>()?)
}
