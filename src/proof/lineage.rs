//! From the schema in the backup to the schema at the end: where every table and column comes from,
//! over all stages of a run, and what data steps may have changed on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::database::TouchedTable;
use crate::history::VersionTables;
use crate::name::{fold, same};
use crate::plan::{Loss, LossKind, Plan, SchemaChange, Stage, VirtualChange};
use crate::rows::RowDelta;
use crate::schema::{Column, ColumnStorage, ObjectKind, RowKey, Schema, Table, text_form};
use crate::shadow::{ColumnLineage, ColumnOrigin, RowCopy, TableEffect, TableLineage};
use crate::sql::{ColumnDefinition, ConstraintKind, CreateTable, mentions};

/// Where one table comes from, and what is proven about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableProvenance {
    /// The table in the backup.
    pub from: String,
    /// Columns in the backup and now, for every column whose values must be the same.
    pub columns: Vec<(String, String)>,
    /// Columns whose values were computed or changed by the phases, by their names now.
    pub changed: BTreeSet<String>,
    /// Columns of the backup that the phases drop with their values, by their names there.
    pub dropped: BTreeSet<String>,
    /// Rows that data steps may have added or removed.
    pub allowance: RowDelta,
    /// Whether rows can no longer be matched: a data step replaced rows or changed keys.
    pub rewritten: bool,
    /// Whether a data step recreated the table and filled it with the rows of the table before. What
    /// differs then is the step's doing: it is named, not refused.
    pub remade: bool,
    /// Whether a data step reached the virtual table that this is, or belongs to: how its module stores the
    /// rows is then its own business.
    pub reached: bool,
}

impl TableProvenance {
    /// Returns whether the phases compute or change the values of a column.
    pub fn changes(&self, column: &str) -> bool {
        self.changed.iter().any(|it| same(it, column))
    }
}

/// The origins of all tables at the end, by folded name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Tables that exist at the end and come from the backup.
    pub tables: BTreeMap<String, TableProvenance>,
    /// Tables of the backup that are gone.
    pub dropped: Vec<String>,
}

impl Provenance {
    /// Names the tables of the backup that the phases drop; those in which a virtual table keeps its content go with
    /// it, and those of the version are recorded by the program.
    pub fn dropped_tables(&self, before: &Schema, versions: &VersionTables) -> Vec<String> {
        let kinds = [ObjectKind::Table, ObjectKind::VirtualTable];
        let tables = before.objects.iter().filter(|it| kinds.contains(&it.kind));
        let names = tables.map(|it| &it.name).filter(|name| !versions.contains(name));
        names.filter(|name| self.tables.values().all(|it| !same(&it.from, name))).cloned().collect()
    }
}

/// Follows every table from the backup through all stages of a plan.
pub fn provenance(start: &Schema, plan: &Plan) -> Provenance {
    let mut state = identity(start);
    let mut schema = start;
    for phase in &plan.phases {
        for stage in &phase.stages {
            match stage {
                Stage::SchemaChange(schema_change) => {
                    state = through_schema_change(state, schema, schema_change, &phase.losses);
                    schema = &schema_change.after;
                }
                Stage::Data(data) => {
                    for effect in &data.effects {
                        if let TableEffect::Rows { table, .. } = effect {
                            reach(&mut state, table, schema);
                            data.after.iter().for_each(|it| reach(&mut state, table, it));
                        }
                        through_effect(&mut state, effect);
                    }
                    data.fills.iter().for_each(|(table, _)| reach(&mut state, table, schema));
                    if let Some(after) = &data.after {
                        schema = after;
                    }
                }
            }
        }
    }
    let kept: BTreeSet<String> = state.values().map(|table| fold(&table.from)).collect();
    let dropped = start
        .stored_tables()
        .map(|object| object.name.clone())
        .filter(|name| !kept.contains(&fold(name)))
        .collect();
    Provenance { tables: state, dropped }
}

