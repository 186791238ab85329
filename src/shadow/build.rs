//! Building a shadow: SQLite replays the stored text of every object.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;

use super::finding::UnsoundObject;
use super::memory::open_memory;
use super::shadow::Shadow;
use crate::compare::compare_entries;
use crate::database::{run_one, with_passing_stubs, with_stubs};
use crate::error::{Error, ErrorKind, MissingExtension, Result};
use crate::name::{fold, quote, same};
use crate::schema::{Object, ObjectKind, Schema, firing_statements, read};
use crate::sql::edit::{VirtualArgument, set_virtual_argument, virtual_table_arguments};
use crate::sql::{significant_tokens, unquote};

/// How many objects are created before their entries are set aside.
const BATCH: usize = 250;

/// A row of `sqlite_schema`: type, name, table, root page, text.
type StoredEntry = (String, String, String, i64, Option<String>);

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
        shadow.replay_all(schema)?;
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
            let users: Vec<String> =
                schema.objects.iter().filter(needs).map(ToString::to_string).collect();
            let notice =
                format!("{part} is not in this program; it is used by {}", users.join(", "));
            self.notices.push(notice);
        }
    }

    /// SQLite looks through all entries for each object that it creates. Of a large schema, what stands alone is
    /// therefore created in batches, whose entries are set aside with their root pages and put back in the end.
    fn replay_all(&mut self, schema: &Schema) -> Result<()> {
        let all = in_order_of_replay(schema);
        if all.len() <= BATCH {
            return all.into_iter().try_for_each(|object| self.replay(object));
        }
        let mut kept = Vec::new();
        let (alone, others): (Vec<&Object>, Vec<&Object>) =
            all.iter().partition(|it| stands_alone(schema, it));
        for batch in in_families(&alone) {
            batch.into_iter().try_for_each(|object| self.replay(object))?;
            kept.extend(self.set_entries_aside()?);
        }
        let places: HashMap<(bool, String), usize> = alone
            .iter()
            .enumerate()
            .map(|(place, it)| ((it.kind == ObjectKind::Trigger, fold(&it.name)), place))
            .collect();
        kept.sort_by_key(|(kind, name, table, ..)| {
            let own = places.get(&(kind == "trigger", fold(name)));
            own.or_else(|| places.get(&(false, fold(table)))).copied()
        });
        self.put_entries_back(&kept)?;
        others.into_iter().try_for_each(|object| self.replay(object))
    }

    /// Takes all entries away but those of SQLite's own tables, and returns them.
    fn set_entries_aside(&self) -> Result<Vec<StoredEntry>> {
        const OWN: &str = "type = 'table' AND name LIKE 'sqlite\\_%' ESCAPE '\\'";
        let sql = format!(
            "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE NOT ({OWN}) ORDER BY rowid"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?;
        let entries = rows.collect::<rusqlite::Result<_>>()?;
        self.edit_entries(|connection| {
            connection.execute(&format!("DELETE FROM sqlite_schema WHERE NOT ({OWN})"), [])
        })?;
        self.reload()?;
        Ok(entries)
    }

    fn put_entries_back(&self, entries: &[StoredEntry]) -> Result<()> {
        self.edit_entries(|connection| {
            let sql = "INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut insert = connection.prepare(sql)?;
            entries.iter().try_fold(0, |done, entry| Ok(done + insert.execute(entry.clone())?))
        })?;
        self.reload()
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
                self.replay_without_module(object, MissingExtension::in_error(&error))
            }
            Err(error) => Err(unfaithful(object, Some(error))),
        }
    }

    /// Makes a virtual table whose module or tokenizer this program lacks: with a plain tokenizer, or as an entry only.
    fn replay_without_module(
        &mut self,
        object: &Object,
        missing: Option<MissingExtension>,
    ) -> Result<()> {
        self.missing.extend(missing.filter(|part| !self.missing.contains(part)));
        let sql = object.sql.as_deref().unwrap_or_default();
        match with_plain_tokenizer(sql) {
            Some(plain) if self.authorizer.around(|| run_one(&self.connection, &plain)).is_ok() => {
                self.set_entry_sql(object.kind, &object.name, Some(sql))?;
                self.reload()
            }
            Some(_) | None => self.insert_entry(object),
        }
    }

    /// Makes a new virtual table whose module or tokenizer this program lacks.
    pub(super) fn create_without_module(
        &mut self,
        name: &str,
        sql: &str,
        missing: Option<MissingExtension>,
    ) -> Result<()> {
        let (kind, sql) = (ObjectKind::VirtualTable, Some(sql.to_owned()));
        let object = Object { kind, name: name.to_owned(), table: name.to_owned(), sql, root: 0 };
        self.replay_without_module(&object, missing)
    }

    /// Takes away a virtual table whose tokenizer this program lacks, with the tables behind it, or one whose module it
    /// lacks, of which it has only the entry.
    pub(super) fn drop_without_module(&mut self, table: &Object) -> Result<()> {
        let Some(plain) = with_plain_tokenizer(table.sql.as_deref().unwrap_or_default()) else {
            return self.delete_entries(std::slice::from_ref(table));
        };
        self.set_entry_sql(table.kind, &table.name, Some(&plain))?;
        self.reload()?;
        self.execute(&format!("DROP TABLE main.{}", quote(&table.name)))
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

    /// Returns whether there is an object of this kind and name, one that was set aside included.
    pub fn has(&self, kind: ObjectKind, name: &str) -> Result<bool> {
        let aside = |it: &UnsoundObject| it.object.kind == kind && same(&it.object.name, name);
        Ok(self.unsound().iter().any(aside) || self.holds(kind, name)?)
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

/// Returns whether an object can be created without others than its owner. Modules read the schema around their tables.
fn stands_alone(schema: &Schema, object: &Object) -> bool {
    let plain = |name: &str| {
        let owner = schema.objects.named(name).find(|it| !is_part(it));
        owner.is_some_and(|it| matches!(it.kind, ObjectKind::Table | ObjectKind::View))
    };
    match object.kind {
        ObjectKind::Table | ObjectKind::View => true,
        ObjectKind::Index | ObjectKind::Trigger => plain(&object.table),
        ObjectKind::VirtualTable | ObjectKind::ShadowTable => false,
    }
}

fn is_part(object: &Object) -> bool {
    matches!(object.kind, ObjectKind::Index | ObjectKind::Trigger)
}

/// Batches of tables and views with their indexes and triggers.
fn in_families<'s>(objects: &[&'s Object]) -> Vec<Vec<&'s Object>> {
    let mut parts: HashMap<String, Vec<&'s Object>> = HashMap::new();
    for part in objects.iter().filter(|it| is_part(it)) {
        parts.entry(fold(&part.table)).or_default().push(part);
    }
    let mut batches = vec![Vec::new()];
    for owner in objects.iter().filter(|it| !is_part(it)) {
        let family = parts.remove(&fold(&owner.name)).unwrap_or_default();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH => {
                batch.extend(std::iter::once(*owner).chain(family))
            }
            _ => batches.push(std::iter::once(*owner).chain(family).collect()),
        }
    }
    batches
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
    // FTS3 and FTS4 read the word as an option without an equals sign, too (<https://sqlite.org/fts3.html#tokenizer>).
    let names_it = |argument: &VirtualArgument| {
        let first = significant_tokens(&argument.text).next();
        first.is_some_and(|it| same(&unquote(it.text(&argument.text)), "tokenize"))
    };
    let index = table.arguments.iter().position(names_it)?;
    set_virtual_argument(sql, index, "tokenize=unicode61").ok()
}

