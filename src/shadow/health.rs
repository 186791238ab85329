//! Views and triggers that do not compile: found by SQLite's own check, and set aside, because one of
//! them would block every RENAME (<https://sqlite.org/lang_altertable.html>).

use super::finding::{Unsound, UnsoundObject};
use std::collections::{BTreeMap, BTreeSet};

use super::compile::uncompilable;
use super::shadow::Shadow;
use crate::database::stub;
use crate::error::{
    Error, ErrorKind, MissingExtension, Result, is_about_object, is_foreign_key_mismatch, words,
};
use crate::name::{fold, literal, same};
use crate::schema::{Column, ForeignKey, Object, ObjectKind};

const PROBE: &str = "phaseshift_probe";

impl Shadow {
    /// Sets every view and trigger aside that SQLite's check of a RENAME stumbles over.
    pub fn set_aside_unsound(&mut self) -> Result<()> {
        let found = self.find_unsound()?;
        self.set_aside.extend(found);
        Ok(())
    }

    /// Finds the views and triggers that no longer compile after the steps so far. A replay of what was applied long ago
    /// sets those aside that only lack a part of another program.
    pub fn newly_unsound(&mut self) -> Result<Vec<UnsoundObject>> {
        let found = self.find_unsound()?;
        if self.plans_a_run {
            return Ok(found);
        }
        let (broken, lacking) = found.into_iter().partition(|it| it.reason == Unsound::Broken);
        self.set_aside.extend::<Vec<_>>(lacking);
        Ok(broken)
    }

