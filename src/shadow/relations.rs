//! The tables and views of a schema before and after steps that change names, and two sets of empty tables that
//! differ in nothing but those names.

use std::collections::{BTreeSet, HashMap};

use rusqlite::Connection;

use super::finding::Outputs;
use super::lineage::Lineage;
use super::memory::open_memory;
use crate::database::with_stubs;
use crate::error::{MissingExtension, Result};
use crate::name::{fold, quote, same};
use crate::schema::{Affinity, Column, Object, ObjectKind, RowKey, Schema, Table};
use crate::sql::significant_tokens;

/// The names of one column. A column that is added has no name before, one that is dropped none after.
#[derive(Debug, Clone)]
pub(super) struct ColumnNames {
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    writable: bool,
}

/// A table or view that queries can name, before and after.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) before: String,
    /// `None` if it cannot be followed.
    pub(super) after: Option<String>,
    pub(super) columns: Vec<ColumnNames>,
    form: Form,
}

/// How a relation is made in a set of empty tables.
#[derive(Debug, Clone)]
enum Form {
    /// From its own text and those of its indexes, renamed by SQLite.
    Text(Vec<String>),
    /// With columns of the same names and affinities.
    Columns(Table),
    /// As a view of a table that nothing else names.
    View,
}

/// One of the two sets of empty tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

impl ColumnNames {
    fn kept(before: &str, after: &str, writable: bool) -> Self {
        Self { before: Some(before.to_owned()), after: Some(after.to_owned()), writable }
    }

    fn changes(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => !same(before, after),
            _ => true,
        }
    }

    /// The name on one side; a column that is not there has one that no text uses.
    fn on(&self, side: Side, place: usize) -> String {
        let (name, unused) = match side {
            Side::Before => (&self.before, "phaseshift_added"),
            Side::After => (&self.after, "phaseshift_dropped"),
        };
        name.clone().unwrap_or_else(|| format!("{unused}_{place}"))
    }

    /// Describes the change, if there is one.
    fn change(&self, table: &str) -> Option<String> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if !same(before, after) => {
                Some(format!("{table}.{before} is renamed to {after}"))
            }
            (None, Some(after)) => Some(format!("{table} gets the column {after}")),
            (Some(before), None) => Some(format!("{table} loses the column {before}")),
            _ => None,
        }
    }
}

impl Relation {
    /// The names that appear or disappear, folded.
    pub(super) fn changed_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if let Some(after) = self.after.as_ref().filter(|after| !same(after, &self.before)) {
            names.extend([fold(&self.before), fold(after)]);
        }
        for column in self.columns.iter().filter(|it| it.changes()) {
            names.extend(column.before.iter().chain(&column.after).map(|it| fold(it)));
        }
        names
    }

    pub(super) fn changes(&self) -> Vec<String> {
        let renamed = self.after.as_ref().filter(|after| !same(after, &self.before));
        let table = renamed.map(|after| format!("{} is renamed to {after}", self.before));
        let columns = self.columns.iter().filter_map(|it| it.change(&self.before));
        table.into_iter().chain(columns).collect()
    }

    /// The name on one side.
    fn on(&self, side: Side) -> &str {
        match (side, &self.after) {
            (Side::After, Some(after)) => after,
            _ => &self.before,
        }
    }

    /// Returns statements that fire every trigger of it on one side. The columns that `UPDATE OF` names are updated
    /// one by one, all others together: they fire nothing.
    pub(super) fn firing_statements(&self, side: Side, update_of: &[String]) -> Vec<String> {
        let name = quote(self.on(side));
        let (mut listed, mut others) = (Vec::new(), Vec::new());
        let mut first = None;
        for (place, column) in self.columns.iter().enumerate().filter(|(_, it)| it.writable) {
            let quoted = quote(&column.on(side, place));
            let set = format!("{quoted} = {quoted}");
            first.get_or_insert(quoted);
            match update_of.iter().any(|it| same(it, &column.on(Side::Before, place))) {
                true => listed.push(set),
                false => others.push(set),
            }
        }
        let mut statements = vec![format!("DELETE FROM main.{name}")];
        if let Some(first) = first {
            statements.push(format!("INSERT INTO main.{name}({first}) VALUES (NULL)"));
        }
        let others = (!others.is_empty()).then(|| others.join(", "));
        let updates = listed.into_iter().chain(others);
        statements.extend(updates.map(|it| format!("UPDATE main.{name} SET {it}")));
        statements
    }
}

