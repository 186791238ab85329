//! Deriving a change of the schema from two schemas and the lineage between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::copy::CopyQuery;
use super::reason::{RebuildReason, reasons};
use super::rules::Defined;
use super::schema_change::{Rebuild, RenamedIndex, SchemaChange, TableDrop, VirtualChange};
use super::strategy::{CopyStrategy, RowSource};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{fold, same};
use crate::rows::TypedColumn;
use crate::schema::{Affinity, Object, ObjectKind, RowKey, Schema, Table, same_virtual_meaning};
use crate::shadow::{
    ColumnOrigin, CopyMethod, InPlace, Lineage, RecordCopy, TableLineage, free_name,
};
use crate::sql::{edit, is_autoincrement};

/// What only SQLite can tell about a change.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// How the rows of a table and the entries of its indexes would be copied, by folded name afterwards;
    /// tables that are not named are copied row by row.
    pub methods: BTreeMap<String, RecordCopy>,
    /// Whether a table in which only names change stays where it is.
    pub in_place: bool,
    /// The statistics tables in the file.
    pub statistics: Vec<String>,
    /// The automatic indexes in the file: table and index.
    pub automatic: Vec<(String, String)>,
}

/// Derives the change that leads from one schema to another.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a table that has to be rebuilt and whose rowids cannot be kept.
pub fn derive(
    before: &Schema,
    after: &Schema,
    lineage: &Lineage,
    facts: &Facts,
) -> Result<SchemaChange> {
    let work = Derivation { before, after, lineage, facts };
    let virtuals = work.virtuals()?;
    let rebuilds = work.rebuilds(&virtuals)?;
    let created = work.created();
    let dropped = work.dropped(&rebuilds, &created)?;
    let gone: BTreeSet<String> = rebuilds
        .iter()
        .map(|it| fold(&it.from))
        .chain(dropped.iter().map(|it| fold(&it.table)))
        .collect();
    let (removed, restored) = work.dependents(&gone, &rebuilds);
    let mut statistics = work.statistics(&rebuilds, &dropped);
    statistics.parked = work.parked(&removed, &restored, &virtuals);
    Ok(SchemaChange {
        removed,
        rebuilds,
        created,
        dropped,
        virtuals,
        restored,
        statistics,
        lineage: lineage.clone(),
        after: Arc::new(after.clone()),
    })
}

/// The most values that a SELECT may return (<https://sqlite.org/limits.html#max_column>).
const MOST_COLUMNS: usize = 2000;

pub(super) struct Derivation<'a> {
    pub(super) before: &'a Schema,
    pub(super) after: &'a Schema,
    pub(super) lineage: &'a Lineage,
    pub(super) facts: &'a Facts,
}