    /// Finds the objects that do not compile, removing each from the shadow. A RENAME of an
    /// unrelated table makes SQLite check the whole schema and name the first one.
    pub(super) fn find_unsound(&mut self) -> Result<Vec<UnsoundObject>> {
        let mut found = Vec::new();
        let probe = self.free_name(PROBE)?;
        let other = self.free_name("phaseshift_probed")?;
        let (probe, other) = (crate::name::quote(&probe), crate::name::quote(&other));
        self.connection.execute_batch(&format!("CREATE TABLE {probe}(c)"))?;
        loop {
            let tried = self.connection.execute_batch(&format!(
                "SAVEPOINT probe; ALTER TABLE {probe} RENAME TO {other}; ROLLBACK TO probe; RELEASE probe"
            ));
            let Err(error) = tried else { break };
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK TO probe; RELEASE probe")?;
            }
            let message = words(&error);
            let part = MissingExtension::in_error(&error);
            if let Some(part) = part.clone()
                && !self.missing.contains(&part)
                && stub(&self.connection, &part)?
            {
                // With a stub, SQLite can read the object, and rewrite it for a rename.
                self.missing.push(part);
                continue;
            }
            let carried = |it: &Object| matches!(it.kind, ObjectKind::View | ObjectKind::Trigger);
            let Some(object) = self.culprit(&message)?.filter(carried) else {
                return Err(Error::new(ErrorKind::Unsupported, "SQLite cannot check the schema")
                    .caused_by(error));
            };
            let reason = part.map_or(Unsound::Broken, Unsound::Missing);
            for object in self.with_its_triggers(object)? {
                found.push(UnsoundObject {
                    object,
                    reason: reason.clone(),
                    message: message.clone(),
                });
            }
        }
        self.connection.execute_batch(&format!("DROP TABLE {probe}"))?;
        Ok(found)
    }

    /// Removes an object from the shadow. A view takes its triggers along: without it SQLite could not
    /// read them.
    fn with_its_triggers(&self, object: Object) -> Result<Vec<Object>> {
        let mut gone = vec![object];
        if let [view] = gone.as_slice()
            && view.kind == ObjectKind::View
        {
            let schema = self.current()?;
            let triggers: Vec<Object> =
                schema.belonging(ObjectKind::Trigger, &view.name).cloned().collect();
            gone.extend(triggers);
        }
        self.delete_entries(&gone)?;
        Ok(gone)
    }

    /// Finds the views that do not compile, and the tables and views whose triggers do not, by folded name.
    pub fn uncompilable(&self) -> Result<BTreeMap<String, String>> {
        uncompilable(&self.connection, &*self.current()?)
    }

    /// Finds what [`uncompilable`] finds in a file with this schema: the names of what does not compile here, and of what was
    /// set aside because it is broken.
    pub fn broken(&self) -> Result<BTreeSet<String>> {
        let broken = self.unsound().iter().filter(|it| it.reason == Unsound::Broken);
        let names = broken.map(|it| match it.object.kind {
            ObjectKind::Trigger => fold(&it.object.table),
            _ => fold(&it.object.name),
        });
        Ok(names.chain(self.uncompilable()?.into_keys()).collect())
    }

    /// Finds the foreign keys whose columns no index of the child begins with, as table and columns. A partial index does
    /// not count (<https://sqlite.org/foreignkeys.html#fk_indexes>).
    pub fn foreign_keys_without_index(&self) -> Result<Vec<(String, String)>> {
        let schema = self.current()?;
        let mut without = Vec::new();
        for table in schema.tables.values().filter(|it| !it.foreign_keys.is_empty()) {
            let indexes = self.index_columns(&table.name)?;
            let key: Vec<&Column> = table.columns.iter().filter(|it| it.key > 0).collect();
            let begins = |columns: &[String], key: &ForeignKey| {
                let first = columns.get(..key.columns.len()).unwrap_or_default();
                !first.is_empty()
                    && key.columns.iter().all(|it| first.iter().any(|other| same(it, other)))
            };
            for foreign in &table.foreign_keys {
                let is_rowid = matches!(key.as_slice(), [only]
                    if only.declared.eq_ignore_ascii_case("INTEGER")
                        && foreign.columns.len() == 1
                        && same(&foreign.columns[0], &only.name));
                if !is_rowid && !indexes.iter().any(|columns| begins(columns, foreign)) {
                    without.push((table.name.clone(), foreign.columns.join(", ")));
                }
            }
        }
        Ok(without)
    }

    /// The columns of each whole index of a table, in order; an expression ends them.
    fn index_columns(&self, table: &str) -> Result<Vec<Vec<String>>> {
        let sql = "SELECT l.seq, i.name FROM pragma_index_list(?1, 'main') AS l, pragma_index_info(l.name, 'main') AS i \
                   WHERE l.partial = 0 ORDER BY l.seq, i.seqno";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([table])?;
        let mut indexes: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let name = row.get::<_, Option<String>>(1)?.unwrap_or_default();
            indexes.entry(row.get(0)?).or_default().push(name);
        }
        Ok(indexes.into_values().collect())
    }

    /// Finds the tables with a foreign key that names no key of its parent, with SQLite's message.
    pub fn loose_foreign_keys(&self) -> Result<Vec<(String, String)>> {
        let schema = self.current()?;
        let mut loose = Vec::new();
        for table in schema.tables.values().filter(|it| !it.foreign_keys.is_empty()) {
            let sql = format!("PRAGMA main.foreign_key_check({})", literal(&table.name));
            // There are no rows; a key that does not fit is found when the pragma is compiled.
            let checked = self.connection.execute_batch(&sql);
            if let Err(error) = checked
                && is_foreign_key_mismatch(&error)
            {
                loose.push((table.name.clone(), words(&error)));
            }
        }
        Ok(loose)
    }

    /// Finds the object that an "error in view NAME: ..." is about, whatever its kind.
    pub(super) fn culprit(&self, message: &str) -> Result<Option<Object>> {
        let schema = self.current()?;
        let named = |object: &&Object| is_about_object(message, object.kind.word(), &object.name);
        Ok(schema.objects.iter().filter(named).max_by_key(|object| object.name.len()).cloned())
    }

    /// Returns the objects that do not compile and are carried over as they are.
    pub fn unsound(&self) -> &[UnsoundObject] {
        &self.set_aside
    }

    pub(super) fn take_set_aside(&mut self, kind: ObjectKind, name: &str) -> Option<Object> {
        let place = self
            .set_aside
            .iter()
            .position(|it| it.object.kind == kind && same(&it.object.name, name))?;
        Some(self.set_aside.remove(place).object)
    }
}
