//! The rows of virtual tables that are recreated, and the indexes of full-text tables.

use crate::error::Result;
use crate::name::quote;
use crate::phase::{Operation, StepObject};
use crate::schema::{ColumnStorage, Content, Module, Object, ObjectKind, Schema, VirtualTable};
use crate::shadow::removal;
use crate::text::list;

use super::builder::{Builder, Waiting};
use super::pairing::TablePair;

impl Builder<'_> {
    /// Drops a virtual table whose definition changes, and keeps its rows where the module has them.
    pub(super) fn drop_changed(&mut self, object: &Object, pair: &TablePair) -> Result<()> {
        let own = object.sql.as_deref().and_then(VirtualTable::read);
        let keeps_rows =
            own.is_some_and(|it| it.content == Content::Own && it.module != Module::Other);
        if keeps_rows {
            self.set_rows_aside(object, pair)?;
        }
        self.push(removal(ObjectKind::Table, &object.name, false), Vec::new())
    }

    fn set_rows_aside(&mut self, object: &Object, pair: &TablePair) -> Result<()> {
        let schema = self.schema()?;
        let columns = carried(&schema, &object.name, self.want, pair);
        if columns.is_empty() {
            return Ok(());
        }
        let scratch = crate::shadow::free_name(&schema, &format!("{}_rows", object.name));
        let keyed = key_of(&schema, &object.name);
        let definitions = list(columns.iter().map(|(old, _)| quote(old)));
        let key = if keyed { "\"rowid of the row\" INTEGER PRIMARY KEY, " } else { "" };
        let table = quote(&scratch);
        let sql = format!("CREATE TABLE {table}({key}{definitions})");
        let note = format!("keeps the rows of {} while it is recreated", object.name);
        let create = Operation::Create { kind: StepObject::Table, sql, if_not_exists: false };
        self.push(create, vec![note])?;
        let rowid = if keyed { "rowid, " } else { "" };
        let from = quote(&object.name);
        let sql = format!("INSERT INTO {table} SELECT {rowid}{definitions} FROM {from}");
        self.push(Operation::Sql { sql, file: None }, Vec::new())?;
        self.waiting.push(Waiting { table: pair.want.clone(), scratch, columns });
        Ok(())
    }

    /// Brings back the rows that were set aside.
    pub(super) fn bring_rows_back(&mut self) -> Result<()> {
        for waiting in std::mem::take(&mut self.waiting) {
            let schema = self.schema()?;
            let keyed = key_of(&schema, &waiting.table);
            let old = list(waiting.columns.iter().map(|(old, _)| quote(old)));
            let new = list(waiting.columns.iter().map(|(_, new)| quote(new)));
            let (table, scratch) = (quote(&waiting.table), quote(&waiting.scratch));
            let (key, value) = if keyed { ("rowid, ", "\"rowid of the row\", ") } else { ("", "") };
            let sql = format!("INSERT INTO {table}({key}{new}) SELECT {value}{old} FROM {scratch}");
            self.push(Operation::Sql { sql, file: None }, Vec::new())?;
            self.push(removal(ObjectKind::Table, &waiting.scratch, false), Vec::new())?;
        }
        Ok(())
    }

    /// Fills the indexes of new full-text tables over other tables. One without content cannot be filled from its old
    /// self; what fills it stands in no schema.
    pub(super) fn fill_indexes(&mut self, created: &[String], have: &Schema) -> Result<()> {
        for name in created {
            let Some(table) = self.want.virtual_table(name) else { continue };
            let quoted = quote(name);
            match &table.content {
                Content::External(content) if table.is_full_text() => {
                    let sql = format!("INSERT INTO {quoted}({quoted}) VALUES('rebuild')");
                    let note = format!("fills the index of {name} with the rows of {content}");
                    self.push(Operation::Sql { sql, file: None }, vec![note])?;
                }
                Content::Contentless if have.virtual_table(name).is_some() => {
                    let note = format!(
                        "{name} is recreated without its words: add an sql step at the end that fills it, \
                         INSERT INTO {name}(rowid, ...) SELECT ..."
                    );
                    self.note_creation(name, note);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns whether rows of a table are kept with their rowid: an R*Tree has it as its first column.
fn key_of(schema: &Schema, table: &str) -> bool {
    schema.virtual_table(table).is_some_and(|it| it.module != Module::RTree)
}

/// The columns whose values come over.
fn carried(have: &Schema, table: &str, want: &Schema, pair: &TablePair) -> Vec<(String, String)> {
    let Some(shape) = have.shape(table) else { return Vec::new() };
    let visible = shape.columns.iter().filter(|it| it.storage != ColumnStorage::Hidden);
    let is_wanted = |name: &str| want.shape(&pair.want).is_some_and(|it| it.column(name).is_some());
    let pairs = pair.columns.renamed.iter().chain(&pair.columns.kept);
    let pairs: Vec<(String, String)> = pairs.cloned().collect();
    visible
        .filter_map(|column| {
            let found = pairs.iter().find(|(old, _)| crate::name::same(old, &column.name));
            found.map(|(old, new)| (old.clone(), new.clone()))
        })
        .filter(|(_, new)| is_wanted(new))
        .collect()
}
