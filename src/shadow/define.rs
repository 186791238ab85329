//! Creating, dropping and redefining objects in the shadow.
//!
//! SQLite's own ALTER is asked first. Where it has none, the stored text is edited by token
//! positions and SQLite creates the table again from it, so that SQLite always has the last word.

use std::rc::Rc;

use super::dropped_column::name_rules;
use super::lineage::{ColumnLineage, ColumnOrigin, TableLineage, row_name, value_of};
use super::shadow::Shadow;
use crate::database::{with_strict_names, with_stubs};
use crate::error::{Error, ErrorKind, Remedy, Result, words};
use crate::name::{quote, same};
use crate::phase::{ConstraintChoice, LeftOut, Operation};
use crate::schema::{Object, ObjectKind, Schema, Table, read};
use crate::sql::{self, edit};
use crate::text::{one_line, similar};

impl Shadow {
    pub(super) fn create_table(&mut self, text: &str, if_not_exists: bool) -> Result<()> {
        let name = sql::object_head(text).map_err(unreadable)?.name.text;
        let schema = match self.holds(ObjectKind::Table, &name)? {
            true => self.current()?,
            // Reading a whole schema takes long; most tables are new.
            false => Rc::default(),
        };
        if let Some(present) = schema.find_table(&name) {
            if self.kept.iter().any(|kept| same(kept, &name)) {
                self.notices.push(format!("the version table {name} exists already: kept"));
                return Ok(());
            }
            return self.create_present(present, text, if_not_exists);
        }
        self.expect_kind(text, ObjectKind::Table)?;
        match self.execute(text) {
            Err(error) if !self.plans_a_run && error.missing_extension().is_some() => {
                self.create_without_module(&name, text, error.missing_extension())
            }
            done => done,
        }
    }

    /// An object that exists already is accepted only if it is just what would be created.
    fn create_present(&mut self, present: &Object, text: &str, lenient: bool) -> Result<()> {
        let what = format!("{present} exists already");
        if !lenient {
            return Err(Error::new(ErrorKind::Step, what).about(&present.name));
        }
        let mut fresh = Self::empty()?;
        let belongs_to = matches!(present.kind, ObjectKind::Index | ObjectKind::Trigger);
        if belongs_to {
            for object in &self.current()?.objects {
                let owner = object.kind.is_table() || object.kind == ObjectKind::View;
                if owner
                    && same(&object.name, &present.table)
                    && let Some(owner_text) = &object.sql
                {
                    fresh.execute(owner_text)?;
                }
            }
        }
        // The statement itself says that any object of the name will do, one of another table, too.
        let allows_any = sql::schema_command(text).is_some_and(|it| it.allows_present());
        let here = self.current()?;
        match fresh.execute(text).and_then(|()| read(&fresh.connection)) {
            Ok(made) if is_alike(&here, &made, present) => {
                self.notices.push(format!("{what}, just as the phase would create it: skipped"));
                return Ok(());
            }
            Err(error) if !allows_any => return Err(error),
            Ok(_) | Err(_) => {}
        }
        if allows_any {
            self.connection.prepare(text).map(drop).map_err(|error| {
                Error::new(ErrorKind::Step, words(&error)).about(&present.name).caused_by(error)
            })?;
            self.notices.push(format!(
                "{what} and is another one than the phase would create: skipped, as IF NOT EXISTS says"
            ));
            return Ok(());
        }
        let what = format!("{what} and is another one than the phase would create");
        Err(Error::new(ErrorKind::Step, what).about(&present.name))
    }

    fn expect_kind(&self, text: &str, kind: ObjectKind) -> Result<()> {
        let head = sql::object_head(text).map_err(unreadable)?;
        let fits = head.kind == kind || (head.kind.is_table() && kind.is_table());
        if fits {
            return Ok(());
        }
        let what = format!("the sql does not create a {}", kind.word());
        Err(Error::new(ErrorKind::Step, what).about(&head.name.text))
    }