fn unfaithful(object: &Object, cause: Option<rusqlite::Error>) -> Error {
    let what = format!("the stored text of {object} does not give it back when SQLite runs it");
    let error = Error::new(ErrorKind::Unsupported, what).about(&object.name);
    match cause {
        Some(cause) => error.caused_by(cause),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates more objects than one batch holds: each table with two indexes, a view and a trigger.
    fn wide(families: usize) -> Connection {
        let file = Connection::open_in_memory().unwrap();
        for it in 0..families {
            let sql = format!(
                "CREATE TABLE t{it}(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT UNIQUE, b REFERENCES t0(id));
                 CREATE INDEX i{it} ON t{it}(b); CREATE VIEW v{it} AS SELECT a FROM t{it};
                 CREATE TRIGGER t{it} AFTER INSERT ON t{it} BEGIN UPDATE t{it} SET b = 1 WHERE id = new.id; END;"
            );
            file.execute_batch(&sql).unwrap();
        }
        file.execute_batch(
            "CREATE VIRTUAL TABLE words USING fts5(a, content='t0', content_rowid='id')",
        )
        .unwrap();
        file
    }

    #[test]
    fn a_schema_of_several_batches_is_whole() {
        let schema = read(&wide(BATCH)).unwrap();
        let shadow = Shadow::of(&schema).unwrap();
        let replayed = shadow.schema().unwrap();
        assert!(compare_entries(&schema.objects, &replayed.objects).is_empty());
        assert_eq!(schema.tables, replayed.tables);
        let order = |schema: &Schema, kind| -> Vec<String> {
            schema.of_kind(kind).map(|it| it.name.clone()).collect()
        };
        for kind in [ObjectKind::Table, ObjectKind::Index, ObjectKind::View, ObjectKind::Trigger] {
            assert_eq!(order(&schema, kind), order(&replayed, kind));
        }
        let roots = |objects: &[Object]| -> BTreeSet<i64> {
            objects.iter().map(|it| it.root).filter(|root| *root > 0).collect()
        };
        let (ours, own) = (roots(&replayed.objects), roots(&replayed.internal));
        assert!(ours.is_disjoint(&own));
        assert_eq!(
            (ours.len(), own.len()),
            (roots(&schema.objects).len(), roots(&schema.internal).len())
        );
    }

    #[test]
    fn tables_of_different_batches_keep_their_rows_apart() {
        let shadow = Shadow::of(&read(&wide(BATCH)).unwrap()).unwrap();
        let last = BATCH - 1;
        let rows = format!(
            "INSERT INTO t0(a) VALUES ('first'); INSERT INTO t{last}(a) VALUES ('last'), ('other');
             ALTER TABLE t{last} RENAME TO moved; DROP TABLE t1;"
        );
        shadow.connection.execute_batch(&rows).unwrap();
        let count =
            |sql: &str| -> i64 { shadow.connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(count("SELECT count(*) FROM v0"), 1);
        assert_eq!(count("SELECT count(*) FROM moved WHERE b = 1"), 2);
        assert_eq!(count("SELECT count(*) FROM t2"), 0);
        let sound: String =
            shadow.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }

    #[test]
    fn a_text_that_makes_something_else_is_refused_in_a_batch_too() {
        let mut schema = read(&wide(BATCH)).unwrap();
        let place = schema.objects.iter().position(|it| it.name == "t7").unwrap();
        schema.objects[place].sql = Some("CREATE TABLE other(a)".to_owned());
        let error = Shadow::of(&schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
