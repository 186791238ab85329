//! Virtual tables with rows of their own that a phase would leave empty, or with the words of old values. Nothing
//! fills them by itself.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, same};
use crate::plan::{Direction, PhasePlan, Plan, Rebuild, SchemaChange, Stage, VirtualChange};
use crate::rows::count_rows;
use crate::schema::{Content, ObjectKind, Schema, VirtualTable};
use crate::shadow::ColumnOrigin;
use crate::sql::mentions;

/// Refuses a phase that recreates such a table without filling it, or computes values that triggers put into it.
///
/// # Errors
/// [`ErrorKind::Rows`] naming the table; whatever SQLite reports.
pub fn check_virtual_tables(connection: &Connection, plan: &Plan) -> Result<()> {
    let Some(first) = plan.phases.first() else { return Ok(()) };
    for (place, phase) in plan.phases.iter().enumerate() {
        if phase.direction == Direction::Down {
            continue;
        }
        let later: Vec<&Stage> = plan.phases[place..].iter().flat_map(|it| &it.stages).collect();
        let check = TableCheck { connection, file: &first.before, phase, later };
        let mut before: &Schema = &phase.before;
        for stage in &phase.stages {
            match stage {
                Stage::SchemaChange(schema_change) => {
                    check.made_anew(before, schema_change)?;
                    check.computed(before, schema_change)?;
                    before = &schema_change.after;
                }
                Stage::Data(data) => before = data.after.as_ref().unwrap_or(before),
            }
        }
    }
    Ok(())
}

struct TableCheck<'a> {
    connection: &'a Connection,
    /// The schema of the file.
    file: &'a Schema,
    phase: &'a PhasePlan,
    /// The stages of this phase and of those after it.
    later: Vec<&'a Stage>,
}

impl TableCheck<'_> {
    fn is_written(&self, table: &str) -> bool {
        self.later.iter().any(|it| it.writes_directly(table))
    }

    /// Returns whether a table may have rows: one that the file does not have yet may have got some in this run.
    fn has_rows(&self, table: &str) -> bool {
        self.file.shape(table).is_none() || count_rows(self.connection, table).unwrap_or(1) > 0
    }

    fn refuse(&self, table: &str, what: &str) -> Result<()> {
        let what = format!("{} cannot start: {what}", self.phase.id);
        Err(Error::new(ErrorKind::Rows, what).about(table).in_phase(self.phase.id.as_str()))
    }

    fn made_anew(&self, before: &Schema, schema_change: &SchemaChange) -> Result<()> {
        for change in &schema_change.virtuals {
            let VirtualChange::Drop { table } = change else { continue };
            let Some(old) = own_rows(before, table) else { continue };
            let comes_back = schema_change.after.virtual_table(table).is_some_and(|it| {
                !matches!(it.content, Content::External(_))
                    && schema_change.creates_virtual(&it.name)
            });
            if comes_back && !self.is_written(table) && self.has_rows(table) {
                let what = format!(
                    "the virtual table {} would come back empty; fill it in an sql step of the phase",
                    old.name
                );
                return self.refuse(table, &what);
            }
        }
        Ok(())
    }

    /// Computed values reach a table without any trigger.
    fn computed(&self, before: &Schema, schema_change: &SchemaChange) -> Result<()> {
        for rebuild in &schema_change.rebuilds {
            let computed = computed_columns(schema_change, rebuild);
            if computed.is_empty() || !self.has_rows(&rebuild.from) {
                continue;
            }
            for trigger in before.belonging(ObjectKind::Trigger, &rebuild.from) {
                let text = trigger.sql.as_deref().unwrap_or_default();
                let fed = before.virtual_tables().find(|it| {
                    !matches!(it.content, Content::External(_))
                        && mentions(text, &[it.name.as_str()])
                });
                let column = computed.iter().find(|it| mentions(text, &[it.as_str()]));
                let (Some(fed), Some(column)) = (fed, column) else { continue };
                let goes = schema_change.after.virtual_table(&fed.name).is_none();
                if goes || self.is_written(&fed.name) {
                    continue;
                }
                let (table, name) = (&rebuild.from, &fed.name);
                let what = format!(
                    "the virtual table {name} would keep the old values of {table}.{column}: no trigger runs for \
                     computed values; change them by UPDATE in an sql step, or write to {name} in one"
                );
                return self.refuse(name, &what);
            }
        }
        Ok(())
    }
}

fn own_rows(schema: &Schema, table: &str) -> Option<VirtualTable> {
    schema.virtual_table(table).filter(|it| !matches!(it.content, Content::External(_)))
}

/// The columns of a rebuilt table that existed before and get computed values.
fn computed_columns(schema_change: &SchemaChange, rebuild: &Rebuild) -> BTreeSet<String> {
    let Some(lineage) = schema_change.lineage.table(&rebuild.to) else { return BTreeSet::new() };
    let columns = lineage.columns.iter().filter(|it| it.origin == ColumnOrigin::Computed);
    let was_there = |name: &str| rebuild.shape.columns.iter().any(|it| same(&it.name, name));
    columns.map(|it| fold(&it.name)).filter(|it| was_there(it)).collect()
}