    pub(super) fn drop_table(&mut self, table: &str, if_exists: bool) -> Result<()> {
        let schema = self.current()?;
        let Some(object) = schema.find_table(table) else {
            return self.nothing_to_drop("table", table, if_exists);
        };
        match self.execute(&format!("DROP TABLE main.{}", quote(&object.name))) {
            Err(error) if !self.plans_a_run && error.missing_extension().is_some() => {
                self.drop_without_module(object)?;
            }
            done => done?,
        }
        let after = self.current()?;
        for gone in schema.tables.values().filter(|it| after.shape(&it.name).is_none()) {
            self.lineage.forget(&gone.name);
        }
        // Triggers that do not compile go with their table, as SQLite drops them there too.
        self.set_aside
            .retain(|it| !(it.object.kind == ObjectKind::Trigger && same(&it.object.table, table)));
        Ok(())
    }

    fn nothing_to_drop(&mut self, word: &str, name: &str, if_exists: bool) -> Result<()> {
        let what = format!("the {word} {name} does not exist");
        if if_exists {
            self.notices.push(format!("{what}: nothing to drop"));
            return Ok(());
        }
        Err(Error::new(ErrorKind::Step, what).about(name))
    }

    pub(super) fn create(&mut self, kind: ObjectKind, text: &str, lenient: bool) -> Result<()> {
        let name = sql::object_head(text).map_err(unreadable)?.name.text;
        self.expect_kind(text, kind)?;
        let aside = self.set_aside.iter().any(|it| same(&it.object.name, &name));
        let present = match aside || self.holds(kind, &name)? {
            true => self.schema()?.find(kind, &name).cloned(),
            false => None,
        };
        match present {
            Some(present) => self.create_present(&present, text, lenient),
            None => {
                self.give(kind, name);
                self.execute(text)
            }
        }
    }

    /// Notes that a step gives an object its text.
    fn give(&mut self, kind: ObjectKind, name: String) {
        self.forget_reference(kind, &name);
        self.given.push((kind, name));
    }

    pub(super) fn drop(&mut self, kind: ObjectKind, name: &str, if_exists: bool) -> Result<()> {
        if let Some(object) = self.take_set_aside(kind, name) {
            self.set_aside.retain(|it| {
                !(it.object.kind == ObjectKind::Trigger && same(&it.object.table, &object.name))
            });
            return Ok(());
        }
        if !self.holds(kind, name)? {
            return self.nothing_to_drop(kind.word(), name, if_exists);
        }
        let word = kind.word().to_ascii_uppercase();
        self.execute(&format!("DROP {word} main.{}", quote(name)))
    }

    pub(super) fn rename_index(&mut self, from: &str, to: &str) -> Result<()> {
        let schema = self.current()?;
        let Some(text) = schema.find(ObjectKind::Index, from).and_then(|it| it.sql.clone()) else {
            let what = format!("the index {from} does not exist");
            return Err(Error::new(ErrorKind::Step, what).about(from));
        };
        let renamed = edit::rename_object(&text, to).map_err(unreadable)?;
        self.execute(&format!("DROP INDEX main.{}", quote(from)))?;
        self.execute(&renamed)?;
        self.lineage.rename_index(from, to);
        Ok(())
    }

    /// Replaces a view or trigger by another text of the same name; a view keeps its triggers.
    pub(super) fn replace(&mut self, kind: ObjectKind, text: &str) -> Result<()> {
        let name = sql::object_head(text).map_err(unreadable)?.name.text;
        self.expect_kind(text, kind)?;
        let schema = self.schema()?;
        let triggers: Vec<Object> = match kind {
            ObjectKind::View => schema.belonging(ObjectKind::Trigger, &name).cloned().collect(),
            _ => Vec::new(),
        };
        self.drop(kind, &name, false)?;
        self.execute(text)?;
        self.give(kind, name);
        for trigger in triggers {
            if let Some(text) = &trigger.sql {
                self.execute(text)?;
            }
        }
        Ok(())
    }