fn identity(schema: &Schema) -> BTreeMap<String, TableProvenance> {
    schema
        .tables
        .values()
        .map(|table| {
            let columns = table
                .columns
                .iter()
                .map(|column| (column.name.clone(), column.name.clone()))
                .collect();
            let provenance = TableProvenance {
                from: table.name.clone(),
                columns,
                changed: BTreeSet::new(),
                dropped: BTreeSet::new(),
                allowance: RowDelta::None,
                rewritten: false,
                remade: false,
                reached: false,
            };
            (fold(&table.name), provenance)
        })
        .collect()
}

fn through_schema_change(
    state: BTreeMap<String, TableProvenance>,
    start: &Schema,
    schema_change: &SchemaChange,
    losses: &[Loss],
) -> BTreeMap<String, TableProvenance> {
    let mut next = BTreeMap::new();
    for (name, step) in &schema_change.lineage.tables {
        if is_filled_anew(name, schema_change) {
            continue;
        }
        let Some(before) = state.get(&fold(&step.from)) else { continue };
        let mut after =
            TableProvenance { columns: Vec::new(), changed: BTreeSet::new(), ..before.clone() };
        let replaced = |origin: &String| {
            losses.iter().any(|it| {
                it.kind == LossKind::ValuesReplaced
                    && same(&it.table, &step.from)
                    && it.column.as_ref().is_some_and(|column| same(column, origin))
            })
        };
        let recomputed = recomputed(start, &schema_change.after, (name, step));
        for column in &step.columns {
            match &column.origin {
                // The person accepted that these values are replaced.
                ColumnOrigin::Kept(origin)
                    if replaced(origin) || recomputed.contains(&fold(&column.name)) =>
                {
                    after.changed.insert(column.name.clone());
                }
                ColumnOrigin::Kept(origin) => {
                    let known = before.columns.iter().find(|(_, now)| same(now, origin));
                    if let Some((first, _)) = known {
                        after.columns.push((first.clone(), column.name.clone()));
                    }
                    if before.changed.iter().any(|it| same(it, origin)) {
                        after.changed.insert(column.name.clone());
                    }
                }
                ColumnOrigin::Computed => {
                    after.changed.insert(column.name.clone());
                }
                ColumnOrigin::New => {}
            }
        }
        let is_dropped = |(_, now): &&(String, String)| {
            let stored = start.shape(&step.from).and_then(|it| it.column(now));
            step.called_now(now).is_none()
                && stored.is_none_or(|it| it.storage == ColumnStorage::Stored)
        };
        let gone = before.columns.iter().filter(is_dropped).map(|(first, _)| first.clone());
        after.dropped.extend(gone);
        next.insert(name.clone(), after);
    }
    for change in &schema_change.virtuals {
        if let VirtualChange::Fill { table, .. } = change {
            reach(&mut next, table, &schema_change.after);
        }
    }
    // SQLite's own tables are in no lineage and stay.
    for (name, table) in state {
        if crate::name::is_internal(&name) {
            next.entry(name).or_insert(table);
        }
    }
    next
}