/// Pairs the tables and views of two schemas. Tables are followed by their lineages, what has none by name.
pub(super) fn relations(
    (before, old, old_outputs): (&Schema, &Lineage, &Outputs),
    (after, new, new_outputs): (&Schema, &Lineage, &Outputs),
) -> Vec<Relation> {
    let successors: HashMap<String, &String> =
        new.tables.iter().rev().map(|(name, it)| (fold(&it.from), name)).collect();
    let tables = before.objects.iter().filter(|it| it.kind.is_table()).filter_map(|object| {
        let shape = before.shape(&object.name)?;
        let name = name_after(&object.name, old, (after, &successors));
        let columns = match name.as_deref().and_then(|it| after.shape(it)) {
            Some(there) => table_columns((shape, old), (there, new)),
            None => Vec::new(),
        };
        let form = form_of(object, before);
        Some(Relation { before: object.name.clone(), after: name, columns, form })
    });
    let views = before.of_kind(ObjectKind::View).filter_map(|view| {
        let there = after.find(ObjectKind::View, &view.name)?;
        let sides = old_outputs.get(&fold(&view.name)).zip(new_outputs.get(&fold(&view.name)))?;
        let (name, after) = (view.name.clone(), Some(there.name.clone()));
        let columns = view_columns(sides.0, sides.1);
        Some(Relation { before: name, after, columns, form: Form::View })
    });
    tables.chain(views).collect()
}

fn form_of(object: &Object, schema: &Schema) -> Form {
    // Unique indexes decide whether a statement compiles: ON CONFLICT names their columns.
    let indexes = schema.belonging(ObjectKind::Index, &object.name);
    let texts = std::iter::once(object).chain(indexes).filter_map(|it| it.sql.as_deref());
    Form::Text(texts.map(without_counter).collect())
}

/// Leaves AUTOINCREMENT out: programs that insert would hold the name of the table as a value.
fn without_counter(text: &str) -> String {
    let mut result = text.to_owned();
    let counters = significant_tokens(text).filter(|it| it.is_word(text, "AUTOINCREMENT"));
    for token in counters.collect::<Vec<_>>().into_iter().rev() {
        result.replace_range(token.range(), "");
    }
    result
}

fn name_after(
    table: &str,
    old: &Lineage,
    (after, successors): (&Schema, &HashMap<String, &String>),
) -> Option<String> {
    let found = match old.table(table) {
        Some(lineage) => after.find_table(successors.get(&fold(&lineage.from))?),
        None => after.find_table(table),
    };
    found.map(|it| it.name.clone())
}

fn table_columns(
    (before, old): (&Table, &Lineage),
    (after, new): (&Table, &Lineage),
) -> Vec<ColumnNames> {
    let successor = |name: &str| {
        let id = old.table(&before.name)?.column(name)?.id;
        new.table(&after.name)?.columns.iter().find(|it| it.id == id).map(|it| it.name.clone())
    };
    let mut left: Vec<&Column> = after.columns.iter().collect();
    let mut take = |name: &str| {
        let place = left.iter().position(|it| same(&it.name, name))?;
        Some(left.remove(place))
    };
    let mut found: Vec<Option<&Column>> =
        before.columns.iter().map(|it| successor(&it.name).and_then(|name| take(&name))).collect();
    for (column, found) in before.columns.iter().zip(&mut found) {
        // Generated and hidden columns are not followed.
        if found.is_none() {
            *found = take(&column.name);
        }
    }
    let kept = before.columns.iter().zip(found).map(|(column, found)| ColumnNames {
        before: Some(column.name.clone()),
        after: found.map(|it| it.name.clone()),
        writable: column.is_writable() && found.is_none_or(Column::is_writable),
    });
    let mut columns: Vec<ColumnNames> = kept.collect();
    columns.extend(left.iter().map(|column| ColumnNames {
        before: None,
        after: Some(column.name.clone()),
        writable: column.is_writable(),
    }));
    columns
}

