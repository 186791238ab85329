//! SQL of a phase that is to run next: it must compile now, with what the file will have, because the run finds out
//! only after the backup.

use super::shadow::Shadow;
use crate::database::{strict_names, string_in_double_quotes, stub, take_back};
use crate::error::{Error, ErrorKind, MissingExtension, Result, lacks_own_table, words};
use crate::name::{in_main, quote, same};
use crate::phase::Check;
use crate::schema::{ColumnStorage, Content, VirtualTable};
use crate::sql::with_identifiers_only;

impl Shadow {
    /// Does something with what the file will have, and nothing else.
    pub(super) fn without_stubs<T>(&self, action: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        if self.missing.is_empty() {
            return action(self);
        }
        take_back(&self.connection, &self.missing)?;
        self.reload()?;
        let done = action(self);
        for part in &self.missing {
            stub(&self.connection, part)?;
        }
        self.reload()?;
        done
    }

    /// Compiles the query of a check on the schema as it is now.
    ///
    /// # Errors
    /// [`ErrorKind::PhaseFile`] with SQLite's reason, or if the text is not one query that only reads.
    pub fn compile_check(&self, check: &Check) -> Result<()> {
        let refused = |what: &str| {
            let what = format!("line {}: check {}: {what}", check.line, check.name);
            Error::new(ErrorKind::PhaseFile, what)
        };
        self.without_stubs(|shadow| {
            shadow.authorizer.raise();
            let compiled = shadow.connection.prepare(&check.sql).map(|statement| {
                (statement.readonly() && statement.column_count() > 0, statement.parameter_count())
            });
            let strict = strict_names(&shadow.connection, &check.sql);
            let denied = shadow.authorizer.denied();
            shadow.authorizer.lower();
            match (compiled, denied) {
                (Err(_), Some(what)) => Err(refused(&format!("{what} is not allowed in a phase"))),
                // What SQLite keeps for itself is not in a database without rows.
                (Err(error), None) if lacks_own_table(&error) => Ok(()),
                (Err(error), None) => Err(refused(&words(&error)).caused_by(error)),
                (Ok((false, _)), _) => Err(refused("the statement is not a query")),
                (Ok((true, 1..)), _) => Err(refused("a parameter has no value")),
                (Ok((true, 0)), _) => strict
                    .map_err(|error| refused(&string_in_double_quotes(&error)).caused_by(error)),
            }
        })
    }

    /// Compiles the values that a step gives on the schema as it is at the step, and refuses what the copy would
    /// meet too late: a string in double quotes, or a function that this program lacks. What else may be wrong with
    /// a value is found when it is tried on the rows.
    ///
    /// # Errors
    /// [`ErrorKind::Step`] naming the table.
    pub(super) fn compile_values(&self, table: &str, values: &[String]) -> Result<()> {
        let compile = |value: &str, alias: &str| {
            let sql = format!("SELECT (\n{value}\n) FROM main.{}{alias}", quote(table));
            self.connection.prepare(&sql).map(drop)
        };
        let compile_all = |value: &String| {
            let strict = with_identifiers_only(value);
            for alias in ["", " AS old"] {
                let compiled = compile(value, alias);
                if let (Ok(()), Some(strict)) = (&compiled, &strict) {
                    compile(strict, alias).map_err(|it| {
                        self.not_allowed(&string_in_double_quotes(&it)).about(table)
                    })?;
                }
                match compiled {
                    Err(error) if MissingExtension::in_error(&error).is_some() => {
                        let what = format!("a value for {table}: {}", words(&error));
                        return Err(Error::new(ErrorKind::Step, what)
                            .about(table)
                            .caused_by(error));
                    }
                    Err(_) | Ok(()) => {}
                }
            }
            Ok(())
        };
        match self.plans_a_run && !values.is_empty() {
            true => self.without_stubs(|_| values.iter().try_for_each(compile_all)),
            false => Ok(()),
        }
    }

    /// Refuses to fill full-text tables whose content needs what this program lacks: a function in a generated column,
    /// or in a view.
    ///
    /// # Errors
    /// [`ErrorKind::MissingExtension`] naming the table.
    pub fn refuse_unreadable_content(&self, tables: &[&str]) -> Result<()> {
        if !self.plans_a_run || self.missing.is_empty() || tables.is_empty() {
            return Ok(());
        }
        let schema = self.current()?;
        let read = |table: &VirtualTable| {
            let Content::External(content) = &table.content else { return Ok(()) };
            let columns: Vec<String> = match schema.shape(&table.name) {
                Some(shape) => shape
                    .columns
                    .iter()
                    .filter(|it| it.storage != ColumnStorage::Hidden)
                    .map(|it| quote(&it.name))
                    .collect(),
                None => return Ok(()),
            };
            let sql = format!("SELECT {} FROM {}", columns.join(", "), in_main(content));
            match self.connection.prepare(&sql) {
                Err(error) if MissingExtension::in_error(&error).is_some() => {
                    let what = format!(
                        "the full-text table {} cannot be filled from {content}",
                        table.name
                    );
                    let error = Error::new(ErrorKind::MissingExtension, what).caused_by(error);
                    Err(error.about(&table.name))
                }
                Ok(_) | Err(_) => Ok(()),
            }
        };
        let filled = |it: &VirtualTable| tables.iter().any(|table| same(table, &it.name));
        let filled: Vec<VirtualTable> = schema.virtual_tables().filter(filled).collect();
        self.without_stubs(|_| filled.iter().try_for_each(read))
    }
}
