//! SQLite's own checks of what a file holds: the one place that asks for them.

use rusqlite::Connection;

use crate::error::is_sound;
use crate::name::literal;

/// Findings after which SQLite may stop. Its default of 100 could hide damage behind rows that break a rule.
const FINDINGS: u32 = 1_000_000;

/// How thoroughly a file or table is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Pages, rows, and whether each index fits the rows
    /// (<https://sqlite.org/pragma.html#pragma_integrity_check>).
    #[default]
    Full,
    /// Pages and rows (<https://sqlite.org/pragma.html#pragma_quick_check>).
    Quick,
}

/// One check, of the whole file or of a table with its indexes.
#[derive(Debug)]
pub(crate) struct IntegrityCheck(String);

impl IntegrityCheck {
    pub(crate) fn of_file(depth: Depth) -> Self {
        Self::new(depth, &FINDINGS.to_string())
    }

    pub(crate) fn of_table(depth: Depth, table: &str) -> Self {
        Self::new(depth, &literal(table))
    }

    fn new(depth: Depth, argument: &str) -> Self {
        let pragma = match depth {
            Depth::Full => "integrity_check",
            Depth::Quick => "quick_check",
        };
        Self(format!("PRAGMA main.{pragma}({argument})"))
    }

    pub(crate) fn sql(&self) -> &str {
        &self.0
    }

    /// Runs the check and hands out each finding in SQLite's words; none if all is well. Findings before an error count.
    pub(crate) fn run(
        &self,
        connection: &Connection,
        note: &mut dyn FnMut(&str),
    ) -> rusqlite::Result<()> {
        let mut statement = connection.prepare(&self.0)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let finding = String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default());
            if !is_sound(&finding) {
                note(&finding);
            }
        }
        Ok(())
    }
}