/// The columns of a view are followed by their places while there are as many, else by their names.
fn view_columns(before: &[String], after: &[String]) -> Vec<ColumnNames> {
    if before.len() == after.len() {
        let pairs = before.iter().zip(after);
        return pairs.map(|(old, new)| ColumnNames::kept(old, new, true)).collect();
    }
    let there = |list: &[String], name: &str| list.iter().any(|it| same(it, name));
    let old = before.iter().map(|name| ColumnNames {
        before: Some(name.clone()),
        after: there(after, name).then(|| name.clone()),
        writable: true,
    });
    let new = after.iter().filter(|name| !there(before, name)).map(|name| ColumnNames {
        before: None,
        after: Some(name.clone()),
        writable: true,
    });
    old.chain(new).collect()
}

/// Makes both sets of empty tables. A relation whose text cannot be run or renamed here is made from its columns.
pub(super) fn both_sides(
    relations: &mut [Relation],
    shapes: &Schema,
    missing: &mut Vec<MissingExtension>,
) -> Result<Option<[Connection; 2]>> {
    loop {
        let sides = [Side::Before, Side::After].map(|side| make(relations, side, missing));
        let place = match sides {
            [Ok(before), Ok(after)] => return Ok(Some([before, after])),
            [Err(Failed::At(place)), _] | [_, Err(Failed::At(place))] => place,
            [Err(Failed::Altogether(error)), _] | [_, Err(Failed::Altogether(error))] => {
                return Err(error);
            }
        };
        let Some(relation) = relations.get_mut(place) else { return Ok(None) };
        match (&relation.form, shapes.shape(&relation.before)) {
            (Form::Text(_), Some(shape)) => relation.form = Form::Columns(shape.clone()),
            _ => return Ok(None),
        }
    }
}

/// Why a set of empty tables could not be made.
enum Failed {
    /// Because of the relation at this place.
    At(usize),
    Altogether(crate::error::Error),
}

fn make(
    relations: &[Relation],
    side: Side,
    missing: &mut Vec<MissingExtension>,
) -> std::result::Result<Connection, Failed> {
    let connection = open_memory().map_err(Failed::Altogether)?;
    // Everything with a root page is made in the same order on both sides, so that the pages are the same.
    let passes = [Relation::creates, Relation::steps_aside, Relation::takes_names, Relation::view];
    for pass in passes {
        for (place, relation) in relations.iter().enumerate() {
            for sql in pass(relation, place, side) {
                with_stubs(&connection, missing, |it| it.execute_batch(&sql))
                    .map_err(|_| Failed::At(place))?;
            }
        }
    }
    Ok(connection)
}

impl Relation {
    fn scratch(place: usize) -> String {
        format!("phaseshift_relation_{place}")
    }

    /// The statements that make the table; columns that are added later are there on both sides.
    fn creates(&self, place: usize, side: Side) -> Vec<String> {
        match &self.form {
            Form::Text(texts) => {
                let added = self.columns.iter().enumerate().filter(|(_, it)| it.before.is_none());
                let add = |(number, column): (usize, &ColumnNames)| {
                    let (table, name) = (quote(&self.before), column.on(Side::Before, number));
                    format!("ALTER TABLE main.{table} ADD COLUMN {} INT", quote(&name))
                };
                texts.iter().cloned().chain(added.map(add)).collect()
            }
            Form::Columns(shape) => vec![self.columns_text(shape, place, side)],
            Form::View => {
                let names: Vec<String> =
                    (0..self.columns.len()).map(|it| format!("c{it}")).collect();
                let table = Self::scratch(place);
                vec![format!("CREATE TABLE {table}({})", names.join(", "))]
            }
        }
    }

