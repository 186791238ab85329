//! The schema before and after a plan, reduced to what a diagram shows: the tables that change, those next to them, and
//! a mark on whatever is new, renamed, changed or dropped.

use std::collections::{BTreeMap, BTreeSet};

use phaseshift::history::VersionTables;
use phaseshift::name::{fold, is_internal, same};
use phaseshift::plan::Plan;
use phaseshift::proof::{Provenance, provenance};
use phaseshift::schema::{Column, ColumnStorage, ObjectKind, Schema, Table};

use crate::cli::screens::reason::typed;

/// How many tables a diagram shows on each side.
const MOST_TABLES: usize = 40;
/// The most columns of a table that is shown whole.
const WHOLE: usize = 8;
/// How many columns of a new or dropped table are shown.
const MOST_COLUMNS: usize = 14;

/// What happens to a table or column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    Same,
    New,
    Dropped,
    /// It gets or had another name or definition, in a few words.
    Changed(String),
}

impl Mark {
    /// What happens, in a few words; nothing if nothing does.
    pub fn words(&self) -> &str {
        match self {
            Self::Same => "",
            Self::New => "new",
            Self::Dropped => "dropped",
            Self::Changed(how) => how,
        }
    }

    /// The class of a drawing.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::New => "new",
            Self::Dropped => "dropped",
            Self::Changed(_) => "changed",
        }
    }
}

#[derive(Debug, Clone)]
pub struct ColumnBox {
    pub name: String,
    pub declared: String,
    /// `PK`, `FK` or nothing.
    pub role: &'static str,
    pub mark: Mark,
}

#[derive(Debug, Clone)]
pub struct TableBox {
    pub name: String,
    pub mark: Mark,
    pub columns: Vec<ColumnBox>,
    /// How many columns are not.
    pub more: usize,
}

/// A foreign key between two tables of a diagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// The child: its place among the tables, and that of its first column among those shown.
    pub from: (usize, Option<usize>),
    /// The parent, likewise.
    pub to: (usize, Option<usize>),
}

#[derive(Debug, Clone, Default)]
pub struct Side {
    pub tables: Vec<TableBox>,
    /// The foreign keys between them.
    pub keys: Vec<KeyLine>,
    /// How many tables of the schema are not shown.
    pub hidden: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Schemas {
    pub before: Side,
    pub after: Side,
}

impl Schemas {
    /// Compares the schemas at both ends of a plan; the version tables are left out.
    pub fn of(plan: &Plan, versions: &VersionTables) -> Self {
        let (Some(first), Some(last)) = (plan.phases.first(), plan.phases.last()) else {
            return Self::default();
        };
        let provenance = provenance(&first.before, plan);
        let (before, after) = (&first.before, &last.after);
        let mut heirs = BTreeMap::new();
        for (name, table) in provenance.tables.iter().filter(|(name, _)| !versions.contains(name)) {
            // A copy beside the table itself is not what the table becomes.
            match same(name, &table.from) {
                true => heirs.insert(fold(&table.from), name.clone()),
                false => {
                    Some(heirs.entry(fold(&table.from)).or_insert_with(|| name.clone()).clone())
                }
            };
        }
        let ends = Ends { before, after, provenance, heirs };
        let old = boxes(before, versions, &|table| ends.old_box(table));
        let new = boxes(after, versions, &|table| ends.new_box(table));
        let (mut old_changed, mut new_changed) = (changed(&old), changed(&new));
        // A table that loses a column is shown without it, and one that gains a column as it was.
        for (from, to) in &ends.heirs {
            if old_changed.contains(from) || new_changed.contains(to) {
                old_changed.insert(from.clone());
                new_changed.insert(to.clone());
            }
        }
        Self { before: side(old, &old_changed), after: side(new, &new_changed) }
    }
}

struct Ends<'s> {
    before: &'s Schema,
    after: &'s Schema,
    provenance: Provenance,
    /// What each old table becomes, both names folded.
    heirs: BTreeMap<String, String>,
}

