//! The verdict: the clone after the command against the backup from before it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::definitions::TablePair;
use super::expected::Expected;
use super::finding::{Addition, Finding, ObjectChange, TableVerdict, Verdict};
use super::guess::{guess, guess_index};
use super::map::ChangeMap;
use super::rows::{RowPair, count_values, rows_of};
use super::state;
use crate::compare::{SchemaComparison, compare_schemas};
use crate::database::{Database, Identity};
use crate::error::Result;
use crate::event::{Interrupt, Observer};
use crate::name::{fold, same};
use crate::proof::foreign_key_violations;
use crate::rows::{MatchSide, match_rows};
use crate::schema::{
    ColumnOrder, ColumnStorage, Content, Object, ObjectKind, Schema, Table, meaning_of, read,
    same_virtual_meaning,
};
use crate::shadow::uncompilable;

/// Tables in which migration tools record their runs, each with a column by which it is known.
const BOOKKEEPING: [(&str, &str); 13] = [
    ("alembic_version", "version_num"),
    ("django_migrations", "applied"),
    ("schema_migrations", "version"),
    ("_prisma_migrations", "migration_name"),
    ("__drizzle_migrations", "hash"),
    ("knex_migrations", "migration_time"),
    ("knex_migrations_lock", "is_locked"),
    ("goose_db_version", "version_id"),
    ("__diesel_schema_migrations", "run_on"),
    ("refinery_schema_history", "applied_on"),
    ("_sqlx_migrations", "installed_on"),
    ("flyway_schema_history", "installed_rank"),
    ("_sqlite_utils_migrations", "applied_at"),
];

/// The database before and after the command.
pub(super) struct Sides<'a> {
    pub(super) old: (&'a Database, &'a Identity),
    pub(super) new: (&'a Database, &'a Identity),
}

/// Compares everything.
///
/// # Errors
/// Whatever SQLite reports; a comparison that cannot be made is an error, not a clean verdict.
pub(super) fn assess(
    sides: &Sides<'_>,
    map: &ChangeMap,
    observer: &mut dyn Observer,
) -> Result<Verdict> {
    let (old, new) = (sides.old.0.connection(), sides.new.0.connection());
    let (before, now) = (read(old)?, read(new)?);
    let interrupt = &sides.old.0.options().interrupt;
    let mut guessed = guess((old, &before), (new, &now), map, interrupt)?;
    let expected = match Expected::of(&before, &guessed) {
        Ok(expected) => expected,
        // A guess that cannot be applied is none.
        Err(_) if guessed != *map => {
            guessed = map.clone();
            Expected::of(&before, map)?
        }
        Err(error) => return Err(error),
    };
    let mut assess = Assessment {
        old: (old, &before),
        new: (new, &now),
        kept: compare_schemas(&expected.kept, &now, ColumnOrder::Same),
        followed: compare_schemas(&expected.followed, &now, ColumnOrder::Same),
        expected: &expected,
        map,
        names: &guessed,
        interrupt,
        survivors: Vec::new(),
        indexes: BTreeMap::new(),
        found: Collected::default(),
    };
    assess.found.findings.extend(state::properties(sides.old.1, sides.new.1));
    assess.tables(observer)?;
    assess.virtual_tables()?;
    assess.objects();
    assess.additions();
    assess.state()?;
    assess.broken()?;
    Ok(assess.found.sorted(map))
}

#[derive(Default)]
struct Collected {
    findings: Vec<Finding>,
    /// What follows from a drop that the map declares.
    implied: Vec<Finding>,
    additions: Vec<Addition>,
    tables: Vec<TableVerdict>,
}

impl Collected {
    fn sorted(self, map: &ChangeMap) -> Verdict {
        let (mut declared, mut findings): (Vec<_>, Vec<_>) =
            self.findings.into_iter().partition(|it| map.declares(it));
        declared.extend(self.implied);
        findings.sort_by_key(Finding::rank);
        Verdict {
            findings,
            declared,
            additions: self.additions,
            tables: self.tables,
            same_bytes: false,
        }
    }
}

struct Assessment<'a> {
    old: (&'a Connection, &'a Schema),
    new: (&'a Connection, &'a Schema),
    expected: &'a Expected,
    /// How the schema now compares with what is expected, if views keep what they hand out.
    kept: SchemaComparison,
    /// The same, if views follow the renames.
    followed: SchemaComparison,
    map: &'a ChangeMap,
    /// The names that things have now: those of the map, and those that were guessed.
    names: &'a ChangeMap,
    interrupt: &'a Interrupt,
    /// The tables that are still there: before, now.
    survivors: Vec<(String, String)>,
    /// The indexes that are still there, folded: before, now.
    indexes: BTreeMap<String, String>,
    found: Collected,
}