    fn columns_text(&self, shape: &Table, place: usize, side: Side) -> String {
        let alias = shape.rowid_alias().map(|it| it.name.as_str());
        let name_of = |number: usize, it: &ColumnNames| quote(&it.on(side, number));
        let before = |name: &str| {
            let found = self.columns.iter().enumerate();
            let mut found = found.filter(|(_, it)| it.before.as_deref() == Some(name));
            found.next().map(|(number, it)| name_of(number, it))
        };
        let mut parts: Vec<String> = Vec::new();
        for (number, column) in self.columns.iter().enumerate() {
            let old = column.before.as_deref();
            let kind = match old.and_then(|it| shape.column(it)) {
                Some(it) if Some(it.name.as_str()) == alias => "INTEGER PRIMARY KEY",
                Some(it) => affinity_word(&it.declared),
                None => "INT",
            };
            parts.push(format!("{} {kind}", name_of(number, column)));
        }
        let end = match &shape.key {
            RowKey::PrimaryKey(names) => {
                let key: Vec<String> = names.iter().filter_map(|it| before(it)).collect();
                parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
                " WITHOUT ROWID"
            }
            _ => "",
        };
        format!("CREATE TABLE {}({}){end}", Self::scratch(place), parts.join(", "))
    }

    /// Frees the names that others may take.
    fn steps_aside(&self, place: usize, side: Side) -> Vec<String> {
        let Form::Text(_) = &self.form else { return Vec::new() };
        if side == Side::Before {
            return Vec::new();
        }
        let table = quote(&self.before);
        let mut statements: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.changes())
            .map(|(number, column)| {
                let name = quote(&column.on(Side::Before, number));
                format!("ALTER TABLE main.{table} RENAME COLUMN {name} TO phaseshift_{number}")
            })
            .collect();
        if !same(self.on(side), &self.before) {
            statements.push(format!("ALTER TABLE main.{table} RENAME TO {}", Self::scratch(place)));
        }
        statements
    }

    fn takes_names(&self, place: usize, side: Side) -> Vec<String> {
        let final_name = quote(self.on(side));
        let aside = match &self.form {
            Form::View => return Vec::new(),
            Form::Columns(_) => true,
            Form::Text(_) => !same(self.on(side), &self.before),
        };
        let mut statements = Vec::new();
        if aside {
            let scratch = Self::scratch(place);
            statements.push(format!("ALTER TABLE main.{scratch} RENAME TO {final_name}"));
        }
        if matches!(self.form, Form::Text(_)) && side == Side::After {
            let changed = self.columns.iter().enumerate().filter(|(_, it)| it.changes());
            statements.extend(changed.map(|(number, column)| {
                let name = quote(&column.on(side, number));
                format!("ALTER TABLE main.{final_name} RENAME COLUMN phaseshift_{number} TO {name}")
            }));
        }
        statements
    }

    fn view(&self, place: usize, side: Side) -> Vec<String> {
        let Form::View = &self.form else { return Vec::new() };
        let columns = self.columns.iter().enumerate();
        let names: Vec<String> = columns.map(|(number, it)| quote(&it.on(side, number))).collect();
        let (view, table) = (quote(self.on(side)), Self::scratch(place));
        vec![format!("CREATE VIEW main.{view}({}) AS SELECT * FROM {table}", names.join(", "))]
    }
}

fn affinity_word(declared: &str) -> &'static str {
    match Affinity::of(declared) {
        Affinity::Integer => "INT",
        Affinity::Text => "TEXT",
        Affinity::Blob => "BLOB",
        Affinity::Real => "REAL",
        Affinity::Numeric => "NUMERIC",
    }
}