/// The generated columns, folded, that read a column with another type or collation than before: SQLite computes them
/// again, and comparisons may turn out otherwise (<https://sqlite.org/datatype3.html#collation>).
fn recomputed(
    start: &Schema,
    end: &Schema,
    (name, step): (&str, &TableLineage),
) -> BTreeSet<String> {
    let text = |schema: &Schema, table: &str| schema.find_table(table)?.sql.clone();
    let Some(table) = end.shape(name).filter(|it| it.columns.iter().any(is_generated)) else {
        return BTreeSet::new();
    };
    let Some((old, new)) = text(start, &step.from).zip(text(end, name)) else {
        return BTreeSet::new();
    };
    let rules = |text: &str| -> BTreeMap<String, (Vec<String>, Vec<String>)> {
        let Ok(definition) = CreateTable::read(text) else { return BTreeMap::new() };
        let piece =
            |range: Option<Range<usize>>| range.map_or_else(Vec::new, |it| text_form(&text[it]));
        let rules = |column: &ColumnDefinition| {
            let collation = column.constraint(ConstraintKind::Collate);
            let collation = collation.and_then(|it| it.operand.clone());
            (piece(column.type_range.clone()), piece(collation))
        };
        let columns = definition.columns.iter();
        columns.map(|column| (fold(&column.name.text), rules(column))).collect()
    };
    let (old, now) = (rules(&old), rules(&new));
    let differs = |column: &&ColumnLineage| match &column.origin {
        ColumnOrigin::Kept(origin) => old.get(&fold(origin)) != now.get(&fold(&column.name)),
        ColumnOrigin::Computed | ColumnOrigin::New => false,
    };
    let redefined = step.columns.iter().filter(differs).map(|it| fold(&it.name)).collect();
    let mut found = readers(&new, table, redefined);
    // Values that were stored must come out of the computation as they were.
    let was_generated = |name: &str| {
        let origin = step.column(name).map(|it| &it.origin);
        let Some(ColumnOrigin::Kept(origin)) = origin else { return false };
        start.shape(&step.from).and_then(|it| it.column(origin)).is_some_and(is_generated)
    };
    found.retain(|name| was_generated(name));
    found
}

fn is_generated(column: &Column) -> bool {
    matches!(column.storage, ColumnStorage::Generated | ColumnStorage::Virtual)
}

/// The generated columns, folded, whose expression reads one of these columns, directly or through another one.
pub(super) fn readers(text: &str, table: &Table, columns: BTreeSet<String>) -> BTreeSet<String> {
    let mut read = columns;
    let mut found = BTreeSet::new();
    if read.is_empty() {
        return found;
    }
    // A text that cannot be read exempts nothing.
    let Ok(definition) = CreateTable::read(text) else { return found };
    loop {
        let names: Vec<&str> = read.iter().map(String::as_str).collect();
        let next = table.columns.iter().find(|column| {
            is_generated(column)
                && !found.contains(&fold(&column.name))
                && definition
                    .column(&column.name)
                    .and_then(|it| text.get(it.name.range.end..it.range.end))
                    .is_some_and(|expression| mentions(expression, &names))
        });
        let Some(column) = next else { return found };
        found.insert(fold(&column.name));
        read.insert(fold(&column.name));
    }
}

/// The tables in which a full-text table keeps its index are another image of the same rows once it
/// was filled again; whether it fits its content is checked by its module. Its settings are kept.
fn is_filled_anew(table: &str, schema_change: &SchemaChange) -> bool {
    let shadow = schema_change.after.find(ObjectKind::ShadowTable, table).is_some();
    shadow
        && schema_change.virtuals.iter().any(|change| match change {
            VirtualChange::Recreate { to, .. } => table
                .rsplit_once('_')
                .is_some_and(|(owner, part)| same(owner, to) && part != "config"),
            VirtualChange::Create { .. }
            | VirtualChange::Fill { .. }
            | VirtualChange::Rename { .. }
            | VirtualChange::Drop { .. } => false,
        })
}