impl Ends<'_> {
    /// Finds the table that an old one becomes, with the columns by their names before and after.
    fn heir<'e>(&'e self, old: &Table) -> Option<(&'e Table, &'e [(String, String)])> {
        let name = self.heirs.get(&fold(&old.name))?;
        let found = self.provenance.tables.get(name)?;
        Some((self.after.shape(name)?, &found.columns))
    }

    fn old_box(&self, old: &Table) -> TableBox {
        let Some((new, pairs)) = self.heir(old) else {
            return table_box(old, Mark::Dropped, &|_| Mark::Same);
        };
        let mark = match old.name == new.name {
            true => Mark::Same,
            false => Mark::Changed(format!("becomes {}", new.name)),
        };
        table_box(old, mark, &|column| {
            let paired = pairs.iter().find(|(from, _)| same(from, &column.name));
            let name = paired.map_or(&column.name, |(_, to)| to);
            match new.column(name) {
                None => Mark::Dropped,
                Some(next) if next.name != column.name => {
                    Mark::Changed(format!("becomes {}", next.name))
                }
                Some(next) if differences(column, next).is_empty() => Mark::Same,
                Some(_) => Mark::Changed("changes".to_owned()),
            }
        })
    }

    fn new_box(&self, new: &Table) -> TableBox {
        let origin = self.provenance.tables.get(&fold(&new.name));
        let old = origin.and_then(|it| self.before.shape(&it.from));
        let (Some(origin), Some(old)) = (origin, old) else {
            return table_box(new, Mark::New, &|_| Mark::Same);
        };
        let mark = match old.name == new.name {
            true => Mark::Same,
            false => Mark::Changed(format!("was {}", old.name)),
        };
        table_box(new, mark, &|column| {
            let paired = origin.columns.iter().find(|(_, to)| same(to, &column.name));
            let computed = origin.changed.iter().any(|it| same(it, &column.name));
            let name = paired.map_or(&column.name, |(from, _)| from);
            let Some(before) = old.column(name) else {
                return if computed { Mark::Changed("computed".to_owned()) } else { Mark::New };
            };
            let mut words = Vec::new();
            if before.name != column.name {
                words.push(format!("was {}", before.name));
            }
            words.extend(differences(before, column));
            if computed {
                words.push("new values".to_owned());
            }
            if words.is_empty() { Mark::Same } else { Mark::Changed(words.join(", ")) }
        })
    }
}

/// Says what is different in the definition of a column besides its name.
fn differences(before: &Column, after: &Column) -> Vec<String> {
    let mut words = Vec::new();
    if !before.declared.eq_ignore_ascii_case(&after.declared) {
        words.push(format!("was {}", typed(&before.declared)));
    }
    match (before.not_null, after.not_null) {
        (false, true) => words.push("NOT NULL".to_owned()),
        (true, false) => words.push("may be NULL".to_owned()),
        (true, true) | (false, false) => {}
    }
    if before.default != after.default {
        words.push(match &after.default {
            Some(default) => format!("DEFAULT {default}"),
            None => "no DEFAULT".to_owned(),
        });
    }
    if before.storage != after.storage && after.storage != ColumnStorage::Stored {
        words.push("generated".to_owned());
    }
    words
}

