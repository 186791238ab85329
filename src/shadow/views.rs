//! What views hand out, and keeping it the same through a rename.
//!
//! SQLite's RENAME COLUMN rewrites the body of a view, so that its output column changes its name
//! too, and refuses the rename when another view reads that column. An explicit column list makes
//! the outside of a view independent of its body; it stays only where it is needed.

use std::collections::BTreeMap;

use super::parts::with_stubs;
use super::shadow::Shadow;
use crate::error::Result;
use crate::name::{fold, literal};
use crate::schema::{ObjectKind, read};
use crate::sql::edit;

/// The output columns of every view that compiles, by folded name.
pub type Outputs = BTreeMap<String, Vec<String>>;

impl Shadow {
    /// Asks SQLite for the output columns of every view that compiles.
    ///
    /// # Errors
    /// Whatever SQLite reports about the schema as a whole.
    pub fn outputs(&mut self) -> Result<Outputs> {
        let views: Vec<String> =
            read(&self.connection)?.of_kind(ObjectKind::View).map(|it| it.name.clone()).collect();
        let mut outputs = Outputs::new();
        for view in views {
            if let Some(columns) = self.outputs_of(&view) {
                outputs.insert(fold(&view), columns);
            }
        }
        Ok(outputs)
    }

    fn outputs_of(&mut self, view: &str) -> Option<Vec<String>> {
        let query = format!("PRAGMA main.table_info({})", literal(view));
        with_stubs(&self.connection, &mut self.missing, |connection| {
            let mut statement = connection.prepare(&query)?;
            let names = statement.query_map([], |row| row.get::<_, String>(1))?;
            names.collect::<rusqlite::Result<Vec<String>>>()
        })
        .ok()
    }

    /// Gives every view an explicit list of the columns it hands out.
    pub(super) fn fix_outputs(&mut self, outputs: &Outputs) -> Result<Vec<String>> {
        let schema = read(&self.connection)?;
        let mut fixed = Vec::new();
        for view in schema.of_kind(ObjectKind::View) {
            let (Some(text), Some(columns)) = (&view.sql, outputs.get(&fold(&view.name))) else {
                continue;
            };
            if let Ok(None) = edit::view_columns_range(text)
                && let Ok(listed) = edit::view_with_columns(text, columns)
            {
                self.set_entry_sql(ObjectKind::View, &view.name, Some(&listed))?;
                fixed.push(view.name.clone());
            }
        }
        self.reload()?;
        Ok(fixed)
    }

    /// Takes the list away again from every view that hands out the same without it.
    pub(super) fn free_outputs(&mut self, views: &[String], outputs: &Outputs) -> Result<()> {
        for view in views {
            let schema = read(&self.connection)?;
            let Some(listed) = schema.find(ObjectKind::View, view).and_then(|it| it.sql.clone())
            else {
                continue;
            };
            let Ok(free) = edit::without_view_columns(&listed) else { continue };
            self.set_entry_sql(ObjectKind::View, view, Some(&free))?;
            self.reload()?;
            if self.outputs_of(view).as_ref() != outputs.get(&fold(view)) {
                self.set_entry_sql(ObjectKind::View, view, Some(&listed))?;
                self.reload()?;
            }
        }
        Ok(())
    }
}