impl Derivation<'_> {
    fn rebuilds(&self, virtuals: &[VirtualChange]) -> Result<Vec<Rebuild>> {
        let mut rebuilds: Vec<Rebuild> = Vec::new();
        for object in self.after.of_kind(ObjectKind::Table) {
            let Some(lineage) = self.lineage.table(&object.name) else { continue };
            let Some(old) = self.before.find_table(&lineage.from) else { continue };
            let (Some(before), Some(after)) =
                (Defined::find(self.before, &old.name), Defined::find(self.after, &object.name))
            else {
                let what = format!("the shape of {} is unknown", object.name);
                return Err(Error::new(ErrorKind::Unsupported, what).about(&object.name));
            };
            let reasons = reasons(before, after, (self.lineage, lineage));
            if reasons.is_empty() {
                continue;
            }
            let scratch = self.free_scratch(rebuilds.len() + 1);
            let mut rebuild = self.rebuild((object, old), lineage, reasons, scratch)?;
            // Virtual tables have their turn while the others stand aside.
            let is_named = virtuals.iter().any(|it| names(it, &rebuild));
            rebuild.strategy = self.strategy((old, object), is_named);
            rebuilds.push(rebuild);
        }
        Ok(rebuilds)
    }

    /// A scratch name that no name before or after begins with; never a fixed one, never dropped on suspicion.
    fn free_scratch(&self, number: usize) -> String {
        let mut name = format!("phaseshift_old_{number}");
        let schemas = [self.before, self.after].into_iter();
        let objects = schemas.flat_map(|it| it.objects.iter().chain(&it.internal));
        let names: Vec<String> = objects.map(|it| fold(&it.name)).collect();
        while names.iter().any(|it| it.starts_with(&name)) {
            name.push('_');
        }
        name
    }

    /// The named indexes of a table, with the names that they can wait under.
    fn waiting_indexes(&self, table: &str, scratch: &str) -> Result<Vec<RenamedIndex>> {
        let indexes = self.before.belonging(ObjectKind::Index, table).enumerate();
        indexes
            .map(|(number, index)| {
                let (from, to) = (index.name.clone(), format!("{scratch}_index_{}", number + 1));
                let sql = edit::retarget_index(sql_of(index), &to, scratch).map_err(|error| {
                    Error::new(ErrorKind::Unsupported, error.to_string()).about(&index.name)
                })?;
                Ok(RenamedIndex { from, to, sql })
            })
            .collect()
    }

    fn rebuild(
        &self,
        (object, old): (&Object, &Object),
        lineage: &TableLineage,
        reasons: Vec<RebuildReason>,
        scratch: String,
    ) -> Result<Rebuild> {
        let shapes = self.before.shape(&old.name).zip(self.after.shape(&object.name));
        let Some((before, after)) = shapes else {
            let what = format!("the shape of {} is unknown", object.name);
            return Err(Error::new(ErrorKind::Unsupported, what).about(&object.name));
        };
        let found = self.facts.methods.get(&fold(&object.name));
        let method = found.map_or(CopyMethod::Rows, |it| it.method);
        let hidden = |key: &RowKey| *key == RowKey::HiddenRowid;
        if method == CopyMethod::Rows && (hidden(&before.key) || hidden(&after.key)) {
            let what = format!(
                "the rowids of {} cannot be kept: its columns take the names rowid, _rowid_ and oid",
                old.name
            );
            return Err(Error::new(ErrorKind::Unsupported, what).about(&old.name));
        }
        let copy = CopyQuery::derive(lineage, before, after);
        if method == CopyMethod::Rows && copy.width() > MOST_COLUMNS {
            let (table, width) = (&old.name, copy.width());
            let what = format!(
                "the rows of {table} cannot be copied: with its rowid, a row has {width} values, and SQLite takes \
                 {MOST_COLUMNS}"
            );
            return Err(Error::new(ErrorKind::Unsupported, what).about(table));
        }
        let (text, old_text) = (sql_of(object), sql_of(old));
        Ok(Rebuild {
            from: old.name.clone(),
            to: object.name.clone(),
            indexes: self.waiting_indexes(&old.name, &scratch)?,
            scratch,
            sql: text.to_owned(),
            copy,
            required: required(lineage, before, after),
            typed: typed(lineage, before, after),
            shape: before.clone(),
            given_alias: given_alias(lineage, before, after),
            carries_sequence: is_autoincrement(text) && is_autoincrement(old_text),
            strategy: CopyStrategy::by_rows(),
            lacks: found.and_then(|it| match &it.in_place {
                InPlace::Required(part) => Some(part.clone()),
                InPlace::Impossible | InPlace::Possible => None,
            }),
            reasons,
        })
    }

    /// Chooses how a table gets its new definition. One that a virtual table gives or takes a name is copied.
    fn strategy(&self, (old, new): (&Object, &Object), is_named: bool) -> CopyStrategy {
        let Some(found) = self.facts.methods.get(&fold(&new.name)) else {
            return CopyStrategy::by_rows();
        };
        let in_place = match &found.in_place {
            InPlace::Impossible => false,
            InPlace::Possible => self.facts.in_place,
            InPlace::Required(_) => true,
        };
        if in_place && !is_named {
            return self.staying(old, new);
        }
        let find = |name: &String| self.after.find(ObjectKind::Index, name).cloned();
        let mut carried: Vec<Object> = found.indexes.iter().filter_map(find).collect();
        let pair = |(from, to): &(String, String)| Some((from.clone(), find(to)?));
        let mut kept: Vec<(String, Object)> = found.kept.iter().filter_map(pair).collect();
        // SQLite copies records without their rowids into a table that has neither an INTEGER PRIMARY KEY nor any
        // index.
        let automatic = self.facts.automatic.iter().any(|(owner, _)| same(owner, &old.name));
        let has_alias = self.before.shape(&old.name).is_some_and(|it| it.rowid_alias().is_some());
        let needs_index = found.method == CopyMethod::Records && !has_alias && !automatic;
        if needs_index && !kept.is_empty() && kept.len() == carried.len() {
            kept.remove(0);
        }
        carried.retain(|index| !kept.iter().any(|(_, it)| it.name == index.name));
        CopyStrategy::CopyRows { from: RowSource::OldTable, how: found.method, carried, kept }
    }

    /// A table that stays where it is, and the indexes that stay with it.
    fn staying(&self, old: &Object, new: &Object) -> CopyStrategy {
        let (mut indexes, mut removed) = (Vec::new(), Vec::new());
        for index in self.before.belonging(ObjectKind::Index, &old.name) {
            let name = self.lineage.index_after(&index.name);
            let found = self.after.find(ObjectKind::Index, &name);
            match found.filter(|it| same(&it.table, &new.name)) {
                Some(found) => indexes.push((index.name.clone(), found.clone())),
                None => removed.push(index.clone()),
            }
        }
        removed.extend(self.before.belonging(ObjectKind::Trigger, &old.name).cloned());
        CopyStrategy::InPlace { indexes, removed }
    }

    fn created(&self) -> Vec<Object> {
        self.after
            .of_kind(ObjectKind::Table)
            .filter(|object| self.lineage.table(&object.name).is_none())
            .cloned()
            .collect()
    }

    fn dropped(&self, rebuilds: &[Rebuild], created: &[Object]) -> Result<Vec<TableDrop>> {
        let mut number = rebuilds.len();
        let mut dropped = Vec::new();
        for table in self.lineage.dropped(self.before) {
            let ordinary = self.before.find(ObjectKind::Table, &table.name).is_some();
            if !ordinary {
                continue;
            }
            number += 1;
            let scratch = self.free_scratch(number);
            let indexes = self.waiting_indexes(&table.name, &scratch)?;
            let is_gone = |name: &str| {
                same(name, &table.name) || indexes.iter().any(|it| same(&it.from, name))
            };
            let name_needed = rebuilds.iter().any(|it| {
                is_gone(&it.to) || it.present_indexes().any(|index| is_gone(&index.name))
            }) || created.iter().any(|it| is_gone(&it.name));
            let scratch = name_needed.then_some(scratch);
            dropped.push(TableDrop { table: table.name.clone(), scratch, indexes });
        }
        Ok(dropped)
    }

    fn virtuals(&self) -> Result<Vec<VirtualChange>> {
        let mut changes = Vec::new();
        for table in self.lineage.dropped(self.before) {
            if self.before.find(ObjectKind::VirtualTable, &table.name).is_some() {
                changes.push(VirtualChange::Drop { table: table.name.clone() });
            }
        }
        for object in self.after.of_kind(ObjectKind::VirtualTable) {
            let sql = sql_of(object).to_owned();
            let old = self
                .lineage
                .table(&object.name)
                .and_then(|lineage| self.before.find_table(&lineage.from));
            let Some(old) = old else {
                changes.push(VirtualChange::Create { sql });
                continue;
            };
            let (from, to) = (old.name.clone(), object.name.clone());
            let renamed = edit::rename_object(sql_of(old), &to).ok();
            let same_text = old.sql == object.sql;
            if same_text && from == to {
                continue;
            }
            let same_table = renamed.as_deref().is_some_and(|it| same_virtual_meaning(it, &sql));
            let as_written = same_text || renamed.as_ref() == Some(&sql);
            if as_written || (same_table && from != to) {
                let scratch = self.waits(&to).then(|| self.free_virtual(changes.len()));
                let text = (!as_written).then_some(sql);
                changes.push(VirtualChange::Rename { from, to, scratch, text });
            } else if edit::reads_content(&sql) {
                let settings = self.settings_table(&from, changes.len());
                changes.push(VirtualChange::Recreate { from, to, sql, settings });
            } else {
                let what =
                    format!("the virtual table {from} holds its own rows and cannot be recreated");
                return Err(Error::new(ErrorKind::Unsupported, what).about(&from));
            }
        }
        Ok(changes)
    }

    /// Returns whether a virtual table, or a table that its module makes for it, cannot take a name as
    /// long as the tables of before are there. A change of case alone is no other name to SQLite.
    fn waits(&self, to: &str) -> bool {
        let prefix = format!("{}_", fold(to));
        let mut all = self.before.objects.iter().chain(&self.before.internal);
        all.any(|it| {
            it.kind != ObjectKind::Trigger
                && (same(&it.name, to) || fold(&it.name).starts_with(&prefix))
        })
    }

    fn free_virtual(&self, number: usize) -> String {
        let mut name = format!("phaseshift_waiting_{}", number + 1);
        while self.waits(&name) || free_name(self.after, &name) != name {
            name.push('_');
        }
        name
    }

    /// The settings of an FTS5 table are rows that go with it
    /// (<https://sqlite.org/fts5.html#fts5_data_structures>, "The Config Table").
    fn settings_table(&self, from: &str, number: usize) -> Option<(String, String)> {
        let table = self.before.find(ObjectKind::ShadowTable, &format!("{from}_config"))?;
        let mut scratch = format!("phaseshift_settings_{}", number + 1);
        while free_name(self.after, &scratch) != scratch
            || free_name(self.before, &scratch) != scratch
        {
            scratch.push('_');
        }
        Some((table.name.clone(), scratch))
    }

    /// Finds the indexes, views and triggers that have to go first, and those that have to be made
    /// afterwards because they are new, changed, or vanish with their table or view.
    fn dependents(
        &self,
        gone: &BTreeSet<String>,
        rebuilds: &[Rebuild],
    ) -> (Vec<Object>, Vec<Object>) {
        let rebuilt: BTreeSet<String> = rebuilds.iter().map(|it| fold(&it.to)).collect();
        let views = self.changed(ObjectKind::View, &BTreeSet::new(), &BTreeSet::new());
        let mut gone_owners = gone.clone();
        gone_owners.extend(views.0.iter().map(|view| fold(&view.name)));
        let mut fresh_owners = rebuilt;
        fresh_owners.extend(views.1.iter().map(|view| fold(&view.name)));
        let indexes = self.changed(ObjectKind::Index, &gone_owners, &fresh_owners);
        let mut triggers = self.changed(ObjectKind::Trigger, &gone_owners, &fresh_owners);
        self.keep_firing_order(&mut triggers, &gone_owners);
        let removed = [triggers.0, views.0, indexes.0].concat();
        let restored = [indexes.1, views.1, triggers.1].concat();
        (removed, restored)
    }

    /// SQLite fires the triggers of a table by their order in the schema. Where one of several gets another text,
    /// it would move behind the others: all of them are made again, in the order that they had.
    fn keep_firing_order(
        &self,
        (removed, restored): &mut (Vec<Object>, Vec<Object>),
        gone_owners: &BTreeSet<String>,
    ) {
        let owners: BTreeSet<String> = removed
            .iter()
            .filter(|old| restored.iter().any(|new| same(&new.name, &old.name)))
            .map(|it| fold(&it.table))
            .collect();
        let of_owner = |it: &&Object| owners.contains(&fold(&it.table));
        let triggers = |schema: &Schema| -> Vec<Object> {
            schema.of_kind(ObjectKind::Trigger).filter(of_owner).cloned().collect()
        };
        for (list, schema) in [(removed, self.before), (restored, self.after)] {
            for trigger in triggers(schema) {
                let listed = list.iter().any(|it| same(&it.name, &trigger.name));
                if !listed && !gone_owners.contains(&fold(&trigger.table)) {
                    list.push(trigger);
                }
            }
            let place = |schema: &Schema, it: &Object| {
                let found = schema.objects.iter().position(|one| same(&one.name, &it.name));
                found.unwrap_or(usize::MAX)
            };
            list.sort_by_key(|it| (place(self.before, it), place(self.after, it)));
        }
    }

    /// Objects of one kind to drop and to create. Those of owners that go vanish by themselves.
    fn changed(
        &self,
        kind: ObjectKind,
        gone_owners: &BTreeSet<String>,
        fresh_owners: &BTreeSet<String>,
    ) -> (Vec<Object>, Vec<Object>) {
        let stays = |object: &Object| {
            self.after.find(kind, &object.name).is_some_and(|it| {
                it.sql == object.sql && it.name == object.name && same(&it.table, &object.table)
            })
        };
        let removed = self
            .before
            .of_kind(kind)
            .filter(|object| !stays(object) && !gone_owners.contains(&fold(&object.table)))
            .cloned()
            .collect();
        let was = |object: &Object| {
            self.before.find(kind, &object.name).is_some_and(|it| {
                it.sql == object.sql
                    && it.name == object.name
                    && !gone_owners.contains(&fold(&it.table))
            })
        };
        let created = self
            .after
            .of_kind(kind)
            .filter(|object| !was(object) || fresh_owners.contains(&fold(&object.table)))
            .cloned()
            .collect();
        (removed, created)
    }
}

