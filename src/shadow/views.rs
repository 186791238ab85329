//! What views hand out, and keeping it the same through a rename.
//!
//! SQLite's RENAME COLUMN rewrites the body of a view, so that its output column changes its name
//! too, and refuses the rename when another view reads that column. An explicit column list makes
//! the outside of a view independent of its body; it stays only where it is needed.

use super::finding::Outputs;
use super::shadow::Shadow;
use crate::database::with_stubs;
use crate::error::Result;
use crate::name::{fold, literal};
use crate::schema::ObjectKind;
use crate::sql::edit;

/// A view with a list of columns, and what its query hands out without the list.
#[derive(Debug)]
pub(super) struct ListedView {
    name: String,
    listed: Vec<String>,
    free: Vec<String>,
}

impl Shadow {
    /// Asks SQLite for the output columns of every view that compiles.
    pub fn outputs(&mut self) -> Result<Outputs> {
        let state = self.state()?;
        if let Some((known, outputs)) = &self.known_outputs
            && *known == state
        {
            return Ok(outputs.clone());
        }
        let outputs = self.read_outputs()?;
        self.known_outputs = Some((state, outputs.clone()));
        Ok(outputs)
    }

    fn read_outputs(&mut self) -> Result<Outputs> {
        let views = self.view_names()?;
        let mut outputs = Outputs::new();
        for view in views {
            if let Some(columns) = self.outputs_of(&view) {
                outputs.insert(fold(&view), columns);
            }
        }
        Ok(outputs)
    }

    fn view_names(&self) -> Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY rowid")?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<Vec<String>>>()?)
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
        let schema = self.current()?;
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

    /// Takes the list away again from every view that hands out the same without it: from all at
    /// once first, then, of those that differ, one by one, because one view may read another.
    pub(super) fn free_outputs(&mut self, views: &[String], outputs: &Outputs) -> Result<()> {
        let listed = self.view_texts(views)?;
        for (view, text) in &listed {
            self.free(view, text)?;
        }
        self.reload()?;
        let free = self.outputs()?;
        let differs = |view: &String| free.get(&fold(view)) != outputs.get(&fold(view));
        let differing: Vec<_> = listed.into_iter().filter(|(view, _)| differs(view)).collect();
        for (view, text) in &differing {
            self.set_entry_sql(ObjectKind::View, view, Some(text))?;
        }
        self.reload()?;
        for (view, text) in &differing {
            self.free(view, text)?;
            self.reload()?;
            if self.outputs_of(view).as_ref() != outputs.get(&fold(view)) {
                self.set_entry_sql(ObjectKind::View, view, Some(text))?;
                self.reload()?;
            }
        }
        Ok(())
    }

    /// Returns the views that have a list of columns and compile.
    pub(super) fn listed_views(&mut self) -> Result<Vec<ListedView>> {
        let schema = self.current()?;
        let mut found = Vec::new();
        for view in schema.of_kind(ObjectKind::View) {
            let text = view.sql.as_deref().unwrap_or_default();
            if !matches!(edit::view_columns_range(text), Ok(Some(_))) {
                continue;
            }
            let outputs = self.outputs_of(&view.name).zip(self.query_outputs(text));
            if let Some((listed, free)) = outputs {
                found.push(ListedView { name: view.name.clone(), listed, free });
            }
        }
        Ok(found)
    }

    /// Lets the lists of views follow a table that got or lost columns: a view that hands out all of
    /// them would no longer fit its list. Columns keep the names that the list gave them.
    pub(super) fn follow_lists(&mut self, before: &[ListedView]) -> Result<()> {
        for view in before {
            let schema = self.current()?;
            let text = schema.find(ObjectKind::View, &view.name).and_then(|it| it.sql.as_deref());
            let Some(text) = text else { continue };
            let Some(free) = self.query_outputs(text).filter(|free| *free != view.free) else {
                continue;
            };
            let mut left: Vec<(&String, &String)> = view.free.iter().zip(&view.listed).collect();
            let names: Vec<String> = free
                .iter()
                .map(|name| match left.iter().position(|(old, _)| *old == name) {
                    Some(place) => left.remove(place).1.clone(),
                    None => name.clone(),
                })
                .collect();
            let relisted = edit::without_view_columns(text)
                .and_then(|bare| edit::view_with_columns(&bare, &names));
            if let Ok(relisted) = relisted {
                self.set_entry_sql(ObjectKind::View, &view.name, Some(&relisted))?;
                self.reload()?;
            }
        }
        Ok(())
    }

    /// What the query of a view hands out by itself; `None` if it does not compile.
    fn query_outputs(&mut self, text: &str) -> Option<Vec<String>> {
        let query = edit::view_query(text).ok()?;
        with_stubs(&self.connection, &mut self.missing, |connection| {
            let statement = connection.prepare(query)?;
            let name = |at| statement.column_name(at).map(ToOwned::to_owned);
            (0..statement.column_count()).map(name).collect()
        })
        .ok()
    }

    fn free(&self, view: &str, listed: &str) -> Result<()> {
        match edit::without_view_columns(listed) {
            Ok(free) => self.set_entry_sql(ObjectKind::View, view, Some(&free)),
            Err(_) => Ok(()),
        }
    }

    fn view_texts(&self, views: &[String]) -> Result<Vec<(String, String)>> {
        let schema = self.current()?;
        Ok(views
            .iter()
            .filter_map(|view| {
                let text = schema.find(ObjectKind::View, view)?.sql.clone()?;
                Some((view.clone(), text))
            })
            .collect())
    }
}
