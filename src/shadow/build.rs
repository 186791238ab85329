//! Building a shadow: SQLite replays the stored text of every object.

use super::memory::open_memory;
use std::collections::BTreeSet;

use rusqlite::Connection;

use super::shadow::Shadow;
use crate::compare::compare_entries;
use crate::database::{run_one, with_passing_stubs, with_stubs};
use crate::error::{Error, ErrorKind, MissingExtension, Result};
use crate::name::{fold, quote, same};
use crate::schema::{Object, ObjectKind, Schema, firing_statements, read};
use crate::sql::edit::{
    VirtualArgument, set_virtual_argument, virtual_option, virtual_table_arguments,
};
use crate::sql::{significant_tokens, unquote};

impl Shadow {
    /// Makes a shadow of a schema, and checks that the replayed text gives the same schema.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] naming the object whose stored text does not give it back.
    pub fn of(schema: &Schema) -> Result<Self> {
        let mut shadow = Self::empty()?;
        shadow.statistics = schema
            .internal
            .iter()
            .filter(|it| it.kind.is_table() && fold(&it.name).starts_with("sqlite_stat"))
            .map(|it| it.name.clone())
            .collect();
        shadow.connection.execute_batch("BEGIN")?;
        for object in in_order_of_replay(schema) {
            shadow.replay(object)?;
        }
        shadow.connection.execute_batch("COMMIT")?;
        shadow.take_over_shadow_tables(schema)?;
        let replayed = read(&shadow.connection)?;
        if let Some(odd) = compare_entries(&schema.objects, &replayed.objects).first() {
            return Err(unfaithful(odd.object(), None));
        }
        shadow.start_stage()?;
        shadow.set_aside_unsound()?;
        shadow.find_missing_in_bodies(schema)?;
        shadow.tell_missing(schema);
        Ok(shadow)
    }

    /// Compiles views and triggers: SQLite looks for their functions only when they are used.
    fn find_missing_in_bodies(&mut self, schema: &Schema) -> Result<()> {
        let views = schema.of_kind(ObjectKind::View);
        let mut statements: Vec<String> =
            views.map(|it| format!("SELECT * FROM main.{}", quote(&it.name))).collect();
        let owners: BTreeSet<String> =
            schema.of_kind(ObjectKind::Trigger).map(|it| fold(&it.table)).collect();
        for owner in owners {
            statements.extend(firing_statements(&self.connection, schema, &owner)?);
        }
        for sql in statements {
            // What is otherwise wrong with them is found elsewhere.
            drop(with_stubs(&self.connection, &mut self.missing, |it| it.prepare(&sql).map(drop)));
        }
        Ok(())
    }

    /// Notes what the file needs and this program lacks, and which objects need it.
    fn tell_missing(&mut self, schema: &Schema) {
        for part in &self.missing {
            let needs = |object: &&Object| {
                let text = object.sql.as_deref().unwrap_or_default();
                significant_tokens(text).any(|it| same(&unquote(it.text(text)), part.name()))
            };
            let users: Vec<String> = schema
                .objects
                .iter()
                .filter(needs)
                .map(|it| format!("{} {}", it.kind.word(), it.name))
                .collect();
            let notice =
                format!("{part} is not in this program; it is used by {}", users.join(", "));
            self.notices.push(notice);
        }
    }

    fn replay(&mut self, object: &Object) -> Result<()> {
        let Some(sql) = object.sql.as_deref() else { return Ok(()) };
        let exists =
            object.kind == ObjectKind::ShadowTable && self.holds(object.kind, &object.name)?;
        if exists {
            return Ok(());
        }
        let authorizer = &self.authorizer;
        let replayed = with_stubs(&self.connection, &mut self.missing, |it| {
            authorizer.around(|| run_one(it, sql))
        });
        match replayed {
            Ok(()) => Ok(()),
            Err(error) if is_interrupt(&error) => Err(error.into()),
            Err(error) if object.kind == ObjectKind::VirtualTable => {
                if let Some(part) = MissingExtension::in_error(&error)
                    && !self.missing.contains(&part)
                {
                    self.missing.push(part);
                }
                match with_plain_tokenizer(sql) {
                    Some(plain)
                        if self.authorizer.around(|| run_one(&self.connection, &plain)).is_ok() =>
                    {
                        self.set_entry_sql(object.kind, &object.name, Some(sql))?;
                        self.reload()
                    }
                    Some(_) | None => self.insert_entry(object),
                }
            }
            Err(error) => Err(unfaithful(object, Some(error))),
        }
    }