fn table_box(table: &Table, mark: Mark, mark_of: &dyn Fn(&Column) -> Mark) -> TableBox {
    let columns: Vec<&Column> =
        table.columns.iter().filter(|it| it.storage != ColumnStorage::Hidden).collect();
    let referring = |column: &Column| {
        table.foreign_keys.iter().any(|key| key.columns.iter().any(|it| same(it, &column.name)))
    };
    let all: Vec<ColumnBox> = columns
        .iter()
        .map(|column| ColumnBox {
            name: column.name.clone(),
            declared: column.declared.clone(),
            role: match (column.key > 0, referring(column)) {
                (true, _) => "PK",
                (false, true) => "FK",
                (false, false) => "",
            },
            mark: mark_of(column),
        })
        .collect();
    let whole = matches!(mark, Mark::New | Mark::Dropped);
    let most = if whole { MOST_COLUMNS } else { WHOLE };
    let count = all.len();
    let mut shown = all;
    if count > most {
        let telling = |it: &ColumnBox| !it.role.is_empty() || (!whole && it.mark != Mark::Same);
        let mut room = if whole { MOST_COLUMNS } else { 0 };
        shown.retain(|it| {
            let fits = room > 0;
            room = room.saturating_sub(1);
            telling(it) || fits
        });
    }
    let more = count - shown.len();
    TableBox { name: table.name.clone(), mark, columns: shown, more }
}

impl TableBox {
    /// Returns whether anything happens to the table.
    fn changes(&self) -> bool {
        self.mark != Mark::Same || self.columns.iter().any(|it| it.mark != Mark::Same)
    }
}

fn boxes<'s>(
    schema: &'s Schema,
    versions: &VersionTables,
    draw: &dyn Fn(&Table) -> TableBox,
) -> Vec<(&'s Table, TableBox)> {
    let is_shown = |kind| matches!(kind, ObjectKind::Table | ObjectKind::VirtualTable);
    let own = schema
        .objects
        .iter()
        .filter(|it| is_shown(it.kind) && !versions.contains(&it.name) && !is_internal(&it.name));
    own.filter_map(|it| schema.shape(&it.name)).map(|it| (it, draw(it))).collect()
}

/// The tables that something happens to, by their folded names.
fn changed(tables: &[(&Table, TableBox)]) -> BTreeSet<String> {
    tables.iter().filter(|(_, it)| it.changes()).map(|(table, _)| fold(&table.name)).collect()
}

fn side(tables: Vec<(&Table, TableBox)>, changed: &BTreeSet<String>) -> Side {
    // A table next to a changed one is shown for the foreign key between them.
    let parents: BTreeSet<String> = tables
        .iter()
        .filter(|(table, _)| changed.contains(&fold(&table.name)))
        .flat_map(|(table, _)| table.foreign_keys.iter().map(|key| fold(&key.parent)))
        .collect();
    let count = tables.len();
    let beside = |table: &Table| {
        parents.contains(&fold(&table.name))
            || table.foreign_keys.iter().any(|key| changed.contains(&fold(&key.parent)))
    };
    let (mut shown, mut neighbours) = (Vec::new(), Vec::new());
    for (table, drawn) in tables {
        match changed.contains(&fold(&table.name)) {
            true => shown.push((table, drawn)),
            false if changed.len() <= MOST_TABLES && beside(table) => {
                neighbours.push((table, drawn));
            }
            false => {}
        }
    }
    shown.extend(neighbours);
    shown.truncate(MOST_TABLES);
    let keys = keys(&shown);
    let hidden = count - shown.len();
    Side { tables: shown.into_iter().map(|(_, it)| it).collect(), keys, hidden }
}

fn keys(shown: &[(&Table, TableBox)]) -> Vec<KeyLine> {
    let row = |at: usize, column: Option<&str>| {
        let column = column?;
        shown[at].1.columns.iter().position(|it| same(&it.name, column))
    };
    let mut lines = Vec::new();
    for (child, (table, _)) in shown.iter().enumerate() {
        for key in &table.foreign_keys {
            let parent = shown.iter().position(|(it, _)| same(&it.name, &key.parent));
            let Some(parent) = parent else { continue };
            let primary = shown[parent].0.primary_key();
            let named = key.parent_columns.first().map(String::as_str);
            let to = named.or_else(|| primary.first().copied());
            let from = key.columns.first().map(String::as_str);
            lines.push(KeyLine { from: (child, row(child, from)), to: (parent, row(parent, to)) });
        }
    }
    lines
}