/// Returns whether a virtual table takes or leaves a name of a rebuilt one.
fn names(change: &VirtualChange, rebuild: &Rebuild) -> bool {
    let ours = |name: &String| same(name, &rebuild.from) || same(name, &rebuild.to);
    match change {
        VirtualChange::Create { .. } | VirtualChange::Fill { .. } => false,
        VirtualChange::Drop { table } => ours(table),
        VirtualChange::Rename { from, to, .. } | VirtualChange::Recreate { from, to, .. } => {
            ours(from) || ours(to)
        }
    }
}

fn sql_of(object: &Object) -> &str {
    object.sql.as_deref().unwrap_or_default()
}

/// Kept columns that were and stay NOT NULL, but for those of the primary key.
fn required(lineage: &TableLineage, before: &Table, after: &Table) -> Vec<(String, String)> {
    lineage
        .columns
        .iter()
        .filter_map(|column| {
            let ColumnOrigin::Kept(from) = &column.origin else { return None };
            let (old, new) = (before.column(from)?, after.column(&column.name)?);
            let both = old.not_null && new.not_null && old.key == 0 && new.key == 0;
            (both && new.is_writable()).then(|| (from.clone(), column.name.clone()))
        })
        .collect()
}

/// The INTEGER PRIMARY KEY, if it does not come from one: NULL there means a new key.
fn given_alias(lineage: &TableLineage, before: &Table, after: &Table) -> Option<String> {
    let alias = after.rowid_alias()?;
    let kept = before.rowid_alias().is_some_and(|old| {
        let origin = lineage.column(&alias.name).map(|it| &it.origin);
        matches!(origin, Some(ColumnOrigin::Kept(from)) if same(from, &old.name))
    });
    let given = lineage.column(&alias.name).is_some_and(|it| it.source.is_some());
    (given && !kept).then(|| alias.name.clone())
}

/// Kept columns whose declared type changes how values are stored: not from VARCHAR(9) to TEXT. ANY of a
/// STRICT table stores values as they are (<https://sqlite.org/stricttables.html>).
fn typed(lineage: &TableLineage, before: &Table, after: &Table) -> Vec<TypedColumn> {
    let kept = lineage.columns.iter().filter_map(|column| {
        let ColumnOrigin::Kept(from) = &column.origin else { return None };
        let (old, new) = (before.column(from)?, after.column(&column.name)?);
        let same_type = Affinity::of(&old.declared) == Affinity::of(&new.declared);
        if (same_type && before.strict == after.strict) || !new.is_writable() {
            return None;
        }
        let any = after.strict && new.declared.eq_ignore_ascii_case("ANY");
        let declared = if any { String::new() } else { new.declared.clone() };
        Some(TypedColumn { from: from.clone(), to: column.name.clone(), declared })
    });
    kept.collect()
}