    /// Checks that this program can create tables, full-text tables and indexes without stubs: in the
    /// file nothing is stubbed.
    ///
    /// # Errors
    /// [`ErrorKind::MissingExtension`] naming the object and what it needs.
    pub fn check_creatable(
        &self,
        tables: &[(String, String)],
        full_text: &[(String, String)],
        dependents: &[Object],
        after: &Schema,
    ) -> Result<()> {
        let bare = open_memory()?;
        let create = |name: &str, sql: &str, word: &str| match run_one(&bare, sql) {
            Ok(()) => Ok(()),
            Err(error) if is_interrupt(&error) => Err(error.into()),
            Err(error) => match MissingExtension::in_error(&error) {
                Some(part) => {
                    let what =
                        format!("{word} {name} would have to be rebuilt, which needs {part}");
                    Err(Error::new(ErrorKind::MissingExtension, what).about(name).caused_by(error))
                }
                None => {
                    let what = format!("{word} {name} cannot be rebuilt");
                    Err(Error::new(ErrorKind::Unsupported, what).about(name).caused_by(error))
                }
            },
        };
        for (name, sql) in tables {
            create(name, sql, "the table")?;
        }
        for (name, sql) in full_text {
            // What else it may need, such as its content table, is not here.
            match create(name, sql, "the full-text table") {
                Err(error) if error.kind() == ErrorKind::MissingExtension => return Err(error),
                Err(_) | Ok(()) => {}
            }
        }
        for object in dependents.iter().filter(|it| it.kind == ObjectKind::Index) {
            if !has_table(&bare, &object.table)? {
                // The table is there already in the file, with whatever it needs itself.
                let table = after.find_table(&object.table).and_then(|it| it.sql.as_deref());
                with_passing_stubs(&bare, table.unwrap_or_default())?;
            }
            if let Some(sql) = &object.sql {
                create(&object.name, sql, "the index")?;
            }
        }
        Ok(())
    }

    /// Returns whether a table, index or view has this name, or, for triggers, whether one has it.
    pub(super) fn holds(&self, kind: ObjectKind, name: &str) -> Result<bool> {
        let sql = match kind {
            ObjectKind::Table | ObjectKind::VirtualTable | ObjectKind::ShadowTable => {
                "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE"
            }
            ObjectKind::Index => {
                "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = ?1 COLLATE NOCASE"
            }
            ObjectKind::View => {
                "SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = ?1 COLLATE NOCASE"
            }
            ObjectKind::Trigger => {
                "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name = ?1 COLLATE NOCASE"
            }
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([name], |row| row.get(0))?)
    }

    /// Shadow tables were made by this SQLite's modules; other versions word them otherwise. The
    /// file's text counts.
    fn take_over_shadow_tables(&self, schema: &Schema) -> Result<()> {
        for object in schema.of_kind(ObjectKind::ShadowTable) {
            self.set_entry_sql(ObjectKind::Table, &object.name, object.sql.as_deref())?;
        }
        if schema.of_kind(ObjectKind::ShadowTable).next().is_some() {
            self.reload()?;
        }
        Ok(())
    }
}

pub(super) fn is_interrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

/// A module creates the tables behind its virtual table itself, and may read the columns of its content table. VACUUM
/// stores virtual tables behind all other tables (<https://sqlite.org/lang_vacuum.html>), so the stored order tells
/// nothing about this.
fn in_order_of_replay(schema: &Schema) -> Vec<&Object> {
    let shadows: BTreeSet<String> =
        schema.of_kind(ObjectKind::ShadowTable).map(|it| fold(&it.name)).collect();
    let shadow = |name: &str| !shadows.is_empty() && shadows.contains(&fold(name));
    let rank = |object: &Object| match object.kind {
        ObjectKind::Index if shadow(&object.table) => 3,
        ObjectKind::Table | ObjectKind::Index | ObjectKind::View => 0,
        ObjectKind::VirtualTable => 1,
        ObjectKind::ShadowTable => 2,
        ObjectKind::Trigger => 4,
    };
    let mut objects: Vec<&Object> = schema.objects.iter().collect();
    objects.sort_by_key(|object| rank(object));
    objects
}

fn has_table(connection: &Connection, name: &str) -> Result<bool> {
    let sql =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    Ok(connection.query_row(sql, [name], |row| row.get(0))?)
}

/// A full-text table with a tokenizer that every SQLite has, if it names one. The tables behind it are
/// the same.
fn with_plain_tokenizer(sql: &str) -> Option<String> {
    let table = virtual_table_arguments(sql).ok()?;
    let names_it = |argument: &VirtualArgument| {
        virtual_option(&argument.text).is_some_and(|it| same(&it.key, "tokenize"))
    };
    let index = table.arguments.iter().position(names_it)?;
    set_virtual_argument(sql, index, "tokenize=unicode61").ok()
}

fn unfaithful(object: &Object, cause: Option<rusqlite::Error>) -> Error {
    let what = format!(
        "the stored text of {} {} does not give it back when SQLite runs it",
        object.kind.word(),
        object.name
    );
    let error = Error::new(ErrorKind::Unsupported, what).about(&object.name);
    match cause {
        Some(cause) => error.caused_by(cause),
        None => error,
    }
}