    /// Changes the definition of a table: its columns or its constraints.
    pub(super) fn redefine(&mut self, operation: &Operation) -> Result<()> {
        let Some(table) = operation.redefined() else { return Ok(()) };
        let schema = self.current()?;
        let (object, shape) = self.ordinary_table(&schema, table)?;
        let text = object.sql.as_deref().unwrap_or_default();
        if let Operation::AddConstraint { sql, .. } = operation
            && edit::has_constraint(text, sql).map_err(unreadable)?
        {
            let sql = one_line(sql);
            self.notices.push(format!("{} has {sql} already: skipped", object.name));
            return Ok(());
        }
        self.compile_values(&object.name, &values_of(operation))?;
        let edited = edited_text(operation, text, shape)?;
        if matches!(operation, Operation::Rebuild { .. }) {
            self.give(ObjectKind::Table, object.name.clone());
        }
        let listed = self.listed_views()?;
        let native = native_alter(operation, &object.name);
        let done = match native {
            Some(alter) => self.try_native(&alter)?,
            None => false,
        };
        if !done {
            let recreated = self.recreate(&schema, object, &edited);
            recreated.map_err(|error| name_rules(error, operation, text))?;
        }
        if let Operation::Rebuild { values, left_out: LeftOut::Refuse, .. } = operation {
            self.refuse_left_out(shape, values)?;
        }
        self.refuse_useless_values(&object.name, operation)?;
        self.follow_lists(&listed)?;
        self.follow(operation, shape, (text, &edited))
    }

    /// A value for a column that is computed, or is not there, would be left out without a word.
    fn refuse_useless_values(&self, table: &str, operation: &Operation) -> Result<()> {
        let schema = self.current()?;
        let Some(shape) = schema.shape(table) else { return Ok(()) };
        for name in given_values(operation)? {
            let why = match shape.column(&name) {
                Some(column) if column.is_writable() => continue,
                Some(_) => "is generated and takes no value",
                None => "does not exist and takes no value",
            };
            let what = format!("the column {table}.{name} {why}");
            return Err(Error::new(ErrorKind::Step, what).about(table));
        }
        Ok(())
    }

    /// A new text that does not have a column of the table may have forgotten it, or mean it by
    /// another name. Only a column whose values go into others is known to be given up.
    fn refuse_left_out(&self, before: &Table, values: &[(String, String)]) -> Result<()> {
        let schema = self.current()?;
        let Some(after) = schema.shape(&before.name) else { return Ok(()) };
        let read_by = |column: &str| values.iter().any(|(_, sql)| sql::mentions(sql, &[column]));
        let left_out: Vec<&str> = before
            .writable()
            .map(|column| column.name.as_str())
            .filter(|column| after.column(column).is_none() && !read_by(column))
            .collect();
        let Some(first) = left_out.first() else { return Ok(()) };
        let what = format!(
            "the new text of {} leaves out {}: put a drop_column step before the rebuild if {first} \
             is to be dropped, or a rename_column step if it has a new name",
            before.name,
            left_out.join(", ")
        );
        Err(Error::new(ErrorKind::Step, what).about(&before.name))
    }

