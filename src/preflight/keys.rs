//! Computed keys: the proof finds each row in the backup by its key, so that none may get one that no row had.

use rusqlite::Connection;

use super::constraint_risk::Change;
use crate::database::with_strict_names;
use crate::error::{ErrorKind, Result};
use crate::name::{in_main, quote};
use crate::rows::show;
use crate::shadow::{ColumnLineage, ColumnOrigin};
use crate::text::rows;

/// Counts the rows to which a phase gives a new INTEGER PRIMARY KEY, with a sample.
pub(super) fn new_keys(connection: &Connection, change: &Change<'_>) -> Result<Option<String>> {
    let keys = change.old.0.rowid_alias().zip(change.new.rowid_alias());
    let Some((before, after)) = keys else { return Ok(None) };
    let computed = |it: &ColumnLineage| it.origin == ColumnOrigin::Computed;
    if !change.lineage.column(&after.name).is_some_and(computed) {
        return Ok(None);
    }
    let table = in_main(&change.rebuild.from);
    let sql = format!(
        "SELECT count(*), min({key}) FROM ({rows}) WHERE {key} NOT IN (SELECT {old} FROM {table})",
        key = quote(&after.name),
        rows = change.rebuild.copy.select(&table),
        old = quote(&before.name),
    );
    let asked = with_strict_names(connection, || {
        Ok(connection.query_row(&sql, [], |row| Ok((row.get(0)?, show(row.get_ref(1)?))))?)
    });
    let (count, sample): (i64, String) = match asked {
        Ok(found) => found,
        // What cannot be computed fails in the trial, which tells why.
        Err(error) if error.kind() == ErrorKind::Sqlite => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok((count > 0).then(|| {
        format!(
            "{}.{} identifies rows, and would get a new value in {} ({sample})",
            change.new.name,
            after.name,
            rows(count)
        )
    }))
}
