//! What was wrong before: violations that a file already has are neither dropped nor blockers.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::database::{Depth, IntegrityCheck, with_progress};

use crate::error::{MissingExtension, Result};
use crate::event::Stage;
use crate::name::fold;
use crate::rows::{count_rows, index_finding};
use crate::schema::Schema;

/// What was wrong in a database before it was changed, as far as the backup cannot tell later: asking
/// a virtual table about its index may write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The findings about the indexes of virtual tables, by folded name.
    pub indexes: BTreeMap<String, Option<String>>,
}

/// Returns what a check of SQLite says about one table, its indexes included; nothing if it is sound.
///
/// # Errors
/// Whatever SQLite reports, except a missing collation or function, which is listed.
pub(super) fn integrity_findings(
    connection: &Connection,
    table: &str,
    depth: Depth,
) -> Result<Vec<String>> {
    let check = IntegrityCheck::of_table(depth, table);
    // Only for the bar: what cannot be counted is checked nevertheless.
    let rows = count_rows(connection, table).unwrap_or(0);
    with_progress(connection, (Stage::Check, table), (check.sql(), rows), || {
        let mut findings = Vec::new();
        let checked = check.run(connection, &mut |finding| findings.push(finding.to_owned()));
        if let Err(error) = checked {
            let part = MissingExtension::in_error(&error).ok_or(error)?;
            findings.push(format!("not checkable without {part}"));
        }
        Ok(findings)
    })
}

impl Baseline {
    /// Takes the baseline of a database that is about to be changed.
    ///
    /// # Errors
    /// Whatever keeps SQLite from answering.
    pub fn take(connection: &Connection, schema: &Schema) -> Result<Self> {
        let mut indexes = BTreeMap::new();
        for table in schema.virtual_tables() {
            indexes.insert(fold(&table.name), index_finding(connection, &table)?);
        }
        Ok(Self { indexes })
    }

    /// Returns the virtual tables, folded, whose indexes fit their content.
    pub fn fitting(&self) -> impl Iterator<Item = String> {
        self.indexes.iter().filter(|(_, finding)| finding.is_none()).map(|(table, _)| table.clone())
    }
}
