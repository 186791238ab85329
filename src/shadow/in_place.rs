//! Whether a table can stay where it is, because only names change: every record of it and of its indexes
//! would be copied whole, each index into the one that takes its place.

use rusqlite::Connection;

use super::lineage::Lineage;
use super::memory::open_memory;
use super::transfer::{SOURCE, Side, TARGET, Transfer, create, create_both, moved, transfer};
use crate::error::{MissingExtension, Result};
use crate::name::{literal, same};
use crate::schema::{Object, ObjectKind};
use crate::sql::significant_tokens;

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
    let [(before, old, _), (after, new, _)] = sides;
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
    for index in before.belonging(ObjectKind::Index, &old.name) {
        let name = lineage.index_after(&index.name);
        let successor = after.find(ObjectKind::Index, &name);
        let Some(successor) = successor.filter(|it| same(&it.table, &new.name)) else { continue };
        if !same_index(&connection, index, successor, missing)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns whether two indexes hold the same records for the same rows.
pub(super) fn same_index(
    connection: &Connection,
    old: &Object,
    new: &Object,
    missing: &mut Vec<MissingExtension>,
) -> Result<bool> {
    const NAMES: [&str; 2] = ["phaseshift_old_index", "phaseshift_new_index"];
    let made = create(connection, moved(old, NAMES[0], SOURCE), missing)
        && create(connection, moved(new, NAMES[1], TARGET), missing);
    let equal = made
        && transfer(connection, TARGET, SOURCE)? == Transfer::KeepsRowids
        && forms(connection, SOURCE)? == forms(connection, TARGET)?;
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

fn counts_up(table: &Object) -> bool {
    let text = table.sql.as_deref().unwrap_or_default();
    significant_tokens(text).any(|token| token.is_word(text, "AUTOINCREMENT"))
}
