//! What was wrong before: violations that a file already has are neither dropped nor blockers.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::database::{Depth, IntegrityCheck, passing_stubs, with_progress};

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

/// What a check of SQLite says about one table, its indexes included.
pub(super) struct IntegrityFindings {
    /// Nothing if it is sound.
    pub(super) found: Vec<String>,
    /// What the check lacked, if that ended it.
    pub(super) missing: Option<MissingExtension>,
}

/// Checks one table, its indexes included.
///
/// # Errors
/// Whatever SQLite reports, except a missing collation or function.
pub(super) fn integrity_findings(
    connection: &Connection,
    table: &str,
    depth: Depth,
) -> Result<IntegrityFindings> {
    let check = IntegrityCheck::of_table(depth, table);
    // Only for the bar: what cannot be counted is checked nevertheless.
    let rows = count_rows(connection, table).unwrap_or(0);
    with_progress(connection, (Stage::Check, table), (check.sql(), rows), || {
        let mut found = Vec::new();
        let checked = check.run(connection, &mut |finding| found.push(finding.to_owned()));
        let missing = match checked {
            Ok(()) => None,
            Err(error) => Some(MissingExtension::in_error(&error).ok_or(error)?),
        };
        Ok(IntegrityFindings { found, missing })
    })
}

/// Counts the findings about a table whose check lacks a collation or function: its rows can be checked without. The
/// quick check reads no order of an index, so that a stub does (<https://sqlite.org/pragma.html#pragma_quick_check>).
pub(super) fn count_findings_with_stubs(connection: &Connection, table: &str) -> Result<usize> {
    let check = IntegrityCheck::of_table(Depth::Quick, table);
    Ok(passing_stubs(connection, |it| {
        let mut count = 0;
        check.run(it, &mut |_| count += 1).map(|()| count)
    })?)
}

impl Baseline {
    /// Takes the baseline of a database that is about to be changed.
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
