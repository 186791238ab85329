//! Foreign keys that do not fit their parent.

use super::shadow::Shadow;
use crate::database::words;
use crate::error::Result;
use crate::name::literal;
use crate::schema::Schema;

impl Shadow {
    /// Finds tables whose foreign keys no longer fit their parent after the steps so far: the columns
    /// that they name are gone or not unique any more, and every write to either table would fail
    /// (<https://sqlite.org/foreignkeys.html#fk_indexes>). Gives each table with SQLite's message.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub fn new_key_mismatches(&self, before: &Schema) -> Result<Vec<(String, String)>> {
        let mut now = self.key_mismatches()?;
        if now.is_empty() {
            return Ok(now);
        }
        let known = Self::of(before)?.key_mismatches()?;
        now.retain(|(table, _)| !known.iter().any(|(it, _)| crate::name::same(it, table)));
        // A table may have got another name meanwhile, with keys that never fitted.
        let renamed = known.iter().filter(|(table, _)| self.is_gone(table)).count();
        Ok(now.into_iter().skip(renamed).collect())
    }

    fn is_gone(&self, table: &str) -> bool {
        self.current().is_ok_and(|schema| schema.find_table(table).is_none())
    }

    fn key_mismatches(&self) -> Result<Vec<(String, String)>> {
        let schema = self.current()?;
        let mut found = Vec::new();
        for table in schema.tables.values().filter(|it| !it.foreign_keys.is_empty()) {
            let sql = format!("PRAGMA main.foreign_key_check({})", literal(&table.name));
            let checked = self.connection.prepare(&sql).and_then(|mut statement| {
                // There are no rows: only keys that cannot be checked at all are reported.
                statement.query([])?.next().map(drop)
            });
            if let Err(error) = checked {
                let message = words(&error);
                if message.contains("foreign key mismatch") {
                    found.push((table.name.clone(), message));
                }
            }
        }
        Ok(found)
    }
}
