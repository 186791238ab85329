//! Building a shadow: SQLite replays the stored text of every object.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::shadow::Shadow;
use crate::database::{MissingPart, with_stubs};
use crate::error::{Error, ErrorKind, Result};
use crate::name::fold;
use crate::schema::{Entry, Object, ObjectKind, Schema, read};

/// Opens an empty in-memory database that reads stored text as the file's programs did.
pub(super) fn open_memory() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    for (switch, value) in [
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, true),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, true),
    ] {
        connection.set_db_config(switch, value)?;
    }
    Ok(connection)
}

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
        for object in schema.objects.iter().filter(|it| it.kind != ObjectKind::Trigger) {
            shadow.replay(object)?;
        }
        for object in schema.of_kind(ObjectKind::Trigger) {
            shadow.replay(object)?;
        }
        shadow.connection.execute_batch("COMMIT")?;
        shadow.take_over_shadow_tables(schema)?;
        let replayed = read(&shadow.connection)?;
        match first_difference(schema, &replayed) {
            None => {}
            Some(object) => return Err(unfaithful(object, None)),
        }
        shadow.start_stage()?;
        shadow.set_aside_unsound()?;
        Ok(shadow)
    }

    fn replay(&mut self, object: &Object) -> Result<()> {
        let Some(sql) = object.sql.as_deref() else { return Ok(()) };
        let exists =
            object.kind == ObjectKind::ShadowTable && self.holds(object.kind, &object.name)?;
        if exists {
            return Ok(());
        }
        let replayed = with_stubs(&self.connection, &mut self.missing, |it| it.execute_batch(sql));
        match replayed {
            Ok(()) => Ok(()),
            Err(error) if object.kind == ObjectKind::VirtualTable => {
                if let Some(part) = MissingPart::in_error(&error)
                    && !self.missing.contains(&part)
                {
                    self.missing.push(part);
                }
                self.insert_entry(object)
            }
            Err(error) => Err(unfaithful(object, Some(error))),
        }
    }

    /// Checks that this program can create the tables, and the indexes on them, without stubs: in
    /// the file nothing is stubbed.
    ///
    /// # Errors
    /// [`ErrorKind::MissingPart`] naming the object and what it needs.
    pub fn check_creatable(
        &self,
        tables: &[(String, String)],
        dependents: &[Object],
    ) -> Result<()> {
        let bare = open_memory()?;
        let create = |name: &str, sql: &str, word: &str| match bare.execute_batch(sql) {
            Ok(()) => Ok(()),
            Err(error) => match MissingPart::in_error(&error) {
                Some(part) => {
                    let what = format!("{word} {name} has to be made anew and needs {part}");
                    Err(Error::new(ErrorKind::MissingPart, what).about(name).caused_by(error))
                }
                None => {
                    let what = format!("{word} {name} cannot be made anew");
                    Err(Error::new(ErrorKind::Unsupported, what).about(name).caused_by(error))
                }
            },
        };
        for (name, sql) in tables {
            create(name, sql, "the table")?;
        }
        for object in dependents.iter().filter(|it| it.kind == ObjectKind::Index) {
            let on_new = tables.iter().any(|(name, _)| crate::name::same(name, &object.table));
            if let (true, Some(sql)) = (on_new, &object.sql) {
                create(&object.name, sql, "the index")?;
            }
        }
        Ok(())
    }

    /// Tells whether a table, index or view has this name, or, for triggers, whether one has it.
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

/// Finds an object that is in one of two schemas only, or that differs.
pub(super) fn first_difference<'s>(left: &'s Schema, right: &'s Schema) -> Option<&'s Object> {
    let entries = |schema: &'s Schema| -> std::collections::BTreeSet<Entry<'s>> {
        schema.objects.iter().map(Object::entry).collect()
    };
    let (ours, theirs) = (entries(left), entries(right));
    let odd = ours.symmetric_difference(&theirs).next()?;
    left.objects.iter().chain(&right.objects).find(|object| object.entry() == *odd)
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