/// Follows one statement of a data step.
fn through_effect(state: &mut BTreeMap<String, TableProvenance>, effect: &TableEffect) {
    let find = |state: &mut BTreeMap<String, TableProvenance>, table: &str| {
        state.remove(&fold(table)).map(|found| (fold(table), found))
    };
    match effect {
        TableEffect::Rows { table, what, key } => {
            if let Some(table) = state.get_mut(table) {
                table.note_rows(what, key.as_ref());
            }
        }
        TableEffect::Create(table) | TableEffect::Drop(table) => {
            state.remove(&fold(table));
        }
        TableEffect::Rename { from, to } => {
            if let Some((_, table)) = find(state, from) {
                state.insert(fold(to), table);
            }
        }
        TableEffect::RenameColumn { table, from, to } => {
            if let Some(table) = state.get_mut(&fold(table)) {
                table.rename_column(from, to);
            }
        }
        TableEffect::AddColumn { .. } => {}
        TableEffect::DropColumn { table, column } => {
            if let Some(table) = state.get_mut(&fold(table)) {
                let gone = table.columns.extract_if(.., |(_, now)| same(now, column));
                table.dropped.extend(gone.map(|(first, _)| first));
            }
        }
        TableEffect::Copy(copy) => {
            if let Some(source) = state.get(&fold(&copy.from)) {
                let copied = source.copied(copy);
                state.insert(fold(&copy.to), copied);
            }
        }
    }
}

impl TableProvenance {
    fn note_rows(&mut self, what: &TouchedTable, key: Option<&RowKey>) {
        // The rowid of a row that an earlier statement deleted may be given to another row.
        self.rewritten |= what.inserts && self.allowance.losses() && !self.remade;
        let gains = what.inserts || self.allowance.gains();
        let losses = what.deletes || self.allowance.losses();
        self.allowance = RowDelta::of(gains, losses);
        self.rewritten |= what.replaces || self.changes_key(what, key);
        for column in &what.updates {
            self.columns.retain(|(_, now)| !same(now, column));
            self.changed.insert(column.clone());
        }
    }

    /// Rows whose key was updated, or that SQLite may give a reused rowid after a delete, cannot be
    /// matched.
    fn changes_key(&self, what: &TouchedTable, key: Option<&RowKey>) -> bool {
        let keys = match key {
            Some(RowKey::Rowid(name)) => vec![name.as_str()],
            Some(RowKey::PrimaryKey(names)) => names.iter().map(String::as_str).collect(),
            Some(RowKey::HiddenRowid) | None => return true,
            // R*Tree has its key in the first column; those of full text have no column for it.
            Some(RowKey::Module) => {
                self.columns.first().map(|(_, now)| now.as_str()).into_iter().collect()
            }
        };
        let rowid = ["rowid", "docid"].iter().any(|it| what.updates.contains(*it));
        let updated = rowid || keys.iter().any(|key| what.updates.contains(&fold(key)));
        updated || (what.inserts && what.deletes)
    }

    fn rename_column(&mut self, from: &str, to: &str) {
        for (_, now) in self.columns.iter_mut().filter(|(_, now)| same(now, from)) {
            to.clone_into(now);
        }
        if let Some(changed) = self.changed.iter().find(|it| same(it, from)).cloned() {
            self.changed.remove(&changed);
            self.changed.insert(to.to_owned());
        }
    }

    /// A table that a data step recreated and filled with the rows of this one.
    fn copied(&self, copy: &RowCopy) -> Self {
        let mut copied = Self {
            columns: Vec::new(),
            changed: BTreeSet::new(),
            remade: true,
            allowance: RowDelta::of(
                self.allowance.gains(),
                self.allowance.losses() || copy.partial,
            ),
            ..self.clone()
        };
        for (to, from) in &copy.columns {
            let known = self
                .columns
                .iter()
                .find(|(_, now)| from.as_ref().is_some_and(|from| same(now, from)));
            match known {
                Some((first, _)) => copied.columns.push((first.clone(), to.clone())),
                None => {
                    copied.changed.insert(to.clone());
                }
            }
        }
        copied
    }
}

/// Notes that statements reach a virtual table, and with it the tables behind it.
fn reach(state: &mut BTreeMap<String, TableProvenance>, table: &str, schema: &Schema) {
    if schema.find(ObjectKind::VirtualTable, table).is_none() {
        return;
    }
    for (name, provenance) in state.iter_mut() {
        let behind = schema.owner_of_shadow(name).is_some_and(|it| same(&it.name, table));
        provenance.reached |= behind || same(name, table);
    }
}
