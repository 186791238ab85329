//! Tables that are dropped before the new one is filled from the backup, so that the file does not grow.
//!
//! The old table may go first because the transaction brings it back if anything fails, and because the
//! backup was compared with it page by page under the same lock. The new table takes the pages that
//! became free (<https://sqlite.org/fileformat2.html#the_freelist>). It is done only where the backup
//! holds what the table holds at that moment: nothing of the run has touched it yet.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::execute::refused;
use super::indexes::free_name;
use crate::database::{ATTACHED, Touched};
use crate::error::Result;
use crate::name::{fold, in_main, quote};
use crate::plan::{Action, Rebuild};
use crate::rows::count_rows;
use crate::schema::Schema;
use crate::shadow::CopyMethod;

/// The tables that hold what the backup holds, by folded name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refill(BTreeSet<String>);

impl Refill {
    /// All tables of the backup but those that the run writes to itself: nothing was touched yet. The
    /// backup must be attached.
    pub fn of<'n>(backup: &Schema, but: impl IntoIterator<Item = &'n str>) -> Self {
        let mut tables: BTreeSet<String> =
            backup.stored_tables().map(|it| fold(&it.name)).collect();
        for table in but {
            tables.remove(&fold(table));
        }
        Self(tables)
    }

    /// Leaves out what statements of a phase touch; everything if they change the schema.
    pub(super) fn without(&mut self, touched: &Touched) {
        if touched.schema {
            self.0.clear();
        }
        self.0.retain(|table| !touched.tables.contains_key(table));
    }

    /// Leaves out a name that another table gets, or that a table gives up.
    pub(super) fn forget(&mut self, table: &str) {
        self.0.remove(&fold(table));
    }

    /// Takes a table that is about to be rebuilt, and tells whether it can be refilled.
    fn takes(&mut self, rebuild: &Rebuild) -> bool {
        let copy = &rebuild.copy;
        // A guard would have to be on the backup's table, too.
        let copies = copy.method != CopyMethod::RecordsWithGuard && copy.keeps_rowids();
        self.0.remove(&fold(&rebuild.from)) && copies && copy.stays_in_its_row()
    }
}

/// Where the rows of a rebuilt table come from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// The table, as SQL text.
    pub(super) source: String,
    /// Its rows.
    pub(super) rows: u64,
    /// Whether it is in the attached backup.
    pub(super) attached: bool,
}

/// The old tables of a phase that go first, by scratch name.
#[derive(Debug, Default)]
pub(super) struct Gone {
    waiting: Vec<String>,
    origins: BTreeMap<String, Origin>,
    /// AUTOINCREMENT counters, by the scratch name of their table: the names that they wait under.
    counters: BTreeMap<String, String>,
}

impl Gone {
    /// Notes a table that stepped aside and can go.
    pub(super) fn steps_aside(
        &mut self,
        connection: &Connection,
        rebuild: &Rebuild,
        refill: &mut Refill,
    ) -> Result<bool> {
        if !refill.takes(rebuild) {
            return Ok(false);
        }
        let scratch = rebuild.scratch.as_str();
        let source = format!("{ATTACHED}.{}", quote(&rebuild.from));
        let origin = Origin { source, rows: count_rows(connection, scratch)?, attached: true };
        self.origins.insert(scratch.to_owned(), origin);
        if rebuild.carries_sequence {
            let name = free_name(connection, &format!("{scratch}_counter"))?;
            self.counters.insert(scratch.to_owned(), name);
        }
        self.waiting.push(scratch.to_owned());
        Ok(true)
    }

    /// Drops the tables that wait for it. Their AUTOINCREMENT counters would go with them, and a new
    /// table gets one of its own when it is filled.
    pub(super) fn drop_waiting(&mut self, connection: &Connection) -> Result<()> {
        for scratch in std::mem::take(&mut self.waiting) {
            if let Some(name) = self.counters.get(&scratch) {
                let (scratch, table) = (scratch.clone(), name.clone());
                run(connection, &Action::CarrySequence { scratch, table })?;
            }
            run(connection, &Action::DropTable { table: scratch })?;
        }
        Ok(())
    }

    /// Where the rows of a rebuilt table come from.
    pub(super) fn origin(&self, connection: &Connection, scratch: &str) -> Result<Origin> {
        if let Some(origin) = self.origins.get(scratch) {
            return Ok(origin.clone());
        }
        let rows = count_rows(connection, scratch)?;
        Ok(Origin { source: in_main(scratch), rows, attached: false })
    }

    /// Carries a step out that is about a table that went early, and tells whether it is one.
    pub(super) fn does(&mut self, connection: &Connection, action: &Action) -> Result<bool> {
        match action {
            Action::CarrySequence { scratch, table } => match self.counters.remove(scratch) {
                Some(scratch) => {
                    let table = table.clone();
                    run(connection, &Action::CarrySequence { scratch, table })?;
                    Ok(true)
                }
                None => Ok(false),
            },
            Action::DropTable { table } => Ok(self.origins.remove(table).is_some()),
            _ => Ok(false),
        }
    }
}

fn run(connection: &Connection, action: &Action) -> Result<()> {
    for statement in action.sql() {
        connection.execute_batch(&statement).map_err(|error| refused(error, &statement))?;
    }
    Ok(())
}