impl Assessment<'_> {
    fn tables(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let (old, new, names) = (self.old, self.new, self.names);
        for object in old.1.of_kind(ObjectKind::Table) {
            self.interrupt.check()?;
            let name = &object.name;
            let to = names.table(name);
            let Some(other) = new.1.find(ObjectKind::Table, to) else {
                self.lose_table(object);
                continue;
            };
            if !same(self.map.table(name), to) {
                let (table, to) = (name.clone(), other.name.clone());
                self.found.findings.push(Finding::RenamedTable { table, to });
            }
            self.note_rename(name, (name, self.map.table(name)), &other.name);
            self.survivors.push((name.clone(), other.name.clone()));
            self.definition(object, other);
            let shapes = old.1.shape(name).zip(new.1.shape(&other.name));
            let Some((shape, other_shape)) = shapes else { continue };
            self.columns(shape, other_shape)?;
            self.rows(shape, other_shape, observer)?;
        }
        Ok(())
    }

    /// Lists something that has the name which the map gives it.
    fn note_rename(&mut self, object: &str, (was, declared): (&str, &str), is: &str) {
        if was != declared && same(declared, is) {
            let (object, to) = (object.to_owned(), is.to_owned());
            self.found.additions.push(Addition::Renamed { object, to });
        }
    }

    fn lose_table(&mut self, object: &Object) {
        let parts = [ObjectKind::Index, ObjectKind::Trigger]
            .into_iter()
            .flat_map(|kind| self.old.1.belonging(kind, &object.name))
            .filter(|it| it.sql.is_some())
            .count();
        self.found.findings.push(Finding::Table {
            table: object.name.clone(),
            rows: rows_of(self.old.0, &object.name),
            parts: parts as u64,
        });
    }

    fn definition(&mut self, object: &Object, other: &Object) {
        let expected = &self.expected.kept;
        let to = self.names.table(&object.name);
        let Some(old) = expected.find(ObjectKind::Table, to) else { return };
        let shape = self.old.1.shape(&object.name);
        let columns = shape.map(|it| it.columns.iter().map(|it| it.name.clone()).collect());
        let dropped = self.map.dropped_columns(&object.name);
        let pair = TablePair {
            expected,
            now: self.new.1,
            old,
            new: other,
            name: &object.name,
            column_names: columns.unwrap_or_default(),
            dropped: dropped.into_iter().map(fold).collect(),
        };
        let same =
            self.kept.objects.iter().any(|it| {
                it.kind == ObjectKind::Table && same(&it.name, &old.name) && !it.differs()
            });
        let found = if same { pair.comments() } else { pair.compare() };
        self.found.findings.extend(found.findings);
        self.found.additions.extend(found.additions);
    }

    fn columns(&mut self, old: &Table, new: &Table) -> Result<()> {
        let rows = rows_of(self.old.0, &old.name);
        for column in &old.columns {
            let to = self.names.column(&old.name, &column.name);
            let (table, name) = (old.name.clone(), column.name.clone());
            match new.column(to) {
                None => {
                    // A generated column may need functions that this program lacks.
                    let values = count_values(self.old.0, &old.name, &name).unwrap_or(rows);
                    let finding = Finding::Column { table, column: name, values, of: rows };
                    self.found.findings.push(finding);
                }
                Some(other) if !same(self.map.column(&table, &name), &other.name) => {
                    let to = other.name.clone();
                    self.found.findings.push(Finding::RenamedColumn { table, column: name, to });
                }
                Some(other) => {
                    let object = format!("{table}.{name}");
                    let declared = self.map.column(&table, &name);
                    self.note_rename(&object, (&name, declared), &other.name);
                }
            }
        }
        for column in &new.columns {
            let known = old
                .columns
                .iter()
                .any(|it| same(self.names.column(&old.name, &it.name), &column.name));
            if !known {
                let (table, column) = (new.name.clone(), column.name.clone());
                self.found.additions.push(Addition::Column { table, column });
            }
        }
        Ok(())
    }

    fn rows(&mut self, old: &Table, new: &Table, observer: &mut dyn Observer) -> Result<()> {
        let both = |column: &crate::schema::Column| {
            let other = new.column(self.names.column(&old.name, &column.name))?;
            Some((column.name.clone(), other.name.clone()))
        };
        let stored = old.columns.iter().filter(|it| it.storage == ColumnStorage::Stored);
        let columns = stored.filter_map(both).collect();
        let pair = RowPair { old: (self.old.0, old), new: (self.new.0, new), columns };
        let found = pair.compare(self.interrupt, observer)?;
        let differs = !found.findings.is_empty() || !found.additions.is_empty();
        if is_bookkeeping(old) && differs {
            let rows = (rows_of(self.old.0, &old.name), rows_of(self.new.0, &new.name));
            let table = new.name.clone();
            self.found.additions.push(Addition::Bookkeeping { table, rows });
        } else {
            self.found.findings.extend(found.findings);
            self.found.additions.extend(found.additions);
        }
        self.found.tables.push(found.verdict);
        Ok(())
    }

    fn virtual_tables(&mut self) -> Result<()> {
        for object in self.old.1.of_kind(ObjectKind::VirtualTable) {
            let to = self.names.table(&object.name);
            let Some(other) = self.new.1.find(ObjectKind::VirtualTable, to) else {
                self.lose_table(object);
                continue;
            };
            self.survivors.push((object.name.clone(), other.name.clone()));
            let text = |object: &Object| object.sql.clone().unwrap_or_default();
            let expected = self.expected.kept.find(ObjectKind::VirtualTable, to);
            let was = expected.map_or_else(|| text(object), text);
            if !same_virtual_meaning(&was, &text(other)) {
                self.differs(object, (was, text(other)));
            }
            self.virtual_rows(object, other)?;
        }
        Ok(())
    }

    /// A virtual table is judged by the rows that its module gives out, whatever it stores.
    fn virtual_rows(&mut self, object: &Object, other: &Object) -> Result<()> {
        let kind = self.old.1.virtual_table(&object.name);
        if kind.is_none_or(|it| it.content != Content::Own) {
            return Ok(());
        }
        let shapes = self.old.1.shape(&object.name).zip(self.new.1.shape(&other.name));
        let Some((old, new)) = shapes else { return Ok(()) };
        let shown = |table: &Table| -> Vec<String> {
            let columns = table.columns.iter().filter(|it| it.storage == ColumnStorage::Stored);
            columns.map(|it| it.name.clone()).collect()
        };
        let columns = shown(old);
        // A module that this program lacks gives out nothing: its tables are compared as they are stored.
        if columns.is_empty() || columns.len() != shown(new).len() {
            return Ok(());
        }
        let side =
            |connection, table, columns| MatchSide { connection, table, keys: Vec::new(), columns };
        let left = side(self.old.0, old.name.as_str(), columns);
        let right = side(self.new.0, new.name.as_str(), shown(new));
        let interrupt = self.interrupt;
        let matched = match_rows(&left, &right, &mut |_| interrupt.check())?;
        let (table, of) = (old.name.clone(), matched.equal + matched.lost);
        if matched.lost > 0 {
            self.found.findings.push(Finding::Rows { table, rows: matched.lost, of });
        }
        Ok(())
    }

    fn differs(&mut self, object: &Object, (was, is): (String, String)) {
        let change = ObjectChange::Differs { was, is };
        self.found.findings.push(of_object(object, change));
    }

    /// Indexes, views and triggers.
    fn objects(&mut self) {
        for kind in [ObjectKind::Index, ObjectKind::View, ObjectKind::Trigger] {
            for object in self.old.1.of_kind(kind).filter(|it| it.sql.is_some()) {
                self.object(object);
            }
        }
    }

    fn object(&mut self, object: &Object) {
        let owner_is_there = self.survivors.iter().any(|(old, _)| same(old, &object.table))
            || self.old.1.find(ObjectKind::View, &object.table).is_some();
        // What belongs to a table that is gone is counted with it.
        if object.kind != ObjectKind::View && !owner_is_there {
            return;
        }
        let name = self.index_name(object);
        let Some(other) = self.new.1.find(object.kind, &name) else {
            let renamed = match object.kind {
                ObjectKind::Index => guess_index(&self.expected.kept, self.new.1, &name),
                _ => None,
            };
            let change = renamed.map_or(ObjectChange::Dropped, ObjectChange::Renamed);
            if let ObjectChange::Renamed(to) = &change {
                self.indexes.insert(fold(&object.name), fold(to));
            }
            let finding = of_object(object, change);
            match self.reads_dropped(object) {
                true => self.found.implied.push(finding),
                false => self.found.findings.push(finding),
            }
            return;
        };
        let is = other.sql.clone().unwrap_or_default();
        self.note_rename(&object.name, (&object.name, &name), &other.name);
        let fits = |comparison: &SchemaComparison| {
            let mut all = comparison.objects.iter();
            all.any(|it| it.kind == object.kind && same(&it.name, &name) && !it.differs())
        };
        if fits(&self.kept) || fits(&self.followed) {
            self.indexes.insert(fold(&object.name), fold(&other.name));
        } else {
            let expected = self.expected.kept.find(object.kind, &name).unwrap_or(object);
            let was = expected.sql.clone().unwrap_or_default();
            self.differs(object, (was, is));
        }
    }

    /// The name that an index is expected to have; other objects keep theirs.
    fn index_name(&self, object: &Object) -> String {
        let renamed = self.names.indexes.iter().find(|(from, _)| same(from, &object.name));
        match (object.kind, renamed) {
            (ObjectKind::Index, Some((_, to))) => to.clone(),
            _ => object.name.clone(),
        }
    }

    /// Returns whether an index is over a column that the map drops.
    fn reads_dropped(&self, object: &Object) -> bool {
        let meaning = meaning_of(object.sql.as_deref().unwrap_or_default());
        let dropped = self.map.dropped_columns(&object.table);
        object.kind == ObjectKind::Index
            && dropped.iter().any(|it| meaning.contains(&format!(" n {} ", fold(it))))
    }

    fn additions(&mut self) {
        let (old, new) = (self.old.1, self.new.1);
        for object in new.objects.iter().filter(|it| it.sql.is_some()) {
            let name = object.name.clone();
            let known = match object.kind {
                ObjectKind::Table | ObjectKind::VirtualTable => {
                    self.survivors.iter().any(|(_, now)| same(now, &name))
                }
                ObjectKind::ShadowTable => true,
                ObjectKind::Index => self.is_known_index(&name),
                ObjectKind::View | ObjectKind::Trigger => old.find(object.kind, &name).is_some(),
            };
            if !known {
                self.found.additions.push(match object.kind {
                    ObjectKind::Table => {
                        Addition::Table { rows: rows_of(self.new.0, &name), table: name }
                    }
                    kind => Addition::Object { kind, name },
                });
            }
        }
    }

    /// Returns whether an index has the name of one from before, or took the place of one.
    fn is_known_index(&self, name: &str) -> bool {
        let expected = &self.expected.kept;
        expected.find(ObjectKind::Index, name).is_some()
            || self.indexes.values().any(|it| *it == fold(name))
    }

    /// The indexes that SQLite made for constraints are called like their tables
    /// (<https://sqlite.org/fileformat2.html#intschema>).
    fn automatic_indexes(&mut self) {
        for index in self.old.1.internal.iter().filter(|it| it.kind == ObjectKind::Index) {
            let survivor = self.survivors.iter().find(|(old, _)| same(old, &index.table));
            let number = index.name.rsplit_once('_').map(|(_, number)| number);
            let Some(((_, now), number)) = survivor.zip(number) else { continue };
            let name = format!("sqlite_autoindex_{now}_{number}");
            if self.new.1.internal.iter().any(|it| same(&it.name, &name)) {
                self.indexes.insert(fold(&index.name), fold(&name));
            }
        }
    }

    /// Counters, statistics, and rows without a parent.
    fn state(&mut self) -> Result<()> {
        self.automatic_indexes();
        let tables = &self.survivors;
        self.found.findings.extend(state::counters(self.old, self.new, tables)?);
        let (findings, additions) = state::statistics(self.old, self.new, tables, &self.indexes)?;
        self.found.findings.extend(findings);
        self.found.additions.extend(additions);
        let before = foreign_key_violations(self.old.0, self.old.1)?;
        let now = foreign_key_violations(self.new.0, self.new.1)?;
        let name_before = |table: &str| self.name_before(table);
        let new = now.new_since(self.new.0, (self.old.0, &before), &name_before)?;
        let mut orphans: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for violation in new {
            let table = self.name_before(&violation.table);
            orphans.entry(table).or_default().push(violation.to_string());
        }
        let orphans = orphans.into_iter().map(|(table, rows)| Finding::Orphans { table, rows });
        self.found.findings.extend(orphans);
        Ok(())
    }

    fn name_before(&self, table: &str) -> String {
        let known = self.survivors.iter().find(|(_, now)| same(now, table));
        fold(known.map_or(table, |(old, _)| old))
    }

    /// Views and triggers that compiled before, have the same text, and do not compile any more.
    fn broken(&mut self) -> Result<()> {
        let before = uncompilable(self.old.0, self.old.1)?;
        let now = uncompilable(self.new.0, self.new.1)?;
        let reported: BTreeSet<String> =
            self.found.findings.iter().map(|it| fold(&it.object())).collect();
        for (name, message) in now {
            let before_name = self.name_before(&name);
            if before.contains_key(&before_name) {
                continue;
            }
            let view = self.old.1.find(ObjectKind::View, &name);
            let triggers = self.old.1.belonging(ObjectKind::Trigger, &before_name);
            for object in view.into_iter().chain(triggers) {
                let is_there = self.new.1.find(object.kind, &object.name).is_some();
                if is_there && !reported.contains(&fold(&object.name)) {
                    let change = ObjectChange::Broken(message.clone());
                    self.found.findings.push(of_object(object, change));
                }
            }
        }
        Ok(())
    }
}

fn of_object(object: &Object, change: ObjectChange) -> Finding {
    let (kind, name, table) = (object.kind, object.name.clone(), object.table.clone());
    Finding::Object { kind, name, table, change }
}

fn is_bookkeeping(table: &Table) -> bool {
    BOOKKEEPING
        .iter()
        .any(|(name, column)| same(name, &table.name) && table.column(column).is_some())
}