    fn ordinary_table<'s>(
        &self,
        schema: &'s Schema,
        table: &str,
    ) -> Result<(&'s Object, &'s Table)> {
        let refuse = |what: String| Err(Error::new(ErrorKind::Step, what).about(table));
        match (schema.find_table(table), schema.shape(table)) {
            (Some(object), Some(shape)) if object.kind == ObjectKind::Table => Ok((object, shape)),
            (Some(object), _) => refuse(format!(
                "{table} is a {} and has no definition to change",
                object.kind.word()
            )),
            (None, _) => {
                let what = format!("the table {table} does not exist");
                let known = schema.of_kind(ObjectKind::Table).map(|it| it.name.as_str());
                Err(Error::new(ErrorKind::Step, what).about(table).choices(similar(table, known)))
            }
        }
    }

    fn try_native(&mut self, alter: &str) -> Result<bool> {
        let before = self.current()?;
        match self.execute(alter) {
            Ok(()) => {
                self.keep_double_quotes(&before, None)?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Step => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Drops the table and creates it from the new text, with its indexes and triggers. If one of them
    /// does not fit any more, it is named and nothing has happened.
    pub(super) fn recreate(&mut self, schema: &Schema, object: &Object, text: &str) -> Result<()> {
        self.connection.execute_batch("SAVEPOINT recreating")?;
        let done = self.recreate_all(schema, object, text);
        let end = match done {
            Ok(()) => "RELEASE recreating",
            Err(_) => "ROLLBACK TO recreating; RELEASE recreating",
        };
        self.connection.execute_batch(end)?;
        self.changed();
        done
    }

    fn recreate_all(&mut self, schema: &Schema, object: &Object, text: &str) -> Result<()> {
        self.execute(&format!("DROP TABLE main.{}", quote(&object.name)))
            .and_then(|()| self.execute(text))
            .map_err(|error| error.about(&object.name))?;
        let dependents = schema
            .belonging(ObjectKind::Index, &object.name)
            .chain(schema.belonging(ObjectKind::Trigger, &object.name));
        for dependent in dependents {
            let Some(text) = &dependent.sql else { continue };
            self.execute(text).map_err(|error| {
                let what = format!("the {dependent} would not fit any more: {error}");
                let refused = Error::new(ErrorKind::Step, what).about(&dependent.name);
                let refused = refused.with_remedy(Remedy::ReplaceObject);
                refused.choices([dependent.to_string()]).caused_by(error)
            })?;
        }
        Ok(())
    }

    /// An expression that names what does not exist at this step, or the very column that it defines, has no value.
    fn refuse_uncomputable(&mut self, operation: &Operation, before: &Table) -> Result<()> {
        let values = values_given(operation)?;
        let Some(lineage) = self.lineage.table(&before.name) else { return Ok(()) };
        let mut lineage = lineage.clone();
        for (name, _) in &values {
            if lineage.column(name).is_none() {
                lineage.add_column(name);
            }
        }
        let names = lineage.names_for(&values);
        for (column, expression) in &values {
            let value = (before.name.as_str(), expression.as_str());
            let Err(error) = self.try_value(value, &names, &values)? else { continue };
            let with_itself = [names.as_slice(), std::slice::from_ref(column)].concat();
            let is_fresh = !names.iter().any(|it| same(it, column));
            let table = &before.name;
            let what = if is_fresh && self.try_value(value, &with_itself, &values)?.is_ok() {
                let was = lineage.kept_as(column).map(|now| {
                    format!("; the column that was called {column} is old.{now} at this step")
                });
                let was = was.unwrap_or_default();
                format!("the value of {table}.{column} reads the column that it defines{was}")
            } else {
                format!("the value of {table}.{column} cannot be computed: {}", words(&error))
            };
            return Err(Error::new(ErrorKind::Step, what).about(table).caused_by(error));
        }
        Ok(())
    }

    /// Compiles the value of a column over a row with these names.
    fn try_value(
        &mut self,
        (table, expression): (&str, &str),
        names: &[String],
        values: &[(String, String)],
    ) -> Result<rusqlite::Result<()>> {
        let row = row_name(table, values);
        let value = value_of(expression, table, (&row, names));
        let nulls: Vec<String> = names.iter().map(|it| format!("NULL AS {}", quote(it))).collect();
        let query = format!("SELECT {value} FROM (SELECT {}) AS {}", nulls.join(", "), quote(&row));
        let (connection, missing) = (&self.connection, &mut self.missing);
        with_strict_names(connection, || {
            Ok(with_stubs(connection, missing, |it| it.prepare(&query).map(drop)))
        })
    }

    /// Follows a changed definition in the lineage; the texts are the table's before and after.
    fn follow(&mut self, operation: &Operation, before: &Table, texts: (&str, &str)) -> Result<()> {
        let after = self.current()?;
        let table = before.name.as_str();
        self.refuse_uncomputable(operation, before)?;
        let Some(lineage) = self.lineage.table_mut(table) else { return Ok(()) };
        if let Some(shape) = after.shape(table) {
            keep_first_defaults(lineage, before, shape);
        }
        let read = values_given(operation)?;
        let added = lineage.columns.iter().filter(|it| it.origin == ColumnOrigin::New);
        let defaults: Vec<(String, String)> = added
            .filter(|it| read.iter().any(|(_, sql)| sql::mentions(sql, &[&it.name])))
            .filter_map(|it| Some((it.name.clone(), before.column(&it.name)?.default.clone()?)))
            .collect();
        if !defaults.is_empty() {
            lineage.compute(table, &defaults);
        }
        match operation {
            Operation::AddColumn { column, value, .. } => {
                let name = defined_column(column)?;
                lineage.add_column(&name);
                if let Some(value) = value {
                    lineage.compute(table, &[(name, value.clone())]);
                }
            }
            Operation::DropColumn { column, .. } => lineage.drop_column(column),
            Operation::AlterColumn { column, change, .. } => {
                if let Some(value) = &change.value {
                    lineage.compute(table, &[(column.clone(), value.clone())]);
                }
            }
            Operation::Rebuild { values, .. } => {
                if let Some(shape) = after.shape(table) {
                    lineage.redefine(texts, shape);
                }
                if !values.is_empty() {
                    lineage.compute(table, values);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A column that was added a step ago has its default in the old rows, whatever its default is now.
fn keep_first_defaults(lineage: &mut TableLineage, before: &Table, after: &Table) {
    let changed = |column: &&ColumnLineage| {
        let default = |table: &Table| table.column(&column.name).map(|it| it.default.clone());
        column.origin == ColumnOrigin::New
            && default(before).zip(default(after)).is_some_and(|(old, new)| old != new)
    };
    let values: Vec<(String, String)> = lineage
        .columns
        .iter()
        .filter(changed)
        .map(|column| {
            let default = before.column(&column.name).and_then(|it| it.default.clone());
            (column.name.clone(), default.unwrap_or_else(|| "NULL".to_owned()))
        })
        .collect();
    if !values.is_empty() {
        lineage.compute(&before.name, &values);
    }
}

/// The values that a step gives.
fn values_of(operation: &Operation) -> Vec<String> {
    match operation {
        Operation::AddColumn { value, .. } => value.iter().cloned().collect(),
        Operation::AlterColumn { change, .. } => change.value.iter().cloned().collect(),
        Operation::Rebuild { values, .. } => {
            values.iter().map(|(_, value)| value.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// The columns for which a step gives values, and the values.
fn values_given(operation: &Operation) -> Result<Vec<(String, String)>> {
    Ok(match operation {
        Operation::AddColumn { column, value: Some(value), .. } => {
            vec![(defined_column(column)?, value.clone())]
        }
        Operation::AlterColumn { column, change, .. } => {
            change.value.iter().map(|value| (column.clone(), value.clone())).collect()
        }
        Operation::Rebuild { values, .. } => values.clone(),
        _ => Vec::new(),
    })
}

/// The columns for which a step gives values.
fn given_values(operation: &Operation) -> Result<Vec<String>> {
    Ok(values_given(operation)?.into_iter().map(|(column, _)| column).collect())
}

/// SQLite's own statement for a change, where it has one that keeps to what the phase asks.
fn native_alter(operation: &Operation, table: &str) -> Option<String> {
    let table = quote(table);
    match operation {
        Operation::AddColumn { column, after: None, .. } => {
            Some(format!("ALTER TABLE main.{table} ADD COLUMN {column}"))
        }
        Operation::DropColumn { column, .. } => {
            Some(format!("ALTER TABLE main.{table} DROP COLUMN {}", quote(column)))
        }
        _ => None,
    }
}

fn edited_text(operation: &Operation, text: &str, shape: &Table) -> Result<String> {
    let known = |column: &str| match shape.column(column) {
        Some(_) => Ok(()),
        None => {
            let what = format!("the column {}.{column} does not exist", shape.name);
            let columns = shape.columns.iter().map(|it| it.name.as_str());
            let error = Error::new(ErrorKind::Step, what).about(&shape.name);
            Err(error.choices(similar(column, columns)))
        }
    };
    let edited = match operation {
        Operation::AddColumn { column, after, .. } => {
            after.as_deref().map_or(Ok(()), known)?;
            edit::add_column(text, column, after.as_deref())
        }
        Operation::DropColumn { column, .. } => {
            known(column)?;
            edit::drop_column(text, column)
        }
        Operation::AlterColumn { column, change, .. } => {
            known(column)?;
            edit::alter_column(text, column, &column_change(change))
        }
        Operation::AddConstraint { sql, .. } => edit::add_constraint(text, sql),
        Operation::DropConstraint { constraint, .. } => {
            let wanted = match constraint {
                ConstraintChoice::Name(name) => edit::ConstraintRef::Name(name),
                ConstraintChoice::Sql(sql) => edit::ConstraintRef::Sql(sql),
            };
            edit::drop_constraint(text, &wanted)
        }
        Operation::Rebuild { sql, .. } => {
            let name = sql::object_head(sql).map_err(unreadable)?.name.text;
            if !same(&name, &shape.name) {
                let what = format!("the new text creates {name}, not {}", shape.name);
                return Err(Error::new(ErrorKind::Step, what).about(&shape.name));
            }
            Ok(sql.clone())
        }
        _ => Ok(text.to_owned()),
    };
    // A line and a column of the stored text would be taken for those of the phase file.
    edited.map_err(|error| Error::new(ErrorKind::Step, error.what).about(&shape.name))
}

/// Reads the name out of a column definition.
fn defined_column(definition: &str) -> Result<String> {
    let wrapped = format!("CREATE TABLE t({definition}\n)");
    let table = sql::CreateTable::read(&wrapped).map_err(unreadable)?;
    match table.columns.as_slice() {
        [only] => Ok(only.name.text.clone()),
        _ => Err(Error::new(ErrorKind::Step, "the text does not define one column")),
    }
}

fn column_change(change: &crate::phase::ColumnChange) -> edit::ColumnChange {
    use crate::phase::DefaultChange;
    edit::ColumnChange {
        type_name: change.type_name.clone(),
        not_null: change.not_null,
        default: change.default.as_ref().map(|default| match default {
            DefaultChange::Set(text) => edit::DefaultChange::Set(text.clone()),
            DefaultChange::Remove => edit::DefaultChange::Remove,
        }),
        collate: change.collate.clone(),
    }
}

/// Returns whether an object is the same in two schemas, by its shape if it is a table.
fn is_alike(here: &Schema, there: &Schema, object: &Object) -> bool {
    if object.kind.is_table() {
        return here.shape(&object.name) == there.shape(&object.name);
    }
    let text = |schema: &Schema| {
        schema.find(object.kind, &object.name).and_then(|it| it.sql.clone()).map(|it| {
            sql::significant_tokens(&it)
                .map(|token| token.text(&it).to_ascii_lowercase())
                .collect::<Vec<_>>()
        })
    };
    text(here) == text(there)
}

fn unreadable(error: sql::SqlError) -> Error {
    Error::new(ErrorKind::Step, error.to_string()).caused_by(error)
}
